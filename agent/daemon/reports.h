/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbox on its way to the server. Order is per kit: a refused report parks its kit alone. What each
 * report is to DCMS: PRODUCED = deliveryStatus BANK, ACTIVATE = kitActivation, DELIVERED = deliveryStatus
 * DELIVERED; FAILED, DATA_ERROR and CANCELLED = deliveryStatus RETURNED, since DCMS has no call for a card
 * that could not be made; the kit of a spoiled card is first blocked or replaced where its product says so. A
 * delivery status that may have arrived before (its answer was lost, or the process died) is read back first,
 * and sent again only when the server has another one.
 */
#pragma once

#include "agent/daemon/daemon.h"

CW_WARN_UNUSED cw_rc cw_reports_new(struct cw_daemon *d, struct cw_reports **ret);
void cw_reports_free(struct cw_reports *rp);
/* Looks at the outbox now rather than at the next tick. */
void cw_reports_kick(struct cw_reports *rp);
/* A report of this kit is on its way to the server right now. */
bool cw_reports_busy(const struct cw_reports *rp, const char *kit);
