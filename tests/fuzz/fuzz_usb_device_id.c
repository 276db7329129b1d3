/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/transport/usb.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[CW_USB_DEVICE_ID_MAX], value[32];
        if (!cw_usb_device_id_parse(data, size, text, sizeof text))
                return 0;
        if (strlen(text) >= sizeof text)
                abort();
        if (cw_usb_device_id_get(text, "MDL", value, sizeof value) && strlen(value) >= sizeof value)
                abort();
        (void)cw_usb_device_id_get(text, "SN", value, 1);
        return 0;
}
