/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/two_person.h"

#include <string.h>

static cw_rc refused(struct cw_fault *f, unsigned code, const char *text) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, code), 0, "hsm.two_person", "HSM_REQUEST", "%s", text);
}

const char *cw_two_person_name(enum cw_two_person_kind kind) {
        return kind == CW_TWO_PERSON_DESTROY ? "destroy" : "export";
}

cw_rc cw_two_person_ask(struct cw_two_person *t, const struct cw_two_person_request *r, int64_t *ret_id,
                        struct cw_fault *f) {
        struct cw_two_person_request *place = NULL;
        for (size_t i = 0; i < CW_TWO_PERSON_MAX; i++) {
                struct cw_two_person_request *q = &t->list[i];
                if (q->id == 0)
                        place = place ? place : q;
                else if (q->kind == r->kind && q->version == r->version && strcmp(q->label, r->label) == 0)
                        return refused(f, CW_E_STATE,
                                       "this was asked for already; another person confirms it");
        }
        if (place == NULL)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY), 0, "hsm.two_person", "HSM_BUSY",
                               "too many requests wait for a second person; confirm or drop some");
        *place = *r;
        place->id = ++t->next;
        *ret_id = place->id;
        return CW_OK;
}

static struct cw_two_person_request *find(struct cw_two_person *t, int64_t id) {
        for (size_t i = 0; id > 0 && i < CW_TWO_PERSON_MAX; i++) {
                if (t->list[i].id == id)
                        return &t->list[i];
        }
        return NULL;
}

cw_rc cw_two_person_confirm(struct cw_two_person *t, int64_t id, uid_t uid, struct cw_two_person_request *ret,
                            struct cw_fault *f) {
        struct cw_two_person_request *r = find(t, id);
        if (r == NULL)
                return refused(f, CW_E_NOT_FOUND, "no request of this number waits; it may be too old");
        if (r->uid == uid)
                return refused(f, CW_E_DENIED, "who asked cannot confirm; another person must");
        *ret = *r;
        r->id = 0;
        return CW_OK;
}

cw_rc cw_two_person_drop(struct cw_two_person *t, int64_t id, struct cw_two_person_request *ret,
                         struct cw_fault *f) {
        struct cw_two_person_request *r = find(t, id);
        if (r == NULL)
                return refused(f, CW_E_NOT_FOUND, "no request of this number waits; it may be too old");
        *ret = *r;
        r->id = 0;
        return CW_OK;
}

int64_t cw_two_person_expire(struct cw_two_person *t, int64_t now_ns) {
        int64_t nearest = INT64_MAX;
        for (size_t i = 0; i < CW_TWO_PERSON_MAX; i++) {
                struct cw_two_person_request *r = &t->list[i];
                if (r->id != 0 && r->deadline_ns <= now_ns)
                        r->id = 0;
                if (r->id != 0 && r->deadline_ns < nearest)
                        nearest = r->deadline_ns;
        }
        return nearest;
}

json_t *cw_two_person_json(const struct cw_two_person *t) {
        json_t *list = json_array();
        for (size_t i = 0; i < CW_TWO_PERSON_MAX; i++) {
                const struct cw_two_person_request *r = &t->list[i];
                if (r->id == 0)
                        continue;
                if (json_array_append_new(
                        list, json_pack("{s:I, s:s, s:s, s:i, s:s, s:s}", "request", (json_int_t)r->id,
                                        "what", cw_two_person_name(r->kind), "label", r->label, "version",
                                        (int)r->version, "kbpk", r->kbpk, "user", r->user)) != 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}
