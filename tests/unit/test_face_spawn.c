/* SPDX-License-Identifier: Apache-2.0 */
/* The drawing child: argv[1] is the real one; what it returns, and every way it can fail. */
#include "base/clock.h"
#include "base/ipc.h"
#include "drivers/face/face.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *helper;

static const struct cw_face_data card = {
    .count = 3, .field = {{"pan", "4000001234567899", 16}, {"name", "JANE DOE", 8}, {"expiry", "12/29", 5}}};

static int64_t soon(void) {
        return cw_deadline_ns(20000);
}

static size_t open_descriptors(void) {
        size_t n = 0;
        DIR *d = opendir("/proc/self/fd");
        assert_non_null(d);
        while (readdir(d))
                n++;
        (void)closedir(d);
        return n;
}

static void draws_the_shipped_face(void **state) {
        (void)state;
        size_t before = open_descriptors();
        for (int i = 0; i < 2; i++) {
                struct cw_panels *p = NULL;
                struct cw_fault f = {0};
                if (cw_face_draw(CW_FACES_DIR "/classic-debit.json", &card, NULL, soon(), &p, &f) != CW_OK)
                        fail_msg("%s", f.text);
                assert_int_equal(p->count, 5);
                assert_int_equal(p->panel[0].len, 493776);
                assert_int_equal(p->panel[4].id, 'o');
                cw_panels_free(p);
        }
        assert_int_equal(open_descriptors(), before);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

/* The heat curve of the printer reaches the child; one that is none is the setup's fault. */
static void the_curve_goes_along(void **state) {
        (void)state;
        CW_AUTO(cw_panels_free) struct cw_panels *straight = NULL;
        CW_AUTO(cw_panels_free) struct cw_panels *bent = NULL;
        struct cw_panels *none = NULL;
        struct cw_fault f = {0};
        const char *path = CW_FACES_DIR "/classic-debit.json";
        assert_int_equal(cw_face_draw(path, &card, "", soon(), &straight, &f), CW_OK);
        assert_int_equal(cw_face_draw(path, &card, "m=128:60", soon(), &bent, &f), CW_OK);
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(memcmp(straight->panel[i].ptr, bent->panel[i].ptr, bent->panel[i].len) != 0,
                                 bent->panel[i].id == 'm');
        assert_int_equal(cw_rc_class(cw_face_draw(path, &card, "m=1", soon(), &none, &f)), CW_C_OPERATOR);
        assert_string_equal(f.code, "PRT_SETUP_ERROR");
}

static void refusals_come_through(void **state) {
        (void)state;
        struct cw_face_data nameless = card;
        struct cw_panels *p = NULL;
        struct cw_fault f = {0};
        nameless.count = 1;
        cw_rc rc = cw_face_draw(CW_FACES_DIR "/classic-debit.json", &nameless, NULL, soon(), &p, &f);
        assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
        assert_int_equal(cw_rc_layer(rc), CW_L_FACE);
        assert_string_equal(f.code, "PRD_UNEXPECTED_DATA");
        assert_non_null(strstr(f.text, "expiry"));
        assert_null(p);
        rc = cw_face_draw("/nonexistent.json", &card, NULL, soon(), &p, &f);
        assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
}

static void bad_fields_never_leave(void **state) {
        (void)state;
        static const struct cw_face_field bad[] = {
            {"Name", "x", 1}, {"", "x", 1}, {"name", "a\nb", 3}, {"name", "\x01", 1}, {"na me", "x", 1}};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                const struct cw_face_data data = {.count = 1, .field = {bad[i]}};
                struct cw_panels *p = NULL;
                struct cw_fault f = {0};
                assert_int_equal(cw_rc_class(cw_face_draw("x.json", &data, NULL, soon(), &p, &f)),
                                 CW_C_REJECT);
        }
}

static void with_helper(const char *path, int64_t timeout_ms, enum cw_class cls) {
        struct cw_panels *p = NULL;
        struct cw_fault f = {0};
        cw_face_set_helper(path);
        int64_t started = cw_mono_ns(cw_clock_real());
        cw_rc rc =
            cw_face_draw(CW_FACES_DIR "/classic-debit.json", &card, NULL, cw_deadline_ns(timeout_ms), &p, &f);
        int64_t took_ms = (cw_mono_ns(cw_clock_real()) - started) / 1000000;
        cw_face_set_helper(helper);
        assert_int_equal(cw_rc_class(rc), cls);
        assert_string_not_equal(f.text, "");
        assert_null(p);
        assert_true(took_ms < timeout_ms + 15000); /* it was not waited for; a machine may stall meanwhile */
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_dead_helper_is_a_retry(void **state) {
        (void)state;
        with_helper("/nonexistent/helper", 2000, CW_C_RETRY);
        with_helper("/bin/true", 2000, CW_C_RETRY);
}

/* A program that takes the request and never answers is killed at the deadline. */
static void a_hanging_helper_is_killed(void **state) {
        (void)state;
        char path[] = "/tmp/cw-face-hang-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        static const char script[] = "#!/bin/sh\nwhile :; do sleep 1; done\n";
        assert_int_equal(write(fd, script, sizeof script - 1), sizeof script - 1);
        assert_int_equal(fchmod(fd, 0700), 0);
        (void)close(fd);
        with_helper(path, 300, CW_C_RETRY);
        (void)unlink(path);
}

static struct cw_panels sample(const uint8_t *bytes) {
        struct cw_panels p = {.width = 16, .height = 2, .count = 2};
        p.panel[0] = (struct cw_panel){'y', 6, bytes, 24};
        p.panel[1] = (struct cw_panel){'k', 1, bytes + 24, 4};
        return p;
}

static void panels_travel(void **state) {
        (void)state;
        uint8_t bytes[28];
        struct cw_panels *back = NULL;
        struct cw_fault f = {0};
        int fd = -1;
        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (uint8_t)(i * 7);
        struct cw_panels p = sample(bytes);
        assert_int_equal(cw_panels_to_fd(&p, &fd, &f), CW_OK);
        assert_int_equal(cw_panels_from_fd(fd, &back, &f), CW_OK);
        (void)close(fd);
        assert_int_equal(back->width, 16);
        assert_int_equal(back->panel[1].id, 'k');
        assert_memory_equal(back->panel[0].ptr, bytes, 24);
        assert_memory_equal(back->panel[1].ptr, bytes + 24, 4);
        cw_panels_free(back);
}

static void both_faces_travel(void **state) {
        (void)state;
        uint8_t bytes[56];
        struct cw_panels *got = NULL;
        struct cw_fault f = {0};
        int fd = -1;
        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (uint8_t)(i * 5);
        struct cw_panels front = sample(bytes), back = sample(bytes + 28);
        back.count = 1;
        front.back = &back;
        assert_int_equal(cw_panels_to_fd(&front, &fd, &f), CW_OK);
        assert_int_equal(cw_panels_from_fd(fd, &got, &f), CW_OK);
        (void)close(fd);
        assert_non_null(got->back);
        assert_int_equal(got->count, 2);
        assert_int_equal(got->back->count, 1);
        assert_memory_equal(got->panel[1].ptr, bytes + 24, 4);
        assert_memory_equal(got->back->panel[0].ptr, bytes + 28, 24);
        cw_panels_free(got);
}

static void damaged_panels_are_refused(void **state) {
        (void)state;
        uint8_t bytes[28] = {0};
        struct cw_panels good = sample(bytes);
        struct cw_fault f = {0};
        const void *map = NULL;
        size_t len = 0;
        int fd = -1;
        assert_int_equal(cw_panels_to_fd(&good, &fd, &f), CW_OK);
        assert_int_equal(cw_memfd_map(fd, 4096, &map, &len), CW_OK);
        /* Every byte of the head flipped, then every length cut short. */
        for (size_t i = 0; i < 30 + len; i++) {
                struct cw_panels *p = NULL;
                uint8_t copy[256];
                int other = -1;
                size_t cut = i < 30 ? len : i - 30;
                memcpy(copy, map, len);
                if (i < 30)
                        copy[i] ^= 0xff;
                if (cut == 0)
                        continue;
                assert_int_equal(cw_memfd_from("t", copy, cut, &other), CW_OK);
                assert_int_equal(cw_rc_class(cw_panels_from_fd(other, &p, &f)), CW_C_REJECT);
                assert_null(p);
                (void)close(other);
        }
        (void)close(fd);
        assert_int_equal(cw_rc_class(cw_panels_from_fd(0, NULL, &f)), CW_C_REJECT);
}

int main(int argc, char **argv) {
        if (argc != 2) {
                (void)fprintf(stderr, "usage: %s CARDWRIGHT-FACE\n", argv[0]);
                return 2;
        }
        helper = argv[1];
        cw_face_set_helper(helper);
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_curve_goes_along),
            cmocka_unit_test(draws_the_shipped_face),
            cmocka_unit_test(refusals_come_through),
            cmocka_unit_test(bad_fields_never_leave),
            cmocka_unit_test(a_dead_helper_is_a_retry),
            cmocka_unit_test(a_hanging_helper_is_killed),
            cmocka_unit_test(panels_travel),
            cmocka_unit_test(both_faces_travel),
            cmocka_unit_test(damaged_panels_are_refused),
        };
        return cmocka_run_group_tests_name("face child", tests, NULL, NULL);
}
