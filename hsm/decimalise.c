/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/decimalise.h"

static unsigned nibble(const uint8_t *in, size_t i) {
        return in[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0x0fu;
}

/* Each nibble is written where the next digit goes and counts when it is one: no branch on its value. */
void cw_decimalise(const uint8_t *in, size_t len, size_t count, char *ret) {
        size_t n = 0;
        for (size_t i = 0; i < 2 * len && n < count; i++) {
                unsigned v = nibble(in, i);
                ret[n] = (char)('0' + v);
                n += v <= 9;
        }
        /* One CVV in 18 100 and one PVV in 2 200 needs the second pass. */
        for (size_t i = 0; i < 2 * len && n < count; i++) {
                unsigned v = nibble(in, i);
                ret[n] = (char)('0' + (v - 10));
                n += v > 9;
        }
}
