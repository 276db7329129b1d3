/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kit whose card was spoiled for good, by the product's policy: blocked, or blocked and replaced, before it
 * is reported RETURNED. The state of the kit is read first, so that a report repeated after a restart never
 * makes a second replacement; a kit that is blocked already, nobody knows by whom, goes to a person.
 */
#pragma once

#include "agent/daemon/daemon.h"

/* The manageKit operation the report asks for; NULL when it asks for none. The journal is read. */
const char *cw_spoiled_operation(struct cw_daemon *d, const struct cw_outbox_item *item);
/*
 * Carries it out; fn hears OK when the kit is in the state asked for, however it came there. item and
 * operation are borrowed until then. IN_DOUBT must not be repeated.
 */
void cw_spoiled_manage(struct cw_daemon *d, const struct cw_outbox_item *item, const char *operation,
                       cw_dcms_fn fn, void *ctx);
