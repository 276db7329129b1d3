/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the picture of a face: refused or drawn, never more than 4000 x 4000 pixels of memory. */
#include "drivers/face/canvas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const struct cw_face_element e = {.kind = CW_FACE_IMAGE, .box = {10, 10, 40, 40}};
        CW_AUTO(cw_face_canvas_free) struct cw_face_canvas *c = NULL;
        struct cw_fault f;
        FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
        if (!file)
                return 0;
        if (cw_face_canvas_new(&c, &f) == CW_OK && cw_face_paint_png(&e, c->colour_cr, file, &f) != CW_OK &&
            cw_rc_class(f.rc) != CW_C_REJECT)
                __builtin_trap();
        (void)fclose(file);
        return 0;
}
