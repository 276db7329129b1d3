/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two halves of the libusb transport: the bus (usb_bus.c) and an open device (usb_libusb.c). */
#pragma once

#include "drivers/transport/usb.h"

#include <libusb.h>

struct cw_usb_real;

#define CW_USB_RESETS_MAX 8

/* When a port was reset. */
struct cw_usb_port_reset {
        char port[CW_USB_STRING_MAX];
        int64_t at_ns;
};

struct cw_usb_bus {
        libusb_context *context;
        libusb_hotplug_callback_handle hotplug;
        bool watching;
        bool arrived;                /* since somebody asked */
        unsigned changes;            /* devices that came or went */
        struct cw_usb_real *devices; /* open ones */
        struct cw_usb_port_reset resets[CW_USB_RESETS_MAX];
        unsigned next_reset;
};

struct cw_usb_real {
        struct cw_usb base;
        struct cw_usb_bus *bus;
        libusb_device_handle *handle;
        struct cw_usb_real *next;
        bool claimed;
        bool gone;
        struct cw_usb_pending *pending;
        bool flown; /* the last transfer was accepted by the kernel */
};

extern const struct cw_usb_ops cw_usb_real_ops;

/* Lets libusb work for so long, or until *completed. */
void cw_usb_real_wait(struct cw_usb_real *d, int ms, int *completed);
/* What the status of a transfer that came back means, as a LIBUSB_ERROR_* or 0; notes a device that is gone.
 */
int cw_usb_real_status(struct cw_usb_real *d, const struct libusb_transfer *t);

/* The IN transfer that is always under way (usb_pending.c): one packet long, armed again once it was read. */

/* Reads up to a short packet, cap, or the deadline; *ret_moved is valid in every case. */
int cw_usb_pending_read(struct cw_usb_real *d, uint8_t *data, size_t cap, int64_t deadline_ns,
                        size_t *ret_moved);
/* Throws away what came, and arms. */
size_t cw_usb_pending_purge(struct cw_usb_real *d);
/* Before anything that endpoints must be quiet for; what came stays. */
void cw_usb_pending_disarm(struct cw_usb_real *d);
/* Wiped and freed, or left to libusb when a dead kernel does not give it back. */
void cw_usb_pending_free(struct cw_usb_real *d);

/* One fault from a libusb error code (LIBUSB_ERROR_*), class RECONNECT, RETRY or OPERATOR. */
cw_rc cw_usb_real_fail(struct cw_fault *f, int error, const char *op);
