/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/matica/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* USB mass storage bulk-only transport 5.1 and 5.2: little-endian, padded to 31 and 13 bytes. */
static void wrappers(void **state) {
        (void)state;
        const uint8_t cdb[6] = {0x12, 0, 0, 0, 96};
        uint8_t b[CW_MATICA_CBW];
        cw_matica_cbw(0x01020304, cdb, 6, 96, true, b);
        assert_memory_equal(b, "USBC\4\3\2\1\x60\0\0\0\x80\0\6\x12\0\0\0\x60\0\0\0\0\0\0\0\0\0\0", 31);
        uint8_t csw[13] = "USBS\4\3\2\1";
        assert_int_equal(cw_matica_csw(csw, 13, 0x01020304), CW_MATICA_GOOD);
        csw[12] = 1;
        assert_int_equal(cw_matica_csw(csw, 13, 0x01020304), CW_MATICA_CHECK);
        assert_int_equal(cw_matica_csw(csw, 13, 0x01020305), CW_MATICA_OLDER);
        assert_int_equal(cw_matica_csw(csw, 12, 0x01020304), CW_MATICA_ALIEN);
}

/* The answer of a real XID8600 to "test unit ready" while it warms up, as published. */
static void sense_of_a_warming_printer(void **state) {
        (void)state;
        const char *code = NULL;
        const uint8_t b[20] = {0x70, 0, 2, 0, 0, 0, 0, 0x0c, 0, 0, 0, 0, 0xd4};
        assert_int_equal(cw_matica_parse_sense(b, sizeof b), 0x2d400);
        assert_int_equal(cw_matica_judge(0x2d400, &code), CW_MATICA_WAIT);
        assert_int_equal(cw_matica_judge(0, &code), CW_MATICA_WELL);
        assert_int_equal(cw_matica_judge(0x2d100, &code), CW_MATICA_HELP);
        assert_string_equal(code, "PRT_COVER_OPEN");
        assert_int_equal(cw_matica_judge(0x12345, &code), CW_MATICA_HELP);
        assert_string_equal(code, "PRT_SETUP_ERROR");
        assert_int_equal(cw_matica_parse_sense(b, 19), UINT32_MAX);
}

static void positions(void **state) {
        (void)state;
        const uint8_t none[8] = {4}, antenna[8] = {[7] = 2}, contact[8] = {[7] = 1}, strange[8] = {[7] = 9};
        assert_int_equal(cw_matica_parse_position(none, 8), CW_WHERE_NONE);
        assert_int_equal(cw_matica_parse_position(contact, 8), CW_WHERE_CONTACT);
        assert_int_equal(cw_matica_parse_position(antenna, 8), CW_WHERE_CONTACTLESS);
        assert_int_equal(cw_matica_parse_position(strange, 8), CW_WHERE_UNKNOWN);
        assert_int_equal(cw_matica_place(CW_WHERE_REJECT), 4);
        assert_int_equal(cw_matica_place(CW_WHERE_OUTPUT), 5);
}

static void tracks(void **state) {
        (void)state;
        uint8_t b[32];
        char text[40];
        assert_int_equal(cw_matica_put_track(1, CW_SPAN((const uint8_t *)"AZ 09^", 6),
                                             CW_MATICA_ADDS_SENTINELS, b, sizeof b),
                         8);
        assert_memory_equal(b, "\xa6\6\x21\x3a\0\x10\x19\x3e", 8);
        assert_true(cw_matica_get_track(1, b, 8, CW_MATICA_ADDS_SENTINELS, text, sizeof text));
        assert_string_equal(text, "AZ 09^");
        assert_int_equal(cw_matica_put_track(2, CW_SPAN((const uint8_t *)"40=1", 4), CW_MATICA_ADDS_SENTINELS,
                                             b, sizeof b),
                         6);
        assert_memory_equal(b, "\xb4\4\4\0\x0d\1", 6);
        assert_true(cw_matica_get_track(2, b, 6, CW_MATICA_ADDS_SENTINELS, text, sizeof text));
        assert_string_equal(text, "40=1");
        assert_false(cw_matica_get_track(1, b, 6, CW_MATICA_ADDS_SENTINELS, text, sizeof text));
        assert_false(cw_matica_get_track(2, b, 5, CW_MATICA_ADDS_SENTINELS, text, sizeof text));
        assert_int_equal(
            cw_matica_put_track(3, CW_SPAN((const uint8_t *)"0123", 4), CW_MATICA_ADDS_SENTINELS, b, 5), 0);
}

/* The LRC of these tracks is that of ISO/IEC 7811-6: 22h of the first, 05h of the second. */
static void tracks_with_sentinels(void **state) {
        (void)state;
        static const char name[] = "EVOLISCARDPRINTER";
        uint8_t b[32];
        char text[40];
        const struct cw_span first = CW_SPAN((const uint8_t *)name, sizeof name - 1),
                             second = CW_SPAN((const uint8_t *)"123456789", 9);
        assert_int_equal(cw_matica_put_track(1, first, CW_MATICA_WANTS_LRC, b, sizeof b), 22);
        assert_int_equal(b[1], 20);
        assert_int_equal(b[2], 0x05);  /* % */
        assert_int_equal(b[20], 0x1f); /* ? */
        assert_int_equal(b[21], 0x22);
        assert_true(cw_matica_get_track(1, b, 22, CW_MATICA_WANTS_LRC, text, sizeof text));
        assert_string_equal(text, name);
        assert_int_equal(cw_matica_put_track(2, second, CW_MATICA_WANTS_LRC, b, sizeof b), 14);
        assert_memory_equal(b, "\xb4\x0c\x0b\1\2\3\4\5\6\7\x8\x9\x0f\5", 14);
        assert_int_equal(cw_matica_put_track(2, second, CW_MATICA_WANTS_SENTINELS, b, sizeof b), 13);
        assert_memory_equal(b, "\xb4\x0b\x0b\1\2\3\4\5\6\7\x8\x9\x0f", 13);
        assert_true(cw_matica_get_track(2, b, 13, CW_MATICA_WANTS_SENTINELS, text, sizeof text));
        assert_string_equal(text, "123456789");
        b[2] = 1; /* no start sentinel: somebody else's track */
        assert_false(cw_matica_get_track(2, b, 13, CW_MATICA_WANTS_SENTINELS, text, sizeof text));
        assert_int_equal(cw_matica_put_track(2, second, CW_MATICA_WANTS_LRC, b, 13), 0);
}

static void raster_must_make_sense(void **state) {
        (void)state;
        struct cw_matica_raster r;
        uint8_t b[64] = {[8] = 1, [9] = 44, [10] = 1, [11] = 44, [32] = 4, [33] = 12, [34] = 2, [35] = 0x98};
        assert_true(cw_matica_parse_raster(b, 64, &r));
        assert_int_equal(r.columns, 1036);
        assert_int_equal(r.rows, 664);
        b[35]++;
        assert_false(cw_matica_parse_raster(b, 64, &r));
        b[35]--;
        b[11]++;
        assert_false(cw_matica_parse_raster(b, 64, &r));
}

/* One pixel of the card: column 3 from the left, 5 from the lower edge. */
static void pixel_lands_where_it_belongs(void **state) {
        (void)state;
        size_t len = cw_panel_size(CW_PANEL_WIDTH, CW_PANEL_HEIGHT, 6);
        uint8_t *bits = calloc(1, len), *out = malloc((size_t)2072 * 1328);
        assert_true(bits && out);
        size_t bit = ((size_t)3 * CW_PANEL_WIDTH + 5) * 6;
        for (unsigned i = 0; i < 6; i++, bit++)
                bits[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
        const struct cw_panel panel = {'y', 6, bits, len};
        const struct cw_matica_raster coarse = {300, 1036, 664, 0, 0}, fine = {600, 2072, 1328, 0, 0},
                                      shifted = {300, 1036, 664, -10, 8},
                                      fine_shifted = {600, 2072, 1328, -10, 8};
        cw_matica_spread(&coarse, false, &panel, out);
        assert_int_equal(out[(size_t)(8 + 642) * 1036 + 10 + 3], 255);
        cw_matica_spread(&fine, true, &panel, out);
        assert_int_equal(out[(size_t)(1327 - 2 * 650) * 2072 + 2071 - 2 * 13], 255);
        assert_int_equal(out[(size_t)(1327 - 2 * 650 - 1) * 2072 + 2071 - 2 * 13 - 1], 255);
        cw_matica_spread(&shifted, false, &panel, out);
        assert_int_equal(out[(size_t)(8 + 642) * 1036 + 10 + 3], 0);
        assert_int_equal(out[(size_t)(16 + 642) * 1036 + 3], 255);
        cw_matica_spread(&fine_shifted, true, &panel, out);
        assert_int_equal(out[(size_t)(1327 - 2 * 658) * 2072 + 2071 - 2 * 3], 255);
        assert_false(cw_matica_blank(&panel));
        memset(bits, 0, len);
        assert_true(cw_matica_blank(&panel));
        free(bits);
        free(out);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(wrappers),
            cmocka_unit_test(sense_of_a_warming_printer),
            cmocka_unit_test(positions),
            cmocka_unit_test(tracks),
            cmocka_unit_test(tracks_with_sentinels),
            cmocka_unit_test(raster_must_make_sense),
            cmocka_unit_test(pixel_lands_where_it_belongs),
        };
        return cmocka_run_group_tests_name("matica codec", tests, NULL, NULL);
}
