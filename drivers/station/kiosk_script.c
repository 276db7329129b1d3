/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kiosk.script: issuer script commands for the customer's card, PIN CHANGE above all. Each try is a new
 * transaction with a new cryptogram; a card that was torn is asked for again, and must be the same card. A
 * PIN is then put there anew; of a block or an unblock whose answer was lost the card itself tells whether it
 * was done (kiosk_look.c), and no second command is sent.
 */
#include "base/clock.h"
#include "base/log.h"
#include "drivers/chip/script.h"
#include "drivers/station/kiosk.h"
#include "drivers/station/station.h"

#include <string.h>

#define TRIES 2

struct attempt {
        struct cw_script_order order;
        struct cw_script_result result;
        bool maybe;                /* an earlier try may have changed the card */
        enum cw_kiosk_looked look; /* what the card says of itself */
        int tries_before;          /* of the PIN */
};

static cw_rc read_order(const struct cw_msg *request, struct cw_script_order *ret, struct cw_fault *f) {
        const json_t *list = json_object_get(request->json, "commands");
        int64_t template = cw_msg_int(request, "template", 72);
        struct cw_script_order o = {.count = json_array_size(list), .before = template == 71};
        for (size_t i = 0; i < o.count && i < CW_SCRIPT_COMMANDS_MAX; i++) {
                o.commands[i] = json_string_value(json_array_get(list, i));
                if (!o.commands[i])
                        o.count = 0;
        }
        if (o.count == 0 || o.count > CW_SCRIPT_COMMANDS_MAX || (template != 71 && template != 72))
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX), 0, "kiosk.script", "",
                               "kiosk.script needs 1 to %u commands and the template 71 or 72",
                               CW_SCRIPT_COMMANDS_MAX);
        o.blocked = strcmp(o.commands[0], "application-unblock") == 0;
        *ret = o;
        return CW_OK;
}

/* A new transaction of the card that is powered already. */
cw_rc cw_kiosk_start_again(struct cw_kiosk *k, struct cw_fault *f) {
        const struct cw_profile *profile = k->terminal.profile;
        cw_terminal_done(&k->terminal);
        k->has_terminal = false;
        cw_rc rc = cw_terminal_init(k->channel, profile, CW_APDU_TIMEOUT_MS, &k->terminal, f);
        if (rc != CW_OK)
                return rc;
        k->has_terminal = true;
        k->terminal.take_blocked = k->take_blocked;
        rc = cw_terminal_select(&k->terminal, NULL, f);
        if (rc == CW_OK)
                rc = cw_terminal_start(&k->terminal, f);
        return rc == CW_OK ? cw_terminal_read_records(&k->terminal, NULL, NULL, f) : rc;
}

void cw_kiosk_let_go(struct cw_kiosk *k) {
        if (k->has_terminal)
                cw_terminal_done(&k->terminal);
        k->has_terminal = false;
        if (k->channel)
                cw_card_close(k->channel);
        k->channel = NULL;
}

/* Waits for a card and reads it; one that is being pushed in may need more than one look. */
static cw_rc read_again(struct cw_station *st, struct cw_fault *f) {
        int64_t limit_ns = cw_deadline_ns(2 * st->config->pin.entry_timeout_ms);
        for (;;) {
                cw_rc rc = cw_card_reader_wait(st->reader, true, NULL, cw_deadline_left_ms(limit_ns),
                                               &st->cancel, f);
                if (rc != CW_OK)
                        return rc;
                rc = cw_kiosk_read_card(st, f);
                if (rc == CW_OK || cw_rc_class(rc) == CW_C_REJECT || cw_deadline_left_ms(limit_ns) == 0)
                        return rc;
                cw_kiosk_let_go(&st->kiosk);
        }
}

static bool same_card(const struct cw_terminal_card *a, const struct cw_terminal_card *b) {
        return a->pan->len == b->pan->len && cw_equal_ct(a->pan->ptr, b->pan->ptr, a->pan->len) &&
               strcmp(a->psn, b->psn) == 0;
}

/* The card went away in the middle: it is asked for again. */
static cw_rc card_again(struct cw_station *st, struct cw_fault *f) {
        struct cw_kiosk *k = &st->kiosk;
        struct cw_terminal_card before = k->who;
        k->who = (struct cw_terminal_card){0};
        cw_kiosk_let_go(k);
        cw_kiosk_tell(st, "CARD BACK IN PLS");
        cw_rc rc = read_again(st, f);
        if (rc == CW_OK && !same_card(&before, &k->who))
                rc = cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_MISMATCH), 0, "kiosk.script", "",
                             "another card was put in; what the first one got is to be looked at");
        if (rc == CW_OK)
                cw_kiosk_tell(st, "PLEASE WAIT");
        cw_terminal_card_done(&before);
        return rc;
}

/* What a card says of itself is believed of a genuine card only: the number is easily copied. */
static cw_rc believe(struct cw_kiosk *k, struct attempt *a, enum cw_kiosk_looked says, struct cw_fault *f) {
        a->result.genuine = false;
        a->look = CW_LOOKED_UNKNOWN;
        cw_rc rc =
            cw_script_prove(&k->terminal, k->session, k->who.psn, &a->result.genuine, &a->result.atc, f);
        if (rc == CW_OK && a->result.genuine)
                a->look = says;
        return rc;
}

/* A command whose answer was lost: the card is asked for again, and asked. */
static cw_rc read_back(struct cw_station *st, struct attempt *a, struct cw_fault *f) {
        const char *command = a->order.commands[0];
        st->kiosk.take_blocked = true;
        a->look = CW_LOOKED_UNKNOWN;
        cw_rc rc = card_again(st, f);
        if (rc != CW_OK)
                return cw_kiosk_look_blocked(command, rc, f);
        return believe(&st->kiosk, a, cw_kiosk_look_after(&st->kiosk, command, a->tries_before), f);
}

static cw_rc run(struct cw_station *st, struct attempt *a, struct cw_fault *f) {
        struct cw_kiosk *k = &st->kiosk;
        const char *command = a->order.commands[0];
        bool looks = a->order.count == 1 && cw_kiosk_look_can(command);
        cw_rc rc = cw_kiosk_start_again(k, f);
        if (rc == CW_OK && looks && cw_kiosk_look_before(k, command))
                return believe(k, a, CW_LOOKED_DONE, f);
        if (rc == CW_OK && looks)
                a->tries_before = cw_script_pin_tries(&k->terminal);
        for (int try = 1;; try++) {
                if (rc == CW_OK)
                        rc = cw_script_run(&k->terminal, k->session, k->who.psn, &a->order, &a->result, f);
                if (rc == CW_OK || cw_rc_class(rc) != CW_C_RECONNECT || cw_rc_layer(rc) != CW_L_READER ||
                    try == TRIES)
                        return rc;
                cw_log_fault(CW_EV_KIOSK_CALL_FAILED, f);
                a->maybe = a->maybe || a->result.sent > 0;
                if (looks && a->maybe)
                        return read_back(st, a, f);
                rc = card_again(st, f);
        }
}

/* done: every command was accepted. not_done: the card is as it was. unknown: a person is to be told. */
static const char *outcome_of(const struct attempt *a, cw_rc rc) {
        const struct cw_script_result *r = &a->result;
        if (a->look != CW_LOOKED_NOT_AT_ALL)
                return a->look == CW_LOOKED_DONE       ? "done"
                       : a->look == CW_LOOKED_NOT_DONE ? "not_done"
                                                       : "unknown";
        if (rc == CW_OK && r->genuine && r->done == a->order.count)
                return "done";
        bool torn = rc != CW_OK && cw_rc_class(rc) == CW_C_RECONNECT && r->sent > r->done;
        return a->maybe || torn || r->done > 0 ? "unknown" : "not_done";
}

static const char *looked_text(const struct attempt *a) {
        if (a->look == CW_LOOKED_DONE)
                return "read back from the card: it is so";
        if (a->look != CW_LOOKED_UNKNOWN)
                return "";
        return a->result.genuine
                   ? "the card does not tell whether it was done"
                   : "how the card reads is not proven genuine: keep it and tell the bank's security";
}

static void fill(struct cw_msg *reply, const struct attempt *a, cw_rc rc, const struct cw_fault *f) {
        const struct cw_script_result *r = &a->result;
        json_t *j = reply->json;
        (void)json_object_set_new(j, "outcome", json_string(outcome_of(a, rc)));
        (void)json_object_set_new(j, "genuine", json_boolean(r->genuine));
        (void)json_object_set_new(j, "atc", json_integer(r->atc));
        (void)json_object_set_new(j, "done", json_integer((json_int_t)r->done));
        (void)json_object_set_new(j, "sw", json_sprintf("%04X", r->sw));
        if (r->pin_tries >= 0)
                (void)json_object_set_new(j, "pin_tries", json_integer(r->pin_tries));
        (void)json_object_set_new(j, "code", json_string(rc == CW_OK ? "" : f->code));
        (void)json_object_set_new(j, "text", json_string(rc == CW_OK ? looked_text(a) : f->text));
}

struct cw_msg *cw_kiosk_script(struct cw_station *st, const struct cw_msg *request) {
        struct cw_fault f = {0};
        struct attempt a = {.result = {.pin_tries = -1}, .tries_before = -1};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        cw_rc rc = cw_kiosk_check(st, request, &f);
        if (rc == CW_OK)
                rc = read_order(request, &a.order, &f);
        if (rc == CW_OK && !(st->kiosk.has_terminal && st->kiosk.channel))
                rc = cw_fail(&f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_STATE), 0, "kiosk.script", "",
                             "there is no card of this customer; begin again");
        if (rc != CW_OK || !reply)
                return cw_kiosk_failed(request, &f);
        rc = run(st, &a, &f);
        if (rc != CW_OK)
                cw_log_fault(CW_EV_KIOSK_CALL_FAILED, &f);
        fill(reply, &a, rc, &f);
        return CW_STEAL(reply);
}
