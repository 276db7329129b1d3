/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/kiosk_order.h"

#include "agent/daemon/kiosk_common.h"
#include "agent/daemon/script_orders.h"
#include "base/log.h"
#include "hsm/client/hsm_client.h"

#include <string.h>

#define QUICK_CALL_MS 8000
#define MARGIN_MS 10000
#define REFUSED_REST_MS 10000 /* a wrong card that stays in the reader is not looked up all the time */
#define SW_CARD_BLOCKED 0x6a81
#define SCRIPT_MS 90000 /* a transaction, and beside it the time for a card to be put in again */

/* One order at one kiosk; its calls follow one another, each answered exactly once. */
struct cw_kiosk_order {
        struct cw_daemon *daemon;
        struct cw_station_link *link;
        char ticket[40], id[9], kit[CW_KIT_CAP];
        const char *command, *step;
        int64_t session;
        int session_fd;
        bool begun, card;
        struct cw_kiosk_order *next;
};

static struct cw_script_order_row *row_of(const struct cw_kiosk_order *k) {
        return cw_script_orders_find(k->daemon->script_orders, k->id);
}

/* It waits on for this kiosk: nobody took it back, and its time is not over. */
static struct cw_script_order_row *confirmed(const struct cw_kiosk_order *k) {
        struct cw_script_order_row *o = row_of(k);
        return o && o->state == CW_SO_CONFIRMED ? o : NULL;
}

static struct cw_msg *message(const struct cw_kiosk_order *k, const char *call) {
        struct cw_msg *m = cw_msg_request(call);
        if (m)
                (void)json_object_set_new(m->json, "ticket", json_string(k->ticket));
        return m;
}

static void step(struct cw_kiosk_order *k, const char *name) {
        k->step = name;
        cw_log(CW_EV_KIOSK_STEP, CW_F_STR("KIOSK", cw_station_link_name(k->link)), CW_F_STR("STEP", name),
               CW_F_STR("JOB", k->kit));
}

static void order_free(struct cw_kiosk_order *k) {
        struct cw_kiosk_order **at = &k->daemon->kiosk_orders;
        while (*at && *at != k)
                at = &(*at)->next;
        if (*at)
                *at = k->next;
        cw_fd_cleanup(&k->session_fd);
        free(k);
}

static void end(struct cw_kiosk_order *k, const char *customer_text) {
        cw_kiosk_rest(k->daemon, k->link);
        if (k->card) {
                struct cw_msg *m = message(k, "kiosk.show");
                if (m)
                        (void)json_object_set_new(m->json, "text", json_string(customer_text));
                cw_station_link_call(k->link, m, QUICK_CALL_MS, NULL, NULL);
        }
        if (k->begun)
                cw_station_link_call(k->link, message(k, "kiosk.end"), QUICK_CALL_MS, NULL, NULL);
        if (k->session)
                cw_hsm_link_call(k->daemon->hsm, cw_hsm_msg_close(k->session), NULL, NULL);
        order_free(k);
}

static cw_rc note(struct cw_kiosk_order *k, const char *what, struct cw_fault *f) {
        char actor[CW_ACTOR_CAP];
        const struct cw_script_order_row *o = row_of(k);
        (void)snprintf(actor, sizeof actor, "station:%s", cw_station_link_name(k->link));
        CW_AUTO_JSON json_t *detail = o ? cw_script_order_json(o) : json_pack("{s:s}", "id", k->id);
        return cw_daemon_check(k->daemon, cw_journal_audit(k->daemon->journal, what, actor, detail, f), f);
}

/*
 * Nothing was sent. What may be better in a moment (no card yet, another card, a reader or the server away)
 * waits on until it expires: state CONFIRMED.
 */
static void leave(struct cw_kiosk_order *k, const struct cw_fault *f, enum cw_script_order_state state,
                  const char *customer_text) {
        const bool refused = cw_rc_class(f->rc) == CW_C_REJECT;
        struct cw_script_order_row *o = row_of(k);
        struct cw_fault unused = {0};
        cw_log(CW_EV_KIOSK_ENDED, CW_F_STR("KIOSK", cw_station_link_name(k->link)), CW_F_STR("STEP", k->step),
               CW_F_STR("CLASS", cw_class_name(cw_rc_class(f->rc))), CW_F_STR("CODE", f->code),
               CW_F_STR("TEXT", f->text));
        if (o && (o->state == CW_SO_CONFIRMED || o->state == CW_SO_RUNNING)) {
                o->state = state;
                (void)snprintf(o->text, sizeof o->text, "%s", f->text);
                if (state == CW_SO_CONFIRMED)
                        o->rest_until_ms = cw_wall_ms(k->daemon->clock) + REFUSED_REST_MS * refused;
                else if (cw_rc_class(note(k, "kiosk.script.ended", &unused)) == CW_C_FATAL)
                        return;
        }
        end(k, customer_text);
}

/* Nothing was sent, and it may go better in a moment; what the kit's own card refuses is over. */
static void not_yet(struct cw_kiosk_order *k, const struct cw_fault *f, const char *customer_text) {
        leave(k, f, cw_rc_class(f->rc) == CW_C_REJECT ? CW_SO_NOT_DONE : CW_SO_CONFIRMED, customer_text);
}

/* A card of which nobody knows that it is the kit's: the right one may come yet. */
static void other_card(struct cw_kiosk_order *k, const struct cw_fault *f, const char *customer_text) {
        leave(k, f, CW_SO_CONFIRMED, customer_text);
}

/* ---- the script ---- */

static enum cw_script_order_state state_of(const char *outcome) {
        if (strcmp(outcome, "done") == 0)
                return CW_SO_DONE;
        return strcmp(outcome, "not_done") == 0 ? CW_SO_NOT_DONE : CW_SO_UNKNOWN;
}

/* A call that was not answered may have had its effect. */
static void on_script(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk_order *k = ctx;
        struct cw_fault unused = {0};
        struct cw_script_order_row *o = row_of(k);
        enum cw_script_order_state state = CW_SO_UNKNOWN;
        bool genuine = rc == CW_OK && cw_msg_bool(reply, "genuine", false);
        if (rc == CW_OK)
                state = state_of(cw_msg_str(reply, "outcome", ""));
        /* A card that was not proven cannot say that it is done. */
        if (state == CW_SO_DONE && !genuine)
                state = CW_SO_UNKNOWN;
        if (o) {
                o->state = state;
                o->atc = rc == CW_OK ? cw_msg_int(reply, "atc", -1) : -1;
                o->pin_tries = rc == CW_OK ? cw_msg_int(reply, "pin_tries", -1) : -1;
                (void)snprintf(o->sw, sizeof o->sw, "%.4s", rc == CW_OK ? cw_msg_str(reply, "sw", "") : "");
                (void)snprintf(o->text, sizeof o->text, "%s",
                               rc == CW_OK ? cw_msg_str(reply, "text", "") : f->text);
                if (rc == CW_OK && !genuine && !o->text[0])
                        (void)snprintf(o->text, sizeof o->text,
                                       "the chip's cryptogram is wrong: keep this card and tell the bank's "
                                       "security");
        }
        if (cw_rc_class(note(k, "kiosk.script.ended", &unused)) == CW_C_FATAL)
                return;
        step(k, "script ended");
        end(k, state == CW_SO_DONE ? "DONE, TAKE CARD" : "PLEASE ASK US");
}

/* The command is in the audit log before it goes out; from here on it cannot be taken back. */
static void send_script(struct cw_kiosk_order *k, const struct cw_config_product *p) {
        struct cw_fault f = {0};
        struct cw_script_order_row *o = confirmed(k);
        if (!o) {
                end(k, "TAKE YOUR CARD");
                return;
        }
        o->state = CW_SO_RUNNING;
        cw_rc rc = note(k, "kiosk.script.sent", &f);
        if (cw_rc_class(rc) == CW_C_FATAL)
                return;
        if (rc != CW_OK) {
                not_yet(k, &f, "PLEASE ASK US");
                return;
        }
        step(k, "script");
        struct cw_msg *m = message(k, "kiosk.script");
        if (m) {
                (void)json_object_set_new(m->json, "commands", json_pack("[s]", k->command));
                (void)json_object_set_new(
                    m->json, "template",
                    json_integer(p && p->chip_pin_template == CW_SCRIPT_BEFORE ? 71 : 72));
        }
        cw_station_link_call(k->link, m, SCRIPT_MS + 2 * k->daemon->config->pin.entry_timeout_ms, on_script,
                             k);
}

static const struct cw_config_product *product_of(const struct cw_kiosk_order *k) {
        struct cw_job_row row;
        struct cw_fault unused = {0};
        if (cw_journal_job_by_kit(k->daemon->journal, k->kit, &row, &unused) != CW_OK)
                return NULL;
        return cw_config_product(k->daemon->config, row.kit.plastic_code);
}

static void on_bound(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk_order *k = ctx;
        (void)reply;
        if (rc != CW_OK)
                not_yet(k, f, "CARD REFUSED");
        else
                send_script(k, product_of(k));
}

/* ---- which card is it ---- */

static cw_rc wrong_card(const char *kit, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_MISMATCH), 0, "kiosk.script", "WRONG_CARD",
                       "the card in the kiosk is not the one of kit %s; nothing was sent to it", kit);
}

/* The server's word on the card in the reader; hsmd compares the number it sealed with the card's own. */
static void on_server_kit(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_kiosk_order *k = ctx;
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        char keys[CW_ISSUER_KEYS_CAP] = "", sealed[CW_SEALED_MAX + 1] = "";
        struct cw_job_row row;
        struct cw_journal *j = k->daemon->journal;
        if (rc == CW_OK && (reply->kit_count == 0 || strcmp(reply->kits[0].kit_no, k->kit) != 0))
                rc = wrong_card(k->kit, &fault);
        if (rc != CW_OK) {
                other_card(k, &fault, "CARD REFUSED");
                return;
        }
        rc = cw_journal_job_by_kit(j, k->kit, &row, &fault);
        if (rc == CW_OK)
                rc = cw_journal_issuer_keys(j, row.job.id, keys, &fault);
        if (rc == CW_OK && strlen(reply->kits[0].encrypted_card_number) <= CW_SEALED_MAX)
                (void)snprintf(sealed, sizeof sealed, "%s", reply->kits[0].encrypted_card_number);
        if (rc == CW_OK && !*sealed)
                rc = cw_journal_sealed(j, row.job.id, sealed, sizeof sealed, &fault);
        if (rc != CW_OK) {
                if (cw_rc_class(cw_daemon_check(k->daemon, rc, &fault)) != CW_C_FATAL)
                        not_yet(k, &fault, "CARD REFUSED");
                return;
        }
        const struct cw_hsm_kiosk_kit kit = {.kit = k->kit,
                                             .plastic_code = row.kit.plastic_code,
                                             .expiry = row.kit.expiry,
                                             .birth_date = "",
                                             .issuer_keys = keys,
                                             .encrypted_card_number = sealed};
        cw_hsm_link_call(k->daemon->hsm, cw_hsm_msg_kiosk_bind(k->session, &kit), on_bound, k);
}

static void on_sealed_pan(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk_order *k = ctx;
        cw_kiosk_find_kit(k->daemon, rc, f, reply, on_server_kit, k);
}

/* Perhaps the one that was blocked when the answer was lost: a blocked card does not tell its number. */
static void blocked_card(struct cw_kiosk_order *k, const struct cw_fault *f) {
        struct cw_fault told = *f;
        (void)snprintf(told.text, sizeof told.text, "a blocked card was put in; it cannot say which one");
        leave(k, &told, CW_SO_UNKNOWN, "");
}

static void on_card(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk_order *k = ctx;
        (void)reply;
        if (rc != CW_OK && cw_rc_class(rc) == CW_C_REJECT && f->native == SW_CARD_BLOCKED &&
            strcmp(k->command, "card-block") == 0) {
                blocked_card(k, f);
                return;
        }
        if (rc != CW_OK) {
                other_card(k, f, "");
                return;
        }
        k->card = true;
        step(k, "find kit");
        cw_hsm_link_call(k->daemon->hsm, cw_hsm_msg_kiosk_seal_pan(k->session), on_sealed_pan, k);
}

/* ---- start ---- */

static void on_session(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_kiosk_order *k = ctx;
        struct cw_hsm_opened opened;
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        const struct cw_script_order_row *o = confirmed(k);
        if (rc == CW_OK)
                rc = cw_hsm_reply_opened(reply, &opened, &fault);
        if (rc != CW_OK) {
                not_yet(k, &fault, "");
                return;
        }
        k->session = opened.session;
        k->session_fd = opened.fd;
        if (!o) {
                end(k, "");
                return;
        }
        int64_t left = o->expires_ms - cw_wall_ms(k->daemon->clock);
        int64_t timeout_ms = left > MARGIN_MS ? left : MARGIN_MS;
        struct cw_msg *m = message(k, "kiosk.begin");
        if (m) {
                /* A blocked application is read too: it may be what the script is to mend, or done already.
                 */
                (void)json_object_set_new(m->json, "blocked", json_true());
                (void)json_object_set_new(m->json, "timeout_ms", json_integer(timeout_ms));
                if (cw_msg_attach_fd(m, k->session_fd) == CW_OK)
                        k->session_fd = -1;
        }
        k->begun = true;
        step(k, "wait for card");
        cw_station_link_call(k->link, m, timeout_ms + MARGIN_MS, on_card, k);
}

bool cw_kiosk_order_runs(const struct cw_daemon *d, const struct cw_station_link *l) {
        for (const struct cw_kiosk_order *k = d->kiosk_orders; k; k = k->next)
                if (k->link == l)
                        return true;
        return false;
}

void cw_kiosk_order_expire(struct cw_daemon *d) {
        struct cw_script_order_row *o = NULL;
        while (d->script_orders && (o = cw_script_orders_expired(d->script_orders, cw_wall_ms(d->clock)))) {
                struct cw_fault f = {0};
                CW_AUTO_JSON json_t *detail = cw_script_order_json(o);
                (void)cw_daemon_check(
                    d, cw_journal_audit(d->journal, "kiosk.script.expired", "cardwrightd", detail, &f), &f);
        }
}

bool cw_kiosk_order_look(struct cw_daemon *d, struct cw_station_link *l) {
        if (!d->script_orders)
                return false;
        struct cw_script_order_row *o =
            cw_script_orders_next(d->script_orders, cw_station_link_name(l), cw_wall_ms(d->clock));
        struct cw_kiosk_order *k = o ? calloc(1, sizeof *k) : NULL;
        if (!k)
                return false;
        *k = (struct cw_kiosk_order){.daemon = d,
                                     .link = l,
                                     .command = o->command,
                                     .session_fd = -1,
                                     .step = "open session",
                                     .next = d->kiosk_orders};
        (void)snprintf(k->id, sizeof k->id, "%s", o->id);
        (void)snprintf(k->kit, sizeof k->kit, "%s", o->kit);
        (void)snprintf(k->ticket, sizeof k->ticket, "script-%s", o->id);
        d->kiosk_orders = k;
        cw_hsm_link_call(d->hsm, cw_hsm_msg_open_kiosk(k->ticket), on_session, k);
        return true;
}

/* Its kiosk stops waiting; the call that waits there is answered, and finds nothing to do any more. */
void cw_kiosk_order_dropped(struct cw_daemon *d, const char *id) {
        struct cw_kiosk_order *k = d->kiosk_orders;
        while (k && strcmp(k->id, id) != 0)
                k = k->next;
        if (k && k->begun)
                cw_station_link_call(k->link, message(k, "kiosk.end"), QUICK_CALL_MS, NULL, NULL);
}

void cw_kiosk_order_hsm_down(struct cw_daemon *d) {
        for (struct cw_kiosk_order *k = d->kiosk_orders; k; k = k->next)
                k->session = 0;
}

void cw_kiosk_order_free_all(struct cw_daemon *d) {
        while (d->kiosk_orders)
                order_free(d->kiosk_orders);
}
