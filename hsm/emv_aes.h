/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EMV with AES (EMV Book 2 4.4): option C of annex A1.4.3, session keys of A1.3.1, MAC of A1.2.2 (CMAC, ISO
 * 9797-1 algorithm 5). Issuer keys are of 128, 192 or 256 bits and AES; card and session keys are as long, of
 * 192 bits the leading ones of two blocks.
 */
#pragma once

#include "hsm/crypto.h"

#define CW_EMV_AES_KEY_MAX 32u
#define CW_EMV_AES_BLOCK 16u

/* ICC master key; stays in the backend, may derive. The caller destroys it. */
CW_WARN_UNUSED cw_rc cw_emv_aes_icc_mk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk,
                                       const char *pan, const char *psn, struct cw_hsm_key *ret,
                                       struct cw_fault *f);
/* The same as bytes for the card: 16, 24 or 32, as many as the issuer's key has. The caller wipes ret. */
CW_WARN_UNUSED cw_rc cw_emv_aes_icc_mk_value(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk,
                                             const char *pan, const char *psn,
                                             uint8_t ret[CW_EMV_AES_KEY_MAX], struct cw_fault *f);
/* Session key for r and zeros up to a block; may encipher and make MACs. */
CW_WARN_UNUSED cw_rc cw_emv_aes_sk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *icc_mk,
                                   const uint8_t r[8], struct cw_hsm_key *ret, struct cw_fault *f);
/* The whole CMAC; cryptograms are its first 8 bytes. */
CW_WARN_UNUSED cw_rc cw_emv_aes_mac(const struct cw_hsm_crypto *c, const struct cw_hsm_key *sk,
                                    const void *msg, size_t len, uint8_t ret[CW_EMV_AES_BLOCK],
                                    struct cw_fault *f);
/* ARPC by method 1, 8.2.1: the first 8 bytes of x (8 bytes) and zeros, enciphered. */
CW_WARN_UNUSED cw_rc cw_emv_aes_arpc1(const struct cw_hsm_crypto *c, const struct cw_hsm_key *sk,
                                      const uint8_t x[8], uint8_t ret[8], struct cw_fault *f);
