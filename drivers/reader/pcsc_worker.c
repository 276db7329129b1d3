/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/reader/pcsc_worker.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SETTLE_MS 2

/* ---- on the worker thread ---- */

static LONG failed(struct cw_pcsc_worker *w, const char *op, LONG rv) {
        w->turn[w->at].rv_op = op;
        return rv;
}

static LONG read_atr(struct cw_pcsc_worker *w) {
        DWORD len = sizeof w->atr, state = 0, name_len = 0;
        LONG rv = SCardStatus(w->card, NULL, &name_len, &state, &w->protocol, w->atr, &len);
        w->atr_len = rv == SCARD_S_SUCCESS && len <= sizeof w->atr ? len : 0;
        return failed(w, "pcsc.status", rv);
}

static bool count_events(struct cw_pcsc_worker *w, uint16_t *ret) {
        SCARD_READERSTATE state = {.szReader = w->name};
        if (SCardGetStatusChange(w->context, 0, &state, 1) != SCARD_S_SUCCESS)
                return false;
        *ret = (uint16_t)(state.dwEventState >> 16);
        return true;
}

/*
 * Out and in again since we connected: two events. One alone may be the count of our own card's arrival,
 * which pcscd makes after it let us in. Looked at twice: contexts share a table in libpcsclite without a
 * lock.
 */
static bool card_moved(struct cw_pcsc_worker *w) {
        for (int look = 0; look < 2; look++) {
                uint16_t now = 0;
                if (!w->has_events || !count_events(w, &now) || (uint16_t)(now - w->events) < 2)
                        return false;
        }
        return true;
}

/* A name that moved to another reader since the monitor asked: the connection itself says who it is. */
static bool is_the_wanted(struct cw_pcsc_worker *w) {
        struct cw_reader_identity id = {0};
        if (!cw_reader_binding_asks(w->wanted))
                return true;
        cw_pcsc_read_identity(w->card, &id);
        return cw_reader_binding_matches(w->wanted, w->name, &id, CW_SYSFS_USB);
}

static LONG connect_exclusive(struct cw_pcsc_worker *w) {
        return failed(w, "pcsc.connect",
                      SCardConnect(w->context, w->name, SCARD_SHARE_EXCLUSIVE,
                                   SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &w->card, &w->protocol));
}

/*
 * Twice. pcscd's disconnect first gives up its claim and then, without a lock over both, marks the card as no
 * longer used: done for another client just as we connect, the mark stays on our card and pcscd powers it
 * down two looks later, without any event for us (the next transmit is a protocol mismatch). The second
 * connect follows a disconnect of our own, which pcscd's thread for us has finished, and marks the card as
 * used.
 */
static LONG connect_twice(struct cw_pcsc_worker *w) {
        LONG rv = connect_exclusive(w);
        if (rv != SCARD_S_SUCCESS)
                return rv;
        (void)nanosleep(&(struct timespec){0, SETTLE_MS * 1000000L}, NULL); /* the other one ends meanwhile */
        (void)SCardDisconnect(w->card, SCARD_LEAVE_CARD);
        return connect_exclusive(w);
}

static LONG do_connect(struct cw_pcsc_worker *w) {
        LONG rv = SCARD_S_SUCCESS;
        if (!w->has_context)
                rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &w->context);
        if (rv != SCARD_S_SUCCESS)
                return failed(w, "pcsc.context", rv);
        w->has_context = true;
        rv = connect_twice(w);
        if (rv != SCARD_S_SUCCESS)
                return rv;
        if (!is_the_wanted(w)) {
                (void)SCardDisconnect(w->card, SCARD_LEAVE_CARD);
                return failed(w, "pcsc.identity", SCARD_E_UNKNOWN_READER);
        }
        rv = SCardBeginTransaction(w->card);
        if (rv != SCARD_S_SUCCESS) {
                (void)SCardDisconnect(w->card, SCARD_UNPOWER_CARD);
                return failed(w, "pcsc.transaction", rv);
        }
        w->has_card = true;
        w->has_events = count_events(w, &w->events);
        return read_atr(w);
}

static LONG do_transmit(struct cw_pcsc_worker *w, struct cw_pcsc_turn *t) {
        SCARD_IO_REQUEST send = {w->protocol, sizeof(SCARD_IO_REQUEST)};
        DWORD len = sizeof t->answer;
        LONG rv = SCardTransmit(w->card, &send, t->command, t->command_len, NULL, t->answer, &len);
        /* pcscd says success with nothing when a card dies inside an APDU; the length check is the caller's.
         */
        t->answer_len = rv == SCARD_S_SUCCESS ? len : 0;
        /* pcscd powered the card anew behind our back: what was agreed with it is gone. */
        if (rv == SCARD_E_PROTO_MISMATCH)
                rv = SCARD_W_RESET_CARD;
        /* A card that was out and in again is told as a reset too, as is another card in its place. */
        if (rv == SCARD_W_RESET_CARD && card_moved(w))
                rv = SCARD_W_REMOVED_CARD;
        return failed(w, "pcsc.transmit", rv);
}

/* A reconnect succeeds on whatever card is there now: one with another ATR, or put in since, is not ours. */
static LONG do_reset(struct cw_pcsc_worker *w) {
        uint8_t before[CW_ATR_MAX];
        const size_t before_len = w->atr_len;
        memcpy(before, w->atr, sizeof before);
        LONG rv = SCardReconnect(w->card, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
                                 SCARD_UNPOWER_CARD, &w->protocol);
        if (rv == SCARD_S_SUCCESS)
                rv = read_atr(w);
        if (rv == SCARD_S_SUCCESS &&
            (card_moved(w) || w->atr_len != before_len || memcmp(w->atr, before, before_len) != 0))
                rv = SCARD_W_REMOVED_CARD;
        return failed(w, "pcsc.reset", rv);
}

static LONG do_control(struct cw_pcsc_worker *w, struct cw_pcsc_turn *t) {
        DWORD len = 0;
        LONG rv =
            SCardControl(w->card, t->code, t->command, t->command_len, t->answer, sizeof t->answer, &len);
        t->answer_len = rv == SCARD_S_SUCCESS ? len : 0;
        t->card_is_there = rv == SCARD_E_NOT_TRANSACTED && read_atr(w) == SCARD_S_SUCCESS;
        return failed(w, "pcsc.control", rv);
}

/* Ends the transaction by hand: a reconnect or exit that keeps it would lock the reader for everyone. */
static void do_close(struct cw_pcsc_worker *w) {
        if (w->has_card) {
                (void)SCardEndTransaction(w->card, SCARD_UNPOWER_CARD);
                (void)SCardDisconnect(w->card, SCARD_UNPOWER_CARD);
        }
        if (w->has_context)
                (void)SCardReleaseContext(w->context);
        w->has_card = w->has_context = false;
}

static void perform(struct cw_pcsc_worker *w, struct cw_pcsc_turn *t) {
        LONG rv = SCARD_S_SUCCESS;
        if (t->op == CW_PCSC_CONNECT)
                rv = do_connect(w);
        else if (t->op == CW_PCSC_TRANSMIT)
                rv = do_transmit(w, t);
        else if (t->op == CW_PCSC_RESET)
                rv = do_reset(w);
        else if (t->op == CW_PCSC_CONTROL)
                rv = do_control(w, t);
        else
                do_close(w);
        t->rv = rv;
}

/* Each side wakes the other with the lock free: one that wakes to a lock that is held sleeps again. */
static struct cw_pcsc_turn *wait_for_turn(struct cw_pcsc_worker *w) {
        (void)pthread_mutex_lock(&w->lock);
        struct cw_pcsc_turn *t = &w->turn[w->at];
        while (t->state != CW_TURN_GIVEN && !w->abandoned)
                (void)pthread_cond_wait(&w->moved, &w->lock);
        if (w->abandoned)
                t->op = CW_PCSC_CLOSE;
        (void)pthread_mutex_unlock(&w->lock);
        return t;
}

/* As a short command is: with more data than that nothing may be believed of it. */
static bool answered_9000(const struct cw_pcsc_turn *t) {
        return t->op == CW_PCSC_TRANSMIT && t->rv == SCARD_S_SUCCESS && t->answer_len >= 2 &&
               t->answer_len <= CW_APDU_PART_MAX && t->answer[t->answer_len - 2] == 0x90 &&
               t->answer[t->answer_len - 1] == 0x00;
}

/* With the lock held. What waits behind a command goes to the card now, or never. */
static void end_turn(struct cw_pcsc_worker *w) {
        struct cw_pcsc_turn *done = &w->turn[w->at], *behind = &w->turn[w->at ^ 1];
        done->state = CW_TURN_DONE;
        if (behind->state == CW_TURN_BEHIND)
                behind->state = answered_9000(done) ? CW_TURN_GIVEN : CW_TURN_FREE;
        w->at ^= 1;
}

static void *worker_main(void *arg) {
        struct cw_pcsc_worker *w = arg;
        bool mine = false, closed = false;
        while (!closed) {
                struct cw_pcsc_turn *t = wait_for_turn(w);
                closed = t->op == CW_PCSC_CLOSE;
                perform(w, t);
                (void)pthread_mutex_lock(&w->lock);
                end_turn(w);
                mine = w->abandoned;
                (void)pthread_mutex_unlock(&w->lock);
                (void)pthread_cond_broadcast(&w->moved); /* who asked for the end still joins this thread */
        }
        if (mine) {
                (void)atomic_fetch_sub(&w->stuck->hanging, 1);
                cw_pcsc_worker_free(w);
        }
        return NULL;
}

/* ---- on the caller's thread ---- */

struct cw_pcsc_worker *cw_pcsc_worker_new(const char *name, const char *wanted,
                                          struct cw_reader_stuck *stuck) {
        struct cw_pcsc_worker *w = calloc(1, sizeof *w);
        if (!w)
                return NULL;
        w->stuck = stuck;
        (void)atomic_fetch_add(&stuck->refs, 1);
        (void)snprintf(w->name, sizeof w->name, "%s", name);
        (void)snprintf(w->wanted, sizeof w->wanted, "%s", wanted);
        (void)pthread_mutex_init(&w->lock, NULL);
        if (!cw_cond_init(&w->moved) || pthread_create(&w->thread, NULL, worker_main, w) != 0) {
                cw_pcsc_worker_free(w);
                return NULL;
        }
        return w;
}

void cw_pcsc_worker_free(struct cw_pcsc_worker *w) {
        (void)pthread_mutex_destroy(&w->lock);
        (void)pthread_cond_destroy(&w->moved);
        cw_reader_stuck_unref(w->stuck);
        cw_wipe(w, sizeof *w);
        free(w);
}

struct cw_pcsc_turn *cw_pcsc_turn_next(struct cw_pcsc_worker *w, bool *ret_ahead) {
        struct cw_pcsc_turn *t = &w->turn[w->mine];
        (void)pthread_mutex_lock(&w->lock);
        *ret_ahead = t->state != CW_TURN_FREE;
        (void)pthread_mutex_unlock(&w->lock);
        return t;
}

void cw_pcsc_turn_give(struct cw_pcsc_worker *w, struct cw_pcsc_turn *t, enum cw_pcsc_op op) {
        (void)pthread_mutex_lock(&w->lock);
        t->op = op;
        t->state = CW_TURN_GIVEN;
        (void)pthread_mutex_unlock(&w->lock);
        (void)pthread_cond_broadcast(&w->moved);
}

void cw_pcsc_turn_behind(struct cw_pcsc_worker *w, struct cw_span command) {
        const struct cw_pcsc_turn *now = &w->turn[w->mine];
        struct cw_pcsc_turn *behind = &w->turn[w->mine ^ 1];
        (void)pthread_mutex_lock(&w->lock);
        if (now->state == CW_TURN_GIVEN && behind->state == CW_TURN_FREE &&
            command.len <= sizeof behind->command) {
                memcpy(behind->command, command.ptr, command.len);
                behind->command_len = command.len;
                behind->op = CW_PCSC_TRANSMIT;
                behind->state = CW_TURN_BEHIND;
        }
        (void)pthread_mutex_unlock(&w->lock);
}

bool cw_pcsc_turn_end(struct cw_pcsc_worker *w, int64_t deadline_ns) {
        struct cw_pcsc_turn *t = &w->turn[w->mine];
        int err = 0;
        (void)pthread_mutex_lock(&w->lock);
        while (t->state != CW_TURN_DONE && err == 0)
                err = cw_cond_wait_until(&w->moved, &w->lock, deadline_ns);
        bool done = t->state == CW_TURN_DONE;
        if (done) {
                t->state = CW_TURN_FREE;
                w->mine ^= 1;
        } else {
                (void)atomic_fetch_add(&w->stuck->hanging, 1);
                w->abandoned = true;
                (void)pthread_detach(w->thread);
        }
        (void)pthread_mutex_unlock(&w->lock);
        return done;
}

/* An answer nobody came for: another op is wanted instead. */
static bool end_ahead(struct cw_pcsc_worker *w, int64_t deadline_ns) {
        bool ahead = false;
        struct cw_pcsc_turn *t = cw_pcsc_turn_next(w, &ahead);
        if (ahead && !cw_pcsc_turn_end(w, deadline_ns))
                return false;
        if (ahead)
                cw_wipe(t->answer, sizeof t->answer);
        return true;
}

struct cw_pcsc_turn *cw_pcsc_run(struct cw_pcsc_worker *w, enum cw_pcsc_op op, uint32_t code,
                                 struct cw_span in, int64_t timeout_ms) {
        bool ahead = false;
        if (!end_ahead(w, cw_deadline_ns(timeout_ms)))
                return NULL;
        const int64_t deadline_ns = cw_deadline_ns(timeout_ms);
        struct cw_pcsc_turn *t = cw_pcsc_turn_next(w, &ahead);
        if (in.len)
                memcpy(t->command, in.ptr, in.len);
        t->command_len = in.len;
        t->code = code;
        t->card_is_there = false;
        cw_pcsc_turn_give(w, t, op);
        return cw_pcsc_turn_end(w, deadline_ns) ? t : NULL;
}
