/* SPDX-License-Identifier: Apache-2.0 */
/* Status and pre-flight: what is told, and what broken answers must not do. */
#include "tests/contract/checks.h"

#include <stdio.h>
#include <string.h>

void status_ready(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        check_status(p, &s);
        assert_int_equal(s.state, CW_PRINTER_READY);
        assert_string_equal(s.code, "");
        assert_int_equal(s.where, bench_family.rests);
        assert_string_equal(s.ribbon.kind, "ymcko");
        assert_int_equal(s.ribbon.remaining, 100);
        assert_int_equal(s.counters.cards_fed, bench_state(*state, "counters", "fed"));
        assert_int_equal(s.counters.panels, bench_state(*state, "counters", "panels"));
        assert_false(s.cover_open || s.hopper_empty || s.reject_full);
        cw_printer_close(p);
}

static void status_after(struct bench *b, const char *order, const char *code) {
        struct cw_printer *p = check_open(b);
        struct cw_printer_status s;
        bench_order(b, order);
        check_status(p, &s);
        assert_int_equal(s.state, CW_PRINTER_NEEDS_OPERATOR);
        assert_string_equal(s.code, code);
        assert_string_not_equal(s.text, "");
        cw_printer_close(p);
}

void status_cover_open(void **state) {
        status_after(*state, "{'cmd':'cover','open':true}", "PRT_COVER_OPEN");
}

void status_hopper_empty(void **state) {
        status_after(*state, "{'cmd':'hopper','count':0}", "PRD_FEEDER_EMPTY");
}

void status_ribbon_ended(void **state) {
        status_after(*state, "{'cmd':'ribbon','remaining':0}", "PRT_RIBBON_ENDED");
}

void status_ribbon_missing(void **state) {
        status_after(*state, "{'cmd':'fault','name':'ribbon_tagless'}", "PRT_RIBBON_MISSING");
}

void status_reject_full(void **state) {
        status_after(*state, "{'cmd':'fault','name':'reject_full'}", "PRD_REJECT_FULL");
}

/* A status whose answers are being damaged: it may fail, but only as a question may. */
static void damaged_status(struct cw_printer *p) {
        struct cw_printer_status s;
        struct cw_fault f = {0};
        cw_rc rc = cw_printer_status(p, LONG_NS, &s, &f);
        if (rc != CW_OK && cw_rc_class(rc) != CW_C_RETRY)
                check_class(rc, &f, CW_C_RECONNECT, "");
}

/* Whatever one garbled answer did, the next status is right. */
static void right_again(struct cw_printer *p) {
        struct cw_printer_status s;
        check_status(p, &s);
        assert_int_equal(s.where, bench_family.rests);
        assert_int_equal(s.ribbon.remaining, 100);
        assert_int_equal(s.counters.cards_fed, 0);
        assert_string_equal(s.code, "");
}

void status_survives_garbage(void **state) {
        struct cw_printer *p = check_open(*state);
        for (int i = 0; i < 3; i++) {
                bench_order(*state, "{'cmd':'fault','name':'garbage'}");
                damaged_status(p);
                damaged_status(p);
                right_again(p);
        }
        cw_printer_close(p);
}

void status_survives_split_answers(void **state) {
        struct cw_usb *layer = NULL;
        const struct cw_usb_fault_rule rule = {CW_USB_FAULT_IN, 0, CW_USB_DO_SPLIT, 0, 0};
        struct cw_printer *p = check_open_faulty(*state, &rule, 1, &layer);
        right_again(p);
        bench_order(*state, "{'cmd':'fault','name':'split_reply','count':0}");
        right_again(p);
        cw_printer_close(p);
}

void status_survives_merged_answers(void **state) {
        struct cw_printer *p = check_open(*state);
        bench_order(*state, "{'cmd':'fault','name':'merged_reply'}");
        damaged_status(p);
        right_again(p);
        cw_printer_close(p);
}

/* A fault at the next question of a status. */
static void order_question(struct bench *b, const char *fault) {
        char order[160];
        (void)snprintf(order, sizeof order, "{'cmd':'fault',%s,'at':{'command':'%s','n':1}}", fault,
                       bench_family.question);
        bench_order(b, order);
}

void status_back_in_step_after_lost_answer(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_fault f = {0};
        order_question(*state, "'name':'no_reply'");
        check_class(cw_printer_status(p, cw_deadline_ns(400), &s, &f), &f, CW_C_RETRY, "");
        right_again(p);
        cw_printer_close(p);
}

void status_back_in_step_after_late_answer(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_fault f = {0};
        order_question(*state, "'name':'late_reply','ms':900");
        cw_rc rc = cw_printer_status(p, cw_deadline_ns(500), &s, &f);
        /* Where time does not jump this program may be stopped until the answer is there after all. */
        if (rc != CW_OK || bench_ops.jumps)
                check_class(rc, &f, CW_C_RETRY, "");
        damaged_status(p);
        right_again(p);
        cw_printer_close(p);
}

void status_stray_ok_does_not_empty_the_path(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'spurious_ok','at':{'command':'Rlr','n':1}}");
        check_status(p, &s);
        assert_int_equal(s.where, CW_WHERE_PRINT);
        bench_order(*state, "{'cmd':'fault','name':'spurious_ok','at':{'command':'Rlr','n':1}}");
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_JAM");
        bench_order(*state, "{'cmd':'fault','name':'spurious_ok','at':{'command':'Rrt','n':1}}");
        check_status(p, &s);
        assert_int_equal(s.ribbon.remaining, 100);
        assert_int_equal(s.counters.cards_fed, 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

void status_tells_less_when_commands_are_unknown(void **state) {
        static const char *const commands[] = {"Rlr", "Rse", "Rrt", "Rr", "Rco"};
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
                char order[96];
                (void)snprintf(order, sizeof order,
                               "{'cmd':'fault','name':'error_cde','text':'%s','count':0}", commands[i]);
                bench_order(*state, order);
        }
        check_status(p, &s);
        assert_int_equal(s.where, CW_WHERE_UNKNOWN);
        assert_int_equal(s.counters.cards_fed, -1);
        assert_int_equal(s.ribbon.remaining, -1);
        assert_false(s.cover_open || s.hopper_empty || s.reject_full);
        assert_int_not_equal(s.state, CW_PRINTER_READY);
        cw_printer_close(p);
}

void status_port_status_zero_says_nothing(void **state) {
        struct cw_printer *p = check_open(*state);
        bench_order(*state, "{'cmd':'fault','name':'port_status_zero','count':0}");
        right_again(p);
        cw_printer_close(p);
}

static struct cw_printer_need whole_job(void) {
        return (struct cw_printer_need){true, true, false, true, bench_family.rejects, "ymcko", ""};
}

void preflight_passes(void **state) {
        const struct cw_printer_need job = whole_job();
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_fault f = {0};
        check_ok(cw_printer_preflight(p, &job, LONG_NS, &s, &f), &f);
        assert_int_equal(s.ribbon.remaining, 100);
        assert_int_equal(bench_state(*state, "counters", "fed"), 0);
        cw_printer_close(p);
}

void preflight_names_what_is_missing(void **state) {
        const struct cw_printer_need job = whole_job();
        static const struct {
                const char *order, *back, *code;
        } cases[] = {
            {"{'cmd':'cover','open':true}", "{'cmd':'cover','open':false}", "PRT_COVER_OPEN"},
            {"{'cmd':'hopper','count':0}", "{'cmd':'hopper','count':5}", "PRD_FEEDER_EMPTY"},
            {"{'cmd':'ribbon','remaining':0}", "{'cmd':'ribbon','remaining':50}", "PRT_RIBBON_ENDED"},
            {"{'cmd':'ribbon','present':false}", "{'cmd':'ribbon','present':true,'remaining':50}",
             "PRT_RIBBON_MISSING"},
        };
        struct cw_printer *p = check_open(*state);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct cw_fault f = {0};
                bench_order(*state, cases[i].order);
                check_class(check_preflight(p, &job, &f), &f, CW_C_OPERATOR, cases[i].code);
                bench_order(*state, cases[i].back);
                check_ok(check_preflight(p, &job, &f), &f);
        }
        assert_int_equal(bench_state(*state, "counters", "fed"), 0);
        cw_printer_close(p);
}

void preflight_refuses_a_card_inside(void **state) {
        const struct cw_printer_need job = whole_job();
        struct cw_printer *p = check_open(*state);
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'fault','name':'card_inside','text':'contact'}");
        check_class(check_preflight(p, &job, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_JAM");
        cw_printer_close(p);
}

void preflight_wants_the_right_ribbon(void **state) {
        const struct cw_printer_need job = whole_job();
        struct cw_printer *p = check_open(*state);
        struct cw_fault f = {0};
        const struct cw_printer_need mono = {.print = true, .panels = "k"};
        bench_order(*state, "{'cmd':'ribbon','kind':'kb','remaining':500}");
        check_class(check_preflight(p, &job, &f), &f, CW_C_OPERATOR, "PRT_RIBBON");
        check_ok(check_preflight(p, &mono, &f), &f);
        cw_printer_close(p);
}
