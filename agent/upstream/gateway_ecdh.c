/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/b64.h"
#include "agent/upstream/dcms.h"
#include "agent/upstream/gateway.h"
#include "agent/upstream/jsonscan.h"
#include "agent/upstream/ossl.h"
#include "agent/upstream/rc.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define REF_LEN 16u
#define TAG_LEN 16u
#define KEY_LEN 32u
#define OP "gateway"

struct ecdh {
        struct cw_gateway_codec base;
        const struct cw_clock *clock;
        int64_t last_ref;
        char kid[65];
        struct cw_secret *key;
};

static cw_rc key_trouble(struct cw_fault *f, const char *text) {
        ERR_clear_error();
        return cw_fail(f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, OP ".load", CW_DCMS_CODE_GATEWAY, "%s", text);
}

static bool is_p256(EVP_PKEY *key) {
        char group[32] = "";
        size_t len = 0;
        return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1 &&
               strcmp(group, "prime256v1") == 0;
}

/* No prompt on the terminal for an enciphered PEM. */
static int no_passphrase(char *buf, int size, int writing, void *ctx) {
        (void)buf, (void)size, (void)writing, (void)ctx;
        return -1;
}

static EVP_PKEY *read_private(struct cw_span pem) {
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
        return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

/* A PUBLIC KEY, or the key of a CERTIFICATE. */
static EVP_PKEY *read_public(struct cw_span pem) {
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
        EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
        if (key || !bio)
                return key;
        CW_AUTO(BIO_free_all) BIO *again = BIO_new_mem_buf(pem.ptr, (int)pem.len);
        CW_AUTO(X509_free) X509 *cert = again ? PEM_read_bio_X509(again, NULL, no_passphrase, NULL) : NULL;
        return cert ? X509_get_pubkey(cert) : NULL;
}

static bool derive_x(EVP_PKEY *own, EVP_PKEY *peer, uint8_t x[KEY_LEN]) {
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
        size_t len = KEY_LEN;
        return ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
               EVP_PKEY_derive(ctx, x, &len) == 1 && len == KEY_LEN;
}

static bool hkdf(uint8_t x[KEY_LEN], uint8_t key[KEY_LEN]) {
        CW_AUTO(EVP_KDF_free) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
        CW_AUTO(EVP_KDF_CTX_free) EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
        char digest[] = "SHA256";
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, x, KEY_LEN),
            OSSL_PARAM_construct_end(),
        };
        return ctx && EVP_KDF_derive(ctx, key, KEY_LEN, params) == 1;
}

static bool derive_key(enum cw_gateway variant, EVP_PKEY *own, EVP_PKEY *peer, uint8_t key[KEY_LEN]) {
        CW_WIPED(uint8_t, x, KEY_LEN);
        unsigned len = 0;
        if (!derive_x(own, peer, x))
                return false;
        if (variant == CW_GATEWAY_ECDH_HKDF)
                return hkdf(x, key);
        return EVP_Digest(x, KEY_LEN, key, &len, EVP_sha256(), NULL) == 1 && len == KEY_LEN;
}

/* refNo is the IV: it must never repeat under this key, so it is the time in microseconds and always grows.
 */
static void next_ref(struct ecdh *g, char ret[REF_LEN + 1]) {
        int64_t now = cw_wall_ms(g->clock) * 1000;
        g->last_ref = now > g->last_ref ? now : g->last_ref + 1;
        uint64_t ref = (uint64_t)g->last_ref;
        for (size_t i = REF_LEN; i-- > 0; ref /= 10)
                ret[i] = (char)('0' + ref % 10);
        ret[REF_LEN] = '\0';
}

static bool gcm_seal(const struct ecdh *g, const char *ref, struct cw_span in, uint8_t *out) {
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n = 0;
        return ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, REF_LEN, NULL) == 1 &&
               EVP_EncryptInit_ex(ctx, NULL, NULL, g->key->ptr, (const uint8_t *)ref) == 1 &&
               EVP_EncryptUpdate(ctx, out, &n, in.ptr, (int)in.len) == 1 &&
               EVP_EncryptFinal_ex(ctx, out + n, &n) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, out + in.len) == 1;
}

static bool gcm_open(const struct ecdh *g, const uint8_t *ref, uint8_t *in, size_t len, uint8_t *out) {
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n = 0;
        return ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, REF_LEN, NULL) == 1 &&
               EVP_DecryptInit_ex(ctx, NULL, NULL, g->key->ptr, ref) == 1 &&
               EVP_DecryptUpdate(ctx, out, &n, in, (int)len) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, in + len) == 1 &&
               EVP_DecryptFinal_ex(ctx, out + n, &n) == 1;
}

cw_rc cw_gateway_ecdh_seal_as(struct cw_gateway_codec *codec, const char *ref_no, struct cw_span clear,
                              struct cw_secret **ret, struct cw_fault *f) {
        struct ecdh *g = (struct ecdh *)codec;
        CW_AUTO_MEM uint8_t *sealed = malloc(clear.len + TAG_LEN);
        CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL;
        cw_rc rc = cw_secret_new(CW_B64_SIZE(clear.len + TAG_LEN) + 160, &wire);
        if (rc != CW_OK || !sealed)
                return cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, OP ".seal", "",
                               "no memory to encrypt the request");
        if (!gcm_seal(g, ref_no, clear, sealed))
                return cw_fail(f, CW_UP(FATAL, CW_E_STATE), 0, OP ".seal", CW_DCMS_CODE_GATEWAY,
                               "OpenSSL refused to encrypt a request");
        size_t n = (size_t)snprintf((char *)wire->ptr, wire->cap, "{\"refNo\":\"%s\",\"body\":\"", ref_no);
        size_t b64 = 0;
        if (!cw_b64_encode(CW_B64_STD, sealed, clear.len + TAG_LEN, (char *)wire->ptr + n, wire->cap - n,
                           &b64))
                return cw_fail(f, CW_UP(FATAL, CW_E_TOO_BIG), 0, OP ".seal", "", "the request is too large");
        n += b64;
        n += (size_t)snprintf((char *)wire->ptr + n, wire->cap - n, "\",\"kid\":\"%s\"}", g->kid);
        wire->len = n;
        *ret = CW_STEAL(wire);
        return CW_OK;
}

static cw_rc ecdh_seal(struct cw_gateway_codec *g, struct cw_span clear, struct cw_secret **ret,
                       struct cw_fault *f) {
        char ref[REF_LEN + 1];
        next_ref((struct ecdh *)g, ref);
        return cw_gateway_ecdh_seal_as(g, ref, clear, ret, f);
}

struct envelope {
        struct cw_span ref, body, kid;
};

/* The three string members of the top object; others are ignored. False when one is missing, twice, or
 * escaped. */
static bool read_envelope(struct cw_span wire, struct envelope *ret) {
        struct cw_json_scan s;
        cw_json_scan_init(&s, wire.ptr, wire.len);
        struct cw_span *wanted = NULL;
        for (;;) {
                char key[16];
                enum cw_json_token token = cw_json_scan_next(&s);
                if (token == CW_JSON_TOO_DEEP)
                        return false;
                if (token == CW_JSON_END)
                        return ret->ref.ptr && ret->body.ptr;
                if (token == CW_JSON_KEY && s.depth == 1) {
                        cw_json_scan_key(&s, key, sizeof key);
                        wanted = strcmp(key, "refno") == 0  ? &ret->ref
                                 : strcmp(key, "body") == 0 ? &ret->body
                                 : strcmp(key, "kid") == 0  ? &ret->kid
                                                            : NULL;
                        continue;
                }
                if (token == CW_JSON_STRING && wanted) {
                        if (wanted->ptr || memchr(wire.ptr + s.start, '\\', s.end - s.start))
                                return false;
                        *wanted = CW_SPAN(wire.ptr + s.start, s.end - s.start);
                }
                wanted = NULL;
        }
}

static cw_rc open_trouble(struct cw_fault *f, const char *text) {
        ERR_clear_error();
        return cw_fail(f, CW_UP(OPERATOR, CW_E_MISMATCH), 0, OP ".open", CW_DCMS_CODE_GATEWAY, "%s", text);
}

static cw_rc check_envelope(const struct ecdh *g, const struct envelope *e, struct cw_fault *f) {
        bool digits = e->ref.len == REF_LEN;
        for (size_t i = 0; digits && i < REF_LEN; i++)
                digits = e->ref.ptr[i] >= '0' && e->ref.ptr[i] <= '9';
        if (!digits)
                return open_trouble(
                    f, "the encrypted answer's refNo is not 16 digits; check server.gateway with the "
                       "bank");
        if (e->kid.ptr && (e->kid.len != strlen(g->kid) || memcmp(e->kid.ptr, g->kid, e->kid.len) != 0))
                return open_trouble(
                    f, "the answer is encrypted under another key id; check server.gateway_kid and "
                       "the gateway keys with the bank");
        return CW_OK;
}

static cw_rc ecdh_open(struct cw_gateway_codec *codec, struct cw_span wire, struct cw_secret **ret,
                       struct cw_fault *f) {
        struct ecdh *g = (struct ecdh *)codec;
        struct envelope e = {0};
        if (!read_envelope(wire, &e))
                return cw_fail(f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, OP ".open", CW_DCMS_CODE_GATEWAY,
                               "the answer is not an encrypted envelope; check server.gateway with the bank");
        cw_rc rc = check_envelope(g, &e, f);
        if (rc != CW_OK)
                return rc;
        size_t len = 0;
        CW_AUTO_MEM uint8_t *sealed = malloc(e.body.len + 1);
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        if (!sealed || cw_secret_new(e.body.len, &clear) != CW_OK)
                return cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, OP ".open", "",
                               "no memory to decrypt the answer");
        if (!cw_b64_decode(CW_B64_STD, e.body.ptr, e.body.len, sealed, e.body.len, &len) || len < TAG_LEN)
                return open_trouble(
                    f, "the encrypted answer's body is not Base64; check server.gateway with the bank");
        if (!gcm_open(g, e.ref.ptr, sealed, len - TAG_LEN, clear->ptr))
                return open_trouble(
                    f, "the answer does not decrypt; check that the gateway keys of both sides belong "
                       "together");
        clear->len = len - TAG_LEN;
        *ret = CW_STEAL(clear);
        return CW_OK;
}

static void ecdh_free(struct cw_gateway_codec *codec) {
        struct ecdh *g = (struct ecdh *)codec;
        cw_secret_free(g->key);
        free(g);
}

static bool kid_ok(const char *kid) {
        size_t n = strlen(kid);
        return n > 0 && n <= 64 &&
               strspn(kid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == n;
}

cw_rc cw_gateway_ecdh_new(enum cw_gateway variant, struct cw_span private_pem, struct cw_span peer_pem,
                          const char *kid, const struct cw_clock *clock, struct cw_gateway_codec **ret,
                          struct cw_fault *f) {
        static const struct cw_gateway_ops ops_sha256 = {"ecdh-sha256", ecdh_seal, ecdh_open, ecdh_free};
        static const struct cw_gateway_ops ops_hkdf = {"ecdh-hkdf", ecdh_seal, ecdh_open, ecdh_free};
        if (!kid_ok(kid))
                return key_trouble(f, "server.gateway_kid must be 1 to 64 letters, digits or . _ : -");
        if (private_pem.len > INT_MAX || peer_pem.len > INT_MAX)
                return key_trouble(f, "a gateway key file is too large");
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *own = read_private(private_pem);
        if (!own || !is_p256(own))
                return key_trouble(f, "the gateway key credential is not a P-256 private key in PEM without "
                                      "passphrase; make one with openssl genpkey -algorithm EC");
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *peer = read_public(peer_pem);
        if (!peer || !is_p256(peer))
                return key_trouble(
                    f, "server.gateway_peer_key_file is not the P-256 public key or certificate of the "
                       "bank's gateway in PEM");
        struct ecdh *g = calloc(1, sizeof *g);
        if (!g || cw_secret_new(KEY_LEN, &g->key) != CW_OK) {
                free(g);
                return cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, OP ".load", "",
                               "no memory for the gateway key");
        }
        g->base.ops = variant == CW_GATEWAY_ECDH_HKDF ? &ops_hkdf : &ops_sha256;
        g->clock = clock;
        (void)snprintf(g->kid, sizeof g->kid, "%s", kid);
        g->key->len = KEY_LEN;
        if (!derive_key(variant, own, peer, g->key->ptr)) {
                ecdh_free(&g->base);
                return key_trouble(f, "the gateway keys do not agree on a secret; check both key files");
        }
        *ret = &g->base;
        return CW_OK;
}
