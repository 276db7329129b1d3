/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <cmocka.h>

struct fake_time {
        int64_t now_ns;
};

static int64_t fake_mono(void *ctx) {
        return ((struct fake_time *)ctx)->now_ns;
}

static void count(void *ctx) {
        ++*(int *)ctx;
}

static void timers_follow_the_injected_clock(void **state) {
        (void)state;
        struct fake_time t = {0};
        struct cw_clock clock = {fake_mono, fake_mono, &t};
        CW_AUTO(cw_loop_free) struct cw_loop *loop = NULL;
        assert_int_equal(cw_loop_new(&clock, &loop), CW_OK);
        int fired = 0;
        struct cw_timer *timer = NULL;
        assert_int_equal(cw_timer_new(loop, count, &fired, &timer), CW_OK);
        cw_timer_arm(timer, 5000);
        cw_loop_run_once(loop, 0);
        assert_int_equal(fired, 0);
        t.now_ns = 5000000000;
        cw_loop_run_once(loop, 0);
        cw_loop_run_once(loop, 0);
        assert_int_equal(fired, 1);
        cw_timer_arm(timer, 1);
        cw_timer_disarm(timer);
        t.now_ns += 1000000000;
        cw_loop_run_once(loop, 0);
        assert_int_equal(fired, 1);
        cw_timer_free(timer);
}

struct two {
        struct cw_watch *a;
        struct cw_watch *b;
        int calls;
};

/* Whichever is called first frees both: the other must not be called any more. */
static void free_both(void *ctx, uint32_t events) {
        (void)events;
        struct two *two = ctx;
        two->calls++;
        cw_watch_free(two->a);
        cw_watch_free(two->b);
}

static void a_freed_watch_is_not_called(void **state) {
        (void)state;
        CW_AUTO(cw_loop_free) struct cw_loop *loop = NULL;
        assert_int_equal(cw_loop_new(cw_clock_real(), &loop), CW_OK);
        int x[2];
        int y[2];
        assert_int_equal(pipe(x), 0);
        assert_int_equal(pipe(y), 0);
        assert_int_equal(write(x[1], "1", 1), 1);
        assert_int_equal(write(y[1], "1", 1), 1);
        struct two two = {0};
        assert_int_equal(cw_watch_new(loop, x[0], EPOLLIN, free_both, &two, &two.a), CW_OK);
        assert_int_equal(cw_watch_new(loop, y[0], EPOLLIN, free_both, &two, &two.b), CW_OK);
        cw_loop_run_once(loop, 100);
        cw_loop_run_once(loop, 0);
        assert_int_equal(two.calls, 1);
        for (int i = 0; i < 2; i++) {
                (void)close(x[i]);
                (void)close(y[i]);
        }
}

static void stop_on_signal(void *ctx, int signo) {
        cw_loop_stop(ctx, signo);
}

static void signals_arrive_through_the_loop(void **state) {
        (void)state;
        CW_AUTO(cw_loop_free) struct cw_loop *loop = NULL;
        const int signos[] = {SIGUSR1};
        assert_int_equal(cw_loop_new(cw_clock_real(), &loop), CW_OK);
        assert_int_equal(cw_loop_signals(loop, signos, 1, stop_on_signal, loop), CW_OK);
        assert_int_equal(raise(SIGUSR1), 0);
        assert_int_equal(cw_loop_run(loop), SIGUSR1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(timers_follow_the_injected_clock),
            cmocka_unit_test(a_freed_watch_is_not_called),
            cmocka_unit_test(signals_arrive_through_the_loop),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
