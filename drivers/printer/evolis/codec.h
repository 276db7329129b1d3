/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Evolis escape language, bytes only: commands, answers, what answers mean, panel compression. Pure
 * functions, no device. Source: Evolis Programming Guide A5013; README.md here says what is documented and
 * what inferred.
 */
#pragma once

#include "base/buf.h"
#include "drivers/printer/printer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_EVOLIS_REPLY_MAX 512
#define CW_EVOLIS_COMMAND_MAX 240 /* text commands; Db is built in its own buffer */
#define CW_EVOLIS_PANEL_HEAD_MAX 32

/* How the answer to Rlr;p is to be read: the two generations give "OK" opposite meanings. */
enum cw_evolis_generation { CW_EVOLIS_UNKNOWN, CW_EVOLIS_CLASSIC, CW_EVOLIS_MODERN };

/* Writes ESC text CR. bad is set for characters outside 20h..7Eh and for an empty or too long text. */
void cw_evolis_put_command(struct cw_writer *w, const char *text);
/* Writes ESC "Dm;" track ";" data CR; the data is taken as it is and must hold no CR. */
void cw_evolis_put_track(struct cw_writer *w, unsigned track, struct cw_span data);
/* Writes ESC "Db;" panel ";" levels ";" (raw), or ESC "Dbc;" panel ";" levels ";" size ";": what precedes the
 * raster. */
void cw_evolis_put_panel_head(struct cw_writer *w, char panel, unsigned bits, bool compressed, size_t size);

/*
 * Compresses a 1-bit panel line by line: 00 = white line, FF = black line, else the number of leading bytes
 * that follow, the rest of the line being white. Returns the bytes written, 0 when they do not fit into cap.
 */
size_t cw_evolis_compress_mono(const uint8_t *panel, size_t line_bytes, size_t lines, uint8_t *ret,
                               size_t cap);

/* Takes answers out of a stream of IN bytes. */
struct cw_evolis_stream {
        uint8_t *bytes; /* CW_EVOLIS_REPLY_MAX bytes, owned by the caller; may hold track data */
        size_t len;
};
/* Appends; false when it does not fit: then the stream is not an Evolis answer. */
bool cw_evolis_stream_add(struct cw_evolis_stream *s, const uint8_t *bytes, size_t len);
/* Length of the first complete answer (up to 00 or CR), -1 when there is none. */
ptrdiff_t cw_evolis_stream_find(const struct cw_evolis_stream *s);
/* Copies the first n bytes into ret (NUL added, cap > n) and drops them together with their end mark. Wipes.
 */
void cw_evolis_stream_take(struct cw_evolis_stream *s, size_t n, char *ret, size_t cap);
void cw_evolis_stream_clear(struct cw_evolis_stream *s);

enum cw_evolis_kind {
        CW_EVOLIS_OK,      /* "OK" or ACK                                 */
        CW_EVOLIS_VALUE,   /* anything else                               */
        CW_EVOLIS_ERROR,   /* "ERR ...", NACK                             */
        CW_EVOLIS_COMMAND, /* "ERROR CDE": the firmware has no such command */
};
enum cw_evolis_kind cw_evolis_kind(const char *reply);

/* What an error answer says by itself; the sensors may say more. */
enum cw_evolis_trouble {
        CW_EVOLIS_T_NONE,
        CW_EVOLIS_T_UNKNOWN,
        CW_EVOLIS_T_COMMAND,
        CW_EVOLIS_T_PARAMETER,
        CW_EVOLIS_T_MECHANICAL,
        CW_EVOLIS_T_COVER,
        CW_EVOLIS_T_FEEDER,
        CW_EVOLIS_T_RIBBON,
        CW_EVOLIS_T_RIBBON_ENDED,
        CW_EVOLIS_T_MAG,
        CW_EVOLIS_T_MAG_BLANK,
        CW_EVOLIS_T_CLEANING,
        CW_EVOLIS_T_REJECT_FULL,
        CW_EVOLIS_T_OUTPUT_FULL,
        CW_EVOLIS_T_HEAD,
        CW_EVOLIS_T_LOCK,
        CW_EVOLIS_T_CONTACT,
};
enum cw_evolis_trouble cw_evolis_trouble(const char *reply);
/* Code of the station taxonomy for a trouble. */
const char *cw_evolis_trouble_code(enum cw_evolis_trouble t);

/* "5,00 Volts", "0.98 Volts", "12" -> millivolts; false when it is no such value. */
bool cw_evolis_millivolts(const char *reply, int64_t *ret);
/* A decimal number of at most 15 digits with blanks around; false otherwise. */
bool cw_evolis_number(const char *reply, int64_t *ret);
/* Answer to Rlr;p. CW_WHERE_UNKNOWN for what the generation does not define. */
enum cw_where cw_evolis_where(enum cw_evolis_generation g, const char *reply);
/* Answer to Rr: a ribbon of the guide's list in lower case into ret; false when it is none of them. */
bool cw_evolis_ribbon(const char *reply, char *ret, size_t cap);

/* Printable copy of an answer for people: at most cap - 1 characters, others become '?'. Never for track
 * data. */
void cw_evolis_quote(const char *reply, char *ret, size_t cap);

/* For recordings: Dm and Db payload and the answers to Smr become their length. ctx is a bool, false at
 * first. */
void cw_evolis_mask(void *ctx, bool in, uint8_t *bytes, size_t *len);
