/* SPDX-License-Identifier: Apache-2.0 */
/* Ciphers and MACs straight from OpenSSL, for the counterparts that the hsmd tests play: card, PIN pad,
 * server, bank. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name as OpenSSL knows it ("AES-128-CBC", "DES-EDE-ECB"); iv NULL for ECB; whole blocks, no padding. */
void ossl_cipher(const char *name, bool encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *in,
                 size_t len, uint8_t *out);
/* Single DES, ECB, one block. */
void ossl_des(bool encrypt, const uint8_t key[8], const uint8_t in[8], uint8_t out[8]);
void ossl_aes_cmac(const uint8_t *key, size_t key_len, const uint8_t *msg, size_t len, uint8_t out[16]);
void ossl_hmac_sha256(const uint8_t *key, size_t key_len, const void *msg, size_t len, uint8_t out[32]);
/* ISO 9797-1 algorithm 3, padding 2. */
void ossl_retail_mac(const uint8_t key[16], const uint8_t icv[8], const uint8_t *msg, size_t len,
                     uint8_t out[8]);
/* AES-256-GCM with a 16-byte IV: out = IV | CT | TAG, len + 32 bytes. */
void ossl_gcm_seal(const uint8_t key[32], const uint8_t iv[16], const void *in, size_t len, uint8_t *out);
/* in = IV | CT | TAG; false when the tag is wrong. */
bool ossl_gcm_open(const uint8_t key[32], const uint8_t *in, size_t len, uint8_t *out);
/* Base64 and back; return the length. */
size_t ossl_base64(const uint8_t *in, size_t len, char *out);
size_t ossl_unbase64(const char *in, size_t len, uint8_t *out, size_t cap);
