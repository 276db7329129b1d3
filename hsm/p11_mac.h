/* SPDX-License-Identifier: Apache-2.0 */
/* MAC algorithm 3 with every block between its steps an object in the token. */
#pragma once

#include "hsm/p11_object.h"

/*
 * retail_mac of struct cw_hsm_crypto_ops; ctx is a struct cw_p11. All blocks but the last are chained under
 * single DES into a secret, the last one is mixed into that secret's end, and what is wrapped is the MAC. The
 * objects are destroyed; their attributes are read back. A token cannot chain on with a secret, so a longer
 * message has no way inside. The probe "retail-mac" finds out which token does it. Blocks.
 */
CW_WARN_UNUSED cw_rc cw_p11_retail_mac(void *ctx, const struct cw_hsm_key *left,
                                       const struct cw_hsm_key *full, const uint8_t icv[8],
                                       const uint8_t *msg, size_t len, uint8_t ret[8], struct cw_fault *f);
