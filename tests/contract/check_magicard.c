/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A printer that takes whole jobs and does not tell where a card is: its path is cleared before a card is
 * drawn, the stripe goes with the print, an error is cancelled so that nothing happens later, and what is not
 * known is said to be in doubt.
 */
#include "tests/contract/checks.h"

#include <stdio.h>
#include <string.h>

static const struct cw_printer_need job = {true, true, false, true, false, "ymcko", ""};

/* ---- abilities and status ---- */

static void abilities_are_honest(void **state) {
        struct cw_printer *p = check_open(*state);
        uint32_t caps = cw_printer_info(p)->caps;
        assert_true(caps & CW_PRINTER_CAP_STRIPE_IN_PRINT);
        assert_true(caps & CW_PRINTER_CAP_CONTACT);
        assert_false(caps & CW_PRINTER_CAP_WHERE);
        assert_false(caps & CW_PRINTER_CAP_REJECT);
        struct cw_fault f = {0};
        const struct cw_printer_need box = {.reject = true};
        check_class(check_preflight(p, &box, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        cw_printer_close(p);
}

static void unknown_error_needs_a_person(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'cover','open':true}");
        check_state(p, CW_PRINTER_NEEDS_OPERATOR, "PRT_SETUP_ERROR");
        check_class(check_preflight(p, &job, &f), &f, CW_C_OPERATOR, "PRT_SETUP_ERROR");
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_OPERATOR, "PRT_SETUP_ERROR");
        assert_false(e.started);
        assert_non_null(strstr(e.vendor, "90:"));
        bench_order(*state, "{'cmd':'cover','open':false}");
        check_state(p, CW_PRINTER_READY, "");
        check_feed(p);
        cw_printer_close(p);
}

static void preflight_tells_the_film(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'ribbon','remaining':0}");
        check_class(check_preflight(p, &job, &f), &f, CW_C_OPERATOR, "PRT_RIBBON_ENDED");
        bench_order(*state, "{'cmd':'ribbon','kind':'ko','remaining':50}");
        check_class(check_preflight(p, &job, &f), &f, CW_C_OPERATOR, "PRT_RIBBON");
        cw_printer_close(p);
}

/* ---- moves ---- */

static void card_left_inside_goes_out_first(void **state) {
        bench_order(*state, "{'cmd':'fault','name':'card_inside','text':'contact'}");
        struct cw_printer *p = check_open(*state);
        struct cw_fault f = {0};
        check_ok(check_preflight(p, &job, &f), &f);
        check_feed(p);
        assert_int_equal(bench_tray(*state, "output"), 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

static void cancelled_feed_draws_nothing_later(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'hopper','count':0}");
        bench_order(*state, "{'cmd':'fault','name':'localised','count':0}");
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_EMPTY");
        assert_int_equal(e.where, CW_WHERE_NONE);
        assert_string_equal(e.vendor, "error 11:01");
        bench_order(*state, "{'cmd':'hopper','count':5}");
        assert_int_equal(bench_state(*state, "counters", "fed"), 0);
        check_feed(p);
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
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        assert_true(e.started);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_FEED, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        check_state(p, CW_PRINTER_NEEDS_OPERATOR, "PRT_SETUP_ERROR");
        bench_order(*state, "{'cmd':'clear','to':'taken'}");
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        check_feed(p);
        assert_int_equal(bench_state(*state, "counters", "fed"), 2);
        cw_printer_close(p);
}

static void contact_again_is_out_and_in(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        assert_int_equal(bench_state(*state, "", "engaged"), 1);
        check_ok(check_step(cw_printer_to_contact, p, &e, &f), &f);
        assert_int_equal(bench_state(*state, "counters", "contacts"), 2);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        bench_order(*state, "{'cmd':'fault','name':'jam','at':{'command':'CHPUP'}}");
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        cw_printer_close(p);
}

static void without_a_known_card_nothing_is_done_to_it(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_tracks tracks = check_tracks();
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        int64_t before = bench_state(*state, "usb", "commands");
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_OPERATOR, "PRD_UNEXPECTED_DATA");
        check_class(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f, CW_C_OPERATOR, "");
        check_class(check_print(p, &e, &f), &f, CW_C_OPERATOR, "");
        assert_false(e.started || e.ribbon_used);
        assert_int_equal(bench_state(*state, "usb", "commands"), before);
        check_feed(p);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_REJECT, "");
        check_class(check_print(p, &e, &f), &f, CW_C_REJECT, "");
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
        assert_false(e.started);
        check_feed(p);
        cw_printer_close(p);
}

static void eject_that_fails_is_doubt(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'output_full'}");
        check_class(check_step(cw_printer_eject, p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        cw_printer_close(p);
}

static void clean_and_one_test_card(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        assert_true(e.ribbon_used);
        assert_int_equal(bench_tray(*state, "output"), 1);
        check_class(cw_printer_test_card(p, CW_TEST_CARD_TECHNICAL, LONG_NS, &e, &f), &f, CW_C_REJECT, "");
        check_ok(check_step(cw_printer_clean, p, &e, &f), &f);
        assert_int_equal(bench_state(*state, "counters", "cleanings"), 1);
        check_feed(p);
        check_class(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f, CW_C_OPERATOR, "");
        check_class(check_step(cw_printer_clean, p, &e, &f), &f, CW_C_OPERATOR, "");
        assert_int_equal(bench_state(*state, "counters", "fed"), 2);
        cw_printer_close(p);
}

/* ---- stripe ---- */

/* The tracks of the card that was delivered last; a new reference. */
static json_t *delivered_tracks(struct bench *b) {
        char path[600];
        json_t *request = json_pack("{s:s}", "cmd", "state"), *state = bench_ops.command(b, request);
        const json_t *output = json_object_get(state, "output");
        const json_t *last = json_array_get(output, json_array_size(output) - 1);
        (void)snprintf(path, sizeof path, "%s/stripe.json", json_string_value(last));
        json_t *stripe = json_load_file(path, 0, NULL);
        json_t *tracks = stripe ? json_incref(json_object_get(stripe, "tracks")) : json_array();
        json_decref(stripe);
        json_decref(state);
        json_decref(request);
        return tracks;
}

static void stripe_goes_with_the_print(void **state) {
        struct cw_tracks tracks = check_tracks();
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_secret *got = NULL;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f);
        assert_false(e.started);
        assert_int_equal(e.where, CW_WHERE_CONTACT);
        check_class(cw_printer_stripe_read(p, 1, LONG_NS, &got, &f), &f, CW_C_REJECT, "PRD_MAGSTRIPE");
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(bench_state(*state, "counters", "mag_writes"), 1);
        assert_int_equal(bench_state(*state, "counters", "mag_reads"), 3);
        json_t *found = delivered_tracks(*state);
        assert_int_equal(json_array_size(found), 3);
        for (size_t i = 0; i < 3; i++) {
                const char *text = json_string_value(json_object_get(json_array_get(found, i), "text"));
                assert_non_null(text);
                assert_int_equal(strlen(text), tracks.track[i].len);
                assert_memory_equal(text, tracks.track[i].ptr, tracks.track[i].len);
        }
        json_decref(found);
        cw_printer_close(p);
}

static void stripe_is_of_one_card_only(void **state) {
        struct cw_tracks tracks = check_tracks();
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(bench_state(*state, "counters", "mag_writes"), 0);
        cw_printer_close(p);
}

static void stripe_that_does_not_verify_uses_no_ink(void **state) {
        static const char *const faults[] = {"mag_blank", "mag_write_fail", "mag_read_fail"};
        for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
                struct cw_tracks tracks = check_tracks();
                struct cw_printer *p = check_open(*state);
                struct cw_printer_effect e;
                struct cw_fault f = {0};
                char order[96];
                check_feed(p);
                check_ok(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f);
                (void)snprintf(order, sizeof order, "{'cmd':'fault','name':'%s'}", faults[i]);
                bench_order(*state, order);
                check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
                assert_int_equal(e.where, CW_WHERE_UNKNOWN);
                assert_int_equal(bench_state(*state, "counters", "sets"), 0);
                cw_printer_close(p);
                bench_order(*state, "{'cmd':'faults_off'}");
        }
}

/* ---- print ---- */

static void print_breaks_off(struct bench *b, const char *order) {
        struct cw_printer *p = check_open(b);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        before.sets = 1;
        bench_order(b, order);
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_int_equal(e.where, CW_WHERE_UNKNOWN);
        assert_true(e.ribbon_used);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        /* The person who helps starts nothing: the job was cancelled. */
        int64_t panels = bench_state(b, "counters", "panels");
        bench_order(b, "{'cmd':'clear','to':'taken'}");
        bench_order(b, "{'cmd':'ribbon','remaining':50}");
        assert_int_equal(bench_state(b, "counters", "panels"), panels);
        assert_int_equal(bench_tray(b, "output"), 0);
        assert_true(bench_state(b, "counters", "sets") <= 1);
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        assert_int_equal(bench_tray(b, "output"), 1);
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

static void print_cut_off_is_never_resent(void **state) {
        for (unsigned quarter = 0; quarter < 4; quarter++) {
                const struct cw_usb_fault_rule rule = {CW_USB_FAULT_OUT, 2, CW_USB_DO_SHORT,
                                                       1 + quarter * 146000, 10000};
                struct cw_usb *layer = NULL;
                struct cw_printer_effect e;
                struct cw_fault f = {0};
                struct cw_printer *p = check_open_faulty(*state, &rule, 1, &layer);
                int64_t resets = bench_state(*state, "usb", "soft_resets");
                check_feed(p);
                check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
                assert_true(e.ribbon_used);
                assert_int_equal(e.where, CW_WHERE_UNKNOWN);
                assert_int_equal(bench_state(*state, "usb", "soft_resets"), resets + 1);
                assert_int_equal(bench_state(*state, "counters", "panels"), 0);
                check_class(check_step(cw_printer_reject, p, &e, &f), &f, CW_C_OPERATOR, "PRD_NO_REJECT_BOX");
                assert_int_equal(e.where, CW_WHERE_NONE);
                assert_int_equal(bench_tray(*state, "output"), quarter + 1);
                cw_printer_close(p);
        }
        assert_int_equal(bench_state(*state, "counters", "fed"), 4);
}

static void print_unplugged_half_way(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        before.sets = 1;
        bench_order(*state, "{'cmd':'fault','name':'unplug','at':{'byte':600000}}");
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_true(e.ribbon_used && cw_printer_gone(p));
        cw_printer_close(p);
        bench_order(*state, "{'cmd':'plug'}");
        p = check_open(*state);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        check_feed(p);
        assert_int_equal(bench_tray(*state, "output"), 1);
        assert_int_equal(bench_state(*state, "counters", "panels"), 0);
        cw_printer_close(p);
}

/* A printer at work is not disturbed by an open: it says so until it is ready. */
static struct cw_printer *open_when_ready(struct bench *b) {
        for (int i = 0; i < 60; i++) {
                struct cw_usb *usb = NULL;
                struct cw_printer *p = NULL;
                struct cw_fault f = {0};
                check_ok(bench_ops.connect(b, &usb, &f), &f);
                cw_rc rc = cw_printer_open(cw_printer_driver("magicard"), usb, bench_family.fitting, LONG_NS,
                                           &p, &f);
                if (rc == CW_OK)
                        return p;
                check_class(rc, &f, CW_C_RETRY, "PRT_PAUSED");
        }
        fail_msg("the printer never gets ready");
        return NULL;
}

/* The whole job had arrived: the printer's own counters prove it. */
static void print_whose_end_nobody_saw_is_counted(void **state) {
        const struct cw_usb_fault_rule rule = {CW_USB_FAULT_OUT, 4, CW_USB_DO_GONE_AFTER, 0, 10000};
        struct cw_usb *layer = NULL;
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        struct cw_printer *p = check_open_faulty(*state, &rule, 1, &layer);
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        before.sets = 1;
        check_class(check_print(p, &e, &f), &f, CW_C_IN_DOUBT, "");
        cw_printer_close(p);
        p = open_when_ready(*state);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_PRINT, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_DONE);
        assert_int_equal(bench_state(*state, "counters", "sets"), 1);
        cw_printer_close(p);
}

/* ---- the cable ---- */

static unsigned transfers_of_open(struct bench *b) {
        struct cw_usb *layer = NULL;
        struct cw_printer *p = check_open_faulty(b, NULL, 0, &layer);
        unsigned n = cw_usb_fault_calls(layer, CW_USB_FAULT_ANY);
        cw_printer_close(p);
        return n;
}

/* Never more than one card, and what is said of it afterwards is never wrong. */
static bool feed_round(struct bench *b, unsigned n, enum cw_usb_fault_do what) {
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_usb *layer = NULL;
        struct cw_fault f = {0};
        const struct cw_usb_fault_rule rule = {CW_USB_FAULT_ANY, transfers_of_open(b) + n, what, 0, 0};
        int64_t fed = bench_state(b, "counters", "fed");
        struct cw_printer *p = check_open(b);
        check_ok(check_baseline(p, &before, &f), &f);
        cw_printer_close(p);
        p = check_open_faulty(b, &rule, 1, &layer);
        cw_rc rc = check_step(cw_printer_feed, p, &e, &f);
        bool hit = cw_usb_fault_calls(layer, CW_USB_FAULT_ANY) >= rule.nth;
        cw_printer_close(p);
        if (rc != CW_OK)
                check_class(rc, &f, e.started ? CW_C_IN_DOUBT : CW_C_RECONNECT, "");
        int64_t moved = bench_state(b, "counters", "fed") - fed;
        assert_in_range(moved, 0, 1);
        p = check_open(b);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_FEED, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        cw_printer_close(p);
        bench_order(b, "{'cmd':'hopper','count':5}");
        return hit;
}

static void unplugged_at_any_transfer_of_feed(void **state) {
        for (unsigned n = 1; n <= 6; n++)
                (void)feed_round(*state, n, CW_USB_DO_GONE);
        (void)feed_round(*state, 25, CW_USB_DO_GONE);
        assert_false(feed_round(*state, 2000, CW_USB_DO_GONE));
}

static void stalled_at_any_transfer_of_feed(void **state) {
        for (unsigned n = 1; n <= 5; n++)
                (void)feed_round(*state, n, CW_USB_DO_STALL);
}

static void power_cycle_loses_the_place(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'power_cycle'}");
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_RECONNECT, "");
        assert_false(e.started);
        cw_printer_close(p);
        p = check_open(*state);
        check_class(check_step(cw_printer_reject, p, &e, &f), &f, CW_C_OPERATOR, "PRD_NO_REJECT_BOX");
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}

/* ---- the older generation ---- */

static void older_printers_may_keep_numbers_of_parts(void **state) {
        (void)state;
        const struct bench_options old = {.model = "Rio 2e"};
        struct bench *b = bench_ops.open(&old);
        bench_order(b, "{'cmd':'fault','name':'no_reply','at':{'command':'REQ,STA,PSR'}}");
        bench_order(b, "{'cmd':'fault','name':'late_reply','ms':1000,'at':{'command':'REQ,STA,BSR'}}");
        struct cw_printer *p = check_open(b);
        assert_string_equal(cw_printer_info(p)->head, "");
        /* Where time does not jump this program may be stopped until the late answer is there after all. */
        if (bench_ops.jumps || *cw_printer_info(p)->board)
                assert_string_equal(cw_printer_info(p)->board, bench_ops.jumps ? "" : bench_family.board);
        assert_string_equal(cw_printer_info(p)->serial, "T1");
        assert_int_equal(bench_state(b, "usb", "soft_resets"), 0);
        check_feed(p);
        assert_int_equal(bench_state(b, "", "violations"), 0);
        cw_printer_close(p);
        bench_ops.close(b);
}

static void older_printers_work_too(void **state) {
        (void)state;
        const struct bench_options old = {.model = "Rio 2e"};
        struct bench *b = bench_ops.open(&old);
        struct cw_printer *p = check_open(b);
        struct cw_printer_status s;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        assert_string_equal(cw_printer_info(p)->serial, "T1");
        assert_string_equal(cw_printer_info(p)->model, "Rio 2e");
        check_status(p, &s);
        assert_int_equal(s.ribbon.remaining, 100);
        assert_int_equal(s.state, CW_PRINTER_READY);
        check_feed(p);
        check_ok(check_print(p, &e, &f), &f);
        check_status(p, &s);
        assert_int_equal(s.counters.cards_fed, 1);
        assert_int_equal(s.ribbon.remaining, 99);
        bench_order(b, "{'cmd':'cover','open':true}");
        check_status(p, &s);
        assert_string_equal(s.code, "PRT_SETUP_ERROR");
        assert_int_equal(bench_state(b, "", "violations"), 0);
        cw_printer_close(p);
        bench_ops.close(b);
}

const struct CMUnitTest contract_checks[] = {
    CHECK(open_identifies),
    CHECK(open_again_after_close),
    CHECK(open_too_late_touches_nothing),
    CHECK(what_came_unasked_is_no_answer),
    CHECK(open_drains_what_a_dead_process_left),
    CHECK(open_ends_half_a_panel_of_a_dead_process),
    CHECK(open_fails_cleanly_at_every_transfer),
    CHECK(open_copes_with_bad_device_ids),
    {"unknown_model_moves_nothing", unknown_model_moves_nothing, NULL, NULL, NULL},
    CHECK(raw_answers_and_refuses_card_data),
    CHECK(sheets_tell_and_settings_stick),
    CHECK(abilities_are_honest),
    CHECK(status_ready),
    CHECK(status_ribbon_ended),
    CHECK(status_ribbon_missing),
    CHECK(status_survives_garbage),
    CHECK(status_survives_split_answers),
    CHECK(status_survives_merged_answers),
    CHECK(status_back_in_step_after_lost_answer),
    CHECK(status_back_in_step_after_late_answer),
    CHECK(status_port_status_zero_says_nothing),
    CHECK(unknown_error_needs_a_person),
    CHECK(preflight_passes),
    CHECK(preflight_wants_the_right_ribbon),
    CHECK(preflight_tells_the_film),
    CHECK(feed_takes_one_card),
    CHECK(feed_refuses_when_a_card_is_inside),
    CHECK(feed_hopper_empty),
    CHECK(feed_too_late_touches_nothing),
    CHECK(card_left_inside_goes_out_first),
    CHECK(cancelled_feed_draws_nothing_later),
    CHECK(feed_jam_is_doubt),
    CHECK(contact_and_out),
    CHECK(contact_again_is_out_and_in),
    CHECK(contactless_is_refused),
    CHECK(without_a_known_card_nothing_is_done_to_it),
    CHECK(eject_delivers),
    CHECK(eject_that_fails_is_doubt),
    CHECK(reject_leaves_at_the_output_and_says_so),
    CHECK(clean_and_one_test_card),
    CHECK(stripe_bad_data_sends_nothing),
    CHECK(stripe_goes_with_the_print),
    CHECK(stripe_is_of_one_card_only),
    CHECK(stripe_that_does_not_verify_uses_no_ink),
    CHECK(print_whole_card),
    CHECK(heat_is_sent_only_when_it_is_set),
    CHECK(print_wrong_panels_send_nothing),
    CHECK(print_wrong_ribbon_uses_nothing),
    CHECK(print_ribbon_end_is_doubt),
    CHECK(print_cover_is_doubt),
    CHECK(print_jam_is_doubt),
    CHECK(print_cut_off_is_never_resent),
    CHECK(print_unplugged_half_way),
    CHECK(print_whose_end_nobody_saw_is_counted),
    {"both_faces_are_printed", both_faces_are_printed, NULL, NULL, NULL},
    CHECK(back_is_refused_where_it_cannot_be_printed),
    CHECK(preflight_counts_the_sets_of_both_faces),
    {"jam_while_turning_is_a_spoiled_card", jam_while_turning_is_a_spoiled_card, NULL, NULL, NULL},
    CHECK(unplugged_at_any_transfer_of_feed),
    CHECK(stalled_at_any_transfer_of_feed),
    CHECK(power_cycle_loses_the_place),
    CHECK(reconcile_other_printer),
    CHECK(reconcile_stripe_is_unknown),
    {"older_printers_work_too", older_printers_work_too, NULL, NULL, NULL},
    {"older_printers_may_keep_numbers_of_parts", older_printers_may_keep_numbers_of_parts, NULL, NULL, NULL},
};
const size_t contract_check_count = sizeof contract_checks / sizeof contract_checks[0];
