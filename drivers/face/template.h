/* SPDX-License-Identifier: Apache-2.0 */
/* A face template: JSON in, a checked list of elements out. The format is described in README.md. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "drivers/face/face.h"

#include <stdbool.h>
#include <stddef.h>

#define CW_FACE_TEMPLATE_MAX ((size_t)256 << 10)
#define CW_FACE_ELEMENTS_MAX 200
#define CW_FACE_GROUPS_MAX 8
#define CW_FACE_TEXT_MAX 255

enum cw_face_kind {
        CW_FACE_RECT,
        CW_FACE_ELLIPSE,
        CW_FACE_LINE,
        CW_FACE_PATH,
        CW_FACE_TEXT,
        CW_FACE_IMAGE,
        CW_FACE_QR,
        CW_FACE_BARCODE,
};
enum cw_face_align { CW_FACE_START, CW_FACE_CENTER, CW_FACE_END };

struct cw_face_colour {
        double r, g, b, a;
};
/* A colour, or a linear gradient from `from` to `to` at angle degrees (0 = left to right, 90 = top to
 * bottom). */
struct cw_face_paint {
        bool set, gradient;
        struct cw_face_colour from, to;
        double angle;
};
struct cw_face_box {
        double x, y, w, h;
};
struct cw_face_element {
        enum cw_face_kind kind;
        unsigned index;         /* place in its list, for messages */
        bool back;              /* on the back, for messages */
        bool black;             /* on the K panel, else on Y, M, C */
        bool optional;          /* left out when a field of its text is absent or empty */
        struct cw_face_box box; /* LINE: from x,y to w,h */
        struct cw_face_paint fill, stroke;
        double radius, stroke_width;
        char *text; /* TEXT, QR, BARCODE: with {field}s; PATH: its commands; IMAGE: file name */
        char *family;
        double size, letter_spacing, size_min;
        bool bold, italic, upper;
        enum cw_face_align align, valign;
        size_t group_count;
        unsigned group[CW_FACE_GROUPS_MAX];
        unsigned module; /* QR, BARCODE: pixels of one module */
        char level;      /* QR: L M Q H */
};
#define CW_FACE_WINDOWS_MAX 8
struct cw_face_template {
        char *directory;          /* images are looked for here, "" = current */
        struct cw_face_box clear; /* no ink: the chip on the front, the stripe on the back; w 0 = nothing */
        bool is_back, overcoat, knockout;
        size_t window_count;
        struct cw_face_box window[CW_FACE_WINDOWS_MAX]; /* left free of overcoat: signature, hologram */
        size_t count;
        struct cw_face_element *element;
        struct cw_face_template *back; /* owned, NULL = the back stays as it is */
};

/* Reads and checks a template file. REJECT with a sentence naming the element and the key. */
CW_WARN_UNUSED cw_rc cw_face_template_load(const char *path, struct cw_face_template **ret,
                                           struct cw_fault *f);
/* The same from memory; directory for the images (copied). */
CW_WARN_UNUSED cw_rc cw_face_template_parse(const char *json, size_t len, const char *directory,
                                            struct cw_face_template **ret, struct cw_fault *f);
void cw_face_template_free(struct cw_face_template *t);
CW_DEFINE_CLEANUP(struct cw_face_template *, cw_face_template_free);

/* True when they have a point in common. */
bool cw_face_touch(const struct cw_face_box *a, const struct cw_face_box *b);

/* REJECT, PRD_UNEXPECTED_DATA, "card face, element N: ..." or "card face, back, element N: ..." */
cw_rc cw_face_element_fail(struct cw_fault *f, const struct cw_face_element *e, const char *what);
