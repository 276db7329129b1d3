/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that move, encode and print a card. */
#include "drivers/station/station.h"

#include "base/clock.h"
#include "base/failpoint.h"

#include <stdio.h>
#include <string.h>

/* What an effect says about the card goes into the result, also when the call failed. */
static void take_effect(struct cw_step_run *run, cw_rc rc, const struct cw_printer_effect *effect) {
        run->result->where = effect->where;
        run->result->ribbon_used = run->result->ribbon_used || effect->ribbon_used;
        if (effect->vendor[0])
                cw_result_evidence(run->result, "vendor", effect->vendor);
        cw_machine_after(&run->st->machine, rc, effect);
}

static bool has_panel(const struct cw_panels *panels, char id) {
        for (size_t i = 0; i < panels->count; i++)
                if (panels->panel[i].id == id)
                        return true;
        return false;
}

static void list_panels(const struct cw_panels *face, char ret[8]) {
        size_t n = 0;
        for (const char *id = "ymcko"; *id; id++)
                if (face && has_panel(face, *id))
                        ret[n++] = *id;
        ret[n] = '\0';
}

/* The ribbon needs what the faces use. */
void cw_step_panels(const struct cw_panels *panels, struct cw_printer_need *ret) {
        *ret = (struct cw_printer_need){.print = true};
        list_panels(panels, ret->panels);
        list_panels(panels->back, ret->back_panels);
}

static void need_of(const struct cw_station *st, const struct cw_printer *p, struct cw_printer_need *ret) {
        uint32_t caps = cw_printer_info(p)->caps;
        bool contact = cw_step_chip_place(st) == CW_WHERE_CONTACT;
        cw_step_panels(st->work.panels, ret);
        ret->stripe = true;
        ret->contact = contact;
        ret->contactless = !contact;
        ret->reject = (caps & CW_PRINTER_CAP_REJECT) != 0;
}

static cw_rc reader_ready(struct cw_station *st, struct cw_fault *f) {
        struct cw_card_reader_state r;
        cw_card_reader_get(st->reader, &r);
        if (r.service && r.present && !r.stuck)
                return CW_OK;
        return cw_fail(
            f, CW_RC(CW_L_STATION, CW_C_OPERATOR, CW_E_READER_GONE), 0, "station.preflight",
            "PRT_NOT_REACHABLE", "%s",
            !r.service
                ? "the smart card service pcscd does not answer; start it: systemctl start pcscd.socket"
            : !r.present ? "the chip reader is not plugged in; plug it in and look at its cable"
                         : "the chip reader hangs; unplug it and plug it in again, or restart pcscd");
}

/* Everything that can be found wrong before a card moves: data, profile, face, printer, ribbon, reader. */
cw_rc cw_step_preflight(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_station *st = run->st;
        struct cw_printer *printer = NULL;
        struct cw_printer_need need;
        struct cw_printer_status status = {0};
        cw_rc rc = cw_work_certify(&st->work, &st->profiles, f);
        if (rc == CW_OK)
                rc = cw_work_panels(&st->work, st->config, st->self->printer_curve, f);
        if (rc == CW_OK)
                rc = cw_machine_use(&st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        need_of(st, printer, &need);
        rc = cw_printer_preflight(printer, &need, cw_deadline_ns(CW_MOVE_TIMEOUT_MS), &status, f);
        cw_machine_after(&st->machine, rc, NULL);
        (void)cw_machine_poll(&st->machine);
        return rc == CW_OK ? reader_ready(st, f) : rc;
}

cw_rc cw_step_feed(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_printer *printer = NULL;
        struct cw_printer_status status;
        struct cw_printer_effect effect = {0};
        cw_rc rc = cw_machine_use(&run->st->machine, &printer, f);
        if (rc == CW_OK)
                rc = cw_printer_status(printer, cw_deadline_ns(CW_MOVE_TIMEOUT_MS), &status, f);
        if (rc != CW_OK) {
                run->result->where = CW_WHERE_NONE; /* nothing was sent that could draw a card */
                return rc;
        }
        /* A card of unknown history is never fed upon. */
        run->result->where = CW_WHERE_NONE;
        if (cw_where_inside(status.where))
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_OPERATOR, CW_E_STATE), 0, "station.feed",
                               "PRD_FEEDER_JAM",
                               "a card is already in the printer (%s); take it out, put it into the reject "
                               "box and count it",
                               cw_where_name(status.where));
        cw_step_progress(run, 10, "drawing a card from the feeder");
        rc = cw_printer_feed(printer, cw_deadline_ns(CW_FEED_TIMEOUT_MS), &effect, f);
        take_effect(run, rc, &effect);
        if (CW_FAILPOINT("station.feed.after"))
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_IN_DOUBT, CW_E_IO), 0, "station.feed",
                               "PRD_FEEDER_JAM", "it is not known whether a card was drawn");
        return rc;
}

/* ---- stripe ---- */

static cw_rc write_tracks(struct cw_step_run *run, struct cw_printer *printer, struct cw_fault *f) {
        const struct cw_hsm_card_data *card = &run->st->work.card;
        struct cw_printer_effect effect = {0};
        const struct cw_tracks tracks = {.track = {CW_SPAN(card->track1->ptr, card->track1->len),
                                                   CW_SPAN(card->track2->ptr, card->track2->len)}};
        cw_rc rc =
            cw_printer_stripe_write(printer, &tracks, cw_deadline_ns(CW_STRIPE_TIMEOUT_MS), &effect, f);
        take_effect(run, rc, &effect);
        return rc;
}

static cw_rc compare_track(struct cw_step_run *run, struct cw_printer *printer, unsigned track,
                           const struct cw_secret *want, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *got = NULL;
        cw_rc rc = cw_printer_stripe_read(printer, track, cw_deadline_ns(CW_STRIPE_TIMEOUT_MS), &got, f);
        cw_machine_after(&run->st->machine, rc, NULL);
        if (rc != CW_OK)
                return rc;
        if (got->len == want->len && cw_equal_ct(got->ptr, want->ptr, want->len))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_MISMATCH), (int64_t)track, "station.stripe",
                       "PRD_MAGSTRIPE",
                       "track %u reads back differently from what was written; clean the stripe head if this "
                       "happens again",
                       track);
}

cw_rc cw_step_stripe(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_station *st = run->st;
        struct cw_printer *printer = NULL;
        cw_rc rc = cw_work_card(&st->work, f);
        if (rc == CW_OK)
                rc = cw_machine_use(&st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        cw_step_progress(run, 20, "writing the magnetic stripe");
        rc = write_tracks(run, printer, f);
        if (rc == CW_OK && CW_FAILPOINT("station.stripe.written"))
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_IN_DOUBT, CW_E_IO), 0, "station.stripe",
                               "PRD_MAGSTRIPE", "it is not known whether the stripe was written");
        /* Some printers encode and compare by themselves when they print; then print() tells. */
        bool later = (cw_printer_info(printer)->caps & CW_PRINTER_CAP_STRIPE_IN_PRINT) != 0;
        if (rc == CW_OK && !later)
                rc = compare_track(run, printer, 1, st->work.card.track1, f);
        if (rc == CW_OK && !later)
                rc = compare_track(run, printer, 2, st->work.card.track2, f);
        if (rc == CW_OK)
                cw_result_evidence(run->result, "stripe",
                                   later ? "written and compared by the printer, with the print"
                                         : "read back equal");
        return rc;
}

/* ---- print and out ---- */

cw_rc cw_step_print(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_station *st = run->st;
        struct cw_printer *printer = NULL;
        struct cw_printer_effect effect = {0};
        cw_rc rc = cw_work_panels(&st->work, st->config, st->self->printer_curve, f);
        if (rc == CW_OK)
                rc = cw_machine_use(&st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        cw_step_progress(run, 70, "printing the card");
        rc = cw_printer_print(printer, st->work.panels, cw_deadline_ns(CW_PRINT_TIMEOUT_MS), &effect, f);
        take_effect(run, rc, &effect);
        if (CW_FAILPOINT("station.print.after"))
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_IN_DOUBT, CW_E_IO), 0, "station.print",
                               "PRT_TIMEOUT", "it is not known whether the card was printed");
        return rc;
}

/* A print that delivers the card leaves nothing to eject; the place it reported stands. */
cw_rc cw_step_eject(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_printer *printer = NULL;
        struct cw_printer_effect effect = {0};
        cw_rc rc = cw_machine_use(&run->st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        cw_step_progress(run, 95, "delivering the card");
        rc = cw_printer_eject(printer, cw_deadline_ns(CW_MOVE_TIMEOUT_MS), &effect, f);
        take_effect(run, rc, &effect);
        return rc;
}

cw_rc cw_step_reject(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_printer *printer = NULL;
        struct cw_printer_effect effect = {0};
        cw_rc rc = cw_machine_use(&run->st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        cw_step_progress(run, 95, "moving the card into the reject box");
        rc = cw_printer_reject(printer, cw_deadline_ns(CW_MOVE_TIMEOUT_MS), &effect, f);
        take_effect(run, rc, &effect);
        return rc;
}
