/* SPDX-License-Identifier: Apache-2.0 */
/* The contactless station: there, found there, and away from there; or said plainly that there is none. */
#include "tests/contract/checks.h"

static void expect_position(struct bench *b, const char *want) {
        char position[32];
        bench_state_text(b, "", "position", position, sizeof position);
        assert_string_equal(position, want);
}

/* A fed card at the antenna. */
static struct cw_printer *at_antenna(struct bench *b) {
        struct cw_printer *p = check_open(b);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        check_ok(check_step(cw_printer_to_contactless, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_CONTACTLESS);
        assert_true(e.started);
        assert_false(e.ribbon_used);
        expect_position(b, "contactless");
        assert_int_equal(bench_state(b, "", "engaged"), 1);
        return p;
}

void contactless_and_out(void **state) {
        struct cw_printer *p = at_antenna(*state);
        struct cw_printer_status s;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_status(p, &s);
        assert_int_equal(s.where, CW_WHERE_CONTACTLESS);
        check_ok(check_step(cw_printer_eject, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        assert_int_equal(bench_state(*state, "", "engaged"), 0);
        assert_int_equal(bench_tray(*state, "output"), 1);
        assert_int_equal(bench_state(*state, "", "violations"), 0);
        cw_printer_close(p);
}

void contactless_from_and_to_the_contacts(void **state) {
        struct cw_printer *p = at_antenna(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(check_step(cw_printer_to_contact, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_CONTACT);
        expect_position(*state, "contact");
        check_ok(check_step(cw_printer_to_contactless, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_CONTACTLESS);
        expect_position(*state, "contactless");
        assert_int_equal(bench_state(*state, "", "engaged"), 1);
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        assert_int_equal(bench_state(*state, "", "violations"), 0);
        cw_printer_close(p);
}

/* A reader that saw nothing is given the card a second time. */
void contactless_twice(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_feed(p);
        bench_order(*state, "{'cmd':'fault','name':'contact_fail'}");
        check_ok(check_step(cw_printer_to_contactless, p, &e, &f), &f);
        assert_int_equal(bench_state(*state, "", "engaged"), 0);
        check_ok(check_step(cw_printer_to_contactless, p, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_CONTACTLESS);
        assert_int_equal(bench_state(*state, "", "engaged"), 1);
        assert_int_equal(bench_state(*state, "counters", "fed"), 1);
        cw_printer_close(p);
}

void contactless_then_print(void **state) {
        struct cw_printer *p = at_antenna(*state);
        CW_AUTO(cw_panels_free) struct cw_panels *panels = check_panels();
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_ok(cw_printer_print(p, panels, LONG_NS, &e, &f), &f);
        assert_int_equal(e.where, CW_WHERE_OUTPUT);
        assert_int_equal(bench_tray(*state, "output"), 1);
        assert_int_equal(bench_state(*state, "counters", "sets"), 1);
        assert_int_equal(bench_state(*state, "", "violations"), 0);
        cw_printer_close(p);
}

void contactless_without_card(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_class(check_step(cw_printer_to_contactless, p, &e, &f), &f, CW_C_REJECT, "");
        assert_false(e.started);
        assert_int_equal(bench_state(*state, "counters", "fed"), 0);
        cw_printer_close(p);
}

void contactless_jam(void **state) {
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        char order[96];
        check_feed(p);
        (void)snprintf(order, sizeof order, "{'cmd':'fault','name':'jam','at':{'command':'%s'}}",
                       bench_family.contactless);
        bench_order(*state, order);
        check_class(check_step(cw_printer_to_contactless, p, &e, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_JAM");
        assert_int_equal(e.where, CW_WHERE_TRANSPORT);
        cw_printer_close(p);
}

/* Left there by a process that died. */
void contactless_card_found_there(void **state) {
        const struct cw_printer_need need = {.contactless = true};
        bench_order(*state, "{'cmd':'fault','name':'card_inside','text':'contactless'}");
        struct cw_printer *p = check_open(*state);
        struct cw_printer_status s;
        struct cw_printer_effect e;
        struct cw_fault f = {0};
        check_status(p, &s);
        assert_int_equal(s.where, CW_WHERE_CONTACTLESS);
        assert_true(cw_where_inside(s.where));
        check_class(check_preflight(p, &need, &f), &f, CW_C_OPERATOR, "PRD_FEEDER_JAM");
        check_ok(check_step(cw_printer_reject, p, &e, &f), &f);
        assert_int_equal(bench_tray(*state, "reject"), 1);
        check_ok(check_preflight(p, &need, &f), &f);
        cw_printer_close(p);
}

void contactless_only_where_the_model_is_known(void **state) {
        (void)state;
        const struct bench_options unknown = {.model = "Nameless 3000"};
        const struct cw_printer_need need = {.contactless = true};
        struct bench *b = bench_ops.open(&unknown);
        struct cw_printer *p = check_open(b);
        struct cw_fault f = {0};
        assert_false(cw_printer_info(p)->caps & CW_PRINTER_CAP_CONTACTLESS);
        check_class(check_preflight(p, &need, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        cw_printer_close(p);
        bench_ops.close(b);
}

void contactless_is_refused(void **state) {
        const struct cw_printer_need need = {.contactless = true};
        struct cw_printer *p = check_open(*state);
        struct cw_printer_effect e = {.started = true};
        struct cw_fault f = {0};
        assert_false(cw_printer_info(p)->caps & CW_PRINTER_CAP_CONTACTLESS);
        int64_t before = bench_state(*state, "usb", "commands");
        check_class(check_preflight(p, &need, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        check_class(check_step(cw_printer_to_contactless, p, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        assert_non_null(strstr(f.text, "no contactless station"));
        assert_false(e.started);
        assert_int_equal(bench_state(*state, "usb", "commands"), before);
        cw_printer_close(p);
}
