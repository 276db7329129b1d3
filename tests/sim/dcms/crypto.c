/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "base/cleanup.h"

CW_DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);
CW_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
CW_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
CW_DEFINE_CLEANUP(EVP_KDF *, EVP_KDF_free);
CW_DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free);

static void crypto_die(const char *what) {
        (void)fprintf(stderr, "dcms-sim: libcrypto: %s failed\n", what);
        abort();
}

void cw_dsim_sha256(const void *data, size_t len, uint8_t out[32]) {
        if (EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) != 1)
                crypto_die("SHA-256");
}

void cw_dsim_hmac(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t out[32]) {
        unsigned int out_len = 0;
        if (!HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &out_len) || out_len != 32)
                crypto_die("HMAC");
}

void cw_dsim_random(uint8_t *out, size_t len) {
        if (len > INT_MAX || RAND_bytes(out, (int)len) != 1)
                crypto_die("the random generator");
}

static EVP_CIPHER_CTX *gcm_start(const uint8_t key[32], const uint8_t iv[16], int encrypt) {
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        if (!ctx || EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL, encrypt) != 1 ||
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, (int)CW_DSIM_IV_LEN, NULL) != 1 ||
            EVP_CipherInit_ex(ctx, NULL, NULL, key, iv, encrypt) != 1)
                return NULL;
        return CW_STEAL(ctx);
}

bool cw_dsim_gcm_seal(const uint8_t key[32], const uint8_t iv[16], const uint8_t *in, size_t len,
                      uint8_t *out, uint8_t tag[16]) {
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = gcm_start(key, iv, 1);
        int n = 0;
        uint8_t none[16];
        return ctx && len <= INT_MAX && EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1 &&
               EVP_EncryptFinal_ex(ctx, none, &n) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, (int)CW_DSIM_TAG_LEN, tag) == 1;
}

bool cw_dsim_gcm_open(const uint8_t key[32], const uint8_t iv[16], const uint8_t *in, size_t len,
                      const uint8_t tag[16], uint8_t *out) {
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = gcm_start(key, iv, 0);
        int n = 0;
        uint8_t none[16];
        uint8_t expected[CW_DSIM_TAG_LEN];
        memcpy(expected, tag, sizeof expected);
        return ctx && len <= INT_MAX && EVP_DecryptUpdate(ctx, out, &n, in, (int)len) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, (int)sizeof expected, expected) == 1 &&
               EVP_DecryptFinal_ex(ctx, none, &n) == 1;
}

static bool aes_run(const uint8_t key[32], const uint8_t *iv, int encrypt, const uint8_t *in, size_t len,
                    uint8_t *out, size_t *ret_len) {
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        const EVP_CIPHER *cipher = iv ? EVP_aes_256_cbc() : EVP_aes_256_ecb();
        int first = 0;
        int last = 0;
        if (!ctx || len > INT_MAX / 2 || EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypt) != 1 ||
            EVP_CipherUpdate(ctx, out, &first, in, (int)len) != 1 ||
            EVP_CipherFinal_ex(ctx, out + first, &last) != 1)
                return false;
        *ret_len = (size_t)first + (size_t)last;
        return true;
}

bool cw_dsim_aes_decrypt(const uint8_t key[32], const uint8_t *iv, const uint8_t *in, size_t len,
                         uint8_t *out, size_t *ret_len) {
        uint8_t clear[512];
        size_t n = 0;
        if (len == 0 || len % 16 != 0 || len > sizeof clear - 16)
                return false;
        bool ok = aes_run(key, iv, 0, in, len, clear, &n);
        if (ok) {
                memcpy(out, clear, n);
                *ret_len = n;
        }
        OPENSSL_cleanse(clear, sizeof clear);
        return ok;
}

bool cw_dsim_aes_encrypt(const uint8_t key[32], const uint8_t *iv, const uint8_t *in, size_t len,
                         uint8_t *out, size_t *ret_len) {
        return aes_run(key, iv, 1, in, len, out, ret_len);
}

EVP_PKEY *cw_dsim_read_p256(const char *path, bool private_key) {
        CW_AUTO_FILE FILE *file = fopen(path, "re");
        if (!file)
                return NULL;
        CW_AUTO(EVP_PKEY_free)
        EVP_PKEY *key = private_key ? PEM_read_PrivateKey(file, NULL, NULL, NULL)
                                    : PEM_read_PUBKEY(file, NULL, NULL, NULL);
        char group[32] = "";
        size_t len = 0;
        if (!key || EVP_PKEY_get_group_name(key, group, sizeof group, &len) != 1 ||
            strcmp(group, "prime256v1") != 0)
                return NULL;
        return CW_STEAL(key);
}

bool cw_dsim_ecdh(EVP_PKEY *own, EVP_PKEY *peer, uint8_t x[32]) {
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
        size_t len = 32;
        return ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
               EVP_PKEY_derive(ctx, x, &len) == 1 && len == 32;
}

bool cw_dsim_hkdf(const uint8_t *secret, size_t len, const char *info, uint8_t out[32]) {
        CW_AUTO(EVP_KDF_free) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
        CW_AUTO(EVP_KDF_CTX_free) EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
        char digest[] = "SHA256";
        uint8_t key[64];
        char label[128];
        if (!ctx || len > sizeof key || strlen(info) >= sizeof label)
                return false;
        memcpy(key, secret, len);
        memcpy(label, info, strlen(info) + 1);
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, len),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label, strlen(label)),
            OSSL_PARAM_construct_end(),
        };
        bool ok = EVP_KDF_derive(ctx, out, 32, params) == 1;
        OPENSSL_cleanse(key, sizeof key);
        return ok;
}

/* One DES-EDE block; with a = c it is single or double-length DES. */
static bool des_block(const uint8_t a[8], const uint8_t b[8], const uint8_t c[8], const uint8_t in[8],
                      uint8_t out[8]) {
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t key[24];
        int n = 0;
        memcpy(key, a, 8);
        memcpy(key + 8, b, 8);
        memcpy(key + 16, c, 8);
        bool ok = ctx && EVP_EncryptInit_ex(ctx, EVP_des_ede3_ecb(), NULL, key, NULL) == 1 &&
                  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_EncryptUpdate(ctx, out, &n, in, 8) == 1 &&
                  n == 8;
        OPENSSL_cleanse(key, sizeof key);
        return ok;
}

/* Two passes: the decimal digits in order, then A..F as 0..5. */
static void decimalise(const uint8_t block[8], char out[4]) {
        size_t n = 0;
        for (int pass = 0; pass < 2; pass++) {
                for (size_t i = 0; i < 16 && n < 3; i++) {
                        unsigned nibble = i % 2 ? block[i / 2] & 0x0fU : (unsigned)block[i / 2] >> 4;
                        if (pass == 0 && nibble < 10)
                                out[n++] = (char)('0' + nibble);
                        else if (pass == 1 && nibble >= 10)
                                out[n++] = (char)('0' + nibble - 10);
                }
        }
        out[n] = '\0';
}

bool cw_dsim_cvv(const uint8_t cvk[16], const char *pan, const char *expiry, const char *service,
                 char out[4]) {
        char digits[33];
        uint8_t data[16];
        uint8_t block[8];
        int n = snprintf(digits, sizeof digits, "%s%s%s", pan, expiry, service);
        if (n < 0 || n > 32)
                return false;
        memset(digits + n, '0', 32 - (size_t)n);
        for (size_t i = 0; i < 16; i++)
                data[i] = (uint8_t)((digits[2 * i] - '0') << 4 | (digits[2 * i + 1] - '0'));
        if (!des_block(cvk, cvk, cvk, data, block))
                return false;
        for (size_t i = 0; i < 8; i++)
                data[i] = block[i] ^ data[8 + i];
        if (!des_block(cvk, cvk + 8, cvk, data, block))
                return false;
        decimalise(block, out);
        return true;
}
