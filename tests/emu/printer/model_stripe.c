/* SPDX-License-Identifier: Apache-2.0 */
#include "model_stripe.h"

#include <string.h>

struct format {
        unsigned data_bits;
        char first, last; /* character set */
        char start, end;  /* sentinels */
        size_t max_text;  /* without sentinels and LRC */
};

/* Indexed by the Pmt format number. */
static const struct format formats[] = {
    [1] = {6, 0x20, 0x5f, '%', '?', 76},
    [2] = {4, 0x30, 0x3f, ';', '?', 37},
    [3] = {4, 0x30, 0x3f, ';', '?', 104},
};

static const struct format *format_of(unsigned number) {
        return number >= 1 && number <= 3 ? &formats[number] : NULL;
}

static void put_bit(struct emup_track *t, unsigned bit) {
        if (bit)
                t->bits[t->nbits / 8] |= (uint8_t)(0x80u >> (t->nbits % 8));
        t->nbits++;
}

/* Least significant bit first, then odd parity. */
static void put_char(struct emup_track *t, const struct format *f, unsigned value) {
        unsigned ones = 0;
        for (unsigned i = 0; i < f->data_bits; i++) {
                put_bit(t, value >> i & 1u);
                ones += value >> i & 1u;
        }
        put_bit(t, ~ones & 1u);
}

static enum emup_stripe_result check_text(const struct format *f, const char *text) {
        if (strlen(text) > f->max_text)
                return EMUP_STRIPE_LENGTH;
        for (const char *p = text; *p; p++)
                if (*p < f->first || *p > f->last || *p == f->start || *p == f->end)
                        return EMUP_STRIPE_CHARACTER;
        return EMUP_STRIPE_OK;
}

enum emup_stripe_result emup_stripe_encode(unsigned format, const char *text, struct emup_track *ret) {
        const struct format *f = format_of(format);
        if (!f)
                return EMUP_STRIPE_FORMAT;
        enum emup_stripe_result r = check_text(f, text);
        if (r != EMUP_STRIPE_OK)
                return r;
        struct emup_track t = {.written = true, .format = format};
        memcpy(t.text, text, strlen(text) + 1);
        unsigned lrc = 0;
        char framed[EMUP_TRACK_TEXT_MAX + 3];
        size_t n = 0;
        framed[n++] = f->start;
        for (const char *p = text; *p; p++)
                framed[n++] = *p;
        framed[n++] = f->end;
        for (size_t i = 0; i < n; i++) {
                unsigned value = (unsigned)(framed[i] - f->first);
                lrc ^= value;
                put_char(&t, f, value);
        }
        put_char(&t, f, lrc);
        t.lrc = (char)(f->first + (char)lrc);
        *ret = t;
        return EMUP_STRIPE_OK;
}

/* One character at bit position *at; false at the end of the bits or on wrong parity. */
static bool get_char(const struct emup_track *t, const struct format *f, size_t *at, unsigned *ret) {
        if (*at + f->data_bits + 1 > t->nbits)
                return false;
        unsigned value = 0, ones = 0;
        for (unsigned i = 0; i <= f->data_bits; i++, (*at)++) {
                unsigned bit = (unsigned)t->bits[*at / 8] >> (7 - *at % 8) & 1u;
                ones += bit;
                if (i < f->data_bits)
                        value |= bit << i;
        }
        *ret = value;
        return (ones & 1u) == 1;
}

bool emup_stripe_decode(const struct emup_track *track, char *text) {
        const struct format *f = format_of(track->format);
        size_t at = 0, n = 0;
        unsigned value, lrc;
        if (!track->written || !f || !get_char(track, f, &at, &value) ||
            (char)(f->first + (char)value) != f->start)
                return false;
        lrc = value;
        for (;;) {
                if (!get_char(track, f, &at, &value))
                        return false;
                lrc ^= value;
                char c = (char)(f->first + (char)value);
                if (c == f->end)
                        break;
                if (n == EMUP_TRACK_TEXT_MAX)
                        return false;
                text[n++] = c;
        }
        text[n] = '\0';
        return get_char(track, f, &at, &value) && value == lrc;
}
