/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Surfaces to panels. The printer's raster is portrait: its line is the design's column, read from the bottom
 * up (the design turned a quarter clockwise). Dye is the complement of light; resin (K) and overcoat (O) are
 * on or off.
 */
#include "drivers/face/canvas.h"

#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>

#define COLUMNS 8 /* of the design, turned at a time: 32 bytes of a row are half a cache line */
#define COLOUR_BITS CW_PANEL_YMC_BITS
#define COLOUR_SIZE ((size_t)CW_PANEL_WIDTH * CW_PANEL_HEIGHT * COLOUR_BITS / 8)
#define MONO_SIZE ((size_t)CW_PANEL_WIDTH * CW_PANEL_HEIGHT / 8)
#define COLOUR_LINE (CW_PANEL_WIDTH * COLOUR_BITS / 8)
#define MONO_LINE (CW_PANEL_WIDTH / 8)
_Static_assert(CW_FACE_WIDTH % COLUMNS == 0, "whole blocks of columns");
_Static_assert(CW_PANEL_WIDTH % 8 == 0, "whole bytes in a line");

/* Turned columns: a value per pixel of a printer line. */
struct block {
        uint8_t dye[3][COLUMNS][CW_PANEL_WIDTH]; /* 0..63 */
        uint8_t resin[COLUMNS][CW_PANEL_WIDTH];  /* 0 or 1 */
        uint8_t coat[COLUMNS][CW_PANEL_WIDTH];
};

struct separation {
        const struct cw_face_template *t;
        const uint8_t *colour, *black;
        size_t colour_stride, black_stride;
        uint8_t dye[3][256]; /* of y m c: 8 bit light removed -> level */
        struct block block;
};

static bool in_box(const struct cw_face_box *c, unsigned x, unsigned y) {
        return x >= c->x && x < c->x + c->w && y >= c->y && y < c->y + c->h;
}

static bool coated(const struct cw_face_template *t, unsigned x, unsigned y) {
        for (size_t i = 0; i < t->window_count; i++)
                if (in_box(&t->window[i], x, y))
                        return false;
        return true;
}

static void turn_row(struct separation *s, unsigned x0, unsigned y) {
        struct block *b = &s->block;
        unsigned px = CW_PANEL_WIDTH - 1 - y;
        for (unsigned i = 0; i < COLUMNS; i++) {
                uint32_t rgb;
                memcpy(&rgb, s->colour + y * s->colour_stride + (size_t)(x0 + i) * 4, sizeof rgb);
                bool black = s->black[y * s->black_stride + x0 + i] >= 128;
                bool clear = in_box(&s->t->clear, x0 + i, y);
                bool bare = clear || (black && s->t->knockout);
                b->dye[0][i][px] = bare ? 0 : s->dye[0][255 - (rgb & 0xffu)];
                b->dye[1][i][px] = bare ? 0 : s->dye[1][255 - ((rgb >> 8) & 0xffu)];
                b->dye[2][i][px] = bare ? 0 : s->dye[2][255 - ((rgb >> 16) & 0xffu)];
                b->resin[i][px] = black && !clear;
                b->coat[i][px] = !clear && coated(s->t, x0 + i, y);
        }
}

/* Four 6-bit values are three bytes. */
static void pack_colour(const uint8_t *v, uint8_t *out) {
        for (unsigned i = 0; i < CW_PANEL_WIDTH; i += 4, out += 3) {
                out[0] = (uint8_t)((v[i] << 2) | (v[i + 1] >> 4));
                out[1] = (uint8_t)((v[i + 1] << 4) | (v[i + 2] >> 2));
                out[2] = (uint8_t)((v[i + 2] << 6) | v[i + 3]);
        }
}

static void pack_mono(const uint8_t *v, uint8_t *out) {
        for (unsigned i = 0; i < CW_PANEL_WIDTH; i += 8)
                *out++ = (uint8_t)(v[i] << 7 | v[i + 1] << 6 | v[i + 2] << 5 | v[i + 3] << 4 | v[i + 4] << 3 |
                                   v[i + 5] << 2 | v[i + 6] << 1 | v[i + 7]);
}

static void separate_all(struct separation *s, uint8_t *const out[CW_PANELS_MAX]) {
        for (unsigned x0 = 0; x0 < CW_FACE_WIDTH; x0 += COLUMNS) {
                for (unsigned y = 0; y < CW_FACE_HEIGHT; y++)
                        turn_row(s, x0, y);
                for (unsigned i = 0; i < COLUMNS; i++) {
                        size_t line = x0 + i;
                        for (unsigned c = 0; out[0] && c < 3; c++)
                                pack_colour(s->block.dye[c][i], out[c] + line * COLOUR_LINE);
                        pack_mono(s->block.resin[i], out[3] + line * MONO_LINE);
                        if (out[4])
                                pack_mono(s->block.coat[i], out[4] + line * MONO_LINE);
                }
        }
}

/* A face without dye has no dye panels, so that a ribbon without them does. */
static bool has_dye(const struct cw_face_template *t) {
        for (size_t i = 0; i < t->count; i++)
                if (!t->element[i].black)
                        return true;
        return false;
}

/* out: where each of y m c k o goes, NULL for those that are left out. */
static void lay_out(struct cw_panels *p, bool dye, bool coat, uint8_t *out[CW_PANELS_MAX]) {
        uint8_t *at = p->map;
        for (size_t i = 0; i < CW_PANELS_MAX; i++) {
                bool colour = i < 3;
                size_t len = colour ? COLOUR_SIZE : MONO_SIZE;
                if ((colour && !dye) || (i == 4 && !coat))
                        continue;
                p->panel[p->count++] = (struct cw_panel){"ymcko"[i], colour ? COLOUR_BITS : 1, at, len};
                out[i] = at;
                at += len;
        }
}

static void set_levels(struct separation *s, const struct cw_face_curve *curve) {
        for (unsigned c = 0; c < 3; c++)
                for (unsigned i = 0; i < 256; i++)
                        s->dye[c][i] = (uint8_t)((curve->level[c][i] * 63u + 127) / 255);
}

cw_rc cw_face_separate(const struct cw_face_template *t, struct cw_face_canvas *c,
                       const struct cw_face_curve *curve, struct cw_panels **ret, struct cw_fault *f) {
        struct cw_panels *fresh = calloc(1, sizeof *fresh);
        struct separation *work = calloc(1, sizeof *work);
        CW_AUTO(cw_panels_free) struct cw_panels *p = fresh;
        CW_AUTO_MEM struct separation *s = work;
        uint8_t *out[CW_PANELS_MAX] = {NULL};
        if (!p || !s)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.separate", "",
                               "out of memory");
        p->width = CW_PANEL_WIDTH;
        p->height = CW_PANEL_HEIGHT;
        bool dye = has_dye(t);
        size_t len = (dye ? 3 * COLOUR_SIZE : 0) + (t->overcoat ? 2 : 1) * MONO_SIZE;
        void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.separate", "",
                               "out of memory");
        (void)madvise(map, len, MADV_DONTDUMP);
        p->map = map;
        p->map_len = len;
        p->private_memory = true;
        lay_out(p, dye, t->overcoat, out);
        s->t = t;
        s->colour = cairo_image_surface_get_data(c->colour);
        s->black = cairo_image_surface_get_data(c->black);
        s->colour_stride = (size_t)cairo_image_surface_get_stride(c->colour);
        s->black_stride = (size_t)cairo_image_surface_get_stride(c->black);
        set_levels(s, curve);
        separate_all(s, out);
        cw_wipe(s, sizeof *s);
        *ret = CW_STEAL(p);
        return CW_OK;
}
