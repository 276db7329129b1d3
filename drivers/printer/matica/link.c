/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk-only transport: command wrapper, data, status wrapper. A status that is late is waited for before the
 * next command; when bytes of ours are missing there is no way back but the port reset, which counts as an
 * unplug.
 */
#include "drivers/printer/matica/internal.h"

#include "base/clock.h"

#include <string.h>

#define CHUNK 65536u
#define PACKET 512u /* no answer is longer */
#define LATE_MS 300
#define LATE_TRIES 20

static cw_rc give_up(struct cw_matica *e, struct cw_fault *f) {
        struct cw_fault ignored;
        cw_rc reset = cw_usb_reset(e->base.usb, &ignored);
        e->broken = true;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_CLOSED), reset, "matica.link",
                       "PRT_NOT_REACHABLE",
                       "the printer lost count of its commands; its connection is reset");
}

/* A stall is answered by CLEAR_HALT; what stalled is then over. */
static bool cleared(struct cw_matica *e, cw_rc rc) {
        struct cw_fault ignored;
        return cw_rc_class(rc) == CW_C_RECONNECT && !cw_usb_gone(e->base.usb) &&
               cw_usb_clear_halt(e->base.usb, &ignored) == CW_OK;
}

/* Reads until the status of this tag is there; those of older commands are thrown away. */
static cw_rc read_status(struct cw_matica *e, int64_t deadline_ns, bool *ret_good, struct cw_fault *f) {
        bool stalled = false;
        for (unsigned i = 0; i < LATE_TRIES; i++) {
                uint8_t bytes[512];
                size_t len = 0;
                cw_rc rc = cw_usb_bulk_in(e->base.usb, bytes, sizeof bytes, deadline_ns, &len, f);
                if (rc != CW_OK && !stalled && cleared(e, rc)) {
                        stalled = true;
                        continue;
                }
                if (rc != CW_OK)
                        return rc;
                enum cw_matica_status s = cw_matica_csw(bytes, len, e->tag);
                if (s == CW_MATICA_GOOD || s == CW_MATICA_CHECK) {
                        e->owes = false;
                        *ret_good = s == CW_MATICA_GOOD;
                        return CW_OK;
                }
        }
        return give_up(e, f);
}

/* The status of a command before this one is waited for a little each time somebody asks. */
static cw_rc settle(struct cw_matica *e, int64_t deadline_ns, struct cw_fault *f) {
        bool good = false;
        if (e->broken)
                return give_up(e, f);
        if (!e->owes)
                return CW_OK;
        cw_rc rc = read_status(e, cw_printer_deadline(deadline_ns, LATE_MS), &good, f);
        if (rc == CW_OK || cw_rc_class(rc) == CW_C_RECONNECT)
                return rc;
        return ++e->tries < LATE_TRIES ? rc : give_up(e, f);
}

static cw_rc send_command(struct cw_matica *e, struct cw_matica_call *c, int64_t deadline_ns,
                          struct cw_fault *f) {
        uint8_t cbw[CW_MATICA_CBW];
        cw_rc rc = CW_OK;
        cw_matica_cbw(++e->tag, c->cdb, c->cdb_len, (uint32_t)c->len, c->in != NULL, cbw);
        for (int tries = 0; tries < 2; tries++) {
                size_t sent = 0;
                rc = cw_usb_bulk_out(e->base.usb, cbw, sizeof cbw, deadline_ns, &sent, f);
                c->started = c->started || sent > 0 || cw_rc_class(rc) == CW_C_IN_DOUBT;
                if (rc == CW_OK || c->started || !cleared(e, rc))
                        break;
        }
        e->broken = rc != CW_OK && c->started;
        e->owes = rc == CW_OK;
        e->tries = 0;
        return rc;
}

static cw_rc send_data(struct cw_matica *e, const struct cw_matica_call *c, int64_t deadline_ns,
                       struct cw_fault *f) {
        for (size_t at = 0; at < c->len;) {
                size_t n = c->len - at < CHUNK ? c->len - at : CHUNK, sent = 0;
                cw_rc rc = cw_usb_bulk_out(e->base.usb, c->out + at, n, deadline_ns, &sent, f);
                at += sent;
                /* A stall means that the printer wants no more of it and says why in its status. */
                if (rc != CW_OK && cleared(e, rc))
                        return CW_OK;
                if (rc != CW_OK) {
                        e->broken = true;
                        return rc;
                }
        }
        return CW_OK;
}

/* True when the bytes are a status and not data: ours (the printer had none), or an older one. */
static bool is_status(const uint8_t *bytes, size_t len, uint32_t tag) {
        return cw_matica_csw(bytes, len, tag) != CW_MATICA_ALIEN;
}

/* A whole packet is read: the status that comes instead of a short answer is longer than the answer. */
static cw_rc read_data(struct cw_matica *e, struct cw_matica_call *c, int64_t deadline_ns, bool *ret_done,
                       struct cw_fault *f) {
        for (unsigned i = 0; i < LATE_TRIES; i++) {
                CW_WIPED(uint8_t, bytes, PACKET); /* it may be a track */
                size_t len = 0;
                cw_rc rc = cw_usb_bulk_in(e->base.usb, bytes, PACKET, deadline_ns, &len, f);
                if (rc != CW_OK && cleared(e, rc))
                        return CW_OK;
                if (rc != CW_OK)
                        return rc;
                if (!is_status(bytes, len, e->tag)) {
                        c->got = len < c->len ? len : c->len;
                        memcpy(c->in, bytes, c->got);
                        return CW_OK;
                }
                if (cw_matica_csw(bytes, len, e->tag) == CW_MATICA_OLDER)
                        continue;
                c->good = cw_matica_csw(bytes, len, e->tag) == CW_MATICA_GOOD;
                e->owes = false;
                *ret_done = true;
                return CW_OK;
        }
        return give_up(e, f);
}

cw_rc cw_matica_do(struct cw_matica *e, struct cw_matica_call *c, int64_t deadline_ns, struct cw_fault *f) {
        bool done = false;
        c->started = c->good = false;
        c->got = 0;
        cw_rc rc = settle(e, deadline_ns, f);
        if (rc == CW_OK)
                rc = send_command(e, c, deadline_ns, f);
        if (rc == CW_OK && c->len > 0 && c->out)
                rc = send_data(e, c, deadline_ns, f);
        if (rc == CW_OK && c->len > 0 && c->in)
                rc = read_data(e, c, deadline_ns, &done, f);
        if (rc == CW_OK && !done)
                rc = read_status(e, deadline_ns, &c->good, f);
        return rc;
}

/* A question that was answered by a no: an unknown command will not be known at the next try. */
static cw_rc not_answered(struct cw_matica *e, bool refused, uint8_t command, int64_t deadline_ns,
                          struct cw_fault *f) {
        uint8_t b[CW_MATICA_SENSE];
        struct cw_matica_call sense = {
            .cdb = {0x03, 0, 0, 0, CW_MATICA_SENSE}, .cdb_len = 6, .in = b, .len = sizeof b};
        struct cw_fault ignored;
        if (refused && command != 0x03 && cw_matica_do(e, &sense, deadline_ns, &ignored) == CW_OK &&
            sense.good && cw_matica_parse_sense(b, sense.got) == CW_MATICA_BAD_COMMAND)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_UNSUPPORTED), command, "matica.ask",
                               "PRT_SETUP_ERROR",
                               "the printer's firmware does not know a question that is needed; update it");
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_SYNTAX), command, "matica.ask",
                       "PRD_UNEXPECTED_DATA", "the printer does not answer a question as expected");
}

cw_rc cw_matica_ask(struct cw_matica *e, const uint8_t *cdb, uint8_t cdb_len, uint8_t *ret, size_t want,
                    int64_t deadline_ns, struct cw_fault *f) {
        struct cw_matica_call c = {.cdb_len = cdb_len, .in = ret, .len = want};
        memcpy(c.cdb, cdb, cdb_len);
        cw_rc rc = cw_matica_do(e, &c, deadline_ns, f);
        /* Bytes of ours that did not all arrive: a question has no effect that could be in doubt. */
        if (cw_rc_class(rc) == CW_C_IN_DOUBT)
                return give_up(e, f);
        if (rc != CW_OK || (c.good && c.got >= want))
                return rc;
        return not_answered(e, !c.good, cdb[0], deadline_ns, f);
}
