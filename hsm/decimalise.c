/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/decimalise.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#define LOWEST_BITS ((uint64_t)0x1111111111111111)
#define LOW_NIBBLES ((uint64_t)0x0f0f0f0f0f0f0f0f)

/* Up to 8 bytes, the first nibble is the lowest; *ret_nibbles has the lowest bit of each. */
static uint64_t load(const uint8_t *in, size_t len, uint64_t *ret_nibbles) {
        uint64_t v = 0;
        *ret_nibbles = len < 8 ? LOWEST_BITS & ~(UINT64_MAX << (8 * len)) : LOWEST_BITS;
        if (len >= 8)
                memcpy(&v, in, 8);
        else
                memcpy(&v, in, len);
        v = le64toh(v);
        return (v >> 4 & LOW_NIBBLES) | (v & LOW_NIBBLES) << 4;
}

/* Nibbles of the kind looked for are found by their bits: no branch on the value of one. */
static size_t pass(bool letters, const uint8_t *in, size_t len, size_t n, size_t count, char *ret) {
        for (size_t at = 0; at < len && n < count; at += 8) {
                uint64_t nibbles = 0, v = load(in + at, len - at, &nibbles);
                uint64_t above9 = v >> 3 & (v >> 2 | v >> 1);
                uint64_t found = nibbles & (letters ? above9 : ~above9);
                for (; found != 0 && n < count; found &= found - 1)
                        ret[n++] = (char)((letters ? '0' - 10 : '0') + (v >> __builtin_ctzll(found) & 0x0f));
        }
        return n;
}

void cw_decimalise(const uint8_t *in, size_t len, size_t count, char *ret) {
        size_t n = pass(false, in, len, 0, count, ret);
        /* One CVV in 18 100 and one PVV in 2 200 needs the second pass. */
        if (n < count)
                (void)pass(true, in, len, n, count, ret);
}
