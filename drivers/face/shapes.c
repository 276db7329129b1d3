/* SPDX-License-Identifier: Apache-2.0 */
/* Rectangles, ellipses, lines, paths. */
#include "drivers/face/canvas.h"

#include <math.h>
#include <string.h>

#define NUMBER_MAX 32
#define PI 3.14159265358979323846

static void set_paint(cairo_t *cr, const struct cw_face_paint *p) {
        double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
        if (!p->gradient) {
                cairo_set_source_rgba(cr, p->from.r, p->from.g, p->from.b, p->from.a);
                return;
        }
        /* Across the extent of the shape, in the direction of the angle. */
        cairo_path_extents(cr, &x0, &y0, &x1, &y1);
        double cx = (x0 + x1) / 2, cy = (y0 + y1) / 2, angle = p->angle * PI / 180;
        double reach = (fabs(cos(angle)) * (x1 - x0) + fabs(sin(angle)) * (y1 - y0)) / 2;
        cairo_pattern_t *g = cairo_pattern_create_linear(cx - cos(angle) * reach, cy - sin(angle) * reach,
                                                         cx + cos(angle) * reach, cy + sin(angle) * reach);
        cairo_pattern_add_color_stop_rgba(g, 0, p->from.r, p->from.g, p->from.b, p->from.a);
        cairo_pattern_add_color_stop_rgba(g, 1, p->to.r, p->to.g, p->to.b, p->to.a);
        cairo_set_source(cr, g);
        cairo_pattern_destroy(g);
}

static void rectangle(cairo_t *cr, const struct cw_face_box *b, double radius) {
        double r = fmin(radius, fmin(b->w, b->h) / 2);
        if (r <= 0) {
                cairo_rectangle(cr, b->x, b->y, b->w, b->h);
                return;
        }
        cairo_new_sub_path(cr);
        cairo_arc(cr, b->x + b->w - r, b->y + r, r, -PI / 2, 0);
        cairo_arc(cr, b->x + b->w - r, b->y + b->h - r, r, 0, PI / 2);
        cairo_arc(cr, b->x + r, b->y + b->h - r, r, PI / 2, PI);
        cairo_arc(cr, b->x + r, b->y + r, r, PI, 3 * PI / 2);
        cairo_close_path(cr);
}

static void ellipse(cairo_t *cr, const struct cw_face_box *b) {
        cairo_save(cr);
        cairo_translate(cr, b->x + b->w / 2, b->y + b->h / 2);
        cairo_scale(cr, b->w / 2, b->h / 2);
        cairo_new_sub_path(cr);
        cairo_arc(cr, 0, 0, 1, 0, 2 * PI);
        cairo_close_path(cr);
        cairo_restore(cr);
}

/* Next number of a path; the decimal point does not depend on the locale. */
static bool path_number(const char **s, double *ret) {
        const char *p = *s + strspn(*s, " ,\t\n");
        bool negative = *p == '-', point = false;
        double v = 0, divisor = 1;
        size_t digits = 0;
        p += negative;
        while (((*p >= '0' && *p <= '9') || (*p == '.' && !point)) && digits < NUMBER_MAX) {
                if (*p == '.') {
                        point = true;
                } else {
                        v = v * 10 + (*p - '0');
                        divisor *= point ? 10 : 1;
                        digits++;
                }
                p++;
        }
        v /= divisor;
        if (digits == 0 || v > 10000)
                return false;
        *s = p;
        *ret = negative ? -v : v;
        return true;
}

/* Absolute M x y, L x y, C x1 y1 x2 y2 x y, Z, as in SVG. */
static bool path(cairo_t *cr, const char *s) {
        for (;;) {
                double n[6];
                s += strspn(s, " ,\t\n");
                char command = *s;
                if (!command)
                        return true;
                s++;
                size_t want = command == 'M' || command == 'L' ? 2 : command == 'C' ? 6 : 0;
                if (!want && command != 'Z')
                        return false;
                for (size_t i = 0; i < want; i++)
                        if (!path_number(&s, &n[i]))
                                return false;
                if (command == 'M')
                        cairo_move_to(cr, n[0], n[1]);
                else if (!cairo_has_current_point(cr))
                        return false;
                else if (command == 'L')
                        cairo_line_to(cr, n[0], n[1]);
                else if (command == 'C')
                        cairo_curve_to(cr, n[0], n[1], n[2], n[3], n[4], n[5]);
                else
                        cairo_close_path(cr);
        }
}

cw_rc cw_face_paint_shape(const struct cw_face_element *e, cairo_t *cr, struct cw_fault *f) {
        cairo_new_path(cr);
        if (e->kind == CW_FACE_RECT)
                rectangle(cr, &e->box, e->radius);
        else if (e->kind == CW_FACE_ELLIPSE)
                ellipse(cr, &e->box);
        else if (e->kind == CW_FACE_LINE) {
                cairo_move_to(cr, e->box.x, e->box.y);
                cairo_line_to(cr, e->box.w, e->box.h);
        } else if (!path(cr, e->text))
                return cw_face_element_fail(f, e, "\"d\" has M, L, C and Z with absolute numbers only");
        if (e->black)
                cairo_set_source_rgba(cr, 0, 0, 0, 1);
        if (e->fill.set) {
                if (!e->black)
                        set_paint(cr, &e->fill);
                cairo_fill_preserve(cr);
        }
        if (e->stroke.set) {
                if (!e->black)
                        set_paint(cr, &e->stroke);
                cairo_set_line_width(cr, e->stroke_width);
                cairo_stroke_preserve(cr);
        }
        cairo_new_path(cr);
        return CW_OK;
}
