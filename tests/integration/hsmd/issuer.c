/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool ok) {
        if (!ok)
                abort();
}

static EVP_PKEY *make_key(unsigned bits) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
        BIGNUM *e = BN_new();
        EVP_PKEY *key = NULL;
        need(ctx != NULL && BN_set_word(e, 3) == 1 && EVP_PKEY_keygen_init(ctx) == 1 &&
             EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1 &&
             EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) == 1 && EVP_PKEY_generate(ctx, &key) == 1);
        BN_free(e);
        EVP_PKEY_CTX_free(ctx);
        return key;
}

static void get(const EVP_PKEY *key, const char *name, size_t len, struct issuer_number *ret) {
        BIGNUM *bn = NULL;
        need(EVP_PKEY_get_bn_param(key, name, &bn) == 1 &&
             BN_bn2binpad(bn, ret->bytes, (int)len) == (int)len);
        ret->len = len;
        BN_free(bn);
}

void issuer_sha1(const void *p, size_t len, uint8_t ret[20]) {
        need(EVP_Q_digest(NULL, "SHA1", NULL, p, len, ret, NULL) == 1);
}

static void power(const struct issuer_number *n, const BIGNUM *e, const uint8_t *x, uint8_t *ret) {
        BN_CTX *ctx = BN_CTX_new();
        BIGNUM *m = BN_bin2bn(n->bytes, (int)n->len, NULL), *b = BN_bin2bn(x, (int)n->len, NULL);
        need(BN_mod_exp(b, b, e, m, ctx) == 1 && BN_bn2binpad(b, ret, (int)n->len) == (int)n->len);
        BN_free(m);
        BN_free(b);
        BN_CTX_free(ctx);
}

void issuer_cube(const struct issuer_number *n, const uint8_t *x, uint8_t *ret) {
        BIGNUM *e = BN_new();
        need(BN_set_word(e, 3) == 1);
        power(n, e, x, ret);
        BN_free(e);
}

void issuer_power(const struct issuer_number *n, const struct issuer_number *d, const uint8_t *x,
                  uint8_t *ret) {
        BIGNUM *e = BN_bin2bn(d->bytes, (int)d->len, NULL);
        power(n, e, x, ret);
        BN_free(e);
}

static void hex(const uint8_t *p, size_t len, char *ret) {
        for (size_t i = 0; i < len; i++)
                (void)snprintf(ret + 2 * i, 3, "%02X", p[i]);
}

/* Left digits with F behind. */
static void pack(const char *digits, size_t len, uint8_t *ret) {
        memset(ret, 0xff, len);
        for (size_t i = 0; digits[i] != '\0'; i++) {
                unsigned v = (unsigned)(digits[i] - '0'), old = ret[i / 2];
                ret[i / 2] = (uint8_t)(i % 2 == 0 ? (v << 4) | (old & 0x0f) : (old & 0xf0) | v);
        }
}

static void certify(struct issuer *r, const char *iin, const char *mmyy) {
        char e_hex[8];
        uint8_t block[ISSUER_MAX], hashed[2 * ISSUER_MAX], cert[ISSUER_MAX];
        char cert_hex[2 * ISSUER_MAX + 1], ca_hex[2 * ISSUER_MAX + 1], rest_hex[2 * ISSUER_MAX + 1] = "";
        size_t n = r->ca_n.len, room = n - 36, over = r->n.len > room ? r->n.len - room : 0;
        memset(block, 0xbb, sizeof(block));
        block[0] = 0x6a;
        block[1] = 0x02;
        pack(iin, 4, block + 2);
        pack(mmyy, 2, block + 6);
        memcpy(block + 8, "\x00\x00\x07\x01\x01", 5);
        block[13] = (uint8_t)r->n.len;
        block[14] = (uint8_t)r->e.len;
        memcpy(block + 15, r->n.bytes, r->n.len - over);
        memcpy(hashed, block + 1, n - 22);
        memcpy(hashed + n - 22, r->n.bytes + r->n.len - over, over);
        memcpy(hashed + n - 22 + over, r->e.bytes, r->e.len);
        issuer_sha1(hashed, n - 22 + over + r->e.len, block + n - 21);
        block[n - 1] = 0xbc;
        issuer_power(&r->ca_n, &r->ca_d, block, cert);
        hex(cert, n, cert_hex);
        hex(r->ca_n.bytes, n, ca_hex);
        hex(r->n.bytes + r->n.len - over, over, rest_hex);
        hex(r->e.bytes, r->e.len, e_hex);
        (void)snprintf(r->json, sizeof(r->json),
                       "{\"ca_index\": \"94\", \"ca_modulus\": \"%s\", \"ca_exponent\": \"03\",\n"
                       "\"certificate\": \"%s\", \"remainder\": \"%s\", \"exponent\": \"%s\"}\n",
                       ca_hex, cert_hex, rest_hex, e_hex);
}

void issuer_make(struct issuer *r, unsigned bits, unsigned ca_bits, const char *iin, const char *mmyy) {
        EVP_PKEY *key = make_key(bits), *ca = make_key(ca_bits);
        uint8_t hash[20], *der = NULL;
        size_t n = bits / 8;
        memset(r, 0, sizeof(*r));
        get(key, OSSL_PKEY_PARAM_RSA_N, n, &r->n);
        get(key, OSSL_PKEY_PARAM_RSA_D, n, &r->d);
        get(key, OSSL_PKEY_PARAM_RSA_FACTOR1, n / 2, &r->p);
        get(key, OSSL_PKEY_PARAM_RSA_FACTOR2, n / 2, &r->q);
        get(key, OSSL_PKEY_PARAM_RSA_EXPONENT1, n / 2, &r->dp);
        get(key, OSSL_PKEY_PARAM_RSA_EXPONENT2, n / 2, &r->dq);
        get(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, n / 2, &r->q_inv);
        get(ca, OSSL_PKEY_PARAM_RSA_N, ca_bits / 8, &r->ca_n);
        get(ca, OSSL_PKEY_PARAM_RSA_D, ca_bits / 8, &r->ca_d);
        int der_len = i2d_PrivateKey(key, &der);
        need(der_len > 0 && 2 * (size_t)der_len < sizeof(r->der_hex));
        hex(der, (size_t)der_len, r->der_hex);
        OPENSSL_free(der);
        issuer_sha1(r->n.bytes, n, hash);
        hex(hash, 5, r->kcv);
        r->e = (struct issuer_number){.bytes = {3}, .len = 1};
        certify(r, iin, mmyy);
        EVP_PKEY_free(key);
        EVP_PKEY_free(ca);
}

static void number(const char *text, struct issuer_number *ret) {
        ret->len = strlen(text) / 2;
        need(ret->len <= ISSUER_MAX);
        for (size_t i = 0; i < ret->len; i++) {
                const char digits[3] = {text[2 * i], text[2 * i + 1], 0};
                ret->bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
        }
}

void issuer_next(struct issuer *r, const char *modulus, const char *exponent, const char *iin,
                 const char *mmyy) {
        uint8_t hash[20];
        number(modulus, &r->n);
        number(exponent, &r->e);
        issuer_sha1(r->n.bytes, r->n.len, hash);
        hex(hash, 5, r->kcv);
        certify(r, iin, mmyy);
}

bool issuer_recover_icc(const struct issuer_number *issuer_n, const uint8_t *cert, size_t len,
                        const uint8_t *remainder, size_t remainder_len, uint8_t exponent, const char *pan,
                        const char *mmyy, const void *static_data, size_t static_len,
                        struct issuer_number *ret_n) {
        uint8_t plain[ISSUER_MAX], hashed[3 * ISSUER_MAX + 4096], hash[20], packed[10], date[2];
        size_t n = issuer_n->len, at = n - 22;
        if (len != n)
                return false;
        issuer_cube(issuer_n, cert, plain);
        pack(pan, 10, packed);
        pack(mmyy, 2, date);
        if (plain[0] != 0x6a || plain[1] != 0x04 || plain[n - 1] != 0xbc ||
            memcmp(plain + 2, packed, 10) != 0 || memcmp(plain + 12, date, 2) != 0 || plain[17] != 1 ||
            plain[18] != 1 || plain[20] != 1)
                return false;
        memcpy(hashed, plain + 1, at);
        memcpy(hashed + at, remainder, remainder_len);
        at += remainder_len;
        hashed[at++] = exponent;
        memcpy(hashed + at, static_data, static_len);
        issuer_sha1(hashed, at + static_len, hash);
        if (memcmp(hash, plain + n - 21, 20) != 0)
                return false;
        ret_n->len = plain[19];
        size_t inside = ret_n->len - remainder_len;
        if (inside > n - 42 || (remainder_len > 0 && inside != n - 42))
                return false;
        memcpy(ret_n->bytes, plain + 21, inside);
        memcpy(ret_n->bytes + inside, remainder, remainder_len);
        for (size_t i = inside; i < n - 42; i++) {
                if (plain[21 + i] != 0xbb)
                        return false;
        }
        return true;
}

/* parts: q^-1 mod p, d mod q-1, d mod p-1, q, p */
bool issuer_crt_fits(const struct issuer_number *n, const uint8_t *const parts[5], size_t half) {
        uint8_t x[ISSUER_MAX] = {0}, y[ISSUER_MAX], back[ISSUER_MAX];
        BIGNUM *v[5], *m = BN_new(), *m1 = BN_new(), *m2 = BN_new();
        BN_CTX *ctx = BN_CTX_new();
        for (size_t i = 0; i < 5; i++)
                v[i] = BN_bin2bn(parts[i], (int)half, NULL);
        for (size_t i = 1; i < n->len; i++)
                x[i] = (uint8_t)(i * 7);
        need(BN_bin2bn(x, (int)n->len, m) != NULL && BN_mod_exp(m1, m, v[2], v[4], ctx) == 1 &&
             BN_mod_exp(m2, m, v[1], v[3], ctx) == 1 && BN_mod_sub(m1, m1, m2, v[4], ctx) == 1 &&
             BN_mod_mul(m1, m1, v[0], v[4], ctx) == 1 && BN_mul(m1, m1, v[3], ctx) == 1 &&
             BN_add(m1, m1, m2) == 1);
        bool fits = BN_bn2binpad(m1, y, (int)n->len) == (int)n->len;
        if (fits)
                issuer_cube(n, y, back);
        for (size_t i = 0; i < 5; i++)
                BN_free(v[i]);
        BN_free(m);
        BN_free(m1);
        BN_free(m2);
        BN_CTX_free(ctx);
        return fits && memcmp(back, x, n->len) == 0;
}
