/* SPDX-License-Identifier: Apache-2.0 */
/* Moves: one card, the right place, the right class. */
#include "tests/contract/checks.h"

void feed_takes_one_card(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(check_step(cw_printer_feed, p, &e, &f), &f);
        assert_int_equal(e.where, bench_family.fed);
        assert_true(e.started);
        assert_false(e.ribbon_used);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

void feed_refuses_when_a_card_is_inside(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_JAM");
        assert_false(e.started);
        assert_int_equal(e.where, bench_family.fed);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

static void feed_fails(struct bench *b, const char *order, enum cw_class cls, const char *code,
                       enum cw_where where) {
        struct cw_printer *p = check_open(b);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        bench_order(b, order);
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, cls, code);
        assert_int_equal(e.where, where);
        cw_printer_close(p);
}

void feed_hopper_empty(void **state) {
        feed_fails(*state, "{'cmd':'hopper','count':0}", CW_C_OPERATOR, "PRD_FEEDER_EMPTY", CW_WHERE_NONE);
}

void feed_jam(void **state) {
        feed_fails(*state, "{'cmd':'fault','name':'feed_jam'}", CW_C_OPERATOR, "PRD_FEEDER_JAM",
                   CW_WHERE_TRANSPORT);
        /* A person takes the card out; the next feed works. */
        bench_order(*state, "{'cmd':'clear','to':'taken'}");
        struct cw_printer *p = check_open(*state);
        check_feed(p);
        cw_printer_close(p);
}

void feed_cover_open(void **state) {
        feed_fails(*state, "{'cmd':'cover','open':true}", CW_C_OPERATOR, "PRT_COVER_OPEN", CW_WHERE_NONE);
}

void feed_localised_refusal(void **state) {
        bench_order(*state, "{'cmd':'fault','name':'localised','count':0}");
        feed_fails(*state, "{'cmd':'cover','open':true}", CW_C_OPERATOR, "PRT_COVER_OPEN", CW_WHERE_NONE);
}

void feed_too_late_touches_nothing(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e = {.started = true};
        struct cw_fault f = {0};
        int64_t before = bench_state(*state, "usb", "commands");
        check_class(cw_printer_feed(p, 0, &e, &f), &f, CW_C_RETRY, "");
        assert_false(e.started);
        assert_int_equal(bench_state(*state, "usb", "commands"), before);
        cw_printer_close(p);
}

void contact_and_out(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_step(cw_printer_to_contact, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_CONTACT);
        assert_int_equal(bench_state(*state, "", "engaged"), 1);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        assert_int_equal(bench_state(*state, "", "engaged"), 0);
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}

void contact_without_card(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_REJECT, "");
        assert_false(e.started);
        assert_int_equal(bench_state(*state, "counters", "fed"), 0);
        cw_printer_close(p);
}

void contact_jam(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'jam','at':{'command':'Sis'}}");
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_JAM");
        assert_int_equal(e.where, CW_WHERE_TRANSPORT);
        cw_printer_close(p);
}

void eject_delivers(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        /* A second eject has nothing to do and says so. */
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        assert_false(e.started);
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}

void eject_output_full(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'output_full'}");
        check_class(check_step(cw_printer_eject, p, &e, &f), &f, CW_C_OPERATOR, "PRD_HOPPER_FULL");
        assert_true(cw_where_inside(e.where));
        cw_printer_close(p);
}

void reject_goes_to_the_box(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_REJECT);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        assert_int_equal(bench_tray(*state, "output"), 0);
        check_feed(p);
        cw_printer_close(p);
}

void reject_without_card(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_class(check_step(cw_printer_reject, p, &e, &f), &f, CW_C_REJECT, "");
        assert_int_equal(e.where, CW_WHERE_NONE);
        assert_false(e.started);
        cw_printer_close(p);
}

void reject_full(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'reject_full'}");
        check_class(check_step(cw_printer_reject, p, &e, &f), &f, CW_C_OPERATOR, "PRD_REJECT_FULL");
        assert_true(cw_where_inside(e.where));
        cw_printer_close(p);
}

void clean_and_test_card(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        assert_int_equal(bench_tray(*state, "output"), 1);
        check_ok(cw_printer_test_card(p, CW_TEST_CARD_TECHNICAL, LONG_NS, &e, &f), &f);
        check_feed(p);
        check_class(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f, CW_C_OPERATOR, "");
        check_class(check_step(cw_printer_clean, p, &e, &f), &f, CW_C_OPERATOR, "");
        assert_int_equal(bench_state(*state, "counters", "fed"), 3);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        cw_printer_close(p);
}

void lost_answer_to_a_move_is_doubt(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(check_baseline(p, &before, &f), &f);
        bench_order(*state, "{'cmd':'fault','name':'no_reply','at':{'command':'Si'}}");
        check_class(cw_printer_feed(p, cw_deadline_ns(bench_ops.jumps ? 60000 : 1500), &e, &f), &f,
                    CW_C_IN_DOUBT, "");
        assert_true(e.started);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_FEED, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_DONE);
        assert_int_equal(finding.where, CW_WHERE_PRINT);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

void garbled_answer_to_a_move_is_doubt(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(check_baseline(p, &before, &f), &f);
        bench_order(*state, "{'cmd':'fault','name':'garbage','at':{'command':'Si'}}");
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_IN_DOUBT, "");
        assert_true(e.started);
        assert_int_equal(e.where, CW_WHERE_PRINT);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_FEED, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_DONE);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "output"), 1);
        cw_printer_close(p);
}
