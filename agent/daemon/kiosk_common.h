/* SPDX-License-Identifier: Apache-2.0 */
/* What a hand-over (kiosk.c) and an issuer script (kiosk_order.c) do alike at a kiosk. */
#pragma once

#include "agent/daemon/daemon.h"

/*
 * Takes hsmd's answer to kiosk.seal_pan (rc, f, reply) and asks the server which kit has this card number. fn
 * is called exactly once: with the server's reply, or at once with hsmd's fault and no reply.
 */
void cw_kiosk_find_kit(struct cw_daemon *d, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply,
                       cw_dcms_fn fn, void *ctx);

/* A kiosk or hsmd that fails at once is not asked again and again: it rests for a moment. */
void cw_kiosk_rest(struct cw_daemon *d, const struct cw_station_link *l);
bool cw_kiosk_rests(const struct cw_daemon *d, const struct cw_station_link *l);
