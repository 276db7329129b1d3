/* SPDX-License-Identifier: Apache-2.0 */
/* An order's JSON, checked before anything is sent. */
#include "agent/d1/internal.h"

#include "agent/upstream/rc.h"

#include <string.h>

bool cw_d1_is_id(const char *text, size_t max) {
        size_t len = text ? strlen(text) : 0;
        return len >= 1 && len <= max &&
               strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

bool cw_d1_card_path(const struct cw_d1 *d, const char *card_id, const char *tail, char *ret, size_t cap) {
        int n = snprintf(ret, cap, "/issuers/%s/physicalCards/%s%s", d->config->d1.issuer_id, card_id, tail);
        return n > 0 && (size_t)n < cap;
}

bool cw_d1_batch_path(const struct cw_d1 *d, char *ret, size_t cap) {
        static const char mark[] = "{issuerId}";
        const char *path = d->config->d1.batch_path, *at = strstr(path, mark);
        int n = at ? snprintf(ret, cap, "%.*s%s%s", (int)(at - path), path, d->config->d1.issuer_id,
                              at + sizeof mark - 1)
                   : snprintf(ret, cap, "%s", path);
        return n > 0 && (size_t)n < cap;
}

static cw_rc bad(struct cw_fault *f, const char *member, const char *what) {
        return cw_fail(f, CW_UP(REJECT, CW_E_SYNTAX), 0, "d1.order", CW_D1_CODE_REQUEST, "%s %s", member,
                       what);
}

static bool given(const char *text) {
        return text && *text;
}

static void put(json_t *object, const char *name, const char *value) {
        if (given(value))
                (void)json_object_set_new(object, name, json_string(value));
}

static void put_index(json_t *object, const char *name, int64_t index) {
        if (index >= 0)
                (void)json_object_set_new(object, name, json_integer(index));
}

/* Four parts that are not empty and one that is: the shape of a JWE with direct key agreement. */
static bool is_jwe(const char *text) {
        size_t dots = 0;
        for (const char *p = text; *p; p++)
                dots += *p == '.';
        return dots == 4 && strstr(text, "..") && text[0] != '.' && text[strlen(text) - 1] != '.' &&
               strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.") ==
                   strlen(text);
}

static cw_rc check(const struct cw_d1_order *o, struct cw_fault *f) {
        static const char *const issuances[] = {"CREATION", "RENEWAL", "REPLACEMENT"};
        bool known = false;
        for (size_t i = 0; i < sizeof issuances / sizeof issuances[0]; i++)
                known = known || (o->issuance && strcmp(o->issuance, issuances[i]) == 0);
        if (!cw_d1_is_id(o->card_id, CW_D1_CARD_ID_MAX))
                return bad(f, "cardId", "must be 1 to 48 letters, digits, '-' and '_'");
        if (!cw_d1_is_id(o->request_id, 64))
                return bad(f, "issuerRequestId", "must be 1 to 64 letters, digits, '-' and '_'");
        if (given(o->consumer_id) && !cw_d1_is_id(o->consumer_id, 64))
                return bad(f, "consumerId", "must be 1 to 64 letters, digits, '-' and '_'");
        if (!known)
                return bad(f, "services.issuance", "must be CREATION, RENEWAL or REPLACEMENT");
        if (!given(o->sealed) || strlen(o->sealed) > CW_D1_SEALED_MAX || !is_jwe(o->sealed))
                return bad(f, "encryptedData", "must be a compact JWE of at most 8192 characters");
        if (o->product->d1_channel == CW_D1_INSTANT && !given(o->product->d1_perso_station))
                return bad(f, "persoStation", "must be set for INSTANT (products[].d1_perso_station)");
        return CW_OK;
}

static json_t *services(const struct cw_d1_order *o) {
        json_t *s = json_pack("{s:s}", "issuance", o->issuance);
        if (o->product->d1_channel != CW_D1_INSTANT)
                put(s, "delivery", o->product->d1_delivery);
        return s;
}

static json_t *payment_application(const struct cw_config_product *p) {
        json_t *a = json_object();
        put(a, "config", p->d1_emv_config);
        put_index(a, "odaKeyIndex", p->d1_oda_key_index);
        put_index(a, "derivationKeyIndex", p->d1_derivation_key_index);
        put_index(a, "cvKeyIndex", p->d1_cv_key_index);
        put_index(a, "pvKeyIndex", p->d1_pv_key_index);
        return a;
}

/* Cards are sent to the branch, never to an address this machine would have to know. */
static json_t *shipment(const struct cw_config_d1 *c) {
        json_t *a = json_object();
        put(a, "companyName", c->address_company);
        put(a, "line1", c->address_line1);
        put(a, "zipCode", c->address_zip);
        put(a, "city", c->address_city);
        put(a, "countryCode", c->address_country);
        return json_pack("{s:o}", "deliveryAddress", a);
}

cw_rc cw_d1_body_card(const struct cw_config *config, const struct cw_d1_order *o, json_t **ret,
                      struct cw_fault *f) {
        static const char *const channels[] = {"THALES", "INSTANT", "CENTRAL"};
        cw_rc rc = check(o, f);
        if (rc != CW_OK)
                return rc;
        json_t *card = json_pack("{s:s}", "distributionChannel", channels[o->product->d1_channel]);
        if (o->product->d1_channel == CW_D1_INSTANT)
                put(card, "persoStation", o->product->d1_perso_station);
        put(card, "cardProductId", o->product->d1_product);
        put(card, "consumerId", o->consumer_id);
        put(card, "issuerRequestId", o->request_id);
        (void)json_object_set_new(card, "services", services(o));
        (void)json_object_set_new(card, "paymentApplication", payment_application(o->product));
        if (o->product->d1_channel == CW_D1_THALES)
                (void)json_object_set_new(card, "shipment", shipment(&config->d1));
        put(card, "encryptedData", o->sealed);
        if (!json_object_get(card, "encryptedData")) {
                json_decref(card);
                return cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, "d1.order", "", "no memory");
        }
        *ret = card;
        return CW_OK;
}
