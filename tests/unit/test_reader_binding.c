/* SPDX-License-Identifier: Apache-2.0 */
/* A reader found again by its USB port or its serial number, whatever its index has become. */
#include "drivers/reader/binding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char sysfs[] = "/tmp/cw-sysfs-XXXXXX";
static const char *const devices[][3] = {
    {"usb1", "1", "1"}, {"1-1", "1", "4"}, {"1-1.2", "1", "7"}, {"2-1", "2", "7"}};
#define DEVICES (sizeof devices / sizeof *devices)

static void put(const char *device, const char *file, const char *text) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s/%s", sysfs, device, file);
        FILE *out = fopen(path, "we");
        assert_non_null(out);
        assert_true(fprintf(out, "%s\n", text) > 0);
        assert_int_equal(fclose(out), 0);
}

static int setup(void **state) {
        (void)state;
        char path[128];
        assert_non_null(mkdtemp(sysfs));
        for (size_t i = 0; i < DEVICES; i++) {
                (void)snprintf(path, sizeof path, "%s/%s", sysfs, devices[i][0]);
                assert_int_equal(mkdir(path, 0700), 0);
                put(devices[i][0], "busnum", devices[i][1]);
                put(devices[i][0], "devnum", devices[i][2]);
        }
        return 0;
}

static int teardown(void **state) {
        (void)state;
        char path[128];
        for (size_t i = 0; i < DEVICES; i++) {
                for (int k = 0; k < 2; k++) {
                        (void)snprintf(path, sizeof path, "%s/%s/%s", sysfs, devices[i][0],
                                       k ? "busnum" : "devnum");
                        (void)unlink(path);
                }
                (void)snprintf(path, sizeof path, "%s/%s", sysfs, devices[i][0]);
                (void)rmdir(path);
        }
        return rmdir(sysfs);
}

static void by_port(void **state) {
        (void)state;
        struct cw_reader_identity id = {.on_usb = true, .bus = 1, .device = 7};
        assert_true(cw_reader_binding_asks("usb:1-1.2"));
        assert_true(cw_reader_binding_matches("usb:1-1.2", "ACS ACR39U 03 00", &id, sysfs));
        assert_false(cw_reader_binding_matches("usb:1-1", "ACS ACR39U 03 00", &id, sysfs));
        id.bus = 2; /* the same address on another bus */
        assert_false(cw_reader_binding_matches("usb:1-1.2", "ACS ACR39U 03 00", &id, sysfs));
        id = (struct cw_reader_identity){.on_usb = false, .bus = 1, .device = 7};
        assert_false(cw_reader_binding_matches("usb:1-1.2", "serial reader", &id, sysfs));
        id = (struct cw_reader_identity){.on_usb = true, .bus = 9, .device = 9};
        assert_false(cw_reader_binding_matches("usb:1-1.2", "gone", &id, sysfs));
        assert_false(cw_reader_binding_matches("usb:1-1.2", "gone", &id, "/nonexistent"));
}

static void by_serial(void **state) {
        (void)state;
        struct cw_reader_identity id = {.serial = "OKCM0012"};
        const struct cw_reader_identity silent = {0};
        assert_true(cw_reader_binding_asks("serial:OKCM0012"));
        assert_true(cw_reader_binding_matches("serial:OKCM0012", "HID OMNIKEY 3x21 01 00", &id, sysfs));
        assert_false(cw_reader_binding_matches("serial:OKCM001", "HID OMNIKEY 3x21 01 00", &id, sysfs));
        assert_true(
            cw_reader_binding_matches("serial:53311234", "SCM SCR 3310 (53311234) 00 00", &silent, sysfs));
        assert_false(
            cw_reader_binding_matches("serial:5331", "SCM SCR 3310 (53311234) 00 00", &silent, sysfs));
        assert_false(cw_reader_binding_matches("serial:", "SCM () 00 00", &silent, sysfs));
}

static void by_name(void **state) {
        (void)state;
        const struct cw_reader_identity silent = {0};
        assert_false(cw_reader_binding_asks("SCM SCR"));
        assert_true(cw_reader_binding_matches("SCM SCR", "SCM SCR 3310 00 00", &silent, sysfs));
        assert_false(cw_reader_binding_matches("SCM SCR", "ACS 00 00", &silent, sysfs));
}

static void channel(void **state) {
        (void)state;
        uint8_t bus = 0, device = 0;
        assert_true(cw_reader_channel_usb(0x00200107, &bus, &device));
        assert_int_equal(bus, 1);
        assert_int_equal(device, 7);
        assert_false(cw_reader_channel_usb(0x00010001, &bus, &device)); /* a serial port */
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(by_port, setup, teardown),
            cmocka_unit_test(by_serial),
            cmocka_unit_test(by_name),
            cmocka_unit_test(channel),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
