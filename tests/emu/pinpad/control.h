/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator process: pad, port and the control commands. */
#pragma once

#include "pad.h"
#include "port.h"

struct emud_emu {
        struct emud_config cfg;
        struct emud_pad pad;
        struct emud_port port;
        const char *link;
};

int64_t emud_now_ms(void);
/* One control request; never NULL. */
json_t *emud_control(void *ctx, const json_t *request);
