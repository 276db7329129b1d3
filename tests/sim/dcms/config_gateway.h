/* SPDX-License-Identifier: Apache-2.0 */
/* The section "gateway" of the configuration, keys read and agreed on. */
#pragma once

#include "config.h"
#include "config_read.h"

/* config_path: key files are named relative to it. */
void cw_dsim_config_gateway(struct cw_dsim_gateway_config *g, struct cw_dsim_section top,
                            const char *config_path);
void cw_dsim_config_gateway_done(struct cw_dsim_gateway_config *g);
