/* SPDX-License-Identifier: Apache-2.0 */
/* Verification values of one transaction: dCVV, CVC3, CAVV. */
#pragma once

#include "hsm/cvv.h"

/*
 * dCVV of a contactless magstripe transaction: CVV under the card's own key with the 4-digit ATC in place of
 * the first 4 PAN digits. mk: ICC master key derived from the dCVV issuer key (cw_emv_icc_mk_pair).
 */
CW_WARN_UNUSED cw_rc cw_dcvv(const struct cw_hsm_crypto *c, const struct cw_retail_key *mk, const char *pan,
                             const char *expiry, const char *service, const char *atc,
                             char ret[CW_CVV_LEN + 1], struct cw_fault *f);
/* IVCVC3: last 2 bytes of the retail MAC, padding 2, over the static track data under the card's CVC3 key. */
CW_WARN_UNUSED cw_rc cw_cvc3_iv(const struct cw_hsm_crypto *c, const struct cw_retail_key *mk,
                                const void *track, size_t len, uint8_t ret[2], struct cw_fault *f);
/*
 * CVC3: last 2 bytes of E_MK(IVCVC3 | unpredictable number | ATC) as 5 decimal digits, leading zeros kept;
 * a track takes the right-most 3 to 5. ret: digits and NUL.
 */
CW_WARN_UNUSED cw_rc cw_cvc3(const struct cw_hsm_crypto *c, const struct cw_retail_key *mk,
                             const uint8_t iv[2], const uint8_t un[4], const uint8_t atc[2], char ret[6],
                             struct cw_fault *f);
/*
 * CAVV of 3-D Secure: CVV with the 4-digit unpredictable number as expiry and authentication result (1
 * digit), second factor result (2 digits) as service code.
 */
CW_WARN_UNUSED cw_rc cw_cavv(const struct cw_hsm_crypto *c, const struct cw_retail_key *key, const char *pan,
                             const char *upn, char auth_result, const char *second_factor,
                             char ret[CW_CVV_LEN + 1], struct cw_fault *f);
