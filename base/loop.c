/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#define EVENTS_PER_ROUND 32
#define NEVER INT64_MAX

#define RC(cls, n) CW_RC(CW_L_BASE, (cls), (n))

/* Watches and timers freed in a callback stay allocated until the round ends, marked dead. */
struct cw_watch {
        struct cw_loop *loop;
        int fd;
        bool dead;
        cw_watch_fn fn;
        void *ctx;
        struct cw_watch *next_dead;
};

struct cw_timer {
        struct cw_loop *loop;
        int64_t at_ns;
        bool dead;
        cw_timer_fn fn;
        void *ctx;
        struct cw_timer *next;
};

struct cw_loop {
        int epoll_fd;
        const struct cw_clock *clock;
        struct cw_watch *dead;
        struct cw_timer *timers;
        struct cw_watch *signal_watch;
        int signal_fd;
        cw_signal_fn signal_fn;
        void *signal_ctx;
        bool stopped;
        int exit_code;
};

cw_rc cw_loop_new(const struct cw_clock *clock, struct cw_loop **ret) {
        struct cw_loop *loop = calloc(1, sizeof *loop);
        if (!loop)
                return RC(CW_C_RETRY, CW_E_NOMEM);
        loop->clock = clock;
        loop->signal_fd = -1;
        loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (loop->epoll_fd < 0) {
                free(loop);
                return RC(CW_C_FATAL, CW_E_IO);
        }
        *ret = loop;
        return CW_OK;
}

static void sweep_watches(struct cw_loop *loop) {
        while (loop->dead) {
                struct cw_watch *w = loop->dead;
                loop->dead = w->next_dead;
                free(w);
        }
}

static void sweep_timers(struct cw_loop *loop, bool all) {
        struct cw_timer **at = &loop->timers;
        while (*at) {
                struct cw_timer *t = *at;
                if (!all && !t->dead) {
                        at = &t->next;
                        continue;
                }
                *at = t->next;
                free(t);
        }
}

void cw_loop_free(struct cw_loop *loop) {
        if (!loop)
                return;
        cw_watch_free(loop->signal_watch);
        sweep_watches(loop);
        sweep_timers(loop, true);
        cw_fd_cleanup(&loop->signal_fd);
        cw_fd_cleanup(&loop->epoll_fd);
        free(loop);
}

const struct cw_clock *cw_loop_clock(const struct cw_loop *loop) {
        return loop->clock;
}

cw_rc cw_watch_new(struct cw_loop *loop, int fd, uint32_t epoll_events, cw_watch_fn fn, void *ctx,
                   struct cw_watch **ret) {
        struct cw_watch *w = calloc(1, sizeof *w);
        if (!w)
                return RC(CW_C_RETRY, CW_E_NOMEM);
        *w = (struct cw_watch){.loop = loop, .fd = fd, .fn = fn, .ctx = ctx};
        struct epoll_event ev = {.events = epoll_events, .data.ptr = w};
        if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
                free(w);
                return RC(CW_C_FATAL, CW_E_IO);
        }
        *ret = w;
        return CW_OK;
}

cw_rc cw_watch_set(struct cw_watch *w, uint32_t epoll_events) {
        struct epoll_event ev = {.events = epoll_events, .data.ptr = w};
        return epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) < 0 ? RC(CW_C_FATAL, CW_E_IO) : CW_OK;
}

void cw_watch_free(struct cw_watch *w) {
        if (!w || w->dead)
                return;
        (void)epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
        w->dead = true;
        w->next_dead = w->loop->dead;
        w->loop->dead = w;
}

cw_rc cw_timer_new(struct cw_loop *loop, cw_timer_fn fn, void *ctx, struct cw_timer **ret) {
        struct cw_timer *t = calloc(1, sizeof *t);
        if (!t)
                return RC(CW_C_RETRY, CW_E_NOMEM);
        *t = (struct cw_timer){.loop = loop, .at_ns = NEVER, .fn = fn, .ctx = ctx, .next = loop->timers};
        loop->timers = t;
        *ret = t;
        return CW_OK;
}

void cw_timer_arm(struct cw_timer *t, int64_t delay_ms) {
        t->at_ns = cw_mono_ns(t->loop->clock) + delay_ms * 1000000;
}

void cw_timer_disarm(struct cw_timer *t) {
        t->at_ns = NEVER;
}

void cw_timer_free(struct cw_timer *t) {
        if (!t)
                return;
        t->at_ns = NEVER;
        t->dead = true;
}

static void on_signal(void *ctx, uint32_t events) {
        (void)events;
        struct cw_loop *loop = ctx;
        struct signalfd_siginfo info;
        while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
                loop->signal_fn(loop->signal_ctx, (int)info.ssi_signo);
}

cw_rc cw_loop_signals(struct cw_loop *loop, const int *signos, size_t count, cw_signal_fn fn, void *ctx) {
        sigset_t set;
        (void)sigemptyset(&set);
        for (size_t i = 0; i < count; i++)
                (void)sigaddset(&set, signos[i]);
        if (loop->signal_watch || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return RC(CW_C_FATAL, CW_E_STATE);
        loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (loop->signal_fd < 0)
                return RC(CW_C_FATAL, CW_E_IO);
        loop->signal_fn = fn;
        loop->signal_ctx = ctx;
        return cw_watch_new(loop, loop->signal_fd, EPOLLIN, on_signal, loop, &loop->signal_watch);
}

static int64_t earliest_ns(const struct cw_loop *loop) {
        int64_t at = NEVER;
        for (const struct cw_timer *t = loop->timers; t; t = t->next)
                if (t->at_ns < at)
                        at = t->at_ns;
        return at;
}

/* epoll_wait timeout for the next timer, at most max_wait_ms (-1 = no limit). */
static int wait_ms(const struct cw_loop *loop, int max_wait_ms) {
        int64_t at = earliest_ns(loop);
        if (at == NEVER)
                return max_wait_ms;
        int64_t left = at - cw_mono_ns(loop->clock);
        int64_t ms = left <= 0 ? 0 : (left + 999999) / 1000000;
        if (max_wait_ms >= 0 && ms > max_wait_ms)
                ms = max_wait_ms;
        return ms > INT_MAX ? INT_MAX : (int)ms;
}

static void run_timers(struct cw_loop *loop) {
        int64_t now = cw_mono_ns(loop->clock);
        for (struct cw_timer *t = loop->timers; t; t = t->next) {
                if (t->dead || t->at_ns > now)
                        continue;
                t->at_ns = NEVER;
                t->fn(t->ctx);
        }
        sweep_timers(loop, false);
}

void cw_loop_run_once(struct cw_loop *loop, int max_wait_ms) {
        struct epoll_event events[EVENTS_PER_ROUND];
        int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, wait_ms(loop, max_wait_ms));
        for (int i = 0; i < n; i++) {
                struct cw_watch *w = events[i].data.ptr;
                if (!w->dead)
                        w->fn(w->ctx, events[i].events);
        }
        sweep_watches(loop);
        run_timers(loop);
        sweep_watches(loop);
}

int cw_loop_run(struct cw_loop *loop) {
        while (!loop->stopped)
                cw_loop_run_once(loop, -1);
        return loop->exit_code;
}

void cw_loop_stop(struct cw_loop *loop, int exit_code) {
        loop->stopped = true;
        loop->exit_code = exit_code;
}
