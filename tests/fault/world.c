/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/world.h"

#include <stdio.h>
#include <string.h>

/* xorshift64*: one number makes the whole run. */
uint32_t world_random(struct world *w, uint32_t below) {
        w->random ^= w->random >> 12;
        w->random ^= w->random << 25;
        w->random ^= w->random >> 27;
        return (uint32_t)((w->random * UINT64_C(2685821657736338717)) >> 33) % below;
}

bool world_chance(struct world *w, uint32_t percent) {
        return w->faults && world_random(w, 100) < percent;
}

void world_broke(struct world *w, const char *rule) {
        if (!w->broken)
                w->broken = rule;
}

static struct plastic *current(struct world *w) {
        return w->drawn > 0 ? &w->plastics[w->drawn - 1] : NULL;
}

static bool card_inside(const struct world *w) {
        return w->drawn > 0 && w->plastics[w->drawn - 1].spot == SPOT_TRANSPORT;
}

enum cw_where world_where(const struct world *w) {
        if (w->drawn == 0)
                return CW_WHERE_NONE;
        switch (w->plastics[w->drawn - 1].spot) {
        case SPOT_TRANSPORT:
                return CW_WHERE_TRANSPORT;
        case SPOT_OUTPUT:
                return CW_WHERE_OUTPUT;
        default:
                return CW_WHERE_REJECT;
        }
}

/* A new plastic: everything about the ones before must be settled. */
static void draw(struct world *w) {
        for (unsigned i = 0; i < w->drawn; i++) {
                const struct plastic *p = &w->plastics[i];
                if (p->spot != SPOT_REJECT)
                        world_broke(w, "a new plastic was fed while the old one was not in the reject box");
                if ((p->key_steps > 0 || p->doubted) && !p->confirmed)
                        world_broke(w, "remade after a key or a doubt without a person's confirmation");
        }
        if (w->drawn == WORLD_PLASTICS_MAX) {
                world_broke(w, "more plastics than a job may use");
                return;
        }
        w->plastics[w->drawn++] = (struct plastic){.spot = SPOT_TRANSPORT};
}

static void touch_chip(struct world *w, struct plastic *p, bool whole) {
        if (++p->key_steps > 1)
                world_broke(w, "a second step tried a key on one chip");
        p->personalised = p->personalised || whole;
}

static void touch_ink(struct world *w, struct plastic *p, bool whole) {
        if (++p->ink_steps > 1)
                world_broke(w, "ink on ink");
        if (!p->personalised)
                world_broke(w, "a card was printed before its chip was made");
        p->inked = p->inked || whole;
}

/* The effect of the step on the plastic, whole. */
static void effect(struct world *w, enum cw_step step) {
        struct plastic *p = current(w);
        w->effect = true;
        if (step == CW_STEP_FEED) {
                draw(w);
                return;
        }
        if (!p || p->spot != SPOT_TRANSPORT) {
                world_broke(w, "a step was performed without a card in the machine");
                return;
        }
        if (step == CW_STEP_STRIPE)
                p->striped = true;
        else if (step == CW_STEP_CHIP)
                touch_chip(w, p, true);
        else if (step == CW_STEP_PRINT)
                touch_ink(w, p, true);
        else if (step == CW_STEP_EJECT)
                p->spot = SPOT_OUTPUT;
        else if (step == CW_STEP_REJECT)
                p->spot = SPOT_REJECT;
}

static void half_effect(struct world *w, enum cw_step step, struct cw_job_event *e) {
        struct plastic *p = current(w);
        if (step == CW_STEP_CHIP && world_chance(w, 50)) {
                touch_chip(w, p, false);
                e->key_tried = true;
        } else if (step == CW_STEP_PRINT && world_chance(w, 50)) {
                touch_ink(w, p, false);
                e->ribbon_used = true;
        } else if (step == CW_STEP_FEED && world_chance(w, 40)) {
                draw(w); /* jammed on its way in */
        } else if (step == CW_STEP_STRIPE && world_chance(w, 15)) {
                p->spot = SPOT_REJECT; /* the printer rejects by itself */
        } else if (step == CW_STEP_VERIFY && world_chance(w, 10)) {
                p->spot = SPOT_OUTPUT;
        }
}

static struct cw_job_event fail_step(struct world *w, enum cw_step step) {
        static const enum cw_class classes[] = {CW_C_RETRY, CW_C_RECONNECT, CW_C_OPERATOR, CW_C_REJECT,
                                                CW_C_FATAL};
        struct cw_job_event e = {.outcome = CW_OUTCOME_FAILED, .code = "PRD_TIMEOUT"};
        e.cls = classes[world_random(w, sizeof classes / sizeof classes[0])];
        half_effect(w, step, &e);
        /* The class may promise too much: RETRY though a key or ink reached the card. */
        e.where = step == CW_STEP_FEED && !card_inside(w) ? CW_WHERE_FEEDER : world_where(w);
        return e;
}

static struct cw_job_event doubt_step(struct world *w, enum cw_step step) {
        struct cw_job_event e = {.outcome = CW_OUTCOME_IN_DOUBT,
                                 .cls = CW_C_IN_DOUBT,
                                 .where = CW_WHERE_UNKNOWN,
                                 .code = "PRD_TIMEOUT"};
        if (world_chance(w, 50))
                effect(w, step);
        w->doubt = true;
        return e;
}

static struct cw_job_event perform(struct world *w, enum cw_step step, bool key_allowed) {
        if (step == CW_STEP_CHIP && !key_allowed)
                return (struct cw_job_event){.outcome = CW_OUTCOME_FAILED,
                                             .cls = CW_C_RETRY,
                                             .code = "PRD_SMARTCARD",
                                             .where = CW_WHERE_CONTACT};
        if (world_chance(w, 10))
                return fail_step(w, step);
        if (world_chance(w, 6))
                return doubt_step(w, step);
        effect(w, step);
        struct cw_job_event e = {.outcome = CW_OUTCOME_DONE, .where = world_where(w)};
        e.key_tried = step == CW_STEP_CHIP;
        e.ribbon_used = step == CW_STEP_PRINT;
        return e;
}

bool world_perform(struct world *w, enum cw_step step, uint32_t seq, bool key_allowed) {
        if (seq >= WORLD_SEQ_MAX || w->performed[seq])
                world_broke(w, "the same step number was performed twice");
        else
                w->performed[seq] = true;
        if (w->doubt)
                world_broke(w, "a card of unknown state was worked on");
        w->effect = false;
        w->doubt_step = step;
        w->kept = perform(w, step, key_allowed);
        w->kept.kind = CW_JE_RESULT;
        w->kept.step = step;
        w->kept.seq = seq;
        w->kept_valid = !world_chance(w, 5);
        if (!w->kept_valid)
                w->doubt = true;
        return w->kept_valid;
}

static bool happened(const struct world *w, uint32_t seq) {
        return seq < WORLD_SEQ_MAX && w->performed[seq] && w->effect;
}

struct cw_job_event world_reconcile(struct world *w, enum cw_step step, uint32_t seq) {
        struct cw_job_event e = {.kind = CW_JE_VERDICT, .step = step, .seq = seq, .where = world_where(w)};
        if (w->faults && world_random(w, 3) == 0) {
                e.verdict = CW_VERDICT_UNKNOWN;
                e.where = world_random(w, 2) ? CW_WHERE_UNKNOWN : e.where;
                w->doubt = true;
                return e;
        }
        e.verdict = happened(w, seq) ? CW_VERDICT_DONE : CW_VERDICT_NOT_DONE;
        if (e.verdict == CW_VERDICT_NOT_DONE && step == CW_STEP_FEED && !card_inside(w))
                e.where = CW_WHERE_FEEDER;
        /* Half an effect is neither: an honest driver does not know. */
        const struct plastic *p = current(w);
        bool half = p && !happened(w, seq) &&
                    ((step == CW_STEP_CHIP && p->key_steps) || (step == CW_STEP_PRINT && p->ink_steps) ||
                     (step == CW_STEP_FEED && card_inside(w)));
        if (half)
                e.verdict = CW_VERDICT_UNKNOWN;
        else
                w->doubt = false;
        return e;
}

void world_doubted(struct world *w, enum cw_step step) {
        struct plastic *p = current(w);
        if (p && (p->spot != SPOT_REJECT || step == CW_STEP_REJECT))
                p->doubted = true;
}

struct cw_job_event world_person_decides(struct world *w, const struct cw_job *job) {
        struct cw_job_event e = {.kind = CW_JE_DECISION, .decision = CW_DECISION_SPOILED};
        w->doubt = false;
        if (job->step == CW_STEP_FEED && !card_inside(w))
                e.decision = CW_DECISION_NOT_DONE;
        else if (happened(w, job->seq) && world_random(w, 2))
                e.decision = CW_DECISION_DONE;
        if (job->step == CW_STEP_REJECT || (job->step == CW_STEP_EJECT && e.decision == CW_DECISION_DONE)) {
                /* A card that is stuck is taken out by hand. */
                current(w)->spot = job->step == CW_STEP_REJECT ? SPOT_REJECT : SPOT_OUTPUT;
                e.decision = CW_DECISION_DONE;
        }
        return e;
}

struct cw_job_event world_person_destroys(struct world *w) {
        struct cw_job_event e = {.kind = CW_JE_DESTROYED, .remake = world_random(w, 4) != 0};
        struct plastic *p = current(w);
        if (p) {
                p->spot = SPOT_REJECT;
                p->confirmed = true;
        }
        w->doubt = false;
        return e;
}
