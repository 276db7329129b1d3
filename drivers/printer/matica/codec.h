/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of the XID printers, pure: a command wrapper of 31 bytes, data in one direction, a status wrapper of
 * 13 bytes, as of USB mass storage bulk-only transport; the commands are SCSI-like and big-endian.
 */
#pragma once

#include "drivers/printer/printer.h"

#define CW_MATICA_CBW 31u
#define CW_MATICA_CSW 13u
#define CW_MATICA_CDB 10u

enum cw_matica_status { CW_MATICA_GOOD, CW_MATICA_CHECK, CW_MATICA_ALIEN, CW_MATICA_OLDER };

/* cdb_len is 6 or 10; len bytes follow, towards the host when in. */
void cw_matica_cbw(uint32_t tag, const uint8_t *cdb, uint8_t cdb_len, uint32_t len, bool in,
                   uint8_t ret[CW_MATICA_CBW]);
/* ALIEN: not a status wrapper. OLDER: of a command before this one. */
enum cw_matica_status cw_matica_csw(const uint8_t *bytes, size_t len, uint32_t tag);

/* INQUIRY, 96 bytes. Texts are trimmed and printable. False when too short. */
struct cw_matica_inquiry {
        char maker[9], type[17], serial[9], version[14], second[9], third[9];
};
#define CW_MATICA_INQUIRY 96u
bool cw_matica_parse_inquiry(const uint8_t *b, size_t len, struct cw_matica_inquiry *ret);

/* MODE SENSE page 68: resolution and size of a panel. False unless they make sense. */
struct cw_matica_raster {
        unsigned dpi, columns, rows; /* landscape, one byte a pixel */
        int right, down; /* of the card from the middle as a person sees it, in pixels of 300 dpi */
};
#define CW_MATICA_MODE 64u
bool cw_matica_parse_raster(const uint8_t *b, size_t len, struct cw_matica_raster *ret);

/* MODE SENSE page 63: the ink. */
struct cw_matica_ink {
        char kind[8]; /* "ymck", "" = none or unknown */
        int64_t total;
        char lot[8];
};
#define CW_MATICA_INK 44u
bool cw_matica_parse_ink(const uint8_t *b, size_t len, struct cw_matica_ink *ret);

/* LOG SENSE page 78: five counters, -1 when absent. */
struct cw_matica_counters {
        int64_t total, free, head, clean, error;
};
#define CW_MATICA_COUNTERS 52u
bool cw_matica_parse_counters(const uint8_t *b, size_t len, struct cw_matica_counters *ret);

/* REQUEST SENSE, 20 bytes: 0 = nothing stands, else the number of the error list. UINT32_MAX when too short.
 */
#define CW_MATICA_SENSE 20u
uint32_t cw_matica_parse_sense(const uint8_t *b, size_t len);
enum cw_matica_need { CW_MATICA_WELL, CW_MATICA_WAIT, CW_MATICA_HELP };
/* What an error asks for, and its code of the station taxonomy. */
enum cw_matica_need cw_matica_judge(uint32_t error, const char **ret_code);
#define CW_MATICA_NO_CARDS 0x2d000u
#define CW_MATICA_REBOOTED 0x62800u
#define CW_MATICA_BAD_COMMAND 0x52000u
/* The card is stuck between two places. */
bool cw_matica_jammed(uint32_t error);

/* Position, 8 bytes. CW_WHERE_UNKNOWN for numbers that are not known. */
#define CW_MATICA_POSITION 8u
enum cw_where cw_matica_parse_position(const uint8_t *b, size_t len);
/* The number of a place; where must be one of those a card can be moved to. */
uint8_t cw_matica_place(enum cw_where where);

/*
 * Track data as the encoder wants it: tag, length, one byte a character, with start and end sentinel and LRC
 * (ISO/IEC 7811-6) where it does not add them. 0 when it does not fit.
 */
#define CW_MATICA_TRACKS_MAX 256u
size_t cw_matica_put_track(unsigned track, struct cw_span text, enum cw_matica_sentinels sentinels,
                           uint8_t *ret, size_t cap);
uint8_t cw_matica_track_tag(unsigned track);
/* Characters that come with a track beside its text: 0, 2 or 3. */
unsigned cw_matica_track_extra(enum cw_matica_sentinels sentinels);
/* The text of one track read back. False when it is not the track asked for, or its sentinels are not there.
 */
bool cw_matica_get_track(unsigned track, const uint8_t *b, size_t len, enum cw_matica_sentinels sentinels,
                         char *ret, size_t cap);

/*
 * One portrait panel of the card onto a raster of the printer, 8 bits a pixel: the card lies in the middle or
 * at most CW_MATICA_SHIFT_* beside it, each pixel becomes a square of dpi / 300, turned half way round when
 * flip. raster must be a multiple of 1036 x 664.
 */
void cw_matica_spread(const struct cw_matica_raster *raster, bool flip, const struct cw_panel *panel,
                      uint8_t *ret);
/* No pixel is inked. */
bool cw_matica_blank(const struct cw_panel *panel);

/* For recordings (cw_usb_mask_fn): no track and no raster stays. ctx is a struct cw_matica_masking, zeroed.
 */
struct cw_matica_masking {
        uint8_t command;
};
void cw_matica_mask(void *ctx, bool in, uint8_t *bytes, size_t *len);
