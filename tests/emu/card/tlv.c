/* SPDX-License-Identifier: Apache-2.0 */
#include "tlv.h"

#include <string.h>

static size_t read_tag(const uint8_t *p, size_t len, uint32_t *tag) {
        size_t n = 1;

        if (!len)
                return 0;
        *tag = p[0];
        if ((p[0] & 0x1f) != 0x1f)
                return 1;
        do {
                if (n >= len || n >= 3)
                        return 0;
                *tag = *tag << 8 | p[n];
        } while (p[n++] & 0x80);
        return n;
}

static size_t read_length(const uint8_t *p, size_t len, size_t *value_len) {
        if (!len)
                return 0;
        if (p[0] < 0x80) {
                *value_len = p[0];
                return 1;
        }
        if (p[0] == 0x81 && len >= 2) {
                *value_len = p[1];
                return 2;
        }
        if (p[0] == 0x82 && len >= 3) {
                *value_len = (size_t)p[1] << 8 | p[2];
                return 3;
        }
        return 0;
}

bool emuc_tlv_read(const uint8_t *p, size_t len, struct emuc_tlv *ret) {
        uint32_t tag = 0;
        size_t value_len = 0;
        size_t t = read_tag(p, len, &tag);
        size_t l = t ? read_length(p + t, len - t, &value_len) : 0;

        if (!t || !l || value_len > len - t - l)
                return false;
        *ret =
            (struct emuc_tlv){.tag = tag, .value = p + t + l, .len = value_len, .total = t + l + value_len};
        return true;
}

bool emuc_tlv_find(const uint8_t *p, size_t len, uint32_t tag, struct emuc_tlv *ret) {
        struct emuc_tlv t;

        while (len && emuc_tlv_read(p, len, &t)) {
                if (t.tag == tag) {
                        *ret = t;
                        return true;
                }
                p += t.total;
                len -= t.total;
        }
        return false;
}

bool emuc_tlv_valid(const uint8_t *p, size_t len) {
        struct emuc_tlv t;

        while (len) {
                if (!emuc_tlv_read(p, len, &t))
                        return false;
                p += t.total;
                len -= t.total;
        }
        return true;
}

static size_t write_head(uint8_t head[8], uint32_t tag, size_t value_len) {
        size_t n = 0;

        for (int shift = 16; shift >= 0; shift -= 8)
                if (tag >> shift || !shift)
                        head[n++] = (uint8_t)(tag >> shift);
        if (value_len >= 0x100)
                head[n++] = 0x82;
        else if (value_len >= 0x80)
                head[n++] = 0x81;
        if (value_len >= 0x100)
                head[n++] = (uint8_t)(value_len >> 8);
        head[n++] = (uint8_t)value_len;
        return n;
}

bool emuc_tlv_put(uint8_t *buf, size_t cap, size_t *len, uint32_t tag, const void *value, size_t value_len) {
        uint8_t head[8];
        size_t n;

        if (value_len > 0xffff || tag > 0xffffff)
                return false;
        n = write_head(head, tag, value_len);
        if (n + value_len > cap - *len)
                return false;
        memcpy(buf + *len, head, n);
        if (value_len)
                memcpy(buf + *len + n, value, value_len);
        *len += n + value_len;
        return true;
}

size_t emuc_dol_total(const uint8_t *dol, size_t len) {
        size_t sum = 0;

        while (len) {
                uint32_t tag = 0;
                size_t t = read_tag(dol, len, &tag);
                if (!t || t >= len)
                        return SIZE_MAX;
                sum += dol[t];
                dol += t + 1;
                len -= t + 1;
        }
        return sum;
}

bool emuc_dol_find(const uint8_t *dol, size_t len, uint32_t wanted, size_t *ret_offset, size_t *ret_len) {
        size_t sum = 0;

        while (len) {
                uint32_t tag = 0;
                size_t t = read_tag(dol, len, &tag);
                if (!t || t >= len)
                        return false;
                if (tag == wanted) {
                        *ret_offset = sum;
                        *ret_len = dol[t];
                        return true;
                }
                sum += dol[t];
                dol += t + 1;
                len -= t + 1;
        }
        return false;
}
