/* SPDX-License-Identifier: Apache-2.0 */
/* What each mechanical step needs, how long it takes, and what it does to the card. */
#include "model_int.h"

#include <stdlib.h>
#include <string.h>

/* Planning values from data sheets; multiplied by the time scale. */
static const uint32_t step_ms[STEP_COUNT] = {
    [STEP_FEED] = 2500,          [STEP_TO_PRINT] = 800,        [STEP_TO_CONTACT] = 1200,
    [STEP_ENGAGE] = 300,         [STEP_TO_CONTACTLESS] = 1200, [STEP_TO_MAG] = 800,
    [STEP_MAG_WRITE] = 2500,     [STEP_MAG_READ] = 1500,       [STEP_FLIP] = 2500,
    [STEP_TEST_PATTERN] = 12000, [STEP_EJECT] = 1500,          [STEP_REJECT] = 1800,
    [STEP_CLEAN] = 20000,
};

static const struct {
        const char *name, *where;
} positions[] = {
    [POS_NONE] = {"none", "hopper"},
    [POS_TRANSPORT] = {"transport", "transport"},
    [POS_CONTACT] = {"contact", "contact"},
    [POS_CONTACTLESS] = {"contactless", "contactless"},
    [POS_MAG] = {"mag", "mag"},
    [POS_PRINT] = {"print", "print"},
};

const char *emup_pos_name(enum emup_pos pos) {
        return positions[pos].name;
}

void emup_compose(struct emup_model *m) {
        emup_io(m, emup_plastic_compose(m->card, m->cfg.flip == EMUP_FLIP_LONG));
}

static void put_card(struct emup_model *m, enum emup_pos pos, const char *event) {
        m->pos = pos;
        emup_note(m, '=', "card %s: %s", positions[pos].name, event);
        emup_io(m, emup_plastic_move(m->card, positions[pos].where, event));
}

void emup_disengage(struct emup_model *m) {
        if (!m->engaged)
                return;
        m->engaged = false;
        bool told = m->chip_told;
        m->chip_told = false;
        if (told && m->chip.remove && !m->chip.remove(m->chip.ctx)) {
                m->stat.chip_errors++;
                emup_note(m, '!', "the chip emulator did not take the remove");
        }
}

static void engage(struct emup_model *m) {
        m->count.contacts++;
        if (emup_fault_bite(m, "contact_fail")) {
                emup_note(m, '*', "%s",
                          m->pos == POS_CONTACTLESS ? "the antenna does not reach the chip"
                                                    : "the contacts do not touch the chip");
                return;
        }
        m->engaged = true;
        m->chip_told = m->cfg.chip_at_antenna == (m->pos == POS_CONTACTLESS);
        if (m->chip_told && m->chip.present && !m->chip.present(m->chip.ctx, emup_plastic_path(m->card))) {
                m->stat.chip_errors++;
                emup_note(m, '!', "the chip emulator did not take the card");
        }
}

void emup_jam(struct emup_model *m) {
        m->jammed = true;
        emup_disengage(m);
        if (!m->card)
                return;
        put_card(m, POS_TRANSPORT, "jammed");
        emup_compose(m);
}

void emup_place_card(struct emup_model *m, enum emup_pos pos) {
        if (m->card || emup_plastic_create(m->dir, m->serial, m->cfg.hico_stripe, &m->card) != 0)
                return;
        m->side = 0;
        put_card(m, pos, "found in the machine");
        if (pos == POS_CONTACT)
                engage(m);
}

void emup_card_to_tray(struct emup_model *m, bool reject, const char *event) {
        char **list = reject ? m->reject : m->output;
        unsigned *n = reject ? &m->reject_count : &m->output_count;
        emup_note(m, '=', "card %s: %s", reject ? "reject" : "output", event);
        emup_compose(m);
        emup_io(m, emup_plastic_move(m->card, reject ? "reject" : "output", event));
        list[(*n)++] = strdup(emup_plastic_path(m->card));
        if (reject)
                m->count.rejected++;
        else
                m->count.ejected++;
        emup_plastic_free(m->card);
        m->card = NULL;
        m->side = 0;
        m->pos = POS_NONE;
}

/* Whether the rollers turn at all. */
static enum emup_err may_move(const struct emup_model *m) {
        if (m->jammed)
                return ERR_MECHANICAL;
        return m->cover_open && !emup_cover_ignored(m) ? ERR_COVER : ERR_NONE;
}

/* Armed faults that break a movement half-way. */
static enum emup_err movement_doom(struct emup_model *m) {
        if (emup_fault_bite(m, "jam"))
                return ERR_MECHANICAL;
        return emup_fault_bite(m, "cover_open") ? ERR_COVER : ERR_NONE;
}

static enum emup_err take_from_hopper(struct emup_model *m) {
        int rc;
        if (m->inserted_count) {
                char *path = m->inserted[0];
                memmove(m->inserted, m->inserted + 1, --m->inserted_count * sizeof *m->inserted);
                rc = emup_plastic_open(path, &m->card);
                free(path);
        } else {
                m->hopper--;
                rc = emup_plastic_create(m->dir, m->serial, m->cfg.hico_stripe, &m->card);
        }
        emup_io(m, rc);
        if (rc != 0)
                return ERR_MECHANICAL;
        m->count.fed++;
        m->count.since_cleaning++;
        m->side = 0;
        put_card(m, POS_TRANSPORT, "fed");
        return ERR_NONE;
}

static enum emup_err start_feed(struct emup_model *m, struct emup_op *op) {
        enum emup_err err = may_move(m);
        if (err)
                return err;
        if (m->count.since_cleaning >= EMUP_CLEANING_MAXIMUM)
                return ERR_CLEANING;
        if (!m->hopper && !m->inserted_count)
                return ERR_FEEDER;
        if (emup_fault_bite(m, "feed_fail")) {
                op->doom = ERR_FEEDER;
                return ERR_NONE;
        }
        op->doom = emup_fault_bite(m, "feed_jam") ? ERR_MECHANICAL : movement_doom(m);
        return take_from_hopper(m);
}

static enum emup_pos target(enum emup_step step) {
        switch (step) {
        case STEP_TO_CONTACT:
                return POS_CONTACT;
        case STEP_TO_CONTACTLESS:
                return POS_CONTACTLESS;
        case STEP_TO_MAG:
                return POS_MAG;
        default:
                return POS_PRINT;
        }
}

/* Leaves where the card is; it is between two places until the step ends. */
static enum emup_err start_move(struct emup_model *m, struct emup_op *op) {
        enum emup_err err = may_move(m);
        if (err)
                return err;
        if (!m->card)
                return ERR_CARD;
        op->doom = movement_doom(m);
        emup_disengage(m);
        m->pos = POS_TRANSPORT;
        return ERR_NONE;
}

/* Pr;k, as the Windows driver sends it, is any black or one-colour ribbon. */
static bool keeps_promise(const char *promised, const char *kind) {
        if (strcmp(promised, "k") == 0)
                return (kind[0] == 'k' || kind[0] == 'K') && strcmp(kind, "ko") != 0;
        return !*promised || strcmp(promised, kind) == 0;
}

static enum emup_err check_ribbon(const struct emup_model *m) {
        const char *promised = emup_setting(m, "Pr");
        if (!m->ribbon.present)
                return ERR_RIBBON;
        if (!m->ribbon.tagged)
                return ERR_RIBBON_TAG;
        if (!keeps_promise(promised, m->ribbon.kind))
                return ERR_RIBBON;
        return m->ribbon.remaining || m->seq.ribbon_used ? ERR_NONE : ERR_RIBBON_ENDED;
}

/* The first panel of a card takes a whole set off the ribbon, whatever is on it. */
static void use_ribbon(struct emup_model *m) {
        if (m->seq.ribbon_used)
                return;
        m->seq.ribbon_used = true;
        m->ribbon.remaining--;
        m->count.sets++;
}

static enum emup_err start_panel(struct emup_model *m, struct emup_op *op, uint32_t *ret_ms,
                                 uint32_t *ret_extra_ms) {
        if (!m->printing.letter && m->pending.letter) {
                struct emup_panel next = m->printing;
                m->printing = m->pending;
                m->pending = next;
                m->pending.letter = 0;
        }
        if (!m->printing.letter) {
                *ret_ms = 0; /* broken off and resumed by an operator: that panel is lost */
                return ERR_NONE;
        }
        enum emup_err err = may_move(m);
        emup_fault_on_panel(m, m->printing.letter);
        if (!err)
                err = check_ribbon(m);
        if (err)
                return err;
        use_ribbon(m);
        *ret_ms = m->printing.letter == 'k' ? 2500 : 4000;
        const struct emup_fault *hot = emup_fault_bite(m, "head_hot");
        if (hot)
                *ret_extra_ms = hot->ms;
        op->doom = emup_fault_bite(m, "ribbon_end") ? ERR_RIBBON_ENDED : movement_doom(m);
        return ERR_NONE;
}

enum emup_err emup_step_start(struct emup_model *m, struct emup_op *op, uint32_t *ret_ms,
                              uint32_t *ret_extra_ms) {
        enum emup_step step = op->steps[op->at];
        *ret_ms = step_ms[step];
        switch (step) {
        case STEP_FEED:
                if (m->card)
                        *ret_ms = 0;
                return m->card ? ERR_NONE : start_feed(m, op);
        case STEP_TO_PRINT:
        case STEP_TO_CONTACT:
        case STEP_TO_CONTACTLESS:
        case STEP_TO_MAG:
                if (m->card && m->pos == target(step)) {
                        *ret_ms = 0;
                        return may_move(m);
                }
                return start_move(m, op);
        case STEP_FLIP:
                return start_move(m, op);
        case STEP_PANEL:
                return start_panel(m, op, ret_ms, ret_extra_ms);
        case STEP_EJECT:
                if (!m->card)
                        return ERR_NONE;
                if (m->output_full || m->output_count == EMUP_TRAY_MAX)
                        return ERR_OUTPUT_FULL;
                return start_move(m, op);
        case STEP_REJECT:
                if (m->reject_full || m->reject_count == EMUP_TRAY_MAX)
                        return ERR_REJECT_FULL;
                return start_move(m, op);
        case STEP_TEST_PATTERN: {
                enum emup_err err = check_ribbon(m);
                return err ? err : may_move(m);
        }
        case STEP_ENGAGE:
        case STEP_MAG_WRITE:
        case STEP_MAG_READ:
        case STEP_CLEAN:
                emup_disengage(m);
                return may_move(m);
        case STEP_WAIT_HEAD:
        case STEP_COUNT:
                break;
        }
        return ERR_NONE;
}

static enum emup_err end_mag_write(struct emup_model *m) {
        struct emup_stripe *stripe = emup_plastic_stripe(m->card);
        bool weak = stripe->coercivity == 'h' && *emup_setting(m, "Pmc") == 'l';
        m->count.mag_writes++;
        if (emup_fault_bite(m, "mag_write_fail") || weak) {
                emup_io(m, emup_plastic_move(m->card, "mag", "stripe write failed"));
                return ERR_MAG_WRITE;
        }
        bool blank = emup_fault_bite(m, "mag_blank") != NULL;
        for (unsigned i = 0; i < EMUP_TRACKS; i++) {
                if (!m->seq.loaded[i].written)
                        continue;
                stripe->track[i] = m->seq.loaded[i];
                stripe->track[i].written = !blank;
        }
        emup_io(m, emup_plastic_save_stripe(m->card));
        emup_io(m, emup_plastic_move(m->card, "mag", "stripe written"));
        return ERR_NONE;
}

static enum emup_err end_mag_read(struct emup_model *m, const struct emup_op *op) {
        char text[EMUP_TRACK_TEXT_MAX + 1];
        m->count.mag_reads++;
        if (emup_fault_bite(m, "mag_read_fail"))
                return ERR_MAG_READ;
        return emup_stripe_decode(&emup_plastic_stripe(m->card)->track[op->track], text) ? ERR_NONE
                                                                                         : ERR_MAG_READ;
}

static void lay_panel(struct emup_model *m, unsigned lines) {
        size_t on_chip = 0;
        char event[48];
        (void)snprintf(event, sizeof event, "%spanel %c %s", m->side ? "back, " : "", m->printing.letter,
                       lines == EMUP_LINES ? "printed" : "broken off");
        emup_io(m, emup_plastic_print(m->card, m->side, &m->printing, lines, &on_chip));
        emup_io(m, emup_plastic_move(m->card, "print", event));
        if (on_chip)
                emup_note(m, '=', "%zu pixels of panel %c lie on the chip module", on_chip,
                          m->printing.letter);
        m->stat.on_chip_pixels += on_chip;
        m->count.panels++;
        m->printing.letter = 0;
}

/* The other side comes to the head, with panels of its own; only a ribbon made for both sides has them in one
 * set. */
static void turn_over(struct emup_model *m) {
        m->side = !m->side;
        m->seq.panels[0] = '\0';
        m->seq.ribbon_used = m->seq.ribbon_used && strcmp(m->ribbon.kind, "ymckok") == 0;
        put_card(m, POS_PRINT, "turned over");
}

/* Four grey bars, each panel the ribbon has at its own share: enough to see which panels work. */
static enum emup_err end_test_pattern(struct emup_model *m) {
        const char *panels = strncmp(m->ribbon.kind, "ymc", 3) == 0 ? "ymcko" : "k";
        use_ribbon(m);
        for (const char *p = panels; *p; p++) {
                size_t band = (size_t)(p - panels);
                m->printing.letter = *p;
                m->printing.levels = 2;
                for (size_t i = 0; i < EMUP_PIXELS; i++)
                        m->printing.pixels[i] = *p == 'o' || i / EMUP_WIDTH * 4 / EMUP_LINES == band;
                lay_panel(m, EMUP_LINES);
        }
        return ERR_NONE;
}

enum emup_err emup_step_end(struct emup_model *m, struct emup_op *op) {
        enum emup_step step = op->steps[op->at];
        switch (step) {
        case STEP_TO_PRINT:
        case STEP_TO_CONTACT:
        case STEP_TO_CONTACTLESS:
        case STEP_TO_MAG:
                if (m->pos != target(step))
                        put_card(m, target(step), "arrived");
                break;
        case STEP_FLIP:
                turn_over(m);
                break;
        case STEP_ENGAGE:
                engage(m);
                break;
        case STEP_MAG_WRITE:
                return end_mag_write(m);
        case STEP_MAG_READ:
                return end_mag_read(m, op);
        case STEP_PANEL:
                if (m->printing.letter)
                        lay_panel(m, EMUP_LINES);
                break;
        case STEP_TEST_PATTERN:
                return end_test_pattern(m);
        case STEP_EJECT:
                if (m->card)
                        emup_card_to_tray(m, false, "ejected");
                break;
        case STEP_REJECT: {
                char event[32];
                (void)snprintf(event, sizeof event, "rejected to the %s box", op->box);
                emup_card_to_tray(m, true, event);
                break;
        }
        case STEP_CLEAN:
                m->count.cleanings++;
                m->count.since_cleaning = 0;
                break;
        case STEP_FEED:
        case STEP_WAIT_HEAD:
        case STEP_COUNT:
                break;
        }
        return ERR_NONE;
}

/* err ERR_NONE: the step was cut off by a reset, nothing is stuck. */
void emup_step_broken(struct emup_model *m, struct emup_op *op, enum emup_err err) {
        if (op->steps[op->at] == STEP_PANEL && m->printing.letter)
                lay_panel(m, EMUP_LINES / 2);
        if (err == ERR_MECHANICAL) {
                emup_note(m, '*', "jam");
                emup_jam(m);
        } else if (err == ERR_COVER) {
                emup_note(m, '*', "cover open");
                m->cover_open = true;
        } else if (err == ERR_RIBBON_ENDED) {
                emup_note(m, '*', "ribbon ended");
                m->ribbon.remaining = 0;
        }
        if (m->card)
                emup_compose(m);
}
