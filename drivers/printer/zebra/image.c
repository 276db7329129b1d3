/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panels into the printer's image buffers, uncompressed. A buffer gives back last what came first, and fills
 * its lines from the other edge: what is sent must be mirrored in both axes to print normally (manual, figure
 * 1-5). Line n of a panel is column n of the card, its first pixel at the lower edge.
 */
#include "drivers/printer/zebra/codec.h"

#include <stdio.h>
#include <string.h>

void cw_zebra_area(bool extended, struct cw_zebra_area *ret) {
        *ret = (struct cw_zebra_area){.lines = 1008, .dots = 624};
        if (extended)
                *ret = (struct cw_zebra_area){
                    .start = (1024 - CW_PANEL_HEIGHT) / 2, .lines = CW_PANEL_HEIGHT, .dots = 640};
        ret->first_line = (CW_PANEL_HEIGHT - ret->lines) / 2;
        ret->first_pixel = (CW_PANEL_WIDTH - ret->dots) / 2;
}

void cw_zebra_colour_head(const struct cw_zebra_area *a, char panel, char *ret, size_t cap) {
        unsigned buffer = panel == 'y' ? 0 : panel == 'm' ? 1 : 2;
        (void)snprintf(ret, cap, "GS %u 32 %u 0 %u %u ", buffer, a->start, a->lines, a->dots);
}

void cw_zebra_mono_head(const struct cw_zebra_area *a, bool varnish, char *ret, size_t cap) {
        (void)snprintf(ret, cap, "%sG %u 0 0 %u %u 1", varnish ? "v" : "", a->start, a->dots / 8, a->lines);
}

static unsigned pixel(const struct cw_panel *panel, size_t n) {
        unsigned v = 0;
        for (size_t bit = n * panel->bits; bit < (n + 1) * panel->bits; bit++)
                v = v * 2 + ((panel->ptr[bit / 8] >> (7 - bit % 8)) & 1u);
        return v;
}

/* The pixel of the panel that becomes dot i of line n. */
static size_t source(const struct cw_zebra_area *a, unsigned n, unsigned i) {
        unsigned line = a->first_line + (a->forwards ? n : a->lines - 1 - n);
        unsigned dot = a->first_pixel + (a->upside_down ? a->dots - 1 - i : i);
        return (size_t)line * CW_PANEL_WIDTH + dot;
}

void cw_zebra_colour_line(const struct cw_zebra_area *a, const struct cw_panel *panel, unsigned n,
                          uint8_t *ret) {
        const unsigned top = (1u << panel->bits) - 1;
        for (unsigned i = 0; i < a->dots; i++)
                ret[i] = (uint8_t)((pixel(panel, source(a, n, i)) * 255u + top / 2) / top);
}

void cw_zebra_mono_line(const struct cw_zebra_area *a, const struct cw_panel *panel, unsigned n,
                        uint8_t *ret) {
        memset(ret, 0, a->dots / 8);
        for (unsigned i = 0; i < a->dots; i++)
                if (pixel(panel, source(a, n, i)))
                        ret[i / 8] |= (uint8_t)(0x80u >> (i % 8));
}
