/* SPDX-License-Identifier: Apache-2.0 */
/* The physical steps: INTENT, result, doubt, and what becomes of the plastic. */
#include "agent/issuance/machine.h"

#include <string.h>

/* Fail early, before ink: feed, stripe, chip, read the chip as a terminal, print, eject. */
static const struct {
        enum cw_step next;
        enum cw_job_state state;
} order[CW_STEP_MAX_] = {
    [CW_STEP_FEED] = {CW_STEP_STRIPE, CW_JOB_LOADED}, [CW_STEP_STRIPE] = {CW_STEP_CHIP, CW_JOB_STRIPE},
    [CW_STEP_CHIP] = {CW_STEP_VERIFY, CW_JOB_CHIP},   [CW_STEP_VERIFY] = {CW_STEP_PRINT, CW_JOB_VERIFY},
    [CW_STEP_PRINT] = {CW_STEP_EJECT, CW_JOB_PRINT},
};

void cw_machine_preflight(struct cw_machine *m) {
        m->job->step = CW_STEP_PREFLIGHT;
        m->job->wait = CW_WAIT_PREFLIGHT;
        cw_machine_act(m, CW_JA_PREFLIGHT)->seq = 0;
}

/* The number is given out; its INTENT is not yet written, so the same number is prepared again after a
 * restart. */
void cw_machine_prepare(struct cw_machine *m) {
        if (m->away && m->event->kind != CW_JE_STATION) {
                cw_machine_need_station(m, true);
                return;
        }
        m->job->wait = CW_WAIT_INTENT;
        (void)cw_machine_act(m, CW_JA_PREPARE_STEP);
}

void cw_machine_next_step(struct cw_machine *m, enum cw_step step) {
        m->job->repeats = 0;
        m->job->step = step;
        m->job->seq++;
        cw_machine_prepare(m);
}

static void repeat_step(struct cw_machine *m) {
        m->job->repeats++;
        m->job->seq++;
        cw_machine_prepare(m);
}

/* The number is new already, since a restart while waiting prepares it as it stands. */
static void repeat_later(struct cw_machine *m) {
        m->job->repeats++;
        m->job->seq++;
        cw_machine_supplies(m);
}

void cw_machine_supplies(struct cw_machine *m) {
        m->job->wait = CW_WAIT_SUPPLIES;
        (void)cw_machine_act(m, CW_JA_WAKE_LATER);
}

void cw_machine_doubt(struct cw_machine *m) {
        if (m->job->state == CW_JOB_IN_DOUBT)
                return;
        m->job->resume = m->job->state;
        m->job->state = CW_JOB_IN_DOUBT;
}

void cw_machine_close_intent(struct cw_machine *m) {
        m->job->intent_open = false;
        if (m->job->state == CW_JOB_IN_DOUBT)
                m->job->state = m->job->resume;
        m->job->resume = CW_JOB_NEW;
}

/* A plastic left the hopper: from here on it must be accounted for. */
void cw_machine_drawn(struct cw_machine *m) {
        m->job->plastic++;
        m->job->place = CW_PLACE_HOPPER;
        cw_machine_move(m, CW_PLACE_TRANSPORT);
}

/* The plastic is in the reject box. Only one that never saw a key is remade without a person. */
static void rejected(struct cw_machine *m) {
        struct cw_job *job = m->job;
        cw_machine_move(m, CW_PLACE_SPOILED);
        (void)cw_machine_act(m, CW_JA_JOB_END);
        job->step = CW_STEP_NONE;
        job->state = CW_JOB_SPOILED;
        if (job->key_tried || job->doubted) {
                cw_machine_wait_person(m, CW_WAIT_DESTROYED);
        } else if (job->remakes < CW_JOB_REMAKES_MAX && job->plastic < CW_JOB_PLASTICS_MAX) {
                job->remakes++;
                cw_machine_remake(m);
        } else {
                cw_machine_fail(m);
        }
}

/* The plastic is not where the machine could reject it: a person finds it and puts it into the reject box. */
void cw_machine_missing(struct cw_machine *m) {
        struct cw_job *job = m->job;
        job->state = CW_JOB_SPOILED;
        job->doubted = true;
        if (job->where == CW_WHERE_OUTPUT && cw_job_in_machine(job))
                cw_machine_move(m, CW_PLACE_OUTPUT);
        (void)cw_machine_act(m, CW_JA_JOB_END);
        job->step = CW_STEP_NONE;
        cw_machine_wait_person(m, CW_WAIT_DESTROYED);
}

void cw_machine_spoil(struct cw_machine *m) {
        m->job->state = CW_JOB_SPOILED;
        if (m->job->where == CW_WHERE_REJECT)
                rejected(m);
        else if (cw_where_in_machine(m->job->where))
                cw_machine_next_step(m, CW_STEP_REJECT);
        else
                cw_machine_missing(m);
}

void cw_machine_remake(struct cw_machine *m) {
        struct cw_job *job = m->job;
        job->state = CW_JOB_REMAKE;
        job->step = CW_STEP_NONE;
        job->place = CW_PLACE_NONE;
        job->where = CW_WHERE_UNSET;
        job->key_tried = false;
        job->ribbon_used = false;
        job->doubted = false;
        job->repeats = 0;
        cw_machine_need_station(m, false);
}

static void ejected(struct cw_machine *m) {
        cw_machine_move(m, CW_PLACE_OUTPUT);
        (void)cw_machine_act(m, CW_JA_JOB_END);
        m->job->where = CW_WHERE_OUTPUT;
        m->job->step = CW_STEP_NONE;
        if (m->job->auto_visual)
                cw_machine_operator_ok(m);
        else
                cw_machine_wait_person(m, CW_WAIT_VISUAL);
}

void cw_machine_step_done(struct cw_machine *m) {
        struct cw_job *job = m->job;
        if (job->step == CW_STEP_REJECT) {
                rejected(m);
                return;
        }
        cw_machine_set(job->code, sizeof job->code, "");
        if (job->step == CW_STEP_EJECT) {
                ejected(m);
                return;
        }
        if (job->step == CW_STEP_FEED)
                cw_machine_drawn(m);
        if (job->step == CW_STEP_CHIP)
                job->key_tried = true;
        job->state = order[job->step].state;
        /* Many printers end a print with the card in the tray: then nothing is left to eject. */
        if (job->step == CW_STEP_PRINT && job->where == CW_WHERE_OUTPUT)
                ejected(m);
        else
                cw_machine_next_step(m, order[job->step].next);
}

const char *cw_je_preflight(struct cw_machine *m) {
        struct cw_job *job = m->job;
        const struct cw_job_event *e = m->event;
        bool waiting = job->wait == CW_WAIT_SUPPLIES;
        if (job->step != CW_STEP_PREFLIGHT || (job->wait != CW_WAIT_PREFLIGHT && !waiting))
                return cw_machine_unchanged(m);
        if (e->outcome == CW_OUTCOME_DONE) {
                cw_machine_set(job->code, sizeof job->code, "");
                cw_machine_next_step(m, CW_STEP_FEED);
                return NULL;
        }
        bool same = waiting && strcmp(job->code, e->code) == 0;
        cw_machine_set(job->code, sizeof job->code, e->code);
        if (e->cls == CW_C_REJECT) {
                (void)cw_machine_act(m, CW_JA_JOB_END);
                cw_machine_fail(m);
                return NULL;
        }
        cw_machine_supplies(m);
        return same ? cw_machine_unchanged(m) : NULL;
}

/* Looking again before a card is fed changes nothing; a card that could not leave is moved under its new
 * number. */
const char *cw_je_wake(struct cw_machine *m) {
        if (m->job->wait != CW_WAIT_SUPPLIES)
                return cw_machine_unchanged(m);
        if (m->job->step == CW_STEP_PREFLIGHT) {
                cw_machine_act(m, CW_JA_PREFLIGHT)->seq = 0;
                return cw_machine_unchanged(m);
        }
        cw_machine_prepare(m);
        return NULL;
}

/* The baseline was taken just before the step: the last look whether the plastic is where we think it is. */
static bool baseline_fits(struct cw_machine *m) {
        struct cw_job *job = m->job;
        enum cw_where where = m->event->where;
        if (where == CW_WHERE_UNSET)
                return true;
        if (job->step == CW_STEP_FEED) {
                if (!cw_where_in_machine(where))
                        return true;
                cw_machine_set(job->code, sizeof job->code, "PRD_CARD_IN_MACHINE");
                job->step = CW_STEP_PREFLIGHT;
                cw_machine_supplies(m);
                return false;
        }
        /* Only after a person's word is a card still to be ejected believed to be out. */
        bool out = where == CW_WHERE_NONE && job->where == CW_WHERE_OUTPUT;
        job->where = where;
        if (cw_where_in_machine(where))
                return true;
        if (job->step == CW_STEP_REJECT && where == CW_WHERE_REJECT) {
                rejected(m);
                return false;
        }
        if (job->step == CW_STEP_EJECT && (where == CW_WHERE_OUTPUT || out)) {
                ejected(m);
                return false;
        }
        if (job->code[0] == '\0')
                cw_machine_set(job->code, sizeof job->code, "PRD_CARD_NOT_IN_MACHINE");
        cw_machine_missing(m);
        return false;
}

const char *cw_je_intent(struct cw_machine *m) {
        struct cw_job *job = m->job;
        if (job->wait != CW_WAIT_INTENT || job->step != m->event->step || job->seq != m->event->seq)
                return "this is not the step that is due";
        if (!baseline_fits(m))
                return NULL;
        job->intent_open = true;
        job->wait = CW_WAIT_RESULT;
        (void)cw_machine_act(m, CW_JA_PERFORM);
        return NULL;
}

const char *cw_je_attempt(struct cw_machine *m) {
        struct cw_job *job = m->job;
        if (job->wait != CW_WAIT_RESULT || job->step != CW_STEP_CHIP || job->seq != m->event->seq)
                return "no key may be tried now: the chip step of this number is not under way";
        job->key_tried = true;
        (void)cw_machine_act(m, CW_JA_ATTEMPT_ACK);
        return NULL;
}

/* RETRY and RECONNECT say that nothing happened; still never a second key on a chip or ink on ink. */
static bool may_repeat(const struct cw_job *job) {
        if (job->step == CW_STEP_CHIP && job->key_tried)
                return false;
        if (job->step == CW_STEP_PRINT && job->ribbon_used)
                return false;
        return cw_where_in_machine(job->where) && job->repeats < CW_JOB_REPEATS_MAX;
}

static void feed_failed(struct cw_machine *m) {
        if (m->job->where != CW_WHERE_NONE && m->job->where != CW_WHERE_FEEDER) {
                cw_machine_drawn(m);
                cw_machine_spoil(m);
        } else if (m->event->cls == CW_C_REJECT) {
                (void)cw_machine_act(m, CW_JA_JOB_END);
                cw_machine_fail(m);
        } else {
                m->job->step = CW_STEP_PREFLIGHT;
                cw_machine_supplies(m);
        }
}

/* A card that would not leave: wait for the station, or for a person who takes it out. */
static void exit_failed(struct cw_machine *m) {
        if (cw_where_in_machine(m->job->where))
                repeat_later(m);
        else if (m->job->where == CW_WHERE_REJECT)
                rejected(m);
        else
                cw_machine_missing(m);
}

static void step_failed(struct cw_machine *m) {
        bool nothing_happened = m->event->cls == CW_C_RETRY || m->event->cls == CW_C_RECONNECT;
        if (m->job->step == CW_STEP_FEED)
                feed_failed(m);
        else if (m->job->step == CW_STEP_EJECT || m->job->step == CW_STEP_REJECT)
                exit_failed(m);
        else if (nothing_happened && may_repeat(m->job))
                repeat_step(m);
        else
                cw_machine_spoil(m);
}

static void ack_result(struct cw_machine *m) {
        struct cw_job_action *a = cw_machine_act(m, CW_JA_RESULT_ACK);
        a->step = m->event->step;
        a->seq = m->event->seq;
}

static void reconcile(struct cw_machine *m) {
        cw_machine_doubt(m);
        m->job->wait = CW_WAIT_RECONCILE;
        (void)cw_machine_act(m, CW_JA_RECONCILE);
}

static const char *stale_result(struct cw_machine *m) {
        ack_result(m);
        if (m->job->wait != CW_WAIT_LAST)
                return cw_machine_unchanged(m);
        reconcile(m);
        return NULL;
}

static bool result_in_doubt(const struct cw_job_event *e) {
        if (e->outcome == CW_OUTCOME_DONE)
                return false;
        return e->outcome != CW_OUTCOME_FAILED || e->cls == CW_C_IN_DOUBT || e->where == CW_WHERE_UNSET ||
               e->where == CW_WHERE_UNKNOWN;
}

const char *cw_je_result(struct cw_machine *m) {
        struct cw_job *job = m->job;
        const struct cw_job_event *e = m->event;
        if (!job->intent_open || job->step != e->step || job->seq != e->seq)
                return stale_result(m);
        ack_result(m);
        job->key_tried = job->key_tried || e->key_tried;
        job->ribbon_used = job->ribbon_used || e->ribbon_used;
        if (e->where != CW_WHERE_UNSET)
                job->where = e->where;
        if (e->outcome != CW_OUTCOME_DONE && (job->step != CW_STEP_REJECT || job->code[0] == '\0'))
                cw_machine_set(job->code, sizeof job->code, e->code[0] ? e->code : "UNKNOWN_ERROR");
        if (result_in_doubt(e)) {
                if (job->wait != CW_WAIT_DECISION)
                        reconcile(m);
                return NULL;
        }
        cw_machine_close_intent(m);
        if (e->outcome == CW_OUTCOME_DONE)
                cw_machine_step_done(m);
        else
                step_failed(m);
        return NULL;
}

const char *cw_je_result_none(struct cw_machine *m) {
        if (m->job->wait != CW_WAIT_LAST)
                return cw_machine_unchanged(m);
        reconcile(m);
        return NULL;
}

static void ask_person(struct cw_machine *m) {
        m->job->doubted = true;
        if (m->job->code[0] == '\0')
                cw_machine_set(m->job->code, sizeof m->job->code, "PRD_IN_DOUBT");
        cw_machine_wait_person(m, CW_WAIT_DECISION);
}

/* Proven not to have happened, and the plastic where it was: the step may still be made, within the usual
 * bounds. */
static void not_done(struct cw_machine *m) {
        struct cw_job *job = m->job;
        bool feed = job->step == CW_STEP_FEED;
        bool leaving = job->step == CW_STEP_EJECT || job->step == CW_STEP_REJECT;
        /* Before a feed the output and the reject box may hold the card of an earlier job. */
        bool known = job->where != CW_WHERE_UNSET && job->where != CW_WHERE_UNKNOWN;
        bool untouched = feed ? known && !cw_where_in_machine(job->where) : cw_where_in_machine(job->where);
        if (!untouched) {
                ask_person(m);
                return;
        }
        cw_machine_close_intent(m);
        if (feed && job->code[0] == '\0') {
                /* Only the connection was lost: nothing is wrong that anybody could clear. */
                cw_machine_preflight(m);
        } else if (feed) {
                job->step = CW_STEP_PREFLIGHT;
                cw_machine_supplies(m);
        } else if (leaving && !may_repeat(job)) {
                repeat_later(m);
        } else if (may_repeat(job)) {
                repeat_step(m);
        } else {
                if (job->code[0] == '\0')
                        cw_machine_set(job->code, sizeof job->code, "PRD_INTERRUPTED");
                cw_machine_spoil(m);
        }
}

const char *cw_je_verdict(struct cw_machine *m) {
        struct cw_job *job = m->job;
        const struct cw_job_event *e = m->event;
        if (job->wait != CW_WAIT_RECONCILE || job->step != e->step || job->seq != e->seq)
                return cw_machine_unchanged(m);
        job->where = e->where;
        if (e->verdict == CW_VERDICT_DONE) {
                cw_machine_close_intent(m);
                cw_machine_step_done(m);
        } else if (e->verdict == CW_VERDICT_NOT_DONE) {
                not_done(m);
        } else {
                ask_person(m);
        }
        return NULL;
}
