/* SPDX-License-Identifier: Apache-2.0 */
/* Primary account number: check, mask, compare, keyed hash. ISO/IEC 7812. */
#pragma once

#include "hsm/crypto.h"

#define CW_PAN_MIN 12u
#define CW_PAN_MAX 19u
#define CW_PAN_HASH_LEN 32u

/* Clear digits; lives in secret memory of its owner. */
struct cw_pan {
        char digits[CW_PAN_MAX + 1];
        uint8_t len;
};

/* 12 to 19 digits with a right check digit (Luhn), else REJECT/CW_E_SYNTAX with code HSM_CARD_NUMBER. */
CW_WARN_UNUSED cw_rc cw_pan_set(struct cw_pan *pan, const void *digits, size_t len, struct cw_fault *f);
/* First 6 and last 4 digits, X between, NUL. */
void cw_pan_mask(const struct cw_pan *pan, char ret[CW_PAN_MAX + 1]);
/* Constant time over all 19 places. */
bool cw_pan_equal(const struct cw_pan *a, const struct cw_pan *b);
/* HMAC-SHA-256 of "cardwright pan-hash v1", a zero byte and the digits. */
CW_WARN_UNUSED cw_rc cw_pan_hash(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                 const struct cw_pan *pan, uint8_t ret[CW_PAN_HASH_LEN], struct cw_fault *f);
