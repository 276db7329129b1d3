/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panels, printing, and what the mechanism asks of the language. Film and card are one here: what is printed
 * onto the film lies on the card at once, and the transfer only puts the card out.
 */
#include "matica.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emu/printer/family.h"

enum { LEFT = (MTC_COLUMNS - EMUP_LINES) / 2, TOP = (MTC_ROWS - EMUP_WIDTH) / 2 };

int emup_language_new(struct emup_model *m) {
        struct mtc *l = calloc(1, sizeof *l);
        if (!l)
                return -1;
        m->language = l;
        l->flip = strncmp(m->model, "XID8600", 7) == 0;
        l->scale = l->flip ? 2 : 1;
        emup_frame_reset(m);
        return 0;
}

void mtc_forget(struct emup_model *m) {
        struct mtc *l = mtc_of(m);
        memset(l->sent, 0, sizeof l->sent);
        l->panels[0] = '\0';
        l->printed = false;
        m->seq.active = false;
        m->seq.ribbon_used = false;
        m->pending.letter = 0;
}

void emup_settings_power_on(struct emup_model *m) {
        mtc_of(m)->error = ERR_NONE;
        mtc_of(m)->refused = 0;
        mtc_of(m)->rebooted = true;
        mtc_of(m)->lowered = false;
        mtc_forget(m);
}

const char *emup_setting(const struct emup_model *m, const char *key) {
        (void)m;
        return strcmp(key, "Pmc") == 0 ? "h" : "";
}

bool emup_host_managed(const struct emup_model *m) {
        (void)m;
        return true;
}

bool emup_cover_ignored(const struct emup_model *m) {
        (void)m;
        return false;
}

bool emup_mag_goes_on(const struct emup_model *m) {
        (void)m;
        return false;
}

const char *emup_err_text(enum emup_err err) {
        return err == ERR_NONE ? "fine" : "trouble";
}

uint8_t emup_port_status(struct emup_model *m) {
        return mtc_error(m) ? 0x10 : 0x18;
}

/* ---- panels ---- */

static bool same_square(const uint8_t *data, unsigned scale, size_t column, size_t row, uint8_t v) {
        const size_t stride = (size_t)MTC_COLUMNS * scale;
        for (unsigned dy = 0; dy < scale; dy++)
                for (unsigned dx = 0; dx < scale; dx++)
                        if (data[(row + dy) * stride + column + dx] != v)
                                return false;
        return true;
}

void mtc_panel(struct emup_model *m, unsigned buffer, const uint8_t *data) {
        struct mtc *l = mtc_of(m);
        uint8_t *pixels = l->buffer[buffer];
        size_t outside = 0, mixed = 0;
        for (unsigned y = 0; y < MTC_ROWS; y++)
                for (unsigned x = 0; x < MTC_COLUMNS; x++) {
                        unsigned fx = l->flip ? MTC_COLUMNS - 1 - x : x, fy = l->flip ? MTC_ROWS - 1 - y : y;
                        size_t column = (size_t)fx * l->scale, row = (size_t)fy * l->scale;
                        uint8_t v = data[row * MTC_COLUMNS * l->scale + column];
                        mixed += !same_square(data, l->scale, column, row, v);
                        bool on_card = x >= LEFT && x < LEFT + EMUP_LINES && y >= TOP && y < TOP + EMUP_WIDTH;
                        outside += !on_card && v;
                        /* Column n of the card is line n of a panel, its lower edge the first pixel. */
                        if (on_card)
                                pixels[(size_t)(x - LEFT) * EMUP_WIDTH + EMUP_WIDTH - 1 - (y - TOP)] = v;
                }
        if (outside || mixed)
                emup_violation(m, "panel %u: %zu pixels beside the card, %zu squares of two colours", buffer,
                               outside, mixed);
        l->sent[buffer] = true;
        emup_note(m, '<', "panel in buffer %u", buffer);
}

void mtc_next_panel(struct emup_model *m) {
        static const char buffers[] = "kcmy";
        struct mtc *l = mtc_of(m);
        char letter = l->panels[l->next];
        if (!letter) {
                l->printed = true;
                m->seq.active = false;
                mtc_status(m, true);
                return;
        }
        l->next++;
        const uint8_t *pixels = l->buffer[strchr(buffers, letter) - buffers];
        m->pending.letter = letter;
        m->pending.levels = letter == 'k' ? 2 : 256;
        for (size_t i = 0; i < EMUP_PIXELS; i++)
                m->pending.pixels[i] = letter == 'k' ? pixels[i] >= 128 : pixels[i];
        struct emup_op *op = emup_op_new(m, "PRINT");
        emup_op_step(op, STEP_PANEL);
        emup_op_run(m);
}

void mtc_print(struct emup_model *m, uint8_t set) {
        struct mtc *l = mtc_of(m);
        bool colour = set & 2, black = set & 4;
        bool sent = (!colour || (l->sent[1] && l->sent[2] && l->sent[3])) && (!black || l->sent[0]);
        if ((set & ~6u) || !set || !sent || l->printed) {
                emup_violation(m, "print of %02x, which was not sent, or a second time", (unsigned)set);
                mtc_refuse(m, 0x52000);
                return;
        }
        if (!m->card || m->pos != POS_PRINT) {
                mtc_refuse(m, 0x52600);
                return;
        }
        (void)snprintf(l->panels, sizeof l->panels, "%s%s", colour ? "ymc" : "", black ? "k" : "");
        l->next = 0;
        l->head++;
        m->seq.active = true;
        m->seq.ribbon_used = false;
        mtc_next_panel(m);
}

/* ---- ends of operations ---- */

static void tell_track(struct emup_model *m, unsigned track) {
        static const uint8_t tags[] = {0xa6, 0xb4, 0xc4};
        char text[EMUP_TRACK_TEXT_MAX + 1];
        uint8_t b[2 + EMUP_TRACK_TEXT_MAX];
        if (!emup_stripe_decode(&emup_plastic_stripe(m->card)->track[track], text)) {
                mtc_refuse(m, 0x3a800);
                return;
        }
        b[0] = tags[track];
        b[1] = (uint8_t)strlen(text);
        for (size_t i = 0; i < b[1]; i++)
                b[2 + i] = (uint8_t)(text[i] - (track ? '0' : ' '));
        mtc_answer(m, b, (size_t)b[1] + 2);
}

void emup_op_done(struct emup_model *m, struct emup_op *op) {
        struct mtc *l = mtc_of(m);
        if (strcmp(op->name, "PRINT") == 0) {
                mtc_next_panel(m);
                return;
        }
        if (strcmp(op->name, "MAGREAD") == 0) {
                tell_track(m, op->track);
                return;
        }
        if (strcmp(op->name, "TURN") == 0)
                mtc_forget(m);
        if (!m->card) {
                l->lowered = false;
                l->total++;
                mtc_forget(m);
        }
        mtc_status(m, true);
}

void emup_op_failed(struct emup_model *m, struct emup_op *op, enum emup_err err) {
        emup_note(m, '=', "%s is over", op->name);
        mtc_of(m)->error = err;
        if (strcmp(op->name, "PRINT") == 0)
                mtc_forget(m);
        mtc_status(m, false);
}

const struct emup_family emup_family = {
    .program = "emu-printer-matica",
    .manufacturer = "EDIsecure",
    .command_set = "XID",
    .model = "XID8300",
    .firmware = "1.60",
    .vid = 0x2166,
    .pid = 0x701d,
    .ep_out = 0x02,
    .ep_in = 0x81,
    .other_class = true,
    .flip = EMUP_FLIP_SHORT,
    .text_replies = false,
};
