/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What servers do to answers without saying so: members and values nobody documented, rows twice and in
 * another order. Which reply is hit how follows from the seed.
 */
#pragma once

#include "dsim.h"

/* Changes the result of a reply in place, as the configuration's "traps" say. Needs no lock. */
void cw_dsim_traps_apply(struct cw_dsim *sim, json_t *result);
