/* SPDX-License-Identifier: Apache-2.0 */
/* Scripted faults: which call of which endpoint goes wrong, and how. They live in memory only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum cw_dsim_drop {
        CW_DSIM_DROP_NONE,
        CW_DSIM_DROP_BEFORE, /* the request is lost: nothing happened */
        CW_DSIM_DROP_AFTER,  /* the response is lost: it has happened */
};

struct cw_dsim_fault {
        char endpoint[96]; /* below the base path, or "*" */
        char contains[64]; /* only calls whose body has this text; "" = all */
        int64_t nth;       /* first call it hits, counted from its installation */
        int64_t count;     /* how many calls from there; 0 means all */
        int status;        /* 0: none */
        char exception[48];
        bool after_commit; /* status is answered after the work was done */
        int64_t delay_ms;
        int64_t delay_after_ms;
        int64_t drip_bytes; /* 0: whole response at once */
        int64_t drip_ms;
        int64_t reset_after; /* bytes of the body after which the connection is reset; -1: never */
        enum cw_dsim_drop drop;
        bool malformed_json;
        int64_t truncate; /* bytes of the body kept, with a Content-Length that agrees; -1: all */
        char content_type[96];
        bool expire_token;
        int retry_after_s;
        int64_t seen;
        int64_t fired;
};

struct cw_dsim_faults;

struct cw_dsim_faults *cw_dsim_faults_new(void);
void cw_dsim_faults_free(struct cw_dsim_faults *faults);

/*
 * {"faults": [...], "append": bool}: replaces the list (or adds to it). All or nothing; the reason for a
 * refusal names the entry. Endpoints that do not exist are refused: a fault that can never fire would prove
 * nothing.
 */
bool cw_dsim_faults_load(struct cw_dsim_faults *faults, json_t *body, char *why, size_t why_size);
void cw_dsim_faults_clear(struct cw_dsim_faults *faults);

/* Counts one call of path; true when a fault hits it. The first rule that hits wins; all rules count. */
bool cw_dsim_faults_match(struct cw_dsim_faults *faults, const char *path, const char *body, size_t body_len,
                          struct cw_dsim_fault *ret_fault);

/* [{endpoint, nth, count, seen, fired}], new reference. */
json_t *cw_dsim_faults_json(const struct cw_dsim_faults *faults);
