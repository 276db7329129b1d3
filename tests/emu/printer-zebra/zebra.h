/* SPDX-License-Identifier: Apache-2.0 */
/* The EPCL language of the P series, on top of the mechanism all emulated printers share. */
#pragma once

#include "tests/emu/printer/model_int.h"

enum {
        ZBR_BUFFERS = 5, /* y m c k o */
        ZBR_TEXT_MAX = 400,
        ZBR_LINE_MAX = 80,
};

enum zbr_receive {
        ZBR_IDLE,
        ZBR_COUNT, /* 00 00 00 length of a counted frame */
        ZBR_TEXT,  /* up to CR */
        ZBR_IMAGE, /* the dots of a GS, counted */
        ZBR_END,   /* the CR behind them */
        ZBR_LOST,  /* something that was no command: until SOFT_RESET, or ESC behind a CR */
};

/* The area that G or vG has defined, and how many of its lines are in. */
struct zbr_area {
        bool open;
        unsigned x, bytes, lines, next;
};

struct zbr {
        bool extended, encoder;
        unsigned width, height; /* lines of a buffer, and dots of a line */
        enum zbr_receive receive;
        bool escaped; /* the byte before was [ */
        bool after_cr;
        uint8_t text[ZBR_TEXT_MAX];
        size_t len, want; /* of the text, or of the image; want 0 = up to CR */
        unsigned zeros;
        unsigned image_buffer, image_x, image_y, image_lines, image_dots;
        uint8_t *buffer[ZBR_BUFFERS]; /* levels of the card, portrait; inked as it will print */
        bool filled[ZBR_BUFFERS];
        struct zbr_area area[2]; /* of k, of o */
        char panels[8];          /* to be printed now, one after the other */
        unsigned next;
        bool keeps;          /* the last one returns the card to print-ready */
        char end[8];         /* name of the command that answers at the end */
        enum emup_err error; /* shown until '.' */
};

static inline struct zbr *zbr_of(const struct emup_model *m) {
        return m->language;
}

/* frame.c */
void zbr_ack(struct emup_model *m);
void zbr_ack_line(struct emup_model *m);
void zbr_nack(struct emup_model *m, int code);
/* A text; secret: without telling the transcript what. */
void zbr_text(struct emup_model *m, const char *text, bool secret);

/* command.c: a whole command; len bytes of text with its data, [ taken away where it hides something. */
void zbr_command(struct emup_model *m, const uint8_t *text, size_t len);
/* For "GS ..." up to the blank before its data: bytes that follow, 0 = not complete, -1 = wrong. */
long zbr_image_size(struct emup_model *m, const uint8_t *text, size_t len);
/* The dots of a GS are in. */
void zbr_image(struct emup_model *m, const uint8_t *data);
int zbr_code(enum emup_err err);

/* buffer.c */
void zbr_clear(struct zbr *l, unsigned buffer);
/* Dot i of line n of a transfer, in the coordinates of the buffer, onto the card as it will print. False
 * beside the card. */
bool zbr_put(struct zbr *l, unsigned buffer, unsigned x, unsigned y, uint8_t level);

/* job.c */
/* The parts of M, or one of I, IS, IV by itself. */
void zbr_print(struct emup_model *m, const char *list, const char *name);
void zbr_next_panel(struct emup_model *m);
