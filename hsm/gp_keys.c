/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/gp_keys.h"

#include "base/secret.h"

#include <string.h>

static const char *const names[] = {"none", "visa2", "emv", "kdf3"};

bool cw_gp_diversification_from_name(const char *name, enum cw_gp_diversification *ret) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                if (strcmp(names[i], name) == 0) {
                        *ret = (enum cw_gp_diversification)i;
                        return true;
                }
        }
        return false;
}

/* TDES-ECB(KMC, x|F0|n | x|0F|n) with the 6 bytes x that the scheme picks out of the diversification data. */
static cw_rc derive_tdes(const struct cw_hsm_crypto *c, const struct cw_hsm_key *kmc, const uint8_t x[6],
                         uint8_t n, struct cw_hsm_key *ret, struct cw_fault *f) {
        uint8_t data[16];
        memcpy(data, x, 6);
        data[6] = 0xf0;
        data[7] = n;
        memcpy(data + 8, x, 6);
        data[14] = 0x0f;
        data[15] = n;
        return cw_hsm_derive(c, kmc, CW_MODE_ECB, data, sizeof(data), CW_ALG_TDES2, CW_USE_DERIVE, ret, f);
}

/* Block i = CMAC(KMC, i | 00 00 00 n | 00 | kdd). */
static cw_rc derive_kdf3(const struct cw_hsm_crypto *c, const struct cw_hsm_key *kmc,
                         const uint8_t kdd[CW_KDD_LEN], uint8_t n, unsigned usage, struct cw_hsm_key *ret,
                         struct cw_fault *f) {
        CW_WIPED(uint8_t, value, 32);
        uint8_t msg[6 + CW_KDD_LEN] = {0, 0, 0, 0, n, 0};
        size_t len = cw_hsm_alg_key_len(kmc->alg);
        memcpy(msg + 6, kdd, CW_KDD_LEN);
        for (size_t at = 0; at < len; at += 16) {
                msg[0]++;
                cw_rc rc = cw_hsm_cmac(c, kmc, msg, sizeof(msg), value + at, f);
                if (rc != CW_OK)
                        return rc;
        }
        return cw_hsm_import(c, kmc->alg, usage, value, ret, f);
}

static cw_rc diversify_one(const struct cw_hsm_crypto *c, enum cw_gp_diversification how,
                           const struct cw_hsm_key *kmc, const uint8_t kdd[CW_KDD_LEN], uint8_t n,
                           struct cw_hsm_key *ret, struct cw_fault *f) {
        uint8_t x[6];
        bool aes = cw_hsm_alg_is_aes(kmc->alg);
        if (aes != (how == CW_GP_KDF3) || (!aes && kmc->alg != CW_ALG_TDES2))
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.gp_diversify", "HSM_KEY",
                    "the product's diversification does not fit the algorithm of its card master keys");
        if (aes)
                return derive_kdf3(c, kmc, kdd, n, n == 3 ? CW_USE_ENCRYPT : CW_USE_MAC, ret, f);
        memcpy(x, how == CW_GP_EMV ? kdd + 4 : kdd, 6);
        if (how == CW_GP_VISA2)
                memcpy(x + 2, kdd + 4, 4);
        return derive_tdes(c, kmc, x, n, ret, f);
}

cw_rc cw_gp_diversify(const struct cw_hsm_crypto *c, enum cw_gp_diversification how,
                      const struct cw_gp_keyset *masters, const uint8_t kdd[CW_KDD_LEN],
                      struct cw_gp_keyset *ret, struct cw_fault *f) {
        struct cw_gp_keyset keys = *masters;
        keys.own = false;
        if (how != CW_GP_NONE) {
                keys = (struct cw_gp_keyset){.own = true};
                cw_rc rc = diversify_one(c, how, &masters->enc, kdd, 1, &keys.enc, f);
                if (rc == CW_OK)
                        rc = diversify_one(c, how, &masters->mac, kdd, 2, &keys.mac, f);
                if (rc == CW_OK)
                        rc = diversify_one(c, how, &masters->dek, kdd, 3, &keys.dek, f);
                if (rc != CW_OK) {
                        cw_gp_keyset_destroy(c, &keys);
                        return rc;
                }
        }
        *ret = keys;
        return CW_OK;
}

void cw_gp_keyset_destroy(const struct cw_hsm_crypto *c, struct cw_gp_keyset *keys) {
        if (keys->own) {
                cw_hsm_key_destroy(c, &keys->enc);
                cw_hsm_key_destroy(c, &keys->mac);
                cw_hsm_key_destroy(c, &keys->dek);
        }
        *keys = (struct cw_gp_keyset){0};
}
