/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/session_internal.h"

#include <stdlib.h>
#include <string.h>

#define REFUSALS_MAX 8u
#define UNLIMITED 100000u

/* Which call from whom, in which state (all of need, nothing of bar), how often. What is not here is refused.
 */
static const struct rule {
        const char *call;
        enum cw_sess_from from;
        unsigned need, bar, max;
        cw_sess_fn fn;
} rules[] = {
    {"session.open", CW_FROM_AGENT, 0, CW_ST_OPEN, 1, cw_sess_open},

    {"card.data", CW_FROM_STATION, CW_ST_ISSUE, 0, 4, cw_sess_card_data},
    {"gp.start", CW_FROM_STATION, CW_ST_GP, 0, 8, cw_sess_gp_start},
    {"gp.card", CW_FROM_STATION, CW_ST_GP | CW_ST_STARTED, CW_ST_CARD, 8, cw_sess_gp_card},
    {"gp.authenticate", CW_FROM_STATION, CW_ST_GP | CW_ST_CARD, CW_ST_AUTH, 8, cw_sess_gp_authenticate},
    {"perso.sensitive", CW_FROM_STATION, CW_ST_GP | CW_ST_AUTH, 0, 8, cw_sess_perso_sensitive},
    {"perso.keys", CW_FROM_STATION, CW_ST_GP, 0, 4, cw_sess_perso_keys},
    {"perso.icc_key", CW_FROM_STATION, CW_ST_GP, 0, 4, cw_sess_icc_key},
    {"perso.icc_parts", CW_FROM_STATION, CW_ST_GP | CW_ST_AUTH, 0, 4, cw_sess_icc_parts},
    {"perso.ssad", CW_FROM_STATION, CW_ST_GP, 0, 4, cw_sess_ssad},
    {"gp.wrap", CW_FROM_STATION, CW_ST_GP | CW_ST_AUTH, 0, 1024, cw_sess_gp_wrap},
    {"gp.unwrap", CW_FROM_STATION, CW_ST_GP | CW_ST_AUTH, 0, UNLIMITED, cw_sess_gp_unwrap},
    {"gp.put_key", CW_FROM_STATION, CW_ST_GP | CW_ST_AUTH, CW_ST_PUT, 1, cw_sess_gp_put_key},
    {"gp.put_key_answer", CW_FROM_STATION, CW_ST_GP | CW_ST_AUTH | CW_ST_PUT_WAITS, 0, 1,
     cw_sess_gp_put_key_answer},
    {"emv.arqc", CW_FROM_STATION, CW_ST_GP, 0, 4, cw_sess_emv_arqc},

    {"perso.encipher", CW_FROM_STATION, CW_ST_BENCH | CW_ST_AUTH, 0, 8, cw_sess_perso_encipher},
    {"bench.pan", CW_FROM_STATION, CW_ST_BENCH, 0, 4, cw_sess_bench_pan},
    {"bench.icvv", CW_FROM_STATION, CW_ST_BENCH, 0, 1, cw_sess_bench_icvv},

    {"emv.arqc", CW_FROM_STATION, CW_ST_SERVICE, 0, 8, cw_sess_emv_arqc},
    {"emv.script", CW_FROM_STATION, CW_ST_SERVICE | CW_ST_PROVED, 0, 8, cw_sess_emv_script},
    {"pin.translate", CW_FROM_STATION, CW_ST_SERVICE, 0, 16, cw_sess_pin_translate},
    {"pin.pvv", CW_FROM_STATION, CW_ST_SERVICE, 0, 4, cw_sess_pin_pvv},
    {"pin.offset", CW_FROM_STATION, CW_ST_SERVICE, 0, 4, cw_sess_pin_offset},
    {"pin.generate", CW_FROM_STATION, CW_ST_SERVICE, 0, 4, cw_sess_pin_generate},
    {"value.dcvv", CW_FROM_STATION, CW_ST_SERVICE, 0, 16, cw_sess_value_dcvv},
    {"value.cvc3", CW_FROM_STATION, CW_ST_SERVICE, 0, 16, cw_sess_value_cvc3},
    {"value.cavv", CW_FROM_STATION, CW_ST_SERVICE, 0, 16, cw_sess_value_cavv},
    {"mac.generate", CW_FROM_STATION, CW_ST_SERVICE, 0, 1024, cw_sess_mac_generate},
    {"mac.verify", CW_FROM_STATION, CW_ST_SERVICE, 0, 64, cw_sess_mac_verify},
    {"dukpt.mac", CW_FROM_STATION, CW_ST_SERVICE, 0, 64, cw_sess_dukpt_mac},
    {"dukpt.data", CW_FROM_STATION, CW_ST_SERVICE, 0, 64, cw_sess_dukpt_data},

    {"kiosk.pan", CW_FROM_STATION, CW_ST_KIOSK, CW_ST_PAN, 1, cw_sess_kiosk_pan},
    {"kiosk.seal_pan", CW_FROM_AGENT, CW_ST_KIOSK | CW_ST_PAN, 0, 4, cw_sess_kiosk_seal_pan},
    {"kiosk.bind", CW_FROM_AGENT, CW_ST_KIOSK | CW_ST_PAN, CW_ST_BOUND, 4, cw_sess_kiosk_bind},
    {"emv.arqc", CW_FROM_STATION, CW_ST_KIOSK | CW_ST_BOUND, CW_ST_PROVED, 3, cw_sess_emv_arqc},
    /* a transaction for a script, its repetition with a card that was torn */
    {"emv.arqc", CW_FROM_STATION, CW_ST_KIOSK | CW_ST_BOUND | CW_ST_PROVED, 0, 4, cw_sess_emv_arqc},
    {"pin.first", CW_FROM_STATION, CW_ST_KIOSK | CW_ST_BOUND | CW_ST_PROVED, CW_ST_EQUAL, 18,
     cw_sess_pin_first},
    {"pin.second", CW_FROM_STATION, CW_ST_KIOSK | CW_ST_FIRST, CW_ST_EQUAL, 18, cw_sess_pin_second},
    {"emv.script", CW_FROM_STATION, CW_ST_KIOSK | CW_ST_BOUND | CW_ST_PROVED, 0, 8, cw_sess_emv_script},
    {"pin.form", CW_FROM_AGENT, CW_ST_KIOSK | CW_ST_EQUAL | CW_ST_PROVED, 0, 1, cw_sess_pin_form},
};
_Static_assert(sizeof(rules) / sizeof(rules[0]) <= sizeof(((struct cw_sess *)0)->calls) / sizeof(unsigned),
               "a counter for every rule");

cw_rc cw_sess_new(const struct cw_sess_env *env, struct cw_sess **ret, struct cw_fault *f) {
        CW_AUTO(cw_sess_free) struct cw_sess *s = calloc(1, sizeof(*s));
        cw_rc rc = CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        if (s != NULL)
                rc = cw_secret_new(sizeof(struct cw_sess_secret), &s->memory);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "hsm.session", "",
                               "out of locked memory; raise LimitMEMLOCK of the service");
        s->secret = (struct cw_sess_secret *)(void *)s->memory->ptr;
        s->env = *env;
        s->c = env->crypto;
        s->attempts_left = env->cfg->pin.attempts;
        *ret = CW_STEAL(s);
        return CW_OK;
}

void cw_sess_free(struct cw_sess *s) {
        if (s == NULL)
                return;
        cw_scp_free(s->scp);
        cw_sess_imk_done(s);
        cw_secret_free(s->memory);
        cw_wipe(s, sizeof(*s));
        free(s);
}

static cw_rc refuse(struct cw_sess *s, const char *why, struct cw_fault *f) {
        s->refusals++;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), (int64_t)s->refusals, "hsm.session",
                       "HSM_REFUSED", "the session does not allow this: %s", why);
}

static bool fits(const struct cw_sess *s, const struct rule *r) {
        return (s->state & r->need) == r->need && (s->state & r->bar) == 0;
}

/* One call name may have a row per kind of session: the first that fits counts. */
static cw_rc admit(struct cw_sess *s, enum cw_sess_from from, const char *call, const struct rule **ret,
                   struct cw_fault *f) {
        const char *why = "it is not an operation of this socket";
        for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
                if (rules[i].from != from || strcmp(rules[i].call, call) != 0)
                        continue;
                if (!fits(s, &rules[i])) {
                        why = "not in this kind of session or not at this point of it";
                        continue;
                }
                if (s->calls[i] >= rules[i].max)
                        return refuse(s, "not that often", f);
                s->calls[i]++;
                *ret = &rules[i];
                return CW_OK;
        }
        return refuse(s, why, f);
}

/* A failure after which nothing in this process is sure any more. */
static bool fatal_class(cw_rc rc) {
        enum cw_class cls = cw_rc_class(rc);
        return cls == CW_C_RECONNECT || cls == CW_C_FATAL || cls == CW_C_IN_DOUBT;
}

/* Nobody asks for these unless the card has accepted EXTERNAL AUTHENTICATE. */
static bool follows_accepted(const struct rule *r) {
        return (r->need & CW_ST_AUTH) != 0;
}

bool cw_sess_call(struct cw_sess *s, enum cw_sess_from from, struct cw_msg *request,
                  struct cw_msg **ret_reply) {
        struct cw_fault f = {0};
        const struct rule *rule = NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        if (reply == NULL) {
                *ret_reply = NULL;
                return false;
        }
        cw_rc rc = admit(s, from, cw_msg_str(request, "call", ""), &rule, &f);
        if (rc == CW_OK && follows_accepted(rule))
                rc = cw_sess_gp_accepted(s, &f);
        if (rc == CW_OK)
                rc = rule->fn(s, request, reply, &f);
        if (rc == CW_OK)
                rc = cw_sess_put_expired(s, reply, &f);
        if (rc == CW_OK) {
                *ret_reply = CW_STEAL(reply);
                return true;
        }
        if (f.rc == CW_OK)
                (void)cw_fail(&f, rc, 0, "hsm.session", "", "the operation failed");
        *ret_reply = cw_msg_error(request, &f);
        return !fatal_class(rc) && s->refusals < REFUSALS_MAX && *ret_reply != NULL;
}

cw_rc cw_sess_key(const struct cw_sess *s, const char *label, const char *purpose,
                  const struct cw_stored_key **ret, struct cw_fault *f) {
        return cw_key_store_get(s->env.keys, label, purpose, ret, f);
}

cw_rc cw_sess_product(struct cw_sess *s, const struct cw_msg *request, struct cw_fault *f) {
        char code[33];
        cw_rc rc = cw_sess_text(request, "plastic_code", code, sizeof(code), f);
        if (rc != CW_OK)
                return rc;
        const struct cw_config_product *p = cw_config_product(s->env.cfg, code);
        if (p == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_NOT_FOUND), 0, "hsm.session",
                               "HSM_PRODUCT", "no product with plastic code %s is configured", code);
        s->product = p;
        return CW_OK;
}

cw_rc cw_sess_open_card_number(struct cw_sess *s, const struct cw_msg *request, struct cw_pan *ret,
                               struct cw_fault *f) {
        struct cw_card_number number;
        struct cw_span text;
        const struct cw_stored_key *key = NULL;
        cw_rc rc = cw_sess_att(request, 0, 1, CW_CARD_NUMBER_TEXT_MAX, &text, f);
        if (rc == CW_OK)
                rc = cw_card_number_parse(text.ptr, text.len, &number, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->env.cfg->pan_transport_key, "pan-transport", &key, f);
        return rc != CW_OK ? rc : cw_card_number_open(s->c, &key->key, &number, ret, f);
}

cw_rc cw_sess_put_pan_names(struct cw_sess *s, struct cw_msg *reply, struct cw_fault *f) {
        uint8_t hash[CW_PAN_HASH_LEN];
        char masked[CW_PAN_MAX + 1];
        const struct cw_stored_key *key = NULL;
        cw_rc rc = cw_sess_key(s, s->env.cfg->pan_hash_key, "pan-hash", &key, f);
        if (rc == CW_OK)
                rc = cw_pan_hash(s->c, &key->key, &s->secret->pan, hash, f);
        cw_pan_mask(&s->secret->pan, masked);
        if (rc == CW_OK)
                rc = cw_sess_put_hex(reply, "pan_hash", hash, sizeof(hash), f);
        return rc != CW_OK ? rc : cw_sess_put_str(reply, "masked_pan", masked, f);
}
