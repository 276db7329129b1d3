/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "drivers/chip/prepare.h"
#include "drivers/chip/profile_sign.h"
#include "drivers/chip/tlv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t track2[] = {0x40, 0x00, 0x00, 0x12, 0x34, 0x56, 0x78, 0x99, 0xd2,
                                 0x91, 0x22, 0x01, 0x00, 0x00, 0x01, 0x23, 0x00, 0x0f};

static struct cw_card_values values(void) {
        static const char pan[] = "4000001234567899";
        return (struct cw_card_values){
            .expiry = "2902",
            .service_code = "220",
            .psn = "01",
            .name = "RAO/ASHA",
            .pan = CW_SPAN((const uint8_t *)pan, sizeof pan - 1),
            .track2 = CW_SPAN(track2, sizeof track2),
        };
}

static struct cw_profile *generic(void) {
        const struct cw_profile_trust anybody = {NULL, false};
        struct cw_profile *p = NULL;
        struct cw_fault f = {0};
        char key[CW_PROFILE_KEY_ID];
        if (cw_profile_load_trusted(CW_PROFILE_DIR "/generic-debit.json", &anybody, stderr, &p, key, &f) !=
            CW_OK)
                fail_msg("%s", f.text);
        return p;
}

static void assert_tag(const struct cw_perso_dgi *dgi, uint32_t tag, const char *want) {
        struct cw_span v;
        char hex[600];
        assert_non_null(dgi);
        assert_true(cw_tlv_find(dgi->value, tag, &v));
        assert_true(cw_hex_encode(v.ptr, v.len, hex, sizeof hex));
        assert_string_equal(hex, want);
}

static void test_card_values(void **state) {
        (void)state;
        CW_AUTO(cw_profile_free) struct cw_profile *p = generic();
        CW_AUTO(cw_perso_data_free) struct cw_perso_data *d = NULL;
        struct cw_card_values v = values();
        assert_int_equal(cw_perso_data_prepare(p, &v, &d, NULL), CW_OK);
        assert_tag(cw_perso_data_record(d, 1, 1), 0x57,
                   "4000001234567899D29122010000012300"
                   "0F");
        assert_tag(cw_perso_data_record(d, 1, 1), 0x5f20, "52414F2F41534841");
        assert_tag(cw_perso_data_record(d, 2, 1), 0x5a, "4000001234567899");
        assert_tag(cw_perso_data_record(d, 2, 1), 0x5f24, "290228");
        assert_tag(cw_perso_data_record(d, 2, 1), 0x5f34, "01");
        assert_tag(cw_perso_data_record(d, 2, 1), 0x5f30, "0220");
        assert_tag(cw_perso_data_role(d, CW_DGI_GPO), 0x82, "1800");
        assert_null(cw_perso_data_record(d, 3, 1));
}

static void test_leap_february_and_odd_pan(void **state) {
        (void)state;
        CW_AUTO(cw_profile_free) struct cw_profile *p = generic();
        CW_AUTO(cw_perso_data_free) struct cw_perso_data *d = NULL;
        struct cw_card_values v = values();
        static const char pan[] = "5000000000000000009";
        v.expiry = "2802";
        v.pan = CW_SPAN((const uint8_t *)pan, sizeof pan - 1);
        assert_int_equal(cw_perso_data_prepare(p, &v, &d, NULL), CW_OK);
        assert_tag(cw_perso_data_record(d, 2, 1), 0x5f24, "280229");
        assert_tag(cw_perso_data_record(d, 2, 1), 0x5a, "5000000000000000009F");
}

static void test_bad_card_values(void **state) {
        (void)state;
        CW_AUTO(cw_profile_free) struct cw_profile *p = generic();
        struct cw_perso_data *d = NULL;
        static const char letters[] = "40000012345678X9";
        struct cw_card_values v = values();
        v.expiry = "2913";
        assert_int_equal(cw_rc_class(cw_perso_data_prepare(p, &v, &d, NULL)), CW_C_REJECT);
        v = values();
        v.psn = "1";
        assert_int_equal(cw_rc_class(cw_perso_data_prepare(p, &v, &d, NULL)), CW_C_REJECT);
        v = values();
        v.name = "A/BCDEFGHIJKLMNOPQRSTUVWXYZ";
        assert_int_equal(cw_rc_class(cw_perso_data_prepare(p, &v, &d, NULL)), CW_C_REJECT);
        v = values();
        v.pan = CW_SPAN((const uint8_t *)letters, 16);
        struct cw_fault f = {0};
        assert_int_equal(cw_rc_class(cw_perso_data_prepare(p, &v, &d, &f)), CW_C_REJECT);
        assert_null(strstr(f.text, "400000")); /* no card data in a sentence for people */
        assert_null(d);
}

static void fill(struct cw_perso_data *d) {
        char names[8][5];
        bool padded[8];
        uint8_t items[256], zeros[48] = {0};
        struct cw_writer w;
        cw_writer_init(&w, items, sizeof items);
        assert_int_equal(cw_perso_data_sensitive(d, names, padded, 8), 4);
        assert_string_equal(names[0], "8000");
        assert_string_equal(names[3], "9010");
        cw_put_item(&w, zeros, 48);
        cw_put_item(&w, zeros, 9);
        cw_put_item(&w, zeros, 8);
        assert_int_equal(cw_rc_class(cw_perso_data_fill(d, CW_SPAN(items, w.len), NULL)), CW_C_REJECT);
        cw_put_item(&w, zeros, 2);
        assert_int_equal(cw_perso_data_fill(d, CW_SPAN(items, w.len), NULL), CW_OK);
}

static void test_commands(void **state) {
        (void)state;
        CW_AUTO(cw_profile_free) struct cw_profile *p = generic();
        CW_AUTO(cw_perso_data_free) struct cw_perso_data *d = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        struct cw_card_values v = values();
        size_t count = 0;
        assert_int_equal(cw_perso_data_prepare(p, &v, &d, NULL), CW_OK);
        fill(d);
        assert_int_equal(cw_perso_data_commands(d, false, CW_STORE_DATA_MAX, 0, &items, &count, NULL), CW_OK);
        assert_int_equal(count, 11); /* INSTALL and 10 groupings */
        struct cw_reader r;
        cw_reader_init(&r, items->ptr, items->len);
        for (size_t i = 0; i < count; i++) {
                struct cw_span item = cw_get_item(&r);
                assert_int_equal(item.ptr[1], i ? 0xe2 : 0xe6);
                if (i == 7 || i == 9)
                        assert_int_equal(item.ptr[2], 0x60);
                if (i)
                        assert_int_equal(item.ptr[3], i - 1);
                if (i == 10)
                        assert_int_equal(item.ptr[2], 0x80);
        }
        assert_false(r.bad);
        assert_int_equal(r.left, 0);
}

/* Applies one replacement to the shipped profile and expects a finding that has the words. */
static void refuse_in(const char *name, const char *from, const char *to, const char *words) {
        char path[256];
        char *text = NULL, *report = NULL;
        size_t len = 0, report_len = 0;
        struct cw_profile *p = NULL;
        struct cw_fault f = {0};
        (void)snprintf(path, sizeof path, "%s%s", CW_PROFILE_DIR, name);
        assert_int_equal(cw_file_read(path, CW_PROFILE_FILE_MAX, &text, &len, NULL), CW_OK);
        char *at = strstr(text, from);
        if (!at)
                fail_msg("the shipped profile has no \"%s\"", from);
        FILE *out = open_memstream(&report, &report_len);
        char changed[16384];
        (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
        cw_rc rc = cw_profile_parse("p.json", changed, strlen(changed), out, &p, &f);
        (void)fclose(out);
        assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
        if (!strstr(report, words))
                fail_msg("\"%s\" is not in: %s", words, report);
        assert_null(p);
        free(text);
        free(report);
}

static void refuse(const char *from, const char *to, const char *words) {
        refuse_in("/generic-debit.json", from, to, words);
}

static void test_linter(void **state) {
        (void)state;
        refuse("{\n", "{,\n", "p.json:1:");
        refuse("\"p1_last\": \"80\"", "\"p1_last\": \"800\"", "p.json:7: store_data.p1_last");
        refuse("{pan}", "{cvv2}", "p.json:17: dgis[1].of[0].of[0]");
        refuse("\"aid\": \"F0", "\"aid\": \"XX", "aid: an AID");
        refuse("\"flow\": \"security-domain\"", "\"flow\": \"x\"", "flow: flow is");
        refuse("\"flow\"", "\"folw\"", "folw: unknown member");
        refuse("\"flow\"", "\"get_response_class\": \"80\", \"flow\"", "get_response_class: 00 or command");
        refuse("\"p1_last\": \"80\"", "\"p1_last\": \"800\"", "store_data.p1_last");
        refuse("\"chunk\": 239", "\"chunk\": 240", "store_data.chunk");
        refuse("{pan}", "{cvv2}", "dgis[1].of[0].of[0]: value is hex");
        refuse("{pan}", "4000001234567899", "tag 5A must be this card's own");
        refuse("{track2}", "40000012", "tag 57 must be this card's own");
        refuse("0801010010010200", "0801010010010300", "there is no DGI 0203");
        refuse("0801010010010200", "0801010010010100", "does not name DGI 0202");
        refuse("0801010010010200", "080101001001", "role gpo");
        refuse("\"dgi\": \"8010\", \"hsm\": true, \"encrypted\": true", "\"dgi\": \"8011\", \"hsm\": true",
               "no DGI 8010");
        refuse("9C019F3704\"", "9C01\"", "unpredictable number");
        refuse("8A02910895059F3704", "8A0291", "list of tags and lengths");
        refuse("\"9F1A\": \"0356\", ", "", "asks for 9F1A");
        refuse("\"tag\": \"70\"", "\"tag\": \"71\"", "one template 70");
        refuse("\"tag\": \"5F34\"", "\"tga\": \"5F34\"", "tag is needed");
        refuse("\"role\": \"fci\"", "\"role\": \"x\"", "role is fci");
        refuse("\"9F10\"]", "\"9F10:1\"]", "neither TAG");
        refuse("\"9F10\"]", "\"9F77\"]", "tag 9F77 is nowhere");
        refuse("\"second_ac\": \"40\"", "\"second_ac\": \"80\"", "terminal.second_ac");
        refuse("\"dgi\": \"0202\"", "\"dgi\": \"0201\"", "is there twice");
        refuse("\"1800\"", "\"5800\"", "offers SDA, but no record has tag 8F");
        refuse("\"1800\"", "\"1900\"", "no record has tag 9F46");
        refuse("\"value\": \"0001\" }", "\"value\": \"{icc_certificate}\" }", "without offline_auth");
        refuse("\"aid\"", "\"offline_auth\": {\"icc_key\": {\"bits\": 1004}}, \"aid\"", "a multiple of 8");
        refuse("\"aid\"", "\"offline_auth\": {\"icc_key\": {\"bits\": 1984}}, \"aid\"", "must not be longer");
        refuse("\"aid\"", "\"offline_auth\": {\"icc_key\": {\"bits\": 1024}}, \"aid\"", "needs its icc key");
        refuse("\"dgi\": \"9010\", \"hsm\": true", "\"dgi\": \"8205\", \"part\": \"icc.p\"", "set encrypted");
        refuse("\"second_ac\"",
               "\"ca_keys\": [{\"index\": \"94\", \"modulus\": \"00\", \"exponent\": \"03\"}], \"second_ac\"",
               "modulus is 64 to 248 bytes");
        refuse("\"text\": \"en\"", "\"text\": \"en\", \"value\": \"00\"", "exactly one of");
}

static void test_long_record_is_found(void **state) {
        (void)state;
        char big[600];
        memset(big, '0', sizeof big);
        (void)snprintf(big, sizeof big, "{ \"tag\": \"9F08\", \"value\": \"%0500d\" }", 1);
        refuse("{ \"tag\": \"9F08\", \"value\": \"0001\" }", big, "split it");
}

static void test_joined_and_tolerated(void **state) {
        (void)state;
        char *text = NULL;
        size_t len = 0, count = 0;
        static char changed[16384];
        CW_AUTO(cw_profile_free) struct cw_profile *p = NULL;
        CW_AUTO(cw_perso_data_free) struct cw_perso_data *d = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        struct cw_card_values v = values();
        assert_int_equal(
            cw_file_read(CW_PROFILE_DIR "/generic-debit.json", CW_PROFILE_FILE_MAX, &text, &len, NULL),
            CW_OK);
        char *at = strstr(text, "{ \"dgi\": \"0201\",");
        assert_non_null(at);
        (void)snprintf(changed, sizeof changed, "%.*s{ \"joined\": true, \"tolerated\": true, %s",
                       (int)(at - text), text, at + 1);
        free(text);
        assert_int_equal(cw_profile_parse("p.json", changed, strlen(changed), stderr, &p, NULL), CW_OK);
        assert_true(p->dgi[1].tolerated);
        assert_int_equal(cw_perso_data_prepare(p, &v, &d, NULL), CW_OK);
        fill(d);
        assert_int_equal(cw_perso_data_commands(d, true, CW_STORE_DATA_MAX, 0, &items, &count, NULL), CW_OK);
        assert_int_equal(count, 10);
}

static void test_directories(void **state) {
        (void)state;
        static const struct {
                const char *from, *to, *words;
        } cases[] = {
            {"{ \"tag\": \"88\", \"value\": \"01\" }", "{ \"tag\": \"88\", \"value\": \"02\" }",
             "no DGI 0201"},
            {"{ \"tag\": \"88\", \"value\": \"01\" }", "{ \"tag\": \"87\", \"value\": \"01\" }", "in tag 88"},
            {"{ \"tag\": \"4F\", \"value\": \"F04357444542495401\" }",
             "{ \"tag\": \"4F\", \"value\": \"F04357444542495402\" }", "no entry (61 with 4F)"},
            {"325041592E5359532E4444463031", "325041592E5359532E4444463032", "found through the PPSE"},
            {"\"flow\": \"security-domain\"", "\"flow\": \"application\"", "applications: a list"},
            {"contactless-fci", "other", "role contactless-fci"},
            {"010101180102001804040020010201", "0101011801020018040400", "does not name DGI 0401"},
            {"\"part\": \"icc.q\"", "\"part\": \"icc.p\"", "this part is there twice"},
            {"10010101", "10010102", "an entry is SFI*8"},
            {"\"9F46\", \"value\": \"{icc_cer", "\"9F2D\", \"value\": \"{pin_cer",
             "offline_auth does not ask for"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                refuse_in("/generic-debit-dual.json", cases[i].from, cases[i].to, cases[i].words);
}

/* A profile with this list of steps behind the data: its finding, "" for none. */
static void after_finding(const char *steps, char ret[256], struct cw_profile **ret_profile) {
        CW_AUTO_MEM char *text = NULL, *with = NULL;
        size_t len = 0;
        struct cw_fault f = {0};
        ret[0] = '\0';
        assert_int_equal(
            cw_file_read(CW_PROFILE_DIR "/generic-debit.json", CW_PROFILE_FILE_MAX, &text, &len, NULL),
            CW_OK);
        assert_true(asprintf(&with, "{ \"after\": [ %s ],%.*s", steps, (int)len - 1, text + 1) > 0);
        if (cw_profile_parse("after.json", with, strlen(with), NULL, ret_profile, &f) != CW_OK)
                (void)snprintf(ret, 256, "%s", f.text);
}

#define PUT "{\"put_key\": {\"kvn\": \"31\", \"algorithm\": \"aes\"}}"
#define INITIALIZED "{\"set_status\": {\"of\": \"card\", \"state\": \"initialized\"}}"
#define SECURED "{\"set_status\": {\"of\": \"card\", \"state\": \"secured\"}}"

static void test_after(void **state) {
        (void)state;
        CW_AUTO(cw_profile_free) struct cw_profile *p = NULL;
        char found[256];
        after_finding(PUT ", {\"set_status\": {\"of\": \"application\", \"state\": \"0F\"}}, " INITIALIZED
                          ", " SECURED,
                      found, &p);
        assert_string_equal(found, "");
        assert_int_equal(p->after_count, 4);
        assert_true(cw_profile_puts_keys(p));
        assert_int_equal(p->after[0].kvn, 0x31);
        assert_true(p->after[0].aes && !p->after[0].add && !p->after[0].version_only);
        assert_memory_equal(p->after[1].aid.bytes, p->aid.bytes, p->aid.len);
        assert_int_equal(p->after[3].state, 0x0f);
        static const struct {
                const char *steps, *words;
        } wrong[] = {
            {"", "a list of 1 to"},
            {PUT ", " PUT, "put once"},
            {SECURED ", " INITIALIZED, "correct the order"},
            {"{\"set_status\": {\"of\": \"card\", \"state\": \"terminated\"}}", "initialized or secured"},
            {"{\"set_status\": {\"of\": \"application\", \"state\": \"80\"}}", "of an application"},
            {"{\"put_key\": {\"kvn\": \"80\", \"algorithm\": \"aes\"}}", "01 to 7F"},
            {"{\"put_key\": {\"kvn\": \"31\", \"algorithm\": \"rsa\"}}", "des3 or aes"},
            {"{\"put_key\": {\"kvn\": \"31\", \"algorithm\": \"aes\", \"mode\": \"add\", \"old_kvn\": "
             "\"30\"}}",
             "belongs to mode replace"},
            {"{\"delete\": {}}", "after[0]"},
        };
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct cw_profile *none = NULL;
                after_finding(wrong[i].steps, found, &none);
                if (!strstr(found, wrong[i].words))
                        fail_msg("%s: \"%s\" is not in \"%s\"", wrong[i].steps, wrong[i].words, found);
                assert_null(none);
        }
}

/* Prepared data that leave no room for the profile's own groupings. */
static void test_too_many_groupings(void **state) {
        (void)state;
        CW_AUTO(cw_profile_free) struct cw_profile *p = generic();
        struct cw_given_dgi dgi[CW_DGI_MAX];
        const struct cw_given given = {dgi, CW_DGI_MAX, NULL};
        struct cw_perso_data *d = NULL;
        struct cw_card_values v = values();
        struct cw_fault f = {0};
        for (size_t i = 0; i < CW_DGI_MAX; i++)
                dgi[i] = (struct cw_given_dgi){(uint16_t)(0x7001 + i), CW_SPAN(track2, 1)};
        p->prepared = true;
        assert_int_equal(cw_rc_class(cw_perso_data_prepare_given(p, &v, &given, &d, &f)), CW_C_REJECT);
        assert_non_null(strstr(f.text, "more than one card gets"));
        assert_null(d);
}

/* ENC with a card's data: of a value that they bring, or that hsmd makes enciphered; not of another. */
static void test_enc_of_what_is_enciphered(void **state) {
        (void)state;
        CW_AUTO(cw_profile_free) struct cw_profile *p = generic();
        static const struct {
                uint16_t enc, given;
                bool follows;
        } cases[] = {{0x0101, 0x0101, true},  {0x9010, 0x9010, true},  {0x8010, 0x0101, true},
                     {0x0101, 0x9010, false}, {0x9010, 0x0101, false}, {0x9000, 0x9010, false}};
        struct cw_card_values v = values();
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const struct cw_instructions told = {.enc = {.id = {cases[i].enc}, .count = 1}};
                const struct cw_given_dgi dgi = {cases[i].given, CW_SPAN(track2, sizeof track2)};
                const struct cw_given given = {&dgi, 1, &told};
                struct cw_perso_data *d = NULL;
                struct cw_fault f = {0};
                cw_rc rc = cw_perso_data_prepare_given(p, &v, &given, &d, &f);
                if (cases[i].follows) {
                        assert_int_equal(rc, CW_OK);
                        cw_perso_data_free(d);
                        continue;
                }
                assert_int_equal(rc, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_UNSUPPORTED));
                assert_non_null(strstr(f.text, "is to be enciphered"));
                assert_null(d);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_card_values),
            cmocka_unit_test(test_leap_february_and_odd_pan),
            cmocka_unit_test(test_bad_card_values),
            cmocka_unit_test(test_commands),
            cmocka_unit_test(test_linter),
            cmocka_unit_test(test_long_record_is_found),
            cmocka_unit_test(test_joined_and_tolerated),
            cmocka_unit_test(test_directories),
            cmocka_unit_test(test_after),
            cmocka_unit_test(test_too_many_groupings),
            cmocka_unit_test(test_enc_of_what_is_enciphered),
        };
        return cmocka_run_group_tests_name("chip profile", tests, NULL, NULL);
}
