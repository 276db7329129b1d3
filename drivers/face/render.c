/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/face/render.h"

#include "drivers/face/canvas.h"

#include <string.h>

#define PI 3.14159265358979323846
#define CORNER 37.5 /* 3.18 mm, ISO/IEC 7810 */

static cw_rc draw(const struct cw_face_template *t, const struct cw_face_data *data,
                  struct cw_face_canvas **ret, struct cw_fault *f) {
        CW_AUTO(cw_face_canvas_free) struct cw_face_canvas *c = NULL;
        cw_rc rc = cw_face_canvas_new(&c, f);
        if (rc == CW_OK)
                rc = cw_face_paint(t, data, c, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(c);
        return rc;
}

static cw_rc one_face(const struct cw_face_template *t, const struct cw_face_data *data,
                      const struct cw_face_curve *curve, struct cw_panels **ret, struct cw_fault *f) {
        CW_AUTO(cw_face_canvas_free) struct cw_face_canvas *c = NULL;
        cw_rc rc = draw(t, data, &c, f);
        return rc == CW_OK ? cw_face_separate(t, c, curve, ret, f) : rc;
}

cw_rc cw_face_render(const char *template_path, const struct cw_face_data *data, const char *curve,
                     struct cw_panels **ret, struct cw_fault *f) {
        CW_AUTO(cw_face_template_free) struct cw_face_template *t = NULL;
        CW_AUTO(cw_panels_free) struct cw_panels *p = NULL;
        struct cw_face_curve levels;
        cw_rc rc = cw_face_curve_parse(curve, &levels, f);
        if (rc == CW_OK)
                rc = cw_face_template_load(template_path, &t, f);
        if (rc == CW_OK)
                rc = one_face(t, data, &levels, &p, f);
        if (rc == CW_OK && t->back)
                rc = one_face(t->back, data, &levels, &p->back, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(p);
        return rc;
}

static const struct cw_face_field *field(const struct cw_face_data *data, const char *name) {
        for (size_t i = 0; i < data->count; i++)
                if (strcmp(data->field[i].name, name) == 0)
                        return &data->field[i];
        return NULL;
}

static bool test_pan(const struct cw_face_field *pan, const char *const *bins, size_t count) {
        for (size_t i = 0; pan && i < count; i++) {
                size_t n = strlen(bins[i]);
                if (n >= 4 && n <= pan->value_len && memcmp(pan->value, bins[i], n) == 0)
                        return true;
        }
        return false;
}

void cw_face_mask(struct cw_face_data *data, const char *const *test_bins, size_t bin_count,
                  char masked[2][CW_FACE_VALUE_MAX]) {
        if (test_pan(field(data, "pan"), test_bins, bin_count))
                return;
        for (size_t i = 0; i < data->count; i++) {
                struct cw_face_field *v = &data->field[i];
                bool pan = strcmp(v->name, "pan") == 0, cvv = strcmp(v->name, "cvv2") == 0;
                if ((!pan && !cvv) || v->value_len > CW_FACE_VALUE_MAX)
                        continue;
                char *own = masked[cvv];
                for (size_t k = 0; k < v->value_len; k++)
                        own[k] =
                            pan && v->value_len >= 13 && (k < 6 || k + 4 >= v->value_len) ? v->value[k] : '*';
                v->value = own;
        }
}

static void card_outline(cairo_t *cr) {
        double w = CW_FACE_WIDTH, h = CW_FACE_HEIGHT;
        cairo_new_sub_path(cr);
        cairo_arc(cr, w - CORNER, CORNER, CORNER, -PI / 2, 0);
        cairo_arc(cr, w - CORNER, h - CORNER, CORNER, 0, PI / 2);
        cairo_arc(cr, CORNER, h - CORNER, CORNER, PI / 2, PI);
        cairo_arc(cr, CORNER, CORNER, CORNER, PI, 3 * PI / 2);
        cairo_close_path(cr);
}

/* A chip module as it lies in a plastic, with the eight contacts of ISO/IEC 7816-2. */
static void draw_chip(cairo_t *cr, const struct cw_face_box *window) {
        double m = 22, x = window->x + m, y = window->y + m, w = window->w - 2 * m, h = window->h - 2 * m;
        cairo_pattern_t *gold = cairo_pattern_create_linear(x, y, x + w, y + h);
        cairo_pattern_add_color_stop_rgb(gold, 0, 0.93, 0.83, 0.56);
        cairo_pattern_add_color_stop_rgb(gold, 0.5, 0.82, 0.67, 0.35);
        cairo_pattern_add_color_stop_rgb(gold, 1, 0.95, 0.87, 0.63);
        cairo_new_path(cr);
        cairo_arc(cr, x + 14, y + 14, 14, PI, 3 * PI / 2);
        cairo_arc(cr, x + w - 14, y + 14, 14, -PI / 2, 0);
        cairo_arc(cr, x + w - 14, y + h - 14, 14, 0, PI / 2);
        cairo_arc(cr, x + 14, y + h - 14, 14, PI / 2, PI);
        cairo_close_path(cr);
        cairo_set_source(cr, gold);
        cairo_fill_preserve(cr);
        cairo_pattern_destroy(gold);
        cairo_set_source_rgba(cr, 0.36, 0.28, 0.12, 0.8);
        cairo_set_line_width(cr, 2);
        for (int i = 1; i < 4; i++) {
                cairo_move_to(cr, x, y + h * i / 4);
                cairo_line_to(cr, x + w * 0.34, y + h * i / 4);
                cairo_move_to(cr, x + w * 0.66, y + h * i / 4);
                cairo_line_to(cr, x + w, y + h * i / 4);
        }
        cairo_rectangle(cr, x + w * 0.34, y + h * 0.2, w * 0.32, h * 0.6);
        cairo_stroke(cr);
}

static cairo_status_t write_some(void *closure, const unsigned char *data, unsigned length) {
        return fwrite(data, 1, length, (FILE *)closure) == length ? CAIRO_STATUS_SUCCESS
                                                                  : CAIRO_STATUS_WRITE_ERROR;
}

static cw_rc write_png(cairo_surface_t *s, FILE *out, struct cw_fault *f) {
        cairo_surface_flush(s);
        if (cairo_surface_write_to_png_stream(s, write_some, out) == CAIRO_STATUS_SUCCESS)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_IO), 0, "face.png", "",
                       "the picture could not be written; check space and permissions");
}

/* Stripes are black or brown, with a coating of their own. */
static void draw_stripe(cairo_t *cr, const struct cw_face_box *window) {
        double margin = window->h / 14;
        cairo_set_source_rgb(cr, 0.12, 0.1, 0.09);
        cairo_rectangle(cr, window->x, window->y + margin, window->w, window->h - 2 * margin);
        cairo_fill(cr);
}

static void draw_clear(cairo_t *cr, const struct cw_face_template *t) {
        if (t->clear.w <= 0)
                return;
        cairo_set_source_rgb(cr, 0.97, 0.97, 0.96);
        cairo_rectangle(cr, t->clear.x, t->clear.y, t->clear.w, t->clear.h);
        cairo_fill(cr);
        if (t->is_back)
                draw_stripe(cr, &t->clear);
        else
                draw_chip(cr, &t->clear);
}

/* Light is what the dye leaves. */
static void as_sent(cairo_surface_t *colour, const struct cw_face_curve *curve) {
        uint8_t *data = cairo_image_surface_get_data(colour);
        size_t stride = (size_t)cairo_image_surface_get_stride(colour);
        for (size_t y = 0; y < CW_FACE_HEIGHT; y++)
                for (size_t x = 0; x < CW_FACE_WIDTH; x++) {
                        uint32_t rgb = 0, sent = 0;
                        memcpy(&rgb, data + y * stride + x * 4, sizeof rgb);
                        for (unsigned c = 0; c < 3; c++) /* y takes blue away, m green, c red */
                                sent |= (255u - curve->level[c][255 - ((rgb >> 8 * c) & 0xffu)]) << 8 * c;
                        memcpy(data + y * stride + x * 4, &sent, sizeof sent);
                }
        cairo_surface_mark_dirty(colour);
}

static cw_rc preview(const struct cw_face_template *t, const struct cw_face_data *shown,
                     const struct cw_face_curve *curve, FILE *out, struct cw_fault *f) {
        CW_AUTO(cw_face_canvas_free) struct cw_face_canvas *c = NULL;
        cw_rc rc = draw(t, shown, &c, f);
        if (rc != CW_OK)
                return rc;
        as_sent(c->colour, curve);
        cairo_surface_t *picture =
            cairo_image_surface_create(CAIRO_FORMAT_ARGB32, (int)CW_FACE_WIDTH, (int)CW_FACE_HEIGHT);
        cairo_t *cr = cairo_create(picture);
        card_outline(cr);
        cairo_clip(cr);
        cairo_set_source_surface(cr, c->colour, 0, 0);
        cairo_paint(cr);
        cairo_set_source_rgb(cr, 0.06, 0.06, 0.07);
        cairo_mask_surface(cr, c->black, 0, 0);
        draw_clear(cr, t);
        cairo_destroy(cr);
        rc = write_png(picture, out, f);
        cairo_surface_destroy(picture);
        return rc;
}

cw_rc cw_face_preview(const char *template_path, enum cw_face_side side, const struct cw_face_data *data,
                      const char *curve, const char *const *test_bins, size_t bin_count, FILE *out,
                      struct cw_fault *f) {
        CW_AUTO(cw_face_template_free) struct cw_face_template *t = NULL;
        struct cw_face_data shown = *data;
        struct cw_face_curve levels;
        char masked[2][CW_FACE_VALUE_MAX];
        cw_face_mask(&shown, test_bins, bin_count, masked);
        cw_rc rc = cw_face_curve_parse(curve, &levels, f);
        if (rc == CW_OK)
                rc = cw_face_template_load(template_path, &t, f);
        if (rc != CW_OK)
                return rc;
        if (side == CW_FACE_FRONT)
                return preview(t, &shown, &levels, out, f);
        if (t->back)
                return preview(t->back, &shown, &levels, out, f);
        return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_MISSING), 0, "face.preview", "",
                       "this template has nothing on the back");
}

cw_rc cw_face_sides(const char *template_path, unsigned *ret, struct cw_fault *f) {
        CW_AUTO(cw_face_template_free) struct cw_face_template *t = NULL;
        cw_rc rc = cw_face_template_load(template_path, &t, f);
        if (rc == CW_OK)
                *ret = t->back ? 2 : 1;
        return rc;
}

/* Value of a pixel of a panel, 0..2^bits-1. */
static unsigned level_at(const struct cw_panel *panel, size_t pixel) {
        unsigned v = 0;
        for (unsigned b = 0; b < panel->bits; b++) {
                size_t bit = pixel * panel->bits + b;
                v = v << 1 | ((panel->ptr[bit >> 3] >> (7 - (bit & 7))) & 1u);
        }
        return v;
}

cw_rc cw_face_panel_png(const struct cw_panels *p, size_t index, FILE *out, struct cw_fault *f) {
        if (index >= p->count)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_RANGE), (int64_t)index, "face.png", "",
                               "there is no such panel");
        if (p->panel[index].bits == 0 || p->panel[index].bits > 8)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_RANGE), p->panel[index].bits, "face.png",
                               "", "a panel has 1 to 8 bits a pixel");
        cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)p->height, (int)p->width);
        uint8_t *data = cairo_image_surface_get_data(s);
        if (!data) {
                cairo_surface_destroy(s);
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.png", "",
                               "out of memory");
        }
        size_t stride = (size_t)cairo_image_surface_get_stride(s);
        unsigned top = (1u << p->panel[index].bits) - 1;
        for (unsigned line = 0; line < p->height; line++)
                for (unsigned px = 0; px < p->width; px++) {
                        unsigned v =
                            255 - level_at(&p->panel[index], (size_t)line * p->width + px) * 255 / top;
                        uint32_t grey = v << 16 | v << 8 | v;
                        memcpy(data + (p->width - 1 - px) * stride + (size_t)line * 4, &grey, sizeof grey);
                }
        cairo_surface_mark_dirty(s);
        cw_rc rc = write_png(s, out, f);
        cairo_surface_destroy(s);
        return rc;
}
