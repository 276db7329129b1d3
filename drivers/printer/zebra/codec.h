/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The EPCL language of the Eltron and Zebra P series, bytes only: commands, uncompressed images, replies and
 * the table of error codes. Pure functions, no device. Source: card printer programmer's manual 980081-001;
 * README.md here says what is documented and what inferred.
 */
#pragma once

#include "base/buf.h"
#include "drivers/printer/printer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_ZEBRA_REPLY_MAX 256
#define CW_ZEBRA_COMMAND_MAX 120
/* One line of a monochrome image with every byte escaped, and its command. */
#define CW_ZEBRA_LINE_MAX 176

/* How a command is framed. */
enum cw_zebra_framing {
        CW_ZEBRA_ESCAPE,  /* ESC text CR, as documented */
        CW_ZEBRA_COUNTED, /* 00 00 00 length text CR, as one open program sends it; see README.md */
};

/* Writes a command; bad is set for characters outside 20h..7Eh and for an empty or too long text. */
void cw_zebra_put_command(struct cw_writer *w, enum cw_zebra_framing framing, const char *text);
/* Writes "&B t data", '[' before characters that EPCL would take for its own. 1..3. */
void cw_zebra_put_track(struct cw_writer *w, enum cw_zebra_framing framing, unsigned track,
                        struct cw_span data);
/* Writes ESC "O" data CR, or "vO" for the varnish buffer: one line of the area that G defined. */
void cw_zebra_put_line(struct cw_writer *w, enum cw_zebra_framing framing, bool varnish, const uint8_t *data,
                       size_t len);

/* The area of the image buffers that lies on the card, and how a panel gets there. */
struct cw_zebra_area {
        unsigned start;       /* first line, X of the manual */
        unsigned lines;       /* columns of the card */
        unsigned dots;        /* of a line */
        unsigned first_line;  /* of the panel that the area shows */
        unsigned first_pixel; /* of a line of the panel */
        bool forwards;        /* lines are sent in the order of the panel, not in the opposite one */
        bool upside_down;     /* dots are sent in the opposite order */
};
/* Standard memory, 1008 lines of 624 dots, or extended, 1024 of 640: the card in the middle. */
void cw_zebra_area(bool extended, struct cw_zebra_area *ret);
/* "GS 0 32 x 0 lines dots " of a colour panel y m c: its data follows, one byte a dot. */
void cw_zebra_colour_head(const struct cw_zebra_area *a, char panel, char *ret, size_t cap);
/* "G x 0 0 bytes lines 1", or "vG ...": the area of the lines to come. */
void cw_zebra_mono_head(const struct cw_zebra_area *a, bool varnish, char *ret, size_t cap);
/* Dots of line n of the transfer, one byte each, 00 to FF. None of them is a control character. */
void cw_zebra_colour_line(const struct cw_zebra_area *a, const struct cw_panel *panel, unsigned n,
                          uint8_t *ret);
/* Dots of line n, eight a byte, MSB first. */
void cw_zebra_mono_line(const struct cw_zebra_area *a, const struct cw_panel *panel, unsigned n,
                        uint8_t *ret);

enum cw_zebra_kind {
        CW_ZEBRA_NONE, /* not complete yet */
        CW_ZEBRA_ACK,
        CW_ZEBRA_NACK, /* with a code */
        CW_ZEBRA_TEXT,
        CW_ZEBRA_NOISE,
};
struct cw_zebra_reply {
        enum cw_zebra_kind kind;
        int code;       /* of a NACK, -1 to 99 */
        size_t at, len; /* of a text in the bytes */
};
/*
 * The first reply in the bytes; returns how many of them it takes, 0 while it is not complete. quiet: nothing
 * more comes, so a text without an end mark is whole, and anything else that lacks its end is noise.
 */
size_t cw_zebra_parse(const uint8_t *bytes, size_t len, bool quiet, struct cw_zebra_reply *ret);
/* Printable copy for people, others become '?'. Never for track data. */
void cw_zebra_quote(const uint8_t *text, size_t len, char *ret, size_t cap);

/* What a code says about the card and the command. */
enum cw_zebra_meaning {
        CW_ZEBRA_M_SYNTAX,  /* the command was not understood: nothing moved */
        CW_ZEBRA_M_FEEDER,  /* no card was drawn */
        CW_ZEBRA_M_MAG,     /* the card is still inside */
        CW_ZEBRA_M_PRESENT, /* no error: card in the encoder (05), not in it (06) */
        CW_ZEBRA_M_OTHER,   /* the card may be anywhere */
};
enum cw_zebra_meaning cw_zebra_meaning(int code);
/* Code of the station taxonomy. */
const char *cw_zebra_code(int code);

/* For recordings: payload of &B, GS and O and the answers to &L become their length. ctx is a bool, false at
 * first. */
void cw_zebra_mask(void *ctx, bool in, uint8_t *bytes, size_t *len);
