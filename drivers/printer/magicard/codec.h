/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and answers of the Magicard language, pure. A request is attention bytes, SOH, text, FS, ETX; an
 * answer is SOH, text, ETX.
 */
#pragma once

#include "base/buf.h"
#include "drivers/printer/printer.h"

#define CW_MAGICARD_REQUEST_MAX 32
#define CW_MAGICARD_REPLY_MAX 512 /* of one answer's text with its NUL */

/* w->bad when text is empty, too long or not printable. */
void cw_magicard_put_request(struct cw_writer *w, const char *text);

/* Bytes that came in and are not yet an answer. */
struct cw_magicard_stream {
        uint8_t bytes[2 * CW_MAGICARD_REPLY_MAX];
        size_t len;
};
/* Takes bytes; what no longer fits drops the oldest. */
void cw_magicard_stream_add(struct cw_magicard_stream *s, const uint8_t *bytes, size_t len);
/* The next whole answer without SOH and ETX; noise before it is dropped. False when there is none. */
bool cw_magicard_stream_next(struct cw_magicard_stream *s, char ret[CW_MAGICARD_REPLY_MAX]);

/* The error of an answer to REQ,ERR: its last MM:mm, all other text is localised. False when it has none. */
struct cw_magicard_error {
        unsigned major, minor; /* 0:0 = none */
};
bool cw_magicard_parse_error(const char *reply, struct cw_magicard_error *ret);
/* The card was not fed. The one pair that is known is 11:01; its family is inferred to be the feeder's. */
bool cw_magicard_not_fed(const struct cw_magicard_error *error);

/* The value of an answer to REQ,STA,key. False when it is the answer to another question. */
bool cw_magicard_parse_value(const char *reply, const char *key, char *ret, size_t cap);

/* What an answer to REQ,INF says, numbers -1 and texts "" when empty. */
struct cw_magicard_info {
        int64_t abilities; /* CW_MAGICARD_HAS_* */
        char model[CW_PRINTER_TEXT_MAX], serial[CW_PRINTER_TEXT_MAX], firmware[CW_PRINTER_TEXT_MAX];
        char head[CW_PRINTER_TEXT_MAX], board[CW_PRINTER_TEXT_MAX]; /* serial numbers */
        int64_t cards, panels, cleanings, since_cleaning, cleaning_interval, head_position;
        struct cw_magicard_error error;
        char tag[CW_PRINTER_TEXT_MAX], film[CW_PRINTER_TEXT_MAX];
        int64_t shots, shots_used;
};
#define CW_MAGICARD_HAS_STRIPE 0x01
#define CW_MAGICARD_HAS_FLIP 0x02
#define CW_MAGICARD_HAS_CHIP 0x10
/* False when it is not one, or its fields are not where they are expected. */
bool cw_magicard_parse_info(const char *reply, struct cw_magicard_info *ret);

/* Digits only. */
bool cw_magicard_number(const char *text, int64_t *ret);
/* Ribbon kind ("ymcko") of a film name ("LC1"); "" for an unknown one. */
const char *cw_magicard_film_kind(const char *film);
/* Printable text into ret, shortened to cap. */
void cw_magicard_quote(const char *text, char *ret, size_t cap);

/* For recordings (cw_usb_mask_fn): no track and no raster stays. ctx is unused. */
void cw_magicard_mask(void *ctx, bool in, uint8_t *bytes, size_t *len);
