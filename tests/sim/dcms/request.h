/* SPDX-License-Identifier: Apache-2.0 */
/* Collects one HTTP request (headers, query, body or file part) from libmicrohttpd. */
#pragma once

#include <microhttpd.h>

#include "route.h"

struct cw_dsim_request;

/* NULL when there is no memory. Free with cw_dsim_request_free. */
struct cw_dsim_request *cw_dsim_request_new(struct MHD_Connection *connection, const char *method,
                                            const char *path);
void cw_dsim_request_free(struct cw_dsim_request *request);

/* A piece of the body. */
void cw_dsim_request_feed(struct cw_dsim_request *request, const char *data, size_t len);

/* The view the router gets; valid while the request lives. */
const struct cw_dsim_in *cw_dsim_request_end(struct cw_dsim_request *request);
