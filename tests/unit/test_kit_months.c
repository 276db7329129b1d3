/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/kit_stock.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* 2026-12-31T23:59:59Z and a second later. */
#define YEAR_END_MS 1798761599000

static void months_left(void **state) {
        (void)state;
        assert_int_equal(cw_kit_months_left("2612", YEAR_END_MS), 0);
        assert_int_equal(cw_kit_months_left("2612", YEAR_END_MS + 1000), -1);
        assert_int_equal(cw_kit_months_left("2701", YEAR_END_MS), 1);
        assert_int_equal(cw_kit_months_left("2611", YEAR_END_MS), -1);
        assert_int_equal(cw_kit_months_left("2907", YEAR_END_MS), 31);
}

/* A server that does not say, or says nonsense: not expired on that account. */
static void no_month(void **state) {
        (void)state;
        static const char *const bad[] = {"", "29", "2900", "2913", "29a7", "29071"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                assert_int_equal(cw_kit_months_left(bad[i], YEAR_END_MS), INT_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(months_left), cmocka_unit_test(no_month)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
