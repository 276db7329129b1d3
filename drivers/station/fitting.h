/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "drivers/printer/printer.h"

/* What the configuration of a station says of its printer. Pure. */
void cw_station_fitting(const struct cw_config_station *s, struct cw_printer_fitting *ret);
