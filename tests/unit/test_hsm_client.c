/* SPDX-License-Identifier: Apache-2.0 */
/* The station's end of a chip session, when hsmd looks at an answer of the card too late, falsely, or dies.
 */
#include "base/cleanup.h"
#include "base/ipc.h"
#include "hsm/client/hsm_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define PATIENCE_MS 20000 /* of calls that are answered */
#define SHORT_MS 20       /* of one that is not */

static const uint8_t answer[10] = {0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0x90, 0x00};

static struct {
        int hsmd; /* the other end of the socket */
        struct cw_hsm_session *session;
} w;

static void open_session(int64_t timeout_ms) {
        int fds[2];
        assert_int_equal(cw_ipc_pair(fds), CW_OK);
        w.hsmd = fds[0];
        assert_int_equal(cw_hsm_session_open(fds[1], timeout_ms, &w.session), CW_OK);
}

static void close_session(void) {
        cw_hsm_session_close(w.session);
        w.session = NULL;
        if (w.hsmd >= 0)
                assert_int_equal(close(w.hsmd), 0);
        w.hsmd = -1;
}

static cw_rc check(struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        cw_rc rc = cw_hsm_session_gp_unwrap(w.session, answer, sizeof(answer), &clear, f);
        assert_int_equal(clear != NULL, rc == CW_OK);
        return rc;
}

/* The next request that lies at hsmd's end. */
static struct cw_msg *request(void) {
        struct cw_msg *m = NULL;
        assert_int_equal(cw_ipc_recv(w.hsmd, cw_deadline_ns(PATIENCE_MS), &m, NULL), CW_OK);
        assert_string_equal(cw_msg_str(m, "call", ""), "gp.unwrap");
        assert_memory_equal(m->att[0]->ptr, answer, sizeof(answer));
        return m;
}

static void say(struct cw_msg *take) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = take;
        assert_non_null(m);
        assert_int_equal(cw_ipc_send(w.hsmd, m, cw_deadline_ns(PATIENCE_MS), NULL), CW_OK);
}

static void say_good(const struct cw_msg *to) {
        struct cw_msg *m = cw_msg_ok(to);
        assert_int_equal(cw_msg_attach_copy(m, "", 0), CW_OK);
        say(m);
}

static void say_false(const struct cw_msg *to) {
        struct cw_fault f = {0};
        (void)cw_fail(&f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.unwrap", "", "wrong R-MAC");
        say(cw_msg_error(to, &f));
}

/* As hsmd answers the request behind this one, which is not there yet. */
static struct cw_msg *next_after(const struct cw_msg *m) {
        struct cw_msg *next = cw_msg_request("gp.unwrap");
        assert_non_null(next);
        next->id = m->id + 1;
        return next;
}

/* What was said too late of one answer is never taken for the next one's. */
static void too_late(void **state) {
        (void)state;
        struct cw_fault f = {0};
        open_session(SHORT_MS);
        assert_int_equal(check(&f), CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TIMEOUT));
        CW_AUTO(cw_msg_free) struct cw_msg *first = request();
        say_good(first);
        assert_int_equal(check(&f), CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TIMEOUT));
        CW_AUTO(cw_msg_free) struct cw_msg *second = request();
        assert_int_not_equal(second->id, first->id);
        close_session();
}

/* The answer to the call before lies there already, and this one's behind it. */
static void late_then_false(void **state) {
        (void)state;
        struct cw_fault f = {0};
        open_session(SHORT_MS);
        assert_int_equal(check(&f), CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TIMEOUT));
        CW_AUTO(cw_msg_free) struct cw_msg *first = request();
        say_good(first);
        CW_AUTO(cw_msg_free) struct cw_msg *expected = next_after(first);
        say_false(expected);
        assert_int_equal(check(&f), CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH));
        close_session();
}

/* hsmd dies with the question before it, or before it comes; the station sees no SIGPIPE, and is told so
 * again. */
static void dies(void **state) {
        (void)state;
        for (int half = 0; half < 2; half++) {
                struct cw_fault f = {0};
                open_session(PATIENCE_MS);
                if (half == 0)
                        assert_int_equal(shutdown(w.hsmd, SHUT_WR),
                                         0); /* the question goes out, and no more */
                else {
                        assert_int_equal(close(w.hsmd), 0);
                        w.hsmd = -1;
                }
                for (int i = 0; i < 2; i++)
                        assert_int_equal(cw_rc_class(check(&f)), CW_C_RECONNECT);
                close_session();
        }
}

/* A reply that says neither good nor why not. */
static void says_nothing(void **state) {
        (void)state;
        struct cw_fault f = {0};
        open_session(SHORT_MS);
        assert_int_equal(check(&f), CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TIMEOUT));
        CW_AUTO(cw_msg_free) struct cw_msg *first = request();
        CW_AUTO(cw_msg_free) struct cw_msg *expected = next_after(first);
        struct cw_msg *empty = cw_msg_ok(expected);
        assert_int_equal(json_object_del(empty->json, "ok"), 0);
        say(empty);
        assert_int_equal(check(&f), CW_RC(CW_L_IPC, CW_C_FATAL, CW_E_SYNTAX));
        close_session();
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(too_late),
            cmocka_unit_test(late_then_false),
            cmocka_unit_test(dies),
            cmocka_unit_test(says_nothing),
        };
        return cmocka_run_group_tests_name("hsm client", tests, NULL, NULL);
}
