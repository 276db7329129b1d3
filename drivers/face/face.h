/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Card faces: a JSON template and one card's data become printer panels. cw_face_draw does it in a
 * short-lived child process, so that the station never loads a font or a picture and the clear data is gone
 * when the child is.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_FACE_WIDTH 1016u /* design, landscape, 300 dpi */
#define CW_FACE_HEIGHT 648u
#define CW_FACE_FIELDS_MAX 16
#define CW_FACE_NAME_MAX 31
#define CW_FACE_VALUE_MAX 127

/* One named value of a card, UTF-8 without NUL: "pan", "name", "expiry", "cvv2", "kit", "member_since", ...
 * Borrowed. */
struct cw_face_field {
        const char *name;
        const char *value;
        size_t value_len;
};
struct cw_face_data {
        size_t count;
        struct cw_face_field field[CW_FACE_FIELDS_MAX];
};

/* Panels of one face as the printer takes them: portrait raster of width x height pixels, bits per pixel, MSB
 * first, no padding. */
#define CW_PANELS_MAX 5
#define CW_PANEL_WIDTH CW_FACE_HEIGHT
#define CW_PANEL_HEIGHT CW_FACE_WIDTH
#define CW_PANEL_YMC_BITS 6u
struct cw_panel {
        char id;       /* 'y' 'm' 'c' 'k' 'o', in this order */
        unsigned bits; /* per pixel: 6 for y m c, 1 for k o */
        const uint8_t *ptr;
        size_t len;
};
/* Owns the mapping the panels point into. */
struct cw_panels {
        unsigned width, height;
        size_t count;
        struct cw_panel panel[CW_PANELS_MAX];
        struct cw_panels *back; /* owned; the other face as a person sees it who turned the card like a page;
                                   NULL = nothing is on it */
        void *map;
        size_t map_len;
        bool
            private_memory; /* drawn in this process: wiped when freed; else a mapping of the child's memfd */
};
/* Wipes and unmaps. NULL is fine. */
void cw_panels_free(struct cw_panels *p);
CW_DEFINE_CLEANUP(struct cw_panels *, cw_panels_free);
/* Bytes of a panel of width x height pixels, rounded up. */
size_t cw_panel_size(unsigned width, unsigned height, unsigned bits);

#define CW_FACE_CURVE_POINTS 16
/* Dye for the light that is to be taken away, both 0 to 255, of y m c. */
struct cw_face_curve {
        uint8_t level[3][256];
};
/*
 * A heat curve in words: "y=64:50 128:110, mc=128:120": panels, then FROM:TO, rising, at most 16, straight
 * lines between, from 0:0 and to 255:255 where no point says otherwise; a panel that is not named, and NULL
 * or "", as it is. 0 stays 0 (0:TO lifts all above it). OPERATOR/PRT_SETUP_ERROR for anything else.
 */
CW_WARN_UNUSED cw_rc cw_face_curve_parse(const char *words, struct cw_face_curve *ret, struct cw_fault *f);

/*
 * Draws template_path (absolute, or relative to the working directory) with data in a child and returns its
 * panels, their dye by curve (cw_face_curve_parse; may be NULL). Blocks until done or deadline; the child is
 * killed then. OPERATOR/PRT_SETUP_ERROR for a bad curve. REJECT with PRD_UNEXPECTED_DATA and a
 * sentence when the template is bad, a font is missing, a text does not fit its box, a glyph is unknown or a
 * field is absent; RETRY on timeout or when the child could not run. Nothing is printed, so every failure is
 * before the fact.
 */
CW_WARN_UNUSED cw_rc cw_face_draw(const char *template_path, const struct cw_face_data *data,
                                  const char *curve, int64_t deadline_ns, struct cw_panels **ret,
                                  struct cw_fault *f);

/*
 * The program cw_face_draw starts. Without this call: cardwright-face beside the running program, in face/
 * beside it, or the installed one. Borrowed; for tests and unusual layouts.
 */
void cw_face_set_helper(const char *path);

/* Panels from and to the bytes the child returns (a sealed memfd). decode takes nothing; REJECT on any
 * inconsistency. */
CW_WARN_UNUSED cw_rc cw_panels_from_fd(int memfd, struct cw_panels **ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_panels_to_fd(const struct cw_panels *p, int *ret_memfd, struct cw_fault *f);
