/* SPDX-License-Identifier: Apache-2.0 */
/* Clear ISO 9564-1 PIN blocks: formats 0, 1, 2, 3, and the 16-byte PIN field of format 4 (pinblock4.h). */
#pragma once

#include "hsm/crypto.h"

#include <stdint.h>

#define CW_PIN_MIN 4u
#define CW_PIN_MAX 12u
#define CW_PIN_FILLER 14u

/* Clear PIN digits 0..9, unused places zero; lives in secret memory of its owner. */
struct cw_pin {
        uint8_t digit[CW_PIN_MAX];
        uint8_t len;
};

/* Account field of format 0: 0000 and the right-most 12 PAN digits without the check digit, left-zero if
 * short. */
CW_WARN_UNUSED cw_rc cw_pinblock_account_pan12(const char *pan, uint8_t ret[8], struct cw_fault *f);
/* Account field of the kit number form: the last 12 digits of the kit number, zero-padded, no check digit
 * dropped. */
CW_WARN_UNUSED cw_rc cw_pinblock_account_kit16(const char *kit, uint8_t ret[8], struct cw_fault *f);

/* Clear format 0 block for the account field. pin is valid (4..12 digits). */
void cw_pinblock_encode0(const struct cw_pin *pin, const uint8_t account[8], uint8_t ret[8]);
/* Clear format 2 block. */
void cw_pinblock_encode2(const struct cw_pin *pin, uint8_t ret[8]);
/*
 * Filler nibbles of formats 1 (0..F) and 3 (A..F), one a byte, uniform, of which a block takes the first
 * 14 - PIN length. A backend's random numbers; blocks.
 */
CW_WARN_UNUSED cw_rc cw_pinblock_filler(const struct cw_hsm_crypto *c, unsigned format,
                                        uint8_t ret[CW_PIN_FILLER], struct cw_fault *f);
/* Clear format 1 block: no PAN in it. filler: nibbles 0..F. */
void cw_pinblock_encode1(const struct cw_pin *pin, const uint8_t filler[CW_PIN_FILLER], uint8_t ret[8]);
/* Clear format 3 block for the account field. filler: nibbles A..F. */
void cw_pinblock_encode3(const struct cw_pin *pin, const uint8_t account[8],
                         const uint8_t filler[CW_PIN_FILLER], uint8_t ret[8]);
/* Plain text PIN field of format 4: control, length, PIN, A..A, then 8 random bytes. */
void cw_pinblock_field4(const struct cw_pin *pin, const uint8_t random[8], uint8_t ret[16]);
/*
 * Checks control nibble, length, every PIN digit and every filler nibble; one undifferentiated error
 * (REJECT/CW_E_SYNTAX, code PIN_BLOCK) after work that does not depend on where it is wrong. *ret is wiped
 * then.
 */
CW_WARN_UNUSED cw_rc cw_pinblock_decode0(const uint8_t block[8], const uint8_t account[8], struct cw_pin *ret,
                                         struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_pinblock_decode2(const uint8_t block[8], struct cw_pin *ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_pinblock_decode1(const uint8_t block[8], struct cw_pin *ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_pinblock_decode3(const uint8_t block[8], const uint8_t account[8], struct cw_pin *ret,
                                         struct cw_fault *f);
/* The random half is not looked at. */
CW_WARN_UNUSED cw_rc cw_pinblock_decode_field4(const uint8_t field[16], struct cw_pin *ret,
                                               struct cw_fault *f);
/* Constant time. */
bool cw_pin_equal(const struct cw_pin *a, const struct cw_pin *b);
