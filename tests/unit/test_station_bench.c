/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "drivers/station/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
        struct cw_loop *loop;
        struct cw_bench *bench;
        atomic_bool hold; /* work waits while it is set */
        atomic_int idles;
        char order[64]; /* names of what came back, in order */
        uint64_t last_client;
        int delivered;
        int fd_seen;
};

static void nap(void) {
        (void)nanosleep(&(struct timespec){0, 2000000}, NULL);
}

/* Answers with the name of the call; keeps a descriptor to show that it travelled. */
static void work(void *ctx, struct cw_task *task) {
        struct world *w = ctx;
        while (atomic_load(&w->hold))
                nap();
        int fd = cw_msg_take_fd(task->request, 0);
        w->fd_seen = fd;
        if (fd >= 0)
                (void)close(fd);
        struct cw_msg *reply = cw_msg_ok(task->request);
        (void)json_object_set_new(reply->json, "was", json_string(cw_msg_str(task->request, "call", "")));
        cw_bench_post(w->bench, task->client, reply);
}

static int64_t idle(void *ctx) {
        struct world *w = ctx;
        (void)atomic_fetch_add(&w->idles, 1);
        return 5;
}

static void deliver(void *ctx, uint64_t client, struct cw_msg *m) {
        struct world *w = ctx;
        (void)strncat(w->order, cw_msg_str(m, "was", "?"), sizeof w->order - strlen(w->order) - 1);
        w->last_client = client;
        w->delivered++;
}

static const struct cw_bench_ops ops = {work, idle, deliver};

static int setup(void **state) {
        struct world *w = calloc(1, sizeof *w);
        if (!w || cw_loop_new(cw_clock_real(), &w->loop) != CW_OK ||
            cw_bench_new(w->loop, &ops, w, &w->bench, NULL) != CW_OK)
                return -1;
        *state = w;
        return 0;
}

static int teardown(void **state) {
        struct world *w = *state;
        atomic_store(&w->hold, false);
        cw_bench_free(w->bench);
        cw_loop_free(w->loop);
        free(w);
        return 0;
}

static cw_rc submit(struct world *w, const char *name, int fd) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_request(name);
        if (fd >= 0)
                assert_int_equal(cw_msg_attach_fd(m, fd), CW_OK);
        return cw_bench_submit(w->bench, 7, m, NULL);
}

static void run_until(struct world *w, int count) {
        for (int i = 0; i < 500 && w->delivered < count; i++)
                cw_loop_run_once(w->loop, 10);
        assert_int_equal(w->delivered, count);
}

static void test_in_order_and_to_the_asker(void **state) {
        struct world *w = *state;
        atomic_store(&w->hold, true);
        assert_int_equal(submit(w, "a", -1), CW_OK);
        assert_int_equal(submit(w, "b", dup(0)), CW_OK);
        assert_int_equal(submit(w, "c", -1), CW_OK);
        assert_true(cw_bench_busy(w->bench));
        atomic_store(&w->hold, false);
        run_until(w, 3);
        assert_string_equal(w->order, "abc");
        assert_int_equal(w->last_client, 7);
        for (int i = 0; i < 500 && cw_bench_busy(w->bench); i++)
                nap();
        assert_false(cw_bench_busy(w->bench));
}

static void test_descriptor_travels(void **state) {
        struct world *w = *state;
        assert_int_equal(submit(w, "a", dup(0)), CW_OK);
        run_until(w, 1);
        assert_true(w->fd_seen >= 0);
}

static void test_queue_is_limited(void **state) {
        struct world *w = *state;
        int taken = 0;
        cw_rc rc = CW_OK;
        atomic_store(&w->hold, true);
        while (taken < 100 && rc == CW_OK) {
                rc = submit(w, "x", -1);
                taken += rc == CW_OK;
        }
        assert_int_equal(rc, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_BUSY));
        assert_true(taken >= 8 && taken <= 9);
        atomic_store(&w->hold, false);
        run_until(w, taken);
}

static void test_idle_work_goes_on(void **state) {
        struct world *w = *state;
        int before = atomic_load(&w->idles);
        for (int i = 0; i < 500 && atomic_load(&w->idles) < before + 3; i++)
                nap();
        assert_true(atomic_load(&w->idles) >= before + 3);
}

static void test_ends_with_work_waiting(void **state) {
        struct world *w = *state;
        assert_int_equal(submit(w, "a", dup(0)), CW_OK);
        assert_int_equal(submit(w, "b", dup(0)), CW_OK);
}

#define IN_WORLD(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            IN_WORLD(test_in_order_and_to_the_asker), IN_WORLD(test_descriptor_travels),
            IN_WORLD(test_queue_is_limited),          IN_WORLD(test_idle_work_goes_on),
            IN_WORLD(test_ends_with_work_waiting),
        };
        return cmocka_run_group_tests_name("station bench", tests, NULL, NULL);
}
