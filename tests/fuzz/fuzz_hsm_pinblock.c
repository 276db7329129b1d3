/* SPDX-License-Identifier: Apache-2.0 */
/* Clear PIN blocks: what is accepted encodes to the same bytes again. */
#include "hsm/pin_policy.h"
#include "hsm/pinblock.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_pin pin;
        uint8_t again[8];
        if (size < 16)
                return 0;
        if (cw_pinblock_decode0(data, data + 8, &pin, NULL) == CW_OK) {
                cw_pinblock_encode0(&pin, data + 8, again);
                if (memcmp(again, data, 8) != 0)
                        abort();
                if (cw_pin_policy_check(&pin, 4, 12, NULL) == CW_OK && pin.len < 4)
                        abort();
        }
        if (cw_pinblock_decode2(data, &pin, NULL) == CW_OK) {
                cw_pinblock_encode2(&pin, again);
                if (memcmp(again, data, 8) != 0)
                        abort();
        }
        return 0;
}
