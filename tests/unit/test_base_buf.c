/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void writer_stops_at_cap(void **state) {
        (void)state;
        uint8_t mem[4];
        struct cw_writer w;
        cw_writer_init(&w, mem, sizeof mem);
        cw_put_be16(&w, 0x1234);
        cw_put_be32(&w, 1);
        assert_true(w.bad);
        assert_int_equal(w.len, 2);
        cw_put_u8(&w, 9); /* stays bad even though one byte would fit */
        assert_int_equal(w.len, 2);
}

static void reader_never_overruns(void **state) {
        (void)state;
        const uint8_t mem[] = {0x00, 0x02, 0xAA, 0xBB, 0x00, 0x05, 0x01};
        struct cw_reader r;
        cw_reader_init(&r, mem, sizeof mem);
        struct cw_span item = cw_get_item(&r);
        assert_int_equal(item.len, 2);
        assert_int_equal(item.ptr[1], 0xBB);
        item = cw_get_item(&r);
        assert_true(r.bad);
        assert_int_equal(item.len, 0);
        assert_int_equal(cw_get_be32(&r), 0);
}

static void hex_round_trip_and_refusals(void **state) {
        (void)state;
        char text[9];
        uint8_t bytes[4];
        size_t len = 0;
        assert_true(cw_hex_encode("\xde\xad\xbe\xef", 4, text, sizeof text));
        assert_string_equal(text, "DEADBEEF");
        assert_false(cw_hex_encode("\xde\xad\xbe\xef", 4, text, 8));
        assert_true(cw_hex_decode("deADbeEF", 8, bytes, sizeof bytes, &len));
        assert_int_equal(len, 4);
        assert_memory_equal(bytes, "\xde\xad\xbe\xef", 4);
        assert_false(cw_hex_decode("ABC", 3, bytes, sizeof bytes, &len));
        assert_false(cw_hex_decode("AG", 2, bytes, sizeof bytes, &len));
        assert_false(cw_hex_decode("0011223344", 10, bytes, sizeof bytes, &len));
}

static void fault_survives_json(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_fault g = {0};
        cw_rc rc = cw_fail(&f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, 0x101), -7, "printer.status",
                           "PRT_RIBBON_ENDED", "the ribbon of %s is used up: put in a new one", "S1");
        json_t *json = cw_fault_to_json(&f);
        cw_fault_from_json(json, &g);
        json_decref(json);
        assert_int_equal(g.rc, rc);
        assert_int_equal(g.native, -7);
        assert_string_equal(g.code, "PRT_RIBBON_ENDED");
        assert_string_equal(g.text, f.text);
        assert_string_equal(cw_class_name(cw_rc_class(g.rc)), "OPERATOR");
        assert_string_equal(cw_layer_name(cw_rc_layer(g.rc)), "printer");
}

static void unreadable_fault_is_fatal(void **state) {
        (void)state;
        const char *const bad[] = {"{}", "{\"rc\":\"0x0\"}", "{\"rc\":\"0x00000000\"}",
                                   "{\"rc\":\"0x01ff0000\"}", "{\"rc\":5}"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                json_t *json = json_loads(bad[i], 0, NULL);
                struct cw_fault f = {0};
                cw_fault_from_json(json, &f);
                json_decref(json);
                assert_int_equal(cw_rc_class(f.rc), CW_C_FATAL);
        }
        assert_int_equal(cw_class_from_name("nonsense"), CW_C_FATAL);
        assert_int_equal(cw_class_from_name("IN_DOUBT"), CW_C_IN_DOUBT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(writer_stops_at_cap),         cmocka_unit_test(reader_never_overruns),
            cmocka_unit_test(hex_round_trip_and_refusals), cmocka_unit_test(fault_survives_json),
            cmocka_unit_test(unreadable_fault_is_fatal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
