/* SPDX-License-Identifier: Apache-2.0 */
/* One element of a template. */
#pragma once

#include "drivers/face/template.h"

#include <jansson.h>

/* x, y, w, h with w and h above 0, all inside the card and a little bleed around it. */
bool cw_face_parse_box(const json_t *object, struct cw_face_box *ret);
cw_rc cw_face_parse_element(const json_t *object, const struct cw_face_box *clear, struct cw_face_element *e,
                            struct cw_fault *f);
