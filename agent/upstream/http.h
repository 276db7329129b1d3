/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTPS exchange at a time per handle, any number at once, libcurl's multi interface driven by a cw_loop.
 * Knows nothing of the server's API. Only https, no redirects, no proxy, no system CA store. Answers land in
 * secret memory.
 */
#pragma once

#include "agent/upstream/tls.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stdint.h>

#define CW_HTTP_ANSWER_MAX CW_SECRET_CAP_MAX

struct cw_http;
struct cw_http_exchange;

struct cw_http_request {
        const char *method;            /* "POST", "PUT", "GET" (without a body) */
        const char *url;               /* copied */
        const char *content_type;      /* of the body; copied; NULL for GET */
        const char *tenant;            /* TENANT header, NULL or "" = none; copied */
        const char *request_id;        /* X-Request-Id header, NULL or "" = none; copied */
        const char *correlation_id;    /* x-correlation-id header, NULL or "" = none; copied */
        const struct cw_secret *token; /* bearer token, NULL = none; copied */
        struct cw_span body;           /* borrowed until fn or cw_http_cancel */
        int64_t connect_timeout_ms;
        int64_t timeout_ms; /* the whole exchange */
        bool fresh;         /* a new connection, so that libcurl never repeats the request by itself */
};

/* What came of it; all borrowed for the callback, except body, which the callback may steal. */
struct cw_http_result {
        cw_rc rc; /* CW_OK: a whole answer with any status */
        struct cw_fault
            fault; /* rc != CW_OK: RETRY the network, OPERATOR TLS, REJECT the answer was too large */
        bool sent; /* the request may have reached the server */
        int status;
        char content_type[64];  /* lower case, without parameters */
        int64_t retry_after_ms; /* -1 = none */
        int64_t date_ms;        /* Date header as Unix milliseconds, 0 = none */
        struct cw_secret *body; /* never NULL when rc is CW_OK */
};
typedef void (*cw_http_fn)(void *ctx, struct cw_http_result *result);

/* Borrows all three. */
CW_WARN_UNUSED cw_rc cw_http_new(struct cw_loop *loop, const struct cw_clock *clock, struct cw_tls *tls,
                                 struct cw_http **ret, struct cw_fault *f);
/* All exchanges must have ended or been cancelled. */
void cw_http_free(struct cw_http *h);
CW_DEFINE_CLEANUP(struct cw_http *, cw_http_free);

/* fn is called once, later. The exchange is gone after it. RETRY/CW_E_NOMEM when it could not be started. */
CW_WARN_UNUSED cw_rc cw_http_start(struct cw_http *h, const struct cw_http_request *request, cw_http_fn fn,
                                   void *ctx, struct cw_http_exchange **ret, struct cw_fault *f);
/* Ends it without calling fn. True when the request may have reached the server. */
bool cw_http_cancel(struct cw_http_exchange *x);
