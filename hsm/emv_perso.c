/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/emv_perso.h"

#include "base/secret.h"
#include "hsm/cmac.h"

#include <string.h>

cw_rc cw_emv_card_keys_check(const struct cw_emv_card_keys *k, enum cw_hsm_alg alg, struct cw_fault *f) {
        const struct cw_hsm_key *imk[3] = {k->imk_ac, k->imk_smi, k->imk_smc};
        for (size_t i = 0; i < 3; i++)
                if (imk[i]->alg != alg)
                        return cw_fail(
                            f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISMATCH), imk[i]->alg, "hsm.perso_keys",
                            "HSM_PRODUCT",
                            "the profile's DGI 8000 takes keys of %s, and an issuer key of the product (AC, "
                            "SMI, SMC) is %s; correct \"keys\" of the profile or the product's keys",
                            cw_hsm_alg_name(alg), cw_hsm_alg_name(imk[i]->alg));
        return CW_OK;
}

static cw_rc master_key_value(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk,
                              const struct cw_emv_card_keys *k, uint8_t *ret, struct cw_fault *f) {
        return cw_hsm_alg_is_aes(imk->alg)
                   ? cw_emv_aes_icc_mk_value(c, imk, k->pan, k->psn, ret, f)
                   : cw_emv_icc_mk_value(c, imk, k->pan, k->psn, cw_emv_option_for(k->pan), ret, f);
}

cw_rc cw_emv_dgi_8000(const struct cw_hsm_crypto *c, const struct cw_emv_card_keys *k,
                      uint8_t ret[CW_EMV_DGI_MAX], size_t *ret_len, struct cw_fault *f) {
        const struct cw_hsm_key *imk[3] = {k->imk_ac, k->imk_smi, k->imk_smc};
        CW_WIPED(uint8_t, key, CW_EMV_AES_KEY_MAX);
        size_t n = 0;
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < 3 && rc == CW_OK; i++) {
                const size_t len = cw_hsm_alg_key_len(imk[i]->alg);
                rc = master_key_value(c, imk[i], k, key, f);
                if (rc == CW_OK)
                        memcpy(ret + n, key, len);
                n += len;
        }
        if (rc == CW_OK)
                *ret_len = n;
        else
                cw_wipe(ret, CW_EMV_DGI_MAX);
        return rc;
}

/* The CMAC by the cipher alone: a card key may derive, and for this once encipher. */
static cw_rc check_value(const struct cw_hsm_crypto *c, const struct cw_hsm_key *mk, enum cw_kcv_method kcv,
                         uint8_t ret[3], struct cw_fault *f) {
        static const uint8_t zeros[CW_EMV_AES_BLOCK];
        uint8_t mac[CW_EMV_AES_BLOCK];
        if (kcv != CW_KCV_CMAC)
                return cw_kcv(c, mk, kcv, ret, 3, f);
        cw_rc rc = cw_cmac_by_cipher(c, mk, zeros, cw_hsm_alg_block(mk->alg), mac, f);
        if (rc == CW_OK)
                memcpy(ret, mac, 3);
        return rc;
}

cw_rc cw_emv_dgi_9000(const struct cw_hsm_crypto *c, const struct cw_emv_card_keys *k, enum cw_kcv_method kcv,
                      uint8_t ret[9], struct cw_fault *f) {
        const struct cw_hsm_key *imk[3] = {k->imk_ac, k->imk_smi, k->imk_smc};
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < 3 && rc == CW_OK; i++) {
                struct cw_hsm_key mk = {0};
                rc = cw_emv_icc_mk(c, imk[i], k->pan, k->psn, cw_emv_option_for(k->pan), &mk, f);
                if (rc == CW_OK)
                        rc = check_value(c, &mk, kcv, ret + 3 * i, f);
                cw_hsm_key_destroy(c, &mk);
        }
        return rc;
}

/* Uniform digits from random bytes: values from 250 on would favour 0..5. */
static cw_rc random_pin(const struct cw_hsm_crypto *c, struct cw_pin *pin, struct cw_fault *f) {
        CW_WIPED(uint8_t, pool, 64);
        pin->len = 0;
        while (pin->len < CW_PIN_MAX) {
                cw_rc rc = cw_hsm_random(c, pool, sizeof(pool), f);
                if (rc != CW_OK)
                        return rc;
                for (size_t i = 0; i < sizeof(pool) && pin->len < CW_PIN_MAX; i++) {
                        if (pool[i] < 250)
                                pin->digit[pin->len++] = pool[i] % 10;
                }
        }
        return CW_OK;
}

cw_rc cw_emv_dgi_8010(const struct cw_hsm_crypto *c, enum cw_emv_pin_block form, uint8_t ret[8],
                      struct cw_fault *f) {
        CW_WIPED(struct cw_pin, pin, 1);
        CW_WIPED(uint8_t, filler, 8);
        cw_rc rc = random_pin(c, pin, f);
        if (rc == CW_OK)
                rc = cw_hsm_random(c, filler, sizeof(filler), f);
        if (rc != CW_OK)
                return rc;
        cw_pinblock_encode2(pin, ret);
        if (form == CW_EMV_PIN_FORMAT2)
                return CW_OK;
        ret[0] = (uint8_t)((form == CW_EMV_PIN_FORMAT1 ? 0x10 : 0x00) | pin->len);
        if (form == CW_EMV_PIN_FORMAT1) /* 12 digits leave one byte */
                ret[7] = filler[0];
        return CW_OK;
}

void cw_emv_dgi_9010(uint8_t ret[2]) {
        memset(ret, CW_EMV_PIN_TRIES, 2);
}
