/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands with an effect. The printer tells an error by its code and not where the card is: that follows
 * from what the code says of the command, and is unknown where it says nothing.
 */
#include "drivers/printer/zebra/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define CLEAR_MS 1500

void cw_zebra_is_at(struct cw_zebra *e, struct cw_printer_effect *effect, enum cw_where where) {
        e->where = effect->where = where;
        e->delivered = where == CW_WHERE_OUTPUT;
        if (where == CW_WHERE_OUTPUT)
                e->where = CW_WHERE_NONE;
}

static cw_rc doubt(struct cw_zebra *e, const char *op, const struct cw_fault *why,
                   struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_zebra_is_at(e, effect, CW_WHERE_UNKNOWN);
        return cw_printer_doubt(op, why, f);
}

static cw_rc unknown_model(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, op, "PRT_SETUP_ERROR",
                       "this Zebra model is not known well enough to move a card; use a model of the list");
}

/* '.' clears an error that was shown; what still stands then needs a person. */
cw_rc cw_zebra_clear_error(struct cw_zebra *e, int64_t deadline_ns, struct cw_fault *f) {
        char text[CW_ZEBRA_REPLY_MAX + 1];
        struct cw_zebra_reply reply;
        return cw_zebra_ask(e, ".", cw_printer_deadline(deadline_ns, CLEAR_MS), &reply, text, f);
}

bool cw_zebra_shows_error(uint8_t port) {
        return port != 0 && (!(port & CW_USB_PORT_NOT_ERROR) || (port & CW_USB_PORT_PAPER_EMPTY));
}

cw_rc cw_zebra_need_quiet(struct cw_zebra *e, const char *op, int64_t deadline_ns,
                          struct cw_printer_effect *effect, struct cw_fault *f) {
        effect->where = e->where;
        if (!e->known)
                return unknown_model(f, op);
        cw_rc rc = cw_zebra_alive(e, deadline_ns, f);
        e->unasked = e->base.usb->unasked;
        if (rc != CW_OK || (e->last == 0 && !cw_zebra_shows_error(cw_zebra_port(e, deadline_ns))))
                return rc;
        int last = e->last;
        rc = cw_zebra_clear_error(e, deadline_ns, f);
        if (rc != CW_OK)
                return rc;
        if (!cw_zebra_shows_error(cw_zebra_port(e, deadline_ns))) {
                e->last = 0;
                return CW_OK;
        }
        (void)snprintf(effect->vendor, sizeof effect->vendor, "error %02d", last);
        return cw_printer_fail(f, CW_C_OPERATOR, CW_E_STATE, op,
                               last ? cw_zebra_code(last) : "PRT_SETUP_ERROR", last ? effect->vendor : "");
}

cw_rc cw_zebra_need_card(struct cw_zebra *e, const char *op, int64_t deadline_ns,
                         struct cw_printer_effect *effect, struct cw_fault *f) {
        effect->where = e->where;
        if (!e->known)
                return unknown_model(f, op);
        if (e->where == CW_WHERE_NONE)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_STATE), 0, op, "PRD_UNEXPECTED_DATA",
                               "there is no card in the printer");
        if (!cw_where_inside(e->where))
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_STATE), 0, op,
                               "PRD_UNEXPECTED_DATA",
                               "it is not known whether a card is in the printer; look, and take it out");
        return cw_zebra_need_quiet(e, op, deadline_ns, effect, f);
}

/* 15 and a code. Never CW_OK. */
static cw_rc refused(struct cw_zebra *e, int code, const char *op, bool moves,
                     struct cw_printer_effect *effect, struct cw_fault *f) {
        enum cw_zebra_meaning meaning = cw_zebra_meaning(code);
        struct cw_fault ignored;
        e->last = meaning == CW_ZEBRA_M_PRESENT ? 0 : code;
        (void)snprintf(effect->vendor, sizeof effect->vendor, "error %02d", code);
        /* Cleared at once: what stands by itself (cover, jam) is shown again, the rest is over. */
        if (cw_zebra_clear_error(e, cw_deadline_ns(CLEAR_MS), &ignored) != CW_OK)
                e->out_of_step = true;
        if (meaning == CW_ZEBRA_M_SYNTAX && code == 14)
                return cw_printer_fail(f, CW_C_REJECT, CW_E_UNSUPPORTED, op, cw_zebra_code(code),
                                       effect->vendor);
        if (!moves || meaning == CW_ZEBRA_M_SYNTAX || meaning == CW_ZEBRA_M_MAG)
                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_STATE, op, cw_zebra_code(code), effect->vendor);
        if (meaning == CW_ZEBRA_M_FEEDER && !cw_where_inside(effect->where)) {
                cw_zebra_is_at(e, effect, CW_WHERE_NONE);
                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_STATE, op, cw_zebra_code(code), effect->vendor);
        }
        cw_zebra_is_at(e, effect, CW_WHERE_UNKNOWN);
        return cw_printer_fail(f, CW_C_IN_DOUBT, CW_E_STATE, op, cw_zebra_code(code), effect->vendor);
}

/* Neither yes nor no. */
static cw_rc garbled(struct cw_zebra *e, const char *op, const struct cw_zebra_reply *reply,
                     struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_fault why = {0};
        (void)cw_fail(&why, CW_RC(CW_L_PRINTER, CW_C_IN_DOUBT, CW_E_SYNTAX), 0, op, "PRD_UNEXPECTED_DATA",
                      "the printer's answer is %s",
                      reply->kind == CW_ZEBRA_TEXT    ? "a text"
                      : reply->kind == CW_ZEBRA_NOISE ? "noise"
                                                      : "not to what it was asked");
        e->out_of_step = true;
        return doubt(e, op, &why, effect, f);
}

/* Neither a yes nor a no says to what: when another one comes in answer to V, or before it, the first was not
 * ours. */
static cw_rc confirm(struct cw_zebra *e, const char *op, int64_t deadline_ns,
                     struct cw_printer_effect *effect, struct cw_fault *f) {
        char text[CW_ZEBRA_REPLY_MAX + 1];
        struct cw_zebra_reply reply;
        struct cw_fault why = {0};
        const unsigned unasked = e->base.usb->unasked;
        cw_rc rc = cw_zebra_ask(e, "V", deadline_ns, &reply, text, &why);
        if (e->base.usb->unasked != unasked) /* it was there already, and thrown away before V was asked */
                reply.kind = CW_ZEBRA_ACK;
        if (rc == CW_OK && (reply.kind == CW_ZEBRA_ACK || reply.kind == CW_ZEBRA_NACK))
                return garbled(e, op, &reply, effect, f);
        if (rc == CW_OK && (reply.kind != CW_ZEBRA_TEXT || strcmp(text, e->version) != 0)) {
                e->out_of_step = true;
                rc = cw_zebra_alive(e, deadline_ns, &why);
        }
        return rc == CW_OK ? rc : doubt(e, op, &why, effect, f);
}

cw_rc cw_zebra_in_step(struct cw_zebra *e, const char *op, int64_t deadline_ns, struct cw_fault *f) {
        char text[CW_ZEBRA_REPLY_MAX + 1];
        struct cw_zebra_reply reply;
        cw_rc rc = cw_zebra_ask(e, "V", deadline_ns, &reply, text, f);
        bool known = rc == CW_OK && reply.kind == CW_ZEBRA_TEXT && strcmp(text, e->version) == 0;
        if (rc != CW_OK || (known && e->base.usb->unasked == e->unasked))
                return rc;
        e->out_of_step = true;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_SYNTAX), 0, op, "PRD_UNEXPECTED_DATA",
                       "the printer gave an answer too many; nothing was done to the card, reject it");
}

cw_rc cw_zebra_act(struct cw_zebra *e, const char *text, const char *op, int64_t deadline_ns,
                   struct cw_printer_effect *effect, struct cw_fault *f) {
        char answer[CW_ZEBRA_REPLY_MAX + 1];
        struct cw_zebra_reply reply = {.kind = CW_ZEBRA_NONE};
        struct cw_fault why = {0};
        size_t sent = 0;
        cw_rc rc = cw_zebra_send_text(e, text, deadline_ns, &sent, &why);
        bool some = sent > 0 || cw_rc_class(rc) == CW_C_IN_DOUBT;
        effect->started = effect->started || some;
        if (rc != CW_OK && !some) {
                if (f)
                        *f = why;
                return rc;
        }
        if (rc == CW_OK)
                rc = cw_zebra_receive(e, deadline_ns, &reply, answer, &why);
        if (rc != CW_OK)
                return doubt(e, op, &why, effect, f);
        if (reply.kind != CW_ZEBRA_ACK && reply.kind != CW_ZEBRA_NACK)
                return garbled(e, op, &reply, effect, f);
        rc = confirm(e, op, deadline_ns, effect, f);
        if (rc != CW_OK || reply.kind == CW_ZEBRA_ACK)
                return rc;
        return refused(e, reply.code, op, true, effect, f);
}

/* The rest of an image will not follow: without the reset the printer would take the next command for it. */
static cw_rc broken_off(struct cw_zebra *e, const char *op, const struct cw_fault *why,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_fault ignored;
        if (cw_usb_soft_reset(e->base.usb, cw_deadline_ns(500), &ignored) != CW_OK)
                e->out_of_step = true;
        return doubt(e, op, why, effect, f);
}

cw_rc cw_zebra_load(struct cw_zebra *e, const void *bytes, size_t len, size_t count, const char *op,
                    int64_t deadline_ns, struct cw_printer_effect *effect, struct cw_fault *f) {
        char answer[CW_ZEBRA_REPLY_MAX + 1];
        struct cw_zebra_reply reply;
        struct cw_fault why = {0};
        size_t sent = 0;
        cw_rc rc = cw_zebra_send(e, bytes, len, deadline_ns, &sent, &why);
        if (rc != CW_OK && (sent > 0 || cw_rc_class(rc) == CW_C_IN_DOUBT))
                return broken_off(e, op, &why, effect, f);
        for (size_t i = 0; rc == CW_OK && i < count; i++) {
                rc = cw_zebra_receive(e, deadline_ns, &reply, answer, &why);
                if (rc != CW_OK)
                        return doubt(e, op, &why, effect, f);
                if (reply.kind == CW_ZEBRA_NACK) {
                        e->out_of_step = i + 1 < count; /* the other replies of the same transfer */
                        return refused(e, reply.code, op, false, effect, f);
                }
                if (reply.kind != CW_ZEBRA_ACK)
                        return garbled(e, op, &reply, effect, f);
        }
        if (rc != CW_OK && f)
                *f = why;
        return rc;
}

cw_rc cw_zebra_set(struct cw_zebra *e, const char *text, const char *op, int64_t deadline_ns,
                   struct cw_printer_effect *effect, struct cw_fault *f) {
        uint8_t bytes[CW_ZEBRA_COMMAND_MAX + 8];
        struct cw_writer w;
        cw_writer_init(&w, bytes, sizeof bytes);
        cw_zebra_put_command(&w, e->framing, text);
        return cw_zebra_load(e, bytes, w.len, 1, op, deadline_ns, effect, f);
}
