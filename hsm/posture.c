/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/posture.h"

#include "hsm/ksn_registry.h"

#include <stdio.h>
#include <string.h>

/*
 * An expired key is refused where a card is to be made with it: cards of other products, and those made
 * before, do not wait for the next version. D1 is asked for tokens only, and d1.assertion says itself what
 * its key lacks.
 */
static bool holds_up(const struct cw_stored_key *k) {
        return !k->ok && !k->expired && strcmp(k->cfg->purpose, "d1-sign") != 0;
}

bool cw_posture_ready(const struct cw_posture *p) {
        for (size_t i = 0; i < p->keys->count; i++) {
                if (holds_up(&p->keys->keys[i]))
                        return false;
        }
        return cw_probe_all_ok(&p->capabilities->required);
}

static bool all_keys_ok(const struct cw_key_store *ks) {
        for (size_t i = 0; i < ks->count; i++) {
                if (!ks->keys[i].ok)
                        return false;
        }
        return true;
}

const char *cw_posture_pin_path(const struct cw_config_hsm *cfg) {
        return cfg->allow_host_memory ? "host-memory" : "refused";
}

static json_t *key_json(const struct cw_stored_key *k) {
        char text[121]; /* with 64 keys the reply must still fit one message */
        (void)snprintf(text, sizeof(text), "%.120s", k->text);
        return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "label", k->cfg->label, "purpose", k->cfg->purpose,
                         "algorithm", k->cfg->algorithm, "kcv", k->kcv, "ok", k->ok, "text", text);
}

static json_t *keys_json(const struct cw_key_store *ks) {
        json_t *list = json_array();
        for (size_t i = 0; list != NULL && i < ks->count; i++) {
                if (json_array_append_new(list, key_json(&ks->keys[i])) != 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

/* Only what the token cannot do: a list of everything it can says nothing. */
static json_t *missing_json(const struct cw_probe_report *r) {
        json_t *list = json_array();
        for (size_t i = 0; list != NULL && i < r->count; i++) {
                const struct cw_probe *p = &r->probes[i];
                if (p->ok)
                        continue;
                if (json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "probe", p->name, "needed_for",
                                                          p->needed_for, "text", p->text)) != 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

/* Which BDKs take any PIN pad at first sight, and how many pads the others list. */
static json_t *pads_json(const struct cw_config_hsm *cfg) {
        json_t *any = json_array();
        size_t listed = 0;
        for (size_t i = 0; any != NULL && i < cfg->key_count; i++) {
                const struct cw_config_key *k = &cfg->keys[i];
                size_t pads = cw_ksn_listed(k->iksns);
                listed += pads;
                if (pads > 0 || strcmp(k->purpose, "bdk") != 0)
                        continue;
                if (json_array_append_new(any, json_string(k->label)) != 0) {
                        json_decref(any);
                        return NULL;
                }
        }
        return json_pack("{s:I, s:o}", "listed", (json_int_t)listed, "first_sight", any);
}

/* The first key that holds up everything, or else the first that cannot be used; NULL when all can. */
static const struct cw_stored_key *worst(const struct cw_key_store *ks) {
        const struct cw_stored_key *bad = NULL;
        for (size_t i = 0; i < ks->count; i++) {
                const struct cw_stored_key *k = &ks->keys[i];
                if (holds_up(k))
                        return k;
                if (!k->ok && bad == NULL)
                        bad = k;
        }
        return bad;
}

static const char *of_key(const struct cw_stored_key *k, char *buf, size_t cap) {
        (void)snprintf(buf, cap, "key %s: %s", k->cfg->label, k->text);
        return buf;
}

static const char *summary(const struct cw_posture *p, char *buf, size_t cap) {
        const struct cw_stored_key *bad = worst(p->keys);
        if (bad != NULL && holds_up(bad))
                return of_key(bad, buf, cap);
        for (size_t i = 0; i < p->capabilities->required.count; i++) {
                const struct cw_probe *q = &p->capabilities->required.probes[i];
                if (q->ok)
                        continue;
                (void)snprintf(buf, cap, "the token fails %s, needed for %s: %s", q->name, q->needed_for,
                               q->text);
                return buf;
        }
        if (bad != NULL)
                return of_key(bad, buf, cap);
        if (p->cfg->test_token)
                return "a token for tests (hsm.test_token): not for production";
        return p->cfg->allow_host_memory ? "clear PINs pass through host memory: not PCI PIN compliant"
                                         : "PINs stay in the token or are refused, at kiosks all of them: "
                                           "hsm.allow_host_memory is not set";
}

/* Takes keys and missing, which may be NULL when out of memory. */
static cw_rc fill(json_t *obj, const struct cw_config_hsm *cfg, const char *label, const char *model,
                  const char *manufacturer, json_t *keys, json_t *missing, bool ready, const char *text) {
        CW_AUTO_JSON json_t *members = json_pack(
            "{s:s, s:{s:s, s:s, s:s}, s:s, s:b, s:b, s:o, s:o, s:o, s:b, s:s}", "version", CW_VERSION,
            "token", "label", label, "model", model, "manufacturer", manufacturer, "pin_path",
            cw_posture_pin_path(cfg), "key_loading", cfg->allow_key_loading, "test_token", cfg->test_token,
            "keys", keys, "missing", missing, "pads", pads_json(cfg), "ready", ready, "text", text);
        if (members == NULL || json_object_update(obj, members) != 0)
                return CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        return CW_OK;
}

cw_rc cw_posture_to_json(const struct cw_posture *p, json_t *obj) {
        char buf[320];
        return fill(obj, p->cfg, p->token->label, p->token->model, p->token->manufacturer, keys_json(p->keys),
                    missing_json(&p->capabilities->required), cw_posture_ready(p),
                    summary(p, buf, sizeof(buf)));
}

cw_rc cw_posture_absent(const struct cw_config_hsm *cfg, const char *text, json_t *obj) {
        return fill(obj, cfg, cfg->token_label, "", "", json_array(), json_array(), false, text);
}

cw_rc cw_posture_capabilities(const struct cw_posture *p, json_t *obj) {
        const char *text =
            p->cfg->allow_host_memory
                ? "clear values may pass through host memory (hsm.allow_host_memory): not PCI PIN compliant"
                : "what the token cannot do inside is refused (hsm.allow_host_memory is not set)";
        CW_AUTO_JSON json_t *members =
            json_pack("{s:{s:s, s:s, s:s}, s:b, s:b, s:s}", "token", "label", p->token->label, "model",
                      p->token->model, "manufacturer", p->token->manufacturer, "allow_host_memory",
                      p->cfg->allow_host_memory, "test_token", p->cfg->test_token, "text", text);
        if (members == NULL || json_object_update(obj, members) != 0)
                return CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        return cw_capabilities_to_json(p->capabilities, obj);
}

static bool add_tests(json_t *list, const struct cw_probe_report *r) {
        for (size_t i = 0; list != NULL && i < r->count; i++) {
                const struct cw_probe *p = &r->probes[i];
                if (json_array_append_new(list,
                                          json_pack("{s:s, s:s, s:b, s:s}", "test", p->name, "needed_for",
                                                    p->needed_for, "ok", p->ok, "text", p->text)) != 0)
                        return false;
        }
        return list != NULL;
}

cw_rc cw_posture_selftest(const struct cw_posture *p, json_t **ret) {
        CW_AUTO_JSON json_t *tests = json_array();
        if (!add_tests(tests, &p->capabilities->required))
                return CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        json_t *result = json_pack("{s:b, s:O, s:o}", "ok",
                                   cw_posture_ready(p) && all_keys_ok(p->keys), "tests", tests, "keys",
                                   keys_json(p->keys));
        if (result == NULL)
                return CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        *ret = result;
        return CW_OK;
}
