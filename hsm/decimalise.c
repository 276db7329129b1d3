/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/decimalise.h"

static unsigned nibble(const uint8_t *in, size_t i) {
        return (i % 2 == 0) ? in[i / 2] >> 4 : in[i / 2] & 0x0fu;
}

void cw_decimalise(const uint8_t *in, size_t len, size_t count, char *ret) {
        size_t n = 0;
        for (size_t i = 0; i < 2 * len && n < count; i++) {
                if (nibble(in, i) <= 9)
                        ret[n++] = (char)('0' + nibble(in, i));
        }
        /* One CVV in 18 100 and one PVV in 2 200 needs the second pass. */
        for (size_t i = 0; i < 2 * len && n < count; i++) {
                if (nibble(in, i) > 9)
                        ret[n++] = (char)('0' + nibble(in, i) - 10);
        }
}
