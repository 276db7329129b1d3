/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cable. Two of them, one linked into each program: a umockdev testbed with one usbfs node behind which
 * the printer model sits (carrier_umockdev.c), and usbredir to the kernel of a guest in QEMU
 * (carrier_usbredir.c). ioctls of the program under test arrive in threads of umockdev; the lock of the
 * carrier guards the model for everybody.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "usb_device.h"

struct emup_carrier;

struct emup_carrier_config {
        unsigned bus, dev;   /* umockdev: number at the first plug; each further one counts dev up */
        const char *testbed; /* umockdev: of another emulator, to hang beside its printer; or NULL */
        const char *port;    /* umockdev: "1-1" */
        const char *socket;  /* usbredir: where QEMU connects to; borrowed */
        struct emup_usb_strings strings; /* borrowed */
};

/* Before anything else in main(): starts the program again where the cable wants a library preloaded. 0 or
 * -1. */
int emup_carrier_prepare(char **argv);
/* Makes the testbed and plugs the printer in. 0 or -1 (said on stderr). The model is borrowed. */
int emup_carrier_new(const struct emup_carrier_config *config, struct emup_model *m,
                     struct emup_carrier **ret);
void emup_carrier_free(struct emup_carrier *c);
/* Value of UMOCKDEV_DIR for the program under test; the socket of usbredir. */
const char *emup_carrier_root(const struct emup_carrier *c);

void emup_carrier_lock(struct emup_carrier *c);
void emup_carrier_unlock(struct emup_carrier *c);

/* Main thread only, without the lock. False when it is so already. replug_ms 0 = not by itself. */
bool emup_carrier_unplug(struct emup_carrier *c, uint32_t replug_ms);
/* port: another one than before, NULL for the same. False for no such port too; QEMU has one only. */
bool emup_carrier_plug(struct emup_carrier *c, const char *port);
void emup_carrier_power_cycle(struct emup_carrier *c, uint32_t off_ms);

/* The main loop: a descriptor that becomes readable, a moment to wake up at, and what to do then (without the
 * lock). */
int emup_carrier_fd(const struct emup_carrier *c);
uint64_t emup_carrier_deadline_ns(struct emup_carrier *c);
void emup_carrier_run(struct emup_carrier *c);

/* {"plugged", "devnum", "claimed", ...}, new. */
json_t *emup_carrier_state(struct emup_carrier *c);
