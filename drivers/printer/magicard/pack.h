/* SPDX-License-Identifier: Apache-2.0 */
/* Panels into the order of the print head, pure. */
#pragma once

#include "drivers/face/face.h"

#define CW_MAGICARD_ROWS 1016u
#define CW_MAGICARD_HEAD 672u  /* pixels of the print head */
#define CW_MAGICARD_IMAGE 642u /* of them, what lies on the card */

/* How a row of head pixels becomes bytes. */
enum cw_magicard_layout {
        CW_MAGICARD_STRAIGHT,    /* pixel after pixel, 84 bytes for one bit of a row */
        CW_MAGICARD_INTERLEAVED, /* two halves in the even and the odd bits of 24 words, 96 bytes */
};

/* Bytes of a plane with bits bits a pixel. */
size_t cw_magicard_plane_size(enum cw_magicard_layout layout, unsigned bits);
/* One panel of CW_PANEL_WIDTH x CW_PANEL_HEIGHT pixels; image pixel 0 goes to head pixel margin, at most
 * HEAD - IMAGE. Writes cw_magicard_plane_size bytes. */
void cw_magicard_pack(enum cw_magicard_layout layout, unsigned margin, const struct cw_panel *panel,
                      uint8_t *ret);

/* Overcoat is laid by areas, not by pixels. */
struct cw_magicard_coat {
        bool coat;               /* any at all */
        bool hole;               /* but for this box, both ends included: x along the card from its left */
        unsigned x1, y1, x2, y2; /* edge, y from its lower edge */
};
/* The areas that come nearest to an overcoat panel without covering a pixel that it leaves free: everything
 * but the smallest box around those. */
void cw_magicard_coat(const struct cw_panel *panel, struct cw_magicard_coat *ret);
