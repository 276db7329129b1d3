/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/p11_rsa.h"

#include "base/secret.h"

#include <string.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY, public_class = CKO_PUBLIC_KEY;
static CK_KEY_TYPE rsa_type = CKK_RSA;

cw_rc cw_p11_rsa_find(struct cw_p11 *p, const char *label, CK_OBJECT_HANDLE *ret, size_t *ret_count,
                      struct cw_fault *f) {
        CK_OBJECT_HANDLE found[2] = {0, 0};
        CK_ULONG count = 0;
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &private_class, sizeof(private_class)},
                            {CKA_KEY_TYPE, &rsa_type, sizeof(rsa_type)},
                            {CKA_TOKEN, &yes, sizeof(yes)},
                            {CKA_LABEL, cw_p11_input(label), strlen(label)}};
        cw_p11_called(p);
        CK_RV rv = p->fn->C_FindObjectsInit(p->session, t, 4);
        if (rv == CKR_OK) {
                rv = p->fn->C_FindObjects(p->session, found, 2, &count);
                CK_RV final_rv = p->fn->C_FindObjectsFinal(p->session);
                rv = rv == CKR_OK ? final_rv : rv;
        }
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.rsa_find");
        *ret = found[0];
        *ret_count = count;
        return CW_OK;
}

cw_rc cw_p11_rsa_create(struct cw_p11 *p, const char *label, const struct cw_rsa_private *k,
                        CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        static const char unnamed[] = "session";
        size_t n = k->pub.n_len, half = cw_rsa_prime_len(n);
        bool on_token = label != NULL;
        CK_OBJECT_HANDLE h = 0;
        label = on_token ? label : unnamed;
        CK_ATTRIBUTE t[] = {
            {CKA_CLASS, &private_class, sizeof(private_class)},
            {CKA_KEY_TYPE, &rsa_type, sizeof(rsa_type)},
            {CKA_TOKEN, on_token ? &yes : &no, sizeof(yes)},
            {CKA_PRIVATE, &yes, sizeof(yes)},
            {CKA_SENSITIVE, &yes, sizeof(yes)},
            {CKA_EXTRACTABLE, &no, sizeof(no)},
            {CKA_MODIFIABLE, &no, sizeof(no)},
            {CKA_SIGN, &yes, sizeof(yes)},
            {CKA_DECRYPT, &no, sizeof(no)},
            {CKA_UNWRAP, &no, sizeof(no)},
            {CKA_LABEL, cw_p11_input(label), strlen(label)},
            {CKA_ID, cw_p11_input(label),
             strlen(label)}, /* without one NSS makes its own and labels are lost */
            {CKA_MODULUS, cw_p11_input(k->pub.n), n},
            {CKA_PUBLIC_EXPONENT, cw_p11_input(k->pub.e), k->pub.e_len},
            {CKA_PRIVATE_EXPONENT, cw_p11_input(k->d), n},
            {CKA_PRIME_1, cw_p11_input(k->p), half},
            {CKA_PRIME_2, cw_p11_input(k->q), half},
            {CKA_EXPONENT_1, cw_p11_input(k->dp), half},
            {CKA_EXPONENT_2, cw_p11_input(k->dq), half},
            {CKA_COEFFICIENT, cw_p11_input(k->q_inv), half},
        };
        cw_p11_called(p);
        CK_RV rv = p->fn->C_CreateObject(p->session, t, sizeof(t) / sizeof(t[0]), &h);
        if (rv == CKR_OK && ret != NULL)
                *ret = h;
        return rv == CKR_OK ? CW_OK : cw_p11_fail(f, rv, "p11.rsa_create");
}

/* An unsigned big-endian number into exactly len bytes: modules differ in leading zeros. */
static bool align(uint8_t *value, size_t got, size_t cap, size_t len) {
        while (got > len) {
                if (value[0] != 0)
                        return false;
                memmove(value, value + 1, --got);
        }
        if (got == 0 || len > cap)
                return false;
        memmove(value + (len - got), value, got);
        memset(value, 0, len - got);
        return true;
}

static CK_RV read_number(struct cw_p11 *p, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, uint8_t *ret,
                         size_t cap, size_t len) {
        CW_WIPED(uint8_t, buf, CW_RSA_MAX + 8);
        CK_ATTRIBUTE a = {type, buf, sizeof(buf)};
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GetAttributeValue(p->session, h, &a, 1);
        if (rv != CKR_OK)
                return rv;
        if (a.ulValueLen > sizeof(buf) || !align(buf, a.ulValueLen, cap, len))
                return CKR_ATTRIBUTE_VALUE_INVALID;
        memcpy(ret, buf, len);
        return CKR_OK;
}

cw_rc cw_p11_rsa_public(void *p11, const struct cw_hsm_key *key, struct cw_rsa_public *ret,
                        struct cw_fault *f) {
        struct cw_p11 *p = p11;
        uint8_t n[CW_RSA_MAX + 8], e[8];
        CK_ATTRIBUTE a[] = {{CKA_MODULUS, n, sizeof(n)}, {CKA_PUBLIC_EXPONENT, e, sizeof(e)}};
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GetAttributeValue(p->session, key->handle, a, 2);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.rsa_public");
        size_t n_len = a[0].ulValueLen, e_len = a[1].ulValueLen, n_at = 0, e_at = 0;
        while (n_len > 0 && n[n_at] == 0)
                n_at++, n_len--;
        while (e_len > 0 && e[e_at] == 0)
                e_at++, e_len--;
        if (n_len == 0 || n_len > sizeof(ret->n) || e_len == 0 || e_len > sizeof(ret->e))
                return cw_p11_fail(f, CKR_KEY_SIZE_RANGE, "p11.rsa_public");
        *ret = (struct cw_rsa_public){.n_len = n_len, .e_len = e_len};
        memcpy(ret->n, n + n_at, n_len);
        memcpy(ret->e, e + e_at, e_len);
        return CW_OK;
}

cw_rc cw_p11_rsa_sign(void *p11, const struct cw_hsm_key *key, const uint8_t *in, size_t len, uint8_t *out,
                      struct cw_fault *f) {
        struct cw_p11 *p = p11;
        uint8_t buf[CW_RSA_MAX + 8];
        CK_MECHANISM m = {CKM_RSA_X_509, NULL, 0};
        CK_ULONG n = sizeof(buf);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_SignInit(p->session, &m, key->handle);
        if (rv == CKR_OK)
                rv = p->fn->C_Sign(p->session, cw_p11_input(in), len, buf, &n);
        if (rv == CKR_OK && n != len)
                rv = CKR_FUNCTION_FAILED;
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.rsa_sign");
        memcpy(out, buf, len);
        return CW_OK;
}

static CK_RV read_pair(struct cw_p11 *p, CK_OBJECT_HANDLE h, size_t n_len, struct cw_rsa_private *ret) {
        size_t half = cw_rsa_prime_len(n_len);
        CK_RV rv = read_number(p, h, CKA_MODULUS, ret->pub.n, sizeof(ret->pub.n), n_len);
        const struct {
                CK_ATTRIBUTE_TYPE type;
                uint8_t *value;
        } parts[] = {{CKA_PRIME_1, ret->p},
                     {CKA_PRIME_2, ret->q},
                     {CKA_EXPONENT_1, ret->dp},
                     {CKA_EXPONENT_2, ret->dq},
                     {CKA_COEFFICIENT, ret->q_inv}};
        if (rv == CKR_OK)
                rv = read_number(p, h, CKA_PRIVATE_EXPONENT, ret->d, sizeof(ret->d), n_len);
        for (size_t i = 0; rv == CKR_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
                rv = read_number(p, h, parts[i].type, parts[i].value, CW_RSA_PRIME_MAX, half);
        ret->pub.n_len = n_len;
        return rv;
}

cw_rc cw_p11_rsa_generate(void *p11, unsigned bits, unsigned exponent, struct cw_rsa_private *ret,
                          struct cw_fault *f) {
        struct cw_p11 *p = p11;
        struct cw_rsa_public e = {0};
        CK_ULONG size = bits;
        CK_MECHANISM m = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
        CK_OBJECT_HANDLE pub = 0, priv = 0;
        cw_rc rc = cw_rsa_set_exponent(exponent, &e, f);
        if (rc != CW_OK)
                return rc;
        CK_ATTRIBUTE public_t[] = {{CKA_CLASS, &public_class, sizeof(public_class)},
                                   {CKA_TOKEN, &no, sizeof(no)},
                                   {CKA_VERIFY, &yes, sizeof(yes)},
                                   {CKA_MODULUS_BITS, &size, sizeof(size)},
                                   {CKA_PUBLIC_EXPONENT, e.e, e.e_len}};
        CK_ATTRIBUTE private_t[] = {{CKA_CLASS, &private_class, sizeof(private_class)},
                                    {CKA_TOKEN, &no, sizeof(no)},
                                    {CKA_PRIVATE, &yes, sizeof(yes)},
                                    {CKA_SENSITIVE, &no, sizeof(no)},
                                    {CKA_EXTRACTABLE, &yes, sizeof(yes)},
                                    {CKA_SIGN, &yes, sizeof(yes)}};
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GenerateKeyPair(p->session, &m, public_t, 5, private_t, 6, &pub, &priv);
        if (rv == CKR_ARGUMENTS_BAD || rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_KEY_SIZE_RANGE)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_REJECT, CW_E_UNSUPPORTED), (int64_t)rv,
                               "p11.rsa_generate", "HSM_RSA",
                               "the token makes no RSA key of %u bits with the exponent %u; some want 65537",
                               bits, exponent);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.rsa_generate");
        rv = read_pair(p, priv, bits / 8, ret);
        cw_p11_called(p);
        CK_RV gone = p->fn->C_DestroyObject(p->session, priv);
        (void)p->fn->C_DestroyObject(p->session, pub);
        rv = rv == CKR_OK ? gone : rv;
        return rv == CKR_OK ? CW_OK : cw_p11_fail(f, rv, "p11.rsa_read");
}
