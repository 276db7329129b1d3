/* SPDX-License-Identifier: Apache-2.0 */
/* The channel of a card in a PC/SC reader: what its worker did, as answers and faults. */
#include "base/clock.h"
#include "drivers/reader/pcsc_worker.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARED_RETRY_MS 100
#define STALE_MS 1500 /* pcscd may see a card 0.4 s late, and powers it just then */
#define CLOSE_WAIT_MS 3000

/* The channel the caller holds; the worker behind it goes its own way once it hangs. */
struct handle {
        struct cw_card_channel channel;
        struct cw_pcsc_worker *worker; /* NULL once abandoned */
        bool dead;                     /* the connection is of no more use */
        bool under_way;                /* a command is, and one may be laid behind it */
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
        const struct cw_pcsc_worker *w = h->worker;
        memcpy(h->channel.atr, w->atr, w->atr_len);
        h->channel.atr_len = w->atr_len;
        h->channel.t0 = w->protocol == SCARD_PROTOCOL_T0;
}

static bool same_command(const struct cw_pcsc_turn *t, struct cw_span command) {
        return t->op == CW_PCSC_TRANSMIT && t->command_len == command.len &&
               memcmp(t->command, command.ptr, command.len) == 0;
}

/* The command is with the card, or was sent ahead. Another one sent ahead than this is a fault of ours that
 * the card may not pay for with a second command. */
static bool send(struct cw_pcsc_worker *w, struct cw_span command, struct cw_pcsc_turn **ret) {
        bool ahead = false;
        struct cw_pcsc_turn *t = cw_pcsc_turn_next(w, &ahead);
        *ret = t;
        if (ahead)
                return same_command(t, command);
        memcpy(t->command, command.ptr, command.len);
        t->command_len = command.len;
        cw_pcsc_turn_give(w, t, CW_PCSC_TRANSMIT);
        return true;
}

static cw_rc transmit_failed(const struct cw_pcsc_turn *t, struct cw_fault *f) {
        /* The card was there when the command was given. */
        LONG rv = t->rv == SCARD_E_NO_SMARTCARD ? SCARD_W_REMOVED_CARD : t->rv;
        cw_rc rc = cw_pcsc_fail(f, rv, t->rv_op);
        /* The command may have reached the card, so the class may not invite anybody to repeat it. */
        return CW_RC(cw_rc_layer(rc), CW_C_RECONNECT, rc & 0xffffu);
}

static cw_rc handle_transmit(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms,
                             uint8_t *ret, size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        struct handle *h = handle_of(c);
        struct cw_pcsc_turn *t = NULL;
        if (!h->worker || h->dead || command.len > sizeof t->command)
                return dead("pcsc.transmit", f);
        const int64_t deadline_ns = cw_deadline_ns(timeout_ms);
        h->dead = !send(h->worker, command, &t);
        if (h->dead)
                return dead("pcsc.transmit", f);
        h->under_way = true;
        cw_card_run_meanwhile(c);
        h->under_way = false;
        if (!cw_pcsc_turn_end(h->worker, deadline_ns))
                return stuck(h, "pcsc.transmit", f);
        cw_wipe(t->command, sizeof t->command);
        h->dead = t->rv != SCARD_S_SUCCESS || t->answer_len < 2 || t->answer_len > ret_cap;
        if (t->rv != SCARD_S_SUCCESS)
                return transmit_failed(t, f);
        size_t len = t->answer_len <= ret_cap ? t->answer_len : 0;
        memcpy(ret, t->answer, len);
        cw_wipe(t->answer, sizeof t->answer);
        *ret_len = len;
        return CW_OK;
}

static void handle_behind(struct cw_card_channel *c, struct cw_span command) {
        struct handle *h = handle_of(c);
        if (h->under_way)
                cw_pcsc_turn_behind(h->worker, command);
}

static cw_rc control_failed(struct handle *h, const struct cw_pcsc_turn *t, struct cw_fault *f) {
        if (t->rv == SCARD_E_UNSUPPORTED_FEATURE || t->rv == SCARD_E_INVALID_VALUE)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_UNSUPPORTED), (int64_t)t->rv,
                               "pcsc.control", "", "the reader does not know this command");
        if (t->card_is_there)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_MISMATCH), (int64_t)t->rv,
                               "pcsc.control", "",
                               "the reader did not carry out the command; its card is still there");
        h->dead = true;
        cw_rc rc = cw_pcsc_fail(f, t->rv, t->rv_op);
        return CW_RC(cw_rc_layer(rc), CW_C_RECONNECT, rc & 0xffffu);
}

static cw_rc handle_control(struct cw_card_channel *c, uint32_t code, struct cw_span in, int64_t timeout_ms,
                            uint8_t *ret, size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        struct handle *h = handle_of(c);
        if (!h->worker || h->dead || in.len > CW_APDU_COMMAND_MAX)
                return dead("pcsc.control", f);
        const struct cw_pcsc_turn *t = cw_pcsc_run(h->worker, CW_PCSC_CONTROL, code, in, timeout_ms);
        if (!t)
                return stuck(h, "pcsc.control", f);
        if (t->rv != SCARD_S_SUCCESS)
                return control_failed(h, t, f);
        size_t len = t->answer_len <= ret_cap ? t->answer_len : 0;
        memcpy(ret, t->answer, len);
        *ret_len = len;
        return CW_OK;
}

static cw_rc handle_reset(struct cw_card_channel *c, int64_t timeout_ms, struct cw_fault *f) {
        struct handle *h = handle_of(c);
        if (!h->worker || h->dead)
                return dead("pcsc.reset", f);
        const struct cw_pcsc_turn *t = cw_pcsc_run(h->worker, CW_PCSC_RESET, 0, CW_SPAN(NULL, 0), timeout_ms);
        if (!t)
                return stuck(h, "pcsc.reset", f);
        if (t->rv != SCARD_S_SUCCESS) {
                h->dead = true;
                return cw_pcsc_fail(f, t->rv, t->rv_op);
        }
        adopt_atr(h);
        return CW_OK;
}

static void handle_close(struct cw_card_channel *c) {
        struct handle *h = handle_of(c);
        if (h->worker && cw_pcsc_run(h->worker, CW_PCSC_CLOSE, 0, CW_SPAN(NULL, 0), CLOSE_WAIT_MS)) {
                (void)pthread_join(h->worker->thread, NULL);
                cw_pcsc_worker_free(h->worker);
        }
        free(h);
}

static const struct cw_card_channel_ops handle_ops = {.transmit = handle_transmit,
                                                      .behind = handle_behind,
                                                      .reset = handle_reset,
                                                      .close = handle_close,
                                                      .control = handle_control};

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
                const struct cw_pcsc_turn *t = cw_pcsc_run(h->worker, CW_PCSC_CONNECT, 0, CW_SPAN(NULL, 0),
                                                           cw_deadline_left_ms(deadline_ns));
                if (!t)
                        return stuck(h, "pcsc.connect", f);
                if (t->rv == SCARD_S_SUCCESS)
                        return CW_OK;
                if (!worth_waiting(t->rv, stale_ns) || cw_deadline_left_ms(deadline_ns) <= SHARED_RETRY_MS)
                        return cw_pcsc_fail(f, t->rv, t->rv_op);
                (void)nanosleep(&(struct timespec){0, SHARED_RETRY_MS * 1000000L}, NULL);
        }
}

cw_rc cw_pcsc_channel_open(const char *name, const char *wanted, struct cw_reader_stuck *stuck_count,
                           int64_t timeout_ms, struct cw_card_channel **ret, struct cw_fault *f) {
        struct handle *h = calloc(1, sizeof *h);
        struct cw_pcsc_worker *w = h ? cw_pcsc_worker_new(name, wanted, stuck_count) : NULL;
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
