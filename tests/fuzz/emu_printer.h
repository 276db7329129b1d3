/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes a driver may send: the emulated printer must answer or stay silent, never break. */
#pragma once

#include "tests/emu/printer/model.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t emu_printer_no_time(void *ctx) {
        (void)ctx;
        return 1;
}

/* One printer of this model and way of turning cards takes the bytes. */
static inline void emu_printer_take(const char *model, enum emup_flip flip, const uint8_t *data,
                                    size_t size) {
        /* An empty hopper: no plastic is ever made, nothing touches the disk. */
        const struct emup_config config = {.serial = "F1",
                                           .flip = flip,
                                           .model = model,
                                           .firmware = "1",
                                           .ribbon_kind = "ymcko",
                                           .plastics_dir = "/nonexistent",
                                           .ribbon_remaining = 5,
                                           .now_ms = emu_printer_no_time};
        struct emup_model *m;
        uint8_t reply[600];
        if (emup_model_new(&config, NULL, &m) != 0)
                abort();
        for (size_t done = 0, n; done < size; done += n) {
                n = emup_model_write(m, data + done, size - done);
                while (emup_model_read(m, reply, sizeof reply))
                        continue;
                if (!n)
                        break;
        }
        json_t *state = emup_model_state(m);
        if (!state)
                abort();
        json_decref(state);
        emup_model_free(m);
}
