/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/track.h"

#include "base/buf.h"
#include "base/secret.h"

#include <stdbool.h>
#include <string.h>

/* ISO/IEC 7811-6 set of track 1 less what ISO/IEC 7813 keeps for separators, hardware and national use. */
static bool is_name_char(char ch) {
        return (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
               (ch != '\0' && strchr(" $()-./", ch) != NULL);
}

static char upper(char ch) {
        return (ch >= 'a' && ch <= 'z') ? (char)(ch - 'a' + 'A') : ch;
}

/* Allowed characters only, one space between words, none at the ends or beside the slash. */
static size_t clean(const char *name, char *out, size_t cap) {
        size_t n = 0;
        for (const char *p = name; *p != '\0' && n + 1 < cap; p++) {
                char ch = upper(*p);
                if (ch == '\t' || ch == '_' || ch == ',')
                        ch = ' ';
                if (!is_name_char(ch))
                        continue;
                if (ch == ' ' && (n == 0 || out[n - 1] == ' ' || out[n - 1] == '/'))
                        continue;
                if (ch == '/' && memchr(out, '/', n) != NULL)
                        continue;
                if (ch == '/' && n > 0 && out[n - 1] == ' ')
                        n--;
                out[n++] = ch;
        }
        while (n > 0 && out[n - 1] == ' ')
                n--;
        out[n] = '\0';
        return n;
}

cw_rc cw_track_name(const char *name, char ret[CW_TRACK_NAME_MAX + 1], struct cw_fault *f) {
        char text[80], whole[sizeof(text) + 2];
        size_t n = clean(name, text, sizeof(text));
        if (n == 0 || (n == 1 && text[0] == '/'))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.track_name", "HSM_NAME",
                               "no character of the name can stand on track 1; correct the name of the job");
        char *last = strrchr(text, ' ');
        struct cw_writer w;
        cw_writer_init(&w, whole, sizeof(whole));
        if (memchr(text, '/', n) != NULL) {
                cw_put_bytes(&w, text, n);
        } else if (last == NULL) {
                cw_put_bytes(&w, text, n);
                cw_put_u8(&w, '/');
        } else {
                cw_put_bytes(&w, last + 1, strlen(last + 1));
                cw_put_u8(&w, '/');
                cw_put_bytes(&w, text, (size_t)(last - text));
        }
        size_t len = w.len > CW_TRACK_NAME_MAX ? CW_TRACK_NAME_MAX : w.len;
        while (len > 0 && whole[len - 1] == ' ')
                len--;
        memcpy(ret, whole, len);
        ret[len] = '\0';
        return CW_OK;
}

static void put_text(struct cw_writer *w, const char *text) {
        cw_put_bytes(w, text, strlen(text));
}

/* {cvv} of the pattern replaced. */
static void put_discretionary(struct cw_writer *w, const char *pattern, const char *cvv) {
        static const char mark[] = "{cvv}";
        const char *at = strstr(pattern, mark);
        if (at == NULL) {
                put_text(w, pattern);
                return;
        }
        cw_put_bytes(w, pattern, (size_t)(at - pattern));
        put_text(w, cvv);
        put_text(w, at + sizeof(mark) - 1);
}

static cw_rc finish(struct cw_writer *w, char *ret, const char *op, struct cw_fault *f) {
        cw_put_u8(w, 0);
        if (w->bad) {
                cw_wipe(ret, w->cap);
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), 0, op, "HSM_TRACK",
                               "track data is too long; shorten the product's discretionary pattern");
        }
        return CW_OK;
}

cw_rc cw_track1(const struct cw_track_data *d, const char *cvv, char ret[CW_TRACK1_MAX + 1],
                struct cw_fault *f) {
        struct cw_writer w;
        cw_writer_init(&w, ret, CW_TRACK1_MAX + 1);
        put_text(&w, "B");
        put_text(&w, d->pan);
        put_text(&w, "^");
        put_text(&w, d->track_name);
        put_text(&w, "^");
        put_text(&w, d->expiry);
        put_text(&w, d->service_code);
        put_discretionary(&w, d->discretionary, cvv);
        return finish(&w, ret, "hsm.track1", f);
}

cw_rc cw_track2(const struct cw_track_data *d, const char *cvv, char ret[CW_TRACK2_MAX + 1],
                struct cw_fault *f) {
        struct cw_writer w;
        cw_writer_init(&w, ret, CW_TRACK2_MAX + 1);
        put_text(&w, d->pan);
        put_text(&w, "=");
        put_text(&w, d->expiry);
        put_text(&w, d->service_code);
        put_discretionary(&w, d->discretionary, cvv);
        return finish(&w, ret, "hsm.track2", f);
}

cw_rc cw_track2_equivalent(const struct cw_track_data *d, const char *icvv,
                           uint8_t ret[CW_TRACK2_EQUIVALENT_MAX], size_t *ret_len, struct cw_fault *f) {
        CW_WIPED(char, text, CW_TRACK2_MAX + 2);
        cw_rc rc = cw_track2(d, icvv, text, f);
        if (rc != CW_OK)
                return rc;
        text[strlen(d->pan)] = 'D';
        size_t n = strlen(text);
        if (n % 2 != 0)
                text[n++] = 'F';
        if (!cw_hex_decode(text, n, ret, CW_TRACK2_EQUIVALENT_MAX, ret_len))
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.track2_equivalent", "HSM_TRACK",
                    "the product's discretionary pattern holds something else than digits and {cvv}");
        return CW_OK;
}
