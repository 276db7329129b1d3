/* SPDX-License-Identifier: Apache-2.0 */
/* Single-threaded event loop: file descriptors, timers, signals. Watches and timers may be freed inside any
 * callback. */
#pragma once

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct cw_loop;
struct cw_watch;
struct cw_timer;

typedef void (*cw_watch_fn)(void *ctx, uint32_t epoll_events);
typedef void (*cw_timer_fn)(void *ctx);
typedef void (*cw_signal_fn)(void *ctx, int signo);

CW_WARN_UNUSED cw_rc cw_loop_new(const struct cw_clock *clock, struct cw_loop **ret);
void cw_loop_free(struct cw_loop *loop);
CW_DEFINE_CLEANUP(struct cw_loop *, cw_loop_free);

const struct cw_clock *cw_loop_clock(const struct cw_loop *loop);

/* Watches fd (not owned) for EPOLLIN/EPOLLOUT/...; fn is called with what is ready. */
CW_WARN_UNUSED cw_rc cw_watch_new(struct cw_loop *loop, int fd, uint32_t epoll_events, cw_watch_fn fn,
                                  void *ctx, struct cw_watch **ret);
CW_WARN_UNUSED cw_rc cw_watch_set(struct cw_watch *w, uint32_t epoll_events);
void cw_watch_free(struct cw_watch *w);

/* A timer starts unarmed. */
CW_WARN_UNUSED cw_rc cw_timer_new(struct cw_loop *loop, cw_timer_fn fn, void *ctx, struct cw_timer **ret);
/* Fires once, delay_ms from now (>= 0). Re-arming replaces the earlier time. */
void cw_timer_arm(struct cw_timer *t, int64_t delay_ms);
void cw_timer_disarm(struct cw_timer *t);
void cw_timer_free(struct cw_timer *t);

/* Blocks the signals for the process and delivers them through the loop; once per loop, before threads start.
 */
CW_WARN_UNUSED cw_rc cw_loop_signals(struct cw_loop *loop, const int *signos, size_t count, cw_signal_fn fn,
                                     void *ctx);

/* Runs until cw_loop_stop; returns the stop code. */
int cw_loop_run(struct cw_loop *loop);
/* One round: waits at most max_wait_ms, dispatches what is ready. For tests. */
void cw_loop_run_once(struct cw_loop *loop, int max_wait_ms);
void cw_loop_stop(struct cw_loop *loop, int exit_code);
