/* SPDX-License-Identifier: Apache-2.0 */
/* A journal in a directory of its own, a clock that the test moves, and short ways to bring a job somewhere.
 */
#pragma once

#include "agent/journal/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define EV(...) ((struct cw_job_event){__VA_ARGS__})
#define SEALED "8E0bWm1Q0R5tYk3fZ2V1aQ7uJ0b0m6dQx5b6lq0Cw1k="

struct fixture {
        char dir[64];
        char path[96];
        int64_t now_ms;
        struct cw_clock clock;
        struct cw_journal *j;
        struct cw_fault fault;
        struct cw_change change;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

void fixture_open(struct fixture *x);
void fixture_close(struct fixture *x);
cw_rc fixture_try_open(struct fixture *x, int64_t disk_free_min_mib);

/* cmocka failure with the fault's text unless rc is CW_OK. */
void good(struct fixture *x, cw_rc rc);
void rejected(struct fixture *x, cw_rc rc, unsigned code);

/* Accepts the kit; ret is the job id. */
void accept_kit(struct fixture *x, const char *kit, char ret[CW_JOB_ID_CAP]);
void apply(struct fixture *x, const char *job, struct cw_job_event e);
/* Data opened with a hash made of the kit number, a station, preflight done. */
void to_feed(struct fixture *x, const char *job, const char *station);
/* INTENT and outcome of the step the job is at; where "transport". */
void run_step(struct fixture *x, const char *job, const char *outcome, const char *cls);
/* Runs the steps that come before this one. */
void run_up_to(struct fixture *x, const char *job, enum cw_step step);
/* A finished card that waits for its customer. */
void produce(struct fixture *x, const char *kit, char ret[CW_JOB_ID_CAP]);
/* Runs one statement on the closed file with a connection of its own. */
void tamper(struct fixture *x, const char *sql);
/* First column of the first row, through a second connection on the closed file. */
int64_t peek(struct fixture *x, const char *sql);
