/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, one function each; names as a fault's "command" uses them. */
#include "matica.h"

#include <stdlib.h>
#include <string.h>

enum { BAD_COMMAND = 0x52000, BAD_POSITION = 0x52600, NO_CARDS = 0x2d000, TURN_OVER = 2 };

static void put16(uint8_t *b, unsigned v) {
        b[0] = (uint8_t)(v >> 8);
        b[1] = (uint8_t)v;
}

static void put_text(uint8_t *b, size_t len, const char *text) {
        size_t n = strlen(text);
        memset(b, ' ', len);
        memcpy(b, text, n < len ? n : len);
}

/* ---- what stands ---- */

static uint32_t number_of(enum emup_err err) {
        static const uint32_t numbers[ERR_COUNT] = {
            [ERR_CARD] = BAD_POSITION,    [ERR_MECHANICAL] = 0x39300,  [ERR_COVER] = 0x2d100,
            [ERR_FEEDER] = NO_CARDS,      [ERR_RIBBON] = 0x3b000,      [ERR_RIBBON_TAG] = 0x3b000,
            [ERR_RIBBON_ENDED] = 0x3b200, [ERR_OUTPUT_FULL] = 0x39400, [ERR_REJECT_FULL] = 0x39400,
            [ERR_MAG_WRITE] = 0x3ad00,    [ERR_MAG_READ] = 0x3a800,    [ERR_MAG_DATA] = BAD_COMMAND,
            [ERR_CLEANING] = 0x2d800,
        };
        return numbers[err];
}

uint32_t mtc_error(const struct emup_model *m) {
        const struct mtc *l = mtc_of(m);
        if (l->rebooted)
                return 0x62800;
        if (m->jammed)
                return 0x39300;
        if (m->cover_open)
                return 0x2d100;
        if (!m->ribbon.present || !m->ribbon.tagged)
                return 0x3b000;
        if (m->ribbon.remaining == 0 && !l->printed &&
            !m->seq.ribbon_used) /* the last set is for this card */
                return 0x3b200;
        if (l->refused)
                return l->refused;
        if (l->error != ERR_NONE)
                return number_of(l->error);
        return m->hopper || m->inserted_count ? 0 : NO_CARDS;
}

static void sense(struct emup_model *m) {
        struct mtc *l = mtc_of(m);
        uint8_t b[20] = {0x70};
        uint32_t error = mtc_error(m);
        b[2] = (uint8_t)(error >> 16);
        b[7] = 12;
        b[12] = (uint8_t)(error >> 8);
        l->refused = 0;
        l->error = ERR_NONE;
        l->rebooted = false;
        mtc_answer(m, b, sizeof b);
}

static void test_unit(struct emup_model *m) {
        mtc_status(m, mtc_error(m) == 0);
}

/* ---- questions ---- */

static void inquiry(struct emup_model *m) {
        uint8_t b[96] = {0};
        memset(b + 8, ' ', 80);
        put_text(b + 8, 8, "EDISEC");
        put_text(b + 16, 8, m->model);
        put_text(b + 24, 8, m->serial);
        put_text(b + 58, 13, m->firmware);
        put_text(b + 71, 8, "B1");
        put_text(b + 79, 8, "C1");
        mtc_answer(m, b, sizeof b);
}

static void mode_sense(struct emup_model *m) {
        const struct mtc *l = mtc_of(m);
        uint8_t b[64] = {0};
        if (l->cdb[2] == 0x68 && l->cdb[4] == 64) {
                put16(b + 8, 300 * l->scale);
                put16(b + 10, 300 * l->scale);
                put16(b + 16, EMUP_LINES * l->scale);
                put16(b + 18, EMUP_WIDTH * l->scale);
                put16(b + 32, MTC_COLUMNS * l->scale);
                put16(b + 34, MTC_ROWS * l->scale);
                mtc_answer(m, b, 64);
        } else if (l->cdb[2] == 0x63 && l->cdb[4] == 44) {
                bool there = m->ribbon.present && m->ribbon.tagged;
                b[6] = there && strncmp(m->ribbon.kind, "ymck", 4) == 0 ? 0 : 0xff;
                put16(b + 8, m->ribbon.capacity);
                b[12] = 0xff;
                if (there)
                        put_text(b + 12, 6, "FC2221");
                mtc_answer(m, b, 44);
        } else {
                emup_violation(m, "mode page %02x of %u bytes", (unsigned)l->cdb[2], (unsigned)l->cdb[4]);
                mtc_refuse(m, BAD_COMMAND);
        }
}

static void log_sense(struct emup_model *m) {
        const struct mtc *l = mtc_of(m);
        const uint64_t values[] = {l->total, l->total, l->head, m->count.since_cleaning, 0};
        uint8_t b[52] = {0x38, 0, 0, 48};
        if (l->cdb[2] != 0x78 || l->cdb[8] != sizeof b) {
                emup_violation(m, "log page %02x of %u bytes", (unsigned)l->cdb[2], (unsigned)l->cdb[8]);
                mtc_refuse(m, BAD_COMMAND);
                return;
        }
        for (unsigned i = 0; i < 5; i++) {
                put16(b + 4 + i * 8, i);
                put16(b + 6 + i * 8, 4);
                put16(b + 8 + i * 8, (unsigned)(values[i] >> 16));
                put16(b + 10 + i * 8, (unsigned)values[i]);
        }
        put16(b + 44, 5); /* a sixth that nobody has named */
        put16(b + 46, 4);
        mtc_answer(m, b, sizeof b);
}

static void position(struct emup_model *m) {
        static const uint8_t numbers[] = {
            [POS_CONTACT] = 1, [POS_CONTACTLESS] = 2, [POS_MAG] = 3, [POS_PRINT] = 0};
        uint8_t b[8] = {0};
        if (m->pos == POS_NONE)
                b[0] = 4;
        else if (m->pos == POS_TRANSPORT || m->jammed)
                b[7] = 0xff;
        else
                b[7] = numbers[m->pos];
        mtc_answer(m, b, sizeof b);
}

/* ---- moves ---- */

static const enum emup_step to_station[] = {STEP_TO_PRINT, STEP_TO_CONTACT, STEP_TO_CONTACTLESS,
                                            STEP_TO_MAG,   STEP_REJECT,     STEP_EJECT};

/* The contacts are down on the card, whether they touch its chip or not. */
static bool down(const struct emup_model *m) {
        return m->engaged || mtc_of(m)->lowered;
}

/* An engaged card must be let go first: the contacts would be torn. */
static bool may_leave(struct emup_model *m) {
        if (!down(m))
                return true;
        emup_violation(m, "a move with the contacts or the field engaged");
        return false;
}

/* Turned over on the way to the head. */
static void turn(struct emup_model *m) {
        struct emup_op *op = emup_op_new(m, "TURN");
        emup_op_step(op, STEP_TO_PRINT);
        emup_op_step(op, STEP_FLIP);
        emup_op_run(m);
}

static void move(struct emup_model *m, bool load) {
        const struct mtc *l = mtc_of(m);
        uint8_t to = l->cdb[7];
        bool turns = l->cdb[4] == TURN_OVER && !load && to == 0 && m->cfg.flip != EMUP_FLIP_NONE;
        if (l->cdb[2] || (l->cdb[4] && !turns) || to > 5 || (load && to > 3)) {
                emup_violation(m, "a move to %u with options %02x %02x", (unsigned)to, (unsigned)l->cdb[2],
                               (unsigned)l->cdb[4]);
                mtc_refuse(m, BAD_COMMAND);
                return;
        }
        if (load == (m->card != NULL) || !may_leave(m)) {
                mtc_refuse(m, BAD_POSITION);
                return;
        }
        if (turns) {
                turn(m);
                return;
        }
        struct emup_op *op = emup_op_new(m, load ? "LOAD" : "MOVE");
        if (load) {
                mtc_forget(m); /* the film under a new card is fresh: what a jam left on it was wound on */
                emup_op_step(op, STEP_FEED);
        }
        (void)snprintf(op->box, sizeof op->box, "output");
        emup_op_step(op, to_station[to]);
        emup_op_run(m);
}

static void transfer(struct emup_model *m, bool turns) {
        struct mtc *l = mtc_of(m);
        if (turns && m->cfg.flip == EMUP_FLIP_NONE) {
                emup_violation(m, "a card turned over in a printer that cannot");
                mtc_refuse(m, BAD_COMMAND);
                return;
        }
        if (!l->printed || !m->card || m->pos != POS_PRINT) {
                emup_violation(m, "transfer without a picture on the film or a card at the head");
                mtc_refuse(m, BAD_POSITION);
                return;
        }
        if (turns) {
                turn(m);
                return;
        }
        struct emup_op *op = emup_op_new(m, "TRANSFER");
        emup_op_step(op, STEP_EJECT);
        emup_op_run(m);
}

/* Contacts down 00 and up 01, field of the antenna on 04 and off 05. */
static void unit(struct emup_model *m) {
        struct mtc *l = mtc_of(m);
        uint8_t what = l->cdb[1];
        bool antenna = what == 4 || what == 5, off = what & 1;
        if (what > 1 && !antenna) {
                emup_violation(m, "unit %02x", (unsigned)what);
                mtc_refuse(m, BAD_COMMAND);
                return;
        }
        /* A field that is not on may be switched off; contacts that are not down cannot be lifted. */
        if (!m->card || m->pos != (antenna ? POS_CONTACTLESS : POS_CONTACT) || (!off && down(m)) ||
            (off && !antenna && !down(m))) {
                mtc_refuse(m, BAD_POSITION);
                return;
        }
        l->lowered = !off;
        if (off) {
                emup_disengage(m);
                mtc_status(m, true);
                return;
        }
        struct emup_op *op = emup_op_new(m, "ENGAGE");
        emup_op_step(op, STEP_ENGAGE);
        emup_op_run(m);
}

static void work(struct emup_model *m) {
        const struct mtc *l = mtc_of(m);
        switch (l->cdb[1]) {
        case 0x01:
                move(m, true);
                return;
        case 0x0b:
                move(m, false);
                return;
        case 0x08:
                mtc_print(m, l->cdb[2]);
                return;
        case 0x09:
        case 0x0a:
                transfer(m, l->cdb[1] == 0x0a);
                return;
        default:
                emup_violation(m, "command 31 %02x", (unsigned)l->cdb[1]);
                mtc_refuse(m, BAD_COMMAND);
        }
}

/* ---- panels and stripe ---- */

static void panel(struct emup_model *m, const uint8_t *data) {
        const struct mtc *l = mtc_of(m);
        uint32_t len =
            (uint32_t)l->cdb[5] << 24 | (uint32_t)l->cdb[6] << 16 | (uint32_t)l->cdb[7] << 8 | l->cdb[8];
        if (l->cdb[2] >= MTC_BUFFERS || len != l->want ||
            len != (uint32_t)(MTC_COLUMNS * MTC_ROWS) * l->scale * l->scale) {
                emup_violation(m, "panel %u of %u bytes", (unsigned)l->cdb[2], len);
                mtc_refuse(m, BAD_COMMAND);
        } else {
                mtc_panel(m, l->cdb[2], data);
                mtc_status(m, true);
        }
}

/* One track: tag, length, a byte a character; 6 bits are 20h and up, 4 bits 30h and up. */
static bool take_track(struct emup_model *m, const uint8_t **p, size_t *left) {
        static const uint8_t tags[] = {0xa6, 0xb4, 0xc4};
        char text[EMUP_TRACK_TEXT_MAX + 1];
        for (unsigned t = 0; t < 3; t++) {
                if (*left < 2 || (*p)[0] != tags[t])
                        continue;
                size_t n = (*p)[1];
                if (n > *left - 2 || n > EMUP_TRACK_TEXT_MAX || mtc_of(m)->cdb[3 + t] != tags[t])
                        return false;
                for (size_t i = 0; i < n; i++) {
                        uint8_t c = (*p)[2 + i];
                        if (c > (t ? 0x0f : 0x3f))
                                return false;
                        text[i] = (char)(c + (t ? '0' : ' '));
                }
                text[n] = '\0';
                *p += n + 2;
                *left -= n + 2;
                return emup_stripe_encode(t ? (t == 1 ? 2 : 3) : 1, text, &m->seq.loaded[t]) ==
                       EMUP_STRIPE_OK;
        }
        return false;
}

static void mag_write(struct emup_model *m, const uint8_t *data) {
        const struct mtc *l = mtc_of(m);
        size_t left = l->want;
        const uint8_t *p = data;
        memset(m->seq.loaded, 0, sizeof m->seq.loaded);
        bool fine = left == l->cdb[8] && left > 0;
        while (fine && left)
                fine = take_track(m, &p, &left);
        if (!fine) {
                emup_violation(m, "track data that the encoder does not take");
                mtc_refuse(m, BAD_COMMAND);
                return;
        }
        if (!m->card || m->pos != POS_MAG) {
                mtc_refuse(m, BAD_POSITION);
                return;
        }
        struct emup_op *op = emup_op_new(m, "MAGWRITE");
        emup_op_step(op, STEP_MAG_WRITE);
        emup_op_run(m);
}

static void mag_read(struct emup_model *m) {
        static const uint8_t tags[] = {0xa6, 0xb4, 0xc4}, longest[] = {76, 37, 104};
        const struct mtc *l = mtc_of(m);
        unsigned track = 3;
        for (unsigned t = 0; t < 3; t++)
                if (l->cdb[3 + t] == tags[t] && l->cdb[6 + t] == longest[t])
                        track = track == 3 ? t : 4;
        if (track > 2) {
                emup_violation(m, "a stripe is read one track at a time here");
                mtc_refuse(m, BAD_COMMAND);
                return;
        }
        if (!m->card || m->pos != POS_MAG) {
                mtc_refuse(m, BAD_POSITION);
                return;
        }
        struct emup_op *op = emup_op_new(m, "MAGREAD");
        op->track = track;
        emup_op_step(op, STEP_MAG_READ);
        emup_op_run(m);
}

/* ---- which is it ---- */

static const struct {
        uint8_t code;
        const char *name;
        uint8_t cdb_len;
        void (*plain)(struct emup_model *m);
        void (*with_data)(struct emup_model *m, const uint8_t *data);
} commands[] = {
    {0x00, "TUR", 6, test_unit, NULL},     {0x03, "SENSE", 6, sense, NULL},
    {0x12, "INQUIRY", 6, inquiry, NULL},   {0x1a, "MODE", 6, mode_sense, NULL},
    {0x4d, "LOG", 10, log_sense, NULL},    {0x34, "POSITION", 10, position, NULL},
    {0x31, "WORK", 10, work, NULL},        {0x32, "UNIT", 10, unit, NULL},
    {0x2a, "PANEL", 10, NULL, panel},      {0x2d, "MAGWRITE", 10, NULL, mag_write},
    {0x2c, "MAGREAD", 10, mag_read, NULL},
};

/* 31 has five commands in it. */
static const char *name_of(const struct mtc *l, size_t i) {
        if (l->cdb[0] != 0x31)
                return commands[i].name;
        switch (l->cdb[1]) {
        case 0x01:
                return "LOAD";
        case 0x0b:
                return "MOVE";
        case 0x08:
                return "PRINT";
        case 0x0a:
                return "TRANSFERTURN";
        default:
                return "TRANSFER";
        }
}

void mtc_command(struct emup_model *m, const uint8_t *data) {
        const struct mtc *l = mtc_of(m);
        m->stat.commands++;
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
                if (commands[i].code != l->cdb[0] || commands[i].cdb_len != l->cbw[14])
                        continue;
                emup_note(m, '<', "%s", name_of(l, i));
                emup_fault_on_command(m, name_of(l, i));
                if (emup_fault_bite_match(m, "error_cde", name_of(l, i))) {
                        mtc_refuse(m, BAD_COMMAND);
                } else if ((commands[i].with_data != NULL) != (data != NULL)) {
                        emup_violation(m, "command %02x %s data", (unsigned)l->cdb[0],
                                       data ? "with" : "without");
                        mtc_refuse(m, BAD_COMMAND);
                } else if (data) {
                        commands[i].with_data(m, data);
                } else {
                        commands[i].plain(m);
                }
                return;
        }
        emup_violation(m, "unknown command %02x of %u bytes", (unsigned)l->cdb[0], (unsigned)l->cbw[14]);
        mtc_refuse(m, BAD_COMMAND);
}
