/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "drivers/printer/printer.h"

/* What the configuration of a station says of its printer. Pure. */
void cw_station_fitting(const struct cw_config_station *s, struct cw_printer_fitting *ret);
/* Which one it is; ret borrows ret_others and the configuration. */
void cw_station_pick(const struct cw_config *c, const struct cw_config_station *s,
                     const char *ret_others[CW_CONFIG_STATIONS_MAX + 1], struct cw_printer_pick *ret);
