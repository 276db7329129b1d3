/* SPDX-License-Identifier: Apache-2.0 */
/* Magicard card printers (Enduro, Rio Pro, Pronto; Rio 2, Tango 2), also sold under other names. */
#pragma once

#include "drivers/printer/printer.h"

extern const struct cw_printer_ops cw_magicard_ops;
