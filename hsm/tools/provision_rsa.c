/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/tools/provision_rsa.h"

#include "base/buf.h"
#include "hsm/key_write.h"
#include "hsm/p11_rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

static void pkey_cleanup(EVP_PKEY **key) {
        EVP_PKEY_free(*key);
}
static void bn_cleanup(BIGNUM **bn) {
        BN_clear_free(*bn);
}

static cw_rc refuse(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "provision.rsa", "HSM_KEY", "%s",
                       text);
}

static bool part(const EVP_PKEY *key, const char *name, uint8_t *ret, size_t len) {
        __attribute__((cleanup(bn_cleanup))) BIGNUM *bn = NULL;
        return EVP_PKEY_get_bn_param(key, name, &bn) == 1 && BN_bn2binpad(bn, ret, (int)len) == (int)len;
}

static cw_rc read_key(const uint8_t *der, size_t len, struct cw_rsa_private *ret, struct cw_fault *f) {
        const unsigned char *at = der;
        __attribute__((cleanup(pkey_cleanup))) EVP_PKEY *key =
            d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, (long)len);
        __attribute__((cleanup(bn_cleanup))) BIGNUM *e = NULL;
        int bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;
        if (bits < (int)CW_RSA_MIN * 8 || bits > (int)CW_RSA_MAX * 8 || bits % 8 != 0 ||
            EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
                return refuse(
                    "the value must be the hex of a PKCS#1 RSA key of 512 to 1984 bits in whole bytes", f);
        size_t n = (size_t)bits / 8, half = cw_rsa_prime_len(n);
        cw_rc rc = cw_rsa_set_exponent((unsigned)BN_get_word(e), &ret->pub, f);
        if (rc != CW_OK)
                return rc;
        ret->pub.n_len = n;
        bool ok = part(key, OSSL_PKEY_PARAM_RSA_N, ret->pub.n, n) &&
                  part(key, OSSL_PKEY_PARAM_RSA_D, ret->d, n) &&
                  part(key, OSSL_PKEY_PARAM_RSA_FACTOR1, ret->p, half) &&
                  part(key, OSSL_PKEY_PARAM_RSA_FACTOR2, ret->q, half) &&
                  part(key, OSSL_PKEY_PARAM_RSA_EXPONENT1, ret->dp, half) &&
                  part(key, OSSL_PKEY_PARAM_RSA_EXPONENT2, ret->dq, half) &&
                  part(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, ret->q_inv, half);
        return ok ? CW_OK : refuse("the RSA key lacks parts; give one with primes and CRT exponents", f);
}

static cw_rc check_kcv(const struct cw_rsa_public *pub, const char *want, struct cw_fault *f) {
        uint8_t hash[20];
        char text[11];
        if (EVP_Q_digest(NULL, "SHA1", NULL, pub->n, pub->n_len, hash, NULL) != 1)
                return refuse("SHA-1 is not available", f);
        (void)cw_hex_encode(hash, strlen(want) == 10 ? 5 : 3, text, sizeof(text));
        if (strcmp(text, want) == 0)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "provision.rsa", "HSM_KEY",
                       "its check value is %s, expected is \"%s\"; nothing was written", text, want);
}

cw_rc cw_provision_rsa(struct cw_p11 *p, const struct cw_config_key *k, const uint8_t *der, size_t len,
                       struct cw_fault *f) {
        CW_WIPED(struct cw_rsa_private, key, 1);
        size_t removed = 0;
        cw_rc rc = read_key(der, len, key, f);
        if (rc == CW_OK)
                rc = check_kcv(&key->pub, k->kcv, f);
        if (rc == CW_OK)
                rc = cw_key_erase(p, k, 1, &removed, f);
        return rc != CW_OK ? rc : cw_p11_rsa_create(p, k->label, key, NULL, f);
}
