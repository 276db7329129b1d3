/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/p11_wrap.h"

#include "base/secret.h"

#include <string.h>

#define WRAPPED_MAX 1024u

/* A new object that came back with rv: its attributes are read before anybody works with it. */
static cw_rc made(struct cw_p11 *p, CK_RV rv, CK_OBJECT_HANDLE h, const struct cw_p11_spec *spec,
                  const char *op, CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, op);
        cw_rc rc = cw_p11_read_back(p, h, spec->usage, spec->extractable, f);
        if (rc == CW_OK)
                *ret = h;
        return rc;
}

cw_rc cw_p11_unwrap(struct cw_p11 *p, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism, const uint8_t *in,
                    size_t len, const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        CK_MECHANISM m = {mechanism, NULL, 0};
        CK_OBJECT_HANDLE h = 0;
        struct cw_p11_template t;
        struct cw_p11_spec without_len = *spec; /* most tokens refuse the attribute here */
        without_len.value_len = 0;
        cw_p11_template_fill(&t, &without_len);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_UnwrapKey(p->session, &m, key, cw_p11_input(in), len, t.attr, t.count, &h);
        return made(p, rv, h, spec, "p11.unwrap", ret, f);
}

cw_rc cw_p11_wrap(struct cw_p11 *p, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism,
                  CK_OBJECT_HANDLE object, uint8_t *ret, size_t len, struct cw_fault *f) {
        CK_MECHANISM m = {mechanism, NULL, 0};
        CW_UNINITIALIZED uint8_t out[WRAPPED_MAX];
        CK_ULONG n = sizeof(out);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_WrapKey(p->session, &m, key, object, out, &n);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.wrap");
        if (n != len || len > sizeof(out))
                return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_REJECT, CW_E_MISMATCH), (int64_t)n, "p11.wrap",
                               "HSM_TOKEN", "the token wraps a secret into %lu bytes and not %zu", n, len);
        memcpy(ret, out, len);
        return CW_OK;
}

static cw_rc derive(struct cw_p11 *p, CK_OBJECT_HANDLE base, CK_MECHANISM_TYPE mechanism, void *parameter,
                    CK_ULONG parameter_len, const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret,
                    struct cw_fault *f) {
        CK_MECHANISM m = {mechanism, parameter, parameter_len};
        CK_OBJECT_HANDLE h = 0;
        struct cw_p11_template t;
        cw_p11_template_fill(&t, spec);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_DeriveKey(p->session, &m, base, t.attr, t.count, &h);
        return made(p, rv, h, spec, "p11.derive", ret, f);
}

static cw_rc derive_with(struct cw_p11 *p, CK_OBJECT_HANDLE base, CK_MECHANISM_TYPE mechanism,
                         const uint8_t *data, size_t len, const struct cw_p11_spec *spec,
                         CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        CK_KEY_DERIVATION_STRING_DATA d = {cw_p11_input(data), len};
        return derive(p, base, mechanism, &d, sizeof(d), spec, ret, f);
}

cw_rc cw_p11_chain(struct cw_p11 *p, CK_OBJECT_HANDLE base, const uint8_t iv[8], const uint8_t *data,
                   size_t len, const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        CK_DES_CBC_ENCRYPT_DATA_PARAMS d = {.pData = cw_p11_input(data), .length = len};
        memcpy(d.iv, iv, sizeof(d.iv));
        return derive(p, base, CKM_DES3_CBC_ENCRYPT_DATA, &d, sizeof(d), spec, ret, f);
}

cw_rc cw_p11_xor(struct cw_p11 *p, CK_OBJECT_HANDLE base, const uint8_t *data, size_t len,
                 const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        return derive_with(p, base, CKM_XOR_BASE_AND_DATA, data, len, spec, ret, f);
}

cw_rc cw_p11_prepend(struct cw_p11 *p, CK_OBJECT_HANDLE base, const uint8_t *data, size_t len,
                     const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        return derive_with(p, base, CKM_CONCATENATE_DATA_AND_BASE, data, len, spec, ret, f);
}

cw_rc cw_p11_append(struct cw_p11 *p, CK_OBJECT_HANDLE base, const uint8_t *data, size_t len,
                    const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        return derive_with(p, base, CKM_CONCATENATE_BASE_AND_DATA, data, len, spec, ret, f);
}

cw_rc cw_p11_extract(struct cw_p11 *p, CK_OBJECT_HANDLE base, CK_ULONG first_bit,
                     const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        return derive(p, base, CKM_EXTRACT_KEY_FROM_KEY, &first_bit, sizeof(first_bit), spec, ret, f);
}

void cw_p11_destroy(struct cw_p11 *p, CK_OBJECT_HANDLE h) {
        if (h == 0)
                return;
        cw_p11_called(p);
        (void)p->fn->C_DestroyObject(p->session, h);
}
