/* SPDX-License-Identifier: Apache-2.0 */
/* Which PINs a customer may choose. */
#pragma once

#include "hsm/pinblock.h"

/*
 * REJECT with code PIN_LENGTH when the length is not within min..max, PIN_WEAK when all digits are equal or
 * each is one more (or each one less) than the digit before, 9 and 0 being neighbours.
 */
CW_WARN_UNUSED cw_rc cw_pin_policy_check(const struct cw_pin *pin, unsigned min, unsigned max,
                                         struct cw_fault *f);
