/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes on the line of the PIN pad. */
#include "drivers/pinpad/vx1000_frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_answer(struct cw_span payload) {
        struct cw_pin_block block = {0};
        if (cw_vx_read_pin(payload, &block, NULL) == CW_OK && strlen(block.ksn) != CW_KSN_HEX - 1)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_vx_parser p = {0};
        for (size_t i = 0; i < size; i++) {
                if (cw_vx_parse(&p, data[i]) != CW_VX_GOT_FRAME)
                        continue;
                if (p.len > CW_VX_PAYLOAD_MAX)
                        abort();
                read_answer(CW_SPAN(p.payload, p.len));
        }
        read_answer(CW_SPAN(data, size));
        return 0;
}
