/* SPDX-License-Identifier: Apache-2.0 */
/* Panel rasters as the printer receives them: 1016 lines of 648 pixels, 300 dpi, portrait. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EMUP_WIDTH = 648, EMUP_LINES = 1016, EMUP_PIXELS = EMUP_WIDTH * EMUP_LINES };

struct emup_panel {
        char letter;     /* y m c k o; 0 = none */
        unsigned levels; /* 2, 32, 64, 128, 256 */
        uint8_t *pixels; /* EMUP_PIXELS values 0 .. levels - 1, more = more colour */
};

/* Bits of a pixel, 0 for a number of levels the printer does not know. */
unsigned emup_raster_bits(unsigned levels);
/* Bytes of an uncompressed raster of so many lines. */
size_t emup_raster_bytes(unsigned levels, unsigned lines);
/* Db and Dbp: pixels without gaps, MSB first. data holds emup_raster_bytes(levels, lines). */
void emup_raster_unpack(unsigned levels, unsigned lines, const uint8_t *data, uint8_t *pixels);
/* Dbc: NULL when data is exactly 1016 lines, else what is wrong with it. */
const char *emup_raster_expand(unsigned levels, const uint8_t *data, size_t n, uint8_t *pixels);
