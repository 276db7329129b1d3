/* SPDX-License-Identifier: Apache-2.0 */
/* JWE in compact form (RFC 7516) with ECDH-ES (RFC 7518, 4.6) and A256GCM (5.3), on libcrypto alone. */
#include "gateway_codec.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/params.h>

#include "base/cleanup.h"
#include "crypto.h"
#include "text.h"

#define ENC "A256GCM"
#define IV_LEN 12U
#define PARTS 5U
#define HEADER_MAX 2048U

CW_DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);
CW_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
CW_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);

static void put32(uint8_t out[4], size_t n) {
        for (size_t i = 0; i < 4; i++)
                out[i] = (uint8_t)(n >> (24 - 8 * i));
}

/* One round of the Concat KDF is 256 bits: 1 | Z | "A256GCM" | apu | apv | 256, each text with its length. */
static bool concat_kdf(const uint8_t z[32], const json_t *header, uint8_t key[32]) {
        uint8_t in[4 + 32 + 3 * 4 + sizeof ENC + 2 * 256 + 4];
        static const char *const parties[] = {"apu", "apv"};
        size_t at = 0;
        put32(in, 1);
        memcpy(in + 4, z, 32);
        at = 36;
        put32(in + at, sizeof ENC - 1);
        memcpy(in + at + 4, ENC, sizeof ENC - 1);
        at += 4 + sizeof ENC - 1;
        for (size_t i = 0; i < 2; i++) {
                const char *text = json_string_value(json_object_get(header, parties[i]));
                size_t len = 0;
                if (text && !cw_dsim_b64url_decode(text, strlen(text), in + at + 4, 256, &len))
                        return false;
                put32(in + at, len);
                at += 4 + len;
        }
        put32(in + at, 256);
        cw_dsim_sha256(in, at + 4, key);
        OPENSSL_cleanse(in, sizeof in);
        return true;
}

/* seal: in of len to out and tag. Otherwise: checks tag. */
static bool gcm(bool seal, const uint8_t key[32], const uint8_t iv[IV_LEN], const char *aad,
                const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[CW_DSIM_TAG_LEN]) {
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n = 0;
        bool ok = ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv, seal) == 1 &&
                  EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)aad, (int)strlen(aad)) == 1 &&
                  EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1;
        if (ok && !seal)
                ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, (int)CW_DSIM_TAG_LEN, tag) == 1;
        ok = ok && EVP_CipherFinal_ex(ctx, out + n, &n) == 1;
        if (ok && seal)
                ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, (int)CW_DSIM_TAG_LEN, tag) == 1;
        return ok;
}

/* ---- open ---- */

static EVP_PKEY *read_epk(const json_t *header) {
        const json_t *epk = json_object_get(header, "epk");
        const char *x = json_string_value(json_object_get(epk, "x"));
        const char *y = json_string_value(json_object_get(epk, "y"));
        const char *crv = json_string_value(json_object_get(epk, "crv"));
        uint8_t point[65] = {4};
        size_t n = 0, m = 0;
        if (!x || !y || !crv || strcmp(crv, "P-256") != 0 ||
            !cw_dsim_b64url_decode(x, strlen(x), point + 1, 32, &n) || n != 32 ||
            !cw_dsim_b64url_decode(y, strlen(y), point + 33, 32, &m) || m != 32)
                return NULL;
        char group[] = "P-256";
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
            OSSL_PARAM_construct_end(),
        };
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        EVP_PKEY *key = NULL;
        if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
            EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
                return NULL;
        return key;
}

static bool is(const json_t *header, const char *name, const char *want) {
        const char *text = json_string_value(json_object_get(header, name));
        return text && strcmp(text, want) == 0;
}

/* Only the documented members, each right. */
static bool header_ok(json_t *header) {
        static const char *const known[] = {"alg", "enc", "kid", "epk", "apu", "apv"};
        const char *key = NULL;
        json_t *value = NULL;
        json_object_foreach(header, key, value) {
                bool found = false;
                for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
                        found = found || strcmp(key, known[i]) == 0;
                if (!found)
                        return false;
        }
        return is(header, "alg", "ECDH-ES") && is(header, "enc", ENC) &&
               json_string_value(json_object_get(header, "kid"));
}

static json_t *load_header(const char *text) {
        uint8_t raw[HEADER_MAX];
        size_t len = 0;
        if (!cw_dsim_b64url_decode(text, strlen(text), raw, sizeof raw, &len))
                return NULL;
        return json_loadb((const char *)raw, len, JSON_REJECT_DUPLICATES, NULL);
}

/* Cuts the text at its dots. */
static bool split(char *text, char *parts[PARTS]) {
        size_t n = 0;
        parts[n++] = text;
        for (char *p = text; *p; p++) {
                if (*p != '.')
                        continue;
                if (n == PARTS)
                        return false;
                *p = '\0';
                parts[n++] = p + 1;
        }
        return n == PARTS;
}

static const struct cw_dsim_gateway_pair *pair_of(const struct cw_dsim *sim, const json_t *header) {
        for (size_t i = 0; i < sim->cfg.gateway.pair_count; i++)
                if (is(header, "kid", sim->cfg.gateway.pairs[i].kid))
                        return &sim->cfg.gateway.pairs[i];
        return NULL;
}

static char *decrypt(const struct cw_dsim_gateway_pair *pair, const json_t *header, char *const parts[PARTS],
                     size_t *ret_len) {
        uint8_t z[32], key[32], iv[IV_LEN], tag[CW_DSIM_TAG_LEN];
        size_t iv_len = 0, tag_len = 0, len = 0, cap = strlen(parts[3]) / 4 * 3 + 3;
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *epk = read_epk(header);
        CW_AUTO_MEM uint8_t *sealed = malloc(cap);
        CW_AUTO_MEM uint8_t *clear = malloc(cap + 1);
        bool ok = sealed && clear && epk && !*parts[1] &&
                  cw_dsim_b64url_decode(parts[2], strlen(parts[2]), iv, sizeof iv, &iv_len) &&
                  iv_len == sizeof iv &&
                  cw_dsim_b64url_decode(parts[4], strlen(parts[4]), tag, sizeof tag, &tag_len) &&
                  tag_len == sizeof tag &&
                  cw_dsim_b64url_decode(parts[3], strlen(parts[3]), sealed, cap, &len) &&
                  cw_dsim_ecdh(pair->own, epk, z) && concat_kdf(z, header, key) &&
                  gcm(false, key, iv, parts[0], sealed, len, clear, tag);
        OPENSSL_cleanse(z, sizeof z);
        OPENSSL_cleanse(key, sizeof key);
        if (!ok)
                return NULL;
        clear[len] = '\0';
        *ret_len = len;
        return (char *)CW_STEAL(clear);
}

char *cw_dsim_jwe_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len, const char **why) {
        CW_AUTO_MEM char *text = strndup(body, len);
        char *parts[PARTS];
        *why = "the body must be a JWE in compact form";
        if (!text || strlen(text) != len || !split(text, parts))
                return NULL;
        CW_AUTO_JSON json_t *header = load_header(parts[0]);
        *why = "the JWE header must be {alg: ECDH-ES, enc: A256GCM, kid, epk}";
        if (!header || !header_ok(header))
                return NULL;
        const struct cw_dsim_gateway_pair *pair = pair_of(sim, header);
        *why = "kid names no key of this gateway";
        if (!pair)
                return NULL;
        *why = "the JWE does not decrypt under the gateway key";
        return decrypt(pair, header, parts, ret_len);
}

/* ---- seal ---- */

static json_t *epk_json(EVP_PKEY *ephemeral) {
        uint8_t point[65];
        char x[48], y[48];
        size_t len = 0;
        if (EVP_PKEY_get_octet_string_param(ephemeral, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) !=
                1 ||
            len != sizeof point)
                abort();
        cw_dsim_b64url_encode(point + 1, 32, x);
        cw_dsim_b64url_encode(point + 33, 32, y);
        return json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", "P-256", "x", x, "y", y);
}

char *cw_dsim_jwe_seal(const struct cw_dsim_gateway_pair *pair, const char *body) {
        uint8_t z[32], key[32], iv[IV_LEN], tag[CW_DSIM_TAG_LEN];
        char iv_text[24], tag_text[32];
        size_t len = strlen(body);
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *ephemeral = EVP_EC_gen("P-256");
        if (!ephemeral || !cw_dsim_ecdh(ephemeral, pair->peer, z))
                abort();
        CW_AUTO_JSON json_t *header = json_pack("{s:s, s:s, s:s, s:o}", "alg", "ECDH-ES", "enc", ENC, "kid",
                                                pair->kid, "epk", epk_json(ephemeral));
        CW_AUTO_MEM char *clear_header = json_dumps(header, JSON_COMPACT);
        CW_AUTO_MEM char *protected_text = malloc(CW_DSIM_B64_SIZE(HEADER_MAX));
        CW_AUTO_MEM uint8_t *sealed = malloc(len + 1);
        size_t size = CW_DSIM_B64_SIZE(HEADER_MAX) + CW_DSIM_B64_SIZE(len) + 64;
        CW_AUTO_MEM char *sealed_text = malloc(CW_DSIM_B64_SIZE(len));
        CW_AUTO_MEM char *out = malloc(size);
        if (!clear_header || strlen(clear_header) > HEADER_MAX || !protected_text || !sealed ||
            !sealed_text || !out || !concat_kdf(z, header, key))
                abort();
        cw_dsim_random(iv, sizeof iv);
        cw_dsim_b64url_encode((const uint8_t *)clear_header, strlen(clear_header), protected_text);
        if (!gcm(true, key, iv, protected_text, (const uint8_t *)body, len, sealed, tag))
                abort();
        OPENSSL_cleanse(key, sizeof key);
        OPENSSL_cleanse(z, sizeof z);
        cw_dsim_b64url_encode(iv, sizeof iv, iv_text);
        cw_dsim_b64url_encode(tag, sizeof tag, tag_text);
        cw_dsim_b64url_encode(sealed, len, sealed_text);
        (void)snprintf(out, size, "%s..%s.%s.%s", protected_text, iv_text, sealed_text, tag_text);
        return CW_STEAL(out);
}
