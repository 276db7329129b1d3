/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated Evolis. */
#include "tests/fuzz/emu_printer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        emu_printer_take("Primacy", EMUP_FLIP_SHORT, data, size);
        return 0;
}
