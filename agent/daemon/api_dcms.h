/* SPDX-License-Identifier: Apache-2.0 */
/* The routes to the server's own calls: the catalogue, card orders, kits that leave the branch. docs:
 * agent/control/README.md */
#pragma once

#include "agent/daemon/daemon.h"
#include "agent/daemon/kit_stock.h"

/* api_dcms.c */
void cw_api_dcms_endpoints(void *ctx, struct cw_control_request *r);
void cw_api_dcms_call(void *ctx, struct cw_control_request *r);
/* api_orders.c */
void cw_api_order_create(void *ctx, struct cw_control_request *r);
void cw_api_order_file(void *ctx, struct cw_control_request *r);
void cw_api_order_status(void *ctx, struct cw_control_request *r);
void cw_api_order_cancel(void *ctx, struct cw_control_request *r);
void cw_api_order_process(void *ctx, struct cw_control_request *r);
void cw_api_order_sync(void *ctx, struct cw_control_request *r);
void cw_api_orders_sync(void *ctx, struct cw_control_request *r);
void cw_api_orders_retry(void *ctx, struct cw_control_request *r);
/* api_kits.c */
void cw_api_kit_requests(void *ctx, struct cw_control_request *r);
void cw_api_kit_request(void *ctx, struct cw_control_request *r);
void cw_api_kit_approve(void *ctx, struct cw_control_request *r);
void cw_api_kit_drop(void *ctx, struct cw_control_request *r);

#define CW_API_DCMS_ROUTES                                                                                   \
        {"GET", "/v1/dcms/endpoints", CW_ROLE_VIEW, cw_api_dcms_endpoints},                                  \
            {"POST", "/v1/dcms/call", CW_ROLE_ADMIN, cw_api_dcms_call},                                      \
            {"POST", "/v1/orders", CW_ROLE_OPERATE, cw_api_order_create},                                    \
            {"POST", "/v1/order-file", CW_ROLE_OPERATE, cw_api_order_file},                                  \
            {"POST", "/v1/orders/sync", CW_ROLE_OPERATE, cw_api_orders_sync},                                \
            {"POST", "/v1/orders/retry", CW_ROLE_OPERATE, cw_api_orders_retry},                              \
            {"GET", "/v1/orders/{}", CW_ROLE_VIEW, cw_api_order_status},                                     \
            {"POST", "/v1/orders/{}/cancel", CW_ROLE_OPERATE, cw_api_order_cancel},                          \
            {"POST", "/v1/orders/{}/process", CW_ROLE_OPERATE, cw_api_order_process},                        \
            {"POST", "/v1/orders/{}/sync", CW_ROLE_OPERATE, cw_api_order_sync},                              \
            {"POST", "/v1/kits/received", CW_ROLE_OPERATE, cw_api_kits_received},                            \
            {"GET", "/v1/kit-requests", CW_ROLE_VIEW, cw_api_kit_requests},                                  \
            {"POST", "/v1/kit-requests", CW_ROLE_OPERATE, cw_api_kit_request},                               \
            {"POST", "/v1/kit-requests/{}/approve", CW_ROLE_OPERATE, cw_api_kit_approve}, {                  \
                "POST", "/v1/kit-requests/{}/drop", CW_ROLE_OPERATE, cw_api_kit_drop                         \
        }

/* ---- shared by the three ---- */

/* A call to the server under way for somebody who waits at the control socket. */
struct cw_bank_ask;
/* Ends it: answers the request. ask is gone afterwards. */
typedef void (*cw_bank_done_fn)(struct cw_bank_ask *ask, cw_rc rc, const struct cw_fault *f,
                                const struct cw_dcms_reply *reply);

struct cw_bank_ask {
        struct cw_daemon *daemon;
        struct cw_control_request *request;
        char what[48];    /* for the audit log: "order.create" */
        char subject[80]; /* order or request number */
        char actor[32];
        bool quiet;           /* only reads: the audit log is not told */
        cw_bank_done_fn done; /* NULL: the result is the answer */
};

/*
 * Audits who asks for what, then makes the call. fields is taken. Whatever goes wrong is answered. detail
 * (taken, may be NULL) is what the audit log keeps: names and numbers of things, never of people.
 */
void cw_bank_ask(struct cw_daemon *d, struct cw_control_request *r, const struct cw_bank_ask *ask,
                 const char *call, json_t *take_fields, const struct cw_dcms_secret_field *secrets,
                 size_t secret_count, json_t *take_detail);
/* The answer of an ask that ended well: {"subject": ..., "result", "confirmed", "replayed", "request_id"}. */
json_t *cw_bank_answer(const struct cw_bank_ask *ask, const struct cw_dcms_reply *reply);
/* Answers with a refusal of our own. */
void cw_bank_refuse(struct cw_control_request *r, unsigned code, const char *text);
/* What this caller does, into the audit chain, durable on return; takes the detail. A journal that fails ends
 * the daemon. */
CW_WARN_UNUSED cw_rc cw_bank_audit(struct cw_daemon *d, struct cw_control_request *r, const char *what,
                                   json_t *take_detail, struct cw_fault *f);
/* Frees files that wait for their order. */
void cw_order_files_free(struct cw_daemon *d);
