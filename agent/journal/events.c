/* SPDX-License-Identifier: Apache-2.0 */
/* An event as JSON: the body of its row, from which the projection can be folded again. */
#include "agent/journal/db.h"

#include <string.h>

json_t *cw_event_to_json(const struct cw_job_event *e) {
        return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:s, s:s}",
                         "type", cw_job_event_name(e->kind), "step", cw_step_name(e->step), "seq",
                         (json_int_t)e->seq, "outcome", cw_outcome_name(e->outcome), "class",
                         cw_class_name(e->cls), "where", cw_where_name(e->where), "verdict",
                         cw_verdict_name(e->verdict), "decision", cw_decision_name(e->decision),
                         "ribbon_used", e->ribbon_used, "key_tried", e->key_tried, "ok", e->ok, "remake",
                         e->remake, "auto_visual", e->auto_visual, "station", e->station, "code", e->code);
}

static bool copy(const char *from, char *ret, size_t cap) {
        size_t n = strlen(from);
        if (n >= cap)
                return false;
        memcpy(ret, from, n + 1);
        return true;
}

bool cw_event_from_json(const json_t *obj, struct cw_job_event *ret) {
        struct cw_job_event e = {0};
        const char *type, *step, *outcome, *cls, *where, *verdict, *decision, *station, *code;
        json_int_t seq;
        int ribbon_used, key_tried, ok, remake, auto_visual;
        /* jansson does not change what it unpacks, its signature only lacks the const. */
        json_t *o = json_incref((json_t *)(uintptr_t)obj);
        int rc = json_unpack(o, "{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:s, s:s}",
                             "type", &type, "step", &step, "seq", &seq, "outcome", &outcome, "class", &cls,
                             "where", &where, "verdict", &verdict, "decision", &decision, "ribbon_used",
                             &ribbon_used, "key_tried", &key_tried, "ok", &ok, "remake", &remake,
                             "auto_visual", &auto_visual, "station", &station, "code", &code);
        bool good = rc == 0 && seq >= 0 && seq <= UINT32_MAX && cw_job_event_from_name(type, &e.kind) &&
                    cw_step_from_name(step, &e.step) && cw_outcome_from_name(outcome, &e.outcome) &&
                    cw_where_from_name(where, &e.where) && cw_verdict_from_name(verdict, &e.verdict) &&
                    cw_decision_from_name(decision, &e.decision) &&
                    copy(station, e.station, sizeof e.station) && copy(code, e.code, sizeof e.code);
        if (good) {
                e.seq = (uint32_t)seq;
                e.cls = strcmp(cls, "OK") == 0 ? CW_C_NONE : cw_class_from_name(cls);
                e.ribbon_used = ribbon_used;
                e.key_tried = key_tried;
                e.ok = ok;
                e.remake = remake;
                e.auto_visual = auto_visual;
                *ret = e;
        }
        json_decref(o);
        return good;
}
