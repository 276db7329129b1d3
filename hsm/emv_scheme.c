/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/emv_scheme.h"

#include "base/secret.h"
#include "hsm/emv_cryptogram.h"

#include <string.h>

enum ac_key { AC_MASTER, AC_COMMON, AC_MCHIP };

static const struct {
        enum ac_key ac;
        int padding, arpc;
        bool arpc_master; /* method 1 under the card's master key */
        bool visa_sm;     /* script keys of the master key and ATC, else common session keys of the ARQC */
        bool counts;      /* ARQC + number of the command */
        enum cw_emv_pin_scheme pin;
} schemes[] = {
    [CW_CVN10] = {AC_MASTER, 1, 1, true, true, false, CW_EMV_PIN_VISA},
    [CW_CVN18] = {AC_COMMON, 2, 2, false, true, false, CW_EMV_PIN_VISA},
    [CW_CVN22] = {AC_COMMON, 2, 2, false, false, false, CW_EMV_PIN_VISA22},
    [CW_CVN_MCHIP16] = {AC_MCHIP, 2, 1, true, false, true, CW_EMV_PIN_MCHIP},
    [CW_CVN_MCHIP20] = {AC_COMMON, 2, 1, false, false, true, CW_EMV_PIN_MCHIP},
    [CW_CVN_CCD] = {AC_COMMON, 2, 2, false, false, false, CW_EMV_PIN_CCD},
};

/* Only the common core definitions have a version with AES. */
static cw_rc check_aes(enum cw_cvn cvn, const struct cw_hsm_key *imk, struct cw_fault *f) {
        if (cvn == CW_CVN_CCD || !cw_hsm_alg_is_aes(imk->alg))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_UNSUPPORTED), imk->alg, "hsm.emv_scheme",
                       "HSM_PRODUCT",
                       "the product's issuer keys are AES, which its cryptogram version does not have; set "
                       "cvn to ccd or give it TDES keys");
}

static cw_rc common(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk,
                    const struct cw_emv_card *card, const uint8_t r[8], struct cw_retail_key *ret,
                    struct cw_fault *f) {
        struct cw_hsm_key mk = {0};
        cw_rc rc = cw_emv_icc_mk(c, imk, card->pan, card->psn, cw_emv_option_for(card->pan), &mk, f);
        if (rc == CW_OK)
                rc = cw_emv_csk(c, &mk, r, ret, f);
        cw_hsm_key_destroy(c, &mk);
        return rc;
}

static cw_rc master(const struct cw_hsm_crypto *c, const struct cw_emv_card *card, struct cw_retail_key *ret,
                    struct cw_fault *f) {
        return cw_emv_icc_mk_pair(c, card->imk_ac, card->pan, card->psn, cw_emv_option_for(card->pan), ret,
                                  f);
}

cw_rc cw_emv_scheme_ac(const struct cw_hsm_crypto *c, enum cw_cvn cvn, const struct cw_emv_card *card,
                       const struct cw_emv_tx *tx, struct cw_retail_key *ret, int *ret_padding,
                       struct cw_fault *f) {
        uint8_t r[8] = {tx->atc[0], tx->atc[1]};
        cw_rc rc = check_aes(cvn, card->imk_ac, f);
        if (rc != CW_OK)
                return rc;
        *ret_padding = schemes[cvn].padding;
        if (schemes[cvn].ac == AC_MASTER)
                return master(c, card, ret, f);
        if (schemes[cvn].ac == AC_MCHIP)
                cw_emv_r_mchip(tx->atc, tx->un, r);
        return common(c, card->imk_ac, card, r, ret, f);
}

int cw_emv_scheme_arpc_method(enum cw_cvn cvn) {
        return schemes[cvn].arpc;
}

cw_rc cw_emv_scheme_arpc1(const struct cw_hsm_crypto *c, enum cw_cvn cvn, const struct cw_emv_card *card,
                          const struct cw_emv_tx *tx, const uint8_t arc[2], uint8_t ret[8],
                          struct cw_fault *f) {
        struct cw_retail_key key = {0};
        int padding = 0;
        cw_rc rc = schemes[cvn].arpc_master ? master(c, card, &key, f)
                                            : cw_emv_scheme_ac(c, cvn, card, tx, &key, &padding, f);
        if (rc == CW_OK)
                rc = cw_emv_arpc1(c, &key, tx->arqc, arc, ret, f);
        cw_retail_key_destroy(c, &key);
        return rc;
}

/* ARQC + number as one big-endian counter. */
static void next_r(const uint8_t arqc[8], unsigned number, uint8_t ret[8]) {
        memcpy(ret, arqc, 8);
        for (size_t i = 8; i > 0 && number > 0; i--) {
                number += ret[i - 1];
                ret[i - 1] = (uint8_t)number;
                number >>= 8;
        }
}

void cw_emv_scheme_script_r(enum cw_cvn cvn, const struct cw_emv_tx *tx, unsigned number, uint8_t ret[8]) {
        next_r(tx->arqc, schemes[cvn].counts ? number : 0, ret);
}

cw_rc cw_emv_scheme_script_key(const struct cw_hsm_crypto *c, enum cw_cvn cvn, const struct cw_emv_card *card,
                               const struct cw_emv_tx *tx, enum cw_emv_script_key which, unsigned number,
                               struct cw_retail_key *ret, struct cw_fault *f) {
        uint8_t r[8];
        const struct cw_hsm_key *imk = which == CW_SCRIPT_INTEGRITY ? card->imk_smi : card->imk_smc;
        cw_rc rc = check_aes(cvn, imk, f);
        if (rc != CW_OK)
                return rc;
        if (!schemes[cvn].visa_sm) {
                cw_emv_scheme_script_r(cvn, tx, number, r);
                return common(c, imk, card, r, ret, f);
        }
        return cw_emv_visa_sk(c, imk, card->pan, card->psn, cw_emv_option_for(card->pan), tx->atc, ret, f);
}

bool cw_emv_scheme_script_inside(const struct cw_hsm_crypto *c, enum cw_cvn cvn) {
        return !schemes[cvn].visa_sm || c->ops->key_xor != NULL;
}

enum cw_emv_pin_scheme cw_emv_scheme_pin(enum cw_cvn cvn) {
        return schemes[cvn].pin;
}
