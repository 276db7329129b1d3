/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include <time.h>

#include "text.h"

bool cw_dsim_gate_init(struct cw_dsim *sim) {
        pthread_condattr_t attr;
        if (pthread_mutex_init(&sim->lock, NULL) != 0 || pthread_mutex_init(&sim->gate_lock, NULL) != 0 ||
            pthread_condattr_init(&attr) != 0)
                return false;
        bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
                  pthread_cond_init(&sim->gate_changed, &attr) == 0;
        (void)pthread_condattr_destroy(&attr);
        return ok;
}

void cw_dsim_gate_done(struct cw_dsim *sim) {
        (void)pthread_cond_destroy(&sim->gate_changed);
        (void)pthread_mutex_destroy(&sim->gate_lock);
        (void)pthread_mutex_destroy(&sim->lock);
}

void cw_dsim_gate_down(struct cw_dsim *sim, int64_t until_ms, bool silent) {
        (void)pthread_mutex_lock(&sim->gate_lock);
        sim->down_until_ms = until_ms;
        sim->down_silent = silent;
        (void)pthread_cond_broadcast(&sim->gate_changed);
        (void)pthread_mutex_unlock(&sim->gate_lock);
}

bool cw_dsim_gate_is_down(struct cw_dsim *sim) {
        (void)pthread_mutex_lock(&sim->gate_lock);
        bool down = cw_dsim_now_ms() < sim->down_until_ms;
        (void)pthread_mutex_unlock(&sim->gate_lock);
        return down;
}

static struct timespec after(int64_t ms) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_sec += (time_t)(ms / 1000);
        t.tv_nsec += (long)(ms % 1000) * 1000000L;
        if (t.tv_nsec >= 1000000000L) {
                t.tv_nsec -= 1000000000L;
                t.tv_sec++;
        }
        return t;
}

bool cw_dsim_gate_pass(struct cw_dsim *sim) {
        (void)pthread_mutex_lock(&sim->gate_lock);
        int64_t left = sim->down_until_ms - cw_dsim_now_ms();
        bool up = left <= 0;
        while (left > 0 && sim->down_silent && !sim->stopping) {
                struct timespec until = after(left < 1000 ? left : 1000);
                (void)pthread_cond_timedwait(&sim->gate_changed, &sim->gate_lock, &until);
                left = sim->down_until_ms - cw_dsim_now_ms();
        }
        (void)pthread_mutex_unlock(&sim->gate_lock);
        return up;
}

void cw_dsim_gate_sleep(struct cw_dsim *sim, int64_t ms) {
        struct timespec until = after(ms);
        int rc = 0;
        (void)pthread_mutex_lock(&sim->gate_lock);
        while (!sim->stopping && rc == 0)
                rc = pthread_cond_timedwait(&sim->gate_changed, &sim->gate_lock, &until);
        (void)pthread_mutex_unlock(&sim->gate_lock);
}

void cw_dsim_gate_stop(struct cw_dsim *sim) {
        (void)pthread_mutex_lock(&sim->gate_lock);
        sim->stopping = true;
        (void)pthread_cond_broadcast(&sim->gate_changed);
        (void)pthread_mutex_unlock(&sim->gate_lock);
}
