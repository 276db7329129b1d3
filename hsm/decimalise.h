/* SPDX-License-Identifier: Apache-2.0 */
/* Two-pass decimalisation: the digits of CVV, PVV and EMV option B. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Takes count decimal digits out of the nibbles of in: first the nibbles 0..9 from left to right, then, when
 * these are too few, the nibbles A..F as 0..5. Writes count ASCII digits to ret. count <= 2 * len.
 */
void cw_decimalise(const uint8_t *in, size_t len, size_t count, char *ret);
