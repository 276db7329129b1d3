/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/profile_keys.h"

#include "base/buf.h"
#include "base/file.h"

#include <limits.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define PEM_MAX 4096u
#define OPERATOR(n) CW_RC(CW_L_CHIP, CW_C_OPERATOR, (n))
#define REJECT(n) CW_RC(CW_L_CHIP, CW_C_REJECT, (n))
#define OP "chip.profile_key"

CW_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
CW_DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);
CW_DEFINE_CLEANUP(BIO *, BIO_free_all);

struct one_key {
        EVP_PKEY *pkey;
        char id[CW_PROFILE_KEY_ID];
        const char *algorithm;
};

struct cw_profile_keys {
        size_t count;
        struct one_key key[CW_PROFILE_KEYS_MAX];
};

/* NULL for a kind of key that signs no profile. */
static const char *algorithm_of(const EVP_PKEY *pkey) {
        char group[32] = "";
        size_t len = 0;
        if (EVP_PKEY_is_a(pkey, "ED25519"))
                return "ed25519";
        bool p256 = EVP_PKEY_is_a(pkey, "EC") &&
                    EVP_PKEY_get_group_name((EVP_PKEY *)(uintptr_t)pkey, group, sizeof group, &len) == 1 &&
                    strcmp(group, "prime256v1") == 0;
        return p256 ? "ecdsa-p256-sha256" : NULL;
}

static const EVP_MD *digest_of(const char *algorithm) {
        return strcmp(algorithm, "ed25519") == 0 ? NULL : EVP_sha256(); /* Ed25519 hashes by itself */
}

static bool id_of(const EVP_PKEY *pkey, char ret[CW_PROFILE_KEY_ID]) {
        uint8_t digest[SHA256_DIGEST_LENGTH];
        unsigned char *der = NULL;
        int len = i2d_PUBKEY(pkey, &der);
        if (len <= 0)
                return false;
        (void)SHA256(der, (size_t)len, digest);
        OPENSSL_free(der);
        return cw_hex_encode(digest, 8, ret, CW_PROFILE_KEY_ID);
}

static int no_passphrase(char *buf, int size, int writing, void *ctx) {
        (void)buf;
        (void)size;
        (void)writing;
        (void)ctx;
        return -1;
}

static cw_rc load_one(struct cw_profile_keys *keys, const char *path, struct cw_fault *f) {
        CW_AUTO_MEM char *pem = NULL;
        size_t len = 0;
        struct cw_fault cause = {0};
        if (keys->count == CW_PROFILE_KEYS_MAX)
                return cw_fail(f, OPERATOR(CW_E_TOO_BIG), 0, OP, "PRT_SETUP_ERROR",
                               "profile_keys names more than %d keys; remove some", CW_PROFILE_KEYS_MAX);
        if (cw_file_read(path, PEM_MAX, &pem, &len, &cause) != CW_OK)
                return cw_fail(f, OPERATOR(CW_E_IO), cause.native, OP, "PRT_SETUP_ERROR",
                               "%.150s; put the bank's public key there or correct profile_keys", cause.text);
        struct one_key *k = &keys->key[keys->count];
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem, (int)len);
        CW_AUTO(EVP_PKEY_free)
        EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
        k->algorithm = pkey ? algorithm_of(pkey) : NULL;
        if (!k->algorithm || !id_of(pkey, k->id))
                return cw_fail(
                    f, OPERATOR(CW_E_SYNTAX), 0, OP, "PRT_SETUP_ERROR",
                    "%.120s holds no public key (PEM) of Ed25519 or EC P-256; correct profile_keys", path);
        k->pkey = CW_STEAL(pkey);
        keys->count++;
        return CW_OK;
}

cw_rc cw_profile_keys_load(const char *paths, struct cw_profile_keys **ret, struct cw_fault *f) {
        CW_AUTO(cw_profile_keys_free) struct cw_profile_keys *keys = calloc(1, sizeof *keys);
        if (!keys)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), 0, OP, "",
                               "no memory; free some");
        for (const char *at = paths + strspn(paths, ", "); *at; at += strspn(at, ", ")) {
                char path[PATH_MAX];
                size_t len = strcspn(at, ",");
                (void)snprintf(path, sizeof path, "%.*s", (int)len, at);
                cw_rc rc = load_one(keys, path, f);
                if (rc != CW_OK)
                        return rc;
                at += len;
        }
        *ret = CW_STEAL(keys);
        return CW_OK;
}

void cw_profile_keys_free(struct cw_profile_keys *keys) {
        for (size_t i = 0; i < keys->count; i++)
                EVP_PKEY_free(keys->key[i].pkey);
        free(keys);
}

size_t cw_profile_keys_count(const struct cw_profile_keys *keys) {
        return keys->count;
}

cw_rc cw_profile_keys_sign(const void *pem, size_t pem_len, const void *bytes, size_t len,
                           struct cw_profile_signature *ret, struct cw_fault *f) {
        struct cw_profile_signature s = {.len = sizeof s.bytes};
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem, (int)pem_len);
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
        CW_AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        const char *algorithm = pkey ? algorithm_of(pkey) : NULL;
        if (!algorithm || !id_of(pkey, s.key))
                return cw_fail(f, REJECT(CW_E_SYNTAX), 0, OP, "",
                               "the key file holds no private key (PEM) of Ed25519 or EC P-256; make one: "
                               "openssl genpkey -algorithm ed25519");
        (void)snprintf(s.algorithm, sizeof s.algorithm, "%s", algorithm);
        if (!ctx || EVP_DigestSignInit(ctx, NULL, digest_of(algorithm), NULL, pkey) != 1 ||
            EVP_DigestSign(ctx, s.bytes, &s.len, bytes, len) != 1)
                return cw_fail(f, REJECT(CW_E_IO), 0, OP, "",
                               "OpenSSL does not sign with this key; look at the key file");
        *ret = s;
        return CW_OK;
}

cw_rc cw_profile_keys_verify(const struct cw_profile_keys *keys, const struct cw_profile_signature *s,
                             const void *bytes, size_t len, struct cw_fault *f) {
        const struct one_key *k = NULL;
        for (size_t i = 0; i < keys->count; i++)
                if (strcmp(keys->key[i].id, s->key) == 0)
                        k = &keys->key[i];
        if (!k)
                return cw_fail(
                    f, OPERATOR(CW_E_DENIED), 0, OP, "PRT_SETUP_ERROR",
                    "it is signed by key %s, which profile_keys does not name; have the bank sign it, or "
                    "name that key",
                    s->key);
        CW_AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        bool holds = ctx && strcmp(s->algorithm, k->algorithm) == 0 &&
                     EVP_DigestVerifyInit(ctx, NULL, digest_of(k->algorithm), NULL, k->pkey) == 1 &&
                     EVP_DigestVerify(ctx, s->bytes, s->len, bytes, len) == 1;
        if (!holds)
                return cw_fail(
                    f, OPERATOR(CW_E_MISMATCH), 0, OP, "PRT_SETUP_ERROR",
                    "its signature by key %s does not hold: the file or the signature was changed; "
                    "put the signed file back, or have the bank sign this one",
                    s->key);
        return CW_OK;
}
