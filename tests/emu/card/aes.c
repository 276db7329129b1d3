/* SPDX-License-Identifier: Apache-2.0 */
#include "aes.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

static const EVP_CIPHER *ecb_of(size_t len) {
        return len == 16 ? EVP_aes_128_ecb() : len == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb();
}

static const EVP_CIPHER *cbc_of(size_t len) {
        return len == 16 ? EVP_aes_128_cbc() : len == 24 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
}

static bool run(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv, bool encrypt,
                const uint8_t *in, size_t len, uint8_t *out) {
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n = 0;
        bool ok = ctx && EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypt ? 1 : 0) == 1 &&
                  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
                  EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len;

        EVP_CIPHER_CTX_free(ctx);
        return ok;
}

bool emuc_aes_block(const struct emuc_aes_key *key, const uint8_t in[16], uint8_t out[16]) {
        return run(ecb_of(key->len), key->bytes, NULL, true, in, 16, out);
}

bool emuc_aes_cbc(const struct emuc_aes_key *key, bool encrypt, const uint8_t iv[16], const uint8_t *in,
                  size_t len, uint8_t *out) {
        return run(cbc_of(key->len), key->bytes, iv, encrypt, in, len, out);
}

bool emuc_aes_cmac(const struct emuc_aes_key *key, const uint8_t *msg, size_t len, uint8_t ret[16]) {
        char name[16] = "AES-128-CBC";
        OSSL_PARAM params[2];
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
        EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
        size_t n = 0;
        bool ok;

        if (key->len != 16)
                memcpy(name, key->len == 24 ? "AES-192-CBC" : "AES-256-CBC", 12);
        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0);
        params[1] = OSSL_PARAM_construct_end();
        ok = ctx && EVP_MAC_init(ctx, key->bytes, key->len, params) == 1 &&
             EVP_MAC_update(ctx, msg, len) == 1 && EVP_MAC_final(ctx, ret, &n, 16) == 1 && n == 16;
        EVP_MAC_CTX_free(ctx);
        EVP_MAC_free(mac);
        return ok;
}

bool emuc_scp03_kdf(const struct emuc_aes_key *key, uint8_t c, const uint8_t *context, size_t context_len,
                    size_t out_len, uint8_t *out) {
        uint8_t msg[64] = {0}, block[32];

        if (context_len > 32 || out_len > 32)
                return false;
        msg[11] = c;
        msg[13] = (uint8_t)(out_len * 8 >> 8);
        msg[14] = (uint8_t)(out_len * 8);
        memcpy(msg + 16, context, context_len);
        for (uint8_t i = 0; i * 16U < out_len; i++) {
                msg[15] = (uint8_t)(i + 1);
                if (!emuc_aes_cmac(key, msg, 16 + context_len, block + i * 16U))
                        return false;
        }
        memcpy(out, block, out_len);
        return true;
}

bool emuc_aes_kcv(const struct emuc_aes_key *key, uint8_t ret[3]) {
        uint8_t block[16];

        memset(block, 1, sizeof block);
        if (!emuc_aes_block(key, block, block))
                return false;
        memcpy(ret, block, 3);
        return true;
}
