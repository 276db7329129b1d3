/* SPDX-License-Identifier: Apache-2.0 */
/* Commands out, bytes of answers in. */
#include "drivers/printer/evolis/codec.h"

#include "base/secret.h"

#include <stdio.h>
#include <string.h>

#define ESC 0x1bu
#define CR 0x0du

static void put_text(struct cw_writer *w, const char *text) {
        cw_put_bytes(w, text, strlen(text));
}

void cw_evolis_put_command(struct cw_writer *w, const char *text) {
        size_t n = strlen(text);
        if (n == 0 || n > CW_EVOLIS_COMMAND_MAX)
                w->bad = true;
        for (size_t i = 0; i < n; i++)
                if (text[i] < 0x20 || text[i] > 0x7e)
                        w->bad = true;
        cw_put_u8(w, ESC);
        put_text(w, text);
        cw_put_u8(w, CR);
}

void cw_evolis_put_track(struct cw_writer *w, unsigned track, struct cw_span data) {
        char head[16];
        (void)snprintf(head, sizeof head, "Dm;%u;", track);
        cw_put_u8(w, ESC);
        put_text(w, head);
        cw_put_bytes(w, data.ptr, data.len);
        cw_put_u8(w, CR);
}

void cw_evolis_put_panel_head(struct cw_writer *w, char panel, unsigned bits, bool compressed, size_t size) {
        char head[CW_EVOLIS_PANEL_HEAD_MAX];
        unsigned levels = 1u << bits;
        if (compressed)
                (void)snprintf(head, sizeof head, "Dbc;%c;%u;%zu;", panel, levels, size);
        else
                (void)snprintf(head, sizeof head, "Db;%c;%u;", panel, levels);
        cw_put_u8(w, ESC);
        put_text(w, head);
}

/* Bytes of a line up to the last one with a black pixel. */
static size_t inked(const uint8_t *line, size_t line_bytes) {
        size_t n = line_bytes;
        while (n > 0 && line[n - 1] == 0)
                n--;
        return n;
}

static bool all_black(const uint8_t *line, size_t line_bytes) {
        for (size_t i = 0; i < line_bytes; i++)
                if (line[i] != 0xff)
                        return false;
        return true;
}

size_t cw_evolis_compress_mono(const uint8_t *panel, size_t line_bytes, size_t lines, uint8_t *ret,
                               size_t cap) {
        struct cw_writer w;
        cw_writer_init(&w, ret, cap);
        for (size_t i = 0; i < lines; i++) {
                const uint8_t *line = panel + i * line_bytes;
                size_t n = inked(line, line_bytes);
                if (n == line_bytes && all_black(line, line_bytes)) {
                        cw_put_u8(&w, 0xff);
                        continue;
                }
                cw_put_u8(&w, (uint8_t)n);
                cw_put_bytes(&w, line, n);
        }
        return w.bad ? 0 : w.len;
}

bool cw_evolis_stream_add(struct cw_evolis_stream *s, const uint8_t *bytes, size_t len) {
        if (len > CW_EVOLIS_REPLY_MAX - s->len)
                return false;
        if (len)
                memcpy(s->bytes + s->len, bytes, len);
        s->len += len;
        return true;
}

ptrdiff_t cw_evolis_stream_find(const struct cw_evolis_stream *s) {
        for (size_t i = 0; i < s->len; i++)
                if (s->bytes[i] == 0 || s->bytes[i] == CR)
                        return (ptrdiff_t)i;
        return -1;
}

void cw_evolis_stream_take(struct cw_evolis_stream *s, size_t n, char *ret, size_t cap) {
        size_t copy = n < cap ? n : cap - 1;
        memcpy(ret, s->bytes, copy);
        ret[copy] = '\0';
        size_t used = n < s->len ? n + 1 : n;
        size_t left = s->len - used;
        memmove(s->bytes, s->bytes + used, left);
        cw_wipe(s->bytes + left, s->len - left);
        s->len = left;
}

void cw_evolis_stream_clear(struct cw_evolis_stream *s) {
        cw_wipe(s->bytes, s->len);
        s->len = 0;
}

static size_t keep_head(uint8_t *bytes, size_t len, unsigned semicolons) {
        size_t i = 0;
        while (i < len && semicolons > 0)
                semicolons -= bytes[i++] == ';';
        return i;
}

static void shorten(uint8_t *bytes, size_t *len, size_t keep) {
        char note[24];
        size_t hidden = *len - keep;
        int n = snprintf(note, sizeof note, "<%zu>", hidden);
        if (n < 0 || (size_t)n > hidden) {
                memset(bytes + keep, '*', hidden);
                return;
        }
        memcpy(bytes + keep, note, (size_t)n);
        cw_wipe(bytes + keep + n, hidden - (size_t)n);
        *len = keep + (size_t)n;
}

void cw_evolis_mask(void *ctx, bool in, uint8_t *bytes, size_t *len) {
        bool *track_answer = ctx;
        if (in) {
                if (*track_answer)
                        shorten(bytes, len, 0);
                return;
        }
        size_t at = *len > 0 && bytes[0] == ESC ? 1 : 0;
        size_t n = *len - at;
        *track_answer = n >= 3 && memcmp(bytes + at, "Smr", 3) == 0;
        if (n >= 3 && memcmp(bytes + at, "Dm;", 3) == 0)
                shorten(bytes, len, keep_head(bytes, *len, 2));
        else if (n >= 4 && memcmp(bytes + at, "Dbc;", 4) == 0)
                shorten(bytes, len, keep_head(bytes, *len, 4));
        else if (n >= 2 && memcmp(bytes + at, "Db", 2) == 0)
                shorten(bytes, len, keep_head(bytes, *len, 3));
}
