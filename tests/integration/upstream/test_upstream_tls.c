/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, and the way to the server. */
#include "rig.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int setup(void **state) {
        static struct rig rig;
        rig_make(&rig);
        *state = &rig;
        return 0;
}

static int teardown(void **state) {
        rig_stop(*state);
        return 0;
}

static void fetch_branch(struct rig *rig, struct outcome *o) {
        *o = (struct outcome){0};
        cw_dcms_branch(rig->d, "BRANCH001", outcome_take, o);
        rig_wait(rig, o, 30000);
        json_decref(o->result);
        o->result = NULL;
}

static void expect_ok(struct rig *rig) {
        struct outcome o;
        fetch_branch(rig, &o);
        if (o.rc != CW_OK)
                fail_msg("%s: %s", o.fault.code, o.fault.text);
}

/* OPERATOR, that code, and a sentence with that word; one exchange, since trying again cannot help. */
static void expect_person(struct rig *rig, const char *code, const char *word) {
        struct outcome o;
        struct cw_dcms_health h;
        fetch_branch(rig, &o);
        if (cw_rc_class(o.rc) != CW_C_OPERATOR || strcmp(o.fault.code, code) != 0 ||
            !strstr(o.fault.text, word))
                fail_msg("%s %s: %s", cw_class_name(cw_rc_class(o.rc)), o.fault.code, o.fault.text);
        cw_dcms_health(rig->d, &h);
        assert_int_equal(h.state, CW_DCMS_NEEDS_PERSON);
        assert_int_equal(h.exchanges, 1);
        assert_string_equal(h.last_fault.code, code);
}

static void begin(struct rig *rig) {
        rig_start_sim(rig);
        rig_start_client(rig);
}

static void wrong_ca(void **state) {
        struct rig *rig = *state;
        char other[128];
        (void)snprintf(other, sizeof other, "%s/other-ca.pem", rig->dir);
        rig->config.server.ca_file = other;
        begin(rig);
        expect_person(rig, CW_DCMS_CODE_TLS, "server.ca_file");
}

static void wrong_host_name(void **state) {
        struct rig *rig = *state;
        rig->server_pem = "elsewhere.pem";
        rig->server_key = "elsewhere.key";
        begin(rig);
        expect_person(rig, CW_DCMS_CODE_TLS, "host name");
}

static void expired_certificate(void **state) {
        struct rig *rig = *state;
        rig->server_pem = "expired.pem";
        rig->server_key = "expired.key";
        begin(rig);
        expect_person(rig, CW_DCMS_CODE_TLS, "expired");
}

static void client_certificate(void **state) {
        struct rig *rig = *state;
        struct cw_dcms_health h;
        rig->client_ca = true;
        rig->config.server.client_cert_file = rig->cert_file;
        rig->config.server.client_key_credential = "client.key";
        begin(rig);
        expect_ok(rig);
        cw_dcms_health(rig->d, &h);
        assert_int_equal(h.client_cert_days_left, 4);
        assert_int_equal(h.server_cert_days_left, 8);
}

static void client_certificate_missing(void **state) {
        struct rig *rig = *state;
        rig->client_ca = true;
        begin(rig);
        expect_person(rig, CW_DCMS_CODE_TLS, "client certificate");
}

static void client_certificate_of_a_stranger(void **state) {
        struct rig *rig = *state;
        rig->client_ca = true;
        (void)snprintf(rig->cert_file, sizeof rig->cert_file, "%s/stranger.pem", rig->dir);
        rig->config.server.client_cert_file = rig->cert_file;
        rig->config.server.client_key_credential = "stranger.key";
        begin(rig);
        expect_person(rig, CW_DCMS_CODE_TLS, "server.client_cert_file");
}

static void server_down_and_back(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        struct cw_dcms_health h;
        begin(rig);
        expect_ok(rig);
        rig_stop_sim(rig);
        fetch_branch(rig, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_RETRY);
        assert_string_equal(o.fault.code, CW_DCMS_CODE_OFFLINE);
        assert_int_equal(o.reply.tries, 3);
        cw_dcms_health(rig->d, &h);
        assert_int_equal(h.state, CW_DCMS_OFFLINE);
        assert_true(h.token_held && h.failures >= 3);
        rig_start_sim(rig);
        expect_ok(rig);
        cw_dcms_health(rig->d, &h);
        assert_int_equal(h.state, CW_DCMS_ONLINE);
        assert_int_equal(h.last_fault.rc, CW_OK);
}

/* A PIN that surely never left may be asked for again; one that may have left is in doubt. */
static void pin_while_the_server_is_down(void **state) {
        struct rig *rig = *state;
        struct outcome o = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *pin = rig_pin("1234");
        const struct cw_dcms_set_pin in = {RIG_ENTITY, RIG_KIT, "0729", pin, NULL, false};
        begin(rig);
        expect_ok(rig);
        rig_stop_sim(rig);
        cw_dcms_set_pin(rig->d, &in, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_int_equal(cw_rc_class(o.rc), CW_C_RETRY);
        assert_false(o.reply.replayed);
}

static void silent_server(void **state) {
        struct rig *rig = *state;
        struct outcome o;
        rig->config.server.timeout_ms = 300;
        begin(rig);
        expect_ok(rig);
        rig_down(rig, "{\"seconds\":120,\"mode\":\"silent\"}");
        fetch_branch(rig, &o);
        assert_int_equal(cw_rc_class(o.rc), CW_C_RETRY);
        assert_int_equal(o.rc & 0xffffu, CW_E_TIMEOUT);
        assert_int_equal(kill(rig->sim, SIGUSR1), 0); /* it speaks again */
        rig->config.server.timeout_ms = 20000;
        expect_ok(rig);
}

/* ---- one connection, HTTP/2 ---- */

static json_int_t connections(struct rig *rig) {
        CW_AUTO_JSON json_t *state = rig_state(rig);
        return json_integer_value(json_object_get(json_object_get(state, "traffic"), "opened"));
}

/* Polls share a connection; what must not be repeated unseen has one of its own. */
static void connections_are_kept(void **state) {
        struct rig *rig = *state;
        begin(rig);
        expect_ok(rig);
        json_int_t before = connections(rig);
        for (int i = 0; i < 5; i++)
                expect_ok(rig);
        assert_int_equal(connections(rig) - before, 1); /* our own question */
        struct outcome o = {0};
        cw_dcms_activate(rig->d, RIG_ENTITY, RIG_KIT, NULL, outcome_take, &o);
        rig_wait(rig, &o, 20000);
        assert_int_equal(o.rc, CW_OK);
        outcome_done(&o);
        assert_int_equal(connections(rig) - before, 3);
}

static int free_port(void) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof at;
        CW_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
        return ntohs(at.sin_port);
}

/* A bank's front that speaks HTTP/2 (nghttpx), the simulator behind it. */
static pid_t start_front(struct rig *rig, int port, const char *log) {
        char front[48], back[64], log_option[224], key[192], cert[192];
        (void)snprintf(front, sizeof front, "--frontend=127.0.0.1,%d", port);
        (void)snprintf(back, sizeof back, "--backend=127.0.0.1,%u;;tls;proto=http/1.1", rig->port);
        (void)snprintf(log_option, sizeof log_option, "--accesslog-file=%s", log);
        (void)snprintf(key, sizeof key, "%s/server.key", rig->dir);
        (void)snprintf(cert, sizeof cert, "%s/server.pem", rig->dir);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)execlp("nghttpx", "nghttpx", "--conf=/dev/null", "--workers=1", "--insecure", front,
                             back, log_option, "--accesslog-format=$status $request",
                             "--errorlog-file=/dev/null", key, cert, (char *)NULL);
                _exit(127);
        }
        return pid;
}

static void stop_front(pid_t pid) {
        int status = 0;
        (void)kill(pid, SIGTERM);
        (void)waitpid(pid, &status, 0);
}

static void http2(void **state) {
        struct rig *rig = *state;
        char log[192];
        struct outcome o;
        (void)snprintf(log, sizeof log, "%s/front.log", rig->dir);
        begin(rig);
        int port = free_port();
        pid_t front = start_front(rig, port, log);
        cw_dcms_free(rig->d);
        rig->d = NULL;
        (void)snprintf(rig->url, sizeof rig->url, "https://127.0.0.1:%d/dcms", port);
        rig_start_client(rig);
        for (int i = 0; i < 20; i++) {
                fetch_branch(rig, &o);
                if (o.rc == CW_OK)
                        break;
        }
        assert_int_equal(o.rc, CW_OK);
        expect_ok(rig);
        stop_front(front);
        size_t lines = 0;
        CW_AUTO_FILE FILE *file = fopen(log, "re");
        assert_non_null(file);
        for (char line[160]; fgets(line, sizeof line, file); lines++) {
                assert_non_null(strstr(line, "200 POST /dcms/"));
                assert_non_null(strstr(line, " HTTP/2\n"));
        }
        assert_true(lines >= 3); /* the login, too */
        (void)unlink(log);
}

/* ---- the version of TLS ---- */

/* openssl s_server that speaks this one version and answers no POST. */
static pid_t start_version(struct rig *rig, int port, const char *version) {
        char at[32], key[192], cert[192];
        (void)snprintf(at, sizeof at, "127.0.0.1:%d", port);
        (void)snprintf(key, sizeof key, "%s/server.key", rig->dir);
        (void)snprintf(cert, sizeof cert, "%s/server.pem", rig->dir);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)execlp("openssl", "openssl", "s_server", "-accept", at, "-cert", cert, "-key", key,
                             "-www", "-quiet", version, "-cipher", "ALL:@SECLEVEL=0", (char *)NULL);
                _exit(127);
        }
        return pid;
}

/* Until the server of pid takes connections: what is seen of it afterwards is not that it was late. */
static void wait_accepting(pid_t pid, int port) {
        const struct sockaddr_in at = {.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int64_t deadline = cw_deadline_ns(30000);
        while (cw_deadline_left_ms(deadline) > 0) {
                CW_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
                        return;
                assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
                (void)usleep(10000);
        }
        fail_msg("the server does not listen");
}

/* One call of a server that speaks this version: as far as its certificate, or to the end. */
static void call_version(struct rig *rig, const char *version, struct outcome *o,
                         struct cw_dcms_health *ret_health) {
        int port = free_port();
        rig->config.server.connect_timeout_ms = 10000;
        rig->config.server.timeout_ms = 10000;
        pid_t server = start_version(rig, port, version);
        wait_accepting(server, port);
        (void)snprintf(rig->url, sizeof rig->url, "https://127.0.0.1:%d/dcms", port);
        rig_start_client(rig);
        cw_dcms_branch(rig->d, "BRANCH001", outcome_take, o);
        int64_t deadline = cw_deadline_ns(60000);
        do {
                cw_loop_run_once(rig->loop, 20);
                cw_dcms_health(rig->d, ret_health);
        } while (!o->done && ret_health->server_cert_end_ms == 0 && cw_deadline_left_ms(deadline) > 0);
        cw_dcms_free(rig->d);
        rig->d = NULL;
        stop_front(server);
}

static void nothing_below_tls_1_2(void **state) {
        struct outcome heard = {0}, refused = {0};
        struct cw_dcms_health h = {0};
        call_version(*state, "-tls1_2", &heard, &h);
        assert_true(h.server_cert_end_ms != 0);
        outcome_done(&heard);
        call_version(*state, "-tls1_1", &refused, &h);
        assert_true(refused.done && h.server_cert_end_ms == 0);
        if (cw_rc_class(refused.rc) != CW_C_OPERATOR || strcmp(refused.fault.code, CW_DCMS_CODE_TLS) != 0 ||
            !strstr(refused.fault.text, "protocol version"))
                fail_msg("%s %s: %s", cw_class_name(cw_rc_class(refused.rc)), refused.fault.code,
                         refused.fault.text);
        outcome_done(&refused);
}

/* ---- what is wrong before anything is sent ---- */

static void refuse(struct rig *rig, const char *word) {
        struct cw_fault f = {0};
        struct cw_dcms *d = NULL;
        if (!rig->loop)
                assert_int_equal(cw_loop_new(cw_clock_real(), &rig->loop), CW_OK);
        (void)snprintf(rig->url, sizeof rig->url, "%s", "https://127.0.0.1:9/dcms");
        cw_rc rc = cw_dcms_new(rig->loop, &rig->config, cw_clock_real(), &d, &f);
        if (cw_rc_class(rc) != CW_C_OPERATOR || !strstr(f.text, word))
                fail_msg("expected \"%s\", got %s: %s", word, cw_class_name(cw_rc_class(rc)), f.text);
        assert_null(d);
}

static void settings_that_cannot_work(void **state) {
        struct rig *rig = *state;
        const struct cw_config_server good = rig->config.server;
        char path[128];
        rig->config.server.ca_file = "/nonexistent/ca.pem";
        refuse(rig, "/nonexistent/ca.pem");
        (void)snprintf(path, sizeof path, "%s/password", rig->dir);
        rig->config.server.ca_file = path;
        refuse(rig, "no certificate");
        rig->config.server = good;
        rig->config.server.password_credential = "no-such-credential";
        refuse(rig, "no-such-credential");
        rig->config.server = good;
        rig->config.server.client_cert_file = rig->cert_file;
        refuse(rig, "client_key_credential");
        rig->config.server.client_key_credential = "stranger.key";
        refuse(rig, "do not belong together");
        rig->config.server.client_key_credential = "password";
        refuse(rig, "PEM");
        rig->config.server = good;
        rig->config.server.gateway = CW_GATEWAY_ECDH_HKDF;
        refuse(rig, "key id");
        rig->config.server = good;
        rig->config.server.tenant = "A\r\nX: 1";
        refuse(rig, "server.tenant");
}

static void only_plain_https_urls(void **state) {
        struct rig *rig = *state;
        static const char *const bad[] = {"http://127.0.0.1/dcms",
                                          "https://",
                                          "https://user:pw@host/dcms",
                                          "https://host/dcms?x=1",
                                          "https://host/dc ms",
                                          "file:///etc/passwd",
                                          ""};
        assert_int_equal(cw_loop_new(cw_clock_real(), &rig->loop), CW_OK);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct cw_dcms *d = NULL;
                struct cw_fault f = {0};
                (void)snprintf(rig->url, sizeof rig->url, "%s", bad[i]);
                assert_int_equal(cw_rc_class(cw_dcms_new(rig->loop, &rig->config, cw_clock_real(), &d, &f)),
                                 CW_C_OPERATOR);
                assert_non_null(strstr(f.text, "server.url"));
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            TEST(wrong_ca),
            TEST(wrong_host_name),
            TEST(expired_certificate),
            TEST(client_certificate),
            TEST(client_certificate_missing),
            TEST(client_certificate_of_a_stranger),
            TEST(server_down_and_back),
            TEST(pin_while_the_server_is_down),
            TEST(silent_server),
            TEST(connections_are_kept),
            TEST(http2),
            TEST(nothing_below_tls_1_2),
            TEST(settings_that_cannot_work),
            TEST(only_plain_https_urls),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
