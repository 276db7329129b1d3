/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a step, in the words of the protocol (ARCHITECTURE.md, "cardwrightd → stationd"). */
#pragma once

#include "base/error.h"
#include "drivers/printer/printer.h"

#include <jansson.h>

enum cw_outcome { CW_OUTCOME_DONE, CW_OUTCOME_FAILED, CW_OUTCOME_IN_DOUBT };

struct cw_result {
        enum cw_outcome outcome;
        struct cw_fault fault; /* empty when done */
        enum cw_where where;
        bool ribbon_used, key_tried;
        json_t *evidence; /* owned object */
        int64_t ms;
};

/* NULL evidence on no memory is fine: the setters cope. */
void cw_result_init(struct cw_result *r);
void cw_result_done(struct cw_result *r);
/*
 * Judges rc: CW_OK is done; IN_DOUBT and FATAL leave the card in an unknown state; all others failed for
 * sure. A failure without a code gets fallback, so that people and reports always have one of the station
 * taxonomy.
 */
void cw_result_judge(struct cw_result *r, cw_rc rc, const struct cw_fault *f, const char *fallback);
void cw_result_evidence(struct cw_result *r, const char *key, const char *text);
void cw_result_evidence_int(struct cw_result *r, const char *key, int64_t value);
/* {"job":..,"step":..,"seq":..,"outcome":..,...}; NULL when out of memory. */
json_t *cw_result_to_json(const struct cw_result *r, const char *job, const char *step, int64_t seq);
