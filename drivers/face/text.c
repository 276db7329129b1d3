/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text. A name that is cut or shows an empty box is a spoiled card, so both are refused before anything
 * moves: the family must be the one asked for, every character must have a glyph, and the ink must stay in
 * its box.
 */
#include "drivers/face/canvas.h"

#include <pango/pangocairo.h>

static inline void free_layout(PangoLayout *l) {
        g_object_unref(l);
}
CW_DEFINE_CLEANUP(PangoLayout *, free_layout);
static inline void free_description(PangoFontDescription *d) {
        pango_font_description_free(d);
}
CW_DEFINE_CLEANUP(PangoFontDescription *, free_description);

static void pin_rendering(PangoLayout *layout, bool black) {
        cairo_font_options_t *o = cairo_font_options_create();
        cairo_font_options_set_antialias(o, black ? CAIRO_ANTIALIAS_NONE : CAIRO_ANTIALIAS_GRAY);
        cairo_font_options_set_hint_style(o, CAIRO_HINT_STYLE_NONE);
        cairo_font_options_set_hint_metrics(o, CAIRO_HINT_METRICS_OFF);
        PangoContext *context = pango_layout_get_context(layout);
        pango_cairo_context_set_font_options(context, o);
        pango_cairo_context_set_resolution(context, 72);
        pango_layout_context_changed(layout);
        cairo_font_options_destroy(o);
}

/* A character that the named font does not have is refused; pango would quietly take it from another font. */
static void set_attributes(PangoLayout *layout, double spacing) {
        PangoAttrList *list = pango_attr_list_new();
        pango_attr_list_insert(list, pango_attr_fallback_new(FALSE));
        if (spacing != 0)
                pango_attr_list_insert(list, pango_attr_letter_spacing_new((int)(spacing * PANGO_SCALE)));
        pango_layout_set_attributes(layout, list);
        pango_attr_list_unref(list);
}

/* Fontconfig always answers with some font; another one means other glyphs without anybody noticing. */
static bool family_is_there(PangoLayout *layout, const PangoFontDescription *want, const char *family) {
        PangoContext *context = pango_layout_get_context(layout);
        PangoFont *font = pango_context_load_font(context, want);
        if (!font)
                return false;
        PangoFontDescription *got = pango_font_describe(font);
        const char *name = pango_font_description_get_family(got);
        bool same = name && g_ascii_strcasecmp(name, family) == 0 &&
                    pango_font_description_get_weight(got) == pango_font_description_get_weight(want);
        pango_font_description_free(got);
        g_object_unref(font);
        return same;
}

static PangoFontDescription *describe(const struct cw_face_element *e) {
        PangoFontDescription *d = pango_font_description_new();
        pango_font_description_set_family(d, e->family);
        pango_font_description_set_weight(d, e->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
        pango_font_description_set_style(d, e->italic ? PANGO_STYLE_OBLIQUE : PANGO_STYLE_NORMAL);
        return d;
}

/* Tries the size, then one pixel less each time, not below size_min; false when the text fits at none. */
static bool fit(PangoLayout *layout, PangoFontDescription *d, const struct cw_face_element *e,
                PangoRectangle *ret_ink) {
        int steps = (int)(e->size - e->size_min);
        for (int i = 0; i <= steps; i++) {
                pango_font_description_set_absolute_size(d, (e->size - i) * PANGO_SCALE);
                pango_layout_set_font_description(layout, d);
                pango_layout_get_pixel_extents(layout, ret_ink, NULL);
                if (ret_ink->width <= e->box.w && ret_ink->height <= e->box.h)
                        return true;
        }
        return false;
}

/* Where the layout starts so that its ink lies in the box as asked. */
static void place(const struct cw_face_element *e, const PangoRectangle *ink, double *ret_x, double *ret_y) {
        double free_x = e->box.w - ink->width, free_y = e->box.h - ink->height;
        double x = e->align == CW_FACE_START ? 0 : e->align == CW_FACE_CENTER ? free_x / 2 : free_x;
        double y = e->valign == CW_FACE_START ? 0 : e->valign == CW_FACE_CENTER ? free_y / 2 : free_y;
        *ret_x = (double)(long)(e->box.x + x) - ink->x;
        *ret_y = (double)(long)(e->box.y + y) - ink->y;
}

/* Marks that show text in another order than it has, so that a name reads as another one: U+202A to U+202E,
 * U+2066 to U+2069. */
static bool turns_text(const char *text) {
        for (; *text; text += g_utf8_skip[(guchar)*text]) {
                gunichar c = g_utf8_get_char(text);
                if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
                        return true;
        }
        return false;
}

cw_rc cw_face_paint_text(const struct cw_face_element *e, cairo_t *cr, const char *text, struct cw_fault *f) {
        PangoRectangle ink = {0};
        double x = 0, y = 0;
        if (!g_utf8_validate(text, -1, NULL))
                return cw_face_element_fail(f, e, "its text is not UTF-8");
        if (turns_text(text))
                return cw_face_element_fail(f, e, "the text has marks that turn its direction; remove them");
        CW_AUTO(free_layout) PangoLayout *layout = pango_cairo_create_layout(cr);
        CW_AUTO(free_description) PangoFontDescription *d = describe(e);
        pin_rendering(layout, e->black);
        pango_layout_set_single_paragraph_mode(layout, TRUE);
        set_attributes(layout, e->letter_spacing);
        pango_layout_set_text(layout, text, -1);
        pango_font_description_set_absolute_size(d, e->size * PANGO_SCALE);
        if (!family_is_there(layout, d, e->family))
                return cw_face_element_fail(f, e, "its font is not installed; install it or name another");
        if (!fit(layout, d, e, &ink))
                return cw_face_element_fail(f, e, "the text does not fit its box; shorten the text");
        if (pango_layout_get_unknown_glyphs_count(layout) > 0)
                return cw_face_element_fail(f, e, "the text has a character that the font cannot show");
        place(e, &ink, &x, &y);
        cairo_set_source_rgba(cr, e->fill.from.r, e->fill.from.g, e->fill.from.b, e->fill.from.a);
        cairo_move_to(cr, x, y);
        pango_cairo_show_layout(cr, layout);
        return CW_OK;
}
