/* SPDX-License-Identifier: Apache-2.0 */
/* systemd readiness and watchdog, without libsystemd. No-ops when the service manager did not ask for them.
 */
#pragma once

#include <stdint.h>

/* e.g. "READY=1", "STATUS=...", "WATCHDOG=1", "STOPPING=1". */
void cw_notify(const char *state);
/* Half of WATCHDOG_USEC in milliseconds, 0 when there is no watchdog. */
int64_t cw_notify_watchdog_ms(void);
