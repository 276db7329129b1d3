/* SPDX-License-Identifier: Apache-2.0 */
/* PC/SC part 10 against the bytes that libccid 1.5.2 gives and takes. */
#include "drivers/reader/secure_pin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t libccid[] = {0x06, 4, 0x42, 0x33, 0, 6,  0x07, 4, 0x42, 0x33, 0, 7,
                                  0x0a, 4, 0x42, 0x33, 0, 10, 0x12, 4, 0x42, 0x33, 0, 18};

static void features_of_libccid(void **state) {
        (void)state;
        struct cw_part10_features f = {0};
        assert_int_equal(cw_part10_read_features(CW_SPAN(libccid, sizeof libccid), &f, NULL), CW_OK);
        assert_int_equal(f.verify_direct, 0x42330006);
        assert_int_equal(f.modify_direct, 0x42330007);
        assert_int_equal(f.ifd_properties, 0x4233000a);
        assert_int_equal(f.tlv_properties, 0x42330012);
        assert_int_equal(f.abort, 0);
        assert_int_equal(cw_part10_read_features((struct cw_span){0}, &f, NULL), CW_OK);
        assert_int_equal(f.verify_direct, 0);
}

static void features_cut_short(void **state) {
        (void)state;
        struct cw_part10_features f = {.abort = 7};
        struct cw_fault fault = {0};
        static const uint8_t three[] = {0x06, 3, 1, 2, 3};
        for (size_t n = 1; n < 6; n++)
                assert_int_not_equal(cw_part10_read_features(CW_SPAN(libccid, n), &f, &fault), CW_OK);
        assert_int_not_equal(cw_part10_read_features(CW_SPAN(three, sizeof three), &f, &fault), CW_OK);
        assert_int_equal(cw_rc_class(fault.rc), CW_C_REJECT);
        assert_int_equal(f.abort, 7);
}

static void properties(void **state) {
        (void)state;
        static const uint8_t tlv[] = {0x01, 2, 0x10, 0x02, 0x02, 1, 2,    0x06, 1,    4,    0x07, 1,
                                      8,    8, 3,    '1',  '.',  7, 0x0a, 4,    0x05, 0x01, 0,    0,
                                      0x0b, 2, 0xe6, 0x08, 0x0c, 2, 0x78, 0x34, 0x55, 1,    9};
        static const uint8_t ifd[] = {0x10, 0x02, 0x07, 0x00}, odd[] = {0x06, 2, 4, 0};
        struct cw_part10_properties p = {0};
        assert_int_equal(cw_part10_read_tlv(CW_SPAN(tlv, sizeof tlv), &p, NULL), CW_OK);
        assert_int_equal(p.lcd_layout, 0x0210);
        assert_int_equal(p.pin_min, 4);
        assert_int_equal(p.pin_max, 8);
        assert_int_equal(p.apdu_max, 261);
        assert_int_equal(p.vendor, 0x08e6);
        assert_int_equal(p.product, 0x3478);
        assert_string_equal(p.firmware, "1.");
        assert_int_equal(cw_part10_read_ifd(CW_SPAN(ifd, sizeof ifd), &p, NULL), CW_OK);
        assert_int_equal(p.entry_validation, 7);
        assert_int_not_equal(cw_part10_read_ifd(CW_SPAN(ifd, 3), &p, NULL), CW_OK);
        assert_int_not_equal(cw_part10_read_tlv(CW_SPAN(odd, sizeof odd), &p, NULL), CW_OK);
        assert_int_not_equal(cw_part10_read_tlv(CW_SPAN(tlv, sizeof tlv - 1), &p, NULL), CW_OK);
}

/* As part 10 lays them out, little endian: what libccid 1.5.2 turned into the frames of the reference. */
static void structures(void **state) {
        (void)state;
        static const uint8_t verify[] = {30,   30,   0x89, 0x47, 0x04, 0x0c, 0x04, 0x02, 0x01, 0x09, 0x04,
                                         0x00, 0,    0,    0,    13,   0,    0,    0,    0x00, 0x20, 0x00,
                                         0x80, 0x08, 0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        static const uint8_t modify[] = {30,   30,   0x89, 0x47, 0x04, 0x00, 0x08, 0x0c, 0x04, 0x03,
                                         0x02, 0x03, 0x09, 0x04, 0,    1,    2,    0,    0,    0,
                                         21,   0,    0,    0,    0x00, 0x24, 0x00, 0x80, 0x10};
        const struct cw_part10_ask ask = {.timeout_s = 30, .min = 0, .max = 40};
        uint8_t out[CW_PART10_COMMAND_MAX];
        assert_int_equal(cw_part10_put_verify(&ask, out), 19 + 13);
        assert_memory_equal(out, verify, sizeof verify);
        assert_int_equal(cw_part10_put_modify(&ask, out), 24 + 21);
        assert_memory_equal(out, modify, sizeof modify);
        assert_memory_equal(out + 29, verify + 24, 8);
        assert_memory_equal(out + 37, verify + 24, 8);
}

static void outcomes(void **state) {
        (void)state;
        static const struct {
                uint16_t sw;
                enum cw_part10_outcome outcome;
                int tries;
        } rows[] = {{0x9000, CW_PIN_RIGHT, -1},     {0x63c2, CW_PIN_WRONG, 2},
                    {0x63c0, CW_PIN_LOCKED, 0},     {0x6983, CW_PIN_LOCKED, 0},
                    {0x6401, CW_PIN_CANCELLED, -1}, {0x6400, CW_PIN_TIMEOUT, -1},
                    {0x6402, CW_PIN_MISMATCH, -1},  {0x6985, CW_PIN_REFUSED, -1}};
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                int tries = 99;
                assert_int_equal(cw_part10_outcome(rows[i].sw, &tries), rows[i].outcome);
                assert_int_equal(tries, rows[i].tries);
        }
}

/* ---- a reader played by this file ---- */

struct pad {
        struct cw_card_channel channel;
        cw_rc rc; /* of the PIN command */
        uint8_t answer[2];
        size_t answer_len;
        bool keypad;
        int64_t waited_ms;
        uint8_t max;
};

static cw_rc pad_control(struct cw_card_channel *c, uint32_t code, struct cw_span in, int64_t timeout_ms,
                         uint8_t *ret, size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        struct pad *p = (struct pad *)c;
        static const uint8_t eight[] = {0x07, 1, 8};
        assert_true(ret_cap >= sizeof libccid);
        if (!p->keypad)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "pad", "", "no");
        *ret_len = 0;
        if (code == CW_PART10_GET_FEATURES) {
                memcpy(ret, libccid, sizeof libccid);
                *ret_len = sizeof libccid;
                return CW_OK;
        }
        if (code == 0x42330012) {
                memcpy(ret, eight, sizeof eight);
                *ret_len = sizeof eight;
                return CW_OK;
        }
        p->waited_ms = timeout_ms;
        p->max = in.ptr[code == 0x42330006 ? 5 : 7];
        memcpy(ret, p->answer, p->answer_len);
        *ret_len = p->answer_len;
        return p->rc == CW_OK ? CW_OK : cw_fail(f, p->rc, 0, "pad", "", "failed");
}
static const struct cw_card_channel_ops pad_ops = {.control = pad_control};

static void customers(void **state) {
        (void)state;
        struct pad p = {
            .channel = {.ops = &pad_ops}, .keypad = true, .answer = {0x63, 0xc1}, .answer_len = 2};
        const struct cw_part10_ask ask = {.timeout_s = 200, .min = 4, .max = 12};
        struct cw_secure_pin s = {0};
        struct cw_fault f = {0};
        enum cw_part10_outcome o = CW_PIN_REFUSED;
        int tries = 0;
        assert_int_equal(cw_secure_pin_look(&p.channel, 1000, &s, &f), CW_OK);
        assert_true(cw_secure_pin_can_verify(&s) && cw_secure_pin_can_modify(&s));
        assert_int_equal(cw_secure_pin_verify(&p.channel, &s, &ask, &o, &tries, &f), CW_OK);
        assert_int_equal(o, CW_PIN_WRONG);
        assert_int_equal(tries, 1);
        assert_int_equal(p.waited_ms, 210000);
        assert_int_equal(p.max, 8); /* the reader's own limit */
        p.rc = CW_RC(CW_L_READER, CW_C_REJECT, CW_E_MISMATCH);
        assert_int_equal(cw_secure_pin_modify(&p.channel, &s, &ask, &o, &tries, &f), CW_OK);
        assert_int_equal(o, CW_PIN_MISMATCH);
        /* The same error of the driver for one PIN is a broken line. */
        assert_int_equal(cw_rc_class(cw_secure_pin_verify(&p.channel, &s, &ask, &o, &tries, &f)),
                         CW_C_RECONNECT);
        p.rc = CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_NO_CARD);
        assert_int_not_equal(cw_secure_pin_verify(&p.channel, &s, &ask, &o, &tries, &f), CW_OK);
        p.rc = CW_OK;
        p.answer_len = 1;
        assert_int_not_equal(cw_secure_pin_verify(&p.channel, &s, &ask, &o, &tries, &f), CW_OK);
        assert_int_equal(cw_rc_class(f.rc), CW_C_RECONNECT);
}

static void no_keypad(void **state) {
        (void)state;
        struct pad p = {.channel = {.ops = &pad_ops}};
        struct cw_secure_pin s = {.features = {.verify_direct = 1}};
        struct cw_fault f = {0};
        enum cw_part10_outcome o = CW_PIN_REFUSED;
        int tries = 0;
        assert_int_equal(cw_secure_pin_look(&p.channel, 1000, &s, &f), CW_OK);
        assert_false(cw_secure_pin_can_verify(&s));
        assert_int_not_equal(cw_secure_pin_verify(&p.channel, &s, &(struct cw_part10_ask){0}, &o, &tries, &f),
                             CW_OK);
        assert_int_equal(f.rc & 0xffffu, CW_E_UNSUPPORTED);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(features_of_libccid),
                                           cmocka_unit_test(features_cut_short),
                                           cmocka_unit_test(properties),
                                           cmocka_unit_test(structures),
                                           cmocka_unit_test(outcomes),
                                           cmocka_unit_test(customers),
                                           cmocka_unit_test(no_keypad)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
