/* SPDX-License-Identifier: Apache-2.0 */
#include "test_cases.h"
#include "test_support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char BRANCH[] = "/branch/fetch";
static const char ACTIVATE[] = "/kit-manager/kitActivation";
static const char BODY[] =
    "{\"entityId\":\"validatePin0\",\"kitNo\":\"" VECTOR_KIT "\",\"requestId\":\"f-1\"}";

static void expect_http(const struct rig *rig, const char *path, const char *body, long want) {
        struct answer a = rig_call(rig, path, body);
        if (a.http != want)
                fail_msg("%s: wanted HTTP %ld, got %ld, curl %d", path, want, a.http, (int)a.rc);
        answer_done(&a);
}

void test_fault_script(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        static const char *const refused[] = {"{}",
                                              "{\"faults\":[{\"endpoint\":\"/nope\"}]}",
                                              "{\"faults\":[{\"endpoint\":\"*\",\"status\":200}]}",
                                              "{\"faults\":[{\"endpoint\":\"*\",\"colour\":1}]}",
                                              "{\"faults\":[{\"endpoint\":\"*\",\"nth\":0}]}",
                                              "{\"faults\":[{\"endpoint\":\"*\",\"drop\":\"later\"}]}"};
        rig_start(&rig, rig_config());
        for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
                struct answer a = rig_sim(&rig, "/faults", refused[i]);
                assert_int_equal(a.http, 400);
                assert_true(*text_of(a.json, "error"));
                answer_done(&a);
        }
        rig_faults(&rig, "{\"faults\":[{\"endpoint\":\"/branch/fetch\",\"nth\":2,\"count\":2,\"status\":503,"
                         "\"exception\":\"maintenance\"}]}");
        rig_faults(&rig,
                   "{\"append\":true,\"faults\":[{\"endpoint\":\"*\",\"nth\":4,\"count\":0,\"status\":429,"
                   "\"retry_after_s\":7}]}");
        expect_http(&rig, BRANCH, "{}", 200);
        expect_http(&rig, BRANCH, "{}", 503);
        rig_refuse(&rig, BRANCH, "{}", "maintenance");
        for (int i = 0; i < 3; i++) {
                struct answer a = rig_call(&rig, BRANCH, "{}");
                assert_int_equal(a.http, 429);
                assert_string_equal(a.retry_after, "7");
                answer_done(&a);
        }
        CW_AUTO_JSON json_t *now = rig_state(&rig);
        const json_t *rule = json_array_get(json_object_get(now, "faults"), 0);
        assert_int_equal(json_integer_value(json_object_get(rule, "fired")), 2);
        struct ask clear = {
            .path = "/_sim/faults", .method = "DELETE", .header = "X-Sim-Token: test-side-only"};
        struct answer a = rig_ask(&rig, &clear);
        assert_int_equal(a.http, 200);
        answer_done(&a);
        expect_http(&rig, BRANCH, "{}", 200);
        assert_int_equal(rig_number(&rig, BRANCH), 7);
        rig_stop(&rig);
}

static struct answer with_fault(const struct rig *rig, const char *fault, long timeout_ms) {
        char json[256];
        struct ask ask = {.path = "/dcms/branch/fetch", .body = "{}", .timeout_ms = timeout_ms};
        (void)snprintf(json, sizeof json, "{\"faults\":[{\"endpoint\":\"/branch/fetch\",%s}]}", fault);
        rig_faults(rig, json);
        return rig_ask(rig, &ask);
}

void test_fault_responses(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        rig_start(&rig, rig_config());
        struct answer a = with_fault(&rig, "\"malformed_json\":true", 0);
        assert_int_equal(a.http, 200);
        assert_null(a.json);
        answer_done(&a);
        a = with_fault(&rig, "\"truncate_at\":25", 0);
        assert_int_equal(a.rc, CURLE_OK);
        assert_int_equal(a.len, 25);
        assert_null(a.json);
        answer_done(&a);
        a = with_fault(&rig, "\"content_type\":\"text/html\"", 0);
        assert_string_equal(a.content_type, "text/html");
        answer_done(&a);
        a = with_fault(&rig, "\"reset_after_bytes\":40", 0);
        assert_true(a.rc == CURLE_RECV_ERROR || a.rc == CURLE_PARTIAL_FILE);
        assert_int_equal(a.len, 40);
        answer_done(&a);
        a = with_fault(&rig, "\"delay_ms\":300", 0);
        assert_int_equal(a.http, 200);
        assert_true(a.seconds >= 0.3);
        answer_done(&a);
        a = with_fault(&rig, "\"delay_after_ms\":2000", 300);
        assert_int_equal(a.rc, CURLE_OPERATION_TIMEDOUT);
        answer_done(&a);
        a = with_fault(&rig, "\"drip\":{\"bytes\":100,\"interval_ms\":50}", 0);
        assert_non_null(a.json);
        assert_true(a.seconds >= 0.05 * (double)(a.len / 100 - 1));
        answer_done(&a);
        a = with_fault(&rig, "\"drip\":{\"bytes\":1,\"interval_ms\":100}", 500);
        assert_int_equal(a.rc, CURLE_OPERATION_TIMEDOUT);
        answer_done(&a);
        rig_stop(&rig); /* and a stop does not wait for the drip */
}

static void expect_status(const struct rig *rig, const char *want) {
        CW_AUTO_JSON json_t *status = rig_kit(rig, VECTOR_KIT, "status");
        assert_string_equal(json_string_value(status), want);
}

static void lost(const struct rig *rig, const char *fault) {
        char json[256];
        (void)snprintf(json, sizeof json, "{\"faults\":[{\"endpoint\":\"/kit-manager/kitActivation\",%s}]}",
                       fault);
        rig_faults(rig, json);
        struct answer a = rig_call(rig, ACTIVATE, BODY);
        assert_int_not_equal(a.rc, CURLE_OK);
        assert_int_equal(a.http, 0);
        answer_done(&a);
}

void test_fault_lost_response(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        rig_start(&rig, rig_config());
        lost(&rig, "\"drop\":\"before_commit\"");
        expect_status(&rig, "INACTIVE");
        lost(&rig, "\"drop\":\"after_commit\"");
        expect_status(&rig, "ACTIVE");
        CW_AUTO_JSON json_t *result = rig_ok(&rig, ACTIVATE, BODY);
        assert_string_equal(json_string_value(result), "success");
        assert_int_equal(rig_number(&rig, "duplicate_activations"), 0);
        assert_int_equal(rig_number(&rig, ACTIVATE), 3);
        rig_stop(&rig);

        rig_start(&rig, rig_config());
        rig_faults(&rig, "{\"faults\":[{\"endpoint\":\"/kit-manager/kitActivation\",\"status\":500,"
                         "\"after_commit\":true},{\"endpoint\":\"/kit-manager/kitActivation\",\"nth\":2,"
                         "\"status\":500}]}");
        expect_http(&rig, ACTIVATE, BODY, 500);
        expect_status(&rig, "ACTIVE");
        expect_http(&rig, ACTIVATE, BODY, 500);
        expect_http(&rig, ACTIVATE, BODY, 200);
        rig_stop(&rig);
}

void test_fault_tokens(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        rig_start(&rig, rig_config());
        rig_faults(&rig,
                   "{\"faults\":[{\"endpoint\":\"/kit-manager/kitActivation\",\"expire_token\":true}]}");
        expect_http(&rig, BRANCH, "{}", 200);
        expect_http(&rig, ACTIVATE, BODY, 401);
        expect_http(&rig, BRANCH, "{}", 401);
        expect_status(&rig, "INACTIVE");
        rig_login(&rig);
        expect_http(&rig, ACTIVATE, BODY, 200);
        expect_status(&rig, "ACTIVE");
        rig_stop(&rig);
}

static void go_down(const struct rig *rig, const char *json, long http) {
        struct answer a = rig_sim(rig, "/down", json);
        assert_int_equal(a.http, http);
        answer_done(&a);
}

void test_down(void **state) {
        (void)state;
        struct rig rig = {.pid = 0};
        char json[64];
        rig_start(&rig, rig_config());
        go_down(&rig, "{}", 400);
        go_down(&rig, "{\"seconds\":1,\"until\":5}", 400);
        go_down(&rig, "{\"seconds\":0.7}", 200);
        struct answer a = rig_call(&rig, BRANCH, "{}");
        assert_int_not_equal(a.rc, CURLE_OK);
        assert_true(a.seconds < 0.5);
        answer_done(&a);
        (void)usleep(800000);
        expect_http(&rig, BRANCH, "{}", 200);
        (void)snprintf(json, sizeof json, "{\"until\":%lld}", (long long)time(NULL) + 600);
        go_down(&rig, json, 200);
        expect_http(&rig, BRANCH, "{}", 0);
        assert_int_equal(kill(rig.pid, SIGUSR1), 0);
        (void)usleep(100000);
        expect_http(&rig, BRANCH, "{}", 200);
        go_down(&rig, "{\"seconds\":0.6,\"mode\":\"silent\"}", 200);
        struct ask ask = {.path = "/dcms/branch/fetch", .body = "{}", .timeout_ms = 300};
        a = rig_ask(&rig, &ask);
        assert_int_equal(a.rc, CURLE_OPERATION_TIMEDOUT);
        answer_done(&a);
        (void)usleep(500000);
        expect_http(&rig, BRANCH, "{}", 200);
        go_down(&rig, "{\"seconds\":60,\"mode\":\"silent\"}", 200);
        rig_stop(&rig);
}
