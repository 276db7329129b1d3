/* SPDX-License-Identifier: Apache-2.0 */
/* Key check values, always computed by us: CKA_CHECK_VALUE is absent or wrong on common tokens. */
#pragma once

#include "hsm/crypto.h"

enum cw_kcv_method {
        CW_KCV_LEGACY, /* first 3 bytes of the zero block enciphered */
        CW_KCV_CMAC,   /* first 5 bytes (AES) of CMAC over one zero block, ANSI X9.24-1:2017 */
        CW_KCV_GP,     /* first 3 bytes of 01 x 16 (AES) or zeros (TDES) enciphered, GlobalPlatform */
};

/* Computes ret_len bytes (1 to a cipher block) of the check value; callers show at most 3 of a TDES one. */
CW_WARN_UNUSED cw_rc cw_kcv(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                            enum cw_kcv_method method, uint8_t *ret, size_t ret_len, struct cw_fault *f);
/* Compares with a configured value, 6 hex digits (legacy) or 10 (CMAC), in constant time.
 * REJECT/CW_E_MISMATCH. */
CW_WARN_UNUSED cw_rc cw_kcv_check(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                  const char *kcv_hex, struct cw_fault *f);
