/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the JSON body of a call straight in secret memory, checked against the endpoint table: a member the
 * table does not know, a missing one, one too long or not UTF-8 makes cw_request_end fail. No jansson: it
 * would leave copies.
 */
#pragma once

#include "agent/upstream/validate.h"

#include <stdint.h>

#define CW_REQUEST_PATH_CAP 192

struct cw_request {
        const struct cw_dcms_endpoint *endpoint;
        struct cw_secret *body;
        uint64_t seen;                  /* fields of the current object, by number */
        bool checked;                   /* its members went through cw_dcms_validate */
        unsigned rows;                  /* objects begun */
        const char *bad;                /* first field refused, NULL when all is well */
        cw_rc rc;                       /* first failure that is not a bad field */
        char path[CW_REQUEST_PATH_CAP]; /* below server.url, with PATH and QUERY members in it */
        char content_type[96];
};

/* Begins the body (for ROWS the array). cw_request_drop or cw_request_end ends its life. */
void cw_request_begin(struct cw_request *r, enum cw_dcms_endpoint_id id);
/* Closes the current object of a ROWS body and begins the next; needed before the first too. */
void cw_request_row(struct cw_request *r);
/* NULL and "" are left out (and then missing, when required). Values are copied. */
void cw_request_text(struct cw_request *r, const char *member, const char *value);
void cw_request_secret(struct cw_request *r, const char *member, const struct cw_secret *value);
void cw_request_list(struct cw_request *r, const char *member, const char *const *values, size_t count);
/* A number, padded with blanks; *ret_at (may be NULL) is where it stands in the body, for cw_request_patch.
 */
void cw_request_number(struct cw_request *r, const char *member, int64_t value, size_t *ret_at);
/*
 * All members at once, from JSON and secrets that went through cw_dcms_validate for this endpoint. Any
 * endpoint; only requestId is still missing. Instead of the calls above, not beside them.
 */
void cw_request_json(struct cw_request *r, const json_t *fields, const struct cw_dcms_secret_field *secrets,
                     size_t secret_count);
/* Replaces a number of a finished body in place: the next page. value is at most 8 characters. */
void cw_request_patch(struct cw_secret *body, size_t at, int64_t value);
/*
 * Adds requestId when the endpoint has one, closes the body and hands it over. FATAL/CW_E_MISSING or
 * FATAL/CW_E_RANGE with the member's name, never its value.
 */
CW_WARN_UNUSED cw_rc cw_request_end(struct cw_request *r, const char *request_id, struct cw_secret **ret,
                                    struct cw_fault *f);
void cw_request_drop(struct cw_request *r);

/* For reqjson.c: bytes as they are; a JSON string, false when the value is not UTF-8. */
void cw_request_put(struct cw_request *r, const void *bytes, size_t len);
bool cw_request_put_quoted(struct cw_request *r, const void *value, size_t len);
