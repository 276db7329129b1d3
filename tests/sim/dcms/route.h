/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request in, one HTTP response out: every check of the documents, then the handler, in one
 * transaction. */
#pragma once

#include "dsim.h"
#include "faults.h"

struct cw_dsim_in {
        const char *method;
        const char *path;
        const char *tenant; /* headers; NULL when absent */
        const char *authorization;
        const char *content_type;
        const char *request_id;
        const char *sim_token;
        const char *order_arg; /* ?orderId= */
        const char *cards_arg; /* ?isAllCardsRequired= */
        const char *stray_arg; /* the name of any other query argument */
        const char *body;
        size_t body_len;
        bool too_large;
        const uint8_t *upload; /* the part "file" of multipart/form-data */
        size_t upload_len;
        const char *upload_name;
        const char *upload_fault; /* what is wrong with the multipart body, or NULL */
};

struct cw_dsim_out {
        int status;
        char *body; /* malloc'd */
        size_t body_len;
        const char *media; /* NULL: application/json */
        bool dropped;      /* answer nothing, reset the connection */
        bool known;        /* the path may be shown in the log */
        int retry_after_s;
        char code[48]; /* errorCode, for the log */
        bool has_fault;
        struct cw_dsim_fault fault;
};

void cw_dsim_route(struct cw_dsim *sim, const struct cw_dsim_in *in, struct cw_dsim_out *out);

/* The test side under /_sim/ (simside.c). path is what follows /_sim. */
void cw_dsim_simside(struct cw_dsim *sim, const struct cw_dsim_in *in, const char *path,
                     struct cw_dsim_out *out);

/* True when the request carries the token of the test side. */
bool cw_dsim_simside_token_ok(const struct cw_dsim *sim, const struct cw_dsim_in *in);

/* True when header is media type want, with or without parameters. */
bool cw_dsim_media_is(const char *header, const char *want);
