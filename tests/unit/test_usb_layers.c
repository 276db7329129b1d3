/* SPDX-License-Identifier: Apache-2.0 */
/* Recorder, replayer and fault layer around a device that echoes. */
#include "base/clock.h"
#include "drivers/printer/evolis/codec.h"
#include "drivers/transport/usb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct echo {
        struct cw_usb base;
        uint8_t held[256];
        size_t len;
        size_t *received;
};

static cw_rc echo_control(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value,
                          uint16_t index, void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                          struct cw_fault *f) {
        (void)u;
        (void)request_type;
        (void)value;
        (void)index;
        (void)deadline_ns;
        if (request == 9)
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_IO), -9, "echo", "", "stall");
        if (len)
                memset(data, 0x18, len);
        *ret_len = len;
        return CW_OK;
}

static cw_rc echo_out(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns, size_t *ret_sent,
                      struct cw_fault *f) {
        struct echo *e = (struct echo *)u;
        (void)deadline_ns;
        (void)f;
        memcpy(e->held, data, len);
        e->len = len;
        *ret_sent = len;
        *e->received += len;
        return CW_OK;
}

static cw_rc echo_in(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                     struct cw_fault *f) {
        struct echo *e = (struct echo *)u;
        (void)deadline_ns;
        (void)cap;
        if (e->len == 0)
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RETRY, CW_E_TIMEOUT), -7, "echo", "", "late");
        memcpy(data, e->held, e->len);
        *ret_len = e->len;
        e->len = 0;
        return CW_OK;
}

static size_t echo_purge(struct cw_usb *u) {
        struct echo *e = (struct echo *)u;
        size_t n = e->len;
        e->len = 0;
        return n;
}

static cw_rc echo_ok(struct cw_usb *u, struct cw_fault *f) {
        (void)u;
        (void)f;
        return CW_OK;
}

static bool echo_gone(struct cw_usb *u) {
        (void)u;
        return false;
}

static void echo_close(struct cw_usb *u) {
        free(u);
}

static const struct cw_usb_ops echo_ops = {"echo",  echo_control, echo_out,  echo_in,   echo_purge,
                                           echo_ok, echo_ok,      echo_gone, echo_close};

static struct cw_usb *new_echo(size_t *received) {
        struct echo *e = calloc(1, sizeof *e);
        assert_non_null(e);
        e->base.ops = &echo_ops;
        e->base.info = (struct cw_usb_info){.vendor_id = 0x0f49, .product_id = 0x0a00, .port = "1-2"};
        e->received = received;
        return &e->base;
}

static int64_t soon(void) {
        return cw_deadline_ns(1000);
}

/* One fixed conversation; fails the test when the device does not say what it should. */
static void converse(struct cw_usb *u) {
        uint8_t status = 0, in[64];
        size_t n = 0;
        struct cw_fault f = {0};
        assert_int_equal(cw_usb_port_status(u, soon(), &status, &f), CW_OK);
        assert_int_equal(status, 0x18);
        assert_int_equal(cw_usb_bulk_out(u, "\x1bRlr;p\r", 7, soon(), &n, &f), CW_OK);
        assert_int_equal(n, 7);
        assert_int_equal(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, &f), CW_OK);
        assert_int_equal(n, 7);
        assert_memory_equal(in, "\x1bRlr;p\r", 7);
        assert_int_equal(cw_usb_bulk_out(u,
                                         "\x1b"
                                         "Dm;2;4000001234567899\r",
                                         23, soon(), &n, &f),
                         CW_OK);
        assert_int_equal(cw_usb_clear_halt(u, &f), CW_OK);
        assert_int_equal(cw_rc_class(cw_usb_control(u, 0x21, 9, 0, 0, NULL, 0, soon(), NULL, &f)),
                         CW_C_RECONNECT);
        assert_int_equal(f.native, -9);
        assert_int_equal(cw_usb_reset(u, &f), CW_OK);
}

static char *record(size_t *ret_len) {
        char *text = NULL;
        size_t received = 0;
        bool track = false;
        struct cw_usb *u = NULL;
        FILE *out = open_memstream(&text, ret_len);
        assert_non_null(out);
        const struct cw_usb_mask mask = {cw_evolis_mask, &track};
        assert_int_equal(cw_usb_recorder_new(new_echo(&received), out, mask, &u), CW_OK);
        assert_string_equal(u->info.port, "1-2");
        converse(u);
        cw_usb_close(u);
        (void)fclose(out);
        return text;
}

static void recording_is_masked(void **state) {
        (void)state;
        size_t len = 0;
        char *text = record(&len);
        assert_non_null(strstr(text, "cardwright-usb 1\ndevice 0F49 0A00 00 - 1-2\n"));
        assert_non_null(strstr(text, "out ok 1B526C723B700D\n"));
        assert_null(strstr(text, "34303030303031"));
        assert_non_null(strstr(text, "control 21 09 0000 0000 fail "));
        free(text);
}

static void recording_plays_back(void **state) {
        (void)state;
        size_t len = 0;
        char *text = record(&len);
        bool track = false;
        struct cw_usb *u = NULL;
        struct cw_fault f = {0};
        const struct cw_usb_mask mask = {cw_evolis_mask, &track};
        assert_int_equal(cw_usb_replayer_new(text, len, mask, &u, &f), CW_OK);
        assert_int_equal(cw_usb_replayer_left(u), 7);
        converse(u);
        assert_int_equal(cw_usb_replayer_left(u), 0);
        size_t n = 0;
        assert_int_equal(cw_usb_bulk_out(u, "x", 1, soon(), &n, &f),
                         CW_RC(CW_L_USB, CW_C_FATAL, CW_E_MISMATCH));
        cw_usb_close(u);
        free(text);
}

static void another_call_is_refused(void **state) {
        (void)state;
        size_t len = 0, n = 0;
        char *text = record(&len);
        struct cw_usb *u = NULL;
        struct cw_fault f = {0};
        const struct cw_usb_mask none = {NULL, NULL};
        assert_int_equal(cw_usb_replayer_new(text, len, none, &u, &f), CW_OK);
        assert_int_equal(cw_rc_class(cw_usb_bulk_out(u, "x", 1, soon(), &n, &f)), CW_C_FATAL);
        assert_int_equal(f.native, 3);
        cw_usb_close(u);
        free(text);
}

/* A question of which only half the answer is read, and another one. */
static void leave_something(struct cw_usb *u) {
        uint8_t in[64];
        size_t n = 0;
        struct cw_fault f = {0};
        assert_int_equal(cw_usb_bulk_out(u, "\x1bRfv\r", 5, soon(), &n, &f), CW_OK);
        assert_int_equal(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, &f), CW_OK);
        assert_int_equal(cw_usb_bulk_out(u, "STALE", 5, soon(), &n, &f), CW_OK);
        assert_int_equal(cw_usb_bulk_out(u, "LEFT", 4, soon(), &n, &f), CW_OK); /* one question in parts */
        assert_int_equal(u->unasked, 0);
        assert_int_equal(cw_usb_bulk_in(u, in, 0, soon(), &n, &f),
                         CW_RC(CW_L_USB, CW_C_REJECT, CW_E_TOO_BIG));
        assert_int_equal(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, &f), CW_OK);
        assert_memory_equal(in, "LEFT", 4);
}

/* The echo holds what went out last; nobody reads it, and it comes unasked before the next question. */
static void unasked(struct cw_usb *u) {
        uint8_t in[64];
        size_t n = 0;
        struct cw_fault f = {0};
        leave_something(u);
        assert_int_equal(cw_usb_bulk_out(u, "OLD", 3, soon(), &n, &f), CW_OK);
        cw_usb_purge(u);
        assert_int_equal(u->unasked, 1);
        assert_int_equal(u->unasked_bytes, 3);
        assert_int_equal(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, &f),
                         CW_RC(CW_L_USB, CW_C_RETRY, CW_E_TIMEOUT));
}

static void what_came_unasked_is_counted_and_not_recorded(void **state) {
        (void)state;
        char *text = NULL;
        size_t len = 0, received = 0;
        struct cw_usb *u = NULL;
        struct cw_fault f = {0};
        const struct cw_usb_mask none = {NULL, NULL};
        FILE *out = open_memstream(&text, &len);
        assert_int_equal(cw_usb_recorder_new(new_echo(&received), out, none, &u), CW_OK);
        unasked(u);
        cw_usb_close(u);
        (void)fclose(out);
        assert_non_null(strstr(text, "out ok 4F4C44\npurge 3\nin fail "));
        assert_int_equal(cw_usb_replayer_new(text, len, none, &u, &f), CW_OK);
        unasked(u);
        assert_int_equal(cw_usb_replayer_left(u), 0);
        cw_usb_close(u);
        free(text);
}

static void the_rest_of_a_split_answer_is_thrown_away(void **state) {
        (void)state;
        size_t received = 0, n = 0;
        uint8_t in[8];
        const struct cw_usb_fault_rule rule = {CW_USB_FAULT_IN, 1, CW_USB_DO_SPLIT, 0, 0};
        struct cw_usb *u = NULL;
        assert_int_equal(cw_usb_fault_new(new_echo(&received), &rule, 1, &u), CW_OK);
        assert_int_equal(cw_usb_bulk_out(u, "xyz", 3, soon(), &n, NULL), CW_OK);
        assert_int_equal(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, NULL), CW_OK);
        assert_int_equal(cw_usb_bulk_out(u, "abc", 3, soon(), &n, NULL), CW_OK);
        assert_int_equal(u->unasked_bytes, 2);
        assert_int_equal(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, NULL), CW_OK);
        assert_memory_equal(in, "abc", 3);
        cw_usb_close(u);
}

static void bad_recordings_are_refused(void **state) {
        (void)state;
        static const char *const bad[] = {
            "",
            "cardwright-usb 2\ndevice 0F49 0A00 00 - 1-2\n",
            "cardwright-usb 1\n",
            "cardwright-usb 1\ndevice 0F49\n",
            "cardwright-usb 1\ndevice 0F49 0A00 00 - 1-2\nout ok\n",
            "cardwright-usb 1\ndevice 0F49 0A00 00 - 1-2\nout ok 123\n",
            "cardwright-usb 1\ndevice 0F49 0A00 00 - 1-2\nin fail 0 0\n",
            "cardwright-usb 1\ndevice 0F49 0A00 00 - 1-2\ncontrol A1 00 0000 ok -\n",
            "cardwright-usb 1\ndevice 0F49 0A00 00 - 1-2\nclear ok -\n",
            "cardwright-usb 1\ndevice 0F49 0A00 00 - 1-2\nblink ok\n",
            "cardwright-usb 1\ndevice 0F49 0A00 00 - 1-2\npurge\n",
            "cardwright-usb 1\ndevice 0F49 0A00 00 - 1-2\npurge 0\n",
        };
        const struct cw_usb_mask none = {NULL, NULL};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct cw_usb *u = NULL;
                struct cw_fault f = {0};
                assert_int_equal(cw_rc_class(cw_usb_replayer_new(bad[i], strlen(bad[i]), none, &u, &f)),
                                 CW_C_REJECT);
                assert_null(u);
        }
}

static struct cw_usb *faulty(struct cw_usb_fault_rule rule, size_t *received) {
        struct cw_usb *u = NULL;
        assert_int_equal(cw_usb_fault_new(new_echo(received), &rule, 1, &u), CW_OK);
        return u;
}

static void fault_gone_stays_gone(void **state) {
        (void)state;
        size_t received = 0, n = 0;
        uint8_t in[8];
        struct cw_usb *u =
            faulty((struct cw_usb_fault_rule){CW_USB_FAULT_OUT, 2, CW_USB_DO_GONE, 0, 0}, &received);
        assert_int_equal(cw_usb_bulk_out(u, "a", 1, soon(), &n, NULL), CW_OK);
        assert_false(cw_usb_gone(u));
        assert_int_equal(cw_rc_class(cw_usb_bulk_out(u, "b", 1, soon(), &n, NULL)), CW_C_RECONNECT);
        assert_int_equal(n, 0);
        assert_true(cw_usb_gone(u));
        assert_int_equal(cw_rc_class(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, NULL)), CW_C_RECONNECT);
        assert_int_equal(received, 1);
        assert_int_equal(cw_usb_fault_calls(u, CW_USB_FAULT_OUT), 2);
        assert_int_equal(cw_usb_fault_calls(u, CW_USB_FAULT_ANY), 3);
        cw_usb_close(u);
}

static void fault_short_counts_what_went(void **state) {
        (void)state;
        size_t received = 0, n = 0;
        struct cw_usb *u =
            faulty((struct cw_usb_fault_rule){CW_USB_FAULT_OUT, 1, CW_USB_DO_SHORT, 3, 5}, &received);
        assert_int_equal(cw_usb_bulk_out(u, "abc", 3, soon(), &n, NULL), CW_OK);
        assert_int_equal(cw_rc_class(cw_usb_bulk_out(u, "abcdef", 6, soon(), &n, NULL)), CW_C_IN_DOUBT);
        assert_int_equal(n, 3);
        assert_int_equal(received, 6);
        assert_int_equal(cw_usb_bulk_out(u, "abcdef", 6, soon(), &n, NULL), CW_OK);
        cw_usb_close(u);
}

static void fault_split_and_lose(void **state) {
        (void)state;
        size_t received = 0, n = 0;
        uint8_t in[8];
        struct cw_usb *u =
            faulty((struct cw_usb_fault_rule){CW_USB_FAULT_IN, 1, CW_USB_DO_SPLIT, 0, 0}, &received);
        assert_int_equal(cw_usb_bulk_out(u, "xyz", 3, soon(), &n, NULL), CW_OK);
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, NULL), CW_OK);
                assert_int_equal(n, 1);
                assert_int_equal(in[0], "xyz"[i]);
        }
        cw_usb_close(u);
        u = faulty((struct cw_usb_fault_rule){CW_USB_FAULT_IN, 1, CW_USB_DO_LOSE, 0, 0}, &received);
        assert_int_equal(cw_usb_bulk_out(u, "xyz", 3, soon(), &n, NULL), CW_OK);
        assert_int_equal(cw_rc_class(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, NULL)), CW_C_RETRY);
        assert_int_equal(cw_rc_class(cw_usb_bulk_in(u, in, sizeof in, soon(), &n, NULL)), CW_C_RETRY);
        cw_usb_close(u);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(recording_is_masked),
            cmocka_unit_test(recording_plays_back),
            cmocka_unit_test(another_call_is_refused),
            cmocka_unit_test(bad_recordings_are_refused),
            cmocka_unit_test(what_came_unasked_is_counted_and_not_recorded),
            cmocka_unit_test(the_rest_of_a_split_answer_is_thrown_away),
            cmocka_unit_test(fault_gone_stays_gone),
            cmocka_unit_test(fault_short_counts_what_went),
            cmocka_unit_test(fault_split_and_lose),
        };
        return cmocka_run_group_tests_name("usb layers", tests, NULL, NULL);
}
