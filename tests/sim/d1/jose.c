/* SPDX-License-Identifier: Apache-2.0 */
#include "d1sim.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

#define PARTS_MAX 5
#define TEXT_MAX 8192u

CW_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
CW_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
CW_DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);
CW_DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free);

EVP_PKEY *d1sim_read_key(const char *path, bool is_private) {
        CW_AUTO_FILE FILE *file = fopen(path, "re");
        if (!file)
                return NULL;
        return is_private ? PEM_read_PrivateKey(file, NULL, NULL, NULL)
                          : PEM_read_PUBKEY(file, NULL, NULL, NULL);
}

/* Base64url without padding (RFC 7515, appendix C); the number of bytes, -1 when malformed or too long. */
static int b64url(const char *text, size_t len, uint8_t *ret, size_t cap) {
        static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        unsigned bits = 0, acc = 0;
        size_t n = 0;
        if (len % 4 == 1)
                return -1;
        for (size_t i = 0; i < len; i++) {
                const char *at = text[i] ? strchr(set, text[i]) : NULL;
                if (!at)
                        return -1;
                acc = acc << 6 | (unsigned)(at - set);
                bits += 6;
                if (bits < 8)
                        continue;
                bits -= 8;
                if (n == cap)
                        return -1;
                ret[n++] = (uint8_t)(acc >> bits);
                acc &= (1u << bits) - 1;
        }
        return acc == 0 ? (int)n : -1;
}

/* Splits at dots; how many parts, 0 when more than cap. */
static unsigned split(const char *text, unsigned cap, const char *part[], size_t len[]) {
        unsigned n = 0;
        for (;;) {
                if (n == cap)
                        return 0;
                part[n] = text;
                len[n] = strcspn(text, ".");
                text += len[n++];
                if (!*text)
                        return n;
                text++;
        }
}

static json_t *json_part(const char *text, size_t len) {
        uint8_t clear[TEXT_MAX];
        int n = b64url(text, len, clear, sizeof clear);
        return n < 0 ? NULL : json_loadb((const char *)clear, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
}

/* ---- JWS ---- */

static bool verify(EVP_PKEY *key, const char *text, size_t len, const uint8_t raw[64]) {
        uint8_t digest[32], der[80], *at = der;
        CW_AUTO(ECDSA_SIG_free) ECDSA_SIG *sig = ECDSA_SIG_new();
        BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
        if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1)
                return false;
        int der_len = i2d_ECDSA_SIG(sig, &at);
        (void)SHA256((const uint8_t *)text, len, digest);
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
        return der_len > 0 && ctx && EVP_PKEY_verify_init(ctx) == 1 &&
               EVP_PKEY_verify(ctx, der, (size_t)der_len, digest, sizeof digest) == 1;
}

static EVP_PKEY *key_of(const json_t *keys, const char *kid) {
        for (size_t i = 0; i < json_array_size(keys); i++) {
                const json_t *key = json_array_get(keys, i);
                if (strcmp(d1sim_text(key, "kid"), kid) == 0)
                        return d1sim_read_key(d1sim_text(key, "public_file"), false);
        }
        return NULL;
}

json_t *d1sim_jwt_open(const json_t *keys, const char *text, const char **why) {
        const char *part[PARTS_MAX];
        size_t len[PARTS_MAX];
        uint8_t signature[64];
        *why = "the assertion is not a JWT";
        if (split(text, PARTS_MAX, part, len) != 3)
                return NULL;
        CW_AUTO_JSON json_t *header = json_part(part[0], len[0]);
        *why = "alg must be ES256";
        if (strcmp(d1sim_text(header, "alg"), "ES256") != 0)
                return NULL;
        *why = "kid is missing or unknown";
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_of(keys, d1sim_text(header, "kid"));
        if (!key)
                return NULL;
        *why = "the signature is wrong";
        if (b64url(part[2], len[2], signature, sizeof signature) != 64 ||
            !verify(key, text, len[0] + 1 + len[1], signature))
                return NULL;
        *why = "the claims are not JSON";
        return json_part(part[1], len[1]);
}

/* ---- JWE ---- */

static EVP_PKEY *epk_key(const json_t *epk) {
        uint8_t point[65] = {4};
        const char *x = d1sim_text(epk, "x"), *y = d1sim_text(epk, "y");
        EVP_PKEY *key = NULL;
        if (strcmp(d1sim_text(epk, "kty"), "EC") != 0 || strcmp(d1sim_text(epk, "crv"), "P-256") != 0 ||
            b64url(x, strlen(x), point + 1, 32) != 32 || b64url(y, strlen(y), point + 33, 32) != 32)
                return NULL;
        char group[] = "prime256v1";
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
            OSSL_PARAM_construct_end()};
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
            EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
                return NULL;
        return key;
}

/* ECDH and Concat KDF (RFC 7518, 4.6.2): SHA-256(1 | Z | "A256GCM" | apu | apv | 256), one round. */
static bool agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t ret[32]) {
        uint8_t in[4 + 32 + 4 + 7 + 4 + 4 + 4] = {0, 0, 0, 1};
        size_t len = 32;
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
        if (!ctx || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, peer) != 1 ||
            EVP_PKEY_derive(ctx, in + 4, &len) != 1 || len != 32)
                return false;
        in[39] = 7;
        memcpy(in + 40, "A256GCM", 7);
        in[sizeof in - 2] = 1; /* 256 bits */
        return SHA256(in, sizeof in, ret) != NULL;
}

static int open_gcm(const uint8_t key[32], const char *aad, size_t aad_len, const uint8_t iv[12],
                    const uint8_t *in, int in_len, uint8_t tag[16], uint8_t *ret) {
        int n = 0, rest = 0;
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        if (!ctx || EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv) != 1 ||
            EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)aad, (int)aad_len) != 1 ||
            EVP_DecryptUpdate(ctx, ret, &n, in, in_len) != 1 ||
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, 16, tag) != 1 ||
            EVP_DecryptFinal_ex(ctx, ret + n, &rest) != 1)
                return -1;
        return n + rest;
}

json_t *d1sim_jwe_open(EVP_PKEY *own, const char *kid, const char *text, const char **why) {
        const char *part[PARTS_MAX];
        size_t len[PARTS_MAX];
        uint8_t iv[12], tag[16], key[32], in[TEXT_MAX], clear[TEXT_MAX];
        *why = "not a compact JWE with an empty key part";
        if (strlen(text) > TEXT_MAX || split(text, PARTS_MAX, part, len) != PARTS_MAX || len[1] != 0)
                return NULL;
        CW_AUTO_JSON json_t *header = json_part(part[0], len[0]);
        *why = "alg must be ECDH-ES and enc A256GCM";
        if (strcmp(d1sim_text(header, "alg"), "ECDH-ES") != 0 ||
            strcmp(d1sim_text(header, "enc"), "A256GCM") != 0)
                return NULL;
        *why = "kid is not that of the card data key";
        if (strcmp(d1sim_text(header, "kid"), kid) != 0)
                return NULL;
        *why = "epk is no point of P-256";
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *peer = epk_key(json_object_get(header, "epk"));
        if (!peer || !agree(own, peer, key))
                return NULL;
        *why = "the ciphertext does not open";
        int in_len = b64url(part[3], len[3], in, sizeof in);
        if (in_len < 0 || b64url(part[2], len[2], iv, 12) != 12 || b64url(part[4], len[4], tag, 16) != 16)
                return NULL;
        int n = open_gcm(key, part[0], len[0], iv, in, in_len, tag, clear);
        if (n < 0)
                return NULL;
        *why = "the clear text is not JSON";
        return json_loadb((const char *)clear, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
}
