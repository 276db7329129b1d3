/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/transport/usb.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID "MFG:Evolis;MDL:Primacy;CMD:ESC;SN:P1;"

/* The answer with any two length bytes before the text. */
static size_t answer(uint8_t *out, unsigned first, unsigned second) {
        out[0] = (uint8_t)first;
        out[1] = (uint8_t)second;
        memcpy(out + 2, ID, sizeof ID - 1);
        return sizeof ID + 1;
}

static void device_id_lengths(void **state) {
        (void)state;
        const unsigned n = sizeof ID - 1;
        const unsigned lengths[][2] = {{0, n + 2}, {0, n}, {n + 2, 0}, {n, 0}, {0, 0}, {255, 255}};
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
                uint8_t bytes[128];
                char text[128];
                size_t len = answer(bytes, lengths[i][0], lengths[i][1]);
                assert_true(cw_usb_device_id_parse(bytes, len, text, sizeof text));
                assert_string_equal(text, ID);
        }
}

static void device_id_shorter_than_the_transfer(void **state) {
        (void)state;
        uint8_t bytes[128] = {0};
        char text[128];
        (void)answer(bytes, 0, sizeof ID + 1);
        assert_true(cw_usb_device_id_parse(bytes, sizeof bytes, text, sizeof text));
        assert_string_equal(text, ID);
}

static void device_id_rubbish(void **state) {
        (void)state;
        char text[128];
        assert_false(cw_usb_device_id_parse((const uint8_t *)"\0\x06"
                                                             "MFG",
                                            5, text, sizeof text));
        assert_false(cw_usb_device_id_parse((const uint8_t *)"\0\x0a"
                                                             "NOCOLONS",
                                            10, text, sizeof text));
        assert_false(cw_usb_device_id_parse((const uint8_t *)"\0\x0a"
                                                             "MF\x01:XXXX",
                                            10, text, sizeof text));
        assert_false(cw_usb_device_id_parse((const uint8_t *)"", 0, text, sizeof text));
}

static void device_id_keys(void **state) {
        (void)state;
        char v[16] = "untouched";
        const char *id = "MANUFACTURER:Acme; MODEL : x;MDL:Y 1;SERN:77;EMPTY:;LONG:12345678901234567890;";
        assert_true(cw_usb_device_id_get(id, "MFG", v, sizeof v));
        assert_string_equal(v, "Acme");
        assert_true(cw_usb_device_id_get(id, "MDL", v, sizeof v));
        assert_string_equal(v, "Y 1");
        assert_true(cw_usb_device_id_get(id, "SN", v, sizeof v));
        assert_string_equal(v, "77");
        assert_true(cw_usb_device_id_get(id, "EMPTY", v, sizeof v));
        assert_string_equal(v, "");
        assert_false(cw_usb_device_id_get(id, "LONG", v, sizeof v));
        assert_false(cw_usb_device_id_get(id, "NONE", v, sizeof v));
        assert_false(cw_usb_device_id_get(";;:;", "X", v, sizeof v));
}

/* A device that notes the setup packets it gets. */
struct noting {
        struct cw_usb base;
        uint8_t type[4], request[4];
        uint16_t index[4];
        unsigned calls, stall_first;
        uint8_t reply;
};

static cw_rc note_control(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value,
                          uint16_t index, void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                          struct cw_fault *f) {
        struct noting *n = (struct noting *)u;
        (void)value;
        (void)deadline_ns;
        n->type[n->calls] = request_type;
        n->request[n->calls] = request;
        n->index[n->calls++] = index;
        if (n->calls <= n->stall_first)
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_IO), -9, "test", "", "stall");
        if (len == 1)
                memcpy(data, &n->reply, 1);
        if (len > 1)
                *ret_len = (uint16_t)answer(data, 0, sizeof ID + 1);
        else
                *ret_len = len;
        return CW_OK;
}

static bool never_gone(struct cw_usb *u) {
        (void)u;
        return false;
}

static const struct cw_usb_ops noting_ops = {.name = "noting", .control = note_control, .gone = never_gone};

/* The interface is in the high byte of wIndex for the id alone. */
static void index_byte_order(void **state) {
        (void)state;
        struct noting n = {.base = {.ops = &noting_ops, .info = {.interface = 3}}, .reply = 0x18};
        char id[256];
        uint8_t status = 0;
        int64_t deadline = cw_deadline_ns(1000);
        assert_int_equal(cw_usb_device_id(&n.base, deadline, id, sizeof id, NULL), CW_OK);
        assert_string_equal(id, ID);
        assert_int_equal(cw_usb_port_status(&n.base, deadline, &status, NULL), CW_OK);
        assert_int_equal(status, 0x18);
        assert_int_equal(cw_usb_soft_reset(&n.base, deadline, NULL), CW_OK);
        assert_int_equal(n.index[0], 0x0300);
        assert_int_equal(n.index[1], 0x0003);
        assert_int_equal(n.index[2], 0x0003);
        assert_int_equal(n.type[0], 0xa1);
        assert_int_equal(n.type[2], 0x21);
        assert_int_equal(n.calls, 3);
}

static void soft_reset_tries_the_old_form(void **state) {
        (void)state;
        struct noting n = {.base = {.ops = &noting_ops}, .stall_first = 1};
        assert_int_equal(cw_usb_soft_reset(&n.base, cw_deadline_ns(1000), NULL), CW_OK);
        assert_int_equal(n.calls, 2);
        assert_int_equal(n.type[0], 0x21);
        assert_int_equal(n.type[1], 0x23);
        assert_int_equal(n.request[1], 2);
}

static void past_deadline_sends_nothing(void **state) {
        (void)state;
        struct noting n = {.base = {.ops = &noting_ops}};
        struct cw_fault f = {0};
        size_t moved = 99;
        uint8_t byte = 0;
        assert_int_equal(cw_rc_class(cw_usb_control(&n.base, 0xa1, 1, 0, 0, &byte, 1, 0, NULL, &f)),
                         CW_C_RETRY);
        assert_int_equal(cw_rc_class(cw_usb_bulk_out(&n.base, &byte, 1, 0, &moved, &f)), CW_C_RETRY);
        assert_int_equal(moved, 0);
        assert_int_equal(cw_rc_class(cw_usb_bulk_in(&n.base, &byte, 1, 0, &moved, &f)), CW_C_RETRY);
        assert_int_equal(cw_rc_class(cw_usb_bulk_out(&n.base, &byte, CW_USB_TRANSFER_MAX + 1, 0, &moved, &f)),
                         CW_C_REJECT);
        assert_int_equal(n.calls, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(device_id_lengths),
            cmocka_unit_test(device_id_shorter_than_the_transfer),
            cmocka_unit_test(device_id_rubbish),
            cmocka_unit_test(device_id_keys),
            cmocka_unit_test(index_byte_order),
            cmocka_unit_test(soft_reset_tries_the_old_form),
            cmocka_unit_test(past_deadline_sends_nothing),
        };
        return cmocka_run_group_tests_name("usb printer class", tests, NULL, NULL);
}
