/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of orders D1 has: productionStatus of each is asked, the oftener the more there is to tell,
 * until D1 says that the card is made (the job ends) or that it will not be (a person decides). What is known
 * of an order is in the journal; a restart begins with the shortest pause again.
 */
#pragma once

#include "agent/d1/d1.h"
#include "agent/daemon/daemon.h"

struct cw_production;

/* d1 is borrowed; NULL when D1 is not configured (any more): nothing is asked then. */
CW_WARN_UNUSED cw_rc cw_production_new(struct cw_daemon *d, struct cw_d1 *d1, struct cw_production **ret);
/* Before the D1 client is freed: the answers that are still out change nothing. */
void cw_production_close(struct cw_production *p);
void cw_production_free(struct cw_production *p);
/* {"ordered", "failed", "orders": [{"job", "kit", "detail", "failed", "asked_ms", "text"}]} */
json_t *cw_production_view(const struct cw_production *p);

/* What an answer means for the order with this operation or request id. Pure. */
enum cw_production_news {
        CW_PRODUCTION_UNLISTED, /* the order is not among the operations */
        CW_PRODUCTION_UNDER_WAY,
        CW_PRODUCTION_MADE,
        CW_PRODUCTION_FAILED,
};
enum cw_production_news cw_production_judge(const struct cw_d1_operation *operations, size_t count,
                                            const char *operation_id, const char *request_id,
                                            const struct cw_d1_operation **ret);
