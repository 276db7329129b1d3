/* SPDX-License-Identifier: Apache-2.0 */
/* The real program on its port: two PINs with a restart between, unplug and plug. */
#include "frame.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BDK "0123456789ABCDEFFEDCBA9876543210"
#define IKSN "FFFF9876543210E00000"
#define ACCOUNT "4012345678909"
#define Z62                                                                                                  \
        "Z62." ACCOUNT "\x1c"                                                                                \
        "0404N"                                                                                              \
        "ENTER NEW PIN\x1c\x1cPLEASE WAIT\x1c"                                                               \
        "2"
#define BLOCK_1 "7109876543210E000011B9C1845EB993A7A"
#define BLOCK_2 "7109876543210E0000210A01C8D02C69107"

struct process {
        pid_t pid;
        int port, control;
        char dir[64];
};

static void path_in(const struct process *p, const char *name, char ret[128]) {
        (void)snprintf(ret, 128, "%s/%s", p->dir, name);
}

static void spawn(struct process *p) {
        char link[128], control[128], bdk[128], ksn[128];

        path_in(p, "port", link);
        path_in(p, "control", control);
        path_in(p, "bdk", bdk);
        path_in(p, "ksn", ksn);
        p->pid = fork();
        assert_true(p->pid >= 0);
        if (p->pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)execl(EMU_PINPAD_PATH, "emu-pinpad", "--pty-link", link, "--control", control,
                            "--bdk-file", bdk, "--iksn", IKSN, "--ksn-state", ksn, (char *)NULL);
                _exit(127);
        }
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        (void)snprintf(a.sun_path, sizeof a.sun_path, "%.100s", control);
        p->control = socket(AF_UNIX, SOCK_STREAM, 0);
        for (int i = 0; connect(p->control, (const struct sockaddr *)&a, sizeof a) < 0; i++) {
                assert_true(i < 500);
                (void)poll(NULL, 0, 10);
        }
        p->port = open(link, O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(p->port >= 0);
}

static json_t *ask(struct process *p, const char *request) {
        char line[8192];
        size_t n = 0;
        json_t *j;

        assert_int_equal(send(p->control, request, strlen(request), 0), (ssize_t)strlen(request));
        do {
                ssize_t got = recv(p->control, line + n, sizeof line - n, 0);
                assert_true(got > 0);
                n += (size_t)got;
        } while (line[n - 1] != '\n');
        j = json_loadb(line, n, 0, NULL);
        assert_true(json_is_true(json_object_get(j, "ok")));
        return j;
}

static size_t read_port(struct process *p, uint8_t *ret, size_t want) {
        size_t n = 0;

        while (n < want) {
                struct pollfd f = {.fd = p->port, .events = POLLIN};
                if (poll(&f, 1, 3000) != 1)
                        break;
                ssize_t got = read(p->port, ret + n, want - n);
                if (got <= 0)
                        break;
                n += (size_t)got;
        }
        return n;
}

static void stop(struct process *p) {
        int status = 0;

        (void)close(p->port);
        (void)close(p->control);
        assert_int_equal(kill(p->pid, SIGTERM), 0);
        assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void one_pin(struct process *p, const char *expect) {
        uint8_t frame[EMUD_FRAME_MAX], got[64], want[EMUD_FRAME_MAX];
        size_t n = emud_frame_make(EMUD_STX, Z62, strlen(Z62), frame), len;

        assert_int_equal(write(p->port, frame, n), (ssize_t)n);
        len = emud_frame_make(EMUD_STX, expect, strlen(expect), want);
        assert_int_equal(read_port(p, got, 1 + len), 1 + len);
        assert_int_equal(got[0], EMUD_ACK);
        assert_memory_equal(got + 1, want, len);
        assert_int_equal(write(p->port, "\x06", 1), 1);
        assert_int_equal(read_port(p, got, 1), 1);
        assert_int_equal(got[0], EMUD_EOT);
}

static void test_program(void **state) {
        struct process p = {.dir = "/tmp/emu-pinpad-XXXXXX"};
        char path[128];
        uint8_t byte;
        FILE *f;

        (void)state;
        assert_non_null(mkdtemp(p.dir));
        path_in(&p, "bdk", path);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(BDK "\n", f) >= 0);
        (void)fclose(f);
        spawn(&p);
        json_decref(ask(&p, "{\"cmd\":\"customer\",\"script\":[{\"pin\":\"1234\"}]}\n"));
        one_pin(&p, BLOCK_1);
        stop(&p);
        spawn(&p); /* the counter goes on after a restart */
        json_decref(ask(&p, "{\"cmd\":\"customer\",\"script\":[{\"pin\":\"1234\"}]}\n"));
        one_pin(&p, BLOCK_2);
        json_t *s = ask(&p, "{\"cmd\":\"state\"}\n");
        assert_string_equal(json_string_value(json_object_get(s, "ksn")), "FFFF9876543210E00002");
        assert_int_equal(json_array_size(json_object_get(s, "violations")), 0);
        json_decref(s);
        json_decref(ask(&p, "{\"cmd\":\"unplug\"}\n"));
        assert_true(read(p.port, &byte, 1) <= 0);
        json_decref(ask(&p, "{\"cmd\":\"plug\"}\n"));
        stop(&p);
        const char *const names[] = {"bdk", "ksn"};
        for (size_t i = 0; i < 2; i++) {
                path_in(&p, names[i], path);
                (void)unlink(path);
        }
        assert_int_equal(rmdir(p.dir), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_program)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
