/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-over at a kiosk: a released card is put in, proven genuine, its PIN chosen and set at the server while
 * the customer waits. No PIN block is ever stored; a lost answer of setPin leaves the job IN_DOUBT for a
 * person.
 */
#pragma once

#include "agent/daemon/daemon.h"

/* Starts a hand-over when this kiosk is free and a release is pending there. Cheap; called at each status of
 * a kiosk. */
void cw_kiosk_look(struct cw_daemon *d, struct cw_station_link *l);
/* New array [{"kiosk", "step", "job"}] of what is under way. */
json_t *cw_kiosk_status(const struct cw_daemon *d);
/* hsmd went away: the numbers of its sessions mean nothing any more. */
void cw_kiosk_hsm_down(struct cw_daemon *d);
/* At the end of the daemon, after links and server client are gone. */
void cw_kiosk_free_all(struct cw_daemon *d);
