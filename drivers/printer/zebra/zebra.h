/* SPDX-License-Identifier: Apache-2.0 */
/* Eltron and Zebra P series card printers (EPCL); public in part only, see README.md. */
#pragma once

#include "drivers/printer/printer.h"

extern const struct cw_printer_ops cw_zebra_ops;
