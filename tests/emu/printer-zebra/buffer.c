/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image buffers. By the manual's figure 1-5 a buffer is emptied from its end, and what is mirrored in
 * both axes in the data prints normally: line x of the data is the column x of the card counted from the
 * right, dot y the row y counted from the bottom.
 */
#include "zebra.h"

#include <string.h>

void zbr_clear(struct zbr *l, unsigned buffer) {
        memset(l->buffer[buffer], 0, EMUP_PIXELS);
        l->filled[buffer] = false;
        if (buffer >= 3)
                l->area[buffer - 3].open = false;
}

bool zbr_put(struct zbr *l, unsigned buffer, unsigned x, unsigned y, uint8_t level) {
        /* The area lies in the middle of the card, which may be the larger of the two. */
        int column = (int)(l->width - 1 - x) + (EMUP_LINES - (int)l->width) / 2;
        int from_bottom = (int)y + (EMUP_WIDTH - (int)l->height) / 2;
        if (column < 0 || column >= EMUP_LINES || from_bottom < 0 || from_bottom >= EMUP_WIDTH)
                return level == 0;
        l->buffer[buffer][(size_t)column * EMUP_WIDTH + (size_t)from_bottom] = level;
        return true;
}
