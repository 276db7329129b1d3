/* SPDX-License-Identifier: Apache-2.0 */
/* A printer that can only be looked at: it says what it is and why, and no byte goes out. */
#include "tests/contract/checks.h"

#include <string.h>

static struct cw_printer *look(struct bench *b) {
        struct cw_usb *usb = NULL;
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        check_ok(bench_ops.connect(b, &usb, &f), &f);
        check_ok(cw_printer_open(cw_printer_driver("probe"), usb, bench_family.fitting, LONG_NS, &p, &f), &f);
        return p;
}

static void tells_what_it_is(void **state) {
        struct cw_printer *p = look(*state);
        struct cw_printer_status s;
        struct cw_printer_lines l;
        struct cw_fault f = {0};
        assert_string_equal(cw_printer_info(p)->model, bench_family.model);
        assert_string_equal(cw_printer_info(p)->serial, "T1");
        assert_int_equal(cw_printer_info(p)->caps, 0);
        check_status(p, &s);
        assert_int_equal(s.state, CW_PRINTER_NEEDS_OPERATOR);
        assert_non_null(strstr(s.text, "cannot be driven"));
        assert_non_null(strstr(s.vendor, "no error"));
        check_ok(cw_printer_sheet(p, CW_SHEET_SENSORS, LONG_NS, &l, &f), &f);
        assert_int_equal(l.count, 1);
        check_class(cw_printer_sheet(p, CW_SHEET_COUNTERS, LONG_NS, &l, &f), &f, CW_C_REJECT, "");
        cw_printer_close(p);
}

static void a_silent_port_is_no_trouble(void **state) {
        struct cw_printer *p = look(*state);
        struct cw_printer_status s;
        bench_order(*state, "{'cmd':'fault','name':'port_status_zero','count':0}");
        check_status(p, &s);
        assert_non_null(strstr(s.vendor, "tells nothing"));
        cw_printer_close(p);
}

static void sends_nothing(void **state) {
        struct cw_printer *p = look(*state);
        const struct cw_printer_need job = {true, true, true, true, true, "ymcko", ""};
        CW_AUTO(cw_panels_free) struct cw_panels *panels = check_panels();
        struct cw_tracks tracks = check_tracks();
        struct cw_printer_effect e;
        struct cw_secret *got = NULL;
        struct cw_fault f = {0};
        char answer[16];
        check_class(check_preflight(p, &job, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        check_class(check_step(cw_printer_feed, p, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        check_class(check_step(cw_printer_to_contact, p, &e, &f), &f, CW_C_REJECT, "");
        check_class(check_step(cw_printer_to_contactless, p, &e, &f), &f, CW_C_REJECT, "PRT_SETUP_ERROR");
        check_class(cw_printer_stripe_write(p, &tracks, LONG_NS, &e, &f), &f, CW_C_REJECT, "");
        check_class(cw_printer_stripe_read(p, 1, LONG_NS, &got, &f), &f, CW_C_REJECT, "");
        check_class(cw_printer_print(p, panels, LONG_NS, &e, &f), &f, CW_C_REJECT, "");
        check_class(check_step(cw_printer_eject, p, &e, &f), &f, CW_C_REJECT, "");
        check_class(check_step(cw_printer_reject, p, &e, &f), &f, CW_C_REJECT, "");
        check_class(check_step(cw_printer_clean, p, &e, &f), &f, CW_C_REJECT, "");
        check_class(cw_printer_test_card(p, CW_TEST_CARD_STANDARD, LONG_NS, &e, &f), &f, CW_C_REJECT, "");
        check_class(cw_printer_raw(p, "Rfv", LONG_NS, answer, sizeof answer, &f), &f, CW_C_REJECT, "");
        assert_int_equal(bench_state(*state, "usb", "commands"), 0);
        assert_int_equal(bench_state(*state, "usb", "bytes_in"), 0);
        cw_printer_close(p);
}

static void unplugged_is_noticed(void **state) {
        struct cw_printer *p = look(*state);
        struct cw_printer_status s;
        struct cw_fault f = {0};
        bench_order(*state, "{'cmd':'unplug'}");
        check_class(cw_printer_status(p, LONG_NS, &s, &f), &f, CW_C_RECONNECT, "");
        assert_true(cw_printer_gone(p));
        cw_printer_close(p);
}

const struct CMUnitTest contract_checks[] = {
    CHECK(tells_what_it_is),
    CHECK(a_silent_port_is_no_trouble),
    CHECK(sends_nothing),
    CHECK(unplugged_is_noticed),
};
const size_t contract_check_count = sizeof contract_checks / sizeof contract_checks[0];
