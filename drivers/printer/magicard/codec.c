/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/magicard/codec.h"

#include "base/secret.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ATTENTION 0x05u
#define SOH 0x01u
#define FS 0x1cu
#define ETX 0x03u
#define REQUEST_ATTENTION 9
#define DIGITS_MAX 15
#define FIELDS_MAX 48

void cw_magicard_put_request(struct cw_writer *w, const char *text) {
        size_t n = strlen(text);
        if (n == 0 || n > CW_MAGICARD_REQUEST_MAX)
                w->bad = true;
        for (size_t i = 0; i < n; i++)
                if (text[i] < 0x20 || text[i] > 0x7e)
                        w->bad = true;
        for (int i = 0; i < REQUEST_ATTENTION; i++)
                cw_put_u8(w, ATTENTION);
        cw_put_u8(w, SOH);
        cw_put_bytes(w, text, n);
        cw_put_u8(w, FS);
        cw_put_u8(w, ETX);
}

static void drop(struct cw_magicard_stream *s, size_t n) {
        memmove(s->bytes, s->bytes + n, s->len - n);
        s->len -= n;
}

void cw_magicard_stream_add(struct cw_magicard_stream *s, const uint8_t *bytes, size_t len) {
        if (len > sizeof s->bytes) {
                bytes += len - sizeof s->bytes;
                len = sizeof s->bytes;
        }
        if (len > sizeof s->bytes - s->len)
                drop(s, len - (sizeof s->bytes - s->len));
        if (len)
                memcpy(s->bytes + s->len, bytes, len);
        s->len += len;
}

bool cw_magicard_stream_next(struct cw_magicard_stream *s, char ret[CW_MAGICARD_REPLY_MAX]) {
        size_t begin = s->len; /* behind the last SOH before the ETX: an answer cut off before it is noise */
        for (size_t i = 0; i < s->len; i++) {
                if (s->bytes[i] == SOH)
                        begin = i + 1;
                if (s->bytes[i] != ETX || begin > i)
                        continue;
                size_t n = i - begin < CW_MAGICARD_REPLY_MAX ? i - begin : CW_MAGICARD_REPLY_MAX - 1;
                for (size_t k = 0; k < n; k++)
                        ret[k] = s->bytes[begin + k] ? (char)s->bytes[begin + k] : '?';
                ret[n] = '\0';
                drop(s, i + 1);
                return true;
        }
        return false;
}

static bool two_digits(const char *p, unsigned *ret) {
        if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
                return false;
        *ret = (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
        return true;
}

/* Two digits, a colon, two digits, and no digit on either side. */
static bool pair_at(const char *text, size_t colon, struct cw_magicard_error *ret) {
        struct cw_magicard_error e;
        if (colon < 2 || !two_digits(text + colon - 2, &e.major) || !two_digits(text + colon + 1, &e.minor))
                return false;
        if ((colon > 2 && isdigit((unsigned char)text[colon - 3])) || isdigit((unsigned char)text[colon + 3]))
                return false;
        *ret = e;
        return true;
}

bool cw_magicard_parse_error(const char *reply, struct cw_magicard_error *ret) {
        bool found = false;
        if (strncmp(reply, "STA", 3) != 0 || reply[3] == ',')
                return false;
        for (size_t i = 3; reply[i]; i++)
                if (reply[i] == ':' && pair_at(reply, i, ret))
                        found = true;
        return found;
}

bool cw_magicard_not_fed(const struct cw_magicard_error *error) {
        return error->major == 11;
}

bool cw_magicard_parse_value(const char *reply, const char *key, char *ret, size_t cap) {
        size_t n = strlen(key), len;
        if (strncmp(reply, "STA,", 4) != 0 || strncmp(reply + 4, key, n) != 0)
                return false;
        const char *value = reply + 4 + n;
        len = strlen(value);
        if (len == 0 || value[len - 1] != ',' || len > cap)
                return false;
        memcpy(ret, value, len - 1);
        ret[len - 1] = '\0';
        return true;
}

bool cw_magicard_number(const char *text, int64_t *ret) {
        size_t n = strlen(text);
        int64_t v = 0;
        if (n == 0 || n > DIGITS_MAX)
                return false;
        for (size_t i = 0; i < n; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                v = v * 10 + (text[i] - '0');
        }
        *ret = v;
        return true;
}

struct fields {
        char text[CW_MAGICARD_REPLY_MAX];
        const char *field[FIELDS_MAX];
        size_t n;
        bool bad;
};

static void split(const char *text, struct fields *ret) {
        (void)snprintf(ret->text, sizeof ret->text, "%s", text);
        ret->n = 0;
        ret->bad = false;
        for (char *p = ret->text; p && ret->n < FIELDS_MAX;) {
                ret->field[ret->n++] = p;
                p = strchr(p, ',');
                if (p)
                        *p++ = '\0';
        }
}

static int64_t number(struct fields *f, size_t at) {
        int64_t v = -1;
        if (at >= f->n || (*f->field[at] && !cw_magicard_number(f->field[at], &v)))
                f->bad = true;
        return v;
}

static void text(struct fields *f, size_t at, char ret[CW_PRINTER_TEXT_MAX]) {
        ret[0] = '\0';
        if (at < f->n)
                cw_magicard_quote(f->field[at], ret, CW_PRINTER_TEXT_MAX);
}

/* Where each value is among the fields: one for each member of the status in the maker's open CUPS filter.
 * That the wire has them in the order of that structure is inferred, hence the checks. */
enum {
        AT_ABILITIES = 0,
        AT_MODEL = 1,
        AT_SERIAL = 3,
        AT_HEAD_SERIAL = 4,
        AT_BOARD_SERIAL = 5,
        AT_FIRMWARE = 6,
        AT_CARDS = 13,
        AT_PANELS = 15,
        AT_CLEANINGS = 16,
        AT_SINCE_CLEANING = 18,
        AT_CLEANING_INTERVAL = 19,
        AT_HEAD_POSITION = 20,
        AT_MAJOR = 23,
        AT_MINOR = 24,
        AT_TAG = 25,
        AT_SHOTS = 26,
        AT_SHOTS_USED = 27,
        AT_FILM = 28,
        FIELDS_MIN = 29,
};

static void read_info(struct fields *f, struct cw_magicard_info *i) {
        i->abilities = number(f, AT_ABILITIES);
        text(f, AT_MODEL, i->model);
        text(f, AT_SERIAL, i->serial);
        text(f, AT_HEAD_SERIAL, i->head);
        text(f, AT_BOARD_SERIAL, i->board);
        text(f, AT_FIRMWARE, i->firmware);
        i->cards = number(f, AT_CARDS);
        i->panels = number(f, AT_PANELS);
        i->cleanings = number(f, AT_CLEANINGS);
        i->since_cleaning = number(f, AT_SINCE_CLEANING);
        i->cleaning_interval = number(f, AT_CLEANING_INTERVAL);
        i->head_position = number(f, AT_HEAD_POSITION);
        int64_t major = number(f, AT_MAJOR), minor = number(f, AT_MINOR);
        i->error = (struct cw_magicard_error){major > 0 ? (unsigned)(major & 0xffff) : 0,
                                              minor > 0 ? (unsigned)(minor & 0xffff) : 0};
        text(f, AT_TAG, i->tag);
        i->shots = number(f, AT_SHOTS);
        i->shots_used = number(f, AT_SHOTS_USED);
        text(f, AT_FILM, i->film);
}

bool cw_magicard_parse_info(const char *reply, struct cw_magicard_info *ret) {
        struct fields f;
        struct cw_magicard_info info = {0};
        if (strncmp(reply, "STA", 3) != 0)
                return false;
        reply += strncmp(reply + 3, "$$", 2) == 0 ? 5 : 3;
        split(reply, &f);
        if (f.n < FIELDS_MIN)
                return false;
        read_info(&f, &info);
        /* A layout that is shifted has texts where numbers are due. */
        if (f.bad || !info.model[0] || info.abilities < 0)
                return false;
        *ret = info;
        return true;
}

const char *cw_magicard_film_kind(const char *film) {
        static const struct {
                const char *film, *kind;
        } films[] = {{"LC1", "ymcko"}, {"LC3", "k"}, {"LC6", "ko"}, {"LC8", "ymckok"}};
        for (size_t i = 0; i < sizeof films / sizeof films[0]; i++)
                if (strncmp(film, films[i].film, 3) == 0 && !isdigit((unsigned char)film[3]))
                        return films[i].kind;
        return "";
}

void cw_magicard_quote(const char *from, char *ret, size_t cap) {
        size_t n = 0;
        for (; from[n] && n + 1 < cap; n++)
                ret[n] = (char)(isprint((unsigned char)from[n]) ? from[n] : '?');
        ret[n] = '\0';
}

/* From a sentinel to the question mark, both kept. */
static void hide_tracks(uint8_t *bytes, size_t len) {
        bool hidden = false;
        for (size_t i = 0; i < len; i++) {
                if (hidden && bytes[i] == '?')
                        hidden = false;
                else if (hidden)
                        bytes[i] = '*';
                else if (bytes[i] == '%' || bytes[i] == ';')
                        hidden = true;
        }
}

void cw_magicard_mask(void *ctx, bool in, uint8_t *bytes, size_t *len) {
        (void)ctx;
        if (in || *len == 0)
                return;
        if (bytes[0] == ATTENTION) {
                hide_tracks(bytes, *len);
                return;
        }
        char note[24];
        int n = snprintf(note, sizeof note, "<%zu>", *len);
        if (n < 0 || (size_t)n > *len) {
                memset(bytes, '*', *len);
                return;
        }
        cw_wipe(bytes, *len);
        memcpy(bytes, note, (size_t)n);
        *len = (size_t)n;
}
