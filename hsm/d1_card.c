/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/d1_card.h"

#include <jansson.h>
#include <string.h>

#define OP "hsm.d1_card"
#define DIGITS "0123456789"

static cw_rc bad(struct cw_fault *f, const char *member, const char *what) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, OP, "HSM_CARD_DATA",
                       "%s of the card data %s", member, what);
}

/* ---- members ---- */

enum rule { PRINTABLE, DIGIT, TRACK, HEX };
struct member {
        const char *object, *name; /* object "" = the top */
        size_t offset, cap;
        size_t min; /* length when it is there; the longest is cap - 1 */
        enum rule rule;
};
#define MEMBER(object_, name_, m, min_, rule_)                                                               \
        { object_, name_, offsetof(struct cw_d1_card, m), sizeof(((struct cw_d1_card *)0)->m), min_, rule_ }

static const struct member members[] = {
    MEMBER("", "name", name, 1, PRINTABLE),
    MEMBER("", "secondName", second_name, 1, PRINTABLE),
    MEMBER("", "encodedName", encoded_name, 2, PRINTABLE),
    MEMBER("", "panSequenceNumber", psn, 2, DIGIT),
    MEMBER("", "cvv1", cvv1, 3, DIGIT),
    MEMBER("", "pvv", pvv, 4, DIGIT),
    MEMBER("", "effectiveDate", effective, 4, DIGIT),
    MEMBER("", "paymentAccountReference", account_reference, 1, PRINTABLE),
    MEMBER("trackData", "track1", track1, 1, TRACK),
    MEMBER("trackData", "track2", track2, 1, TRACK),
    MEMBER("trackData", "track3", track3, 1, TRACK),
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static bool char_fits(enum rule rule, unsigned char ch) {
        switch (rule) {
        case DIGIT:
                return ch >= '0' && ch <= '9';
        case HEX:
                return (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'F') || (ch >= 'a' && ch <= 'f');
        case TRACK: /* ISO/IEC 7811-6 set of track 1 */
                return ch >= 0x20 && ch <= 0x5f;
        case PRINTABLE:
                break;
        }
        return ch >= 0x20 && ch != 0x7f;
}

/* Copies a text that fits; false when it is there and does not. */
static bool take(const json_t *value, enum rule rule, size_t min, char *ret, size_t cap) {
        const char *text = json_string_value(value);
        size_t len = json_string_length(value);
        if (value == NULL || json_is_null(value))
                return true;
        if (text == NULL || len < min || len >= cap || strlen(text) != len)
                return false;
        for (size_t i = 0; i < len; i++)
                if (!char_fits(rule, (unsigned char)text[i]))
                        return false;
        memcpy(ret, text, len + 1);
        return true;
}

static cw_rc take_members(const struct cw_config_d1 *d, const json_t *json, struct cw_d1_card *card,
                          struct cw_fault *f) {
        for (size_t i = 0; i < MEMBERS; i++) {
                const struct member *m = &members[i];
                const json_t *from = m->object[0] ? json_object_get(json, m->object) : json;
                if (!take(json_object_get(from, m->name), m->rule, m->min, (char *)card + m->offset, m->cap))
                        return bad(f, m->name, "has a wrong length or characters that are not allowed");
        }
        if (d->csc_field[0] &&
            !take(json_object_get(json, d->csc_field), DIGIT, 3, card->csc, sizeof(card->csc)))
                return bad(f, d->csc_field, "must have 3 digits");
        if (d->emv_data_field[0] &&
            !take(json_object_get(json, d->emv_data_field), HEX, 2, card->emv_data, sizeof(card->emv_data)))
                return bad(f, d->emv_data_field, "must be hex");
        return CW_OK;
}

/* MMYY or YYMM as configured, to YYMM. */
static cw_rc take_expiry(const struct cw_config_d1 *d, const json_t *value, char ret[5], struct cw_fault *f) {
        CW_WIPED(char, text, 5);
        if (!json_is_string(value) || !take(value, DIGIT, 4, text, sizeof(text)))
                return bad(f, "exp", "must have 4 digits");
        bool mmyy = d->exp_order == CW_D1_EXP_MMYY;
        memcpy(ret, mmyy ? text + 2 : text, 2);
        memcpy(ret + 2, mmyy ? text : text + 2, 2);
        ret[4] = '\0';
        int month = (ret[2] - '0') * 10 + (ret[3] - '0');
        return month >= 1 && month <= 12 ? CW_OK : bad(f, "exp", "has no month; check d1.exp_order");
}

static cw_rc read_card(const struct cw_config_d1 *d, const json_t *json, struct cw_d1_card *card,
                       struct cw_fault *f) {
        const json_t *pan = json_object_get(json, "pan");
        memcpy(card->psn, "00", 3);
        if (!json_is_string(pan) ||
            cw_pan_set(&card->pan, json_string_value(pan), json_string_length(pan), NULL) != CW_OK)
                return bad(f, "pan", "is not a card number of 12 to 19 digits with a right check digit");
        cw_rc rc = take_expiry(d, json_object_get(json, "exp"), card->expiry, f);
        if (rc == CW_OK)
                rc = take_members(d, json, card, f);
        if (rc == CW_OK && card->cvv1[0] && strcmp(card->cvv1, card->csc) == 0)
                rc = bad(f, "cvv1", "is the same as the code that is printed");
        return rc;
}

cw_rc cw_d1_card_parse(const struct cw_config_d1 *d, struct cw_span clear, struct cw_d1_card *ret,
                       struct cw_fault *f) {
        CW_AUTO_JSON json_t *json =
            json_loadb((const char *)clear.ptr, clear.len, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(json))
                return bad(f, "the object", "is not JSON");
        CW_WIPED(struct cw_d1_card, card, 1);
        cw_rc rc = read_card(d, json, card, f);
        if (rc == CW_OK)
                *ret = *card;
        return rc;
}

/* ---- writing ---- */

static void put_text(struct cw_writer *w, const char *text) {
        cw_put_bytes(w, text, strlen(text));
}

static void put_quoted(struct cw_writer *w, const char *text) {
        cw_put_u8(w, '"');
        for (const char *p = text; *p; p++) {
                if (*p == '"' || *p == '\\')
                        cw_put_u8(w, '\\');
                cw_put_u8(w, (uint8_t)*p);
        }
        cw_put_u8(w, '"');
}

static void put_member(struct cw_writer *w, const char *name, const char *value) {
        if (!name[0] || !value[0])
                return;
        if (w->len > 0 && w->ptr[w->len - 1] != '{')
                cw_put_u8(w, ',');
        put_quoted(w, name);
        cw_put_u8(w, ':');
        put_quoted(w, value);
}

static void put_expiry(const struct cw_config_d1 *d, struct cw_writer *w, const char expiry[5]) {
        bool mmyy = d->exp_order == CW_D1_EXP_MMYY;
        char text[5] = {expiry[mmyy ? 2 : 0], expiry[mmyy ? 3 : 1], expiry[mmyy ? 0 : 2],
                        expiry[mmyy ? 1 : 3]};
        put_member(w, "exp", text);
}

static void put_tracks(struct cw_writer *w, const struct cw_d1_card *card) {
        if (!card->track1[0] && !card->track2[0] && !card->track3[0])
                return;
        put_text(w, ",\"trackData\":{");
        put_member(w, "track1", card->track1);
        put_member(w, "track2", card->track2);
        put_member(w, "track3", card->track3);
        cw_put_u8(w, '}');
}

cw_rc cw_d1_card_write(const struct cw_config_d1 *d, const struct cw_d1_card *card, struct cw_secret *ret,
                       struct cw_fault *f) {
        struct cw_writer w;
        cw_writer_init(&w, ret->ptr, ret->cap);
        cw_put_u8(&w, '{');
        put_member(&w, "pan", card->pan.digits);
        put_expiry(d, &w, card->expiry);
        for (size_t i = 0; i < MEMBERS; i++)
                if (!members[i].object[0])
                        put_member(&w, members[i].name, (const char *)card + members[i].offset);
        put_member(&w, d->csc_field, card->csc);
        put_member(&w, d->emv_data_field, card->emv_data);
        put_tracks(&w, card);
        cw_put_u8(&w, '}');
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), 0, OP, "HSM_CARD_DATA",
                               "the card data are longer than D1 takes");
        ret->len = w.len;
        return CW_OK;
}

/* ---- tracks ---- */

cw_rc cw_d1_pattern(const char *pattern, const char *cvv, const char *pvv, char *ret, size_t cap,
                    struct cw_fault *f) {
        struct cw_writer w;
        cw_writer_init(&w, ret, cap);
        for (const char *p = pattern; *p;) {
                size_t len = strcspn(p, "|");
                const char *value = len != 3                    ? NULL
                                    : strncmp(p, "cvv", 3) == 0 ? cvv
                                    : strncmp(p, "pvv", 3) == 0 ? pvv
                                                                : NULL;
                if (value != NULL && !value[0])
                        return bad(f, "the track pattern",
                                   "wants a cvv or pvv that the card data do not have");
                if (value == NULL && (len == 0 || strspn(p, DIGITS) < len))
                        return bad(f, "the track pattern", "may have digits, cvv and pvv, with | between");
                cw_put_bytes(&w, value ? value : p, value ? strlen(value) : len);
                p += len + (p[len] == '|');
        }
        cw_put_u8(&w, 0);
        return w.bad ? bad(f, "the track pattern", "is too long") : CW_OK;
}

cw_rc cw_d1_tracks(struct cw_d1_card *card, const char *service_code, const char *discretionary,
                   struct cw_fault *f) {
        const struct cw_track_data t = {.pan = card->pan.digits,
                                        .expiry = card->expiry,
                                        .service_code = service_code,
                                        .track_name = card->encoded_name,
                                        .discretionary = discretionary};
        cw_rc rc = cw_track1(&t, "", card->track1, f);
        return rc != CW_OK ? rc : cw_track2(&t, "", card->track2, f);
}
