/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "drivers/printer/printer.h"

/* Matica and EDIsecure XID retransfer printers. README.md says what is known of them. */
extern const struct cw_printer_ops cw_matica_ops;
