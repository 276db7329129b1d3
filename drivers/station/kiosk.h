/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One customer at a kiosk: the card stays powered in one exclusive transaction from kiosk.begin to kiosk.end.
 * Bench thread only.
 */
#pragma once

#include "drivers/chip/terminal.h"
#include "hsm/client/hsm_client.h"

struct cw_station;

#define CW_TICKET_MAX 64

struct cw_kiosk {
        char ticket[CW_TICKET_MAX]; /* "" = nobody is there */
        struct cw_hsm_session *session;
        struct cw_card_channel *channel;
        bool has_terminal;
        struct cw_terminal terminal;
        struct cw_terminal_card who;
        bool genuine;
        bool take_blocked; /* the card may be blocked: it is here to be unblocked */
        bool pad_returned; /* the line to the pad broke and was mended, once a customer */
};

/* The calls of ARCHITECTURE.md; each returns the reply. */
struct cw_msg *cw_kiosk_begin(struct cw_station *st, struct cw_msg *request);
struct cw_msg *cw_kiosk_prove(struct cw_station *st, const struct cw_msg *request);
struct cw_msg *cw_kiosk_pin(struct cw_station *st, const struct cw_msg *request);
struct cw_msg *cw_kiosk_show(struct cw_station *st, const struct cw_msg *request);
struct cw_msg *cw_kiosk_end(struct cw_station *st, const struct cw_msg *request);
struct cw_msg *cw_kiosk_script(struct cw_station *st, const struct cw_msg *request);
struct cw_msg *cw_kiosk_keypad(struct cw_station *st, const struct cw_msg *request);
/* Between kiosk.c, kiosk_script.c and keypad.c. */
CW_WARN_UNUSED cw_rc cw_kiosk_check(struct cw_station *st, const struct cw_msg *request, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_kiosk_read_card(struct cw_station *st, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_kiosk_start_again(struct cw_kiosk *k, struct cw_fault *f);
void cw_kiosk_tell(struct cw_station *st, const char *text);
void cw_kiosk_let_go(struct cw_kiosk *k);

/* kiosk_look.c: whether a script of one command (not a PIN, which nobody can read) has had its effect. */
enum cw_kiosk_looked {
        CW_LOOKED_NOT_AT_ALL,
        CW_LOOKED_DONE,
        CW_LOOKED_NOT_DONE, /* the card is as it was */
        CW_LOOKED_UNKNOWN
};
bool cw_kiosk_look_can(const char *command);
/* The card, just selected, is already as the command would make it. */
bool cw_kiosk_look_before(const struct cw_kiosk *k, const char *command);
/*
 * After a lost answer, of the card that was read again; tries_before: its PIN tries before. What a card says
 * of itself counts only when its cryptogram is right, which the caller sees to.
 */
enum cw_kiosk_looked cw_kiosk_look_after(struct cw_kiosk *k, const char *command, int tries_before);
/* read, with the words for a card that is blocked (SELECT 6A81): any blocked card answers that. */
cw_rc cw_kiosk_look_blocked(const char *command, cw_rc read, struct cw_fault *f);
struct cw_msg *cw_kiosk_failed(const struct cw_msg *request, const struct cw_fault *f);
/* Looks for a PIN pad that went away; returns milliseconds until it wants to look again. Blocks two seconds
 * at most. */
int64_t cw_kiosk_idle(struct cw_station *st);
/* Powers the card off, wipes, closes the session. */
void cw_kiosk_clear(struct cw_station *st);
