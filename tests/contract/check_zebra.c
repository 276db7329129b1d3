/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A printer whose language is public in part only: it makes no card unless the branch says so, what is not
 * public is refused, its ribbon is what the branch says, and what it does not tell of a card is in doubt.
 */
#include "tests/contract/checks.h"

#include <stdio.h>
#include <string.h>

static const struct cw_printer_need job = {true, false, false, true, false, "ymcko", ""};

static struct cw_printer *open_as(struct bench *b, const struct cw_printer_fitting *fitting) {
        struct cw_usb *usb = NULL;
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        check_ok(bench_ops.connect(b, &usb, &f), &f);
        check_ok(cw_printer_open(cw_printer_driver("zebra"), usb, fitting, LONG_NS, &p, &f), &f);
        return p;
}

/* ---- switched on, or not ---- */

static void makes_no_card_unless_switched_on(void **state) {
        struct cw_printer *p = open_as(*state, NULL);
        struct cw_tracks tracks = check_tracks();
        struct cw_printer_status s;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        assert_true(cw_printer_info(p)->barred);
        assert_int_equal(cw_printer_info(p)->maturity, CW_MATURITY_EXPERIMENTAL);
        check_status(p, &s);
        int64_t before = bench_state(*state, "usb", "commands");
        check_class(check_preflight(p, &(struct cw_printer_need){.print = true, .panels = "k"}, &f), &f,
                    CW_C_OPERATOR, "PRT_SETUP_ERROR");
        assert_non_null(strstr(f.text, "printer_experimental"));
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_OPERATOR, "PRT_SETUP_ERROR");
        check_class(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f, CW_C_OPERATOR, "");
        check_class(check_print(p, &e, &f), &f, CW_C_OPERATOR, "PRT_SETUP_ERROR");
        check_class(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f, CW_C_OPERATOR, "");
        assert_false(e.started || e.ribbon_used);
        assert_int_equal(bench_state(*state, "usb", "commands"), before);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f); /* getting a card out is always allowed */
        cw_printer_close(p);
}

static void unknown_quirk_is_named(void **state) {
        const struct cw_printer_fitting wrong = {
            .both_faces = -1, .flip = -1, .quirks = "image-forwards, no-such-thing"};
        struct cw_usb *usb = NULL;
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        check_ok(bench_ops.connect(*state, &usb, &f), &f);
        check_class(cw_printer_open(cw_printer_driver("zebra"), usb, &wrong, LONG_NS, &p, &f), &f,
                    CW_C_OPERATOR, "PRT_SETUP_ERROR");
        assert_non_null(strstr(f.text, "no-such-thing"));
        assert_non_null(strstr(f.text, "counted-frames"));
        assert_null(p);
}

static void abilities_are_honest(void **state) {
        struct cw_printer *p = check_open(*state);
        uint32_t caps = cw_printer_info(p)->caps;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        assert_true(caps & CW_PRINTER_CAP_STRIPE);
        assert_true(caps & CW_PRINTER_CAP_COLOUR);
        assert_false(caps & (CW_PRINTER_CAP_WHERE | CW_PRINTER_CAP_REJECT | CW_PRINTER_CAP_CONTACT |
                             CW_PRINTER_CAP_CLEAN | CW_PRINTER_CAP_BOTH_FACES));
        const struct cw_printer_need chip = {.contact = true}, box = {.reject = true};
        check_class(check_preflight(p, &chip, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        check_class(check_preflight(p, &box, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        check_class(check_step(cw_printer_clean, p, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        assert_false(e.started);
        cw_printer_close(p);
}

/* ---- status and pre-flight ---- */

static void status_of_a_ready_printer(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_fault f = {0};
        check_status(p, &s);
        assert_int_equal(s.state, CW_PRINTER_READY);
        assert_string_equal(s.ribbon.kind, "ymcko");
        assert_int_equal(s.ribbon.remaining, -1);
        assert_int_equal(s.counters.cards_fed, -1);
        assert_int_equal(s.where, CW_WHERE_UNKNOWN);
        check_ok(check_preflight(p, &job, &f), &f);
        cw_printer_close(p);
}

static void ribbon_is_what_the_branch_says(void **state) {
        const struct cw_printer_fitting mono = {
            .both_faces = -1, .flip = -1, .experimental = true, .ribbon = "k"};
        const struct cw_printer_fitting silent = {.both_faces = -1, .flip = -1, .experimental = true};
        const struct cw_printer_need black = {.print = true, .panels = "k"};
        struct cw_fault f = {0};
        struct cw_printer *p = open_as(*state, &mono);
        check_class(check_preflight(p, &(struct cw_printer_need){.print = true, .panels = "ymck"}, &f), &f,
                    CW_C_OPERATOR, "PRT_RIBBON");
        check_ok(check_preflight(p, &black, &f), &f);
        cw_printer_close(p);
        p = open_as(*state, &silent);
        check_class(check_preflight(p, &black, &f), &f, CW_C_OPERATOR, "PRT_RIBBON");
        assert_non_null(strstr(f.text, "printer_ribbon"));
        cw_printer_close(p);
}

static void error_does_not_outlive_its_cause(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'hopper','count':0}");
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_EMPTY");
        assert_int_equal(e.where, CW_WHERE_NONE);
        assert_string_equal(e.vendor, "error 04");
        check_status(p, &s);
        assert_string_equal(s.code, "");
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_EMPTY");
        bench_order(*state, "{'cmd':'hopper','count':5}");
        check_feed(p);
        check_status(p, &s);
        assert_string_equal(s.code, "");
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

static void cover_needs_a_person(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'cover','open':true}");
        check_status(p, &s);
        assert_int_equal(s.state, CW_PRINTER_NEEDS_OPERATOR);
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_OPERATOR, "PRT_SETUP_ERROR");
        assert_false(e.started);
        bench_order(*state, "{'cmd':'cover','open':false}");
        check_feed(p);
        cw_printer_close(p);
}

/* ---- moves ---- */

static void card_left_inside_goes_out_first(void **state) {
        bench_order(*state, "{'cmd':'fault','name':'card_inside','text':'print'}");
        struct cw_printer *p = check_open(*state);
        check_feed(p);
        assert_int_equal(bench_tray(*state, "output"), 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

static void feed_jam_is_doubt(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(check_baseline(p, &before, &f), &f);
        bench_order(*state, "{'cmd':'fault','name':'feed_jam'}");
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_IN_DOUBT, "PRD_FEEDER_JAM");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        assert_true(e.started);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_FEED, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        bench_order(*state, "{'cmd':'clear','to':'taken'}");
        check_feed(p);
        assert_int_equal(bench_state(*state, "counters", "fed"), 2);
        cw_printer_close(p);
}

static void reject_leaves_at_the_output_and_says_so(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_class(check_step(cw_printer_reject, p, &e, &f), &f, CW_C_OPERATOR, "PRD_NO_REJECT_BOX");
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        assert_int_equal(bench_tray(*state, "output"), 1);
        check_class(check_step(cw_printer_reject, p, &e, &f), &f, CW_C_REJECT, "");
        check_feed(p);
        cw_printer_close(p);
}

static void two_test_cards(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        check_ok(cw_printer_test_card(p, CW_TEST_CARD_TECHNICAL, LONG_NS, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "output"), 2);
        check_feed(p);
        check_class(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f, CW_C_OPERATOR, "");
        cw_printer_close(p);
}

/* ---- stripe ---- */

static void nothing_of_the_card_before_stays_in_the_encoder(void **state) {
        struct cw_tracks tracks = check_tracks();
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        tracks.track[2].len = 0;
        check_feed(p);
        check_class(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f, CW_C_OPERATOR, "PRD_MAGSTRIPE");
        assert_non_null(strstr(f.text, "track 3"));
        assert_null(strstr(f.text, "222002"));
        cw_printer_close(p);
}

static void two_tracks_and_a_blank_one(void **state) {
        struct cw_tracks tracks = check_tracks();
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_secret *got = NULL;
        struct cw_fault f = {0};
        tracks.track[2].len = 0;
        check_feed(p);
        check_ok(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_PRINT);
        check_class(cw_printer_stripe_read(p, 3, LONG_NS, &got, &f), &f, CW_C_OPERATOR, "PRD_MAGSTRIPE");
        check_ok(check_print(p, &e, &f), &f);
        cw_printer_close(p);
}

static void coercivity_is_not_guessed(void **state) {
        struct cw_tracks tracks = check_tracks();
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        tracks.low_coercivity = true;
        check_feed(p);
        check_class(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        cw_printer_close(p);
}

/* ---- print ---- */

/* Whoever does not say how an overcoat is laid gets none, and the card stays until MO. */
static void overcoat_only_when_it_is_switched_on(void **state) {
        const struct cw_printer_fitting plain = {
            .both_faces = -1, .flip = -1, .experimental = true, .ribbon = "ymcko"};
        struct cw_printer *p = open_as(*state, &plain);
        CW_AUTO(cw_panels_free) struct cw_panels *panels = check_panels();
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_class(check_preflight(p, &job, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        check_feed(p);
        check_class(cw_printer_print(p, panels, LONG_NS, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        assert_false(e.started || e.ribbon_used);
        panels->count = 4;
        check_ok(cw_printer_print(p, panels, LONG_NS, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        assert_int_equal(bench_state(*state, "counters", "panels"), 4);
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}

static void print_breaks_off(struct bench *b, const char *order) {
        struct cw_printer *p = check_open(b);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        bench_order(b, order);
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        assert_true(e.ribbon_used);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        assert_true(bench_state(b, "counters", "sets") <= 1);
        cw_printer_close(p);
}

static void print_ribbon_end_is_doubt(void **state) {
        print_breaks_off(*state, "{'cmd':'fault','name':'ribbon_end','at':{'panel':'c'}}");
}

static void print_cover_is_doubt(void **state) {
        print_breaks_off(*state, "{'cmd':'fault','name':'cover_open','at':{'panel':'m'}}");
}

static void print_jam_is_doubt(void **state) {
        print_breaks_off(*state, "{'cmd':'fault','name':'jam','at':{'panel':'y'}}");
}

static void image_cut_off_is_never_resent(void **state) {
        const struct cw_usb_fault_rule rule = {CW_USB_FAULT_OUT, 2, CW_USB_DO_SHORT, 1000, 10000};
        struct cw_usb *layer = NULL;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        struct cw_printer *p = check_open_faulty(*state, &rule, 1, &layer);
        int64_t resets = bench_state(*state, "usb", "soft_resets");
        check_feed(p);
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        assert_false(e.ribbon_used);
        assert_int_equal(bench_state(*state, "usb", "soft_resets"), resets + 1);
        assert_int_equal(bench_state(*state, "counters", "panels"), 0);
        check_class(check_step(cw_printer_reject, p, &e, &f), &f, CW_C_OPERATOR, "PRD_NO_REJECT_BOX");
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}

static void print_twice_is_refused(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        check_class(check_print(p, &e, &f), &f, CW_C_REJECT, "");
        assert_false(e.started);
        assert_int_equal(bench_state(*state, "counters", "sets"), 1);
        cw_printer_close(p);
}

static void smaller_memory_prints_less_of_the_edges(void **state) {
        (void)state;
        const struct bench_options small = {.model = "P310C"};
        struct bench *b = bench_ops.open(&small);
        struct cw_printer *p = check_open(b);
        struct cw_printer_lines l;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(cw_printer_sheet(p, CW_SHEET_SETTINGS, LONG_NS, &l, &f), &f);
        assert_string_equal(l.line[0].value, "1008");
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(bench_state(b, "counters", "panels"), 5);
        assert_int_equal(bench_state(b, "", "violations"), 0);
        cw_printer_close(p);
        bench_ops.close(b);
}

/* ---- frames ---- */

static void counted_frames_when_they_are_switched_on(void **state) {
        (void)state;
        const struct bench_options counted = {.positions = "old"};
        const struct cw_printer_fitting fitting = {
            .both_faces = -1, .flip = -1, .experimental = true, .ribbon = "k", .quirks = "counted-frames"};
        struct bench *b = bench_ops.open(&counted);
        struct cw_printer *p = open_as(b, &fitting);
        CW_AUTO(cw_panels_free) struct cw_panels *panels = check_panels();
        struct cw_tracks tracks = check_tracks();
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        assert_false(cw_printer_info(p)->caps & CW_PRINTER_CAP_COLOUR);
        panels->panel[0] = panels->panel[3];
        panels->count = 1;
        check_feed(p);
        check_ok(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f);
        check_ok(cw_printer_print(p, panels, LONG_NS, &e, &f), &f);
        assert_int_equal(bench_state(b, "counters", "panels"), 1);
        assert_int_equal(bench_state(b, "", "violations"), 0);
        cw_printer_close(p);
        bench_ops.close(b);
}

/* The same vendor makes label printers: nothing of this language is sent to one. */
static void label_printer_is_left_alone(void **state) {
        (void)state;
        const struct bench_options label = {.model = "ZTC GK420d"};
        struct bench *b = bench_ops.open(&label);
        struct cw_usb *usb = NULL;
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        check_ok(bench_ops.connect(b, &usb, &f), &f);
        check_class(cw_printer_open(cw_printer_driver("zebra"), usb, bench_family.fitting, LONG_NS, &p, &f),
                    &f, CW_C_OPERATOR, "PRT_SETUP_ERROR");
        assert_int_equal(bench_state(b, "usb", "commands"), 0);
        bench_ops.close(b);
}

/* Nothing counts and nothing is settable in public: said so. */
static void sheets_say_what_they_lack(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_lines l;
        struct cw_fault f = {0};
        check_class(cw_printer_sheet(p, CW_SHEET_COUNTERS, LONG_NS, &l, &f), &f, CW_C_REJECT,
                    "PRT_SETUP_ERROR");
        check_ok(cw_printer_sheet(p, CW_SHEET_SENSORS, LONG_NS, &l, &f), &f);
        assert_string_equal(l.line[1].name, "encoder");
        assert_string_equal(l.line[1].value, "empty");
        check_class(cw_printer_setting(p, "ribbon", "k", LONG_NS, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        cw_printer_close(p);
}

static void lone(void **state, const char *order) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_fault f = {0};
        bench_order(*state, order);
        cw_rc rc = cw_printer_status(p, LONG_NS, &s, &f);
        if (rc != CW_OK && cw_rc_class(rc) != CW_C_RETRY)
                check_class(rc, &f, CW_C_RECONNECT, "");
        check_status(p, &s);
        assert_string_equal(s.code, "");
        check_feed(p);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

static void garbage_does_not_last(void **state) {
        lone(state, "{'cmd':'fault','name':'garbage'}");
}

static void merged_answers_do_not_last(void **state) {
        lone(state, "{'cmd':'fault','name':'merged_reply'}");
}

static void lost_answer_does_not_last(void **state) {
        lone(state, "{'cmd':'fault','name':'no_reply'}");
}

/* A yes too many: it must not count as the answer to the next command that moves. */
static void stray_yes_is_not_the_answer_to_a_move(void **state) {
        lone(state, "{'cmd':'fault','name':'spurious_ok'}");
}

/* It says "feeder empty", and the card comes: not known, so the next feed clears the path first. */
static void stray_no_is_doubt(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'fault','name':'spurious_no','at':{'command':'MI'}}");
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_IN_DOUBT, "PRD_UNEXPECTED_DATA");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        assert_true(e.started);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        check_feed(p);
        assert_int_equal(bench_tray(*state, "output"), 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 2);
        cw_printer_close(p);
}

/* Of a picture the head and its lines are answered: here the picture of yellow. */
static void image_stray_yes_hides_no_refusal(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'spurious_ok','at':{'command':'GS'}}");
        bench_order(*state, "{'cmd':'fault','name':'error_cde','text':'GS'}");
        check_class(check_print(p, &e, &f), &f, CW_C_OPERATOR, "PRD_UNEXPECTED_DATA");
        assert_false(e.started);
        assert_int_equal(bench_state(*state, "counters", "panels"), 0);
        cw_printer_close(p);
}

/* The first ones also through libusb, where each check starts an emulator. */
#define BUS_CHECKS 9
const struct CMUnitTest contract_checks[] = {
    CHECK(open_identifies),
    CHECK(open_drains_what_a_dead_process_left),
    CHECK(open_ends_half_a_panel_of_a_dead_process),
    CHECK(merged_answers_do_not_last),
    CHECK(lost_answer_does_not_last),
    CHECK(error_does_not_outlive_its_cause),
    CHECK(stripe_written_and_read),
    CHECK(print_whole_card),
    CHECK(image_cut_off_is_never_resent),
    CHECK(open_again_after_close),
    CHECK(open_too_late_touches_nothing),
    CHECK(open_fails_cleanly_at_every_transfer),
    CHECK(open_copes_with_bad_device_ids),
    {"unknown_model_moves_nothing", unknown_model_moves_nothing, NULL, NULL, NULL},
    CHECK(raw_answers_and_refuses_card_data),
    CHECK(makes_no_card_unless_switched_on),
    CHECK(unknown_quirk_is_named),
    CHECK(abilities_are_honest),
    CHECK(status_of_a_ready_printer),
    CHECK(ribbon_is_what_the_branch_says),
    CHECK(garbage_does_not_last),
    CHECK(stray_yes_is_not_the_answer_to_a_move),
    CHECK(stray_no_is_doubt),
    CHECK(image_stray_yes_hides_no_refusal),
    CHECK(stripe_stray_yes_hides_no_refusal),
    CHECK(cover_needs_a_person),
    CHECK(feed_takes_one_card),
    CHECK(feed_refuses_when_a_card_is_inside),
    CHECK(feed_hopper_empty),
    CHECK(feed_too_late_touches_nothing),
    CHECK(card_left_inside_goes_out_first),
    CHECK(feed_jam_is_doubt),
    CHECK(eject_delivers),
    CHECK(reject_leaves_at_the_output_and_says_so),
    CHECK(contactless_is_refused),
    CHECK(two_test_cards),
    CHECK(stripe_write_fails),
    CHECK(stripe_blank),
    CHECK(stripe_bad_data_sends_nothing),
    CHECK(nothing_of_the_card_before_stays_in_the_encoder),
    CHECK(two_tracks_and_a_blank_one),
    CHECK(coercivity_is_not_guessed),
    CHECK(heat_is_sent_only_when_it_is_set),
    CHECK(print_wrong_panels_send_nothing),
    CHECK(overcoat_only_when_it_is_switched_on),
    CHECK(print_ribbon_end_is_doubt),
    CHECK(print_cover_is_doubt),
    CHECK(print_jam_is_doubt),
    CHECK(print_twice_is_refused),
    {"smaller_memory_prints_less_of_the_edges", smaller_memory_prints_less_of_the_edges, NULL, NULL, NULL},
    CHECK(back_is_refused_where_it_cannot_be_printed),
    {"counted_frames_when_they_are_switched_on", counted_frames_when_they_are_switched_on, NULL, NULL, NULL},
    {"label_printer_is_left_alone", label_printer_is_left_alone, NULL, NULL, NULL},
    CHECK(sheets_say_what_they_lack),
    CHECK(reconcile_other_printer),
    CHECK(reconcile_stripe_is_unknown),
};
#ifdef CW_CONTRACT_SHORT
const size_t contract_check_count = BUS_CHECKS;
#else
const size_t contract_check_count = sizeof contract_checks / sizeof contract_checks[0];
#endif
