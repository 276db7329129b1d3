/* SPDX-License-Identifier: Apache-2.0 */
/* What one person asked for and another must confirm: destruction and export of a key. Kept for a while in
 * the memory of one worker. */
#pragma once

#include "base/error.h"

#include <sys/types.h>

#define CW_TWO_PERSON_MAX 8u

enum cw_two_person_kind { CW_TWO_PERSON_DESTROY, CW_TWO_PERSON_EXPORT };
struct cw_two_person_request {
        int64_t id; /* 0: free place */
        enum cw_two_person_kind kind;
        char label[65];
        unsigned version;
        char kbpk[65]; /* export: label of the protection key */
        char block;    /* export: version of the key block */
        bool in_use;   /* destroy: even if it is the version in use */
        uid_t uid;     /* who asked */
        char user[33];
        int64_t deadline_ns; /* monotonic clock */
};
struct cw_two_person {
        int64_t next;
        struct cw_two_person_request list[CW_TWO_PERSON_MAX];
};

/* Copies r and gives it a number. REJECT/CW_E_STATE when the same was asked already, RETRY when full. */
CW_WARN_UNUSED cw_rc cw_two_person_ask(struct cw_two_person *t, const struct cw_two_person_request *r,
                                       int64_t *ret_id, struct cw_fault *f);
/* Takes the request out when this person may confirm it. REJECT: none of this number, or the same person. */
CW_WARN_UNUSED cw_rc cw_two_person_confirm(struct cw_two_person *t, int64_t id, uid_t uid,
                                           struct cw_two_person_request *ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_two_person_drop(struct cw_two_person *t, int64_t id,
                                        struct cw_two_person_request *ret, struct cw_fault *f);
/* Forgets what is too old. Returns the nearest deadline of the others, INT64_MAX when there are none. */
int64_t cw_two_person_expire(struct cw_two_person *t, int64_t now_ns);
/* [{request, what, label, version, kbpk, user}]; NULL when out of memory. */
json_t *cw_two_person_json(const struct cw_two_person *t);
const char *cw_two_person_name(enum cw_two_person_kind kind);
