/* SPDX-License-Identifier: Apache-2.0 */
/* RSA key pairs that live on the token: made there, found with both halves to be removed. */
#include "hsm/p11_rsa.h"

#include <string.h>

#define TEMPLATE_MAX 16u

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static cw_rc add_found(struct cw_p11 *p, CK_KEY_TYPE type, const char *label, CK_OBJECT_CLASS cls,
                       CK_OBJECT_HANDLE ret[CW_P11_FOUND_MAX], size_t *count, struct cw_fault *f) {
        CK_ULONG n = 0;
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &cls, sizeof(cls)},
                            {CKA_KEY_TYPE, &type, sizeof(type)},
                            {CKA_TOKEN, &yes, sizeof(yes)},
                            {CKA_LABEL, cw_p11_input(label), strlen(label)}};
        size_t room = CW_P11_FOUND_MAX - *count;
        if (room == 0)
                return CW_OK;
        cw_p11_called(p);
        CK_RV rv = p->fn->C_FindObjectsInit(p->session, t, 4);
        if (rv == CKR_OK) {
                rv = p->fn->C_FindObjects(p->session, ret + *count, room, &n);
                CK_RV final_rv = p->fn->C_FindObjectsFinal(p->session);
                rv = rv == CKR_OK ? final_rv : rv;
        }
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.rsa_find");
        *count += n < room ? n : room; /* whatever a module says */
        return CW_OK;
}

cw_rc cw_p11_pair_find_all(struct cw_p11 *p, CK_KEY_TYPE type, const char *label,
                           CK_OBJECT_HANDLE ret[CW_P11_FOUND_MAX], size_t *ret_count, struct cw_fault *f) {
        size_t count = 0;
        cw_rc rc = add_found(p, type, label, CKO_PRIVATE_KEY, ret, &count, f);
        if (rc == CW_OK)
                rc = add_found(p, type, label, CKO_PUBLIC_KEY, ret, &count, f);
        if (rc == CW_OK)
                *ret_count = count;
        return rc;
}

/* The templates of one pair; they point into this. */
struct pair {
        CK_ULONG bits;
        struct cw_rsa_public e;
        CK_DATE start, end;
        CK_MECHANISM_TYPE mechanism;
        CK_ATTRIBUTE pub[4], priv[TEMPLATE_MAX];
        CK_ULONG without_dates, with_dates, with_mechanism; /* of priv */
};

static void fill(struct pair *t, const char *label, const char *start_day, const char *end_day) {
        const CK_ATTRIBUTE public_part[] = {{CKA_TOKEN, &no, sizeof(no)},
                                            {CKA_VERIFY, &yes, sizeof(yes)},
                                            {CKA_MODULUS_BITS, &t->bits, sizeof(t->bits)},
                                            {CKA_PUBLIC_EXPONENT, t->e.e, t->e.e_len}};
        const CK_ATTRIBUTE private_part[] = {
            {CKA_TOKEN, &yes, sizeof(yes)},
            {CKA_PRIVATE, &yes, sizeof(yes)},
            {CKA_SENSITIVE, &yes, sizeof(yes)},
            {CKA_EXTRACTABLE, &no, sizeof(no)},
            {CKA_SIGN, &yes, sizeof(yes)},
            {CKA_DECRYPT, &no, sizeof(no)},
            {CKA_UNWRAP, &no, sizeof(no)},
            {CKA_LABEL, cw_p11_input(label), strlen(label)},
            {CKA_ID, cw_p11_input(label), strlen(label)}}; /* as in cw_p11_rsa_create */
        memcpy(t->pub, public_part, sizeof(public_part));
        memcpy(t->priv, private_part, sizeof(private_part));
        t->without_dates = t->with_dates = sizeof(private_part) / sizeof(private_part[0]);
        if (cw_p11_date(start_day, &t->start))
                t->priv[t->with_dates++] = (CK_ATTRIBUTE){CKA_START_DATE, &t->start, sizeof(t->start)};
        if (cw_p11_date(end_day, &t->end))
                t->priv[t->with_dates++] = (CK_ATTRIBUTE){CKA_END_DATE, &t->end, sizeof(t->end)};
        t->mechanism = CKM_RSA_X_509;
        t->with_mechanism = t->with_dates;
        t->priv[t->with_mechanism++] =
            (CK_ATTRIBUTE){CKA_ALLOWED_MECHANISMS, &t->mechanism, sizeof(t->mechanism)};
}

/* Without the limit of mechanisms, then without the dates, where the token does not know them. */
static CK_RV generate(struct cw_p11 *p, struct pair *t, CK_OBJECT_HANDLE *ret_pub,
                      CK_OBJECT_HANDLE *ret_priv) {
        const CK_ULONG counts[] = {t->with_mechanism, t->with_dates, t->without_dates};
        CK_MECHANISM m = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
        CK_RV rv = CKR_GENERAL_ERROR;
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
                if (i > 0 && (counts[i] == counts[i - 1] || cw_p11_check(p, NULL) != CW_OK))
                        continue;
                cw_p11_called(p);
                rv = p->fn->C_GenerateKeyPair(p->session, &m, t->pub, 4, t->priv, counts[i], ret_pub,
                                              ret_priv);
                if (rv == CKR_OK)
                        break;
        }
        return rv;
}

cw_rc cw_p11_rsa_generate_on_token(struct cw_p11 *p, const char *label, unsigned bits, unsigned exponent,
                                   const char *start_day, const char *end_day, struct cw_fault *f) {
        struct pair t = {.bits = bits};
        CK_OBJECT_HANDLE pub = 0, priv = 0;
        cw_rc rc = cw_rsa_set_exponent(exponent, &t.e, f);
        if (rc != CW_OK)
                return rc;
        fill(&t, label, start_day, end_day);
        CK_RV rv = generate(p, &t, &pub, &priv);
        if (rv != CKR_OK && cw_p11_check(p, NULL) == CW_OK)
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_REJECT, CW_E_UNSUPPORTED), (int64_t)rv,
                               "p11.rsa_generate", "HSM_RSA",
                               "the token makes no RSA key of %u bits with the exponent %u; some want 65537",
                               bits, exponent);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.rsa_generate");
        (void)p->fn->C_DestroyObject(p->session, pub); /* the private half tells it */
        return cw_p11_read_back(p, priv, CW_USE_MAC, false, f);
}
