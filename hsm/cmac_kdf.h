/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NIST SP 800-108 in counter mode with AES CMAC, as GlobalPlatform has it: session keys of SCP03 (Amendment
 * D, 4.1.5), card keys of KDF3. Inside the token where it derives with CMAC; elsewhere the derived bytes pass
 * through host memory on their way back in.
 */
#pragma once

#include "hsm/crypto.h"

#define CW_CMAC_KDF_LEN_MAX 32u /* bytes of an AES-256 key */

/* Each block is the CMAC of before | length in bits, 16 bits | counter, 8 bits | after. */
struct cw_cmac_kdf {
        uint8_t before[16];
        size_t before_len;
        bool without_length; /* KDF3 says no length */
        const void *after;   /* at most 64 bytes */
        size_t after_len;
};

/* len bytes (1..CW_CMAC_KDF_LEN_MAX) into host memory; base may make MACs. Blocks. */
CW_WARN_UNUSED cw_rc cw_cmac_kdf_value(const struct cw_hsm_crypto *c, const struct cw_hsm_key *base,
                                       const struct cw_cmac_kdf *kdf, uint8_t *ret, size_t len,
                                       struct cw_fault *f);
/* A key of base's algorithm with this usage; the caller destroys it. Blocks. */
CW_WARN_UNUSED cw_rc cw_cmac_kdf_key(const struct cw_hsm_crypto *c, const struct cw_hsm_key *base,
                                     const struct cw_cmac_kdf *kdf, unsigned usage, struct cw_hsm_key *ret,
                                     struct cw_fault *f);
