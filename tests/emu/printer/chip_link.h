/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the chip emulator which plastic stands under the contacts: newline-delimited JSON over a unix socket,
 * {"cmd":"present","plastic":dir} and {"cmd":"remove"}, each answered {"ok":true}. One connection a command.
 */
#pragma once

#include <stdbool.h>

/* ctx = path of the socket. Both block for at most 5 s; false (said on stderr) when not answered with ok. */
bool emup_chip_present(void *ctx, const char *plastic_dir);
bool emup_chip_remove(void *ctx);
