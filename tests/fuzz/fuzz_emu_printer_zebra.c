/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated Zebra, of either model. */
#include "tests/fuzz/emu_printer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        emu_printer_take(size && (data[0] & 1) ? "P310" : "P330i", EMUP_FLIP_NONE, data, size);
        return 0;
}
