/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/mask.h"

#include "agent/upstream/jsonscan.h"
#include "agent/upstream/rc.h"

#include <string.h>

enum how { HOW_TEXT, HOW_IDENTIFIER, HOW_PASS, HOW_PAN, HOW_SECRET };

static bool is_digit(uint8_t c) {
        return c >= '0' && c <= '9';
}

static bool one_of(const char *key, const char *const *list) {
        for (; *list; list++)
                if (strcmp(key, *list) == 0)
                        return true;
        return false;
}

static bool ends_with(const char *key, const char *end) {
        size_t n = strlen(key), m = strlen(end);
        return n >= m && strcmp(key + n - m, end) == 0;
}

static enum how classify(const char *key) {
        static const char *const secret[] = {"cvv",        "cvv1",       "cvv2",     "cvc",      "cvc2",
                                             "icvv",       "csc",        "pin",      "pinblock", "pvv",
                                             "pinoffset",  "track",      "track1",   "track2",   "trackdata",
                                             "track1data", "track2data", "password", NULL};
        static const char *const pan[] = {"pan", "primaryaccountnumber", "cardnum", "clearpan", NULL};
        if (one_of(key, secret))
                return HOW_SECRET;
        if (strncmp(key, "encrypted", 9) == 0)
                return HOW_PASS;
        if (one_of(key, pan) || strstr(key, "cardnumber") || strstr(key, "cardno"))
                return HOW_PAN;
        if (ends_with(key, "id") || ends_with(key, "no") || ends_with(key, "number") ||
            ends_with(key, "name") || ends_with(key, "ids") || ends_with(key, "nos"))
                return HOW_IDENTIFIER;
        return HOW_TEXT;
}

/* Digits of p, the first 6 and last 4 kept. fill is 'X' in text, '0' in a number. */
static void mask_digits(uint8_t *p, size_t len, size_t digits, char fill) {
        size_t seen = 0;
        for (size_t i = 0; i < len; i++) {
                if (!is_digit(p[i]))
                        continue;
                seen++;
                if (seen > 6 && seen + 4 <= digits)
                        p[i] = (uint8_t)fill;
        }
}

static size_t count_digits(const uint8_t *p, size_t len) {
        size_t n = 0;
        for (size_t i = 0; i < len; i++)
                n += is_digit(p[i]);
        return n;
}

static void mask_pan(uint8_t *p, size_t len, char fill) {
        size_t digits = count_digits(p, len);
        if (digits >= 13)
                mask_digits(p, len, digits, fill);
}

static bool luhn_ok(const uint8_t *p, size_t len) {
        unsigned sum = 0, place = 0;
        for (size_t i = len; i-- > 0;) {
                if (!is_digit(p[i]))
                        continue;
                unsigned d = (unsigned)(p[i] - '0');
                if (place++ % 2 == 1)
                        d = d > 4 ? 2 * d - 9 : 2 * d;
                sum += d;
        }
        return sum % 10 == 0;
}

static bool is_word(uint8_t c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* End of the digits at i, single blanks and dashes between them allowed. */
static size_t run_end(const uint8_t *p, size_t len, size_t i) {
        size_t end = i;
        while (i < len) {
                if (is_digit(p[i]))
                        end = ++i;
                else if ((p[i] == ' ' || p[i] == '-') && i + 1 < len && is_digit(p[i + 1]))
                        i++;
                else
                        break;
        }
        return end;
}

static void mask_text(uint8_t *p, size_t len) {
        for (size_t i = 0; i < len;) {
                if (!is_digit(p[i]) || (i > 0 && is_word(p[i - 1]))) {
                        i++;
                        continue;
                }
                size_t end = run_end(p, len, i);
                size_t digits = count_digits(p + i, end - i);
                if (digits >= 13 && digits <= 19 && (end == len || !is_word(p[end])) &&
                    luhn_ok(p + i, end - i))
                        mask_digits(p + i, end - i, digits, 'X');
                i = end;
        }
}

static bool has_escaped_digit(const uint8_t *p, size_t len) {
        for (size_t i = 0; i + 4 < len; i++)
                if (memcmp(p + i, "\\u003", 5) == 0)
                        return true;
        return false;
}

static void mask_string(uint8_t *p, size_t len, enum how how) {
        if (how == HOW_PASS)
                return;
        /* Nobody escapes digits without a reason; what they hide is not worth keeping. */
        bool hidden = has_escaped_digit(p, len) || (how == HOW_PAN && memchr(p, '\\', len));
        if (how == HOW_SECRET || hidden)
                memset(p, 'X', len);
        else if (how == HOW_PAN)
                mask_pan(p, len, 'X');
        else if (how == HOW_TEXT || count_digits(p, len) != len)
                mask_text(p, len);
}

static void mask_number(uint8_t *p, size_t len, enum how how) {
        if (how == HOW_PAN)
                mask_pan(p, len, '0');
        /* Blanks after a number are JSON; more nines could be more than a number holds. */
        for (size_t i = 0; how == HOW_SECRET && i < len; i++)
                p[i] = i == 0 ? '9' : ' ';
}

cw_rc cw_mask_json(void *text, size_t len, struct cw_fault *f) {
        uint8_t *bytes = text;
        struct cw_json_scan s;
        cw_json_scan_init(&s, text, len);
        enum how outer[CW_JSON_DEPTH_MAX + 1] = {HOW_TEXT};
        enum how how = HOW_TEXT;
        for (;;) {
                char key[40];
                switch (cw_json_scan_next(&s)) {
                case CW_JSON_END:
                        return CW_OK;
                case CW_JSON_TOO_DEEP:
                        return cw_fail(f, CW_UP(REJECT, CW_E_SYNTAX), 0, "dcms.answer", "",
                                       "the server's answer nests deeper than %u levels", CW_JSON_DEPTH_MAX);
                case CW_JSON_KEY:
                        cw_json_scan_key(&s, key, sizeof key);
                        how = classify(key);
                        /* Below a member that holds card data everything is card data. */
                        if (outer[s.depth] >= HOW_PAN)
                                how = how > outer[s.depth] ? how : outer[s.depth];
                        break;
                case CW_JSON_STRING:
                        mask_string(bytes + s.start, s.end - s.start, how);
                        break;
                case CW_JSON_NUMBER:
                        mask_number(bytes + s.start, s.end - s.start, how);
                        break;
                case CW_JSON_OPEN:
                        outer[s.depth] = how;
                        break;
                case CW_JSON_CLOSE:
                case CW_JSON_COMMA:
                        how = outer[s.depth];
                        break;
                }
        }
}

cw_rc cw_mask_take(void *text, size_t len, const char *key, struct cw_secret **ret) {
        uint8_t *bytes = text;
        struct cw_json_scan s;
        cw_json_scan_init(&s, text, len);
        bool wanted = false;
        for (;;) {
                char name[40];
                enum cw_json_token token = cw_json_scan_next(&s);
                if (token == CW_JSON_END || token == CW_JSON_TOO_DEEP)
                        return CW_UP(REJECT, CW_E_NOT_FOUND);
                if (token == CW_JSON_KEY) {
                        cw_json_scan_key(&s, name, sizeof name);
                        wanted = strcmp(name, key) == 0;
                        continue;
                }
                if (token == CW_JSON_STRING && wanted)
                        break;
                wanted = false;
        }
        size_t n = s.end - s.start;
        if (n == 0 || memchr(bytes + s.start, '\\', n))
                return CW_UP(REJECT, CW_E_NOT_FOUND);
        cw_rc rc = cw_secret_dup(bytes + s.start, n, ret);
        memset(bytes + s.start, 'X', n);
        return rc;
}

void cw_mask_card_number(char *text) {
        mask_pan((uint8_t *)text, strlen(text), 'X');
}
