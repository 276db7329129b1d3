/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves. CHPUP draws a card and brings it to the chip station in one, so a fed card stands there at once.
 * There is no command that rejects: a card that must not be used leaves at the output, and the caller is
 * told.
 */
#include "drivers/printer/magicard/internal.h"

#include <string.h>

/* After this the path is empty, whatever was in it. */
static cw_rc clear_path(struct cw_magicard *e, const char *op, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_rc rc = cw_magicard_act(e, "EJT,", op, false, deadline_ns, effect, f);
        if (rc == CW_OK)
                cw_magicard_is_at(e, effect, CW_WHERE_NONE);
        return rc;
}

/* An empty path, made so when it is not known; a card that is known to be inside is refused. */
static cw_rc need_empty(struct cw_magicard *e, const char *op, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_rc rc = cw_magicard_need_quiet(e, op, deadline_ns, effect, f);
        if (rc != CW_OK)
                return rc;
        if (cw_where_inside(e->where))
                return cw_printer_still_inside(op, "eject", f);
        return e->where == CW_WHERE_NONE ? CW_OK : clear_path(e, op, deadline_ns, effect, f);
}

cw_rc cw_magicard_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        if (!(p->info.caps & CW_PRINTER_CAP_CONTACT))
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "magicard.feed",
                               "PRT_SETUP_ERROR", "this printer has no chip station and feeds only to print");
        cw_rc rc = need_empty(e, "magicard.feed", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_act(e, "CHPUP,", "magicard.feed", true, deadline_ns, ret, f);
        if (rc == CW_OK)
                cw_magicard_is_at(e, ret, CW_WHERE_CONTACT);
        return rc;
}

cw_rc cw_magicard_leave_contact(struct cw_magicard *e, const char *op, int64_t deadline_ns,
                                struct cw_printer_effect *effect, struct cw_fault *f) {
        if (e->where != CW_WHERE_CONTACT)
                return CW_OK;
        cw_rc rc = cw_magicard_act(e, "CHPDOWN,", op, false, deadline_ns, effect, f);
        if (rc == CW_OK)
                effect->where = e->where = CW_WHERE_PRINT;
        return rc;
}

/* A card that stands there already is taken out of the contacts and put in again. */
cw_rc cw_magicard_to_contact(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                             struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        cw_rc rc = cw_magicard_need_card(e, "magicard.contact", ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_need_quiet(e, "magicard.contact", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_leave_contact(e, "magicard.contact", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_act(e, "CHPUP,", "magicard.contact", false, deadline_ns, ret, f);
        if (rc == CW_OK)
                ret->where = e->where = CW_WHERE_CONTACT;
        return rc;
}

/* The card that is inside, or may be, to the output. */
static cw_rc out(struct cw_magicard *e, const char *op, int64_t deadline_ns, struct cw_printer_effect *ret,
                 struct cw_fault *f) {
        bool card = cw_where_inside(e->where);
        cw_rc rc = cw_magicard_need_quiet(e, op, deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_leave_contact(e, op, deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = clear_path(e, op, deadline_ns, ret, f);
        if (rc == CW_OK)
                cw_magicard_is_at(e, ret, card ? CW_WHERE_OUTPUT : CW_WHERE_NONE);
        return rc;
}

cw_rc cw_magicard_eject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                        struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        /* A job has delivered the card when it was printed. */
        if (e->where == CW_WHERE_NONE) {
                ret->where = e->delivered ? CW_WHERE_OUTPUT : CW_WHERE_NONE;
                return CW_OK;
        }
        return out(e, "magicard.eject", deadline_ns, ret, f);
}

cw_rc cw_magicard_reject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                         struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        cw_rc rc = CW_OK;
        ret->where = e->where;
        if (e->where == CW_WHERE_NONE)
                rc = cw_magicard_need_card(e, "magicard.reject", ret, f);
        if (rc == CW_OK)
                rc = out(e, "magicard.reject", deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "magicard.reject",
                       "PRD_NO_REJECT_BOX",
                       "this printer has no reject box: %s; put it into the locked reject box yourself",
                       ret->where == CW_WHERE_OUTPUT ? "the spoiled card lies at the output"
                                                     : "if a card was inside, it lies at the output");
}

cw_rc cw_magicard_clean(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                        struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        cw_rc rc = need_empty(e, "magicard.clean", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_act(e, "CLN,", "magicard.clean", true, deadline_ns, ret, f);
        return rc;
}

cw_rc cw_magicard_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                            struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        struct cw_magicard_info info;
        if (kind != CW_TEST_CARD_STANDARD)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "magicard.test_card",
                               "PRT_SETUP_ERROR",
                               "this printer has one test card only; ask for the standard one");
        cw_rc rc = need_empty(e, "magicard.test_card", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_look(e, deadline_ns, &info, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_magicard_act(e, "TST,", "magicard.test_card", true, deadline_ns, ret, f);
        ret->ribbon_used = rc == CW_OK || ret->where == CW_WHERE_UNKNOWN;
        if (rc == CW_OK)
                rc = cw_magicard_counted(e, "magicard.test_card", info.cards, deadline_ns, ret, f);
        if (rc == CW_OK)
                cw_magicard_is_at(e, ret, CW_WHERE_OUTPUT);
        return rc;
}
