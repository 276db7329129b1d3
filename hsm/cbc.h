/* SPDX-License-Identifier: Apache-2.0 */
/* CBC out of ECB calls, for tokens that do not take an IV (p11-kit 0.24 carries none to the token). */
#pragma once

#include "hsm/crypto.h"

#define CW_CBC_MAX 1024u

/*
 * SP 800-38A, 6.2: as cw_hsm_encrypt and cw_hsm_decrypt with CW_MODE_CBC, of whole blocks, at most CW_CBC_MAX
 * bytes; iv is one block, out may be in. Enciphering takes a call for each block, deciphering one for all.
 * What passes through host memory is what goes in and comes out, and in deciphering the text before the chain
 * is taken off, which whoever has the result and the cryptogram knows as well; it is wiped.
 * REJECT/CW_E_TOO_BIG.
 */
CW_WARN_UNUSED cw_rc cw_cbc_by_ecb(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                   enum cw_hsm_dir dir, const uint8_t *iv, const uint8_t *in, size_t len,
                                   uint8_t *out, struct cw_fault *f);
