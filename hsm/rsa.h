/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA for chip certificates, EMV Book 2, annex B2.1: raw modular exponentiation on blocks that the caller
 * built, keys of 512 to 1984 bits in whole bytes, public exponent 3 or 65537. The private exponentiation is
 * the backend's, the public one is done here.
 */
#pragma once

#include "hsm/crypto.h"

#define CW_RSA_MIN 64u /* bytes */
#define CW_RSA_MAX 248u
#define CW_RSA_PRIME_MAX (CW_RSA_MAX / 2)

struct cw_rsa_public {
        uint8_t n[CW_RSA_MAX];
        size_t n_len;
        uint8_t e[3];
        size_t e_len; /* 1 or 3 */
};
/* A key pair of a chip on its way there; lives in secret memory of its owner. The last five are as long as
 * cw_rsa_prime_len says. */
struct cw_rsa_private {
        struct cw_rsa_public pub;
        uint8_t d[CW_RSA_MAX];
        uint8_t p[CW_RSA_PRIME_MAX], q[CW_RSA_PRIME_MAX];
        uint8_t dp[CW_RSA_PRIME_MAX], dq[CW_RSA_PRIME_MAX]; /* d mod p-1, d mod q-1 */
        uint8_t q_inv[CW_RSA_PRIME_MAX];                    /* q^-1 mod p */
};

/* Bytes of each prime of a modulus of n_len bytes; EMV's longest that a record takes, 247, is odd. */
static inline size_t cw_rsa_prime_len(size_t n_len) {
        return (n_len + 1) / 2;
}

/* 3 or 65537 as bytes; REJECT for another one. */
CW_WARN_UNUSED cw_rc cw_rsa_set_exponent(unsigned exponent, struct cw_rsa_public *ret, struct cw_fault *f);
/* in^e mod n; in and out have pub->n_len bytes, out may be in. REJECT when in is not below the modulus. */
CW_WARN_UNUSED cw_rc cw_rsa_recover(const struct cw_rsa_public *pub, const uint8_t *in, uint8_t *out,
                                    struct cw_fault *f);
/* Public half of a private key of the backend. REJECT when its size or exponent is not one of the above. */
CW_WARN_UNUSED cw_rc cw_rsa_public_of(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                      struct cw_rsa_public *ret, struct cw_fault *f);
/*
 * block^d mod n with a private key that may sign; pub is its public half. The result is proven with pub
 * before it is given out: one faulty signature can tell the key. REJECT/CW_E_MISMATCH then.
 */
CW_WARN_UNUSED cw_rc cw_rsa_sign(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                 const struct cw_rsa_public *pub, const uint8_t *block, uint8_t *ret,
                                 struct cw_fault *f);
/*
 * A new key pair, made by the backend's generator and taken out of it: a chip gets its parts one by one.
 * bits is a multiple of 8, 512..1984. The parts are proven to belong together. Blocks for seconds at times.
 */
CW_WARN_UNUSED cw_rc cw_rsa_generate(const struct cw_hsm_crypto *c, unsigned bits, unsigned exponent,
                                     struct cw_rsa_private *ret, struct cw_fault *f);
