/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/reader/extended.h"
#include "drivers/reader/part10.h"
#include "test_reader_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LINES(l) (l), sizeof(l) / sizeof *(l)

static cw_rc exchange(struct script_card *card, const char *hex, struct cw_rapdu *r, struct cw_fault *f) {
        uint8_t command[CW_APDU_COMMAND_MAX + 8];
        size_t len = 0;
        assert_true(cw_hex_decode(hex, strlen(hex), command, sizeof command, &len));
        return cw_card_exchange(&card->channel, CW_SPAN(command, len), 1000, r, f);
}

static void assert_data(const struct cw_rapdu *r, const char *hex) {
        char got[2 * CW_APDU_DATA_MAX + 1];
        assert_true(cw_hex_encode(r->data, r->len, got, sizeof got));
        assert_string_equal(got, hex);
}

static void test_t1_case4_as_given(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"00A4040005A00000000100", "6F009000"}};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), false);
        assert_int_equal(exchange(&card, "00A4040005A00000000100", &r, NULL), CW_OK);
        assert_int_equal(r.sw, 0x9000);
        assert_data(&r, "6F00");
        script_card_done(&card);
}

static void test_t0_case4_drops_le_and_fetches(void **state) {
        (void)state;
        static const struct script_line lines[] = {
            {"00A4040005A000000001", "6104"},
            {"00C0000004", "AABBCCDD6102"},
            {"00C0000002", "EEFF9000"},
        };
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), true);
        assert_int_equal(exchange(&card, "00A4040005A00000000100", &r, NULL), CW_OK);
        assert_int_equal(r.sw, 0x9000);
        assert_data(&r, "AABBCCDDEEFF");
        script_card_done(&card);
}

static void test_6c_repeats_with_the_right_length(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"80CA9F7F00", "6C03"}, {"80CA9F7F03", "0102039000"}};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), true);
        assert_int_equal(exchange(&card, "80CA9F7F00", &r, NULL), CW_OK);
        assert_data(&r, "010203");
        script_card_done(&card);
}

static void test_6c_on_get_response(void **state) {
        (void)state;
        static const struct script_line lines[] = {
            {"80CA9F7F00", "6100"}, {"00C0000000", "6C02"}, {"00C0000002", "01029000"}};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), true);
        assert_int_equal(exchange(&card, "80CA9F7F00", &r, NULL), CW_OK);
        assert_data(&r, "0102");
        script_card_done(&card);
}

/* A command under secure messaging is never sent twice: the card's counter and chain have moved. */
static void test_6c_never_repeats_a_secured_command(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"84CA006600", "6C10"}};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), true);
        assert_int_equal(exchange(&card, "84CA006600", &r, NULL), CW_OK);
        assert_int_equal(r.sw, 0x6c10);
        script_card_done(&card);
}

static void test_6c_never_repeats_a_command_with_data(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"80E2000001AA", "6C10"}};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), true);
        assert_int_equal(exchange(&card, "80E2000001AA00", &r, NULL), CW_OK);
        assert_int_equal(r.sw, 0x6c10);
        script_card_done(&card);
}

static void test_endless_61_is_refused(void **state) {
        (void)state;
        struct script_line lines[25] = {{"80CA9F7F00", "6101"}};
        for (size_t i = 1; i < 25; i++)
                lines[i] = (struct script_line){"00C0000001", "AA6101"};
        struct script_card card;
        struct cw_rapdu r = {.len = 77};
        struct cw_fault f = {0};
        script_card_init(&card, LINES(lines), true);
        assert_int_equal(cw_rc_class(exchange(&card, "80CA9F7F00", &r, &f)), CW_C_REJECT);
        assert_int_equal(r.len, 77); /* nothing written on failure */
        script_card_done(&card);
}

/* The command is done by then: a refused GET RESPONSE is no refusal of it, and it is never sent again. */
static void test_refused_get_response_is_a_lost_answer(void **state) {
        (void)state;
        static const char *const refusals[] = {"6E00", "6D00", "6985", "6F00", "9484"};
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
                const struct script_line lines[] = {{"84D8010002AABB", "610A"}, {"00C000000A", refusals[i]}};
                struct script_card card;
                struct cw_rapdu r = {.len = 77};
                struct cw_fault f = {0};
                script_card_init(&card, LINES(lines), true);
                assert_int_equal(exchange(&card, "84D8010002AABB00", &r, &f),
                                 CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_SHORT));
                assert_string_equal(f.code, "PRD_SMARTCARD");
                assert_int_equal(r.len, 77);
                script_card_done(&card);
        }
}

/* Some chips want the command's own class, without secure messaging, in the same logical channel. */
static void test_class_of_get_response(void **state) {
        (void)state;
        static const struct script_line lines[] = {
            {"84E2000002AABB", "6102"}, {"80C0000002", "01029000"}, {"8CDA9F5803AABBCC", "6102"},
            {"80C0000002", "01029000"}, {"00A4040000", "6102"},     {"00C0000002", "01029000"},
            {"0582000002AABB", "6102"}, {"01C0000002", "01029000"}, {"E1E2000002AABB", "6103"},
            {"C1C0000003", "6C02"},     {"C1C0000002", "01029000"}, {"84E2000002AABB", "6102"},
            {"00C0000002", "01029000"}};
        static const char *const commands[] = {"84E2000002AABB00", "8CDA9F5803AABBCC00", "00A4040000",
                                               "0582000002AABB00", "E1E2000002AABB00"};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), true);
        card.channel.own_class = true;
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
                assert_int_equal(exchange(&card, commands[i], &r, NULL), CW_OK);
                assert_data(&r, "0102");
        }
        card.channel.own_class = false;
        assert_int_equal(exchange(&card, commands[0], &r, NULL), CW_OK);
        script_card_done(&card);
}

/* Its own refusal stays one; a warning behind 61xx is the command's. */
static void test_whose_status_word_it_is(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"84D8010002AABB", "6E00"},
                                                   {"80F28000024F00", "6102"},
                                                   {"00C0000002", "01026310"},
                                                   {"80F28000024F00", "6102"},
                                                   {"00C0000002", "01026283"}};
        static const char *const commands[] = {"84D8010002AABB00", "80F28000024F0000", "80F28000024F0000"};
        static const uint16_t words[] = {0x6e00, 0x6310, 0x6283};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), true);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                assert_int_equal(exchange(&card, commands[i], &r, NULL), CW_OK);
                assert_int_equal(r.sw, words[i]);
        }
        script_card_done(&card);
}

static void test_zero_length_success_is_a_dead_card(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"80CA9F7F00", ""}};
        struct script_card card;
        struct cw_rapdu r = {0};
        struct cw_fault f = {0};
        script_card_init(&card, LINES(lines), false);
        cw_rc rc = exchange(&card, "80CA9F7F00", &r, &f);
        assert_int_equal(rc, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_SHORT));
        assert_string_equal(f.code, "PRD_SMARTCARD");
        script_card_done(&card);
}

static void test_lost_reader_passes_through(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"80CA9F7F00", NULL}};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), false);
        assert_int_equal(cw_rc_class(exchange(&card, "80CA9F7F00", &r, NULL)), CW_C_RECONNECT);
        script_card_done(&card);
}

static void test_bad_commands_never_leave(void **state) {
        (void)state;
        static const char *const bad[] = {"", "00A404", "00A4040005AA", "00A4040000AA", "00A4040001AABBCC"};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, NULL, 0, false);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(cw_rc_class(exchange(&card, bad[i], &r, NULL)), CW_C_REJECT);
}

/* ---- extended length ---- */

static cw_rc read_long(struct script_card *card, struct cw_rapdu *r) {
        static const uint8_t command[] = {0x80, 0xca, 0x00, 0xe0, 0x00};
        return cw_card_exchange_long(&card->channel, CW_SPAN(command, sizeof command), 1000, r, NULL);
}

static void test_long_answer_by_an_extended_command(void **state) {
        (void)state;
        static char longest[2 * CW_APDU_ANSWER_MAX + 1];
        struct script_line lines[] = {{"80CA00E0000800", longest}};
        struct script_card card;
        static struct cw_rapdu r;
        memset(longest, 'A', sizeof longest - 1);
        memcpy(longest + sizeof longest - 5, "9000", 4);
        script_card_init(&card, LINES(lines), false);
        card.channel.answer_max = CW_APDU_DATA_MAX;
        assert_int_equal(read_long(&card, &r), CW_OK);
        assert_int_equal(r.len, CW_APDU_DATA_MAX);
        script_card_done(&card);
}

static void test_short_unless_agreed(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"80CA00E000", "6102"}, {"00C0000002", "01029000"}};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), false);
        assert_int_equal(read_long(&card, &r), CW_OK);
        assert_data(&r, "0102");
        script_card_done(&card);
}

/* It said it could, and cannot: short from now on. */
static void test_refused_extended_command(void **state) {
        (void)state;
        static const struct script_line lines[] = {
            {"80CA00E0000100", "6700"}, {"80CA00E000", "01029000"}, {"80CA00E000", "039000"}};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), false);
        card.channel.answer_max = 256;
        assert_int_equal(read_long(&card, &r), CW_OK);
        assert_data(&r, "0102");
        assert_int_equal(read_long(&card, &r), CW_OK);
        assert_data(&r, "03");
        script_card_done(&card);
}

static void test_only_reading_is_extended(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"80CA9F7F00", "9000"}, {"84CA006600", "9000"}};
        static const uint8_t with_data[] = {0x80, 0xf2, 0x80, 0x00, 0x02, 0x4f, 0x00, 0x00};
        static const uint8_t exact[] = {0x80, 0xca, 0x9f, 0x7f, 0x2d};
        struct script_card card;
        struct cw_rapdu r = {0};
        script_card_init(&card, LINES(lines), false);
        card.channel.answer_max = 2048;
        assert_int_equal(exchange(&card, "80CA9F7F00", &r, NULL), CW_OK);
        assert_int_equal(exchange(&card, "84CA006600", &r, NULL), CW_OK);
        assert_int_equal(cw_rc_class(cw_card_exchange_long(
                             &card.channel, CW_SPAN(with_data, sizeof with_data), 1000, &r, NULL)),
                         CW_C_REJECT);
        assert_int_equal(
            cw_rc_class(cw_card_exchange_long(&card.channel, CW_SPAN(exact, sizeof exact), 1000, &r, NULL)),
            CW_C_REJECT);
        script_card_done(&card);
}

static bool says_extended(const char *hex) {
        uint8_t atr[CW_ATR_MAX];
        size_t len = 0;
        assert_true(cw_hex_decode(hex, strlen(hex), atr, sizeof atr, &len));
        return cw_atr_says_extended(CW_SPAN(atr, len));
}

static void test_capabilities_of_the_atr(void **state) {
        (void)state;
        assert_true(says_extended("3B858001807300004073")); /* TD1 and TD2, then 80 73 00 00 40 */
        assert_true(says_extended("3B058073000040"));       /* none before */
        assert_true(says_extended("3BF71300008131FE45803180730000C000")); /* TA1 to TB3; a 31 before the 73 */
        assert_true(says_extended("3B8880010073000040009000AA"));         /* category 00: status behind */
        assert_false(says_extended("3B85800180730000803F"));              /* chaining only */
        assert_false(says_extended("3B848001807280C0BF"));                /* two bytes of capabilities */
        assert_false(says_extended("3B8680014357454D553100"));            /* the maker's own */
        assert_false(says_extended("3B8F8001807300"));                    /* cut short */
        assert_false(says_extended("3BFF"));
        assert_false(says_extended("3B"));
        assert_false(says_extended(""));
}

static uint32_t told_max;
static int questions;

static cw_rc control(struct cw_card_channel *c, uint32_t code, struct cw_span in, int64_t timeout_ms,
                     uint8_t *ret, size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        (void)c, (void)in, (void)timeout_ms, (void)ret_cap;
        questions++;
        if (told_max == 0)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "script", "", "no");
        const uint8_t features[] = {0x12, 0x04, 0x42, 0x33, 0x00, 0x12};
        const uint8_t properties[] = {0x0a,
                                      0x04,
                                      (uint8_t)told_max,
                                      (uint8_t)(told_max >> 8),
                                      (uint8_t)(told_max >> 16),
                                      (uint8_t)(told_max >> 24)};
        memcpy(ret, code == CW_PART10_GET_FEATURES ? features : properties, sizeof features);
        *ret_len = sizeof features;
        return CW_OK;
}

static size_t agreed(bool t0, const char *atr, uint32_t reader_max) {
        const struct cw_card_channel_ops ops = {.control = control};
        struct cw_card_channel c = {.ops = &ops, .t0 = t0, .answer_max = 77};
        assert_true(cw_hex_decode(atr, strlen(atr), c.atr, sizeof c.atr, &c.atr_len));
        told_max = reader_max;
        questions = 0;
        assert_int_equal(cw_card_agree_extended(&c, 1000, NULL), CW_OK);
        return c.answer_max;
}

/* Card, protocol and reader, all of them. */
static void test_agreement(void **state) {
        (void)state;
        static const char can[] = "3B858001807300004073", cannot[] = "3B858001807300000033";
        assert_int_equal(agreed(false, can, 65536), CW_APDU_DATA_MAX);
        assert_int_equal(agreed(false, can, 1000), 1000);
        assert_int_equal(agreed(false, can, 256), 0);
        assert_int_equal(agreed(false, can, 0), 0);
        assert_int_equal(agreed(false, cannot, 65536), 0);
        assert_int_equal(questions, 0);
        assert_int_equal(agreed(true, can, 65536), 0);
        assert_int_equal(questions, 0);
}

static void count_up(void *ctx) {
        ++*(int *)ctx;
}

/* Once, with whatever the next exchange comes to. */
static void test_meanwhile_runs_once(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"80CA9F7F00", "6C03"},
                                                   {"80CA9F7F03", "0102039000"},
                                                   {"80CA9F7F00", "9000"},
                                                   {"80CA9F7F00", ""},
                                                   {"80CA9F7F00", NULL}};
        static const char *const commands[] = {"80CA9F7F00", "80CA9F7F00", "80CA9F7F00", "00A404"};
        struct script_card card;
        struct cw_rapdu r = {0};
        int runs = 0;
        script_card_init(&card, LINES(lines), true);
        cw_card_meanwhile(&card.channel, count_up, &runs);
        assert_int_equal(exchange(&card, "80CA9F7F00", &r, NULL), CW_OK);
        assert_int_equal(runs, 1);
        for (int i = 0; i < 4; i++) {
                cw_card_meanwhile(&card.channel, count_up, &runs);
                assert_int_equal(exchange(&card, commands[i], &r, NULL) == CW_OK, i == 0);
                assert_int_equal(runs, 2 + i);
        }
        script_card_done(&card);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_t1_case4_as_given),
            cmocka_unit_test(test_t0_case4_drops_le_and_fetches),
            cmocka_unit_test(test_6c_repeats_with_the_right_length),
            cmocka_unit_test(test_6c_on_get_response),
            cmocka_unit_test(test_6c_never_repeats_a_secured_command),
            cmocka_unit_test(test_6c_never_repeats_a_command_with_data),
            cmocka_unit_test(test_endless_61_is_refused),
            cmocka_unit_test(test_refused_get_response_is_a_lost_answer),
            cmocka_unit_test(test_class_of_get_response),
            cmocka_unit_test(test_whose_status_word_it_is),
            cmocka_unit_test(test_zero_length_success_is_a_dead_card),
            cmocka_unit_test(test_lost_reader_passes_through),
            cmocka_unit_test(test_bad_commands_never_leave),
            cmocka_unit_test(test_long_answer_by_an_extended_command),
            cmocka_unit_test(test_short_unless_agreed),
            cmocka_unit_test(test_refused_extended_command),
            cmocka_unit_test(test_only_reading_is_extended),
            cmocka_unit_test(test_capabilities_of_the_atr),
            cmocka_unit_test(test_agreement),
            cmocka_unit_test(test_meanwhile_runs_once),
        };
        return cmocka_run_group_tests_name("reader exchange", tests, NULL, NULL);
}
