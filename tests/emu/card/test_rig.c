/* SPDX-License-Identifier: Apache-2.0 */
#include "test_rig.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 5000

size_t unhex(const char *text, uint8_t *out, size_t cap) {
        char packed[1200];
        size_t n = 0, len = 0;

        for (const char *p = text; *p; p++)
                if (*p != ' ') {
                        assert_true(n < sizeof packed);
                        packed[n++] = *p;
                }
        assert_true(cw_hex_decode(packed, n, out, cap, &len));
        return len;
}

static void write_file(const char *path, const char *text) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void listen_loopback(struct rig *rig) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        socklen_t len = sizeof a;

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        rig->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(rig->listen_fd >= 0);
        assert_int_equal(bind(rig->listen_fd, (const struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(listen(rig->listen_fd, 4), 0);
        assert_int_equal(getsockname(rig->listen_fd, (struct sockaddr *)&a, &len), 0);
        rig->port = ntohs(a.sin_port);
}

static void spawn(struct rig *rig, const char *const *args) {
        char port[16], control[160], keys[160];
        char *argv[32] = {NULL};
        size_t n = 0;

        (void)snprintf(port, sizeof port, "%u", rig->port);
        (void)snprintf(control, sizeof control, "%s/control", rig->dir);
        (void)snprintf(keys, sizeof keys, "%s/keys.json", rig->dir);
        const char *fixed[] = {EMU_CARD_PATH, "--vpcd-port", port, "--control", control, "--keys", keys};
        for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
                argv[n++] = strdup(fixed[i]);
        for (size_t i = 0; args && args[i] && n < 30; i++)
                argv[n++] = strdup(args[i]);
        rig->pid = fork();
        assert_true(rig->pid >= 0);
        if (rig->pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)execv(argv[0], argv);
                _exit(127);
        }
        for (size_t i = 0; i < n; i++)
                free(argv[i]);
}

static void connect_control(struct rig *rig) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};

        (void)snprintf(a.sun_path, sizeof a.sun_path, "%.90s/control", rig->dir);
        rig->control_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(rig->control_fd >= 0);
        for (int i = 0; i < WAIT_MS / 10; i++) {
                if (connect(rig->control_fd, (const struct sockaddr *)&a, sizeof a) == 0)
                        return;
                (void)poll(NULL, 0, 10);
        }
        fail_msg("the emulator did not open its control socket");
}

void rig_start(struct rig *rig, const char *keys_json, const char *const *args) {
        char path[160];

        *rig = (struct rig){.reader_fd = -1};
        (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/emu-card-XXXXXX");
        assert_non_null(mkdtemp(rig->dir));
        (void)snprintf(path, sizeof path, "%s/keys.json", rig->dir);
        write_file(path, keys_json);
        listen_loopback(rig);
        spawn(rig, args);
        connect_control(rig);
}

static void remove_tree(const char *dir) {
        char *const argv[] = {(char[]){"rm"}, (char[]){"-rf"}, strdup(dir), NULL};
        pid_t pid = fork();

        if (pid == 0) {
                (void)execvp(argv[0], argv);
                _exit(127);
        }
        (void)waitpid(pid, NULL, 0);
        free(argv[2]);
}

void rig_stop(struct rig *rig) {
        int status = 0;

        if (rig->reader_fd >= 0)
                (void)close(rig->reader_fd);
        (void)close(rig->control_fd);
        (void)close(rig->listen_fd);
        assert_int_equal(kill(rig->pid, SIGTERM), 0);
        assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        remove_tree(rig->dir);
}

static bool readable(int fd, int timeout_ms) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        return poll(&p, 1, timeout_ms) == 1;
}

json_t *rig_control(struct rig *rig, const char *request) {
        static char line[200000];
        size_t n = 0;
        json_error_t err;
        json_t *reply;

        assert_int_equal(send(rig->control_fd, request, strlen(request), 0), (ssize_t)strlen(request));
        assert_int_equal(send(rig->control_fd, "\n", 1, 0), 1);
        while (n == 0 || line[n - 1] != '\n') {
                assert_true(readable(rig->control_fd, WAIT_MS));
                ssize_t got = recv(rig->control_fd, line + n, sizeof line - n, 0);
                assert_true(got > 0);
                n += (size_t)got;
        }
        reply = json_loadb(line, n, 0, &err);
        assert_non_null(reply);
        return reply;
}

void rig_command(struct rig *rig, const char *request) {
        json_t *reply = rig_control(rig, request);

        if (!json_is_true(json_object_get(reply, "ok")))
                fail_msg("%s: %s", request, json_string_value(json_object_get(reply, "error")));
        json_decref(reply);
}

json_int_t rig_state(struct rig *rig, const char *name) {
        json_t *reply = rig_control(rig, "{\"cmd\":\"state\"}");
        const json_t *v = json_object_get(reply, name);
        json_int_t n;

        assert_non_null(v);
        n = json_is_boolean(v) ? json_is_true(v) : json_integer_value(v);
        json_decref(reply);
        return n;
}

void rig_expect_violation(struct rig *rig, const char *text) {
        json_t *reply = rig_control(rig, "{\"cmd\":\"state\"}"), *v;
        size_t i;
        bool found = false;

        json_array_foreach(json_object_get(reply, "violations"), i, v) {
                if (strstr(json_string_value(v), text))
                        found = true;
        }
        if (!found)
                fail_msg("no violation \"%s\" in %s", text,
                         json_dumps(json_object_get(reply, "violations"), 0));
        json_decref(reply);
}

void rig_accept(struct rig *rig) {
        if (rig->reader_fd >= 0)
                (void)close(rig->reader_fd);
        assert_true(readable(rig->listen_fd, WAIT_MS));
        rig->reader_fd = accept(rig->listen_fd, NULL, NULL);
        assert_true(rig->reader_fd >= 0);
}

void rig_insert(struct rig *rig, const char *name, const char *chip_json) {
        char path[200], request[260];

        (void)snprintf(path, sizeof path, "%s/%s", rig->dir, name);
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        (void)snprintf(request, sizeof request, "{\"cmd\":\"present\",\"plastic\":\"%s\"}", path);
        if (chip_json) {
                rig_command(rig, "{\"cmd\":\"remove\"}"); /* else it would write over what we write */
                (void)snprintf(path, sizeof path, "%s/%s/chip.json", rig->dir, name);
                write_file(path, chip_json);
        }
        rig_command(rig, request);
        rig_accept(rig);
        rig_power(rig, 1);
}

void rig_remove(struct rig *rig) {
        rig_command(rig, "{\"cmd\":\"remove\"}");
        (void)close(rig->reader_fd);
        rig->reader_fd = -1;
}

static void send_frame(struct rig *rig, const uint8_t *p, size_t len) {
        uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};

        assert_int_equal(send(rig->reader_fd, head, 2, MSG_NOSIGNAL), 2);
        assert_int_equal(send(rig->reader_fd, p, len, MSG_NOSIGNAL), (ssize_t)len);
}

static size_t receive_frame(struct rig *rig, uint8_t *ret, size_t cap) {
        size_t n = 0, want = 2;
        uint8_t buf[2 + 300];

        while (n < want) {
                if (!readable(rig->reader_fd, 2000))
                        return 0;
                ssize_t got = recv(rig->reader_fd, buf + n, want - n, 0);
                if (got <= 0)
                        return 0;
                n += (size_t)got;
                if (n == 2)
                        want = 2 + ((size_t)buf[0] << 8 | buf[1]);
                assert_true(want <= sizeof buf && want - 2 <= cap);
        }
        memcpy(ret, buf + 2, want - 2);
        return want - 2;
}

void rig_power(struct rig *rig, uint8_t control) {
        send_frame(rig, &control, 1);
}

size_t rig_atr(struct rig *rig, uint8_t ret[64]) {
        uint8_t get = 4;

        send_frame(rig, &get, 1);
        return receive_frame(rig, ret, 64);
}

size_t rig_apdu(struct rig *rig, const uint8_t *cmd, size_t len, uint8_t ret[300]) {
        send_frame(rig, cmd, len);
        return receive_frame(rig, ret, 300);
}

unsigned rig_hex(struct rig *rig, const char *text, char data[600]) {
        uint8_t cmd[300], rsp[300];
        size_t len = unhex(text, cmd, sizeof cmd);
        size_t n = rig_apdu(rig, cmd, len, rsp);

        assert_true(n >= 2);
        if (data)
                assert_true(cw_hex_encode(rsp, n - 2, data, 600));
        return (unsigned)(rsp[n - 2] << 8 | rsp[n - 1]);
}
