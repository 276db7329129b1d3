/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/dgi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_hex(struct cw_span got, const char *want) {
        char text[2048];
        assert_true(cw_hex_encode(got.ptr, got.len, text, sizeof text));
        assert_string_equal(text, want);
}

/* The length of a DGI is one byte to FE and FF hhll from there: 0x81 is 129 bytes, not a BER escape. */
static void test_lengths_are_not_ber(void **state) {
        (void)state;
        static const struct {
                size_t len;
                const char *head;
        } cases[] = {{0, "010100"},       {128, "010180"},     {129, "010181"},      {254, "0101FE"},
                     {255, "0101FF00FF"}, {256, "0101FF0100"}, {65534, "0101FFFFFE"}};
        static uint8_t value[65536], out[70000];
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct cw_writer w;
                uint16_t id = 0;
                struct cw_span got, rest;
                bool bad = true;
                cw_writer_init(&w, out, sizeof out);
                cw_dgi_put(&w, 0x0101, value, cases[i].len);
                assert_false(w.bad);
                assert_int_equal(w.len, cw_dgi_len(cases[i].len));
                assert_hex(CW_SPAN(out, w.len - cases[i].len), cases[i].head);
                rest = CW_SPAN(out, w.len);
                assert_true(cw_dgi_next(&rest, &id, &got, &bad));
                assert_int_equal(got.len, cases[i].len);
                assert_int_equal(rest.len, 0);
                assert_false(cw_dgi_next(&rest, &id, &got, &bad));
                assert_false(bad);
        }
}

static void test_short_dgi_is_bad(void **state) {
        (void)state;
        static const uint8_t bytes[] = {0x01, 0x01, 0x03, 0xaa};
        struct cw_span rest = CW_SPAN(bytes, sizeof bytes), value;
        uint16_t id;
        bool bad = false;
        assert_false(cw_dgi_next(&rest, &id, &value, &bad));
        assert_true(bad);
}

static void assert_commands(const struct cw_store_plan *plan, const char *const *want, size_t count) {
        uint8_t out[4096];
        struct cw_writer w;
        struct cw_reader r;
        size_t made = 0;
        cw_writer_init(&w, out, sizeof out);
        assert_int_equal(cw_store_data_build(plan, &w, &made, NULL), CW_OK);
        assert_int_equal(made, count);
        cw_reader_init(&r, out, w.len);
        for (size_t i = 0; i < count; i++)
                assert_hex(cw_get_item(&r), want[i]);
        assert_int_equal(r.left, 0);
}

static void test_p1_and_p2(void **state) {
        (void)state;
        static const uint8_t clear[] = {0x01, 0x01, 0x01, 0xaa}, keys[] = {0x80, 0x00, 0x02, 0x11, 0x22};
        const struct cw_store_unit units[] = {{CW_SPAN(clear, sizeof clear), 0x00, false},
                                              {CW_SPAN(keys, sizeof keys), 0x60, false}};
        const struct cw_store_plan plan = {units, 2, 0x80, 239, false};
        static const char *const want[] = {"80E2000004010101AA", "80E2E001058000021122"};
        assert_commands(&plan, want, 2);
}

static void test_le_when_an_answer_is_expected(void **state) {
        (void)state;
        static const uint8_t clear[] = {0x01, 0x01, 0x01, 0xaa};
        const struct cw_store_unit units[] = {{CW_SPAN(clear, sizeof clear), 0x08, false}};
        const struct cw_store_plan plan = {units, 1, 0x80, 239, true};
        static const char *const want[] = {"80E2880004010101AA00"};
        assert_commands(&plan, want, 1);
}

/* CPS 4.3.4.5: what does not fit goes on bare in the next command; only the very last one is the last block.
 */
static void test_long_dgi_spans_commands(void **state) {
        (void)state;
        static const uint8_t bytes[] = {0x01, 0x01, 0x06, 1, 2, 3, 4, 5, 6};
        const struct cw_store_unit units[] = {{CW_SPAN(bytes, sizeof bytes), 0x00, false}};
        const struct cw_store_plan plan = {units, 1, 0x80, 4, false};
        static const char *const want[] = {"80E200000401010601", "80E200010402030405", "80E280020106"};
        assert_commands(&plan, want, 3);
}

static void test_block_number_wraps(void **state) {
        (void)state;
        static uint8_t bytes[300];
        static uint8_t out[4096];
        const struct cw_store_unit units[] = {{CW_SPAN(bytes, sizeof bytes), 0x00, false}};
        const struct cw_store_plan plan = {units, 1, 0x80, 1, false};
        struct cw_writer w;
        struct cw_reader r;
        size_t made = 0;
        cw_writer_init(&w, out, sizeof out);
        assert_int_equal(cw_store_data_build(&plan, &w, &made, NULL), CW_OK);
        assert_int_equal(made, 300);
        cw_reader_init(&r, out, w.len);
        for (size_t i = 0; i < made; i++) {
                struct cw_span item = cw_get_item(&r);
                assert_int_equal(item.ptr[3], i & 0xff);
                assert_int_equal(item.ptr[2], i + 1 == made ? 0x80 : 0x00);
        }
}

static void test_refusals(void **state) {
        (void)state;
        static const uint8_t bytes[] = {0x01, 0x01, 0x00};
        const struct cw_store_unit units[] = {{CW_SPAN(bytes, sizeof bytes), 0x00, false}};
        const struct cw_store_plan none = {units, 0, 0x80, 239, false}, big = {units, 1, 0x80, 240, false};
        uint8_t out[8];
        struct cw_writer w;
        size_t made = 7;
        cw_writer_init(&w, out, sizeof out);
        assert_int_equal(cw_rc_class(cw_store_data_build(&none, &w, &made, NULL)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_store_data_build(&big, &w, &made, NULL)), CW_C_REJECT);
        const struct cw_store_plan fits_not = {units, 1, 0x80, 239, false};
        assert_int_equal(cw_rc_class(cw_store_data_build(&fits_not, &w, &made, NULL)), CW_C_REJECT);
        assert_int_equal(made, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_lengths_are_not_ber),
            cmocka_unit_test(test_short_dgi_is_bad),
            cmocka_unit_test(test_p1_and_p2),
            cmocka_unit_test(test_le_when_an_answer_is_expected),
            cmocka_unit_test(test_long_dgi_spans_commands),
            cmocka_unit_test(test_block_number_wraps),
            cmocka_unit_test(test_refusals),
        };
        return cmocka_run_group_tests_name("chip dgi", tests, NULL, NULL);
}
