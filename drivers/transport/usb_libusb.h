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
        bool flown; /* the last transfer was accepted by the kernel */
};

extern const struct cw_usb_ops cw_usb_real_ops;

/* One fault from a libusb error code (LIBUSB_ERROR_*), class RECONNECT, RETRY or OPERATOR. */
cw_rc cw_usb_real_fail(struct cw_fault *f, int error, const char *op);
