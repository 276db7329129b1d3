/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char B64_STD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char B64_URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void cw_dsim_hex_encode(const uint8_t *data, size_t len, char *out) {
        static const char digits[] = "0123456789abcdef";
        for (size_t i = 0; i < len; i++) {
                out[2 * i] = digits[data[i] >> 4];
                out[2 * i + 1] = digits[data[i] & 0x0f];
        }
        out[2 * len] = '\0';
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

bool cw_dsim_hex_decode(const char *text, uint8_t *out, size_t want) {
        if (strlen(text) != 2 * want)
                return false;
        for (size_t i = 0; i < want; i++) {
                int high = hex_value(text[2 * i]);
                int low = hex_value(text[2 * i + 1]);
                if (high < 0 || low < 0)
                        return false;
                out[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
        }
        return true;
}

static size_t b64_encode(const char *alphabet, bool pad, const uint8_t *data, size_t len, char *out) {
        size_t n = 0;
        for (size_t i = 0; i < len; i += 3) {
                size_t take = len - i < 3 ? len - i : 3;
                uint32_t group = (uint32_t)data[i] << 16;
                if (take > 1)
                        group |= (uint32_t)data[i + 1] << 8;
                if (take > 2)
                        group |= data[i + 2];
                for (size_t k = 0; k < 4; k++) {
                        if (k <= take)
                                out[n++] = alphabet[(group >> (18 - 6 * k)) & 0x3f];
                        else if (pad)
                                out[n++] = '=';
                }
        }
        out[n] = '\0';
        return n;
}

/* Decodes the characters before any padding; the bits left over must be zero so that each value has one text.
 */
static bool b64_decode(const char *alphabet, const char *text, size_t text_len, uint8_t *out, size_t cap,
                       size_t *ret_len) {
        uint32_t bits = 0;
        unsigned have = 0;
        size_t n = 0;
        for (size_t i = 0; i < text_len; i++) {
                const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
                if (!at)
                        return false;
                bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffffffU;
                have += 6;
                if (have < 8)
                        continue;
                have -= 8;
                if (n == cap)
                        return false;
                out[n++] = (uint8_t)(bits >> have);
        }
        if (have >= 6 || (bits & ((1U << have) - 1U)) != 0)
                return false;
        *ret_len = n;
        return true;
}

void cw_dsim_b64_encode(const uint8_t *data, size_t len, char *out) {
        (void)b64_encode(B64_STD, true, data, len, out);
}

bool cw_dsim_b64_decode(const char *text, uint8_t *out, size_t cap, size_t *ret_len) {
        size_t len = strlen(text);
        if (len % 4 != 0)
                return false;
        size_t data_len = len;
        while (data_len > 0 && len - data_len < 2 && text[data_len - 1] == '=')
                data_len--;
        return b64_decode(B64_STD, text, data_len, out, cap, ret_len);
}

void cw_dsim_b64url_encode(const uint8_t *data, size_t len, char *out) {
        (void)b64_encode(B64_URL, false, data, len, out);
}

bool cw_dsim_b64url_decode(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *ret_len) {
        return b64_decode(B64_URL, text, text_len, out, cap, ret_len);
}

bool cw_dsim_is_digits(const char *text, size_t min, size_t max) {
        size_t len = strlen(text);
        return len >= min && len <= max && strspn(text, "0123456789") == len;
}

char cw_dsim_luhn_digit(const char *digits, size_t len) {
        unsigned sum = 0;
        for (size_t i = 0; i < len; i++) {
                unsigned d = (unsigned)(digits[len - 1 - i] - '0');
                if (i % 2 == 0)
                        d = d * 2 > 9 ? d * 2 - 9 : d * 2;
                sum += d;
        }
        return (char)('0' + (10 - sum % 10) % 10);
}

bool cw_dsim_luhn_ok(const char *pan) {
        size_t len = strlen(pan);
        return cw_dsim_is_digits(pan, 12, 19) && cw_dsim_luhn_digit(pan, len - 1) == pan[len - 1];
}

void cw_dsim_mask_pan(const char *pan, char *out, size_t out_size) {
        size_t len = strlen(pan);
        for (size_t i = 0; i < len && i + 1 < out_size; i++) {
                out[i] = i < 6 || i + 4 >= len ? pan[i] : 'X';
                out[i + 1] = '\0';
        }
}

int64_t cw_dsim_now_ms(void) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cw_dsim_iso_time(int64_t ms, char *out, size_t out_size) {
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        char stamp[32];
        (void)gmtime_r(&seconds, &tm);
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
        (void)snprintf(out, out_size, "%s.%03d+00:00", stamp, (int)(ms % 1000));
}

/* strptime is too kind (white space, short fields); the round trip through timegm refuses what it let pass.
 */
static bool parse_exact(const char *text, const char *format, int64_t *ret_ms) {
        struct tm tm;
        memset(&tm, 0, sizeof tm);
        const char *end = strptime(text, format, &tm);
        if (!end || *end)
                return false;
        time_t seconds = timegm(&tm);
        struct tm again;
        char back[32];
        (void)gmtime_r(&seconds, &again);
        if (strcmp(format, "%Y-%m-%d") == 0)
                (void)strftime(back, sizeof back, "%Y-%m-%d", &again);
        else if (strchr(format, 'T'))
                (void)strftime(back, sizeof back, "%Y-%m-%dT%H:%M:%S", &again);
        else
                (void)strftime(back, sizeof back, "%Y-%m-%d %H:%M:%S", &again);
        if (strcmp(back, text) != 0)
                return false;
        *ret_ms = (int64_t)seconds * 1000;
        return true;
}

bool cw_dsim_parse_iso_z(const char *text, int64_t *ret_ms) {
        size_t len = strlen(text);
        char head[20];
        if ((len != 20 && len != 24) || text[len - 1] != 'Z')
                return false;
        memcpy(head, text, 19);
        head[19] = '\0';
        int64_t ms = 0;
        if (len == 24) {
                if (text[19] != '.' || strspn(text + 20, "0123456789") != 3)
                        return false;
                ms = (text[20] - '0') * 100 + (text[21] - '0') * 10 + (text[22] - '0');
        }
        int64_t whole = 0;
        if (!parse_exact(head, "%Y-%m-%dT%H:%M:%S", &whole))
                return false;
        *ret_ms = whole + ms;
        return true;
}

bool cw_dsim_parse_stamp(const char *text, int64_t *ret_ms) {
        return parse_exact(text, "%Y-%m-%d %H:%M:%S", ret_ms);
}

bool cw_dsim_parse_date(const char *text, int64_t *ret_ms) {
        return parse_exact(text, "%Y-%m-%d", ret_ms);
}

bool cw_dsim_copy(char *dst, size_t dst_size, const char *src) {
        size_t len = strlen(src);
        if (len >= dst_size)
                return false;
        memcpy(dst, src, len + 1);
        return true;
}
