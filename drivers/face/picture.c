/* SPDX-License-Identifier: Apache-2.0 */
/* PNG pictures and QR codes. */
#include "drivers/face/canvas.h"

#include "base/buf.h"

#include <limits.h>
#include <qrencode.h>
#include <stdio.h>
#include <string.h>

#define SIDE_MAX 4000u
#define QUIET_MODULES 4
/* Below this the picture was made for less than 200 dpi and would print visibly coarse. */
#define ENLARGE_MAX 1.5

/* Width and height from the header, before anything is decompressed. */
static bool png_size(FILE *file, uint32_t *ret_w, uint32_t *ret_h) {
        static const uint8_t signature[] = {0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a};
        uint8_t head[24];
        struct cw_reader r;
        if (fread(head, 1, sizeof head, file) != sizeof head ||
            memcmp(head, signature, sizeof signature) != 0 || memcmp(head + 12, "IHDR", 4) != 0)
                return false;
        cw_reader_init(&r, head + 16, 8);
        *ret_w = cw_get_be32(&r);
        *ret_h = cw_get_be32(&r);
        rewind(file);
        return *ret_w > 0 && *ret_h > 0 && *ret_w <= SIDE_MAX && *ret_h <= SIDE_MAX;
}

static cairo_status_t read_some(void *closure, unsigned char *data, unsigned length) {
        return fread(data, 1, length, (FILE *)closure) == length ? CAIRO_STATUS_SUCCESS
                                                                 : CAIRO_STATUS_READ_ERROR;
}

static void draw_scaled(const struct cw_face_element *e, cairo_t *cr, cairo_surface_t *image, double scale_x,
                        double scale_y) {
        cairo_rectangle(cr, e->box.x, e->box.y, e->box.w, e->box.h);
        cairo_clip(cr);
        cairo_translate(cr, e->box.x, e->box.y);
        cairo_scale(cr, scale_x, scale_y);
        cairo_set_source_surface(cr, image, 0, 0);
        cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BEST);
        cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
        cairo_paint(cr);
}

cw_rc cw_face_paint_image(const struct cw_face_element *e, cairo_t *cr, const char *directory,
                          struct cw_fault *f) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof path, "%s%s", directory, e->text);
        if (n < 0 || (size_t)n >= sizeof path)
                return cw_face_element_fail(f, e, "the path of its picture is too long");
        CW_AUTO_FILE FILE *file = fopen(path, "rbe");
        if (!file)
                return cw_face_element_fail(f, e, "its picture cannot be read");
        return cw_face_paint_png(e, cr, file, f);
}

cw_rc cw_face_paint_png(const struct cw_face_element *e, cairo_t *cr, FILE *file, struct cw_fault *f) {
        uint32_t w = 0, h = 0;
        if (!png_size(file, &w, &h))
                return cw_face_element_fail(f, e, "its picture is no PNG of at most 4000 x 4000 pixels");
        double scale_x = e->box.w / w, scale_y = e->box.h / h;
        if (scale_x > ENLARGE_MAX || scale_y > ENLARGE_MAX)
                return cw_face_element_fail(f, e, "its picture is too small; bring one for 300 dpi");
        cairo_surface_t *image = cairo_image_surface_create_from_png_stream(read_some, file);
        bool good = cairo_surface_status(image) == CAIRO_STATUS_SUCCESS;
        if (good)
                draw_scaled(e, cr, image, scale_x, scale_y);
        cairo_surface_destroy(image);
        return good ? CW_OK : cw_face_element_fail(f, e, "its picture is damaged");
}

static QRecLevel level_of(char level) {
        switch (level) {
        case 'L':
                return QR_ECLEVEL_L;
        case 'Q':
                return QR_ECLEVEL_Q;
        case 'H':
                return QR_ECLEVEL_H;
        default:
                return QR_ECLEVEL_M;
        }
}

/* Modules are whole pixels, never scaled; the quiet zone of four modules must be on the card too. */
cw_rc cw_face_paint_qr(const struct cw_face_element *e, const struct cw_face_box *clear, cairo_t *cr,
                       const char *text, struct cw_fault *f) {
        QRcode *code = QRcode_encodeString8bit(text, 0, level_of(e->level));
        if (!code)
                return cw_face_element_fail(f, e, "its text does not fit a QR code");
        double quiet = (double)(QUIET_MODULES * e->module),
               side = (double)((unsigned)code->width * e->module);
        bool fits = e->box.x >= quiet && e->box.y >= quiet && e->box.x + side + quiet <= CW_FACE_WIDTH &&
                    e->box.y + side + quiet <= CW_FACE_HEIGHT;
        const struct cw_face_box whole = {e->box.x - quiet, e->box.y - quiet, side + 2 * quiet,
                                          side + 2 * quiet};
        bool bare = clear->w > 0 && cw_face_touch(&whole, clear);
        fits = fits && !bare;
        cairo_set_source_rgba(cr, 0, 0, 0, 1);
        for (int i = 0; fits && i < code->width * code->width; i++)
                if (code->data[i] & 1)
                        cairo_rectangle(cr, e->box.x + (double)((unsigned)(i % code->width) * e->module),
                                        e->box.y + (double)((unsigned)(i / code->width) * e->module),
                                        e->module, e->module);
        cairo_fill(cr);
        QRcode_free(code);
        if (bare)
                return cw_face_element_fail(
                    f, e,
                    e->back ? "the QR code or its quiet zone covers the magnetic stripe; move it"
                            : "the QR code or its quiet zone covers the chip window; move it");
        return fits ? CW_OK
                    : cw_face_element_fail(f, e, "the QR code and its quiet zone do not fit on the card");
}
