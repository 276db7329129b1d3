/* SPDX-License-Identifier: Apache-2.0 */
/* What the printer is on the bus: descriptors and endpoint 0, the same for every carrier. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "family.h"
#include "model.h"

/* Endpoints of the family that is linked in. */
#define EMUP_EP_OUT (emup_family.ep_out)
#define EMUP_EP_IN (emup_family.ep_in)
enum { EMUP_DEVICE_DESCRIPTOR_LEN = 18, EMUP_CONFIG_DESCRIPTOR_LEN = 32 };

void emup_device_descriptor(uint8_t ret[EMUP_DEVICE_DESCRIPTOR_LEN]);
void emup_config_descriptor(uint8_t ret[EMUP_CONFIG_DESCRIPTOR_LEN]);

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
