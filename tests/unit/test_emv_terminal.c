/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/profile_sign.h"
#include "drivers/chip/terminal.h"
#include "test_reader_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LINES(l) (l), sizeof(l) / sizeof *(l)

struct fixture {
        struct cw_profile *profile;
        struct script_card card;
        struct cw_terminal terminal;
};

static int setup(void **state) {
        const struct cw_profile_trust anybody = {NULL, false};
        struct fixture *x = calloc(1, sizeof *x);
        char key[CW_PROFILE_KEY_ID];
        if (!x || cw_profile_load_trusted(CW_PROFILE_DIR "/generic-debit.json", &anybody, stderr, &x->profile,
                                          key, NULL) != CW_OK)
                return -1;
        *state = x;
        return 0;
}

static int teardown(void **state) {
        struct fixture *x = *state;
        cw_terminal_done(&x->terminal);
        cw_profile_free(x->profile);
        free(x);
        return 0;
}

static struct cw_terminal *with(struct fixture *x, const struct script_line *lines, size_t count) {
        script_card_init(&x->card, lines, count, false);
        assert_int_equal(cw_terminal_init(&x->card.channel, x->profile, 1000, &x->terminal, NULL), CW_OK);
        return &x->terminal;
}

static void assert_element(const struct cw_terminal *t, uint32_t tag, const char *want) {
        struct cw_span v;
        char hex[600];
        assert_true(cw_elements_get(t->elements, tag, &v));
        assert_true(cw_hex_encode(v.ptr, v.len, hex, sizeof hex));
        assert_string_equal(hex, want);
}

static void test_whole_transaction(void **state) {
        struct fixture *x = *state;
        static const struct script_line lines[] = {
            {"00A4040009F0435744454249540100", "6F138409F04357444542495401A5069F38039F1A029000"},
            {"80A80000048302035600", "770A820218009404080102009000"},
            {"00B2010C00", "701957124000001234567899D291220100000123000F9F080200019000"},
            {"00B2020C00",
             "702A5A0840000012345678995F24032902285F3401018C0B9F02069F37049F1A0295058D078A0291089F37049000"},
            {"80AE800011*", "771E9F2701809F360200079F2608A1A2A3A4A5A6A7A89F1007060112030000009000"},
            {"80AE40000E3030C1C2C3C400820000*", "8012400007B1B2B3B4B5B6B7B8060112030000009000"},
        };
        struct cw_terminal *t = with(x, LINES(lines));
        struct cw_terminal_ac ac;
        static const uint8_t issuer_data[8] = {0xc1, 0xc2, 0xc3, 0xc4, 0x00, 0x82, 0x00, 0x00};
        assert_int_equal(cw_terminal_select(t, NULL, NULL), CW_OK);
        assert_int_equal(cw_terminal_start(t, NULL), CW_OK);
        assert_int_equal(cw_terminal_read_records(t, NULL, NULL, NULL), CW_OK);
        assert_int_equal(cw_terminal_generate_ac(t, CW_AC_ARQC, true, &ac, NULL), CW_OK);
        assert_int_equal(ac.cid & CW_AC_TYPE, CW_AC_ARQC);
        assert_int_equal(ac.atc, 7);
        assert_int_equal(ac.ac[7], 0xa8);
        assert_int_equal(cw_elements_set(t->elements, 0x91, CW_SPAN(issuer_data, sizeof issuer_data), NULL),
                         CW_OK);
        assert_int_equal(cw_terminal_generate_ac(t, CW_AC_TC, false, &ac, NULL), CW_OK);
        assert_int_equal(ac.cid & CW_AC_TYPE, CW_AC_TC);
        assert_int_equal(ac.ac[0], 0xb1);
        script_card_done(&x->card);
}

static void test_who_the_card_is(void **state) {
        struct fixture *x = *state;
        static const struct script_line lines[] = {
            {"00A4040009F0435744454249540100", "6F0B8409F043574445424954019000"},
            {"80A8000002830000", "8006180008010100"
                                 "9000"},
            {"00B2010C00",
             "702857124000001234567899D291220100000123000F5A0840000012345678995F24032902285F3401019000"},
        };
        struct cw_terminal *t = with(x, LINES(lines));
        struct cw_terminal_card who = {0};
        assert_int_equal(cw_terminal_select(t, NULL, NULL), CW_OK);
        assert_int_equal(cw_terminal_start(t, NULL), CW_OK);
        assert_element(t, 0x94, "08010100");
        assert_int_equal(cw_terminal_read_records(t, NULL, NULL, NULL), CW_OK);
        assert_int_equal(cw_terminal_card(t, &who, NULL), CW_OK);
        assert_int_equal(who.pan->len, 16);
        assert_memory_equal(who.pan->ptr, "4000001234567899", 16);
        assert_string_equal(who.expiry, "2902");
        assert_string_equal(who.psn, "01");
        cw_terminal_card_done(&who);
        script_card_done(&x->card);
}

static void test_two_card_numbers(void **state) {
        struct fixture *x = *state;
        static const uint8_t record[] = {0x57, 0x0d, 0x40, 0x00, 0x00, 0x12, 0x34, 0x56, 0x78, 0x99, 0xd2,
                                         0x90, 0x22, 0x20, 0x1f, 0x5a, 0x08, 0x40, 0x00, 0x00, 0x12, 0x34,
                                         0x56, 0x78, 0x07, 0x5f, 0x24, 0x03, 0x29, 0x02, 0x28};
        struct cw_terminal *t = with(x, NULL, 0);
        struct cw_terminal_card who = {0};
        struct cw_fault f = {0};
        assert_int_equal(cw_elements_add_template(t->elements, CW_SPAN(record, sizeof record), NULL), CW_OK);
        assert_int_equal(cw_rc_class(cw_terminal_card(t, &who, &f)), CW_C_REJECT);
        assert_null(strstr(f.text, "4000"));
        assert_null(who.pan);
}

static void test_refusals(void **state) {
        struct fixture *x = *state;
        static const struct script_line gone[] = {{"00A4*", NULL}};
        static const struct script_line absent[] = {{"00A4*", "6A82"}};
        static const struct script_line unnamed[] = {{"00A4*", "6F02A5009000"}};
        static const struct script_line garbage[] = {{"00A4*", "6F7F9000"}};
        static const struct {
                const struct script_line *line;
                enum cw_class cls;
        } cases[] = {
            {gone, CW_C_RECONNECT}, {absent, CW_C_REJECT}, {unnamed, CW_C_REJECT}, {garbage, CW_C_REJECT}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct cw_terminal *t = with(x, cases[i].line, 1);
                assert_int_equal(cw_rc_class(cw_terminal_select(t, NULL, NULL)), cases[i].cls);
                cw_terminal_done(t);
        }
}

static void test_bad_gpo_and_afl(void **state) {
        struct fixture *x = *state;
        static const char *const answers[] = {
            "8002180"
            "09000", /* no AFL                   */
            "770482021800"
            "9000", /* no AFL, format 2         */
            "80051800080101"
            "9000", /* AFL of 3 bytes           */
            "8001"
            "9000", /* truncated                */
            "9000", /* nothing                  */
            "6985", /* not personalised         */
        };
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
                const struct script_line line = {"80A8000002830000", answers[i]};
                struct cw_terminal *t = with(x, &line, 1);
                assert_int_equal(cw_rc_class(cw_terminal_start(t, NULL)), CW_C_REJECT);
                cw_terminal_done(t);
        }
        const struct script_line wrong_sfi = {"80A8000002830000", "800618000001010"
                                                                  "09000"};
        struct cw_terminal *t = with(x, &wrong_sfi, 1);
        assert_int_equal(cw_terminal_start(t, NULL), CW_OK);
        assert_int_equal(cw_rc_class(cw_terminal_read_records(t, NULL, NULL, NULL)), CW_C_REJECT);
}

static void test_bad_cryptogram_answers(void **state) {
        struct fixture *x = *state;
        static const uint8_t record[] = {0x8c, 0x03, 0x9f, 0x37, 0x04};
        static const char *const answers[] = {"80058000070102"
                                              "9000",
                                              "77059F270180"
                                              "9000",
                                              "9000", "6985"};
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
                const struct script_line line = {"80AE800004*", answers[i]};
                struct cw_terminal_ac ac;
                struct cw_terminal *t = with(x, &line, 1);
                assert_int_equal(cw_elements_add_template(t->elements, CW_SPAN(record, sizeof record), NULL),
                                 CW_OK);
                assert_int_equal(cw_rc_class(cw_terminal_generate_ac(t, CW_AC_ARQC, true, &ac, NULL)),
                                 CW_C_REJECT);
                script_card_done(&x->card);
                cw_terminal_done(t);
        }
}

static void test_covered_data(void **state) {
        struct fixture *x = *state;
        struct cw_terminal *t = with(x, NULL, 0);
        CW_AUTO(cw_secret_free) struct cw_secret *covered = NULL;
        static const uint8_t card[] = {0x82, 0x02, 0x18, 0x00, 0x9f, 0x36, 0x02, 0x00, 0x07, 0x9f,
                                       0x10, 0x07, 0x06, 0x01, 0x12, 0x03, 0xa0, 0xb0, 0xc0};
        assert_int_equal(cw_rc_class(cw_terminal_covered(t, &covered, NULL)), CW_C_REJECT);
        assert_int_equal(cw_elements_add_template(t->elements, CW_SPAN(card, sizeof card), NULL), CW_OK);
        x->profile->cover_count = 3;
        x->profile->cover[0] = (struct cw_profile_cover){0x82, 0, 0};
        x->profile->cover[1] = (struct cw_profile_cover){0x9f36, 0, 0};
        x->profile->cover[2] = (struct cw_profile_cover){0x9f10, 3, 4};
        assert_int_equal(cw_terminal_covered(t, &covered, NULL), CW_OK);
        static const uint8_t want[] = {0x18, 0x00, 0x00, 0x07, 0x03, 0xa0, 0xb0, 0xc0};
        assert_int_equal(covered->len, sizeof want);
        assert_memory_equal(covered->ptr, want, sizeof want);
        x->profile->cover[2].len = 5; /* past the end */
        struct cw_secret *more = NULL;
        assert_int_equal(cw_rc_class(cw_terminal_covered(t, &more, NULL)), CW_C_REJECT);
}

#define WITH_CARD(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            WITH_CARD(test_whole_transaction), WITH_CARD(test_who_the_card_is),
            WITH_CARD(test_two_card_numbers),  WITH_CARD(test_refusals),
            WITH_CARD(test_bad_gpo_and_afl),   WITH_CARD(test_bad_cryptogram_answers),
            WITH_CARD(test_covered_data),
        };
        return cmocka_run_group_tests_name("emv terminal", tests, NULL, NULL);
}
