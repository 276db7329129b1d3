/* SPDX-License-Identifier: Apache-2.0 */
/* Time is injected: deadlines use the monotonic clock, rows for people the wall clock. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct cw_clock {
        int64_t (*mono_ns)(void *ctx); /* CLOCK_MONOTONIC */
        int64_t (*wall_ms)(void *ctx); /* Unix time, milliseconds */
        void *ctx;
};

/* The real clocks of the machine. */
const struct cw_clock *cw_clock_real(void);

static inline int64_t cw_mono_ns(const struct cw_clock *c) {
        return c->mono_ns(c->ctx);
}
static inline int64_t cw_wall_ms(const struct cw_clock *c) {
        return c->wall_ms(c->ctx);
}
/* Absolute deadline on the real monotonic clock, timeout_ms from now. */
int64_t cw_deadline_ns(int64_t timeout_ms);
/* Milliseconds left until deadline_ns on the real clock, 0 when past, rounded up; fits poll(). */
int cw_deadline_left_ms(int64_t deadline_ns);
/* A condition whose timed waits take deadlines of cw_deadline_ns. False, and nothing to destroy, on failure.
 */
bool cw_cond_init(pthread_cond_t *cond);
/* pthread_cond_timedwait on one of those. Blocks until it is signalled or deadline_ns has passed. */
int cw_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns);
