/* SPDX-License-Identifier: Apache-2.0 */
/* What the printer is on the bus: descriptors and endpoint 0, the same for every carrier. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model.h"

/* The product number is free: of the family only the Zenius (0a00) is publicly known, and drivers match the
 * class. */
enum { EMUP_VID = 0x0f49, EMUP_PID = 0x0a01, EMUP_EP_OUT = 0x01, EMUP_EP_IN = 0x82 };
enum { EMUP_DEVICE_DESCRIPTOR_LEN = 18, EMUP_CONFIG_DESCRIPTOR_LEN = 32 };

extern const uint8_t emup_device_descriptor[EMUP_DEVICE_DESCRIPTOR_LEN];
extern const uint8_t emup_config_descriptor[EMUP_CONFIG_DESCRIPTOR_LEN];

struct emup_usb_strings {
        const char *manufacturer, *product;
        const char *serial; /* "" = the device has no serial string */
};

/*
 * One control transfer: 8 bytes of setup, data of at least wLength bytes. Returns the bytes transferred, or
 * -1 for STALL. A request that no driver of a printer should send is a violation.
 */
int emup_usb_control(struct emup_model *m, const struct emup_usb_strings *strings, const uint8_t *setup,
                     uint8_t *data);
