/* SPDX-License-Identifier: Apache-2.0 */
/* A token behind `p11-kit server`, as behind a network: lost connections, a server that is away, one that is
 * silent. The daemon stays, the worker goes, and the next request works. */
#include "base/ipc.h"
#include "vector_token.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define CHILDREN_MAX 16

static struct vector_token token;

/* The check value of a test key, computed on the token. */
static cw_rc ask(struct cw_fault *f) {
        static const char entry[] = "{\"alg\":\"kcv\",\"method\":\"legacy\","
                                    "\"key\":\"0123456789ABCDEFFEDCBA9876543210\"}";
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_request("algorithm.known_answer"), *reply = NULL;
        assert_non_null(m);
        assert_int_equal(cw_msg_attach_copy(m, entry, strlen(entry)), CW_OK);
        cw_rc rc = cw_ipc_call(token.admin, m, cw_deadline_ns(20000), &reply, f);
        if (rc == CW_OK) {
                assert_int_equal(reply->att_count, 1);
                assert_memory_equal(reply->att[0]->ptr, "08D7B4", 6);
        }
        return rc;
}

/* The server has a process for each connection. */
static void signal_connections(int signo) {
        char path[64];
        int pid = 0;
        unsigned count = 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)token.server, (int)token.server);
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        while (count < CHILDREN_MAX && fscanf(f, "%d", &pid) == 1) {
                assert_int_equal(kill(pid, signo), 0);
                count++;
        }
        (void)fclose(f);
        assert_true(count > 0);
}

static void end_server(void) {
        signal_connections(SIGKILL);
        assert_int_equal(kill(token.server, SIGKILL), 0);
        assert_int_equal(waitpid(token.server, NULL, 0), token.server);
        token.server = 0;
}

static void expect_works(void) {
        struct cw_fault f = {0};
        assert_true(vector_token_wait(&token));
        cw_rc rc = ask(&f);
        if (rc != CW_OK)
                fail_msg("%s", f.text);
}

static void expect_lost(void) {
        struct cw_fault f = {0};
        assert_int_equal(cw_rc_class(ask(&f)), CW_C_RECONNECT);
        assert_string_equal(f.code, "HSM_TOKEN");
}

static void connection_lost(void) {
        expect_works();
        signal_connections(SIGKILL);
        expect_lost(); /* a write to a dead socket: SIGPIPE would have ended more than the call */
        expect_works();
}

static void server_away(void) {
        struct cw_fault f = {0};
        end_server();
        expect_lost();
        cw_rc rc = ask(&f); /* told why, without waiting for anything */
        assert_true(rc == CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY) || cw_rc_class(rc) == CW_C_RECONNECT);
        assert_true(vector_token_serve(&token));
        expect_works();
}

static void server_silent(void) {
        struct cw_fault f = {0};
        struct timespec t0, t1;
        expect_works();
        signal_connections(SIGSTOP);
        (void)clock_gettime(CLOCK_MONOTONIC, &t0);
        assert_int_equal(ask(&f), CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TIMEOUT));
        (void)clock_gettime(CLOCK_MONOTONIC, &t1);
        assert_true(t1.tv_sec - t0.tv_sec < 15);
        signal_connections(SIGKILL);
        expect_works();
}

static void behind_server(const char *kind) {
        const struct vector_options o = {.behind_server = true, .call_timeout_ms = 2000};
        assert_true(vector_token_start(&token, kind, &o));
        connection_lost();
        server_away();
        server_silent();
}

static void softhsm_behind_server(void **state) {
        (void)state;
        behind_server("softhsm");
}

static void nss_behind_server(void **state) {
        (void)state;
        behind_server("nss");
}

static void opencryptoki_behind_server(void **state) {
        (void)state;
        const char *missing = vector_token_missing("opencryptoki");
        if (missing != NULL) {
                print_message("openCryptoki: %s\n", missing);
                skip();
        }
        behind_server("opencryptoki");
}

static int teardown(void **state) {
        (void)state;
        vector_token_stop(&token);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_teardown(softhsm_behind_server, teardown),
            cmocka_unit_test_teardown(nss_behind_server, teardown),
            cmocka_unit_test_teardown(opencryptoki_behind_server, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
