/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/magicard/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void request_is_framed(void **state) {
        (void)state;
        uint8_t out[64];
        struct cw_writer w;
        cw_writer_init(&w, out, sizeof out);
        cw_magicard_put_request(&w, ",REQ,ERR,");
        assert_false(w.bad);
        assert_int_equal(w.len, 9 + 1 + 9 + 2);
        assert_memory_equal(out, "\5\5\5\5\5\5\5\5\5\1,REQ,ERR,\x1c\3", w.len);
}

static void bad_requests_are_marked(void **state) {
        static const char *const bad[] = {"", "REQ\x1c,", "REQ\xc3\xa9", "REQ,STA,MSR,REQ,STA,MSR,REQ,STA,M"};
        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                uint8_t out[64];
                struct cw_writer w;
                cw_writer_init(&w, out, sizeof out);
                cw_magicard_put_request(&w, bad[i]);
                assert_true(w.bad);
        }
}

static void add(struct cw_magicard_stream *s, const char *text) {
        cw_magicard_stream_add(s, (const uint8_t *)text, strlen(text));
}

static void answers_are_cut_out_of_noise(void **state) {
        static struct cw_magicard_stream s;
        char reply[CW_MAGICARD_REPLY_MAX];
        (void)state;
        add(&s, "noise\3\1STA,MS");
        assert_false(cw_magicard_stream_next(&s, reply) && reply[0]);
        add(&s, "R7,\3\1broken\1STA,TCQ5,\3");
        assert_true(cw_magicard_stream_next(&s, reply));
        assert_string_equal(reply, "STA,MSR7,");
        assert_true(cw_magicard_stream_next(&s, reply));
        assert_string_equal(reply, "STA,TCQ5,");
        assert_false(cw_magicard_stream_next(&s, reply));
        assert_int_equal(s.len, 0);
}

static void too_much_drops_the_oldest(void **state) {
        static struct cw_magicard_stream s;
        static uint8_t much[5000];
        char reply[CW_MAGICARD_REPLY_MAX];
        (void)state;
        memset(much, 'x', sizeof much);
        cw_magicard_stream_add(&s, much, sizeof much);
        assert_int_equal(s.len, sizeof s.bytes);
        add(&s, "\1STAx\n00:00\3");
        assert_true(cw_magicard_stream_next(&s, reply));
        assert_string_equal(reply, "STAx\n00:00");
}

static void only_the_pair_counts(void **state) {
        static const struct {
                const char *reply;
                bool ok;
                unsigned major, minor;
        } cases[] = {
            {"STAPrinterstatus OK.\n00:00\n(c0300)", true, 0, 0},
            {"STABitte Karten nachlegen\nFehlercode - 11:01\n(c0201)", true, 11, 1},
            {"STAUm 12:30 Uhr\nFehlercode - 34:07\n", true, 34, 7},
            {"STA111:01", false, 0, 0},
            {"STA11:011", false, 0, 0},
            {"STAno pair", false, 0, 0},
            {"STA1:", false, 0, 0},
            {"STA,MSR11:01,", false, 0, 0},
            {"11:01", false, 0, 0},
            {"", false, 0, 0},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct cw_magicard_error e = {0};
                assert_int_equal(cw_magicard_parse_error(cases[i].reply, &e), cases[i].ok);
                assert_int_equal(e.major, cases[i].major);
                assert_int_equal(e.minor, cases[i].minor);
        }
        assert_true(cw_magicard_not_fed(&(struct cw_magicard_error){11, 1}));
        assert_false(cw_magicard_not_fed(&(struct cw_magicard_error){0, 0}));
        assert_false(cw_magicard_not_fed(&(struct cw_magicard_error){34, 11}));
}

static void values_belong_to_their_key(void **state) {
        char value[8];
        (void)state;
        assert_true(cw_magicard_parse_value("STA,TCQ1234,", "TCQ", value, sizeof value));
        assert_string_equal(value, "1234");
        assert_true(cw_magicard_parse_value("STA,MSR,", "MSR", value, sizeof value));
        assert_string_equal(value, "");
        assert_false(cw_magicard_parse_value("STA,TCQ1234,", "TCP", value, sizeof value));
        assert_false(cw_magicard_parse_value("STA,TCQ1234", "TCQ", value, sizeof value));
        assert_false(cw_magicard_parse_value("STA,TCQ12345678,", "TCQ", value, sizeof value));
        assert_false(cw_magicard_parse_value("STA", "TCQ", value, sizeof value));
}

#define INFO_HEAD "STA17,Enduro+,1,E1,H1,B1,2.17,0,0,0,0,0,0,"

static void info_is_read(void **state) {
        struct cw_magicard_info i;
        (void)state;
        assert_true(cw_magicard_parse_info(
            INFO_HEAD "41,41,205,3,15,5,1000,12,50,50,11,1,TAG1,300,259,LC1/D,0,0,0,0,0,0,0,0,", &i));
        assert_string_equal(i.model, "Enduro+");
        assert_string_equal(i.serial, "E1");
        assert_string_equal(i.firmware, "2.17");
        assert_int_equal(i.abilities, CW_MAGICARD_HAS_STRIPE | CW_MAGICARD_HAS_CHIP);
        assert_int_equal(i.cards, 41);
        assert_int_equal(i.panels, 205);
        assert_int_equal(i.cleanings, 3);
        assert_int_equal(i.since_cleaning, 5);
        assert_int_equal(i.cleaning_interval, 1000);
        assert_int_equal(i.head_position, 12);
        assert_int_equal(i.error.major, 11);
        assert_int_equal(i.error.minor, 1);
        assert_string_equal(i.tag, "TAG1");
        assert_int_equal(i.shots - i.shots_used, 41);
        assert_string_equal(cw_magicard_film_kind(i.film), "ymcko");
        assert_true(cw_magicard_parse_info(
            "STA$$17,Pronto,1,E1,H1,B1,1,0,0,0,0,0,0,1,1,5,0,0,1,,,50,50,0,0,,,,,", &i));
        assert_int_equal(i.cleaning_interval, -1);
        assert_int_equal(i.shots, -1);
}

static void shifted_info_is_refused(void **state) {
        static const char *const bad[] = {
            "STA17,Enduro+,1,E1,H1,B1,2.17,",
            "STA17,Enduro+,1,E1,H1,B1,2.17,0,0,0,0,0,0,41,41,205,3,15,5,1000,12,50,50,11,1,300,TAG1,259,LC1,",
            "STAEnduro+,17,1,E1,H1,B1,2.17,0,0,0,0,0,0,41,41,205,3,15,5,1000,12,50,50,0,0,TAG,300,259,LC1,",
            "STA17,,1,E1,H1,B1,2.17,0,0,0,0,0,0,41,41,205,3,15,5,1000,12,50,50,0,0,TAG,300,259,LC1,",
            "STAPrinterstatus OK.\n00:00\n(c0300)",
            "",
        };
        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct cw_magicard_info info;
                assert_false(cw_magicard_parse_info(bad[i], &info));
        }
}

static void films_have_kinds(void **state) {
        (void)state;
        assert_string_equal(cw_magicard_film_kind("LC8"), "ymckok");
        assert_string_equal(cw_magicard_film_kind("LC3/B"), "k");
        assert_string_equal(cw_magicard_film_kind("LC6"), "ko");
        assert_string_equal(cw_magicard_film_kind("LC10"), "");
        assert_string_equal(cw_magicard_film_kind(""), "");
}

static void recordings_hold_no_card_data(void **state) {
        (void)state;
        char header[] = "\5\5\5\1,NOC1,MAG1,BPI210,MPC7,%B4000001234567899^A,B?,MAG2,;4000=1?,KGE2\x1c";
        size_t len = sizeof header - 1;
        cw_magicard_mask(NULL, false, (uint8_t *)header, &len);
        assert_int_equal(len, sizeof header - 1);
        assert_null(strstr(header, "4000"));
        assert_null(strstr(header, "A,B"));
        assert_non_null(strstr(header, "%*********************?,MAG2,;******?,KGE2"));
        uint8_t raster[3000];
        memset(raster, 0xaa, sizeof raster);
        len = sizeof raster;
        cw_magicard_mask(NULL, false, raster, &len);
        assert_int_equal(len, 6);
        assert_memory_equal(raster, "<3000>", 6);
        char answer[] = "\1STA,MSR7,\3";
        len = sizeof answer - 1;
        cw_magicard_mask(NULL, true, (uint8_t *)answer, &len);
        assert_string_equal(answer, "\1STA,MSR7,\3");
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(request_is_framed),
            cmocka_unit_test(bad_requests_are_marked),
            cmocka_unit_test(answers_are_cut_out_of_noise),
            cmocka_unit_test(too_much_drops_the_oldest),
            cmocka_unit_test(only_the_pair_counts),
            cmocka_unit_test(values_belong_to_their_key),
            cmocka_unit_test(info_is_read),
            cmocka_unit_test(shifted_info_is_refused),
            cmocka_unit_test(films_have_kinds),
            cmocka_unit_test(recordings_hold_no_card_data),
        };
        return cmocka_run_group_tests_name("Magicard codec", tests, NULL, NULL);
}
