/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/emv_perso.h"

#include "base/secret.h"
#include "hsm/kcv.h"

#include <string.h>

cw_rc cw_emv_dgi_8000(const struct cw_hsm_crypto *c, const struct cw_emv_card_keys *k, uint8_t ret[48],
                      struct cw_fault *f) {
        const struct cw_hsm_key *imk[3] = {k->imk_ac, k->imk_smi, k->imk_smc};
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < 3 && rc == CW_OK; i++)
                rc = cw_emv_icc_mk_value(c, imk[i], k->pan, k->psn, cw_emv_option_for(k->pan), ret + 16 * i,
                                         f);
        if (rc != CW_OK)
                cw_wipe(ret, 48);
        return rc;
}

cw_rc cw_emv_dgi_9000(const struct cw_hsm_crypto *c, const struct cw_emv_card_keys *k, uint8_t ret[9],
                      struct cw_fault *f) {
        const struct cw_hsm_key *imk[3] = {k->imk_ac, k->imk_smi, k->imk_smc};
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < 3 && rc == CW_OK; i++) {
                struct cw_hsm_key mk = {0};
                rc = cw_emv_icc_mk(c, imk[i], k->pan, k->psn, cw_emv_option_for(k->pan), &mk, f);
                if (rc == CW_OK)
                        rc = cw_kcv(c, &mk, CW_KCV_LEGACY, ret + 3 * i, 3, f);
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

cw_rc cw_emv_dgi_8010(const struct cw_hsm_crypto *c, uint8_t ret[8], struct cw_fault *f) {
        CW_WIPED(struct cw_pin, pin, 1);
        cw_rc rc = random_pin(c, pin, f);
        if (rc == CW_OK)
                cw_pinblock_encode2(pin, ret);
        return rc;
}

void cw_emv_dgi_9010(uint8_t ret[2]) {
        memset(ret, CW_EMV_PIN_TRIES, 2);
}
