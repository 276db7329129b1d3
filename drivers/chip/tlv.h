/* SPDX-License-Identifier: Apache-2.0 */
/* BER-TLV as EMV Book 3 annex B uses it: tags of up to 4 bytes, definite lengths of up to 3 bytes. No
 * allocation. */
#pragma once

#include "base/buf.h"

#define CW_TLV_DEPTH_MAX 8
#define CW_TLV_HEADER_MAX 7

struct cw_tlv {
        uint32_t tag;
        struct cw_span value; /* borrowed from the input */
        bool constructed;
};

enum cw_tlv_result { CW_TLV_END, CW_TLV_ITEM, CW_TLV_BAD };

/* Takes the next object off the front of *rest, skipping 00 bytes between objects. */
enum cw_tlv_result cw_tlv_next(struct cw_span *rest, struct cw_tlv *ret);
/* True when the bytes are well-formed objects down to the last level, nested at most CW_TLV_DEPTH_MAX deep.
 */
bool cw_tlv_valid(struct cw_span bytes);
/* First object with the tag, depth first, within well-formed bytes; false when absent. */
bool cw_tlv_find(struct cw_span bytes, uint32_t tag, struct cw_span *ret);

/* Tag and length of an object whose value of len bytes follows. */
void cw_tlv_put_header(struct cw_writer *w, uint32_t tag, size_t len);
void cw_tlv_put(struct cw_writer *w, uint32_t tag, const void *value, size_t len);
/* Bytes cw_tlv_put_header writes; 0 for a tag that is none. */
size_t cw_tlv_header_len(uint32_t tag, size_t len);

/* One entry of a data object list (EMV Book 3 5.4): a tag and the length asked for. */
struct cw_dol_entry {
        uint32_t tag;
        uint8_t len;
};
enum cw_tlv_result cw_dol_next(struct cw_span *rest, struct cw_dol_entry *ret);

/* "9F02" to 0x9F02; false unless it is 2 to 8 hex digits that form one tag. */
bool cw_tlv_tag_parse(const char *hex, uint32_t *ret);
