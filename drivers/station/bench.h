/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bench: one thread that does, in order, whatever blocks (printer, chip, PIN pad, HSM), and the way back
 * to the event loop. The loop never waits for it.
 */
#pragma once

#include "base/ipc.h"
#include "base/loop.h"

#include <stdint.h>

struct cw_bench;

struct cw_task {
        uint64_t client;        /* who asked */
        struct cw_msg *request; /* owned copy with its descriptors */
        struct cw_task *next;
};

struct cw_bench_ops {
        void (*work)(void *ctx, struct cw_task *task); /* on the bench thread */
        /* On the bench thread when there is nothing to do; returns milliseconds until it wants to be called
         * again. */
        int64_t (*idle)(void *ctx);
        /* On the loop: a message the bench posted. Borrowed. */
        void (*deliver)(void *ctx, uint64_t client, struct cw_msg *m);
};

/* Starts the thread. RETRY when threads or memory are short. */
CW_WARN_UNUSED cw_rc cw_bench_new(struct cw_loop *loop, const struct cw_bench_ops *ops, void *ctx,
                                  struct cw_bench **ret, struct cw_fault *f);
/* Lets the task under way end, drops the rest, joins the thread. */
void cw_bench_free(struct cw_bench *b);
CW_DEFINE_CLEANUP(struct cw_bench *, cw_bench_free);

/* Loop thread: queues a copy of the request, taking its descriptors. RETRY/CW_E_BUSY when too much is
 * waiting. */
CW_WARN_UNUSED cw_rc cw_bench_submit(struct cw_bench *b, uint64_t client, struct cw_msg *request,
                                     struct cw_fault *f);
/* True while a task is under way or waits. Any thread. */
bool cw_bench_busy(struct cw_bench *b);
/* Nothing is under way, and all that was posted has been delivered. */
bool cw_bench_settled(struct cw_bench *b);
/* Any thread: takes m (NULL is ignored), which is delivered on the loop in order. */
void cw_bench_post(struct cw_bench *b, uint64_t client, struct cw_msg *m);
