/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status from little: does it answer V, what do the port's lines say, and which error did it show last. It
 * tells neither its ribbon nor a counter.
 */
#include "drivers/printer/zebra/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define PORT_MS 300
#define ALIVE_TRIES 2

uint8_t cw_zebra_port(struct cw_zebra *e, int64_t deadline_ns) {
        uint8_t port = 0;
        struct cw_fault ignored;
        if (cw_usb_port_status(e->base.usb, cw_printer_deadline(deadline_ns, PORT_MS), &port, &ignored) !=
            CW_OK)
                return 0;
        return port;
}

cw_rc cw_zebra_alive(struct cw_zebra *e, int64_t deadline_ns, struct cw_fault *f) {
        CW_WIPED(char, text, CW_ZEBRA_REPLY_MAX + 1);
        struct cw_zebra_reply reply;
        for (int i = 0; i < ALIVE_TRIES; i++) {
                cw_rc rc = cw_zebra_ask(e, "V", deadline_ns, &reply, text, f);
                if (rc != CW_OK)
                        return rc;
                if (reply.kind == CW_ZEBRA_TEXT && strcmp(text, e->version) == 0)
                        return CW_OK;
                e->out_of_step = true; /* noise, or the answer to something older: once more, in step */
        }
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_SYNTAX), 0, "zebra.status",
                       "PRD_UNEXPECTED_DATA", "the printer does not answer as it did when it was opened");
}

/* The last error is over when the port says that all is well. */
static void weigh(struct cw_zebra *e, uint8_t port, struct cw_printer_status *s) {
        bool error = port != 0 && !(port & CW_USB_PORT_NOT_ERROR);
        bool paper = port != 0 && (port & CW_USB_PORT_PAPER_EMPTY);
        if (port != 0 && !error && !paper)
                e->last = 0;
        const char *code = e->last ? cw_zebra_code(e->last) : "";
        s->cover_open = strcmp(code, "PRT_COVER_OPEN") == 0;
        s->hopper_empty = strcmp(code, "PRD_FEEDER_EMPTY") == 0 || (!e->last && paper && !error);
        s->vendor_error = !s->cover_open && !s->hopper_empty && (e->last || error);
        (void)snprintf(s->vendor, sizeof s->vendor, "error %02d, port %02X", e->last, port);
}

/* The code says it better than "see the display". */
static void tell_code(const struct cw_zebra *e, struct cw_printer_status *s) {
        if (!s->vendor_error || !e->last)
                return;
        (void)snprintf(s->code, sizeof s->code, "%s", cw_zebra_code(e->last));
        (void)snprintf(s->text, sizeof s->text, "%s", cw_printer_sentence(s->code));
}

cw_rc cw_zebra_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                      struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        struct cw_printer_status s = {.ribbon = {.remaining = -1, .capacity = -1},
                                      .counters = {-1, -1, -1, -1}};
        cw_rc rc = cw_zebra_alive(e, deadline_ns, f);
        if (rc != CW_OK)
                return rc;
        weigh(e, cw_zebra_port(e, deadline_ns), &s);
        (void)snprintf(s.ribbon.kind, sizeof s.ribbon.kind, "%s", p->ribbon[0] ? p->ribbon : "untold");
        /* Not knowing is this family's normal state before the first card, no fault of the printer. */
        s.where = e->where == CW_WHERE_UNKNOWN ? CW_WHERE_NONE : e->where;
        cw_printer_status_judge(&s);
        tell_code(e, &s);
        s.where = e->where;
        (void)snprintf(s.ribbon.kind, sizeof s.ribbon.kind, "%s", p->ribbon);
        *ret = s;
        return CW_OK;
}

cw_rc cw_zebra_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                        struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        struct cw_printer_baseline b = {
            .cards_fed = -1, .panels = -1, .ribbon_remaining = -1, .where = e->where};
        cw_rc rc = cw_zebra_alive(e, deadline_ns, f);
        if (rc != CW_OK)
                return rc;
        (void)snprintf(b.serial, sizeof b.serial, "%s", p->info.serial);
        *ret = b;
        return CW_OK;
}

/* 05 card in the encoder, 06 not; what else it says is left out. */
static cw_rc encoder_line(struct cw_zebra *e, int64_t deadline_ns, struct cw_printer_lines *ret,
                          struct cw_fault *f) {
        CW_WIPED(char, text, CW_ZEBRA_REPLY_MAX + 1);
        struct cw_zebra_reply reply;
        cw_rc rc = cw_zebra_ask(e, "&P", deadline_ns, &reply, text, f);
        if (rc == CW_OK && reply.kind == CW_ZEBRA_NACK && (reply.code == 5 || reply.code == 6))
                cw_printer_put_text(ret, "encoder", reply.code == 5 ? "card" : "empty", "", false);
        return rc;
}

cw_rc cw_zebra_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                     struct cw_printer_lines *ret, struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        char text[16];
        cw_rc rc = cw_zebra_alive(e, deadline_ns, f);
        if (rc != CW_OK || sheet == CW_SHEET_COUNTERS)
                return rc;
        if (sheet == CW_SHEET_SENSORS) {
                (void)snprintf(text, sizeof text, "%02X", cw_zebra_port(e, deadline_ns));
                cw_printer_put_text(ret, "port", text, "hex", false);
                return p->info.caps & CW_PRINTER_CAP_STRIPE ? encoder_line(e, deadline_ns, ret, f) : CW_OK;
        }
        cw_printer_put_number(ret, "raster.lines", e->area.lines, "px");
        cw_printer_put_number(ret, "raster.dots", e->area.dots, "px");
        cw_printer_put_text(ret, "ribbon", p->ribbon, "", false);
        return CW_OK;
}
