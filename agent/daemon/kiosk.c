/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/kiosk.h"

#include "agent/daemon/kiosk_common.h"
#include "agent/daemon/kiosk_internal.h"
#include "agent/daemon/kiosk_order.h"
#include "agent/daemon/runs.h"
#include "base/log.h"
#include "hsm/client/hsm_client.h"

#include <string.h>

#define QUICK_CALL_MS 8000
#define MARGIN_MS 10000
#define PROVE_MS 30000
#define SCRIPT_MS 90000 /* two transactions; beside it the time for a card to be put in again */
#define PAD_MS 15000    /* a station waits for a PIN pad that comes back, and asks once more */

static const char *kiosk_name(const struct cw_kiosk *k) {
        return cw_station_link_name(k->link);
}

void cw_kiosk_actor(const struct cw_kiosk *k, char ret[CW_ACTOR_CAP]) {
        (void)snprintf(ret, CW_ACTOR_CAP, "station:%s", kiosk_name(k));
}

void cw_kiosk_step(struct cw_kiosk *k, const char *name) {
        k->step = name;
        cw_log(CW_EV_KIOSK_STEP, CW_F_STR("KIOSK", kiosk_name(k)), CW_F_STR("STEP", name),
               CW_F_STR("JOB", k->row.job.id));
}

struct cw_msg *cw_kiosk_msg(const struct cw_kiosk *k, const char *call) {
        struct cw_msg *m = cw_msg_request(call);
        if (m)
                (void)json_object_set_new(m->json, "ticket", json_string(k->ticket));
        return m;
}

void cw_kiosk_text(struct cw_kiosk *k, const char *text) {
        struct cw_msg *m = cw_kiosk_msg(k, "kiosk.show");
        if (m)
                (void)json_object_set_new(m->json, "text", json_string(text));
        cw_station_link_call(k->link, m, QUICK_CALL_MS, NULL, NULL);
}

static void kiosk_free(struct cw_kiosk *k) {
        struct cw_kiosk **at = &k->daemon->kiosks;
        while (*at && *at != k)
                at = &(*at)->next;
        if (*at)
                *at = k->next;
        cw_fd_cleanup(&k->session_fd);
        cw_secret_free(k->form);
        cw_wipe(k->birth_date, sizeof k->birth_date);
        free(k);
}

/* The one end of a hand-over, good or bad. text is for the customer. */
static void end(struct cw_kiosk *k, const char *text) {
        cw_kiosk_rest(k->daemon, k->link);
        if (k->card)
                cw_kiosk_text(k, text);
        if (k->begun)
                cw_station_link_call(k->link, cw_kiosk_msg(k, "kiosk.end"), QUICK_CALL_MS, NULL, NULL);
        if (k->session)
                cw_hsm_link_call(k->daemon->hsm, cw_hsm_msg_close(k->session), NULL, NULL);
        kiosk_free(k);
}

static void end_with(struct cw_kiosk *k, const struct cw_fault *f, const char *text) {
        cw_log(CW_EV_KIOSK_ENDED, CW_F_STR("KIOSK", kiosk_name(k)), CW_F_STR("STEP", k->step),
               CW_F_STR("CLASS", cw_class_name(cw_rc_class(f->rc))), CW_F_STR("CODE", f->code),
               CW_F_STR("TEXT", f->text));
        end(k, text);
}

/* ---- setPin ---- */

static void job_event(struct cw_kiosk *k, enum cw_job_event_kind kind, const char *code,
                      const json_t *evidence, cw_rc *ret_rc) {
        struct cw_job_event e = {.kind = kind};
        struct cw_fault f = {0};
        struct cw_change change;
        char actor[CW_ACTOR_CAP];
        (void)snprintf(e.code, sizeof e.code, "%s", code);
        cw_kiosk_actor(k, actor);
        cw_rc rc = cw_journal_apply(k->daemon->journal, k->row.job.id, &e, evidence, actor, &change, &f);
        *ret_rc = rc;
        if (rc == CW_OK)
                cw_runs_changed(k->daemon, &change);
        else if (cw_rc_class(cw_daemon_check(k->daemon, rc, &f)) != CW_C_FATAL)
                cw_log_fault(CW_EV_EVENT_REFUSED, &f);
}

/* YYMM of the kit to the MMYY of setPin. */
static void mmyy_of(const char *yymm, char ret[5]) {
        (void)snprintf(ret, 5, "%.2s%.2s", yymm + 2, yymm);
}

void cw_kiosk_pin_set(struct cw_kiosk *k) {
        cw_rc rc = CW_OK;
        job_event(k, CW_JE_PIN_SET, "", NULL, &rc);
        cw_kiosk_step(k, rc == CW_OK ? "pin set" : "pin set, but not noted");
        end(k, rc == CW_OK ? "PIN SET" : "PLEASE ASK US");
}

void cw_kiosk_pin_in_doubt(struct cw_kiosk *k, const struct cw_fault *f) {
        cw_rc rc = CW_OK;
        job_event(k, CW_JE_PIN_IN_DOUBT, *f->code ? f->code : cw_class_name(cw_rc_class(f->rc)), NULL, &rc);
        end_with(k, f, "PLEASE ASK US");
}

/* The product keeps the PIN in the chip too, so the server's word alone does not make it set. */
static const struct cw_config_product *chip_product(const struct cw_kiosk *k) {
        const struct cw_config_product *p = cw_config_product(k->daemon->config, k->row.kit.plastic_code);
        return p && p->chip_pin_script ? p : NULL;
}

/* A PIN that the server has and the chip surely or perhaps not is for a person: a new release puts it there,
 * the server then says that it is set already and is asked whether it is this one. */
static void on_chip_pin(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk *k = ctx;
        struct cw_fault why = {0};
        const char *outcome = rc == CW_OK ? cw_msg_str(reply, "outcome", "") : "unknown";
        if (strcmp(outcome, "done") == 0) {
                if (cw_station_link_config(k->link)->pin_proof == CW_PIN_PROOF_READER)
                        cw_kiosk_prove_pin(k);
                else
                        cw_kiosk_pin_set(k);
                return;
        }
        const char *text = rc == CW_OK ? cw_msg_str(reply, "text", "") : f->text;
        bool untouched = strcmp(outcome, "not_done") == 0;
        (void)cw_fail(
            &why, CW_RC(CW_L_CHIP, CW_C_IN_DOUBT, CW_E_MISMATCH), 0, "kiosk.script",
            untouched ? "CHIP_PIN_NOT_SET" : "CHIP_PIN_UNKNOWN",
            "the bank has the PIN, the chip %s: say \"job pin JOB not-set\" and release the card again, the "
            "customer then types the same PIN (%.120s)",
            untouched ? "does not" : "may not", text);
        cw_kiosk_pin_in_doubt(k, &why);
}

static void server_has_pin(struct cw_kiosk *k) {
        const struct cw_config_product *product = chip_product(k);
        if (!product) {
                cw_kiosk_pin_set(k);
                return;
        }
        cw_kiosk_step(k, "chip pin");
        struct cw_msg *m = cw_kiosk_msg(k, "kiosk.script");
        if (m) {
                (void)json_object_set_new(m->json, "commands", json_pack("[s]", "pin-change"));
                (void)json_object_set_new(
                    m->json, "template",
                    json_integer(product->chip_pin_template == CW_SCRIPT_BEFORE ? 71 : 72));
        }
        cw_station_link_call(k->link, m, SCRIPT_MS + 2 * k->daemon->config->pin.entry_timeout_ms, on_chip_pin,
                             k);
}

/* Only a yes settles it: "wrong" may be said before a setPin that is still on its way is done. */
static void on_validated(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        (void)reply;
        if (rc == CW_OK)
                server_has_pin(ctx);
        else
                cw_kiosk_pin_in_doubt(ctx, f);
}

/* The server is asked once whether the PIN it may have is the one this customer chose. */
static void ask_whether_set(struct cw_kiosk *k) {
        char mmyy[5];
        mmyy_of(k->row.kit.expiry, mmyy);
        const struct cw_dcms_set_pin in = {.entity_id = k->row.kit.entity,
                                           .kit_no = k->row.kit.kit,
                                           .expiry_mmyy = mmyy,
                                           .pin = k->form,
                                           .v1 = k->daemon->config->pin.call != CW_PIN_CALL_V2};
        cw_kiosk_step(k, "validate pin");
        cw_dcms_validate_pin(k->daemon->dcms, &in, on_validated, k);
}

static void on_pin_set(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_kiosk *k = ctx;
        cw_rc journal_rc = CW_OK;
        /* "already set" is our own doing only when an earlier sending of these same bytes may have arrived.
         */
        bool already = rc != CW_OK && strcmp(f->code, "pin.already.set") == 0;
        bool ours = cw_rc_class(rc) == CW_C_REJECT && already && reply->replayed;
        if (rc == CW_OK || ours) {
                server_has_pin(k);
                return;
        }
        /* Set in an earlier hand-over whose chip did not get it: it may be this customer's PIN. */
        if ((cw_rc_class(rc) == CW_C_IN_DOUBT && k->daemon->config->pin.validate_in_doubt) ||
            (already && chip_product(k))) {
                ask_whether_set(k);
                return;
        }
        /* A PIN that was set by somebody else is not the one this customer chose: the bank must find out. */
        if (cw_rc_class(rc) == CW_C_IN_DOUBT || already) {
                cw_kiosk_pin_in_doubt(k, f);
                return;
        }
        job_event(k, CW_JE_PIN_FAILED, *f->code ? f->code : cw_class_name(cw_rc_class(rc)), NULL,
                  &journal_rc);
        end_with(k, f, "PIN NOT SET");
}

static void send_pin(struct cw_kiosk *k) {
        char mmyy[5];
        cw_rc rc = CW_OK;
        mmyy_of(k->row.kit.expiry, mmyy);
        CW_AUTO_JSON json_t *evidence = json_pack("{s:s}", "requestId", k->request_id);
        job_event(k, CW_JE_PIN_INTENT, "", evidence, &rc);
        if (rc != CW_OK) {
                end(k, "PLEASE ASK US");
                return;
        }
        struct cw_dcms_set_pin in = {.entity_id = k->row.kit.entity,
                                     .kit_no = k->row.kit.kit,
                                     .expiry_mmyy = mmyy,
                                     .pin = k->form,
                                     .request_id = k->request_id,
                                     .v1 = k->daemon->config->pin.call != CW_PIN_CALL_V2};
        cw_dcms_set_pin(k->daemon->dcms, &in, on_pin_set, k);
}

static void on_form(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk *k = ctx;
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        if (rc == CW_OK)
                rc = cw_hsm_reply_text(reply, &k->form, &fault);
        if (rc == CW_OK)
                rc = cw_dcms_request_id(k->request_id);
        if (rc != CW_OK) {
                end_with(k, &fault, "PIN NOT SET");
                return;
        }
        cw_kiosk_step(k, "set pin");
        send_pin(k);
}

/* Names of hsmd's forms; the configuration of hsmd has the one of the second version. */
static const char *form_name(enum cw_pin_call call) {
        static const char *const names[] = {"", "v1-ecb-hex16", "v1-cbc-iv16-raw8", "v1-cbc0-hex16"};
        return names[call];
}

/* ---- PIN entry ---- */

static const char *customer_text(const char *outcome) {
        static const char *const texts[][2] = {{"mismatch", "PINS DIFFER"},    {"cancelled", "CANCELLED"},
                                               {"timeout", "TIME IS UP"},      {"weak", "PIN TOO SIMPLE"},
                                               {"pad_error", "PIN PAD ERROR"}, {"pad_away", "PLEASE WAIT"}};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
                if (strcmp(texts[i][0], outcome) == 0)
                        return texts[i][1];
        return "PIN NOT SET";
}

/* No PIN was asked for, or what was typed is lost: the same hand-over begins again when the pad is back. */
static void pad_away(struct cw_kiosk *k) {
        struct cw_fault f = {0};
        cw_rc rc = cw_journal_release_reopen(k->daemon->journal, &k->release, &f);
        if (rc != CW_OK && cw_rc_class(cw_daemon_check(k->daemon, rc, &f)) == CW_C_FATAL)
                return;
        if (rc == CW_OK)
                (void)cw_fail(&f, CW_RC(CW_L_PINPAD, CW_C_OPERATOR, CW_E_CLOSED), 0, "kiosk.pin",
                              "PRT_NOT_REACHABLE",
                              "the PIN pad is not connected; look at its cable and power, the hand-over then "
                              "goes on by itself");
        end_with(k, &f, customer_text("pad_away"));
}

static void on_pin(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk *k = ctx;
        if (rc != CW_OK) {
                end_with(k, f, "PIN NOT SET");
                return;
        }
        const char *outcome = cw_msg_str(reply, "outcome", "");
        if (strcmp(outcome, "pad_away") == 0) {
                pad_away(k);
                return;
        }
        if (strcmp(outcome, "equal") != 0) {
                struct cw_fault why = {0};
                (void)cw_fail(&why, CW_RC(CW_L_PINPAD, CW_C_OPERATOR, CW_E_CANCELLED), 0, "kiosk.pin", "",
                              "the PIN entry ended with: %s; release the card again", outcome);
                end_with(k, &why, customer_text(outcome));
                return;
        }
        cw_hsm_link_call(k->daemon->hsm,
                         cw_hsm_msg_pin_form(k->session, form_name(k->daemon->config->pin.call)), on_form, k);
}

static void on_proven(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk *k = ctx;
        struct cw_fault why = {0};
        if (rc != CW_OK) {
                end_with(k, f, "CARD ERROR");
                return;
        }
        if (!cw_msg_bool(reply, "genuine", false)) {
                (void)cw_fail(&why, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_MISMATCH), 0, "kiosk.prove",
                              "CARD_NOT_GENUINE",
                              "the chip's cryptogram is wrong: keep this card and tell the bank's security");
                char actor[CW_ACTOR_CAP];
                cw_kiosk_actor(k, actor);
                (void)cw_daemon_check(
                    k->daemon, cw_journal_audit(k->daemon->journal, "kiosk.not_genuine", actor, NULL, &why),
                    &why);
                end_with(k, &why, "CARD REFUSED");
                return;
        }
        cw_kiosk_step(k, "pin entry");
        const struct cw_config_pin *pin = &k->daemon->config->pin;
        struct cw_msg *m = cw_kiosk_msg(k, "kiosk.pin");
        if (m)
                (void)json_object_set_new(m->json, "attempts", json_integer(pin->attempts));
        cw_station_link_call(k->link, m, (pin->attempts * 2 + 1) * pin->entry_timeout_ms + PAD_MS + MARGIN_MS,
                             on_pin, k);
}

/* ---- which card is it ---- */

static void on_bound(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk *k = ctx;
        (void)reply;
        if (rc != CW_OK) {
                end_with(k, f, "CARD REFUSED");
                return;
        }
        cw_kiosk_step(k, "prove card");
        cw_station_link_call(k->link, cw_kiosk_msg(k, "kiosk.prove"), PROVE_MS, on_proven, k);
}

/* The card's kit is known: it must be released for this kiosk, and hsmd must see the same PAN in the kit's
 * data. */
static void check_release(struct cw_kiosk *k) {
        char sealed[CW_SEALED_MAX + 1], keys[CW_ISSUER_KEYS_CAP];
        struct cw_fault f = {0};
        struct cw_journal *j = k->daemon->journal;
        cw_rc rc = cw_journal_release_use(j, k->row.kit.kit, kiosk_name(k), &k->release, &f);
        if (rc == CW_OK)
                rc = cw_journal_sealed(j, k->row.job.id, sealed, sizeof sealed, &f);
        if (rc == CW_OK)
                rc = cw_journal_issuer_keys(j, k->row.job.id, keys, &f);
        if (rc != CW_OK) {
                if (cw_rc_class(cw_daemon_check(k->daemon, rc, &f)) != CW_C_FATAL)
                        end_with(k, &f, "PLEASE ASK US");
                return;
        }
        const struct cw_hsm_kiosk_kit kit = {.kit = k->row.kit.kit,
                                             .plastic_code = k->row.kit.plastic_code,
                                             .expiry = k->row.kit.expiry,
                                             .birth_date = k->birth_date,
                                             .issuer_keys = keys,
                                             .encrypted_card_number = sealed};
        struct cw_msg *m = cw_hsm_msg_kiosk_bind(k->session, &kit);
        cw_wipe(k->birth_date, sizeof k->birth_date);
        cw_hsm_link_call(k->daemon->hsm, m, on_bound, k);
}

/* ---- the customer's date of birth ---- */

static void on_customer(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_kiosk *k = ctx;
        const char *field = k->daemon->config->server.birth_date_field;
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        if (rc == CW_OK && !cw_dcms_birth_date(reply->result, field, k->birth_date))
                rc = cw_fail(
                    &fault, CW_RC(CW_L_UPSTREAM, CW_C_OPERATOR, CW_E_MISSING), 0, "kiosk.birth_date",
                    CW_DCMS_CODE_BAD_ANSWER,
                    "viewCustomer tells no date of birth in \"%s\" (YYYY-MM-DD), which weak_pins of the "
                    "product %s needs: have the bank complete the customer, or correct "
                    "server.birth_date_field",
                    field, k->row.kit.plastic_code);
        if (rc == CW_OK)
                check_release(k);
        else
                end_with(k, &fault, "PLEASE ASK US");
}

/* Only a product that forbids it as a PIN has it asked for, and only while the customer waits. */
static void know_customer(struct cw_kiosk *k) {
        const struct cw_config_product *p = cw_config_product(k->daemon->config, k->row.kit.plastic_code);
        if (!p || !cw_config_weak_pins(p, "birth-date")) {
                check_release(k);
                return;
        }
        cw_kiosk_step(k, "ask date of birth");
        cw_dcms_customer(k->daemon->dcms, k->row.kit.entity, on_customer, k);
}

static void on_server_kit(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_kiosk *k = ctx;
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        if (rc == CW_OK && reply->kit_count == 0)
                rc = cw_fail(&fault, CW_RC(CW_L_UPSTREAM, CW_C_REJECT, CW_E_NOT_FOUND), 0, "kiosk.card",
                             "card.not.found", "the server does not know this card");
        if (rc != CW_OK) {
                end_with(k, &fault, "CARD REFUSED");
                return;
        }
        rc = cw_journal_job_by_kit(k->daemon->journal, reply->kits[0].kit_no, &k->row, &fault);
        if (rc == CW_OK)
                know_customer(k);
        else if (cw_rc_class(cw_daemon_check(k->daemon, rc, &fault)) != CW_C_FATAL)
                end_with(k, &fault, "CARD REFUSED");
}

static void on_sealed_pan(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk *k = ctx;
        cw_kiosk_find_kit(k->daemon, rc, f, reply, on_server_kit, k);
}

static void on_card(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk *k = ctx;
        struct cw_fault fault = {0};
        if (rc != CW_OK) {
                end_with(k, f, "");
                return;
        }
        k->card = true;
        cw_kiosk_step(k, "find kit");
        rc = cw_journal_job_by_pan_hash(k->daemon->journal, cw_msg_str(reply, "pan_hash", ""), &k->row,
                                        &fault);
        if (rc == CW_OK)
                know_customer(k);
        else if ((rc & 0xffffu) == CW_E_NOT_FOUND)
                cw_hsm_link_call(k->daemon->hsm, cw_hsm_msg_kiosk_seal_pan(k->session), on_sealed_pan, k);
        else if (cw_rc_class(cw_daemon_check(k->daemon, rc, &fault)) != CW_C_FATAL)
                end_with(k, &fault, "PLEASE ASK US");
}

/* ---- start ---- */

static int64_t wait_ms(const struct cw_kiosk *k) {
        struct cw_release release;
        struct cw_fault f = {0};
        if (cw_journal_release_pending(k->daemon->journal, kiosk_name(k), &release, &f) != CW_OK)
                return MARGIN_MS;
        int64_t left = release.expires_ms - cw_wall_ms(k->daemon->clock);
        return left > MARGIN_MS ? left : MARGIN_MS;
}

static void on_session(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk *k = ctx;
        struct cw_hsm_opened opened;
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        if (rc == CW_OK)
                rc = cw_hsm_reply_opened(reply, &opened, &fault);
        if (rc != CW_OK) {
                end_with(k, &fault, "");
                return;
        }
        k->session = opened.session;
        k->session_fd = opened.fd;
        int64_t timeout_ms = wait_ms(k);
        struct cw_msg *m = cw_kiosk_msg(k, "kiosk.begin");
        if (m) {
                (void)json_object_set_new(m->json, "timeout_ms", json_integer(timeout_ms));
                if (cw_msg_attach_fd(m, k->session_fd) == CW_OK)
                        k->session_fd = -1;
        }
        k->begun = true;
        cw_kiosk_step(k, "wait for card");
        cw_station_link_call(k->link, m, timeout_ms + MARGIN_MS, on_card, k);
}

void cw_kiosk_look(struct cw_daemon *d, struct cw_station_link *l) {
        struct cw_release release;
        struct cw_fault f = {0};
        cw_kiosk_order_expire(d);
        for (const struct cw_kiosk *k = d->kiosks; k; k = k->next)
                if (k->link == l)
                        return;
        if (cw_kiosk_order_runs(d, l))
                return;
        if (!cw_hsm_link_ready(d->hsm) || !cw_station_link_up(l) || cw_station_link_busy(l) ||
            cw_kiosk_rests(d, l))
                return;
        if (cw_kiosk_order_look(d, l))
                return;
        cw_rc rc = cw_journal_release_pending(d->journal, cw_station_link_name(l), &release, &f);
        if (rc != CW_OK) {
                (void)cw_daemon_check(d, rc, &f);
                return;
        }
        struct cw_kiosk *k = calloc(1, sizeof *k);
        if (!k)
                return;
        *k = (struct cw_kiosk){
            .daemon = d, .link = l, .session_fd = -1, .step = "open session", .next = d->kiosks};
        (void)snprintf(k->ticket, sizeof k->ticket, "release-%lld", (long long)release.id);
        d->kiosks = k;
        cw_hsm_link_call(d->hsm, cw_hsm_msg_open_kiosk(k->ticket), on_session, k);
}

json_t *cw_kiosk_status(const struct cw_daemon *d) {
        json_t *list = json_array();
        for (const struct cw_kiosk *k = d->kiosks; k; k = k->next)
                (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "kiosk", kiosk_name(k), "step",
                                                            k->step, "job", k->row.job.id));
        return list;
}

void cw_kiosk_hsm_down(struct cw_daemon *d) {
        for (struct cw_kiosk *k = d->kiosks; k; k = k->next)
                k->session = 0;
}

void cw_kiosk_free_all(struct cw_daemon *d) {
        while (d->kiosks) {
                struct cw_kiosk *k = d->kiosks;
                d->kiosks = k->next;
                kiosk_free(k);
        }
}
