/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are there: rotation to another version, export, destruction, the two last by two persons. */
#include "hsm/emv_issuer_file.h"
#include "hsm/key_admin_internal.h"
#include "hsm/key_policy.h"
#include "hsm/key_read.h"
#include "hsm/key_write.h"
#include "hsm/keyblock.h"

#include <string.h>

static cw_rc refused(struct cw_fault *f, unsigned code, const char *text) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, code), 0, "hsm.key_life", "HSM_KEY", "%s", text);
}

static unsigned number_of(const struct cw_key_call *k, const char *member) {
        int64_t n = cw_msg_int(k->request, member, 0);
        return n > 0 && n < 10000 ? (unsigned)n : 0;
}

/* ---- rotation ---- */

/* The newest version that waits, when none was named. */
static unsigned newest(const struct cw_key_entry *e) {
        unsigned found = 0;
        for (size_t i = 0; i < e->count; i++) {
                if (!e->versions[i].destroyed && e->versions[i].version > e->active)
                        found = e->versions[i].version;
        }
        return found;
}

/* An issuer key whose certificates are not there yet would end the making of cards with it. */
static cw_rc certified(const struct cw_key_admin *a, const struct cw_stored_key *stored, struct cw_fault *f) {
        struct cw_rsa_public pub;
        const struct cw_config *cfg = a->env.whole;
        cw_rc rc = stored->key.alg == CW_ALG_RSA ? cw_rsa_public_of(a->env.c, &stored->key, &pub, f) : CW_OK;
        for (size_t i = 0; rc == CW_OK && stored->key.alg == CW_ALG_RSA && i < cfg->product_count; i++) {
                const struct cw_config_product *p = &cfg->products[i];
                struct cw_emv_issuer issuer;
                struct cw_fault why = {0};
                if (strcmp(p->issuer_key, stored->cfg->label) != 0)
                        continue;
                if (cw_emv_issuer_file(cfg, p, a->env.c, &pub, &issuer, &why) != CW_OK)
                        rc =
                            cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.key_life",
                                    "HSM_ISSUER_CERT",
                                    "%s of plastic %s has no certificate for this version; add it beside the "
                                    "one in use, in a list, then rotate: %.120s",
                                    p->issuer_certificate, p->plastic_code, why.text);
        }
        return rc;
}

/* The other version must be on the token, be right by its check value, and valid today. */
cw_rc cw_key_call_rotate(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        const struct cw_config_key *cfg = NULL;
        struct cw_key_entry *e = NULL;
        struct cw_stored_key stored = {0};
        cw_rc rc = cw_key_call_key(a, k, "label", &cfg, f);
        if (rc == CW_OK)
                rc = cw_key_admin_entry(a, cfg, &e, f);
        if (rc != CW_OK)
                return rc;
        unsigned from = e->active, to = number_of(k, "version");
        to = to != 0 ? to : newest(e);
        if (to == 0)
                return refused(f, CW_E_NOT_FOUND, "no newer version of this key is there; load one first");
        if (to == from)
                return refused(f, CW_E_STATE, "this version is in use already");
        rc = cw_key_admin_load(a, cfg, to, &stored, f);
        if (rc == CW_OK)
                rc = certified(a, &stored, f);
        cw_stored_key_done(a->env.c, &stored);
        if (rc != CW_OK)
                return rc;
        e->active = to;
        rc = cw_key_admin_save(a, f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "label", json_string(cfg->label), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "from", json_integer(from), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "version", json_integer(to), f);
        return rc != CW_OK ? rc : cw_key_call_tell(k, "key_kcv", json_string(stored.kcv), f);
}

/* ---- two persons ---- */

static cw_rc ask(struct cw_key_admin *a, struct cw_key_call *k, struct cw_two_person_request *r,
                 const struct cw_config_key *cfg, struct cw_fault *f) {
        int64_t id = 0;
        r->uid = k->who.uid;
        r->deadline_ns = cw_key_admin_deadline_ns(a);
        (void)snprintf(r->label, sizeof(r->label), "%s", cfg->label);
        (void)snprintf(r->user, sizeof(r->user), "%s", k->who.user);
        cw_rc rc = cw_two_person_ask(&a->waiting, r, &id, f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "request", json_integer(id), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "label", json_string(r->label), f);
        return rc != CW_OK ? rc : cw_key_call_tell(k, "version", json_integer(r->version), f);
}

cw_rc cw_key_call_destroy(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        const struct cw_config_key *cfg = NULL;
        struct cw_key_entry *e = NULL;
        struct cw_two_person_request r = {.kind = CW_TWO_PERSON_DESTROY,
                                          .version = number_of(k, "version"),
                                          .in_use = cw_msg_bool(k->request, "in_use", false)};
        size_t left = 0;
        cw_rc rc = cw_key_call_key(a, k, "label", &cfg, f);
        if (rc == CW_OK)
                rc = cw_key_admin_entry(a, cfg, &e, f);
        if (rc == CW_OK)
                rc = cw_key_count(a->env.p, cfg, r.version, &left, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_key_version *v = cw_key_entry_version(e, r.version);
        /* A destruction that failed half way is asked for again. */
        if (v == NULL || (v->destroyed && left == 0))
                return refused(f, CW_E_NOT_FOUND, "this key has no such version; \"hsm keys\" shows them");
        if (e->active == r.version && !r.in_use)
                return refused(
                    f, CW_E_STATE,
                    "this version is in use: rotate to another one first, or say --in-use when the "
                    "key is given up for good");
        return ask(a, k, &r, cfg, f);
}

cw_rc cw_key_call_export(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        const struct cw_config_key *cfg = NULL;
        struct cw_keyblock_header h;
        const char *block = cw_msg_str(k->request, "block", "D"), *kbpk = cw_msg_str(k->request, "kbpk", "");
        struct cw_key_entry *e = NULL;
        cw_rc rc = cw_key_loading_allowed(a, f);
        if (rc == CW_OK)
                rc = cw_key_call_key(a, k, "label", &cfg, f);
        if (rc == CW_OK)
                rc = cw_key_admin_entry(a, cfg, &e, f);
        if (rc != CW_OK)
                return rc;
        struct cw_two_person_request r = {
            .kind = CW_TWO_PERSON_EXPORT, .version = number_of(k, "version"), .block = block[0]};
        r.version = r.version != 0 ? r.version : e->active;
        const struct cw_key_version *of = cw_key_entry_version(e, r.version);
        rc = of == NULL ? refused(f, CW_E_NOT_FOUND, "this key has no such version; \"hsm keys\" shows them")
                        : cw_key_policy_header(a->env.cfg, cfg, r.block, of, &h, f);
        if (rc == CW_OK && strlen(kbpk) >= sizeof(r.kbpk))
                rc = refused(f, CW_E_TOO_BIG, "no key has such a label");
        if (rc != CW_OK)
                return rc;
        memcpy(r.kbpk, kbpk, strlen(kbpk) + 1);
        struct cw_stored_key protection = {0};
        rc = cw_key_admin_kbpk(a, kbpk, &protection, f);
        cw_stored_key_done(a->env.c, &protection);
        return rc != CW_OK ? rc : ask(a, k, &r, cfg, f);
}

cw_rc cw_key_call_requests(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        if (json_object_set_new(k->reply->json, "requests", cw_two_person_json(&a->waiting)) != 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.key_life", "",
                               "out of memory");
        return CW_OK;
}

static const struct cw_config_key *configured(const struct cw_key_admin *a, const char *label) {
        for (size_t i = 0; i < a->env.cfg->key_count; i++) {
                if (strcmp(a->env.cfg->keys[i].label, label) == 0)
                        return &a->env.cfg->keys[i];
        }
        return NULL;
}

/* ---- carried out ---- */

static cw_rc erase(struct cw_key_admin *a, const struct cw_config_key *cfg, unsigned version,
                   size_t *ret_count, struct cw_fault *f) {
        struct cw_fault why = {0};
        cw_rc rc = cw_key_erase(a->env.p, cfg, version, ret_count, &why);
        if (rc == CW_OK)
                return rc;
        return cw_fail(f, rc, why.native, why.op, why.code,
                       "this version is used no more, but its key may still be on the token; ask for its "
                       "destruction again: %.200s",
                       why.text);
}

static cw_rc destroy_now(struct cw_key_admin *a, struct cw_key_call *k, const struct cw_config_key *cfg,
                         const struct cw_two_person_request *r, struct cw_fault *f) {
        struct cw_key_entry *e = NULL;
        size_t count = 0;
        cw_rc rc = cw_key_admin_entry(a, cfg, &e, f);
        if (rc != CW_OK)
                return rc;
        struct cw_key_version *v = cw_key_entry_version(e, r->version);
        if (v == NULL || (e->active == r->version && !r->in_use))
                return refused(f, CW_E_STATE, "this version is in use by now; it is not destroyed");
        if (e->active == r->version)
                e->active = 0;
        v->destroyed = true; /* a version that is only half there must not be found good after a crash */
        rc = cw_key_admin_save(a, f);
        if (rc == CW_OK)
                rc = erase(a, cfg, r->version, &count, f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "destroyed", json_integer((json_int_t)count), f);
        return rc != CW_OK ? rc : cw_key_call_tell(k, "key_kcv", json_string(v->kcv), f);
}

static cw_rc wrap(struct cw_key_admin *a, const struct cw_config_key *cfg,
                  const struct cw_two_person_request *r, const struct cw_stored_key *stored,
                  const struct cw_stored_key *protection, char ret[CW_KEYBLOCK_MAX + 1], struct cw_fault *f) {
        struct cw_keyblock_header h;
        CW_AUTO(cw_secret_free) struct cw_secret *value = NULL;
        CW_WIPED(struct cw_keyblock_key, key, 1);
        const struct cw_kbpk kbpk = {
            .key = protection->key, .enc = protection->companion, .mac = protection->companion2};
        cw_rc rc = cw_key_policy_header(a->env.cfg, cfg, r->block, &stored->version, &h, f);
        if (rc == CW_OK && stored->key.alg != CW_ALG_GENERIC)
                rc = cw_key_policy_strength(protection->key.alg, stored->key.alg, f);
        if (rc == CW_OK)
                rc = cw_key_read(a->env.p, stored->object, stored->key.alg, &value, f);
        if (rc != CW_OK)
                return rc;
        memcpy(key->value, value->ptr, value->len);
        key->len = value->len;
        return cw_keyblock_wrap(a->env.c, &kbpk, &h, NULL, key, ret, f);
}

static cw_rc export_now(struct cw_key_admin *a, struct cw_key_call *k, const struct cw_config_key *cfg,
                        const struct cw_two_person_request *r, struct cw_fault *f) {
        struct cw_stored_key stored = {0}, protection = {0};
        char block[CW_KEYBLOCK_MAX + 1] = "";
        cw_rc rc = cw_key_admin_load(a, cfg, r->version, &stored, f);
        if (rc == CW_OK)
                rc = cw_key_admin_kbpk(a, r->kbpk, &protection, f);
        if (rc == CW_OK)
                rc = wrap(a, cfg, r, &stored, &protection, block, f);
        cw_stored_key_done(a->env.c, &stored);
        cw_stored_key_done(a->env.c, &protection);
        if (rc == CW_OK)
                rc = cw_msg_attach_copy(k->reply, block, strlen(block));
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "kbpk", json_string(r->kbpk), f);
        return rc != CW_OK ? rc : cw_key_call_tell(k, "key_kcv", json_string(stored.kcv), f);
}

static cw_rc tell_request(struct cw_key_call *k, const struct cw_two_person_request *r, struct cw_fault *f) {
        cw_rc rc = cw_key_call_tell(k, "what", json_string(cw_two_person_name(r->kind)), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "label", json_string(r->label), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "version", json_integer(r->version), f);
        return rc != CW_OK ? rc : cw_key_call_tell(k, "asked_by", json_string(r->user), f);
}

cw_rc cw_key_call_confirm(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        struct cw_two_person_request r;
        /* Sessions that were opened before the last rotation still work with the version of before. */
        if (cw_msg_int(k->request, "old_sessions", 0) > 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_BUSY), 0, "hsm.key_life", "HSM_BUSY",
                               "jobs that began before the rotation are not finished; confirm when they are");
        cw_rc rc =
            cw_two_person_confirm(&a->waiting, cw_msg_int(k->request, "request", 0), k->who.uid, &r, f);
        const struct cw_config_key *cfg = rc == CW_OK ? configured(a, r.label) : NULL;
        if (rc == CW_OK)
                rc = tell_request(k, &r, f);
        if (rc != CW_OK)
                return rc;
        if (cfg == NULL)
                return refused(f, CW_E_NOT_FOUND, "the key is not configured any more");
        return r.kind == CW_TWO_PERSON_DESTROY ? destroy_now(a, k, cfg, &r, f) : export_now(a, k, cfg, &r, f);
}

cw_rc cw_key_call_drop(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        struct cw_two_person_request r;
        cw_rc rc = cw_two_person_drop(&a->waiting, cw_msg_int(k->request, "request", 0), &r, f);
        return rc != CW_OK ? rc : tell_request(k, &r, f);
}
