/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Component entry: two or three key custodians each bring one component, the key is their XOR. What was
 * entered so far stays in secret memory of one worker and goes when the time is over. Split knowledge: each
 * number once, each custodian once.
 */
#pragma once

#include "base/secret.h"
#include "hsm/crypto.h"

#include <jansson.h>
#include <sys/types.h>

#define CW_CEREMONY_PARTS_MAX 3u
#define CW_CEREMONY_USER_MAX 33u

struct cw_ceremony_plan {
        char label[65];
        char kcv[11]; /* of the finished key; its length says which kind the components get too */
        char valid_from[11], valid_to[11];
        enum cw_hsm_alg alg; /* not CW_ALG_GENERIC: a key without check value is not entered by hand */
        unsigned components; /* 2 or 3 */
};
/* Who enters; component is the number this person holds, 0 = any. */
struct cw_custodian {
        uid_t uid;
        char user[CW_CEREMONY_USER_MAX];
        unsigned component;
};
struct cw_ceremony_step {
        unsigned component; /* number that was taken */
        char kcv[11];       /* of the component */
        bool complete;      /* it was the last one */
        char key_kcv[11];   /* of the finished key, when complete */
};

struct cw_ceremony;

/* REJECT for a plan that cannot be carried out. deadline_ns is on the monotonic clock. */
CW_WARN_UNUSED cw_rc cw_ceremony_start(const struct cw_ceremony_plan *plan, int64_t deadline_ns,
                                       struct cw_ceremony **ret, struct cw_fault *f);
/* Wipes. */
void cw_ceremony_free(struct cw_ceremony *ce);
CW_DEFINE_CLEANUP(struct cw_ceremony *, cw_ceremony_free);

/*
 * One component: hex digits with blanks between them as they like. kcv is what the custodian's form says, ""
 * when it says nothing. A component that is refused (REJECT: wrong person, length, characters, check value,
 * all zero) leaves the entry as it was. The last one checks the finished key against the plan: REJECT with
 * CW_E_MISMATCH ends the entry, *ret_over is set and nothing of it may be used.
 */
CW_WARN_UNUSED cw_rc cw_ceremony_enter(struct cw_ceremony *ce, const struct cw_hsm_crypto *c,
                                       const struct cw_custodian *who, const char *text, size_t len,
                                       const char *kcv, struct cw_ceremony_step *ret, bool *ret_over,
                                       struct cw_fault *f);

const struct cw_ceremony_plan *cw_ceremony_plan_of(const struct cw_ceremony *ce);
/* The finished key, borrowed; NULL before it is complete. */
const struct cw_secret *cw_ceremony_key(const struct cw_ceremony *ce);
int64_t cw_ceremony_deadline_ns(const struct cw_ceremony *ce);
/* {label, components, kcv, entered: [{component, custodian, kcv}]}; NULL when out of memory. */
json_t *cw_ceremony_json(const struct cw_ceremony *ce);
