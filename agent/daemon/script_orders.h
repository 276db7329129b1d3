/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issuer scripts by a person's word: one administrator asks for it, another confirms it, then the customer's
 * card is waited for at the kiosk. Orders live in memory, for a limited time; who asked, who confirmed, what
 * was sent and how it ended is in the audit log. Pure, no I/O.
 */
#pragma once

#include "agent/journal/journal.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

#define CW_SCRIPT_ORDER_TTL_MS ((int64_t)30 * 60 * 1000)
#define CW_SCRIPT_ORDERS_MAX 64u

enum cw_script_order_state {
        CW_SO_ASKED,     /* waits for the second person */
        CW_SO_CONFIRMED, /* waits for the kiosk and the card */
        CW_SO_RUNNING,
        CW_SO_DONE,
        CW_SO_NOT_DONE, /* the card is as it was */
        CW_SO_UNKNOWN   /* asking for it again makes the kiosk look first */
};

struct cw_script_order_row {
        char id[9]; /* 8 hex digits, random: an old number never means a new order */
        char kit[CW_KIT_CAP], kiosk[CW_STATION_NAME_CAP];
        const char *command; /* of hsmd's emv.script; lives for ever */
        uint32_t maker_uid;
        char maker[32], checker[32];
        int64_t expires_ms; /* wall clock; of a confirmed one: until when a card is waited for */
        enum cw_script_order_state state;
        int64_t atc, pin_tries; /* -1 = not told */
        char sw[5], text[200];
        int64_t rest_until_ms; /* the kiosk is not asked again before; 0 = at once */
        bool expired;          /* its time ran out, and nobody was told yet */
        struct cw_script_order_row *next;
};

struct cw_script_orders;

struct cw_script_orders *cw_script_orders_new(void);
void cw_script_orders_free(struct cw_script_orders *q);
CW_DEFINE_CLEANUP(struct cw_script_orders *, cw_script_orders_free);

/* "block-application", "unblock-application", "block-card", "unblock-pin" as hsmd's word; NULL for others. */
const char *cw_script_order_command(const char *word);

/*
 * Files an order (kit, kiosk, command, maker of draft). REJECT: too many, or one for this kit waits already.
 * *ret borrows.
 */
CW_WARN_UNUSED cw_rc cw_script_orders_file(struct cw_script_orders *q,
                                           const struct cw_script_order_row *draft, int64_t now_ms,
                                           struct cw_script_order_row **ret, struct cw_fault *f);
/* What waits for a second person; REJECT/CW_E_DENIED when it is the one who asked. Changes nothing. */
CW_WARN_UNUSED cw_rc cw_script_orders_check(struct cw_script_orders *q, const char *id, uint32_t checker_uid,
                                            int64_t now_ms, struct cw_script_order_row **ret,
                                            struct cw_fault *f);
/* Takes back what is not running. */
CW_WARN_UNUSED cw_rc cw_script_orders_drop(struct cw_script_orders *q, const char *id, int64_t now_ms,
                                           struct cw_fault *f);
/* The confirmed one that waits longest at this kiosk, or NULL. */
struct cw_script_order_row *cw_script_orders_next(struct cw_script_orders *q, const char *kiosk,
                                                  int64_t now_ms);
/*
 * A confirmed one whose card did not come in time: it is NOT_DONE now and shown for CW_SCRIPT_ORDER_TTL_MS.
 * Each is returned once, for the audit log; NULL when there is none (any more).
 */
struct cw_script_order_row *cw_script_orders_expired(struct cw_script_orders *q, int64_t now_ms);
/* By number, or NULL. */
struct cw_script_order_row *cw_script_orders_find(struct cw_script_orders *q, const char *id);
const char *cw_script_order_state_name(enum cw_script_order_state s);
json_t *cw_script_order_json(const struct cw_script_order_row *o);
json_t *cw_script_orders_json(struct cw_script_orders *q, int64_t now_ms);
