/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/reader/census.h"

#include "base/clock.h"
#include "drivers/reader/pcsc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 500

/* Owned by the census and by the thread that asks; freed by the last of them. */
struct cw_reader_question {
        pthread_mutex_t lock;
        pthread_cond_t answered;
        char name[CW_READER_NAME_MAX];
        struct cw_reader_identity id;
        bool done, known;
        atomic_int refs;
};

static void question_unref(struct cw_reader_question *q) {
        if (!q || atomic_fetch_sub(&q->refs, 1) != 1)
                return;
        (void)pthread_mutex_destroy(&q->lock);
        (void)pthread_cond_destroy(&q->answered);
        free(q);
}

/* ---- on the thread of the question ---- */

static bool ask(const char *name, struct cw_reader_identity *ret) {
        SCARDCONTEXT context = 0;
        SCARDHANDLE card = 0;
        DWORD protocol = 0;
        if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
                return false;
        bool ok = SCardConnect(context, name, SCARD_SHARE_DIRECT, 0, &card, &protocol) == SCARD_S_SUCCESS;
        if (ok) {
                cw_pcsc_read_identity(card, ret);
                (void)SCardDisconnect(card, SCARD_LEAVE_CARD);
        }
        (void)SCardReleaseContext(context);
        return ok;
}

static void *question_main(void *arg) {
        struct cw_reader_question *q = arg;
        struct cw_reader_identity id = {0};
        bool known = ask(q->name, &id);
        (void)pthread_mutex_lock(&q->lock);
        q->id = id;
        q->known = known;
        q->done = true;
        (void)pthread_cond_broadcast(&q->answered);
        (void)pthread_mutex_unlock(&q->lock);
        question_unref(q);
        return NULL;
}

/* ---- on the thread of the census ---- */

static struct cw_reader_question *question_new(const char *name) {
        struct cw_reader_question *q = strlen(name) < sizeof q->name ? calloc(1, sizeof *q) : NULL;
        pthread_t thread;
        if (!q)
                return NULL;
        if (!cw_cond_init(&q->answered)) {
                free(q);
                return NULL;
        }
        (void)snprintf(q->name, sizeof q->name, "%s", name);
        (void)pthread_mutex_init(&q->lock, NULL);
        atomic_store(&q->refs, 2);
        if (pthread_create(&thread, NULL, question_main, q) != 0) {
                atomic_store(&q->refs, 1);
                question_unref(q);
                return NULL;
        }
        (void)pthread_detach(thread);
        return q;
}

static void wait_a_moment(struct cw_reader_question *q) {
        int64_t deadline = cw_deadline_ns(PATIENCE_MS);
        (void)pthread_mutex_lock(&q->lock);
        for (int err = 0; !q->done && err == 0;)
                err = cw_cond_wait_until(&q->answered, &q->lock, deadline);
        (void)pthread_mutex_unlock(&q->lock);
}

static struct cw_reader_question **find(struct cw_reader_census *c, const char *name) {
        struct cw_reader_question **room = NULL;
        for (size_t i = 0; i < CW_CENSUS_MAX; i++) {
                if (c->questions[i] && strcmp(c->questions[i]->name, name) == 0)
                        return &c->questions[i];
                if (!c->questions[i] && !room)
                        room = &c->questions[i];
        }
        return room;
}

bool cw_reader_census_ask(struct cw_reader_census *c, const char *name, struct cw_reader_identity *ret) {
        struct cw_reader_question **at = find(c, name);
        if (!at)
                return false;
        if (!*at) {
                *at = question_new(name);
                if (!*at)
                        return false;
                wait_a_moment(*at);
        }
        (void)pthread_mutex_lock(&(*at)->lock);
        bool done = (*at)->done, known = (*at)->known;
        if (known)
                *ret = (*at)->id;
        (void)pthread_mutex_unlock(&(*at)->lock);
        if (done && !known) {
                question_unref(*at);
                *at = NULL;
        }
        return known;
}

static bool in_list(const char *list, const char *wanted) {
        for (const char *name = list; *name; name += strlen(name) + 1)
                if (strcmp(name, wanted) == 0)
                        return true;
        return false;
}

void cw_reader_census_keep(struct cw_reader_census *c, const char *list) {
        for (size_t i = 0; i < CW_CENSUS_MAX; i++)
                if (c->questions[i] && !in_list(list, c->questions[i]->name)) {
                        question_unref(c->questions[i]);
                        c->questions[i] = NULL;
                }
}

void cw_reader_census_forget(struct cw_reader_census *c) {
        for (size_t i = 0; i < CW_CENSUS_MAX; i++) {
                question_unref(c->questions[i]);
                c->questions[i] = NULL;
        }
}
