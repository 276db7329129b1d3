/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong around a token: killed, stalled and crashing workers, wrong keys, wrong PIN, policy,
 * malformed peers. */
#include "rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define CALL_TIMEOUT_MS 1500
/* The calls that make a CVV: by enciphering, or of objects inside the token. */
#define AT_THE_CVV(way) "C_Encrypt " way "\nC_WrapKey " way
#define BEFORE_THE_CVV(way) "C_EncryptInit " way "\nC_DeriveKey " way

static struct rig rig;
static struct rig_options under; /* the token's kind */

static int teardown(void **state) {
        (void)state;
        rig_stop(&rig);
        return 0;
}

static void start(struct rig_options o) {
        o.nss = under.nss;
        o.opencryptoki = under.opencryptoki;
        rig_start(&rig, &o);
}

static cw_rc card_data(struct cw_hsm_session *s, struct cw_fault *f) {
        struct cw_hsm_card_data d = {0};
        cw_rc rc = cw_hsm_session_card_data(s, &d, f);
        if (rc == CW_OK)
                cw_hsm_card_data_done(&d);
        return rc;
}

/* The worker that is there besides the ones in known. */
static pid_t newest_worker(const pid_t *known, size_t count) {
        pid_t now[8];
        size_t n = rig_workers(&rig, now, 8);
        for (size_t i = 0; i < n; i++) {
                bool old = false;
                for (size_t k = 0; k < count; k++)
                        old |= known[k] == now[i];
                if (!old)
                        return now[i];
        }
        return 0;
}

static bool has_token(const struct cw_msg *hello) {
        const json_t *model = json_object_get(json_object_get(hello->json, "token"), "model");
        return json_string_length(model) > 0;
}

/* openCryptoki is never ready, as it has no GCM: there it is enough that the token is there. */
static void expect_ready(bool ready) {
        struct cw_fault f = {0};
        for (int i = 0; i < 300; i++) {
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                if (rig_call(&rig, cw_hsm_msg_hello(1), &reply, &f) == CW_OK &&
                    (under.opencryptoki ? has_token(reply) : cw_msg_bool(reply, "ready", !ready)) == ready)
                        return;
                const struct timespec t = {0, 20000000};
                (void)nanosleep(&t, NULL);
        }
        fail_msg("hello never said ready=%d", ready);
}

/* On a busy machine the token may have to be opened a second time before it is there. */
static void expect_maker(const char *maker) {
        struct cw_fault f = {0};
        for (int i = 0; i < 300; i++) {
                CW_AUTO(cw_msg_free) struct cw_msg *hello = NULL;
                if (rig_call(&rig, cw_hsm_msg_hello(1), &hello, &f) == CW_OK && has_token(hello)) {
                        const json_t *token = json_object_get(hello->json, "token");
                        assert_non_null(
                            strstr(json_string_value(json_object_get(token, "manufacturer")), maker));
                        return;
                }
                const struct timespec t = {0, 20000000};
                (void)nanosleep(&t, NULL);
        }
        fail_msg("there is no token");
}

static int setup_shim(void **state) {
        (void)state;
        start((struct rig_options){.shim = true, .call_timeout_ms = CALL_TIMEOUT_MS});
        expect_maker(under.nss ? "Mozilla" : under.opencryptoki ? "IBM" : "SoftHSM");
        return 0;
}

/* The event that tells cardwrightd of a session that ended unasked. */
static void expect_session_closed(int64_t session) {
        CW_AUTO(cw_msg_free) struct cw_msg *event = NULL;
        struct cw_fault f = {0};
        assert_int_equal(cw_ipc_recv(rig.agent, cw_deadline_ns(5000), &event, &f), CW_OK);
        assert_int_equal(event->type, CW_MSG_EVENT);
        assert_string_equal(cw_msg_str(event, "event", ""), "session.closed");
        assert_int_equal(cw_msg_int(event, "session", 0), session);
        cw_fault_from_json(json_object_get(event->json, "error"), &f);
        assert_int_equal(cw_rc_class(f.rc), CW_C_RECONNECT);
}

static void killed_worker(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened a = {0}, b = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *sa = NULL, *sb = NULL;
        pid_t known[8];
        assert_int_equal(rig_open_issue(&rig, "A", RIG_SCP03, &a, &sa, &f), CW_OK);
        size_t n = rig_workers(&rig, known, 8);
        assert_int_equal(rig_open_issue(&rig, "B", RIG_SCP03, &b, &sb, &f), CW_OK);
        assert_int_equal(kill(newest_worker(known, n), SIGKILL), 0);
        expect_session_closed(b.session);
        assert_int_equal(cw_rc_class(card_data(sb, &f)), CW_C_RECONNECT);
        assert_int_equal(card_data(sa, &f), CW_OK);
        expect_ready(true);
}

/* A token call past its deadline: only that worker goes, and about when it is due. */
static void stalled_token_call(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened a = {0}, b = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *sa = NULL, *sb = NULL;
        struct timespec t0, t1;
        assert_int_equal(rig_open_issue(&rig, "A", RIG_SCP03, &a, &sa, &f), CW_OK);
        assert_int_equal(rig_open_issue(&rig, "B", RIG_SCP03, &b, &sb, &f), CW_OK);
        rig_control(&rig, AT_THE_CVV("sleep"));
        (void)clock_gettime(CLOCK_MONOTONIC, &t0);
        assert_int_equal(cw_rc_class(card_data(sa, &f)), CW_C_RECONNECT);
        (void)clock_gettime(CLOCK_MONOTONIC, &t1);
        rig_control(&rig, NULL);
        int64_t ms = (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000;
        assert_true(ms >= CALL_TIMEOUT_MS - 100 && ms < CALL_TIMEOUT_MS + 8000);
        expect_session_closed(a.session);
        assert_int_equal(card_data(sb, &f), CW_OK);
        expect_ready(true);
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *again = NULL;
        assert_int_equal(rig_open_issue(&rig, "A", RIG_SCP03, &a, &again, &f), CW_OK);
        assert_int_equal(card_data(again, &f), CW_OK);
}

/* The stall may hit the opening of a session and hello as well. */
static void stalled_start(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        rig_control(&rig, AT_THE_CVV("sleep"));
        cw_rc rc = rig_open_issue(&rig, "C", RIG_SCP03, &o, &s, &f);
        assert_int_equal(cw_rc_class(rc), CW_C_RECONNECT);
        assert_int_equal(rc & 0xffff, CW_E_TIMEOUT);
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        assert_int_equal(cw_rc_class(rig_call(&rig, cw_hsm_msg_hello(1), &reply, &f)), CW_C_RECONNECT);
        rig_control(&rig, NULL);
        expect_ready(true);
}

static void crashing_module(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened a = {0}, b = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *sa = NULL, *sb = NULL;
        assert_int_equal(rig_open_issue(&rig, "A", RIG_SCP03, &a, &sa, &f), CW_OK);
        assert_int_equal(rig_open_issue(&rig, "B", RIG_SCP03, &b, &sb, &f), CW_OK);
        rig_control(&rig, AT_THE_CVV("crash"));
        assert_int_equal(cw_rc_class(card_data(sa, &f)), CW_C_RECONNECT);
        rig_control(&rig, NULL);
        expect_session_closed(a.session);
        assert_int_equal(card_data(sb, &f), CW_OK);
        expect_ready(true);
}

/* Bytes that are no message end that session and nothing else. */
/* Misbehaviour while session a works: it ends, b goes on, and a new one for the same job works. */
static void only_one_session_suffers(const char *misbehaviour) {
        struct cw_fault f = {0};
        struct cw_hsm_opened a = {0}, b = {0}, c = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *sa = NULL, *sb = NULL, *again = NULL;
        assert_int_equal(rig_open_issue(&rig, "A", RIG_SCP03, &a, &sa, &f), CW_OK);
        assert_int_equal(rig_open_issue(&rig, "B", RIG_SCP03, &b, &sb, &f), CW_OK);
        rig_control(&rig, misbehaviour);
        assert_int_equal(cw_rc_class(card_data(sa, &f)), CW_C_RECONNECT);
        rig_control(&rig, NULL);
        expect_session_closed(a.session);
        assert_int_equal(card_data(sb, &f), CW_OK);
        assert_int_equal(rig_open_issue(&rig, "A", RIG_SCP03, &c, &again, &f), CW_OK);
        assert_int_equal(card_data(again, &f), CW_OK);
        expect_ready(true);
}

static void vanished_token(void **state) {
        (void)state;
        only_one_session_suffers(AT_THE_CVV("rv 0x32"));     /* CKR_DEVICE_REMOVED */
        only_one_session_suffers(BEFORE_THE_CVV("rv 0xe0")); /* CKR_TOKEN_NOT_PRESENT */
}

static void stale_handles(void **state) {
        (void)state;
        only_one_session_suffers(BEFORE_THE_CVV("rv 0x60")); /* CKR_KEY_HANDLE_INVALID */
        only_one_session_suffers(BEFORE_THE_CVV("rv 0xb3")); /* CKR_SESSION_HANDLE_INVALID */
}

static void broken_pipe(void **state) {
        (void)state;
        only_one_session_suffers(AT_THE_CVV("sigpipe"));
}

/* Wherever the opening of a session stalls or crashes, it is that worker's end alone. */
static void stalled_or_crashed_opening(void **state) {
        (void)state;
        static const char *const ways[] = {"C_Initialize sleep", "C_FindObjects sleep",
                                           "C_GetTokenInfo crash"};
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
                struct cw_fault f = {0};
                struct cw_hsm_opened b = {0}, o = {0};
                CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *sb = NULL, *s = NULL;
                assert_int_equal(rig_open_issue(&rig, "B", RIG_SCP03, &b, &sb, &f), CW_OK);
                rig_control(&rig, ways[i]);
                assert_int_equal(cw_rc_class(rig_open_issue(&rig, "C", RIG_SCP03, &o, &s, &f)),
                                 CW_C_RECONNECT);
                rig_control(&rig, NULL);
                assert_int_equal(card_data(sb, &f), CW_OK);
                expect_ready(true);
        }
}

static void malformed_message(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened a = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        char text[160];
        rig_seal(RIG_PAN, text);
        const struct cw_hsm_issue issue = {"D", "10729390", RIG_SCP03, RIG_EXPIRY, "Asha Rao", text};
        assert_int_equal(rig_call(&rig, cw_hsm_msg_open_issue(&issue), &reply, &f), CW_OK);
        assert_int_equal(cw_hsm_reply_opened(reply, &a, &f), CW_OK);
        assert_int_equal(send(a.fd, "\xff\xff\xff\xffjunk", 8, MSG_NOSIGNAL), 8);
        expect_session_closed(a.session);
        assert_int_equal(close(a.fd), 0);
        expect_ready(true);
}

/* One session for a job: what an earlier cardwrightd left open is closed by the next. */
static void same_job_again(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened a = {0}, b = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *sa = NULL, *sb = NULL;
        assert_int_equal(rig_open_issue(&rig, "E", RIG_SCP03, &a, &sa, &f), CW_OK);
        assert_int_equal(rig_open_issue(&rig, "E", RIG_SCP03, &b, &sb, &f), CW_OK);
        assert_int_not_equal(a.session, b.session);
        assert_int_equal(cw_rc_class(card_data(sa, &f)), CW_C_RECONNECT);
        assert_int_equal(card_data(sb, &f), CW_OK);
        rig_wait_workers(&rig, 2);
}

/* A session ends with its station's socket, and outlives the connection of cardwrightd. */
static void session_life(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened a = {0};
        struct cw_hsm_session *s = NULL;
        char path[256];
        assert_int_equal(rig_open_issue(&rig, "F", RIG_SCP03, &a, &s, &f), CW_OK);
        (void)close(rig.agent);
        rig_path(&rig, "run/hsmd/agent.sock", path, sizeof(path));
        assert_int_equal(cw_ipc_connect(path, &rig.agent, &f), CW_OK);
        assert_int_equal(card_data(s, &f), CW_OK);
        cw_hsm_session_close(s);
        rig_wait_workers(&rig, 1);
        expect_ready(true); /* and no event: it was an ordinary end */
}

static void admin_socket_knows_hello_only(void **state) {
        (void)state;
        struct cw_fault f = {0};
        char path[256];
        CW_AUTO_FD int admin = -1;
        CW_AUTO(cw_msg_free) struct cw_msg *hello = cw_hsm_msg_hello(1), *open = cw_hsm_msg_open_kiosk("T");
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL, *reply2 = NULL;
        rig_path(&rig, "run/hsmd/admin.sock", path, sizeof(path));
        assert_int_equal(cw_ipc_connect(path, &admin, &f), CW_OK);
        assert_int_equal(cw_ipc_call(admin, hello, cw_deadline_ns(5000), &reply, &f), CW_OK);
        assert_true(cw_msg_bool(reply, "ready", false));
        assert_int_equal(cw_rc_class(cw_ipc_call(admin, open, cw_deadline_ns(5000), &reply2, &f)),
                         CW_C_REJECT);
}

/* Clear keys are computed with on a token for tests only, and never for cardwrightd. */
static void known_answer_is_refused(void **state) {
        (void)state;
        struct cw_fault f = {0};
        char path[256];
        static const char entry[] = "{\"alg\":\"pin_block_encode\",\"format\":2,\"pin\":\"1234\"}";
        CW_AUTO_FD int admin = -1;
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_request("algorithm.known_answer"), *reply = NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *hello = NULL;
        assert_int_equal(cw_msg_attach_copy(m, entry, strlen(entry)), CW_OK);
        rig_path(&rig, "run/hsmd/admin.sock", path, sizeof(path));
        assert_int_equal(cw_ipc_connect(path, &admin, &f), CW_OK);
        assert_int_equal(cw_ipc_call(admin, m, cw_deadline_ns(5000), &reply, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        assert_int_equal(cw_ipc_call(rig.agent, m, cw_deadline_ns(5000), &reply, &f),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED));
        assert_int_equal(rig_call(&rig, cw_hsm_msg_hello(1), &hello, &f), CW_OK);
        assert_true(json_is_false(json_object_get(hello->json, "test_token")));
}

/* A zombie that waits for init, or another process by now, is no worker. */
static bool is_worker(pid_t pid) {
        char path[64], comm[32] = "", state = 'Z';
        int ignored = 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        FILE *p = fopen(path, "re");
        if (p == NULL)
                return false;
        bool told = fscanf(p, "%d (%31[^)]) %c", &ignored, comm, &state) == 3;
        (void)fclose(p);
        return told && strncmp(comm, "hsmd-", 5) == 0 && state != 'Z' && state != 'X';
}

/* The workers go with the supervisor, even when nothing could be cleaned up. */
static void no_orphans(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened a = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        pid_t workers[8];
        assert_int_equal(rig_open_issue(&rig, "G", RIG_SCP03, &a, &s, &f), CW_OK);
        size_t n = rig_workers(&rig, workers, 8), alive = n;
        assert_int_equal(n, 2);
        assert_int_equal(is_worker(workers[0]) + is_worker(workers[1]), 2);
        assert_int_equal(kill(rig.pid, SIGKILL), 0);
        assert_int_equal(waitpid(rig.pid, NULL, 0), rig.pid);
        rig.pid = 0;
        for (int i = 0; i < 300 && alive > 0; i++) {
                const struct timespec t = {0, 10000000};
                (void)nanosleep(&t, NULL);
                alive = 0;
                for (size_t k = 0; k < n; k++)
                        alive += is_worker(workers[k]);
        }
        assert_int_equal(alive, 0);
        rig_restart(&rig);
        expect_ready(true);
}

static void wrong_check_value(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        start((struct rig_options){.wrong_kcv = true});
        assert_int_equal(rig_call(&rig, cw_hsm_msg_hello(1), &reply, &f), CW_OK);
        assert_false(cw_msg_bool(reply, "ready", true));
        const json_t *key = json_array_get(json_object_get(reply->json, "keys"), 4);
        assert_string_equal(json_string_value(json_object_get(key, "label")), "cvk");
        assert_true(json_is_false(json_object_get(key, "ok")));
        assert_string_equal(json_string_value(json_object_get(key, "kcv")),
                            "08D7B4"); /* what is really there */
        assert_int_equal(cw_rc_class(rig_open_issue(&rig, "A", RIG_SCP03, &o, &s, &f)), CW_C_OPERATOR);
        assert_string_equal(f.code, "HSM_KEY");
        assert_non_null(strstr(f.text, "cvk"));
}

/* One failed login, and no other: a real token locks after a few. */
static void wrong_token_pin(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        start((struct rig_options){.shim = true, .wrong_pin = true});
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        assert_int_equal(rig_call(&rig, cw_hsm_msg_hello(1), &reply, &f), CW_OK);
        assert_false(cw_msg_bool(reply, "ready", true));
        assert_non_null(strstr(cw_msg_str(reply, "text", ""), "CKR_PIN_INCORRECT"));
        for (int i = 0; i < 3; i++) {
                assert_int_equal(cw_rc_class(rig_open_issue(&rig, "A", RIG_SCP03, &o, &s, &f)),
                                 CW_C_OPERATOR);
                assert_string_equal(f.code, "HSM_LOGIN");
                const struct timespec t = {0, 400000000};
                (void)nanosleep(&t, NULL);
        }
        assert_int_equal(rig_file_size(&rig, "logins"), 1);
        rig_wait_workers(&rig, 0);
}

/* The token locks while a session is opened: that is the last login of this daemon. */
static void locked_token_pin(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        start((struct rig_options){.shim = true});
        size_t before = rig_file_size(&rig, "logins");
        rig_control(&rig, "C_Login rv 0xa4"); /* CKR_PIN_LOCKED */
        for (int i = 0; i < 3; i++) {
                assert_int_equal(cw_rc_class(rig_open_issue(&rig, "A", RIG_SCP03, &o, &s, &f)),
                                 CW_C_OPERATOR);
                assert_string_equal(f.code, "HSM_LOGIN");
        }
        assert_int_equal(rig_file_size(&rig, "logins"), before + 1);
        rig_control(&rig, NULL);
}

static void host_memory_not_allowed(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        rig_start(&rig, &(struct rig_options){.no_host_memory = true});
        assert_int_equal(rig_call(&rig, cw_hsm_msg_hello(1), &reply, &f), CW_OK);
        assert_true(cw_msg_bool(reply, "ready", false));
        assert_string_equal(cw_msg_str(reply, "pin_path", ""), "refused");
        assert_int_equal(cw_rc_class(rig_open_kiosk(&rig, "T", &o, &s, &f)), CW_C_OPERATOR);
        assert_string_equal(f.code, "HSM_HOST_MEMORY");
        assert_int_equal(rig_open_issue(&rig, "A", RIG_SCP03, &o, &s, &f), CW_OK);
        cw_hsm_session_close(s);
}

static cw_rc open_unknown_product(struct cw_fault *f) {
        struct cw_hsm_opened o = {0};
        struct cw_hsm_session *s = NULL;
        return rig_open_issue(&rig, "R", "no-such-plastic", &o, &s, f);
}

/* Tries until the rate is the reason, at most up to the 600th session asked for. A worker that is still
 * going, or one that a busy machine does not start in time, is another reason: it counts as an attempt and is
 * no answer. */
static size_t attempts_until_rate(size_t made, struct cw_fault *f) {
        while (made < 600) {
                (void)open_unknown_product(f);
                if (strstr(f->text, "too many sessions are opened in a short time") != NULL)
                        break;
                made++;
        }
        return made;
}

/* Sessions are opened at a limited rate, and only so many at a time. */
static void limits(void **state) {
        (void)state;
        struct cw_fault f = {0};
        struct cw_hsm_session *open[40] = {NULL};
        size_t n = 0;
        rig_start(&rig, &(struct rig_options){0});
        for (;; n++) {
                struct cw_hsm_opened o = {0};
                char job[16];
                (void)snprintf(job, sizeof(job), "L%zu", n);
                if (n == 40 || rig_open_issue(&rig, job, RIG_SCP03, &o, &open[n], &f) != CW_OK)
                        break;
        }
        assert_int_equal(n, 32);
        assert_int_equal(f.rc, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY));
        for (size_t i = 0; i < n; i++)
                cw_hsm_session_close(open[i]);
        rig_wait_workers(&rig, 1);
        /* On a busy machine more are let in, as they come more slowly. */
        n = attempts_until_rate(33, &f);
        if (n < 60 || n >= 600)
                fail_msg("refused after %zu: %s", n, f.text);
        assert_int_equal(f.rc, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY));
        const struct timespec t = {0, 700000000};
        for (n = 0; n < 40 && cw_rc_class(f.rc) != CW_C_OPERATOR; n++) {
                (void)nanosleep(&t, NULL);
                (void)open_unknown_product(&f);
        }
        assert_int_equal(cw_rc_class(f.rc), CW_C_OPERATOR);
}

/* Bad luck of every token: what a module does then differs, what comes of it does not. */
#define ON_EVERY_TOKEN                                                                                       \
        cmocka_unit_test(stalled_token_call), cmocka_unit_test(crashing_module),                             \
            cmocka_unit_test(vanished_token), cmocka_unit_test(stale_handles), cmocka_unit_test(broken_pipe)
#define ON_EVERY_NEW_TOKEN                                                                                   \
        cmocka_unit_test_teardown(wrong_check_value, teardown),                                              \
            cmocka_unit_test_teardown(wrong_token_pin, teardown),                                            \
            cmocka_unit_test_teardown(locked_token_pin, teardown)

static int on_another_token(const char *name, struct rig_options kind) {
        const struct CMUnitTest with_shim[] = {ON_EVERY_TOKEN};
        const struct CMUnitTest own[] = {ON_EVERY_NEW_TOKEN};
        under = kind;
        int failed = cmocka_run_group_tests_name(name, with_shim, setup_shim, teardown);
        return failed + cmocka_run_group_tests_name(name, own, NULL, NULL);
}

int main(void) {
        const struct CMUnitTest with_shim[] = {
            cmocka_unit_test(killed_worker),
            cmocka_unit_test(stalled_start),
            ON_EVERY_TOKEN,
            cmocka_unit_test(stalled_or_crashed_opening),
            cmocka_unit_test(malformed_message),
            cmocka_unit_test(same_job_again),
            cmocka_unit_test(session_life),
            cmocka_unit_test(admin_socket_knows_hello_only),
            cmocka_unit_test(known_answer_is_refused),
            cmocka_unit_test(no_orphans),
        };
        const struct CMUnitTest own[] = {
            ON_EVERY_NEW_TOKEN,
            cmocka_unit_test_teardown(host_memory_not_allowed, teardown),
            cmocka_unit_test_teardown(limits, teardown),
        };
        int failed = cmocka_run_group_tests(with_shim, setup_shim, teardown);
        failed += cmocka_run_group_tests(own, NULL, NULL);
        failed += on_another_token("nss", (struct rig_options){.nss = true});
        if (rig_opencryptoki_missing() == NULL)
                failed += on_another_token("opencryptoki", (struct rig_options){.opencryptoki = true});
        return failed;
}
