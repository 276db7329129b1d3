/* SPDX-License-Identifier: Apache-2.0 */
/* The control API over its real unix socket: raw HTTP from this same thread, the loop turned by hand in
 * between. */
#include "agent/control/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define ANSWER_CAP ((size_t)512 * 1024)
#define PATIENCE_MS 5000
#define ROUND_MS 5

struct bench {
        char folder[64], path[96];
        struct cw_loop *loop;
        struct cw_control *control;
        struct cw_control_request *held[64]; /* requests whose handler did not answer yet */
        unsigned held_count;
        char actor[24];
        int calls;
};

/* ---- handlers ---- */

static void echo(void *ctx, struct cw_control_request *r) {
        struct bench *b = ctx;
        b->calls++;
        (void)snprintf(b->actor, sizeof b->actor, "%s", cw_control_actor(r));
        cw_control_reply(r, json_pack("{s:s, s:s, s:O, s:i}", "segment", cw_control_segment(r), "all",
                                      cw_control_query(r, "all"), "body", cw_control_body(r), "uid",
                                      (int)cw_control_uid(r)));
}

static void hold(void *ctx, struct cw_control_request *r) {
        struct bench *b = ctx;
        b->held[b->held_count++] = r;
}

static void text(void *ctx, struct cw_control_request *r) {
        (void)ctx;
        cw_control_reply_text(r, "text/plain", "# EOF\n");
        cw_control_reply(r, NULL); /* only the first answer counts */
}

static void big(void *ctx, struct cw_control_request *r) {
        (void)ctx;
        json_t *list = json_array();
        for (int i = 0; i < 20000; i++)
                (void)json_array_append_new(list, json_integer(i));
        cw_control_reply(r, json_pack("{s:o}", "list", list));
}

static void fail_with(void *ctx, struct cw_control_request *r) {
        (void)ctx;
        static const struct {
                const char *name;
                enum cw_class cls;
                unsigned code;
        } words[] = {
            {"retry", CW_C_RETRY, CW_E_BUSY},         {"reconnect", CW_C_RECONNECT, CW_E_CLOSED},
            {"operator", CW_C_OPERATOR, CW_E_STATE},  {"reject", CW_C_REJECT, CW_E_STATE},
            {"missing", CW_C_REJECT, CW_E_NOT_FOUND}, {"in_doubt", CW_C_IN_DOUBT, CW_E_TIMEOUT},
            {"fatal", CW_C_FATAL, CW_E_IO},           {"range", CW_C_REJECT, CW_E_RANGE},
        };
        struct cw_fault f = {0};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strcmp(words[i].name, cw_control_segment(r)) == 0)
                        (void)cw_fail(&f, CW_RC(CW_L_JOURNAL, words[i].cls, words[i].code), 7, "test",
                                      "PRT_TEST", "look at it");
        cw_control_fail(r, &f);
}

static const struct cw_control_route routes[] = {
    {"GET", "/v1/status", CW_ROLE_VIEW, echo},       {"POST", "/v1/jobs/{}/cancel", CW_ROLE_OPERATE, echo},
    {"GET", "/v1/hold", CW_ROLE_VIEW, hold},         {"POST", "/v1/hold", CW_ROLE_VIEW, hold},
    {"GET", "/v1/text", CW_ROLE_VIEW, text},         {"GET", "/v1/big", CW_ROLE_VIEW, big},
    {"GET", "/v1/fail/{}", CW_ROLE_VIEW, fail_with}, {"POST", "/v1/admin", CW_ROLE_ADMIN, echo},
};

/* ---- bench ---- */

static int set_up(void **state) {
        struct bench *b = calloc(1, sizeof *b);
        struct cw_fault f = {0};
        assert_non_null(b);
        (void)snprintf(b->folder, sizeof b->folder, "/tmp/cw-control-XXXXXX");
        assert_non_null(mkdtemp(b->folder));
        (void)snprintf(b->path, sizeof b->path, "%s/control.sock", b->folder);
        assert_int_equal(cw_loop_new(cw_clock_real(), &b->loop), CW_OK);
        struct cw_control_options options = {.path = b->path,
                                             .operate_group = "daemon",
                                             .admin_group = "adm",
                                             .routes = routes,
                                             .route_count = sizeof routes / sizeof *routes,
                                             .ctx = b};
        assert_int_equal(cw_control_new(b->loop, &options, &b->control, &f), CW_OK);
        *state = b;
        return 0;
}

static int tear_down(void **state) {
        struct bench *b = *state;
        cw_control_free(b->control);
        assert_int_equal(access(b->path, F_OK), -1);
        cw_loop_free(b->loop);
        assert_int_equal(rmdir(b->folder), 0);
        free(b);
        return 0;
}

static int dial(const struct bench *b) {
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", b->path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
        assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
        return fd;
}

static void turn(struct bench *b, int rounds) {
        for (int i = 0; i < rounds; i++)
                cw_loop_run_once(b->loop, ROUND_MS);
}

/* Sends as far as the other side takes it; what it refuses to read is not an error of the test. */
static void send_all(struct bench *b, int fd, const char *bytes, size_t len) {
        for (int64_t end = cw_deadline_ns(PATIENCE_MS); len > 0 && cw_deadline_left_ms(end) > 0;) {
                ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
                if (n < 0 && errno != EAGAIN)
                        return;
                bytes += n > 0 ? n : 0;
                len -= n > 0 ? (size_t)n : 0;
                turn(b, 1);
        }
}

/* Length of a whole answer with its body, 0 while it is not there yet. */
static size_t whole(const char *got) {
        const char *end = strstr(got, "\r\n\r\n");
        const char *length = strcasestr(got, "content-length:");
        return end && length ? (size_t)(end - got) + 4 + strtoul(length + 15, NULL, 10) : 0;
}

/* Reads one answer; 0 bytes when the connection was closed without one. Returns the HTTP status, 0 for none.
 */
static int receive_within(struct bench *b, int fd, int64_t patience_ms, char *ret, size_t cap) {
        size_t len = 0;
        int status = 0;
        ret[0] = '\0';
        for (int64_t end = cw_deadline_ns(patience_ms); cw_deadline_left_ms(end) > 0;) {
                ssize_t n = recv(fd, ret + len, cap - 1 - len, 0);
                if (n == 0 || (n < 0 && errno != EAGAIN))
                        break;
                len += n > 0 ? (size_t)n : 0;
                ret[len] = '\0';
                if (whole(ret) && len >= whole(ret))
                        break;
                turn(b, 1);
        }
        return sscanf(ret, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static int receive(struct bench *b, int fd, char *ret, size_t cap) {
        return receive_within(b, fd, PATIENCE_MS, ret, cap);
}

static json_t *body_of(const char *answer) {
        const char *end = strstr(answer, "\r\n\r\n");
        assert_non_null(end);
        return json_loads(end + 4, JSON_REJECT_DUPLICATES, NULL);
}

/* One exchange on a connection of its own. */
static int ask(struct bench *b, const char *method, const char *path, const char *body, size_t len,
               json_t **ret) {
        static char answer[ANSWER_CAP];
        char head[512];
        int fd = dial(b);
        int n =
            snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: cardwright\r\nContent-Length: %zu\r\n\r\n",
                     method, path, len);
        send_all(b, fd, head, (size_t)n);
        send_all(b, fd, body, len);
        int status = receive(b, fd, answer, sizeof answer);
        if (ret)
                *ret = status ? body_of(answer) : NULL;
        (void)close(fd);
        turn(b, 2);
        return status;
}

static int get(struct bench *b, const char *path, json_t **ret) {
        return ask(b, "GET", path, "", 0, ret);
}

static int post(struct bench *b, const char *path, const char *body, json_t **ret) {
        return ask(b, "POST", path, body, strlen(body), ret);
}

static const char *error_member(const json_t *answer, const char *key) {
        const char *s = json_string_value(json_object_get(json_object_get(answer, "error"), key));
        return s ? s : "";
}

/* ---- tests ---- */

static void test_routes(void **state) {
        struct bench *b = *state;
        CW_AUTO_JSON json_t *a = NULL;
        CW_AUTO_JSON json_t *c = NULL;
        assert_int_equal(get(b, "/v1/status?all=1", &a), 200);
        assert_string_equal(json_string_value(json_object_get(a, "all")), "1");
        assert_string_equal(json_string_value(json_object_get(a, "segment")), "");
        assert_int_equal(json_integer_value(json_object_get(a, "uid")), (json_int_t)geteuid());
        char me[24];
        (void)snprintf(me, sizeof me, "uid:%u", (unsigned)geteuid());
        assert_string_equal(b->actor, me);
        assert_int_equal(post(b, "/v1/jobs/J000007/cancel", "{\"why\": \"x\"}", &c), 200);
        assert_string_equal(json_string_value(json_object_get(c, "segment")), "J000007");
        assert_string_equal(json_string_value(json_object_get(json_object_get(c, "body"), "why")), "x");
        /* Root, or the daemon's own user, administers. */
        assert_int_equal(post(b, "/v1/admin", "", NULL), 200);
        assert_int_equal(b->calls, 3);
}

static void test_refusals(void **state) {
        struct bench *b = *state;
        CW_AUTO_JSON json_t *a = NULL;
        assert_int_equal(get(b, "/v1/nothing", &a), 404);
        assert_string_equal(error_member(a, "class"), "REJECT");
        assert_true(strlen(error_member(a, "text")) > 10);
        assert_int_equal(get(b, "/v1/jobs/J1/cancel", NULL), 405);
        assert_int_equal(ask(b, "DELETE", "/v1/status", "", 0, NULL), 405);
        assert_int_equal(get(b, "/v1/jobs/%ff/cancel", NULL), 400);
        assert_int_equal(get(b, "/v1/status/..%2f..", NULL), 404);
        assert_int_equal(post(b, "/v1/jobs/J1/cancel", "{\"a\": 1, \"a\": 2}", NULL), 400);
        assert_int_equal(post(b, "/v1/jobs/J1/cancel", "{", NULL), 400);
        assert_int_equal(post(b, "/v1/jobs/J1/cancel", "[1]", NULL), 400);
        assert_int_equal(ask(b, "POST", "/v1/jobs/J1/cancel", "{\"a\":\"\0\"}", 9, NULL), 400);
        assert_int_equal(b->calls, 0);
}

static void test_classes(void **state) {
        struct bench *b = *state;
        static const struct {
                const char *path, *cls;
                int status;
        } want[] = {{"/v1/fail/retry", "RETRY", 503},       {"/v1/fail/reconnect", "RECONNECT", 503},
                    {"/v1/fail/operator", "OPERATOR", 409}, {"/v1/fail/reject", "REJECT", 409},
                    {"/v1/fail/missing", "REJECT", 404},    {"/v1/fail/range", "REJECT", 400},
                    {"/v1/fail/in_doubt", "IN_DOUBT", 503}, {"/v1/fail/fatal", "FATAL", 503}};
        for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
                CW_AUTO_JSON json_t *a = NULL;
                assert_int_equal(get(b, want[i].path, &a), want[i].status);
                assert_string_equal(error_member(a, "class"), want[i].cls);
                assert_string_equal(error_member(a, "code"), "PRT_TEST");
                assert_string_equal(error_member(a, "text"), "look at it");
        }
}

static char *filled_body(size_t len) {
        char *body = malloc(len + 1);
        assert_non_null(body);
        memset(body, ' ', len);
        body[0] = '{';
        body[len - 1] = '}';
        body[len] = '\0';
        return body;
}

static void test_body_limit(void **state) {
        struct bench *b = *state;
        CW_AUTO_MEM char *fits = filled_body(64 * 1024);
        CW_AUTO_MEM char *over = filled_body(64 * 1024 + 1);
        CW_AUTO_MEM char *huge = filled_body(2 * 1024 * 1024);
        assert_int_equal(post(b, "/v1/jobs/J1/cancel", fits, NULL), 200);
        CW_AUTO_JSON json_t *a = NULL;
        assert_int_equal(post(b, "/v1/jobs/J1/cancel", over, &a), 413);
        assert_string_equal(error_member(a, "class"), "REJECT");
        assert_int_equal(post(b, "/v1/jobs/J1/cancel", huge, NULL), 413);
        assert_int_equal(b->calls, 1);
}

static int post_chunked(struct bench *b, size_t total) {
        static char answer[ANSWER_CAP];
        static const char head[] =
            "POST /v1/jobs/J1/cancel HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        char chunk[4096 + 16];
        int fd = dial(b);
        send_all(b, fd, head, sizeof head - 1);
        int n = snprintf(chunk, sizeof chunk, "1000\r\n%4096s\r\n", "");
        for (size_t sent = 0; sent < total; sent += 4096)
                send_all(b, fd, chunk, (size_t)n);
        send_all(b, fd, "2\r\n{}\r\n0\r\n\r\n", 12);
        int status = receive(b, fd, answer, sizeof answer);
        (void)close(fd);
        turn(b, 2);
        return status;
}

static void test_chunked_limit(void **state) {
        struct bench *b = *state;
        assert_int_equal(post_chunked(b, 4096), 200);
        assert_int_equal(post_chunked(b, 128 * 1024), 413);
        assert_int_equal(post_chunked(b, 1024 * 1024), 0); /* cut off */
        assert_int_equal(b->calls, 1);
        assert_int_equal(get(b, "/v1/status", NULL), 200);
}

static void test_late_answer(void **state) {
        struct bench *b = *state;
        static char answer[ANSWER_CAP];
        int fd = dial(b);
        static const char request[] =
            "POST /v1/hold HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{\"a\": 17}";
        send_all(b, fd, request, sizeof request - 1);
        turn(b, 5);
        assert_int_equal(b->held_count, 1);
        /* Others are served meanwhile. */
        assert_int_equal(get(b, "/v1/status", NULL), 200);
        assert_int_equal(json_integer_value(json_object_get(cw_control_body(b->held[0]), "a")), 17);
        cw_control_reply(b->held[0], json_pack("{s:s}", "result", "late"));
        assert_int_equal(receive(b, fd, answer, sizeof answer), 200);
        assert_non_null(strstr(answer, "\"late\""));
        /* The connection is still good for another request. */
        static const char again[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
        send_all(b, fd, again, sizeof again - 1);
        assert_int_equal(receive(b, fd, answer, sizeof answer), 200);
        (void)close(fd);
}

static void test_hang_up_while_waiting(void **state) {
        struct bench *b = *state;
        static const char request[] = "GET /v1/hold HTTP/1.1\r\nHost: x\r\n\r\n";
        for (int i = 0; i < 8; i++) {
                int fd = dial(b);
                send_all(b, fd, request, sizeof request - 1);
                turn(b, 5);
                (void)close(fd);
                turn(b, 5);
        }
        assert_int_equal(b->held_count, 8);
        for (unsigned i = 0; i < 8; i++) {
                /* The handler may still look at its request, and answer it. */
                assert_string_equal(cw_control_segment(b->held[i]), "");
                cw_control_reply(b->held[i], json_pack("{s:i}", "n", (int)i));
                turn(b, 3);
        }
        assert_int_equal(get(b, "/v1/status", NULL), 200);
}

static void test_stop_while_waiting(void **state) {
        struct bench *b = *state;
        static char answer[ANSWER_CAP];
        static const char request[] = "GET /v1/hold HTTP/1.1\r\nHost: x\r\n\r\n";
        int waiting = dial(b), gone = dial(b), idle = dial(b), half = dial(b);
        send_all(b, waiting, request, sizeof request - 1);
        send_all(b, gone, request, sizeof request - 1);
        send_all(b, half, request, 12);
        turn(b, 5);
        assert_int_equal(b->held_count, 2);
        (void)close(gone);
        cw_control_free(b->control);
        b->control = NULL;
        assert_int_equal(receive(b, waiting, answer, sizeof answer), 503);
        assert_non_null(strstr(answer, "stopping"));
        (void)close(waiting);
        (void)close(idle);
        (void)close(half);
}

static void test_many_connections(void **state) {
        struct bench *b = *state;
        static char answer[ANSWER_CAP];
        static const char request[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        int fds[48];
        /* More than are served at once: the rest waits its turn. */
        for (size_t i = 0; i < 48; i++) {
                fds[i] = dial(b);
                assert_true(send(fds[i], request, sizeof request - 1, MSG_NOSIGNAL) > 0);
        }
        for (size_t i = 0; i < 48; i++) {
                assert_int_equal(receive(b, fds[i], answer, sizeof answer), 200);
                (void)close(fds[i]);
        }
        assert_int_equal(b->calls, 48);
}

static void test_idle_client(void **state) {
        struct bench *b = *state;
        static char answer[ANSWER_CAP];
        int idle = dial(b), half = dial(b);
        send_all(b, half, "GET /v1/status HT", 17);
        turn(b, 5);
        assert_int_equal(get(b, "/v1/status", NULL), 200);
        send_all(b, half, "TP/1.1\r\nHost: x\r\n\r\n", 19);
        assert_int_equal(receive(b, half, answer, sizeof answer), 200);
        (void)close(idle);
        (void)close(half);
}

static void test_garbage(void **state) {
        struct bench *b = *state;
        static char answer[ANSWER_CAP];
        static const char *const lines[] = {
            "\r\n\r\n\r\n",
            "GET\r\n\r\n",
            "\x16\x03\x01\x02\x01",
            "GET /v1/status HTTP/9.9\r\n\r\n",
            "POST /v1/jobs/J1/cancel HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            "POST /v1/jobs/J1/cancel HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"};
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                int fd = dial(b);
                send_all(b, fd, lines[i], strlen(lines[i]));
                (void)shutdown(fd, SHUT_WR);
                int status = receive_within(b, fd, 200, answer, sizeof answer);
                assert_true(status == 0 || status >= 400);
                (void)close(fd);
                turn(b, 3);
        }
        assert_int_equal(b->calls, 0);
        assert_int_equal(get(b, "/v1/status", NULL), 200);
}

static void test_text_and_big(void **state) {
        struct bench *b = *state;
        CW_AUTO_JSON json_t *a = NULL;
        static char answer[ANSWER_CAP];
        static const char request[] = "GET /v1/text HTTP/1.1\r\nHost: x\r\n\r\n";
        int fd = dial(b);
        send_all(b, fd, request, sizeof request - 1);
        assert_int_equal(receive(b, fd, answer, sizeof answer), 200);
        assert_non_null(strcasestr(answer, "content-type: text/plain"));
        assert_non_null(strstr(answer, "\r\n\r\n# EOF\n"));
        (void)close(fd);
        assert_int_equal(get(b, "/v1/big", &a), 200);
        assert_int_equal(json_array_size(json_object_get(a, "list")), 20000);
}

/* ---- other users: needs root to become them ---- */

/* Asks as an unprivileged user who is in this group besides; the HTTP status, 99 when the socket let nobody
 * in. */
static int status_as(struct bench *b, const char *group, const char *request) {
        const struct group *g = getgrnam(group);
        const gid_t gid = g ? g->gr_gid : 65534;
        pid_t child = fork();
        if (child == 0) {
                char got[256] = "";
                struct sockaddr_un addr = {.sun_family = AF_UNIX};
                (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", b->path);
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                int status = 0;
                if (setgroups(1, &gid) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
                        _exit(98);
                if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) < 0)
                        _exit(99);
                if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 ||
                    recv(fd, got, sizeof got - 1, 0) <= 0)
                        _exit(97);
                _exit(sscanf(got, "HTTP/1.1 %d", &status) == 1 ? status / 100 * 10 + status % 10 : 96);
        }
        int result = 0;
        for (int64_t end = cw_deadline_ns(PATIENCE_MS); waitpid(child, &result, WNOHANG) == 0;) {
                turn(b, 1);
                if (cw_deadline_left_ms(end) == 0)
                        (void)kill(child, SIGKILL);
        }
        return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void test_other_users(void **state) {
        struct bench *b = *state;
        if (geteuid() != 0 || !getgrnam("daemon") || !getgrnam("adm"))
                skip();
        static const char look[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        static const char operate[] =
            "POST /v1/jobs/J1/cancel HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        static const char administer[] = "POST /v1/admin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        assert_int_equal(chmod(b->folder, 0755), 0);
        /* The socket belongs to the operators' group: others do not even get in. */
        assert_int_equal(status_as(b, "games", look), 99);
        assert_int_equal(status_as(b, "daemon", look), 20);
        assert_int_equal(status_as(b, "daemon", operate), 20);
        assert_int_equal(status_as(b, "daemon", administer), 43);
        /* Whoever gets in otherwise is refused by what he is, not by the file's mode. */
        assert_int_equal(chmod(b->path, 0666), 0);
        assert_int_equal(status_as(b, "games", look), 43);
        assert_int_equal(status_as(b, "adm", administer), 20);
        assert_int_equal(b->calls, 3);
}

#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
            WITH_BENCH(test_routes),
            WITH_BENCH(test_refusals),
            WITH_BENCH(test_classes),
            WITH_BENCH(test_body_limit),
            WITH_BENCH(test_chunked_limit),
            WITH_BENCH(test_late_answer),
            WITH_BENCH(test_hang_up_while_waiting),
            WITH_BENCH(test_stop_while_waiting),
            WITH_BENCH(test_many_connections),
            WITH_BENCH(test_idle_client),
            WITH_BENCH(test_garbage),
            WITH_BENCH(test_text_and_big),
            WITH_BENCH(test_other_users),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
