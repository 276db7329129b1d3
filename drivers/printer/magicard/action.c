/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Effects. A command that moves is not answered; GET_PORT_STATUS says 08 at work, 18 ready, 10 error. An
 * error is cancelled at once: the printer would go on by itself as soon as a person has helped, long after
 * the step.
 */
#include "drivers/printer/magicard/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define POLL_MS 40
/* A command that was taken shows as 08 within this time (15 polls, inferred); else it is over already. */
#define START_POLLS 15
#define GRACE_MS 1600 /* of a question and its answer */
/* After a job the card may be out some time before it is counted (inferred). */
#define COUNT_POLLS 50

enum outcome { READY, TROUBLE };

void cw_magicard_is_at(struct cw_magicard *e, struct cw_printer_effect *effect, enum cw_where where) {
        effect->where = where;
        e->where = where == CW_WHERE_OUTPUT ? CW_WHERE_NONE : where;
        e->delivered = where == CW_WHERE_OUTPUT;
        if (!cw_where_inside(where))
                cw_magicard_forget_tracks(e);
}

void cw_magicard_forget_tracks(struct cw_magicard *e) {
        for (int i = 0; i < 3; i++) {
                cw_secret_free(e->tracks[i]);
                e->tracks[i] = NULL;
        }
}

cw_rc cw_magicard_doubt(struct cw_magicard *e, const char *op, const struct cw_fault *why,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_magicard_is_at(e, effect, CW_WHERE_UNKNOWN);
        return cw_printer_doubt(op, why, f);
}

/* One poll interval on the IN endpoint: whatever comes unasked is of no use. */
static cw_rc pause_one_poll(struct cw_magicard *e, int64_t deadline_ns, struct cw_fault *f) {
        uint8_t bytes[CW_MAGICARD_REPLY_MAX];
        size_t len = 0;
        cw_rc rc = cw_usb_bulk_in(e->base.usb, bytes, sizeof bytes, cw_printer_deadline(deadline_ns, POLL_MS),
                                  &len, f);
        return cw_rc_class(rc) == CW_C_RETRY ? CW_OK : rc;
}

static cw_rc wait_ready(struct cw_magicard *e, int64_t deadline_ns, enum outcome *ret, struct cw_fault *f) {
        int64_t polls = cw_deadline_left_ms(deadline_ns) / POLL_MS + 1;
        bool worked = false;
        for (int64_t i = 0; i < polls && cw_deadline_left_ms(deadline_ns) > 0; i++) {
                uint8_t port = 0;
                cw_rc rc = cw_usb_port_status(e->base.usb, deadline_ns, &port, f);
                if (rc != CW_OK)
                        return rc;
                bool ready = (port & CW_USB_PORT_SELECTED) && (port & CW_USB_PORT_NOT_ERROR);
                if (port != 0 && !(port & CW_USB_PORT_NOT_ERROR)) {
                        *ret = TROUBLE;
                        return CW_OK;
                }
                worked = worked || (port != 0 && !ready);
                if (ready && (worked || i >= START_POLLS)) {
                        *ret = READY;
                        return CW_OK;
                }
                rc = pause_one_poll(e, deadline_ns, f);
                if (rc != CW_OK)
                        return rc;
        }
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_TIMEOUT), 0, "magicard.wait", "PRT_TIMEOUT",
                       "the printer did not get ready in time");
}

/* What the supplies add to a pair of numbers. */
static const char *code_of(struct cw_magicard *e, const struct cw_magicard_error *error) {
        struct cw_magicard_info info;
        struct cw_ribbon ribbon;
        if (cw_magicard_not_fed(error))
                return "PRD_FEEDER_EMPTY";
        if (cw_magicard_look(e, cw_deadline_ns(GRACE_MS), &info, NULL) != CW_OK)
                return "PRT_SETUP_ERROR";
        cw_magicard_ribbon(e, &info, &ribbon);
        if (ribbon.remaining == 0)
                return "PRT_RIBBON_ENDED";
        return ribbon.remaining < 0 ? "PRT_RIBBON_MISSING" : "PRT_SETUP_ERROR";
}

/* The printer shows an error: cancel what waits behind it, and say what is known. Never CW_OK. */
static cw_rc refused(struct cw_magicard *e, const char *op, bool feeds, struct cw_printer_effect *effect,
                     struct cw_fault *f) {
        struct cw_magicard_error error = {0};
        struct cw_fault why = {0};
        bool standing = false;
        size_t sent = 0;
        cw_rc rc = cw_magicard_trouble(e, cw_deadline_ns(GRACE_MS), &standing, &error, &why);
        /* Cancelled also when it does not say what is wrong. */
        struct cw_fault unsent = {0};
        cw_rc cancelled = cw_magicard_send(e, "CAN,", cw_deadline_ns(GRACE_MS), &sent, &unsent);
        if (rc != CW_OK || cancelled != CW_OK)
                return cw_magicard_doubt(e, op, rc != CW_OK ? &why : &unsent, effect, f);
        (void)snprintf(effect->vendor, sizeof effect->vendor, "error %02u:%02u", error.major, error.minor);
        const char *code = code_of(e, &error);
        if (feeds && cw_magicard_not_fed(&error)) {
                cw_magicard_is_at(e, effect, CW_WHERE_NONE);
                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_STATE, op, code, effect->vendor);
        }
        cw_magicard_is_at(e, effect, CW_WHERE_UNKNOWN);
        return cw_printer_fail(f, CW_C_IN_DOUBT, CW_E_STATE, op, code, effect->vendor);
}

cw_rc cw_magicard_finish(struct cw_magicard *e, const char *op, bool feeds, int64_t deadline_ns,
                         struct cw_printer_effect *effect, struct cw_fault *f) {
        enum outcome outcome = READY;
        struct cw_fault why = {0};
        if (wait_ready(e, deadline_ns, &outcome, &why) != CW_OK)
                return cw_magicard_doubt(e, op, &why, effect, f);
        return outcome == READY ? CW_OK : refused(e, op, feeds, effect, f);
}

cw_rc cw_magicard_act(struct cw_magicard *e, const char *command, const char *op, bool feeds,
                      int64_t deadline_ns, struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_fault why = {0};
        size_t sent = 0;
        cw_rc rc = cw_magicard_send(e, command, deadline_ns, &sent, &why);
        effect->started = effect->started || sent > 0 || cw_rc_class(rc) == CW_C_IN_DOUBT;
        if (rc != CW_OK && !effect->started) {
                if (f)
                        *f = why;
                return rc;
        }
        if (rc != CW_OK)
                return cw_magicard_doubt(e, op, &why, effect, f);
        return cw_magicard_finish(e, op, feeds, deadline_ns, effect, f);
}

cw_rc cw_magicard_counted(struct cw_magicard *e, const char *op, int64_t before, int64_t deadline_ns,
                          struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_fault why = {0};
        for (int i = 0; i < COUNT_POLLS; i++) {
                struct cw_magicard_info info;
                cw_rc rc = cw_magicard_look(e, deadline_ns, &info, &why);
                if (rc == CW_OK && info.cards == before + 1)
                        return CW_OK;
                if (rc == CW_OK && info.cards != before)
                        break;
                if (rc == CW_OK || cw_rc_class(rc) == CW_C_RETRY)
                        rc = pause_one_poll(e, deadline_ns, &why);
                if (rc != CW_OK)
                        return cw_magicard_doubt(e, op, &why, effect, f);
        }
        (void)cw_fail(&why, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_MISMATCH), 0, op, "PRD_UNEXPECTED_DATA",
                      "the printer is ready but has not counted a card");
        return cw_magicard_doubt(e, op, &why, effect, f);
}

cw_rc cw_magicard_need_quiet(struct cw_magicard *e, const char *op, int64_t deadline_ns,
                             struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_magicard_error error;
        bool standing = false;
        effect->where = e->where;
        if (!e->model->known)
                return cw_fail(
                    f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, op, "PRT_SETUP_ERROR",
                    "this Magicard model is not known well enough to move a card; use a model of the list");
        cw_rc rc = cw_magicard_trouble(e, deadline_ns, &standing, &error, f);
        if (rc != CW_OK || !standing)
                return rc;
        (void)snprintf(effect->vendor, sizeof effect->vendor, "error %02u:%02u", error.major, error.minor);
        return cw_printer_fail(f, CW_C_OPERATOR, CW_E_STATE, op, code_of(e, &error), effect->vendor);
}

cw_rc cw_magicard_need_card(struct cw_magicard *e, const char *op, struct cw_printer_effect *effect,
                            struct cw_fault *f) {
        effect->where = e->where;
        if (e->where == CW_WHERE_NONE)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_STATE), 0, op, "PRD_UNEXPECTED_DATA",
                               "there is no card in the printer");
        if (!cw_where_inside(e->where))
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_STATE), 0, op,
                               "PRD_UNEXPECTED_DATA",
                               "it is not known whether a card is in the printer; look, and take it out");
        return CW_OK;
}
