/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/run_call.h"

#include <string.h>

#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 30000

struct cw_msg *cw_run_msg(const struct cw_run *r, const char *call) {
        struct cw_msg *m = cw_msg_request(call);
        if (m && json_object_set_new(m->json, "job", json_string(r->job.id)) < 0) {
                cw_msg_free(m);
                m = NULL;
        }
        return m;
}

struct cw_msg *cw_run_step_msg(const struct cw_run *r, const char *call, enum cw_step step, uint32_t seq) {
        struct cw_msg *m = cw_run_msg(r, call);
        if (!m)
                return NULL;
        (void)json_object_set_new(m->json, "step", json_string(cw_step_name(step)));
        (void)json_object_set_new(m->json, "seq", json_integer(seq));
        return m;
}

void cw_run_station_actor(const struct cw_run *r, char ret[CW_ACTOR_CAP]) {
        (void)snprintf(ret, CW_ACTOR_CAP, "station:%s", r->job.station);
}

/*
 * An answer may come after its job has ended and is gone: it finds the run by the job's name. One of a
 * station that the job has lost, or left, meanwhile says nothing about the job any more.
 */
struct asked {
        struct cw_daemon *daemon;
        char job[CW_JOB_ID_CAP];
        unsigned binding;
        cw_run_answer_fn fn;
};

static void on_answer(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct asked asked = *(struct asked *)ctx;
        free(ctx);
        struct cw_run *r = cw_runs_find(asked.daemon, asked.job);
        if (r)
                asked.fn(r, rc, f, reply);
}

static void on_station_answer(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        const struct asked *asked = ctx;
        const struct cw_run *r = cw_runs_find(asked->daemon, asked->job);
        if (r && r->binding == asked->binding)
                on_answer(ctx, rc, f, reply);
        else
                free(ctx);
}

static struct asked *asked_new(struct cw_run *r, cw_run_answer_fn fn) {
        struct asked *a = calloc(1, sizeof *a);
        if (!a)
                return NULL;
        a->daemon = r->daemon;
        a->fn = fn;
        a->binding = r->binding;
        memcpy(a->job, r->job.id, sizeof a->job);
        return a;
}

static void no_memory(struct cw_run *r, struct cw_msg *take, cw_run_answer_fn fn) {
        struct cw_fault f = {0};
        cw_msg_free(take);
        cw_rc rc =
            cw_fail(&f, CW_RC(CW_L_ISSUANCE, CW_C_RETRY, CW_E_NOMEM), 0, "run.call", "", "out of memory");
        fn(r, rc, &f, NULL);
}

void cw_run_ask_station(struct cw_run *r, struct cw_msg *m, int64_t timeout_ms, cw_run_answer_fn fn) {
        struct asked *a = asked_new(r, fn);
        if (a)
                cw_station_link_call(r->link, m, timeout_ms, on_station_answer, a);
        else
                no_memory(r, m, fn);
}

void cw_run_ask_hsm(struct cw_run *r, struct cw_msg *m, cw_run_answer_fn fn) {
        struct asked *a = asked_new(r, fn);
        if (a)
                cw_hsm_link_call(r->daemon->hsm, m, on_answer, a);
        else
                no_memory(r, m, fn);
}

void cw_run_tell_station(struct cw_run *r, struct cw_msg *m) {
        cw_station_link_call(r->link, m, CW_QUICK_CALL_MS, NULL, NULL);
}

void cw_run_retry_later(struct cw_run *r) {
        int64_t ms = (int64_t)RETRY_MIN_MS << (r->failures < 6 ? r->failures : 6);
        r->failures++;
        r->resting = true;
        cw_timer_arm(r->timer, ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS);
}
