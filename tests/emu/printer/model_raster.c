/* SPDX-License-Identifier: Apache-2.0 */
#include "model_raster.h"

#include <string.h>

enum { LINE_BYTES = EMUP_WIDTH / 8 };

unsigned emup_raster_bits(unsigned levels) {
        switch (levels) {
        case 2:
                return 1;
        case 32:
                return 5;
        case 64:
                return 6;
        case 128:
                return 7;
        case 256:
                return 8;
        default:
                return 0;
        }
}

size_t emup_raster_bytes(unsigned levels, unsigned lines) {
        return (size_t)EMUP_WIDTH * lines * emup_raster_bits(levels) / 8;
}

void emup_raster_unpack(unsigned levels, unsigned lines, const uint8_t *data, uint8_t *pixels) {
        unsigned bits = emup_raster_bits(levels), held = 0, acc = 0;
        size_t n = (size_t)EMUP_WIDTH * lines;
        for (size_t i = 0; i < n; i++) {
                if (held < bits) {
                        acc = acc << 8 | *data++;
                        held += 8;
                }
                held -= bits;
                pixels[i] = (uint8_t)(acc >> held & (levels - 1));
                acc &= (1u << held) - 1;
        }
}

/* One line of black or overlay: 00 white, FF black, else a count of leading bytes that follow. */
static const char *expand_bits_line(const uint8_t **p, const uint8_t *end, uint8_t *pixels) {
        uint8_t line[LINE_BYTES] = {0};
        if (*p == end)
                return "fewer than 1016 lines";
        uint8_t n = *(*p)++;
        if (n == 0xff) {
                memset(line, 0xff, sizeof line);
        } else if (n > LINE_BYTES) {
                return "line length above 81";
        } else {
                if ((size_t)(end - *p) < n)
                        return "data ends inside a line";
                memcpy(line, *p, n);
                *p += n;
        }
        emup_raster_unpack(2, 1, line, pixels);
        return NULL;
}

/*
 * One line of yellow, magenta or cyan: MSB 0 = one pixel; MSB 1 = a value and, in the next byte, a run
 * length. The bits the value leaves free add 256 each; a length of 0 runs to the end of the line.
 */
static const char *expand_colour_line(unsigned levels, const uint8_t **p, const uint8_t *end,
                                      uint8_t *pixels) {
        unsigned x = 0;
        while (x < EMUP_WIDTH) {
                if (*p == end)
                        return "fewer than 1016 lines";
                uint8_t b = *(*p)++;
                if (!(b & 0x80)) {
                        if (b >= levels)
                                return "pixel value above the levels";
                        pixels[x++] = b;
                        continue;
                }
                if (*p == end)
                        return "data ends inside a run";
                unsigned run = *(*p)++;
                if (levels <= 64 && (b & 0x40))
                        run += 256;
                if (levels == 32 && (b & 0x20))
                        run += 256;
                if (run == 0)
                        run = EMUP_WIDTH - x;
                if (run > EMUP_WIDTH - x)
                        return "run over the end of a line";
                memset(pixels + x, (int)(b & (levels - 1)), run);
                x += run;
        }
        return NULL;
}

const char *emup_raster_expand(unsigned levels, const uint8_t *data, size_t n, uint8_t *pixels) {
        const uint8_t *p = data, *end = data + n;
        if (levels > 128)
                return "no compression is defined for 256 levels";
        for (unsigned line = 0; line < EMUP_LINES; line++) {
                uint8_t *out = pixels + (size_t)line * EMUP_WIDTH;
                const char *wrong =
                    levels == 2 ? expand_bits_line(&p, end, out) : expand_colour_line(levels, &p, end, out);
                if (wrong)
                        return wrong;
        }
        return p == end ? NULL : "data goes on after 1016 lines";
}
