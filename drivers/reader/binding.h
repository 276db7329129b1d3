/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which reader is meant: names carry an index that moves when readers are plugged in another order, so a
 * reader may be named by where it is plugged in ("usb:1-1.2", the kernel's name of the port) or by its serial
 * number ("serial:ABC123"). Without one of these words it is a PC/SC name or the beginning of one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_READER_SERIAL_MAX 64
#define CW_READER_PORT_MAX 32

struct cw_reader_identity {
        char serial[CW_READER_SERIAL_MAX]; /* "" when the driver does not tell it */
        bool on_usb;
        uint8_t bus, device; /* SCARD_ATTR_CHANNEL_ID: 0020 bus device */
};

/* True when the reader has to be asked who it is. */
bool cw_reader_binding_asks(const char *wanted);
/* sysfs: where the kernel lists USB devices, /sys/bus/usb/devices. */
bool cw_reader_binding_matches(const char *wanted, const char *name, const struct cw_reader_identity *id,
                               const char *sysfs);
/* The kernel's name of the port a device is plugged into; false when there is no such device. */
bool cw_reader_usb_port(const char *sysfs, uint8_t bus, uint8_t device, char ret[CW_READER_PORT_MAX]);
/* Takes SCARD_ATTR_CHANNEL_ID apart; false for a channel that is no USB. */
bool cw_reader_channel_usb(uint32_t channel_id, uint8_t *ret_bus, uint8_t *ret_device);
