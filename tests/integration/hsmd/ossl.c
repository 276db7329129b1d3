/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok) {
        if (!ok)
                abort();
}

void ossl_cipher(const char *name, bool encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *in,
                 size_t len, uint8_t *out) {
        uint8_t buf[512];
        int n = 0, tail = 0;
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        must(cipher && ctx && len <= sizeof(buf) - 32);
        must(EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) == 1);
        must(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
        must(EVP_CipherUpdate(ctx, buf, &n, in, (int)len) == 1 &&
             EVP_CipherFinal_ex(ctx, buf + n, &tail) == 1);
        must((size_t)(n + tail) == len);
        memcpy(out, buf, len);
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(cipher);
}

void ossl_des(bool encrypt, const uint8_t key[8], const uint8_t in[8], uint8_t out[8]) {
        uint8_t twice[16];
        memcpy(twice, key, 8);
        memcpy(twice + 8, key, 8);
        ossl_cipher("DES-EDE-ECB", encrypt, twice, NULL, in, 8, out);
}

void ossl_aes_cmac(const uint8_t *key, size_t key_len, const uint8_t *msg, size_t len, uint8_t out[16]) {
        char name[] = "AES-128-CBC";
        if (key_len == 24)
                memcpy(name, "AES-192", 7);
        if (key_len == 32)
                memcpy(name, "AES-256", 7);
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0),
                               OSSL_PARAM_construct_end()};
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
        size_t n = 0;
        must(ctx && EVP_MAC_init(ctx, key, key_len, params) == 1 && EVP_MAC_update(ctx, msg, len) == 1);
        must(EVP_MAC_final(ctx, out, &n, 16) == 1 && n == 16);
        EVP_MAC_CTX_free(ctx);
        EVP_MAC_free(mac);
}

void ossl_hmac_sha256(const uint8_t *key, size_t key_len, const void *msg, size_t len, uint8_t out[32]) {
        size_t n = 0;
        must(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_len, msg, len, out, 32, &n) != NULL &&
             n == 32);
}

void ossl_retail_mac(const uint8_t key[16], const uint8_t icv[8], const uint8_t *msg, size_t len,
                     uint8_t out[8]) {
        uint8_t chain[8], block[8];
        memcpy(chain, icv, 8);
        size_t blocks = len / 8 + 1;
        for (size_t b = 0; b < blocks; b++) {
                memset(block, 0, 8);
                size_t n = len - 8 * b < 8 ? len - 8 * b : 8;
                memcpy(block, msg + 8 * b, n);
                if (n < 8)
                        block[n] = 0x80;
                for (size_t i = 0; i < 8; i++)
                        chain[i] ^= block[i];
                ossl_des(true, key, chain, chain);
        }
        ossl_des(false, key + 8, chain, chain);
        ossl_des(true, key, chain, out);
}

static bool gcm(bool seal, const uint8_t key[32], const uint8_t iv[16], const uint8_t *in, size_t len,
                uint8_t *out, uint8_t tag[16]) {
        int n = 0, tail = 0;
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        must(EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, seal, NULL) == 1);
        must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, 16, NULL) == 1);
        must(EVP_CipherInit_ex2(ctx, NULL, key, iv, seal, NULL) == 1);
        must(seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, 16, tag) == 1);
        must(EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1);
        bool ok = EVP_CipherFinal_ex(ctx, out + n, &tail) == 1;
        must(!seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, tag) == 1);
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(cipher);
        return ok;
}

void ossl_gcm_seal(const uint8_t key[32], const uint8_t iv[16], const void *in, size_t len, uint8_t *out) {
        uint8_t tag[16];
        memcpy(out, iv, 16);
        (void)gcm(true, key, iv, in, len, out + 16, tag);
        memcpy(out + 16 + len, tag, 16);
}

bool ossl_gcm_open(const uint8_t key[32], const uint8_t *in, size_t len, uint8_t *out) {
        uint8_t tag[16];
        memcpy(tag, in + len - 16, 16);
        return gcm(false, key, in, in + 16, len - 32, out, tag);
}

size_t ossl_base64(const uint8_t *in, size_t len, char *out) {
        return (size_t)EVP_EncodeBlock((unsigned char *)out, in, (int)len);
}

size_t ossl_unbase64(const char *in, size_t len, uint8_t *out, size_t cap) {
        uint8_t buf[512];
        must(len % 4 == 0 && len / 4 * 3 <= sizeof(buf));
        int n = EVP_DecodeBlock(buf, (const unsigned char *)in, (int)len);
        must(n >= 0);
        size_t pads = len > 0 && in[len - 1] == '=' ? (in[len - 2] == '=' ? 2u : 1u) : 0u;
        must((size_t)n - pads <= cap);
        memcpy(out, buf, (size_t)n - pads);
        return (size_t)n - pads;
}
