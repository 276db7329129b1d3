/* SPDX-License-Identifier: Apache-2.0 */
/* Moves: feed, contact and contactless station, output, reject box, cleaning, test cards. */
#include "drivers/printer/evolis/move.h"

#include "base/clock.h"

#include <string.h>

/* The printer said OK, but the card is not where it should be. Never CW_OK. */
static cw_rc contradiction(struct cw_printer_effect *effect, const char *op, const char *code,
                           struct cw_fault *f) {
        enum cw_class cls = effect->where == CW_WHERE_UNKNOWN ? CW_C_IN_DOUBT : CW_C_OPERATOR;
        return cw_printer_fail(f, cls, CW_E_MISMATCH, op, code, "said OK");
}

cw_rc cw_evolis_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                     struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        if (e->model->generation == CW_EVOLIS_UNKNOWN)
                return cw_evolis_need_card(e, "evolis.feed", deadline_ns, ret, f);
        cw_rc rc = cw_evolis_ask_where(e, deadline_ns, &ret->where, ret->vendor, sizeof ret->vendor, f);
        if (rc != CW_OK)
                return rc;
        if (ret->where != CW_WHERE_NONE)
                return cw_printer_still_inside("evolis.feed", "reject", f);
        e->delivered = false;
        rc = cw_evolis_act(e, "Si", "evolis.feed", deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        ret->where = cw_evolis_locate(e);
        if (cw_where_inside(ret->where) && ret->where != CW_WHERE_TRANSPORT)
                return CW_OK;
        return contradiction(ret, "evolis.feed", "PRD_FEEDER_JAM", f);
}

/* To one of the two stations where a chip is read; the command moves a card that is inside already. */
static cw_rc to_chip(struct cw_evolis *e, const char *command, enum cw_where station, const char *op,
                     int64_t deadline_ns, struct cw_printer_effect *ret, struct cw_fault *f) {
        cw_rc rc = cw_evolis_need_card(e, op, deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_evolis_act(e, command, op, deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        ret->where = cw_evolis_locate(e);
        /* The old guide knows "card at print" only; there the OK to the command is all that can be had. */
        if (e->model->generation == CW_EVOLIS_CLASSIC && cw_where_inside(ret->where))
                ret->where = station;
        if (ret->where == station)
                return CW_OK;
        return contradiction(ret, op, "PRD_SMARTCARD_CARD_NOT_IN_READER", f);
}

cw_rc cw_evolis_to_contact(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                           struct cw_fault *f) {
        return to_chip((struct cw_evolis *)p, "Sis", CW_WHERE_CONTACT, "evolis.contact", deadline_ns, ret, f);
}

cw_rc cw_evolis_to_contactless(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                               struct cw_fault *f) {
        return to_chip((struct cw_evolis *)p, "Sic", CW_WHERE_CONTACTLESS, "evolis.contactless", deadline_ns,
                       ret, f);
}

cw_rc cw_evolis_end_sequence(struct cw_evolis *e, const char *op, int64_t deadline_ns,
                             struct cw_printer_effect *effect, struct cw_fault *f) {
        e->in_sequence = false;
        struct cw_fault why = {0};
        cw_rc rc = cw_evolis_act(e, "Se", op, deadline_ns, effect, &why);
        /* A no from a printer whose card is out: it may be printed and delivered, or taken out by hand. */
        if (rc != CW_OK && cw_rc_class(rc) != CW_C_IN_DOUBT && effect->where == CW_WHERE_NONE)
                return cw_printer_doubt(op, &why, f);
        if (rc != CW_OK) {
                if (f)
                        *f = why;
                return rc;
        }
        effect->where = cw_evolis_locate(e);
        if (effect->where != CW_WHERE_NONE)
                return contradiction(effect, op, "PRD_HOPPER_JAM", f);
        effect->where = CW_WHERE_OUTPUT;
        e->delivered = true;
        return CW_OK;
}

cw_rc cw_evolis_eject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        if (e->model->generation != CW_EVOLIS_UNKNOWN) {
                cw_rc rc =
                    cw_evolis_ask_where(e, deadline_ns, &ret->where, ret->vendor, sizeof ret->vendor, f);
                if (rc != CW_OK)
                        return rc;
                /* Se has delivered the card when it was printed. */
                if (ret->where == CW_WHERE_NONE) {
                        ret->where = e->delivered ? CW_WHERE_OUTPUT : CW_WHERE_NONE;
                        return CW_OK;
                }
        }
        cw_rc rc = cw_evolis_need_card(e, "evolis.eject", deadline_ns, ret, f);
        return rc == CW_OK ? cw_evolis_end_sequence(e, "evolis.eject", deadline_ns, ret, f) : rc;
}

cw_rc cw_evolis_reject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        cw_rc rc = cw_evolis_need_card(e, "evolis.reject", deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        e->in_sequence = false;
        e->delivered = false;
        rc = cw_evolis_act(e, e->model->reject, "evolis.reject", deadline_ns, ret, f);
        if (rc != CW_OK)
                return rc;
        ret->where = cw_evolis_locate(e);
        if (ret->where != CW_WHERE_NONE)
                return contradiction(ret, "evolis.reject", "PRD_FEEDER_JAM", f);
        ret->where = CW_WHERE_REJECT;
        return CW_OK;
}

/* Commands that begin and end with an empty path. */
static cw_rc whole_cycle(struct cw_printer *p, const char *command, const char *op, int64_t deadline_ns,
                         struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        cw_rc rc = cw_evolis_ask_where(e, deadline_ns, &ret->where, ret->vendor, sizeof ret->vendor, f);
        if (rc != CW_OK)
                return rc;
        if (ret->where != CW_WHERE_NONE)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_STATE), 0, op, "PRD_FEEDER_JAM",
                               "the card path must be empty and known first; reject the card inside");
        cw_evolis_forget_strangers(e, deadline_ns);
        rc = cw_evolis_act(e, command, op, deadline_ns, ret, f);
        if (rc == CW_OK)
                ret->where = cw_evolis_locate(e);
        return rc;
}

cw_rc cw_evolis_clean(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f) {
        struct cw_fault why = {0};
        cw_rc rc = whole_cycle(p, "Scp", "evolis.clean", deadline_ns, ret, &why);
        /* The cycle runs without a ribbon: the usual advice would be the wrong one. */
        if (rc != CW_OK && strncmp(why.code, "PRT_RIBBON", 10) == 0)
                return cw_fail(
                    f, rc, why.native, why.op, why.code,
                    "the cleaning cycle runs without a ribbon; take it out, put in the cleaning card "
                    "and start again");
        if (rc != CW_OK && f)
                *f = why;
        return rc;
}

cw_rc cw_evolis_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                          struct cw_printer_effect *ret, struct cw_fault *f) {
        cw_rc rc = whole_cycle(p, kind == CW_TEST_CARD_TECHNICAL ? "Stt" : "St", "evolis.test_card",
                               deadline_ns, ret, f);
        ret->ribbon_used = ret->started;
        if (rc == CW_OK && ret->where == CW_WHERE_NONE)
                ret->where = CW_WHERE_OUTPUT;
        return rc;
}
