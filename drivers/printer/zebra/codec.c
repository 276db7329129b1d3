/* SPDX-License-Identifier: Apache-2.0 */
/* Commands out, replies in. */
#include "drivers/printer/zebra/codec.h"

#include "base/secret.h"

#include <stdio.h>
#include <string.h>

#define ESC 0x1bu
#define CR 0x0du
#define BRACKET 0x5bu
#define ACK 0x06u
#define NACK 0x15u
#define EOT 0x04u
/* "-1" and two digits are all the codes of the manual. */
#define NACK_DIGITS_MAX 2u
/* What the counted frame counts beside the text. */
#define COUNTED_MORE 2u

static void begin(struct cw_writer *w, enum cw_zebra_framing framing, size_t text_len) {
        if (framing == CW_ZEBRA_ESCAPE) {
                cw_put_u8(w, ESC);
                return;
        }
        if (text_len + COUNTED_MORE > 0xff)
                w->bad = true;
        cw_put_bytes(w, "\0\0\0", 3);
        cw_put_u8(w, (uint8_t)(text_len + COUNTED_MORE));
}

void cw_zebra_put_command(struct cw_writer *w, enum cw_zebra_framing framing, const char *text) {
        size_t n = strlen(text);
        if (n == 0 || n > CW_ZEBRA_COMMAND_MAX)
                w->bad = true;
        for (size_t i = 0; i < n; i++)
                if (text[i] < 0x20 || text[i] > 0x7e)
                        w->bad = true;
        begin(w, framing, n);
        cw_put_bytes(w, text, n);
        cw_put_u8(w, CR);
}

static bool control(uint8_t c) {
        return c == ESC || c == CR || c == BRACKET;
}

static size_t escaped_size(const uint8_t *data, size_t len) {
        size_t n = len;
        for (size_t i = 0; i < len; i++)
                n += control(data[i]);
        return n;
}

static void put_escaped(struct cw_writer *w, const uint8_t *data, size_t len) {
        for (size_t i = 0; i < len; i++) {
                if (control(data[i]))
                        cw_put_u8(w, BRACKET);
                cw_put_u8(w, data[i]);
        }
}

static void put_with_data(struct cw_writer *w, enum cw_zebra_framing framing, const char *head,
                          const uint8_t *data, size_t len) {
        size_t n = strlen(head);
        begin(w, framing, n + escaped_size(data, len));
        cw_put_bytes(w, head, n);
        put_escaped(w, data, len);
        cw_put_u8(w, CR);
}

void cw_zebra_put_track(struct cw_writer *w, enum cw_zebra_framing framing, unsigned track,
                        struct cw_span data) {
        char head[8];
        (void)snprintf(head, sizeof head, "&B %u ", track);
        put_with_data(w, framing, head, data.ptr, data.len);
}

void cw_zebra_put_line(struct cw_writer *w, enum cw_zebra_framing framing, bool varnish, const uint8_t *data,
                       size_t len) {
        put_with_data(w, framing, varnish ? "vO" : "O", data, len);
}

static size_t text_end(const uint8_t *b, size_t len) {
        size_t n = 0;
        while (n < len && b[n] >= 0x20 && b[n] < 0x7f)
                n++;
        return n;
}

static size_t noise(struct cw_zebra_reply *ret, size_t len) {
        ret->kind = CW_ZEBRA_NOISE;
        return len;
}

/* 15 digits 04. */
static size_t parse_nack(const uint8_t *b, size_t len, bool quiet, struct cw_zebra_reply *ret) {
        size_t at = 1, digits = 0;
        int code = 0, sign = 1;
        if (at < len && b[at] == '-') {
                sign = -1;
                at++;
        }
        for (; at < len && b[at] >= '0' && b[at] <= '9' && digits < NACK_DIGITS_MAX; at++, digits++)
                code = code * 10 + (b[at] - '0');
        if (at == len)
                return quiet ? noise(ret, len) : 0;
        if (b[at] != EOT || digits == 0 || (sign < 0 && code != 1))
                return noise(ret, len);
        ret->kind = CW_ZEBRA_NACK;
        ret->code = sign * code;
        return at + 1;
}

/* Up to an end mark; how a text ends on USB is not public, so any of three will do, or silence. */
static size_t parse_text(const uint8_t *b, size_t len, bool quiet, struct cw_zebra_reply *ret) {
        size_t n = text_end(b, len);
        if (n == len && !quiet)
                return 0;
        if (n < len && b[n] != EOT && b[n] != CR && b[n] != 0 && b[n] != ACK)
                return noise(ret, len);
        ret->kind = CW_ZEBRA_TEXT;
        ret->len = n;
        return n < len ? n + 1 : n;
}

size_t cw_zebra_parse(const uint8_t *bytes, size_t len, bool quiet, struct cw_zebra_reply *ret) {
        size_t skip = 0, n;
        *ret = (struct cw_zebra_reply){.kind = CW_ZEBRA_NONE};
        while (skip < len && (bytes[skip] == EOT || bytes[skip] == CR || bytes[skip] == 0))
                skip++; /* what is left of the end of a text */
        if (skip == len)
                return quiet && len ? noise(ret, len) : 0;
        const uint8_t *b = bytes + skip;
        if (b[0] == ACK) {
                ret->kind = CW_ZEBRA_ACK;
                return skip + 1;
        }
        if (b[0] == NACK)
                n = parse_nack(b, len - skip, quiet, ret);
        else if (text_end(b, len - skip) > 0)
                n = parse_text(b, len - skip, quiet, ret);
        else
                n = noise(ret, len - skip);
        ret->at = skip;
        return n ? skip + n : 0;
}

void cw_zebra_quote(const uint8_t *text, size_t len, char *ret, size_t cap) {
        size_t n = 0;
        for (; n < len && n + 1 < cap; n++)
                ret[n] = (char)(text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?');
        ret[n] = '\0';
}

static const struct {
        int code;
        enum cw_zebra_meaning meaning;
        const char *station;
} codes[] = {
    {-1, CW_ZEBRA_M_OTHER, "PRD_FEEDER_JAM"},
    {1, CW_ZEBRA_M_OTHER, "PRT_RIBBON_MISSING"},
    {2, CW_ZEBRA_M_OTHER, "PRT_PAUSED"},
    {3, CW_ZEBRA_M_OTHER, "PRD_FEEDER_JAM"},
    {4, CW_ZEBRA_M_FEEDER, "PRD_FEEDER_EMPTY"},
    {5, CW_ZEBRA_M_PRESENT, "PRT_SETUP_ERROR"},
    {6, CW_ZEBRA_M_PRESENT, "PRT_SETUP_ERROR"},
    {7, CW_ZEBRA_M_OTHER, "PRT_COVER_OPEN"},
    {8, CW_ZEBRA_M_OTHER, "PRT_RIBBON_ENDED"},
    {9, CW_ZEBRA_M_OTHER, "PRT_RIBBON"},
    {10, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {11, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {12, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {13, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {14, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {20, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {21, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {22, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {30, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {31, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {32, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {33, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {34, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {35, CW_ZEBRA_M_OTHER, "PRT_RIBBON"},
    {40, CW_ZEBRA_M_MAG, "PRD_MAGSTRIPE"},
    {41, CW_ZEBRA_M_MAG, "PRD_MAGSTRIPE"},
    {42, CW_ZEBRA_M_MAG, "PRD_MAGSTRIPE"},
    {43, CW_ZEBRA_M_OTHER, "PRD_FEEDER_JAM"},
    {44, CW_ZEBRA_M_OTHER, "PRD_MAGSTRIPE"},
    {45, CW_ZEBRA_M_OTHER, "PRD_FEEDER_JAM"},
    {47, CW_ZEBRA_M_OTHER, "PRD_FEEDER_JAM"},
    {48, CW_ZEBRA_M_OTHER, "PRT_COVER_OPEN"},
    {49, CW_ZEBRA_M_MAG, "PRD_MAGSTRIPE"},
    {50, CW_ZEBRA_M_MAG, "PRD_MAGSTRIPE"},
    {51, CW_ZEBRA_M_MAG, "PRD_MAGSTRIPE"},
    {52, CW_ZEBRA_M_OTHER, "PRT_SETUP_ERROR"},
    {54, CW_ZEBRA_M_SYNTAX, "PRT_SETUP_ERROR"},
    {55, CW_ZEBRA_M_OTHER, "PRD_SMARTCARD_CARD_NOT_IN_READER"},
    {56, CW_ZEBRA_M_OTHER, "PRD_SMARTCARD_CARD_NOT_IN_READER"},
    {57, CW_ZEBRA_M_OTHER, "PRD_SMARTCARD_CARD_NOT_IN_READER"},
};

enum cw_zebra_meaning cw_zebra_meaning(int code) {
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
                if (codes[i].code == code)
                        return codes[i].meaning;
        return CW_ZEBRA_M_OTHER;
}

const char *cw_zebra_code(int code) {
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
                if (codes[i].code == code)
                        return codes[i].station;
        return "PRT_SETUP_ERROR";
}

static void shorten(uint8_t *bytes, size_t *len, size_t keep) {
        char note[24];
        size_t hidden = *len > keep ? *len - keep : 0;
        int n = snprintf(note, sizeof note, "<%zu>", hidden);
        if (hidden == 0)
                return;
        if (n < 0 || (size_t)n > hidden) {
                memset(bytes + keep, '*', hidden);
                return;
        }
        memcpy(bytes + keep, note, (size_t)n);
        cw_wipe(bytes + keep + n, hidden - (size_t)n);
        *len = keep + (size_t)n;
}

/* Behind the frame's beginning; a transfer without one is the middle of an image. */
static size_t text_at(const uint8_t *bytes, size_t len) {
        if (len > 0 && bytes[0] == ESC)
                return 1;
        return len > 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 0 ? 4 : 0;
}

void cw_zebra_mask(void *ctx, bool in, uint8_t *bytes, size_t *len) {
        static const char *const hidden[] = {"&B", "GS", "O", "vO"}; /* tracks and panels */
        bool *track_answer = ctx;
        if (in) {
                if (*track_answer)
                        shorten(bytes, len, 0);
                return;
        }
        size_t at = text_at(bytes, *len), n = *len - at;
        const uint8_t *text = bytes + at;
        *track_answer = n >= 2 && memcmp(text, "&L", 2) == 0;
        if (at == 0)
                shorten(bytes, len, 0);
        for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
                if (at > 0 && n >= strlen(hidden[i]) && memcmp(text, hidden[i], strlen(hidden[i])) == 0) {
                        shorten(bytes, len, at + strlen(hidden[i]));
                        return;
                }
}
