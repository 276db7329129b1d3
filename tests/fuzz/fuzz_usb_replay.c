/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/transport/usb.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const struct cw_usb_mask none = {NULL, NULL};
        struct cw_usb *u = NULL;
        struct cw_fault f;
        if (cw_usb_replayer_new((const char *)data, size, none, &u, &f) != CW_OK) {
                if (u)
                        abort();
                return 0;
        }
        (void)cw_usb_replayer_left(u);
        cw_usb_close(u);
        return 0;
}
