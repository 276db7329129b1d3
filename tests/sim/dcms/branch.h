/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dsim.h"

/* Branches created or changed in an earlier run, put over those of the configuration. */
void cw_dsim_branches_load(struct cw_dsim *sim);
