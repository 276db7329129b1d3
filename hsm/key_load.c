/* SPDX-License-Identifier: Apache-2.0 */
/* New keys and new versions of keys: key blocks and components. */
#include "base/clock.h"
#include "hsm/key_admin_internal.h"
#include "hsm/key_policy.h"
#include "hsm/key_write.h"
#include "hsm/keyblock.h"

#include <string.h>

#define BLOCK_FILE_MAX (CW_KEYBLOCK_MAX + 16u) /* with line ends */

static cw_rc refused(struct cw_fault *f, unsigned code, const char *text) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, code), 0, "hsm.key_load", "HSM_KEY", "%s", text);
}

/* ---- the version that is to be ---- */

static bool hex_kcv(const char *kcv) {
        size_t len = strlen(kcv);
        return (len == 6 || len == 10) && strspn(kcv, "0123456789ABCDEF") == len;
}

cw_rc cw_key_expected_kcv(const struct cw_config_key *cfg, const struct cw_key_entry *e, const char *given,
                          char ret[11], struct cw_fault *f) {
        bool first = e->count == 0;
        const char *kcv = given[0] != '\0' || !first ? given : cfg->kcv;
        if (strcmp(cfg->algorithm, "generic") == 0) {
                ret[0] = '\0';
                return given[0] == '\0' ? CW_OK : refused(f, CW_E_SYNTAX, "a generic key has no check value");
        }
        if (!hex_kcv(kcv))
                return refused(
                    f, CW_E_SYNTAX,
                    "give the check value of the new key with --kcv: 6 or 10 upper-case hex digits, "
                    "as the form of its ceremony says");
        if (strlen(kcv) != strlen(cfg->kcv))
                return refused(
                    f, CW_E_SYNTAX,
                    "the check value must be of the kind that the configuration gives for the key");
        if (first && strcmp(kcv, cfg->kcv) != 0)
                return refused(f, CW_E_MISMATCH,
                               "the configuration gives another check value for this key; find out which one "
                               "is right");
        for (size_t i = 0; i < e->count; i++) {
                if (!e->versions[i].destroyed && strcmp(e->versions[i].kcv, kcv) == 0)
                        return refused(f, CW_E_STATE, "a version with this check value is there already");
        }
        memcpy(ret, kcv, strlen(kcv) + 1);
        return CW_OK;
}

cw_rc cw_key_call_validity(const struct cw_key_call *k, const struct cw_config_key *cfg, char from[11],
                           char to[11], struct cw_fault *f) {
        char today[11];
        const char *a = cw_msg_str(k->request, "valid_from", ""), *b = cw_msg_str(k->request, "valid_to", "");
        if (!cw_key_day_ok(a) || !cw_key_day_ok(b) || (a[0] != '\0' && b[0] != '\0' && strcmp(a, b) > 0))
                return refused(f, CW_E_SYNTAX,
                               "a validity is two days YYYY-MM-DD, the first before the last");
        cw_key_today(cw_wall_ms(cw_clock_real()), today);
        if (b[0] != '\0' && strcmp(b, today) < 0 && !cw_key_purpose_is_of_cards(cfg->purpose))
                return refused(f, CW_E_RANGE,
                               "its validity would be over already, so it could never be used; give a later "
                               "day as its last one");
        memcpy(from, a, strlen(a) + 1);
        memcpy(to, b, strlen(b) + 1);
        return CW_OK;
}

cw_rc cw_key_version_begin(struct cw_key_admin *a, const struct cw_config_key *cfg,
                           const struct cw_key_version *as, struct cw_key_entry **ret_entry,
                           struct cw_key_version **ret, struct cw_fault *f) {
        struct cw_key_entry *e = NULL;
        cw_rc rc = cw_key_admin_entry(a, cfg, &e, f);
        if (rc != CW_OK)
                return rc;
        struct cw_key_version *v = cw_key_entry_add(e);
        if (v == NULL)
                return refused(f, CW_E_TOO_BIG, "the key has too many versions; destroy old ones first");
        unsigned number = v->version;
        *v = *as;
        v->version = number;
        v->loaded_ms = cw_wall_ms(cw_clock_real());
        v->destroyed = true; /* until it is there */
        rc = cw_key_admin_save(a, f);
        if (rc != CW_OK)
                return rc;
        *ret_entry = e;
        *ret = v;
        return CW_OK;
}

cw_rc cw_key_version_finish(struct cw_key_admin *a, const struct cw_config_key *cfg, struct cw_key_entry *e,
                            struct cw_key_version *v, struct cw_fault *f) {
        struct cw_stored_key loaded;
        v->destroyed = false;
        e->active = e->count == 1 ? v->version : e->active;
        cw_rc rc = cw_key_admin_load(a, cfg, v->version, &loaded, f);
        cw_stored_key_done(a->env.c, &loaded);
        if (rc == CW_OK || loaded.object != 0) /* it is there, though not valid today */
                rc = cw_key_admin_save(a, f);
        return rc;
}

/*
 * Writes the key as the next version. The register is written before the token, so that a version number is
 * never used twice, and after it. A first key is in use at once; a later one waits for the rotation.
 */
static cw_rc add_version(struct cw_key_admin *a, const struct cw_config_key *cfg,
                         const struct cw_key_version *as, const uint8_t *value, size_t len,
                         struct cw_key_version *ret, struct cw_fault *f) {
        struct cw_key_entry *e = NULL;
        struct cw_key_version *v = NULL;
        enum cw_hsm_alg alg = CW_ALG_GENERIC;
        (void)cw_hsm_alg_from_name(cfg->algorithm, &alg);
        size_t want = cw_hsm_alg_key_len(alg);
        if (want != 0 && len != want)
                return refused(f, CW_E_RANGE, "the key has another length than its algorithm");
        cw_rc rc = cw_key_value_check(a->env.c, alg, value, as->kcv, f);
        if (rc == CW_OK)
                rc = cw_key_version_begin(a, cfg, as, &e, &v, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_key_write w = {
            .cfg = cfg, .version = v, .value = value, .len = len, .in_token = !a->env.cfg->allow_host_memory};
        rc = cw_key_write(a->env.p, a->env.c, &w, NULL, f);
        if (rc == CW_OK)
                rc = cw_key_version_finish(a, cfg, e, v, f);
        if (rc == CW_OK)
                *ret = *v;
        return rc;
}

static bool valid_today(const struct cw_key_version *v) {
        char today[11];
        cw_key_today(cw_wall_ms(cw_clock_real()), today);
        return (v->valid_from[0] == '\0' || strcmp(v->valid_from, today) <= 0) &&
               (v->valid_to[0] == '\0' || strcmp(v->valid_to, today) >= 0);
}

cw_rc cw_key_call_tell_version(struct cw_key_call *k, struct cw_key_admin *a, const struct cw_config_key *cfg,
                               const struct cw_key_version *v, struct cw_fault *f) {
        const struct cw_key_entry *e = cw_key_register_find(&a->reg, cfg->label);
        bool in_use = e != NULL && e->active == v->version;
        cw_rc rc = cw_key_call_tell(k, "label", json_string(cfg->label), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "version", json_integer(v->version), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "key_kcv", json_string(v->kcv), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "origin", json_string(v->origin), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "valid", json_boolean(valid_today(v)), f);
        return rc != CW_OK ? rc : cw_key_call_tell(k, "in_use", json_boolean(in_use), f);
}

/* ---- key blocks ---- */

static struct cw_kbpk kbpk_of(const struct cw_stored_key *k) {
        return (struct cw_kbpk){.key = k->key, .enc = k->companion, .mac = k->companion2};
}

/* att0 without the line ends of its file. */
static cw_rc block_text(const struct cw_key_call *k, char ret[CW_KEYBLOCK_MAX + 1], struct cw_fault *f) {
        const struct cw_secret *att = k->request->att_count > 0 ? k->request->att[0] : NULL;
        size_t len = att != NULL && att->len <= BLOCK_FILE_MAX ? att->len : 0;
        while (len > 0 && strchr("\r\n ", att->ptr[len - 1]) != NULL && att->ptr[len - 1] != '\0')
                len--;
        if (len == 0 || len > CW_KEYBLOCK_MAX || memchr(att->ptr, '\0', len) != NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.key_load", "KEY_BLOCK",
                               "the file is not one key block");
        memcpy(ret, att->ptr, len);
        ret[len] = '\0';
        return CW_OK;
}

/* Header and policy come first: a block that may not become this key is not even opened. */
static cw_rc open_block(struct cw_key_admin *a, const struct cw_key_call *k, const struct cw_config_key *cfg,
                        const char *block, struct cw_keyblock_header *ret_header, struct cw_keyblock_key *ret,
                        struct cw_fault *f) {
        struct cw_stored_key stored = {0};
        size_t header_len = 0;
        enum cw_hsm_alg alg = CW_ALG_GENERIC;
        cw_rc rc = cw_keyblock_header_parse(block, strlen(block), ret_header, &header_len, f);
        if (rc == CW_OK)
                rc = cw_key_policy_check(a->env.cfg, cfg, ret_header, f);
        if (rc == CW_OK)
                rc = cw_key_admin_kbpk(a, cw_msg_str(k->request, "kbpk", ""), &stored, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_kbpk kbpk = kbpk_of(&stored);
        (void)cw_hsm_alg_from_name(cfg->algorithm, &alg);
        rc = cw_key_policy_strength(stored.key.alg, alg == CW_ALG_GENERIC ? stored.key.alg : alg, f);
        if (rc == CW_OK)
                rc = cw_keyblock_unwrap(a->env.c, &kbpk, block, NULL, ret_header, ret, f);
        cw_stored_key_done(a->env.c, &stored);
        return rc;
}

cw_rc cw_key_call_import(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        const struct cw_config_key *cfg = NULL;
        struct cw_key_entry *e = NULL;
        struct cw_key_version v = {.origin = "key block"};
        struct cw_keyblock_header h;
        char block[CW_KEYBLOCK_MAX + 1];
        CW_WIPED(struct cw_keyblock_key, key, 1);
        cw_rc rc = cw_key_loading_allowed(a, f);
        if (rc == CW_OK)
                rc = cw_key_call_key(a, k, "label", &cfg, f);
        if (rc == CW_OK)
                rc = cw_key_admin_entry(a, cfg, &e, f);
        if (rc == CW_OK)
                rc = cw_key_expected_kcv(cfg, e, cw_msg_str(k->request, "kcv", ""), v.kcv, f);
        if (rc == CW_OK)
                rc = cw_key_call_validity(k, cfg, v.valid_from, v.valid_to, f);
        if (rc == CW_OK)
                rc = block_text(k, block, f);
        if (rc == CW_OK)
                rc = open_block(a, k, cfg, block, &h, key, f);
        if (rc == CW_OK)
                memcpy(v.usage, h.usage, sizeof(v.usage));
        if (rc == CW_OK)
                rc = add_version(a, cfg, &v, key->value, key->len, &v, f);
        return rc != CW_OK ? rc : cw_key_call_tell_version(k, a, cfg, &v, f);
}

/* ---- components ---- */

cw_rc cw_key_call_component_start(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        const struct cw_config_key *cfg = NULL;
        struct cw_key_entry *e = NULL;
        struct cw_ceremony_plan plan = {.alg = CW_ALG_GENERIC,
                                        .components = (unsigned)cw_msg_int(k->request, "components", 0)};
        cw_rc rc = cw_key_loading_allowed(a, f);
        if (rc == CW_OK && a->ceremony != NULL)
                rc = refused(f, CW_E_STATE, "a component entry is under way; finish or cancel it first");
        if (rc == CW_OK)
                rc = cw_key_call_key(a, k, "label", &cfg, f);
        if (rc == CW_OK)
                rc = cw_key_admin_entry(a, cfg, &e, f);
        if (rc == CW_OK)
                rc = cw_key_expected_kcv(cfg, e, cw_msg_str(k->request, "kcv", ""), plan.kcv, f);
        if (rc == CW_OK)
                rc = cw_key_call_validity(k, cfg, plan.valid_from, plan.valid_to, f);
        if (rc != CW_OK)
                return rc;
        (void)cw_hsm_alg_from_name(cfg->algorithm, &plan.alg);
        (void)snprintf(plan.label, sizeof(plan.label), "%s", cfg->label);
        rc = cw_ceremony_start(&plan, cw_key_admin_deadline_ns(a), &a->ceremony, f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "label", json_string(plan.label), f);
        return rc != CW_OK ? rc : cw_key_call_tell(k, "components", json_integer(plan.components), f);
}

static cw_rc need_ceremony(const struct cw_key_admin *a, struct cw_fault *f) {
        return a->ceremony != NULL
                   ? CW_OK
                   : refused(f, CW_E_STATE,
                             "no component entry is under way, or its time was over; begin with "
                             "\"hsm component start\"");
}

static cw_rc write_ceremony(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        const struct cw_ceremony_plan *plan = cw_ceremony_plan_of(a->ceremony);
        const struct cw_secret *key = cw_ceremony_key(a->ceremony);
        const struct cw_config_key *cfg = NULL;
        struct cw_key_version v = {.origin = "components"};
        memcpy(v.kcv, plan->kcv, sizeof(v.kcv));
        memcpy(v.valid_from, plan->valid_from, sizeof(v.valid_from));
        memcpy(v.valid_to, plan->valid_to, sizeof(v.valid_to));
        for (size_t i = 0; i < a->env.cfg->key_count; i++) {
                if (strcmp(a->env.cfg->keys[i].label, plan->label) == 0)
                        cfg = &a->env.cfg->keys[i];
        }
        if (cfg == NULL || key == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_FATAL, CW_E_STATE), 0, "hsm.key_load", "",
                               "a finished component entry without its key");
        cw_rc rc = add_version(a, cfg, &v, key->ptr, key->len, &v, f);
        return rc != CW_OK ? rc : cw_key_call_tell_version(k, a, cfg, &v, f);
}

static cw_rc tell_step(struct cw_key_call *k, const struct cw_ceremony_step *step, struct cw_fault *f) {
        cw_rc rc = cw_key_call_tell(k, "component", json_integer(step->component), f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "component_kcv", json_string(step->kcv), f);
        return rc != CW_OK ? rc : cw_key_call_tell(k, "complete", json_boolean(step->complete), f);
}

cw_rc cw_key_call_component_enter(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        struct cw_ceremony_step step;
        bool over = false;
        const struct cw_secret *att = k->request->att_count > 0 ? k->request->att[0] : NULL;
        cw_rc rc = need_ceremony(a, f);
        if (rc == CW_OK && att == NULL)
                rc = refused(f, CW_E_MISSING, "the component is missing");
        if (rc != CW_OK)
                return rc;
        rc = cw_ceremony_enter(a->ceremony, a->env.c, &k->who, (const char *)att->ptr, att->len,
                               cw_msg_str(k->request, "kcv", ""), &step, &over, f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "label", json_string(cw_ceremony_plan_of(a->ceremony)->label), f);
        if (rc == CW_OK)
                rc = tell_step(k, &step, f);
        if (rc == CW_OK && step.complete) {
                over = true;
                rc = write_ceremony(a, k, f);
        }
        if (over)
                cw_ceremony_free(CW_STEAL(a->ceremony));
        return rc;
}

cw_rc cw_key_call_component_status(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        int64_t left_ns =
            a->ceremony ? cw_ceremony_deadline_ns(a->ceremony) - cw_mono_ns(cw_clock_real()) : 0;
        CW_AUTO_JSON json_t *entry = a->ceremony ? cw_ceremony_json(a->ceremony) : json_null();
        if (json_object_set(k->reply->json, "entry", entry) != 0 ||
            json_object_set_new(k->reply->json, "seconds_left", json_integer(left_ns / 1000000000)) != 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.key_load", "",
                               "out of memory");
        return CW_OK;
}

cw_rc cw_key_call_component_cancel(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        cw_rc rc = need_ceremony(a, f);
        if (rc == CW_OK)
                rc = cw_key_call_tell(k, "label", json_string(cw_ceremony_plan_of(a->ceremony)->label), f);
        cw_ceremony_free(CW_STEAL(a->ceremony));
        return rc;
}
