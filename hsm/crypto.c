/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/crypto.h"

#include "hsm/cmac.h"

#include <string.h>

static const struct {
        const char *name;
        size_t key_len;
} algs[] = {
    [CW_ALG_TDES2] = {"tdes2", 16},   [CW_ALG_TDES3] = {"tdes3", 24},   [CW_ALG_AES128] = {"aes128", 16},
    [CW_ALG_AES192] = {"aes192", 24}, [CW_ALG_AES256] = {"aes256", 32}, [CW_ALG_GENERIC] = {"generic", 0},
    [CW_ALG_RSA] = {"rsa", 0},        [CW_ALG_P256] = {"p256", 0},
};

size_t cw_hsm_alg_key_len(enum cw_hsm_alg alg) {
        return algs[alg].key_len;
}

bool cw_hsm_alg_from_name(const char *name, enum cw_hsm_alg *ret) {
        for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
                if (strcmp(algs[i].name, name) == 0) {
                        *ret = (enum cw_hsm_alg)i;
                        return true;
                }
        }
        return false;
}

const char *cw_hsm_alg_name(enum cw_hsm_alg alg) {
        return algs[alg].name;
}

static cw_rc check_use(const struct cw_hsm_key *key, unsigned usage, const char *op, struct cw_fault *f) {
        if (!key->valid)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_FATAL, CW_E_STATE), 0, op, "HSM_KEY",
                               "no key to work with");
        if ((key->usage & usage) == 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, op, "HSM_KEY",
                               "the key does not allow this use; give it the attributes of its purpose");
        return CW_OK;
}

static bool whole_blocks(const struct cw_hsm_key *key, size_t len) {
        size_t block = cw_hsm_alg_block(key->alg);
        return block != 0 && len != 0 && (len & (block - 1)) == 0; /* 8 or 16 */
}

static bool fits(const struct cw_hsm_key *key, unsigned usage, size_t len) {
        return key->valid && (key->usage & usage) != 0 && whole_blocks(key, len);
}

static cw_rc check_blocks(const struct cw_hsm_key *key, size_t len, const char *op, struct cw_fault *f) {
        if (!whole_blocks(key, len))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), (int64_t)len, op, "",
                               "data is not a whole number of cipher blocks");
        return CW_OK;
}

/* Why it does not fit. Apart, as a cipher of one block takes hardly longer than a few needless steps. */
__attribute__((cold, noinline)) static cw_rc refuse(const struct cw_hsm_key *key, unsigned usage, size_t len,
                                                    const char *op, struct cw_fault *f) {
        cw_rc rc = check_use(key, usage, op, f);
        return rc != CW_OK ? rc : check_blocks(key, len, op, f);
}

cw_rc cw_hsm_encrypt(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, enum cw_hsm_mode mode,
                     const uint8_t *iv, const void *in, size_t len, void *out, struct cw_fault *f) {
        static const uint8_t zero[16];
        if (!fits(key, CW_USE_ENCRYPT | CW_USE_DERIVE, len))
                return refuse(key, CW_USE_ENCRYPT | CW_USE_DERIVE, len, "hsm.encrypt", f);
        return c->ops->cipher(c->ctx, key, CW_ENCRYPT, mode, iv ? iv : zero, in, len, out, f);
}

cw_rc cw_hsm_decrypt(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, enum cw_hsm_mode mode,
                     const uint8_t *iv, const void *in, size_t len, void *out, struct cw_fault *f) {
        static const uint8_t zero[16];
        if (!fits(key, CW_USE_DECRYPT, len))
                return refuse(key, CW_USE_DECRYPT, len, "hsm.decrypt", f);
        return c->ops->cipher(c->ctx, key, CW_DECRYPT, mode, iv ? iv : zero, in, len, out, f);
}

cw_rc cw_hsm_cmac(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const void *in, size_t len,
                  void *out, struct cw_fault *f) {
        if (!key->valid || (key->usage & CW_USE_MAC) == 0)
                return check_use(key, CW_USE_MAC, "hsm.cmac", f);
        cw_rc rc = c->ops->cmac(c->ctx, key, in, len, out, f);
        if (rc == CW_OK)
                return CW_OK;
        /* Some tokens have no CMAC mechanism; with a key that may also encrypt it is a CBC chain. */
        bool by_cipher = cw_rc_class(rc) == CW_C_REJECT && (key->usage & CW_USE_ENCRYPT) != 0;
        return by_cipher ? cw_cmac_by_cipher(c, key, in, len, out, f) : rc;
}

cw_rc cw_hsm_hmac_sha256(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const void *in,
                         size_t len, uint8_t out[32], struct cw_fault *f) {
        cw_rc rc = check_use(key, CW_USE_MAC, "hsm.hmac", f);
        return rc != CW_OK ? rc : c->ops->hmac_sha256(c->ctx, key, in, len, out, f);
}

cw_rc cw_hsm_gcm_seal(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const uint8_t iv[16],
                      const void *in, size_t len, void *out, struct cw_fault *f) {
        cw_rc rc = check_use(key, CW_USE_ENCRYPT, "hsm.gcm_seal", f);
        return rc != CW_OK ? rc : c->ops->gcm(c->ctx, key, CW_ENCRYPT, iv, in, len, out, f);
}

cw_rc cw_hsm_gcm_open(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const uint8_t iv[16],
                      const void *in, size_t len, void *out, struct cw_fault *f) {
        cw_rc rc = check_use(key, CW_USE_DECRYPT, "hsm.gcm_open", f);
        if (rc != CW_OK)
                return rc;
        if (len < 16)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), (int64_t)len, "hsm.gcm_open", "",
                               "sealed data is shorter than its tag");
        return c->ops->gcm(c->ctx, key, CW_DECRYPT, iv, in, len, out, f);
}

cw_rc cw_hsm_sha1(const struct cw_hsm_crypto *c, const void *in, size_t len, uint8_t out[20],
                  struct cw_fault *f) {
        return c->ops->sha1(c->ctx, in, len, out, f);
}

cw_rc cw_hsm_random(const struct cw_hsm_crypto *c, void *out, size_t len, struct cw_fault *f) {
        return c->ops->random(c->ctx, out, len, f);
}

cw_rc cw_hsm_derive(const struct cw_hsm_crypto *c, const struct cw_hsm_key *base, enum cw_hsm_mode mode,
                    const void *data, size_t len, enum cw_hsm_alg alg, unsigned usage, struct cw_hsm_key *ret,
                    struct cw_fault *f) {
        cw_rc rc = check_use(base, CW_USE_DERIVE, "hsm.derive", f);
        if (rc == CW_OK)
                rc = check_blocks(base, len, "hsm.derive", f);
        if (rc != CW_OK)
                return rc;
        size_t block = cw_hsm_alg_block(base->alg), wanted = cw_hsm_alg_key_len(alg);
        if (len != (wanted + block - 1) / block * block)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_FATAL, CW_E_RANGE), (int64_t)len, "hsm.derive", "",
                               "derivation data and derived key differ in length");
        return c->ops->derive(c->ctx, base, mode, data, len, alg, usage, ret, f);
}

cw_rc cw_hsm_import(const struct cw_hsm_crypto *c, enum cw_hsm_alg alg, unsigned usage, const void *value,
                    struct cw_hsm_key *ret, struct cw_fault *f) {
        return c->ops->import(c->ctx, alg, usage, value, ret, f);
}

void cw_hsm_key_destroy(const struct cw_hsm_crypto *c, struct cw_hsm_key *key) {
        if (key->valid && !key->permanent)
                c->ops->destroy(c->ctx, key);
        *key = (struct cw_hsm_key){0};
}
