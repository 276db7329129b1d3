/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the sensitive DGIs of EMV card personalisation (EMV CPS 2.0): 8000, 9000, 8010, 9010. */
#pragma once

#include "hsm/emv_keys.h"
#include "hsm/pinblock.h"

#define CW_EMV_PIN_TRIES 3u
#define CW_EMV_DGI_MAX 48u

struct cw_emv_card_keys {
        const struct cw_hsm_key *imk_ac, *imk_smi, *imk_smc;
        const char *pan, *psn;
};

/* DGI 8000: ICC master keys AC | SMI | SMC with odd parity, 48 bytes; the caller wipes ret. */
CW_WARN_UNUSED cw_rc cw_emv_dgi_8000(const struct cw_hsm_crypto *c, const struct cw_emv_card_keys *k,
                                     uint8_t ret[48], struct cw_fault *f);
/* DGI 9000: their check values, 3 bytes each, in the same order. */
CW_WARN_UNUSED cw_rc cw_emv_dgi_9000(const struct cw_hsm_crypto *c, const struct cw_emv_card_keys *k,
                                     uint8_t ret[9], struct cw_fault *f);
/*
 * DGI 8010: a reference PIN block, format 2. No PIN is chosen yet when a card is made, so the block holds a
 * random PIN of 12 digits that nobody learns; issuer scripts replace it later. The caller wipes ret.
 */
CW_WARN_UNUSED cw_rc cw_emv_dgi_8010(const struct cw_hsm_crypto *c, uint8_t ret[8], struct cw_fault *f);
/* DGI 9010: PIN try counter and limit. */
void cw_emv_dgi_9010(uint8_t ret[2]);
