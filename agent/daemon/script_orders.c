/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/script_orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define REJECT(n) CW_RC(CW_L_CONTROL, CW_C_REJECT, (n))

struct cw_script_orders {
        struct cw_script_order_row *first; /* newest first */
};

struct cw_script_orders *cw_script_orders_new(void) {
        return calloc(1, sizeof(struct cw_script_orders));
}

void cw_script_orders_free(struct cw_script_orders *q) {
        while (q && q->first) {
                struct cw_script_order_row *o = q->first;
                q->first = o->next;
                free(o);
        }
        free(q);
}

const char *cw_script_order_command(const char *word) {
        static const char *const words[][2] = {{"block-application", "application-block"},
                                               {"unblock-application", "application-unblock"},
                                               {"block-card", "card-block"},
                                               {"unblock-pin", "pin-unblock"}};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strcmp(words[i][0], word) == 0)
                        return words[i][1];
        return NULL;
}

static void remove_one(struct cw_script_orders *q, struct cw_script_order_row *o) {
        for (struct cw_script_order_row **at = &q->first; *at; at = &(*at)->next) {
                if (*at != o)
                        continue;
                *at = o->next;
                free(o);
                return;
        }
}

static void expire(struct cw_script_order_row *o, int64_t now_ms) {
        o->state = CW_SO_NOT_DONE;
        o->expired = true;
        o->expires_ms = now_ms + CW_SCRIPT_ORDER_TTL_MS;
        if (!o->text[0])
                (void)snprintf(o->text, sizeof o->text, "its card was not put in in time; nothing was sent");
}

/*
 * What runs is not over, however late it is; what ended is shown until it would have expired. One that was
 * confirmed is shown for a while more, and told of, since two people count on it.
 */
static void forget_expired(struct cw_script_orders *q, int64_t now_ms) {
        for (struct cw_script_order_row *o = q->first, *next = NULL; o; o = next) {
                next = o->next;
                if (o->state == CW_SO_RUNNING || o->expires_ms > now_ms)
                        continue;
                if (o->state == CW_SO_CONFIRMED)
                        expire(o, now_ms);
                else if (!o->expired)
                        remove_one(q, o);
        }
}

struct cw_script_order_row *cw_script_orders_expired(struct cw_script_orders *q, int64_t now_ms) {
        forget_expired(q, now_ms);
        for (struct cw_script_order_row *o = q->first; o; o = o->next) {
                if (!o->expired)
                        continue;
                o->expired = false;
                return o;
        }
        return NULL;
}

static bool waits(const struct cw_script_order_row *o) {
        return o->state == CW_SO_ASKED || o->state == CW_SO_CONFIRMED || o->state == CW_SO_RUNNING;
}

static const char *draft_fault(const struct cw_script_orders *q, const struct cw_script_order_row *draft) {
        size_t count = 0;
        for (const struct cw_script_order_row *o = q->first; o; o = o->next, count++)
                if (waits(o) && strcmp(o->kit, draft->kit) == 0)
                        return "a script for this kit waits already; see cardwright kiosk scripts";
        return count >= CW_SCRIPT_ORDERS_MAX ? "too many scripts; wait until some are over" : NULL;
}

cw_rc cw_script_orders_file(struct cw_script_orders *q, const struct cw_script_order_row *draft,
                            int64_t now_ms, struct cw_script_order_row **ret, struct cw_fault *f) {
        uint32_t number = 0;
        forget_expired(q, now_ms);
        const char *fault = draft_fault(q, draft);
        if (fault)
                return cw_fail(f, REJECT(CW_E_RANGE), 0, "kiosk.script", "", "%s", fault);
        struct cw_script_order_row *o = calloc(1, sizeof *o);
        if (!o || getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
                free(o);
                return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_RETRY, CW_E_NOMEM), 0, "kiosk.script", "",
                               "out of memory");
        }
        *o = *draft;
        (void)snprintf(o->id, sizeof o->id, "%08x", number);
        o->expires_ms = now_ms + CW_SCRIPT_ORDER_TTL_MS;
        o->state = CW_SO_ASKED;
        o->atc = o->pin_tries = -1;
        o->next = q->first;
        q->first = o;
        *ret = o;
        return CW_OK;
}

struct cw_script_order_row *cw_script_orders_find(struct cw_script_orders *q, const char *id) {
        struct cw_script_order_row *o = q->first;
        while (o && strcmp(o->id, id) != 0)
                o = o->next;
        return o;
}

cw_rc cw_script_orders_check(struct cw_script_orders *q, const char *id, uint32_t checker_uid, int64_t now_ms,
                             struct cw_script_order_row **ret, struct cw_fault *f) {
        forget_expired(q, now_ms);
        struct cw_script_order_row *o = cw_script_orders_find(q, id);
        if (!o || o->state != CW_SO_ASKED)
                return cw_fail(f, REJECT(CW_E_NOT_FOUND), 0, "kiosk.script", "",
                               "no script with this number waits for a second person; see cardwright kiosk "
                               "scripts");
        if (o->maker_uid == checker_uid)
                return cw_fail(f, REJECT(CW_E_DENIED), 0, "kiosk.script", "SAME_PERSON",
                               "who asked for the script cannot confirm it; another administrator must");
        *ret = o;
        return CW_OK;
}

cw_rc cw_script_orders_drop(struct cw_script_orders *q, const char *id, int64_t now_ms, struct cw_fault *f) {
        forget_expired(q, now_ms);
        struct cw_script_order_row *o = cw_script_orders_find(q, id);
        if (!o || !waits(o))
                return cw_fail(f, REJECT(CW_E_NOT_FOUND), 0, "kiosk.script", "",
                               "no script with this number waits; see cardwright kiosk scripts");
        if (o->state == CW_SO_RUNNING)
                return cw_fail(f, REJECT(CW_E_BUSY), 0, "kiosk.script", "", "the kiosk is at it");
        remove_one(q, o);
        return CW_OK;
}

struct cw_script_order_row *cw_script_orders_next(struct cw_script_orders *q, const char *kiosk,
                                                  int64_t now_ms) {
        struct cw_script_order_row *oldest = NULL;
        forget_expired(q, now_ms);
        for (struct cw_script_order_row *o = q->first; o; o = o->next)
                if (o->state == CW_SO_CONFIRMED && strcmp(o->kiosk, kiosk) == 0 && o->rest_until_ms <= now_ms)
                        oldest = o;
        return oldest;
}

const char *cw_script_order_state_name(enum cw_script_order_state s) {
        static const char *const names[] = {"asked", "confirmed", "running", "done", "not_done", "unknown"};
        return names[s];
}

json_t *cw_script_order_json(const struct cw_script_order_row *o) {
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s}", "id", o->id, "kit",
                         o->kit, "kiosk", o->kiosk, "command", o->command, "state",
                         cw_script_order_state_name(o->state), "maker", o->maker, "checker", o->checker,
                         "expires_ms", (json_int_t)o->expires_ms, "atc", (json_int_t)o->atc, "pin_tries",
                         (json_int_t)o->pin_tries, "sw", o->sw, "text", o->text);
}

json_t *cw_script_orders_json(struct cw_script_orders *q, int64_t now_ms) {
        json_t *list = json_array();
        forget_expired(q, now_ms);
        for (const struct cw_script_order_row *o = q->first; o; o = o->next)
                (void)json_array_append_new(list, cw_script_order_json(o));
        return list;
}
