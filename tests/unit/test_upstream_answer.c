/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/answer.h"
#include "agent/upstream/dcms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* What the call id makes of an answer with that status, type and body. */
static struct cw_answer read_typed(enum cw_dcms_endpoint_id id, int status, const char *type,
                                   const char *body) {
        struct cw_http_result http = {.rc = CW_OK, .sent = true, .status = status, .retry_after_ms = -1};
        struct cw_answer a;
        (void)snprintf(http.content_type, sizeof http.content_type, "%s", type);
        assert_int_equal(cw_secret_dup(body, strlen(body), &http.body), CW_OK);
        cw_answer_read(cw_dcms_endpoint(id), NULL, &http, &a);
        cw_secret_free(http.body);
        return a;
}

static struct cw_answer read_json(enum cw_dcms_endpoint_id id, int status, const char *body) {
        return read_typed(id, status, "application/json", body);
}

static void expect(int status, const char *body, enum cw_verdict verdict, enum cw_class cls,
                   const char *code) {
        struct cw_answer a = read_json(CW_DCMS_EP_ACTIVATE, status, body);
        assert_int_equal(a.verdict, verdict);
        assert_int_equal(cw_rc_class(a.fault.rc), cls);
        assert_string_equal(a.fault.code, code);
        if (cls != CW_C_NONE)
                assert_true(strlen(a.fault.text) > 20);
        cw_answer_done(&a);
}

static void results_of_any_type(void **state) {
        (void)state;
        expect(200, "{\"result\":true,\"exception\":null,\"pagination\":null}", CW_ANSWER_OK, CW_C_NONE, "");
        expect(200, "{\"result\":\"success\"}", CW_ANSWER_OK, CW_C_NONE, "");
        expect(200, "{\"result\":[],\"unknown\":{\"a\":1}}", CW_ANSWER_OK, CW_C_NONE, "");
        expect(200, "{\"result\":null,\"exception\":null}", CW_ANSWER_OK, CW_C_NONE, "");
}

static void dialect_a(void **state) {
        (void)state;
        const char *body =
            "{\"result\":null,\"exception\":{\"errorCode\":\"card.not.found\",\"errorMessage\":\"No such "
            "card\",\"httpStatus\":\"404 NOT_FOUND\"},\"pagination\":null}";
        expect(200, body, CW_ANSWER_REFUSED, CW_C_REJECT, "card.not.found");
        expect(404, body, CW_ANSWER_REFUSED, CW_C_REJECT, "card.not.found");
}

static void dialect_b(void **state) {
        (void)state;
        struct cw_answer a =
            read_json(CW_DCMS_EP_ACTIVATE, 400,
                      "{\"result\":null,\"exception\":{\"errorCode\":\"MCC007\",\"shortMessage\":\"valid kit "
                      "not found\","
                      "\"detailMessage\":\"4111111111111111 is "
                      "unknown\",\"httpStatus\":\"BAD_REQUEST\",\"fieldError\":["
                      "\"Invalid Kit No\"],\"languageCode\":\"en\",\"cause\":null,\"suppressed\":[]}}");
        assert_int_equal(a.verdict, CW_ANSWER_REFUSED);
        assert_true(a.spoken);
        assert_string_equal(a.fault.code, "MCC007");
        assert_non_null(strstr(a.fault.text, "valid kit not found"));
        assert_non_null(strstr(a.fault.text, "Invalid Kit No"));
        assert_null(strstr(a.fault.text, "4111111111111111"));
        assert_non_null(strstr(a.fault.text, "411111XXXXXX1111"));
        cw_answer_done(&a);
}

static void nested_envelope_and_pagination(void **state) {
        (void)state;
        struct cw_answer a =
            read_json(CW_DCMS_EP_KITS_INVENTORY, 200,
                      "{\"result\":{\"result\":[1,2],\"pagination\":{\"pageNo\":0,\"totalElements\":"
                      "\"7\",\"totalPages\":4},\"exception\":null},\"exception\":null}");
        assert_int_equal(a.verdict, CW_ANSWER_OK);
        assert_int_equal(json_array_size(a.envelope.result), 2);
        assert_int_equal(a.envelope.total_rows, 7);
        assert_int_equal(a.envelope.total_pages, 4);
        cw_answer_done(&a);
        a = read_json(CW_DCMS_EP_KITS_INVENTORY, 200,
                      "{\"result\":[],\"pagination\":{\"pageNo\":1,\"pageSize\":10,\"totalRecords\":3,"
                      "\"totalPages\":1}}");
        assert_int_equal(a.envelope.total_rows, 3);
        cw_answer_done(&a);
        a = read_json(
            CW_DCMS_EP_KITS_INVENTORY, 200,
            "{\"result\":{\"result\":null,\"exception\":{\"errorCode\":\"INV001\"}},\"exception\":null}");
        assert_int_equal(a.verdict, CW_ANSWER_REFUSED);
        assert_string_equal(a.fault.code, "INV001");
        cw_answer_done(&a);
}

static void what_may_be_repeated(void **state) {
        (void)state;
        struct cw_answer a = read_json(CW_DCMS_EP_SET_PIN, 500, "{\"exception\":{\"errorCode\":\"x.y\"}}");
        assert_int_equal(a.verdict, CW_ANSWER_AGAIN);
        assert_true(a.effect_possible);
        assert_string_equal(a.fault.code, "x.y");
        cw_answer_done(&a);
        a = read_typed(CW_DCMS_EP_SET_PIN, 503, "text/html", "<html>");
        assert_int_equal(a.verdict, CW_ANSWER_AGAIN);
        assert_false(a.effect_possible);
        assert_string_equal(a.fault.code, CW_DCMS_CODE_BUSY);
        cw_answer_done(&a);
        expect(429, "", CW_ANSWER_AGAIN, CW_C_RETRY, CW_DCMS_CODE_BUSY);
        expect(502, "<html>", CW_ANSWER_AGAIN, CW_C_RETRY, CW_DCMS_CODE_SERVER);
        /* A status inside an exception that came with 200 counts like one outside. */
        expect(200, "{\"exception\":{\"httpStatus\":\"429 TOO_MANY_REQUESTS\"}}", CW_ANSWER_AGAIN, CW_C_RETRY,
               CW_DCMS_CODE_BUSY);
        expect(200, "{\"exception\":{\"httpStatus\":\"UNAUTHORIZED\"}}", CW_ANSWER_LOGIN, CW_C_OPERATOR,
               CW_DCMS_CODE_CREDENTIALS);
}

static void what_a_person_must_see(void **state) {
        (void)state;
        expect(401, "", CW_ANSWER_LOGIN, CW_C_OPERATOR, CW_DCMS_CODE_CREDENTIALS);
        expect(302, "", CW_ANSWER_PERSON, CW_C_OPERATOR, CW_DCMS_CODE_BAD_ANSWER);
        expect(400, "{\"exception\":{\"errorCode\":\"tenant.header.missing\"}}", CW_ANSWER_PERSON,
               CW_C_OPERATOR, "tenant.header.missing");
        expect(403, "{}", CW_ANSWER_REFUSED, CW_C_REJECT, CW_DCMS_CODE_REFUSED);
        expect(404, "gone", CW_ANSWER_REFUSED, CW_C_REJECT, CW_DCMS_CODE_REFUSED);
        struct cw_answer a =
            read_typed(CW_DCMS_EP_ACTIVATE, 200, "text/html", "<html>Log in to the Wi-Fi</html>");
        assert_int_equal(a.verdict, CW_ANSWER_PERSON);
        assert_int_equal(cw_rc_class(a.fault.rc), CW_C_OPERATOR);
        assert_true(a.effect_possible);
        cw_answer_done(&a);
}

static void answers_that_are_no_answers(void **state) {
        (void)state;
        static const char *const bad[] = {"",
                                          "{",
                                          "{\"result\":tr",
                                          "[true]",
                                          "true",
                                          "{\"data\":1}",
                                          "\xff",
                                          "{\"result\":1,\"result\":2}",
                                          "{\"result\":1} x",
                                          "{\"result\":\"\\u0000\"}"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct cw_answer a = read_json(CW_DCMS_EP_SET_PIN, 200, bad[i]);
                assert_int_equal(a.verdict, CW_ANSWER_AGAIN);
                assert_true(a.effect_possible);
                assert_string_equal(a.fault.code, CW_DCMS_CODE_BAD_ANSWER);
                cw_answer_done(&a);
        }
        char deep[200] = "{\"result\":";
        memset(deep + 10, '[', 100);
        struct cw_answer a = read_json(CW_DCMS_EP_SET_PIN, 200, deep);
        assert_non_null(strstr(a.fault.text, "deeper"));
        cw_answer_done(&a);
}

static void odd_exceptions(void **state) {
        (void)state;
        expect(200, "{\"result\":true,\"exception\":\"boom\"}", CW_ANSWER_REFUSED, CW_C_REJECT,
               CW_DCMS_CODE_REFUSED);
        expect(200, "{\"result\":true,\"exception\":{}}", CW_ANSWER_REFUSED, CW_C_REJECT,
               CW_DCMS_CODE_REFUSED);
        expect(200, "{\"exception\":{\"errorCode\":\"two words\"}}", CW_ANSWER_REFUSED, CW_C_REJECT,
               CW_DCMS_CODE_REFUSED);
        expect(200, "{\"exception\":{\"errorCode\":17}}", CW_ANSWER_REFUSED, CW_C_REJECT, "17");
        expect(400, "{\"errorCode\":\"ORD003\",\"shortMessage\":\"bare\"}", CW_ANSWER_REFUSED, CW_C_REJECT,
               "ORD003");
        struct cw_answer a =
            read_json(CW_DCMS_EP_ACTIVATE, 400,
                      "{\"exception\":{\"errorCode\":\"A\",\"shortMessage\":\"a\\nb\\u007fc\"}}");
        assert_non_null(strstr(a.fault.text, "a b c"));
        cw_answer_done(&a);
}

static void login(void **state) {
        (void)state;
        struct cw_answer a = read_json(CW_DCMS_EP_LOGIN, 200, "{\"id_token\":\"aaa.bbb.ccc\"}");
        assert_int_equal(a.verdict, CW_ANSWER_OK);
        assert_int_equal(a.token->len, 11);
        assert_string_equal(json_string_value(json_object_get(a.root, "id_token")), "XXXXXXXXXXX");
        cw_answer_done(&a);
        a = read_json(CW_DCMS_EP_LOGIN, 200, "{\"result\":{\"id_token\":\"aaa\"},\"exception\":null}");
        assert_int_equal(a.verdict, CW_ANSWER_OK);
        cw_answer_done(&a);
        a = read_json(CW_DCMS_EP_LOGIN, 200, "{\"result\":{},\"exception\":null}");
        assert_int_equal(a.verdict, CW_ANSWER_AGAIN);
        cw_answer_done(&a);
        a = read_json(CW_DCMS_EP_LOGIN, 400, "{\"exception\":{\"errorCode\":\"bad.credentials\"}}");
        assert_int_equal(a.verdict, CW_ANSWER_PERSON);
        assert_string_equal(a.fault.code, CW_DCMS_CODE_CREDENTIALS);
        assert_int_equal(cw_rc_class(a.fault.rc), CW_C_OPERATOR);
        cw_answer_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(results_of_any_type),
            cmocka_unit_test(dialect_a),
            cmocka_unit_test(dialect_b),
            cmocka_unit_test(nested_envelope_and_pagination),
            cmocka_unit_test(what_may_be_repeated),
            cmocka_unit_test(what_a_person_must_see),
            cmocka_unit_test(answers_that_are_no_answers),
            cmocka_unit_test(odd_exceptions),
            cmocka_unit_test(login),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
