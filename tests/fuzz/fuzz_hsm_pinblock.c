/* SPDX-License-Identifier: Apache-2.0 */
/* Clear PIN blocks: what is accepted encodes to the same bytes again. */
#include "hsm/pin_policy.h"
#include "hsm/pinblock.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(const uint8_t *block, const uint8_t *account, size_t len, uint8_t filler[CW_PIN_FILLER]) {
        for (size_t i = 2 + len; i < 16; i++) {
                uint8_t byte = (uint8_t)(block[i / 2] ^ (account ? account[i / 2] : 0));
                filler[i - 2 - len] = i % 2 == 0 ? byte >> 4 : byte & 0x0f;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct cw_pin_policy policy = {.min = 4,
                                                    .max = 12,
                                                    .repeated = true,
                                                    .sequential = true,
                                                    .birth_date = true,
                                                    .pan_digits = true,
                                                    .pan = "426642468044",
                                                    .birth_date_of = "19870621"};
        struct cw_pin pin;
        uint8_t again[8];
        if (size < 16)
                return 0;
        if (cw_pinblock_decode0(data, data + 8, &pin, NULL) == CW_OK) {
                cw_pinblock_encode0(&pin, data + 8, again);
                if (memcmp(again, data, 8) != 0)
                        abort();
                if (cw_pin_policy_check(&pin, &policy, NULL) == CW_OK && pin.len < 4)
                        abort();
        }
        if (cw_pinblock_decode2(data, &pin, NULL) == CW_OK) {
                cw_pinblock_encode2(&pin, again);
                if (memcmp(again, data, 8) != 0)
                        abort();
        }
        /* The fillers of formats 1 and 3 are whatever stands there. */
        uint8_t filler[CW_PIN_FILLER] = {0};
        if (cw_pinblock_decode1(data, &pin, NULL) == CW_OK) {
                fill(data, NULL, pin.len, filler);
                cw_pinblock_encode1(&pin, filler, again);
                if (memcmp(again, data, 8) != 0)
                        abort();
        }
        if (cw_pinblock_decode3(data, data + 8, &pin, NULL) == CW_OK) {
                fill(data, data + 8, pin.len, filler);
                cw_pinblock_encode3(&pin, data + 8, filler, again);
                if (memcmp(again, data, 8) != 0)
                        abort();
        }
        if (cw_pinblock_decode_field4(data, &pin, NULL) == CW_OK) {
                uint8_t field[16];
                cw_pinblock_field4(&pin, data + 8, field);
                if (memcmp(field, data, 16) != 0)
                        abort();
        }
        return 0;
}
