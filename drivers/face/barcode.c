/* SPDX-License-Identifier: Apache-2.0 */
/* Code 128 (ISO/IEC 15417). Bars are whole pixels, never scaled, with the quiet zone of ten modules on either
 * side. */
#include "drivers/face/canvas.h"

#include <zint.h>

#define QUIET_MODULES 10

static inline void free_symbol(struct zint_symbol *s) {
        ZBarcode_Delete(s);
}
CW_DEFINE_CLEANUP(struct zint_symbol *, free_symbol);

static bool printable(const char *text) {
        for (; *text; text++)
                if (*text < 0x20 || *text > 0x7e)
                        return false;
        return true;
}

cw_rc cw_face_paint_barcode(const struct cw_face_element *e, const struct cw_face_box *clear, cairo_t *cr,
                            const char *text, struct cw_fault *f) {
        CW_AUTO(free_symbol) struct zint_symbol *s = ZBarcode_Create();
        if (!s)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.barcode", "",
                               "out of memory");
        s->symbology = BARCODE_CODE128;
        if (!printable(text) || ZBarcode_Encode(s, (const unsigned char *)text, 0) >= ZINT_ERROR ||
            s->rows != 1)
                return cw_face_element_fail(f, e, "its text does not fit a barcode");
        double quiet = (double)(QUIET_MODULES * e->module), wide = (double)((unsigned)s->width * e->module);
        if (e->box.x < quiet || e->box.x + wide + quiet > CW_FACE_WIDTH || e->box.y < 0 ||
            e->box.y + e->box.h > CW_FACE_HEIGHT)
                return cw_face_element_fail(f, e, "the barcode and its quiet zones do not fit on the card");
        const struct cw_face_box whole = {e->box.x - quiet, e->box.y, wide + 2 * quiet, e->box.h};
        if (clear->w > 0 && cw_face_touch(&whole, clear))
                return cw_face_element_fail(
                    f, e,
                    e->back ? "the barcode or a quiet zone covers the magnetic stripe; move it"
                            : "the barcode or a quiet zone covers the chip window; move it");
        cairo_set_source_rgba(cr, 0, 0, 0, 1);
        for (int i = 0; i < s->width; i++)
                if (s->encoded_data[0][i >> 3] >> (i & 7) & 1)
                        cairo_rectangle(cr, e->box.x + (double)((unsigned)i * e->module), e->box.y, e->module,
                                        e->box.h);
        cairo_fill(cr);
        return CW_OK;
}
