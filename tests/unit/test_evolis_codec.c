/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/evolis/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void command_is_framed(void **state) {
        (void)state;
        uint8_t out[16];
        struct cw_writer w;
        cw_writer_init(&w, out, sizeof out);
        cw_evolis_put_command(&w, "Rfv");
        assert_false(w.bad);
        assert_int_equal(w.len, 5);
        assert_memory_equal(out, "\x1bRfv\r", 5);
}

static void bad_commands_are_marked(void **state) {
        (void)state;
        static const char *const bad[] = {"", "R\rfv", "\x1bR", "R\xc3\xa9"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                uint8_t out[300];
                struct cw_writer w;
                cw_writer_init(&w, out, sizeof out);
                cw_evolis_put_command(&w, bad[i]);
                assert_true(w.bad);
        }
        char text[CW_EVOLIS_COMMAND_MAX + 2];
        memset(text, 'R', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        uint8_t out[400];
        struct cw_writer w;
        cw_writer_init(&w, out, sizeof out);
        cw_evolis_put_command(&w, text);
        assert_true(w.bad);
}

static void track_and_panel_heads(void **state) {
        (void)state;
        uint8_t out[64];
        struct cw_writer w;
        cw_writer_init(&w, out, sizeof out);
        cw_evolis_put_track(&w, 3, CW_SPAN((const uint8_t *)"222002", 6));
        assert_int_equal(w.len, 13);
        assert_memory_equal(out,
                            "\x1b"
                            "Dm;3;222002\r",
                            13);
        cw_writer_init(&w, out, sizeof out);
        cw_evolis_put_panel_head(&w, 'y', 6, false, 0);
        assert_int_equal(w.len, 9);
        assert_memory_equal(out,
                            "\x1b"
                            "Db;y;64;",
                            9);
        cw_writer_init(&w, out, sizeof out);
        cw_evolis_put_panel_head(&w, 'k', 1, true, 83312);
        assert_int_equal(w.len, 15);
        assert_memory_equal(out,
                            "\x1b"
                            "Dbc;k;2;83312;",
                            15);
}

/* A decoder of the compressed form written from the description of the captures. */
static size_t expand(const uint8_t *in, size_t len, uint8_t *out, size_t line_bytes, size_t lines) {
        size_t at = 0, line = 0;
        memset(out, 0, line_bytes * lines);
        while (at < len && line < lines) {
                uint8_t n = in[at++];
                if (n == 0xff)
                        memset(out + line * line_bytes, 0xff, line_bytes);
                else {
                        assert_true(n <= line_bytes && at + n <= len);
                        memcpy(out + line * line_bytes, in + at, n);
                        at += n;
                }
                line++;
        }
        assert_int_equal(at, len);
        return line;
}

static void compression_round_trip(void **state) {
        (void)state;
        enum { WIDTH = 81, LINES = 50 };
        uint8_t panel[WIDTH * LINES] = {0}, packed[(WIDTH + 1) * LINES], back[sizeof panel];
        for (size_t i = 0; i < LINES; i++) {
                if (i % 4 == 1)
                        memset(panel + i * WIDTH, 0xff, WIDTH);
                if (i % 4 == 2)
                        memset(panel + i * WIDTH, 0x5a, i);
                if (i % 4 == 3)
                        panel[i * WIDTH + WIDTH - 1] = 1;
        }
        size_t n = cw_evolis_compress_mono(panel, WIDTH, LINES, packed, sizeof packed);
        assert_true(n > 0 && n < sizeof panel);
        assert_int_equal(packed[0], 0);
        assert_int_equal(packed[1], 0xff);
        assert_int_equal(expand(packed, n, back, WIDTH, LINES), LINES);
        assert_memory_equal(panel, back, sizeof panel);
        assert_int_equal(cw_evolis_compress_mono(panel, WIDTH, LINES, packed, n - 1), 0);
}

/* 255 in a line of 255 bytes would read as "black": the count must stay below it. */
static void compression_all_black_line_of_its_own_mark(void **state) {
        (void)state;
        uint8_t line[81], packed[82], back[81];
        memset(line, 0xff, sizeof line);
        line[80] = 0xfe;
        size_t n = cw_evolis_compress_mono(line, 81, 1, packed, sizeof packed);
        assert_int_equal(n, 82);
        assert_int_equal(packed[0], 81);
        assert_int_equal(expand(packed, n, back, 81, 1), 1);
        assert_memory_equal(line, back, 81);
}

static void stream_cuts_answers(void **state) {
        (void)state;
        uint8_t memory[CW_EVOLIS_REPLY_MAX];
        struct cw_evolis_stream s = {memory, 0};
        char text[16];
        assert_true(cw_evolis_stream_add(&s, (const uint8_t *)"NO CA", 5));
        assert_int_equal(cw_evolis_stream_find(&s), -1);
        assert_true(cw_evolis_stream_add(&s, (const uint8_t *)"RD\0OK\r1", 7));
        assert_int_equal(cw_evolis_stream_find(&s), 7);
        cw_evolis_stream_take(&s, 7, text, sizeof text);
        assert_string_equal(text, "NO CARD");
        assert_int_equal(cw_evolis_stream_find(&s), 2);
        cw_evolis_stream_take(&s, 2, text, sizeof text);
        assert_string_equal(text, "OK");
        assert_int_equal(s.len, 1);
        cw_evolis_stream_take(&s, 1, text, sizeof text);
        assert_string_equal(text, "1");
        assert_int_equal(s.len, 0);
}

static void stream_is_bounded_and_wiped(void **state) {
        (void)state;
        uint8_t memory[CW_EVOLIS_REPLY_MAX] = {0};
        struct cw_evolis_stream s = {memory, 0};
        uint8_t block[CW_EVOLIS_REPLY_MAX];
        char text[4];
        memset(block, 'x', sizeof block);
        assert_true(cw_evolis_stream_add(&s, block, sizeof block));
        assert_false(cw_evolis_stream_add(&s, block, 1));
        cw_evolis_stream_take(&s, sizeof block, text, sizeof text);
        assert_string_equal(text, "xxx");
        for (size_t i = 0; i < sizeof memory; i++)
                assert_int_equal(memory[i], 0);
}

static void answers_have_kinds(void **state) {
        (void)state;
        static const struct {
                const char *text;
                enum cw_evolis_kind kind;
                enum cw_evolis_trouble trouble;
        } cases[] = {
            {"OK", CW_EVOLIS_OK, CW_EVOLIS_T_NONE},
            {" OK ", CW_EVOLIS_OK, CW_EVOLIS_T_NONE},
            {"\x06", CW_EVOLIS_OK, CW_EVOLIS_T_NONE},
            {"1520", CW_EVOLIS_VALUE, CW_EVOLIS_T_NONE},
            {"", CW_EVOLIS_VALUE, CW_EVOLIS_T_NONE},
            {"NO CARD", CW_EVOLIS_VALUE, CW_EVOLIS_T_NONE},
            {"ERROR CDE", CW_EVOLIS_COMMAND, CW_EVOLIS_T_COMMAND},
            {"\x15"
             "1",
             CW_EVOLIS_COMMAND, CW_EVOLIS_T_COMMAND},
            {"ERR CARD", CW_EVOLIS_ERROR, CW_EVOLIS_T_MECHANICAL},
            {"ERR NEED CLEANING", CW_EVOLIS_ERROR, CW_EVOLIS_T_CLEANING},
            {"ERR RIB DETECTION", CW_EVOLIS_ERROR, CW_EVOLIS_T_RIBBON},
            {"ERR RIBBON ENDED", CW_EVOLIS_ERROR, CW_EVOLIS_T_RIBBON_ENDED},
            {"ERR COVER OPEN", CW_EVOLIS_ERROR, CW_EVOLIS_T_COVER},
            {"ERR FEEDER EMPTY", CW_EVOLIS_ERROR, CW_EVOLIS_T_FEEDER},
            {"ERR REJECT FULL", CW_EVOLIS_ERROR, CW_EVOLIS_T_REJECT_FULL},
            {"ERR HOPPER FULL", CW_EVOLIS_ERROR, CW_EVOLIS_T_OUTPUT_FULL},
            {"ERR BLANK TRACK", CW_EVOLIS_ERROR, CW_EVOLIS_T_MAG_BLANK},
            {"ERR MAG DATA", CW_EVOLIS_ERROR, CW_EVOLIS_T_MAG},
            {"ERR", CW_EVOLIS_ERROR, CW_EVOLIS_T_UNKNOWN},
            {"ERREUR XYZ", CW_EVOLIS_ERROR, CW_EVOLIS_T_UNKNOWN},
            {"\x15"
             "T",
             CW_EVOLIS_ERROR, CW_EVOLIS_T_MECHANICAL},
            {"\x15"
             "C",
             CW_EVOLIS_ERROR, CW_EVOLIS_T_COVER},
            {"\x15"
             "R",
             CW_EVOLIS_ERROR, CW_EVOLIS_T_RIBBON},
            {"\x15", CW_EVOLIS_ERROR, CW_EVOLIS_T_UNKNOWN},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                assert_int_equal(cw_evolis_kind(cases[i].text), cases[i].kind);
                assert_int_equal(cw_evolis_trouble(cases[i].text), cases[i].trouble);
        }
}

static void every_trouble_has_a_code(void **state) {
        (void)state;
        for (int t = CW_EVOLIS_T_NONE; t <= CW_EVOLIS_T_CONTACT; t++)
                assert_memory_equal(cw_evolis_trouble_code((enum cw_evolis_trouble)t), "PR", 2);
}

static void volts_and_numbers(void **state) {
        (void)state;
        int64_t v = -7;
        assert_true(cw_evolis_millivolts("5,00 Volts", &v));
        assert_int_equal(v, 5000);
        assert_true(cw_evolis_millivolts("0.98 Volts", &v));
        assert_int_equal(v, 980);
        assert_true(cw_evolis_millivolts("2,5V", &v));
        assert_int_equal(v, 2500);
        assert_true(cw_evolis_millivolts("12", &v));
        assert_int_equal(v, 12000);
        assert_true(cw_evolis_millivolts("1,23456789", &v));
        assert_int_equal(v, 1234);
        assert_false(cw_evolis_millivolts("", &v));
        assert_false(cw_evolis_millivolts(",5", &v));
        assert_false(cw_evolis_millivolts("99999 V", &v));
        assert_false(cw_evolis_millivolts("5,00 Amps", &v));
        assert_true(cw_evolis_number(" 4711 ", &v));
        assert_int_equal(v, 4711);
        assert_false(cw_evolis_number("-1", &v));
        assert_false(cw_evolis_number("1x", &v));
        assert_false(cw_evolis_number("", &v));
        assert_false(cw_evolis_number("1234567890123456", &v));
        assert_int_equal(v, 4711);
}

/* The same word means the opposite in the two generations. */
static void positions_by_generation(void **state) {
        (void)state;
        assert_int_equal(cw_evolis_where(CW_EVOLIS_MODERN, "OK"), CW_WHERE_NONE);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_CLASSIC, "OK"), CW_WHERE_PRINT);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_UNKNOWN, "OK"), CW_WHERE_UNKNOWN);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_MODERN, "CARD"), CW_WHERE_PRINT);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_CLASSIC, "CARD"), CW_WHERE_UNKNOWN);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_MODERN, "SMART CARD"), CW_WHERE_CONTACT);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_MODERN, "CONTACTLESS CARD"), CW_WHERE_CONTACTLESS);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_CLASSIC, "NO CARD"), CW_WHERE_NONE);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_MODERN, "NO CARD"), CW_WHERE_UNKNOWN);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_MODERN, "ERR CARD"), CW_WHERE_TRANSPORT);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_UNKNOWN, "ERR CARD"), CW_WHERE_UNKNOWN);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_MODERN, "ERROR CDE"), CW_WHERE_UNKNOWN);
        assert_int_equal(cw_evolis_where(CW_EVOLIS_MODERN, ""), CW_WHERE_UNKNOWN);
}

static void ribbons(void **state) {
        (void)state;
        char kind[16] = "";
        assert_true(cw_evolis_ribbon("YMCKO", kind, sizeof kind));
        assert_string_equal(kind, "ymcko");
        assert_true(cw_evolis_ribbon("Ktc", kind, sizeof kind));
        assert_string_equal(kind, "ktc");
        assert_false(cw_evolis_ribbon("OK", kind, sizeof kind));
        assert_false(cw_evolis_ribbon("ymcko2", kind, sizeof kind));
        assert_false(cw_evolis_ribbon("ymcko", kind, 5));
}

static void quote_is_printable(void **state) {
        (void)state;
        char out[6];
        cw_evolis_quote("A\x1b\r\xff"
                        "BCDEF",
                        out, sizeof out);
        assert_string_equal(out, "A???B");
}

static void masked(bool *ctx, bool in, const char *bytes, size_t len, const char *want) {
        uint8_t copy[64];
        memcpy(copy, bytes, len);
        size_t n = len;
        cw_evolis_mask(ctx, in, copy, &n);
        assert_int_equal(n, strlen(want));
        assert_memory_equal(copy, want, n);
}

static void recordings_hold_no_payload(void **state) {
        (void)state;
        bool ctx = false;
        masked(&ctx, false, "\x1bRlr;p\r", 7, "\x1bRlr;p\r");
        masked(&ctx, true, "CARD\0", 4, "CARD");
        masked(&ctx, false,
               "\x1b"
               "Dm;2;4000001234567899\r",
               23,
               "\x1b"
               "Dm;2;<17>");
        masked(&ctx, false,
               "\x1b"
               "Dm;3;1\r",
               8,
               "\x1b"
               "Dm;3;**");
        masked(&ctx, false,
               "\x1b"
               "Db;y;64;abcdefgh\r",
               18,
               "\x1b"
               "Db;y;64;<9>");
        masked(&ctx, false, "Dbc;k;2;8;abcdefgh\r", 19, "Dbc;k;2;8;<9>");
        masked(&ctx, false, "\x1bSmr;2\r", 7, "\x1bSmr;2\r");
        masked(&ctx, true, "4000001234567899", 16, "<16>");
        masked(&ctx, false, "\x1bRsn\r", 5, "\x1bRsn\r");
        masked(&ctx, true, "EMU1", 4, "EMU1");
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(command_is_framed),
            cmocka_unit_test(bad_commands_are_marked),
            cmocka_unit_test(track_and_panel_heads),
            cmocka_unit_test(compression_round_trip),
            cmocka_unit_test(compression_all_black_line_of_its_own_mark),
            cmocka_unit_test(stream_cuts_answers),
            cmocka_unit_test(stream_is_bounded_and_wiped),
            cmocka_unit_test(answers_have_kinds),
            cmocka_unit_test(every_trouble_has_a_code),
            cmocka_unit_test(volts_and_numbers),
            cmocka_unit_test(positions_by_generation),
            cmocka_unit_test(ribbons),
            cmocka_unit_test(quote_is_printable),
            cmocka_unit_test(recordings_hold_no_payload),
        };
        return cmocka_run_group_tests_name("evolis codec", tests, NULL, NULL);
}
