/* SPDX-License-Identifier: Apache-2.0 */
/* ISO 9564-1 format 4: a PIN and its PAN bound by two AES encipherments. */
#pragma once

#include "hsm/pinblock.h"

/* Plain text PAN field: M|PAN|0..0, M = PAN length - 12; a PAN under 12 digits is left-padded and M is 0. */
CW_WARN_UNUSED cw_rc cw_pinblock_pan_field4(const char *pan, uint8_t ret[16], struct cw_fault *f);
/*
 * AES(AES(PIN field) ^ PAN field) under key (any AES length, may encrypt). random: 8 bytes the caller draws.
 * The PIN field is in host memory, wiped on return.
 */
CW_WARN_UNUSED cw_rc cw_pinblock_encipher4(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                           const struct cw_pin *pin, const char *pan, const uint8_t random[8],
                                           uint8_t ret[16], struct cw_fault *f);
/* The reverse, with key that may decrypt; refuses as cw_pinblock_decode0 does. */
CW_WARN_UNUSED cw_rc cw_pinblock_decipher4(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                           const uint8_t block[16], const char *pan, struct cw_pin *ret,
                                           struct cw_fault *f);
