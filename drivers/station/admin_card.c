/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An administrator's card in any reader: personalised (card.perso) or judged (card.verify), one event "line"
 * per step. The keys are those of the bench session he brings; no job, no journal. Bench thread.
 */
#include "drivers/station/admin_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "drivers/chip/card_file.h"
#include "drivers/chip/examine.h"
#include "drivers/chip/perso.h"
#include "drivers/station/ca.h"
#include "drivers/station/keypad.h"

#include <stdio.h>
#include <string.h>

#define READER_TIMEOUT_MS 3000
#define HSM_MARGIN_MS 2000
#define NAME_MAX_LEN 100

static void done(struct cw_admin_card *a) {
        if (a->channel)
                cw_card_close(a->channel);
        if (a->own)
                cw_card_reader_close(a->own);
        if (a->session)
                cw_hsm_session_close(a->session);
        if (a->perso)
                cw_perso_data_free(a->perso);
        if (a->data)
                cw_card_file_free(a->data);
        if (a->profile)
                cw_profile_free(a->profile);
}

void cw_admin_line(const struct cw_admin_card *a, const char *step, const char *verdict, const char *text) {
        struct cw_msg *m = cw_msg_event("line");
        if (m && json_object_set_new(m->json, "step", json_string(step)) == 0 &&
            json_object_set_new(m->json, "verdict", json_string(verdict)) == 0 &&
            json_object_set_new(m->json, "text", json_string(text)) == 0)
                cw_bench_post(a->st->bench, a->client, m);
        else
                cw_msg_free(m);
}

/* ---- what came with the request ---- */

static cw_rc take_profile(struct cw_admin_card *a, struct cw_fault *f) {
        struct cw_msg *m = a->request;
        if (m->att_count < 1 || !m->att[0])
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX), 0, "station.admin", "",
                               "the request brings no profile");
        return cw_profile_parse(cw_msg_str(m, "profile", "profile"), (const char *)m->att[0]->ptr,
                                m->att[0]->len, NULL, &a->profile, f);
}

static cw_rc take_data(struct cw_admin_card *a, struct cw_fault *f) {
        struct cw_msg *m = a->request;
        if (m->att_count < 2 || !m->att[1])
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX), 0, "station.admin", "",
                               "the request brings no card data");
        return cw_card_file_parse(CW_SPAN(m->att[1]->ptr, m->att[1]->len), &a->data, f);
}

static cw_rc prepare(struct cw_admin_card *a, struct cw_fault *f) {
        const struct cw_given given = {a->data->given, a->data->given_count, &a->data->told};
        return cw_perso_data_prepare_given(a->profile, a->data->has_values ? &a->data->values : NULL, &given,
                                           &a->perso, f);
}

cw_rc cw_admin_take_session(struct cw_admin_card *a, struct cw_fault *f) {
        int fd = cw_msg_take_fd(a->request, 0);
        if (fd < 0)
                return CW_OK;
        cw_rc rc = cw_hsm_session_open(fd, a->st->config->hsm.call_timeout_ms + HSM_MARGIN_MS, &a->session);
        return rc == CW_OK ? CW_OK
                           : cw_fail(f, rc, 0, "station.admin", "", "no memory for the session of hsmd");
}

/* ---- the card ---- */

/* The station's own reader is watched already; a second monitor of it would only cost. */
static cw_rc open_reader(struct cw_admin_card *a, const char *name, struct cw_fault *f) {
        struct cw_card_reader_state own = {0};
        if (a->st->reader)
                cw_card_reader_get(a->st->reader, &own);
        a->reader = a->st->reader;
        if (own.present && strcmp(own.name, name) == 0)
                return CW_OK;
        cw_rc rc = cw_card_reader_open(name, NULL, NULL, &a->own, f);
        if (rc == CW_OK)
                cw_card_reader_allow_extended(a->own, a->st->self->extended_apdu);
        a->reader = a->own;
        return rc;
}

cw_rc cw_admin_connect(struct cw_admin_card *a, struct cw_fault *f) {
        const char *name = cw_msg_str(a->request, "reader", "");
        struct cw_card_reader_state state;
        char atr[2 * CW_ATR_MAX + 1] = "", text[CW_READER_NAME_MAX + 2 * CW_ATR_MAX + 32];
        if (!*name || strlen(name) > NAME_MAX_LEN)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX), 0, "station.admin", "",
                               "which reader? Name it with --reader");
        cw_rc rc = open_reader(a, name, f);
        if (rc == CW_OK)
                rc = cw_card_reader_wait(a->reader, true, NULL, READER_TIMEOUT_MS, NULL, f);
        if (rc == CW_OK)
                rc = cw_card_reader_connect(a->reader, CW_CONNECT_TIMEOUT_MS, &a->channel, f);
        if (rc != CW_OK)
                return rc;
        cw_card_reader_get(a->reader, &state);
        (void)cw_hex_encode(a->channel->atr, a->channel->atr_len, atr, sizeof atr);
        (void)snprintf(text, sizeof text, "%s, %s, ATR %s", state.name, a->channel->t0 ? "T=0" : "T=1", atr);
        cw_admin_line(a, "connect", "ok", text);
        return CW_OK;
}

/* Whose issuer keys the session has; hsmd chose by the same rule. */
static const struct cw_config_product *product(const struct cw_admin_card *a, bool any) {
        return cw_config_product_for(a->st->config, cw_msg_str(a->request, "product", ""),
                                     cw_msg_str(a->request, "profile", ""), any);
}

static cw_rc tell_number(struct cw_admin_card *a, struct cw_fault *f) {
        char masked[CW_HSM_MASKED_PAN] = "";
        const struct cw_card_values *v = &a->data->values;
        cw_rc rc = cw_hsm_session_bench_pan(a->session, v->pan.ptr, v->pan.len, v->psn, masked, f);
        if (rc != CW_OK)
                return rc;
        a->number_told = true;
        cw_admin_line(a, "number", "ok", masked);
        const struct cw_config_product *own = product(a, false), *used = product(a, true);
        char text[100];
        (void)snprintf(text, sizeof text, "no product has this profile: those of product %s are taken",
                       used ? used->plastic_code : "");
        if (!own)
                cw_admin_line(a, "issuer-keys", "ok", text);
        return CW_OK;
}

/* Its number goes to hsmd when hsmd makes keys out of it. */
static cw_rc tell_number_for_keys(struct cw_admin_card *a, struct cw_fault *f) {
        char names[1][5];
        bool padded[1];
        if (a->number_told || !a->data->has_values ||
            (cw_perso_data_sensitive(a->perso, names, padded, 1) == 0 && cw_perso_data_certs(a->perso) == 0))
                return CW_OK;
        return tell_number(a, f);
}

/* The check value in the chip's track 2, where the data leave it to hsmd. */
static cw_rc fill_icvv(struct cw_admin_card *a, struct cw_fault *f) {
        CW_WIPED(char, icvv, CW_HSM_ICVV);
        if (!a->data->wants_icvv)
                return CW_OK;
        cw_rc rc = tell_number(a, f);
        if (rc == CW_OK)
                rc = cw_hsm_session_bench_icvv(a->session, a->data->values.expiry, icvv, f);
        if (rc == CW_OK)
                rc = cw_card_file_set_icvv(a->data, icvv, f);
        if (rc == CW_OK)
                cw_admin_line(a, "icvv", "ok", "made with the product's cvk");
        return rc;
}

/* The chip's own RSA keys, where the profile wants some: they take a moment, so no card waits for them. */
static cw_rc certify(struct cw_admin_card *a, struct cw_fault *f) {
        const bool certs = cw_perso_data_certs(a->perso) != 0;
        if (!a->data->has_values)
                return CW_OK;
        cw_rc rc = cw_perso_certify(a->perso, &a->data->values, a->session, true, f);
        if (rc == CW_OK && certs)
                cw_admin_line(a, "certify", "ok", "the chip's certificates are made");
        return rc;
}

/* ---- card.perso ---- */

static void on_told(void *ctx, const char *step, const char *text) {
        cw_admin_line(ctx, step, "ok", text);
}

/* Where the plastic stands, whatever happened. */
static const char *plastic_after(cw_rc rc, const struct cw_perso_result *p) {
        if (rc == CW_OK)
                return "personalised";
        if (!p->key_tried)
                return "untouched";
        return cw_perso_in_doubt(rc, p) ? "in-doubt" : "spoiled";
}

/* The data's SECLEV counts like the command's and the profile's level: two that differ are nobody's guess. */
static cw_rc choose_level(const struct cw_admin_card *a, int64_t asked, uint8_t *ret, struct cw_fault *f) {
        const uint8_t told = a->data->told.seclev, want = asked ? (uint8_t)asked : a->profile->channel.level;
        if (told && want && told != want)
                return cw_fail(
                    f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_MISMATCH), told, "station.perso",
                    "PRD_UNEXPECTED_DATA",
                    "the data ask for security level %02X (seclev), and the %s for %02X; correct one "
                    "of them",
                    told, asked ? "command" : "profile", want);
        *ret = told ? told : want;
        return CW_OK;
}

static cw_rc personalise(struct cw_admin_card *a, struct cw_perso_result *ret, struct cw_fault *f) {
        const struct cw_profile_channel *want = &a->profile->channel;
        int64_t scp = cw_msg_int(a->request, "scp", 0), level = cw_msg_int(a->request, "level", 0);
        struct cw_perso_plan plan = {
            .data = a->perso,
            .kvn = want->kvn,
            .scp = scp ? (uint8_t)scp : want->scp,
            .discover = true,
            .apdu_timeout_ms = CW_APDU_TIMEOUT_MS,
            .told = on_told,
            .ctx = a,
        };
        cw_rc rc = choose_level(a, level, &plan.level, f);
        if (rc != CW_OK)
                return rc;
        /* A level meant for one protocol is not asked of the other. */
        if (!level && !a->data->told.seclev && scp && want->scp && scp != want->scp)
                plan.level = 0;
        if (scp && want->scp && scp != want->scp)
                plan.kvn = 0;
        rc = cw_perso_run(a->channel, a->session, &plan, ret, f);
        if (rc != CW_OK)
                cw_station_read_back(a->reader, &a->channel, &plan, ret);
        return rc;
}

static struct cw_msg *perso_reply(const struct cw_admin_card *a, const struct cw_perso_result *p,
                                  const char *plastic, int64_t ms) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_ok(a->request);
        CW_AUTO_JSON json_t *json =
            json_pack("{s:s, s:b, s:i, s:i, s:i, s:i, s:s, s:I}", "plastic", plastic, "key_tried",
                      p->key_tried, "scp", p->scp, "level", p->level, "kvn", p->kvn, "commands", (int)p->sent,
                      "cplc", p->cplc, "ms", (json_int_t)ms);
        if (!m || !json || json_object_update(m->json, json) < 0)
                return NULL;
        return CW_STEAL(m);
}

static struct cw_msg *card_perso(struct cw_admin_card *a) {
        struct cw_fault f = {0};
        struct cw_perso_result result = {0};
        int64_t start_ns = cw_mono_ns(cw_clock_real());
        cw_rc rc = take_profile(a, &f);
        if (rc == CW_OK)
                rc = take_data(a, &f);
        if (rc == CW_OK)
                rc = cw_admin_take_session(a, &f);
        if (rc == CW_OK && !a->session)
                rc = cw_fail(&f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_MISSING), 0, "station.admin", "",
                             "a personalisation needs a session of hsmd");
        if (rc == CW_OK)
                cw_admin_line(a, "profile", "ok", a->profile->name);
        if (rc == CW_OK)
                rc = fill_icvv(a, &f);
        if (rc == CW_OK)
                rc = prepare(a, &f);
        if (rc == CW_OK)
                rc = tell_number_for_keys(a, &f);
        if (rc == CW_OK)
                rc = certify(a, &f);
        if (rc == CW_OK)
                rc = cw_admin_connect(a, &f);
        if (rc == CW_OK)
                rc = personalise(a, &result, &f);
        const char *plastic = plastic_after(rc, &result);
        if (rc != CW_OK)
                cw_admin_line(a, "failed", "failed", f.text);
        cw_admin_line(a, "plastic", rc == CW_OK ? "ok" : "failed", plastic);
        int64_t ms = (cw_mono_ns(cw_clock_real()) - start_ns) / 1000000;
        return rc == CW_OK ? perso_reply(a, &result, plastic, ms) : cw_msg_error(a->request, &f);
}

/* ---- card.verify ---- */

static void on_check(void *ctx, const char *check, enum cw_verdict_of_check verdict, const char *text) {
        static const char *const words[] = {"ok", "failed", "unknown", "absent"};
        cw_admin_line(ctx, check, words[verdict], text);
}

static struct cw_msg *verify_reply(const struct cw_admin_card *a, const struct cw_examine_result *r) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_ok(a->request);
        CW_AUTO_JSON json_t *json =
            json_pack("{s:b, s:i, s:i, s:i, s:s, s:i, s:i, s:s}", "passed", r->failed == 0, "checks",
                      (int)r->checks, "failed", (int)r->failed, "unknown", (int)r->unknown, "pan",
                      r->masked_pan, "atc", (int)r->atc, "pin_tries", (int)r->pin_tries, "cplc", r->cplc);
        if (!m || !json || json_object_update(m->json, json) < 0)
                return NULL;
        return CW_STEAL(m);
}

static struct cw_msg *card_verify(struct cw_admin_card *a) {
        struct cw_fault f = {0};
        struct cw_examine_result result;
        struct cw_station_ca ca;
        cw_rc rc = take_profile(a, &f);
        if (rc == CW_OK)
                rc = cw_admin_take_session(a, &f);
        if (rc == CW_OK)
                rc = cw_admin_connect(a, &f);
        if (rc == CW_OK) {
                cw_station_ca(a->st->config, product(a, false), a->profile, &ca);
                const struct cw_examine x = {.channel = a->channel,
                                             .hsm = a->session,
                                             .profile = a->profile,
                                             .ca = {ca.key, ca.count},
                                             .timeout_ms = CW_APDU_TIMEOUT_MS,
                                             .told = on_check,
                                             .ctx = a};
                rc = cw_examine_run(&x, &result, &f);
        }
        if (rc != CW_OK)
                cw_admin_line(a, "failed", "failed", f.text);
        return rc == CW_OK ? verify_reply(a, &result) : cw_msg_error(a->request, &f);
}

/* ---- card.pin ---- */

static void pin_line(const struct cw_admin_card *a, const struct cw_msg *reply) {
        char text[64];
        const int64_t tries = cw_msg_int(reply, "tries", -1);
        const char *outcome = cw_msg_str(reply, "outcome", "");
        if (tries >= 0)
                (void)snprintf(text, sizeof text, "%s, %lld tries left", outcome, (long long)tries);
        else
                (void)snprintf(text, sizeof text, "%s", outcome);
        cw_admin_line(a, "pin", cw_msg_bool(reply, "passed", false) ? "ok" : "failed", text);
}

static struct cw_msg *card_pin(struct cw_admin_card *a) {
        struct cw_fault f = {0};
        cw_rc rc = take_profile(a, &f);
        if (rc == CW_OK)
                rc = cw_admin_connect(a, &f);
        struct cw_msg *reply =
            rc == CW_OK ? cw_keypad_card(a->st, a->request, a->channel, a->profile, &f) : NULL;
        if (!reply)
                cw_admin_line(a, "failed", "failed", f.text);
        else
                pin_line(a, reply);
        return reply ? reply : cw_msg_error(a->request, &f);
}

static const struct {
        const char *name;
        struct cw_msg *(*perform)(struct cw_admin_card *a);
} calls[] = {
    {"card.perso", card_perso},
    {"card.verify", card_verify},
    {"card.pin", card_pin},
    {"card.status", cw_admin_card_status},
    {"card.delete", cw_admin_card_delete},
};

bool cw_admin_call_known(const char *name) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                if (strcmp(calls[i].name, name) == 0)
                        return true;
        return false;
}

/* The loop has asked whether the call is known. */
static struct cw_msg *perform(struct cw_admin_card *a, const char *name) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                if (strcmp(calls[i].name, name) == 0)
                        return calls[i].perform(a);
        return NULL;
}

void cw_admin_card(struct cw_station *st, struct cw_task *task) {
        struct cw_admin_card a = {.st = st, .client = task->client, .request = task->request};
        struct cw_fault f = {0};
        struct cw_msg *reply = NULL;
        if (cw_work_active(&st->work) || st->kiosk.ticket[0]) {
                (void)cw_fail(&f, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_BUSY), 0, "station.admin",
                              "PRT_PAUSED", "the station has a card job; try again when it is finished");
                reply = cw_msg_error(task->request, &f);
        } else {
                reply = perform(&a, cw_msg_str(task->request, "call", ""));
        }
        done(&a);
        cw_bench_post(st->bench, task->client, reply);
}
