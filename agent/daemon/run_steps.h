/* SPDX-License-Identifier: Apache-2.0 */
/* What a run does with its station and its hsmd session. */
#pragma once

#include "agent/daemon/runs.h"

/* Carries out one action; the answer comes as an event of the job. */
void cw_run_perform(struct cw_run *r, const struct cw_job_action *a);
/* Something it waited for may be there now: hsmd, an idle station. */
void cw_run_continue(struct cw_run *r);
/* The station is the job's from now on. */
void cw_run_bind(struct cw_run *r, struct cw_station_link *l);
/* Lets go of station and session. */
void cw_run_release(struct cw_run *r);
/* Lets go of both and tells the job that its station is gone. r may be gone afterwards. */
void cw_run_lose_station(struct cw_run *r);
/* Makes the event durable and carries out what follows. evidence is borrowed, may be NULL. */
void cw_run_event(struct cw_run *r, const struct cw_job_event *event, const json_t *evidence,
                  const char *actor);
/* After a journal function: checks rc, takes over the job, performs the actions. r may be gone afterwards. */
void cw_run_take(struct cw_run *r, cw_rc rc, const struct cw_fault *f, const struct cw_change *change);
