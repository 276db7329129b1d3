/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/key_store.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/secret.h"
#include "hsm/kcv.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Attributes of the token object. *ret_fit is whether we may ask of it what its purpose needs; protection
 * that lacks makes the key unusable. */
static cw_rc check_attributes(struct loader *l, CK_OBJECT_HANDLE h, unsigned wanted, bool *ret_fit) {
        struct cw_p11_attributes a;
        *ret_fit = false;
        cw_rc rc = cw_p11_read_attributes(l->p, h, &a, l->f);
        if (rc != CW_OK)
                return note_fault(l, rc);
        if (!a.sensitive || (a.extractable && !l->k->cfg->exportable) || !a.is_private)
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

/* Length of an AES key is part of its algorithm and not of its key type. openCryptoki does not tell it of a
 * key that was created: then the check value tells alone, which a key of another length does not have. */
static bool length_fits(struct loader *l, CK_OBJECT_HANDLE h, enum cw_hsm_alg alg) {
        CK_ULONG len = 0;
        CK_ATTRIBUTE a = {CKA_VALUE_LEN, &len, sizeof(len)};
        if (!cw_hsm_alg_is_aes(alg))
                return true;
        cw_p11_called(l->p);
        CK_RV rv = l->p->fn->C_GetAttributeValue(l->p->session, h, &a, 1);
        if (rv == CKR_ATTRIBUTE_TYPE_INVALID)
                return true;
        return rv == CKR_OK && len == cw_hsm_alg_key_len(alg);
}

/* Makes the session copy that is worked with; *ret stays invalid when the object cannot be used. */
static cw_rc take_object(struct loader *l, CK_OBJECT_HANDLE object, enum cw_hsm_alg alg, unsigned usage,
                         struct cw_hsm_key *ret) {
        CK_OBJECT_HANDLE copy = 0;
        bool fit = false;
        unsigned wanted = cw_p11_usage(l->p, alg, usage);
        cw_rc rc = check_attributes(l, object, wanted, &fit);
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
                rc = check_attributes(l, copy, wanted, &fit);
                if (rc != CW_OK || !fit)
                        return rc;
        }
        *ret = (struct cw_hsm_key){
            .handle = copy, .alg = alg, .usage = usage, .valid = true, .permanent = copy == object};
        return CW_OK;
}

typedef cw_rc (*fits_fn)(struct loader *l, CK_OBJECT_HANDLE object, const struct cw_hsm_key *key,
                         bool *ret_fits);

/*
 * The object under this label whose key is the right one: a label proves nothing, and there may be several.
 * *ret stays invalid when there is none, and the key's text says why.
 */
static cw_rc pick(struct loader *l, const char *label, enum cw_hsm_alg alg, unsigned usage, fits_fn fits,
                  CK_OBJECT_HANDLE *ret_object, struct cw_hsm_key *ret) {
        CK_OBJECT_HANDLE found[CW_P11_FOUND_MAX] = {0};
        size_t count = 0;
        cw_rc rc = cw_p11_find(l->p, label, cw_p11_key_type(alg), found, &count, l->f);
        if (rc != CW_OK)
                return note_fault(l, rc);
        if (count == 0)
                (void)snprintf(l->k->text, sizeof(l->k->text),
                               "no key of type %s has the label %s; load it into the token",
                               l->k->cfg->algorithm, label);
        if (count > 1 && alg == CW_ALG_GENERIC) /* no check value tells which one */
                return note(l->k, "several keys have its label; leave one of them on the token");
        for (size_t i = 0; i < count; i++) {
                struct cw_hsm_key key = {0};
                bool right = false;
                rc = take_object(l, found[i], alg, usage, &key);
                if (rc == CW_OK && key.valid)
                        rc = fits(l, found[i], &key, &right);
                if (rc == CW_OK && right) {
                        if (count > 1)
                                (void)note(l->k, "usable, but other keys on the token have its label too");
                        *ret_object = found[i];
                        *ret = key;
                        return CW_OK;
                }
                cw_hsm_key_destroy(l->c, &key);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

/* The companion's CKA_ID ties it to its key: check value of the companion, check value of the key. */
static cw_rc companion_fits(struct loader *l, CK_OBJECT_HANDLE object, const struct cw_hsm_key *key,
                            bool *ret_fits) {
        uint8_t id[6], want[6];
        cw_rc rc = cw_kcv(l->c, key, CW_KCV_LEGACY, want, 3, l->f);
        if (rc == CW_OK)
                rc = cw_kcv(l->c, &l->k->key, CW_KCV_LEGACY, want + 3, 3, l->f);
        if (rc != CW_OK)
                return note_fault(l, rc);
        *ret_fits =
            cw_p11_read_id(l->p, object, id, sizeof(id)) == sizeof(id) && cw_equal_ct(id, want, sizeof(id));
        return *ret_fits ? CW_OK
                         : note(l->k, "a key beside it (.left, .variant, .kbek, .kbak) belongs to another "
                                      "key; provision both anew");
}

static cw_rc load_companions(struct loader *l, enum cw_hsm_alg alg, unsigned usage) {
        struct cw_stored_key *k = l->k;
        struct cw_hsm_key *const places[CW_KEY_COMPANIONS_MAX] = {&k->companion, &k->companion2};
        struct cw_key_part parts[CW_KEY_COMPANIONS_MAX] = {{CW_COMPANION_NONE, "", 0}};
        size_t count = cw_key_parts(k->purpose, alg, usage, parts);
        for (size_t i = 0; i < count && i < CW_KEY_COMPANIONS_MAX && k->ok; i++) {
                char label[CW_KEY_OBJECT_LABEL_MAX];
                CK_OBJECT_HANDLE object = 0;
                cw_key_object_label(k->cfg->label, k->version.version, parts[i].suffix, label);
                cw_rc rc = pick(l, label, alg, parts[i].usage, companion_fits, &object, places[i]);
                k->ok = rc == CW_OK && places[i]->valid;
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

/* A key is proven by its check value; one that has none by being the only one. */
static cw_rc key_fits(struct loader *l, CK_OBJECT_HANDLE object, const struct cw_hsm_key *key,
                      bool *ret_fits) {
        struct cw_stored_key *k = l->k;
        const char *want = k->version.kcv;
        uint8_t value[5];
        size_t len = strlen(want) == 10 ? 5 : 3;
        (void)object;
        if (key->alg == CW_ALG_GENERIC) {
                *ret_fits = want[0] == '\0';
                return *ret_fits ? CW_OK : note(k, "a generic key has no check value; leave kcv empty");
        }
        if (want[0] == '\0')
                return note(k, "no check value is configured; a key is not used unseen");
        cw_rc rc = cw_kcv(l->c, key, len == 5 ? CW_KCV_CMAC : CW_KCV_LEGACY, value, len, l->f);
        if (rc == CW_OK)
                (void)cw_hex_encode(value, len, k->kcv, sizeof(k->kcv));
        if (rc == CW_OK)
                rc = cw_kcv_check(l->c, key, want, l->f);
        *ret_fits = rc == CW_OK;
        return rc == CW_OK ? CW_OK : note_fault(l, rc);
}

static void check_validity(struct cw_stored_key *k) {
        char today[11];
        cw_key_today(cw_wall_ms(cw_clock_real()), today);
        if (k->version.valid_from[0] != '\0' && strcmp(today, k->version.valid_from) < 0) {
                (void)snprintf(k->text, sizeof(k->text), "this version is not valid before %s",
                               k->version.valid_from);
                k->ok = false;
        } else if (k->version.valid_to[0] != '\0' && strcmp(today, k->version.valid_to) > 0) {
                (void)snprintf(k->text, sizeof(k->text),
                               "its validity ended on %s: %s; load the next version and rotate to it",
                               k->version.valid_to,
                               cw_key_purpose_is_of_cards(k->purpose->name)
                                   ? "no card is made with it, those made before are good"
                                   : "it is not used any more");
                k->ok = false;
                k->expired = true;
        }
}

/* A key that moves PINs as objects is better than one that brings them into host memory. */
static cw_rc pick_best(struct loader *l, const char *label, enum cw_hsm_alg alg, unsigned usage) {
        struct cw_stored_key *k = l->k;
        unsigned in_token = cw_key_purpose_inside(k->purpose, l->p, true)
                                ? cw_key_purpose_usage_in_token(k->purpose, alg, k->version.kcv)
                                : 0;
        if (in_token != 0) {
                cw_rc rc = pick(l, label, alg, in_token, key_fits, &k->object, &k->key);
                if (rc != CW_OK || k->key.valid)
                        return rc;
                k->text[0] = '\0';
        }
        return pick(l, label, alg, usage, key_fits, &k->object, &k->key);
}

static cw_rc load_key(struct loader *l) {
        struct cw_stored_key *k = l->k;
        enum cw_hsm_alg alg;
        char label[CW_KEY_OBJECT_LABEL_MAX];
        k->purpose = cw_key_purpose_find(k->cfg->purpose);
        if (k->purpose == NULL || !cw_hsm_alg_from_name(k->cfg->algorithm, &alg))
                return note(k, "purpose or algorithm of the key is not known");
        unsigned usage = cw_key_purpose_usage(k->purpose, alg, k->version.kcv);
        if (usage == 0)
                return note(k, "this purpose is not for keys of this algorithm");
        cw_key_object_label(k->cfg->label, k->version.version, "", label);
        cw_rc rc = alg == CW_ALG_RSA    ? cw_key_store_load_rsa(l->p, l->c, label, k, l->f)
                   : alg == CW_ALG_P256 ? cw_key_store_load_p256(l->p, label, k, l->f)
                                        : pick_best(l, label, alg, usage);
        if (rc != CW_OK || !k->key.valid)
                return rc;
        k->ok = true;
        rc = load_companions(l, alg, k->key.usage);
        if (rc == CW_OK && k->ok)
                check_validity(k);
        return rc;
}

cw_rc cw_stored_key_load(struct cw_p11 *p, const struct cw_hsm_crypto *c, const struct cw_config_key *cfg,
                         const struct cw_key_version *version, struct cw_stored_key *ret,
                         struct cw_fault *f) {
        struct cw_fault local = {0};
        struct loader l = {p, c, ret, &local};
        *ret = (struct cw_stored_key){.cfg = cfg, .version = *version};
        cw_rc rc = load_key(&l);
        if (rc != CW_OK && f != NULL)
                *f = local;
        return rc;
}

void cw_stored_key_done(const struct cw_hsm_crypto *c, struct cw_stored_key *k) {
        cw_hsm_key_destroy(c, &k->key);
        cw_hsm_key_destroy(c, &k->companion);
        cw_hsm_key_destroy(c, &k->companion2);
        k->ok = k->expired = false;
}

struct cw_key_version cw_key_version_configured(const struct cw_config_key *cfg) {
        struct cw_key_version v = {.version = 1};
        (void)snprintf(v.kcv, sizeof(v.kcv), "%s", cfg->kcv);
        (void)snprintf(v.origin, sizeof(v.origin), "configuration");
        return v;
}

static bool kcv_known(const struct cw_key_entry *e, const char *kcv) {
        for (size_t i = 0; i < e->count; i++) {
                if (strcmp(e->versions[i].kcv, kcv) == 0)
                        return true;
        }
        return false;
}

/* The version in use. The configuration must name one that this key has or had: it is the bank's word. */
static cw_rc load_in_use(struct cw_p11 *p, const struct cw_hsm_crypto *c, struct cw_key_register *r,
                         const struct cw_config_key *cfg, struct cw_stored_key *ret, struct cw_fault *f) {
        struct cw_key_version v = cw_key_version_configured(cfg);
        struct cw_key_entry *e = cw_key_register_find(r, cfg->label);
        *ret = (struct cw_stored_key){.cfg = cfg, .version = v};
        if (e != NULL && e->active == 0)
                return note(ret, "no version of it is in use; load one and rotate to it");
        if (e != NULL && !kcv_known(e, cfg->kcv))
                return note(ret, "no version of it has the check value that the configuration gives; find "
                                 "out which one is right");
        if (e != NULL)
                v = *cw_key_entry_version(e, e->active);
        return cw_stored_key_load(p, c, cfg, &v, ret, f);
}

cw_rc cw_stored_key_in_use(struct cw_p11 *p, const struct cw_hsm_crypto *c, const char *state_dir,
                           const struct cw_config_key *cfg, struct cw_stored_key *ret, struct cw_fault *f) {
        CW_AUTO_MEM struct cw_key_register *r = calloc(1, sizeof(*r));
        if (r == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.keys", "",
                               "out of memory");
        *ret = (struct cw_stored_key){.cfg = cfg};
        cw_rc rc = state_dir ? cw_key_register_load(state_dir, r, f) : CW_OK;
        if (rc == CW_OK)
                rc = load_in_use(p, c, r, cfg, ret, f);
        if (rc == CW_OK && !ret->ok)
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "hsm.keys", "HSM_KEY",
                             "key %s: %s", cfg->label, ret->text);
        return rc;
}

cw_rc cw_key_store_load(struct cw_key_store *ks, const struct cw_config_hsm *cfg, const char *state_dir,
                        struct cw_p11 *p, const struct cw_hsm_crypto *c, struct cw_fault *f) {
        CW_AUTO_MEM struct cw_key_register *r = calloc(1, sizeof(*r));
        for (size_t i = 0; i < ks->count; i++)
                cw_stored_key_done(c, &ks->keys[i]);
        memset(ks, 0, sizeof(*ks));
        if (r == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.keys", "",
                               "out of memory");
        cw_rc rc = state_dir ? cw_key_register_load(state_dir, r, f) : CW_OK;
        for (size_t i = 0; i < cfg->key_count && rc == CW_OK; i++) {
                rc = load_in_use(p, c, r, &cfg->keys[i], &ks->keys[i], f);
                ks->count = i + 1;
        }
        return rc;
}

cw_rc cw_kept_keys_load(struct cw_p11 *p, const struct cw_hsm_crypto *c, const char *state_dir,
                        const struct cw_stored_key *in_use, struct cw_kept_keys *ret, struct cw_fault *f) {
        CW_AUTO_MEM struct cw_key_register *r = calloc(1, sizeof(*r));
        ret->count = 0;
        if (r == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.keys", "",
                               "out of memory");
        cw_rc rc = cw_key_register_load(state_dir, r, f);
        const struct cw_key_entry *e = rc == CW_OK ? cw_key_register_find(r, in_use->cfg->label) : NULL;
        for (size_t i = e ? e->count : 0; i > 0 && rc == CW_OK; i--) {
                const struct cw_key_version *v = &e->versions[i - 1];
                struct cw_stored_key *k = &ret->keys[ret->count];
                if (v->destroyed || v->version == in_use->version.version)
                        continue;
                rc = cw_stored_key_load(p, c, in_use->cfg, v, k, f);
                if (rc == CW_OK && (k->ok || k->expired))
                        ret->count++;
                else
                        cw_stored_key_done(c, k);
        }
        return rc;
}

void cw_kept_keys_done(const struct cw_hsm_crypto *c, struct cw_kept_keys *k) {
        for (size_t i = 0; i < k->count; i++)
                cw_stored_key_done(c, &k->keys[i]);
        k->count = 0;
}

static cw_rc get(const struct cw_key_store *ks, const char *label, const char *purpose, bool made,
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
                if (!k->ok && !(made && k->expired))
                        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISMATCH), 0, "hsm.key",
                                       "HSM_KEY", "key %s cannot be used: %s", label, k->text);
                *ret = k;
                return CW_OK;
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "hsm.key", "HSM_KEY",
                       "no key for %s is configured under the label \"%s\"", purpose, label);
}

cw_rc cw_key_store_get(const struct cw_key_store *ks, const char *label, const char *purpose,
                       const struct cw_stored_key **ret, struct cw_fault *f) {
        return get(ks, label, purpose, false, ret, f);
}

cw_rc cw_key_store_get_made(const struct cw_key_store *ks, const char *label, const char *purpose,
                            const struct cw_stored_key **ret, struct cw_fault *f) {
        return get(ks, label, purpose, true, ret, f);
}
