/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/key_read.h"

#include <string.h>

#define WRAPPED_MAX (CW_KEY_VALUE_MAX + 32u)
#define KEY_WRAP_MECHANISM 0x2109ul /* CKM_AES_KEY_WRAP, PKCS#11 v2.40 */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static cw_rc make_wrapper(struct cw_p11 *p, CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, value, 32);
        CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
        CK_KEY_TYPE type = CKK_AES;
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GenerateRandom(p->session, value, sizeof(value));
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &cls, sizeof(cls)},     {CKA_KEY_TYPE, &type, sizeof(type)},
                            {CKA_TOKEN, &no, sizeof(no)},       {CKA_PRIVATE, &yes, sizeof(yes)},
                            {CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &no, sizeof(no)},
                            {CKA_ENCRYPT, &no, sizeof(no)},     {CKA_DECRYPT, &no, sizeof(no)},
                            {CKA_WRAP, &yes, sizeof(yes)},      {CKA_UNWRAP, &yes, sizeof(yes)},
                            {CKA_VALUE, value, sizeof(value)}};
        cw_p11_called(p);
        if (rv == CKR_OK)
                rv = p->fn->C_CreateObject(p->session, t, sizeof(t) / sizeof(t[0]), ret);
        return rv == CKR_OK ? CW_OK : cw_p11_fail(f, rv, "p11.wrapper");
}

/* An object of the type that the value's length needs, readable, for this session. */
static CK_RV unwrap(struct cw_p11 *p, CK_OBJECT_HANDLE wrapper, enum cw_hsm_alg alg, CK_BYTE *wrapped,
                    CK_ULONG len, CK_OBJECT_HANDLE *ret) {
        CK_MECHANISM m = {KEY_WRAP_MECHANISM, NULL, 0};
        CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
        CK_KEY_TYPE type = cw_p11_key_type(alg);
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &cls, sizeof(cls)},   {CKA_KEY_TYPE, &type, sizeof(type)},
                            {CKA_TOKEN, &no, sizeof(no)},     {CKA_PRIVATE, &yes, sizeof(yes)},
                            {CKA_SENSITIVE, &no, sizeof(no)}, {CKA_EXTRACTABLE, &yes, sizeof(yes)},
                            {CKA_ENCRYPT, &no, sizeof(no)},   {CKA_DECRYPT, &no, sizeof(no)}};
        cw_p11_called(p);
        return p->fn->C_UnwrapKey(p->session, &m, wrapper, wrapped, len, t, sizeof(t) / sizeof(t[0]), ret);
}

static CK_RV read_value(struct cw_p11 *p, CK_OBJECT_HANDLE h, struct cw_secret *ret) {
        CK_ATTRIBUTE a = {CKA_VALUE, ret->ptr, ret->cap};
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GetAttributeValue(p->session, h, &a, 1);
        if (rv == CKR_OK)
                ret->len = a.ulValueLen;
        return rv;
}

static cw_rc through_wrapper(struct cw_p11 *p, CK_OBJECT_HANDLE wrapper, CK_OBJECT_HANDLE object,
                             enum cw_hsm_alg alg, struct cw_secret *value, struct cw_fault *f) {
        CW_WIPED(CK_BYTE, wrapped, WRAPPED_MAX);
        CK_MECHANISM m = {KEY_WRAP_MECHANISM, NULL, 0};
        CK_ULONG len = sizeof(wrapped);
        CK_OBJECT_HANDLE copy = 0;
        cw_p11_called(p);
        CK_RV rv = p->fn->C_WrapKey(p->session, &m, wrapper, object, wrapped, &len);
        if (rv == CKR_OK)
                rv = unwrap(p, wrapper, alg, wrapped, len, &copy);
        if (rv == CKR_OK) {
                rv = read_value(p, copy, value);
                CK_RV destroyed = p->fn->C_DestroyObject(p->session, copy);
                rv = rv == CKR_OK ? destroyed : rv;
        }
        return rv == CKR_OK ? CW_OK : cw_p11_fail(f, rv, "p11.key_read");
}

cw_rc cw_key_read(struct cw_p11 *p, CK_OBJECT_HANDLE object, enum cw_hsm_alg alg, struct cw_secret **ret,
                  struct cw_fault *f) {
        struct cw_p11_attributes a;
        CW_AUTO(cw_secret_free) struct cw_secret *value = NULL;
        CK_OBJECT_HANDLE wrapper = 0;
        cw_rc rc = cw_p11_read_attributes(p, object, &a, f);
        if (rc != CW_OK)
                return rc;
        if (!a.extractable) /* there are tokens that do not look at it */
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.key_read", "HSM_KEY",
                               "the key was loaded as not extractable; it cannot leave the token");
        if (cw_secret_new(CW_KEY_VALUE_MAX, &value) != CW_OK)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.key_read", "",
                               "no locked memory for a key");
        rc = make_wrapper(p, &wrapper, f);
        if (rc != CW_OK)
                return rc;
        rc = through_wrapper(p, wrapper, object, alg, value, f);
        (void)p->fn->C_DestroyObject(p->session, wrapper);
        size_t want = cw_hsm_alg_key_len(alg);
        if (rc == CW_OK && (value->len == 0 || value->len > value->cap || (want != 0 && value->len != want)))
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), (int64_t)value->len,
                             "hsm.key_read", "HSM_KEY", "the token gave a key of another length");
        if (rc == CW_OK)
                *ret = CW_STEAL(value);
        return rc;
}
