/* SPDX-License-Identifier: Apache-2.0 */
/* What a card tells of itself, a card's data file, and GlobalPlatform's management commands. */
#include "base/buf.h"
#include "drivers/chip/card_file.h"
#include "drivers/chip/gp.h"
#include "drivers/chip/gp_facts.h"
#include "drivers/chip/gp_status.h"
#include "drivers/chip/perso_internal.h"
#include "base/status_word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct cw_span bytes(const char *hex, uint8_t *ret, size_t cap) {
        size_t n = 0;
        assert_true(cw_hex_decode(hex, strlen(hex), ret, cap, &n));
        return CW_SPAN(ret, n);
}

static void assert_command(const struct cw_command *c, const char *want) {
        char text[2 * CW_APDU_COMMAND_MAX + 1];
        assert_true(cw_hex_encode(c->bytes, c->len, text, sizeof text));
        assert_string_equal(text, want);
}

static void recognition(void **state) {
        (void)state;
        uint8_t raw[128];
        struct cw_gp_facts facts = {0};
        cw_gp_facts_recognition(&facts,
                                bytes("663E733C06072A864886FC6B01600C060A2A864886FC6B02020301630906072A86"
                                      "4886FC6B03640B06092A864886FC6B040370640B06092A864886FC6B040255",
                                      raw, sizeof raw));
        assert_true(facts.has_scp02 && facts.has_scp03);
        assert_int_equal(facts.i02, 0x55);
        assert_int_equal(facts.i03, 0x70);
        /* Nothing may come out of nonsense. */
        struct cw_gp_facts none = {0};
        cw_gp_facts_recognition(&none, bytes("660573036401", raw, sizeof raw));
        cw_gp_facts_keys(&none, bytes("E003C00401", raw, sizeof raw));
        assert_false(none.has_scp02 || none.has_scp03 || none.key_count);
}

static void key_versions(void **state) {
        (void)state;
        uint8_t raw[128];
        struct cw_gp_facts facts = {0};
        cw_gp_facts_keys(&facts,
                         bytes("E036C00401FF8010C00402FF8010C00403FF8010C00401208010C00402208010C00403208010"
                               "C00401308810C00402308810C00403308810",
                               raw, sizeof raw));
        assert_int_equal(facts.key_count, 9);
        assert_int_equal(cw_gp_facts_kvn(&facts, 2), 0x20); /* not the initial FF while there is another */
        assert_int_equal(cw_gp_facts_kvn(&facts, 3), 0x30);
        struct cw_gp_facts initial = {0};
        cw_gp_facts_keys(&initial, bytes("E012C00401FF8010C00402FF8010C00403FF8010", raw, sizeof raw));
        assert_int_equal(cw_gp_facts_kvn(&initial, 2), 0xff);
        assert_int_equal(cw_gp_facts_kvn(&initial, 3), 0);
}

static void management(void **state) {
        (void)state;
        struct cw_aid aid, none = {0};
        struct cw_command c;
        assert_true(cw_aid_parse("D0D1D2D3D4D50101", false, &aid));
        cw_gp_delete(&aid, true, &c); /* kaoh scp02Test */
        assert_command(&c, "80E400800A4F08D0D1D2D3D4D5010100");
        cw_gp_get_status(0x80, false, &c);
        assert_command(&c, "80F28002024F0000");
        cw_gp_get_status(0x40, true, &c);
        assert_command(&c, "80F24003024F0000");
        cw_gp_set_status(0x80, 0x0f, &none, &c);
        assert_command(&c, "80F0800F");
        cw_gp_set_status(0x40, 0x07, &aid, &c);
        assert_command(&c, "80F0400708D0D1D2D3D4D50101");
        cw_gp_get_data(0x0066, &c);
        assert_command(&c, "80CA006600");
        cw_gp_install_load(&aid, &none, &c);
        assert_command(&c, "80E602000D08D0D1D2D3D4D501010000000000");
        cw_gp_make_selectable(&aid, &c);
        assert_command(&c, "80E608000F000008D0D1D2D3D4D501010100000000");
        cw_gp_load(1, true, CW_SPAN(aid.bytes, 3), &c);
        assert_command(&c, "80E8800103D0D1D200");
}

#define KEY(id, kvn, type) "C004" id kvn type "10"
#define SET(kvn, type) KEY("01", kvn, type) KEY("02", kvn, type) KEY("03", kvn, type)

/* After a PUT KEY without an answer: only what key information tells beyond doubt counts. */
static void keys_after_put_key(void **state) {
        (void)state;
        static const struct {
                const char *answer;
                uint8_t replaced;
                bool add, was_free;
                enum cw_perso_keys want;
        } cases[] = {
            {"E012" SET("31", "88"), 0x30, false, false, CW_PERSO_KEYS_NEW},
            {"E012" SET("30", "88"), 0x30, false, false, CW_PERSO_KEYS_OLD},
            {"E024" SET("30", "88") SET("31", "88"), 0x00, true, true, CW_PERSO_KEYS_NEW},
            {"E024" SET("30", "88") SET("31", "88"), 0x00, true, false,
             CW_PERSO_KEYS_UNKNOWN}, /* of before? */
            {"E012" SET("30", "88"), 0x00, true, false, CW_PERSO_KEYS_OLD},
            {"E024" SET("30", "88") SET("31", "88"), 0x30, false, false, CW_PERSO_KEYS_UNKNOWN}, /* both */
            {"E012" SET("31", "80"), 0x30, false, false, CW_PERSO_KEYS_UNKNOWN}, /* another kind */
            {"E00C" KEY("01", "31", "88") KEY("02", "31", "88"), 0x30, false, false, CW_PERSO_KEYS_UNKNOWN},
            {"E012" SET("31", "88"), 0x31, false, false,
             CW_PERSO_KEYS_UNKNOWN}, /* one number for old and new */
            {"E000", 0x30, false, false, CW_PERSO_KEYS_UNKNOWN},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint8_t raw[64];
                struct cw_gp_facts facts = {0};
                const struct cw_profile_after a = {.kvn = 0x31, .aes = true, .add = cases[i].add};
                cw_gp_facts_keys(&facts, bytes(cases[i].answer, raw, sizeof raw));
                assert_int_equal(cw_perso_keys_from_facts(&facts, &a, cases[i].replaced, cases[i].was_free),
                                 cases[i].want);
        }
}

/* Before any key is touched: what the card lists beforehand can make PUT KEY impossible. */
static void keys_before_put_key(void **state) {
        (void)state;
        static const struct {
                const char *answer;
                uint8_t channel, old;
                bool add, refused;
        } cases[] = {
            {"E012" SET("30", "88"), 0x30, 0, true, false},
            {"E024" SET("30", "88") SET("31", "88"), 0x30, 0, true, true},
            {"E012" KEY("01", "30", "88") KEY("02", "30", "88") KEY("01", "31", "80"), 0x30, 0, true, true},
            {"E024" SET("30", "88") SET("31", "88"), 0x30, 0, false, true},
            {"E012" SET("31", "88"), 0x31, 0, false, false}, /* in place of themselves */
            {"E012" SET("30", "88"), 0x30, 0x20, false, true},
            {"E012" SET("FF", "88"), 0x30, 0, false,
             false},                            /* the channel's own version need not be listed */
            {"E000", 0x30, 0x20, false, false}, /* a card that lists none */
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint8_t raw[64];
                struct cw_profile profile = {
                    .after = {{.what = CW_AFTER_SET_STATUS},
                              {.kvn = 0x31, .old_kvn = cases[i].old, .aes = true, .add = cases[i].add}},
                    .after_count = 2};
                struct cw_perso_data data = {.profile = &profile};
                const struct cw_perso_plan plan = {.data = &data};
                struct cw_perso p = {.plan = &plan, .answer = {.kvn = cases[i].channel}};
                struct cw_fault f = {0};
                cw_gp_facts_keys(&p.facts, bytes(cases[i].answer, raw, sizeof raw));
                cw_rc rc = cw_perso_judge_keys(&p, &f);
                assert_int_equal(rc != CW_OK, cases[i].refused);
                assert_true(!cases[i].refused ||
                            (cw_rc_class(rc) == CW_C_REJECT && strstr(f.text, "version")));
                profile.after_count = 1; /* a product without PUT KEY */
                assert_int_equal(cw_perso_judge_keys(&p, &f), CW_OK);
        }
}

/* Only an answer that never came makes a doubt, and not when the card said since that nothing changed. */
static void doubt(void **state) {
        (void)state;
        const cw_rc lost = CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_IO),
                    said_no = CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW);
        struct cw_perso_result r = {.last_sent = true};
        assert_true(cw_perso_in_doubt(lost, &r));
        assert_false(cw_perso_in_doubt(said_no, &r));
        r.keys = CW_PERSO_KEYS_NEW;
        assert_true(cw_perso_in_doubt(lost, &r));
        r.keys = CW_PERSO_KEYS_OLD;
        assert_false(cw_perso_in_doubt(lost, &r));
        r = (struct cw_perso_result){.keys = CW_PERSO_KEYS_UNKNOWN};
        assert_false(cw_perso_in_doubt(lost, &r));
}

/* What hsmd takes out of its ledger of tries, and nothing else. */
static void sure_refusals(void **state) {
        (void)state;
        static const uint16_t sure[] = {0x6700, 0x6982, 0x6a80, 0x6e00, 0x9484},
                              unsure[] = {0x9000, 0x6200, 0x6300, 0x6581, 0x6f00, 0x9300};
        for (size_t i = 0; i < sizeof sure / sizeof *sure; i++)
                assert_true(cw_sw_surely_refused(sure[i]));
        for (size_t i = 0; i < sizeof unsure / sizeof *unsure; i++)
                assert_false(cw_sw_surely_refused(unsure[i]));
}

static void assert_aid(const struct cw_aid *a, const char *want) {
        char text[2 * CW_AID_MAX + 1];
        assert_true(cw_hex_encode(a->bytes, a->len, text, sizeof text));
        assert_string_equal(text, want);
}

/* GP 2.3.1 table 11-36 (TLV), and the form without tags of older cards. */
static void status_answers(void **state) {
        (void)state;
        uint8_t raw[128];
        struct cw_gp_status s;
        struct cw_span rest = bytes("E3134F08A0000001510000009F70010FC5039EFE80"
                                    "E31B4F07A00000000310109F700107C50100C407A0000000031099CC00",
                                    raw, sizeof raw);
        assert_int_equal(cw_gp_status_next(&rest, &s), CW_GP_STATUS_ENTRY);
        assert_aid(&s.aid, "A000000151000000");
        assert_int_equal(s.state, 0x0f);
        assert_int_equal(s.privileges_len, 3);
        assert_int_equal(s.privileges[2], 0x80);
        assert_int_equal(cw_gp_status_next(&rest, &s), CW_GP_STATUS_ENTRY);
        assert_aid(&s.aid, "A0000000031010");
        assert_aid(&s.package, "A0000000031099");
        assert_int_equal(s.domain.len, 0);
        assert_int_equal(cw_gp_status_next(&rest, &s), CW_GP_STATUS_END);
        rest = bytes("07A000000003101001000207A000000003101007A0000000031011"
                     "05A0000000010F9E00",
                     raw, sizeof raw);
        assert_int_equal(cw_gp_status_plain_next(CW_STATUS_MODULES, &rest, &s), CW_GP_STATUS_ENTRY);
        assert_int_equal(s.modules, 2);
        assert_int_equal(cw_gp_status_plain_next(CW_STATUS_MODULES, &rest, &s), CW_GP_STATUS_ENTRY);
        assert_aid(&s.aid, "A000000001");
        assert_int_equal(s.modules, 0);
        assert_int_equal(cw_gp_status_plain_next(CW_STATUS_MODULES, &rest, &s), CW_GP_STATUS_END);
        static const char *const wrong[] = {"E3",
                                            "E30A4F09A000000151000000",
                                            "E3039F7001",
                                            "E3034F0100E3",
                                            "6F00",
                                            "E3134F11000102030405060708090A0B0C0D0E0F10",
                                            "E3079F70000000C500",
                                            "E3074F01A0C5020000"};
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                enum cw_gp_status_result got;
                rest = bytes(wrong[i], raw, sizeof raw);
                do
                        got = cw_gp_status_next(&rest, &s);
                while (got == CW_GP_STATUS_ENTRY);
                if (got != CW_GP_STATUS_BAD)
                        fail_msg("%s is taken", wrong[i]);
        }
        rest = bytes("08A0000001510000000F", raw, sizeof raw);
        assert_int_equal(cw_gp_status_plain_next(CW_STATUS_DOMAIN, &rest, &s), CW_GP_STATUS_BAD);
        rest = bytes("05A000000001019E0210", raw, sizeof raw);
        assert_int_equal(cw_gp_status_plain_next(CW_STATUS_MODULES, &rest, &s), CW_GP_STATUS_BAD);
}

static void card_file(void **state) {
        (void)state;
        static const char text[] =
            "# one card\r\npan 6080401234567890\nexpiry 3012\nname RAO/ASHA\nservice_code 220\n"
            "psn 01\ndgi 8010 24 1234 FFFFFFFFFF\n0101 05 7003 5A0160 0201 02 7000\n";
        CW_AUTO(cw_card_file_free) struct cw_card_file *c = NULL;
        assert_int_equal(cw_card_file_parse(CW_SPAN((const uint8_t *)text, strlen(text)), &c, NULL), CW_OK);
        assert_true(c->has_values);
        assert_string_equal(c->values.expiry, "3012");
        assert_string_equal(c->values.name, "RAO/ASHA");
        char track2[40];
        assert_true(cw_hex_encode(c->values.track2.ptr, c->values.track2.len, track2, sizeof track2));
        assert_string_equal(track2, "6080401234567890D301222000000F");
        assert_int_equal(c->given_count, 3);
        assert_int_equal(c->given[0].id, 0x8010);
        assert_int_equal(c->given[0].value.len, 8);
        assert_int_equal(c->given[2].id, 0x0201);
}

/* {icvv} takes its place when hsmd made it; until then there is no track 2. */
static void card_file_icvv(void **state) {
        (void)state;
        static const struct {
                const char *text, *track2;
        } of[] = {
            {"pan 6080401234567890\nexpiry 3012\ndiscretionary 00{icvv}7\n",
             "6080401234567890D3012201004567"},
            {"pan 6080401234567890\nexpiry 3012\ndiscretionary {icvv}\n", "6080401234567890D3012201456F"},
            {"discretionary 123456789{icvv}1\npan 6080401234\nexpiry 3012\n", NULL},
            {"pan 608040123456\nexpiry 3012\ndiscretionary 123456789{icvv}1\n",
             "608040123456D30122011234567894561F"},
            {"pan 6080401234567890123\nexpiry 3012\ndiscretionary 1234567{icvv}\n",
             "6080401234567890123D30122011234567456F"}};
        for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
                CW_AUTO(cw_card_file_free) struct cw_card_file *c = NULL;
                char track2[40];
                cw_rc rc =
                    cw_card_file_parse(CW_SPAN((const uint8_t *)of[i].text, strlen(of[i].text)), &c, NULL);
                assert_int_equal(rc == CW_OK, of[i].track2 != NULL);
                if (!of[i].track2)
                        continue;
                assert_true(c->wants_icvv);
                assert_int_equal(c->values.track2.len, 0);
                assert_int_not_equal(cw_card_file_set_icvv(c, "4x6", NULL), CW_OK);
                assert_int_equal(cw_card_file_set_icvv(c, "456", NULL), CW_OK);
                assert_true(cw_hex_encode(c->values.track2.ptr, c->values.track2.len, track2, sizeof track2));
                assert_string_equal(track2, of[i].track2);
        }
}

static void card_file_wrong(void **state) {
        (void)state;
        static const char *const wrong[] = {
            "pan 12345\n",
            "expiry 301\n",
            "dgi 01 70\n",
            "dgi 0101\n",
            "0101 05 7003\n",
            "colour red\n",
            "dgi 0101 70\ndgi 0101 70\n",
            "pan 6080401234567890 x\n",
            "discretionary 12345678901234\n",
            "discretionary 12345678901{icvv}\n",
            "discretionary {icvv}{icvv}\n",
            "discretionary {cvv}\n",
            "discretionary {icvv}x\n",
            "discretionary {icvv}\n",
            "pan 6080401234567890\nexpiry 3012\ndiscretionary {icvv}\ntrack2 "
            "6080401234567890D3012220\n",
            "pan 6080401234567890123\nexpiry 3012\ndiscretionary 12345678901\n"};
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                CW_AUTO(cw_card_file_free) struct cw_card_file *c = NULL;
                struct cw_fault f = {0};
                assert_int_equal(cw_rc_class(cw_card_file_parse(
                                     CW_SPAN((const uint8_t *)wrong[i], strlen(wrong[i])), &c, &f)),
                                 CW_C_REJECT);
                assert_non_null(strstr(f.text, "line "));
                assert_null(strstr(f.text, "6080")); /* the number of the line, never its content */
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(recognition),         cmocka_unit_test(key_versions),
            cmocka_unit_test(management),          cmocka_unit_test(keys_after_put_key),
            cmocka_unit_test(keys_before_put_key), cmocka_unit_test(doubt),
            cmocka_unit_test(status_answers),      cmocka_unit_test(card_file),
            cmocka_unit_test(card_file_wrong),     cmocka_unit_test(card_file_icvv),
            cmocka_unit_test(sure_refusals),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
