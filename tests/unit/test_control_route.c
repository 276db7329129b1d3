/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, bodies and roles of the control API, without a socket. */
#include "agent/control/peer_role.h"
#include "agent/control/route.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void handler(void *ctx, struct cw_control_request *r) {
        (void)ctx;
        (void)r;
}

static const struct cw_control_route routes[] = {
    {"GET", "/v1/jobs", CW_ROLE_VIEW, handler},
    {"GET", "/v1/jobs/{}", CW_ROLE_VIEW, handler},
    {"POST", "/v1/jobs/{}/cancel", CW_ROLE_OPERATE, handler},
    {"POST", "/v1/stock/move", CW_ROLE_OPERATE, handler},
    {"POST", "/v1/jobs", CW_ROLE_ADMIN, handler},
};
#define ROUTES (sizeof routes / sizeof *routes)

static cw_rc find(const char *method, const char *path, struct cw_route_found *ret) {
        struct cw_fault f = {0};
        cw_rc rc = cw_route_find(routes, ROUTES, method, path, ret, &f);
        assert_int_equal(rc, f.rc);
        return rc;
}

static void test_paths(void **state) {
        (void)state;
        struct cw_route_found found;
        assert_int_equal(find("GET", "/v1/jobs", &found), CW_OK);
        assert_ptr_equal(found.route, &routes[0]);
        assert_string_equal(found.segment, "");
        assert_int_equal(find("POST", "/v1/jobs", &found), CW_OK);
        assert_ptr_equal(found.route, &routes[4]);
        assert_int_equal(find("GET", "/v1/jobs/J000001", &found), CW_OK);
        assert_ptr_equal(found.route, &routes[1]);
        assert_string_equal(found.segment, "J000001");
        assert_int_equal(find("POST", "/v1/jobs/4240181500/cancel", &found), CW_OK);
        assert_ptr_equal(found.route, &routes[2]);
        assert_string_equal(found.segment, "4240181500");
}

static void expect_refused(const char *method, const char *path, unsigned code) {
        struct cw_route_found found = {.segment = "untouched"};
        cw_rc rc = find(method, path, &found);
        assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
        assert_int_equal(rc & 0xffffu, code);
        assert_null(found.route);
        assert_string_equal(found.segment, "untouched");
}

static void test_wrong_paths(void **state) {
        (void)state;
        static const char *const unknown[] = {"",
                                              "/",
                                              "/v1",
                                              "/v1/jobs/",
                                              "/v1/jobs//cancel",
                                              "/v1/job",
                                              "/v1/jobs/a/b",
                                              "/v2/jobs",
                                              "/v1/stock/",
                                              "/v1/jobs/a/cancel/",
                                              "v1/jobs",
                                              "/V1/JOBS",
                                              "/v1/jobs?all=1"};
        for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
                expect_refused("GET", unknown[i], CW_E_NOT_FOUND);
        expect_refused("POST", "/v1/jobs/J000001", CW_E_UNSUPPORTED);
        expect_refused("DELETE", "/v1/jobs", CW_E_UNSUPPORTED);
        expect_refused("get", "/v1/jobs", CW_E_UNSUPPORTED);
        expect_refused("GET", "/v1/jobs/J\n1", CW_E_SYNTAX);
        expect_refused("GET", "/v1/jobs/J 1", CW_E_SYNTAX);
        expect_refused("GET", "/v1/jobs/\xff", CW_E_SYNTAX);
        expect_refused("GET", "/v1/jobs/\x7f", CW_E_SYNTAX);
}

static void test_segment_length(void **state) {
        (void)state;
        char path[256] = "/v1/jobs/";
        struct cw_route_found found;
        size_t head = strlen(path);
        memset(path + head, 'a', CW_SEGMENT_CAP - 1);
        assert_int_equal(find("GET", path, &found), CW_OK);
        assert_int_equal(strlen(found.segment), CW_SEGMENT_CAP - 1);
        path[head + CW_SEGMENT_CAP - 1] = 'a';
        expect_refused("GET", path, CW_E_NOT_FOUND);
}

static void test_bodies(void **state) {
        (void)state;
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *empty = NULL;
        CW_AUTO_JSON json_t *body = NULL;
        const char text[] = "{\"remake\": true}";
        assert_int_equal(cw_route_body(NULL, 0, &empty, &f), CW_OK);
        assert_int_equal(json_object_size(empty), 0);
        assert_int_equal(cw_route_body(text, sizeof text - 1, &body, &f), CW_OK);
        assert_true(json_is_true(json_object_get(body, "remake")));
}

static void test_wrong_bodies(void **state) {
        (void)state;
        static const char *const bodies[] = {"{",
                                             "[]",
                                             "true",
                                             "{\"a\":1,\"a\":2}",
                                             "{\"a\":1} x",
                                             "{'a':1}",
                                             "{\"a\":\"\xff\"}",
                                             "{\"a\":\"\\u0000\"}",
                                             " ",
                                             "{\"a\":1,}",
                                             "{\"a\":01}"};
        for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
                struct cw_fault f = {0};
                json_t *body = NULL;
                cw_rc rc = cw_route_body(bodies[i], strlen(bodies[i]), &body, &f);
                assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
                assert_int_equal(rc & 0xffffu, CW_E_SYNTAX);
                assert_null(body);
                assert_non_null(strstr(f.text, "line 1"));
        }
        struct cw_fault f = {0};
        json_t *body = NULL;
        const char secret[] = "{\"a\":\n  \"6080401234567890}";
        assert_int_not_equal(cw_route_body(secret, sizeof secret - 1, &body, &f), CW_OK);
        assert_null(strstr(f.text, "608040"));
}

static enum cw_role role(uid_t uid, const gid_t *gids, size_t count, gid_t operate, gid_t admin) {
        const struct cw_peer_ids ids = {.uid = uid,
                                        .own_uid = 997,
                                        .gids = gids,
                                        .gid_count = count,
                                        .operate_gid = operate,
                                        .admin_gid = admin};
        return cw_peer_role_of(&ids);
}

static void test_roles(void **state) {
        (void)state;
        const gid_t plain[] = {1000, 4, 24};
        const gid_t operates[] = {1000, 501};
        const gid_t administers[] = {502, 1000};
        const gid_t both[] = {501, 502};
        const gid_t strange[] = {CW_NO_GROUP};
        assert_int_equal(role(0, NULL, 0, 501, 502), CW_ROLE_ADMIN);
        assert_int_equal(role(997, NULL, 0, 501, 502), CW_ROLE_ADMIN);
        assert_int_equal(role(1000, plain, 3, 501, 502), CW_ROLE_NONE);
        assert_int_equal(role(1000, operates, 2, 501, 502), CW_ROLE_OPERATE);
        assert_int_equal(role(1000, administers, 2, 501, 502), CW_ROLE_ADMIN);
        assert_int_equal(role(1000, both, 2, 501, 502), CW_ROLE_ADMIN);
        assert_int_equal(role(1000, NULL, 0, 501, 502), CW_ROLE_NONE);
        /* A group that is not configured is nobody's, whatever number stands for it. */
        assert_int_equal(role(1000, strange, 1, CW_NO_GROUP, CW_NO_GROUP), CW_ROLE_NONE);
        assert_int_equal(role(1000, operates, 2, CW_NO_GROUP, CW_NO_GROUP), CW_ROLE_NONE);
        uid_t uid = 5;
        assert_int_equal(cw_peer_role(-1, "", "", &uid), CW_ROLE_NONE);
        assert_int_equal(uid, (uid_t)-1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_paths),          cmocka_unit_test(test_wrong_paths),
            cmocka_unit_test(test_segment_length), cmocka_unit_test(test_bodies),
            cmocka_unit_test(test_wrong_bodies),   cmocka_unit_test(test_roles),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
