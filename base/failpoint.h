/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failpoints, compiled in with -DCW_FAILPOINTS only. The environment variable CW_FAILPOINTS holds a plan
 * "site[@n]=action[;...]": at the n-th hit (default 1) of the site: kill (SIGKILL to itself), stop (SIGSTOP),
 * sleep:MS, error (the caller's failure branch runs).
 */
#pragma once

#ifdef CW_FAILPOINTS
#include <stdbool.h>
/* True when the caller is to fail here. May not return. */
bool cw_failpoint_hit(const char *site);
#define CW_FAILPOINT(site) cw_failpoint_hit(site)
#else
#define CW_FAILPOINT(site) (false)
#endif
