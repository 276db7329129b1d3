/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "drivers/printer/printer.h"

/* Tells what is attached and drives nothing. README.md says why. */
extern const struct cw_printer_ops cw_probe_ops;
