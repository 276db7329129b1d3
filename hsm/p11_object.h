/* SPDX-License-Identifier: Apache-2.0 */
/* Secret key objects on a token: attributes set explicitly, read back, compared. */
#pragma once

#include "hsm/crypto.h"
#include "hsm/p11_token.h"

#define CW_P11_MECHANISMS_MAX 8u
#define CW_P11_FOUND_MAX 8u

struct cw_p11_attributes {
        bool sensitive, extractable, is_private;
        unsigned usage;
};

/* Attributes a key with this usage has on this token: see cw_p11.host_derive and cipher_cmac. */
static inline unsigned cw_p11_usage(const struct cw_p11 *p, enum cw_hsm_alg alg, unsigned usage) {
        if (p->cipher_cmac && alg != CW_ALG_GENERIC && !cw_hsm_alg_is_pair(alg) && (usage & CW_USE_MAC) != 0)
                usage |= CW_USE_ENCRYPT;
        return p->host_derive && (usage & CW_USE_DERIVE) != 0 ? (usage & ~CW_USE_DERIVE) | CW_USE_ENCRYPT
                                                              : usage;
}

CK_KEY_TYPE cw_p11_key_type(enum cw_hsm_alg alg);

/* A new object: value NULL for derive templates. label and id only for token objects. */
struct cw_p11_spec {
        enum cw_hsm_alg alg;
        unsigned usage;
        bool on_token, sensitive;
        bool extractable; /* may be wrapped; what is not sensitive always is */
        const void *value;
        size_t value_len; /* 0 in a template for unwrapping: the length comes with the blob */
        const char *label;
        const void *id;
        size_t id_len;
        CK_MECHANISM_TYPE mechanisms[CW_P11_MECHANISMS_MAX];
        size_t mechanism_count; /* 0: no CKA_ALLOWED_MECHANISMS */
        const char *start_day,
            *end_day; /* YYYY-MM-DD for CKA_START_DATE and CKA_END_DATE; NULL or "": none */
};
struct cw_p11_template {
        CK_ATTRIBUTE attr[26];
        CK_ULONG count;
        CK_OBJECT_CLASS cls;
        CK_KEY_TYPE type;
        CK_ULONG value_len;
        CK_DATE start, end;
};
/* CK_DATE of a day YYYY-MM-DD; false for NULL and "". */
bool cw_p11_date(const char *day, CK_DATE *ret);
/* Fills t from spec; t points into spec and itself. */
void cw_p11_template_fill(struct cw_p11_template *t, const struct cw_p11_spec *spec);

/* Reads the protective attributes and the usage of an object. An attribute the token does not know counts as
 * unset. */
CW_WARN_UNUSED cw_rc cw_p11_read_attributes(struct cw_p11 *p, CK_OBJECT_HANDLE h,
                                            struct cw_p11_attributes *ret, struct cw_fault *f);
/*
 * Compares with what was asked for: sensitive, extractable only if so wanted, exactly this usage. On a
 * difference the object is destroyed and REJECT/CW_E_MISMATCH tells that the token does not keep attributes.
 */
CW_WARN_UNUSED cw_rc cw_p11_read_back(struct cw_p11 *p, CK_OBJECT_HANDLE h, unsigned usage, bool extractable,
                                      struct cw_fault *f);
/* C_CreateObject and cw_p11_read_back. */
CW_WARN_UNUSED cw_rc cw_p11_create(struct cw_p11 *p, const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret,
                                   struct cw_fault *f);
/* Secret key objects of the token with this label and type; *ret_count of them, at most CW_P11_FOUND_MAX. */
CW_WARN_UNUSED cw_rc cw_p11_find(struct cw_p11 *p, const char *label, CK_KEY_TYPE type,
                                 CK_OBJECT_HANDLE ret[CW_P11_FOUND_MAX], size_t *ret_count,
                                 struct cw_fault *f);
/* CKA_ID, at most cap bytes; 0 when there is none. */
size_t cw_p11_read_id(struct cw_p11 *p, CK_OBJECT_HANDLE h, uint8_t *ret, size_t cap);
/* Session copy; REJECT when token or object does not allow copies. */
CW_WARN_UNUSED cw_rc cw_p11_copy_to_session(struct cw_p11 *p, CK_OBJECT_HANDLE h, CK_OBJECT_HANDLE *ret,
                                            struct cw_fault *f);
