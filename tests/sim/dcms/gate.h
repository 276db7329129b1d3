/* SPDX-License-Identifier: Apache-2.0 */
/* The server's up and down, and waits that a stop cuts short. Has a lock of its own (see struct cw_dsim). */
#pragma once

#include "dsim.h"

/* False when the thread primitives cannot be made. */
bool cw_dsim_gate_init(struct cw_dsim *sim);
void cw_dsim_gate_done(struct cw_dsim *sim);

/* Down until a time in milliseconds since 1970 (0 or the past: up again). silent: accept nothing, say
 * nothing. */
void cw_dsim_gate_down(struct cw_dsim *sim, int64_t until_ms, bool silent);
bool cw_dsim_gate_is_down(struct cw_dsim *sim);

/* For a connection or request that met a down server: returns false at once, or after the silence. */
bool cw_dsim_gate_pass(struct cw_dsim *sim);

/* Sleeps; returns early when the server stops. */
void cw_dsim_gate_sleep(struct cw_dsim *sim, int64_t ms);

/* Wakes every sleeper for good. */
void cw_dsim_gate_stop(struct cw_dsim *sim);
