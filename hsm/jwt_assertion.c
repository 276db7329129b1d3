/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/jwt_assertion.h"

#include "base/buf.h"
#include "base/file.h"
#include "hsm/p11_p256.h"

#include <jose/b64.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/random.h>

#define OP "hsm.assertion"
#define PEM_MAX 8192u

CW_DEFINE_CLEANUP(BIO *, BIO_free_all);
CW_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
CW_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
CW_DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free);

static cw_rc fail(struct cw_fault *f, enum cw_class cls, unsigned code, const char *text) {
        ERR_clear_error();
        return cw_fail(f, CW_RC(CW_L_HSM, cls, code), 0, OP, "HSM_KEY", "%s", text);
}

/* Appends the base64url of p; false when it does not fit. */
static bool put_b64(struct cw_secret *s, const void *p, size_t len) {
        size_t room = s->cap - s->len, need = jose_b64_enc_buf(NULL, len, NULL, 0);
        if (need == SIZE_MAX || need > room || jose_b64_enc_buf(p, len, s->ptr + s->len, room) != need)
                return false;
        s->len += need;
        return true;
}

static bool put_json(struct cw_secret *s, json_t *take) {
        CW_AUTO_JSON json_t *json = take;
        CW_AUTO_MEM char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
        return text && put_b64(s, text, strlen(text));
}

static json_t *claims(const struct cw_assertion *a) {
        uint8_t random[16];
        char jti[2 * sizeof(random) + 1];
        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random) ||
            !cw_hex_encode(random, sizeof(random), jti, sizeof(jti)))
                return NULL;
        const json_int_t now_s = a->now_s;
        json_t *json = json_pack("{s:s, s:s, s:I, s:I, s:s}", "iss", a->issuer, "sub", a->issuer, "iat",
                                 now_s, "exp", now_s + CW_ASSERTION_LIFE_S, "jti", jti);
        if (a->audience[0])
                (void)json_object_set_new(json, "aud", json_string(a->audience));
        return json;
}

cw_rc cw_assertion_make(const struct cw_assertion *a, const struct cw_es256 *key, struct cw_secret **ret,
                        struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *jwt = NULL;
        uint8_t digest[32], signature[64];
        if (cw_secret_new(CW_ASSERTION_MAX, &jwt) != CW_OK)
                return fail(f, CW_C_RETRY, CW_E_NOMEM, "out of memory");
        bool ok = put_json(jwt, json_pack("{s:s, s:s, s:s}", "alg", "ES256", "typ", "JWT", "kid", a->kid));
        if (ok && jwt->len + 1 < jwt->cap)
                jwt->ptr[jwt->len++] = '.';
        ok = ok && put_json(jwt, claims(a)) &&
             EVP_Digest(jwt->ptr, jwt->len, digest, NULL, EVP_sha256(), NULL) == 1;
        if (!ok)
                return fail(
                    f, CW_C_OPERATOR, CW_E_TOO_BIG,
                    "the token request could not be written; d1.issuer_id, sign_kid or audience is too "
                    "long");
        cw_rc rc = key->sign(key->ctx, digest, signature, f);
        if (rc != CW_OK)
                return rc;
        jwt->ptr[jwt->len++] = '.';
        if (!put_b64(jwt, signature, sizeof(signature)))
                return fail(f, CW_C_OPERATOR, CW_E_TOO_BIG, "the token request is too long");
        *ret = CW_STEAL(jwt);
        return CW_OK;
}

/* ---- a key in a file ---- */

static int no_passphrase(char *buf, int size, int writing, void *ctx) {
        (void)buf, (void)size, (void)writing, (void)ctx;
        return -1;
}

/* DER of ECDSA to the 64 bytes of JWS (RFC 7518, 3.4). */
static bool der_to_raw(const uint8_t *der, size_t len, uint8_t ret[64]) {
        CW_AUTO(ECDSA_SIG_free) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
        return sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32) == 32 &&
               BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32) == 32;
}

cw_rc cw_pem_es256(const struct cw_secret *pem, const uint8_t digest[32], uint8_t ret[64],
                   struct cw_fault *f) {
        uint8_t der[80];
        size_t len = sizeof(der);
        char curve[32] = "";
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem->ptr, (int)pem->len);
        CW_AUTO(EVP_PKEY_free)
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
        if (!key || EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) != 1 ||
            strcmp(curve, "prime256v1") != 0)
                return fail(f, CW_C_OPERATOR, CW_E_SYNTAX,
                            "d1.sign_key_credential holds no P-256 private key in PEM without passphrase");
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
        if (!ctx || EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_sign(ctx, der, &len, digest, 32) != 1 ||
            !der_to_raw(der, len, ret))
                return fail(f, CW_C_OPERATOR, CW_E_UNSUPPORTED,
                            "the key of d1.sign_key_credential cannot sign");
        return CW_OK;
}

/* ---- D1 ---- */

struct d1_key {
        const struct cw_config *config;
        const struct cw_d1_sign_key *on_token;
};

static cw_rc sign_for_d1(void *ctx, const uint8_t digest[32], uint8_t ret[64], struct cw_fault *f) {
        const struct d1_key *k = ctx;
        const struct cw_config_d1 *d = &k->config->d1;
        if (k->on_token)
                return cw_p11_p256_sign(k->on_token->p, k->on_token->handle, digest, ret, f);
        CW_AUTO(cw_secret_free) struct cw_secret *pem = NULL;
        const char *dir = k->config->agent.credential_dir[0] ? k->config->agent.credential_dir : NULL;
        cw_rc rc = cw_credential_read(dir, d->sign_key_credential, PEM_MAX, &pem, f);
        return rc != CW_OK ? rc : cw_pem_es256(pem, digest, ret, f);
}

bool cw_d1_kid(const char *kid, unsigned version, char *ret, size_t cap) {
        static const char mark[] = "{version}";
        const char *at = strstr(kid, mark);
        int n = at ? snprintf(ret, cap, "%.*s%u%s", (int)(at - kid), kid, version, at + sizeof(mark) - 1)
                   : snprintf(ret, cap, "%s", kid);
        return n >= 0 && (size_t)n < cap;
}

cw_rc cw_assertion_for_d1(const struct cw_config *config, const struct cw_d1_sign_key *on_token,
                          int64_t now_s, struct cw_secret **ret, struct cw_fault *f) {
        struct d1_key k = {config, on_token};
        char kid[160];
        if (!cw_d1_kid(config->d1.sign_kid, on_token ? on_token->version : 1, kid, sizeof(kid)))
                return fail(f, CW_C_OPERATOR, CW_E_TOO_BIG, "d1.sign_kid is too long");
        const struct cw_es256 key = {sign_for_d1, &k};
        const struct cw_assertion a = {kid, config->d1.issuer_id, config->d1.audience, now_s};
        if (!config->d1.url[0])
                return fail(f, CW_C_OPERATOR, CW_E_MISSING, "no d1.url is configured");
        return cw_assertion_make(&a, &key, ret, f);
}
