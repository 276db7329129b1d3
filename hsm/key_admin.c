/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "hsm/key_admin_internal.h"
#include "hsm/p11_rsa.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

cw_rc cw_key_admin_new(const struct cw_key_admin_env *env, struct cw_key_admin **ret, struct cw_fault *f) {
        struct cw_key_admin *a = calloc(1, sizeof(*a));
        if (a == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.key_admin", "",
                               "out of memory");
        a->env = *env;
        /* A number that was given by an earlier worker must not mean another request now. */
        a->waiting.next = cw_wall_ms(cw_clock_real()) / 1000 % 1000000 * 10;
        *ret = a;
        return CW_OK;
}

void cw_key_admin_free(struct cw_key_admin *a) {
        if (a == NULL)
                return;
        cw_ceremony_free(a->ceremony);
        free(a);
}

int64_t cw_key_admin_deadline_ns(const struct cw_key_admin *a) {
        return cw_mono_ns(cw_clock_real()) + a->env.cfg->ceremony_timeout_s * NS_PER_S;
}

int cw_key_admin_tick(struct cw_key_admin *a) {
        int64_t now = cw_mono_ns(cw_clock_real());
        if (a->ceremony != NULL && cw_ceremony_deadline_ns(a->ceremony) <= now)
                cw_ceremony_free(CW_STEAL(a->ceremony));
        int64_t nearest = cw_two_person_expire(&a->waiting, now);
        if (a->ceremony != NULL && cw_ceremony_deadline_ns(a->ceremony) < nearest)
                nearest = cw_ceremony_deadline_ns(a->ceremony);
        if (nearest == INT64_MAX)
                return -1;
        int64_t ms = (nearest - now) / NS_PER_MS + 1;
        return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* ---- what calls have in common ---- */

cw_rc cw_key_call_key(const struct cw_key_admin *a, const struct cw_key_call *k, const char *member,
                      const struct cw_config_key **ret, struct cw_fault *f) {
        const char *label = cw_msg_str(k->request, member, "");
        for (size_t i = 0; i < a->env.cfg->key_count; i++) {
                if (strcmp(a->env.cfg->keys[i].label, label) == 0) {
                        *ret = &a->env.cfg->keys[i];
                        return CW_OK;
                }
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_NOT_FOUND), 0, "hsm.key_admin", "HSM_KEY",
                       "no key with the label \"%.64s\" is configured; add it to hsm.keys first", label);
}

cw_rc cw_key_call_tell(struct cw_key_call *k, const char *key, json_t *value, struct cw_fault *f) {
        int bad = json_object_set(k->reply->json, key, value);
        bad |= json_object_set(k->audit, key, value);
        json_decref(value);
        return bad == 0 ? CW_OK
                        : cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.key_admin", "",
                                  "out of memory");
}

cw_rc cw_key_loading_allowed(const struct cw_key_admin *a, struct cw_fault *f) {
        if (a->env.cfg->allow_key_loading)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.key_admin", "HSM_HOST_MEMORY",
                       "a generic token cannot check a key block or add components inside: the clear key "
                       "would pass through host memory, which hsm.allow_key_loading does not allow");
}

cw_rc cw_key_admin_save(struct cw_key_admin *a, struct cw_fault *f) {
        return cw_key_register_save(a->env.state_dir, &a->reg, f);
}

cw_rc cw_key_admin_entry(struct cw_key_admin *a, const struct cw_config_key *cfg, struct cw_key_entry **ret,
                         struct cw_fault *f) {
        CK_OBJECT_HANDLE found[CW_P11_FOUND_MAX];
        size_t count = 0;
        enum cw_hsm_alg alg;
        *ret = cw_key_register_find(&a->reg, cfg->label);
        if (*ret != NULL)
                return CW_OK;
        if (!cw_hsm_alg_from_name(cfg->algorithm, &alg))
                return CW_RC(CW_L_HSM, CW_C_FATAL, CW_E_STATE); /* the configuration's words are checked */
        cw_rc rc = cw_hsm_alg_is_pair(alg)
                       ? cw_p11_pair_find_all(a->env.p, cw_p11_key_type(alg), cfg->label, found, &count, f)
                       : cw_p11_find(a->env.p, cfg->label, cw_p11_key_type(alg), found, &count, f);
        return rc != CW_OK ? rc : cw_key_register_entry(&a->reg, cfg, count > 0, ret, f);
}

cw_rc cw_key_admin_load(struct cw_key_admin *a, const struct cw_config_key *cfg, unsigned version,
                        struct cw_stored_key *ret, struct cw_fault *f) {
        struct cw_key_version v = cw_key_version_configured(cfg);
        struct cw_key_entry *e = cw_key_register_find(&a->reg, cfg->label);
        const struct cw_key_version *known = e ? cw_key_entry_version(e, version) : NULL;
        *ret = (struct cw_stored_key){.cfg = cfg};
        if (e != NULL && (known == NULL || known->destroyed))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_NOT_FOUND), 0, "hsm.key_admin", "HSM_KEY",
                               "key %s has no version %u; \"hsm keys\" shows which ones there are",
                               cfg->label, version);
        if (known != NULL)
                v = *known;
        cw_rc rc = cw_stored_key_load(a->env.p, a->env.c, cfg, &v, ret, f);
        if (rc == CW_OK && !ret->ok)
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.key_admin", "HSM_KEY",
                             "key %s version %u cannot be used: %.140s", cfg->label, v.version, ret->text);
        if (rc != CW_OK)
                cw_stored_key_done(a->env.c, ret);
        return rc;
}

cw_rc cw_key_admin_kbpk(struct cw_key_admin *a, const char *label, struct cw_stored_key *ret,
                        struct cw_fault *f) {
        for (size_t i = 0; i < a->env.cfg->key_count; i++) {
                const struct cw_config_key *cfg = &a->env.cfg->keys[i];
                const struct cw_key_entry *e = cw_key_register_find(&a->reg, label);
                if (strcmp(cfg->label, label) == 0 && strcmp(cfg->purpose, "kbpk") == 0)
                        return cw_key_admin_load(a, cfg, e ? e->active : 1, ret, f);
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_NOT_FOUND), 0, "hsm.key_admin", "HSM_KEY",
                       "no key for kbpk is configured under the label \"%.64s\"", label);
}

/* ---- calls ---- */

static const struct {
        const char *call;
        cw_rc (*fn)(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
} calls[] = {
    {"key.import", cw_key_call_import},
    {"key.generate", cw_key_call_generate},
    {"key.adopt", cw_key_call_adopt},
    {"key.rotate", cw_key_call_rotate},
    {"key.destroy", cw_key_call_destroy},
    {"key.export", cw_key_call_export},
    {"key.requests", cw_key_call_requests},
    {"key.confirm", cw_key_call_confirm},
    {"key.drop", cw_key_call_drop},
    {"component.start", cw_key_call_component_start},
    {"component.enter", cw_key_call_component_enter},
    {"component.status", cw_key_call_component_status},
    {"component.cancel", cw_key_call_component_cancel},
};

static cw_rc dispatch(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f) {
        const char *name = cw_msg_str(k->request, "call", "");
        cw_rc rc = cw_key_register_load(a->env.state_dir, &a->reg, f);
        if (rc != CW_OK)
                return rc;
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
                if (strcmp(calls[i].call, name) == 0)
                        return calls[i].fn(a, k, f);
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.key_admin", "",
                       "no such call");
}

static void who_asks(const struct cw_msg *request, struct cw_custodian *ret) {
        *ret = (struct cw_custodian){.uid = (uid_t)cw_msg_int(request, "uid", -1),
                                     .component = (unsigned)cw_msg_int(request, "component", 0)};
        (void)snprintf(ret->user, sizeof(ret->user), "%s", cw_msg_str(request, "actor", ""));
}

bool cw_key_admin_call(struct cw_key_admin *a, struct cw_msg *request, struct cw_msg **ret_reply) {
        struct cw_fault f = {0};
        cw_rc rc = CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        CW_AUTO_JSON json_t *audit = json_object();
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        (void)cw_key_admin_tick(a);
        if (reply != NULL && audit != NULL) {
                struct cw_key_call k = {.request = request, .reply = reply, .audit = audit};
                who_asks(request, &k.who);
                rc = dispatch(a, &k, &f);
        }
        bool keep = cw_key_admin_tick(a) >= 0;
        if (rc == CW_OK && (json_object_set(reply->json, "audit", audit) != 0 ||
                            json_object_set_new(reply->json, "keep", json_boolean(keep)) != 0))
                return false;
        *ret_reply = rc == CW_OK ? CW_STEAL(reply) : cw_msg_error(request, &f);
        return *ret_reply != NULL && cw_rc_class(rc) != CW_C_RECONNECT;
}
