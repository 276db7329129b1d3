/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command, one reply. A 06 does not say which command it answers: after a missing reply the line is
 * emptied and V is asked until its known answer comes, before anything else is sent. The command that sends
 * the last reply again ('e') is of no use for that: the last reply may be that of an older command.
 */
#include "drivers/printer/zebra/internal.h"

#include "base/clock.h"

#include <string.h>

#define QUIET_MS 80
#define DRAIN_QUIET_MS 30
#define DRAIN_READS_MAX 64
#define ASK_LIMIT_MS 2000 /* of the question, and then of its answer */
#define SYNC_LIMIT_MS 500
#define SYNC_TRIES 3
#define SYNC_ANSWERS_MAX 8

static bool is_timeout(cw_rc rc) {
        return cw_rc_class(rc) == CW_C_RETRY && (rc & 0xffffu) == CW_E_TIMEOUT;
}

static void forget(struct cw_zebra *e, size_t n) {
        uint8_t *b = e->memory->ptr;
        memmove(b, b + n, e->len - n);
        cw_wipe(b + e->len - n, n);
        e->len -= n;
}

static cw_rc endless(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_SYNTAX), 0, "zebra.receive",
                       "PRD_UNEXPECTED_DATA", "the printer sends without end; switch it off and on");
}

cw_rc cw_zebra_drain(struct cw_zebra *e, int64_t deadline_ns, struct cw_fault *f) {
        CW_WIPED(uint8_t, bytes, CW_ZEBRA_REPLY_MAX);
        forget(e, e->len);
        for (int i = 0; i < DRAIN_READS_MAX; i++) {
                size_t len = 0;
                cw_rc rc = cw_usb_bulk_in(e->base.usb, bytes, CW_ZEBRA_REPLY_MAX,
                                          cw_printer_deadline(deadline_ns, DRAIN_QUIET_MS), &len, f);
                if (is_timeout(rc))
                        return CW_OK;
                if (rc != CW_OK)
                        return rc;
        }
        return endless(f);
}

static cw_rc read_more(struct cw_zebra *e, int64_t deadline_ns, struct cw_fault *f) {
        size_t len = 0;
        if (e->len == CW_ZEBRA_REPLY_MAX) {
                forget(e, e->len);
                return endless(f);
        }
        cw_rc rc = cw_usb_bulk_in(e->base.usb, (uint8_t *)e->memory->ptr + e->len,
                                  CW_ZEBRA_REPLY_MAX - e->len, deadline_ns, &len, f);
        if (rc == CW_OK)
                e->len += len;
        return rc;
}

cw_rc cw_zebra_receive(struct cw_zebra *e, int64_t deadline_ns, struct cw_zebra_reply *ret_reply, char *ret,
                       struct cw_fault *f) {
        bool quiet = false;
        for (;;) {
                size_t n = cw_zebra_parse(e->memory->ptr, e->len, quiet, ret_reply);
                ret[0] = '\0';
                if (n > 0) {
                        size_t len = ret_reply->kind == CW_ZEBRA_TEXT ? ret_reply->len : 0;
                        memcpy(ret, (uint8_t *)e->memory->ptr + ret_reply->at, len);
                        ret[len] = '\0';
                        forget(e, n);
                        e->out_of_step = e->out_of_step || ret_reply->kind == CW_ZEBRA_NOISE;
                        return CW_OK;
                }
                cw_rc rc = read_more(e, e->len ? cw_printer_deadline(deadline_ns, QUIET_MS) : deadline_ns, f);
                quiet = is_timeout(rc) && e->len > 0;
                if (rc != CW_OK && !quiet) {
                        e->out_of_step = true;
                        return rc;
                }
        }
}

static cw_rc send_now(struct cw_zebra *e, const void *bytes, size_t len, int64_t deadline_ns,
                      size_t *ret_sent, struct cw_fault *f) {
        e->base.usb->unasked += e->len > 0; /* in one packet with an answer: one too many all the same */
        forget(e, e->len);
        cw_rc rc = cw_usb_bulk_out(e->base.usb, bytes, len, deadline_ns, ret_sent, f);
        if (rc != CW_OK)
                e->out_of_step = true;
        return rc;
}

/* Asks V once and reads until its known answer. */
static cw_rc sync_once(struct cw_zebra *e, int64_t deadline_ns, bool *ret_synced, struct cw_fault *f) {
        CW_WIPED(char, text, CW_ZEBRA_REPLY_MAX + 1);
        uint8_t bytes[16];
        struct cw_zebra_reply reply;
        struct cw_writer w;
        size_t sent = 0;
        cw_writer_init(&w, bytes, sizeof bytes);
        cw_zebra_put_command(&w, e->framing, "V");
        int64_t limit_ns = cw_printer_deadline(deadline_ns, SYNC_LIMIT_MS);
        cw_rc rc = send_now(e, bytes, w.len, limit_ns, &sent, f);
        for (int i = 0; rc == CW_OK && i < SYNC_ANSWERS_MAX; i++) {
                rc = cw_zebra_receive(e, limit_ns, &reply, text, f);
                if (rc == CW_OK && reply.kind == CW_ZEBRA_TEXT && strcmp(text, e->version) == 0) {
                        *ret_synced = true;
                        return CW_OK;
                }
        }
        return is_timeout(rc) ? CW_OK : rc;
}

static cw_rc back_in_step(struct cw_zebra *e, int64_t deadline_ns, struct cw_fault *f) {
        bool synced = false;
        cw_rc rc = cw_zebra_drain(e, deadline_ns, f);
        for (int i = 0; rc == CW_OK && !synced && i < SYNC_TRIES && cw_deadline_left_ms(deadline_ns) > 0; i++)
                rc = sync_once(e, deadline_ns, &synced, f);
        if (rc == CW_OK && synced)
                rc = cw_zebra_drain(e, deadline_ns, f); /* V may have been asked more than once */
        if (rc != CW_OK)
                return cw_rc_class(rc) == CW_C_IN_DOUBT ? CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_PARTIAL)
                                                        : rc;
        if (!synced)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_TIMEOUT), 0, "zebra.sync",
                               "PRT_TIMEOUT",
                               "the printer is busy or mute; ask again, then switch it off and on");
        e->out_of_step = false;
        return CW_OK;
}

cw_rc cw_zebra_send(struct cw_zebra *e, const void *bytes, size_t len, int64_t deadline_ns, size_t *ret_sent,
                    struct cw_fault *f) {
        *ret_sent = 0;
        if (e->out_of_step && e->version[0]) {
                cw_rc rc = back_in_step(e, deadline_ns, f);
                if (rc != CW_OK)
                        return rc;
        }
        return send_now(e, bytes, len, deadline_ns, ret_sent, f);
}

cw_rc cw_zebra_send_text(struct cw_zebra *e, const char *text, int64_t deadline_ns, size_t *ret_sent,
                         struct cw_fault *f) {
        uint8_t bytes[CW_ZEBRA_COMMAND_MAX + 8];
        struct cw_writer w;
        cw_writer_init(&w, bytes, sizeof bytes);
        cw_zebra_put_command(&w, e->framing, text);
        *ret_sent = 0;
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_SYNTAX), 0, "zebra.send", "",
                               "a printer command is 1 to %d printable characters", CW_ZEBRA_COMMAND_MAX);
        return cw_zebra_send(e, bytes, w.len, deadline_ns, ret_sent, f);
}

cw_rc cw_zebra_ask(struct cw_zebra *e, const char *text, int64_t deadline_ns,
                   struct cw_zebra_reply *ret_reply, char *ret, struct cw_fault *f) {
        size_t sent = 0;
        cw_rc rc = cw_zebra_send_text(e, text, cw_printer_deadline(deadline_ns, ASK_LIMIT_MS), &sent, f);
        if (rc == CW_OK)
                rc = cw_zebra_receive(e, cw_printer_deadline(deadline_ns, ASK_LIMIT_MS), ret_reply, ret, f);
        return cw_printer_asked(rc, "zebra.ask", f);
}
