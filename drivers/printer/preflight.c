/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can be known to be missing before a card is fed: a job must not die halfway for want of
 * ribbon. */
#include "drivers/printer/common.h"

#include "base/clock.h"

#include <string.h>

static cw_rc needs(struct cw_fault *f, unsigned error, const char *code, const char *vendor) {
        return cw_printer_fail(f, CW_C_OPERATOR, error, "printer.preflight", code, vendor);
}

static cw_rc cannot(struct cw_fault *f, const char *what) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "printer.preflight",
                       "PRT_SETUP_ERROR", "this printer has no %s; give the job to another station", what);
}

static cw_rc check_abilities(const struct cw_printer_info *info, const struct cw_printer_need *need,
                             struct cw_fault *f) {
        if (info->caps == 0)
                return cw_fail(
                    f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "printer.preflight",
                    "PRT_SETUP_ERROR",
                    "this printer can only be looked at, not driven; give the job to another station");
        if (need->stripe && !(info->caps & CW_PRINTER_CAP_STRIPE))
                return cannot(f, "stripe encoder");
        if (need->contact && !(info->caps & CW_PRINTER_CAP_CONTACT))
                return cannot(f, "contact station");
        if (need->contactless && !(info->caps & CW_PRINTER_CAP_CONTACTLESS))
                return cannot(f, "contactless station that its driver could reach");
        if (need->reject && !(info->caps & CW_PRINTER_CAP_REJECT))
                return cannot(f, "reject box");
        if (need->print && (strpbrk(need->panels, "ymc") || strpbrk(need->back_panels, "ymc")) &&
            !(info->caps & CW_PRINTER_CAP_COLOUR))
                return cannot(f, "colour");
        if (need->print && (info->caps & CW_PRINTER_CAP_NO_OVERCOAT) &&
            (strchr(need->panels, 'o') || strchr(need->back_panels, 'o')))
                return cannot(f, "overcoat that its driver could lay (take the o panel out of the face)");
        if (need->print && need->back_panels[0] && !(info->caps & CW_PRINTER_CAP_BOTH_FACES))
                return cannot(f, "station that turns a card over, and this card has a printed back");
        return CW_OK;
}

static cw_rc check_panels(const struct cw_ribbon *ribbon, const char *panels, bool film, struct cw_fault *f) {
        for (const char *p = panels; *p; p++)
                if (!(film && *p == 'o') && !cw_printer_ribbon_has(ribbon->kind, *p))
                        return needs(f, CW_E_MISMATCH, "PRT_RIBBON", ribbon->kind);
        return CW_OK;
}

static cw_rc check_ribbon(const struct cw_ribbon *ribbon, const struct cw_printer_need *need, uint32_t caps,
                          struct cw_fault *f) {
        bool film = (caps & CW_PRINTER_CAP_FILM) != 0;
        bool untold = film || (caps & CW_PRINTER_CAP_RIBBON_UNTOLD);
        if (!ribbon->kind[0] && (caps & CW_PRINTER_CAP_RIBBON_UNTOLD))
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISSING), 0, "printer.preflight",
                               "PRT_RIBBON",
                               "this printer does not tell its ribbon; set printer_ribbon of the station to "
                               "its kind (ymcko, k)");
        if (!ribbon->kind[0])
                return needs(f, CW_E_MISSING, "PRT_RIBBON_MISSING", "");
        cw_rc rc = check_panels(ribbon, need->panels, film, f);
        if (rc == CW_OK)
                rc = check_panels(ribbon, need->back_panels, film, f);
        if (rc != CW_OK)
                return rc;
        if (ribbon->remaining >= 0 && ribbon->remaining < cw_printer_sets(ribbon->kind, need->back_panels))
                return needs(f, CW_E_MISSING, "PRT_RIBBON_ENDED", "");
        if (ribbon->remaining < 0 && !untold)
                return needs(f, CW_E_MISSING, "PRT_RIBBON", "ribbon tag unreadable");
        return CW_OK;
}

static cw_rc check_path(const struct cw_printer_info *info, const struct cw_printer_status *s,
                        struct cw_fault *f) {
        if (s->where == CW_WHERE_UNKNOWN && !(info->caps & CW_PRINTER_CAP_WHERE))
                return CW_OK; /* feed() clears the path first */
        if (s->where == CW_WHERE_UNKNOWN)
                return needs(f, CW_E_STATE, "PRD_UNEXPECTED_DATA", s->vendor);
        if (s->where != CW_WHERE_NONE)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_STATE), 0, "printer.preflight",
                               "PRD_FEEDER_JAM",
                               "a card is still inside the printer; reject it before the next job starts");
        return CW_OK;
}

static cw_rc check_machine(const struct cw_printer_info *info, const struct cw_printer_status *s,
                           const struct cw_printer_need *need, struct cw_fault *f) {
        if (s->cover_open)
                return needs(f, CW_E_STATE, "PRT_COVER_OPEN", "");
        cw_rc rc = check_path(info, s, f);
        if (rc != CW_OK)
                return rc;
        if (s->hopper_empty)
                return needs(f, CW_E_MISSING, "PRD_FEEDER_EMPTY", "");
        if (need->reject && s->reject_full)
                return needs(f, CW_E_STATE, "PRD_REJECT_FULL", "");
        if (s->vendor_error)
                return needs(f, CW_E_STATE, s->code[0] ? s->code : "PRT_SETUP_ERROR", s->vendor);
        return CW_OK;
}

cw_rc cw_printer_preflight(struct cw_printer *p, const struct cw_printer_need *need, int64_t deadline_ns,
                           struct cw_printer_status *ret_status, struct cw_fault *f) {
        struct cw_printer_status status = {0};
        cw_rc rc = check_abilities(&p->info, need, f);
        if (rc == CW_OK)
                rc = cw_printer_barred(p, "printer.preflight", f);
        if (rc == CW_OK)
                rc = cw_printer_status(p, deadline_ns, &status, f);
        if (rc != CW_OK)
                return rc;
        if (ret_status)
                *ret_status = status;
        rc = check_machine(&p->info, &status, need, f);
        if (rc == CW_OK && need->print)
                rc = check_ribbon(&status.ribbon, need, p->info.caps, f);
        return rc;
}
