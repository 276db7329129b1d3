/* SPDX-License-Identifier: Apache-2.0 */
/* Station replies become events; what is malformed becomes doubt, never success. */
#include "agent/issuance/issuance.h"
#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct cw_job_event from(enum cw_step step, const char *json) {
        CW_AUTO_JSON json_t *obj = json_loads(json, JSON_DECODE_ANY, NULL);
        assert_non_null(obj);
        struct cw_job_event e;
        cw_issuance_event_from_result(step, 7, obj, &e);
        assert_int_equal(e.seq, 7);
        assert_int_equal(e.step, step);
        return e;
}

static void good_results(void **state) {
        (void)state;
        struct cw_job_event e =
            from(CW_STEP_FEED, "{\"outcome\":\"done\",\"where\":\"transport\",\"ribbon_used\":false,"
                               "\"key_tried\":false,\"evidence\":{},\"ms\":12}");
        assert_int_equal(e.kind, CW_JE_RESULT);
        assert_int_equal(e.outcome, CW_OUTCOME_DONE);
        assert_int_equal(e.where, CW_WHERE_TRANSPORT);
        e = from(
            CW_STEP_PRINT,
            "{\"outcome\":\"failed\",\"class\":\"OPERATOR\",\"code\":\"PRT_RIBBON_ENDED\",\"text\":\"x\","
            "\"where\":\"print\",\"ribbon_used\":true,\"key_tried\":true}");
        assert_int_equal(e.outcome, CW_OUTCOME_FAILED);
        assert_int_equal(e.cls, CW_C_OPERATOR);
        assert_string_equal(e.code, "PRT_RIBBON_ENDED");
        assert_true(e.ribbon_used && e.key_tried);
        assert_int_equal(from(CW_STEP_PREFLIGHT, "{\"outcome\":\"done\"}").kind, CW_JE_PREFLIGHT);
}

static void malformed_results_are_in_doubt(void **state) {
        (void)state;
        static const char *const bad[] = {
            "{}",
            "[]",
            "null",
            "\"done\"",
            "{\"outcome\":\"DONE\"}",
            "{\"outcome\":1}",
            "{\"outcome\":\"done\",\"where\":\"nowhere\"}",
            "{\"outcome\":\"done\",\"where\":3}",
            "{\"outcome\":\"done\",\"key_tried\":\"yes\"}",
            "{\"outcome\":\"failed\",\"class\":\"RETRY\",\"code\":\"lower case\",\"where\":\"contact\"}",
            ("{\"outcome\":\"failed\",\"where\":\"contact\",\"code\":"
             "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"),
        };
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct cw_job_event e = from(CW_STEP_CHIP, bad[i]);
                assert_int_equal(e.outcome, CW_OUTCOME_IN_DOUBT);
                assert_int_equal(e.cls, CW_C_IN_DOUBT);
                assert_int_equal(e.where, CW_WHERE_UNKNOWN);
                assert_string_equal(e.code, "PRD_UNEXPECTED_DATA");
        }
        struct cw_job_event e =
            from(CW_STEP_CHIP, "{\"outcome\":\"failed\",\"class\":\"odd\",\"where\":\"contact\"}");
        assert_int_equal(e.cls, CW_C_FATAL); /* an unknown class is the most careful one */
}

static void verdicts(void **state) {
        (void)state;
        static const struct {
                const char *json;
                enum cw_verdict verdict;
        } cases[] = {
            {"{\"verdict\":\"done\",\"where\":\"print\"}", CW_VERDICT_DONE},
            {"{\"verdict\":\"not_done\",\"where\":\"contact\"}", CW_VERDICT_NOT_DONE},
            {"{\"verdict\":\"unknown\",\"where\":\"unknown\"}", CW_VERDICT_UNKNOWN},
            {"{\"verdict\":\"done\"}", CW_VERDICT_UNKNOWN},
            {"{\"verdict\":\"not done\",\"where\":\"print\"}", CW_VERDICT_UNKNOWN},
            {"{}", CW_VERDICT_UNKNOWN},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                CW_AUTO_JSON json_t *obj = json_loads(cases[i].json, 0, NULL);
                struct cw_job_event e;
                cw_issuance_event_from_verdict(CW_STEP_PRINT, 3, obj, &e);
                assert_int_equal(e.kind, CW_JE_VERDICT);
                assert_int_equal(e.verdict, cases[i].verdict);
        }
}

static void names_are_one_to_one(void **state) {
        (void)state;
        for (int i = 0; i < CW_JOB_STATE_MAX_; i++) {
                enum cw_job_state v;
                assert_true(cw_job_state_from_name(cw_job_state_name((enum cw_job_state)i), &v));
                assert_int_equal(v, i);
        }
        for (int i = 0; i < CW_JE_MAX_; i++) {
                enum cw_job_event_kind v;
                assert_true(cw_job_event_from_name(cw_job_event_name((enum cw_job_event_kind)i), &v));
                assert_int_equal(v, i);
        }
        for (int i = 0; i < CW_JOB_STATE_MAX_; i++)
                assert_string_not_equal(cw_job_state_name((enum cw_job_state)i), "?");
        for (int i = 0; i < CW_JA_MAX_; i++)
                assert_string_not_equal(cw_job_action_name((enum cw_job_action_kind)i), "?");
        for (int i = 0; i < CW_WAIT_MAX_; i++)
                assert_string_not_equal(cw_job_wait_name((enum cw_job_wait)i), "?");
        enum cw_step step;
        assert_false(cw_step_from_name("emboss", &step));
        assert_false(cw_step_from_name(NULL, &step));
        assert_string_equal(cw_step_name(CW_STEP_MAX_), "?");
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(good_results),
            cmocka_unit_test(malformed_results_are_in_doubt),
            cmocka_unit_test(verdicts),
            cmocka_unit_test(names_are_one_to_one),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
