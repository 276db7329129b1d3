/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/reader/part10.h"

#include <stdio.h>
#include <string.h>

#define PIN_MIN 4u
#define PIN_MAX 12u
#define LANGUAGE_EN_US 0x0409u

static cw_rc malformed(const char *what, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_SYNTAX), 0, "reader.part10", "PRT_SETUP_ERROR",
                       "the reader answers malformed %s; its driver does not follow PC/SC part 10: update it",
                       what);
}

/* Takes one tag, length, value; false at the end or when it is cut short (then *bad). */
static bool next_object(struct cw_span *rest, uint8_t *tag, struct cw_span *value, bool *bad) {
        if (rest->len == 0)
                return false;
        if (rest->len < 2 || rest->ptr[1] > rest->len - 2) {
                *bad = true;
                return false;
        }
        *tag = rest->ptr[0];
        *value = CW_SPAN(rest->ptr + 2, rest->ptr[1]);
        *rest = CW_SPAN(rest->ptr + 2 + value->len, rest->len - 2 - value->len);
        return true;
}

static uint32_t big_endian(struct cw_span v) {
        uint32_t n = 0;
        for (size_t i = 0; i < v.len; i++)
                n = n << 8 | v.ptr[i];
        return n;
}

cw_rc cw_part10_read_features(struct cw_span answer, struct cw_part10_features *ret, struct cw_fault *f) {
        struct cw_part10_features found = {0};
        struct cw_span value = {0};
        uint8_t tag = 0;
        bool bad = false;
        while (next_object(&answer, &tag, &value, &bad)) {
                if (value.len != 4)
                        return malformed("features", f);
                if (tag == 0x06)
                        found.verify_direct = big_endian(value);
                else if (tag == 0x07)
                        found.modify_direct = big_endian(value);
                else if (tag == 0x0a)
                        found.ifd_properties = big_endian(value);
                else if (tag == 0x0b)
                        found.abort = big_endian(value);
                else if (tag == 0x12)
                        found.tlv_properties = big_endian(value);
        }
        if (bad)
                return malformed("features", f);
        *ret = found;
        return CW_OK;
}

static bool little_endian(struct cw_span v, size_t max, uint32_t *ret) {
        uint32_t n = 0;
        if (v.len == 0 || v.len > max)
                return false;
        for (size_t i = v.len; i > 0; i--)
                n = n << 8 | v.ptr[i - 1];
        *ret = n;
        return true;
}

static void copy_text(struct cw_span v, char *ret, size_t cap) {
        size_t n = 0;
        for (size_t i = 0; i < v.len && n + 1 < cap; i++)
                if (v.ptr[i] >= 0x20 && v.ptr[i] < 0x7f)
                        ret[n++] = (char)v.ptr[i];
        ret[n] = '\0';
}

static bool take_property(uint8_t tag, struct cw_span v, struct cw_part10_properties *p) {
        uint32_t n = 0;
        bool one = v.len == 1 && little_endian(v, 1, &n), two = v.len == 2 && little_endian(v, 2, &n);
        switch (tag) {
        case 0x01:
                p->lcd_layout = (uint16_t)n;
                return two;
        case 0x02:
                p->entry_validation = (uint8_t)n;
                return one;
        case 0x03:
                p->timeout2 = (uint8_t)n;
                return one;
        case 0x06:
                p->pin_min = (uint8_t)n;
                return one;
        case 0x07:
                p->pin_max = (uint8_t)n;
                return one;
        case 0x08:
                copy_text(v, p->firmware, sizeof p->firmware);
                return true;
        case 0x0a:
                return little_endian(v, 4, &p->apdu_max);
        case 0x0b:
                p->vendor = (uint16_t)n;
                return two;
        case 0x0c:
                p->product = (uint16_t)n;
                return two;
        default:
                return true;
        }
}

cw_rc cw_part10_read_tlv(struct cw_span answer, struct cw_part10_properties *ret, struct cw_fault *f) {
        struct cw_part10_properties found = {0};
        struct cw_span value = {0};
        uint8_t tag = 0;
        bool bad = false;
        while (next_object(&answer, &tag, &value, &bad))
                if (!take_property(tag, value, &found))
                        return malformed("properties", f);
        if (bad)
                return malformed("properties", f);
        *ret = found;
        return CW_OK;
}

cw_rc cw_part10_read_ifd(struct cw_span answer, struct cw_part10_properties *ret, struct cw_fault *f) {
        struct cw_part10_properties found = {0};
        if (answer.len != 4)
                return malformed("PIN properties", f);
        memcpy(&found.lcd_layout, answer.ptr, 2); /* in the order of this machine */
        found.entry_validation = answer.ptr[2];
        found.timeout2 = answer.ptr[3];
        *ret = found;
        return CW_OK;
}

static void put_native16(struct cw_writer *w, uint16_t v) {
        cw_put_bytes(w, &v, sizeof v);
}

static void put_native32(struct cw_writer *w, uint32_t v) {
        cw_put_bytes(w, &v, sizeof v);
}

static uint8_t within(uint8_t digits, uint8_t otherwise) {
        return digits < PIN_MIN || digits > PIN_MAX ? otherwise : digits;
}

/* Timeouts, format (bytes, position 1, left, BCD), PIN block (length of 4 bits, 7 bytes), length at bit 4. */
static void put_format(struct cw_writer *w, const struct cw_part10_ask *ask) {
        cw_put_u8(w, ask->timeout_s);
        cw_put_u8(w, ask->timeout_s);
        cw_put_u8(w, 0x89);
        cw_put_u8(w, 0x47);
        cw_put_u8(w, 0x04);
}

static void put_limits(struct cw_writer *w, const struct cw_part10_ask *ask) {
        put_native16(w, (uint16_t)(within(ask->min, PIN_MIN) << 8 | within(ask->max, PIN_MAX)));
}

static void put_pin_block(struct cw_writer *w) {
        static const uint8_t empty[8] = {0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        cw_put_bytes(w, empty, sizeof empty);
}

size_t cw_part10_put_verify(const struct cw_part10_ask *ask, uint8_t ret[CW_PART10_COMMAND_MAX]) {
        static const uint8_t header[5] = {0x00, 0x20, 0x00, 0x80, 0x08}, prologue[3] = {0};
        struct cw_writer w;
        cw_writer_init(&w, ret, CW_PART10_COMMAND_MAX);
        put_format(&w, ask);
        put_limits(&w, ask);
        cw_put_u8(&w, 0x02); /* ends with a key; some firmware crashes on anything else */
        cw_put_u8(&w, 0x01); /* messages; GemPC insists on one */
        put_native16(&w, ask->language ? ask->language : LANGUAGE_EN_US);
        cw_put_u8(&w, 0x00);
        cw_put_bytes(&w, prologue, sizeof prologue);
        put_native32(&w, sizeof header + 8);
        cw_put_bytes(&w, header, sizeof header);
        put_pin_block(&w);
        return w.len;
}

size_t cw_part10_put_modify(const struct cw_part10_ask *ask, uint8_t ret[CW_PART10_COMMAND_MAX]) {
        static const uint8_t header[5] = {0x00, 0x24, 0x00, 0x80, 0x10}, prologue[3] = {0};
        static const uint8_t messages[3] = {0, 1, 2}; /* old, new, again */
        struct cw_writer w;
        cw_writer_init(&w, ret, CW_PART10_COMMAND_MAX);
        put_format(&w, ask);
        cw_put_u8(&w, 0x00); /* offset of the old block, of the new one */
        cw_put_u8(&w, 0x08);
        put_limits(&w, ask);
        cw_put_u8(&w, 0x03); /* the old PIN is asked for, the new one twice */
        cw_put_u8(&w, 0x02);
        cw_put_u8(&w, 0x03);
        put_native16(&w, ask->language ? ask->language : LANGUAGE_EN_US);
        cw_put_bytes(&w, messages, sizeof messages);
        cw_put_bytes(&w, prologue, sizeof prologue);
        put_native32(&w, sizeof header + 16);
        cw_put_bytes(&w, header, sizeof header);
        put_pin_block(&w);
        put_pin_block(&w);
        return w.len;
}

enum cw_part10_outcome cw_part10_outcome(uint16_t sw, int *ret_tries) {
        *ret_tries = (sw & 0xfff0) == 0x63c0 ? sw & 0x0f : -1;
        if ((sw & 0xfff0) == 0x63c0)
                return *ret_tries ? CW_PIN_WRONG : CW_PIN_LOCKED;
        switch (sw) {
        case 0x9000:
                return CW_PIN_RIGHT;
        case 0x6400:
                return CW_PIN_TIMEOUT;
        case 0x6401:
                return CW_PIN_CANCELLED;
        case 0x6402:
                return CW_PIN_MISMATCH;
        case 0x6403:
                return CW_PIN_TOO_SHORT;
        case 0x6983:
        case 0x6984:
                *ret_tries = 0;
                return CW_PIN_LOCKED;
        default:
                return CW_PIN_REFUSED;
        }
}

const char *cw_part10_outcome_name(enum cw_part10_outcome o) {
        static const char *const names[] = {"right",   "wrong",    "locked",    "cancelled",
                                            "timeout", "mismatch", "too_short", "refused"};
        return names[o];
}
