/* SPDX-License-Identifier: Apache-2.0 */
/* A card that is made centrally: its order, what becomes of it, and what a person says when it fails. */
#include "agent/issuance/machine.h"

/* The order is a report like others: durable before it is sent, sent until it is acknowledged, once. */
static const char *order(struct cw_machine *m) {
        struct cw_job *job = m->job;
        cw_machine_set(job->code, sizeof job->code, m->event->code);
        job->wait = CW_WAIT_CENTRAL;
        job->step = CW_STEP_NONE;
        cw_machine_report(m, CW_REPORT_CENTRAL);
        return NULL;
}

/* An order that failed: the job is again what it was before it was given away. */
static void take_back(struct cw_job *job) {
        if (job->state == CW_JOB_DIVERTED) {
                job->state = job->resume;
                job->resume = CW_JOB_NEW;
        }
}

const char *cw_je_divert(struct cw_machine *m) {
        struct cw_job *job = m->job;
        if (cw_job_ended(job))
                return "the job has ended already";
        if (job->wait == CW_WAIT_CENTRAL || job->wait == CW_WAIT_PRODUCTION)
                return cw_machine_unchanged(m);
        take_back(job);
        if (!cw_machine_nothing_loaded(job) || job->state == CW_JOB_NEW)
                return "a card is loaded for this job, so it cannot be made centrally; let it finish, or "
                       "decide "
                       "about its card";
        if (cw_job_holds_station(job))
                (void)cw_machine_act(m, CW_JA_JOB_END);
        return order(m);
}

static bool is_given_away(const struct cw_job *job) {
        return job->wait == CW_WAIT_CENTRAL || job->wait == CW_WAIT_PRODUCTION ||
               job->wait == CW_WAIT_CENTRAL_DECISION;
}

const char *cw_je_diverted(struct cw_machine *m) {
        if (m->job->state == CW_JOB_DIVERTED && m->job->wait == CW_WAIT_NOTHING)
                return cw_machine_unchanged(m);
        if (!is_given_away(m->job))
                return "this job was not given to central production";
        if (m->event->ok)
                cw_machine_report(m, CW_REPORT_CANCELLED);
        m->job->resume = CW_JOB_NEW;
        cw_machine_end(m, CW_JOB_DIVERTED);
        return NULL;
}

/* Made here after all, or cancelled by a person, who is told why. */
const char *cw_je_central_refused(struct cw_machine *m) {
        struct cw_job *job = m->job;
        if (job->wait != CW_WAIT_CENTRAL && job->wait != CW_WAIT_CENTRAL_DECISION)
                return "this job was not given to central production, or its card is being made there";
        take_back(job);
        cw_machine_set(job->code, sizeof job->code, m->event->code);
        (void)cw_machine_act(m, CW_JA_WAIT_PERSON);
        if (job->state == CW_JOB_ACCEPTED) {
                job->wait = CW_WAIT_DATA;
                (void)cw_machine_act(m, CW_JA_OPEN_DATA);
        } else {
                cw_machine_need_station(m, false);
        }
        return NULL;
}

const char *cw_je_central_ordered(struct cw_machine *m) {
        struct cw_job *job = m->job;
        if (job->state == CW_JOB_DIVERTED)
                return cw_machine_unchanged(m);
        if (job->wait != CW_WAIT_CENTRAL)
                return "this job was not given to central production";
        job->resume = job->state;
        job->state = CW_JOB_DIVERTED;
        job->wait = CW_WAIT_PRODUCTION;
        cw_machine_set(job->station, sizeof job->station, "");
        return NULL;
}

const char *cw_je_production(struct cw_machine *m) {
        struct cw_job *job = m->job;
        if (job->wait != CW_WAIT_PRODUCTION)
                return cw_machine_unchanged(m);
        cw_machine_set(job->code, sizeof job->code, m->event->code);
        return NULL;
}

const char *cw_je_production_failed(struct cw_machine *m) {
        if (m->job->wait != CW_WAIT_PRODUCTION)
                return cw_machine_unchanged(m);
        cw_machine_set(m->job->code, sizeof m->job->code, m->event->code);
        cw_machine_wait_person(m, CW_WAIT_CENTRAL_DECISION);
        return NULL;
}
