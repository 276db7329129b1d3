/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <limits.h>
#include <stddef.h>
#include <time.h>

static int64_t real_mono_ns(void *ctx) {
        (void)ctx;
        struct timespec ts;
        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t real_wall_ms(void *ctx) {
        (void)ctx;
        struct timespec ts;
        (void)clock_gettime(CLOCK_REALTIME, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const struct cw_clock *cw_clock_real(void) {
        static const struct cw_clock real = {real_mono_ns, real_wall_ms, NULL};
        return &real;
}

int64_t cw_deadline_ns(int64_t timeout_ms) {
        return real_mono_ns(NULL) + timeout_ms * 1000000;
}

int cw_deadline_left_ms(int64_t deadline_ns) {
        int64_t left = deadline_ns - real_mono_ns(NULL);
        if (left <= 0)
                return 0;
        int64_t ms = (left + 999999) / 1000000;
        return ms > INT_MAX ? INT_MAX : (int)ms;
}

bool cw_cond_init(pthread_cond_t *cond) {
        pthread_condattr_t attr;
        if (pthread_condattr_init(&attr) != 0)
                return false;
        bool ok =
            pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(cond, &attr) == 0;
        (void)pthread_condattr_destroy(&attr);
        return ok;
}

int cw_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns) {
        const struct timespec until = {deadline_ns / 1000000000, deadline_ns % 1000000000};
        return pthread_cond_timedwait(cond, lock, &until);
}
