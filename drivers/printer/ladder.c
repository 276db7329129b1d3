/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A printer that does not answer: the mildest remedy first, and after each the question who it is. CLEAR_HALT
 * for a halted endpoint or lost data toggles; SOFT_RESET for one that waits for the rest of what a dead
 * process sent (it empties buffers and, by the class specification, moves nothing); a port reset, which
 * counts as an unplug; then a person.
 */
#include "drivers/printer/common.h"

#include "base/clock.h"

#define CLASS_MS 500

static bool at_work(struct cw_usb *usb, int64_t deadline_ns) {
        struct cw_fault ignored;
        uint8_t port = 0;
        return cw_usb_port_status(usb, cw_printer_deadline(deadline_ns, CLASS_MS), &port, &ignored) ==
                   CW_OK &&
               (port & CW_USB_PORT_NOT_ERROR) && !(port & CW_USB_PORT_SELECTED);
}

/* Answers, is gone, or said something that no reset mends. */
static bool over(struct cw_usb *usb, cw_rc rc) {
        enum cw_class cls = cw_rc_class(rc);
        return rc == CW_OK || cw_usb_gone(usb) || (cls != CW_C_RETRY && cls != CW_C_RECONNECT);
}

static cw_rc reset_port(struct cw_usb *usb, const char *op, const struct cw_fault *why, struct cw_fault *f) {
        struct cw_fault ignored;
        const int64_t native = why->native;
        if (!usb->info.reset_spent && cw_usb_reset(usb, &ignored) == CW_OK)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_TIMEOUT), native, op,
                               "PRT_TIMEOUT", "the printer did not answer; its connection was reset");
        return cw_fail(
            f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_TIMEOUT), native, op, "PRT_NOT_REACHABLE",
            "the printer does not answer, although it was reset as far as the computer can; switch it "
            "off and on, then look at its cable");
}

cw_rc cw_printer_ladder(struct cw_usb *usb, const struct cw_printer_ladder *l, int64_t deadline_ns,
                        struct cw_fault *f) {
        struct cw_fault why = {0}, ignored;
        cw_rc rc = l->identify(l->ctx, deadline_ns, &why);
        if (!over(usb, rc) && cw_usb_clear_halt(usb, &ignored) == CW_OK)
                rc = l->identify(l->ctx, deadline_ns, &why);
        if (!over(usb, rc) && l->class_requests) {
                /* What a dead process sent may be in print just now: that is not interrupted. */
                if (at_work(usb, deadline_ns))
                        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_BUSY), 0, l->op, "PRT_PAUSED",
                                       "the printer is at work; it is asked again when it is ready");
                if (cw_usb_soft_reset(usb, cw_printer_deadline(deadline_ns, CLASS_MS), &ignored) == CW_OK)
                        rc = l->identify(l->ctx, deadline_ns, &why);
        }
        if (!over(usb, rc))
                return reset_port(usb, l->op, &why, f);
        if (rc != CW_OK && f)
                *f = why;
        return rc;
}
