/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/rsa.h"

#include "base/secret.h"

#include <openssl/bn.h>
#include <string.h>

static void bn_cleanup(BIGNUM **bn) {
        BN_clear_free(*bn);
}
static void ctx_cleanup(BN_CTX **ctx) {
        BN_CTX_free(*ctx);
}
#define AUTO_BN __attribute__((cleanup(bn_cleanup))) BIGNUM *
#define AUTO_CTX __attribute__((cleanup(ctx_cleanup))) BN_CTX *

static cw_rc refuse(unsigned code, const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, code), 0, "hsm.rsa", "HSM_RSA", "%s", text);
}

static cw_rc no_memory(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.rsa", "", "out of memory");
}

cw_rc cw_rsa_set_exponent(unsigned exponent, struct cw_rsa_public *ret, struct cw_fault *f) {
        static const uint8_t f4[3] = {1, 0, 1};
        if (exponent != 3 && exponent != 65537)
                return refuse(CW_E_RANGE, "the public exponent of a chip is 3 or 65537", f);
        ret->e_len = exponent == 3 ? 1 : 3;
        if (exponent == 3)
                ret->e[0] = 3;
        else
                memcpy(ret->e, f4, sizeof(f4));
        return CW_OK;
}

cw_rc cw_rsa_recover(const struct cw_rsa_public *pub, const uint8_t *in, uint8_t *out, struct cw_fault *f) {
        AUTO_CTX ctx = BN_CTX_new();
        AUTO_BN n = BN_bin2bn(pub->n, (int)pub->n_len, NULL);
        AUTO_BN e = BN_bin2bn(pub->e, (int)pub->e_len, NULL);
        AUTO_BN x = BN_bin2bn(in, (int)pub->n_len, NULL);
        if (ctx == NULL || n == NULL || e == NULL || x == NULL)
                return no_memory(f);
        if (!BN_is_odd(n) || BN_is_one(n) || BN_cmp(x, n) >= 0)
                return refuse(CW_E_RANGE, "a signature is not below the modulus of its key", f);
        if (BN_mod_exp(x, x, e, n, ctx) != 1 || BN_bn2binpad(x, out, (int)pub->n_len) < 0)
                return no_memory(f);
        return CW_OK;
}

static bool size_fits(size_t n_len) {
        return n_len >= CW_RSA_MIN && n_len <= CW_RSA_MAX;
}

cw_rc cw_rsa_public_of(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, struct cw_rsa_public *ret,
                       struct cw_fault *f) {
        struct cw_rsa_public pub = {0};
        if (!key->valid || key->alg != CW_ALG_RSA)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_FATAL, CW_E_STATE), 0, "hsm.rsa", "HSM_KEY",
                               "no RSA key to work with");
        cw_rc rc = c->ops->rsa_public(c->ctx, key, &pub, f);
        if (rc != CW_OK)
                return rc;
        bool known_e =
            (pub.e_len == 1 && pub.e[0] == 3) || (pub.e_len == 3 && memcmp(pub.e, "\1\0\1", 3) == 0);
        if (!size_fits(pub.n_len) || !known_e || pub.n[0] < 0x80)
                return refuse(
                    CW_E_UNSUPPORTED,
                    "a key for chip certificates has 512 to 1984 bits in whole bytes and the public "
                    "exponent 3 or 65537",
                    f);
        *ret = pub;
        return CW_OK;
}

cw_rc cw_rsa_sign(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                  const struct cw_rsa_public *pub, const uint8_t *block, uint8_t *ret, struct cw_fault *f) {
        uint8_t signature[CW_RSA_MAX], back[CW_RSA_MAX];
        if ((key->usage & CW_USE_MAC) == 0)
                return refuse(CW_E_DENIED, "the key may not sign; give it the attributes of its purpose", f);
        cw_rc rc = c->ops->rsa_sign(c->ctx, key, block, pub->n_len, signature, f);
        if (rc == CW_OK)
                rc = cw_rsa_recover(pub, signature, back, f);
        if (rc == CW_OK && memcmp(back, block, pub->n_len) != 0)
                rc = refuse(CW_E_MISMATCH, "the token made a wrong signature; do not use it", f);
        if (rc == CW_OK)
                memcpy(ret, signature, pub->n_len);
        return rc;
}

/* p*q = n, and d undoes e: a generator that answers with parts of several keys is found out. */
static cw_rc check_parts(const struct cw_rsa_private *k, struct cw_fault *f) {
        int half = (int)cw_rsa_prime_len(k->pub.n_len);
        AUTO_CTX ctx = BN_CTX_secure_new();
        AUTO_BN p = BN_bin2bn(k->p, half, BN_secure_new());
        AUTO_BN q = BN_bin2bn(k->q, half, BN_secure_new());
        AUTO_BN x = BN_secure_new();
        AUTO_BN n = BN_bin2bn(k->pub.n, (int)k->pub.n_len, NULL);
        AUTO_BN e = BN_bin2bn(k->pub.e, (int)k->pub.e_len, NULL);
        AUTO_BN part = BN_secure_new();
        if (ctx == NULL || p == NULL || q == NULL || x == NULL || n == NULL || e == NULL || part == NULL ||
            BN_mul(x, p, q, ctx) != 1)
                return no_memory(f);
        bool ok = BN_cmp(x, n) == 0;
        const struct {
                const uint8_t *value;
                BIGNUM *prime;
        } exponents[] = {{k->dp, p}, {k->dq, q}};
        for (size_t i = 0; ok && i < 2; i++) { /* e*d = 1 mod prime-1 */
                if (BN_bin2bn(exponents[i].value, half, part) == NULL ||
                    BN_sub(x, exponents[i].prime, BN_value_one()) != 1 ||
                    BN_mod_mul(part, part, e, x, ctx) != 1)
                        return no_memory(f);
                ok = BN_is_one(part);
        }
        if (BN_bin2bn(k->q_inv, half, part) == NULL || BN_mod_mul(part, part, q, p, ctx) != 1)
                return no_memory(f);
        return ok && BN_is_one(part)
                   ? CW_OK
                   : refuse(CW_E_MISMATCH, "the token made a key pair whose parts do not fit; do not use it",
                            f);
}

cw_rc cw_rsa_generate(const struct cw_hsm_crypto *c, unsigned bits, unsigned exponent,
                      struct cw_rsa_private *ret, struct cw_fault *f) {
        struct cw_rsa_public wanted = {0};
        cw_rc rc = cw_rsa_set_exponent(exponent, &wanted, f);
        if (rc != CW_OK)
                return rc;
        if (bits % 8 != 0 || !size_fits(bits / 8))
                return refuse(CW_E_RANGE, "the key of a chip has 512 to 1984 bits, a multiple of 8", f);
        rc = c->ops->rsa_generate(c->ctx, bits, exponent, ret, f);
        if (rc == CW_OK && (ret->pub.n_len != bits / 8 || ret->pub.n[0] < 0x80))
                rc = refuse(CW_E_MISMATCH, "the token made a key of another size", f);
        if (rc == CW_OK) {
                memcpy(ret->pub.e, wanted.e, sizeof(wanted.e));
                ret->pub.e_len = wanted.e_len;
                rc = check_parts(ret, f);
        }
        if (rc != CW_OK)
                cw_wipe(ret, sizeof(*ret));
        return rc;
}
