/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors of tests/vectors/hsm.json through the algorithms, over the test backend. */
#include "test_hsm_soft.h"

#include "base/cleanup.h"
#include "hsm/known_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *text(const json_t *e, const char *key) {
        const char *s = json_string_value(json_object_get(e, key));
        return s ? s : "";
}

/* A result may be longer than what is published of it, a PIN may not. */
static bool as_expected(const json_t *e, cw_rc rc, const char *got) {
        const char *want = text(e, "expect"), *alg = text(e, "alg");
        bool whole = strcmp(alg, "pin_block_decode") == 0 || strcmp(alg, "ibm3624_pin") == 0 ||
                     strcmp(alg, "iso4_decipher") == 0;
        if (strcmp(want, "REJECT") == 0)
                return cw_rc_class(rc) == CW_C_REJECT && rc != CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED);
        return rc == CW_OK && *want != '\0' && strncmp(got, want, strlen(want)) == 0 &&
               (!whole || strlen(got) == strlen(want));
}

static void vectors(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *file = json_load_file(CW_VECTORS "/hsm.json", 0, NULL);
        assert_true(json_array_size(file) > 250);
        size_t failed = 0, i;
        json_t *e;
        json_array_foreach(file, i, e) {
                struct cw_hsm_crypto c;
                struct soft_hsm *soft = soft_hsm_new(&c);
                char got[CW_KNOWN_ANSWER_MAX] = "";
                struct cw_fault f = {0};
                cw_rc rc = cw_known_answer(&c, e, got, &f);
                if (!as_expected(e, rc, got)) {
                        print_error("entry %zu %s: got %s (%s), expected %s\n", i, text(e, "alg"), got,
                                    f.text, text(e, "expect"));
                        failed++;
                }
                assert_int_equal(soft_key_count(soft), 0);
                soft_hsm_free(soft);
        }
        assert_int_equal(failed, 0);
}

/* Each entry with each of its members taken away, changed in kind, or emptied: an answer or a refusal. */
static void malformed(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *file = json_load_file(CW_VECTORS "/hsm.json", 0, NULL);
        size_t i, refused = 0;
        json_t *e, *v;
        const char *key;
        json_array_foreach(file, i, e) {
                json_object_foreach(e, key, v) {
                        for (unsigned how = 0; how < 4; how++) {
                                CW_AUTO_JSON json_t *bad = json_copy(e);
                                struct cw_hsm_crypto c;
                                struct soft_hsm *soft = soft_hsm_new(&c);
                                char got[CW_KNOWN_ANSWER_MAX];
                                if (how == 0)
                                        (void)json_object_del(bad, key);
                                else
                                        (void)json_object_set_new(bad, key,
                                                                  how == 1   ? json_integer(-1)
                                                                  : how == 2 ? json_string("")
                                                                             : json_string("0G0"));
                                cw_rc rc = cw_known_answer(&c, bad, got, NULL);
                                assert_true(rc == CW_OK || cw_rc_class(rc) == CW_C_REJECT);
                                refused += rc != CW_OK;
                                assert_int_equal(soft_key_count(soft), 0);
                                soft_hsm_free(soft);
                        }
                }
        }
        assert_true(refused > 1000);
}

/* A token that fails after any number of calls leaves no key behind. */
static void token_fails(void **state) {
        (void)state;
        CW_AUTO_JSON json_t *file = json_load_file(CW_VECTORS "/hsm.json", 0, NULL);
        size_t i, failures = 0;
        json_t *e;
        json_array_foreach(file, i, e) {
                for (long calls = 0; calls < 40; calls += 3) {
                        struct cw_hsm_crypto c;
                        struct soft_hsm *soft = soft_hsm_new(&c);
                        char got[CW_KNOWN_ANSWER_MAX];
                        soft_fail_after(soft, calls);
                        cw_rc rc = cw_known_answer(&c, e, got, NULL);
                        failures += cw_rc_class(rc) == CW_C_RECONNECT;
                        assert_int_equal(soft_key_count(soft), 0);
                        soft_hsm_free(soft);
                }
        }
        assert_true(failures > 200);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(vectors), cmocka_unit_test(malformed),
                                           cmocka_unit_test(token_fails)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
