/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatch of events, the way of a job to and from a station, and its ends. */
#include "agent/issuance/machine.h"

#include <string.h>

void cw_machine_set(char *dst, size_t cap, const char *src) {
        size_t n = strnlen(src, cap - 1);
        memmove(dst, src, n);
        memset(dst + n, 0, cap - n);
}

bool cw_where_in_machine(enum cw_where where) {
        return where == CW_WHERE_TRANSPORT || where == CW_WHERE_CONTACT || where == CW_WHERE_CONTACTLESS ||
               where == CW_WHERE_MAG || where == CW_WHERE_PRINT;
}

bool cw_job_ended(const struct cw_job *job) {
        return job->state == CW_JOB_DELIVERED || job->state == CW_JOB_FAILED ||
               job->state == CW_JOB_CANCELLED || job->state == CW_JOB_DATA_ERROR ||
               (job->state == CW_JOB_DIVERTED && job->wait == CW_WAIT_NOTHING);
}

bool cw_job_in_machine(const struct cw_job *job) {
        return job->place == CW_PLACE_TRANSPORT;
}

bool cw_job_holds_station(const struct cw_job *job) {
        switch (job->wait) {
        case CW_WAIT_PREFLIGHT:
        case CW_WAIT_SUPPLIES:
        case CW_WAIT_INTENT:
        case CW_WAIT_RESULT:
        case CW_WAIT_LAST:
        case CW_WAIT_RECONCILE:
                return true;
        default:
                return cw_job_in_machine(job) || job->intent_open;
        }
}

bool cw_job_needs_person(const struct cw_job *job) {
        return job->wait == CW_WAIT_SUPPLIES || job->wait == CW_WAIT_DECISION ||
               job->wait == CW_WAIT_DESTROYED || job->wait == CW_WAIT_VISUAL ||
               job->wait == CW_WAIT_PIN_DECISION || job->wait == CW_WAIT_CENTRAL_DECISION;
}

struct cw_job_action *cw_machine_act(struct cw_machine *m, enum cw_job_action_kind kind) {
        if (m->out->count >= CW_JOB_ACTIONS_MAX) {
                m->overflow = true;
                return &m->out->list[CW_JOB_ACTIONS_MAX - 1];
        }
        struct cw_job_action *a = &m->out->list[m->out->count++];
        a->kind = kind;
        a->step = m->job->step;
        a->seq = m->job->seq;
        a->wait = m->job->wait;
        cw_machine_set(a->station, sizeof a->station, m->job->station);
        cw_machine_set(a->code, sizeof a->code, m->job->code);
        return a;
}

void cw_machine_report(struct cw_machine *m, enum cw_report report) {
        cw_machine_act(m, CW_JA_REPORT)->report = report;
}

void cw_machine_move(struct cw_machine *m, enum cw_place to) {
        struct cw_job_action *a = cw_machine_act(m, CW_JA_MOVE);
        a->from = m->job->place;
        a->to = to;
        m->job->place = to;
}

const char *cw_machine_unchanged(struct cw_machine *m) {
        m->out->unchanged = true;
        return NULL;
}

void cw_machine_wait_person(struct cw_machine *m, enum cw_job_wait wait) {
        m->job->wait = wait;
        (void)cw_machine_act(m, CW_JA_WAIT_PERSON);
}

void cw_machine_need_station(struct cw_machine *m, bool same) {
        if (!same)
                cw_machine_set(m->job->station, sizeof m->job->station, "");
        m->job->wait = CW_WAIT_STATION;
        (void)cw_machine_act(m, CW_JA_NEED_STATION);
}

void cw_machine_end(struct cw_machine *m, enum cw_job_state state) {
        m->job->state = state;
        m->job->wait = CW_WAIT_NOTHING;
        m->job->step = CW_STEP_NONE;
        (void)cw_machine_act(m, CW_JA_FORGET_SEALED);
}

void cw_machine_fail(struct cw_machine *m) {
        cw_machine_report(m, CW_REPORT_FAILED);
        cw_machine_end(m, CW_JOB_FAILED);
}

static const char *je_kit_assigned(struct cw_machine *m) {
        if (m->job->state != CW_JOB_NEW)
                return "the kit is assigned already";
        m->job->auto_visual = m->event->auto_visual;
        m->job->state = CW_JOB_ACCEPTED;
        m->job->wait = CW_WAIT_DATA;
        (void)cw_machine_act(m, CW_JA_OPEN_DATA);
        return NULL;
}

static const char *je_data_ok(struct cw_machine *m) {
        if (cw_job_ended(m->job) || m->job->state == CW_JOB_NEW)
                return "the job does not wait for its card data";
        if (m->job->wait != CW_WAIT_DATA)
                return cw_machine_unchanged(m);
        m->job->state = CW_JOB_DATA_OK;
        cw_machine_need_station(m, false);
        return NULL;
}

/* hsmd said that this data can never be opened; late, that spoils the plastic that is in the machine. */
static const char *je_data_refused(struct cw_machine *m) {
        struct cw_job *job = m->job;
        bool fresh = job->wait == CW_WAIT_DATA || job->state == CW_JOB_DATA_OK || job->state == CW_JOB_REMAKE;
        bool in_machine = cw_job_in_machine(job) && job->wait == CW_WAIT_INTENT &&
                          job->step != CW_STEP_REJECT && job->step != CW_STEP_EJECT;
        if (job->intent_open || (!fresh && !in_machine))
                return "the job does not wait for its card data";
        cw_machine_set(job->code, sizeof job->code, m->event->code);
        if (in_machine) {
                cw_machine_spoil(m);
                return NULL;
        }
        if (cw_job_holds_station(job))
                (void)cw_machine_act(m, CW_JA_JOB_END);
        cw_machine_report(m, CW_REPORT_DATA_ERROR);
        cw_machine_end(m, CW_JOB_DATA_ERROR);
        return NULL;
}

static const char *je_station(struct cw_machine *m) {
        struct cw_job *job = m->job;
        if (job->wait != CW_WAIT_STATION)
                return cw_machine_unchanged(m);
        bool bound = cw_job_in_machine(job) || job->intent_open;
        if (bound && strcmp(job->station, m->event->station) != 0)
                return "the card of this job is in another station";
        if (m->event->station[0] == '\0')
                return "the event names no station";
        cw_machine_set(job->station, sizeof job->station, m->event->station);
        if (job->intent_open) {
                job->wait = CW_WAIT_LAST;
                (void)cw_machine_act(m, CW_JA_ASK_RESULT);
        } else if (bound) {
                cw_machine_prepare(m);
        } else {
                cw_machine_preflight(m);
        }
        return NULL;
}

/* The connection is gone: what was asked is void, what was being done is in doubt. */
static const char *lose_station(struct cw_machine *m) {
        switch (m->job->wait) {
        case CW_WAIT_PREFLIGHT:
        case CW_WAIT_SUPPLIES:
        case CW_WAIT_INTENT:
                cw_machine_need_station(m, cw_job_in_machine(m->job));
                return NULL;
        case CW_WAIT_RESULT:
        case CW_WAIT_LAST:
        case CW_WAIT_RECONCILE:
                cw_machine_doubt(m);
                cw_machine_need_station(m, true);
                return NULL;
        default:
                return cw_machine_unchanged(m);
        }
}

static const char *je_station_lost(struct cw_machine *m) {
        if (strcmp(m->job->station, m->event->station) != 0)
                return cw_machine_unchanged(m);
        return lose_station(m);
}

/* Nothing in memory survived. What the job waits for is asked for anew; a setPin under way is in doubt. */
static const char *je_restarted(struct cw_machine *m) {
        struct cw_job *job = m->job;
        switch (job->wait) {
        case CW_WAIT_DATA:
                (void)cw_machine_act(m, CW_JA_OPEN_DATA);
                return cw_machine_unchanged(m);
        case CW_WAIT_STATION:
                cw_machine_need_station(m, cw_job_in_machine(job) || job->intent_open);
                return cw_machine_unchanged(m);
        case CW_WAIT_DECISION:
        case CW_WAIT_DESTROYED:
        case CW_WAIT_VISUAL:
        case CW_WAIT_PIN_DECISION:
        case CW_WAIT_CENTRAL_DECISION:
                cw_machine_wait_person(m, job->wait);
                return cw_machine_unchanged(m);
        case CW_WAIT_PIN:
                return cw_je_pin_in_doubt(m);
        default:
                return lose_station(m);
        }
}

static const cw_machine_fn handlers[CW_JE_MAX_] = {
    [CW_JE_KIT_ASSIGNED] = je_kit_assigned,
    [CW_JE_DATA_OK] = je_data_ok,
    [CW_JE_DATA_REFUSED] = je_data_refused,
    [CW_JE_STATION] = je_station,
    [CW_JE_STATION_LOST] = je_station_lost,
    [CW_JE_PREFLIGHT] = cw_je_preflight,
    [CW_JE_WAKE] = cw_je_wake,
    [CW_JE_INTENT] = cw_je_intent,
    [CW_JE_ATTEMPT] = cw_je_attempt,
    [CW_JE_RESULT] = cw_je_result,
    [CW_JE_RESULT_NONE] = cw_je_result_none,
    [CW_JE_VERDICT] = cw_je_verdict,
    [CW_JE_CANCEL] = cw_je_cancel,
    [CW_JE_DESTROYED] = cw_je_destroyed,
    [CW_JE_DECISION] = cw_je_decision,
    [CW_JE_VISUAL] = cw_je_visual,
    [CW_JE_PIN_INTENT] = cw_je_pin_intent,
    [CW_JE_PIN_SET] = cw_je_pin_set,
    [CW_JE_PIN_FAILED] = cw_je_pin_failed,
    [CW_JE_PIN_IN_DOUBT] = cw_je_pin_in_doubt,
    [CW_JE_ACTIVATED] = cw_je_activated,
    [CW_JE_DELIVERED] = cw_je_delivered,
    [CW_JE_RETURNED] = cw_je_returned,
    [CW_JE_DIVERT] = cw_je_divert,
    [CW_JE_DIVERTED] = cw_je_diverted,
    [CW_JE_CENTRAL_REFUSED] = cw_je_central_refused,
    [CW_JE_CENTRAL_ORDERED] = cw_je_central_ordered,
    [CW_JE_PRODUCTION] = cw_je_production,
    [CW_JE_PRODUCTION_FAILED] = cw_je_production_failed,
    [CW_JE_RESTARTED] = je_restarted,
};

void cw_issuance_init(struct cw_job *ret, const char *id) {
        *ret = (struct cw_job){0};
        cw_machine_set(ret->id, sizeof ret->id, id);
}

cw_rc cw_issuance_apply(struct cw_job *job, const struct cw_job_event *event, struct cw_job_actions *ret) {
        struct cw_job next = *job;
        struct cw_machine m = {.job = &next, .event = event, .out = ret};
        *ret = (struct cw_job_actions){0};
        if ((unsigned)event->kind >= CW_JE_MAX_) {
                ret->why = "the event is unknown";
                return CW_RC(CW_L_ISSUANCE, CW_C_REJECT, CW_E_RANGE);
        }
        m.away = job->wait == CW_WAIT_STATION;
        const char *why = handlers[event->kind](&m);
        if (m.overflow) {
                *ret = (struct cw_job_actions){.why = "the state machine made too many actions"};
                return CW_RC(CW_L_ISSUANCE, CW_C_FATAL, CW_E_TOO_BIG);
        }
        if (why) {
                *ret = (struct cw_job_actions){.why = why};
                return CW_RC(CW_L_ISSUANCE, CW_C_REJECT, CW_E_STATE);
        }
        *job = next;
        return CW_OK;
}
