/* SPDX-License-Identifier: Apache-2.0 */
/* The order worker. */
#pragma once

#include "dsim.h"

/*
 * Moves every order whose time has come: RECEIVED (when processed automatically), PENDING, PROCESSED with its
 * kits, SUCCESS or FAILED. Called before each request, so that no thread of its own is needed and a restart
 * loses nothing.
 */
void cw_dsim_orders_advance(struct cw_dsim *sim, int64_t now_ms);

/* A RECEIVED order goes to the CMS at at_ms: PENDING. */
void cw_dsim_orders_start(struct cw_dsim *sim, const char *id, int64_t at_ms);
