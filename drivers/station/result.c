/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/result.h"

#include <stdio.h>
#include <string.h>

void cw_result_init(struct cw_result *r) {
        *r = (struct cw_result){.where = CW_WHERE_UNKNOWN, .evidence = json_object()};
}

void cw_result_done(struct cw_result *r) {
        json_decref(r->evidence);
        r->evidence = NULL;
}

void cw_result_judge(struct cw_result *r, cw_rc rc, const struct cw_fault *f, const char *fallback) {
        r->outcome = CW_OUTCOME_DONE;
        if (rc == CW_OK)
                return;
        enum cw_class cls = cw_rc_class(rc);
        r->outcome = cls == CW_C_IN_DOUBT || cls == CW_C_FATAL ? CW_OUTCOME_IN_DOUBT : CW_OUTCOME_FAILED;
        r->fault = *f;
        r->fault.rc = rc;
        if (!r->fault.code[0])
                (void)snprintf(r->fault.code, sizeof r->fault.code, "%s", fallback);
}

void cw_result_evidence(struct cw_result *r, const char *key, const char *text) {
        (void)json_object_set_new(r->evidence, key, json_string(text));
}

void cw_result_evidence_int(struct cw_result *r, const char *key, int64_t value) {
        (void)json_object_set_new(r->evidence, key, json_integer(value));
}

json_t *cw_result_to_json(const struct cw_result *r, const char *job, const char *step, int64_t seq) {
        static const char *const outcomes[] = {"done", "failed", "in_doubt"};
        bool done = r->outcome == CW_OUTCOME_DONE;
        const char *cls =
            r->outcome == CW_OUTCOME_IN_DOUBT ? "IN_DOUBT" : cw_class_name(cw_rc_class(r->fault.rc));
        return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:O*}", "job", job,
                         "step", step, "seq", (json_int_t)seq, "outcome", outcomes[r->outcome], "class",
                         done ? "OK" : cls, "code", done ? "" : r->fault.code, "text",
                         done ? "" : r->fault.text, "where", cw_where_name(r->where), "ribbon_used",
                         r->ribbon_used, "key_tried", r->key_tried, "native", (json_int_t)r->fault.native,
                         "ms", (json_int_t)r->ms, "evidence", r->evidence);
}
