/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control API: HTTP and JSON on a unix socket, one loop thread, authorised by the peer's uid and groups.
 * A route's handler answers at once or later; the connection waits meanwhile. Bodies are at most 64 KiB of
 * JSON.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/loop.h"

#include <jansson.h>
#include <stdint.h>

struct cw_control;
struct cw_control_request;

/* What a caller may do: look, run the branch's work, or change the machine. */
enum cw_role { CW_ROLE_NONE, CW_ROLE_VIEW, CW_ROLE_OPERATE, CW_ROLE_ADMIN };

typedef void (*cw_control_fn)(void *ctx, struct cw_control_request *r);

struct cw_control_route {
        const char *method; /* "GET" or "POST" */
        const char *path;   /* "/v1/jobs", or with one segment left open: "/v1/jobs/{}/cancel" */
        enum cw_role role;  /* at least */
        cw_control_fn fn;
};

struct cw_control_options {
        const char *path;          /* of the socket */
        const char *operate_group; /* "" = none */
        const char *admin_group;   /* "" = none */
        const struct cw_control_route *routes;
        size_t route_count;
        void *ctx; /* for the handlers */
};

/* Root and the daemon's own user administer; members of the groups as named; everybody else is refused.
 * Options are borrowed. */
CW_WARN_UNUSED cw_rc cw_control_new(struct cw_loop *loop, const struct cw_control_options *options,
                                    struct cw_control **ret, struct cw_fault *f);
void cw_control_free(struct cw_control *c);
CW_DEFINE_CLEANUP(struct cw_control *, cw_control_free);

/* The path segment that stood for {}, "" when the route has none. */
const char *cw_control_segment(const struct cw_control_request *r);
/* The body, an object (empty when none was sent); borrowed. */
json_t *cw_control_body(struct cw_control_request *r);
/* A query argument, "" when absent. */
const char *cw_control_query(struct cw_control_request *r, const char *name);
uint32_t cw_control_uid(const struct cw_control_request *r);
/* "uid:1000" */
const char *cw_control_actor(const struct cw_control_request *r);

/*
 * Exactly one of these answers a request; it is gone afterwards. json is taken, NULL becomes {}. A client
 * that hung up meanwhile makes no difference. What was never answered is answered with 503 by
 * cw_control_free.
 */
void cw_control_reply(struct cw_control_request *r, json_t *take);
void cw_control_reply_text(struct cw_control_request *r, const char *content_type, const char *text);
/* {"error": fault}; the HTTP status follows from the class: REJECT 409 (or by its code 400, 403, 404, 405,
 * 413), OPERATOR 409, else 503. */
void cw_control_fail(struct cw_control_request *r, const struct cw_fault *f);
