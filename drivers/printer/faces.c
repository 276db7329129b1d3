/* SPDX-License-Identifier: Apache-2.0 */
/* Both faces of a card: what a model's way of turning it over asks of the back's raster. */
#include "drivers/printer/common.h"

#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>

int64_t cw_printer_sets(const char *kind, const char *back) {
        if (!back[0])
                return 1;
        /* The second K panel of such a ribbon is there for the back. */
        return strcmp(kind, "ymckok") == 0 && strcmp(back, "k") == 0 ? 1 : 2;
}

int64_t cw_printer_proving_sets(const char *kind, const char *back) {
        int64_t sets = cw_printer_sets(kind, back);
        return back[0] && sets == 1 ? -1 : sets;
}

static unsigned get(const struct cw_panel *panel, size_t pixel) {
        unsigned v = 0;
        size_t bit = pixel * panel->bits;
        for (unsigned i = 0; i < panel->bits; i++, bit++)
                v = v * 2 + ((unsigned)panel->ptr[bit / 8] >> (7 - bit % 8) & 1u);
        return v;
}

/* Into zeroed memory. */
static void put(uint8_t *to, unsigned bits, size_t pixel, unsigned v) {
        for (unsigned i = 0; i < bits; i++) {
                size_t bit = pixel * bits + i;
                to[bit / 8] |= (uint8_t)((v >> (bits - 1 - i) & 1u) << (7 - bit % 8));
        }
}

/* Half way round, the last pixel of a raster is its first. */
static void turn(const struct cw_panel *from, size_t pixels, uint8_t *to) {
        for (size_t i = 0; i < pixels; i++) {
                unsigned v = get(from, i);
                if (v)
                        put(to, from->bits, pixels - 1 - i, v);
        }
}

struct cw_panels *cw_printer_turned(const struct cw_panels *face) {
        CW_AUTO(cw_panels_free) struct cw_panels *p = calloc(1, sizeof *p);
        size_t len = 0;
        for (size_t i = 0; i < face->count; i++)
                len += face->panel[i].len;
        void *map =
            p ? mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
        if (map == MAP_FAILED)
                return NULL;
        (void)madvise(map, len, MADV_DONTDUMP);
        *p = *face;
        p->back = NULL;
        p->map = map;
        p->map_len = len;
        p->private_memory = true;
        uint8_t *to = map;
        for (size_t i = 0; i < p->count; i++) {
                turn(&face->panel[i], (size_t)face->width * face->height, to);
                p->panel[i].ptr = to;
                to += p->panel[i].len;
        }
        return CW_STEAL(p);
}
