/* SPDX-License-Identifier: Apache-2.0 */
/* Time and order: one operation a command, one panel in the background, each a list of steps that take their
 * time. */
#include "model_int.h"

#include <string.h>

struct emup_op *emup_op_new(struct emup_model *m, const char *name) {
        struct emup_op *op = &m->op;
        *op = (struct emup_op){0};
        (void)snprintf(op->name, sizeof op->name, "%s", name);
        emup_op_step(op, STEP_WAIT_HEAD);
        return op;
}

void emup_op_step(struct emup_op *op, enum emup_step step) {
        op->steps[op->n++] = step;
}

void emup_op_run(struct emup_model *m) {
        m->op.active = true;
        m->op.end_ms = emup_now(m);
        emup_mech_tick(m);
}

void emup_head_start(struct emup_model *m) {
        struct emup_op *op = &m->head;
        *op = (struct emup_op){.active = true, .background = true};
        (void)snprintf(op->name, sizeof op->name, "panel %c", m->pending.letter);
        struct emup_panel next = m->printing;
        m->printing = m->pending;
        m->pending = next;
        m->pending.letter = 0;
        emup_op_step(op, STEP_FEED);
        emup_op_step(op, STEP_TO_PRINT);
        emup_op_step(op, STEP_PANEL);
        emup_mech_tick(m);
}

static void end_sequence(struct emup_model *m) {
        m->seq.active = false;
        m->seq.failed = ERR_NONE;
        m->seq.panels[0] = '\0';
        m->seq.ribbon_used = false;
        m->pending.letter = 0;
        memset(m->seq.loaded, 0, sizeof m->seq.loaded);
}

/* A command whose name was cleared lost its listener by a bus reset. */
static void finish(struct emup_model *m, struct emup_op *op) {
        op->active = false;
        if (op->ends_sequence)
                end_sequence(m);
        if (!op->background && *op->name)
                emup_op_done(m, op);
}

/* Errors a person at the machine can put right. */
static bool for_operator(enum emup_err err) {
        switch (err) {
        case ERR_MECHANICAL:
        case ERR_COVER:
        case ERR_FEEDER:
        case ERR_RIBBON:
        case ERR_RIBBON_ENDED:
        case ERR_RIBBON_TAG:
        case ERR_REJECT_FULL:
        case ERR_OUTPUT_FULL:
        case ERR_CLEANING:
                return true;
        default:
                return false;
        }
}

/* Printed panels or a stripe of unknown content spoil the job, a card that was never fed does not. */
static bool spoils_job(const struct emup_model *m, const struct emup_op *op, enum emup_err err) {
        enum emup_step step = op->steps[op->at];
        if (step == STEP_MAG_WRITE || step == STEP_MAG_READ)
                return !emup_mag_goes_on(m);
        return step == STEP_PANEL || op->background || (err == ERR_MECHANICAL && m->card);
}

static void fail(struct emup_model *m, struct emup_op *op, enum emup_err err) {
        emup_note(m, '=', "%s fails: %s", op->name, emup_err_text(err));
        if (!emup_host_managed(m) && for_operator(err)) {
                emup_note(m, '=', "waits for the operator (printer-managed errors)");
                op->waiting = true;
                op->why = err;
                op->started = false;
                return;
        }
        bool spoiled = m->seq.active && spoils_job(m, op, err);
        op->active = false;
        if (spoiled)
                m->seq.failed = err;
        if (op->background)
                m->latched = err;
        else if (*op->name)
                emup_op_failed(m, op, err);
}

/* True when the op may go on to its next step. */
static bool head_is_free(struct emup_model *m, struct emup_op *op) {
        if (m->head.active)
                return false;
        enum emup_err err = m->latched;
        m->latched = ERR_NONE;
        if (err && op->steps[op->n - 1] != STEP_REJECT) {
                fail(m, op, err);
                return false;
        }
        if (m->head.end_ms > op->end_ms)
                op->end_ms = m->head.end_ms;
        return true;
}

/* One step: false when it is not over or has failed. */
static bool run_step(struct emup_model *m, struct emup_op *op) {
        if (op->steps[op->at] == STEP_WAIT_HEAD)
                return head_is_free(m, op);
        if (!op->started) {
                uint32_t ms = 0, extra_ms = 0;
                enum emup_err err = emup_step_start(m, op, &ms, &extra_ms);
                if (err) {
                        fail(m, op, err);
                        return false;
                }
                op->started = true;
                op->end_ms = (op->end_ms ? op->end_ms : emup_now(m)) +
                             emup_scaled(m, op->doom ? ms / 2 : ms) + extra_ms;
        }
        if (emup_now(m) < op->end_ms)
                return false;
        op->started = false;
        enum emup_err err = op->doom;
        op->doom = ERR_NONE;
        if (err)
                emup_step_broken(m, op, err);
        else
                err = emup_step_end(m, op);
        if (err)
                fail(m, op, err);
        return !err;
}

static void run_op(struct emup_model *m, struct emup_op *op) {
        while (op->active && !op->waiting) {
                if (op->at == op->n)
                        finish(m, op);
                else if (run_step(m, op))
                        op->at++;
                else
                        return;
        }
}

void emup_mech_tick(struct emup_model *m) {
        run_op(m, &m->head);
        while (!m->head.active && m->frame.wait_head) {
                emup_frame_head_free(m);
                run_op(m, &m->head);
        }
        run_op(m, &m->op);
}

static void abort_op(struct emup_model *m, struct emup_op *op) {
        if (op->active && op->started)
                emup_step_broken(m, op, ERR_NONE);
        op->active = op->started = op->waiting = false;
        op->doom = ERR_NONE;
}

void emup_mech_abort(struct emup_model *m) {
        abort_op(m, &m->op);
        abort_op(m, &m->head);
        m->printing.letter = 0;
        m->frame.wait_head = false;
}

static void resume_op(struct emup_op *op) {
        if (!op->active || !op->waiting)
                return;
        op->waiting = op->started = false;
        op->at = 0;
        op->end_ms = 0;
}

void emup_mech_resume(struct emup_model *m) {
        resume_op(&m->op);
        resume_op(&m->head);
        emup_model_tick(m);
}

static void disturb_op(struct emup_model *m, struct emup_op *op, enum emup_err err) {
        enum emup_step step = op->steps[op->at];
        if (!op->active || !op->started || op->doom)
                return;
        if (err == ERR_COVER && step != STEP_PANEL && emup_cover_ignored(m))
                return;
        if (err == ERR_RIBBON_ENDED && step != STEP_PANEL)
                return;
        op->doom = err;
        op->end_ms = emup_now(m);
}

void emup_mech_disturb(struct emup_model *m, enum emup_err err) {
        disturb_op(m, &m->op, err);
        disturb_op(m, &m->head, err);
        emup_model_tick(m);
}

static uint64_t op_deadline(const struct emup_model *m, const struct emup_op *op) {
        if (!op->active || op->waiting || (op->at < op->n && op->steps[op->at] == STEP_WAIT_HEAD))
                return UINT64_MAX;
        return op->started ? op->end_ms : emup_now(m);
}

uint64_t emup_mech_deadline(const struct emup_model *m) {
        uint64_t op = op_deadline(m, &m->op), head = op_deadline(m, &m->head);
        return op < head ? op : head;
}

bool emup_moving(const struct emup_model *m) {
        return (m->op.active && m->op.started) || (m->head.active && m->head.started);
}
