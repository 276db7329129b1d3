/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/gp.h"
#include "drivers/chip/perso_internal.h"
#include "test_reader_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CPLC                                                                                                 \
        "4790D321470012345678AAAABBBB0011223344550000000000000000"                                           \
        "0000000000000000000000000000"

static void assert_command(const struct cw_command *c, const char *want) {
        char hex[2 * CW_APDU_COMMAND_MAX + 1];
        assert_true(cw_hex_encode(c->bytes, c->len, hex, sizeof hex));
        assert_string_equal(hex, want);
}

static struct cw_aid aid(const char *hex) {
        struct cw_aid a;
        assert_true(cw_aid_parse(hex, true, &a));
        return a;
}

static void test_commands(void **state) {
        (void)state;
        struct cw_command c;
        struct cw_aid none = aid(""), isd = aid("A000000151000000"), app = aid("A0000009510001");
        static const uint8_t challenge[8] = {0xb1, 0x3e, 0x5f, 0x93, 0x8f, 0xc1, 0x08, 0xc4};
        cw_gp_select(&none, &c);
        assert_command(&c, "00A4040000");
        cw_gp_select(&isd, &c);
        assert_command(&c, "00A4040008A00000015100000000");
        cw_gp_initialize_update(0x30, CW_SPAN(challenge, 8), &c);
        assert_command(&c, "8050300008B13E5F938FC108C400");
        cw_gp_install_personalize(&app, &c);
        assert_command(&c, "80E620000D000007A000000951000100000000");
        struct cw_gp_install install = {aid("F043430102"), aid("F0434301AA"), app, {0}, 1, {0xc9, 0x00}, 2};
        cw_gp_install_selectable(&install, &c);
        assert_command(&c, "80E60C001A05F04343010205F0434301AA07A0000009510001010002C9000000");
}

static void test_aids(void **state) {
        (void)state;
        struct cw_aid a;
        assert_false(cw_aid_parse("", false, &a));
        assert_false(cw_aid_parse("A0000000", true, &a));
        assert_false(cw_aid_parse("A00000000G", true, &a));
        assert_false(cw_aid_parse("A0000000031010A0000000031010A00000", true, &a));
        assert_true(cw_aid_parse("A000000003", false, &a));
        assert_int_equal(a.len, 5);
}

static void identify(const struct script_line *lines, size_t count, char cplc[CW_CPLC_HEX],
                     struct cw_gp_domain *sd) {
        struct script_card card;
        struct cw_aid none = aid("");
        script_card_init(&card, lines, count, false);
        assert_int_equal(cw_gp_identify(&card.channel, &none, 1000, cplc, sd, NULL), CW_OK);
        script_card_done(&card);
}

static void test_identify(void **state) {
        (void)state;
        char cplc[CW_CPLC_HEX] = "x";
        struct cw_gp_domain sd;
        static const struct script_line wrapped[] = {
            {"00A4040000", "6F108408A000000151000000A5049F6501FF9000"},
            {"80CA9F7F00", "9F7F2A" CPLC "9000"},
        };
        identify(wrapped, 2, cplc, &sd);
        assert_string_equal(cplc, CPLC);
        assert_int_equal(sd.aid.len, 8);
        static const struct script_line bare[] = {{"00A4040000", "9000"}, {"80CA9F7F00", CPLC "9000"}};
        identify(bare, 2, cplc, &sd);
        assert_string_equal(cplc, CPLC);
        assert_int_equal(sd.aid.len, 0);
        assert_int_equal(sd.max_data, 255);
        static const struct script_line by_name[] = {
            {"00A4040000", "6985"},
            {"00A4040008A00000015100000000", "6F108408A000000151000000A5049F6501809000"},
            {"80CA9F7F00", "6E00"},
            {"00CA9F7F00", "9F7F2A" CPLC "9000"},
        };
        identify(by_name, 4, cplc, &sd);
        assert_string_equal(cplc, CPLC);
        assert_int_equal(sd.aid.len, 8);
        assert_int_equal(sd.max_data, 128);
        static const struct script_line absent[] = {{"00A4040000", "9000"}, {"80CA9F7F00", "6A88"}};
        identify(absent, 2, cplc, &sd);
        assert_string_equal(cplc, "");
}

static void test_identify_refused(void **state) {
        (void)state;
        static const struct script_line lines[] = {{"00A4040000", "6A82"},
                                                   {"00A4040008A00000015100000000", "6A82"},
                                                   {"00A4040008A00000000300000000", "6A82"},
                                                   {"00A4040007A000000151000000", "6A82"}};
        struct script_card card;
        struct cw_aid none = aid("");
        struct cw_fault f = {0};
        char cplc[CW_CPLC_HEX];
        script_card_init(&card, lines, 4, false);
        assert_int_equal(cw_gp_identify(&card.channel, &none, 1000, cplc, NULL, &f),
                         CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW));
        assert_int_equal(f.native, 0x6a82);
        assert_non_null(strstr(f.text, "6A82"));
}

static struct cw_profile_app to_install(const char *name) {
        struct cw_gp_install install = {aid("A00000000320"), aid("A00000000330"), aid(name), {0}, 1, {0}, 0};
        return (struct cw_profile_app){.aid = aid(name), .has_install = true, .install = install};
}

static void assert_install(const struct cw_perso *p, const struct cw_gp_install *install, uint16_t sw,
                           bool good) {
        struct cw_command c;
        struct cw_fault f = {0};
        cw_gp_install_selectable(install, &c);
        cw_rc rc = cw_perso_judge_sw(p, CW_SPAN(c.bytes, c.len), sw, &f);
        assert_int_equal(rc, good ? CW_OK : CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW));
}

/* What SELECT tells of an application that the profile installs: only its own name says that it is there. */
static void test_what_is_installed(void **state) {
        (void)state;
        const struct cw_profile_app own = to_install("A0000000031010");
        struct cw_profile profile = {.flow = CW_FLOW_SECURITY_DOMAIN,
                                     .aid = own.aid,
                                     .has_install = true,
                                     .install = own.install,
                                     .more_count = 4,
                                     .more = {to_install("A0000000031011"), to_install("A0000000031012"),
                                              to_install("A0000000031013"), to_install("A0000000031014")}};
        static const struct script_line lines[] = {
            {"00A4040007A000000003101000", "6F0B8407A0000000031010A5009000"},
            {"00A4040007A000000003101100", "6999"},
            {"00A4040007A000000003101200", "6F0B8407A0000000041012A5009000"}, /* as long, another name */
            {"00A4040007A000000003101300", "9000"},
            {"00A4040007A000000003101400", "6A82"},
            {"00A4040000", "6F108408A000000151000000A5049F6501FF9000"},
            {"80CA9F7F00", "9F7F2A" CPLC "9000"},
        };
        struct script_card card;
        struct cw_perso_data data = {.profile = &profile};
        const struct cw_perso_plan plan = {.data = &data, .apdu_timeout_ms = 1000};
        struct cw_perso_result result = {0};
        struct cw_perso p = {.channel = &card.channel, .plan = &plan, .result = &result};
        script_card_init(&card, lines, sizeof lines / sizeof *lines, false);
        assert_int_equal(cw_perso_look(&p, NULL), CW_OK);
        script_card_done(&card);
        assert_int_equal(p.installed, 1);
        assert_int_equal(p.unsure, 1 << 1 | 1 << 2 | 1 << 3);
        /* INSTALL is sent for all but the first; that it is there already is no reason to spoil the card. */
        for (size_t i = 0; i < 3; i++) {
                assert_install(&p, &profile.more[i].install, 0x6985, true);
                assert_install(&p, &profile.more[i].install, 0x6a80, true);
                assert_install(&p, &profile.more[i].install, 0x6a84, false);
        }
        assert_install(&p, &profile.more[3].install, 0x6985, false);
        assert_install(&p, &profile.more[3].install, 0x9000, true);
}

/* The domain only tells who the card is when the application itself is personalised: it may be out of reach.
 */
static void test_domain_out_of_reach(void **state) {
        (void)state;
        struct cw_profile profile = {.flow = CW_FLOW_APPLICATION,
                                     .security_domain = aid("A000000151000000"),
                                     .aid = aid("A0000000031010")};
        static const struct script_line lines[] = {
            {"00A4040008A00000015100000000", "6A82"},
            {"00A4040007A000000003101000", "6F0B8407A0000000031010A5009000"},
        };
        struct script_card card;
        struct cw_perso_data data = {.profile = &profile};
        const struct cw_perso_plan plan = {.data = &data, .apdu_timeout_ms = 1000};
        struct cw_perso_result result = {0};
        struct cw_perso p = {.channel = &card.channel, .plan = &plan, .result = &result};
        script_card_init(&card, lines, sizeof lines / sizeof *lines, false);
        assert_int_equal(cw_perso_look(&p, NULL), CW_OK);
        script_card_done(&card);
        assert_int_equal(p.domain.max_data, 255);
}

static void test_same_chip(void **state) {
        (void)state;
        char later[] = CPLC, other[] = CPLC;
        later[2 * CW_CPLC_CHIP_LEN] = 'F'; /* personalisation date written afterwards */
        other[20] = '9';
        assert_true(cw_cplc_same_chip(CPLC, later));
        assert_false(cw_cplc_same_chip(CPLC, other));
        assert_false(cw_cplc_same_chip("", ""));
        assert_false(cw_cplc_same_chip(CPLC, ""));
}

static void test_levels_a_chip_can_do(void **state) {
        (void)state;
        static const struct {
                uint8_t scp, i, level;
                bool possible;
        } cases[] = {
            {3, 0x70, 0x33, true},  {3, 0x60, 0x33, true},  {3, 0x30, 0x33, false}, {3, 0x30, 0x13, true},
            {3, 0x10, 0x13, false}, {3, 0x10, 0x03, true},  {3, 0x50, 0x33, false}, {2, 0x00, 0x03, true},
            {2, 0x00, 0x13, true},  {2, 0x00, 0x33, false},
        };
        for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
                struct cw_hsm_gp_card card = {.scp = cases[n].scp, .i = cases[n].i};
                assert_int_equal(cw_perso_level_possible(cases[n].level, &card), cases[n].possible);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_commands),          cmocka_unit_test(test_aids),
            cmocka_unit_test(test_identify),          cmocka_unit_test(test_identify_refused),
            cmocka_unit_test(test_what_is_installed), cmocka_unit_test(test_domain_out_of_reach),
            cmocka_unit_test(test_same_chip),         cmocka_unit_test(test_levels_a_chip_can_do),
        };
        return cmocka_run_group_tests_name("chip gp", tests, NULL, NULL);
}
