/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES DUKPT, ANSI X9.24-3:2017. Every step is one derivation inside the token: no key comes into host
 * memory. BDK and working keys are AES of 128, 192 or 256 bits; working keys may also be two-key TDES.
 */
#pragma once

#include "hsm/crypto.h"

#define CW_DUKPT_AES_IKID_LEN 8u

struct cw_ksn_aes {
        uint8_t ikid[CW_DUKPT_AES_IKID_LEN];
        uint32_t counter;
};
/* 24 hex digits: initial key id and counter. REJECT/CW_E_SYNTAX for anything else, a counter of 0 or with
 * more than 16 one-bits. */
CW_WARN_UNUSED cw_rc cw_ksn_aes_parse(const char *hex, struct cw_ksn_aes *ret, struct cw_fault *f);

/* Key usage, table 2. */
enum cw_dukpt_aes_use {
        CW_DUKPT_AES_KEK = 0x0002,
        CW_DUKPT_AES_PIN = 0x1000,
        CW_DUKPT_AES_MAC_GENERATE = 0x2000,
        CW_DUKPT_AES_MAC_VERIFY = 0x2001,
        CW_DUKPT_AES_MAC_BOTH = 0x2002,
        CW_DUKPT_AES_DATA_ENCRYPT = 0x3000,
        CW_DUKPT_AES_DATA_DECRYPT = 0x3001,
        CW_DUKPT_AES_DATA_BOTH = 0x3002,
};

/* Initial key of a terminal (ikid) from its BDK, which may derive. The caller destroys it. */
CW_WARN_UNUSED cw_rc cw_dukpt_aes_initial_key(const struct cw_hsm_crypto *c, const struct cw_hsm_key *bdk,
                                              const uint8_t ikid[CW_DUKPT_AES_IKID_LEN],
                                              struct cw_hsm_key *ret, struct cw_fault *f);
/*
 * Working key of a transaction: alg and usage (CW_USE_*) as the caller needs, e.g. AES-128 with ENCRYPT for
 * PINs. REJECT for a counter of 0 or with more than 16 one-bits.
 */
CW_WARN_UNUSED cw_rc cw_dukpt_aes_working_key(const struct cw_hsm_crypto *c, const struct cw_hsm_key *bdk,
                                              const uint8_t ikid[CW_DUKPT_AES_IKID_LEN], uint32_t counter,
                                              enum cw_dukpt_aes_use use, enum cw_hsm_alg alg, unsigned usage,
                                              struct cw_hsm_key *ret, struct cw_fault *f);
/* Update key of the terminal: a KEK at counter FFFFFFFF, which no transaction has. */
CW_WARN_UNUSED cw_rc cw_dukpt_aes_update_key(const struct cw_hsm_crypto *c, const struct cw_hsm_key *bdk,
                                             const uint8_t ikid[CW_DUKPT_AES_IKID_LEN], unsigned usage,
                                             struct cw_hsm_key *ret, struct cw_fault *f);
