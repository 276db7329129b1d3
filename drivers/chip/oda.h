/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offline data authentication as a terminal does it: certificates and signatures of a chip, recovered with
 * the key above them and judged (EMV Book 2, 5 and 6). Pure; every failure is REJECT with the reason.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "drivers/chip/profile.h"

#define CW_ODA_KEY_MIN 64u
#define CW_ODA_KEY_MAX CW_CA_KEY_BYTES

struct cw_oda_key {
        uint8_t n[CW_ODA_KEY_MAX], e[3];
        size_t n_len, e_len;
};
/* A certificate as it comes from a card: tags 90 92 9F32, or 9F46 9F48 9F47. */
struct cw_oda_cert {
        struct cw_span value, remainder, exponent;
};
/* Whose card it is and what day. */
struct cw_oda_who {
        struct cw_span pan; /* digits */
        char today[5];      /* YYMM */
};

/* 5.3, 6.3: the issuer's key. ca: what the terminal has under the card's index (8F). */
CW_WARN_UNUSED cw_rc cw_oda_issuer(const struct cw_ca_key *ca, const struct cw_oda_cert *in,
                                   const struct cw_oda_who *who, struct cw_oda_key *ret, struct cw_fault *f);
/* 6.4: the chip's key; data: static data to be authenticated (7.1, PIN encipherment: none). */
CW_WARN_UNUSED cw_rc cw_oda_icc(const struct cw_oda_key *issuer, const struct cw_oda_cert *in,
                                const struct cw_oda_who *who, struct cw_span data, struct cw_oda_key *ret,
                                struct cw_fault *f);
/* 5.4: signed static application data (tag 93). */
CW_WARN_UNUSED cw_rc cw_oda_ssad(const struct cw_oda_key *issuer, struct cw_span ssad, struct cw_span data,
                                 uint8_t ret_dac[2], struct cw_fault *f);
/*
 * 6.5.2, 6.6.2: signed dynamic application data (tag 9F4B) over what the terminal sent. ret_dynamic gets the
 * ICC dynamic data.
 */
CW_WARN_UNUSED cw_rc cw_oda_dynamic(const struct cw_oda_key *icc, struct cw_span sdad, struct cw_span sent,
                                    uint8_t ret_dynamic[CW_ODA_KEY_MAX], size_t *ret_len, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_oda_sha1(struct cw_span bytes, uint8_t ret[20], struct cw_fault *f);
