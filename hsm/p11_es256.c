/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA with a private key that stays on the token. */
#include "hsm/jwt_assertion.h"
#include "hsm/p11_object.h"

#include <string.h>

static cw_rc key_fault(struct cw_fault *f, const char *label, const char *text) {
        return cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "p11.es256", "HSM_KEY",
                       "key %s: %s", label, text);
}

static cw_rc find(struct cw_p11 *p, const char *label, CK_OBJECT_HANDLE *ret, struct cw_fault *f) {
        CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
        CK_KEY_TYPE type = CKK_EC;
        char name[130];
        (void)snprintf(name, sizeof(name), "%s", label);
        CK_ATTRIBUTE t[3] = {{CKA_CLASS, &cls, sizeof(cls)},
                             {CKA_KEY_TYPE, &type, sizeof(type)},
                             {CKA_LABEL, name, strlen(name)}};
        CK_OBJECT_HANDLE found[2] = {0, 0};
        CK_ULONG count = 0;
        cw_p11_called(p);
        CK_RV rv = p->fn->C_FindObjectsInit(p->session, t, 3);
        if (rv == CKR_OK) {
                rv = p->fn->C_FindObjects(p->session, found, 2, &count);
                CK_RV ended = p->fn->C_FindObjectsFinal(p->session);
                rv = rv == CKR_OK ? ended : rv;
        }
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.es256");
        if (count != 1)
                return key_fault(f, label,
                                 count == 0 ? "no EC private key has this label; load it into the token"
                                            : "several have this label; leave one of them on the token");
        *ret = found[0];
        return CW_OK;
}

cw_rc cw_p11_es256(struct cw_p11 *p, const char *label, const uint8_t digest[32], uint8_t ret[64],
                   struct cw_fault *f) {
        CK_OBJECT_HANDLE key = 0;
        struct cw_p11_attributes a;
        CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
        uint8_t in[32], out[80];
        CK_ULONG len = sizeof(out);
        cw_rc rc = find(p, label, &key, f);
        if (rc == CW_OK)
                rc = cw_p11_read_attributes(p, key, &a, f);
        if (rc != CW_OK)
                return rc;
        if (!a.sensitive || a.extractable || !a.is_private)
                return key_fault(f, label,
                                 "it is not protected (sensitive, not extractable, private); load it anew");
        memcpy(in, digest, sizeof(in));
        cw_p11_called(p);
        CK_RV rv = p->fn->C_SignInit(p->session, &m, key);
        if (rv == CKR_OK)
                rv = p->fn->C_Sign(p->session, in, sizeof(in), out, &len);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.es256");
        if (len != 64)
                return key_fault(f, label, "it is not on the curve P-256");
        memcpy(ret, out, 64);
        return CW_OK;
}
