/* SPDX-License-Identifier: Apache-2.0 */
/* BER-TLV as in ISO 7816-4: definite lengths up to FFFF, tags of one to three bytes. Reads and writes, bounds
 * checked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct emuc_tlv {
        uint32_t tag;
        const uint8_t *value;
        size_t len;
        size_t total; /* tag + length + value */
};

/* The object at the start of p; false when malformed or cut short. */
bool emuc_tlv_read(const uint8_t *p, size_t len, struct emuc_tlv *ret);
/* The first object with this tag at this level; constructed ones are not entered. */
bool emuc_tlv_find(const uint8_t *p, size_t len, uint32_t tag, struct emuc_tlv *ret);
/* True when p is a sequence of well-formed objects. */
bool emuc_tlv_valid(const uint8_t *p, size_t len);
/* Appends one object; false when it does not fit. */
bool emuc_tlv_put(uint8_t *buf, size_t cap, size_t *len, uint32_t tag, const void *value, size_t value_len);

/* A data object list (PDOL, CDOL): sum of the lengths it asks for, SIZE_MAX when malformed. */
size_t emuc_dol_total(const uint8_t *dol, size_t len);
/* Where the DOL puts tag in the data made from it. */
bool emuc_dol_find(const uint8_t *dol, size_t len, uint32_t tag, size_t *ret_offset, size_t *ret_len);
