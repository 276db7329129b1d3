/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/elements.h"

#include "base/secret.h"
#include "drivers/chip/tlv.h"

#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MAX 192
#define ARENA_BYTES (32u * 1024u)

struct element {
        uint32_t tag;
        size_t offset, len;
};
struct cw_elements {
        struct cw_secret *arena;
        size_t count;
        struct element element[ELEMENTS_MAX];
};

cw_rc cw_elements_new(struct cw_elements **ret) {
        CW_AUTO(cw_elements_free) struct cw_elements *e = calloc(1, sizeof *e);
        if (!e)
                return CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM);
        cw_rc rc = cw_secret_new(ARENA_BYTES, &e->arena);
        if (rc != CW_OK)
                return rc;
        *ret = CW_STEAL(e);
        return CW_OK;
}

void cw_elements_free(struct cw_elements *e) {
        cw_secret_free(e->arena);
        free(e);
}

/* Index of the tag, count when it is unknown. */
static size_t find(const struct cw_elements *e, uint32_t tag) {
        size_t i = 0;
        while (i < e->count && e->element[i].tag != tag)
                i++;
        return i;
}

cw_rc cw_elements_set(struct cw_elements *e, uint32_t tag, struct cw_span value, struct cw_fault *f) {
        size_t at = find(e, tag);
        if (at == ELEMENTS_MAX || value.len > e->arena->cap - e->arena->len)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_TOO_BIG), 0, "chip.elements",
                               "PRD_SMARTCARD",
                               "the card brings more data than a terminal keeps; it is to be rejected");
        e->element[at] = (struct element){tag, e->arena->len, value.len};
        e->count += at == e->count;
        if (value.len)
                memcpy(e->arena->ptr + e->arena->len, value.ptr, value.len);
        e->arena->len += value.len;
        return CW_OK;
}

bool cw_elements_get(const struct cw_elements *e, uint32_t tag, struct cw_span *ret) {
        size_t at = find(e, tag);
        if (at == e->count)
                return false;
        *ret = CW_SPAN(e->arena->ptr + e->element[at].offset, e->element[at].len);
        return true;
}

cw_rc cw_elements_add_template(struct cw_elements *e, struct cw_span tlv, struct cw_fault *f) {
        if (!cw_tlv_valid(tlv))
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.elements",
                               "PRD_SMARTCARD",
                               "the chip answers data that is not BER-TLV; the card is to be rejected");
        struct cw_span level[CW_TLV_DEPTH_MAX + 1] = {tlv};
        size_t depth = 0;
        for (;;) {
                struct cw_tlv item;
                if (cw_tlv_next(&level[depth], &item) != CW_TLV_ITEM) {
                        if (depth == 0)
                                return CW_OK;
                        depth--;
                } else if (item.constructed) {
                        level[++depth] = item.value;
                } else {
                        cw_rc rc = cw_elements_set(e, item.tag, item.value, f);
                        if (rc != CW_OK)
                                return rc;
                }
        }
}

/* Tags of format n, which are padded and cut on the left (EMV Book 3 annex A). */
static bool is_numeric(uint32_t tag) {
        static const uint32_t numeric[] = {0x9a,   0x9c,   0x5f24, 0x5f25, 0x5f28, 0x5f2a, 0x5f30, 0x5f34,
                                           0x5f36, 0x9f01, 0x9f02, 0x9f03, 0x9f11, 0x9f15, 0x9f1a, 0x9f21,
                                           0x9f35, 0x9f39, 0x9f3c, 0x9f3d, 0x9f41, 0x9f42, 0x9f44};
        for (size_t i = 0; i < sizeof numeric / sizeof *numeric; i++)
                if (numeric[i] == tag)
                        return true;
        return false;
}

/* Compressed numeric: padded with F on the right. */
static bool is_compressed(uint32_t tag) {
        return tag == 0x5a || tag == 0x9f20 || tag == 0x57 || tag == 0x9f62;
}

static cw_rc put_entry(struct cw_elements *e, struct cw_dol_entry entry, struct cw_writer *out,
                       struct cw_fault *f) {
        uint8_t field[255] = {0};
        struct cw_span value = {0};
        if (cw_elements_get(e, entry.tag, &value) && value.len) {
                size_t take = value.len < entry.len ? value.len : entry.len;
                if (is_numeric(entry.tag)) {
                        memcpy(field + entry.len - take, value.ptr + value.len - take, take);
                } else {
                        memset(field, is_compressed(entry.tag) ? 0xff : 0, entry.len);
                        memcpy(field, value.ptr, take);
                }
        }
        cw_put_bytes(out, field, entry.len);
        cw_rc rc = cw_elements_set(e, entry.tag, CW_SPAN(field, entry.len), f);
        cw_wipe(field, sizeof field);
        return rc;
}

cw_rc cw_elements_fill_dol(struct cw_elements *e, struct cw_span dol, struct cw_writer *out,
                           struct cw_fault *f) {
        struct cw_dol_entry entry;
        enum cw_tlv_result result;
        while ((result = cw_dol_next(&dol, &entry)) == CW_TLV_ITEM) {
                cw_rc rc = put_entry(e, entry, out, f);
                if (rc != CW_OK)
                        return rc;
        }
        if (result == CW_TLV_BAD || out->bad || out->len > 255)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.dol", "PRD_SMARTCARD",
                               "a data object list of the card is malformed or asks for more than 255 bytes; "
                               "the card is to be rejected");
        return CW_OK;
}
