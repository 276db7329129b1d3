/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public key certificates and static signatures of chips, EMV Book 2, chapters 5 and 6: the blocks that an
 * issuer key signs, and the issuer's own certificate, recovered with the key of the scheme's CA.
 */
#pragma once

#include "hsm/rsa.h"

#define CW_EMV_ISSUERS_MAX 4u    /* certificates in a file */
#define CW_CERT_STATIC_MAX 4096u /* bytes of static data to be authenticated */

/* A signed block and what of the certified modulus did not fit into it. */
struct cw_emv_cert {
        uint8_t value[CW_RSA_MAX]; /* tag 90, 9F46, 9F2D or 93 */
        size_t len;
        uint8_t remainder[CW_RSA_MAX]; /* tag 92, 9F48 or 9F2E; may be empty */
        size_t remainder_len;
};
/* Issuer public key certificate as the scheme's CA gave it, with the CA's key. */
struct cw_emv_issuer {
        uint8_t ca_index; /* tag 8F */
        struct cw_rsa_public ca;
        struct cw_emv_cert cert;
        struct cw_rsa_public pub; /* the exponent is given (tag 9F32), the modulus recovered */
        char iin[9];              /* 3 to 8 digits */
        char expiry[5];           /* MMYY as certified */
};

/*
 * Reads {"ca_index", "ca_modulus", "ca_exponent", "certificate", "remainder", "exponent"}, all hex, and
 * recovers the certificate with the CA's key: header, trailer, format, algorithms, hash (SHA-1, made over c),
 * lengths. REJECT with code HSM_ISSUER_CERT and the reason.
 */
CW_WARN_UNUSED cw_rc cw_emv_issuer_parse(const struct cw_hsm_crypto *c, const void *text, size_t len,
                                         struct cw_emv_issuer *ret, struct cw_fault *f);
/*
 * The same of a file with several in a list (at most CW_EMV_ISSUERS_MAX: of the key in use, and of the one
 * that is to come): the one that is for this key. What is wrong with another one does not count then.
 */
CW_WARN_UNUSED cw_rc cw_emv_issuer_pick(const struct cw_hsm_crypto *c, const void *text, size_t len,
                                        const struct cw_rsa_public *key, struct cw_emv_issuer *ret,
                                        struct cw_fault *f);
/* The certificate is for this key, for this PAN, and good until the card (expiry YYMM) expires. */
CW_WARN_UNUSED cw_rc cw_emv_issuer_check(const struct cw_emv_issuer *issuer, const struct cw_rsa_public *key,
                                         const char *pan, const char *expiry, struct cw_fault *f);

struct cw_emv_icc_cert {
        const struct cw_rsa_public *icc;
        const char *pan, *expiry; /* digits; expiry YYMM */
        uint8_t serial[3];        /* of the certificate, the issuer's choice */
        const void *static_data;  /* NULL for a PIN encipherment key */
        size_t static_len;
};
/*
 * ICC (6.4) or ICC PIN encipherment (7.1) public key certificate, signed with the issuer's key. REJECT when
 * the ICC key is longer than the issuer's.
 */
CW_WARN_UNUSED cw_rc cw_emv_icc_cert_sign(const struct cw_hsm_crypto *c, const struct cw_hsm_key *issuer,
                                          const struct cw_rsa_public *pub, const struct cw_emv_icc_cert *in,
                                          struct cw_emv_cert *ret, struct cw_fault *f);
/* Signed static application data (5.1): data authentication code dac, static data. No remainder. */
CW_WARN_UNUSED cw_rc cw_emv_ssad_sign(const struct cw_hsm_crypto *c, const struct cw_hsm_key *issuer,
                                      const struct cw_rsa_public *pub, const uint8_t dac[2],
                                      const void *static_data, size_t len, struct cw_emv_cert *ret,
                                      struct cw_fault *f);
