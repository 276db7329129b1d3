/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signed request for an access token (RFC 7523): a JWT, ES256, for D1's token call. The key is on the
 * token, or a credential. hsmd writes every claim itself, so the key signs nothing else.
 */
#pragma once

#include "config/config.h"
#include "hsm/p11_token.h"

#define CW_ASSERTION_LIFE_S 600 /* D1 allows 15 minutes from its own clock */
#define CW_ASSERTION_MAX 1536u

/* ECDSA on P-256 over a SHA-256 digest: r | s, 32 bytes each. */
struct cw_es256 {
        cw_rc (*sign)(void *ctx, const uint8_t digest[32], uint8_t ret[64], struct cw_fault *f);
        void *ctx;
};
struct cw_assertion {
        const char *kid, *issuer, *audience; /* audience "" = none */
        int64_t now_s;
};
/* *ret is the compact JWT; jti is random. */
CW_WARN_UNUSED cw_rc cw_assertion_make(const struct cw_assertion *a, const struct cw_es256 *key,
                                       struct cw_secret **ret, struct cw_fault *f);

/* The key on the token that signs, and its version, which stands in the kid for "{version}". */
struct cw_d1_sign_key {
        struct cw_p11 *p;
        CK_OBJECT_HANDLE handle;
        unsigned version;
};
/* Writes kid with the version in the place of "{version}"; false when ret is too small. */
CW_WARN_UNUSED bool cw_d1_kid(const char *kid, unsigned version, char *ret, size_t cap);
/* Signs with a private key in PEM. */
CW_WARN_UNUSED cw_rc cw_pem_es256(const struct cw_secret *pem, const uint8_t digest[32], uint8_t ret[64],
                                  struct cw_fault *f);
/* The assertion for config->d1, with key, or with the credential when key is NULL. Blocks on token and files.
 */
CW_WARN_UNUSED cw_rc cw_assertion_for_d1(const struct cw_config *config, const struct cw_d1_sign_key *key,
                                         int64_t now_s, struct cw_secret **ret, struct cw_fault *f);
