/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/jsonscan.h"

#include <string.h>

void cw_json_scan_init(struct cw_json_scan *s, const void *text, size_t len) {
        *s = (struct cw_json_scan){.text = text, .len = len};
}

static bool is_space(uint8_t c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum cw_json_token scan_string(struct cw_json_scan *s) {
        s->start = ++s->at;
        while (s->at < s->len && s->text[s->at] != '"')
                s->at += s->text[s->at] == '\\' && s->at + 1 < s->len ? 2 : 1;
        s->end = s->at;
        if (s->at < s->len)
                s->at++;
        size_t next = s->at;
        while (next < s->len && is_space(s->text[next]))
                next++;
        if (next >= s->len || s->text[next] != ':')
                return CW_JSON_STRING;
        s->at = next + 1;
        return CW_JSON_KEY;
}

static bool in_number(uint8_t c) {
        return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static enum cw_json_token scan_number(struct cw_json_scan *s) {
        s->start = s->at;
        while (s->at < s->len && in_number(s->text[s->at]))
                s->at++;
        s->end = s->at;
        return CW_JSON_NUMBER;
}

enum cw_json_token cw_json_scan_next(struct cw_json_scan *s) {
        while (s->at < s->len) {
                uint8_t c = s->text[s->at];
                if (c == '"')
                        return scan_string(s);
                if ((c >= '0' && c <= '9') || c == '-')
                        return scan_number(s);
                s->at++;
                if (c == '{' || c == '[')
                        return ++s->depth > CW_JSON_DEPTH_MAX ? CW_JSON_TOO_DEEP : CW_JSON_OPEN;
                if (c == '}' || c == ']') {
                        s->depth -= s->depth > 0;
                        return CW_JSON_CLOSE;
                }
                if (c == ',')
                        return CW_JSON_COMMA;
        }
        return CW_JSON_END;
}

/* Value of the \uXXXX at p (after the backslash), '?' when it is not ASCII or malformed; *ret_len bytes used.
 */
static char unescape(const uint8_t *p, size_t left, size_t *ret_len) {
        *ret_len = 1;
        if (p[0] != 'u' || left < 5)
                return (char)p[0];
        *ret_len = 5;
        unsigned value = 0;
        for (size_t i = 1; i < 5; i++) {
                const char *digits = "0123456789abcdef";
                uint8_t c = (uint8_t)(p[i] >= 'A' && p[i] <= 'F' ? p[i] + 32 : p[i]);
                const char *digit = c ? strchr(digits, c) : NULL;
                if (!digit)
                        return '?';
                value = value * 16 + (unsigned)(digit - digits);
        }
        return value > 0 && value < 0x80 ? (char)value : '?';
}

void cw_json_scan_key(const struct cw_json_scan *s, char *ret, size_t cap) {
        size_t n = 0;
        for (size_t i = s->start; i < s->end && n + 1 < cap; i++) {
                char c = s->text[i] < 0x80 ? (char)s->text[i] : '?';
                if (c == '\\' && i + 1 < s->end) {
                        size_t used = 0;
                        c = unescape(s->text + i + 1, s->end - i - 1, &used);
                        i += used;
                }
                if (c == '_' || c == '-' || c == ' ')
                        continue;
                ret[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
        ret[n] = '\0';
}
