/* SPDX-License-Identifier: Apache-2.0 */
/* The language of the Magicard printer, on top of the mechanism all emulated printers share. */
#pragma once

#include "tests/emu/printer/model_int.h"

enum {
        MGC_TEXT_MAX = 2048, /* longest header of a job */
        MGC_ROWS = 1016,
        MGC_HEAD = 672,  /* pixels of the print head */
        MGC_IMAGE = 642, /* of them, what lies on the card */
        MGC_EDGE = (EMUP_WIDTH - MGC_IMAGE) / 2,
        MGC_PLANES = 4,
};

enum mgc_receive {
        MGC_IDLE,    /* attention bytes are skipped */
        MGC_TEXT,    /* after SOH, up to FS */
        MGC_REQUEST, /* FS of a request seen: ETX */
        MGC_PLANE,   /* bytes of a plane, counted */
        MGC_TRAILER, /* FS, letter, colon behind a plane */
        MGC_END,     /* all planes are in: ETX */
        MGC_LOST,
};

struct mgc_box {
        bool set;
        unsigned x1, y1, x2,
            y2; /* x along the card from the left, y from its lower edge, both ends included */
};

struct mgc_plane {
        char letter; /* B G R K */
        size_t size, at;
};

struct mgc_job {
        char panels[8]; /* ymcko, what is to be laid on the card */
        struct mgc_plane plane[MGC_PLANES];
        unsigned planes;
        struct emup_track track[EMUP_TRACKS];
        bool any_track, verify, reject_faulty, overcoat, duplex;
        char back_format[4]; /* BAC */
        char coercivity;     /* h or l */
        struct mgc_box coat, hole;
};

struct mgc {
        bool old; /* Rio and Tango: STA requests, 672 pixels in a row */
        unsigned head_position;
        enum mgc_receive receive;
        unsigned attention; /* 05 bytes before the SOH */
        char text[MGC_TEXT_MAX + 1];
        size_t len;
        unsigned plane;   /* that comes in */
        size_t plane_len; /* of it so far */
        unsigned trailer;
        struct mgc_job job, back;
        unsigned page; /* that comes in: 0 the front */
        unsigned next; /* panel of the job */
        enum emup_err error;
        uint64_t printed;
        char language[4];
};

static inline struct mgc *mgc_of(const struct emup_model *m) {
        return m->language;
}

/* header.c: a page's header without SOH and FS; front NULL: of the front. False with a violation said when it
 * is none. */
bool mgc_header(struct emup_model *m, const char *text, const struct mgc_job *front, struct mgc_job *ret);

/* raster.c, pure */

/* Bytes of a plane: 6 bits a pixel, or 1. */
size_t mgc_plane_bytes(bool old, bool resin);
/* Pixels of a plane onto a card; *ret_outside counts ink beside it. */
void mgc_plane_unpack(bool old, bool resin, unsigned head_position, const uint8_t *data, uint8_t *pixels,
                      size_t *ret_outside);
/* The overcoat: the box coat without the box hole. */
void mgc_overcoat(const struct mgc_box *coat, const struct mgc_box *hole, uint8_t *pixels);

/* request.c: everything that is no job. */
void mgc_request(struct emup_model *m, const char *text);

/* job.c */
void mgc_job_run(struct emup_model *m);
/* What the printer complains about now. */
enum emup_err mgc_error(const struct emup_model *m);
void mgc_cancel(struct emup_model *m);
