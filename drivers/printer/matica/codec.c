/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/matica/codec.h"

#include <string.h>

static uint32_t le32(const uint8_t *b) {
        return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void put_le32(uint8_t *b, uint32_t v) {
        for (unsigned i = 0; i < 4; i++)
                b[i] = (uint8_t)(v >> 8 * i);
}

static unsigned be16(const uint8_t *b) {
        return (unsigned)b[0] << 8 | b[1];
}

void cw_matica_cbw(uint32_t tag, const uint8_t *cdb, uint8_t cdb_len, uint32_t len, bool in,
                   uint8_t ret[CW_MATICA_CBW]) {
        memset(ret, 0, CW_MATICA_CBW);
        memcpy(ret, "USBC", 4);
        put_le32(ret + 4, tag);
        put_le32(ret + 8, len);
        ret[12] = in ? 0x80 : 0;
        ret[14] = cdb_len;
        memcpy(ret + 15, cdb, cdb_len);
}

enum cw_matica_status cw_matica_csw(const uint8_t *bytes, size_t len, uint32_t tag) {
        if (len != CW_MATICA_CSW || memcmp(bytes, "USBS", 4) != 0)
                return CW_MATICA_ALIEN;
        if (le32(bytes + 4) != tag)
                return CW_MATICA_OLDER;
        return bytes[12] == 0 ? CW_MATICA_GOOD : CW_MATICA_CHECK;
}

/* Up to the first byte that is not printable, blanks at the end taken off. */
static void text_of(const uint8_t *b, size_t len, char *ret) {
        size_t n = 0;
        while (n < len && b[n] >= 0x20 && b[n] < 0x7f)
                n++;
        while (n > 0 && b[n - 1] == ' ')
                n--;
        memcpy(ret, b, n);
        ret[n] = '\0';
}

bool cw_matica_parse_inquiry(const uint8_t *b, size_t len, struct cw_matica_inquiry *ret) {
        if (len < CW_MATICA_INQUIRY)
                return false;
        text_of(b + 8, 8, ret->maker);
        /* The type has room for 16 characters, and the serial number begins in the middle of them. */
        text_of(b + 16, 8, ret->type);
        text_of(b + 24, 8, ret->serial);
        text_of(b + 58, 13, ret->version);
        text_of(b + 71, 8, ret->second);
        text_of(b + 79, 8, ret->third);
        return ret->type[0] != '\0';
}

bool cw_matica_parse_raster(const uint8_t *b, size_t len, struct cw_matica_raster *ret) {
        if (len < CW_MATICA_MODE)
                return false;
        const struct cw_matica_raster r = {be16(b + 8), be16(b + 32), be16(b + 34), 0, 0};
        if ((r.dpi != 300 && r.dpi != 600) || be16(b + 10) != r.dpi)
                return false;
        unsigned scale = r.dpi / 300;
        if (r.columns != 1036 * scale || r.rows != 664 * scale)
                return false;
        *ret = r;
        return true;
}

bool cw_matica_parse_ink(const uint8_t *b, size_t len, struct cw_matica_ink *ret) {
        if (len < CW_MATICA_INK)
                return false;
        *ret = (struct cw_matica_ink){.total = (int64_t)be16(b + 8)};
        /* 0 YMCK, 4 YMCKK, 5 YMCKU; all of them carry what a card needs. */
        if (b[6] == 0 || b[6] == 4 || b[6] == 5)
                memcpy(ret->kind, "ymck", 5);
        if (b[12] != 0xff)
                text_of(b + 12, 6, ret->lot);
        return true;
}

bool cw_matica_parse_counters(const uint8_t *b, size_t len, struct cw_matica_counters *ret) {
        int64_t v[5] = {-1, -1, -1, -1, -1};
        if (len < CW_MATICA_COUNTERS)
                return false;
        for (unsigned i = 0; i < 5; i++) {
                const uint8_t *row = b + 4 + (size_t)i * 8;
                if (be16(row) == i && be16(row + 2) == 4)
                        v[i] = (int64_t)be16(row + 4) << 16 | be16(row + 6);
        }
        *ret = (struct cw_matica_counters){v[0], v[1], v[2], v[3], v[4]};
        return true;
}

uint32_t cw_matica_parse_sense(const uint8_t *b, size_t len) {
        if (len < CW_MATICA_SENSE)
                return UINT32_MAX;
        return (uint32_t)b[2] << 16 | (uint32_t)b[12] << 8;
}

static const struct {
        uint32_t first, last;
        enum cw_matica_need need;
        const char *code;
} errors[] = {
    {0, 0, CW_MATICA_WELL, ""},
    {CW_MATICA_NO_CARDS, CW_MATICA_NO_CARDS, CW_MATICA_HELP, "PRD_FEEDER_EMPTY"},
    {0x2d100, 0x2d100, CW_MATICA_HELP, "PRT_COVER_OPEN"},
    {0x2d300, 0x2d400, CW_MATICA_WAIT, "PRT_PAUSED"},
    {0x2da00, 0x2db00, CW_MATICA_WAIT, "PRT_PAUSED"},
    {0x2f000, 0x2f800, CW_MATICA_WAIT, "PRT_PAUSED"}, /* heaters and head: too hot or too cold */
    {0x39000, 0x39300, CW_MATICA_HELP, "PRD_FEEDER_JAM"},
    {0x39400, 0x39400, CW_MATICA_HELP, "PRD_HOPPER_JAM"},
    {0x39500, 0x39500, CW_MATICA_HELP, "PRD_FEEDER_JAM"},
    {0x3a100, 0x3a100, CW_MATICA_HELP, "PRT_RIBBON"},
    {0x3a800, 0x3a800, CW_MATICA_HELP, "PRD_MAGSTRIPE"},
    {0x3ab00, 0x3ad00, CW_MATICA_HELP, "PRD_MAGSTRIPE"},
    {0x3b000, 0x3b100, CW_MATICA_HELP, "PRT_RIBBON"},
    {0x3b200, 0x3b200, CW_MATICA_HELP, "PRT_RIBBON_ENDED"},
    {0x52600, 0x52600, CW_MATICA_HELP, "PRD_UNEXPECTED_DATA"},
    {CW_MATICA_REBOOTED, CW_MATICA_REBOOTED, CW_MATICA_WAIT, "PRT_PAUSED"},
};

enum cw_matica_need cw_matica_judge(uint32_t error, const char **ret_code) {
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
                if (error >= errors[i].first && error <= errors[i].last) {
                        *ret_code = errors[i].code;
                        return errors[i].need;
                }
        *ret_code = "PRT_SETUP_ERROR";
        return CW_MATICA_HELP;
}

bool cw_matica_jammed(uint32_t error) {
        return error >= 0x39000 && error <= 0x39500;
}

static const enum cw_where places[] = {CW_WHERE_PRINT, CW_WHERE_CONTACT, CW_WHERE_CONTACTLESS,
                                       CW_WHERE_MAG,   CW_WHERE_REJECT,  CW_WHERE_OUTPUT};

enum cw_where cw_matica_parse_position(const uint8_t *b, size_t len) {
        if (len < CW_MATICA_POSITION)
                return CW_WHERE_UNKNOWN;
        if (b[0] != 0)
                return CW_WHERE_NONE;
        /* 4 and 5 are ways out. */
        return b[7] <= 3 ? places[b[7]] : CW_WHERE_UNKNOWN;
}

uint8_t cw_matica_place(enum cw_where where) {
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
                if (places[i] == where)
                        return (uint8_t)i;
        return 0;
}

uint8_t cw_matica_track_tag(unsigned track) {
        static const uint8_t tags[] = {0xa6, 0xb4, 0xc4}; /* track, bits a character */
        return tags[track - 1];
}

unsigned cw_matica_track_extra(enum cw_matica_sentinels sentinels) {
        return sentinels == CW_MATICA_ADDS_SENTINELS ? 0 : sentinels == CW_MATICA_WANTS_SENTINELS ? 2 : 3;
}

static uint8_t code_of(unsigned track, uint8_t character) {
        return track == 1 ? (uint8_t)((character & 0x3f) ^ 0x20) : (uint8_t)(character & 0x0f);
}

size_t cw_matica_put_track(unsigned track, struct cw_span text, enum cw_matica_sentinels sentinels,
                           uint8_t *ret, size_t cap) {
        const size_t chars = text.len + cw_matica_track_extra(sentinels);
        size_t n = 2;
        uint8_t lrc = 0;
        if (chars > 255 || chars + 2 > cap)
                return 0;
        ret[0] = cw_matica_track_tag(track);
        ret[1] = (uint8_t)chars;
        if (sentinels != CW_MATICA_ADDS_SENTINELS)
                ret[n++] = code_of(track, track == 1 ? '%' : ';');
        for (size_t i = 0; i < text.len; i++)
                ret[n++] = code_of(track, text.ptr[i]);
        if (sentinels != CW_MATICA_ADDS_SENTINELS)
                ret[n++] = code_of(track, '?');
        for (size_t i = 2; i < n; i++)
                lrc ^= ret[i];
        if (sentinels == CW_MATICA_WANTS_LRC)
                ret[n++] = lrc;
        return n;
}

bool cw_matica_get_track(unsigned track, const uint8_t *b, size_t len, enum cw_matica_sentinels sentinels,
                         char *ret, size_t cap) {
        const unsigned extra = cw_matica_track_extra(sentinels);
        if (len < 2 || b[0] != cw_matica_track_tag(track) || b[1] > len - 2 || b[1] < extra)
                return false;
        const size_t n = b[1] - extra;
        const uint8_t *text = b + 2 + (extra ? 1 : 0);
        if (n >= cap)
                return false;
        if (extra && (b[2] != code_of(track, track == 1 ? '%' : ';') || text[n] != code_of(track, '?')))
                return false;
        for (size_t i = 0; i < n; i++)
                ret[i] = track == 1 ? (char)((text[i] & 0x3f) + 0x20) : (char)((text[i] & 0x0f) + '0');
        ret[n] = '\0';
        return true;
}

static unsigned level(const struct cw_panel *panel, size_t pixel) {
        unsigned v = 0;
        size_t bit = pixel * panel->bits;
        for (unsigned i = 0; i < panel->bits; i++, bit++)
                v = v * 2 + ((unsigned)panel->ptr[bit / 8] >> (7 - bit % 8) & 1u);
        return v;
}

static void square(const struct cw_matica_raster *r, bool flip, unsigned x, unsigned y, uint8_t v,
                   uint8_t *ret) {
        unsigned scale = r->dpi / 300;
        for (unsigned dy = 0; dy < scale; dy++)
                for (unsigned dx = 0; dx < scale; dx++) {
                        size_t column = (size_t)x * scale + dx, row = (size_t)y * scale + dy;
                        if (flip) {
                                column = r->columns - 1 - column;
                                row = r->rows - 1 - row;
                        }
                        ret[row * r->columns + column] = v;
                }
}

void cw_matica_spread(const struct cw_matica_raster *r, bool flip, const struct cw_panel *panel,
                      uint8_t *ret) {
        const unsigned scale = r->dpi / 300, full = panel->bits > 1 ? (1u << panel->bits) - 1 : 1,
                       left = (unsigned)((int)(r->columns / scale - CW_FACE_WIDTH) / 2 + r->right),
                       top = (unsigned)((int)(r->rows / scale - CW_FACE_HEIGHT) / 2 + r->down);
        memset(ret, 0, (size_t)r->columns * r->rows);
        /* Line n of a panel is column n of the card, its first pixel at the lower edge. */
        for (unsigned x = 0; x < CW_PANEL_HEIGHT; x++)
                for (unsigned px = 0; px < CW_PANEL_WIDTH; px++) {
                        unsigned v = level(panel, (size_t)x * CW_PANEL_WIDTH + px);
                        if (v)
                                square(r, flip, left + x, top + CW_PANEL_WIDTH - 1 - px,
                                       (uint8_t)(v * 255 / full), ret);
                }
}

bool cw_matica_blank(const struct cw_panel *panel) {
        for (size_t i = 0; i < panel->len; i++)
                if (panel->ptr[i])
                        return false;
        return true;
}

void cw_matica_mask(void *ctx, bool in, uint8_t *bytes, size_t *len) {
        struct cw_matica_masking *m = ctx;
        if (!in && *len == CW_MATICA_CBW && memcmp(bytes, "USBC", 4) == 0) {
                m->command = bytes[15];
                return;
        }
        bool status = in && *len == CW_MATICA_CSW && memcmp(bytes, "USBS", 4) == 0;
        if (!status && (m->command == 0x2a || m->command == 0x2c || m->command == 0x2d))
                *len = 0;
}
