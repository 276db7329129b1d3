/* SPDX-License-Identifier: Apache-2.0 */
/* Channel preferences of a card. */
#pragma once

#include "dsim.h"

/* {domestic, international, toggle, ...} with what was set on top of what a new card has. New reference. */
json_t *cw_dsim_preference_of(struct cw_dsim *sim, const char *kit_no);
