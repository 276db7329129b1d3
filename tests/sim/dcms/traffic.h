/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections there are, and what went over them, TLS and all, as the kernel counts it. */
#pragma once

#include <jansson.h>

struct cw_dsim_traffic;

struct cw_dsim_traffic *cw_dsim_traffic_new(void);
void cw_dsim_traffic_free(struct cw_dsim_traffic *t);
void cw_dsim_traffic_opened(struct cw_dsim_traffic *t, int fd);
/* Before fd is closed. */
void cw_dsim_traffic_closed(struct cw_dsim_traffic *t, int fd);
/* {"open", "opened", "bytes_in", "bytes_out"} of open and closed connections, new reference. */
json_t *cw_dsim_traffic_json(struct cw_dsim_traffic *t);
