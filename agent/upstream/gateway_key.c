/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/gateway_key.h"

#include "agent/upstream/dcms.h"
#include "agent/upstream/rc.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static cw_rc key_trouble(struct cw_fault *f, const char *text) {
        ERR_clear_error();
        return cw_fail(f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, "gateway.load", CW_DCMS_CODE_GATEWAY, "%s", text);
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

static bool derive_x(EVP_PKEY *own, EVP_PKEY *peer, uint8_t x[CW_GATEWAY_KEY_LEN]) {
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
        size_t len = CW_GATEWAY_KEY_LEN;
        return ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
               EVP_PKEY_derive(ctx, x, &len) == 1 && len == CW_GATEWAY_KEY_LEN;
}

static bool hkdf(uint8_t x[CW_GATEWAY_KEY_LEN], uint8_t key[CW_GATEWAY_KEY_LEN]) {
        CW_AUTO(EVP_KDF_free) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
        CW_AUTO(EVP_KDF_CTX_free) EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
        char digest[] = "SHA256";
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, x, CW_GATEWAY_KEY_LEN),
            OSSL_PARAM_construct_end(),
        };
        return ctx && EVP_KDF_derive(ctx, key, CW_GATEWAY_KEY_LEN, params) == 1;
}

static bool agree(enum cw_gateway_kdf kdf, EVP_PKEY *own, EVP_PKEY *peer, uint8_t key[CW_GATEWAY_KEY_LEN]) {
        CW_WIPED(uint8_t, x, CW_GATEWAY_KEY_LEN);
        unsigned len = 0;
        if (!derive_x(own, peer, x))
                return false;
        if (kdf == CW_GATEWAY_KDF_HKDF)
                return hkdf(x, key);
        return EVP_Digest(x, CW_GATEWAY_KEY_LEN, key, &len, EVP_sha256(), NULL) == 1 &&
               len == CW_GATEWAY_KEY_LEN;
}

static bool kid_ok(const char *kid) {
        size_t n = strlen(kid);
        return n > 0 && n <= CW_GATEWAY_KID_MAX &&
               strspn(kid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == n;
}

cw_rc cw_gateway_own_read(struct cw_span pem, EVP_PKEY **ret, struct cw_fault *f) {
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *own = read_private(pem);
        if (!own || !is_p256(own))
                return key_trouble(f, "the gateway key credential is not a P-256 private key in PEM without "
                                      "passphrase; make one with openssl genpkey -algorithm EC");
        *ret = CW_STEAL(own);
        return CW_OK;
}

cw_rc cw_gateway_pair_read(const struct cw_gateway_pair *pair, EVP_PKEY **ret_own, EVP_PKEY **ret_peer,
                           struct cw_fault *f) {
        if (!kid_ok(pair->kid))
                return key_trouble(f, "a gateway key id must be 1 to 64 letters, digits or . _ : -");
        if (pair->own_pem.len > INT_MAX || pair->peer_pem.len > INT_MAX)
                return key_trouble(f, "a gateway key file is too large");
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *own = NULL;
        cw_rc rc = cw_gateway_own_read(pair->own_pem, &own, f);
        if (rc != CW_OK)
                return rc;
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *peer = read_public(pair->peer_pem);
        if (!peer || !is_p256(peer))
                return key_trouble(
                    f, "server.gateway_peer_key_file is not the P-256 public key or certificate of the "
                       "bank's gateway in PEM");
        *ret_own = CW_STEAL(own);
        *ret_peer = CW_STEAL(peer);
        return CW_OK;
}

static cw_rc agree_one(enum cw_gateway_kdf kdf, const struct cw_gateway_pair *pair,
                       struct cw_gateway_key *ret, struct cw_fault *f) {
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *own = NULL, *peer = NULL;
        cw_rc rc = cw_gateway_pair_read(pair, &own, &peer, f);
        if (rc != CW_OK)
                return rc;
        if (cw_secret_new(CW_GATEWAY_KEY_LEN, &ret->key) != CW_OK)
                return cw_gateway_no_memory(f);
        ret->key->len = CW_GATEWAY_KEY_LEN;
        memcpy(ret->kid, pair->kid, strlen(pair->kid) + 1);
        if (!agree(kdf, own, peer, ret->key->ptr))
                return key_trouble(f, "the gateway keys do not agree on a secret; check both key files");
        return CW_OK;
}

cw_rc cw_gateway_keys_agree(enum cw_gateway_kdf kdf, const struct cw_gateway_pair *pairs, size_t count,
                            struct cw_gateway_keys *ret, struct cw_fault *f) {
        struct cw_gateway_keys keys = {.count = count};
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < count && rc == CW_OK; i++)
                rc = agree_one(kdf, &pairs[i], &keys.at[i], f);
        if (rc == CW_OK)
                *ret = keys;
        else
                cw_gateway_keys_done(&keys);
        return rc;
}

void cw_gateway_keys_done(struct cw_gateway_keys *keys) {
        for (size_t i = 0; i < CW_GATEWAY_PAIRS_MAX; i++)
                cw_secret_free(keys->at[i].key);
        *keys = (struct cw_gateway_keys){0};
}

bool cw_gateway_gcm_seal(const struct cw_gateway_key *key, const uint8_t iv[CW_GATEWAY_IV_LEN],
                         struct cw_span in, uint8_t *out) {
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n = 0;
        return ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, CW_GATEWAY_IV_LEN, NULL) == 1 &&
               EVP_EncryptInit_ex(ctx, NULL, NULL, key->key->ptr, iv) == 1 &&
               EVP_EncryptUpdate(ctx, out, &n, in.ptr, (int)in.len) == 1 &&
               EVP_EncryptFinal_ex(ctx, out + n, &n) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, CW_GATEWAY_TAG_LEN, out + in.len) == 1;
}

bool cw_gateway_gcm_open(const struct cw_gateway_key *key, const uint8_t iv[CW_GATEWAY_IV_LEN],
                         struct cw_span in, uint8_t *out) {
        if (in.len < CW_GATEWAY_TAG_LEN)
                return false;
        CW_AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        size_t len = in.len - CW_GATEWAY_TAG_LEN;
        uint8_t tag[CW_GATEWAY_TAG_LEN];
        int n = 0;
        memcpy(tag, in.ptr + len, sizeof tag);
        bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1 &&
                  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, CW_GATEWAY_IV_LEN, NULL) == 1 &&
                  EVP_DecryptInit_ex(ctx, NULL, NULL, key->key->ptr, iv) == 1 &&
                  EVP_DecryptUpdate(ctx, out, &n, in.ptr, (int)len) == 1 &&
                  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, CW_GATEWAY_TAG_LEN, tag) == 1 &&
                  EVP_DecryptFinal_ex(ctx, out + n, &n) == 1;
        if (!ok)
                ERR_clear_error();
        return ok;
}

cw_rc cw_gateway_open_trouble(struct cw_fault *f, const char *text) {
        ERR_clear_error();
        return cw_fail(f, CW_UP(OPERATOR, CW_E_MISMATCH), 0, "gateway.open", CW_DCMS_CODE_GATEWAY, "%s",
                       text);
}

cw_rc cw_gateway_no_memory(struct cw_fault *f) {
        return cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, "gateway", "",
                       "no memory to encrypt or decrypt for the bank's gateway");
}
