/* SPDX-License-Identifier: Apache-2.0 */
#include "plastic_image.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char panel_order[EMUP_PANELS + 1] = "ymcko";

/*
 * The chip module in landscape pixels at 300 dpi: 13 mm by 10.7 mm around the middle of the contacts of
 * ISO/IEC 7816-2, 15.06 mm from the left and 23.89 mm from the top edge; the raster reaches 2 and 5 pixels
 * over the card.
 */
enum { CHIP_LEFT = 103, CHIP_RIGHT = 257, CHIP_TOP = 224, CHIP_BOTTOM = 350, CHIP_CORNER = 16 };

int emup_panel_index(char letter) {
        const char *p = letter ? strchr(panel_order, letter) : NULL;
        return p ? (int)(p - panel_order) : -1;
}

static int beyond(int v, int low, int high) {
        return v < low ? low - v : v > high ? v - high : 0;
}

static bool chip_at(unsigned x, unsigned y) {
        int dx = beyond((int)x, CHIP_LEFT + CHIP_CORNER, CHIP_RIGHT - 1 - CHIP_CORNER);
        int dy = beyond((int)y, CHIP_TOP + CHIP_CORNER, CHIP_BOTTOM - 1 - CHIP_CORNER);
        return dx * dx + dy * dy <= CHIP_CORNER * CHIP_CORNER;
}

/* The raster is the landscape picture turned by a quarter clockwise: line = x, pixel = 647 - y. */
bool emup_on_chip(unsigned x, unsigned line) {
        return chip_at(line, EMUP_WIDTH - 1 - x);
}

static int write_png(const char *path, png_image *image, const void *pixels) {
        char tmp[4096];
        int n = snprintf(tmp, sizeof tmp, "%s.tmp", path);
        if (n < 0 || (size_t)n >= sizeof tmp)
                return -1;
        image->version = PNG_IMAGE_VERSION;
        image->flags = PNG_IMAGE_FLAG_FAST;
        if (!png_image_write_to_file(image, tmp, 0, pixels, 0, NULL) || rename(tmp, path) != 0) {
                (void)fprintf(stderr, "emulated printer: cannot write %s: %s\n", path, image->message);
                return -1;
        }
        return 0;
}

int emup_image_write_layer(const char *path, const uint8_t *layer) {
        CW_AUTO_MEM uint8_t *grey = malloc(EMUP_PIXELS);
        if (!grey)
                return -1;
        for (size_t i = 0; i < EMUP_PIXELS; i++)
                grey[i] = (uint8_t)(255 - layer[i]);
        png_image image = {.width = EMUP_WIDTH, .height = EMUP_LINES, .format = PNG_FORMAT_GRAY};
        return write_png(path, &image, grey);
}

int emup_image_read_layer(const char *path, uint8_t *layer) {
        png_image image = {.version = PNG_IMAGE_VERSION};
        if (!png_image_begin_read_from_file(&image, path))
                return -1;
        if (image.width != EMUP_WIDTH || image.height != EMUP_LINES) {
                png_image_free(&image);
                return -1;
        }
        image.format = PNG_FORMAT_GRAY;
        if (!png_image_finish_read(&image, NULL, layer, 0, NULL))
                return -1;
        for (size_t i = 0; i < EMUP_PIXELS; i++)
                layer[i] = (uint8_t)(255 - layer[i]);
        return 0;
}

static void paint(uint8_t *rgb, unsigned r, unsigned g, unsigned b) {
        rgb[0] = (uint8_t)r;
        rgb[1] = (uint8_t)g;
        rgb[2] = (uint8_t)b;
}

/* Eight contacts in two columns around a middle field, on a plate with round corners. */
static void paint_chip(uint8_t *rgb, unsigned x, unsigned y) {
        unsigned column = (CHIP_RIGHT - CHIP_LEFT) / 3, row = (CHIP_BOTTOM - CHIP_TOP + 2) / 4;
        unsigned dx = x - CHIP_LEFT, dy = y - CHIP_TOP;
        bool middle = dx / column == 1, gap = dx % column < 3 || (!middle && dy % row < 3);
        paint(rgb, gap ? 150 : 214, gap ? 118 : 178, gap ? 40 : 74);
}

static unsigned amount(const struct emup_layers *l, int panel, size_t i) {
        return l->layer[panel] ? l->layer[panel][i] : 0;
}

/* Dye takes its complement out of white; resin black covers; the overlay is clear. */
static void paint_print(uint8_t *rgb, const struct emup_layers *l, size_t i) {
        unsigned y = amount(l, 0, i), m = amount(l, 1, i), c = amount(l, 2, i), k = amount(l, 3, i);
        if (k)
                paint(rgb, 18, 18, 18);
        else
                paint(rgb, 255 - c, 255 - m, 255 - y);
}

int emup_image_write_face(const char *path, const struct emup_layers *layers, enum emup_view view) {
        CW_AUTO_MEM uint8_t *face = malloc((size_t)EMUP_PIXELS * 3);
        if (!face)
                return -1;
        uint8_t *rgb = face;
        for (unsigned y = 0; y < EMUP_WIDTH; y++)
                for (unsigned x = 0; x < EMUP_LINES; x++, rgb += 3) {
                        size_t i = (size_t)x * EMUP_WIDTH + (EMUP_WIDTH - 1 - y);
                        if (view == EMUP_VIEW_FRONT && chip_at(x, y))
                                paint_chip(rgb, x, y);
                        else
                                paint_print(rgb, layers,
                                            view == EMUP_VIEW_BACK_TURNED ? EMUP_PIXELS - 1 - i : i);
                }
        png_image image = {.width = EMUP_LINES, .height = EMUP_WIDTH, .format = PNG_FORMAT_RGB};
        return write_png(path, &image, face);
}
