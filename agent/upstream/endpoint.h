/* SPDX-License-Identifier: Apache-2.0 */
/* The table of DCMS calls, made from endpoints.def. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum cw_dcms_endpoint_id {
#define CW_DCMS_ENDPOINT(id, name, method, path, timeout, body, request_id, lost) CW_DCMS_EP_##id,
#include "agent/upstream/endpoints.def"
        CW_DCMS_EP_MAX_,
};

enum cw_dcms_timeout { CW_DCMS_T_READ, CW_DCMS_T_WRITE, CW_DCMS_T_REPORT };
enum cw_dcms_body { CW_DCMS_B_NONE, CW_DCMS_B_OBJECT, CW_DCMS_B_ROWS };
enum cw_dcms_lost { CW_DCMS_LOST_REPEAT, CW_DCMS_LOST_SAME_ID, CW_DCMS_LOST_IN_DOUBT };
enum cw_dcms_kind { CW_DCMS_F_TEXT, CW_DCMS_F_SECRET, CW_DCMS_F_LIST, CW_DCMS_F_NUMBER };

struct cw_dcms_field {
        enum cw_dcms_endpoint_id endpoint;
        const char *name;
        enum cw_dcms_kind kind;
        bool required;
        size_t max; /* longest text in bytes, longest list in items */
};

struct cw_dcms_endpoint {
        enum cw_dcms_endpoint_id id;
        const char *name;
        const char *method;
        const char *path; /* below server.url */
        enum cw_dcms_timeout timeout;
        enum cw_dcms_body body;
        bool request_id;
        enum cw_dcms_lost lost;
};

/* id below CW_DCMS_EP_MAX_. Never NULL. */
const struct cw_dcms_endpoint *cw_dcms_endpoint(enum cw_dcms_endpoint_id id);
/* The fields of all endpoints, grouped by endpoint; *ret_count of them. */
const struct cw_dcms_field *cw_dcms_fields(size_t *ret_count);
/* The field of that endpoint, NULL when it has none of that name; *ret_bit (may be NULL) is its number in the
 * endpoint. */
const struct cw_dcms_field *cw_dcms_field(enum cw_dcms_endpoint_id id, const char *name, unsigned *ret_bit);
