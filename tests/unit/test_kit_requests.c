/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/kit_requests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define MAKER 1000u
#define CHECKER 1001u

static const struct cw_kit_request *file(struct cw_kit_requests *q, enum cw_kit_request_kind kind,
                                         const char *kits, int64_t now, struct cw_fault *f) {
        CW_AUTO_JSON json_t *list = json_loads(kits, 0, NULL);
        struct cw_kit_request draft = {.kind = kind, .kits = list, .maker_uid = MAKER, .maker = "uid:1000"};
        const struct cw_kit_request *filed = NULL;
        *f = (struct cw_fault){0};
        return cw_kit_requests_file(q, &draft, now, &filed, f) == CW_OK ? filed : NULL;
}

static void two_people_are_needed(void **state) {
        (void)state;
        struct cw_fault f;
        struct cw_kit_request *r = NULL;
        CW_AUTO(cw_kit_requests_free) struct cw_kit_requests *q = cw_kit_requests_new();
        const struct cw_kit_request *filed = file(q, CW_KIT_TRANSFER, "[\"1\",\"2\"]", 0, &f);
        assert_non_null(filed);
        cw_rc rc = cw_kit_requests_approve(q, filed->id, MAKER, 1, &r, &f);
        assert_int_equal(rc & 0xffffu, CW_E_DENIED);
        assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
        assert_int_equal(cw_kit_requests_approve(q, filed->id, CHECKER, 1, &r, &f), CW_OK);
        assert_ptr_equal(r, filed);
        assert_true(r->running);
        /* Once only, while the server's answer is awaited. */
        assert_int_equal(cw_kit_requests_approve(q, filed->id, CHECKER, 1, &r, &f) & 0xffffu, CW_E_BUSY);
        assert_int_equal(cw_kit_requests_drop(q, filed->id, 1, &f) & 0xffffu, CW_E_BUSY);
        char id[9];
        (void)memcpy(id, filed->id, sizeof id);
        cw_kit_requests_ended(q, id, false);
        assert_int_equal(cw_kit_requests_approve(q, id, CHECKER, 2, &r, &f), CW_OK);
        cw_kit_requests_ended(q, id, true);
        assert_int_equal(cw_kit_requests_approve(q, id, CHECKER, 3, &r, &f) & 0xffffu, CW_E_NOT_FOUND);
}

static void requests_expire(void **state) {
        (void)state;
        struct cw_fault f;
        struct cw_kit_request *r = NULL;
        char id[9];
        CW_AUTO(cw_kit_requests_free) struct cw_kit_requests *q = cw_kit_requests_new();
        const struct cw_kit_request *filed = file(q, CW_KIT_EXPIRE, "[\"1\"]", 1000, &f);
        assert_non_null(filed);
        memcpy(id, filed->id, sizeof id);
        CW_AUTO_JSON json_t *before = cw_kit_requests_json(q, 1000 + CW_KIT_REQUEST_TTL_MS - 1);
        assert_int_equal(json_array_size(before), 1);
        assert_int_equal(cw_kit_requests_approve(q, id, CHECKER, 1000 + CW_KIT_REQUEST_TTL_MS, &r, &f) &
                             0xffffu,
                         CW_E_NOT_FOUND);
        /* What runs is not forgotten, however late its answer comes. */
        filed = file(q, CW_KIT_EXPIRE, "[\"1\"]", 0, &f);
        assert_int_equal(cw_kit_requests_approve(q, filed->id, CHECKER, 1, &r, &f), CW_OK);
        CW_AUTO_JSON json_t *late = cw_kit_requests_json(q, 10 * CW_KIT_REQUEST_TTL_MS);
        assert_int_equal(json_array_size(late), 1);
}

static void a_kit_waits_in_one_request_only(void **state) {
        (void)state;
        struct cw_fault f;
        CW_AUTO(cw_kit_requests_free) struct cw_kit_requests *q = cw_kit_requests_new();
        assert_non_null(file(q, CW_KIT_TRANSFER, "[\"1\",\"2\"]", 0, &f));
        assert_null(file(q, CW_KIT_EXPIRE, "[\"2\"]", 0, &f));
        assert_non_null(strstr(f.text, "another one"));
        assert_non_null(file(q, CW_KIT_EXPIRE, "[\"3\"]", 0, &f));
}

static void malformed_requests_are_refused(void **state) {
        (void)state;
        static const char *const bad[] = {
            "[]", "[\"\"]", "[7]", "[\"a b\"]", "[\"1\\n2\"]", "[\"12345678901234567890123456789012\"]",
            "{}", "null"};
        struct cw_fault f;
        CW_AUTO(cw_kit_requests_free) struct cw_kit_requests *q = cw_kit_requests_new();
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                CW_AUTO_JSON json_t *list = json_loads(bad[i], JSON_DECODE_ANY, NULL);
                struct cw_kit_request draft = {.kind = CW_KIT_TRANSFER, .kits = list, .maker_uid = MAKER};
                const struct cw_kit_request *filed = NULL;
                assert_int_equal(cw_rc_class(cw_kit_requests_file(q, &draft, 0, &filed, &f)), CW_C_REJECT);
        }
        assert_null(file(q, CW_KIT_EXPIRE, "[\"1\",\"2\"]", 0, &f));
        for (unsigned i = 0; i < CW_KIT_REQUESTS_MAX; i++) {
                char kits[24];
                (void)snprintf(kits, sizeof kits, "[\"k%u\"]", i);
                assert_non_null(file(q, CW_KIT_EXPIRE, kits, 0, &f));
        }
        assert_null(file(q, CW_KIT_EXPIRE, "[\"one-more\"]", 0, &f));
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(two_people_are_needed),
            cmocka_unit_test(requests_expire),
            cmocka_unit_test(a_kit_waits_in_one_request_only),
            cmocka_unit_test(malformed_requests_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
