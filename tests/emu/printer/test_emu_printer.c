/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emulated printer through unmodified libusb: each test starts its own emu-printer (path in argv[1]) and
 * talks to the device in its testbed. Runs under umockdev-wrapper.
 */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <libusb.h>

enum { VID = 0x0f49, OUT = 0x01, IN = 0x82, K_BYTES = 82296 };

static const char *emulator;

struct fixture {
        char dir[64], root[256];
        pid_t pid;
        int control;
        libusb_context *usb;
        libusb_device_handle *h;
        int chip_fd;
        pthread_t chip_thread;
        char chip_log[1024];
        pthread_mutex_t chip_lock;
        int arrived, left; /* hot-plug events */
};

static void sleep_ms(long ms) {
        const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
        (void)nanosleep(&t, NULL);
}

static void path_in(const struct fixture *f, const char *name, char *ret, size_t cap) {
        (void)snprintf(ret, cap, "%s/%s", f->dir, name);
}

static struct sockaddr_un address(const char *path) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        return a;
}

/* A chip emulator that only notes what it is told. */
static void *chip_main(void *ctx) {
        struct fixture *f = ctx;
        for (;;) {
                char line[512];
                int fd = accept(f->chip_fd, NULL, NULL);
                if (fd < 0)
                        return NULL;
                ssize_t n = recv(fd, line, sizeof line - 1, 0);
                if (n > 0) {
                        line[n] = '\0';
                        (void)pthread_mutex_lock(&f->chip_lock);
                        (void)strncat(f->chip_log, line, sizeof f->chip_log - strlen(f->chip_log) - 1);
                        (void)pthread_mutex_unlock(&f->chip_lock);
                        (void)send(fd, "{\"ok\":true}\n", 12, MSG_NOSIGNAL);
                }
                (void)close(fd);
        }
}

static void start_chip(struct fixture *f) {
        char path[128];
        path_in(f, "chip", path, sizeof path);
        const struct sockaddr_un a = address(path);
        f->chip_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f->chip_fd, (const struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(listen(f->chip_fd, 4), 0);
        assert_int_equal(pthread_mutex_init(&f->chip_lock, NULL), 0);
        assert_int_equal(pthread_create(&f->chip_thread, NULL, chip_main, f), 0);
}

static void start_emulator(struct fixture *f, const char *scale) {
        char ready[128], plastics[128], control[128], chip[128], transcript[128];
        path_in(f, "ready", ready, sizeof ready);
        path_in(f, "plastics", plastics, sizeof plastics);
        path_in(f, "control", control, sizeof control);
        path_in(f, "chip", chip, sizeof chip);
        path_in(f, "transcript", transcript, sizeof transcript);
        f->pid = fork();
        assert_true(f->pid >= 0);
        if (f->pid == 0) {
                (void)execl(emulator, emulator, "--ready-file", ready, "--plastics", plastics, "--control",
                            control, "--chip-control", chip, "--serial", "IT7", "--hopper", "3",
                            "--time-scale", scale, "--transcript", transcript, "--exit-with-parent",
                            (char *)NULL);
                _exit(127);
        }
        for (int i = 0; i < 200 && access(ready, R_OK) != 0; i++)
                sleep_ms(25);
        FILE *r = fopen(ready, "re");
        assert_non_null(r);
        assert_non_null(fgets(f->root, sizeof f->root, r));
        (void)fclose(r);
        f->root[strcspn(f->root, "\n")] = '\0';
        assert_int_equal(setenv("UMOCKDEV_DIR", f->root, 1), 0);
        const struct sockaddr_un a = address(control);
        f->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(f->control, (const struct sockaddr *)&a, sizeof a), 0);
}

/* Sends a control command, ' standing for ", and returns the reply, which must be ok. */
static json_t *control(const struct fixture *f, const char *text) {
        static char line[65536];
        size_t n = 0;
        int len = snprintf(line, sizeof line, "%s\n", text);
        for (char *p = line; *p; p++)
                if (*p == '\'')
                        *p = '"';
        assert_int_equal(send(f->control, line, (size_t)len, MSG_NOSIGNAL), len);
        do {
                ssize_t k = recv(f->control, line + n, sizeof line - 1 - n, 0);
                assert_true(k > 0);
                n += (size_t)k;
        } while (line[n - 1] != '\n');
        json_t *reply = json_loadb(line, n, 0, NULL);
        assert_non_null(reply);
        return reply;
}

static void order(const struct fixture *f, const char *text) {
        json_t *reply = control(f, text);
        if (!json_is_true(json_object_get(reply, "ok")))
                fail_msg("%s: %s", text, json_string_value(json_object_get(reply, "error")));
        json_decref(reply);
}

static json_int_t state(const struct fixture *f, const char *group, const char *key) {
        json_t *o = control(f, "{'cmd':'state'}"),
               *v = json_object_get(*group ? json_object_get(o, group) : o, key);
        json_int_t n = json_is_boolean(v) ? json_is_true(v) : json_integer_value(v);
        json_decref(o);
        return n;
}

static int LIBUSB_CALL hotplug(libusb_context *usb, libusb_device *device, libusb_hotplug_event event,
                               void *ctx) {
        struct fixture *f = ctx;
        (void)usb;
        (void)device;
        if (event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED)
                f->arrived++;
        else
                f->left++;
        return 0;
}

/* Opens the one device of that maker with a printer interface, as a driver would. */
static libusb_device_handle *open_printer(struct fixture *f) {
        libusb_device **list;
        libusb_device_handle *h = NULL;
        ssize_t n = libusb_get_device_list(f->usb, &list);
        for (ssize_t i = 0; i < n; i++) {
                struct libusb_device_descriptor d;
                if (libusb_get_device_descriptor(list[i], &d) == 0 && d.idVendor == VID && !h)
                        (void)libusb_open(list[i], &h);
        }
        libusb_free_device_list(list, 1);
        return h;
}

static void claim(struct fixture *f) {
        f->h = open_printer(f);
        assert_non_null(f->h);
        assert_int_equal(libusb_set_auto_detach_kernel_driver(f->h, 1), 0);
        assert_int_equal(libusb_claim_interface(f->h, 0), 0);
}

static int setup_scaled(void **state_ptr, const char *scale) {
        struct fixture *f = calloc(1, sizeof *f);
        assert_non_null(f);
        (void)snprintf(f->dir, sizeof f->dir, "/tmp/emu-printer-usb-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        start_chip(f);
        start_emulator(f, scale);
        assert_int_equal(libusb_init(&f->usb), 0);
        claim(f);
        *state_ptr = f;
        return 0;
}

static int setup(void **state_ptr) {
        return setup_scaled(state_ptr, "0");
}

static int setup_slow(void **state_ptr) {
        return setup_scaled(state_ptr, "0.05");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

static int teardown(void **state_ptr) {
        struct fixture *f = *state_ptr;
        int status = 0;
        if (f->h)
                libusb_close(f->h);
        libusb_exit(f->usb);
        order(f, "{'cmd':'quit'}");
        assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        (void)close(f->control);
        (void)shutdown(f->chip_fd, SHUT_RDWR);
        (void)pthread_join(f->chip_thread, NULL);
        (void)close(f->chip_fd);
        assert_int_not_equal(access(f->root, F_OK), 0); /* the testbed is gone */
        (void)nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        free(f);
        return 0;
}

static int bulk_out(struct fixture *f, const void *bytes, int n, unsigned timeout_ms) {
        int done = 0;
        unsigned char *copy = malloc((size_t)n);
        assert_non_null(copy);
        memcpy(copy, bytes, (size_t)n);
        int rc = libusb_bulk_transfer(f->h, OUT, copy, n, &done, timeout_ms);
        free(copy);
        return rc == 0 ? done : rc;
}

static int bulk_in(struct fixture *f, char *text, int cap, unsigned timeout_ms) {
        int done = 0;
        int rc = libusb_bulk_transfer(f->h, IN, (unsigned char *)text, cap - 1, &done, timeout_ms);
        text[done] = '\0';
        return rc;
}

static const char *ask(struct fixture *f, const char *command) {
        static char text[512];
        char line[256];
        int n = snprintf(line, sizeof line, "\x1b%s\r", command);
        assert_int_equal(bulk_out(f, line, n, 5000), n);
        assert_int_equal(bulk_in(f, text, sizeof text, 10000), 0);
        return text;
}

#define expect(f, command, answer) assert_string_equal(ask(f, command), answer)

static void send_panel(struct fixture *f, char panel, uint8_t fill) {
        uint8_t *job = malloc(K_BYTES + 9);
        assert_non_null(job);
        memcpy(job,
               "\x1b"
               "Db;k;2;",
               8);
        job[4] = (uint8_t)panel;
        memset(job + 8, fill, K_BYTES);
        job[8 + K_BYTES] = '\r';
        assert_int_equal(bulk_out(f, job, K_BYTES + 9, 30000), K_BYTES + 9);
        free(job);
}

static void test_identify(void **state_ptr) {
        struct fixture *f = *state_ptr;
        unsigned char id[256], status = 0;
        int n = libusb_control_transfer(f->h, 0xa1, 0, 0, 0, id, sizeof id, 1000);
        assert_true(n > 20);
        assert_int_equal(id[0] << 8 | id[1], n);
        assert_memory_equal(id + 2, "MFG:Evolis;MDL:Primacy;", 23);
        assert_int_equal(libusb_control_transfer(f->h, 0xa1, 1, 0, 0, &status, 1, 1000), 1);
        assert_int_equal(status, 0x18);
        assert_int_equal(libusb_control_transfer(f->h, 0x21, 2, 0, 0, NULL, 0, 1000), 0);
        assert_int_equal(libusb_control_transfer(f->h, 0x23, 2, 0, 0, NULL, 0, 1000), LIBUSB_ERROR_PIPE);
        unsigned char serial[64];
        assert_int_equal(libusb_get_string_descriptor_ascii(f->h, 3, serial, sizeof serial), 3);
        assert_memory_equal(serial, "IT7", 3);
        expect(f, "Pem;2", "OK");
        expect(f, "Rfv", "1520");
        expect(f, "Rsn", "IT7");
        expect(f, "Rtp", "Primacy");
        assert_int_equal(state(f, "", "violations"), 0);
        expect(f, "Zzz", "ERROR CDE");
        assert_int_equal(state(f, "", "violations"), 1);
        char text[64];
        assert_int_equal(bulk_in(f, text, sizeof text, 50), LIBUSB_ERROR_TIMEOUT);
}

/* The kernel's printer driver sits on the interface until it is detached; so does the first program. */
static void test_claim(void **state_ptr) {
        struct fixture *f = *state_ptr;
        libusb_device_handle *second = open_printer(f);
        assert_non_null(second);
        assert_int_equal(libusb_claim_interface(second, 0), LIBUSB_ERROR_BUSY);
        assert_int_equal(libusb_release_interface(f->h, 0), 0); /* gives it back to usblp */
        assert_int_equal(libusb_kernel_driver_active(second, 0), 1);
        assert_int_equal(libusb_claim_interface(second, 0), LIBUSB_ERROR_BUSY);
        assert_int_equal(libusb_set_auto_detach_kernel_driver(second, 1), 0);
        assert_int_equal(libusb_claim_interface(second, 0), 0);
        assert_int_equal(libusb_claim_interface(f->h, 0), LIBUSB_ERROR_BUSY);
        libusb_close(second); /* without a release, as a program that is killed */
        int rc = LIBUSB_ERROR_BUSY;
        for (int i = 0; i < 200 && rc == LIBUSB_ERROR_BUSY; i++) {
                rc = libusb_claim_interface(f->h, 0);
                sleep_ms(10);
        }
        assert_int_equal(rc, 0);
}

static json_t *card_json(struct fixture *f, const char *name) {
        char path[640];
        json_t *o = control(f, "{'cmd':'state'}");
        (void)snprintf(path, sizeof path, "%s/%s", json_string_value(json_object_get(o, "card")), name);
        json_decref(o);
        json_t *doc = json_load_file(path, 0, NULL);
        assert_non_null(doc);
        return doc;
}

static void test_stripe_and_chip(void **state_ptr) {
        struct fixture *f = *state_ptr;
        expect(f, "Pem;2", "OK");
        expect(f, "Ss", "OK");
        expect(f, "Dm;2;4000001234567899=29122010000000000", "OK");
        expect(f, "Smw", "OK");
        expect(f, "Smr;2", "4000001234567899=29122010000000000");
        json_t *doc = card_json(f, "stripe.json"), *track = json_array_get(json_object_get(doc, "tracks"), 0);
        assert_int_equal(json_integer_value(json_object_get(track, "nbits")), 185);
        assert_string_equal(json_string_value(json_object_get(track, "lrc")), ">");
        assert_memory_equal(json_string_value(json_object_get(track, "bits")), "d102108430464956f0539d9138",
                            26);
        json_decref(doc);
        expect(f, "Sis", "OK");
        expect(f, "Rlr;p", "SMART CARD");
        assert_non_null(strstr(f->chip_log, "\"cmd\":\"present\""));
        assert_non_null(strstr(f->chip_log, "/plastic-IT7-000001\""));
        doc = card_json(f, "plastic.json");
        assert_string_equal(json_string_value(json_object_get(doc, "where")), "contact");
        json_decref(doc);
        assert_null(strstr(f->chip_log, "\"remove\""));
        expect(f, "Seb", "OK");
        assert_non_null(strstr(f->chip_log, "\"cmd\":\"remove\""));
        assert_int_equal(state(f, "counters", "rejected"), 1);
        assert_int_equal(state(f, "", "violations"), 0);
        assert_int_equal(state(f, "", "chip_errors"), 0);
}

static void test_print(void **state_ptr) {
        struct fixture *f = *state_ptr;
        char reply[64], face[640];
        expect(f, "Pem;2", "OK");
        expect(f, "Pr;ymcko", "OK");
        expect(f, "Ss", "OK");
        expect(f, "Sr", "OK");
        send_panel(f, 'k', 0x0d); /* full of CR */
        assert_int_equal(bulk_in(f, reply, sizeof reply, 10000), 0);
        assert_string_equal(reply, "OK");
        send_panel(f, 'o', 0x1b);
        assert_int_equal(bulk_in(f, reply, sizeof reply, 10000), 0);
        assert_string_equal(reply, "OK");
        expect(f, "Se", "OK");
        expect(f, "Rlr;p", "OK");
        expect(f, "Rrt;count", "99");
        assert_int_equal(state(f, "counters", "panels"), 2);
        assert_int_equal(state(f, "", "violations"), 0);
        json_t *taken = control(f, "{'cmd':'take'}");
        const char *plastic = json_string_value(json_object_get(taken, "plastic"));
        assert_non_null(plastic);
        (void)snprintf(face, sizeof face, "%s/front.png", plastic);
        assert_int_equal(access(face, R_OK), 0);
        (void)snprintf(face, sizeof face, "%s/front-o.png", plastic);
        assert_int_equal(access(face, R_OK), 0);
        json_decref(taken);
}

static void run_events(struct fixture *f, const int *counter) {
        for (int i = 0; i < 100 && !*counter; i++) {
                struct timeval t = {0, 50000};
                (void)libusb_handle_events_timeout(f->usb, &t);
        }
        assert_int_equal(*counter, 1);
}

static void LIBUSB_CALL transfer_done(struct libusb_transfer *t) {
        int *done = t->user_data;
        *done = 1;
}

static void test_unplug(void **state_ptr) {
        struct fixture *f = *state_ptr;
        unsigned char buffer[64];
        int done = 0;
        assert_int_equal(libusb_hotplug_register_callback(
                             f->usb, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT,
                             0, VID, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, hotplug, f, NULL),
                         0);
        expect(f, "Pem;2", "OK");
        expect(f, "Si", "OK");
        struct libusb_transfer *t = libusb_alloc_transfer(0);
        libusb_fill_bulk_transfer(t, f->h, IN, buffer, sizeof buffer, transfer_done, &done, 0);
        assert_int_equal(libusb_submit_transfer(t), 0);
        order(f, "{'cmd':'unplug'}");
        run_events(f, &done);
        assert_int_equal(t->status, LIBUSB_TRANSFER_NO_DEVICE);
        libusb_free_transfer(t);
        run_events(f, &f->left);
        assert_int_equal(bulk_out(f, "\x1bRfv\r", 5, 500), LIBUSB_ERROR_NO_DEVICE);
        libusb_close(f->h);
        f->h = NULL;
        assert_null(open_printer(f));
        order(f, "{'cmd':'plug'}");
        run_events(f, &f->arrived);
        claim(f);
        expect(f, "Rlr;p", "CARD"); /* the card did not leave with the cable */
        expect(f, "Ser", "OK");
}

static void test_fault_unplug_in_panel(void **state_ptr) {
        struct fixture *f = *state_ptr;
        uint8_t *job = calloc(1, K_BYTES);
        int done = 0;
        assert_non_null(job);
        expect(f, "Pem;2", "OK");
        expect(f, "Ss", "OK");
        expect(f, "Sr", "OK");
        order(f, "{'cmd':'fault','name':'unplug','at':{'byte':40000},'ms':50}");
        memcpy(job,
               "\x1b"
               "Db;k;2;",
               8);
        assert_int_equal(libusb_bulk_transfer(f->h, OUT, job, K_BYTES, &done, 5000), LIBUSB_ERROR_NO_DEVICE);
        free(job);
        libusb_close(f->h);
        f->h = NULL;
        for (int i = 0; i < 100 && !state(f, "bus", "plugged"); i++)
                sleep_ms(20);
        for (int i = 0; i < 100 && !(f->h = open_printer(f)); i++) {
                struct timeval t = {0, 20000};
                (void)libusb_handle_events_timeout(f->usb, &t);
        }
        libusb_close(f->h);
        claim(f);
        expect(f, "Rlr;p", "CARD");
        expect(f, "Ser", "OK");
        assert_int_equal(state(f, "bus", "plugs"), 2);
}

static void test_jam_and_stall(void **state_ptr) {
        struct fixture *f = *state_ptr;
        char text[64];
        expect(f, "Pem;2", "OK");
        order(f, "{'cmd':'fault','name':'jam','at':{'command':'Sis','n':1}}");
        expect(f, "Sis", "ERR MECHANICAL");
        expect(f, "Rlr;p", "ERR CARD");
        order(f, "{'cmd':'clear','to':'reject'}");
        expect(f, "Rlr;p", "OK");
        expect(f, "Sis", "OK");
        assert_int_equal(state(f, "counters", "fed"), 2);
        order(f, "{'cmd':'fault','name':'stall_in'}");
        assert_int_equal(bulk_out(f, "\x1bRtp\r", 5, 1000), 5);
        assert_int_equal(bulk_in(f, text, sizeof text, 1000), LIBUSB_ERROR_PIPE);
        assert_int_equal(bulk_in(f, text, sizeof text, 1000), LIBUSB_ERROR_PIPE);
        assert_int_equal(libusb_clear_halt(f->h, IN), 0);
        assert_int_equal(bulk_in(f, text, sizeof text, 1000), 0);
        assert_string_equal(text, "Primacy");
        json_t *wrong = control(f, "{'cmd':'fault','name':'sunshine'}");
        assert_false(json_is_true(json_object_get(wrong, "ok")));
        json_decref(wrong);
        wrong = control(f, "{'cmd':'dance'}");
        assert_false(json_is_true(json_object_get(wrong, "ok")));
        json_decref(wrong);
}

static int64_t now_ms(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* At 1/20 of the real speed's time: replies come after the movement, and a busy head holds the raster back.
 */
static void test_times(void **state_ptr) {
        struct fixture *f = *state_ptr;
        char reply[64];
        expect(f, "Pem;2", "OK");
        int64_t began = now_ms();
        expect(f, "Sis", "OK"); /* 4.0 s at full size */
        assert_in_range(now_ms() - began, 150, 1500);
        expect(f, "Ss", "OK");
        expect(f, "Sr", "OK");
        send_panel(f, 'k', 0xff);
        assert_int_equal(bulk_in(f, reply, sizeof reply, 10000), 0);
        send_panel(f, 'o', 0xff);
        order(f, "{'cmd':'fault','name':'late_reply','ms':300}");
        began = now_ms();
        expect(f, "Rtp", "OK");
        expect(f, "Rfv", "Primacy"); /* one behind: the answer to Db;o came first */
        assert_in_range(now_ms() - began, 250, 1500);
        assert_int_equal(bulk_in(f, reply, sizeof reply, 10000), 0);
        expect(f, "Se", "OK");
        assert_int_equal(state(f, "counters", "ejected"), 1);
}

int main(int argc, char **argv) {
        if (argc != 2) {
                (void)fprintf(stderr, "usage: umockdev-wrapper %s /path/to/emu-printer\n", argv[0]);
                return 2;
        }
        emulator = argv[1];
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_identify, setup, teardown),
            cmocka_unit_test_setup_teardown(test_claim, setup, teardown),
            cmocka_unit_test_setup_teardown(test_stripe_and_chip, setup, teardown),
            cmocka_unit_test_setup_teardown(test_print, setup, teardown),
            cmocka_unit_test_setup_teardown(test_unplug, setup, teardown),
            cmocka_unit_test_setup_teardown(test_fault_unplug_in_panel, setup, teardown),
            cmocka_unit_test_setup_teardown(test_jam_and_stall, setup, teardown),
            cmocka_unit_test_setup_teardown(test_times, setup_slow, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
