/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A retransfer printer behind bulk-only transport: panels wait in its memory, so a panel that breaks off
 * spoils nothing; the film covers the whole card; how much ink is left is not told.
 */
#include "tests/contract/checks.h"

#include "drivers/printer/matica/codec.h"

#include <stdio.h>
#include <string.h>

static const struct cw_printer_need job = {true, true, false, true, true, "ymcko", ""};

/* ---- open, status, preflight ---- */

/* The port reset that ends it counts as an unplug: the next open is the good one. */
static void open_after_half_a_panel(void **state) {
        static uint8_t half[3000];
        struct cw_usb *usb = NULL;
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        size_t sent = 0;
        memcpy(half, bench_family.half_job, bench_family.half_job_len);
        check_ok(bench_ops.connect(*state, &usb, &f), &f);
        check_ok(cw_usb_bulk_out(usb, half, sizeof half, LONG_NS, &sent, &f), &f);
        cw_usb_close(usb);
        check_ok(bench_ops.connect(*state, &usb, &f), &f);
        check_class(cw_printer_open(cw_printer_driver("matica"), usb, bench_family.fitting, LONG_NS, &p, &f),
                    &f, CW_C_RECONNECT, "");
        p = check_open(*state);
        check_feed(p);
        assert_int_equal(bench_state(*state, "counters", "panels"), 0);
        cw_printer_close(p);
}

static void status_tells_what_there_is(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        check_status(p, &s);
        assert_int_equal(s.state, CW_PRINTER_READY);
        assert_int_equal(s.where, CW_WHERE_NONE);
        assert_string_equal(s.ribbon.kind, "ymck");
        assert_int_equal(s.ribbon.remaining, -1);
        assert_string_equal(s.ribbon.serial, "FC2221");
        assert_int_equal(s.counters.cards_fed, 0);
        bench_order(*state, "{'cmd':'fault','name':'card_inside','text':'mag'}");
        check_status(p, &s);
        assert_int_equal(s.where, CW_WHERE_MAG);
        cw_printer_close(p);
}

static void abilities_are_honest(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_tracks weak = check_tracks();
        struct cw_fault f = {0};
        uint32_t caps = cw_printer_info(p)->caps;
        assert_true(caps & CW_PRINTER_CAP_FILM);
        assert_false(caps & (CW_PRINTER_CAP_CLEAN | CW_PRINTER_CAP_TEST_CARD));
        check_class(check_step(cw_printer_clean, p, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        check_class(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f, CW_C_REJECT, "");
        check_feed(p);
        weak.low_coercivity = true;
        check_class(cw_printer_stripe_write(p, &weak, LONG_NS, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        assert_false(e.started);
        cw_printer_close(p);
}

static void preflight_knows_the_ink(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_fault f = {0};
        check_ok(check_preflight(p, &job, &f), &f);
        bench_order(*state, "{'cmd':'ribbon','remaining':0}");
        check_class(check_preflight(p, &job, &f), &f, CW_C_OPERATOR, "PRT_RIBBON_ENDED");
        bench_order(*state, "{'cmd':'ribbon','kind':'kb','remaining':10}");
        check_class(check_preflight(p, &job, &f), &f, CW_C_OPERATOR, "PRT_RIBBON_MISSING");
        cw_printer_close(p);
}

static void counters_and_settings_are_read_only(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_lines l;
        struct cw_fault f = {0};
        for (unsigned s = 0; s < CW_SHEET_MAX_; s++) {
                check_ok(cw_printer_sheet(p, (enum cw_printer_sheet)s, LONG_NS, &l, &f), &f);
                assert_true(l.count >= 2);
                for (size_t i = 0; i < l.count; i++)
                        assert_false(l.line[i].writable);
        }
        assert_string_equal(l.line[1].name, "raster.columns");
        assert_string_equal(l.line[1].value, "1036");
        check_class(cw_printer_setting(p, "resolution", "600", LONG_NS, &f), &f, CW_C_REJECT, "");
        cw_printer_close(p);
}

static void jam_on_the_way_to_the_contacts(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'jam','at':{'command':'MOVE'}}");
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_JAM");
        assert_int_equal(e.where, CW_WHERE_TRANSPORT);
        check_state(p, CW_PRINTER_ERROR, "PRD_FEEDER_JAM");
        cw_printer_close(p);
}

/* ---- faults while printing ---- */

static struct cw_printer *fed_with_fault(struct bench *b, const char *fault) {
        struct cw_printer *p = check_open(b);
        check_feed(p);
        bench_order(b, fault);
        return p;
}

static void print_refused(struct bench *b, const char *fault, const char *code) {
        struct cw_printer *p = fed_with_fault(b, fault);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_class(check_print(p, &e, &f), &f, CW_C_OPERATOR, code);
        assert_true(cw_where_inside(e.where));
        assert_true(e.ribbon_used);
        assert_true(bench_state(b, "counters", "sets") <= 1);
        assert_int_equal(bench_tray(b, "output"), 0);
        cw_printer_close(p);
}

static void ink_ends_in_the_picture(void **state) {
        print_refused(*state, "{'cmd':'fault','name':'ribbon_end','at':{'panel':'c'}}", "PRT_RIBBON_ENDED");
}

static void door_opened_in_the_picture(void **state) {
        print_refused(*state, "{'cmd':'fault','name':'cover_open','at':{'panel':'m'}}", "PRT_COVER_OPEN");
}

static void jam_in_the_picture(void **state) {
        print_refused(*state, "{'cmd':'fault','name':'jam','at':{'panel':'y'}}", "PRD_FEEDER_JAM");
}

static void jam_in_the_transfer(void **state) {
        print_refused(*state, "{'cmd':'fault','name':'jam','at':{'command':'TRANSFER'}}", "PRD_FEEDER_JAM");
}

/* Nothing is on the card before the print command; the connection is lost, the card is found by the next
 * open. */
static void panel_cut_off_is_never_resent(void **state) {
        for (unsigned quarter = 0; quarter < (bench_ops.jumps ? 4u : 1u); quarter++) {
                const struct cw_usb_fault_rule rule = {CW_USB_FAULT_OUT, 5, CW_USB_DO_SHORT,
                                                       1 + quarter * 16000, 10000};
                struct cw_printer_baseline before;
                struct cw_printer_finding finding;
                struct cw_printer_effect e;
                struct cw_usb *layer = NULL;
                struct cw_fault f = {0};
                struct cw_printer *p = check_open_faulty(*state, &rule, 1, &layer);
                check_feed(p);
                check_ok(check_baseline(p, &before, &f), &f);
                check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
                assert_false(e.ribbon_used);
                cw_printer_close(p);
                p = NULL;
                struct cw_usb *usb = NULL;
                check_ok(bench_ops.connect(*state, &usb, &f), &f);
                if (cw_printer_open(cw_printer_driver("matica"), usb, bench_family.fitting, LONG_NS, &p,
                                    &f) != CW_OK)
                        p = check_open(*state);
                check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
                assert_int_equal(finding.verdict, CW_VERDICT_NOT_DONE);
                check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
                cw_printer_close(p);
                assert_int_equal(bench_tray(*state, "reject"), quarter + 1);
        }
        assert_int_equal(bench_state(*state, "counters", "panels"), 0);
        assert_int_equal(bench_state(*state, "counters", "sets"), 0);
}

/* The answer to the last command never comes: the counters and the empty path say that the card is made. */
static void transfer_whose_answer_is_lost(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        CW_AUTO(cw_panels_free) struct cw_panels *panels = check_panels();
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        bench_order(*state, "{'cmd':'fault','name':'no_reply','at':{'command':'TRANSFER'}}");
        check_class(cw_printer_print(p, panels, cw_deadline_ns(bench_ops.jumps ? 200000 : 4000), &e, &f), &f,
                    CW_C_IN_DOUBT, "");
        assert_true(e.ribbon_used);
        cw_printer_close(p);
        p = check_open(*state);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_DONE);
        assert_int_equal(finding.where, CW_WHERE_OUTPUT);
        assert_int_equal(bench_tray(*state, "output"), 1);
        assert_int_equal(bench_state(*state, "counters", "sets"), 1);
        cw_printer_close(p);
}

/* The card is made and lies in the tray; the cable comes off before the printer says so. */
static void unplugged_after_the_transfer(void **state) {
        struct cw_usb_fault_rule rule = {CW_USB_FAULT_IN, 1000000, CW_USB_DO_GONE, 0, 0};
        for (int round = 0; round < 2; round++) {
                struct cw_printer_baseline before;
                struct cw_printer_finding finding;
                struct cw_printer_effect e;
                struct cw_usb *layer = NULL;
                struct cw_fault f = {0};
                struct cw_printer *p = check_open_faulty(*state, &rule, 1, &layer);
                check_feed(p);
                check_ok(check_baseline(p, &before, &f), &f);
                if (round == 0) {
                        check_ok(check_print(p, &e, &f), &f);
                        rule.nth = cw_usb_fault_calls(layer, CW_USB_FAULT_IN); /* the place was asked last */
                        cw_printer_close(p);
                        continue;
                }
                check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
                assert_int_equal(e.where, CW_WHERE_UNKNOWN);
                assert_true(e.ribbon_used);
                assert_int_equal(bench_tray(*state, "output"), 2);
                cw_printer_close(p);
                p = check_open(*state);
                check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
                assert_int_equal(finding.verdict, CW_VERDICT_DONE);
                cw_printer_close(p);
        }
}

static void unplugged_in_a_panel(void **state) {
        struct cw_printer *p = fed_with_fault(*state, "{'cmd':'fault','name':'unplug','at':{'byte':900000}}");
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        assert_true(cw_printer_gone(p));
        cw_printer_close(p);
        bench_order(*state, "{'cmd':'plug'}");
        p = check_open(*state);
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

static void power_cycle_in_the_job(void **state) {
        struct cw_printer *p =
            fed_with_fault(*state, "{'cmd':'fault','name':'power_cycle','at':{'panel':'m'}}");
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        cw_printer_close(p);
        bench_order(*state, "{'cmd':'plug'}");
        p = check_open(*state);
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        assert_int_equal(bench_tray(*state, "output"), 0);
        cw_printer_close(p);
}

static void hot_head_is_waited_for(void **state) {
        struct cw_printer *p =
            fed_with_fault(*state, "{'cmd':'fault','name':'head_hot','ms':1000,'at':{'panel':'y'}}");
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        cw_printer_close(p);
}

static void tray_full_keeps_the_card(void **state) {
        struct cw_printer *p = fed_with_fault(*state, "{'cmd':'fault','name':'output_full'}");
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_class(check_step(cw_printer_eject, p, &e, &f), &f, CW_C_OPERATOR, "PRD_HOPPER_JAM");
        assert_int_equal(bench_tray(*state, "output"), 0);
        cw_printer_close(p);
}

/* ---- bulk-only transport ---- */

static void stalls_are_cleared(void **state) {
        static const char *const faults[] = {"{'cmd':'fault','name':'stall_in','at':{'transfer':3}}",
                                             "{'cmd':'fault','name':'stall_out','at':{'transfer':2}}",
                                             "{'cmd':'fault','name':'stall_in','at':{'transfer':6}}"};
        struct cw_printer *p = check_open(*state);
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
                struct cw_printer_status s;
                struct cw_fault f = {0};
                bench_order(*state, faults[i]);
                cw_rc rc = cw_printer_status(p, LONG_NS, &s, &f);
                if (rc != CW_OK)
                        check_class(rc, &f, cw_rc_class(rc) == CW_C_RETRY ? CW_C_RETRY : CW_C_RECONNECT, "");
                if (cw_printer_gone(p) || cw_rc_class(rc) == CW_C_RECONNECT) {
                        cw_printer_close(p);
                        p = check_open(*state);
                }
                bench_order(*state, "{'cmd':'faults_off'}");
                check_state(p, CW_PRINTER_READY, "");
        }
        cw_printer_close(p);
}

/* A status that comes after its time belongs to no later command. */
static void late_status_is_not_taken_for_another(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'fault','name':'late_reply','ms':2500}");
        check_class(cw_printer_status(p, cw_deadline_ns(bench_ops.jumps ? 1000 : 400), &s, &f), &f,
                    CW_C_RETRY, "");
        for (int i = 0; i < 12; i++)
                if (cw_printer_status(p, LONG_NS, &s, &f) == CW_OK)
                        break;
        assert_int_equal(s.where, CW_WHERE_NONE);
        check_state(p, CW_PRINTER_READY, "");
        cw_printer_close(p);
}

/* ---- the finer model ---- */

static void finer_printer_takes_the_same_card(void **state) {
        (void)state;
        const struct bench_options finer = {.model = "XID8600"};
        struct bench *b = bench_ops.open(&finer);
        struct cw_printer *p = check_open(b);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(bench_tray(b, "output"), 1);
        assert_int_equal(bench_state(b, "counters", "panels"), 4);
        assert_int_equal(bench_state(b, "", "violations"), 0);
        cw_printer_close(p);
        bench_ops.close(b);
}

/* ---- what a branch knows better ---- */

static struct cw_printer *open_fitted(struct bench *b, const struct cw_matica_fitting *m) {
        struct cw_printer *p = check_open(b);
        const struct cw_printer_fitting fitting = {.both_faces = -1, .flip = -1, .matica = *m};
        cw_printer_fit(p, &fitting);
        return p;
}

static void jam_place_as_told(void **state) {
        const struct cw_matica_fitting told = {.jam_place_told = true};
        struct cw_printer *p = open_fitted(*state, &told);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'jam','at':{'command':'MOVE'}}");
        /* This printer does not say where: the card's place is not known, so the step is in doubt. */
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_IN_DOUBT, "PRD_FEEDER_JAM");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        cw_printer_close(p);
}

static void counters_that_prove_nothing(void **state) {
        const struct cw_matica_fitting shown = {.counters_prove_nothing = true};
        struct cw_printer *p = open_fitted(*state, &shown);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_status s;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        assert_int_equal(before.cards_fed, -1);
        assert_int_equal(before.panels, -1);
        check_ok(check_print(p, &e, &f), &f);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        check_status(p, &s);
        assert_int_equal(s.counters.cards_fed, 1);
        cw_printer_close(p);
}

/* What is sent at the antenna is inferred: the other way round, or left out. */
static void antenna_as_the_branch_says(void **state) {
        const struct cw_matica_fitting silent = {.rfid = CW_MATICA_RFID_MOVE_ONLY},
                                       turned = {.rfid = CW_MATICA_RFID_05_04};
        struct cw_printer *p = open_fitted(*state, &silent);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_step(cw_printer_to_contactless, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_CONTACTLESS);
        assert_int_equal(bench_state(*state, "", "engaged"), 0);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        cw_printer_close(p);
        /* This printer takes 05 for the end of it: nothing is begun, and a second try begins with 04 and ends
         * it. */
        p = open_fitted(*state, &turned);
        check_feed(p);
        check_ok(check_step(cw_printer_to_contactless, p, &e, &f), &f);
        assert_int_equal(bench_state(*state, "", "engaged"), 0);
        int64_t begun = bench_state(*state, "counters", "contacts");
        check_ok(check_step(cw_printer_to_contactless, p, &e, &f), &f);
        assert_int_equal(bench_state(*state, "counters", "contacts"), begun + 1);
        assert_int_equal(bench_state(*state, "", "engaged"), 0);
        cw_printer_close(p);
}

/* A model that nobody knows, but the branch says which one it is like. */
static void model_as_the_branch_says(void **state) {
        (void)state;
        const struct cw_matica_fitting like = {.model = CW_MATICA_XID8300};
        const struct bench_options unknown = {.model = "XID9300"};
        struct bench *b = bench_ops.open(&unknown);
        struct cw_printer *p = open_fitted(b, &like);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(bench_tray(b, "output"), 1);
        cw_printer_close(p);
        bench_ops.close(b);
}

static void recordings_hold_no_card(void **state) {
        struct cw_matica_masking masking = {0};
        const struct cw_usb_mask mask = {cw_matica_mask, &masking};
        struct cw_usb *usb = NULL, *recorder = NULL;
        struct cw_printer *p = NULL;
        struct cw_printer_effect e;
        struct cw_tracks tracks = check_tracks();
        struct cw_fault f = {0};
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        assert_non_null(out);
        check_ok(bench_ops.connect(*state, &usb, &f), &f);
        assert_int_equal(cw_usb_recorder_new(usb, out, mask, &recorder), CW_OK);
        check_ok(
            cw_printer_open(cw_printer_driver("matica"), recorder, bench_family.fitting, LONG_NS, &p, &f),
            &f);
        check_feed(p);
        check_ok(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f);
        check_ok(check_print(p, &e, &f), &f);
        cw_printer_close(p);
        (void)fclose(out);
        assert_true(len < 60000);
        assert_null(strstr(text, "04000000010203")); /* 4000000123 as the encoder takes it */
        free(text);
}

/* Through libusb run those that a bus can make different: the first ones. */
#define BUS_CHECKS 15u
const struct CMUnitTest contract_checks[] = {
    CHECK(open_identifies),
    CHECK(what_came_unasked_is_no_answer),
    CHECK(open_after_half_a_panel),
    CHECK(status_tells_what_there_is),
    CHECK(stalls_are_cleared),
    CHECK(feed_takes_one_card),
    CHECK(contact_and_out),
    CHECK(stripe_written_and_read),
    CHECK(print_chip_and_stripe_first),
    CHECK(jam_in_the_picture),
    CHECK(panel_cut_off_is_never_resent),
    CHECK(transfer_whose_answer_is_lost),
    CHECK(unplugged_in_a_panel),
    CHECK(power_cycle_in_the_job),
    {"finer_printer_takes_the_same_card", finer_printer_takes_the_same_card, NULL, NULL, NULL},
    CHECK(open_again_after_close),
    CHECK(open_too_late_touches_nothing),
    CHECK(open_fails_cleanly_at_every_transfer),
    {"unknown_model_moves_nothing", unknown_model_moves_nothing, NULL, NULL, NULL},
    CHECK(raw_answers_and_refuses_card_data),
    CHECK(counters_and_settings_are_read_only),
    CHECK(abilities_are_honest),
    CHECK(status_cover_open),
    CHECK(status_hopper_empty),
    CHECK(status_ribbon_ended),
    CHECK(status_ribbon_missing),
    CHECK(late_status_is_not_taken_for_another),
    CHECK(preflight_knows_the_ink),
    CHECK(preflight_refuses_a_card_inside),
    CHECK(feed_refuses_when_a_card_is_inside),
    CHECK(feed_hopper_empty),
    CHECK(feed_jam),
    CHECK(feed_cover_open),
    CHECK(feed_too_late_touches_nothing),
    CHECK(contact_without_card),
    CHECK(jam_on_the_way_to_the_contacts),
    CHECK(contactless_and_out),
    CHECK(contactless_from_and_to_the_contacts),
    CHECK(contactless_twice),
    CHECK(contactless_then_print),
    CHECK(contactless_without_card),
    CHECK(contactless_jam),
    CHECK(contactless_card_found_there),
    {"contactless_only_where_the_model_is_known", contactless_only_where_the_model_is_known, NULL, NULL,
     NULL},
    CHECK(unplug_after_every_transfer_of_contactless),
    CHECK(antenna_as_the_branch_says),
    CHECK(eject_delivers),
    CHECK(tray_full_keeps_the_card),
    CHECK(reject_goes_to_the_box),
    CHECK(reject_without_card),
    CHECK(stripe_write_fails),
    CHECK(stripe_blank),
    CHECK(stripe_bad_data_sends_nothing),
    CHECK(stripe_read_by_a_new_process),
    CHECK(print_whole_card),
    CHECK(ink_ends_in_the_picture),
    CHECK(door_opened_in_the_picture),
    CHECK(jam_in_the_transfer),
    CHECK(unplugged_after_the_transfer),
    CHECK(hot_head_is_waited_for),
    CHECK(heat_is_sent_only_when_it_is_set),
    CHECK(print_wrong_panels_send_nothing),
    CHECK(print_without_card),
    {"both_faces_are_printed", both_faces_are_printed, NULL, NULL, NULL},
    CHECK(back_is_refused_where_it_cannot_be_printed),
    {"jam_while_turning_is_a_spoiled_card", jam_while_turning_is_a_spoiled_card, NULL, NULL, NULL},
    CHECK(print_hot_head),
    CHECK(stripe_fails_once_then_works),
    CHECK(unplug_at_every_transfer_of_feed),
    CHECK(reconcile_other_printer),
    CHECK(reconcile_stripe_is_unknown),
    CHECK(jam_place_as_told),
    CHECK(counters_that_prove_nothing),
    {"model_as_the_branch_says", model_as_the_branch_says, NULL, NULL, NULL},
    CHECK(recordings_hold_no_card),
};
#ifdef CW_CONTRACT_SHORT
const size_t contract_check_count = BUS_CHECKS;
#else
const size_t contract_check_count = sizeof contract_checks / sizeof contract_checks[0];
#endif
