/* SPDX-License-Identifier: Apache-2.0 */
/* Key block protection keys and the two keys made from them for one block: KBEK and KBAK. */
#pragma once

#include "hsm/crypto.h"

/*
 * A TDES KBPK serves versions A, B and C, an AES one version D. A and C bind by variants, and no token mixes
 * data into a key, so the two variants are keys beside it.
 */
struct cw_kbpk {
        struct cw_hsm_key key; /* CMAC */
        struct cw_hsm_key enc; /* key ^ 4545..45; none for AES */
        struct cw_hsm_key mac; /* key ^ 4D4D..4D; none for AES */
};
struct cw_keyblock_keys {
        struct cw_hsm_key kbek, kbak;
        bool borrowed; /* they belong to the cw_kbpk */
};

/* From bytes of the caller (16 or 24; AES 16, 24 or 32), who wipes them. */
CW_WARN_UNUSED cw_rc cw_kbpk_import(const struct cw_hsm_crypto *c, bool aes, const uint8_t *value, size_t len,
                                    struct cw_kbpk *ret, struct cw_fault *f);
void cw_kbpk_destroy(const struct cw_hsm_crypto *c, struct cw_kbpk *k);

/*
 * Keys for one block of this version. For B and D they are derived by CMAC and pass through host memory
 * on their way back into the backend. REJECT when version and KBPK do not go together.
 */
CW_WARN_UNUSED cw_rc cw_keyblock_keys_make(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk,
                                           char version, struct cw_keyblock_keys *ret, struct cw_fault *f);
void cw_keyblock_keys_destroy(const struct cw_hsm_crypto *c, struct cw_keyblock_keys *k);
