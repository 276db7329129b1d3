/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated Magicard, of either generation. */
#include "tests/fuzz/emu_printer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        emu_printer_take(size && data[0] == 0x52 ? "Rio 2e" : "Enduro+", EMUP_FLIP_SHORT, data, size);
        return 0;
}
