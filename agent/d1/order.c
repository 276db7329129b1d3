/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order, made once: look, send, and when the answer is lost look again, twice with a pause between (D1 may
 * still be at work), before it is sent anew with the same issuerRequestId.
 */
#include "agent/d1/internal.h"

#include "agent/upstream/backoff.h"
#include "agent/upstream/rc.h"

#include <string.h>

#define ROUNDS_MAX 3
#define FIRST_LOOK_MS 500
#define SECOND_LOOK_MS 1500
#define OP "d1.order"

struct item {
        json_t *card; /* the order's JSON */
        char request_id[65];
        bool creation;
        size_t plain_before; /* operations without a request id, seen before anything was sent */
        bool done;
};

struct cw_d1_call {
        struct cw_d1_call *next;
        struct cw_d1 *d;
        struct cw_timer *timer;
        struct cw_d1_ask *ask;
        char correlation_id[33];
        size_t count, at; /* items; the one being looked at */
        struct item *items;
        struct cw_d1_made *made;
        int rounds, tries;
        bool lost;          /* an answer, or a card's row of it, was lost: the order may be there */
        bool seen_undone;   /* the status said so once since */
        bool refused;       /* after a loss D1 refused: it may be the echo of our own success */
        bool refused_whole; /* the last answer refused the order as such */
        struct cw_fault fault;
        int64_t retry_after_ms;
        size_t operation_count;
        struct cw_d1_operation operations[CW_D1_OPERATIONS_MAX];
        cw_d1_fn fn;
        void *ctx;
};

static void call_free(struct cw_d1_call *c) {
        for (struct cw_d1_call **at = &c->d->calls; *at; at = &(*at)->next)
                if (*at == c) {
                        *at = c->next;
                        break;
                }
        for (size_t i = 0; c->items && i < c->count; i++)
                json_decref(c->items[i].card);
        cw_timer_free(c->timer);
        free(c->items);
        free(c->made);
        free(c);
}

static void report(struct cw_d1_call *c, cw_rc rc, const struct cw_fault *f) {
        const struct cw_d1_call *call = c;
        struct cw_d1_reply reply = {
            .tries = call->tries,
            .retry_after_ms = rc == CW_OK || cw_rc_class(rc) == CW_C_RETRY ? call->retry_after_ms : 0,
            .made_count = call->made ? call->count : 0,
            .made = call->made,
            .operation_count = call->operation_count,
            .operations = call->operations,
        };
        (void)snprintf(reply.correlation_id, sizeof reply.correlation_id, "%s", c->correlation_id);
        cw_d1_fn fn = c->fn;
        void *ctx = c->ctx;
        if (fn)
                fn(ctx, rc, f, &reply);
        call_free(c);
}

/* What is not settled ends with this fault. */
static void finish(struct cw_d1_call *c, const struct cw_fault *f) {
        const struct cw_fault *first = NULL;
        size_t ok = 0;
        for (size_t i = 0; i < c->count; i++) {
                struct cw_d1_made *m = &c->made[i];
                if (!c->items[i].done && f) {
                        m->fault = *f;
                        m->refused_whole = c->refused_whole && cw_rc_class(f->rc) == CW_C_REJECT;
                }
                ok += m->ok;
                if (!m->ok && !first)
                        first = &m->fault;
        }
        struct cw_fault copy = first ? *first : (struct cw_fault){0};
        if (ok > 0 && (c->count > 1 || !first))
                report(c, CW_OK, NULL);
        else
                report(c, copy.rc, &copy);
}

static void finish_unclear(struct cw_d1_call *c, const char *why) {
        struct cw_fault f;
        (void)cw_fail(&f, CW_UP(IN_DOUBT, CW_E_TIMEOUT), c->fault.native, OP, CW_D1_CODE_LOST,
                      "the answer to the order was lost and %s; read its status before anything else", why);
        finish(c, &f);
}

static void settle(struct cw_d1_call *c, size_t i, const char *operation_id, bool confirmed) {
        c->items[i].done = true;
        c->made[i].ok = true;
        c->made[i].confirmed = confirmed;
        (void)snprintf(c->made[i].operation_id, sizeof c->made[i].operation_id, "%s", operation_id);
}

static void settle_refused(struct cw_d1_call *c, size_t i, const struct cw_fault *f) {
        c->items[i].done = true;
        c->made[i].fault = *f;
}

static bool next_pending(struct cw_d1_call *c) {
        while (c->at < c->count && c->items[c->at].done)
                c->at++;
        return c->at < c->count;
}

/* False when the call ended for want of memory. */
static bool ask(struct cw_d1_call *c, bool post, const char *path, char *take_body, const char *what,
                cw_d1_ask_fn fn) {
        const struct cw_d1_question q = {post, path, take_body, what, c->correlation_id};
        c->ask = cw_d1_ask_start(c->d, &q, fn, c);
        c->tries++;
        if (c->ask)
                return true;
        struct cw_fault f;
        (void)cw_fail(&f, CW_UP(RETRY, CW_E_NOMEM), 0, OP, "", "no memory for a call to D1");
        if (c->lost)
                finish_unclear(c, "there is no memory to read it back");
        else
                finish(c, &f);
        return false;
}

/* ---- sending ---- */

static void look(struct cw_d1_call *c);

static char *batch_body(const struct cw_d1_call *c) {
        CW_AUTO_JSON json_t *cards = json_array();
        for (size_t i = 0; i < c->count; i++) {
                if (c->items[i].done)
                        continue;
                json_t *card = json_copy(c->items[i].card);
                (void)json_object_set_new(card, "cardId", json_string(c->made[i].card_id));
                (void)json_array_append_new(cards, card);
        }
        CW_AUTO_JSON json_t *body = json_pack("{s:O}", "cards", cards);
        return body ? json_dumps(body, JSON_COMPACT) : NULL;
}

/* What the answer says of this card. False when it tells of cards, but not of this one. */
static bool take_made(struct cw_d1_call *c, size_t i, const json_t *root) {
        bool batch = c->count > 1,
             rows = json_is_array(root) || json_is_array(json_object_get(root, "cards"));
        const json_t *row = batch ? cw_d1_batch_row(root, c->made[i].card_id) : root;
        struct cw_fault f;
        char id[65];
        if (batch && !row && rows)
                return false;
        if (batch && cw_d1_error_read(row, "the card", 202, &f)) {
                if (!c->lost) {
                        settle_refused(c, i, &f);
                        return true;
                }
                c->refused = true; /* may be the echo of our own success: looked at once more */
                c->fault = f;
                return true;
        }
        cw_d1_operation_id(row, id); /* a number for the whole batch is no card's */
        settle(c, i, id, false);
        return true;
}

static void take_all(struct cw_d1_call *c, const json_t *root) {
        bool untold = false;
        for (size_t i = 0; i < c->count; i++)
                if (!c->items[i].done)
                        untold = !take_made(c, i, root) || untold;
        if (untold) { /* a refusal is not the others' answer: all that is left is looked at, and sent anew */
                c->lost = true;
                c->refused = false;
        }
        if (untold || c->refused)
                cw_timer_arm(c->timer, FIRST_LOOK_MS);
        else
                finish(c, NULL);
}

static void on_sent(void *ctx, const struct cw_d1_answer *a) {
        struct cw_d1_call *c = ctx;
        c->ask = NULL;
        if (a->verdict == CW_D1_OK) {
                take_all(c, a->root);
                return;
        }
        c->fault = a->fault;
        c->retry_after_ms = a->retry_after_ms > 0 ? a->retry_after_ms : CW_BACKOFF_CAP_MS;
        bool lost = a->verdict == CW_D1_AGAIN && a->effect_possible;
        c->refused_whole = a->verdict == CW_D1_REFUSED;
        c->refused = c->lost && c->refused_whole;
        if (!lost && !c->lost) {
                finish(c, &a->fault);
                return;
        }
        c->lost = true;
        cw_timer_arm(c->timer, FIRST_LOOK_MS);
}

static void send_round(struct cw_d1_call *c) {
        char path[CW_D1_URL_CAP];
        bool batch = c->count > 1;
        bool fits =
            batch ? cw_d1_batch_path(c->d, path, sizeof path)
                  : cw_d1_card_path(c->d, c->made[0].card_id, "/operations:production", path, sizeof path);
        char *body = !fits ? NULL : batch ? batch_body(c) : json_dumps(c->items[0].card, JSON_COMPACT);
        c->rounds++;
        c->seen_undone = c->refused = c->refused_whole = false;
        c->at = 0;
        if (body) {
                (void)ask(c, true, path, body, "the order", on_sent);
                return;
        }
        struct cw_fault f;
        (void)cw_fail(&f, CW_UP(RETRY, CW_E_NOMEM), 0, OP, "",
                      "no memory for the order, or d1.batch_path is too long");
        finish(c, &f);
}

/* ---- looking ---- */

static void give_up(struct cw_d1_call *c) {
        struct cw_fault f;
        (void)cw_fail(&f, CW_UP(RETRY, CW_E_IO), c->fault.native, OP, CW_D1_CODE_OFFLINE,
                      "the order was sent %d times without an answer and is not at D1; try again later",
                      c->rounds);
        finish(c, &f);
}

/* All items were looked at. What is not there is looked for twice before it is sent again. */
static void looked(struct cw_d1_call *c) {
        c->at = 0;
        bool sent = c->rounds > 0;
        if (!next_pending(c)) {
                finish(c, NULL);
        } else if (sent && c->refused) {
                finish(c, &c->fault);
        } else if (sent && !c->seen_undone) {
                c->seen_undone = true;
                cw_timer_arm(c->timer, SECOND_LOOK_MS);
        } else if (c->rounds < ROUNDS_MAX) {
                send_round(c);
        } else {
                give_up(c);
        }
}

static void refuse_other(struct cw_d1_call *c, const struct cw_d1_operation *o) {
        struct cw_fault f;
        (void)cw_fail(&f, CW_UP(REJECT, CW_E_STATE), 0, OP, CW_D1_CODE_ORDERED,
                      "D1 has this card in production already, by another order (%s, %s); look at its status",
                      o->id, o->detail_word);
        settle_refused(c, c->at, &f);
}

/* Our order arrived and D1 could not carry it out: it must not be taken for a card that is made. */
static void refuse_failed(struct cw_d1_call *c, const struct cw_d1_operation *o) {
        struct cw_fault f;
        (void)cw_fail(&f, CW_UP(REJECT, CW_E_STATE), 0, OP, CW_D1_CODE_FAILED,
                      "D1 took the order (%s) and could not carry it out: %s %s %s", o->id, o->detail_word,
                      o->code, o->reason);
        settle_refused(c, c->at, &f);
}

static void judge(struct cw_d1_call *c) {
        struct item *item = &c->items[c->at];
        const struct cw_d1_operation *o = NULL;
        size_t plain = 0;
        enum cw_d1_found found =
            cw_d1_find_order(c->operations, c->operation_count, item->request_id, &o, &plain);
        bool first = c->rounds == 0;
        size_t known = first && item->creation ? 0 : item->plain_before;
        /* Another card is only ordered when none is on its way: an earlier order may be listed late. */
        const struct cw_d1_operation *pending =
            first && !item->creation ? cw_d1_find_pending(c->operations, c->operation_count) : NULL;
        if (first)
                item->plain_before = item->creation ? 0 : plain;
        if (found == CW_D1_FOUND_OURS ||
            (found == CW_D1_FOUND_PLAIN && plain > known && !(first && !item->creation)))
                settle(c, c->at, o->id, true);
        else if (pending)
                refuse_other(c, pending);
        else if (found == CW_D1_FOUND_FAILED)
                refuse_failed(c, o);
        else if (found == CW_D1_FOUND_OTHER && item->creation)
                refuse_other(c, o);
}

static void on_look(void *ctx, const struct cw_d1_answer *a) {
        struct cw_d1_call *c = ctx;
        c->ask = NULL;
        bool unknown_card = a->verdict == CW_D1_REFUSED && (a->fault.rc & 0xffffu) == CW_E_NOT_FOUND;
        if (a->verdict != CW_D1_OK && !unknown_card) {
                if (c->lost) {
                        finish_unclear(c, "reading it back failed too");
                        return;
                }
                c->retry_after_ms = a->retry_after_ms > 0 ? a->retry_after_ms : CW_BACKOFF_CAP_MS;
                finish(c, &a->fault);
                return;
        }
        c->operation_count = cw_d1_operations_read(a->root, c->operations, CW_D1_OPERATIONS_MAX);
        judge(c);
        c->at++;
        look(c);
}

static void look(struct cw_d1_call *c) {
        char path[CW_D1_URL_CAP];
        if (!next_pending(c)) {
                looked(c);
                return;
        }
        (void)cw_d1_card_path(c->d, c->made[c->at].card_id, "/productionStatus", path, sizeof path);
        (void)ask(c, false, path, NULL, "the status of the card", on_look);
}

/* ---- begin and end ---- */

static void on_timer(void *ctx) {
        look(ctx);
}

static struct cw_d1_call *call_new(struct cw_d1 *d, size_t count, cw_d1_fn fn, void *ctx,
                                   void (*begin)(void *ctx), struct cw_fault *f) {
        struct cw_d1_call *c = calloc(1, sizeof *c);
        if (c) {
                c->items = calloc(count, sizeof *c->items);
                c->made = calloc(count, sizeof *c->made);
        }
        if (!c || !c->items || !c->made || cw_timer_new(d->loop, begin, c, &c->timer) != CW_OK) {
                if (c) {
                        free(c->items);
                        free(c->made);
                }
                free(c);
                (void)cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, OP, "", "no memory for a call to D1");
                return NULL;
        }
        c->d = d;
        c->count = count;
        c->fn = fn;
        c->ctx = ctx;
        for (size_t i = 0; i < 4; i++)
                (void)snprintf(c->correlation_id + 8 * i, 9, "%08x", cw_d1_random());
        c->next = d->calls;
        d->calls = c;
        return c;
}

cw_rc cw_d1_order(struct cw_d1 *d, const struct cw_d1_order *cards, size_t count, cw_d1_fn fn, void *ctx,
                  struct cw_fault *f) {
        if (count < 1 || count > CW_D1_BATCH_MAX)
                return cw_fail(f, CW_UP(REJECT, CW_E_RANGE), (int64_t)count, OP, CW_D1_CODE_REQUEST,
                               "an order has 1 to %u cards", CW_D1_BATCH_MAX);
        struct cw_d1_call *c = call_new(d, count, fn, ctx, on_timer, f);
        if (!c)
                return CW_UP(RETRY, CW_E_NOMEM);
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < count && rc == CW_OK; i++) {
                rc = cw_d1_body_card(d->config, &cards[i], &c->items[i].card, f);
                if (rc != CW_OK)
                        break;
                c->items[i].creation = strcmp(cards[i].issuance, "CREATION") == 0;
                (void)snprintf(c->items[i].request_id, sizeof c->items[i].request_id, "%s",
                               cards[i].request_id);
                (void)snprintf(c->made[i].card_id, sizeof c->made[i].card_id, "%s", cards[i].card_id);
        }
        if (rc == CW_OK)
                cw_timer_arm(c->timer, 0);
        else
                call_free(c);
        return rc;
}

static void on_status(void *ctx, const struct cw_d1_answer *a) {
        struct cw_d1_call *c = ctx;
        c->ask = NULL;
        if (a->verdict == CW_D1_OK)
                c->operation_count = cw_d1_operations_read(a->root, c->operations, CW_D1_OPERATIONS_MAX);
        bool backoff = a->verdict != CW_D1_OK && a->retry_after_ms <= 0;
        c->retry_after_ms = backoff ? CW_BACKOFF_CAP_MS : a->retry_after_ms > 0 ? a->retry_after_ms : 0;
        struct cw_fault copy = a->fault;
        report(c, a->verdict == CW_D1_OK ? CW_OK : copy.rc, a->verdict == CW_D1_OK ? NULL : &copy);
}

static void begin_status(void *ctx) {
        struct cw_d1_call *c = ctx;
        char path[CW_D1_URL_CAP];
        (void)cw_d1_card_path(c->d, c->made[0].card_id, "/productionStatus", path, sizeof path);
        (void)ask(c, false, path, NULL, "the status of the card", on_status);
}

cw_rc cw_d1_production_status(struct cw_d1 *d, const char *card_id, cw_d1_fn fn, void *ctx,
                              struct cw_fault *f) {
        if (!cw_d1_is_id(card_id, CW_D1_CARD_ID_MAX))
                return cw_fail(f, CW_UP(REJECT, CW_E_SYNTAX), 0, "d1.status", CW_D1_CODE_REQUEST,
                               "cardId must be 1 to 48 letters, digits, '-' and '_'");
        struct cw_d1_call *c = call_new(d, 1, fn, ctx, begin_status, f);
        if (!c)
                return CW_UP(RETRY, CW_E_NOMEM);
        (void)snprintf(c->made[0].card_id, sizeof c->made[0].card_id, "%s", card_id);
        cw_timer_arm(c->timer, 0);
        return CW_OK;
}

void cw_d1_call_cancel(struct cw_d1_call *c) {
        struct cw_fault f;
        bool sent = c->lost;
        if (c->ask)
                sent = cw_d1_ask_cancel(CW_STEAL(c->ask)) || sent;
        if (sent) {
                finish_unclear(c, "the program ends");
                return;
        }
        (void)cw_fail(&f, CW_UP(RETRY, CW_E_CANCELLED), 0, OP, "", "the program ends before D1's answer");
        finish(c, &f);
}
