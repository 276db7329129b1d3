/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server has for this branch: received card orders are sent on, kits that were assigned to a
 * customer become jobs. Polls between poll_min_ms and poll_max_ms, quicker while there is something new,
 * slower while there is not or the server is away.
 */
#pragma once

#include "agent/daemon/daemon.h"

CW_WARN_UNUSED cw_rc cw_intake_new(struct cw_daemon *d, struct cw_intake **ret);
void cw_intake_free(struct cw_intake *in);
/* {"state", "pause_ms", "orders": [{"order", "status"}], "kits_seen"} for status. */
json_t *cw_intake_status(const struct cw_intake *in);
