/* SPDX-License-Identifier: Apache-2.0 */
/* Each finding of the linter about EMV data: a shipped profile with one thing wrong, its line and its words.
 */
#include "base/file.h"
#include "drivers/chip/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct wrong {
        const char *from, *to, *words;
        const char *at; /* where the finding stands; NULL = where it was changed */
};

static unsigned line_of(const char *text, const char *at) {
        unsigned line = 1;
        for (; text < at; text++)
                line += *text == '\n';
        return line;
}

static char *findings_of(const char *text) {
        char *told = NULL;
        size_t len = 0;
        CW_AUTO(cw_profile_free) struct cw_profile *p = NULL;
        FILE *out = open_memstream(&told, &len);
        struct cw_fault f = {0};
        cw_rc rc = cw_profile_parse("p.json", text, strlen(text), out, &p, &f);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
        assert_int_equal(p == NULL, true);
        return told;
}

/* The first occurrence of from becomes to; the finding stands at its line, says words and what to do. */
static void check_one(const char *file, const struct wrong *w) {
        CW_AUTO_MEM char *text = NULL;
        CW_AUTO_MEM char *told = NULL;
        static char changed[32768];
        char where[32];
        size_t len = 0;
        assert_int_equal(cw_file_read(file, CW_PROFILE_FILE_MAX, &text, &len, NULL), CW_OK);
        char *at = strstr(text, w->from);
        if (!at)
                fail_msg("%s is not in %s", w->from, file);
        (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, w->to,
                       at + strlen(w->from));
        told = findings_of(changed);
        const char *stands = w->at ? strstr(changed, w->at) : changed + (at - text);
        assert_non_null(stands);
        (void)snprintf(where, sizeof where, "p.json:%u: ", line_of(changed, stands));
        for (char *line = told; *line; line = strchr(line, '\n') + 1) {
                char *found = strstr(line, w->words);
                if (!found || found > strchr(line, '\n'))
                        continue;
                char *todo = strchr(line, ';');
                if (strncmp(line, where, strlen(where)) == 0 && todo && todo < strchr(line, '\n'))
                        return;
        }
        fail_msg("\"%s\" at %s is not among:\n%s", w->words, where, told);
}

static void check_all(const char *file, const struct wrong *w, size_t count) {
        for (size_t i = 0; i < count; i++)
                check_one(file, &w[i]);
}
#define CHECK(file, cases) check_all(CW_PROFILE_DIR file, cases, sizeof(cases) / sizeof *(cases))

/* The same change, and it is nobody's mistake. */
static void check_fine(const char *file, const char *from, const char *to) {
        CW_AUTO_MEM char *text = NULL;
        CW_AUTO(cw_profile_free) struct cw_profile *p = NULL;
        static char changed[32768];
        struct cw_fault f = {0};
        size_t len = 0;
        assert_int_equal(cw_file_read(file, CW_PROFILE_FILE_MAX, &text, &len, NULL), CW_OK);
        char *at = strstr(text, from);
        assert_non_null(at);
        (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
        if (cw_profile_parse("p.json", changed, strlen(changed), stderr, &p, &f) != CW_OK)
                fail_msg("%s", f.text);
}

/* Mastercard's PUNATC has the number of Visa's qualifiers; a chip may want its whole answer to SELECT. */
static void test_what_is_fine(void **state) {
        (void)state;
        static const char begin[] = "\"role\": \"contactless-fci\",\n      \"of\": [\n";
        static const char name[] = "\"role\": \"contactless-fci\",\n      \"of\": [\n"
                                   "{ \"tag\": \"84\", \"value\": \"A0000000031010\" },";
        check_fine(
            CW_PROFILE_DIR "/style-mchip-debit.json", "{ \"tag\": \"57\", \"value\": \"{track2}\" }",
            "{ \"tag\": \"57\", \"value\": \"{track2}\" }, { \"tag\": \"9F66\", \"value\": \"0E70\" }");
        check_fine(CW_PROFILE_DIR "/style-qvsdc-debit.json", begin, name);
}

static void test_own_values(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"{track2}", "9999990000000009999D49122010000000000F", "the chip's (iCVV), not the stripe's",
             NULL},
            {"{ \"tag\": \"5F20\", \"value\": \"{name}\" }", "{ \"tag\": \"5F20\", \"text\": \"A/B\" }",
             "tag 5F20 must be this card's own", NULL},
            {"{psn}", "00", "tag 5F34 must be this card's own", NULL},
            {"{service_code}", "0220", "tag 5F30 must be this card's own", NULL},
            {"{ \"tag\": \"5F28\", \"value\": \"0356\" }", "{ \"tag\": \"9F1F\", \"value\": \"303030\" }",
             "tag 9F1F is the same on every card", NULL},
            {"{ \"tag\": \"5F28\", \"value\": \"0356\" }", "{ \"tag\": \"9F20\", \"value\": \"00123F\" }",
             "not the chip's (iCVV)", NULL},
        };
        CHECK("/generic-debit.json", cases);
}

static void test_dates(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"{ \"tag\": \"5F28\", \"value\": \"0356\" }", "{ \"tag\": \"5F25\", \"value\": \"250229\" }",
             "is a date, YYMMDD", NULL},
            {"{ \"tag\": \"5F28\", \"value\": \"0356\" }", "{ \"tag\": \"5F25\", \"value\": \"25021A\" }",
             "is a date, YYMMDD", NULL},
            {"{ \"tag\": \"5F28\", \"value\": \"0356\" }", "{ \"tag\": \"5F25\", \"value\": \"2501\" }",
             "is a date, YYMMDD", NULL},
            {"{ \"tag\": \"5F28\", \"value\": \"0356\" }", "{ \"tag\": \"5F25\", \"value\": \"500101\" }",
             "after it expired", NULL},
        };
        CHECK("/generic-debit.json", cases);
}

static void test_object_lists(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"\"9F02069F03069F1A02", "\"9F02059F03069F1A02", "asks for 5 bytes of 9F02, which has 6", NULL},
            {"95055F2A029A03", "95055F2A029A04", "asks for 4 bytes of 9A", NULL},
            {"8A02910895059F3704", "8A0291069F3704", "asks for 6 bytes of 91", NULL},
            {"8A02910895059F3704", "8A0291088A029F3704", "asks for 8A twice", NULL},
            {"9F1A029F3501", "9F1A039F3501", "asks for 3 bytes of 9F1A", NULL},
            {"8A02910895059F3704", "8A0291089F03069F37049F1021DF01FF", "more than the 255", NULL},
        };
        CHECK("/generic-debit.json", cases);
}

static void test_paths(void **state) {
        (void)state;
        static const struct wrong contact[] = {
            {"\"8A02910895059F3704\"", "\"8A0295059F3704\"", "never reaches the chip", NULL},
            {"\"1800\"", "\"0800\"", "no terminal looks at this list", "\"8E\""},
            {"{ \"tag\": \"8E\"", "{ \"tag\": \"DF01\"", "no record has a CVM list", "\"1800\""},
            {"\"1800\"", "\"9800\"", "is reserved", NULL},
            {"0801010010010200", "0801010010010201", "the AIP offers no way", NULL},
            {"0801010010010200", "080101001001020010010100", "names a record twice", NULL},
            {"{ \"tag\": \"9F0E\"", "{ \"tag\": \"DF01\"", "some are missing", "\"94\""},
            {"\"0000000000\"", "\"8000000000\"", "declines whatever was not authenticated", NULL},
            {"\"0000000000\"", "\"00000000\"", "has 5 bytes, tag 9F0E has 4", NULL},
        };
        static const struct wrong both[] = {
            {"080101001001020218010400", "080101001001020018010400", "no record is authenticated offline",
             NULL},
            {"080101001001020218010400", "080101001001020218010200", "leads to no tag 9F46",
             "\"080101001001020218010200\""},
        };
        CHECK("/generic-debit.json", contact);
        CHECK("/generic-debit-dual.json", both);
}

/* What a terminal ends a transaction for, or approves offline though it must not. */
static void test_terminal(void **state) {
        (void)state;
        static const struct wrong contact[] = {
            {"{ \"tag\": \"8C\"", "{ \"tag\": \"DF01\"", "its AFL leads to no CDOL1", "\"94\""},
            {"{ \"tag\": \"8D\"", "{ \"tag\": \"DF01\"", "its AFL leads to no CDOL2", "\"94\""},
            {"{ \"tag\": \"9F42\", \"value\": \"0356\" }", "{ \"tag\": \"9F08\", \"value\": \"0001\" }",
             "tag 9F08 comes twice", NULL},
            {"{ \"tag\": \"5F28\"", "{ \"tag\": \"9F1A\"", "tag 9F1A is the terminal's own", NULL},
            {"{ \"tag\": \"5F28\"", "{ \"tag\": \"9F36\"", "tag 9F36 is made by the chip", NULL},
            {"{ \"tag\": \"50\"", "{ \"tag\": \"DF01\"", "add tag 50", "\"dgi\": \"9102\""},
            {"{ \"tag\": \"87\", \"value\": \"01\" }", "{ \"tag\": \"84\", \"value\": \"A000000003\" }",
             "(84) is before A5, not in it", "\"dgi\": \"9102\""},
            {"\"A5\"", "\"6F\"", "one template A5", "\"dgi\": \"9102\""},
            {"9F1A029F3501", "9F1A025F2402", "asks for 5F24, which a terminal reads only later", NULL},
            {"9F1A029F3501", "9F1A029F35", "is not a list of tags and lengths", NULL},
            {"9F02069F03069F1A0295", "9F03069F1A0295", "the cryptogram cannot cover 9F02", "\"arqc_data\""},
        };
        static const struct wrong both[] = {
            {"\"92\"", "\"DF01\"", "the AFL leads to no tag 92", "\"080101001001020218010400\""},
            {"\"9F48\"", "\"DF01\"", "the AFL leads to no tag 9F48", "\"080101001001020218010400\""},
            {"{ \"tag\": \"50\", \"text\": \"TEST DEBIT\" },", "",
             "an entry of the PSE has an AID and a label", "{\n      \"aid\""},
            {"\"61\"", "\"62\"", "holds entries (61), not 62", "{\n      \"aid\""},
            {"\"BF0C\"", "\"BF0D\"", "in template BF0C", "{\n      \"aid\": \"32"},
        };
        CHECK("/generic-debit.json", contact);
        CHECK("/generic-debit-dual.json", both);
}

static void test_formats(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"\"FF00\"", "\"FF0000\"", "tag 9F07 has 3 bytes, and a terminal expects 2 to 2", NULL},
            {"{ \"tag\": \"5F28\", \"value\": \"0356\" }", "{ \"tag\": \"5F28\", \"value\": \"03A6\" }",
             "tag 5F28 holds digits", NULL},
            {"\"text\": \"en\"", "\"text\": \"eng\"", "one to four languages", NULL},
            {"\"text\": \"en\"", "\"text\": \"e1\"", "tag 5F2D holds letters", NULL},
            {"\"text\": \"TEST DEBIT\"", "\"value\": \"54450753\"", "tag 50 holds printable", NULL},
            {"\"text\": \"TEST DEBIT\"", "\"text\": \"TEST DEBIT CARD 71\"", "tag 50 has 18 bytes", NULL},
            {"\"text\": \"TEST DEBIT CARD\"", "\"value\": \"4108\"", "tag 9F12 holds printable", NULL},
        };
        CHECK("/generic-debit.json", cases);
}

static void test_cvm_list(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"00000000000000004201410342035E031F03", "00000000000000004201410342031F005E03",
             "rule 5E03 is never reached", NULL},
            {"00000000000000004201410342035E031F03", "00000000000000004201410342035E03",
             "the last rule leads to", NULL},
            {"00000000000000004201410342035E031F03", "00000000000000004201410642031F03",
             "amount X, which is 0", NULL},
            {"00000000000000004201410342035E031F03", "00000000000000004201410842031F03",
             "amount Y, which is 0", NULL},
            {"00000000000000004201410342035E031F03", "00000064000000004201410342035E031F03",
             "no condition compares with amount X", NULL},
            {"00000000000000004201410342035E031F03", "00000000000000004201060342035E031F03",
             "06 is no cardholder verification method", NULL},
            {"00000000000000004201410342035E031F03", "00000000000000004201411042031F03",
             "10 is no condition of a CVM rule", NULL},
            {"00000000000000004201410342035E031F03", "00000000000000004201440342035E031F03",
             "method 04 enciphers the PIN", NULL},
            {"00000000000000004201410342035E031F03", "00000000000000004201410342035E031F",
             "8 bytes and then pairs", NULL},
        };
        CHECK("/generic-debit.json", cases);
}

static void test_groupings(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"{ \"dgi\": \"0202\"", "{ \"dgi\": \"0201\"", "DGI 0201 is there twice", NULL},
            {"{ \"dgi\": \"9000\", \"hsm\": true }", "{ \"dgi\": \"7FFF\", \"value\": \"00\" }",
             "7FFF ends the data", NULL},
            {"{ \"dgi\": \"9000\", \"hsm\": true }", "{ \"dgi\": \"8F01\", \"value\": \"00\" }",
             "is reserved", NULL},
            {"{ \"dgi\": \"9000\", \"hsm\": true }", "{ \"dgi\": \"0062\", \"value\": \"6200\" }",
             "move it up", NULL},
            {"{ \"dgi\": \"8000\", \"hsm\": true, \"encrypted\": true }",
             "{ \"dgi\": \"8000\", \"hsm\": true }", "DGI 8000 is secret", NULL},
            {"{ \"dgi\": \"8000\", \"hsm\": true, \"encrypted\": true }",
             "{ \"dgi\": \"9011\", \"value\": \"00\" }", "check values of keys that nobody sends",
             "\"9000\""},
            {"{ \"dgi\": \"8010\", \"hsm\": true, \"encrypted\": true }",
             "{ \"dgi\": \"9011\", \"value\": \"00\" }", "tries of a PIN that nobody sends", "\"9010\""},
            {"{ \"dgi\": \"9010\", \"hsm\": true }", "{ \"dgi\": \"9011\", \"value\": \"00\" }",
             "without its number of tries", "\"8010\""},
        };
        CHECK("/generic-debit.json", cases);
}

/* A P1 that says enciphered, with a value that nobody enciphers. */
static void test_enciphered(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"{ \"dgi\": \"0101\"", "{ \"dgi\": \"0101\", \"encrypted\": true", "nobody enciphers this value",
             NULL},
            {"{ \"dgi\": \"9000\", \"hsm\": true", "{ \"dgi\": \"9000\", \"hsm\": true, \"encrypted\": true",
             "nobody enciphers this value", NULL},
            {"\"aid\":", "\"instructions\": { \"enc\": [\"8010\", \"0101\"] }, \"aid\":",
             "DGI 0101 is to be enciphered", "\"dgis\": ["},
            {"\"aid\":", "\"instructions\": { \"enc\": [\"9010\"] }, \"aid\":",
             "DGI 9010 is to be enciphered", "\"dgis\": ["},
        };
        CHECK("/generic-debit.json", cases);
}

static void test_instructions(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"\"aid\":", "\"instructions\": { \"order\": [\"0101\", \"0101\"] }, \"aid\":", "is there twice",
             NULL},
            {"\"aid\":", "\"instructions\": { \"seclev\": \"03\" }, \"aid\":", "unknown member", NULL},
            {"\"aid\":", "\"instructions\": { \"group\": [[\"0101\"]] }, \"aid\":", "two DGIs or more", NULL},
            {"\"aid\":", "\"instructions\": { \"vercntl\": [\"A001\"] }, \"aid\":",
             "VERCNTL, DGI A001: it is not", "\"dgis\": ["},
            {"\"aid\":", "\"instructions\": { \"group\": [[\"0101\", \"8000\"]] }, \"aid\":",
             "has another P1", "\"dgis\": ["},
            {"\"aid\":",
             "\"instructions\": { \"order\": [\"0101\", \"0201\", \"9102\"], \"group\": [[\"0101\", "
             "\"9102\"]] }, "
             "\"aid\":",
             "a group or another order moves it", "\"dgis\": ["},
        };
        CHECK("/generic-debit.json", cases);
}

static void test_qvsdc(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"{ \"tag\": \"57\", \"value\": \"{track2}\" },\n        { \"tag\": \"5F34\"",
             "{ \"tag\": \"5F34\"", "the track 2 equivalent from this answer",
             "{ \"tag\": \"82\", \"value\": \"2000\" }"},
            {"\"3E00\"", "\"3E\"", "9F6C, two bytes", "{ \"tag\": \"82\", \"value\": \"2000\" }"},
            {"9F66049F02069F03069F1A0295055F2A029A039C019F3704", "9F66049F02069F03069F1A0295055F2A029A039C01",
             "the PDOL must ask for 9F37", NULL},
            {"10010101180102001804040020020200", "1001010118010200", "its AFL leads to no tag 9F46",
             "{ \"tag\": \"82\", \"value\": \"2000\" }"},
        };
        CHECK("/style-qvsdc-debit.json", cases);
}

static void test_made(void **state) {
        (void)state;
        static const struct wrong cases[] = {
            {"\"8000\", \"hsm\": true", "\"8000\", \"hsm\": true, \"keys\": \"aes224\"",
             "keys is tdes2, aes128, aes192 or aes256", NULL},
            {"\"8000\", \"hsm\": true", "\"8000\", \"hsm\": true, \"kcv\": \"gp\"", "belongs to a DGI 9000",
             NULL},
            {"\"9000\", \"hsm\": true", "\"9000\", \"hsm\": true, \"kcv\": \"cmac\"",
             "by CMAC belongs to AES keys", NULL},
            {"\"8010\", \"hsm\": true", "\"8010\", \"hsm\": true, \"pin_block\": \"iso-0\"",
             "pin_block is format-2, format-1 or control-0", NULL},
            {"\"8010\", \"hsm\": true", "\"8010\", \"hsm\": true, \"pin_fill\": \"FF\"",
             "pin_fill is 80 or random", NULL},
        };
        CHECK("/generic-debit.json", cases);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_made),         cmocka_unit_test(test_qvsdc),
            cmocka_unit_test(test_instructions), cmocka_unit_test(test_own_values),
            cmocka_unit_test(test_what_is_fine), cmocka_unit_test(test_dates),
            cmocka_unit_test(test_object_lists), cmocka_unit_test(test_cvm_list),
            cmocka_unit_test(test_groupings),    cmocka_unit_test(test_paths),
            cmocka_unit_test(test_enciphered),   cmocka_unit_test(test_terminal),
            cmocka_unit_test(test_formats),
        };
        return cmocka_run_group_tests_name("chip profile lint", tests, NULL, NULL);
}
