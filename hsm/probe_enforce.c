/* SPDX-License-Identifier: Apache-2.0 */
/* Does the token keep what attributes promise: each probe does what one of them forbids. */
#include "hsm/probe_internal.h"

#include <string.h>

#define ATTRIBUTES_MAX 16u

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

struct template {
        CK_OBJECT_CLASS cls;
        CK_KEY_TYPE type;
        CK_BYTE value[16];
        CK_ATTRIBUTE attr[ATTRIBUTES_MAX];
        CK_ULONG count;
};

static void put(struct template *t, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG len) {
        t->attr[t->count++] = (CK_ATTRIBUTE){type, value, len};
}

/* A sensitive key that cannot be extracted and may do nothing, until more is put. */
static void fill(struct template *t, CK_KEY_TYPE type, const uint8_t value[16]) {
        *t = (struct template){.cls = CKO_SECRET_KEY, .type = type};
        memcpy(t->value, value, sizeof(t->value));
        put(t, CKA_CLASS, &t->cls, sizeof(t->cls));
        put(t, CKA_KEY_TYPE, &t->type, sizeof(t->type));
        put(t, CKA_TOKEN, &no, sizeof(no));
        put(t, CKA_PRIVATE, &yes, sizeof(yes));
        put(t, CKA_SENSITIVE, &yes, sizeof(yes));
        put(t, CKA_VALUE, t->value, sizeof(t->value));
}

static void flags(struct template *t, unsigned usage, bool extractable) {
        static const struct {
                unsigned use;
                CK_ATTRIBUTE_TYPE type;
        } uses[] = {{CW_USE_ENCRYPT, CKA_ENCRYPT},
                    {CW_USE_DECRYPT, CKA_DECRYPT},
                    {CW_USE_DERIVE, CKA_DERIVE},
                    {CW_USE_WRAP, CKA_WRAP},
                    {CW_USE_UNWRAP, CKA_UNWRAP}};
        for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
                put(t, uses[i].type, (usage & uses[i].use) ? &yes : &no, sizeof(CK_BBOOL));
        put(t, CKA_EXTRACTABLE, extractable ? &yes : &no, sizeof(CK_BBOOL));
}

static cw_rc create(const struct cw_prober *x, struct template *t, CK_OBJECT_HANDLE *ret,
                    struct cw_fault *f) {
        cw_p11_called(x->p);
        CK_RV rv = x->p->fn->C_CreateObject(x->p->session, t->attr, t->count, ret);
        return rv == CKR_OK ? CW_OK : cw_p11_fail(f, rv, "probe.create");
}

/* What was forbidden has ended with rv. */
static cw_rc judge(CK_RV rv, const char *text, struct cw_fault *f) {
        if (rv != CKR_OK)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.probe", "HSM_TOKEN", "%s",
                       text);
}

/* An attribute that the token does not even take protects nothing. */
static cw_rc unknown(cw_rc rc, struct cw_fault *f) {
        (void)cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.probe", "HSM_TOKEN",
                      "the token does not take the attribute");
        return cw_rc_class(rc) == CW_C_RETRY ? rc : CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED);
}

static bool attribute_is(const struct cw_prober *x, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, bool value) {
        CK_BBOOL got = value ? CK_FALSE : CK_TRUE;
        CK_ATTRIBUTE a = {type, &got, sizeof(got)};
        cw_p11_called(x->p);
        return x->p->fn->C_GetAttributeValue(x->p->session, h, &a, 1) == CKR_OK && (got != CK_FALSE) == value;
}

static CK_RV encrypt_once(const struct cw_prober *x, CK_OBJECT_HANDLE h, CK_MECHANISM *m) {
        CK_BYTE in[16] = {0}, out[64];
        CK_ULONG n = sizeof(out);
        cw_p11_called(x->p);
        CK_RV rv = x->p->fn->C_EncryptInit(x->p->session, m, h);
        return rv == CKR_OK ? x->p->fn->C_Encrypt(x->p->session, in, sizeof(in), out, &n) : rv;
}

static cw_rc probe_sensitive(const struct cw_prober *x, struct cw_fault *f) {
        struct template t;
        CK_OBJECT_HANDLE h = 0;
        CK_BYTE got[32] = {0};
        CK_ATTRIBUTE a = {CKA_VALUE, got, sizeof(got)};
        fill(&t, CKK_DES2, cw_probe_tdes_key);
        flags(&t, CW_USE_ENCRYPT, false);
        cw_rc rc = create(x, &t, &h, f);
        if (rc != CW_OK)
                return rc;
        cw_p11_called(x->p);
        CK_RV rv = x->p->fn->C_GetAttributeValue(x->p->session, h, &a, 1);
        if (rv == CKR_OK && memcmp(got, cw_probe_tdes_key, 16) != 0)
                rv = CKR_ATTRIBUTE_SENSITIVE; /* says yes and gives nothing */
        cw_p11_destroy(x->p, h);
        return judge(rv, "the value of a sensitive key can be read", f);
}

static cw_rc probe_usage(const struct cw_prober *x, struct cw_fault *f) {
        struct template t;
        CK_OBJECT_HANDLE h = 0;
        CK_MECHANISM m = {CKM_DES3_ECB, NULL, 0};
        fill(&t, CKK_DES2, cw_probe_tdes_key);
        flags(&t, CW_USE_DECRYPT, false);
        cw_rc rc = create(x, &t, &h, f);
        if (rc != CW_OK)
                return rc;
        CK_RV rv = encrypt_once(x, h, &m);
        cw_p11_destroy(x->p, h);
        return judge(rv, "a key enciphers without CKA_ENCRYPT", f);
}

static cw_rc probe_derive(const struct cw_prober *x, struct cw_fault *f) {
        struct template t;
        CK_OBJECT_HANDLE h = 0, derived = 0;
        CK_BYTE data[16] = {0};
        CK_KEY_DERIVATION_STRING_DATA d = {data, sizeof(data)};
        CK_MECHANISM m = {CKM_DES3_ECB_ENCRYPT_DATA, &d, sizeof(d)};
        const struct cw_p11_spec spec = {
            .alg = CW_ALG_TDES2, .usage = CW_USE_ENCRYPT, .sensitive = true, .value_len = 16};
        struct cw_p11_template want;
        fill(&t, CKK_DES2, cw_probe_tdes_key);
        flags(&t, CW_USE_ENCRYPT, false);
        cw_rc rc = create(x, &t, &h, f);
        if (rc != CW_OK)
                return rc;
        cw_p11_template_fill(&want, &spec);
        cw_p11_called(x->p);
        CK_RV rv = x->p->fn->C_DeriveKey(x->p->session, &m, h, want.attr, want.count, &derived);
        cw_p11_destroy(x->p, h);
        if (rv == CKR_OK)
                cw_p11_destroy(x->p, derived);
        return judge(rv, "a key derives others without CKA_DERIVE", f);
}

static cw_rc probe_modifiable(const struct cw_prober *x, struct cw_fault *f) {
        struct template t;
        CK_OBJECT_HANDLE h = 0;
        CK_ATTRIBUTE more = {CKA_ENCRYPT, &yes, sizeof(yes)};
        fill(&t, CKK_DES2, cw_probe_tdes_key);
        flags(&t, CW_USE_DECRYPT, false);
        put(&t, CKA_MODIFIABLE, &no, sizeof(no));
        cw_rc rc = create(x, &t, &h, f);
        if (rc != CW_OK)
                return unknown(rc, f);
        cw_p11_called(x->p);
        CK_RV rv = x->p->fn->C_SetAttributeValue(x->p->session, h, &more, 1);
        if (rv == CKR_OK && !attribute_is(x, h, CKA_ENCRYPT, true))
                rv = CKR_ATTRIBUTE_READ_ONLY;
        cw_p11_destroy(x->p, h);
        return judge(rv, "a key that cannot be modified is given another use", f);
}

/* A copy with one attribute more than its original. */
static CK_RV copy_with(const struct cw_prober *x, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type) {
        CK_ATTRIBUTE more = {type, &yes, sizeof(yes)};
        CK_OBJECT_HANDLE copy = 0;
        cw_p11_called(x->p);
        CK_RV rv = x->p->fn->C_CopyObject(x->p->session, h, &more, 1, &copy);
        if (rv != CKR_OK)
                return rv;
        rv = attribute_is(x, copy, type, true) ? CKR_OK : CKR_ATTRIBUTE_READ_ONLY;
        cw_p11_destroy(x->p, copy);
        return rv;
}

static cw_rc probe_copyable(const struct cw_prober *x, struct cw_fault *f) {
        struct template t;
        CK_OBJECT_HANDLE h = 0;
        fill(&t, CKK_DES2, cw_probe_tdes_key);
        flags(&t, CW_USE_DECRYPT, false);
        put(&t, CKA_COPYABLE, &no, sizeof(no));
        cw_rc rc = create(x, &t, &h, f);
        if (rc != CW_OK)
                return unknown(rc, f);
        CK_RV rv = copy_with(x, h, CKA_ENCRYPT);
        cw_p11_destroy(x->p, h);
        return judge(rv, "a key that cannot be copied has a copy with another use", f);
}

static cw_rc probe_copy_extractable(const struct cw_prober *x, struct cw_fault *f) {
        struct template t;
        CK_OBJECT_HANDLE h = 0;
        fill(&t, CKK_DES2, cw_probe_tdes_key);
        flags(&t, CW_USE_ENCRYPT, false);
        cw_rc rc = create(x, &t, &h, f);
        if (rc != CW_OK)
                return rc;
        CK_RV rv = copy_with(x, h, CKA_EXTRACTABLE);
        cw_p11_destroy(x->p, h);
        return judge(rv, "the copy of a key that cannot be extracted can be", f);
}

/* Wraps a key under an AES key by whatever way the token has. */
static CK_RV wrap_any(const struct cw_prober *x, CK_OBJECT_HANDLE h, struct cw_fault *f) {
        static const CK_MECHANISM_TYPE ways[] = {CKM_AES_KEY_WRAP, CKM_AES_ECB};
        struct template t;
        CK_OBJECT_HANDLE kek = 0;
        CK_RV rv = CKR_FUNCTION_FAILED;
        fill(&t, CKK_AES, cw_probe_aes_key);
        flags(&t, CW_USE_WRAP, false);
        if (create(x, &t, &kek, f) != CW_OK)
                return rv;
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && rv != CKR_OK; i++) {
                CK_MECHANISM m = {ways[i], NULL, 0};
                CK_BYTE out[128];
                CK_ULONG n = sizeof(out);
                cw_p11_called(x->p);
                rv = x->p->fn->C_WrapKey(x->p->session, &m, kek, h, out, &n);
        }
        cw_p11_destroy(x->p, kek);
        return rv;
}

/* An AES key with one attribute more: may the token wrap it? */
static cw_rc wrap_with(const struct cw_prober *x, bool extractable, CK_ATTRIBUTE_TYPE type, CK_RV *ret,
                       struct cw_fault *f) {
        struct template t;
        CK_OBJECT_HANDLE h = 0;
        fill(&t, CKK_AES, cw_probe_aes_plain);
        flags(&t, CW_USE_ENCRYPT, extractable);
        if (type != 0)
                put(&t, type, &yes, sizeof(yes));
        cw_rc rc = create(x, &t, &h, f);
        if (rc != CW_OK)
                return rc;
        *ret = wrap_any(x, h, f);
        cw_p11_destroy(x->p, h);
        return CW_OK;
}

/* Nothing was refused because of the attribute when the token does not do it at all. */
static cw_rc untested(const char *text, struct cw_fault *f) {
        (void)cw_fail(f, CW_OK, 0, "hsm.probe", "", "%s", text);
        return CW_OK;
}

static cw_rc judge_wrap(const struct cw_prober *x, CK_RV rv, const char *text, struct cw_fault *f) {
        CK_RV control = CKR_OK;
        if (rv == CKR_OK)
                return judge(rv, text, f);
        cw_rc rc = wrap_with(x, true, 0, &control, f);
        return rc == CW_OK && control != CKR_OK ? untested("the token wraps nothing", f) : rc;
}

static cw_rc probe_extractable(const struct cw_prober *x, struct cw_fault *f) {
        CK_RV rv = CKR_OK;
        cw_rc rc = wrap_with(x, false, 0, &rv, f);
        return rc != CW_OK ? rc : judge_wrap(x, rv, "a key that cannot be extracted is wrapped", f);
}

static cw_rc probe_wrap_with_trusted(const struct cw_prober *x, struct cw_fault *f) {
        CK_RV rv = CKR_OK;
        cw_rc rc = wrap_with(x, true, CKA_WRAP_WITH_TRUSTED, &rv, f);
        return rc != CW_OK
                   ? unknown(rc, f)
                   : judge_wrap(x, rv, "a key for trusted wrapping keys alone is wrapped by another", f);
}

static cw_rc probe_trusted(const struct cw_prober *x, struct cw_fault *f) {
        struct template t;
        CK_OBJECT_HANDLE h = 0;
        fill(&t, CKK_AES, cw_probe_aes_key);
        flags(&t, CW_USE_WRAP, false);
        put(&t, CKA_TRUSTED, &yes, sizeof(yes));
        if (create(x, &t, &h, NULL) != CW_OK)
                return CW_OK;
        bool trusted = attribute_is(x, h, CKA_TRUSTED, true);
        cw_p11_destroy(x->p, h);
        return judge(trusted ? CKR_OK : CKR_ATTRIBUTE_READ_ONLY, "a user makes a trusted key", f);
}

static cw_rc probe_mechanisms(const struct cw_prober *x, struct cw_fault *f) {
        struct template t;
        CK_OBJECT_HANDLE h = 0;
        CK_MECHANISM_TYPE allowed[1] = {CKM_DES3_CBC};
        CK_MECHANISM m = {CKM_DES3_ECB, NULL, 0};
        fill(&t, CKK_DES2, cw_probe_tdes_key);
        flags(&t, CW_USE_ENCRYPT, false);
        put(&t, CKA_ALLOWED_MECHANISMS, allowed, sizeof(allowed));
        cw_rc rc = create(x, &t, &h, f);
        if (rc != CW_OK)
                return unknown(rc, f);
        CK_RV rv = encrypt_once(x, h, &m);
        cw_p11_destroy(x->p, h);
        return judge(rv, "a key works with a mechanism that is not among its allowed ones", f);
}

/* Unwraps what may be extracted, under a key with or without a template that forbids it. */
static cw_rc unwrap_any(const struct cw_prober *x, bool with_template, CK_RV *ret_rv, bool *ret_extractable,
                        struct cw_fault *f) {
        static const CK_MECHANISM_TYPE ways[] = {CKM_AES_KEY_WRAP, CKM_AES_ECB};
        static const struct cw_p11_spec spec = {
            .alg = CW_ALG_AES128, .usage = CW_USE_ENCRYPT, .sensitive = true, .extractable = true};
        CK_ATTRIBUTE inner[1] = {{CKA_EXTRACTABLE, &no, sizeof(no)}};
        CK_BYTE in[24];
        struct template t;
        struct cw_p11_template want;
        CK_OBJECT_HANDLE kek = 0, h = 0;
        fill(&t, CKK_AES, cw_probe_kw_kek);
        flags(&t, CW_USE_UNWRAP, false);
        if (with_template)
                put(&t, CKA_UNWRAP_TEMPLATE, inner, sizeof(inner));
        cw_rc rc = create(x, &t, &kek, f);
        if (rc != CW_OK)
                return rc;
        memcpy(in, cw_probe_kw_wrapped, sizeof(in));
        cw_p11_template_fill(&want, &spec);
        *ret_rv = CKR_FUNCTION_FAILED;
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && *ret_rv != CKR_OK; i++) {
                CK_MECHANISM m = {ways[i], NULL, 0};
                cw_p11_called(x->p);
                *ret_rv = x->p->fn->C_UnwrapKey(x->p->session, &m, kek, in, ways[i] == CKM_AES_ECB ? 16 : 24,
                                                want.attr, want.count, &h);
        }
        *ret_extractable = *ret_rv == CKR_OK && !attribute_is(x, h, CKA_EXTRACTABLE, false);
        if (*ret_rv == CKR_OK)
                cw_p11_destroy(x->p, h);
        cw_p11_destroy(x->p, kek);
        return CW_OK;
}

static cw_rc probe_unwrap_template(const struct cw_prober *x, struct cw_fault *f) {
        CK_RV rv = CKR_OK, control = CKR_OK;
        bool extractable = false, control_extractable = false;
        cw_rc rc = unwrap_any(x, true, &rv, &extractable, f);
        if (rc != CW_OK)
                return unknown(rc, f);
        if (extractable)
                return judge(CKR_OK, "the template of an unwrapping key is not applied", f);
        rc = unwrap_any(x, false, &control, &control_extractable, f);
        return rc == CW_OK && control != CKR_OK ? untested("the token unwraps nothing", f) : rc;
}

static const struct cw_probe_row rows[] = {
    {"sensitive", "keys stay in the token", probe_sensitive},
    {"usage", "one purpose for each key", probe_usage},
    {"derive", "one purpose for each key", probe_derive},
    {"modifiable", "one purpose for each key", probe_modifiable},
    {"copyable", "one purpose for each key", probe_copyable},
    {"copy-extractable", "keys stay in the token", probe_copy_extractable},
    {"extractable", "keys stay in the token", probe_extractable},
    {"wrap-with-trusted", "PIN blocks leave under chosen keys alone", probe_wrap_with_trusted},
    {"trusted", "PIN blocks leave under chosen keys alone", probe_trusted},
    {"allowed-mechanisms", "one purpose for each key", probe_mechanisms},
    {"unwrap-template", "unwrapped keys are as protected as others", probe_unwrap_template},
};

cw_rc cw_probe_enforcement(const struct cw_prober *x, struct cw_probe_report *ret, struct cw_fault *f) {
        return cw_probe_rows(x, rows, sizeof(rows) / sizeof(rows[0]), ret, f);
}
