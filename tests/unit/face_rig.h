/* SPDX-License-Identifier: Apache-2.0 */
/* Faces drawn for a test, from templates in a folder of its own; their packed panels read by a decoder of its
 * own. */
#pragma once

#include "drivers/face/render.h"

#include <stddef.h>

/* Setup and teardown of a group: the folder. */
int face_rig_open(void **state);
int face_rig_close(void **state);

/* A file of the folder; its path. */
void face_rig_put(const char *name, const void *bytes, size_t len, char *ret_path, size_t cap);
/* A template of these elements, ' for ". */
void face_rig_put_template(const char *head, const char *elements, char *ret_path, size_t cap);

/* The data of the card that is drawn. */
extern const struct cw_face_data face_rig_card;
/* Caller frees. */
struct cw_panels *face_rig_render(const char *head, const char *elements);
/* Such a face is not drawn, and the error says so without the PAN. */
void face_rig_refuses(const char *elements, const char *says);

/* Panel i of y m c k o, NULL when the face has none. */
const struct cw_panel *face_rig_panel(const struct cw_panels *p, size_t i);
/* Level of the design's pixel x, y on panel i. */
unsigned face_rig_level(const struct cw_panels *p, size_t i, unsigned x, unsigned y);
/* Pixels with ink on panel i. */
size_t face_rig_inked(const struct cw_panels *p, size_t i);
