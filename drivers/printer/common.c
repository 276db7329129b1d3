/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/common.h"

#include "base/clock.h"

int64_t cw_printer_deadline(int64_t deadline_ns, int64_t timeout_ms) {
        int64_t own = cw_deadline_ns(timeout_ms);
        return own < deadline_ns ? own : deadline_ns;
}

cw_rc cw_printer_doubt(const char *op, const struct cw_fault *why, struct cw_fault *f) {
        struct cw_fault copy = *why;
        unsigned error = (copy.rc & 0xffffu) ? (copy.rc & 0xffffu) : CW_E_IO;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_IN_DOUBT, error), copy.native, op,
                       copy.code[0] ? copy.code : "PRD_TIMEOUT",
                       "it is not known whether the step took effect: %.180s", copy.text);
}

cw_rc cw_printer_still_inside(const char *op, const char *remedy, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_STATE), 0, op, "PRD_FEEDER_JAM",
                       "a card is still inside the printer; %s it first", remedy);
}

cw_rc cw_printer_asked(cw_rc rc, const char *op, struct cw_fault *f) {
        if (cw_rc_class(rc) != CW_C_IN_DOUBT)
                return rc;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_PARTIAL), 0, op, "PRT_NOT_REACHABLE",
                       "the printer stopped listening; check its power and cable");
}

void cw_printer_close(struct cw_printer *p) {
        if (p)
                p->ops->close(p);
}
