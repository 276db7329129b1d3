/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <endian.h>
#include <string.h>

void cw_put_be16(struct cw_writer *w, uint16_t v) {
        uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
        cw_put_bytes(w, b, sizeof b);
}

void cw_put_be32(struct cw_writer *w, uint32_t v) {
        uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        cw_put_bytes(w, b, sizeof b);
}

void cw_put_item(struct cw_writer *w, const void *p, size_t len) {
        if (len > UINT16_MAX) {
                w->bad = true;
                return;
        }
        cw_put_be16(w, (uint16_t)len);
        cw_put_bytes(w, p, len);
}

void cw_reader_init(struct cw_reader *r, const void *mem, size_t len) {
        *r = (struct cw_reader){.ptr = mem, .left = len};
}

struct cw_span cw_get_bytes(struct cw_reader *r, size_t len) {
        if (r->bad || len > r->left) {
                r->bad = true;
                return CW_SPAN(NULL, 0);
        }
        struct cw_span s = CW_SPAN(r->ptr, len);
        if (len)
                r->ptr += len;
        r->left -= len;
        return s;
}

uint8_t cw_get_u8(struct cw_reader *r) {
        struct cw_span s = cw_get_bytes(r, 1);
        return s.len ? s.ptr[0] : 0;
}

uint16_t cw_get_be16(struct cw_reader *r) {
        struct cw_span s = cw_get_bytes(r, 2);
        return s.len ? (uint16_t)((s.ptr[0] << 8) | s.ptr[1]) : 0;
}

uint32_t cw_get_be32(struct cw_reader *r) {
        struct cw_span s = cw_get_bytes(r, 4);
        return s.len ? ((uint32_t)s.ptr[0] << 24) | ((uint32_t)s.ptr[1] << 16) | ((uint32_t)s.ptr[2] << 8) |
                           s.ptr[3]
                     : 0;
}

struct cw_span cw_get_item(struct cw_reader *r) {
        uint16_t len = cw_get_be16(r);
        return cw_get_bytes(r, len);
}

bool cw_hex_encode(const void *p, size_t len, char *ret, size_t ret_cap) {
        static const char digits[] = "0123456789ABCDEF";
        const uint8_t *b = p;
        if (ret_cap == 0 || len > (ret_cap - 1) / 2)
                return false;
        for (size_t i = 0; i < len; i++) {
                ret[2 * i] = digits[b[i] >> 4];
                ret[2 * i + 1] = digits[b[i] & 15];
        }
        ret[2 * len] = '\0';
        return true;
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

/* Eight digits at a time, in the bytes of one word: the first digit is the lowest byte. */
static uint64_t bcd_pack8(const char digits[8], uint8_t ret[4]) {
        uint64_t v = 0;
        memcpy(&v, digits, 8);
        v = le64toh(v) ^ 0x3030303030303030u;
        uint64_t bad = (v | (v + 0x0606060606060606u)) & 0xf0f0f0f0f0f0f0f0u;
        v = (v << 4 | v >> 8) & 0x00ff00ff00ff00ffu;
        v = (v | v >> 8) & 0x0000ffff0000ffffu;
        uint32_t packed = htole32((uint32_t)(v | v >> 16));
        memcpy(ret, &packed, 4);
        return bad;
}

bool cw_bcd_pack(const char *digits, void *ret, size_t len) {
        uint8_t *out = ret;
        uint64_t bad = 0;
        size_t i = 0;
        for (; i + 4 <= len; i += 4)
                bad |= bcd_pack8(digits + 2 * i, out + i);
        for (; i < len; i++) {
                unsigned hi = (unsigned)(unsigned char)digits[2 * i] - '0';
                unsigned lo = (unsigned)(unsigned char)digits[2 * i + 1] - '0';
                bad |= (unsigned)(hi > 9) | (unsigned)(lo > 9);
                out[i] = (uint8_t)((hi << 4 | lo) & 0xff);
        }
        return bad == 0;
}

bool cw_hex_decode(const char *hex, size_t hex_len, void *ret, size_t ret_cap, size_t *ret_len) {
        uint8_t *out = ret;
        if (hex_len % 2 || hex_len / 2 > ret_cap)
                return false;
        for (size_t i = 0; i < hex_len / 2; i++) {
                int hi = hex_value(hex[2 * i]);
                int lo = hex_value(hex[2 * i + 1]);
                if (hi < 0 || lo < 0)
                        return false;
                out[i] = (uint8_t)((hi << 4) | lo);
        }
        *ret_len = hex_len / 2;
        return true;
}
