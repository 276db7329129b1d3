/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICC master keys and common session keys, EMV Book 2 annex A1.3 and A1.4. An issuer key of AES takes option
 * C whatever the option says (emv_aes.h).
 */
#pragma once

#include "hsm/retail_mac.h"

enum cw_emv_option { CW_EMV_OPTION_A, CW_EMV_OPTION_B };

/* A where the PAN has at most 16 digits, else B, which does not drop digits of a longer PAN. */
enum cw_emv_option cw_emv_option_for(const char *pan);

/*
 * ICC master key from an issuer master key (two-key TDES or AES, may derive), PAN digits and 2-digit PAN
 * sequence number. Stays in the backend, may derive. The caller destroys it.
 */
CW_WARN_UNUSED cw_rc cw_emv_icc_mk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk,
                                   const char *pan, const char *psn, enum cw_emv_option option,
                                   struct cw_hsm_key *ret, struct cw_fault *f);
/* The same key as a pair for retail MACs made with the master key itself: CVN10, dCVV, CVC3. */
CW_WARN_UNUSED cw_rc cw_emv_icc_mk_pair(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk,
                                        const char *pan, const char *psn, enum cw_emv_option option,
                                        struct cw_retail_key *ret, struct cw_fault *f);
/* The same key as bytes with odd parity, for the card; the caller wipes ret. TDES only, as the pair is. */
CW_WARN_UNUSED cw_rc cw_emv_icc_mk_value(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk,
                                         const char *pan, const char *psn, enum cw_emv_option option,
                                         uint8_t ret[16], struct cw_fault *f);
/* Common session key for the diversification value r (8 bytes; ATC and zeros for the AC key), as a retail MAC
 * pair; of an AES master key in full alone. */
CW_WARN_UNUSED cw_rc cw_emv_csk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *icc_mk,
                                const uint8_t r[8], struct cw_retail_key *ret, struct cw_fault *f);
/* Diversification value of the M/Chip session key for cw_emv_csk: ATC|0000|unpredictable number. */
void cw_emv_r_mchip(const uint8_t atc[2], const uint8_t un[4], uint8_t ret[8]);
/*
 * Visa session key of CVN10 and CVN18 scripts: the ICC master key with the ATC mixed into its left half and
 * the inverted ATC into its right half. Stays in a backend that mixes data into keys (key_xor); of others
 * card and session key pass through host memory on their way back in, and the caller has asked whether they
 * may.
 */
CW_WARN_UNUSED cw_rc cw_emv_visa_sk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk,
                                    const char *pan, const char *psn, enum cw_emv_option option,
                                    const uint8_t atc[2], struct cw_retail_key *ret, struct cw_fault *f);
/* The same of an ICC master key that the caller has as bytes, and wipes. */
CW_WARN_UNUSED cw_rc cw_emv_visa_sk_value(const struct cw_hsm_crypto *c, const uint8_t mk[16],
                                          const uint8_t atc[2], struct cw_retail_key *ret,
                                          struct cw_fault *f);
