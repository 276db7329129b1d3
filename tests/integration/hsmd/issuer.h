/* SPDX-License-Identifier: Apache-2.0 */
/* A scheme's CA and an issuer's RSA key, and the terminal's view of what that key signed. OpenSSL only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ISSUER_MAX 248u

struct issuer_number {
        uint8_t bytes[ISSUER_MAX];
        size_t len;
};
struct issuer {
        struct issuer_number n, d, p, q, dp, dq, q_inv;
        struct issuer_number e; /* 3, of a key that a token made maybe 65537 */
        struct issuer_number ca_n, ca_d;
        char kcv[11];       /* SHA-1 of the modulus, 5 bytes */
        char der_hex[2600]; /* PKCS#1 private key */
        char json[4096];    /* the issuer certificate file */
};

/* Makes both keys and the certificate: iin digits (at most 8), MMYY. */
void issuer_make(struct issuer *r, unsigned bits, unsigned ca_bits, const char *iin, const char *mmyy);
/* A certificate by the same CA for another key: its modulus and exponent, both hex. r->n, e and json are then
 * of this key; the private parts are not. */
void issuer_next(struct issuer *r, const char *modulus, const char *exponent, const char *iin,
                 const char *mmyy);
/* x^3 mod n, len bytes each. */
void issuer_cube(const struct issuer_number *n, const uint8_t *x, uint8_t *ret);
/* x^d mod n */
void issuer_power(const struct issuer_number *n, const struct issuer_number *d, const uint8_t *x,
                  uint8_t *ret);
void issuer_sha1(const void *p, size_t len, uint8_t ret[20]);
/*
 * Recovers an ICC certificate as EMV Book 2, 6.4 says. False when anything is wrong; ret_n is the chip's
 * modulus.
 */
bool issuer_recover_icc(const struct issuer_number *issuer_n, const uint8_t *cert, size_t len,
                        const uint8_t *remainder, size_t remainder_len, uint8_t exponent, const char *pan,
                        const char *mmyy, const void *static_data, size_t static_len,
                        struct issuer_number *ret_n);
/* Do these CRT parts belong to n? Signs and recovers a block with them. */
bool issuer_crt_fits(const struct issuer_number *n, const uint8_t *const parts[5], size_t half);
