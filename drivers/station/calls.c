/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that need a device, in the order they came. Bench thread. */
#include "drivers/station/station.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static void publish_job(struct cw_station *st) {
        (void)pthread_mutex_lock(&st->lock);
        memcpy(st->job, st->work.job, sizeof st->job);
        (void)pthread_mutex_unlock(&st->lock);
}

static struct cw_msg *job_begin(struct cw_station *st, struct cw_msg *request) {
        struct cw_fault f = {0};
        cw_rc rc = cw_work_begin(&st->work, st->config, cw_msg_str(request, "job", ""),
                                 cw_msg_str(request, "kit", ""), cw_msg_str(request, "plastic_code", ""),
                                 cw_msg_take_fd(request, 0), &f);
        publish_job(st);
        return rc == CW_OK ? cw_msg_ok(request) : cw_msg_error(request, &f);
}

static struct cw_msg *job_end(struct cw_station *st, struct cw_msg *request) {
        const char *job = cw_msg_str(request, "job", "");
        if (cw_work_active(&st->work) && strcmp(st->work.job, job) == 0)
                cw_work_end(&st->work);
        publish_job(st);
        return cw_msg_ok(request);
}

static struct cw_msg *baseline(struct cw_station *st, struct cw_msg *request) {
        return cw_evidence_baseline(st, request);
}

static struct cw_msg *reconcile(struct cw_station *st, struct cw_msg *request) {
        return cw_evidence_reconcile(st, request);
}

/* A card without a job: its result is the reply. */
static struct cw_msg *jobless(struct cw_station *st, struct cw_msg *request, const char *name,
                              cw_rc (*fn)(struct cw_step_run *run, const char *kind, struct cw_fault *f)) {
        struct cw_result result;
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        cw_result_init(&result);
        struct cw_step_run run = {.st = st, .result = &result};
        int64_t start_ns = cw_mono_ns(cw_clock_real());
        cw_rc rc = cw_work_active(&st->work)
                       ? cw_fail(&f, CW_RC(CW_L_STATION, CW_C_RETRY, CW_E_BUSY), 0, name, "PRT_PAUSED",
                                 "the station has a card job; ask again when it is finished")
                       : fn(&run, cw_msg_str(request, "kind", "std"), &f);
        cw_result_judge(&result, rc, &f, "UNKNOWN_ERROR");
        result.ms = (cw_mono_ns(cw_clock_real()) - start_ns) / 1000000;
        CW_AUTO_JSON json_t *json = cw_result_to_json(&result, "", name, 0);
        cw_result_done(&result);
        if (!reply || !json || json_object_update(reply->json, json) < 0)
                return NULL;
        return CW_STEAL(reply);
}

static struct cw_msg *test_card(struct cw_station *st, struct cw_msg *request) {
        return jobless(st, request, "test_card", cw_step_test_card);
}

static cw_rc clean_of_kind(struct cw_step_run *run, const char *kind, struct cw_fault *f) {
        (void)kind;
        return cw_step_clean(run, f);
}

static struct cw_msg *clean(struct cw_station *st, struct cw_msg *request) {
        return jobless(st, request, "clean", clean_of_kind);
}

static struct cw_msg *kiosk_prove(struct cw_station *st, struct cw_msg *request) {
        return cw_kiosk_prove(st, request);
}

static struct cw_msg *kiosk_pin(struct cw_station *st, struct cw_msg *request) {
        return cw_kiosk_pin(st, request);
}

static struct cw_msg *kiosk_script(struct cw_station *st, struct cw_msg *request) {
        return cw_kiosk_script(st, request);
}

static struct cw_msg *kiosk_keypad(struct cw_station *st, struct cw_msg *request) {
        return cw_kiosk_keypad(st, request);
}

static struct cw_msg *kiosk_show(struct cw_station *st, struct cw_msg *request) {
        return cw_kiosk_show(st, request);
}

static struct cw_msg *kiosk_end(struct cw_station *st, struct cw_msg *request) {
        return cw_kiosk_end(st, request);
}

enum where_valid { ISSUE = 1, KIOSK = 2 };
static const struct {
        const char *name;
        struct cw_msg *(*fn)(struct cw_station *st, struct cw_msg *request);
        unsigned kinds;
} calls[] = {
    {"job.begin", job_begin, ISSUE},
    {"job.end", job_end, ISSUE},
    {"baseline", baseline, ISSUE},
    {"reconcile", reconcile, ISSUE},
    {"test_card", test_card, ISSUE},
    {"printer.clean", clean, ISSUE},
    {"printer.sheet", cw_console_sheet, ISSUE},
    {"printer.apply", cw_console_apply, ISSUE},
    {"printer.raw", cw_console_raw, ISSUE},
    {"kiosk.begin", cw_kiosk_begin, KIOSK},
    {"kiosk.prove", kiosk_prove, KIOSK},
    {"kiosk.pin", kiosk_pin, KIOSK},
    {"kiosk.script", kiosk_script, KIOSK},
    {"kiosk.keypad", kiosk_keypad, KIOSK},
    {"kiosk.show", kiosk_show, KIOSK},
    {"kiosk.end", kiosk_end, KIOSK},
};

void cw_calls_work(void *ctx, struct cw_task *task) {
        struct cw_station *st = ctx;
        const char *call = cw_msg_str(task->request, "call", "");
        unsigned kind = cw_station_is_kiosk(st) ? KIOSK : ISSUE;
        struct cw_fault f = {0};
        if (task->client & CW_ADMIN_CLIENT) {
                cw_admin_card(st, task);
                return;
        }
        if (strcmp(call, "step") == 0) {
                cw_steps_run(st, task);
                return;
        }
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
                if (strcmp(calls[i].name, call) != 0 || !(calls[i].kinds & kind))
                        continue;
                cw_bench_post(st->bench, task->client, calls[i].fn(st, task->request));
                return;
        }
        (void)cw_fail(&f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "station.call",
                      "PRT_SETUP_ERROR", "a station of this kind does not do %.24s; send it to another one",
                      call);
        cw_bench_post(st->bench, task->client, cw_msg_error(task->request, &f));
}

int64_t cw_calls_idle(void *ctx) {
        struct cw_station *st = ctx;
        return cw_station_is_kiosk(st) ? cw_kiosk_idle(st) : cw_machine_poll(&st->machine);
}
