/* SPDX-License-Identifier: Apache-2.0 */
/* CMAC out of a block cipher, for tokens without the mechanism. */
#pragma once

#include "hsm/crypto.h"

#define CW_CMAC_MSG_MAX 4096u

/*
 * SP 800-38B, 6.2, with a key that may encrypt. The subkeys, which do not tell the key, pass through host
 * memory and are wiped. out: one block.
 */
CW_WARN_UNUSED cw_rc cw_cmac_by_cipher(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                       const void *in, size_t len, void *out, struct cw_fault *f);
