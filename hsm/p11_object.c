/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/p11_object.h"

#include <string.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static const struct {
        unsigned use;
        CK_ATTRIBUTE_TYPE type;
} usages[] = {
    {CW_USE_ENCRYPT, CKA_ENCRYPT}, {CW_USE_DECRYPT, CKA_DECRYPT}, {CW_USE_MAC, CKA_SIGN},
    {CW_USE_DERIVE, CKA_DERIVE},   {CW_USE_WRAP, CKA_WRAP},       {CW_USE_UNWRAP, CKA_UNWRAP},
};
#define USAGES (sizeof(usages) / sizeof(usages[0]))

CK_KEY_TYPE cw_p11_key_type(enum cw_hsm_alg alg) {
        switch (alg) {
        case CW_ALG_TDES2:
                return CKK_DES2;
        case CW_ALG_TDES3:
                return CKK_DES3;
        case CW_ALG_AES128:
        case CW_ALG_AES192:
        case CW_ALG_AES256:
                return CKK_AES;
        case CW_ALG_RSA:
                return CKK_RSA;
        case CW_ALG_P256:
                return CKK_EC;
        case CW_ALG_GENERIC:
                break;
        }
        return CKK_GENERIC_SECRET;
}

static void put(struct cw_p11_template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len) {
        t->attr[t->count++] = (CK_ATTRIBUTE){type, cw_p11_input(value), len};
}

static void put_bool(struct cw_p11_template *t, CK_ATTRIBUTE_TYPE type, bool value) {
        put(t, type, value ? &yes : &no, sizeof(CK_BBOOL));
}

/* CK_DATE is the day's digits without its dashes. */
bool cw_p11_date(const char *day, CK_DATE *ret) {
        if (day == NULL || strlen(day) != 10)
                return false;
        memcpy(ret->year, day, 4);
        memcpy(ret->month, day + 5, 2);
        memcpy(ret->day, day + 8, 2);
        return true;
}

static void put_day(struct cw_p11_template *t, CK_ATTRIBUTE_TYPE type, const char *day, CK_DATE *date) {
        if (cw_p11_date(day, date))
                put(t, type, date, sizeof(*date));
}

void cw_p11_template_fill(struct cw_p11_template *t, const struct cw_p11_spec *spec) {
        memset(t, 0, sizeof(*t));
        t->cls = CKO_SECRET_KEY;
        t->type = cw_p11_key_type(spec->alg);
        put(t, CKA_CLASS, &t->cls, sizeof(t->cls));
        put(t, CKA_KEY_TYPE, &t->type, sizeof(t->type));
        put_bool(t, CKA_TOKEN, spec->on_token);
        put_bool(t, CKA_PRIVATE, true);
        put_bool(t, CKA_SENSITIVE, spec->sensitive);
        put_bool(t, CKA_EXTRACTABLE, spec->extractable || !spec->sensitive);
        if (spec->value != NULL) /* SoftHSM fills a derived object after it has obeyed this */
                put_bool(t, CKA_MODIFIABLE, false);
        for (size_t i = 0; i < USAGES; i++)
                put_bool(t, usages[i].type, (spec->usage & usages[i].use) != 0);
        put_bool(t, CKA_VERIFY, false);
        if (spec->value != NULL) {
                put(t, CKA_VALUE, spec->value, spec->value_len);
        } else if (spec->value_len > 0 && (t->type == CKK_AES || t->type == CKK_GENERIC_SECRET)) {
                /* PKCS#11, 2.15: of what is enciphered for a key of 192 bits, the leading bytes are the key.
                 */
                t->value_len = spec->alg == CW_ALG_AES192 ? 24 : spec->value_len;
                put(t, CKA_VALUE_LEN, &t->value_len, sizeof(t->value_len));
        }
        if (spec->label != NULL)
                put(t, CKA_LABEL, spec->label, strlen(spec->label));
        if (spec->id_len > 0)
                put(t, CKA_ID, spec->id, spec->id_len);
        put_day(t, CKA_START_DATE, spec->start_day, &t->start);
        put_day(t, CKA_END_DATE, spec->end_day, &t->end);
        if (spec->mechanism_count > 0)
                put(t, CKA_ALLOWED_MECHANISMS, spec->mechanisms,
                    spec->mechanism_count * sizeof(CK_MECHANISM_TYPE));
}

/* One call for all: each is a round trip to a token behind a network. */
cw_rc cw_p11_read_attributes(struct cw_p11 *p, CK_OBJECT_HANDLE h, struct cw_p11_attributes *ret,
                             struct cw_fault *f) {
        CK_BBOOL value[3 + USAGES] = {0};
        CK_ATTRIBUTE a[3 + USAGES] = {
            {CKA_SENSITIVE, NULL, 0}, {CKA_EXTRACTABLE, NULL, 0}, {CKA_PRIVATE, NULL, 0}};
        for (size_t i = 0; i < USAGES; i++)
                a[3 + i].type = usages[i].type;
        for (size_t i = 0; i < 3 + USAGES; i++) {
                a[i].pValue = &value[i];
                a[i].ulValueLen = sizeof(value[i]);
        }
        cw_p11_called(p);
        CK_RV rv = p->fn->C_GetAttributeValue(p->session, h, a, 3 + USAGES);
        if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID)
                return cw_p11_fail(f, rv, "p11.read_attributes");
        bool set[3 + USAGES];
        for (size_t i = 0; i < 3 + USAGES; i++)
                set[i] = a[i].ulValueLen == sizeof(value[i]) && value[i] != CK_FALSE;
        *ret = (struct cw_p11_attributes){.sensitive = set[0], .extractable = set[1], .is_private = set[2]};
        for (size_t i = 0; i < USAGES; i++)
                ret->usage |= set[3 + i] ? usages[i].use : 0;
        return CW_OK;
}

cw_rc cw_p11_read_back(struct cw_p11 *p, CK_OBJECT_HANDLE h, unsigned usage, bool extractable,
                       struct cw_fault *f) {
        struct cw_p11_attributes a;
        cw_rc rc = cw_p11_read_attributes(p, h, &a, f);
        if (rc == CW_OK && (!a.sensitive || a.extractable != extractable || a.usage != usage))
                rc = cw_fail(f, CW_RC(CW_L_PKCS11, CW_C_REJECT, CW_E_MISMATCH), (int64_t)a.usage,
                             "p11.read_back", "HSM_TOKEN",
                             "the token did not keep the attributes that protect a key; the key was "
                             "destroyed, the token cannot be used for this");
        if (rc != CW_OK)
                (void)p->fn->C_DestroyObject(p->session, h);
        return rc;
}

cw_rc cw_p11_create(struct cw_p11 *p, const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret,
                    struct cw_fault *f) {
        struct cw_p11_template t;
        CK_OBJECT_HANDLE h = 0;
        cw_p11_template_fill(&t, spec);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_CreateObject(p->session, t.attr, t.count, &h);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.create");
        cw_rc rc = cw_p11_read_back(p, h, spec->usage, spec->extractable, f);
        if (rc == CW_OK)
                *ret = h;
        return rc;
}

cw_rc cw_p11_find(struct cw_p11 *p, const char *label, CK_KEY_TYPE type,
                  CK_OBJECT_HANDLE ret[CW_P11_FOUND_MAX], size_t *ret_count, struct cw_fault *f) {
        struct cw_p11_template t = {.cls = CKO_SECRET_KEY, .type = type};
        CK_ULONG count = 0;
        put(&t, CKA_CLASS, &t.cls, sizeof(t.cls));
        put(&t, CKA_KEY_TYPE, &t.type, sizeof(t.type));
        put(&t, CKA_LABEL, label, strlen(label));
        put_bool(&t, CKA_TOKEN, true);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_FindObjectsInit(p->session, t.attr, t.count);
        if (rv == CKR_OK) {
                rv = p->fn->C_FindObjects(p->session, ret, CW_P11_FOUND_MAX, &count);
                CK_RV final_rv = p->fn->C_FindObjectsFinal(p->session);
                rv = rv == CKR_OK ? final_rv : rv;
        }
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.find");
        *ret_count = count < CW_P11_FOUND_MAX ? count : CW_P11_FOUND_MAX; /* whatever a module says */
        return CW_OK;
}

size_t cw_p11_read_id(struct cw_p11 *p, CK_OBJECT_HANDLE h, uint8_t *ret, size_t cap) {
        CK_ATTRIBUTE a = {CKA_ID, ret, cap};
        cw_p11_called(p);
        if (p->fn->C_GetAttributeValue(p->session, h, &a, 1) != CKR_OK || a.ulValueLen > cap)
                return 0;
        return a.ulValueLen;
}

cw_rc cw_p11_copy_to_session(struct cw_p11 *p, CK_OBJECT_HANDLE h, CK_OBJECT_HANDLE *ret,
                             struct cw_fault *f) {
        CK_ATTRIBUTE t[1] = {{CKA_TOKEN, &no, sizeof(no)}};
        CK_OBJECT_HANDLE copy = 0;
        cw_p11_called(p);
        CK_RV rv = p->fn->C_CopyObject(p->session, h, t, 1, &copy);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.copy");
        *ret = copy;
        return CW_OK;
}
