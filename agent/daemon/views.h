/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs see, as JSON; from memory and journal, nothing is asked of a device. */
#pragma once

#include "agent/daemon/daemon.h"

json_t *cw_view_status(struct cw_daemon *d);
json_t *cw_view_stations(struct cw_daemon *d);
/* The product keeps the PIN in the chip too (chip_pin_script). */
bool cw_view_chip_has_pin(const struct cw_daemon *d, const struct cw_kit *kit);
/* One job; progress of its step while it runs. */
json_t *cw_view_job(struct cw_daemon *d, const struct cw_job_row *row);
CW_WARN_UNUSED cw_rc cw_view_jobs(struct cw_daemon *d, bool all, json_t **ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_view_stock(struct cw_daemon *d, json_t **ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_view_outbox(struct cw_daemon *d, json_t **ret, struct cw_fault *f);
/* OpenMetrics text; free() it. NULL when out of memory. */
char *cw_view_metrics(struct cw_daemon *d);
