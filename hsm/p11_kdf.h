/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Derivations that few tokens do inside: with CMAC, CKM_SP800_108_COUNTER_KDF of PKCS#11 3.0, 6.40, and a key
 * changed by data, CKM_XOR_BASE_AND_DATA, 6.41.
 */
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
/*
 * key_xor of struct cw_hsm_crypto_ops; ctx is a struct cw_p11. The key has exactly the attributes of its
 * usage, read back. The probe "tdes-key-xor" finds out which token does it. Blocks.
 */
CW_WARN_UNUSED cw_rc cw_p11_key_xor(void *ctx, const struct cw_hsm_key *base, const uint8_t data[16],
                                    unsigned usage, struct cw_hsm_key *ret, struct cw_fault *f);
/* Which of them the token does inside. */
struct cw_p11_inside {
        bool cmac_kdf, key_xor, retail_mac;
};
/* Makes *c do inside the token what it can, and nothing else; own holds its operations from then on. */
void cw_p11_offer(struct cw_hsm_crypto *c, struct cw_hsm_crypto_ops *own, const struct cw_p11_inside *inside);
