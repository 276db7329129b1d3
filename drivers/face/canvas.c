/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/face/canvas.h"

#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>

#define COLOUR_STRIDE (CW_FACE_WIDTH * 4)
#define BLACK_STRIDE CW_FACE_WIDTH
#define COLOUR_LEN ((size_t)COLOUR_STRIDE * CW_FACE_HEIGHT)
#define BLACK_LEN ((size_t)BLACK_STRIDE * CW_FACE_HEIGHT)

void cw_face_canvas_free(struct cw_face_canvas *c) {
        if (!c)
                return;
        cairo_destroy(c->colour_cr);
        cairo_destroy(c->black_cr);
        cairo_surface_destroy(c->colour);
        cairo_surface_destroy(c->black);
        if (c->memory) {
                cw_wipe(c->memory, c->memory_len);
                (void)munmap(c->memory, c->memory_len);
        }
        free(c);
}

/* A face is larger than a secret may be; it is kept out of dumps, and out of swap where the limit allows. */
static uint8_t *pixels(size_t len) {
        void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return NULL;
        (void)madvise(p, len, MADV_DONTDUMP);
        (void)mlock(p, len);
        return p;
}

static cw_rc no_memory(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.canvas", "", "out of memory");
}

cw_rc cw_face_canvas_new(struct cw_face_canvas **ret, struct cw_fault *f) {
        struct cw_face_canvas *fresh = calloc(1, sizeof *fresh);
        CW_AUTO(cw_face_canvas_free) struct cw_face_canvas *c = fresh;
        if (!c)
                return no_memory(f);
        c->memory_len = COLOUR_LEN + BLACK_LEN;
        c->memory = pixels(c->memory_len);
        if (!c->memory)
                return no_memory(f);
        c->colour = cairo_image_surface_create_for_data(c->memory, CAIRO_FORMAT_RGB24, (int)CW_FACE_WIDTH,
                                                        (int)CW_FACE_HEIGHT, (int)COLOUR_STRIDE);
        c->black =
            cairo_image_surface_create_for_data(c->memory + COLOUR_LEN, CAIRO_FORMAT_A8, (int)CW_FACE_WIDTH,
                                                (int)CW_FACE_HEIGHT, (int)BLACK_STRIDE);
        c->colour_cr = cairo_create(c->colour);
        c->black_cr = cairo_create(c->black);
        if (cairo_status(c->colour_cr) != CAIRO_STATUS_SUCCESS ||
            cairo_status(c->black_cr) != CAIRO_STATUS_SUCCESS)
                return no_memory(f);
        cairo_set_source_rgb(c->colour_cr, 1, 1, 1);
        cairo_paint(c->colour_cr);
        cairo_set_antialias(c->black_cr, CAIRO_ANTIALIAS_NONE);
        *ret = CW_STEAL(c);
        return CW_OK;
}

static cw_rc paint_one(const struct cw_face_template *t, const struct cw_face_element *e,
                       const struct cw_face_data *data, cairo_t *cr, struct cw_fault *f) {
        CW_WIPED(char, text, CW_FACE_EXPANDED_MAX);
        bool skip = false;
        if (e->kind == CW_FACE_IMAGE)
                return cw_face_paint_image(e, cr, t->directory, f);
        if (e->kind != CW_FACE_TEXT && e->kind != CW_FACE_QR && e->kind != CW_FACE_BARCODE)
                return cw_face_paint_shape(e, cr, f);
        cw_rc rc = cw_face_expand(e, data, text, CW_FACE_EXPANDED_MAX, &skip, f);
        if (rc != CW_OK || skip)
                return rc;
        if (e->kind == CW_FACE_BARCODE)
                return cw_face_paint_barcode(e, &t->clear, cr, text, f);
        return e->kind == CW_FACE_TEXT ? cw_face_paint_text(e, cr, text, f)
                                       : cw_face_paint_qr(e, &t->clear, cr, text, f);
}

cw_rc cw_face_paint(const struct cw_face_template *t, const struct cw_face_data *data,
                    struct cw_face_canvas *c, struct cw_fault *f) {
        for (size_t i = 0; i < t->count; i++) {
                const struct cw_face_element *e = &t->element[i];
                cairo_t *cr = e->black ? c->black_cr : c->colour_cr;
                cairo_save(cr);
                cw_rc rc = paint_one(t, e, data, cr, f);
                cairo_restore(cr);
                if (rc != CW_OK)
                        return rc;
                if (cairo_status(cr) != CAIRO_STATUS_SUCCESS)
                        return cw_face_element_fail(f, e, "it cannot be drawn");
        }
        cairo_surface_flush(c->colour);
        cairo_surface_flush(c->black);
        return CW_OK;
}
