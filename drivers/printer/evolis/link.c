/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question, one answer. How an answer ends is not documented for every model: 00, CR, or nothing but the
 * end of the transfer. So: up to 00 or CR; and a text without either ends when the line stays quiet.
 *
 * After a missing answer the stream is out of step: the next text may belong to the older question. It is
 * brought back by asking something whose answer is known until that answer comes.
 */
#include "drivers/printer/evolis/internal.h"

#include "base/clock.h"

#include <string.h>

#define QUIET_MS 80
#define DRAIN_QUIET_MS 30
#define ASK_LIMIT_MS 2000 /* of the question, and then of its answer */
#define SYNC_LIMIT_MS 600
#define QUICK_SYNC_LIMIT_MS 150
#define SYNC_TRIES 3
#define SYNC_ANSWERS_MAX 8
#define DRAIN_READS_MAX 64

static bool is_timeout(cw_rc rc) {
        return cw_rc_class(rc) == CW_C_RETRY && (rc & 0xffffu) == CW_E_TIMEOUT;
}

cw_rc cw_evolis_drain(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f) {
        CW_WIPED(uint8_t, bytes, CW_EVOLIS_REPLY_MAX);
        cw_evolis_stream_clear(&e->stream);
        for (int i = 0; i < DRAIN_READS_MAX; i++) {
                size_t len = 0;
                cw_rc rc = cw_usb_bulk_in(e->base.usb, bytes, CW_EVOLIS_REPLY_MAX,
                                          cw_printer_deadline(deadline_ns, DRAIN_QUIET_MS), &len, f);
                if (is_timeout(rc))
                        return CW_OK;
                if (rc != CW_OK)
                        return rc;
        }
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_SYNTAX), 0, "evolis.drain",
                       "PRT_NOT_REACHABLE", "the printer sends without end; switch it off and on");
}

/* One transfer into the stream. */
static cw_rc read_more(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f) {
        CW_WIPED(uint8_t, bytes, CW_EVOLIS_REPLY_MAX);
        size_t len = 0;
        cw_rc rc = cw_usb_bulk_in(e->base.usb, bytes, CW_EVOLIS_REPLY_MAX, deadline_ns, &len, f);
        if (rc != CW_OK)
                return rc;
        if (cw_evolis_stream_add(&e->stream, bytes, len))
                return CW_OK;
        e->out_of_step = true;
        cw_evolis_stream_clear(&e->stream);
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_SYNTAX), 0, "evolis.receive",
                       "PRD_UNEXPECTED_DATA", "the printer sent an answer that is too long to be one");
}

/* The line went quiet: what is there is the answer, "" when only an end mark came. */
static cw_rc quiet(struct cw_evolis *e, bool ended, char *ret, size_t cap, cw_rc rc) {
        if (!ended && e->stream.len == 0) {
                e->out_of_step = true;
                return rc;
        }
        cw_evolis_stream_take(&e->stream, e->stream.len, ret, cap);
        return CW_OK;
}

cw_rc cw_evolis_receive(struct cw_evolis *e, int64_t deadline_ns, char *ret, size_t cap, struct cw_fault *f) {
        bool ended =
            false; /* an end mark without text came: the rest of the mark before, or an empty answer */
        for (;;) {
                ptrdiff_t n = cw_evolis_stream_find(&e->stream);
                if (n > 0) {
                        cw_evolis_stream_take(&e->stream, (size_t)n, ret, cap);
                        return CW_OK;
                }
                if (n == 0) {
                        char none[1];
                        cw_evolis_stream_take(&e->stream, 0, none, sizeof none);
                        ended = true;
                        continue;
                }
                bool begun = ended || e->stream.len > 0;
                cw_rc rc = read_more(e, begun ? cw_printer_deadline(deadline_ns, QUIET_MS) : deadline_ns, f);
                if (is_timeout(rc))
                        return quiet(e, ended, ret, cap, rc);
                if (rc != CW_OK) {
                        e->out_of_step = true;
                        return rc;
                }
        }
}

/* What came in one packet with an answer and is no end mark: an answer too many, as one of its own would be.
 */
static void forget_rest(struct cw_evolis *e) {
        bool text = false;
        for (size_t i = 0; i < e->stream.len; i++)
                text = text || !memchr("\0\r\n ", e->stream.bytes[i], 4);
        e->base.usb->unasked += text;
        cw_evolis_stream_clear(&e->stream);
}

bool cw_evolis_answered_too_often(struct cw_evolis *e, unsigned unasked) {
        forget_rest(e);
        cw_usb_purge(e->base.usb);
        if (e->base.usb->unasked == unasked)
                return false;
        e->out_of_step = true;
        return true;
}

static cw_rc send_now(struct cw_evolis *e, const void *bytes, size_t len, int64_t deadline_ns,
                      size_t *ret_sent, struct cw_fault *f) {
        forget_rest(e);
        cw_rc rc = cw_usb_bulk_out(e->base.usb, bytes, len, deadline_ns, ret_sent, f);
        if (rc != CW_OK)
                e->out_of_step = true;
        return rc;
}

static cw_rc send_command(struct cw_evolis *e, const char *command, int64_t deadline_ns, size_t *ret_sent,
                          struct cw_fault *f) {
        uint8_t bytes[CW_EVOLIS_COMMAND_MAX + 2];
        struct cw_writer w;
        cw_writer_init(&w, bytes, sizeof bytes);
        cw_evolis_put_command(&w, command);
        *ret_sent = 0;
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_SYNTAX), 0, "evolis.send", "",
                               "a printer command is 1 to %d printable characters", CW_EVOLIS_COMMAND_MAX);
        return cw_evolis_send(e, bytes, w.len, deadline_ns, ret_sent, f);
}

/* Asks the known question once and reads answers until the known one. */
static cw_rc sync_once(struct cw_evolis *e, int limit_ms, int64_t deadline_ns, bool *ret_synced,
                       struct cw_fault *f) {
        uint8_t bytes[CW_EVOLIS_COMMAND_MAX + 2];
        struct cw_writer w;
        size_t sent = 0;
        cw_writer_init(&w, bytes, sizeof bytes);
        cw_evolis_put_command(&w, e->sync_command);
        int64_t limit_ns = cw_printer_deadline(deadline_ns, limit_ms);
        cw_rc rc = send_now(e, bytes, w.len, limit_ns, &sent, f);
        for (int i = 0; rc == CW_OK && i < SYNC_ANSWERS_MAX; i++) {
                CW_WIPED(char, answer, CW_EVOLIS_REPLY_MAX);
                rc = cw_evolis_receive(e, limit_ns, answer, CW_EVOLIS_REPLY_MAX, f);
                if (rc == CW_OK && strcmp(answer, e->sync_answer) == 0) {
                        *ret_synced = true;
                        return CW_OK;
                }
        }
        return is_timeout(rc) ? CW_OK : rc;
}

/*
 * Mostly an answer too many is all there is, and answers come in the order of the questions: the known one
 * is the last. When it does not come, the line is emptied first, and again afterwards, since the known
 * question was then asked more than once.
 */
static cw_rc find_step(struct cw_evolis *e, int64_t deadline_ns, bool *ret_synced, struct cw_fault *f) {
        bool synced = false;
        cw_rc rc = CW_OK;
        /* Not with answers to the known question still owed: the first of them would pass for the last. */
        if (!e->sync_owed)
                rc = sync_once(e, QUICK_SYNC_LIMIT_MS, deadline_ns, ret_synced, f);
        if (rc != CW_OK || *ret_synced)
                return rc;
        e->sync_owed = true;
        rc = cw_evolis_drain(e, deadline_ns, f);
        for (int i = 0; rc == CW_OK && !synced && i < SYNC_TRIES; i++) {
                if (cw_deadline_left_ms(deadline_ns) == 0)
                        break;
                rc = sync_once(e, SYNC_LIMIT_MS, deadline_ns, &synced, f);
        }
        if (rc == CW_OK && synced)
                rc = cw_evolis_drain(e, deadline_ns, f);
        *ret_synced = rc == CW_OK && synced;
        e->sync_owed = !*ret_synced;
        return rc;
}

static cw_rc back_in_step(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f) {
        bool synced = false;
        cw_rc rc = find_step(e, deadline_ns, &synced, f);
        if (rc != CW_OK)
                return cw_rc_class(rc) == CW_C_IN_DOUBT ? CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_PARTIAL)
                                                        : rc;
        if (!synced)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_TIMEOUT), 0, "evolis.sync",
                               "PRT_TIMEOUT",
                               "the printer is busy or mute; ask again, then switch it off and on");
        e->out_of_step = false;
        return CW_OK;
}

cw_rc cw_evolis_send(struct cw_evolis *e, const void *bytes, size_t len, int64_t deadline_ns,
                     size_t *ret_sent, struct cw_fault *f) {
        *ret_sent = 0;
        if (e->out_of_step && e->sync_command) {
                cw_rc rc = back_in_step(e, deadline_ns, f);
                if (rc != CW_OK)
                        return rc;
        }
        return send_now(e, bytes, len, deadline_ns, ret_sent, f);
}

cw_rc cw_evolis_ask(struct cw_evolis *e, const char *command, int64_t deadline_ns, char *ret, size_t cap,
                    struct cw_fault *f) {
        size_t sent = 0;
        cw_rc rc = send_command(e, command, cw_printer_deadline(deadline_ns, ASK_LIMIT_MS), &sent, f);
        if (rc == CW_OK)
                rc = cw_evolis_receive(e, cw_printer_deadline(deadline_ns, ASK_LIMIT_MS), ret, cap, f);
        return cw_printer_asked(rc, "evolis.ask", f);
}

cw_rc cw_evolis_set(struct cw_evolis *e, const char *command, int64_t deadline_ns, struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX], quoted[64];
        cw_rc rc = cw_evolis_ask(e, command, deadline_ns, answer, sizeof answer, f);
        if (rc != CW_OK || cw_evolis_kind(answer) == CW_EVOLIS_OK)
                return rc;
        cw_evolis_quote(answer, quoted, sizeof quoted);
        return cw_fail(
            f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "evolis.set", "PRT_SETUP_ERROR",
            "the printer refused the setting %.20s (%s); check its model and firmware", command, quoted);
}
