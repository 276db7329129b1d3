/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated Matica, of either model. */
#include "tests/fuzz/emu_printer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        emu_printer_take(size && (data[0] & 1) ? "XID8600" : "XID8300", EMUP_FLIP_SHORT, data, size);
        return 0;
}
