/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct cw_pace pace(void) {
        return (struct cw_pace){.min_ms = 2000, .max_ms = 60000, .pause_ms = 2000};
}

static void slower_without_news(void **state) {
        (void)state;
        struct cw_pace p = pace();
        static const int64_t want[] = {4000, 8000, 16000, 32000, 60000, 60000};
        for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
                int64_t ms = cw_pace_next_ms(&p, false, 0, UINT16_MAX / 2);
                assert_true(ms > want[i] - want[i] / 100 && ms < want[i] + want[i] / 100);
        }
        assert_int_equal(cw_pace_next_ms(&p, true, 0, 0), 1800);
}

static void branches_spread(void **state) {
        (void)state;
        for (uint32_t random = 0; random <= UINT16_MAX; random += 257) {
                struct cw_pace p = {.min_ms = 2000, .max_ms = 60000, .pause_ms = 60000};
                int64_t ms = cw_pace_next_ms(&p, false, 0, (uint16_t)random);
                assert_true(ms >= 54000 && ms <= 66000);
        }
        struct cw_pace a = pace(), b = pace();
        assert_true(cw_pace_next_ms(&b, false, 0, UINT16_MAX) - cw_pace_next_ms(&a, false, 0, 0) >= 790);
}

/* Retry-After counts, also when it is longer than we would ever wait; never less than it. */
static void the_server_s_word(void **state) {
        (void)state;
        for (uint32_t random = 0; random <= UINT16_MAX; random += 4369) {
                struct cw_pace p = pace();
                int64_t ms = cw_pace_next_ms(&p, false, 300000, (uint16_t)random);
                assert_true(ms >= 300000 && ms <= 330000);
                assert_true(cw_pace_next_ms(&p, true, 1000, (uint16_t)random) >= 1800);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(slower_without_news),
            cmocka_unit_test(branches_spread),
            cmocka_unit_test(the_server_s_word),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
