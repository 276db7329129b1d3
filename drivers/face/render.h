/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drawing in the calling process: for the drawing child, for `cardwright face render`, for tests. The station
 * uses cw_face_draw (face.h) instead and never links this library.
 */
#pragma once

#include "drivers/face/face.h"

#include <stdio.h>

/* Template and data to panels, of both faces when the template has two, dye by curve (may be NULL). Classes
 * as cw_face_draw. */
CW_WARN_UNUSED cw_rc cw_face_render(const char *template_path, const struct cw_face_data *data,
                                    const char *curve, struct cw_panels **ret, struct cw_fault *f);

/*
 * Stars the values that nobody should see: "pan" but for its first 6 and last 4 digits, and "cvv2" wholly,
 * unless the PAN begins with one of test_bins. The fields then point into masked, which must outlive data.
 */
void cw_face_mask(struct cw_face_data *data, const char *const *test_bins, size_t bin_count,
                  char masked[2][CW_FACE_VALUE_MAX]);

/* 1, or 2 when the template has something for the back. REJECT when it cannot be used. */
CW_WARN_UNUSED cw_rc cw_face_sides(const char *template_path, unsigned *ret, struct cw_fault *f);
enum cw_face_side { CW_FACE_FRONT, CW_FACE_BACK };
/*
 * A picture of one side of the card for people, as PNG to out: colour and K together, rounded corners, the
 * chip drawn in its window and the stripe on the back. REJECT/CW_E_MISSING for a back that the template does
 * not have. With a curve the colours are those that are sent to the printer. "pan" is masked to its first 6
 * and last 4 digits and "cvv2" wholly, unless the PAN begins with one of test_bins (digits; may be NULL when
 * bin_count is 0).
 */
CW_WARN_UNUSED cw_rc cw_face_preview(const char *template_path, enum cw_face_side side,
                                     const struct cw_face_data *data, const char *curve,
                                     const char *const *test_bins, size_t bin_count, FILE *out,
                                     struct cw_fault *f);
/* One panel of a rendered card as a landscape greyscale PNG, dark where the panel is inked. */
CW_WARN_UNUSED cw_rc cw_face_panel_png(const struct cw_panels *p, size_t index, FILE *out,
                                       struct cw_fault *f);
