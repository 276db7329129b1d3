/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards the branch cannot make: the job is diverted to central production, by the product's policy or by a
 * person's word, and its order is a report of the outbox: durable before it is sent, repeated until it is
 * acknowledged, and made once (each way reads back before it repeats).
 */
#pragma once

#include "agent/d1/d1.h"
#include "agent/daemon/daemon.h"

/* D1 when it is configured; the policy's timer. */
CW_WARN_UNUSED cw_rc cw_central_new(struct cw_daemon *d, struct cw_central **ret, struct cw_fault *f);
/* Answers what is under way; NULL is fine. */
void cw_central_close(struct cw_central *c);
void cw_central_free(struct cw_central *c);
/* NULL when D1 is not configured. */
struct cw_d1 *cw_central_d1(struct cw_central *c);
/* Orders D1 has, for people; see production.h. */
json_t *cw_central_view(const struct cw_central *c);

struct cw_central_made {
        const json_t *evidence; /* where, by which number; borrowed */
        bool another_kit;       /* the card comes with a kit of its own */
        bool followed;          /* its production status can be asked */
        bool person;            /* IN_DOUBT that only a person can settle */
        bool refused; /* surely not done, not by an earlier try either: the branch has the job again */
};
/* made is NULL when there is nothing to tell. */
typedef void (*cw_central_fn)(void *ctx, cw_rc rc, const struct cw_fault *f, int64_t retry_after_ms,
                              const struct cw_central_made *made);
/* Orders the card of a CENTRAL report; item is borrowed until fn was called, later or at once. */
void cw_central_order(struct cw_central *c, const struct cw_outbox_item *item, cw_central_fn fn, void *ctx);

/* Orders of one customer and product go one after the other: the lost answer of one is told by what is new.
 */
bool cw_central_is_serial(const struct cw_central *c, const struct cw_outbox_item *item);

/* Many of these may be under way at once: they go out together. */
#define CW_CENTRAL_AT_ONCE 60
bool cw_central_is_batched(const struct cw_central *c, const struct cw_outbox_item *item);

/* central_dcms.c: registerCard with a delivery address; a new kit for the same account. */
void cw_central_dcms_order(struct cw_daemon *d, const struct cw_outbox_item *item,
                           const struct cw_job_row *row, cw_central_fn fn, void *ctx);

/* The number of the card at D1: its kit number. The id of an order there, made from the report's. */
void cw_central_request_id(const struct cw_outbox_item *item, char ret[65]);

/* api_central.c */
void cw_api_job_divert(void *ctx, struct cw_control_request *r);
void cw_api_job_central(void *ctx, struct cw_control_request *r);
void cw_api_d1_card(void *ctx, struct cw_control_request *r);
void cw_api_d1(void *ctx, struct cw_control_request *r);
/* api_d1_cards.c */
void cw_api_d1_order(void *ctx, struct cw_control_request *r);
void cw_api_d1_open(void *ctx, struct cw_control_request *r);
void cw_d1_batch_free(struct cw_daemon *d);

/* clang-format off */
#define CW_API_CENTRAL_ROUTES                                                                                \
        {"POST", "/v1/jobs/{}/divert", CW_ROLE_OPERATE, cw_api_job_divert},                                  \
        {"POST", "/v1/jobs/{}/central", CW_ROLE_OPERATE, cw_api_job_central},                                \
        {"POST", "/v1/d1/orders", CW_ROLE_OPERATE, cw_api_d1_order},                                         \
        {"POST", "/v1/d1/open", CW_ROLE_OPERATE, cw_api_d1_open},                                            \
        {"GET", "/v1/d1", CW_ROLE_VIEW, cw_api_d1},                                                          \
        {"GET", "/v1/d1/cards/{}", CW_ROLE_VIEW, cw_api_d1_card}
/* clang-format on */
