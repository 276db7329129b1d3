/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/p11_crypto.h"

#include "base/secret.h"
#include "hsm/cbc.h"
#include "hsm/cmac.h"
#include "hsm/p11_object.h"
#include "hsm/p11_rsa.h"

#include <string.h>

#define CHUNK_MAX 1024u

/*
 * Mechanism and length of the call under way, which the module gets by address, are kept beside the session:
 * as locals they would have the compiler guard the stack frame of each call, which takes longer than all the
 * rest that is done here for a block.
 */
static CK_MECHANISM *mechanism(struct cw_p11 *p, CK_MECHANISM_TYPE type, const uint8_t *param, size_t len) {
        p->mechanism = (CK_MECHANISM){type, len > 0 ? cw_p11_input(param) : NULL, len};
        return &p->mechanism;
}

static CK_MECHANISM *cipher_mechanism(struct cw_p11 *p, enum cw_hsm_alg alg, enum cw_hsm_mode mode,
                                      const uint8_t *iv) {
        bool aes = cw_hsm_alg_is_aes(alg);
        if (mode == CW_MODE_ECB)
                return mechanism(p, aes ? CKM_AES_ECB : CKM_DES3_ECB, NULL, 0);
        return mechanism(p, aes ? CKM_AES_CBC : CKM_DES3_CBC, iv, cw_hsm_alg_block(alg));
}

static cw_rc derive_object(struct cw_p11 *p, const struct cw_hsm_key *base, enum cw_hsm_mode mode,
                           const uint8_t *iv, const uint8_t *data, size_t len, const struct cw_p11_spec *spec,
                           CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        bool aes = cw_hsm_alg_is_aes(base->alg);
        CK_KEY_DERIVATION_STRING_DATA ecb = {cw_p11_input(data), len};
        CK_DES_CBC_ENCRYPT_DATA_PARAMS des_cbc = {.pData = cw_p11_input(data), .length = len};
        CK_AES_CBC_ENCRYPT_DATA_PARAMS aes_cbc = {.pData = cw_p11_input(data), .length = len};
        CK_MECHANISM m = {aes ? CKM_AES_ECB_ENCRYPT_DATA : CKM_DES3_ECB_ENCRYPT_DATA, &ecb, sizeof(ecb)};
        struct cw_p11_template t;
        memcpy(des_cbc.iv, iv, 8);
        if (aes)
                memcpy(aes_cbc.iv, iv, 16);
        if (mode == CW_MODE_CBC && aes)
                m = (CK_MECHANISM){CKM_AES_CBC_ENCRYPT_DATA, &aes_cbc, sizeof(aes_cbc)};
        else if (mode == CW_MODE_CBC)
                m = (CK_MECHANISM){CKM_DES3_CBC_ENCRYPT_DATA, &des_cbc, sizeof(des_cbc)};
        cw_p11_template_fill(&t, spec);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_DeriveKey(p->session, &m, base->handle, t.attr, t.count, ret);
        return rv == CKR_OK ? CW_OK : cw_p11_fail(f, rv, "p11.derive");
}

/* Whatever a module left there before it failed. */
__attribute__((cold, noinline)) static cw_rc made_nothing(struct cw_fault *f, CK_RV rv, const char *op,
                                                          uint8_t *out, size_t len) {
        cw_wipe(out, len);
        return cw_p11_fail(f, rv, op);
}

/* A derive-only key enciphers data into a readable secret that lives for this call. Apart, as the others. */
__attribute__((noinline)) static cw_rc encrypt_by_derive(struct cw_p11 *p, const struct cw_hsm_key *key,
                                                         enum cw_hsm_mode mode, const uint8_t *iv,
                                                         const uint8_t *in, size_t len, uint8_t *out,
                                                         struct cw_fault *f) {
        const struct cw_p11_spec spec = {.alg = CW_ALG_GENERIC, .value_len = len};
        CK_OBJECT_HANDLE h = 0;
        cw_rc rc = derive_object(p, key, mode, iv, in, len, &spec, &h, f);
        if (rc != CW_OK)
                return rc;
        CK_ATTRIBUTE value = {CKA_VALUE, out, len};
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GetAttributeValue(p->session, h, &value, 1);
        CK_RV destroyed = p->fn->C_DestroyObject(p->session, h);
        if (rv == CKR_OK && value.ulValueLen != len)
                rv = CKR_FUNCTION_FAILED;
        rv = rv == CKR_OK ? destroyed : rv;
        return rv == CKR_OK ? CW_OK : made_nothing(f, rv, "p11.derive_read", out, len);
}

static CK_RV cipher_at(struct cw_p11 *p, const struct cw_hsm_key *key, enum cw_hsm_dir dir, CK_MECHANISM *m,
                       const uint8_t *in, size_t len, uint8_t *out) {
        cw_p11_called(p);
        CK_RV rv = dir == CW_ENCRYPT ? p->fn->C_EncryptInit(p->session, m, key->handle)
                                     : p->fn->C_DecryptInit(p->session, m, key->handle);
        if (rv != CKR_OK)
                return rv;
        p->len = len;
        rv = dir == CW_ENCRYPT ? p->fn->C_Encrypt(p->session, cw_p11_input(in), len, out, &p->len)
                               : p->fn->C_Decrypt(p->session, cw_p11_input(in), len, out, &p->len);
        return rv == CKR_OK && p->len != len ? CKR_FUNCTION_FAILED : rv;
}

static bool chained_here(const struct cw_p11 *p, enum cw_hsm_alg alg, enum cw_hsm_mode mode) {
        return mode == CW_MODE_CBC && p->cbc_by_ecb[cw_hsm_alg_is_aes(alg) ? CW_CBC_AES : CW_CBC_TDES];
}

__attribute__((noinline)) static cw_rc chained_cbc(struct cw_p11 *p, const struct cw_hsm_key *key,
                                                   enum cw_hsm_dir dir, const uint8_t *iv, const uint8_t *in,
                                                   size_t len, uint8_t *out, struct cw_fault *f) {
        struct cw_hsm_crypto c;
        cw_p11_crypto_init(p, &c);
        return cw_cbc_by_ecb(&c, key, dir, iv, in, len, out, f);
}

/* PKCS#11 2.40 5.8.3: clear text and cipher text may be in the same place. Flat, as p11_cmac: see scp03.c. */
__attribute__((flatten)) static cw_rc p11_cipher(void *ctx, const struct cw_hsm_key *key, enum cw_hsm_dir dir,
                                                 enum cw_hsm_mode mode, const uint8_t *iv, const uint8_t *in,
                                                 size_t len, uint8_t *out, struct cw_fault *f) {
        struct cw_p11 *p = ctx;
        if (chained_here(p, key->alg, mode))
                return chained_cbc(p, key, dir, iv, in, len, out, f);
        if (dir == CW_ENCRYPT && (key->usage & CW_USE_ENCRYPT) == 0 && !p->host_derive)
                return encrypt_by_derive(p, key, mode, iv, in, len, out, f);
        CK_RV rv = cipher_at(p, key, dir, cipher_mechanism(p, key->alg, mode, iv), in, len, out);
        return rv == CKR_OK ? CW_OK : made_nothing(f, rv, "p11.cipher", out, len);
}

static cw_rc sign(struct cw_p11 *p, CK_MECHANISM_TYPE type, const struct cw_hsm_key *key, const uint8_t *in,
                  size_t len, uint8_t *out, size_t out_len, struct cw_fault *f) {
        static const uint8_t nothing[1];
        cw_p11_called(p);
        CK_RV rv = p->fn->C_SignInit(p->session, mechanism(p, type, NULL, 0), key->handle);
        p->len = out_len;
        if (rv == CKR_OK)
                rv = p->fn->C_Sign(p->session, cw_p11_input(len > 0 ? in : nothing), len, out, &p->len);
        if (rv == CKR_OK && p->len != out_len)
                rv = CKR_FUNCTION_FAILED;
        return rv == CKR_OK ? CW_OK : made_nothing(f, rv, "p11.sign", out, out_len);
}

__attribute__((noinline)) static cw_rc chained_cmac(struct cw_p11 *p, const struct cw_hsm_key *key,
                                                    const uint8_t *in, size_t len, uint8_t *out,
                                                    struct cw_fault *f) {
        struct cw_hsm_key chain = *key;
        struct cw_hsm_crypto c;
        chain.usage |= CW_USE_ENCRYPT; /* as cw_p11_usage made it */
        cw_p11_crypto_init(p, &c);
        return cw_cmac_by_cipher(&c, &chain, in, len, out, f);
}

__attribute__((flatten)) static cw_rc p11_cmac(void *ctx, const struct cw_hsm_key *key, const uint8_t *in,
                                               size_t len, uint8_t *out, struct cw_fault *f) {
        struct cw_p11 *p = ctx;
        if (p->cipher_cmac)
                return chained_cmac(p, key, in, len, out, f);
        return sign(ctx, cw_hsm_alg_is_aes(key->alg) ? CKM_AES_CMAC : CKM_DES3_CMAC, key, in, len, out,
                    cw_hsm_alg_block(key->alg), f);
}

static cw_rc p11_hmac_sha256(void *ctx, const struct cw_hsm_key *key, const uint8_t *in, size_t len,
                             uint8_t out[32], struct cw_fault *f) {
        return sign(ctx, CKM_SHA256_HMAC, key, in, len, out, 32, f);
}

/* Which return values of C_Decrypt mean a wrong tag; modules disagree, so the session is looked at
 * afterwards. */
static bool wrong_tag(CK_RV rv) {
        return rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE ||
               rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_SIGNATURE_INVALID ||
               rv == CKR_DATA_INVALID;
}

static cw_rc p11_gcm(void *ctx, const struct cw_hsm_key *key, enum cw_hsm_dir dir, const uint8_t iv[16],
                     const uint8_t *in, size_t len, uint8_t *out, struct cw_fault *f) {
        struct cw_p11 *p = ctx;
        CW_WIPED(uint8_t, buf, CHUNK_MAX + 32);
        CK_GCM_PARAMS params = {cw_p11_input(iv), 16, 128, NULL, 0, 128};
        CK_MECHANISM m = {CKM_AES_GCM, &params, sizeof(params)};
        CK_ULONG n = sizeof(buf);
        size_t out_len = dir == CW_ENCRYPT ? len + 16 : len - 16;
        if (len > CHUNK_MAX)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, "p11.gcm", "",
                               "more data at once than a card needs");
        cw_p11_called(p);
        CK_RV rv = dir == CW_ENCRYPT ? p->fn->C_EncryptInit(p->session, &m, key->handle)
                                     : p->fn->C_DecryptInit(p->session, &m, key->handle);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.gcm_init");
        rv = dir == CW_ENCRYPT ? p->fn->C_Encrypt(p->session, cw_p11_input(in), len, buf, &n)
                               : p->fn->C_Decrypt(p->session, cw_p11_input(in), len, buf, &n);
        if (dir == CW_DECRYPT && wrong_tag(rv)) {
                cw_rc rc = cw_p11_check(p, f);
                return rc != CW_OK
                           ? rc
                           : cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), (int64_t)rv, "p11.gcm",
                                     "HSM_TOKEN", "sealed data does not open with this key");
        }
        if (rv == CKR_OK && n != out_len)
                rv = CKR_FUNCTION_FAILED;
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.gcm");
        memcpy(out, buf, out_len);
        return CW_OK;
}

static cw_rc p11_sha1(void *ctx, const uint8_t *in, size_t len, uint8_t out[20], struct cw_fault *f) {
        struct cw_p11 *p = ctx;
        CK_MECHANISM m = {CKM_SHA_1, NULL, 0};
        CW_WIPED(uint8_t, buf, 64);
        CK_ULONG n = sizeof(buf);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_DigestInit(p->session, &m);
        if (rv == CKR_OK)
                rv = p->fn->C_Digest(p->session, cw_p11_input(in), len, buf, &n);
        if (rv == CKR_OK && n != 20)
                rv = CKR_FUNCTION_FAILED;
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.sha1");
        memcpy(out, buf, 20);
        return CW_OK;
}

static cw_rc p11_random(void *ctx, uint8_t *out, size_t len, struct cw_fault *f) {
        struct cw_p11 *p = ctx;
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GenerateRandom(p->session, out, len);
        return rv == CKR_OK ? CW_OK : cw_p11_fail(f, rv, "p11.random");
}

static cw_rc p11_import(void *ctx, enum cw_hsm_alg alg, unsigned usage, const uint8_t *value,
                        struct cw_hsm_key *ret, struct cw_fault *f) {
        const struct cw_p11_spec spec = {.alg = alg,
                                         .usage = cw_p11_usage(ctx, alg, usage),
                                         .sensitive = true,
                                         .value = value,
                                         .value_len = cw_hsm_alg_key_len(alg)};
        CK_OBJECT_HANDLE h = 0;
        cw_rc rc = cw_p11_create(ctx, &spec, &h, f);
        if (rc == CW_OK)
                *ret = (struct cw_hsm_key){.handle = h, .alg = alg, .usage = usage, .valid = true};
        return rc;
}

/* For a token that derives nothing: the value is enciphered, seen here, and goes back in as a key. */
static cw_rc derive_in_host(struct cw_p11 *p, const struct cw_hsm_key *base, enum cw_hsm_mode mode,
                            const uint8_t *data, size_t len, enum cw_hsm_alg alg, unsigned usage,
                            struct cw_hsm_key *ret, struct cw_fault *f) {
        static const uint8_t zero[16];
        CW_WIPED(uint8_t, value, 32);
        if (len > 32)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, "p11.derive",
                               "", "no key is that long");
        cw_rc rc = p11_cipher(p, base, CW_ENCRYPT, mode, zero, data, len, value, f);
        return rc != CW_OK ? rc : p11_import(p, alg, usage, value, ret, f);
}

static cw_rc p11_derive(void *ctx, const struct cw_hsm_key *base, enum cw_hsm_mode mode, const uint8_t *data,
                        size_t len, enum cw_hsm_alg alg, unsigned usage, struct cw_hsm_key *ret,
                        struct cw_fault *f) {
        static const uint8_t zero[16];
        const struct cw_p11_spec spec = {
            .alg = alg, .usage = cw_p11_usage(ctx, alg, usage), .sensitive = true, .value_len = len};
        struct cw_p11 *p = ctx;
        CK_OBJECT_HANDLE h = 0;
        if (p->host_derive)
                return derive_in_host(p, base, mode, data, len, alg, usage, ret, f);
        cw_rc rc = derive_object(ctx, base, mode, zero, data, len, &spec, &h, f);
        if (rc == CW_OK)
                rc = cw_p11_read_back(ctx, h, spec.usage, false, f);
        if (rc == CW_OK)
                *ret = (struct cw_hsm_key){.handle = h, .alg = alg, .usage = usage, .valid = true};
        return rc;
}

static void p11_destroy(void *ctx, const struct cw_hsm_key *key) {
        struct cw_p11 *p = ctx;
        cw_p11_called(p);
        (void)p->fn->C_DestroyObject(p->session, key->handle);
}

void cw_p11_crypto_init(struct cw_p11 *p, struct cw_hsm_crypto *ret) {
        static const struct cw_hsm_crypto_ops ops = {
            .cipher = p11_cipher,
            .cmac = p11_cmac,
            .hmac_sha256 = p11_hmac_sha256,
            .gcm = p11_gcm,
            .sha1 = p11_sha1,
            .random = p11_random,
            .derive = p11_derive,
            .import = p11_import,
            .destroy = p11_destroy,
            .rsa_public = cw_p11_rsa_public,
            .rsa_sign = cw_p11_rsa_sign,
            .rsa_generate = cw_p11_rsa_generate,
        };
        *ret = (struct cw_hsm_crypto){&ops, p};
}
