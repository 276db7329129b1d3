/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions and their answers. An answer tells by its form what it answers, so answers to older questions are
 * passed over. Commands that move are not answered at all.
 */
#include "drivers/printer/magicard/internal.h"

#include "base/clock.h"

#include <string.h>

#define QUIET_MS 30
#define ASK_LIMIT_MS 800 /* of the question, and then of its answer: a busy host may be slow between them */
#define READS_MAX 64

static bool is_timeout(cw_rc rc) {
        return cw_rc_class(rc) == CW_C_RETRY && (rc & 0xffffu) == CW_E_TIMEOUT;
}

static cw_rc read_more(struct cw_magicard *e, int64_t deadline_ns, struct cw_fault *f) {
        uint8_t bytes[CW_MAGICARD_REPLY_MAX];
        size_t len = 0;
        cw_rc rc = cw_usb_bulk_in(e->base.usb, bytes, sizeof bytes, deadline_ns, &len, f);
        if (rc == CW_OK)
                cw_magicard_stream_add(&e->stream, bytes, len);
        return rc;
}

static cw_rc endless(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_SYNTAX), 0, "magicard.read",
                       "PRT_NOT_REACHABLE", "the printer sends without end; switch it off and on");
}

cw_rc cw_magicard_drain(struct cw_magicard *e, int64_t deadline_ns, struct cw_fault *f) {
        for (int i = 0; i < READS_MAX; i++) {
                cw_rc rc = read_more(e, cw_printer_deadline(deadline_ns, QUIET_MS), f);
                e->stream.len = 0;
                if (is_timeout(rc))
                        return CW_OK;
                if (rc != CW_OK)
                        return rc;
        }
        return endless(f);
}

cw_rc cw_magicard_send(struct cw_magicard *e, const char *text, int64_t deadline_ns, size_t *ret_sent,
                       struct cw_fault *f) {
        uint8_t bytes[CW_MAGICARD_REQUEST_MAX + 16];
        struct cw_writer w;
        cw_writer_init(&w, bytes, sizeof bytes);
        cw_magicard_put_request(&w, text);
        *ret_sent = 0;
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_SYNTAX), 0, "magicard.send", "",
                               "a printer request is 1 to %d printable characters", CW_MAGICARD_REQUEST_MAX);
        return cw_usb_bulk_out(e->base.usb, bytes, w.len, deadline_ns, ret_sent, f);
}

/* Is this the answer waited for? Then what it says goes to where ctx points. */
typedef bool match_fn(const char *reply, void *ctx);

static cw_rc receive(struct cw_magicard *e, int64_t deadline_ns, match_fn *match, void *ctx,
                     struct cw_fault *f) {
        char reply[CW_MAGICARD_REPLY_MAX];
        for (int i = 0; i < READS_MAX * CW_MAGICARD_REPLY_MAX; i++) {
                while (cw_magicard_stream_next(&e->stream, reply))
                        if (match(reply, ctx))
                                return CW_OK;
                cw_rc rc = read_more(e, deadline_ns, f);
                if (rc != CW_OK)
                        return rc;
        }
        return endless(f);
}

static cw_rc ask(struct cw_magicard *e, const char *text, int64_t deadline_ns, match_fn *match, void *ctx,
                 struct cw_fault *f) {
        size_t sent = 0;
        e->stream.len = 0;
        cw_rc rc = cw_magicard_send(e, text, cw_printer_deadline(deadline_ns, ASK_LIMIT_MS), &sent, f);
        if (rc == CW_OK)
                rc = receive(e, cw_printer_deadline(deadline_ns, ASK_LIMIT_MS), match, ctx, f);
        return cw_printer_asked(rc, "magicard.ask", f);
}

static bool match_error(const char *reply, void *ctx) {
        return cw_magicard_parse_error(reply, ctx);
}

cw_rc cw_magicard_ask_error(struct cw_magicard *e, int64_t deadline_ns, struct cw_magicard_error *ret,
                            struct cw_fault *f) {
        return ask(e, ",REQ,ERR,", deadline_ns, match_error, ret, f);
}

static bool match_info(const char *reply, void *ctx) {
        return cw_magicard_parse_info(reply, ctx);
}

cw_rc cw_magicard_ask_info(struct cw_magicard *e, int64_t deadline_ns, struct cw_magicard_info *ret,
                           struct cw_fault *f) {
        return ask(e, ",REQ,INF,", deadline_ns, match_info, ret, f);
}

struct value {
        const char *key;
        char *to;
        size_t cap;
};

static bool match_value(const char *reply, void *ctx) {
        const struct value *v = ctx;
        return cw_magicard_parse_value(reply, v->key, v->to, v->cap);
}

cw_rc cw_magicard_ask_value(struct cw_magicard *e, const char *key, int64_t deadline_ns, char *ret,
                            size_t cap, struct cw_fault *f) {
        char text[CW_MAGICARD_REQUEST_MAX];
        struct value v = {key, ret, cap};
        (void)snprintf(text, sizeof text, "REQ,STA,%.8s,", key);
        return ask(e, text, deadline_ns, match_value, &v, f);
}

static bool match_any(const char *reply, void *ctx) {
        const struct value *v = ctx;
        cw_magicard_quote(reply, v->to, v->cap);
        return true;
}

cw_rc cw_magicard_ask_text(struct cw_magicard *e, const char *text, int64_t deadline_ns, char *ret,
                           size_t cap, struct cw_fault *f) {
        struct value v = {"", ret, cap};
        cw_rc rc = cw_magicard_drain(e, deadline_ns, f);
        return rc == CW_OK ? ask(e, text, deadline_ns, match_any, &v, f) : rc;
}
