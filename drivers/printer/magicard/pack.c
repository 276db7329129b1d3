/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/magicard/pack.h"

#include <string.h>

#define EDGE ((CW_PANEL_WIDTH - CW_MAGICARD_IMAGE) / 2)
#define FIRST_HALF                                                                                           \
        288u /* head pixels in the even bits, from word 6 on; the others in the odd bits, from word 0 */
#define FIRST_WORD 6u

static size_t row_bytes(enum cw_magicard_layout layout) {
        return layout == CW_MAGICARD_STRAIGHT ? 84 : 96;
}

size_t cw_magicard_plane_size(enum cw_magicard_layout layout, unsigned bits) {
        return row_bytes(layout) * bits * CW_MAGICARD_ROWS;
}

/* Bit of a row, counted from the MSB of its first byte. */
static unsigned bit_of(enum cw_magicard_layout layout, unsigned pixel) {
        if (layout == CW_MAGICARD_STRAIGHT)
                return pixel;
        if (pixel < FIRST_HALF)
                return FIRST_WORD * 32 + 2 * pixel;
        return 2 * (pixel - FIRST_HALF) + 1;
}

static unsigned level(const struct cw_panel *panel, size_t pixel) {
        unsigned v = 0;
        size_t bit = pixel * panel->bits;
        for (unsigned i = 0; i < panel->bits; i++, bit++)
                v = v * 2 + ((unsigned)panel->ptr[bit / 8] >> (7 - bit % 8) & 1u);
        return v;
}

/* Each bit of the level into a plane of its own, the lowest first. */
static void put(uint8_t *row, size_t stride, unsigned bit, unsigned value) {
        for (unsigned i = 0; value; i++, value >>= 1)
                if (value & 1u)
                        row[i * stride + bit / 8] |= (uint8_t)(0x80u >> bit % 8);
}

void cw_magicard_pack(enum cw_magicard_layout layout, unsigned margin, const struct cw_panel *panel,
                      uint8_t *ret) {
        const size_t stride = row_bytes(layout);
        memset(ret, 0, cw_magicard_plane_size(layout, panel->bits));
        for (unsigned y = 0; y < CW_MAGICARD_ROWS; y++) {
                uint8_t *row = ret + y * stride * panel->bits;
                for (unsigned x = 0; x < CW_MAGICARD_IMAGE; x++) {
                        unsigned v = level(panel, (size_t)y * CW_PANEL_WIDTH + EDGE + x);
                        if (v)
                                put(row, stride, bit_of(layout, margin + x), v);
                }
        }
}

static void widen(struct cw_magicard_coat *c, unsigned x, unsigned y) {
        if (!c->hole) {
                c->hole = true;
                c->x1 = c->x2 = x;
                c->y1 = c->y2 = y;
                return;
        }
        c->x1 = x < c->x1 ? x : c->x1;
        c->x2 = x > c->x2 ? x : c->x2;
        c->y1 = y < c->y1 ? y : c->y1;
        c->y2 = y > c->y2 ? y : c->y2;
}

/* Row n of a panel is column n of the card, its first pixel at the lower edge. */
void cw_magicard_coat(const struct cw_panel *panel, struct cw_magicard_coat *ret) {
        *ret = (struct cw_magicard_coat){0};
        for (unsigned x = 0; x < CW_MAGICARD_ROWS; x++)
                for (unsigned y = 0; y < CW_MAGICARD_IMAGE; y++)
                        if (!level(panel, (size_t)x * CW_PANEL_WIDTH + EDGE + y))
                                widen(ret, x, y);
        ret->coat = !ret->hole || ret->x1 > 0 || ret->y1 > 0 || ret->x2 < CW_MAGICARD_ROWS - 1 ||
                    ret->y2 < CW_MAGICARD_IMAGE - 1;
}
