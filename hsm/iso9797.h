/* SPDX-License-Identifier: Apache-2.0 */
/* ISO/IEC 9797-1:2011 paddings 1, 2 and 3, and MAC algorithm 1 (CBC-MAC) with TDES. */
#pragma once

#include "hsm/crypto.h"

#define CW_MAC_MSG_MAX 4096u
#define CW_MAC_CHUNK 512u /* of a message in one cipher call, which takes 1024 bytes at most */

/*
 * Pads msg (at most CW_MAC_MSG_MAX bytes) for an 8-byte block, 6.3: 1 zeros, 2 a one bit and zeros, 3 a
 * block with the length in bits, then zeros. buf has room for len + 16 bytes. Returns the padded length, a
 * multiple of 8 and at least 8.
 */
size_t cw_iso9797_pad(int padding, const void *msg, size_t len, uint8_t *buf, size_t cap);
/* REJECT when the message is too long or the padding is not 1, 2 or 3. */
CW_WARN_UNUSED cw_rc cw_iso9797_check(int padding, size_t len, struct cw_fault *f);
/* MAC algorithm 1, 7.2: last block of CBC under a TDES key that may encrypt. ret_mac: 8 bytes. */
CW_WARN_UNUSED cw_rc cw_cbc_mac(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, int padding,
                                const void *msg, size_t len, uint8_t ret_mac[8], struct cw_fault *f);
