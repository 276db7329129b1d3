/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void grows_and_is_capped(void **state) {
        (void)state;
        for (int tries = 1; tries < 40; tries++) {
                int64_t full = tries >= 5 ? CW_BACKOFF_CAP_MS : (int64_t)CW_BACKOFF_BASE_MS << (tries - 1);
                assert_int_equal(cw_backoff_ms(tries, -1, 0), full / 2);
                assert_int_equal(cw_backoff_ms(tries, -1, (uint32_t)(full / 2)), full);
                for (uint32_t r = 1; r < 4000000000u; r += 99999989u) {
                        int64_t wait = cw_backoff_ms(tries, -1, r);
                        assert_true(wait >= full / 2 && wait <= full);
                }
        }
}

static void never_before_the_hint(void **state) {
        (void)state;
        assert_true(cw_backoff_ms(1, 7000, 0) > 7000);
        assert_true(cw_backoff_ms(1, 7000, 12345) < 7000 + CW_BACKOFF_BASE_MS);
}

static void three_tries_and_bounded_patience(void **state) {
        (void)state;
        assert_true(cw_backoff_again(1, -1));
        assert_true(cw_backoff_again(2, CW_BACKOFF_HINT_MAX_MS));
        assert_false(cw_backoff_again(3, -1));
        assert_false(cw_backoff_again(1, CW_BACKOFF_HINT_MAX_MS + 1));
}

static void retry_after(void **state) {
        (void)state;
        const int64_t now = 784111777000LL; /* Sun, 06 Nov 1994 08:49:37 GMT */
        assert_int_equal(cw_backoff_retry_after_ms("0", now), 0);
        assert_int_equal(cw_backoff_retry_after_ms("120", now), 120000);
        assert_int_equal(cw_backoff_retry_after_ms("99999999999999999999999", now), 86400000);
        assert_int_equal(cw_backoff_retry_after_ms("Sun, 06 Nov 1994 08:49:47 GMT", now), 10000);
        assert_int_equal(cw_backoff_retry_after_ms("Sun, 06 Nov 1994 08:49:27 GMT", now), 0);
        assert_int_equal(cw_backoff_retry_after_ms("", now), -1);
        assert_int_equal(cw_backoff_retry_after_ms("soon", now), -1);
        assert_int_equal(cw_backoff_retry_after_ms("12.5", now), -1);
        assert_int_equal(cw_backoff_retry_after_ms("-3", now), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(grows_and_is_capped),
            cmocka_unit_test(never_before_the_hint),
            cmocka_unit_test(three_tries_and_bounded_patience),
            cmocka_unit_test(retry_after),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
