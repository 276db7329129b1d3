/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the sensitive DGIs of EMV card personalisation (EMV CPS 2.0): 8000, 9000, 8010, 9010. */
#pragma once

#include "hsm/emv_aes.h"
#include "hsm/emv_keys.h"
#include "hsm/kcv.h"
#include "hsm/pinblock.h"

#define CW_EMV_PIN_TRIES 3u
#define CW_EMV_DGI_MAX (3u * CW_EMV_AES_KEY_MAX)

struct cw_emv_card_keys {
        const struct cw_hsm_key *imk_ac, *imk_smi, *imk_smc; /* of one algorithm */
        const char *pan, *psn;
};

/* First byte of the reference PIN block: control and number of digits; the digits and filler follow. */
enum cw_emv_pin_block {
        CW_EMV_PIN_FORMAT2,  /* 2N, F behind the digits (ISO 9564-1 format 2) */
        CW_EMV_PIN_FORMAT1,  /* 1N, random digits behind them (format 1) */
        CW_EMV_PIN_CONTROL0, /* 0N, F behind them, as public readings of CPS have it */
};

/* OPERATOR/HSM_PRODUCT when the keys are not all of this algorithm. */
CW_WARN_UNUSED cw_rc cw_emv_card_keys_check(const struct cw_emv_card_keys *k, enum cw_hsm_alg alg,
                                            struct cw_fault *f);
/* DGI 8000: ICC master keys AC | SMI | SMC, TDES with odd parity: 48 bytes, of AES 48, 72, 96. The caller
 * wipes ret. */
CW_WARN_UNUSED cw_rc cw_emv_dgi_8000(const struct cw_hsm_crypto *c, const struct cw_emv_card_keys *k,
                                     uint8_t ret[CW_EMV_DGI_MAX], size_t *ret_len, struct cw_fault *f);
/* DGI 9000: their check values, 3 bytes each, in the same order. TDES: CW_KCV_LEGACY or CW_KCV_GP, the same.
 */
CW_WARN_UNUSED cw_rc cw_emv_dgi_9000(const struct cw_hsm_crypto *c, const struct cw_emv_card_keys *k,
                                     enum cw_kcv_method kcv, uint8_t ret[9], struct cw_fault *f);
/*
 * DGI 8010: a reference PIN block. No PIN is chosen yet when a card is made, so the block holds a random PIN
 * of 12 digits that nobody learns; issuer scripts replace it later. The caller wipes ret.
 */
CW_WARN_UNUSED cw_rc cw_emv_dgi_8010(const struct cw_hsm_crypto *c, enum cw_emv_pin_block form,
                                     uint8_t ret[8], struct cw_fault *f);
/* DGI 9010: PIN try counter and limit. */
void cw_emv_dgi_9010(uint8_t ret[2]);
