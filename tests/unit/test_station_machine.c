/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void close_nothing(struct cw_printer *p) {
        (void)p;
}

static bool never_gone(struct cw_usb *u) {
        (void)u;
        return false;
}

/* What the machine logs while its printer is lost. */
static void lose(struct cw_machine *m, char *ret, size_t cap) {
        FILE *file = tmpfile();
        int saved = dup(STDERR_FILENO);
        assert_non_null(file);
        (void)fflush(stderr);
        assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
        cw_machine_after(m, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_CLOSED), NULL);
        (void)fflush(stderr);
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        (void)close(saved);
        rewind(file);
        ret[fread(ret, 1, cap - 1, file)] = '\0';
        (void)fclose(file);
}

/* The next connection counts from zero: what the lost one counted is told before. */
static void what_came_unasked_is_told_before_a_reconnect(void **state) {
        (void)state;
        static const struct cw_printer_ops ops = {.family = "evolis", .close = close_nothing};
        static const struct cw_usb_ops usb_ops = {.name = "test", .gone = never_gone};
        const struct cw_printer_fitting fitting = {.both_faces = -1, .flip = -1};
        struct cw_usb usb = {.ops = &usb_ops, .unasked = 3, .unasked_bytes = 77};
        struct cw_printer printer = {.ops = &ops, .usb = &usb};
        struct cw_machine m;
        char log[1000];
        cw_machine_init(&m, "evolis", &(struct cw_printer_pick){.serial = "EV-1"}, &fitting);
        m.printer = &printer;
        m.unasked = 1;
        lose(&m, log, sizeof log);
        assert_non_null(strstr(log, "TIMES=\"3\""));
        assert_non_null(strstr(log, "BYTES=\"77\""));
        assert_null(m.printer);
        assert_int_equal(m.unasked, 0);
        m.printer = &printer;
        m.unasked = 3;
        lose(&m, log, sizeof log);
        assert_null(strstr(log, "TIMES="));
        cw_machine_done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(what_came_unasked_is_told_before_a_reconnect)};
        return cmocka_run_group_tests_name("station machine", tests, NULL, NULL);
}
