/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/key_store.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/kcv.h"

#include <stdio.h>
#include <string.h>

struct loader {
        struct cw_p11 *p;
        const struct cw_hsm_crypto *c;
        struct cw_stored_key *k;
        struct cw_fault *f;
};

/* A problem of this one key: noted, and the load goes on. */
static cw_rc note(struct cw_stored_key *k, const char *text) {
        (void)snprintf(k->text, sizeof(k->text), "%s", text);
        return CW_OK;
}

/* A failed call: the token's failure ends the load, a refusal is this key's problem. */
static cw_rc note_fault(struct loader *l, cw_rc rc) {
        enum cw_class cls = cw_rc_class(rc);
        if (cls != CW_C_REJECT && cls != CW_C_OPERATOR)
                return rc;
        return note(l->k, l->f->text);
}

static cw_rc find_one(struct loader *l, const char *label, enum cw_hsm_alg alg, CK_OBJECT_HANDLE *ret,
                      bool *ret_found) {
        size_t count = 0;
        cw_rc rc = cw_p11_find(l->p, label, cw_p11_key_type(alg), ret, &count, l->f);
        *ret_found = rc == CW_OK && count == 1;
        if (rc != CW_OK)
                return note_fault(l, rc);
        if (count == 0)
                (void)snprintf(l->k->text, sizeof(l->k->text),
                               "no key of type %s has the label %s; load it into the token",
                               l->k->cfg->algorithm, label);
        if (count > 1)
                (void)snprintf(l->k->text, sizeof(l->k->text),
                               "several keys have the label %s; leave one of them on the token", label);
        return CW_OK;
}

/* Attributes of the token object. *ret_usage is what we may ask of it; protection that lacks makes the key
 * unusable. */
static cw_rc check_attributes(struct loader *l, CK_OBJECT_HANDLE h, unsigned wanted, bool *ret_fit) {
        struct cw_p11_attributes a;
        *ret_fit = false;
        cw_rc rc = cw_p11_read_attributes(l->p, h, &a, l->f);
        if (rc != CW_OK)
                return note_fault(l, rc);
        if (!a.sensitive || a.extractable || !a.is_private)
                return note(l->k,
                            "the key is not protected (sensitive, not extractable, private); load it anew");
        if ((a.usage & wanted) != wanted)
                return note(l->k,
                            "the key lacks attributes that its purpose or the form of its check value needs");
        if (a.usage != wanted)
                (void)note(l->k, "usable, but the token lets the key do more than its purpose");
        *ret_fit = true;
        return CW_OK;
}

/* Length of an AES key is part of its algorithm and not of its key type. */
static bool length_fits(struct loader *l, CK_OBJECT_HANDLE h, enum cw_hsm_alg alg) {
        CK_ULONG len = 0;
        CK_ATTRIBUTE a = {CKA_VALUE_LEN, &len, sizeof(len)};
        if (!cw_hsm_alg_is_aes(alg))
                return true;
        cw_p11_called(l->p);
        CK_RV rv = l->p->fn->C_GetAttributeValue(l->p->session, h, &a, 1);
        return rv == CKR_OK && len == cw_hsm_alg_key_len(alg);
}

/* Finds one object and makes the session copy that is worked with; *ret stays invalid when it cannot be used.
 */
static cw_rc load_object(struct loader *l, const char *label, enum cw_hsm_alg alg, unsigned usage,
                         CK_OBJECT_HANDLE *ret_object, struct cw_hsm_key *ret) {
        CK_OBJECT_HANDLE object = 0, copy = 0;
        bool fit = false;
        cw_rc rc = find_one(l, label, alg, &object, &fit);
        if (rc != CW_OK || !fit)
                return rc;
        rc = check_attributes(l, object, usage, &fit);
        if (rc != CW_OK || !fit)
                return rc;
        if (!length_fits(l, object, alg))
                return note(l->k, "the key on the token has another length than configured");
        rc = cw_p11_copy_to_session(l->p, object, &copy, l->f);
        if (cw_rc_class(rc) == CW_C_REJECT) {
                copy = object; /* a token may forbid copies: then the object itself is used */
        } else if (rc != CW_OK) {
                return note_fault(l, rc);
        } else {
                rc = check_attributes(l, copy, usage, &fit);
                if (rc != CW_OK || !fit)
                        return rc;
        }
        *ret_object = object;
        *ret = (struct cw_hsm_key){
            .handle = copy, .alg = alg, .usage = usage, .valid = true, .permanent = copy == object};
        return CW_OK;
}

/* The companion's CKA_ID ties it to its key: check value of the companion, check value of the key. */
static cw_rc load_companion(struct loader *l, enum cw_hsm_alg alg, unsigned usage) {
        char label[160];
        uint8_t id[6], want[6];
        CK_OBJECT_HANDLE object = 0;
        struct cw_stored_key *k = l->k;
        (void)snprintf(label, sizeof(label), "%s%s", k->cfg->label,
                       cw_key_companion_suffix(k->purpose->companion));
        cw_rc rc = load_object(l, label, alg, usage, &object, &k->companion);
        if (rc != CW_OK || !k->companion.valid)
                return rc;
        rc = cw_kcv(l->c, &k->companion, CW_KCV_LEGACY, want, 3, l->f);
        if (rc == CW_OK)
                rc = cw_kcv(l->c, &k->key, CW_KCV_LEGACY, want + 3, 3, l->f);
        if (rc != CW_OK)
                return note_fault(l, rc);
        if (cw_p11_read_id(l->p, object, id, sizeof(id)) != sizeof(id) ||
            !cw_equal_ct(id, want, sizeof(id))) {
                cw_hsm_key_destroy(l->c, &k->companion);
                (void)snprintf(k->text, sizeof(k->text),
                               "%s does not belong to this key; provision both anew", label);
        }
        return CW_OK;
}

static cw_rc load_kcv(struct loader *l) {
        struct cw_stored_key *k = l->k;
        uint8_t value[5];
        bool cmac = strlen(k->cfg->kcv) == 10;
        if (k->cfg->kcv[0] == '\0') {
                k->ok = k->key.alg == CW_ALG_GENERIC;
                return k->ok ? CW_OK : note(k, "no check value is configured; a key is not used unseen");
        }
        if (k->key.alg == CW_ALG_GENERIC)
                return note(k, "a generic key has no check value; leave kcv empty");
        cw_rc rc = cw_kcv(l->c, &k->key, cmac ? CW_KCV_CMAC : CW_KCV_LEGACY, value, cmac ? 5 : 3, l->f);
        if (rc == CW_OK)
                (void)cw_hex_encode(value, cmac ? 5 : 3, k->kcv, sizeof(k->kcv));
        if (rc == CW_OK)
                rc = cw_kcv_check(l->c, &k->key, k->cfg->kcv, l->f);
        k->ok = rc == CW_OK;
        return rc == CW_OK ? CW_OK : note_fault(l, rc);
}

static cw_rc load_key(struct loader *l) {
        struct cw_stored_key *k = l->k;
        enum cw_hsm_alg alg;
        CK_OBJECT_HANDLE object = 0;
        k->purpose = cw_key_purpose_find(k->cfg->purpose);
        if (k->purpose == NULL || !cw_hsm_alg_from_name(k->cfg->algorithm, &alg))
                return note(k, "purpose or algorithm of the key is not known");
        unsigned usage = cw_key_purpose_usage(k->purpose, alg, k->cfg->kcv);
        if (usage == 0)
                return note(k, "this purpose is not for keys of this algorithm");
        cw_rc rc = load_object(l, k->cfg->label, alg, usage, &object, &k->key);
        if (rc != CW_OK || !k->key.valid)
                return rc;
        rc = load_kcv(l);
        if (rc != CW_OK || !k->ok || k->purpose->companion == CW_COMPANION_NONE)
                return rc;
        rc = load_companion(l, alg, usage);
        k->ok = k->companion.valid;
        return rc;
}

static void forget(struct cw_key_store *ks, const struct cw_hsm_crypto *c) {
        for (size_t i = 0; i < ks->count; i++) {
                cw_hsm_key_destroy(c, &ks->keys[i].key);
                cw_hsm_key_destroy(c, &ks->keys[i].companion);
        }
        memset(ks, 0, sizeof(*ks));
}

cw_rc cw_key_store_load(struct cw_key_store *ks, const struct cw_config_hsm *cfg, struct cw_p11 *p,
                        const struct cw_hsm_crypto *c, struct cw_fault *f) {
        struct cw_fault local = {0};
        forget(ks, c);
        for (size_t i = 0; i < cfg->key_count; i++) {
                struct loader l = {p, c, &ks->keys[i], &local};
                ks->keys[i].cfg = &cfg->keys[i];
                ks->count = i + 1;
                cw_rc rc = load_key(&l);
                if (rc != CW_OK) {
                        if (f != NULL)
                                *f = local;
                        return rc;
                }
        }
        return CW_OK;
}

cw_rc cw_key_store_get(const struct cw_key_store *ks, const char *label, const char *purpose,
                       const struct cw_stored_key **ret, struct cw_fault *f) {
        for (size_t i = 0; i < ks->count; i++) {
                const struct cw_stored_key *k = &ks->keys[i];
                if (strcmp(k->cfg->label, label) != 0)
                        continue;
                if (strcmp(k->cfg->purpose, purpose) != 0)
                        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_DENIED), 0, "hsm.key",
                                       "HSM_KEY",
                                       "key %s is for %s and is wanted for %s; correct the configuration",
                                       label, k->cfg->purpose, purpose);
                if (!k->ok)
                        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISMATCH), 0, "hsm.key",
                                       "HSM_KEY", "key %s cannot be used: %s", label, k->text);
                *ret = k;
                return CW_OK;
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "hsm.key", "HSM_KEY",
                       "no key for %s is configured under the label \"%s\"", purpose, label);
}
