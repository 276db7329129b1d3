/* SPDX-License-Identifier: Apache-2.0 */
/* Card data for Thales D1: members, models, JWE; the jose command opens what we seal and seals what we open.
 */
#include "hsm/jwt_assertion.h"
#include "hsm/d1_card.h"
#include "hsm/jose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct cw_config_d1 config(void) {
        return (struct cw_config_d1){.csc_field = "", .emv_data_field = "emvData"};
}

static cw_rc parse(const struct cw_config_d1 *d, const char *text, struct cw_d1_card *ret,
                   struct cw_fault *f) {
        return cw_d1_card_parse(d, CW_SPAN((const uint8_t *)text, strlen(text)), ret, f);
}

static void members(void **state) {
        struct cw_config_d1 d = config();
        struct cw_fault f = {0};
        static struct cw_d1_card card;
        (void)state;
        assert_int_equal(
            parse(&d, "{\"pan\":\"4111111111111111\",\"exp\":\"2906\",\"name\":\"A \\\"B\\\"\",\"new\":[1]}",
                  &card, &f),
            CW_OK);
        assert_string_equal(card.expiry, "2906");
        assert_string_equal(card.psn, "00");
        struct cw_secret *out = NULL;
        assert_int_equal(cw_secret_new(1024, &out), CW_OK);
        assert_int_equal(cw_d1_card_write(&d, &card, out, &f), CW_OK);
        static const char want[] = "{\"pan\":\"4111111111111111\",\"exp\":\"2906\",\"name\":\"A \\\"B\\\"\","
                                   "\"panSequenceNumber\":\"00\"}";
        assert_int_equal(out->len, sizeof want - 1);
        assert_memory_equal(out->ptr, want, sizeof want - 1);
        cw_secret_free(out);
        d.exp_order = CW_D1_EXP_MMYY;
        assert_int_equal(parse(&d, "{\"pan\":\"4111111111111111\",\"exp\":\"0629\"}", &card, &f), CW_OK);
        assert_string_equal(card.expiry, "2906");
}

static void refusals(void **state) {
        static const char *const bad[] = {
            "",
            "[]",
            "{}",
            "{\"pan\":\"4111111111111112\",\"exp\":\"2906\"}",
            "{\"pan\":\"4111111111111111\"}",
            "{\"pan\":\"4111111111111111\",\"exp\":\"2913\"}",
            "{\"pan\":4111111111111111,\"exp\":\"2906\"}",
            "{\"pan\":\"4111111111111111\",\"exp\":\"2906\",\"cvv1\":\"12\"}",
            "{\"pan\":\"4111111111111111\",\"exp\":\"2906\",\"trackData\":{\"track2\":\"4111="
            "29062201234567890123456789\\n\"}}",
            "{\"pan\":\"4111111111111111\",\"pan\":\"4111111111111111\",\"exp\":\"2906\"}"};
        const struct cw_config_d1 d = config();
        static struct cw_d1_card card;
        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct cw_fault f = {0};
                assert_int_equal(cw_rc_class(parse(&d, bad[i], &card, &f)), CW_C_REJECT);
                assert_string_equal(f.code, "HSM_CARD_DATA");
                assert_null(strstr(f.text, "4111"));
        }
}

static void patterns_and_tracks(void **state) {
        char text[32];
        struct cw_fault f = {0};
        static struct cw_d1_card card = {
            .pan = {"4111111111111111", 16}, .expiry = "2906", .encoded_name = "DOE/JANE"};
        (void)state;
        assert_int_equal(cw_d1_pattern("000000|cvv|000000", "123", "", text, sizeof text, &f), CW_OK);
        assert_string_equal(text, "000000123000000");
        assert_int_equal(cw_d1_pattern("1|pvv|cvv", "123", "4567", text, sizeof text, &f), CW_OK);
        assert_string_equal(text, "14567123");
        assert_int_equal(cw_rc_class(cw_d1_pattern("0|pvv", "123", "", text, sizeof text, &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_d1_pattern("0|cvx", "123", "1", text, sizeof text, &f)), CW_C_REJECT);
        assert_int_equal(cw_d1_tracks(&card, "220", "00000123", &f), CW_OK);
        assert_string_equal(card.track1, "B4111111111111111^DOE/JANE^290622000000123");
        assert_string_equal(card.track2, "4111111111111111=290622000000123");
}

static void prepared_emv_data(void **state) {
        struct cw_fault f = {0};
        static struct cw_d1_card card = {.pan = {"4111111111111111", 16}, .expiry = "2906", .psn = "00"};
        (void)state;
        assert_int_equal(cw_d1_emv_data("82 02 1800\n9F07 02 FF00", &card, &f), CW_OK);
        assert_string_equal(card.emv_data, "820218009F0702FF005A0841111111111111115F24032906315F340100");
        assert_int_equal(cw_rc_class(cw_d1_emv_data("5A084222222222222222", &card, &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_d1_emv_data("8202", &card, &f)), CW_C_REJECT);
        assert_int_equal(cw_rc_class(cw_d1_emv_data("82021800 zz", &card, &f)), CW_C_REJECT);
}

/* ---- JWE ---- */

static void put(const char *dir, const char *name, const void *bytes, size_t len) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        CW_AUTO_FILE FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, len, file), len);
}

static size_t get(const char *dir, const char *name, char *ret, size_t cap) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        CW_AUTO_FILE FILE *file = fopen(path, "re");
        assert_non_null(file);
        return fread(ret, 1, cap, file);
}

static void run(const char *dir, const char *command) {
        char line[400];
        (void)snprintf(line, sizeof line, "cd %s && %s", dir, command);
        assert_int_equal(system(line), 0); /* NOLINT: fixed words, a folder of our own */
}

static void the_jose_command(void **state) {
        static const char clear[] = "{\"pan\":\"4111111111111111\",\"exp\":\"2906\"}";
        char dir[] = "/tmp/cw-jose.XXXXXX", text[4096];
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *own = NULL, *public_key = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *sealed = NULL, *opened = NULL;
        (void)state;
        assert_non_null(mkdtemp(dir));
        run(dir, "openssl ecparam -name prime256v1 -genkey -noout -out k.pem && openssl ec -in k.pem -pubout "
                 "-out p.pem 2>/dev/null");
        size_t len = get(dir, "k.pem", text, sizeof text);
        assert_int_equal(cw_jose_key(CW_SPAN((uint8_t *)text, len), true, "key", &own, &f), CW_OK);
        len = get(dir, "p.pem", text, sizeof text);
        assert_int_equal(cw_jose_key(CW_SPAN((uint8_t *)text, len), false, "key", &public_key, &f), CW_OK);
        assert_null(json_object_get(public_key, "d"));
        CW_AUTO_MEM char *jwk = json_dumps(own, 0), *pub = json_dumps(public_key, 0);
        put(dir, "k.jwk", jwk, strlen(jwk));
        put(dir, "p.jwk", pub, strlen(pub));
        const struct cw_span plain = CW_SPAN((const uint8_t *)clear, sizeof clear - 1);
        assert_int_equal(cw_jwe_seal(public_key, "kid-1", plain, &sealed, &f), CW_OK);
        put(dir, "ours.jwe", sealed->ptr, sealed->len);
        run(dir, "jose jwe dec -i ours.jwe -k k.jwk -O out");
        assert_int_equal(get(dir, "out", text, sizeof text), sizeof clear - 1);
        assert_memory_equal(text, clear, sizeof clear - 1);
        put(dir, "clear", clear, sizeof clear - 1);
        run(dir,
            "jose jwe enc -c -i '{\"protected\":{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"kid-1\"}}'"
            " -I clear -k p.jwk -o theirs.jwe");
        len = get(dir, "theirs.jwe", text, sizeof text);
        assert_int_equal(cw_jwe_open(own, "kid-1", CW_SPAN((uint8_t *)text, len), &opened, &f), CW_OK);
        assert_int_equal(opened->len, sizeof clear - 1);
        assert_memory_equal(opened->ptr, clear, sizeof clear - 1);
        /* Another kid, an altered tag, another algorithm. */
        struct cw_secret *none = NULL;
        assert_int_equal(cw_rc_class(cw_jwe_open(own, "kid-2", CW_SPAN((uint8_t *)text, len), &none, &f)),
                         CW_C_REJECT);
        text[len - 3] = text[len - 3] == 'A' ? 'B' : 'A';
        assert_int_equal(cw_jwe_open(own, "kid-1", CW_SPAN((uint8_t *)text, len), &none, &f) & 0xffffu,
                         CW_E_MISMATCH);
        run(dir,
            "jose jwe enc -c -i '{\"protected\":{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"kid\":\"kid-1\"}}'"
            " -I clear -k p.jwk -o theirs.jwe");
        len = get(dir, "theirs.jwe", text, sizeof text);
        assert_int_equal(cw_jwe_open(own, "kid-1", CW_SPAN((uint8_t *)text, len), &none, &f) & 0xffffu,
                         CW_E_SYNTAX);
        assert_null(none);
        run(dir, "rm -f k.pem p.pem k.jwk p.jwk ours.jwe theirs.jwe clear out && rmdir \"$PWD\"");
}

static void kid_of_a_version(void **state) {
        (void)state;
        char kid[24];
        assert_true(cw_d1_kid("branch-sign-{version}", 12, kid, sizeof(kid)));
        assert_string_equal(kid, "branch-sign-12");
        assert_true(cw_d1_kid("v{version}.b", 3, kid, sizeof(kid)));
        assert_string_equal(kid, "v3.b");
        assert_true(cw_d1_kid("branch-sign-1", 12, kid, sizeof(kid)));
        assert_string_equal(kid, "branch-sign-1");
        assert_false(cw_d1_kid("a-very-very-long-name-for-{version}", 12, kid, sizeof(kid)));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(kid_of_a_version),  cmocka_unit_test(members),
            cmocka_unit_test(refusals),          cmocka_unit_test(patterns_and_tracks),
            cmocka_unit_test(prepared_emv_data), cmocka_unit_test(the_jose_command)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
