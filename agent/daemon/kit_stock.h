/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kits of the branch's stock that nobody has yet: what an operator scanned on arrival is reported BANK
 * when the server has it on its way to this branch, through outages and restarts; what expires soon is looked
 * for and told.
 */
#pragma once

#include "agent/daemon/daemon.h"

struct cw_kit_stock;

CW_WARN_UNUSED cw_rc cw_kit_stock_new(struct cw_daemon *d, struct cw_kit_stock **ret);
void cw_kit_stock_free(struct cw_kit_stock *s);
CW_DEFINE_CLEANUP(struct cw_kit_stock *, cw_kit_stock_free);
/* POST /v1/kits/received {"kits": [...]}: durable before the answer, told to the server as soon as it
 * answers. */
void cw_api_kits_received(void *ctx, struct cw_control_request *r);
/* {"untold", "refused", "expired_count", "expiring_count", "expired": [kit...], "expiring": [kit...],
 * "looked_ms"}; the lists hold at most 16. */
json_t *cw_kit_stock_view(struct cw_kit_stock *s);

/* Whole months from now until the end of month yymm: 0 in its last month, negative when past. INT_MAX when
 * yymm is none. Months are of UTC. */
int cw_kit_months_left(const char *yymm, int64_t now_wall_ms);
