/* SPDX-License-Identifier: Apache-2.0 */
/* Performs one step, keeps its result, answers whoever asked last. */
#include "drivers/station/station.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ATTEMPT_ACK_MS 20000

static const struct {
        const char *name;
        cw_rc (*fn)(struct cw_step_run *run, struct cw_fault *f);
        const char *fallback; /* taxonomy code of a failure that brings none */
} steps[] = {
    {"preflight", cw_step_preflight, "PRT_SETUP_ERROR"}, {"feed", cw_step_feed, "PRD_FEEDER_JAM"},
    {"stripe", cw_step_stripe, "PRD_MAGSTRIPE"},         {"chip", cw_step_chip, "PRD_SMARTCARD"},
    {"verify", cw_step_verify, "PRD_SMARTCARD"},         {"print", cw_step_print, "PRT_SETUP_ERROR"},
    {"eject", cw_step_eject, "PRD_HOPPER_JAM"},          {"reject", cw_step_reject, "PRD_HOPPER_JAM"},
};
#define STEPS (sizeof steps / sizeof *steps)

static size_t step_index(const char *name) {
        size_t i = 0;
        while (i < STEPS && strcmp(steps[i].name, name) != 0)
                i++;
        return i;
}

static struct cw_msg *step_event(const struct cw_step_run *run, const char *name) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_event(name);
        if (!m || json_object_set_new(m->json, "job", json_string(run->key.job)) < 0 ||
            json_object_set_new(m->json, "step", json_string(run->key.step)) < 0 ||
            json_object_set_new(m->json, "seq", json_integer(run->key.seq)) < 0)
                return NULL;
        return CW_STEAL(m);
}

/* Events go to whoever is addressee now, which may be another connection than the one that asked. */
static uint64_t addressee(const struct cw_step_run *run) {
        struct cw_station *st = run->st;
        (void)pthread_mutex_lock(&st->lock);
        uint64_t client = st->running ? st->running_client : run->client;
        (void)pthread_mutex_unlock(&st->lock);
        return client;
}

void cw_step_progress(const struct cw_step_run *run, int percent, const char *text) {
        struct cw_msg *m = run->key.job[0] ? step_event(run, "progress") : NULL;
        if (!m)
                return;
        (void)json_object_set_new(m->json, "percent", json_integer(percent));
        (void)json_object_set_new(m->json, "text", json_string(text));
        cw_bench_post(run->st->bench, addressee(run), m);
}

/* Until the acknowledgement, the loss of the client (waiting is cleared by the loop) or the deadline. */
static bool wait_for_ack(struct cw_station *st) {
        int64_t deadline_ns = cw_deadline_ns(ATTEMPT_ACK_MS);
        (void)pthread_mutex_lock(&st->lock);
        int err = 0;
        while (st->attempt.waiting && !st->attempt.acked && err == 0)
                err = cw_cond_wait_until(&st->attempted, &st->lock, deadline_ns);
        bool acked = st->attempt.acked;
        st->attempt.waiting = false;
        (void)pthread_mutex_unlock(&st->lock);
        return acked;
}

cw_rc cw_step_attempt(const struct cw_step_run *run, const char *card, uint8_t kvn, uint8_t scp,
                      struct cw_fault *f) {
        struct cw_station *st = run->st;
        struct cw_msg *m = step_event(run, "attempt");
        if (m) {
                (void)json_object_set_new(m->json, "card", json_string(card));
                (void)json_object_set_new(m->json, "kvn", json_integer(kvn));
                (void)json_object_set_new(m->json, "scp", json_integer(scp));
        }
        (void)pthread_mutex_lock(&st->lock);
        st->attempt = (struct cw_attempt){.key = run->key, .waiting = true};
        (void)pthread_mutex_unlock(&st->lock);
        if (!CW_FAILPOINT("station.attempt.before"))
                cw_bench_post(st->bench, addressee(run), m);
        if (wait_for_ack(st))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_TIMEOUT), 0, "station.attempt", "PRD_TIMEOUT",
                       "cardwrightd did not confirm the key try in time; no key was tried on this chip");
}

/* A job the station does not have (it was restarted meanwhile): nothing is touched. */
static cw_rc wrong_job(struct cw_step_run *run, struct cw_fault *f) {
        (void)run;
        return cw_fail(
            f, CW_RC(CW_L_STATION, CW_C_RECONNECT, CW_E_STATE), 0, "station.step", "PRT_SETUP_ERROR",
            "the station does not have this job (it was restarted); the job has to be begun again");
}

static cw_rc unknown_step(struct cw_step_run *run, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "station.step",
                       "PRT_SETUP_ERROR", "the station knows no step \"%.15s\"; compare the versions",
                       run->key.step);
}

/* The sites "station.step.before.feed" and so on; nothing of it is left in a release. */
static void failpoint(const char *when, const char *step) {
#ifdef CW_FAILPOINTS
        char site[64];
        (void)snprintf(site, sizeof site, "station.step.%s.%s", when, step);
        (void)CW_FAILPOINT(site);
#else
        (void)when;
        (void)step;
#endif
}

/* From here on nobody can say that the step never began. */
static void note_begun(struct cw_step_run *run) {
        struct cw_work *work = &run->st->work;
        if (strcmp(run->key.step, "preflight") != 0 && strcmp(work->job, run->key.job) == 0)
                work->begun = run->key.seq;
}

static void perform(struct cw_step_run *run) {
        struct cw_station *st = run->st;
        struct cw_fault f = {0};
        struct cw_machine_view view;
        size_t index = step_index(run->key.step);
        cw_rc (*fn)(struct cw_step_run *, struct cw_fault *) = index < STEPS ? steps[index].fn : unknown_step;
        if (cw_station_is_kiosk(st) || strcmp(st->work.job, run->key.job) != 0)
                fn = wrong_job;
        int64_t start_ns = cw_mono_ns(cw_clock_real());
        failpoint("before", run->key.step);
        note_begun(run);
        cw_rc rc = fn(run, &f);
        failpoint("after", run->key.step);
        cw_result_judge(run->result, rc, &f, index < STEPS ? steps[index].fallback : "UNKNOWN_ERROR");
        run->result->ms = (cw_mono_ns(cw_clock_real()) - start_ns) / 1000000;
        cw_machine_view(&st->machine, &view);
        if (run->result->where == CW_WHERE_UNKNOWN)
                run->result->where = view.status.where;
        /* The card has left: nothing of it stays here. */
        if (rc == CW_OK && (run->result->where == CW_WHERE_OUTPUT || run->result->where == CW_WHERE_REJECT))
                cw_work_wipe(&st->work);
        if (rc != CW_OK)
                cw_log_fault(CW_EV_STEP_FAILED, &f);
        cw_log(CW_EV_STEP_ENDED, CW_F_STR("JOB", run->key.job), CW_F_STR("STEP", run->key.step),
               CW_F_INT("SEQ", run->key.seq), CW_F_STR("WHERE", cw_where_name(run->result->where)),
               CW_F_INT("MS", run->result->ms));
}

/* The result is kept before anybody hears of it. */
static void conclude(struct cw_step_run *run, json_t *take_json) {
        struct cw_station *st = run->st;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_new(CW_MSG_REPLY);
        (void)pthread_mutex_lock(&st->lock);
        if (strcmp(run->key.step, "preflight") != 0) {
                json_decref(st->last);
                st->last = json_incref(take_json);
                st->last_key = run->key;
        }
        uint64_t client = st->running_client;
        uint32_t id = st->running_id;
        st->running = false;
        (void)pthread_mutex_unlock(&st->lock);
        /* A copy: the loop may serve the kept one at the same time. */
        CW_AUTO_JSON json_t *members = json_deep_copy(take_json);
        json_decref(take_json);
        if (!reply || !members)
                return;
        reply->id = id;
        (void)json_object_set_new(reply->json, "ok", json_true());
        (void)json_object_update(reply->json, members);
        if (CW_FAILPOINT("station.result.before"))
                return;
        cw_bench_post(st->bench, client, CW_STEAL(reply));
}

void cw_steps_run(struct cw_station *st, struct cw_task *task) {
        struct cw_result result;
        struct cw_step_run run = {.st = st, .client = task->client, .result = &result};
        run.baseline = json_object_get(task->request->json, "baseline");
        (void)cw_step_key_read(task->request, &run.key);
        cw_result_init(&result);
        perform(&run);
        json_t *json = cw_result_to_json(&result, run.key.job, run.key.step, run.key.seq);
        cw_result_done(&result);
        conclude(&run, json);
}
