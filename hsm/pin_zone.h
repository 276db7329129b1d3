/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enciphered PIN blocks between zones: opened, made again in another format, in host memory (this file) or
 * without leaving the token (pin_token.h). TDES keys carry formats 0, 1 and 3, AES keys format 4.
 */
#pragma once

#include "hsm/pinblock.h"

#define CW_PIN_BLOCK_MAX 16u

/* 16 for format 4, else 8; 0 for a format that is not enciphered between zones (2, for chips only). */
size_t cw_pin_zone_block_len(unsigned format);
/*
 * PCI PIN 3-3: 0, 3, 4 to one another, 1 to 0, 3, 4, nothing to 1 (it would take the PAN off), nothing from
 * or to
 * 2. REJECT/CW_E_DENIED with code PIN_FORMAT.
 */
CW_WARN_UNUSED cw_rc cw_pin_zone_allowed(unsigned from, unsigned to, struct cw_fault *f);
/*
 * Deciphers a block of cw_pin_zone_block_len bytes and checks it; one undifferentiated error (REJECT, code
 * PIN_BLOCK). key may decrypt. REJECT/CW_E_UNSUPPORTED when format and kind of key do not go together.
 */
CW_WARN_UNUSED cw_rc cw_pin_zone_open(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                      unsigned format, const uint8_t *block, const char *pan,
                                      struct cw_pin *ret, struct cw_fault *f);
/* The reverse, for formats 0, 3 and 4; key may encrypt. Random filler comes from the backend. */
CW_WARN_UNUSED cw_rc cw_pin_zone_seal(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                      unsigned format, const struct cw_pin *pin, const char *pan,
                                      uint8_t ret[CW_PIN_BLOCK_MAX], struct cw_fault *f);
