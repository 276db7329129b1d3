/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/b64.h"
#include "agent/upstream/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define NOW_MS 1800000000000LL

static int64_t life_of(const char *claims) {
        char middle[512], token[640];
        size_t n = 0;
        assert_true(cw_b64_encode(CW_B64_URL, claims, strlen(claims), middle, sizeof middle, &n));
        int len = snprintf(token, sizeof token, "eyJhbGciOiJIUzI1NiJ9.%s.c2ln", middle);
        return cw_jwt_life_ms(token, (size_t)len, NOW_MS);
}

static void life_comes_from_the_claims(void **state) {
        (void)state;
        assert_int_equal(life_of("{\"sub\":\"a\",\"exp\":1800000900}"), 900000);
        /* Our clock is an hour off; iat says so. */
        assert_int_equal(life_of("{\"iat\":1799996400,\"exp\":1799996500}"), 100000);
        assert_int_equal(life_of("{\"exp\":1800000900.75,\"iat\":1800000000}"), 900000);
        assert_int_equal(life_of("{\"exp\":1799990000}"), 0);
        assert_int_equal(life_of("{\"exp\":999999999999}"), CW_JWT_LIFE_MAX_MS);
        assert_int_equal(life_of("{\"iat\":1800000900,\"exp\":1800000800}"), 800000);
}

static void unreadable_tokens_get_the_default(void **state) {
        (void)state;
        static const char *const bad[] = {"", "opaque", "a.b", "a.!!!.c", "..", "a.e30.c"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                assert_int_equal(cw_jwt_life_ms(bad[i], strlen(bad[i]), NOW_MS), CW_JWT_LIFE_DEFAULT_MS);
        assert_int_equal(life_of("{\"exp\":\"soon\"}"), CW_JWT_LIFE_DEFAULT_MS);
        assert_int_equal(life_of("{\"exp\":-5}"), CW_JWT_LIFE_DEFAULT_MS);
        assert_int_equal(life_of("{\"exp\":99999999999999999999}"), CW_JWT_LIFE_DEFAULT_MS);
        assert_int_equal(life_of("{\"nested\":{\"exp\":1800000900}}"), CW_JWT_LIFE_DEFAULT_MS);
}

static void renewed_before_the_end(void **state) {
        (void)state;
        assert_int_equal(cw_jwt_renew_after_ms(3600000), 3540000);
        assert_int_equal(cw_jwt_renew_after_ms(10000), 9000);
        assert_int_equal(cw_jwt_renew_after_ms(0), 0);
}

static void base64_is_strict(void **state) {
        (void)state;
        char text[16];
        uint8_t bytes[8];
        size_t n = 0;
        assert_true(cw_b64_encode(CW_B64_STD, "\xfb\xff", 2, text, sizeof text, &n));
        assert_string_equal(text, "+/8=");
        assert_true(cw_b64_encode(CW_B64_URL, "\xfb\xff", 2, text, sizeof text, &n));
        assert_string_equal(text, "-_8");
        assert_true(cw_b64_decode(CW_B64_STD, "+/8=", 4, bytes, sizeof bytes, &n));
        assert_int_equal(n, 2);
        assert_memory_equal(bytes, "\xfb\xff", 2);
        static const char *const bad[] = {"+/9=", "+/8", "+===", "====", "+/8\n", "-_8=", "A=BC"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                assert_false(cw_b64_decode(CW_B64_STD, bad[i], strlen(bad[i]), bytes, sizeof bytes, &n));
        assert_false(cw_b64_decode(CW_B64_STD, "AAAAAAAAAAAAAAAA", 16, bytes, sizeof bytes, &n));
        assert_false(cw_b64_encode(CW_B64_STD, "abc", 3, text, 4, &n));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(life_comes_from_the_claims),
            cmocka_unit_test(unreadable_tokens_get_the_default),
            cmocka_unit_test(renewed_before_the_end),
            cmocka_unit_test(base64_is_strict),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
