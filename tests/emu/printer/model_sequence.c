/* SPDX-License-Identifier: Apache-2.0 */
/* S commands: what the mechanism shall do, as a list of steps; model_mech.c does it. */
#include "model_int.h"

#include <string.h>

static void refuse(struct emup_model *m, enum emup_err err, const char *why) {
        emup_violation(m, "%s", why);
        emup_reply_err(m, err);
}

static void forget_job(struct emup_model *m) {
        m->seq.failed = ERR_NONE;
        m->seq.panels[0] = '\0';
        m->seq.ribbon_used = false;
        m->pending.letter = 0;
        memset(m->seq.loaded, 0, sizeof m->seq.loaded);
}

static void start(struct emup_model *m) {
        if (m->pending.letter || m->head.active) {
                refuse(m, ERR_SEQUENCE, "Ss while panels of the sequence before are not printed");
                return;
        }
        struct emup_track loaded[EMUP_TRACKS];
        memcpy(loaded, m->seq.loaded, sizeof loaded);
        forget_job(m);
        memcpy(m->seq.loaded, loaded, sizeof loaded);
        m->latched = ERR_NONE;
        m->seq.active = true;
        emup_reply_ok(m);
}

/* A movement to one place, fed from the hopper when the path is empty. */
static void move(struct emup_model *m, const char *name, enum emup_step to) {
        struct emup_op *op = emup_op_new(m, name);
        emup_op_step(op, STEP_FEED);
        emup_op_step(op, to);
        if (to == STEP_TO_CONTACT || to == STEP_TO_CONTACTLESS)
                emup_op_step(op, STEP_ENGAGE);
        emup_op_run(m);
}

static void recto(struct emup_model *m) {
        if (m->seq.active)
                move(m, "Sr", STEP_TO_PRINT);
        else
                refuse(m, ERR_SEQUENCE, "Sr outside of a sequence (no Ss)");
}

/* Prints the last panel of the front, turns the card over and brings it to the head again. */
static void verso(struct emup_model *m) {
        if (m->cfg.flip == EMUP_FLIP_NONE) {
                refuse(m, ERR_COMMAND, "Sv for a printer that cannot turn a card over");
                return;
        }
        if (!m->seq.active || m->side) {
                refuse(m, ERR_SEQUENCE, "Sv outside of a sequence (no Ss), or a second time");
                return;
        }
        if (m->seq.failed) {
                emup_reply_err(m, m->seq.failed);
                return;
        }
        struct emup_op *op = emup_op_new(m, "Sv");
        emup_op_step(op, STEP_FEED);
        emup_op_step(op, STEP_TO_PRINT);
        if (m->pending.letter)
                emup_op_step(op, STEP_PANEL);
        emup_op_step(op, STEP_FLIP);
        emup_op_run(m);
}

static void insert_eject(struct emup_model *m) {
        struct emup_op *op = emup_op_new(m, "Sie");
        emup_op_step(op, STEP_FEED);
        emup_op_step(op, STEP_EJECT);
        emup_op_run(m);
}

/* Se prints the last panel and ejects; after Pneab;E the card of a print job stays until the next Se. */
static void end(struct emup_model *m) {
        bool printed = m->seq.active && *m->seq.panels, stays = *emup_setting(m, "Pneab") == 'E' && printed;
        if (!m->seq.active && !m->card) {
                refuse(m, ERR_CARD, "Se without a sequence and without a card");
                return;
        }
        struct emup_op *op = emup_op_new(m, "Se");
        if (m->pending.letter && !m->seq.failed) {
                emup_op_step(op, STEP_FEED);
                emup_op_step(op, STEP_TO_PRINT);
                emup_op_step(op, STEP_PANEL);
        }
        if (!stays)
                emup_op_step(op, STEP_EJECT);
        op->ends_sequence = true;
        emup_op_run(m);
}

static void reject(struct emup_model *m, const char *name, const char *box) {
        if (!m->card) {
                emup_reply_err(m, ERR_CARD);
                return;
        }
        struct emup_op *op = emup_op_new(m, name);
        (void)snprintf(op->box, sizeof op->box, "%s", box);
        emup_op_step(op, STEP_REJECT);
        op->ends_sequence = true;
        emup_op_run(m);
}

static bool any_track(const struct emup_model *m) {
        for (unsigned i = 0; i < EMUP_TRACKS; i++)
                if (m->seq.loaded[i].written)
                        return true;
        return false;
}

static void mag_write(struct emup_model *m) {
        if (!m->seq.active) {
                refuse(m, ERR_SEQUENCE, "Smw outside of a sequence (no Ss)");
                return;
        }
        if (!any_track(m)) {
                refuse(m, ERR_MAG_DATA, "Smw without track data (no Dm)");
                return;
        }
        struct emup_op *op = emup_op_new(m, "Smw");
        emup_op_step(op, STEP_FEED);
        emup_op_step(op, STEP_TO_MAG);
        emup_op_step(op, STEP_MAG_WRITE);
        emup_op_run(m);
}

static void mag_read(struct emup_model *m, const struct emup_args *a) {
        if (a->n != 1 || strlen(a->arg[0]) != 1 || !strchr("123", a->arg[0][0])) {
                refuse(m, ERR_PARAMETER, "Smr wants a track");
                return;
        }
        if (!m->seq.active) {
                refuse(m, ERR_SEQUENCE, "Smr outside of a sequence (no Ss)");
                return;
        }
        struct emup_op *op = emup_op_new(m, "Smr");
        op->track = (unsigned)(a->arg[0][0] - '1');
        emup_op_step(op, STEP_FEED);
        emup_op_step(op, STEP_TO_MAG);
        emup_op_step(op, STEP_MAG_READ);
        emup_op_run(m);
}

static void test_card(struct emup_model *m, const char *name) {
        if (m->seq.active || m->card) {
                refuse(m, ERR_SEQUENCE, "test card while a card is in work");
                return;
        }
        struct emup_op *op = emup_op_new(m, name);
        emup_op_step(op, STEP_FEED);
        emup_op_step(op, STEP_TO_PRINT);
        emup_op_step(op, STEP_TEST_PATTERN);
        emup_op_step(op, STEP_EJECT);
        op->ends_sequence = true;
        emup_op_run(m);
}

static void clean(struct emup_model *m) {
        if (m->card) {
                refuse(m, ERR_CARD, "Scp with a card in the path");
        } else if (m->ribbon.present) {
                emup_reply_err(m, ERR_RIBBON);
        } else {
                emup_op_step(emup_op_new(m, "Scp"), STEP_CLEAN);
                emup_op_run(m);
        }
}

static void copies(struct emup_model *m, const struct emup_args *a) {
        if (a->n == 1 && strcmp(a->arg[0], "1") == 0)
                emup_reply_ok(m);
        else
                refuse(m, ERR_PARAMETER, "Sc: only one copy of a card is made here");
}

static void reset(struct emup_model *m) {
        emup_mech_abort(m);
        m->seq.active = false;
        m->latched = ERR_NONE;
        forget_job(m);
        emup_reply_ok(m);
}

static void clear_status(struct emup_model *m) {
        m->latched = ERR_NONE;
        emup_reply_ok(m);
}

/* Commands without fields. */
static bool plain(struct emup_model *m, const char *name) {
        if (strcmp(name, "Ss") == 0)
                start(m);
        else if (strcmp(name, "Sr") == 0)
                recto(m);
        else if (strcmp(name, "Sv") == 0)
                verso(m);
        else if (strcmp(name, "Si") == 0)
                move(m, name, STEP_TO_PRINT);
        else if (strcmp(name, "Sis") == 0)
                move(m, name, STEP_TO_CONTACT);
        else if (strcmp(name, "Sic") == 0)
                move(m, name, STEP_TO_CONTACTLESS);
        else if (strcmp(name, "Sie") == 0)
                insert_eject(m);
        else if (strcmp(name, "Seb") == 0)
                reject(m, name, "feeder");
        else if (strcmp(name, "Ser") == 0)
                reject(m, name, "output");
        else if (strcmp(name, "Smw") == 0)
                mag_write(m);
        else if (strcmp(name, "Scp") == 0)
                clean(m);
        else if (strcmp(name, "Scs") == 0)
                clear_status(m);
        else if (strcmp(name, "Srs") == 0)
                reset(m);
        else if (strcmp(name, "St") == 0)
                test_card(m, name);
        else
                return false;
        return true;
}

bool emup_sequence(struct emup_model *m, const struct emup_args *a) {
        if (a->n == 0 && plain(m, a->name))
                return true;
        if (strcmp(a->name, "Se") == 0 && (a->n == 0 || (a->n == 1 && strcmp(a->arg[0], "1") == 0)))
                end(m);
        else if (strcmp(a->name, "Smr") == 0)
                mag_read(m, a);
        else if (strcmp(a->name, "Stt") == 0 && a->n <= 1)
                test_card(m, "Stt");
        else if (strcmp(a->name, "Sc") == 0)
                copies(m, a);
        else
                return false;
        return true;
}
