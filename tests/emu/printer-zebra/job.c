/* SPDX-License-Identifier: Apache-2.0 */
/* Printing from the buffers, and what the mechanism asks of the language. */
#include "zebra.h"

#include <stdlib.h>
#include <string.h>

#include "tests/emu/printer/family.h"

static const char letters[] = "ymcko";

int emup_language_new(struct emup_model *m) {
        /* One piece, since the language is given to free(). */
        struct zbr *l = calloc(1, sizeof *l + (size_t)ZBR_BUFFERS * EMUP_PIXELS);
        if (!l)
                return -1;
        m->language = l;
        for (unsigned i = 0; i < ZBR_BUFFERS; i++)
                l->buffer[i] = (uint8_t *)(l + 1) + (size_t)i * EMUP_PIXELS;
        l->extended = strncmp(m->model, "P330i", 5) == 0;
        l->encoder = strcmp(m->model, "P310") != 0;
        l->width = l->extended ? 1024 : 1008;
        l->height = l->extended ? 640 : 624;
        emup_frame_reset(m);
        return 0;
}

static void forget(struct emup_model *m) {
        struct zbr *l = zbr_of(m);
        l->panels[0] = '\0';
        m->seq.active = false;
        m->seq.ribbon_used = false;
        m->pending.letter = 0;
}

void emup_settings_power_on(struct emup_model *m) {
        zbr_of(m)->error = ERR_NONE;
        for (unsigned i = 0; i < ZBR_BUFFERS; i++)
                zbr_clear(zbr_of(m), i);
        memset(m->seq.loaded, 0, sizeof m->seq.loaded);
        forget(m);
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
        return true;
}

const char *emup_err_text(enum emup_err err) {
        return err == ERR_NONE ? "fine" : "trouble";
}

/* PaperErr and Error of the parallel line: 11 (ribbon or cards out), 10 mechanical, 01 none. */
uint8_t emup_port_status(struct emup_model *m) {
        enum emup_err err = zbr_of(m)->error;
        if (m->op.active)
                return 0x08;
        if (m->cover_open || m->jammed)
                return 0x30;
        if (err == ERR_FEEDER || err == ERR_RIBBON_ENDED)
                return 0x38;
        return err == ERR_NONE ? 0x18 : 0x30;
}

/* One of I, I 10, IS n, IV 1; the letter it prints, 0 = none of them. */
static char panel_of(const char *text, size_t len, bool *ret_keeps) {
        *ret_keeps = false;
        if (len == 4 && memcmp(text, "IS ", 3) == 0 && text[3] >= '0' && text[3] <= '2')
                return letters[text[3] - '0'];
        if (len == 4 && memcmp(text, "I 10", 4) == 0) {
                *ret_keeps = true;
                return 'k';
        }
        if (len == 1 && *text == 'I')
                return 'k';
        return len == 4 && memcmp(text, "IV 1", 4) == 0 ? 'o' : 0;
}

static bool parse(struct zbr *l, const char *list) {
        size_t n = 0;
        while (*list) {
                size_t len = strcspn(list, "[");
                char letter = panel_of(list, len, &l->keeps);
                if (!letter || n + 1 >= sizeof l->panels || (l->keeps && list[len]))
                        return false;
                l->panels[n++] = letter;
                list += len + (list[len] == '[');
        }
        l->panels[n] = '\0';
        return n > 0;
}

void zbr_print(struct emup_model *m, const char *list, const char *name) {
        struct zbr *l = zbr_of(m);
        if (!parse(l, list)) {
                emup_violation(m, "print commands that nobody has published");
                zbr_nack(m, 14);
                return;
        }
        for (const char *p = l->panels; *p; p++)
                if (*p != 'k' && !l->filled[strchr(letters, *p) - letters]) {
                        emup_violation(m, "print of the panel %c, which was not sent", *p);
                        zbr_nack(m, 54);
                        return;
                }
        for (const char *p = l->panels; *p; p++)
                if (!strchr(m->ribbon.kind[0] == 'y' ? m->ribbon.kind : "k", *p)) {
                        l->error = ERR_RIBBON;
                        zbr_nack(m, zbr_code(ERR_RIBBON));
                        return;
                }
        if (!m->card || m->pos != POS_PRINT) {
                emup_violation(m, "print without a card at the head");
                zbr_nack(m, 3);
                return;
        }
        l->next = 0;
        (void)snprintf(l->end, sizeof l->end, "%s", name);
        m->seq.active = true;
        m->seq.ribbon_used = false;
        zbr_next_panel(m);
}

static void end_of_job(struct emup_model *m) {
        struct zbr *l = zbr_of(m);
        bool keeps = l->keeps;
        for (const char *p = l->panels; *p; p++)
                l->filled[strchr(letters, *p) - letters] = false; /* a second print of them is a mistake */
        forget(m);
        if (keeps) {
                zbr_ack(m);
                return;
        }
        struct emup_op *op = emup_op_new(m, l->end);
        emup_op_step(op, STEP_EJECT);
        emup_op_run(m);
}

static bool blank(const uint8_t *pixels) {
        for (size_t i = 0; i < EMUP_PIXELS; i++)
                if (pixels[i])
                        return false;
        return true;
}

void zbr_next_panel(struct emup_model *m) {
        struct zbr *l = zbr_of(m);
        char letter = l->panels[l->next];
        if (!letter) {
                end_of_job(m);
                return;
        }
        l->next++;
        const uint8_t *pixels = l->buffer[strchr(letters, letter) - letters];
        if (letter == 'k' && blank(pixels)) {
                zbr_next_panel(m); /* I 10 of an empty buffer only brings the card back */
                return;
        }
        m->pending.letter = letter;
        m->pending.levels = letter == 'k' || letter == 'o' ? 2 : 256;
        memcpy(m->pending.pixels, pixels, EMUP_PIXELS);
        struct emup_op *op = emup_op_new(m, "PANEL");
        emup_op_step(op, STEP_PANEL);
        emup_op_run(m);
}

/* ---- ends of operations ---- */

static void tell_track(struct emup_model *m, unsigned track) {
        char text[EMUP_TRACK_TEXT_MAX + 1];
        if (emup_stripe_decode(&emup_plastic_stripe(m->card)->track[track], text))
                zbr_text(m, text, true);
        else
                zbr_nack(m, 51);
}

void emup_op_done(struct emup_model *m, struct emup_op *op) {
        if (strcmp(op->name, "PANEL") == 0) {
                zbr_next_panel(m);
                return;
        }
        if (strcmp(op->name, "&L") == 0) {
                tell_track(m, op->track);
                return;
        }
        zbr_ack(m);
}

void emup_op_failed(struct emup_model *m, struct emup_op *op, enum emup_err err) {
        bool reading = strcmp(op->name, "&L") == 0, writing = strcmp(op->name, "&E*") == 0;
        emup_note(m, '=', "%s is over", op->name);
        if (m->card && !m->jammed && (reading || writing) && m->pos == POS_MAG)
                m->pos = POS_PRINT; /* the encoder gives the card back */
        if (!reading)
                zbr_of(m)->error = err;
        if (strcmp(op->name, "PANEL") == 0)
                forget(m);
        zbr_nack(m, zbr_code(err));
}

const struct emup_family emup_family = {
    .program = "emu-printer-zebra",
    .manufacturer = "Zebra",
    .command_set = "EPCL",
    .model = "P330i",
    .firmware = "V4.02",
    .vid = 0x0a5f,
    .pid = 0x0050,
    .ep_out = 0x01,
    .ep_in = 0x82,
    .flip = EMUP_FLIP_NONE,
    .text_replies = true,
};
