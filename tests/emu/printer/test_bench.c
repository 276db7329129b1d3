/* SPDX-License-Identifier: Apache-2.0 */
#include "test_bench.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t bench_now(void *ctx) {
        const struct bench *b = ctx;
        return b->now_ms;
}

static bool chip_present(void *ctx, const char *plastic_dir) {
        struct bench *b = ctx;
        (void)snprintf(b->chip_said, sizeof b->chip_said, "present %.200s", plastic_dir);
        b->chip_calls++;
        return true;
}

static bool chip_remove(void *ctx) {
        struct bench *b = ctx;
        (void)snprintf(b->chip_said, sizeof b->chip_said, "remove");
        b->chip_calls++;
        return true;
}

void bench_restart(struct bench *b, const struct emup_config *changes) {
        struct emup_config c = {.serial = "T1",
                                .model = "Primacy",
                                .firmware = "1520",
                                .ribbon_kind = "ymcko",
                                .ribbon_remaining = 100,
                                .hopper = 5,
                                .hico_stripe = true};
        const struct emup_chip chip = {chip_present, chip_remove, b};
        if (changes)
                c = *changes;
        c.plastics_dir = b->dir;
        c.now_ms = bench_now;
        c.clock_ctx = b;
        emup_model_free(b->m);
        assert_int_equal(emup_model_new(&c, &chip, &b->m), 0);
}

int bench_setup(void **state) {
        struct bench *b = calloc(1, sizeof *b);
        assert_non_null(b);
        b->now_ms = 1000;
        (void)snprintf(b->dir, sizeof b->dir, "/tmp/emu-printer-test-XXXXXX");
        assert_non_null(mkdtemp(b->dir));
        bench_restart(b, NULL);
        bench_expect(b, "Pem;2", "OK");
        *state = b;
        return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

int bench_teardown(void **state) {
        struct bench *b = *state;
        emup_model_free(b->m);
        (void)nftw(b->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        free(b);
        return 0;
}

static void put(struct bench *b, const void *bytes, size_t n) {
        const uint8_t *p = bytes;
        while (n) {
                size_t k = emup_model_write(b->m, p, n);
                if (!k) { /* NAK: let the mechanism finish */
                        uint64_t due = emup_model_deadline_ms(b->m);
                        assert_true(due != UINT64_MAX);
                        b->now_ms = due;
                        emup_model_tick(b->m);
                }
                p += k;
                n -= k;
        }
}

void bench_send(struct bench *b, const char *text) {
        put(b, "\x1b", 1);
        put(b, text, strlen(text));
        put(b, "\r", 1);
}

void bench_send_raster(struct bench *b, const char *header, const uint8_t *data, size_t n) {
        put(b, "\x1b", 1);
        put(b, header, strlen(header));
        put(b, data, n);
        put(b, "\r", 1);
}

const char *bench_reply(struct bench *b) {
        static char text[512];
        size_t n = emup_model_read(b->m, (uint8_t *)text, sizeof text - 1);
        text[n] = '\0';
        return text;
}

const char *bench_ask(struct bench *b, const char *text) {
        bench_send(b, text);
        return bench_reply(b);
}

void bench_wait(struct bench *b, uint64_t ms) {
        b->now_ms += ms;
        emup_model_tick(b->m);
}

void bench_fault(struct bench *b, const char *json) {
        char text[256];
        (void)snprintf(text, sizeof text, "%s", json);
        for (char *p = text; *p; p++)
                if (*p == '\'')
                        *p = '"';
        json_t *q = json_loads(text, 0, NULL);
        assert_non_null(q);
        assert_null(emup_fault_arm(b->m, q));
        json_decref(q);
}

static json_t *find(json_t *o, const char *path) {
        char name[64];
        size_t n = strcspn(path, ".");
        (void)snprintf(name, sizeof name, "%.*s", (int)n, path);
        json_t *v = json_object_get(o, name);
        return path[n] ? find(v, path + n + 1) : v;
}

json_int_t bench_state(struct bench *b, const char *path) {
        json_t *o = emup_model_state(b->m), *v = find(o, path);
        assert_non_null(v);
        json_int_t n = json_is_boolean(v) ? json_is_true(v)
                       : json_is_array(v) ? (json_int_t)json_array_size(v)
                                          : json_integer_value(v);
        json_decref(o);
        return n;
}

const char *bench_state_text(struct bench *b, const char *path) {
        static char text[1024];
        json_t *o = emup_model_state(b->m), *v = find(o, path);
        (void)snprintf(text, sizeof text, "%s", json_is_string(v) ? json_string_value(v) : "");
        json_decref(o);
        return text;
}
