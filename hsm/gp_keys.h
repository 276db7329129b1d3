/* SPDX-License-Identifier: Apache-2.0 */
/* GlobalPlatform static key sets: diversification by the card's key diversification data. */
#pragma once

#include "hsm/crypto.h"

#define CW_KDD_LEN 10u

enum cw_gp_diversification { CW_GP_NONE, CW_GP_VISA2, CW_GP_EMV, CW_GP_KDF3 };

/* "none" "visa2" "emv" "kdf3"; false for an unknown name. */
bool cw_gp_diversification_from_name(const char *name, enum cw_gp_diversification *ret);

/* K-ENC, K-MAC, K-DEK. own tells which are derived and to be destroyed. */
struct cw_gp_keyset {
        struct cw_hsm_key enc, mac, dek;
        bool own;
};

#define CW_GP_KEY_MAX 32u
/* The card's own key n (1 ENC, 2 MAC, 3 DEK) as bytes, for PUT KEY alone; the caller wipes ret. REJECT for
 * "none": a master does not leave the backend. */
CW_WARN_UNUSED cw_rc cw_gp_diversify_value(const struct cw_hsm_crypto *c, enum cw_gp_diversification how,
                                           const struct cw_hsm_key *kmc, const uint8_t kdd[CW_KDD_LEN],
                                           uint8_t n, uint8_t ret[CW_GP_KEY_MAX], struct cw_fault *f);
/*
 * The card's static keys from the masters. visa2 and emv (EMV CPS 1.1) are for TDES masters and stay in the
 * backend; kdf3 is for AES masters: CMAC(KMC, i|000000n|00|kdd) passes through host memory on its way into a
 * session key. With none the result borrows the masters. REJECT when algorithm and diversification do not
 * fit.
 */
CW_WARN_UNUSED cw_rc cw_gp_diversify(const struct cw_hsm_crypto *c, enum cw_gp_diversification how,
                                     const struct cw_gp_keyset *masters, const uint8_t kdd[CW_KDD_LEN],
                                     struct cw_gp_keyset *ret, struct cw_fault *f);
void cw_gp_keyset_destroy(const struct cw_hsm_crypto *c, struct cw_gp_keyset *keys);
