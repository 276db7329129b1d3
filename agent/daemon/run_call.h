/* SPDX-License-Identifier: Apache-2.0 */
/* How a run speaks with its station and with hsmd. */
#pragma once

#include "agent/daemon/runs.h"

#define CW_QUICK_CALL_MS 8000

/* rc CW_OK and reply, or rc, fault and NULL. */
typedef void (*cw_run_answer_fn)(struct cw_run *r, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply);

/* {"call", "job"}, and with "step" and "seq". NULL when out of memory, which the calls below accept. */
struct cw_msg *cw_run_msg(const struct cw_run *r, const char *call);
struct cw_msg *cw_run_step_msg(const struct cw_run *r, const char *call, enum cw_step step, uint32_t seq);
/* "station:<name>" for the journal. */
void cw_run_station_actor(const struct cw_run *r, char ret[CW_ACTOR_CAP]);

/* Takes m; fn gets the answer unless the run is gone, or has another station, by then. r->link is not NULL.
 */
void cw_run_ask_station(struct cw_run *r, struct cw_msg *m, int64_t timeout_ms, cw_run_answer_fn fn);
/* The same without an answer. */
void cw_run_tell_station(struct cw_run *r, struct cw_msg *m);
/* Takes m; fn gets the answer unless the run is gone by then. */
void cw_run_ask_hsm(struct cw_run *r, struct cw_msg *m, cw_run_answer_fn fn);
/*
 * cw_run_continue once the run has rested. What fails again and again is tried less and less often; news from
 * hsmd or a new station ends the rest early.
 */
void cw_run_retry_later(struct cw_run *r);
