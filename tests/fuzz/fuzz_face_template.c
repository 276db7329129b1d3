/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a template; what is accepted is drawn as far as it needs no font and no file. */
#include "drivers/face/canvas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct cw_face_data card = {
            .count = 2, .field = {{"pan", "4000001234567899", 16}, {"name", "JANE", 4}}};
        CW_AUTO(cw_face_template_free) struct cw_face_template *t = NULL;
        CW_AUTO(cw_face_canvas_free) struct cw_face_canvas *c = NULL;
        struct cw_fault f;
        if (cw_face_template_parse((const char *)data, size, "", &t, &f) != CW_OK ||
            cw_face_canvas_new(&c, &f) != CW_OK)
                return 0;
        for (size_t i = 0; i < t->count; i++) {
                const struct cw_face_element *e = &t->element[i];
                char text[CW_FACE_EXPANDED_MAX];
                bool skip = false;
                cw_rc rc = CW_OK;
                if (e->kind == CW_FACE_TEXT || e->kind == CW_FACE_QR || e->kind == CW_FACE_BARCODE)
                        rc = cw_face_expand(e, &card, text, sizeof text, &skip, &f);
                if (rc == CW_OK && !skip && e->kind == CW_FACE_QR)
                        rc = cw_face_paint_qr(e, c->black_cr, text, &f);
                if (rc == CW_OK && !skip && e->kind == CW_FACE_BARCODE)
                        rc = cw_face_paint_barcode(e, c->black_cr, text, &f);
                if (e->kind <= CW_FACE_PATH)
                        rc = cw_face_paint_shape(e, e->black ? c->black_cr : c->colour_cr, &f);
                if (rc != CW_OK)
                        return 0;
        }
        return 0;
}
