/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator: the slot, the card in it, its faults, and the control commands. */
#pragma once

#include "chip.h"
#include "fault.h"
#include "vpcd.h"

#include <jansson.h>
#include <stdio.h>

struct emuc_emu {
        struct emuc_config cfg;
        struct emuc_keys keys;
        char host[64];
        uint16_t port;
        FILE *log;
        FILE *wire; /* every byte that came, and what happened to the card between */
        struct emuc_vpcd vpcd;
        struct emuc_chip *chip; /* NULL = no plastic in the reader */
        char dir[EMUC_PATH_MAX];
        bool dead; /* present, but silent until presented anew */
        int64_t reconnect_at_ms;
        struct emuc_fault faults[EMUC_FAULTS];
        uint8_t late[EMUC_RSP_MAX + 2];
        size_t late_len;
        int64_t late_at_ms;
        json_t *violations;
        uint64_t violation_count;
};

int64_t emuc_now_ms(void);
void emuc_log(struct emuc_emu *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Card in and out of the reader. -1 and a sentence in err. */
int emuc_emu_present(struct emuc_emu *e, const char *dir, char *err, size_t err_cap);
void emuc_emu_remove(struct emuc_emu *e);
/* Serves the reader after poll() and whatever time has come; how long poll() may wait. */
void emuc_emu_readable(struct emuc_emu *e);
void emuc_emu_tick(struct emuc_emu *e);
int emuc_emu_timeout_ms(const struct emuc_emu *e);

/* One control request; never NULL. */
json_t *emuc_emu_control(void *ctx, const json_t *request);
