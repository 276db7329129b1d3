/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IBM 3624 PINs: a natural PIN out of validation data, and the offset between it and the PIN the customer
 * chose. The additions modulo 10 are done in host memory: no generic token can.
 */
#pragma once

#include "hsm/pinblock.h"

struct cw_ibm3624 {
        const struct cw_hsm_key *pvk; /* TDES, may encrypt */
        const char *table;            /* decimalisation table, 16 digits; pinned in the configuration */
        uint8_t vdata[8];             /* validation data, the issuer's choice */
};

/* First len (4..12) digits of the enciphered validation data, decimalised by the table. */
CW_WARN_UNUSED cw_rc cw_ibm3624_natural(const struct cw_hsm_crypto *c, const struct cw_ibm3624 *p,
                                        unsigned len, struct cw_pin *ret, struct cw_fault *f);
/* Offset of a PIN: as many digits as the PIN has, and NUL. */
CW_WARN_UNUSED cw_rc cw_ibm3624_offset(const struct cw_hsm_crypto *c, const struct cw_ibm3624 *p,
                                       const struct cw_pin *pin, char ret[CW_PIN_MAX + 1],
                                       struct cw_fault *f);
/* PIN of an offset of 4..12 digits. */
CW_WARN_UNUSED cw_rc cw_ibm3624_pin(const struct cw_hsm_crypto *c, const struct cw_ibm3624 *p,
                                    const char *offset, struct cw_pin *ret, struct cw_fault *f);
