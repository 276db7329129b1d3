/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/gp_keys.h"

#include "base/secret.h"
#include "hsm/cmac_kdf.h"

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

/* TDES: the key is TDES-ECB(KMC, x|F0|n | x|0F|n) with the 6 bytes x that the scheme picks out of the
 * diversification data. */
static void tdes_data(enum cw_gp_diversification how, const uint8_t kdd[CW_KDD_LEN], uint8_t n,
                      uint8_t ret[16]) {
        memcpy(ret, how == CW_GP_EMV ? kdd + 4 : kdd, 6);
        if (how == CW_GP_VISA2)
                memcpy(ret + 2, kdd + 4, 4);
        ret[6] = 0xf0;
        ret[7] = n;
        memcpy(ret + 8, ret, 6);
        ret[14] = 0x0f;
        ret[15] = n;
}

/* Block i = CMAC(KMC, i | 00 00 00 n | 00 | kdd). data: what is behind i. */
static struct cw_cmac_kdf kdf3_of(const uint8_t kdd[CW_KDD_LEN], uint8_t n, uint8_t data[5 + CW_KDD_LEN]) {
        memset(data, 0, 5);
        data[3] = n;
        memcpy(data + 5, kdd, CW_KDD_LEN);
        return (struct cw_cmac_kdf){.without_length = true, .after = data, .after_len = 5 + CW_KDD_LEN};
}

static cw_rc check_fits(enum cw_gp_diversification how, const struct cw_hsm_key *kmc, struct cw_fault *f) {
        bool aes = cw_hsm_alg_is_aes(kmc->alg);
        if (aes == (how == CW_GP_KDF3) && (aes || kmc->alg == CW_ALG_TDES2))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.gp_diversify", "HSM_KEY",
                       "the product's diversification does not fit the algorithm of its card master keys");
}

static cw_rc diversify_one(const struct cw_hsm_crypto *c, enum cw_gp_diversification how,
                           const struct cw_hsm_key *kmc, const uint8_t kdd[CW_KDD_LEN], uint8_t n,
                           struct cw_hsm_key *ret, struct cw_fault *f) {
        uint8_t data[16];
        cw_rc rc = check_fits(how, kmc, f);
        if (rc != CW_OK)
                return rc;
        if (how != CW_GP_KDF3) {
                tdes_data(how, kdd, n, data);
                return cw_hsm_derive(c, kmc, CW_MODE_ECB, data, 16, CW_ALG_TDES2, CW_USE_DERIVE, ret, f);
        }
        const struct cw_cmac_kdf kdf = kdf3_of(kdd, n, data);
        return cw_cmac_kdf_key(c, kmc, &kdf, n == 3 ? CW_USE_ENCRYPT : CW_USE_MAC, ret, f);
}

cw_rc cw_gp_diversify_value(const struct cw_hsm_crypto *c, enum cw_gp_diversification how,
                            const struct cw_hsm_key *kmc, const uint8_t kdd[CW_KDD_LEN], uint8_t n,
                            uint8_t ret[CW_GP_KEY_MAX], struct cw_fault *f) {
        uint8_t data[16];
        if (how == CW_GP_NONE)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.gp_diversify", "HSM_KEY",
                    "a master key does not leave the token: a card gets keys of its own, so choose "
                    "visa2, emv or kdf3 for the new keys");
        cw_rc rc = check_fits(how, kmc, f);
        if (rc != CW_OK)
                return rc;
        if (how == CW_GP_KDF3) {
                const struct cw_cmac_kdf kdf = kdf3_of(kdd, n, data);
                return cw_cmac_kdf_value(c, kmc, &kdf, ret, cw_hsm_alg_key_len(kmc->alg), f);
        }
        tdes_data(how, kdd, n, data);
        return cw_hsm_encrypt(c, kmc, CW_MODE_ECB, NULL, data, sizeof(data), ret, f);
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
