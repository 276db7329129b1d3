/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/jose.h"

#include <jose/b64.h>
#include <jose/jwe.h>
#include <jose/openssl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define OP "hsm.jwe"
#define HEADER_MAX 1024u

CW_DEFINE_CLEANUP(BIO *, BIO_free_all);
CW_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
CW_DEFINE_CLEANUP(X509 *, X509_free);

static cw_rc not_ours(struct cw_fault *f, const char *text) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, OP, "HSM_JWE",
                       "the sealed card data cannot be taken: %s", text);
}

static cw_rc no_memory(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, OP, "", "out of memory");
}

/* ---- keys ---- */

static int no_passphrase(char *buf, int size, int writing, void *ctx) {
        (void)buf, (void)size, (void)writing, (void)ctx;
        return -1;
}

static EVP_PKEY *public_key(struct cw_span pem) {
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
        EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
        if (key != NULL)
                return key;
        CW_AUTO(BIO_free_all) BIO *again = BIO_new_mem_buf(pem.ptr, (int)pem.len);
        CW_AUTO(X509_free) X509 *cert = again ? PEM_read_bio_X509(again, NULL, no_passphrase, NULL) : NULL;
        return cert ? X509_get_pubkey(cert) : NULL;
}

static EVP_PKEY *private_key(struct cw_span pem) {
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
        return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

cw_rc cw_jose_key(struct cw_span pem, bool is_private, const char *what, json_t **ret, struct cw_fault *f) {
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *key = is_private ? private_key(pem) : public_key(pem);
        CW_AUTO_JSON json_t *jwk =
            key && EVP_PKEY_is_a(key, "EC") ? jose_openssl_jwk_from_EVP_PKEY(NULL, key) : NULL;
        const char *curve = json_string_value(json_object_get(jwk, "crv"));
        ERR_clear_error();
        if (curve == NULL || strcmp(curve, "P-256") != 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_SYNTAX), 0, OP, "HSM_KEY",
                               "%s holds no P-256 key in PEM%s; get it again", what,
                               is_private ? " without passphrase" : "");
        *ret = CW_STEAL(jwk);
        return CW_OK;
}

/* ---- seal ---- */

static const char *text_of(const json_t *object, const char *name) {
        const char *text = json_string_value(json_object_get(object, name));
        return text ? text : "";
}

/* The compact form has no place for what libjose puts beside the protected header: epk moves into it. */
static json_t *sealed_json(const json_t *key, const char *kid, struct cw_span clear) {
        CW_AUTO_JSON json_t *cek = json_object();
        CW_AUTO_JSON json_t *jwe =
            json_pack("{s:{s:s, s:s, s:s}}", "protected", "alg", "ECDH-ES", "enc", "A256GCM", "kid", kid);
        if (cek == NULL || jwe == NULL || !jose_jwe_enc_jwk(NULL, jwe, NULL, key, cek))
                return NULL;
        json_t *header = json_object_get(jwe, "header");
        if (json_object_update(json_object_get(jwe, "protected"), header) != 0 ||
            json_object_del(jwe, "header") != 0 || !jose_jwe_enc_cek(NULL, jwe, cek, clear.ptr, clear.len))
                return NULL;
        return CW_STEAL(jwe);
}

cw_rc cw_jwe_seal(const json_t *key, const char *kid, struct cw_span clear, struct cw_secret **ret,
                  struct cw_fault *f) {
        if (clear.len > CW_JWE_CLEAR_MAX)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)clear.len, OP,
                               "HSM_JWE", "the card data are too long to be sealed; leave something out");
        CW_AUTO_JSON json_t *jwe = sealed_json(key, kid, clear);
        ERR_clear_error();
        if (jwe == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, OP, "HSM_JWE",
                               "the card data could not be sealed to d1.recipient_key_file; check that key");
        CW_AUTO(cw_secret_free) struct cw_secret *text = NULL;
        if (cw_secret_new(CW_JWE_TEXT_MAX + 1, &text) != CW_OK)
                return no_memory(f);
        int n = snprintf((char *)text->ptr, text->cap, "%s..%s.%s.%s", text_of(jwe, "protected"),
                         text_of(jwe, "iv"), text_of(jwe, "ciphertext"), text_of(jwe, "tag"));
        if (n < 0 || (size_t)n > CW_JWE_TEXT_MAX)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), n, OP, "HSM_JWE",
                               "the sealed card data are longer than D1 takes (%u)", CW_JWE_TEXT_MAX);
        text->len = (size_t)n;
        *ret = CW_STEAL(text);
        return CW_OK;
}

/* ---- open ---- */

/* header, encrypted key, iv, ciphertext, tag; false when there are not exactly five of base64url. */
static bool split(struct cw_span text, struct cw_span parts[5]) {
        size_t at = 0;
        unsigned n = 0;
        for (size_t i = 0; i <= text.len; i++) {
                bool end = i == text.len || text.ptr[i] == '.';
                bool word = !end && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                                           text.ptr[i]) != NULL;
                if (!end && (!word || text.ptr[i] == '\0'))
                        return false;
                if (!end)
                        continue;
                if (n == 5)
                        return false;
                parts[n++] = CW_SPAN(text.ptr + at, i - at);
                at = i + 1;
        }
        return n == 5;
}

static json_t *header_of(struct cw_span part) {
        uint8_t clear[HEADER_MAX];
        size_t len = jose_b64_dec_buf(NULL, part.len, NULL, 0);
        if (len == SIZE_MAX || len > sizeof(clear) ||
            jose_b64_dec_buf(part.ptr, part.len, clear, sizeof(clear)) != len)
                return NULL;
        return json_loadb((const char *)clear, len, JSON_REJECT_DUPLICATES, NULL);
}

/* NULL when the header is one of ours, else what is wrong with it. */
static const char *header_fault(const json_t *header, const char *kid) {
        const json_t *epk = json_object_get(header, "epk");
        if (!json_is_object(header))
                return "its header is not a JSON object";
        if (strcmp(text_of(header, "alg"), "ECDH-ES") != 0 || strcmp(text_of(header, "enc"), "A256GCM") != 0)
                return "only ECDH-ES with A256GCM is allowed";
        if (strcmp(text_of(epk, "kty"), "EC") != 0 || strcmp(text_of(epk, "crv"), "P-256") != 0)
                return "its epk is not on P-256";
        if (json_object_get(header, "crit") != NULL || json_object_get(header, "zip") != NULL)
                return "crit and zip are not allowed";
        if (strcmp(text_of(header, "kid"), kid) != 0)
                return "its kid is not that of our key (d1.own_kid)";
        return NULL;
}

static json_t *jwe_json(const struct cw_span parts[5]) {
        return json_pack("{s:s%, s:s%, s:s%, s:s%}", "protected", parts[0].ptr, parts[0].len, "iv",
                         parts[2].ptr, parts[2].len, "ciphertext", parts[3].ptr, parts[3].len, "tag",
                         parts[4].ptr, parts[4].len);
}

static cw_rc keep(const void *clear, size_t len, struct cw_secret **ret, struct cw_fault *f) {
        return cw_secret_dup(clear, len, ret) == CW_OK ? CW_OK : no_memory(f);
}

cw_rc cw_jwe_open(const json_t *key, const char *kid, struct cw_span text, struct cw_secret **ret,
                  struct cw_fault *f) {
        struct cw_span parts[5];
        if (text.len > CW_JWE_TEXT_MAX || !split(text, parts) || parts[1].len != 0)
                return not_ours(f, "it is not a compact JWE with direct key agreement");
        CW_AUTO_JSON json_t *header = header_of(parts[0]);
        const char *why = header_fault(header, kid);
        if (why != NULL)
                return not_ours(f, why);
        if (parts[2].len != 16 || parts[4].len != 22)
                return not_ours(f, "IV or tag has another length than A256GCM wants");
        CW_AUTO_JSON json_t *jwe = jwe_json(parts);
        if (jwe == NULL)
                return no_memory(f);
        size_t len = 0;
        void *clear = jose_jwe_dec(NULL, jwe, NULL, key, &len);
        ERR_clear_error();
        if (clear == NULL)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, OP, "HSM_JWE",
                    "the sealed card data do not open with our key: altered, or sealed to another");
        cw_rc rc = keep(clear, len, ret, f);
        cw_wipe(clear, len);
        free(clear);
        return rc;
}
