/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the state machine share. Not for others. */
#pragma once

#include "agent/issuance/issuance.h"

/* One application of one event: job is a scratch copy that is thrown away when the event is refused. */
struct cw_machine {
        struct cw_job *job;
        const struct cw_job_event *event;
        struct cw_job_actions *out;
        bool away;     /* the station of the job is not connected */
        bool overflow; /* more actions than CW_JOB_ACTIONS_MAX: our own fault */
};

/* NULL when the event was taken, else the sentence why not. */
typedef const char *(*cw_machine_fn)(struct cw_machine *m);

/* Bounded copy of a name or code; src is terminated within its own array. */
void cw_machine_set(char *dst, size_t cap, const char *src);

/* Appends an action of the kind, with step, seq and station of the job; a spare one when the list is full. */
struct cw_job_action *cw_machine_act(struct cw_machine *m, enum cw_job_action_kind kind);
void cw_machine_report(struct cw_machine *m, enum cw_report report);
/* Moves the job's plastic in the ledger and in the job. */
void cw_machine_move(struct cw_machine *m, enum cw_place to);

/* Nothing changed: no journal row is needed. */
const char *cw_machine_unchanged(struct cw_machine *m);

/* Where the job goes next. Each sets wait and emits the action that leads on. */
void cw_machine_wait_person(struct cw_machine *m, enum cw_job_wait wait);
void cw_machine_need_station(struct cw_machine *m, bool same);
void cw_machine_preflight(struct cw_machine *m);
void cw_machine_next_step(struct cw_machine *m, enum cw_step step);
void cw_machine_prepare(struct cw_machine *m);
void cw_machine_supplies(struct cw_machine *m);
void cw_machine_doubt(struct cw_machine *m);
void cw_machine_close_intent(struct cw_machine *m);
void cw_machine_step_done(struct cw_machine *m);
void cw_machine_drawn(struct cw_machine *m);
void cw_machine_spoil(struct cw_machine *m);
void cw_machine_missing(struct cw_machine *m);
void cw_machine_remake(struct cw_machine *m);
void cw_machine_fail(struct cw_machine *m);
void cw_machine_operator_ok(struct cw_machine *m);
void cw_machine_end(struct cw_machine *m, enum cw_job_state state);

bool cw_where_in_machine(enum cw_where where);
/* No plastic of the job is anywhere but in the reject box. */
bool cw_machine_nothing_loaded(const struct cw_job *job);

/* steps.c */
const char *cw_je_preflight(struct cw_machine *m);
const char *cw_je_wake(struct cw_machine *m);
const char *cw_je_intent(struct cw_machine *m);
const char *cw_je_attempt(struct cw_machine *m);
const char *cw_je_result(struct cw_machine *m);
const char *cw_je_result_none(struct cw_machine *m);
const char *cw_je_verdict(struct cw_machine *m);

/* people.c */
const char *cw_je_cancel(struct cw_machine *m);
const char *cw_je_destroyed(struct cw_machine *m);
const char *cw_je_decision(struct cw_machine *m);
const char *cw_je_visual(struct cw_machine *m);
const char *cw_je_pin_intent(struct cw_machine *m);
const char *cw_je_pin_set(struct cw_machine *m);
const char *cw_je_pin_failed(struct cw_machine *m);
const char *cw_je_pin_in_doubt(struct cw_machine *m);
const char *cw_je_activated(struct cw_machine *m);
const char *cw_je_delivered(struct cw_machine *m);
const char *cw_je_returned(struct cw_machine *m);

/* central.c */
const char *cw_je_divert(struct cw_machine *m);
const char *cw_je_diverted(struct cw_machine *m);
const char *cw_je_central_refused(struct cw_machine *m);
const char *cw_je_central_ordered(struct cw_machine *m);
const char *cw_je_production(struct cw_machine *m);
const char *cw_je_production_failed(struct cw_machine *m);
