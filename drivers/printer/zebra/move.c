/* SPDX-License-Identifier: Apache-2.0 */
/* Moves. There is no public command for a reject box, the chip station or the turn-over station. */
#include "drivers/printer/zebra/internal.h"

#include <string.h>

/* After this the path is empty, whatever was in it. */
static cw_rc clear_path(struct cw_zebra *e, const char *op, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_rc rc = cw_zebra_act(e, "MC", op, deadline_ns, effect, f);
        if (rc == CW_OK)
                cw_zebra_is_at(e, effect, CW_WHERE_NONE);
        return rc;
}

/* An empty path, made so when it is not known; a card that is known to be inside is refused. */
static cw_rc need_empty(struct cw_zebra *e, const char *op, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_rc rc = cw_zebra_need_quiet(e, op, deadline_ns, effect, f);
        if (rc != CW_OK)
                return rc;
        if (cw_where_inside(e->where))
                return cw_printer_still_inside(op, "eject", f);
        return e->where == CW_WHERE_NONE ? CW_OK : clear_path(e, op, deadline_ns, effect, f);
}

cw_rc cw_zebra_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                    struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        cw_rc rc = need_empty(e, "zebra.feed", deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        e->delivered = false;
        rc = cw_zebra_act(e, "MI", "zebra.feed", deadline_ns, ret, f);
        if (rc == CW_OK)
                cw_zebra_is_at(e, ret, CW_WHERE_PRINT);
        return rc;
}

cw_rc cw_zebra_to_contact(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                          struct cw_fault *f) {
        (void)deadline_ns;
        ret->where = ((struct cw_zebra *)p)->where;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "zebra.contact",
                       "PRT_SETUP_ERROR",
                       "how this printer is told to bring a card to its chip station is not public; give "
                       "chip cards to another station");
}

cw_rc cw_zebra_eject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                     struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        cw_rc rc = cw_zebra_need_quiet(e, "zebra.eject", deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        if (e->where == CW_WHERE_NONE) {
                ret->where = e->delivered ? CW_WHERE_OUTPUT : CW_WHERE_NONE;
                return CW_OK;
        }
        if (!cw_where_inside(e->where))
                return clear_path(e, "zebra.eject", deadline_ns, ret, f);
        rc = cw_zebra_act(e, "MO", "zebra.eject", deadline_ns, ret, f);
        if (rc == CW_OK)
                cw_zebra_is_at(e, ret, CW_WHERE_OUTPUT);
        return rc;
}

cw_rc cw_zebra_reject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        ret->where = e->where;
        if (e->known && e->where == CW_WHERE_NONE)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_STATE), 0, "zebra.reject",
                               "PRD_UNEXPECTED_DATA", "there is no card in the printer");
        cw_rc rc = cw_zebra_eject(p, deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        e->delivered = false;
        return cw_printer_fail(f, CW_C_OPERATOR, CW_E_UNSUPPORTED, "zebra.reject", "PRD_NO_REJECT_BOX", "");
}

cw_rc cw_zebra_clean(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                     struct cw_fault *f) {
        (void)deadline_ns;
        ret->where = ((struct cw_zebra *)p)->where;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "zebra.clean",
                       "PRT_SETUP_ERROR",
                       "the cleaning cycle of this printer has no public command; start it at the printer");
}

/* A and IMB draw a card of their own and deliver it. */
cw_rc cw_zebra_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                         struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        cw_rc rc = need_empty(e, "zebra.test_card", deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_zebra_act(e, kind == CW_TEST_CARD_TECHNICAL ? "IMB" : "A", "zebra.test_card", deadline_ns,
                          ret, f);
        ret->ribbon_used = ret->started;
        if (rc == CW_OK)
                cw_zebra_is_at(e, ret, CW_WHERE_OUTPUT);
        return rc;
}
