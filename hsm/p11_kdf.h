/* SPDX-License-Identifier: Apache-2.0 */
/* Derivation with CMAC inside the token, CKM_SP800_108_COUNTER_KDF of PKCS#11 3.0, 6.40. */
#pragma once

#include "hsm/cmac_kdf.h"
#include "hsm/p11_object.h"

/*
 * cmac_kdf of struct cw_hsm_crypto_ops; ctx is a struct cw_p11. The key has exactly the attributes of its
 * usage, read back. KMC keys may SIGN and not DERIVE, so only a token that derives with those does it at all:
 * the probe "aes-cmac-derive" finds out. Blocks.
 */
CW_WARN_UNUSED cw_rc cw_p11_cmac_kdf(void *ctx, const struct cw_hsm_key *base, const struct cw_cmac_kdf *kdf,
                                     unsigned usage, struct cw_hsm_key *ret, struct cw_fault *f);
/* Makes *c derive with CMAC inside the token, or no more; own holds its operations from then on. */
void cw_p11_cmac_kdf_offer(struct cw_hsm_crypto *c, struct cw_hsm_crypto_ops *own, bool inside);
