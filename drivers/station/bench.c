/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/bench.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#define TASKS_MAX 8

struct parcel {
        uint64_t client;
        struct cw_msg *m;
        struct parcel *next;
};

struct cw_bench {
        const struct cw_bench_ops *ops;
        void *ctx;
        pthread_t thread;
        bool started;
        pthread_mutex_t lock;
        pthread_cond_t work;
        struct cw_task *tasks;
        unsigned waiting;
        bool working, stop;
        struct parcel *parcels;
        int event_fd;
        struct cw_watch *watch;
};

static void task_free(struct cw_task *t) {
        if (!t)
                return;
        cw_msg_free(t->request);
        free(t);
}

static void *bench_main(void *arg);

/* ---- loop thread ---- */

static struct parcel *take_parcels(struct cw_bench *b) {
        (void)pthread_mutex_lock(&b->lock);
        struct parcel *list = b->parcels;
        b->parcels = NULL;
        (void)pthread_mutex_unlock(&b->lock);
        return list;
}

static void on_parcels(void *ctx, uint32_t events) {
        struct cw_bench *b = ctx;
        uint64_t count;
        (void)events;
        if (read(b->event_fd, &count, sizeof count) < 0)
                return;
        for (struct parcel *p = take_parcels(b); p;) {
                struct parcel *next = p->next;
                b->ops->deliver(b->ctx, p->client, p->m);
                cw_msg_free(p->m);
                free(p);
                p = next;
        }
}

static bool init_sync(struct cw_bench *b) {
        pthread_condattr_t attr;
        (void)pthread_mutex_init(&b->lock, NULL);
        if (pthread_condattr_init(&attr) != 0)
                return false;
        bool ok =
            pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(&b->work, &attr) == 0;
        (void)pthread_condattr_destroy(&attr);
        return ok;
}

cw_rc cw_bench_new(struct cw_loop *loop, const struct cw_bench_ops *ops, void *ctx, struct cw_bench **ret,
                   struct cw_fault *f) {
        CW_AUTO(cw_bench_free) struct cw_bench *b = calloc(1, sizeof *b);
        const cw_rc short_of = CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_NOMEM);
        if (!b)
                return cw_fail(f, short_of, ENOMEM, "bench.new", "", "no memory for the station; free some");
        b->ops = ops;
        b->ctx = ctx;
        b->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!init_sync(b) || b->event_fd < 0 ||
            cw_watch_new(loop, b->event_fd, EPOLLIN, on_parcels, b, &b->watch) != CW_OK)
                return cw_fail(f, short_of, errno, "bench.new", "",
                               "no descriptors for the station; raise LimitNOFILE");
        if (pthread_create(&b->thread, NULL, bench_main, b) != 0)
                return cw_fail(f, short_of, errno, "bench.new", "",
                               "no thread for the station; raise LimitNPROC");
        b->started = true;
        *ret = CW_STEAL(b);
        return CW_OK;
}

void cw_bench_free(struct cw_bench *b) {
        if (b->started) {
                (void)pthread_mutex_lock(&b->lock);
                b->stop = true;
                (void)pthread_cond_broadcast(&b->work);
                (void)pthread_mutex_unlock(&b->lock);
                (void)pthread_join(b->thread, NULL);
        }
        while (b->tasks) {
                struct cw_task *next = b->tasks->next;
                task_free(b->tasks);
                b->tasks = next;
        }
        while (b->parcels) {
                struct parcel *next = b->parcels->next;
                cw_msg_free(b->parcels->m);
                free(b->parcels);
                b->parcels = next;
        }
        if (b->watch)
                cw_watch_free(b->watch);
        cw_fd_cleanup(&b->event_fd);
        (void)pthread_mutex_destroy(&b->lock);
        (void)pthread_cond_destroy(&b->work);
        free(b);
}

/* JSON is copied deep: the loop frees its own as soon as the callback returns. */
static struct cw_task *task_new(uint64_t client, struct cw_msg *request) {
        struct cw_task *t = calloc(1, sizeof *t);
        struct cw_msg *copy = cw_msg_new(CW_MSG_REQUEST);
        json_t *json = json_deep_copy(request->json);
        if (!t || !copy || !json) {
                free(t);
                cw_msg_free(copy);
                json_decref(json);
                return NULL;
        }
        json_decref(copy->json);
        copy->json = json;
        copy->id = request->id;
        copy->generation = request->generation;
        for (unsigned i = 0; i < request->fd_count; i++)
                copy->fd[copy->fd_count++] = cw_msg_take_fd(request, i);
        for (unsigned i = 0; i < request->att_count; i++)
                copy->att[copy->att_count++] = cw_msg_take_att(request, i);
        *t = (struct cw_task){.client = client, .request = copy};
        return t;
}

cw_rc cw_bench_submit(struct cw_bench *b, uint64_t client, struct cw_msg *request, struct cw_fault *f) {
        struct cw_task *t = task_new(client, request);
        if (!t)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_NOMEM), 0, "bench.submit", "",
                               "no memory for the request; try again");
        (void)pthread_mutex_lock(&b->lock);
        bool full = b->waiting == TASKS_MAX;
        if (!full) {
                struct cw_task **end = &b->tasks;
                while (*end)
                        end = &(*end)->next;
                *end = t;
                b->waiting++;
                (void)pthread_cond_broadcast(&b->work);
        }
        (void)pthread_mutex_unlock(&b->lock);
        if (!full)
                return CW_OK;
        task_free(t);
        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_BUSY), 0, "bench.submit", "",
                       "too many requests wait for the station; try again when it is idle");
}

bool cw_bench_busy(struct cw_bench *b) {
        (void)pthread_mutex_lock(&b->lock);
        bool busy = b->working || b->tasks;
        (void)pthread_mutex_unlock(&b->lock);
        return busy;
}

bool cw_bench_settled(struct cw_bench *b) {
        (void)pthread_mutex_lock(&b->lock);
        bool settled = !b->working && !b->tasks && !b->parcels;
        (void)pthread_mutex_unlock(&b->lock);
        return settled;
}

void cw_bench_post(struct cw_bench *b, uint64_t client, struct cw_msg *m) {
        struct parcel *p = m ? calloc(1, sizeof *p) : NULL;
        if (!p) {
                cw_msg_free(m);
                return;
        }
        p->client = client;
        p->m = m;
        (void)pthread_mutex_lock(&b->lock);
        struct parcel **end = &b->parcels;
        while (*end)
                end = &(*end)->next;
        *end = p;
        (void)pthread_mutex_unlock(&b->lock);
        const uint64_t one = 1;
        (void)!write(b->event_fd, &one, sizeof one);
}

/* ---- bench thread ---- */

/* The next task; NULL when it is time for idle work or to stop. Holds the lock on entry and exit. */
static struct cw_task *next_task(struct cw_bench *b, int64_t idle_at_ns) {
        int err = 0;
        while (!b->stop && !b->tasks && err == 0)
                err = cw_cond_wait_until(&b->work, &b->lock, idle_at_ns);
        if (b->stop || !b->tasks)
                return NULL;
        struct cw_task *t = b->tasks;
        b->tasks = t->next;
        b->waiting--;
        return t;
}

static void *bench_main(void *arg) {
        struct cw_bench *b = arg;
        int64_t idle_at_ns = 0;
        (void)pthread_mutex_lock(&b->lock);
        while (!b->stop) {
                struct cw_task *t = next_task(b, idle_at_ns);
                if (b->stop) {
                        task_free(t);
                        break;
                }
                b->working = t != NULL;
                (void)pthread_mutex_unlock(&b->lock);
                if (t)
                        b->ops->work(b->ctx, t);
                else
                        idle_at_ns = cw_deadline_ns(b->ops->idle(b->ctx));
                task_free(t);
                (void)pthread_mutex_lock(&b->lock);
                b->working = false;
        }
        (void)pthread_mutex_unlock(&b->lock);
        return NULL;
}
