/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at everything a branch needs and says, one line each, what is wrong and what to do. */
#pragma once

#include "agent/daemon/daemon.h"

/* Logs in at the server, then answers r: {"checks": [{"what", "verdict": "ok|warn|fail", "text", "todo"}],
 * "verdict"}. */
void cw_doctor_run(struct cw_daemon *d, struct cw_control_request *r);
