/* SPDX-License-Identifier: Apache-2.0 */
/* What people do: operators decide about plastics, customers take their cards. */
#include "agent/issuance/machine.h"

#include <string.h>

void cw_machine_operator_ok(struct cw_machine *m) {
        m->job->state = CW_JOB_OPERATOR_OK;
        m->job->wait = CW_WAIT_HANDOVER;
        cw_machine_report(m, CW_REPORT_PRODUCED);
}

bool cw_machine_nothing_loaded(const struct cw_job *job) {
        bool early = job->state == CW_JOB_NEW || job->state == CW_JOB_ACCEPTED ||
                     job->state == CW_JOB_DATA_OK || job->state == CW_JOB_REMAKE;
        return early && !job->intent_open;
}

const char *cw_je_cancel(struct cw_machine *m) {
        struct cw_job *job = m->job;
        if (cw_job_ended(job))
                return "the job has ended already";
        if (job->wait == CW_WAIT_CENTRAL || job->state == CW_JOB_DIVERTED)
                return "the card is ordered from central production, so the job cannot be cancelled here";
        if (!cw_machine_nothing_loaded(job))
                return "a card is loaded for this job, so it cannot be cancelled; let it finish, or decide "
                       "about its card";
        cw_machine_set(job->code, sizeof job->code, "");
        if (cw_job_holds_station(job))
                (void)cw_machine_act(m, CW_JA_JOB_END);
        cw_machine_report(m, CW_REPORT_CANCELLED);
        cw_machine_end(m, CW_JOB_CANCELLED);
        return NULL;
}

/* The old plastic is in the locked reject box: only now may there be another one with the same data. */
const char *cw_je_destroyed(struct cw_machine *m) {
        struct cw_job *job = m->job;
        bool free_of_machine =
            job->wait == CW_WAIT_DESTROYED || job->wait == CW_WAIT_SUPPLIES || job->wait == CW_WAIT_STATION;
        if (job->state != CW_JOB_SPOILED || job->intent_open || !free_of_machine)
                return "this job does not wait for a spoiled card to be put into the reject box";
        if (job->wait == CW_WAIT_SUPPLIES)
                (void)cw_machine_act(m, CW_JA_JOB_END);
        if (job->place != CW_PLACE_SPOILED)
                cw_machine_move(m, CW_PLACE_SPOILED);
        if (m->event->remake && job->plastic < CW_JOB_PLASTICS_MAX)
                cw_machine_remake(m);
        else
                cw_machine_fail(m);
        return NULL;
}

static void decide_spoiled(struct cw_machine *m) {
        struct cw_job *job = m->job;
        bool reachable =
            job->wait == CW_WAIT_DECISION && cw_where_in_machine(job->where) && job->step != CW_STEP_REJECT;
        if (job->intent_open && job->step == CW_STEP_FEED)
                cw_machine_drawn(m);
        cw_machine_close_intent(m);
        job->doubted = true;
        if (job->code[0] == '\0')
                cw_machine_set(job->code, sizeof job->code, "PRD_IN_DOUBT");
        if (reachable)
                cw_machine_spoil(m);
        else
                cw_machine_missing(m);
}

/* A printed card may lie in the tray already, and no counter says so: the eject looks whether one is left
 * inside. */
static void decide_done(struct cw_machine *m) {
        if (m->job->step == CW_STEP_PRINT) {
                m->job->state = CW_JOB_PRINT;
                m->job->where = CW_WHERE_OUTPUT;
                cw_machine_set(m->job->code, sizeof m->job->code, "");
                cw_machine_next_step(m, CW_STEP_EJECT);
        } else {
                cw_machine_step_done(m);
        }
}

/*
 * A person looked at the card. Allowed when reconcile did not know, when the station that would know is away,
 * and for a card that could not leave the machine and was taken out by hand.
 */
const char *cw_je_decision(struct cw_machine *m) {
        struct cw_job *job = m->job;
        enum cw_decision d = m->event->decision;
        bool away = job->wait == CW_WAIT_STATION;
        bool stuck = job->wait == CW_WAIT_SUPPLIES && job->step == CW_STEP_EJECT;
        bool doubt = job->intent_open && (job->wait == CW_WAIT_DECISION || away);
        if (job->state == CW_JOB_SPOILED && !job->intent_open)
                return "the card is known to be spoiled; confirm that it is in the reject box instead";
        if (d == CW_DECISION_SPOILED && (doubt || stuck || (away && cw_job_in_machine(job)))) {
                decide_spoiled(m);
                return NULL;
        }
        if (d == CW_DECISION_DONE && (doubt || stuck)) {
                cw_machine_close_intent(m);
                decide_done(m);
                return NULL;
        }
        if (d == CW_DECISION_NOT_DONE && doubt && job->step == CW_STEP_FEED) {
                cw_machine_close_intent(m);
                (void)cw_machine_act(m, CW_JA_JOB_END);
                job->step = CW_STEP_NONE;
                cw_machine_need_station(m, false);
                return NULL;
        }
        return d == CW_DECISION_NOT_DONE ? "only a feed that took no card can be called not done"
                                         : "there is nothing to decide about this job";
}

const char *cw_je_visual(struct cw_machine *m) {
        if (m->job->wait != CW_WAIT_VISUAL)
                return "this job does not wait for a visual check";
        if (m->event->ok) {
                cw_machine_operator_ok(m);
                return NULL;
        }
        m->job->state = CW_JOB_SPOILED;
        cw_machine_set(m->job->code, sizeof m->job->code, "PRD_FINAL_VALIDATION_NOK");
        cw_machine_wait_person(m, CW_WAIT_DESTROYED);
        return NULL;
}

const char *cw_je_pin_intent(struct cw_machine *m) {
        if (m->job->wait != CW_WAIT_HANDOVER)
                return "this card does not wait to be handed over";
        m->job->pin = CW_PIN_INTENT;
        m->job->wait = CW_WAIT_PIN;
        cw_machine_set(m->job->code, sizeof m->job->code, "");
        cw_machine_move(m, CW_PLACE_KIOSK);
        return NULL;
}

/* A person decides what nobody knows. While the call is under way its answer does, and may differ. */
static const char *no_pin_end(const struct cw_machine *m) {
        bool under_way = m->job->wait == CW_WAIT_PIN;
        if (m->job->wait == CW_WAIT_PIN_DECISION || (under_way && !m->event->by_person))
                return NULL;
        return under_way
                   ? "the PIN is on its way to the server; wait for its answer, and decide only when the "
                     "job waits for a decision about its PIN"
                   : "no PIN of this job is under way";
}

const char *cw_je_pin_set(struct cw_machine *m) {
        const char *no = no_pin_end(m);
        if (no)
                return no;
        m->job->pin = CW_PIN_SET;
        m->job->state = CW_JOB_PIN_SET;
        m->job->wait = CW_WAIT_ACTIVATION;
        cw_machine_set(m->job->code, sizeof m->job->code, "");
        cw_machine_report(m, CW_REPORT_ACTIVATE);
        return NULL;
}

const char *cw_je_pin_failed(struct cw_machine *m) {
        const char *no = no_pin_end(m);
        if (no)
                return no;
        m->job->pin = CW_PIN_NONE;
        m->job->wait = CW_WAIT_HANDOVER;
        cw_machine_set(m->job->code, sizeof m->job->code, m->event->code);
        cw_machine_move(m, CW_PLACE_OUTPUT);
        return NULL;
}

const char *cw_je_pin_in_doubt(struct cw_machine *m) {
        if (m->job->wait == CW_WAIT_PIN_DECISION)
                return cw_machine_unchanged(m);
        if (m->job->wait != CW_WAIT_PIN)
                return "no PIN of this job is under way";
        m->job->pin = CW_PIN_DOUBT;
        cw_machine_set(m->job->code, sizeof m->job->code,
                       m->event->code[0] ? m->event->code : "PIN_IN_DOUBT");
        cw_machine_wait_person(m, CW_WAIT_PIN_DECISION);
        return NULL;
}

const char *cw_je_activated(struct cw_machine *m) {
        if (m->job->state == CW_JOB_ACTIVE || m->job->state == CW_JOB_DELIVERED)
                return cw_machine_unchanged(m);
        if (m->job->wait != CW_WAIT_ACTIVATION)
                return "this job does not wait to be activated";
        m->job->state = CW_JOB_ACTIVE;
        m->job->wait = CW_WAIT_DELIVERY;
        cw_machine_report(m, CW_REPORT_DELIVERED);
        return NULL;
}

const char *cw_je_delivered(struct cw_machine *m) {
        if (m->job->state == CW_JOB_DELIVERED)
                return cw_machine_unchanged(m);
        if (m->job->wait != CW_WAIT_DELIVERY)
                return "this job does not wait for its delivery report";
        cw_machine_move(m, CW_PLACE_ISSUED);
        cw_machine_end(m, CW_JOB_DELIVERED);
        return NULL;
}

const char *cw_je_returned(struct cw_machine *m) {
        if (m->job->wait != CW_WAIT_HANDOVER)
                return "only a finished card that was not handed over can be returned";
        cw_machine_move(m, CW_PLACE_RETURNED);
        cw_machine_set(m->job->code, sizeof m->job->code, "INV_RETURNED");
        cw_machine_fail(m);
        return NULL;
}
