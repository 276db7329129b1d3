/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/zebra/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t out[512];
static struct cw_writer w;

static int fresh(void **state) {
        (void)state;
        memset(out, 0xee, sizeof out);
        cw_writer_init(&w, out, sizeof out);
        return 0;
}

static void wrote(const void *bytes, size_t len) {
        assert_false(w.bad);
        assert_int_equal(w.len, len);
        assert_memory_equal(out, bytes, len);
}

/* Examples of the manual and of the reference. */
static void commands(void **state) {
        cw_zebra_put_command(&w, CW_ZEBRA_ESCAPE, "&CDEW 0 0");
        wrote("\x1b&CDEW 0 0\r", 11);
        (void)fresh(state);
        cw_zebra_put_command(&w, CW_ZEBRA_ESCAPE, "M 1 IS 0[IS 1[IS 2[I 10");
        wrote("\x1bM 1 IS 0[IS 1[IS 2[I 10\r", 25);
        (void)fresh(state);
        cw_zebra_put_command(&w, CW_ZEBRA_COUNTED, "I 10");
        wrote("\0\0\0\x06I 10\r", 9);
        (void)fresh(state);
        cw_zebra_put_command(&w, CW_ZEBRA_ESCAPE, "");
        assert_true(w.bad);
        (void)fresh(state);
        cw_zebra_put_command(&w, CW_ZEBRA_ESCAPE, "V\r\x1bMI");
        assert_true(w.bad);
}

static void data_hides_its_control_characters(void **state) {
        static const uint8_t line[] = {0x00, 0x0d, 0x1b, 0x5b, 0xff};
        cw_zebra_put_line(&w, CW_ZEBRA_ESCAPE, false, line, sizeof line);
        wrote("\x1bO\0[\x0d[\x1b[[\xff\r", 11);
        (void)fresh(state);
        cw_zebra_put_line(&w, CW_ZEBRA_ESCAPE, true, line, 1);
        wrote("\x1bvO\0\r", 5);
        (void)fresh(state);
        cw_zebra_put_track(&w, CW_ZEBRA_ESCAPE, 2, CW_SPAN((const uint8_t *)"123456789", 9));
        wrote("\x1b&B 2 123456789\r", 16);
        (void)fresh(state);
        cw_zebra_put_track(&w, CW_ZEBRA_ESCAPE, 1, CW_SPAN((const uint8_t *)"A[B", 3));
        wrote("\x1b&B 1 A[[B\r", 11);
}

/* The longest line fits the buffer that is meant for it, and the one byte of the counted frame. */
static void longest_line(void **state) {
        (void)state;
        uint8_t line[80];
        memset(line, 0x1b, sizeof line);
        cw_writer_init(&w, out, CW_ZEBRA_LINE_MAX);
        cw_zebra_put_line(&w, CW_ZEBRA_COUNTED, true, line, sizeof line);
        assert_false(w.bad);
}

static void parse(const char *bytes, size_t len, bool quiet, enum cw_zebra_kind kind, size_t takes) {
        struct cw_zebra_reply r;
        assert_int_equal(cw_zebra_parse((const uint8_t *)bytes, len, quiet, &r), takes);
        assert_int_equal(r.kind, kind);
}

static void replies(void **state) {
        (void)state;
        struct cw_zebra_reply r;
        parse("", 0, true, CW_ZEBRA_NONE, 0);
        parse("\x06", 1, false, CW_ZEBRA_ACK, 1);
        parse("\x06\x06", 2, false, CW_ZEBRA_ACK, 1);
        assert_int_equal(cw_zebra_parse((const uint8_t *)"\x15"
                                                         "05\x04",
                                        4, false, &r),
                         4);
        assert_int_equal(r.kind, CW_ZEBRA_NACK);
        assert_int_equal(r.code, 5);
        assert_int_equal(cw_zebra_parse((const uint8_t *)"\x15-1\x04", 4, false, &r), 4);
        assert_int_equal(r.code, -1);
        /* Not complete is not complete, and half of it is nothing: 0 is no code and 4 is "feeder empty". */
        parse("\x15", 1, false, CW_ZEBRA_NONE, 0);
        parse("\x15"
              "0",
              2, false, CW_ZEBRA_NONE, 0);
        parse("\x15"
              "04",
              3, false, CW_ZEBRA_NONE, 0);
        parse("\x15"
              "04",
              3, true, CW_ZEBRA_NOISE, 3);
        parse("\x15"
              "123\x04",
              5, false, CW_ZEBRA_NOISE, 5);
        parse("\x15-7\x04", 4, false, CW_ZEBRA_NOISE, 4);
        parse("\x80\x1b", 2, false, CW_ZEBRA_NOISE, 2);
        parse("P330i\x80", 6, false, CW_ZEBRA_NOISE, 6);
}

static void texts_end_in_any_way(void **state) {
        (void)state;
        struct cw_zebra_reply r;
        static const char *const ends[] = {"P330i V4\x04", "P330i V4\r", "P330i V4\x06"};
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
                assert_int_equal(cw_zebra_parse((const uint8_t *)ends[i], 9, false, &r), 9);
                assert_int_equal(r.kind, CW_ZEBRA_TEXT);
                assert_int_equal(r.len, 8);
        }
        parse("P330i V4", 9, false, CW_ZEBRA_TEXT, 9); /* with its NUL */
        parse("P330i V4", 8, false, CW_ZEBRA_NONE, 0);
        parse("P330i V4", 8, true, CW_ZEBRA_TEXT, 8);
        /* What is left of an end mark belongs to no reply. */
        assert_int_equal(cw_zebra_parse((const uint8_t *)"\x04\r12", 4, true, &r), 4);
        assert_int_equal(r.at, 2);
        assert_int_equal(r.len, 2);
}

static void codes_mean_what_the_manual_says(void **state) {
        (void)state;
        assert_int_equal(cw_zebra_meaning(4), CW_ZEBRA_M_FEEDER);
        assert_int_equal(cw_zebra_meaning(14), CW_ZEBRA_M_SYNTAX);
        assert_int_equal(cw_zebra_meaning(42), CW_ZEBRA_M_MAG);
        assert_int_equal(cw_zebra_meaning(45), CW_ZEBRA_M_OTHER);
        assert_int_equal(cw_zebra_meaning(99), CW_ZEBRA_M_OTHER);
        assert_string_equal(cw_zebra_code(8), "PRT_RIBBON_ENDED");
        assert_string_equal(cw_zebra_code(48), "PRT_COVER_OPEN");
        assert_string_equal(cw_zebra_code(99), "PRT_SETUP_ERROR");
}

/* A panel with one inked pixel. */
static void panel_with(struct cw_panel *p, uint8_t *bytes, unsigned bits, unsigned line, unsigned pixel) {
        size_t at = ((size_t)line * CW_PANEL_WIDTH + pixel) * bits;
        memset(bytes, 0, cw_panel_size(CW_PANEL_WIDTH, CW_PANEL_HEIGHT, bits));
        for (unsigned i = 0; i < bits; i++)
                bytes[(at + i) / 8] |= (uint8_t)(0x80u >> ((at + i) % 8));
        *p = (struct cw_panel){.id = bits == 1 ? 'k' : 'y',
                               .bits = bits,
                               .ptr = bytes,
                               .len = cw_panel_size(CW_PANEL_WIDTH, CW_PANEL_HEIGHT, bits)};
}

/* Both axes are mirrored: the last column of the card goes first, the lower edge begins a line. */
static void pixel_lands_where_it_belongs(void **state) {
        (void)state;
        uint8_t *bytes = malloc(cw_panel_size(CW_PANEL_WIDTH, CW_PANEL_HEIGHT, 6)), line[640];
        struct cw_zebra_area a;
        struct cw_panel p;
        assert_non_null(bytes);
        cw_zebra_area(false, &a);
        panel_with(&p, bytes, 6, 4, 12);
        cw_zebra_colour_line(&a, &p, 1007, line);
        assert_int_equal(line[0], 0xff);
        assert_int_equal(line[1], 0);
        a.forwards = true;
        cw_zebra_colour_line(&a, &p, 0, line);
        assert_int_equal(line[0], 0xff);
        a.upside_down = true;
        cw_zebra_colour_line(&a, &p, 0, line);
        assert_int_equal(line[623], 0xff);
        cw_zebra_area(true, &a);
        panel_with(&p, bytes, 1, 1015, 4 + 9);
        cw_zebra_mono_line(&a, &p, 0, line);
        assert_int_equal(line[1], 0x40);
        assert_int_equal(line[0], 0);
        free(bytes);
}

/* So no colour has to be escaped, whatever the rule for it is. */
static void no_level_is_a_control_character(void **state) {
        (void)state;
        uint8_t *bytes = malloc(cw_panel_size(CW_PANEL_WIDTH, CW_PANEL_HEIGHT, 6)), line[640];
        struct cw_zebra_area a;
        struct cw_panel p;
        assert_non_null(bytes);
        panel_with(&p, bytes, 6, 0, 0);
        for (size_t i = 0; i < 648u * 6 / 8; i++)
                bytes[i] = (uint8_t)(i * 37u + i / 7);
        cw_zebra_area(true, &a);
        cw_zebra_colour_line(&a, &p, 1015, line);
        bool seen[256] = {false};
        for (size_t i = 0; i < a.dots; i++)
                seen[line[i]] = true;
        assert_true(seen[0] || seen[4]);
        for (unsigned v = 0; v < 64; v++) {
                unsigned level = (v * 255 + 31) / 63;
                assert_true(level != 0x0d && level != 0x1b && level != 0x5b);
        }
        assert_false(seen[0x0d] || seen[0x1b] || seen[0x5b]);
        free(bytes);
}

static void heads(void **state) {
        (void)state;
        struct cw_zebra_area a;
        char text[40];
        cw_zebra_area(false, &a);
        cw_zebra_colour_head(&a, 'c', text, sizeof text);
        assert_string_equal(text, "GS 2 32 0 0 1008 624 ");
        cw_zebra_mono_head(&a, false, text, sizeof text);
        assert_string_equal(text, "G 0 0 0 78 1008 1");
        cw_zebra_area(true, &a);
        cw_zebra_mono_head(&a, true, text, sizeof text);
        assert_string_equal(text, "vG 4 0 0 80 1016 1");
}

static void recordings_hold_no_card_data(void **state) {
        (void)state;
        static const char *const sent[] = {"\x1b&B 2 4000001234567899=2912\r", "\x1bO4000001234567899\r",
                                           "\x1bvO4000001234567899\r", "\x1bGS 0 32 4000001234567899",
                                           "4000001234567899"};
        for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
                uint8_t bytes[64] = {0};
                bool track = false;
                size_t len = strlen(sent[i]);
                memcpy(bytes, sent[i], len);
                cw_zebra_mask(&track, false, bytes, &len);
                assert_null(memmem(bytes, sizeof bytes, "40000", 5));
        }
        uint8_t ask[] = "\x1b&L2\r", answer[] = "4000001234567899=2912";
        size_t len = 5, answer_len = sizeof answer - 1;
        bool track = false;
        cw_zebra_mask(&track, false, ask, &len);
        assert_int_equal(len, 5);
        cw_zebra_mask(&track, true, answer, &answer_len);
        assert_null(memmem(answer, sizeof answer, "40000", 5));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(commands, fresh),
            cmocka_unit_test_setup(data_hides_its_control_characters, fresh),
            cmocka_unit_test(longest_line),
            cmocka_unit_test(replies),
            cmocka_unit_test(texts_end_in_any_way),
            cmocka_unit_test(codes_mean_what_the_manual_says),
            cmocka_unit_test(pixel_lands_where_it_belongs),
            cmocka_unit_test(no_level_is_a_control_character),
            cmocka_unit_test(heads),
            cmocka_unit_test(recordings_hold_no_card_data),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
