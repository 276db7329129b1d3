/* SPDX-License-Identifier: Apache-2.0 */
/* DES as a chip uses it: 2-key 3DES, single DES as 3DES with equal halves, ISO 9797-1 MACs. Lengths are
 * multiples of 8. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMUC_DES_KEY 16U

/* All return false only when libcrypto fails; in and out may be the same memory. */
bool emuc_des3_ecb(const uint8_t key[16], bool encrypt, const uint8_t *in, size_t len, uint8_t *out);
bool emuc_des3_cbc(const uint8_t key[16], bool encrypt, const uint8_t iv[8], const uint8_t *in, size_t len,
                   uint8_t *out);
/* One block under a single-length key. */
bool emuc_des1_block(const uint8_t key[8], bool encrypt, const uint8_t in[8], uint8_t out[8]);
/* ISO 9797-1 algorithm 3, padding 2 applied here; iv NULL = zero. */
bool emuc_retail_mac(const uint8_t key[16], const uint8_t *iv, const uint8_t *msg, size_t len,
                     uint8_t ret[8]);
/* The same with padding 1: zeros up to whole blocks, none when there are whole ones. */
bool emuc_retail_mac_zeros(const uint8_t key[16], const uint8_t *msg, size_t len, uint8_t ret[8]);
/* First three bytes of the encipherment of zeros. */
bool emuc_des3_kcv(const uint8_t key[16], uint8_t ret[3]);

/* ISO 9797-1 padding 2: returns the padded length (len + 1 .. len + 8), or 0 when it does not fit in cap. */
size_t emuc_pad80(uint8_t *buf, size_t len, size_t cap, size_t block);
/* Length without padding 2, or SIZE_MAX when there is none. */
size_t emuc_unpad80(const uint8_t *buf, size_t len, size_t block);
