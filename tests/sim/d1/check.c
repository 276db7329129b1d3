/* SPDX-License-Identifier: Apache-2.0 */
/* The request schemas of the order API, strictly: a member nobody documents is refused. */
#include "d1sim.h"

#include <stdio.h>
#include <string.h>

bool d1sim_is_id(const char *text, size_t max) {
        size_t n = strlen(text);
        return n >= 1 && n <= max &&
               strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static bool one_of(const char *text, const char *words) {
        size_t n = strlen(text);
        for (const char *w = words; *w; w += strcspn(w, " ") + (w[strcspn(w, " ")] == ' '))
                if (strcspn(w, " ") == n && strncmp(w, text, n) == 0)
                        return true;
        return false;
}

/* The first member that is not among words. */
static const char *stranger(const json_t *object, const char *words) {
        const char *name = NULL;
        json_t *value = NULL;
        json_object_foreach((json_t *)(uintptr_t)object, name, value) {
                if (!one_of(name, words))
                        return name;
        }
        return NULL;
}

static bool digits(const char *text, size_t min, size_t max) {
        size_t n = strlen(text);
        return n >= min && n <= max && strspn(text, "0123456789") == n;
}

static bool luhn(const char *pan) {
        size_t n = strlen(pan), sum = 0;
        for (size_t i = 0; i < n; i++) {
                size_t d = (size_t)(pan[n - 1 - i] - '0');
                d = i % 2 ? 2 * d : d;
                sum += d > 9 ? d - 9 : d;
        }
        return sum % 10 == 0;
}

/* ---- card data ---- */

static const char *check_tracks(const json_t *clear, const char *pan) {
        const json_t *t = json_object_get(clear, "trackData");
        if (!t)
                return NULL;
        const char *track1 = d1sim_text(t, "track1"), *track2 = d1sim_text(t, "track2");
        size_t n = strlen(pan);
        if (stranger(t, "track1 track2 track3") || strlen(track2) > 37 || strlen(track1) > 76)
                return "trackData";
        if (*track2 && (strncmp(track2, pan, n) != 0 || track2[n] != '='))
                return "trackData.track2";
        return *track1 && (track1[0] != 'B' || strncmp(track1 + 1, pan, n) != 0) ? "trackData.track1" : NULL;
}

/* Hex of BER-TLV, one- and two-byte tags, lengths to 255; must name this card's number in 5A. */
static bool emv_ok(const char *hex, const char *pan) {
        char number[24];
        bool found = false;
        size_t n = strlen(hex), at = 0;
        (void)snprintf(number, sizeof number, "%s%s", pan, strlen(pan) % 2 ? "F" : "");
        while (at + 4 <= n) {
                unsigned tag = 0, len = 0;
                (void)sscanf(hex + at, "%2x", &tag);
                at += 2;
                if ((tag & 0x1f) == 0x1f)
                        at += 2;
                if (at + 2 > n || sscanf(hex + at, "%2x", &len) != 1)
                        return false;
                at += 2;
                if (len == 0x81 && at + 2 <= n) {
                        (void)sscanf(hex + at, "%2x", &len);
                        at += 2;
                }
                if (at + 2 * (size_t)len > n)
                        return false;
                if (tag == 0x5a)
                        found = strlen(number) == 2 * (size_t)len &&
                                strncmp(hex + at, number, 2 * (size_t)len) == 0;
                at += 2 * (size_t)len;
        }
        return at == n && found;
}

static const char *check_clear(struct d1sim *s, const json_t *clear, char *masked) {
        const char *pan = d1sim_text(clear, "pan"), *exp = d1sim_text(clear, "exp");
        const char *emv = d1sim_text(clear, "emvData");
        bool mmyy = strcmp(d1sim_text(s->config, "exp_order"), "mmyy") == 0;
        if (stranger(clear,
                     "pan exp name secondName encodedName cvv1 pvv paymentAccountReference panSequenceNumber "
                     "effectiveDate trackData emvData"))
                return "encryptedData";
        if (!digits(pan, 12, 19) || !luhn(pan))
                return "pan";
        if (!digits(exp, 4, 4))
                return "exp";
        int month = (exp[mmyy ? 0 : 2] - '0') * 10 + exp[mmyy ? 1 : 3] - '0';
        if (month < 1 || month > 12)
                return "exp";
        if (json_object_get(clear, "panSequenceNumber") &&
            !digits(d1sim_text(clear, "panSequenceNumber"), 2, 2))
                return "panSequenceNumber";
        if (strlen(d1sim_text(clear, "encodedName")) > 26)
                return "encodedName";
        if (json_object_get(clear, "cvv1") && !digits(d1sim_text(clear, "cvv1"), 3, 3))
                return "cvv1";
        if (*emv && !emv_ok(emv, pan))
                return "emvData";
        (void)snprintf(masked, 24, "%.6sXXXXXX%s", pan, pan + strlen(pan) - 4);
        return check_tracks(clear, pan);
}

/* ---- the order ---- */

static const char *check_services(const json_t *o, const char *channel) {
        const json_t *v = json_object_get(o, "services");
        bool instant = strcmp(channel, "INSTANT") == 0;
        if (!json_is_object(v) ||
            stranger(v, instant ? "issuance priority alphaCard pinMailer"
                                : "issuance priority delivery cardCarrier packaging pinMailer alphaCard"))
                return "services";
        return one_of(d1sim_text(v, "issuance"), "CREATION RENEWAL REPLACEMENT") ? NULL : "services.issuance";
}

static const char *check_application(const json_t *o) {
        static const char *const indexes[] = {"odaKeyIndex", "derivationKeyIndex", "cvKeyIndex",
                                              "pvKeyIndex"};
        const json_t *v = json_object_get(o, "paymentApplication");
        if (!json_is_object(v) || stranger(v, "config odaKeyIndex derivationKeyIndex cvKeyIndex pvKeyIndex"))
                return "paymentApplication";
        for (size_t i = 0; i < 4; i++)
                if (json_object_get(v, indexes[i]) && !json_is_integer(json_object_get(v, indexes[i])))
                        return indexes[i];
        return NULL;
}

static const char *check_shipment(const json_t *o, const char *channel) {
        const json_t *v = json_object_get(o, "shipment"), *a = json_object_get(v, "deliveryAddress");
        if (strcmp(channel, "THALES") != 0)
                return v ? "shipment" : NULL;
        if (stranger(a,
                     "title firstName lastName companyName line1 line2 line3 line4 zipCode city countryCode"))
                return "shipment.deliveryAddress";
        return *d1sim_text(a, "line1") && *d1sim_text(a, "city") && strlen(d1sim_text(a, "countryCode")) == 2
                   ? NULL
                   : "shipment.deliveryAddress";
}

bool d1sim_listed(const json_t *list, const char *word) {
        for (size_t i = 0; i < json_array_size(list); i++)
                if (strcmp(json_string_value(json_array_get(list, i)), word) == 0)
                        return true;
        return false;
}

static const char *check_values(struct d1sim *s, const json_t *o, const char *channel) {
        const char *station = d1sim_text(o, "persoStation"), *product = d1sim_text(o, "cardProductId");
        if (!one_of(channel, "THALES INSTANT CENTRAL"))
                return "distributionChannel";
        if ((strcmp(channel, "INSTANT") == 0) != (*station != '\0') ||
            (*station && !d1sim_listed(json_object_get(s->config, "stations"), station)))
                return "persoStation";
        return d1sim_listed(json_object_get(s->config, "products"), product) ? NULL : "cardProductId";
}

static const char *check_format(const json_t *o, bool batch, const char *channel) {
        const char *strange =
            stranger(o, "distributionChannel services encryptedData paymentApplication shipment "
                        "persoStation cardProductId consumerId issuerRequestId cardDesign "
                        "cardCarrierConfig cardId");
        if (!json_is_object(o) || strange)
                return strange ? strange : "body";
        if (batch ? !d1sim_is_id(d1sim_text(o, "cardId"), 48) : json_object_get(o, "cardId") != NULL)
                return "cardId";
        if (json_object_get(o, "consumerId") && !d1sim_is_id(d1sim_text(o, "consumerId"), 64))
                return "consumerId";
        if (json_object_get(o, "issuerRequestId") && !d1sim_is_id(d1sim_text(o, "issuerRequestId"), 64))
                return "issuerRequestId";
        const char *bad = check_services(o, channel);
        bad = bad ? bad : check_application(o);
        return bad ? bad : check_shipment(o, channel);
}

const char *d1sim_check_order(struct d1sim *s, const json_t *order, bool batch, const char **ret_code,
                              char *pan_masked) {
        const char *channel = d1sim_text(order, "distributionChannel"), *why = NULL;
        const json_t *card_data = json_object_get(s->config, "card_data");
        if (!*channel && !batch)
                channel = "THALES";
        *ret_code = "FIELD_INVALID_FORMAT";
        const char *bad = check_format(order, batch, channel);
        if (bad)
                return bad;
        CW_AUTO_JSON json_t *clear = d1sim_jwe_open(s->card_key, d1sim_text(card_data, "kid"),
                                                    d1sim_text(order, "encryptedData"), &why);
        if (!clear) {
                (void)fprintf(stderr, "d1-sim: encryptedData: %s\n", why);
                return "encryptedData";
        }
        *ret_code = "FIELD_INVALID_VALUE";
        bad = check_values(s, order, channel);
        return bad ? bad : check_clear(s, clear, pan_masked);
}
