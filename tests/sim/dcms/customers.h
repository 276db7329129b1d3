/* SPDX-License-Identifier: Apache-2.0 */
/* Customers and the kits put into an empty database from the configuration. */
#pragma once

#include "dsim.h"

/* Puts cfg.customers and cfg.kits in; false with a message on stderr when an entry is wrong. */
bool cw_dsim_customers_seed(struct cw_dsim *sim);
