/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key blocks TR-31 / ANSI X9.143, versions A, B, C and D, with symmetric keys. The MAC of B and D is over
 * the clear key, so that key comes into host memory, wiped by its owner; no generic token checks it inside.
 */
#pragma once

#include "hsm/keyblock_header.h"
#include "hsm/keyblock_keys.h"

#define CW_KEYBLOCK_KEY_MAX 64u
#define CW_KEYBLOCK_PAYLOAD_MAX 96u

/* The clear key of a block; lives in secret memory of its owner. */
struct cw_keyblock_key {
        uint8_t value[CW_KEYBLOCK_KEY_MAX];
        size_t len;
};

/*
 * Header first, then policy, then MAC, then the key's length against its algorithm (T: 16 or 24 bytes, A: 16,
 * 24 or 32, others: 1 to 64). A wrong MAC, a wrong protection key and a malformed payload are one error,
 * REJECT/CW_E_MISMATCH. policy may be NULL where the caller looks at the header itself.
 */
CW_WARN_UNUSED cw_rc cw_keyblock_unwrap(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk,
                                        const char *block, const struct cw_keyblock_policy *policy,
                                        struct cw_keyblock_header *ret_header,
                                        struct cw_keyblock_key *ret_key, struct cw_fault *f);
/*
 * The whole block as text, NUL added. The payload is filled up with random bytes to the longest key of its
 * algorithm, so that the length of the block does not tell the length of the key.
 */
CW_WARN_UNUSED cw_rc cw_keyblock_wrap(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk,
                                      const struct cw_keyblock_header *header,
                                      const struct cw_keyblock_policy *policy,
                                      const struct cw_keyblock_key *key, char ret[CW_KEYBLOCK_MAX + 1],
                                      struct cw_fault *f);

/* ---- the cryptographic half, for cw_keyblock_unwrap and cw_keyblock_wrap ---- */

/* Payload (length in bits, key, padding) of a parsed block whose enciphered part begins at header_len. */
CW_WARN_UNUSED cw_rc cw_keyblock_open(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk,
                                      const char *block, size_t header_len,
                                      uint8_t ret[CW_KEYBLOCK_PAYLOAD_MAX], size_t *ret_len,
                                      struct cw_fault *f);
/* Appends the enciphered payload and its MAC to the header in block; len is a multiple of the cipher block.
 */
CW_WARN_UNUSED cw_rc cw_keyblock_seal(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk,
                                      char block[CW_KEYBLOCK_MAX + 1], size_t header_len,
                                      const uint8_t *payload, size_t len, struct cw_fault *f);
