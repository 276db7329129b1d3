/* SPDX-License-Identifier: Apache-2.0 */
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

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_t1_case4_as_given),
            cmocka_unit_test(test_t0_case4_drops_le_and_fetches),
            cmocka_unit_test(test_6c_repeats_with_the_right_length),
            cmocka_unit_test(test_6c_on_get_response),
            cmocka_unit_test(test_6c_never_repeats_a_secured_command),
            cmocka_unit_test(test_6c_never_repeats_a_command_with_data),
            cmocka_unit_test(test_endless_61_is_refused),
            cmocka_unit_test(test_zero_length_success_is_a_dead_card),
            cmocka_unit_test(test_lost_reader_passes_through),
            cmocka_unit_test(test_bad_commands_never_leave),
        };
        return cmocka_run_group_tests_name("reader exchange", tests, NULL, NULL);
}
