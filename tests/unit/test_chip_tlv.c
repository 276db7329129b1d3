/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/elements.h"
#include "drivers/chip/tlv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct bytes {
        uint8_t ptr[1024];
        size_t len;
};

static struct bytes hex(const char *text) {
        struct bytes b = {0};
        assert_true(cw_hex_decode(text, strlen(text), b.ptr, sizeof b.ptr, &b.len));
        return b;
}

static void assert_hex(struct cw_span got, const char *want) {
        char text[1024];
        assert_true(cw_hex_encode(got.ptr, got.len, text, sizeof text));
        assert_string_equal(text, want);
}

static void test_find_in_fci(void **state) {
        (void)state;
        struct bytes b = hex("6F1A8407A0000000031010A50F500A56495341204445424954870101");
        struct cw_span v;
        struct cw_span fci = CW_SPAN(b.ptr, b.len);
        assert_true(cw_tlv_find(fci, 0x84, &v));
        assert_hex(v, "A0000000031010");
        assert_true(cw_tlv_find(fci, 0x87, &v));
        assert_hex(v, "01");
        assert_false(cw_tlv_find(fci, 0x9f38, &v));
        assert_false(cw_tlv_find(CW_SPAN(b.ptr, b.len - 1), 0x84, &v)); /* cut off */
}

static void test_lengths(void **state) {
        (void)state;
        static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 511};
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                uint8_t out[600], value[512];
                struct cw_writer w;
                struct cw_tlv item;
                memset(value, 0x5a, sizeof value);
                cw_writer_init(&w, out, sizeof out);
                cw_tlv_put(&w, 0x9f10, value, lengths[i]);
                assert_false(w.bad);
                assert_int_equal(w.len, cw_tlv_header_len(0x9f10, lengths[i]) + lengths[i]);
                struct cw_span rest = CW_SPAN(out, w.len);
                assert_int_equal(cw_tlv_next(&rest, &item), CW_TLV_ITEM);
                assert_int_equal(item.tag, 0x9f10);
                assert_int_equal(item.value.len, lengths[i]);
                assert_int_equal(rest.len, 0);
        }
}

static void test_malformed(void **state) {
        (void)state;
        static const char *const bad[] = {
            "50",           /* no length           */
            "5002AA",       /* short value         */
            "9F",           /* half a tag          */
            "1F8182838401", /* tag too long        */
            "5080",         /* indefinite          */
            "50830000010A", /* length of 3 bytes   */
            "7003500201",   /* child over the edge */
        };
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct bytes b = hex(bad[i]);
                assert_false(cw_tlv_valid(CW_SPAN(b.ptr, b.len)));
        }
}

static void test_depth_is_limited(void **state) {
        (void)state;
        struct bytes deep = {0};
        /* 12 templates, each in the one before */
        for (size_t i = 0; i < 12; i++) {
                deep.ptr[2 * i] = 0x70;
                deep.ptr[2 * i + 1] = (uint8_t)(2 * (11 - i));
        }
        deep.len = 24;
        assert_false(cw_tlv_valid(CW_SPAN(deep.ptr, deep.len)));
        assert_true(cw_tlv_valid(CW_SPAN(deep.ptr + 8, 16)));
}

static void test_zero_bytes_between(void **state) {
        (void)state;
        struct bytes b = hex("00005A011100005F34010100");
        struct cw_span v;
        assert_true(cw_tlv_find(CW_SPAN(b.ptr, b.len), 0x5f34, &v));
        assert_hex(v, "01");
}

static void test_dol_is_padded_by_format(void **state) {
        (void)state;
        CW_AUTO(cw_elements_free) struct cw_elements *e = NULL;
        uint8_t out[64];
        struct cw_writer w;
        struct cw_span v;
        assert_int_equal(cw_elements_new(&e), CW_OK);
        struct bytes amount = hex("0100"), country = hex("000356"), cap = hex("E0F8C8AA");
        assert_int_equal(cw_elements_set(e, 0x9f02, CW_SPAN(amount.ptr, amount.len), NULL), CW_OK);
        assert_int_equal(cw_elements_set(e, 0x9f1a, CW_SPAN(country.ptr, country.len), NULL), CW_OK);
        assert_int_equal(cw_elements_set(e, 0x9f33, CW_SPAN(cap.ptr, cap.len), NULL), CW_OK);
        struct bytes dol = hex("9F02069F1A029F33039F4003");
        cw_writer_init(&w, out, sizeof out);
        assert_int_equal(cw_elements_fill_dol(e, CW_SPAN(dol.ptr, dol.len), &w, NULL), CW_OK);
        assert_hex(CW_SPAN(out, w.len), "0000000001000356E0F8C8000000");
        /* what was sent is what the cryptogram covers */
        assert_true(cw_elements_get(e, 0x9f02, &v));
        assert_hex(v, "000000000100");
}

static void test_bad_dol(void **state) {
        (void)state;
        CW_AUTO(cw_elements_free) struct cw_elements *e = NULL;
        static const char *const bad[] = {"9F", "9F02", "9F02069F", "9F02FF9F0301"};
        uint8_t out[255];
        assert_int_equal(cw_elements_new(&e), CW_OK);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct bytes dol = hex(bad[i]);
                struct cw_writer w;
                cw_writer_init(&w, out, sizeof out);
                assert_int_equal(cw_rc_class(cw_elements_fill_dol(e, CW_SPAN(dol.ptr, dol.len), &w, NULL)),
                                 CW_C_REJECT);
        }
}

static void test_tag_names(void **state) {
        (void)state;
        uint32_t tag = 0;
        assert_true(cw_tlv_tag_parse("9F02", &tag));
        assert_int_equal(tag, 0x9f02);
        assert_true(cw_tlv_tag_parse("5a", &tag));
        assert_int_equal(tag, 0x5a);
        assert_false(cw_tlv_tag_parse("9F", &tag));
        assert_false(cw_tlv_tag_parse("5A00", &tag));
        assert_false(cw_tlv_tag_parse("", &tag));
        assert_false(cw_tlv_tag_parse("xy", &tag));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_find_in_fci),
            cmocka_unit_test(test_lengths),
            cmocka_unit_test(test_malformed),
            cmocka_unit_test(test_depth_is_limited),
            cmocka_unit_test(test_zero_bytes_between),
            cmocka_unit_test(test_dol_is_padded_by_format),
            cmocka_unit_test(test_bad_dol),
            cmocka_unit_test(test_tag_names),
        };
        return cmocka_run_group_tests_name("chip tlv", tests, NULL, NULL);
}
