/* SPDX-License-Identifier: Apache-2.0 */
/* What D1's operations say about one order. */
#include "agent/daemon/production.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct cw_d1_operation op(const char *id, const char *request, enum cw_d1_status status,
                                 enum cw_d1_detail detail) {
        struct cw_d1_operation o = {.operation = "PRODUCE", .status = status, .detail = detail};
        (void)snprintf(o.id, sizeof o.id, "%s", id);
        (void)snprintf(o.request_id, sizeof o.request_id, "%s", request);
        return o;
}

static void by_status_and_detail(void **state) {
        (void)state;
        static const struct {
                enum cw_d1_status status;
                enum cw_d1_detail detail;
                enum cw_production_news news;
        } cases[] = {
            {CW_D1_PENDING, CW_D1_REQUESTED, CW_PRODUCTION_UNDER_WAY},
            {CW_D1_PENDING, CW_D1_READY, CW_PRODUCTION_UNDER_WAY},
            {CW_D1_PENDING, CW_D1_DATA_EXCEPTION, CW_PRODUCTION_UNDER_WAY},
            {CW_D1_STATUS_OTHER, CW_D1_DETAIL_OTHER, CW_PRODUCTION_UNDER_WAY},
            {CW_D1_SUCCESSFUL, CW_D1_DONE, CW_PRODUCTION_MADE},
            {CW_D1_SUCCESSFUL, CW_D1_DETAIL_OTHER, CW_PRODUCTION_MADE},
            {CW_D1_STATUS_OTHER, CW_D1_SHIPPED, CW_PRODUCTION_MADE},
            {CW_D1_FAILED, CW_D1_EXCEPTION, CW_PRODUCTION_FAILED},
            {CW_D1_FAILED, CW_D1_DETAIL_OTHER, CW_PRODUCTION_FAILED},
            {CW_D1_PENDING, CW_D1_CANCELED, CW_PRODUCTION_FAILED},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                const struct cw_d1_operation o = op("o1", "r1", cases[i].status, cases[i].detail),
                                             *found = NULL;
                assert_int_equal(cw_production_judge(&o, 1, "o1", "r1", &found), cases[i].news);
                assert_ptr_equal(found, &o);
        }
}

/* The operation's number or the request id; D1 need echo neither. */
static void by_number(void **state) {
        (void)state;
        const struct cw_d1_operation *found = NULL;
        struct cw_d1_operation list[] = {
            op("old", "r0", CW_D1_FAILED, CW_D1_EXCEPTION),
            op("o1", "r1", CW_D1_PENDING, CW_D1_READY),
            op("o2", "", CW_D1_SUCCESSFUL, CW_D1_DONE),
        };
        assert_int_equal(cw_production_judge(list, 3, "o1", "r1", &found), CW_PRODUCTION_UNDER_WAY);
        assert_int_equal(cw_production_judge(list, 2, "", "r1", &found), CW_PRODUCTION_UNDER_WAY);
        assert_int_equal(cw_production_judge(list, 3, "", "r9", &found), CW_PRODUCTION_MADE);
        assert_int_equal(cw_production_judge(list, 2, "", "r9", &found), CW_PRODUCTION_UNLISTED);
        assert_int_equal(cw_production_judge(list, 3, "o9", "r1", &found), CW_PRODUCTION_UNDER_WAY);
        assert_ptr_equal(found, &list[1]); /* a batch that was answered with one number for all */
        assert_int_equal(cw_production_judge(list, 3, "o9", "r9", &found), CW_PRODUCTION_UNLISTED);
        (void)snprintf(list[1].operation, sizeof list[1].operation, "ACTIVATE");
        assert_int_equal(cw_production_judge(list, 3, "o1", "r1", &found), CW_PRODUCTION_UNLISTED);
        assert_int_equal(cw_production_judge(NULL, 0, "o1", "r1", &found), CW_PRODUCTION_UNLISTED);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(by_status_and_detail),
                                           cmocka_unit_test(by_number)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
