/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker thread of one connected card. Everything libpcsclite does happens there; the caller waits with
 * its own deadline. A worker that overran is left to itself: when its call comes back it powers the card off,
 * gives its memory back and ends.
 *
 * Caller and worker take turns, two of them by turns: while the card is at work on one command, the caller
 * may lay the next one behind it. The worker sends that one itself the moment the first is answered with
 * 9000, and the card never waits for a thread to wake up.
 */
#pragma once

#include "drivers/reader/pcsc.h"

#include <pthread.h>

enum cw_pcsc_op {
        CW_PCSC_CONNECT,
        CW_PCSC_TRANSMIT,
        CW_PCSC_RESET,
        CW_PCSC_CONTROL,
        CW_PCSC_CLOSE,
};

enum cw_turn_state {
        CW_TURN_FREE,   /* the caller's */
        CW_TURN_BEHIND, /* becomes given behind a 9000, else free */
        CW_TURN_GIVEN,  /* the worker's */
        CW_TURN_DONE,   /* the caller's, to be ended */
};

/* One op and what became of it. Contents stay until the caller fills it in again. */
struct cw_pcsc_turn {
        enum cw_turn_state state; /* under the lock */
        enum cw_pcsc_op op;
        uint32_t code; /* of CW_PCSC_CONTROL */
        uint8_t command[CW_APDU_COMMAND_MAX];
        size_t command_len;
        LONG rv;
        const char *rv_op;
        bool card_is_there; /* after a CW_PCSC_CONTROL that failed */
        uint8_t answer[CW_APDU_ANSWER_MAX];
        size_t answer_len;
};

struct cw_pcsc_worker {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t moved; /* both ways: a turn given, and its end */
        struct cw_reader_stuck *stuck;
        char name[CW_READER_NAME_MAX], wanted[CW_READER_NAME_MAX];
        struct cw_pcsc_turn turn[2];
        bool abandoned;
        unsigned mine; /* of the caller: the turn it fills in or ends next */
        uint8_t atr[CW_ATR_MAX];
        size_t atr_len;
        DWORD protocol;
        /* of the worker thread only */
        unsigned at; /* the turn it performs next */
        SCARDCONTEXT context;
        SCARDHANDLE card;
        bool has_context, has_card, has_events;
        uint16_t events; /* pcscd's count of cards that came and went, when this one was connected */
};

/* NULL without memory or thread. */
struct cw_pcsc_worker *cw_pcsc_worker_new(const char *name, const char *wanted,
                                          struct cw_reader_stuck *stuck);
/* After its thread was joined. */
void cw_pcsc_worker_free(struct cw_pcsc_worker *w);

/* The turn that is the caller's next. *ret_ahead: it lay behind the one before and was given by the worker
 * itself; else it is free, to be filled in and given. */
struct cw_pcsc_turn *cw_pcsc_turn_next(struct cw_pcsc_worker *w, bool *ret_ahead);
void cw_pcsc_turn_give(struct cw_pcsc_worker *w, struct cw_pcsc_turn *t, enum cw_pcsc_op op);
/* Lays a command behind the given one. Nothing happens when that is done already: too late is no failure. */
void cw_pcsc_turn_behind(struct cw_pcsc_worker *w, struct cw_span command);
/* Blocks until the caller's next turn is done. False when it is not in time: the worker is abandoned, and may
 * be touched no more. */
CW_WARN_UNUSED bool cw_pcsc_turn_end(struct cw_pcsc_worker *w, int64_t deadline_ns);
/* One op from giving to end, behind whatever was sent ahead. NULL as cw_pcsc_turn_end's false. */
CW_WARN_UNUSED struct cw_pcsc_turn *cw_pcsc_run(struct cw_pcsc_worker *w, enum cw_pcsc_op op, uint32_t code,
                                                struct cw_span in, int64_t timeout_ms);
