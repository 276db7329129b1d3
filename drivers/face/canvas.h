/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing: colour on an RGB24 surface, K on an A8 surface of its own that never sees an antialiased pixel. */
#pragma once

#include "drivers/face/template.h"

#include <cairo.h>
#include <stdio.h>

struct cw_face_canvas {
        cairo_surface_t *colour, *black;
        cairo_t *colour_cr, *black_cr;
        uint8_t *memory; /* behind both surfaces; not dumped, wiped when freed */
        size_t memory_len;
};
CW_WARN_UNUSED cw_rc cw_face_canvas_new(struct cw_face_canvas **ret, struct cw_fault *f);
void cw_face_canvas_free(struct cw_face_canvas *c);
CW_DEFINE_CLEANUP(struct cw_face_canvas *, cw_face_canvas_free);

/* Draws all elements of the template. REJECT as cw_face_draw says. */
CW_WARN_UNUSED cw_rc cw_face_paint(const struct cw_face_template *t, const struct cw_face_data *data,
                                   struct cw_face_canvas *c, struct cw_fault *f);
/* Surfaces -> y m c k (o) panels in portrait raster. */
CW_WARN_UNUSED cw_rc cw_face_separate(const struct cw_face_template *t, struct cw_face_canvas *c,
                                      const struct cw_face_curve *curve, struct cw_panels **ret,
                                      struct cw_fault *f);

/* One file each: shapes.c, text.c, picture.c. */
cw_rc cw_face_paint_shape(const struct cw_face_element *e, cairo_t *cr, struct cw_fault *f);
cw_rc cw_face_paint_text(const struct cw_face_element *e, cairo_t *cr, const char *text, struct cw_fault *f);
cw_rc cw_face_paint_image(const struct cw_face_element *e, cairo_t *cr, const char *directory,
                          struct cw_fault *f);
/* The picture of an element from an open file. */
cw_rc cw_face_paint_png(const struct cw_face_element *e, cairo_t *cr, FILE *file, struct cw_fault *f);
/* clear: where ink is taken away afterwards; a code that lost modules there could not be read. */
cw_rc cw_face_paint_barcode(const struct cw_face_element *e, const struct cw_face_box *clear, cairo_t *cr,
                            const char *text, struct cw_fault *f);
cw_rc cw_face_paint_qr(const struct cw_face_element *e, const struct cw_face_box *clear, cairo_t *cr,
                       const char *text, struct cw_fault *f);

/*
 * Replaces {field}s of e's text by the data, upper-cases and groups as the element says, into ret (wiped by
 * the caller). *ret_skip: an optional element whose field is absent or empty.
 */
CW_WARN_UNUSED cw_rc cw_face_expand(const struct cw_face_element *e, const struct cw_face_data *data,
                                    char *ret, size_t cap, bool *ret_skip, struct cw_fault *f);
#define CW_FACE_EXPANDED_MAX 1024
