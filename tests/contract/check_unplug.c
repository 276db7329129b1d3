/* SPDX-License-Identifier: Apache-2.0 */
/* The cable is pulled at each transfer: nothing twice, and reconcile tells what the printer really did. */
#include "tests/contract/checks.h"

typedef cw_rc (*action_fn)(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                           struct cw_fault *f);

/* Transfers that opening takes, so that the n-th of the action can be named. */
static unsigned transfers_of_open(struct bench *b) {
        struct cw_usb *layer = NULL;
        struct cw_printer *p = check_open_faulty(b, NULL, 0, &layer);
        unsigned n = cw_usb_fault_calls(layer, CW_USB_FAULT_ANY);
        cw_printer_close(p);
        return n;
}

/* One round: the fault at the n-th transfer of the action, then a new connection reconciles. False when n is
 * past it. */
static bool round_at(struct bench *b, unsigned n, enum cw_usb_fault_do what, enum cw_printer_step step,
                     action_fn action, struct cw_printer_finding *ret) {
        struct cw_printer_baseline before;
        struct cw_printer_effect e;
        struct cw_usb *layer = NULL;
        struct cw_fault f = {0};
        struct cw_printer *p = check_open(b);
        check_ok(check_baseline(p, &before, &f), &f);
        cw_printer_close(p);
        const struct cw_usb_fault_rule rule = {CW_USB_FAULT_ANY, transfers_of_open(b) + n, what, 0, 0};
        p = check_open_faulty(b, &rule, 1, &layer);
        cw_rc rc = action(p, LONG_NS, &e, &f);
        bool hit = cw_usb_fault_calls(layer, CW_USB_FAULT_ANY) >= rule.nth;
        cw_printer_close(p);
        if (rc != CW_OK)
                check_class(rc, &f, e.started ? CW_C_IN_DOUBT : CW_C_RECONNECT, "");
        p = check_open(b);
        check_ok(cw_printer_reconcile(p, step, &before, LONG_NS, ret, &f), &f);
        cw_printer_close(p);
        return hit;
}

static void clear_path(struct bench *b) {
        struct cw_printer *p = check_open(b);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        cw_rc rc = check_step(cw_printer_reject, p, &e, &f);
        if (rc != CW_OK)
                check_class(rc, &f, CW_C_REJECT, "");
        cw_printer_close(p);
}

static void feed_rounds(struct bench *b, enum cw_usb_fault_do what, bool *ret_done, bool *ret_not_done) {
        for (unsigned n = 1; n < 40; n++) {
                struct cw_printer_finding finding;
                int64_t fed = bench_state(b, "counters", "fed");
                bool more = round_at(b, n, what, CW_PRINTER_STEP_FEED, cw_printer_feed, &finding);
                int64_t moved = bench_state(b, "counters", "fed") - fed;
                assert_in_range(moved, 0, 1);
                assert_int_equal(finding.verdict, moved ? CW_VERDICT_DONE : CW_VERDICT_NOT_DONE);
                *ret_done = *ret_done || moved;
                *ret_not_done = *ret_not_done || !moved;
                clear_path(b);
                bench_order(b, "{'cmd':'hopper','count':5}");
                if (!more)
                        return;
        }
        fail_msg("a feed never ends");
}

void unplug_at_every_transfer_of_feed(void **state) {
        bool done = false, not_done = false;
        feed_rounds(*state, CW_USB_DO_GONE, &done, &not_done);
        assert_true(done && not_done);
}

static bool is_at(struct bench *b, enum cw_printer_step step) {
        char position[32];
        bench_state_text(b, "", "position", position, sizeof position);
        return strcmp(position, step == CW_PRINTER_STEP_CONTACT ? "contact" : "contactless") == 0;
}

/* The cable is pulled after each transfer of a move to a station where the chip is read. */
static void chip_rounds(struct bench *b, enum cw_printer_step step, action_fn action) {
        struct cw_printer *p = check_open(b);
        bool done = false, not_done = false;
        check_feed(p);
        cw_printer_close(p);
        for (unsigned n = 1; n < 40; n++) {
                struct cw_printer_finding finding;
                int64_t contacts = bench_state(b, "counters", "contacts");
                bool more = round_at(b, n, CW_USB_DO_GONE_AFTER, step, action, &finding);
                bool moved = is_at(b, step);
                assert_in_range(bench_state(b, "counters", "contacts") - contacts, 0, 1);
                assert_int_equal(finding.verdict, moved ? CW_VERDICT_DONE : CW_VERDICT_NOT_DONE);
                done = done || moved;
                not_done = not_done || !moved;
                clear_path(b);
                bench_order(b, "{'cmd':'hopper','count':5}");
                if (!more)
                        break;
                p = check_open(b);
                check_feed(p);
                cw_printer_close(p);
        }
        assert_true(done && not_done);
}

void unplug_after_every_transfer_of_contact(void **state) {
        chip_rounds(*state, CW_PRINTER_STEP_CONTACT, cw_printer_to_contact);
}

void unplug_after_every_transfer_of_contactless(void **state) {
        chip_rounds(*state, CW_PRINTER_STEP_CONTACTLESS, cw_printer_to_contactless);
}

void stalls_never_move_twice(void **state) {
        for (unsigned n = 1; n <= 3; n++) {
                struct cw_printer_effect e;
                struct cw_usb *layer = NULL;
                struct cw_fault f = {0};
                int64_t fed = bench_state(*state, "counters", "fed");
                const struct cw_usb_fault_rule rule = {CW_USB_FAULT_ANY, transfers_of_open(*state) + n,
                                                       CW_USB_DO_STALL, 0, 0};
                struct cw_printer *p = check_open_faulty(*state, &rule, 1, &layer);
                cw_rc rc = check_step(cw_printer_feed, p, &e, &f);
                if (rc != CW_OK)
                        check_class(rc, &f, e.started ? CW_C_IN_DOUBT : CW_C_RECONNECT, "");
                assert_in_range(bench_state(*state, "counters", "fed") - fed, 0, 1);
                cw_printer_close(p);
                clear_path(*state);
        }
}

void power_cycle_between_steps(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'power_cycle'}");
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_RECONNECT, "");
        assert_false(e.started);
        cw_printer_close(p);
        p = check_open(*state);
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

void reconcile_other_printer(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_fault f = {0};
        check_ok(check_baseline(p, &before, &f), &f);
        before.serial[1] = '2';
        check_ok(check_reconcile(p, CW_PRINTER_STEP_FEED, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        cw_printer_close(p);
}

void reconcile_stripe_is_unknown(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_baseline before;
        struct cw_printer_finding finding;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_baseline(p, &before, &f), &f);
        check_ok(check_reconcile(p, CW_PRINTER_STEP_STRIPE, &before, &finding, &f), &f);
        assert_int_equal(finding.verdict, CW_VERDICT_UNKNOWN);
        assert_string_not_equal(finding.text, "");
        cw_printer_close(p);
}
