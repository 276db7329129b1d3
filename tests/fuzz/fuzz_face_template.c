/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a heat curve, and as a template; what is accepted is drawn as far as it needs no font and no
 * file. */
#include "drivers/face/canvas.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is a curve never falls, and leaves white bare. */
static void curve(const uint8_t *data, size_t size) {
        char words[256] = "";
        struct cw_face_curve levels;
        struct cw_fault f;
        if (size >= sizeof words)
                return;
        if (size)
                memcpy(words, data, size);
        if (cw_face_curve_parse(words, &levels, &f) != CW_OK)
                return;
        for (unsigned c = 0; c < 3; c++)
                for (unsigned i = 0; i < 256; i++)
                        if (i == 0 ? levels.level[c][0] != 0 : levels.level[c][i] < levels.level[c][i - 1])
                                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        curve(data, size);
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
                        rc = cw_face_paint_qr(e, &t->clear, c->black_cr, text, &f);
                if (rc == CW_OK && !skip && e->kind == CW_FACE_BARCODE)
                        rc = cw_face_paint_barcode(e, &t->clear, c->black_cr, text, &f);
                if (e->kind <= CW_FACE_PATH)
                        rc = cw_face_paint_shape(e, e->black ? c->black_cr : c->colour_cr, &f);
                if (rc != CW_OK)
                        return 0;
        }
        return 0;
}
