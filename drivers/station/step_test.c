/* SPDX-License-Identifier: Apache-2.0 */
/* Test cards and the cleaning cycle: cards without a job, which prove one unit of the printer each. */
#include "drivers/station/station.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static void take(struct cw_step_run *run, cw_rc rc, const struct cw_printer_effect *effect) {
        run->result->where = effect->where;
        run->result->ribbon_used = run->result->ribbon_used || effect->ribbon_used;
        if (effect->vendor[0])
                cw_result_evidence(run->result, "vendor", effect->vendor);
        cw_machine_after(&run->st->machine, rc, effect);
}

static cw_rc own_card(struct cw_step_run *run, struct cw_printer *printer, enum cw_test_card kind,
                      struct cw_fault *f) {
        struct cw_printer_effect effect = {0};
        cw_rc rc = cw_printer_test_card(printer, kind, cw_deadline_ns(CW_PRINT_TIMEOUT_MS), &effect, f);
        take(run, rc, &effect);
        return rc;
}

static cw_rc draw(struct cw_step_run *run, struct cw_printer *printer, const struct cw_printer_need *need,
                  struct cw_fault *f) {
        struct cw_printer_effect effect = {0};
        cw_rc rc = cw_printer_preflight(printer, need, cw_deadline_ns(CW_MOVE_TIMEOUT_MS), NULL, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_printer_feed(printer, cw_deadline_ns(CW_FEED_TIMEOUT_MS), &effect, f);
        take(run, rc, &effect);
        return rc;
}

/* A good test card comes out to be looked at, a bad one as well: nothing on it is anybody's. */
static cw_rc put_out(struct cw_step_run *run, struct cw_printer *printer, cw_rc outcome, struct cw_fault *f) {
        struct cw_printer_effect effect = {0};
        struct cw_fault other = {0};
        if (cw_rc_class(outcome) == CW_C_IN_DOUBT ||
            (outcome != CW_OK && run->result->where == CW_WHERE_NONE))
                return outcome;
        cw_rc rc = cw_printer_eject(printer, cw_deadline_ns(CW_MOVE_TIMEOUT_MS), &effect,
                                    outcome == CW_OK ? f : &other);
        take(run, rc, &effect);
        return outcome == CW_OK ? rc : outcome;
}

/* Digits of a test BIN, so that nobody takes the card for one of a customer. */
static const char test_track1[] = "CARDWRIGHT TEST CARD";
static const char test_track2[] = "4000001234567899=0000";

static cw_rc compare(struct cw_printer *printer, unsigned track, const char *want, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *got = NULL;
        cw_rc rc = cw_printer_stripe_read(printer, track, cw_deadline_ns(CW_STRIPE_TIMEOUT_MS), &got, f);
        if (rc != CW_OK)
                return rc;
        if (got->len == strlen(want) && memcmp(got->ptr, want, got->len) == 0)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_OPERATOR, CW_E_MISMATCH), (int64_t)track, "test_card",
                       "PRD_MAGSTRIPE", "track %u reads back differently; clean the stripe head", track);
}

static cw_rc magnetic(struct cw_step_run *run, struct cw_printer *printer, struct cw_fault *f) {
        const struct cw_printer_need need = {.stripe = true};
        const struct cw_tracks tracks = {
            .track = {CW_SPAN((const uint8_t *)test_track1, sizeof test_track1 - 1),
                      CW_SPAN((const uint8_t *)test_track2, sizeof test_track2 - 1)}};
        struct cw_printer_effect effect = {0};
        if (cw_printer_info(printer)->caps & CW_PRINTER_CAP_STRIPE_IN_PRINT)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "test_card",
                               "PRT_SETUP_ERROR",
                               "this printer encodes only while it prints and cannot read back by itself");
        cw_rc rc = draw(run, printer, &need, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_printer_stripe_write(printer, &tracks, cw_deadline_ns(CW_STRIPE_TIMEOUT_MS), &effect, f);
        take(run, rc, &effect);
        if (rc == CW_OK)
                rc = compare(printer, 1, test_track1, f);
        if (rc == CW_OK)
                rc = compare(printer, 2, test_track2, f);
        if (rc == CW_OK)
                cw_result_evidence(run->result, "stripe", "read back equal");
        return put_out(run, printer, rc, f);
}

static cw_rc power_chip(struct cw_step_run *run, struct cw_fault *f) {
        CW_AUTO(cw_card_close) struct cw_card_channel *channel = NULL;
        char atr[2 * CW_ATR_MAX + 1] = "";
        cw_rc rc = cw_step_contact(run, &channel, f);
        if (rc != CW_OK)
                return rc;
        (void)cw_hex_encode(channel->atr, channel->atr_len, atr, sizeof atr);
        cw_result_evidence(run->result, "atr", atr);
        return CW_OK;
}

static cw_rc chip(struct cw_step_run *run, struct cw_printer *printer, struct cw_fault *f) {
        bool contact = cw_step_chip_place(run->st) == CW_WHERE_CONTACT;
        const struct cw_printer_need need = {.contact = contact, .contactless = !contact};
        if (!run->st->reader)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "test_card",
                               "PRT_SETUP_ERROR", "this station has no chip reader");
        cw_rc rc = draw(run, printer, &need, f);
        if (rc != CW_OK)
                return rc;
        return put_out(run, printer, power_chip(run, f), f);
}

cw_rc cw_step_test_card(struct cw_step_run *run, const char *kind, struct cw_fault *f) {
        struct cw_printer *printer = NULL;
        run->result->where = CW_WHERE_NONE; /* nothing was sent that could draw a card */
        bool known = strcmp(kind, "std") == 0 || strcmp(kind, "tech") == 0 || strcmp(kind, "mag") == 0 ||
                     strcmp(kind, "chip") == 0;
        if (!known)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_RANGE), 0, "test_card", "",
                               "the kinds of test card are std, tech, mag and chip");
        cw_rc rc = cw_machine_use(&run->st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        if (strcmp(kind, "mag") == 0)
                return magnetic(run, printer, f);
        if (strcmp(kind, "chip") == 0)
                return chip(run, printer, f);
        return own_card(run, printer, kind[0] == 't' ? CW_TEST_CARD_TECHNICAL : CW_TEST_CARD_STANDARD, f);
}

cw_rc cw_step_clean(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_printer *printer = NULL;
        struct cw_printer_effect effect = {0};
        run->result->where = CW_WHERE_NONE;
        cw_rc rc = cw_machine_use(&run->st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        if (!(cw_printer_info(printer)->caps & CW_PRINTER_CAP_CLEAN))
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "clean",
                               "PRT_SETUP_ERROR", "this printer is cleaned at its own display");
        rc = cw_printer_clean(printer, cw_deadline_ns(CW_PRINT_TIMEOUT_MS), &effect, f);
        take(run, rc, &effect);
        return rc;
}
