/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker thread of one connected card. Everything libpcsclite does happens there; the caller waits on a
 * condition with its own deadline. A worker that overran is left to itself: when its call comes back it
 * powers the card off, gives its memory back and ends.
 */
#include "base/clock.h"
#include "drivers/reader/pcsc.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARED_RETRY_MS 100
#define STALE_MS 1500 /* pcscd may see a card 0.4 s late, and powers it just then */
#define CLOSE_WAIT_MS 3000
#define SETTLE_MS 2

enum op { OP_NONE, OP_CONNECT, OP_TRANSMIT, OP_RESET, OP_CONTROL, OP_CLOSE };

struct worker {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t turn; /* both ways: a new op, and its end */
        struct cw_reader_stuck *stuck;
        char name[CW_READER_NAME_MAX], wanted[CW_READER_NAME_MAX];
        enum op op;
        bool abandoned;
        bool dead; /* the connection is of no more use */
        LONG rv;
        const char *rv_op;
        uint8_t command[CW_APDU_COMMAND_MAX];
        size_t command_len;
        uint32_t code;      /* of OP_CONTROL */
        bool card_is_there; /* after an OP_CONTROL that failed */
        uint8_t answer[CW_APDU_ANSWER_MAX];
        size_t answer_len;
        uint8_t atr[CW_ATR_MAX];
        size_t atr_len;
        /* of the worker thread only */
        SCARDCONTEXT context;
        SCARDHANDLE card;
        bool has_context, has_card, has_events;
        DWORD protocol;
        uint16_t events; /* pcscd's count of cards that came and went, when this one was connected */
};

static void worker_free(struct worker *w) {
        (void)pthread_mutex_destroy(&w->lock);
        (void)pthread_cond_destroy(&w->turn);
        cw_reader_stuck_unref(w->stuck);
        cw_wipe(w, sizeof *w);
        free(w);
}

/* ---- on the worker thread ---- */

static LONG failed(struct worker *w, const char *op, LONG rv) {
        w->rv_op = op;
        return rv;
}

static LONG read_atr(struct worker *w) {
        DWORD len = sizeof w->atr, state = 0, name_len = 0;
        LONG rv = SCardStatus(w->card, NULL, &name_len, &state, &w->protocol, w->atr, &len);
        w->atr_len = rv == SCARD_S_SUCCESS && len <= sizeof w->atr ? len : 0;
        return failed(w, "pcsc.status", rv);
}

static bool count_events(struct worker *w, uint16_t *ret) {
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
static bool card_moved(struct worker *w) {
        for (int look = 0; look < 2; look++) {
                uint16_t now = 0;
                if (!w->has_events || !count_events(w, &now) || (uint16_t)(now - w->events) < 2)
                        return false;
        }
        return true;
}

/* A name that moved to another reader since the monitor asked: the connection itself says who it is. */
static bool is_the_wanted(struct worker *w) {
        struct cw_reader_identity id = {0};
        if (!cw_reader_binding_asks(w->wanted))
                return true;
        cw_pcsc_read_identity(w->card, &id);
        return cw_reader_binding_matches(w->wanted, w->name, &id, CW_SYSFS_USB);
}

static LONG connect_exclusive(struct worker *w) {
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
static LONG connect_twice(struct worker *w) {
        LONG rv = connect_exclusive(w);
        if (rv != SCARD_S_SUCCESS)
                return rv;
        (void)nanosleep(&(struct timespec){0, SETTLE_MS * 1000000L}, NULL); /* the other one ends meanwhile */
        (void)SCardDisconnect(w->card, SCARD_LEAVE_CARD);
        return connect_exclusive(w);
}

static LONG do_connect(struct worker *w) {
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

static LONG do_transmit(struct worker *w) {
        SCARD_IO_REQUEST send = {w->protocol, sizeof(SCARD_IO_REQUEST)};
        DWORD len = sizeof w->answer;
        LONG rv = SCardTransmit(w->card, &send, w->command, w->command_len, NULL, w->answer, &len);
        /* pcscd says success with nothing when a card dies inside an APDU; the length check is the caller's.
         */
        w->answer_len = rv == SCARD_S_SUCCESS ? len : 0;
        /* pcscd powered the card anew behind our back: what was agreed with it is gone. */
        if (rv == SCARD_E_PROTO_MISMATCH)
                rv = SCARD_W_RESET_CARD;
        /* A card that was out and in again is told as a reset too, as is another card in its place. */
        if (rv == SCARD_W_RESET_CARD && card_moved(w))
                rv = SCARD_W_REMOVED_CARD;
        return failed(w, "pcsc.transmit", rv);
}

/* A reconnect succeeds on whatever card is there now: one with another ATR, or put in since, is not ours. */
static LONG do_reset(struct worker *w) {
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

static LONG do_control(struct worker *w) {
        DWORD len = 0;
        LONG rv =
            SCardControl(w->card, w->code, w->command, w->command_len, w->answer, sizeof w->answer, &len);
        w->answer_len = rv == SCARD_S_SUCCESS ? len : 0;
        w->card_is_there = rv == SCARD_E_NOT_TRANSACTED && read_atr(w) == SCARD_S_SUCCESS;
        return failed(w, "pcsc.control", rv);
}

/* Ends the transaction by hand: a reconnect or exit that keeps it would lock the reader for everyone. */
static void do_close(struct worker *w) {
        if (w->has_card) {
                (void)SCardEndTransaction(w->card, SCARD_UNPOWER_CARD);
                (void)SCardDisconnect(w->card, SCARD_UNPOWER_CARD);
        }
        if (w->has_context)
                (void)SCardReleaseContext(w->context);
        w->has_card = w->has_context = false;
}

static void perform(struct worker *w, enum op op) {
        LONG rv = SCARD_S_SUCCESS;
        if (op == OP_CONNECT)
                rv = do_connect(w);
        else if (op == OP_TRANSMIT)
                rv = do_transmit(w);
        else if (op == OP_RESET)
                rv = do_reset(w);
        else if (op == OP_CONTROL)
                rv = do_control(w);
        else
                do_close(w);
        w->rv = rv;
}

/* Each side wakes the other with the lock free: one that wakes to a lock that is held sleeps again. */
static enum op wait_for_op(struct worker *w) {
        (void)pthread_mutex_lock(&w->lock);
        while (w->op == OP_NONE && !w->abandoned)
                (void)pthread_cond_wait(&w->turn, &w->lock);
        enum op op = w->abandoned ? OP_CLOSE : w->op;
        (void)pthread_mutex_unlock(&w->lock);
        return op;
}

static void *worker_main(void *arg) {
        struct worker *w = arg;
        bool mine = false;
        for (enum op op = OP_NONE; op != OP_CLOSE;) {
                op = wait_for_op(w);
                perform(w, op);
                (void)pthread_mutex_lock(&w->lock);
                w->op = OP_NONE;
                mine = w->abandoned;
                (void)pthread_mutex_unlock(&w->lock);
                (void)pthread_cond_broadcast(&w->turn); /* who asked for the end still joins this thread */
        }
        if (mine) {
                (void)atomic_fetch_sub(&w->stuck->hanging, 1);
                worker_free(w);
        }
        return NULL;
}

/* ---- on the caller's thread ---- */

static void timespec_in(int64_t timeout_ms, struct timespec *ret) {
        (void)clock_gettime(CLOCK_MONOTONIC, ret);
        ret->tv_sec += timeout_ms / 1000;
        ret->tv_nsec += (timeout_ms % 1000) * 1000000;
        if (ret->tv_nsec >= 1000000000) {
                ret->tv_nsec -= 1000000000;
                ret->tv_sec++;
        }
}

static void hand_over(struct worker *w, enum op op) {
        (void)pthread_mutex_lock(&w->lock);
        w->op = op;
        (void)pthread_mutex_unlock(&w->lock);
        (void)pthread_cond_broadcast(&w->turn);
}

/* False when the op did not come back in time, the worker is then abandoned. */
static bool come_back(struct worker *w, const struct timespec *until) {
        (void)pthread_mutex_lock(&w->lock);
        int err = 0;
        while (w->op != OP_NONE && err == 0)
                err = pthread_cond_timedwait(&w->turn, &w->lock, until);
        bool done = w->op == OP_NONE;
        if (!done) {
                (void)atomic_fetch_add(&w->stuck->hanging, 1);
                w->abandoned = true;
                (void)pthread_detach(w->thread);
        }
        (void)pthread_mutex_unlock(&w->lock);
        return done;
}

static bool run(struct worker *w, enum op op, int64_t timeout_ms) {
        struct timespec until;
        timespec_in(timeout_ms, &until);
        hand_over(w, op);
        return come_back(w, &until);
}

/* The channel the caller holds; the worker behind it goes its own way once it hangs. */
struct handle {
        struct cw_card_channel channel;
        struct worker *worker; /* NULL once abandoned */
};

static struct handle *handle_of(struct cw_card_channel *c) {
        void *p = (char *)c - offsetof(struct handle, channel);
        return p;
}

static cw_rc stuck(struct handle *h, const char *op, struct cw_fault *f) {
        h->worker = NULL;
        return cw_fail(f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_STUCK), 0, op, "PRD_TIMEOUT",
                       "the chip reader hangs; unplug it and plug it in again, or restart pcscd");
}

static cw_rc dead(const char *op, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_CLOSED), 0, op, "PRD_SMARTCARD",
                       "the connection to the card has ended; the step has to be started again");
}

static void adopt_atr(struct handle *h) {
        struct worker *w = h->worker;
        memcpy(h->channel.atr, w->atr, w->atr_len);
        h->channel.atr_len = w->atr_len;
        h->channel.t0 = w->protocol == SCARD_PROTOCOL_T0;
}

static cw_rc handle_transmit(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms,
                             uint8_t *ret, size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        struct handle *h = handle_of(c);
        struct worker *w = h->worker;
        if (!w || w->dead || command.len > sizeof w->command)
                return dead("pcsc.transmit", f);
        struct timespec until;
        memcpy(w->command, command.ptr, command.len);
        w->command_len = command.len;
        timespec_in(timeout_ms, &until);
        hand_over(w, OP_TRANSMIT);
        cw_card_run_meanwhile(c);
        if (!come_back(w, &until))
                return stuck(h, "pcsc.transmit", f);
        cw_wipe(w->command, sizeof w->command);
        if (w->rv != SCARD_S_SUCCESS) {
                w->dead = true;
                /* The card was there when the command was given. */
                LONG rv = w->rv == SCARD_E_NO_SMARTCARD ? SCARD_W_REMOVED_CARD : w->rv;
                cw_rc rc = cw_pcsc_fail(f, rv, w->rv_op);
                /* The command may have reached the card, so the class may not invite anybody to repeat it. */
                return CW_RC(cw_rc_layer(rc), CW_C_RECONNECT, rc & 0xffffu);
        }
        size_t len = w->answer_len <= ret_cap ? w->answer_len : 0;
        memcpy(ret, w->answer, len);
        cw_wipe(w->answer, sizeof w->answer);
        w->dead = len < 2;
        *ret_len = len;
        return CW_OK;
}

static cw_rc control_failed(struct worker *w, struct cw_fault *f) {
        if (w->rv == SCARD_E_UNSUPPORTED_FEATURE || w->rv == SCARD_E_INVALID_VALUE)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_UNSUPPORTED), (int64_t)w->rv,
                               "pcsc.control", "", "the reader does not know this command");
        if (w->card_is_there)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_MISMATCH), (int64_t)w->rv,
                               "pcsc.control", "",
                               "the reader did not carry out the command; its card is still there");
        w->dead = true;
        cw_rc rc = cw_pcsc_fail(f, w->rv, w->rv_op);
        return CW_RC(cw_rc_layer(rc), CW_C_RECONNECT, rc & 0xffffu);
}

static cw_rc handle_control(struct cw_card_channel *c, uint32_t code, struct cw_span in, int64_t timeout_ms,
                            uint8_t *ret, size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        struct handle *h = handle_of(c);
        struct worker *w = h->worker;
        if (!w || w->dead || in.len > sizeof w->command)
                return dead("pcsc.control", f);
        if (in.len)
                memcpy(w->command, in.ptr, in.len);
        w->command_len = in.len;
        w->code = code;
        w->card_is_there = false;
        if (!run(w, OP_CONTROL, timeout_ms))
                return stuck(h, "pcsc.control", f);
        if (w->rv != SCARD_S_SUCCESS)
                return control_failed(w, f);
        size_t len = w->answer_len <= ret_cap ? w->answer_len : 0;
        memcpy(ret, w->answer, len);
        *ret_len = len;
        return CW_OK;
}

static cw_rc handle_reset(struct cw_card_channel *c, int64_t timeout_ms, struct cw_fault *f) {
        struct handle *h = handle_of(c);
        if (!h->worker || h->worker->dead)
                return dead("pcsc.reset", f);
        if (!run(h->worker, OP_RESET, timeout_ms))
                return stuck(h, "pcsc.reset", f);
        if (h->worker->rv != SCARD_S_SUCCESS) {
                h->worker->dead = true;
                return cw_pcsc_fail(f, h->worker->rv, h->worker->rv_op);
        }
        adopt_atr(h);
        return CW_OK;
}

static void handle_close(struct cw_card_channel *c) {
        struct handle *h = handle_of(c);
        if (h->worker && run(h->worker, OP_CLOSE, CLOSE_WAIT_MS)) {
                (void)pthread_join(h->worker->thread, NULL);
                worker_free(h->worker);
        }
        free(h);
}

static const struct cw_card_channel_ops handle_ops = {handle_transmit, handle_reset, handle_close,
                                                      handle_control};

static struct worker *worker_new(const char *name, const char *wanted, struct cw_reader_stuck *stuck_count) {
        struct worker *w = calloc(1, sizeof *w);
        if (!w)
                return NULL;
        w->stuck = stuck_count;
        (void)atomic_fetch_add(&stuck_count->refs, 1);
        (void)snprintf(w->name, sizeof w->name, "%s", name);
        (void)snprintf(w->wanted, sizeof w->wanted, "%s", wanted);
        (void)pthread_mutex_init(&w->lock, NULL);
        if (!cw_cond_init(&w->turn) || pthread_create(&w->thread, NULL, worker_main, w) != 0) {
                worker_free(w);
                return NULL;
        }
        return w;
}

/* Another program has the card, or pcscd still looks at the one before: neither is an answer yet. */
static bool worth_waiting(LONG rv, int64_t stale_ns) {
        if (rv == SCARD_E_SHARING_VIOLATION)
                return true;
        return (rv == SCARD_W_REMOVED_CARD || rv == SCARD_W_UNPOWERED_CARD || rv == SCARD_W_RESET_CARD) &&
               cw_deadline_left_ms(stale_ns) > 0;
}

/* Tries until the card is ours, or is not to be had before the deadline. */
static cw_rc connect_until(struct handle *h, int64_t deadline_ns, struct cw_fault *f) {
        int64_t stale_ns = cw_deadline_ns(STALE_MS);
        for (;;) {
                if (!run(h->worker, OP_CONNECT, cw_deadline_left_ms(deadline_ns)))
                        return stuck(h, "pcsc.connect", f);
                LONG rv = h->worker->rv;
                if (rv == SCARD_S_SUCCESS)
                        return CW_OK;
                if (!worth_waiting(rv, stale_ns) || cw_deadline_left_ms(deadline_ns) <= SHARED_RETRY_MS)
                        return cw_pcsc_fail(f, rv, h->worker->rv_op);
                (void)nanosleep(&(struct timespec){0, SHARED_RETRY_MS * 1000000L}, NULL);
        }
}

cw_rc cw_pcsc_channel_open(const char *name, const char *wanted, struct cw_reader_stuck *stuck_count,
                           int64_t timeout_ms, struct cw_card_channel **ret, struct cw_fault *f) {
        struct handle *h = calloc(1, sizeof *h);
        struct worker *w = h ? worker_new(name, wanted, stuck_count) : NULL;
        if (!w) {
                free(h);
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_RETRY, CW_E_NOMEM), 0, "pcsc.connect", "",
                               "no memory or no thread for the chip reader; free memory and try again");
        }
        h->channel.ops = &handle_ops;
        h->worker = w;
        CW_AUTO(cw_card_close) struct cw_card_channel *channel = &h->channel;
        cw_rc rc = connect_until(h, cw_deadline_ns(timeout_ms), f);
        if (rc != CW_OK)
                return rc;
        adopt_atr(h);
        *ret = CW_STEAL(channel);
        return CW_OK;
}
