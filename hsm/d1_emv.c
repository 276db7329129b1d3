/* SPDX-License-Identifier: Apache-2.0 */
/* A prepared EMV data set: checked as BER-TLV (EMV Book 3, annex B), the card's own elements added. */
#include "hsm/d1_card.h"

#include <string.h>

#define OP "hsm.d1_emv"

struct element {
        unsigned tag;
        struct cw_span value;
};

static cw_rc bad(struct cw_fault *f, const char *what) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, OP, "HSM_CARD_DATA",
                       "the prepared EMV data %s", what);
}

/* One element with a tag of one or two bytes and a length of at most two; bad stays set in r otherwise. */
static struct element next(struct cw_reader *r) {
        struct element e = {.tag = cw_get_u8(r)};
        if ((e.tag & 0x1f) == 0x1f)
                e.tag = e.tag << 8 | cw_get_u8(r);
        size_t len = cw_get_u8(r);
        if (len == 0x81)
                len = cw_get_u8(r);
        else if (len >= 0x80)
                r->bad = true;
        e.value = cw_get_bytes(r, len);
        r->bad = r->bad || e.tag == 0 || (e.tag > 0xff && (e.tag & 0x80) != 0);
        return e;
}

/* Packed digits, F to a whole byte. */
static size_t pack(const char *digits, uint8_t *ret, size_t cap) {
        CW_WIPED(char, text, 24);
        size_t n = 0;
        (void)snprintf(text, sizeof(text), "%s%s", digits, strlen(digits) % 2 ? "F" : "");
        return cw_hex_decode(text, strlen(text), ret, cap, &n) ? n : 0;
}

struct own {
        size_t len;
        unsigned tag;
        uint8_t value[CW_TRACK_NAME_MAX + 1];
        bool seen;
};

static void own_elements(const struct cw_d1_card *card, struct own ret[4]) {
        CW_WIPED(char, date, 8);
        (void)snprintf(date, sizeof(date), "%s31", card->expiry);
        ret[0] = (struct own){.tag = 0x5a};
        ret[0].len = pack(card->pan.digits, ret[0].value, sizeof(ret[0].value));
        ret[1] = (struct own){.tag = 0x5f24};
        ret[1].len = pack(date, ret[1].value, sizeof(ret[1].value));
        ret[2] = (struct own){.tag = 0x5f34};
        ret[2].len = pack(card->psn, ret[2].value, sizeof(ret[2].value));
        ret[3] = (struct own){.tag = 0x5f20, .len = strlen(card->encoded_name)};
        memcpy(ret[3].value, card->encoded_name, ret[3].len);
}

/* What the template says itself must be true of this card; an expiry day and a name may differ. */
static const char *compare(const struct element *e, struct own own[4]) {
        for (unsigned i = 0; i < 4; i++) {
                if (own[i].tag != e->tag)
                        continue;
                if (own[i].seen)
                        return "have an element twice";
                own[i].seen = true;
                bool exact = e->tag == 0x5a || e->tag == 0x5f34;
                if (exact &&
                    (own[i].len != e->value.len || !cw_equal_ct(own[i].value, e->value.ptr, own[i].len)))
                        return "belong to another card";
        }
        return NULL;
}

static const char *check(struct cw_span tlv, struct own own[4]) {
        struct cw_reader r;
        cw_reader_init(&r, tlv.ptr, tlv.len);
        while (r.left > 0 && !r.bad) {
                struct element e = next(&r);
                const char *why = r.bad ? NULL : compare(&e, own);
                if (why != NULL)
                        return why;
        }
        return r.bad ? "are not BER-TLV" : NULL;
}

static void append(struct cw_writer *w, const struct own *o) {
        if (o->seen || o->len == 0)
                return;
        if (o->tag > 0xff)
                cw_put_u8(w, (uint8_t)(o->tag >> 8));
        cw_put_u8(w, (uint8_t)o->tag);
        cw_put_u8(w, (uint8_t)o->len);
        cw_put_bytes(w, o->value, o->len);
}

/* Hex without blanks and line ends; false when it does not fit or is not hex. */
static bool read_hex(const char *text, uint8_t *ret, size_t cap, size_t *ret_len) {
        char hex[2 * CW_D1_EMV_MAX];
        size_t n = 0;
        for (; *text; text++) {
                if (strchr(" \t\r\n", *text))
                        continue;
                if (n == sizeof(hex))
                        return false;
                hex[n++] = *text;
        }
        return cw_hex_decode(hex, n, ret, cap, ret_len);
}

cw_rc cw_d1_emv_data(const char *template, struct cw_d1_card *card, struct cw_fault *f) {
        CW_WIPED(uint8_t, tlv, CW_D1_EMV_MAX);
        CW_WIPED(struct own, own, 4);
        struct cw_writer w;
        size_t len = 0;
        if (!read_hex(template, tlv, CW_D1_EMV_MAX, &len))
                return bad(f, "are not hex, or too long");
        own_elements(card, own);
        const char *why = check(CW_SPAN(tlv, len), own);
        if (why != NULL)
                return bad(f, why);
        cw_writer_init(&w, tlv, CW_D1_EMV_MAX);
        w.len = len;
        for (unsigned i = 0; i < 4; i++)
                append(&w, &own[i]);
        if (w.bad || !cw_hex_encode(tlv, w.len, card->emv_data, sizeof(card->emv_data)))
                return bad(f, "are too long");
        return CW_OK;
}
