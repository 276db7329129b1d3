/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool cw_base64_encode(const void *p, size_t len, char *ret, size_t ret_cap) {
        const uint8_t *in = p;
        size_t n = 0;
        if (len > SIZE_MAX / 2 || CW_BASE64_LEN(len) + 1 > ret_cap)
                return false;
        for (size_t i = 0; i < len; i += 3) {
                size_t left = len - i;
                uint32_t v = (uint32_t)in[i] << 16;
                v |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
                v |= left > 2 ? (uint32_t)in[i + 2] : 0;
                ret[n++] = alphabet[v >> 18];
                ret[n++] = alphabet[(v >> 12) & 63];
                ret[n++] = left > 1 ? alphabet[(v >> 6) & 63] : '=';
                ret[n++] = left > 2 ? alphabet[v & 63] : '=';
        }
        ret[n] = '\0';
        return true;
}

static int value(char ch) {
        if (ch >= 'A' && ch <= 'Z')
                return ch - 'A';
        if (ch >= 'a' && ch <= 'z')
                return ch - 'a' + 26;
        if (ch >= '0' && ch <= '9')
                return ch - '0' + 52;
        return ch == '+' ? 62 : ch == '/' ? 63 : -1;
}

/* One quad: count of bytes it holds (1..3), 0 when it is malformed. */
static size_t quad(const char *q, bool last, uint32_t *ret) {
        size_t pads = (q[3] == '=' ? 1u : 0u) + (q[3] == '=' && q[2] == '=' ? 1u : 0u);
        if (pads > 0 && !last)
                return 0;
        uint32_t v = 0;
        for (size_t i = 0; i < 4; i++) {
                int d = i >= 4 - pads ? 0 : value(q[i]);
                if (d < 0)
                        return 0;
                v = v << 6 | (uint32_t)d;
        }
        if ((pads == 1 && (v & 0xff) != 0) || (pads == 2 && (v & 0xffff) != 0))
                return 0;
        *ret = v;
        return 3 - pads;
}

bool cw_base64_decode(const char *text, size_t len, void *ret, size_t ret_cap, size_t *ret_len) {
        uint8_t *out = ret;
        size_t n = 0;
        if (len % 4 != 0)
                return false;
        for (size_t i = 0; i < len; i += 4) {
                uint32_t v = 0;
                size_t bytes = quad(text + i, i + 4 == len, &v);
                if (bytes == 0 || n + bytes > ret_cap)
                        return false;
                for (size_t k = 0; k < bytes; k++)
                        out[n++] = (uint8_t)(v >> (16 - 8 * k));
        }
        *ret_len = n;
        return true;
}
