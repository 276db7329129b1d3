/* SPDX-License-Identifier: Apache-2.0 */
/* Visa PIN verification value. */
#pragma once

#include "hsm/pinblock.h"

#define CW_PVV_LEN 4u

/*
 * Four two-pass digits of E_PVK(11 right-most PAN digits without the check digit | PVKI | first 4 PIN
 * digits). pvk: two-key TDES, may encrypt. pan has at least 12 digits, pvki is '0'..'9'. The clear PIN is
 * the caller's and passes through host memory. ret: digits and NUL.
 */
CW_WARN_UNUSED cw_rc cw_pvv(const struct cw_hsm_crypto *c, const struct cw_hsm_key *pvk, const char *pan,
                            char pvki, const struct cw_pin *pin, char ret[CW_PVV_LEN + 1],
                            struct cw_fault *f);
