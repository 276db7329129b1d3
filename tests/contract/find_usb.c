/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the station's printer on the bus, through libusb. */
#include "tests/contract/checks.h"

#include <stdio.h>
#include <string.h>

static cw_rc find(struct bench *b, const char *serial, struct cw_printer **ret, struct cw_fault *f) {
        return cw_printer_find(bench_bus(b), cw_printer_driver("evolis"),
                               &(struct cw_printer_pick){.serial = serial}, bench_family.fitting, LONG_NS,
                               ret, f);
}

static void found(struct bench *b, const char *serial) {
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        check_ok(find(b, serial, &p, &f), &f);
        assert_string_equal(cw_printer_info(p)->serial, "T1");
        assert_string_not_equal(cw_printer_info(p)->port, "");
        cw_printer_close(p);
}

static void missing(struct bench *b, const char *serial) {
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        check_class(find(b, serial, &p, &f), &f, CW_C_OPERATOR, "PRT_NOT_REACHABLE");
        assert_null(p);
}

static void by_serial_or_alone(void **state) {
        found(*state, "");
        found(*state, "T1");
        missing(*state, "T2");
        missing(*state, "t1");
}

static void by_port(void **state) {
        struct cw_usb_info info[2];
        struct cw_fault f = {0};
        size_t count = 0;
        char selector[CW_USB_STRING_MAX + 8];
        check_ok(cw_usb_bus_list(bench_bus(*state), 0x0f49, info, 2, &count, &f), &f);
        assert_int_equal(count, 1);
        assert_string_equal(info[0].serial, "T1");
        (void)snprintf(selector, sizeof selector, "port:%s", info[0].port);
        found(*state, selector);
        missing(*state, "port:9-9");
}

/* A twin that is alone for a moment is still the other station's. */
static void port_of_another_station(void **state) {
        struct cw_usb_info info[2];
        struct cw_fault f = {0};
        size_t count = 0;
        check_ok(cw_usb_bus_list(bench_bus(*state), 0x0f49, info, 2, &count, &f), &f);
        const char *const others[] = {"9-9", info[0].port, NULL};
        static const char *const names[] = {"T1", ""};
        for (size_t i = 0; i < 2; i++) {
                struct cw_printer *p = NULL;
                const struct cw_printer_pick pick = {names[i], others};
                cw_rc rc = cw_printer_find(bench_bus(*state), cw_printer_driver("evolis"), &pick,
                                           bench_family.fitting, LONG_NS, &p, &f);
                check_class(rc, &f, CW_C_OPERATOR, "PRT_NOT_REACHABLE");
                assert_non_null(strstr(f.text, "another station"));
                assert_null(p);
        }
}

/* As often as one likes, and what it remembers of resets stays. */
static void listed_anew(void **state) {
        struct cw_fault f = {0};
        for (int i = 0; i < 3; i++) {
                check_ok(cw_usb_bus_renew(bench_bus(*state), &f), &f);
                found(*state, "T1");
        }
        bench_order(*state, "{'cmd':'unplug'}");
        check_ok(cw_usb_bus_renew(bench_bus(*state), &f), &f);
        missing(*state, "T1");
        bench_order(*state, "{'cmd':'plug'}");
        check_ok(cw_usb_bus_renew(bench_bus(*state), &f), &f);
        found(*state, "T1");
}

static void other_makers_are_not_seen(void **state) {
        struct cw_usb_info info[2];
        struct cw_fault f = {0};
        size_t count = 7;
        check_ok(cw_usb_bus_list(bench_bus(*state), 0x0a5f, info, 2, &count, &f), &f);
        assert_int_equal(count, 0);
        check_ok(cw_usb_bus_list(bench_bus(*state), 0, info, 2, &count, &f), &f);
        assert_int_equal(count, 1);
}

/* The device has no serial string: the printer is asked. */
static void by_asking(void **state) {
        (void)state;
        const struct bench_options silent = {.usb_serial = ""};
        struct bench *b = bench_ops.open(&silent);
        found(b, "T1");
        found(b, "");
        missing(b, "T2");
        bench_ops.close(b);
}

static void unplugged_and_back(void **state) {
        struct cw_printer *p = NULL;
        struct cw_fault f = {0};
        check_ok(find(*state, "T1", &p, &f), &f);
        bench_order(*state, "{'cmd':'unplug'}");
        int64_t limit_ns = cw_deadline_ns(3000);
        while (!cw_printer_gone(p) && cw_deadline_left_ms(limit_ns) > 0)
                ;
        assert_true(cw_printer_gone(p));
        cw_printer_close(p);
        missing(*state, "T1");
        bench_order(*state, "{'cmd':'plug'}");
        limit_ns = cw_deadline_ns(3000);
        cw_rc rc;
        do
                rc = find(*state, "T1", &p, &f);
        while (rc != CW_OK && cw_deadline_left_ms(limit_ns) > 0);
        check_ok(rc, &f);
        cw_printer_close(p);
}

/* Two processes, one printer: the second is told that somebody has it. */
static void held_by_another(void **state) {
        struct cw_usb_bus *other = NULL;
        struct cw_printer *mine = NULL, *theirs = NULL;
        struct cw_fault f = {0};
        check_ok(find(*state, "T1", &mine, &f), &f);
        check_ok(cw_usb_bus_open(&other, &f), &f);
        cw_rc rc =
            cw_printer_find(other, cw_printer_driver("evolis"), &(struct cw_printer_pick){.serial = "T1"},
                            bench_family.fitting, LONG_NS, &theirs, &f);
        check_class(rc, &f, CW_C_OPERATOR, "PRT_NOT_REACHABLE");
        assert_null(theirs);
        cw_usb_bus_close(other);
        struct cw_printer_status s;
        check_status(mine, &s);
        cw_printer_close(mine);
}

/* Neither CLEAR_HALT nor SOFT_RESET helps: the port is reset, and the same device opened again. */
static void reset_and_opened_again(void **state) {
        uint8_t half[3000] = {0};
        struct cw_usb *usb = NULL;
        struct cw_printer *p = NULL;
        struct cw_printer_status s;
        struct cw_fault f = {0};
        size_t sent = 0;
        memcpy(half, bench_family.half_job, bench_family.half_job_len);
        check_ok(bench_ops.connect(*state, &usb, &f), &f);
        check_ok(cw_usb_bulk_out(usb, half, sizeof half, LONG_NS, &sent, &f), &f);
        cw_usb_close(usb);
        bench_order(*state, "{'cmd':'fault','name':'soft_reset_stall','count':0}");
        check_ok(find(*state, "T1", &p, &f), &f);
        check_status(p, &s);
        assert_int_equal(s.state, CW_PRINTER_READY);
        assert_true(p->usb->info.reset_spent);
        cw_printer_close(p);
        /* It is not reset again and again: a person is told. */
        bench_order(*state, "{'cmd':'fault','name':'no_reply','count':0}");
        check_class(find(*state, "T1", &p, &f), &f, CW_C_OPERATOR, "PRT_NOT_REACHABLE");
        assert_non_null(strstr(f.text, "switch it off and on"));
}

static void arrival_is_noticed(void **state) {
        struct cw_usb_bus *bus = bench_bus(*state);
        (void)cw_usb_bus_arrived(bus);
        assert_false(cw_usb_bus_arrived(bus));
        bench_order(*state, "{'cmd':'unplug'}");
        bench_order(*state, "{'cmd':'plug'}");
        int64_t limit_ns = cw_deadline_ns(5000);
        bool arrived = false;
        while (!arrived && cw_usb_bus_wait(bus, limit_ns))
                arrived = cw_usb_bus_arrived(bus);
        assert_true(arrived);
}

int main(int argc, char **argv) {
        if (argc != 2) {
                (void)fprintf(stderr, "usage: umockdev-wrapper %s EMU-PRINTER\n", argv[0]);
                return 2;
        }
        bench_emulator = argv[1];
        const struct CMUnitTest tests[] = {
            CHECK(by_serial_or_alone),        CHECK(by_port),
            CHECK(other_makers_are_not_seen), cmocka_unit_test(by_asking),
            CHECK(unplugged_and_back),        CHECK(held_by_another),
            CHECK(reset_and_opened_again),    CHECK(arrival_is_noticed),
            CHECK(port_of_another_station),   CHECK(listed_anew),
        };
        return cmocka_run_group_tests_name("finding printers", tests, NULL, NULL);
}
