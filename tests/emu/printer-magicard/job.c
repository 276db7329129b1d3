/* SPDX-License-Identifier: Apache-2.0 */
/* A job: feed unless a card is in, stripe, panel after panel, overcoat, out. */
#include "magicard.h"

#include <string.h>

#include "tests/emu/printer/family.h"

int emup_language_new(struct emup_model *m) {
        struct mgc *l = calloc(1, sizeof *l);
        if (!l)
                return -1;
        m->language = l;
        l->old = strstr(m->model, "Rio 2") || strstr(m->model, "Tango 2");
        l->head_position = l->old ? 15 : 12;
        (void)snprintf(l->language, sizeof l->language, "ENG");
        emup_frame_reset(m);
        return 0;
}

void emup_settings_power_on(struct emup_model *m) {
        mgc_of(m)->error = ERR_NONE;
}

/* The mechanism asks for two things that another language sets by commands: the ribbon promised, the
 * coercivity. */
const char *emup_setting(const struct emup_model *m, const char *key) {
        if (strcmp(key, "Pmc") == 0)
                return mgc_of(m)->job.coercivity == 'l' ? "l" : "h";
        return "";
}

bool emup_host_managed(const struct emup_model *m) {
        (void)m;
        return false; /* it shows its error, and goes on when a person has helped, or is cancelled */
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
        static const char *const texts[ERR_COUNT] = {
            [ERR_NONE] = "Printer status OK.",    [ERR_CARD] = "No card.",
            [ERR_MECHANICAL] = "Card jam.",       [ERR_COVER] = "Lid open.",
            [ERR_FEEDER] = "Card not fed.",       [ERR_RIBBON] = "Wrong or no dye film.",
            [ERR_RIBBON_ENDED] = "Dye film end.", [ERR_RIBBON_TAG] = "Dye film not recognised.",
            [ERR_OUTPUT_FULL] = "Output full.",   [ERR_CLEANING] = "Clean the printer.",
            [ERR_MAG_WRITE] = "Magnetic write.",  [ERR_MAG_READ] = "Magnetic verify.",
        };
        return texts[err] ? texts[err] : "Error.";
}

enum emup_err mgc_error(const struct emup_model *m) {
        if (m->op.active && m->op.waiting)
                return m->op.why;
        if (mgc_of(m)->error != ERR_NONE)
                return mgc_of(m)->error;
        if (m->jammed)
                return ERR_MECHANICAL;
        if (m->cover_open)
                return ERR_COVER;
        return m->ribbon.present ? ERR_NONE : ERR_RIBBON;
}

/* 18 ready, 08 at work, 10 error. */
uint8_t emup_port_status(struct emup_model *m) {
        if (mgc_error(m) != ERR_NONE)
                return 0x10;
        return m->op.active ? 0x08 : 0x18;
}

static void drop(struct emup_model *m) {
        m->seq.active = false;
        m->seq.panels[0] = '\0';
        m->pending.letter = 0;
        memset(m->seq.loaded, 0, sizeof m->seq.loaded);
}

void mgc_cancel(struct emup_model *m) {
        emup_mech_abort(m);
        mgc_of(m)->error = ERR_NONE;
        drop(m);
}

static bool on_ribbon(const struct emup_model *m, char panel) {
        const char *kind = m->ribbon.kind;
        if (*kind == 'y')
                return strchr(kind, panel) != NULL;
        return panel == 'k' ? *kind == 'k' : panel == 'o' && strcmp(kind, "ko") == 0;
}

static bool all_on_ribbon(const struct emup_model *m, const char *panels) {
        for (; *panels; panels++)
                if (!on_ribbon(m, *panels))
                        return false;
        return true;
}

void mgc_job_run(struct emup_model *m) {
        struct mgc *l = mgc_of(m);
        const char *back = l->job.duplex ? l->back.panels : "";
        emup_note(m, '<', "job: panels %s, back %s, %s", l->job.panels, *back ? back : "none",
                  l->job.any_track ? "stripe" : "no stripe");
        emup_fault_on_command(m, "JOB");
        drop(m);
        m->seq.active = true;
        m->seq.ribbon_used = false;
        l->next = 0;
        memcpy(m->seq.loaded, l->job.track, sizeof m->seq.loaded);
        if (!all_on_ribbon(m, l->job.panels) || !all_on_ribbon(m, back)) {
                l->error = ERR_RIBBON;
                drop(m);
                return;
        }
        struct emup_op *op = emup_op_new(m, "JOB");
        emup_op_step(op, STEP_FEED);
        if (l->job.any_track) {
                emup_op_step(op, STEP_TO_MAG);
                emup_op_step(op, STEP_MAG_WRITE);
        }
        emup_op_run(m);
}

static const struct mgc_job *page_of(const struct emup_model *m) {
        return m->side ? &mgc_of(m)->back : &mgc_of(m)->job;
}

static void fill_panel(struct emup_model *m, const struct mgc *l, char panel) {
        const struct mgc_job *job = page_of(m);
        size_t outside = 0;
        m->pending.letter = panel;
        m->pending.levels = panel == 'k' || panel == 'o' ? 2 : 64;
        if (panel == 'o') {
                mgc_overcoat(&job->coat, &job->hole, m->pending.pixels);
                return;
        }
        for (unsigned i = 0; i < job->planes; i++) {
                const struct mgc_plane *p = &job->plane[i];
                if ("ymck"[strchr("BGRK", p->letter) - "BGRK"] == panel)
                        mgc_plane_unpack(l->old, panel == 'k', l->head_position, m->frame.data + p->at,
                                         m->pending.pixels, &outside);
        }
        if (outside)
                emup_violation(m, "%zu pixels of panel %c lie beside the card", outside, panel);
}

static void next_panel(struct emup_model *m, struct mgc *l) {
        char panel = page_of(m)->panels[l->next];
        bool turns = !panel && l->job.duplex && m->side == 0;
        struct emup_op *op = emup_op_new(m, panel ? "panel" : turns ? "turn" : "out");
        if (panel) {
                l->next++;
                (void)snprintf(m->seq.panels + strlen(m->seq.panels), 2, "%c", panel);
                fill_panel(m, l, panel);
                emup_op_step(op, STEP_TO_PRINT);
                emup_op_step(op, STEP_PANEL);
        } else if (turns) {
                l->next = 0;
                emup_op_step(op, STEP_FLIP);
        } else {
                emup_op_step(op, STEP_EJECT);
        }
        emup_op_run(m);
}

static bool stripe_reads(struct emup_model *m) {
        char text[EMUP_TRACK_TEXT_MAX + 1];
        if (emup_fault_bite(m, "mag_read_fail"))
                return false;
        for (unsigned i = 0; i < EMUP_TRACKS; i++) {
                if (!m->seq.loaded[i].written)
                        continue;
                m->count.mag_reads++;
                if (!emup_stripe_decode(&emup_plastic_stripe(m->card)->track[i], text) ||
                    strcmp(text, m->seq.loaded[i].text) != 0)
                        return false;
        }
        return true;
}

void emup_op_done(struct emup_model *m, struct emup_op *op) {
        struct mgc *l = mgc_of(m);
        if (strcmp(op->name, "TST") == 0)
                l->printed++;
        if (!m->seq.active)
                return;
        if (strcmp(op->name, "out") == 0) {
                l->printed++;
                drop(m);
        } else if (strcmp(op->name, "JOB") == 0 && l->job.any_track && l->job.verify && !stripe_reads(m)) {
                emup_op_failed(m, op, ERR_MAG_READ);
        } else {
                next_panel(m, l);
        }
}

void emup_op_failed(struct emup_model *m, struct emup_op *op, enum emup_err err) {
        struct mgc *l = mgc_of(m);
        emup_note(m, '=', "%s is over: %s", op->name, emup_err_text(err));
        l->error = err;
        drop(m);
        if ((err == ERR_MAG_WRITE || err == ERR_MAG_READ) && l->job.reject_faulty && m->card)
                emup_card_to_tray(m, true, "faulty stripe");
}

const struct emup_family emup_family = {
    .program = "emu-printer-magicard",
    .manufacturer = "Magicard",
    .command_set = "MAGICARD",
    .model = "Enduro+",
    .firmware = "2.17",
    .vid = 0x0c1f,
    .pid = 0x880a,
    .ep_out = 0x01,
    .ep_in = 0x82,
    .text_replies = false,
};
