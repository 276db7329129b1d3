/* SPDX-License-Identifier: Apache-2.0 */
/* The open jobs: carries out the actions of the state machine, and turns answers into its events. */
#pragma once

#include "agent/daemon/daemon.h"

/* One open job in memory. The journal is the truth; this only knows what is under way. */
struct cw_run {
        struct cw_daemon *daemon;
        struct cw_job job;
        struct cw_kit kit;
        int64_t still_since_ns;           /* monotonic: since this process began or the job moved on */
        bool was_refused;                 /* central production did not take it: only a person asks again */
        struct cw_station_link *link;     /* bound to this station, or NULL */
        char wanted[CW_STATION_NAME_CAP]; /* the station it needs; "" = any */
        bool wants_station;
        bool begun;      /* job.begin was acknowledged on this connection */
        bool opening;    /* session.open is under way */
        bool beginning;  /* job.begin is under way: a second session would end the one it carries */
        int64_t session; /* at hsmd, 0 = none */
        int session_fd;  /* until the station has it, else -1 */
        struct cw_job_action pending; /* waits for session and job.begin */
        bool has_pending;
        bool wants_data;              /* OPEN_DATA, waits for hsmd */
        bool asks_result, reconciles; /* wait until the station is not busy */
        bool looking;                 /* preflight is under way */
        bool not_ready_seen;          /* SUPPLIES: the printer was seen not ready since it began to wait */
        json_t *baseline;             /* of the open INTENT */
        struct cw_timer *timer;       /* retry or wake */
        bool resting;                 /* something failed: nothing is tried again before the timer */
        unsigned failures;            /* in a row: the longer, the longer the rest */
        unsigned binding; /* counts stations given and taken: answers to an earlier one are void */
        unsigned turn;    /* counts changes of the job */
        int percent;      /* of the step under way, for people */
        char doing[80];
        struct cw_run *next;
};

/* A job that the journal just accepted or recovered; performs its first actions. */
void cw_runs_add(struct cw_daemon *d, const struct cw_job_row *row, const struct cw_change *change);
/* A change of a job that another part made durable (reports, kiosk, control). */
void cw_runs_changed(struct cw_daemon *d, const struct cw_change *change);
struct cw_run *cw_runs_find(struct cw_daemon *d, const char *job);
/* Hands free stations to waiting jobs, and retries what waits for hsmd. */
void cw_runs_schedule(struct cw_daemon *d);

void cw_runs_station_up(struct cw_daemon *d, struct cw_station_link *l);
void cw_runs_station_down(struct cw_daemon *d, struct cw_station_link *l);
void cw_runs_station_status(struct cw_daemon *d, struct cw_station_link *l);
void cw_runs_station_event(struct cw_daemon *d, struct cw_station_link *l, struct cw_msg *event);
/* hsmd came or its state changed. */
void cw_runs_hsm_up(struct cw_daemon *d);
/* hsmd went away: the numbers of its sessions mean nothing any more. */
void cw_runs_hsm_down(struct cw_daemon *d);
/* hsmd closed this session. */
void cw_runs_session_closed(struct cw_daemon *d, int64_t session);
/* The job that has this station, or NULL. */
struct cw_run *cw_runs_at(struct cw_daemon *d, const struct cw_station_link *l);
/* The job whose card is in this station or that it works for, bound or not; NULL when the station may do
 * something else. */
struct cw_run *cw_runs_holder(struct cw_daemon *d, const struct cw_station_link *l);
void cw_runs_free(struct cw_daemon *d);
