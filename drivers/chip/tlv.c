/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/tlv.h"

#include <string.h>

#define TAG_BYTES_MAX 4

/* One tag off the front; 0 when there is none. */
static uint32_t take_tag(struct cw_reader *r) {
        uint32_t tag = cw_get_u8(r);
        if ((tag & 0x1f) != 0x1f)
                return r->bad ? 0 : tag;
        for (int i = 1; i < TAG_BYTES_MAX; i++) {
                uint8_t next = cw_get_u8(r);
                tag = tag << 8 | next;
                if (!(next & 0x80))
                        return r->bad ? 0 : tag;
        }
        return 0;
}

static bool take_length(struct cw_reader *r, size_t *ret) {
        size_t len = cw_get_u8(r);
        if (len >= 0x80) {
                unsigned count = (unsigned)len & 0x7f;
                if (count == 0 || count > 2)
                        return false;
                len = count == 1 ? cw_get_u8(r) : cw_get_be16(r);
        }
        *ret = len;
        return !r->bad;
}

static bool tag_constructed(uint32_t tag) {
        while (tag > 0xff)
                tag >>= 8;
        return (tag & 0x20) != 0;
}

/* The header only; *rest then begins with the value. */
static enum cw_tlv_result take_header(struct cw_span *rest, uint32_t *ret_tag, size_t *ret_len) {
        while (rest->len && rest->ptr[0] == 0) {
                rest->ptr++;
                rest->len--;
        }
        if (rest->len == 0)
                return CW_TLV_END;
        struct cw_reader r;
        cw_reader_init(&r, rest->ptr, rest->len);
        uint32_t tag = take_tag(&r);
        size_t len = 0;
        if (tag == 0 || !take_length(&r, &len) || len > r.left)
                return CW_TLV_BAD;
        *rest = CW_SPAN(r.ptr, r.left);
        *ret_tag = tag;
        *ret_len = len;
        return CW_TLV_ITEM;
}

enum cw_tlv_result cw_tlv_next(struct cw_span *rest, struct cw_tlv *ret) {
        uint32_t tag = 0;
        size_t len = 0;
        enum cw_tlv_result result = take_header(rest, &tag, &len);
        if (result != CW_TLV_ITEM)
                return result;
        *ret = (struct cw_tlv){tag, CW_SPAN(rest->ptr, len), tag_constructed(tag)};
        *rest = CW_SPAN(rest->ptr + len, rest->len - len);
        return CW_TLV_ITEM;
}

bool cw_tlv_valid(struct cw_span bytes) {
        struct cw_span level[CW_TLV_DEPTH_MAX + 1] = {bytes};
        size_t depth = 0;
        for (;;) {
                struct cw_tlv item = {0};
                enum cw_tlv_result result = cw_tlv_next(&level[depth], &item);
                if (result == CW_TLV_BAD)
                        return false;
                if (result == CW_TLV_END) {
                        if (depth == 0)
                                return true;
                        depth--;
                } else if (item.constructed) {
                        if (depth == CW_TLV_DEPTH_MAX)
                                return false;
                        level[++depth] = item.value;
                }
        }
}

bool cw_tlv_find(struct cw_span bytes, uint32_t tag, struct cw_span *ret) {
        /* In well-formed bytes, stepping over the header of a constructed object is stepping into it. */
        struct cw_span rest = bytes;
        uint32_t seen = 0;
        size_t len = 0;
        if (!cw_tlv_valid(bytes))
                return false;
        while (take_header(&rest, &seen, &len) == CW_TLV_ITEM) {
                if (seen == tag) {
                        *ret = CW_SPAN(rest.ptr, len);
                        return true;
                }
                size_t step = tag_constructed(seen) ? 0 : len;
                rest = CW_SPAN(rest.ptr + step, rest.len - step);
        }
        return false;
}

static size_t tag_len(uint32_t tag) {
        return tag > 0xffffff ? 4 : tag > 0xffff ? 3 : tag > 0xff ? 2 : 1;
}

size_t cw_tlv_header_len(uint32_t tag, size_t len) {
        if (tag == 0 || len > 0xffff)
                return 0;
        return tag_len(tag) + (len < 0x80 ? 1 : len < 0x100 ? 2 : 3);
}

void cw_tlv_put_header(struct cw_writer *w, uint32_t tag, size_t len) {
        if (cw_tlv_header_len(tag, len) == 0) {
                w->bad = true;
                return;
        }
        for (size_t i = tag_len(tag); i > 0; i--)
                cw_put_u8(w, (uint8_t)(tag >> (8 * (i - 1))));
        if (len >= 0x100) {
                cw_put_u8(w, 0x82);
                cw_put_be16(w, (uint16_t)len);
                return;
        }
        if (len >= 0x80)
                cw_put_u8(w, 0x81);
        cw_put_u8(w, (uint8_t)len);
}

void cw_tlv_put(struct cw_writer *w, uint32_t tag, const void *value, size_t len) {
        cw_tlv_put_header(w, tag, len);
        cw_put_bytes(w, value, len);
}

enum cw_tlv_result cw_dol_next(struct cw_span *rest, struct cw_dol_entry *ret) {
        if (rest->len == 0)
                return CW_TLV_END;
        struct cw_reader r;
        cw_reader_init(&r, rest->ptr, rest->len);
        uint32_t tag = take_tag(&r);
        uint8_t len = cw_get_u8(&r);
        if (tag == 0 || r.bad)
                return CW_TLV_BAD;
        *rest = CW_SPAN(r.ptr, r.left);
        *ret = (struct cw_dol_entry){tag, len};
        return CW_TLV_ITEM;
}

bool cw_tlv_tag_parse(const char *hex, uint32_t *ret) {
        uint8_t bytes[TAG_BYTES_MAX];
        size_t len = 0;
        if (!cw_hex_decode(hex, strlen(hex), bytes, sizeof bytes, &len) || len == 0)
                return false;
        struct cw_reader r;
        cw_reader_init(&r, bytes, len);
        uint32_t tag = take_tag(&r);
        if (tag == 0 || r.left != 0)
                return false;
        *ret = tag;
        return true;
}
