/* SPDX-License-Identifier: Apache-2.0 */
/* Which PINs a customer may choose. */
#pragma once

#include "hsm/pinblock.h"

struct cw_pin_policy {
        unsigned min, max;
        bool repeated;   /* all digits equal */
        bool sequential; /* each one more (or each one less) than the one before, 9 and 0 neighbours */
        bool birth_date; /* day, month and year in the usual orders */
        bool pan_digits; /* the last digits of the PAN, with or without the check digit */
        const char *pan; /* digits */
        const char *birth_date_of; /* YYYYMMDD, "" when it is not known */
};

/*
 * Words "repeated", "sequential", "birth-date", "pan-digits" with commas between set the members of the same
 * name; false for another word. min, max, pan and birth_date_of are the caller's.
 */
bool cw_pin_policy_parse(const char *words, struct cw_pin_policy *p);
/* REJECT with code PIN_LENGTH when the PINs of this branch are not of len digits. */
CW_WARN_UNUSED cw_rc cw_pin_policy_length(const struct cw_pin_policy *p, unsigned len, struct cw_fault *f);
/* REJECT with code PIN_LENGTH when the length is not within min..max, PIN_WEAK when a rule forbids the PIN.
 */
CW_WARN_UNUSED cw_rc cw_pin_policy_check(const struct cw_pin *pin, const struct cw_pin_policy *p,
                                         struct cw_fault *f);
/*
 * A PIN of len digits, uniform among those that the policy allows, from the backend's random numbers. REJECT
 * when the policy allows none of 64 drawn.
 */
CW_WARN_UNUSED cw_rc cw_pin_generate(const struct cw_hsm_crypto *c, const struct cw_pin_policy *p,
                                     unsigned len, struct cw_pin *ret, struct cw_fault *f);
