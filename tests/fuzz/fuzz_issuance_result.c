/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes a station might send as result and verdict, and what the state machine makes of them in each physical
 * step. */
#include "agent/issuance/issuance.h"
#include "base/cleanup.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void apply(struct cw_job *job, const struct cw_job_event *e) {
        struct cw_job_actions actions;
        if (cw_rc_class(cw_issuance_apply(job, e, &actions)) == CW_C_FATAL ||
            actions.count > CW_JOB_ACTIONS_MAX)
                abort();
}

static struct cw_job job_in(enum cw_step step) {
        struct cw_job job;
        cw_issuance_init(&job, "J1");
        job.state = step == CW_STEP_FEED ? CW_JOB_DATA_OK : CW_JOB_LOADED;
        job.place = step == CW_STEP_FEED ? CW_PLACE_NONE : CW_PLACE_TRANSPORT;
        job.plastic = step != CW_STEP_FEED;
        job.wait = CW_WAIT_RESULT;
        job.step = step;
        job.seq = 3;
        job.intent_open = true;
        return job;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        CW_AUTO_JSON json_t *reply = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
        for (int step = CW_STEP_PREFLIGHT; step < CW_STEP_MAX_; step++) {
                struct cw_job_event e;
                struct cw_job job = job_in((enum cw_step)step);
                cw_issuance_event_from_result((enum cw_step)step, 3, reply, &e);
                apply(&job, &e);
                /* Without a well-formed "done" no step counts as done. */
                if (!reply && step != CW_STEP_PREFLIGHT && job.state != CW_JOB_IN_DOUBT)
                        abort();
                job = job_in((enum cw_step)step);
                job.wait = CW_WAIT_RECONCILE;
                cw_issuance_event_from_verdict((enum cw_step)step, 3, reply, &e);
                apply(&job, &e);
        }
        return 0;
}
