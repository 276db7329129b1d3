/* SPDX-License-Identifier: Apache-2.0 */
/* Application cryptograms and issuer authentication, EMV Book 2, 8.1 and 8.2. */
#pragma once

#include "hsm/retail_mac.h"

/* MAC of 8 bytes under a session key: retail MAC with this padding, for AES the first half of the CMAC, which
 * pads by itself. */
CW_WARN_UNUSED cw_rc cw_emv_mac(const struct cw_hsm_crypto *c, const struct cw_retail_key *sk, int padding,
                                const void *data, size_t len, uint8_t ret[8], struct cw_fault *f);
/* ARQC over data: retail MAC, padding 2, under a session key. */
CW_WARN_UNUSED cw_rc cw_emv_arqc(const struct cw_hsm_crypto *c, const struct cw_retail_key *sk,
                                 const void *data, size_t len, uint8_t ret[8], struct cw_fault *f);
/* ARPC method 1: E_SK(ARQC ^ ARC|000000000000), for AES with 8 zeros behind it and cut to 8 bytes; arc is the
 * 2-byte authorisation response code. */
CW_WARN_UNUSED cw_rc cw_emv_arpc1(const struct cw_hsm_crypto *c, const struct cw_retail_key *sk,
                                  const uint8_t arqc[8], const uint8_t arc[2], uint8_t ret[8],
                                  struct cw_fault *f);
/* ARPC method 2: first 4 bytes of the MAC, padding 2, over ARQC|CSU|proprietary data (0..8 bytes). */
CW_WARN_UNUSED cw_rc cw_emv_arpc2(const struct cw_hsm_crypto *c, const struct cw_retail_key *sk,
                                  const uint8_t arqc[8], const uint8_t csu[4], const void *prop,
                                  size_t prop_len, uint8_t ret[4], struct cw_fault *f);
