/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/b64.h"

#include <stdint.h>
#include <string.h>

static const char *alphabet(enum cw_b64 form) {
        return form == CW_B64_STD ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                                  : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

bool cw_b64_encode(enum cw_b64 form, const void *p, size_t len, char *ret, size_t cap, size_t *ret_len) {
        const uint8_t *in = p;
        const char *letters = alphabet(form);
        size_t n = 0;
        if (cap < CW_B64_SIZE(len))
                return false;
        for (size_t i = 0; i < len; i += 3) {
                size_t have = len - i < 3 ? len - i : 3;
                uint32_t v = (uint32_t)in[i] << 16;
                if (have > 1)
                        v |= (uint32_t)in[i + 1] << 8;
                if (have > 2)
                        v |= in[i + 2];
                for (size_t k = 0; k < 4; k++) {
                        if (k <= have)
                                ret[n++] = letters[(v >> (18 - 6 * k)) & 63];
                        else if (form == CW_B64_STD)
                                ret[n++] = '=';
                }
        }
        ret[n] = '\0';
        *ret_len = n;
        return true;
}

static int letter_value(enum cw_b64 form, uint8_t c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        if (c == (form == CW_B64_STD ? '+' : '-'))
                return 62;
        return c == (form == CW_B64_STD ? '/' : '_') ? 63 : -1;
}

bool cw_b64_decode(enum cw_b64 form, const void *text, size_t len, void *ret, size_t cap, size_t *ret_len) {
        const uint8_t *in = text;
        uint8_t *out = ret;
        if (form == CW_B64_STD) {
                if (len % 4)
                        return false;
                for (int i = 0; i < 2 && len > 0 && in[len - 1] == '='; i++)
                        len--;
        }
        size_t size = len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0);
        if (len % 4 == 1 || size > cap)
                return false;
        uint32_t bits = 0;
        unsigned held = 0;
        size_t n = 0;
        for (size_t i = 0; i < len; i++) {
                int v = letter_value(form, in[i]);
                if (v < 0)
                        return false;
                bits = (bits << 6 | (uint32_t)v) & 0xffffff;
                held += 6;
                if (held >= 8) {
                        held -= 8;
                        out[n++] = (uint8_t)(bits >> held);
                }
        }
        *ret_len = n;
        return (bits & ((1u << held) - 1)) == 0;
}
