/* SPDX-License-Identifier: Apache-2.0 */
#include "test_hsm_soft.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 128u

struct soft_key {
        bool used;
        uint8_t bytes[64];
        size_t len;
};
struct soft_hsm {
        struct soft_key keys[SLOTS];
        const struct cw_rsa_private *rsa;
        bool rsa_spoilt;
        long left;
        uint8_t counter;
};

static cw_rc broken(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_RECONNECT, CW_E_IO), 0, "soft", "HSM_TOKEN",
                       "soft token failed");
}

static bool spent(struct soft_hsm *s) {
        if (s->left < 0)
                return false;
        return s->left-- <= 0 ? (s->left = 0, true) : false;
}

static const struct soft_key *get(const struct soft_hsm *s, const struct cw_hsm_key *key) {
        const struct soft_key *k = &s->keys[key->handle % SLOTS];
        if (!key->valid || !k->used)
                abort();
        return k;
}

const uint8_t *soft_key_bytes(const struct soft_hsm *s, const struct cw_hsm_key *key, size_t *ret_len) {
        *ret_len = get(s, key)->len;
        return get(s, key)->bytes;
}

size_t soft_key_count(const struct soft_hsm *s) {
        size_t n = 0;
        for (size_t i = 0; i < SLOTS; i++)
                n += s->keys[i].used ? 1 : 0;
        return n;
}

void soft_fail_after(struct soft_hsm *s, long count) {
        s->left = count;
}

static struct cw_hsm_key store(struct soft_hsm *s, enum cw_hsm_alg alg, unsigned usage, const void *value,
                               size_t len) {
        for (size_t i = 0; i < SLOTS; i++) {
                if (s->keys[i].used)
                        continue;
                s->keys[i].used = true;
                memcpy(s->keys[i].bytes, value, len);
                s->keys[i].len = len;
                return (struct cw_hsm_key){.handle = i, .alg = alg, .usage = usage, .valid = true};
        }
        abort();
}

struct cw_hsm_key soft_generic(struct soft_hsm *s, const void *value, size_t len) {
        return store(s, CW_ALG_GENERIC, CW_USE_MAC, value, len);
}

static const char *cipher_name(enum cw_hsm_alg alg, enum cw_hsm_mode mode) {
        static const char *const names[2][5] = {
            {"DES-EDE-ECB", "DES-EDE3-ECB", "AES-128-ECB", "AES-192-ECB", "AES-256-ECB"},
            {"DES-EDE-CBC", "DES-EDE3-CBC", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC"},
        };
        return names[mode == CW_MODE_CBC][alg];
}

static void run(const char *name, const uint8_t *key, const uint8_t *iv, bool encrypt, const uint8_t *in,
                size_t len, uint8_t *out) {
        uint8_t buf[2048];
        int n = 0, tail = 0;
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        if (cipher == NULL || ctx == NULL || len > sizeof(buf) - 32 ||
            EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt ? 1 : 0, NULL) != 1 ||
            EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 || EVP_CipherUpdate(ctx, buf, &n, in, (int)len) != 1 ||
            EVP_CipherFinal_ex(ctx, buf + n, &tail) != 1 || (size_t)(n + tail) != len)
                abort();
        memcpy(out, buf, len);
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(cipher);
}

static cw_rc soft_cipher(void *ctx, const struct cw_hsm_key *key, enum cw_hsm_dir dir, enum cw_hsm_mode mode,
                         const uint8_t *iv, const uint8_t *in, size_t len, uint8_t *out, struct cw_fault *f) {
        struct soft_hsm *s = ctx;
        if (spent(s))
                return broken(f);
        run(cipher_name(key->alg, mode), get(s, key)->bytes, mode == CW_MODE_CBC ? iv : NULL,
            dir == CW_ENCRYPT, in, len, out);
        return CW_OK;
}

static cw_rc soft_cmac(void *ctx, const struct cw_hsm_key *key, const uint8_t *in, size_t len, uint8_t *out,
                       struct cw_fault *f) {
        struct soft_hsm *s = ctx;
        if (spent(s))
                return broken(f);
        uint8_t k[32] = {0};
        size_t key_len = cw_hsm_alg_key_len(key->alg), n = 0;
        memcpy(k, get(s, key)->bytes, key_len);
        enum cw_hsm_alg alg = key->alg;
        if (alg == CW_ALG_TDES2) { /* the MAC takes three-key TDES only */
                memcpy(k + 16, k, 8);
                key_len = 24;
                alg = CW_ALG_TDES3;
        }
        char name[32];
        (void)snprintf(name, sizeof(name), "%s", cipher_name(alg, CW_MODE_CBC));
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0),
                               OSSL_PARAM_construct_end()};
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
        EVP_MAC_CTX *m = EVP_MAC_CTX_new(mac);
        uint8_t buf[16];
        if (m == NULL || EVP_MAC_init(m, k, key_len, params) != 1 || EVP_MAC_update(m, in, len) != 1 ||
            EVP_MAC_final(m, buf, &n, sizeof(buf)) != 1 || n != cw_hsm_alg_block(key->alg))
                abort();
        memcpy(out, buf, n);
        EVP_MAC_CTX_free(m);
        EVP_MAC_free(mac);
        return CW_OK;
}

static cw_rc soft_hmac_sha256(void *ctx, const struct cw_hsm_key *key, const uint8_t *in, size_t len,
                              uint8_t out[32], struct cw_fault *f) {
        struct soft_hsm *s = ctx;
        size_t n = 0;
        if (spent(s))
                return broken(f);
        if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, get(s, key)->bytes, get(s, key)->len, in, len, out,
                      32, &n) == NULL)
                abort();
        return CW_OK;
}

static cw_rc soft_gcm(void *ctx, const struct cw_hsm_key *key, enum cw_hsm_dir dir, const uint8_t iv[16],
                      const uint8_t *in, size_t len, uint8_t *out, struct cw_fault *f) {
        static const char *const names[] = {NULL, NULL, "AES-128-GCM", "AES-192-GCM", "AES-256-GCM"};
        struct soft_hsm *s = ctx;
        if (spent(s))
                return broken(f);
        bool seal = dir == CW_ENCRYPT;
        size_t text = seal ? len : len - 16;
        uint8_t tag[16], buf[256];
        int n = 0, tail = 0, ok = 1;
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, names[key->alg], NULL);
        EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
        ok &= EVP_CipherInit_ex2(c, cipher, NULL, NULL, seal, NULL);
        ok &= EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_IVLEN, 16, NULL);
        ok &= EVP_CipherInit_ex2(c, NULL, get(s, key)->bytes, iv, seal, NULL);
        if (!seal) {
                memcpy(tag, in + text, 16);
                ok &= EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, 16, tag);
        }
        ok &= EVP_CipherUpdate(c, buf, &n, in, (int)text);
        int final_ok = EVP_CipherFinal_ex(c, buf + n, &tail);
        if (seal)
                ok &= EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag);
        EVP_CIPHER_CTX_free(c);
        EVP_CIPHER_free(cipher);
        if (ok != 1)
                abort();
        if (final_ok != 1)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "soft.gcm", "HSM_TOKEN",
                               "tag");
        memcpy(out, buf, text);
        if (seal)
                memcpy(out + text, tag, 16);
        return CW_OK;
}

static cw_rc soft_sha1(void *ctx, const uint8_t *in, size_t len, uint8_t out[20], struct cw_fault *f) {
        struct soft_hsm *s = ctx;
        if (spent(s))
                return broken(f);
        return EVP_Q_digest(NULL, "SHA1", NULL, in, len, out, NULL) == 1 ? CW_OK : broken(f);
}

/* Not random: tests want to run twice the same way. */
static cw_rc soft_random(void *ctx, uint8_t *out, size_t len, struct cw_fault *f) {
        struct soft_hsm *s = ctx;
        if (spent(s))
                return broken(f);
        for (size_t i = 0; i < len; i++)
                out[i] = (uint8_t)(s->counter++ * 37u + 11u);
        return CW_OK;
}

static cw_rc soft_import(void *ctx, enum cw_hsm_alg alg, unsigned usage, const uint8_t *value,
                         struct cw_hsm_key *ret, struct cw_fault *f) {
        struct soft_hsm *s = ctx;
        if (spent(s))
                return broken(f);
        *ret = store(s, alg, usage, value, cw_hsm_alg_key_len(alg));
        return CW_OK;
}

static cw_rc soft_derive(void *ctx, const struct cw_hsm_key *base, enum cw_hsm_mode mode, const uint8_t *data,
                         size_t len, enum cw_hsm_alg alg, unsigned usage, struct cw_hsm_key *ret,
                         struct cw_fault *f) {
        static const uint8_t zero[16];
        uint8_t value[64];
        cw_rc rc = soft_cipher(ctx, base, CW_ENCRYPT, mode, zero, data, len, value, f);
        return rc != CW_OK ? rc : soft_import(ctx, alg, usage, value, ret, f);
}

static void soft_destroy(void *ctx, const struct cw_hsm_key *key) {
        struct soft_hsm *s = ctx;
        (void)get(s, key);
        memset(&s->keys[key->handle], 0, sizeof(s->keys[0]));
}

struct cw_hsm_key soft_rsa(struct soft_hsm *s, const struct cw_rsa_private *key) {
        s->rsa = key;
        return (struct cw_hsm_key){.alg = CW_ALG_RSA, .usage = CW_USE_MAC, .valid = true, .permanent = true};
}

void soft_rsa_spoil(struct soft_hsm *s) {
        s->rsa_spoilt = true;
}

static cw_rc soft_rsa_public(void *ctx, const struct cw_hsm_key *key, struct cw_rsa_public *ret,
                             struct cw_fault *f) {
        struct soft_hsm *s = ctx;
        (void)key;
        if (spent(s))
                return broken(f);
        *ret = s->rsa->pub;
        return CW_OK;
}

static cw_rc soft_rsa_sign(void *ctx, const struct cw_hsm_key *key, const uint8_t *in, size_t len,
                           uint8_t *out, struct cw_fault *f) {
        struct soft_hsm *s = ctx;
        (void)key;
        if (spent(s))
                return broken(f);
        BN_CTX *bn = BN_CTX_new();
        BIGNUM *n = BN_bin2bn(s->rsa->pub.n, (int)len, NULL), *d = BN_bin2bn(s->rsa->d, (int)len, NULL);
        BIGNUM *x = BN_bin2bn(in, (int)len, NULL);
        if (BN_mod_exp(x, x, d, n, bn) != 1 || BN_bn2binpad(x, out, (int)len) < 0)
                abort();
        out[len - 1] ^= s->rsa_spoilt ? 1 : 0;
        BN_free(n);
        BN_free(d);
        BN_free(x);
        BN_CTX_free(bn);
        return CW_OK;
}

static void rsa_part(const EVP_PKEY *key, const char *name, uint8_t *ret, size_t len) {
        BIGNUM *bn = NULL;
        if (EVP_PKEY_get_bn_param(key, name, &bn) != 1 || BN_bn2binpad(bn, ret, (int)len) < 0)
                abort();
        BN_free(bn);
}

static cw_rc soft_rsa_generate(void *ctx, unsigned bits, unsigned exponent, struct cw_rsa_private *ret,
                               struct cw_fault *f) {
        EVP_PKEY_CTX *gen = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
        BIGNUM *e = BN_new();
        EVP_PKEY *key = NULL;
        size_t n = bits / 8, half = cw_rsa_prime_len(n);
        if (spent(ctx)) {
                EVP_PKEY_CTX_free(gen);
                BN_free(e);
                return broken(f);
        }
        if (BN_set_word(e, exponent) != 1 || EVP_PKEY_keygen_init(gen) != 1 ||
            EVP_PKEY_CTX_set_rsa_keygen_bits(gen, (int)bits) != 1 ||
            EVP_PKEY_CTX_set1_rsa_keygen_pubexp(gen, e) != 1 || EVP_PKEY_generate(gen, &key) != 1)
                abort();
        rsa_part(key, OSSL_PKEY_PARAM_RSA_N, ret->pub.n, n);
        rsa_part(key, OSSL_PKEY_PARAM_RSA_D, ret->d, n);
        rsa_part(key, OSSL_PKEY_PARAM_RSA_FACTOR1, ret->p, half);
        rsa_part(key, OSSL_PKEY_PARAM_RSA_FACTOR2, ret->q, half);
        rsa_part(key, OSSL_PKEY_PARAM_RSA_EXPONENT1, ret->dp, half);
        rsa_part(key, OSSL_PKEY_PARAM_RSA_EXPONENT2, ret->dq, half);
        rsa_part(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, ret->q_inv, half);
        ret->pub.n_len = n;
        EVP_PKEY_free(key);
        EVP_PKEY_CTX_free(gen);
        BN_free(e);
        return CW_OK;
}

struct soft_hsm *soft_hsm_new(struct cw_hsm_crypto *ret) {
        static const struct cw_hsm_crypto_ops ops = {
            .cipher = soft_cipher,
            .cmac = soft_cmac,
            .hmac_sha256 = soft_hmac_sha256,
            .gcm = soft_gcm,
            .sha1 = soft_sha1,
            .random = soft_random,
            .derive = soft_derive,
            .import = soft_import,
            .destroy = soft_destroy,
            .rsa_public = soft_rsa_public,
            .rsa_sign = soft_rsa_sign,
            .rsa_generate = soft_rsa_generate,
        };
        struct soft_hsm *s = calloc(1, sizeof(*s));
        if (s == NULL)
                abort();
        s->left = -1;
        *ret = (struct cw_hsm_crypto){&ops, s};
        return s;
}

void soft_hsm_free(struct soft_hsm *s) {
        free(s);
}
