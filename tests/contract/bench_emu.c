/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator process in a testbed, reached through unmodified libusb. Runs under
 * umockdev-wrapper. */
#include "tests/contract/bench.h"

#include "base/clock.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_LIMIT_MS 15000

struct bench {
        char dir[64];
        pid_t pid;
        int control;
        struct cw_usb_bus *bus;
};

const char *bench_emulator;

static void pause_ms(long ms) {
        const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
        (void)nanosleep(&t, NULL);
}

static void path_in(const struct bench *b, const char *name, char *ret, size_t cap) {
        (void)snprintf(ret, cap, "%s/%s", b->dir, name);
}

/* Options that not every family has are left out when they do not matter. */
static void run_emulator(const struct bench_options *o, const char *ready, const char *plastics,
                         const char *control) {
        const char *argv[32] = {bench_emulator,
                                "--ready-file",
                                ready,
                                "--plastics",
                                plastics,
                                "--control",
                                control,
                                "--serial",
                                "T1",
                                "--usb-serial",
                                o->usb_serial ? o->usb_serial : "T1",
                                "--firmware",
                                bench_family.firmware,
                                "--hopper",
                                "5",
                                "--ribbon",
                                "ymcko:100",
                                "--model",
                                o->model ? o->model : bench_family.model,
                                "--time-scale",
                                bench_family.time_scale,
                                "--exit-with-parent"};
        size_t n = 22;
        if (o->reply_end) {
                argv[n++] = "--reply-end";
                argv[n++] = o->reply_end;
        }
        if (o->flip) {
                argv[n++] = "--flip";
                argv[n++] = o->flip;
        }
        if (o->positions) {
                argv[n++] = "--positions";
                argv[n++] = o->positions;
        }
        (void)execv(bench_emulator, (char **)(uintptr_t)argv);
}

static void start(struct bench *b, const struct bench_options *o) {
        char ready[96], plastics[96], control[96];
        path_in(b, "ready", ready, sizeof ready);
        path_in(b, "plastics", plastics, sizeof plastics);
        path_in(b, "control", control, sizeof control);
        b->pid = fork();
        assert_true(b->pid >= 0);
        if (b->pid == 0) {
                run_emulator(o, ready, plastics, control);
                _exit(127);
        }
        int64_t limit_ns = cw_deadline_ns(START_LIMIT_MS);
        while (access(ready, R_OK) != 0 && cw_deadline_left_ms(limit_ns) > 0)
                pause_ms(10);
        char root[256] = "";
        FILE *file = fopen(ready, "re");
        assert_non_null(file);
        assert_non_null(fgets(root, sizeof root, file));
        (void)fclose(file);
        root[strcspn(root, "\n")] = '\0';
        assert_int_equal(setenv("UMOCKDEV_DIR", root, 1), 0);
}

static void connect_control(struct bench *b) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        path_in(b, "control", a.sun_path, sizeof a.sun_path);
        b->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(b->control, (const struct sockaddr *)&a, sizeof a), 0);
}

static struct bench *bench_open(const struct bench_options *o) {
        struct bench *b = calloc(1, sizeof *b);
        struct cw_fault f = {0};
        assert_non_null(b);
        (void)snprintf(b->dir, sizeof b->dir, "/tmp/cw-contract-XXXXXX");
        assert_non_null(mkdtemp(b->dir));
        start(b, o);
        connect_control(b);
        if (cw_usb_bus_open(&b->bus, &f) != CW_OK)
                fail_msg("%s", f.text);
        return b;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

static void bench_close(struct bench *b) {
        cw_usb_bus_close(b->bus);
        (void)close(b->control);
        (void)kill(b->pid, SIGTERM);
        (void)waitpid(b->pid, NULL, 0);
        (void)nftw(b->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        free(b);
}

/* After a plug the device takes a moment to be listed. */
static cw_rc bench_connect(struct bench *b, struct cw_usb **ret, struct cw_fault *f) {
        struct cw_usb_info info[2];
        size_t count = 0;
        int64_t limit_ns = cw_deadline_ns(3000);
        cw_rc rc;
        do {
                rc = cw_usb_bus_list(b->bus, bench_family.vendor_id, info, 2, &count, f);
                if (rc != CW_OK)
                        return rc;
                if (count == 1)
                        rc = cw_usb_bus_connect(b->bus, info[0].port, ret, f);
                else
                        pause_ms(20);
        } while ((count != 1 || rc != CW_OK) && cw_deadline_left_ms(limit_ns) > 0);
        assert_int_equal(count, 1);
        return rc;
}

static json_t *exchange(struct bench *b, const json_t *request) {
        static char line[1 << 16];
        char *text = json_dumps(request, JSON_COMPACT);
        assert_non_null(text);
        int len = snprintf(line, sizeof line, "%s\n", text);
        free(text);
        assert_int_equal(send(b->control, line, (size_t)len, MSG_NOSIGNAL), len);
        size_t n = 0;
        do {
                ssize_t k = recv(b->control, line + n, sizeof line - 1 - n, 0);
                assert_true(k > 0);
                n += (size_t)k;
        } while (line[n - 1] != '\n');
        return json_loadb(line, n, 0, NULL);
}

/* A fault that pulls the cable does so a moment after the transfer it is about: plugging in may come too
 * early. */
static json_t *bench_command(struct bench *b, const json_t *request) {
        bool plug = strcmp(json_string_value(json_object_get(request, "cmd")), "plug") == 0;
        int64_t limit_ns = cw_deadline_ns(3000);
        for (;;) {
                json_t *reply = exchange(b, request);
                if (!plug || json_is_true(json_object_get(reply, "ok")) || cw_deadline_left_ms(limit_ns) == 0)
                        return reply;
                json_decref(reply);
                pause_ms(20);
        }
}

struct cw_usb_bus *bench_bus(struct bench *b) {
        return b->bus;
}

const struct bench_ops bench_ops = {"emulator", false, bench_open, bench_close, bench_connect, bench_command};
