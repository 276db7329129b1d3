/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/p11_p256.h"

#include "base/buf.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>

CW_DEFINE_CLEANUP(BIO *, BIO_free_all);
CW_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
CW_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
CW_DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free);

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static cw_rc key_fault(struct cw_fault *f, const char *text) {
        ERR_clear_error();
        return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "p11.p256", "HSM_KEY", "%s",
                       text);
}

/* ---- public keys, by OpenSSL ---- */

static EVP_PKEY *public_key(const uint8_t point[CW_P256_POINT]) {
        char curve[] = "prime256v1";
        uint8_t copy[CW_P256_POINT];
        EVP_PKEY *key = NULL;
        memcpy(copy, point, sizeof(copy));
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
                               OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy)),
                               OSSL_PARAM_construct_end()};
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
            EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
                ERR_clear_error();
        return key;
}

/* DER of the signature; 0 when out of memory. */
static size_t signature_der(const uint8_t raw[64], uint8_t ret[80]) {
        CW_AUTO(ECDSA_SIG_free) ECDSA_SIG *sig = ECDSA_SIG_new();
        BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
        if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
                BN_free(r);
                BN_free(s);
                return 0;
        }
        int len = i2d_ECDSA_SIG(sig, NULL);
        return len > 0 && len <= 80 && i2d_ECDSA_SIG(sig, &ret) == len ? (size_t)len : 0;
}

static bool verifies(const uint8_t point[CW_P256_POINT], const uint8_t digest[32], const uint8_t raw[64]) {
        uint8_t der[80];
        size_t len = signature_der(raw, der);
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *key = public_key(point);
        CW_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
        bool ok = len > 0 && ctx && EVP_PKEY_verify_init(ctx) == 1 &&
                  EVP_PKEY_verify(ctx, der, len, digest, 32) == 1;
        ERR_clear_error();
        return ok;
}

bool cw_p256_pem(const uint8_t point[CW_P256_POINT], char ret[CW_P256_PEM_MAX]) {
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *key = public_key(point);
        CW_AUTO(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
        int n = -1;
        if (key && bio && PEM_write_bio_PUBKEY(bio, key) == 1)
                n = BIO_read(bio, ret, (int)CW_P256_PEM_MAX - 1);
        ret[n > 0 ? n : 0] = '\0';
        return n > 0;
}

void cw_p256_kcv(const uint8_t point[CW_P256_POINT], size_t bytes, char ret[11]) {
        uint8_t hash[SHA_DIGEST_LENGTH];
        (void)SHA1(point + 1, CW_P256_POINT - 1, hash);
        (void)cw_hex_encode(hash, bytes, ret, 11);
}

/* ---- on the token ---- */

static cw_rc find_half(struct cw_p11 *p, const char *label, CK_OBJECT_CLASS cls, CK_OBJECT_HANDLE *ret,
                       size_t *ret_count, struct cw_fault *f) {
        CK_KEY_TYPE type = CKK_EC;
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &cls, sizeof(cls)},
                            {CKA_KEY_TYPE, &type, sizeof(type)},
                            {CKA_TOKEN, &yes, sizeof(yes)},
                            {CKA_LABEL, cw_p11_input(label), strlen(label)}};
        CK_OBJECT_HANDLE found[2] = {0, 0};
        CK_ULONG count = 0;
        cw_p11_called(p);
        CK_RV rv = p->fn->C_FindObjectsInit(p->session, t, 4);
        if (rv == CKR_OK) {
                rv = p->fn->C_FindObjects(p->session, found, 2, &count);
                CK_RV ended = p->fn->C_FindObjectsFinal(p->session);
                rv = rv == CKR_OK ? ended : rv;
        }
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.p256");
        *ret = found[0];
        *ret_count = count;
        return CW_OK;
}

/* CKA_EC_POINT is a DER octet string; some modules give the point itself. */
static cw_rc read_point(struct cw_p11 *p, CK_OBJECT_HANDLE h, uint8_t ret[CW_P256_POINT],
                        struct cw_fault *f) {
        uint8_t value[2 + CW_P256_POINT] = {0};
        CK_ATTRIBUTE a = {CKA_EC_POINT, value, sizeof(value)};
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GetAttributeValue(p->session, h, &a, 1);
        if (rv == CKR_BUFFER_TOO_SMALL || rv == CKR_ATTRIBUTE_TYPE_INVALID)
                return key_fault(f, "it is not on the curve P-256");
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.p256");
        bool der = a.ulValueLen == sizeof(value) && value[0] == 0x04 && value[1] == CW_P256_POINT;
        const uint8_t *point = der ? value + 2 : value;
        if ((!der && a.ulValueLen != CW_P256_POINT) || point[0] != 0x04)
                return key_fault(f, "it is not on the curve P-256");
        memcpy(ret, point, CW_P256_POINT);
        return CW_OK;
}

static cw_rc check_private(struct cw_p11 *p, CK_OBJECT_HANDLE h, struct cw_fault *f) {
        struct cw_p11_attributes a;
        cw_rc rc = cw_p11_read_attributes(p, h, &a, f);
        if (rc != CW_OK)
                return rc;
        if (!a.sensitive || a.extractable || !a.is_private)
                return key_fault(
                    f, "the key is not protected (sensitive, not extractable, private); load it anew");
        return (a.usage & CW_USE_MAC) != 0
                   ? CW_OK
                   : key_fault(f, "the key may not sign; load it with the attributes of its purpose");
}

cw_rc cw_p11_p256_find(struct cw_p11 *p, const char *label, struct cw_p256 *ret, struct cw_fault *f) {
        struct cw_p256 pair = {0};
        CK_OBJECT_HANDLE public_half = 0;
        size_t count = 0;
        cw_rc rc = find_half(p, label, CKO_PRIVATE_KEY, &pair.handle, &count, f);
        if (rc == CW_OK && count != 1)
                rc = key_fault(f, count == 0 ? "no EC private key has this label; make it on the token"
                                             : "several EC private keys have this label; leave one of them");
        if (rc == CW_OK)
                rc = find_half(p, label, CKO_PUBLIC_KEY, &public_half, &count, f);
        if (rc == CW_OK && count != 1)
                rc = key_fault(f, "its public key must be on the token once, with the same label");
        if (rc == CW_OK)
                rc = check_private(p, pair.handle, f);
        if (rc == CW_OK)
                rc = read_point(p, public_half, pair.point, f);
        if (rc == CW_OK)
                *ret = pair;
        return rc;
}

cw_rc cw_p11_p256_sign(struct cw_p11 *p, CK_OBJECT_HANDLE key, const uint8_t digest[32], uint8_t ret[64],
                       struct cw_fault *f) {
        CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
        uint8_t out[80];
        CK_ULONG len = sizeof(out);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_SignInit(p->session, &m, key);
        if (rv == CKR_OK)
                rv = p->fn->C_Sign(p->session, cw_p11_input(digest), 32, out, &len);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.p256");
        if (len != 64)
                return key_fault(f, "it is not on the curve P-256");
        memcpy(ret, out, 64);
        return CW_OK;
}

cw_rc cw_p11_p256_prove(struct cw_p11 *p, const struct cw_p256 *pair, struct cw_fault *f) {
        uint8_t digest[32], signature[64];
        if (getrandom(digest, sizeof(digest), 0) != (ssize_t)sizeof(digest))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_IO), 0, "p11.p256", "",
                               "no random numbers");
        cw_rc rc = cw_p11_p256_sign(p, pair->handle, digest, signature, f);
        if (rc == CW_OK && !verifies(pair->point, digest, signature))
                rc = key_fault(f, "its public key does not verify what it signs; leave the right pair there");
        return rc;
}

cw_rc cw_p11_p256_generate(struct cw_p11 *p, const char *label, const char *start_day, const char *end_day,
                           struct cw_fault *f) {
        static CK_BYTE curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
        CK_MECHANISM m = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
        CK_OBJECT_HANDLE pub = 0, priv = 0;
        CK_DATE start, end;
        void *name = cw_p11_input(label);
        const size_t len = strlen(label);
        CK_ATTRIBUTE public_part[] = {{CKA_TOKEN, &yes, sizeof(yes)},
                                      {CKA_VERIFY, &yes, sizeof(yes)},
                                      {CKA_EC_PARAMS, curve, sizeof(curve)},
                                      {CKA_LABEL, name, len},
                                      {CKA_ID, name, len}};
        CK_ATTRIBUTE private_part[12] = {{CKA_TOKEN, &yes, sizeof(yes)},
                                         {CKA_PRIVATE, &yes, sizeof(yes)},
                                         {CKA_SENSITIVE, &yes, sizeof(yes)},
                                         {CKA_EXTRACTABLE, &no, sizeof(no)},
                                         {CKA_SIGN, &yes, sizeof(yes)},
                                         {CKA_DERIVE, &no, sizeof(no)},
                                         {CKA_DECRYPT, &no, sizeof(no)},
                                         {CKA_UNWRAP, &no, sizeof(no)},
                                         {CKA_LABEL, name, len},
                                         {CKA_ID, name, len}};
        CK_ULONG without_dates = 10, count = without_dates;
        if (cw_p11_date(start_day, &start))
                private_part[count++] = (CK_ATTRIBUTE){CKA_START_DATE, &start, sizeof(start)};
        if (cw_p11_date(end_day, &end))
                private_part[count++] = (CK_ATTRIBUTE){CKA_END_DATE, &end, sizeof(end)};
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GenerateKeyPair(p->session, &m, public_part, 5, private_part, count, &pub, &priv);
        if (rv != CKR_OK && count > without_dates && cw_p11_check(p, NULL) == CW_OK) {
                cw_p11_called(p); /* without the dates, where the token does not know them */
                rv = p->fn->C_GenerateKeyPair(p->session, &m, public_part, 5, private_part, without_dates,
                                              &pub, &priv);
        }
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.p256_generate");
        cw_rc rc = cw_p11_read_back(p, priv, CW_USE_MAC, false, f);
        if (rc != CW_OK) /* the private half is destroyed already */
                (void)p->fn->C_DestroyObject(p->session, pub);
        return rc;
}
