/* SPDX-License-Identifier: Apache-2.0 */
/* Evolis card printers (Primacy, Zenius, Elypso, Agilia, KC/KM kiosks; Dualys, Pebble, Tattoo, Quantum). */
#pragma once

#include "drivers/printer/printer.h"

extern const struct cw_printer_ops cw_evolis_ops;
