/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status from single questions. The status words of the maker's own tools have no documented form on the
 * wire, so everything here comes from Rlr, Rse, Rr, Rrt and Rco. A firmware that does not know one of them
 * tells less, no more.
 */
#include "drivers/printer/evolis/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define HIGH_MV 2500
#define NEAR_EMPTY_MV 1000

cw_rc cw_evolis_ask_where(struct cw_evolis *e, int64_t deadline_ns, enum cw_where *ret, char *vendor,
                          size_t vendor_cap, struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX];
        cw_rc rc = cw_evolis_ask(e, "Rlr;p", deadline_ns, answer, sizeof answer, f);
        /* An OK too many has been seen in the field, and here it would say that the path is empty: ask in
         * step again. */
        bool stray = rc == CW_OK && cw_evolis_kind(answer) == CW_EVOLIS_OK;
        /* So has half an answer, or noise: what the card's place is must not hang on one bad packet. */
        bool noise = rc == CW_OK && e->model->generation != CW_EVOLIS_UNKNOWN &&
                     cw_evolis_where(e->model->generation, answer) == CW_WHERE_UNKNOWN;
        if (stray || noise) {
                e->out_of_step = true;
                rc = cw_evolis_ask(e, "Rlr;p", deadline_ns, answer, sizeof answer, f);
        }
        if (rc != CW_OK)
                return rc;
        *ret = cw_evolis_where(e->model->generation, answer);
        if (vendor)
                cw_evolis_quote(answer, vendor, vendor_cap);
        return CW_OK;
}

static cw_rc ask_millivolts(struct cw_evolis *e, char sensor, int64_t deadline_ns, int64_t *ret,
                            bool *ret_known, struct cw_fault *f) {
        char command[8], answer[CW_EVOLIS_REPLY_MAX];
        (void)snprintf(command, sizeof command, "Rse;%c", sensor);
        cw_rc rc = cw_evolis_ask(e, command, deadline_ns, answer, sizeof answer, f);
        if (rc != CW_OK)
                return rc;
        *ret_known = cw_evolis_kind(answer) == CW_EVOLIS_VALUE && cw_evolis_millivolts(answer, ret);
        return CW_OK;
}

cw_rc cw_evolis_ask_sensor(struct cw_evolis *e, char sensor, int64_t deadline_ns, bool *ret_high,
                           bool *ret_known, struct cw_fault *f) {
        int64_t mv = 0;
        cw_rc rc = ask_millivolts(e, sensor, deadline_ns, &mv, ret_known, f);
        if (rc == CW_OK)
                *ret_high = *ret_known && mv >= HIGH_MV;
        return rc;
}

/* -1 when the answer is no number. */
static cw_rc ask_number(struct cw_evolis *e, const char *command, int64_t deadline_ns, int64_t *ret,
                        struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX];
        int64_t v = -1;
        cw_rc rc = cw_evolis_ask(e, command, deadline_ns, answer, sizeof answer, f);
        /* OK is no number: a stray one came before the answer, which is still on its way. */
        if (rc == CW_OK && cw_evolis_kind(answer) == CW_EVOLIS_OK) {
                e->out_of_step = true;
                rc = cw_evolis_ask(e, command, deadline_ns, answer, sizeof answer, f);
        }
        if (rc != CW_OK)
                return rc;
        *ret = cw_evolis_number(answer, &v) ? v : -1;
        return CW_OK;
}

cw_rc cw_evolis_ask_ribbon(struct cw_evolis *e, int64_t deadline_ns, struct cw_ribbon *ret,
                           struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX];
        memset(ret, 0, sizeof *ret);
        cw_rc rc = ask_number(e, "Rrt;count", deadline_ns, &ret->remaining, f);
        if (rc == CW_OK)
                rc = ask_number(e, "Rrt;qty", deadline_ns, &ret->capacity, f);
        if (rc == CW_OK)
                rc = cw_evolis_ask(e, "Rr", deadline_ns, answer, sizeof answer, f);
        if (rc != CW_OK)
                return rc;
        /* Rr is the kind that is set, present or not; only with a readable tag is there a ribbon. */
        if (ret->remaining >= 0)
                (void)cw_evolis_ribbon(answer, ret->kind, sizeof ret->kind);
        return CW_OK;
}

static cw_rc ask_counters(struct cw_evolis *e, int64_t deadline_ns, struct cw_printer_counters *ret,
                          struct cw_fault *f) {
        cw_rc rc = ask_number(e, "Rco;c", deadline_ns, &ret->cards_fed, f);
        if (rc == CW_OK)
                rc = ask_number(e, "Rco;p", deadline_ns, &ret->panels, f);
        if (rc == CW_OK)
                rc = ask_number(e, "Rco;n", deadline_ns, &ret->cleanings, f);
        if (rc == CW_OK)
                rc = ask_number(e, "Rco;a", deadline_ns, &ret->cards_to_cleaning, f);
        return rc;
}

static cw_rc ask_boxes(struct cw_evolis *e, int64_t deadline_ns, struct cw_printer_status *ret,
                       struct cw_fault *f) {
        char answer[CW_EVOLIS_REPLY_MAX];
        cw_rc rc = cw_evolis_ask(e, "Rlr;h", deadline_ns, answer, sizeof answer, f);
        if (rc != CW_OK)
                return rc;
        ret->reject_full = strcmp(answer, "CARD") == 0;
        rc = cw_evolis_ask(e, "Rlr;r", deadline_ns, answer, sizeof answer, f);
        if (rc != CW_OK)
                return rc;
        ret->cleaning_due = cw_evolis_trouble(answer) == CW_EVOLIS_T_CLEANING;
        return CW_OK;
}

static cw_rc ask_sensors(struct cw_evolis *e, int64_t deadline_ns, struct cw_printer_status *ret,
                         struct cw_fault *f) {
        bool high = false, known = false;
        int64_t mv = 0;
        cw_rc rc = cw_evolis_ask_sensor(e, 'o', deadline_ns, &high, &known, f);
        if (rc != CW_OK)
                return rc;
        ret->cover_open = known && !high;
        rc = cw_evolis_ask_sensor(e, 'f', deadline_ns, &high, &known, f);
        if (rc != CW_OK)
                return rc;
        ret->hopper_empty = known && !high;
        rc = ask_millivolts(e, 'n', deadline_ns, &mv, &known, f);
        if (rc == CW_OK)
                ret->hopper_low = known && mv > NEAR_EMPTY_MV;
        return rc;
}

static void describe(struct cw_evolis *e, const char *position, int64_t deadline_ns, char *ret, size_t cap) {
        uint8_t port = 0;
        if (cw_usb_port_status(e->base.usb, deadline_ns, &port, NULL) != CW_OK)
                port = 0;
        (void)snprintf(ret, cap, "position %.40s, port %02X", position, port);
}

cw_rc cw_evolis_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                       struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        struct cw_printer_status s = {0};
        char position[48] = "";
        cw_rc rc = cw_evolis_ask_where(e, deadline_ns, &s.where, position, sizeof position, f);
        if (rc == CW_OK)
                rc = ask_sensors(e, deadline_ns, &s, f);
        if (rc == CW_OK)
                rc = ask_boxes(e, deadline_ns, &s, f);
        if (rc == CW_OK)
                rc = cw_evolis_ask_ribbon(e, deadline_ns, &s.ribbon, f);
        if (rc == CW_OK)
                rc = ask_counters(e, deadline_ns, &s.counters, f);
        if (rc != CW_OK)
                return rc;
        describe(e, position, deadline_ns, s.vendor, sizeof s.vendor);
        cw_printer_status_judge(&s);
        *ret = s;
        return CW_OK;
}

cw_rc cw_evolis_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                         struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        struct cw_printer_baseline b = {0};
        (void)snprintf(b.serial, sizeof b.serial, "%s", p->info.serial);
        cw_rc rc = cw_evolis_ask_where(e, deadline_ns, &b.where, NULL, 0, f);
        if (rc == CW_OK)
                rc = ask_number(e, "Rco;c", deadline_ns, &b.cards_fed, f);
        if (rc == CW_OK)
                rc = ask_number(e, "Rco;p", deadline_ns, &b.panels, f);
        if (rc == CW_OK)
                rc = ask_number(e, "Rrt;count", deadline_ns, &b.ribbon_remaining, f);
        if (rc == CW_OK)
                *ret = b;
        return rc;
}
