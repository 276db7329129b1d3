/* SPDX-License-Identifier: Apache-2.0 */
#include "magicard.h"

#include <string.h>

enum {
        OLD_PLANE_BYTES = 84, /* of one bit of a row */
        WORDS = 24,           /* of 32 bits in one bit of a row of the newer head */
        WORD_BYTES = 4,
        NEW_PLANE_BYTES = WORDS * WORD_BYTES,
        LEFT_PIXELS = 288, /* the first of the head sit in the even bits of words 6 to 23, */
        LEFT_WORD = 6,     /* the others in the odd bits of all words */
        COLOUR_BITS = 6,
};

static size_t bit_plane_bytes(bool old) {
        return old ? OLD_PLANE_BYTES : NEW_PLANE_BYTES;
}

size_t mgc_plane_bytes(bool old, bool resin) {
        return (size_t)MGC_ROWS * bit_plane_bytes(old) * (resin ? 1u : (size_t)COLOUR_BITS);
}

/* Bit number of a head pixel in one bit of a row, first bit at the MSB of the first byte. */
static size_t place(bool old, unsigned pixel) {
        if (old)
                return pixel;
        if (pixel < LEFT_PIXELS)
                return (size_t)(LEFT_WORD + pixel / 16) * 32 + (size_t)(pixel % 16) * 2;
        pixel -= LEFT_PIXELS;
        return (size_t)(pixel / 16) * 32 + (size_t)(pixel % 16) * 2 + 1;
}

static unsigned bit_at(const uint8_t *bits, size_t at) {
        return (unsigned)bits[at / 8] >> (7 - at % 8) & 1u;
}

void mgc_plane_unpack(bool old, bool resin, unsigned head_position, const uint8_t *data, uint8_t *pixels,
                      size_t *ret_outside) {
        const unsigned planes = resin ? 1 : COLOUR_BITS, margin = MGC_HEAD - MGC_IMAGE - head_position;
        const size_t stride = bit_plane_bytes(old);
        size_t outside = 0;
        memset(pixels, 0, EMUP_PIXELS);
        for (unsigned row = 0; row < MGC_ROWS; row++) {
                const uint8_t *line = data + (size_t)row * planes * stride;
                for (unsigned pixel = 0; pixel < MGC_HEAD; pixel++) {
                        unsigned level = 0;
                        for (unsigned i = 0; i < planes; i++)
                                level |= bit_at(line + i * stride, place(old, pixel)) << i;
                        if (pixel < margin || pixel >= margin + MGC_IMAGE)
                                outside += level != 0;
                        else
                                pixels[(size_t)row * EMUP_WIDTH + MGC_EDGE + pixel - margin] = (uint8_t)level;
                }
        }
        *ret_outside = outside;
}

static bool inside(const struct mgc_box *b, unsigned x, unsigned y) {
        return b->set && x >= b->x1 && x <= b->x2 && y >= b->y1 && y <= b->y2;
}

void mgc_overcoat(const struct mgc_box *coat, const struct mgc_box *hole, uint8_t *pixels) {
        memset(pixels, 0, EMUP_PIXELS);
        for (unsigned x = 0; x < MGC_ROWS; x++)
                for (unsigned y = 0; y < MGC_IMAGE; y++)
                        pixels[(size_t)x * EMUP_WIDTH + MGC_EDGE + y] =
                            inside(coat, x, y) && !inside(hole, x, y);
}
