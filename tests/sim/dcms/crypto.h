/* SPDX-License-Identifier: Apache-2.0 */
/* The primitives of the documented forms, on OpenSSL's libcrypto. All return false only on bad input or
 * failure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define CW_DSIM_KEY_LEN 32U
#define CW_DSIM_IV_LEN 16U
#define CW_DSIM_TAG_LEN 16U

void cw_dsim_sha256(const void *data, size_t len, uint8_t out[32]);
void cw_dsim_hmac(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t out[32]);

/* Bytes of the system's generator; ends the process when there are none. */
void cw_dsim_random(uint8_t *out, size_t len);

/*
 * AES-256-GCM with a 16-byte IV (the GHASH-derived J0 path of NIST SP 800-38D), 128-bit tag, no AAD.
 * seal writes ciphertext (len bytes) and tag; open checks the tag before it says true.
 */
bool cw_dsim_gcm_seal(const uint8_t key[32], const uint8_t iv[16], const uint8_t *in, size_t len,
                      uint8_t *out, uint8_t tag[16]);
bool cw_dsim_gcm_open(const uint8_t key[32], const uint8_t iv[16], const uint8_t *in, size_t len,
                      const uint8_t tag[16], uint8_t *out);

/* AES-256 with PKCS#7; iv NULL selects ECB. out of decrypt holds len bytes, of encrypt len + 16. */
bool cw_dsim_aes_decrypt(const uint8_t key[32], const uint8_t *iv, const uint8_t *in, size_t len,
                         uint8_t *out, size_t *ret_len);
bool cw_dsim_aes_encrypt(const uint8_t key[32], const uint8_t *iv, const uint8_t *in, size_t len,
                         uint8_t *out, size_t *ret_len);

/* A P-256 key of a PEM file, NULL when it is none; the caller frees it. */
EVP_PKEY *cw_dsim_read_p256(const char *path, bool private_key);

/* X coordinate of the P-256 ECDH of a private and a public key. */
bool cw_dsim_ecdh(EVP_PKEY *own, EVP_PKEY *peer, uint8_t x[32]);

/* HKDF-SHA256 (RFC 5869) without salt, 32 bytes. */
bool cw_dsim_hkdf(const uint8_t *secret, size_t len, const char *info, uint8_t out[32]);

/*
 * Card verification value (Visa CVV method) of PAN, expiry in the order given, service code, under a
 * double-length DES key; out gets three digits and a terminator.
 */
bool cw_dsim_cvv(const uint8_t cvk[16], const char *pan, const char *expiry, const char *service,
                 char out[4]);
