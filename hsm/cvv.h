/* SPDX-License-Identifier: Apache-2.0 */
/* Card verification values: CVV (service code of the card), CVV2 (000), iCVV (999). */
#pragma once

#include "hsm/pan.h"
#include "hsm/retail_mac.h"

#define CW_CVV_LEN 3u

/*
 * The first three two-pass digits of the retail MAC over PAN|expiry|service code, padded with zeros to 32
 * digits. expiry: 4 digits in the order the product uses (YYMM on the stripe); service: 3 digits. ret: ASCII
 * digits and NUL.
 */
CW_WARN_UNUSED cw_rc cw_cvv(const struct cw_hsm_crypto *c, const struct cw_retail_key *cvk, const char *pan,
                            const char *expiry, const char *service, char ret[CW_CVV_LEN + 1],
                            struct cw_fault *f);
