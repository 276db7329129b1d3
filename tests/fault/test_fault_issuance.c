/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deterministic simulator of the state machine: seeds instead of cases. The daemon of the simulation loses
 * its memory at random points, also inside its commits; the durable rest is the job, the event log, the
 * ledger and the outbox. A seed that breaks a rule is printed; run it alone with:  test_fault_issuance <seed>
 */
#include "tests/fault/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVENTS_MAX 2000
#define QUEUE_MAX 64
#define SEEDS 100000u

struct sim {
        struct world w;
        /* durable */
        struct cw_job job;
        struct cw_job_event log[EVENTS_MAX];
        unsigned events;
        int ledger[CW_PLACE_MAX_];
        unsigned reports[CW_REPORT_MAX_];
        unsigned forgotten;
        /* lost in a crash */
        struct cw_job_action queue[QUEUE_MAX];
        unsigned head, count;
        unsigned crashes;
        unsigned remakes, confirmed, decided, reconciled; /* what the seeds reached */
};

static void push(struct sim *s, const struct cw_job_action *a) {
        if (s->count == QUEUE_MAX) {
                world_broke(&s->w, "the actions do not end");
                return;
        }
        s->queue[(s->head + s->count++) % QUEUE_MAX] = *a;
}

static void write_durable(struct sim *s, const struct cw_job_event *e, const struct cw_job_actions *actions) {
        if (s->events == EVENTS_MAX) {
                world_broke(&s->w, "the job does not end");
                return;
        }
        s->log[s->events++] = *e;
        for (unsigned i = 0; i < actions->count; i++) {
                const struct cw_job_action *a = &actions->list[i];
                if (a->kind == CW_JA_REPORT)
                        s->reports[a->report]++;
                else if (a->kind == CW_JA_FORGET_SEALED)
                        s->forgotten++;
                else if (a->kind == CW_JA_MOVE) {
                        s->ledger[a->from]--;
                        s->ledger[a->to]++;
                }
        }
}

static bool crash(struct sim *s) {
        s->head = s->count = 0;
        s->crashes++;
        return false;
}

static void count_reached(struct sim *s, const struct cw_job_event *e) {
        s->remakes +=
            s->job.state == CW_JOB_REMAKE && (e->kind == CW_JE_RESULT || e->kind == CW_JE_DESTROYED);
        s->confirmed += e->kind == CW_JE_DESTROYED;
        s->decided += e->kind == CW_JE_DECISION;
        s->reconciled += e->kind == CW_JE_VERDICT;
        if (e->kind == CW_JE_VERDICT && e->verdict == CW_VERDICT_UNKNOWN)
                world_doubted(&s->w, e->step);
}

/* One event through the daemon; false when it died and everything volatile is gone. */
static bool commit(struct sim *s, const struct cw_job_event *e) {
        struct cw_job_actions actions;
        struct cw_job next = s->job;
        if (world_chance(&s->w, 2))
                return crash(s);
        cw_rc rc = cw_issuance_apply(&next, e, &actions);
        if (rc != CW_OK) {
                world_broke(&s->w, actions.why ? actions.why : "refused");
                return true;
        }
        if (!actions.unchanged) {
                s->job = next;
                write_durable(s, e, &actions);
                count_reached(s, e);
        } else {
                s->job = next;
        }
        if (world_chance(&s->w, 2))
                return crash(s);
        for (unsigned i = 0; i < actions.count; i++) {
                if (actions.list[i].kind > CW_JA_FORGET_SEALED)
                        push(s, &actions.list[i]);
        }
        return true;
}

static bool commit_kind(struct sim *s, enum cw_job_event_kind kind) {
        const struct cw_job_event e = {.kind = kind, .code = "X"};
        return commit(s, &e);
}

static bool deliver_kept(struct sim *s) {
        struct cw_job_event e = s->w.kept;
        if (e.outcome != CW_OUTCOME_IN_DOUBT && s->job.intent_open && s->job.seq == e.seq)
                s->w.doubt = false;
        return commit(s, &e);
}

static bool lose_station(struct sim *s) {
        struct cw_job_event e = {.kind = CW_JE_STATION_LOST, .station = "s1"};
        return commit(s, &e);
}

static bool act_perform(struct sim *s, const struct cw_job_action *a) {
        bool key = false;
        if (a->step == CW_STEP_CHIP) {
                const struct cw_job_event attempt = {.kind = CW_JE_ATTEMPT, .seq = a->seq};
                unsigned before = s->crashes;
                key = commit(s, &attempt);
                if (s->crashes != before) {
                        /* No acknowledgement came: the station tries no key and keeps that result. */
                        (void)world_perform(&s->w, a->step, a->seq, false);
                        return false;
                }
        }
        bool kept = world_perform(&s->w, a->step, a->seq, key);
        if (world_chance(&s->w, 3))
                return crash(s);
        if (!kept || world_chance(&s->w, 3))
                return lose_station(s);
        return deliver_kept(s);
}

static bool act_prepare(struct sim *s, const struct cw_job_action *a) {
        struct cw_job_event e = {
            .kind = CW_JE_INTENT, .step = a->step, .seq = a->seq, .where = world_where(&s->w)};
        if (world_chance(&s->w, 3))
                return lose_station(s);
        if (a->step == CW_STEP_FEED && e.where != CW_WHERE_TRANSPORT)
                e.where = CW_WHERE_NONE;
        return commit(s, &e);
}

static bool act_preflight(struct sim *s) {
        struct cw_job_event e = {.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_DONE};
        if (world_chance(&s->w, 15)) {
                e.outcome = CW_OUTCOME_FAILED;
                e.cls = world_random(&s->w, 50) ? CW_C_OPERATOR : CW_C_REJECT;
                (void)snprintf(e.code, sizeof e.code, "PRT_RIBBON_ENDED");
        }
        return commit(s, &e);
}

static bool act_wake(struct sim *s) {
        /* Now and then a person takes the stuck card out instead of clearing the machine. */
        if (s->job.wait == CW_WAIT_SUPPLIES && world_chance(&s->w, 20)) {
                if (s->job.state == CW_JOB_SPOILED) {
                        struct cw_job_event e = world_person_destroys(&s->w);
                        return commit(s, &e);
                }
                if (s->job.step == CW_STEP_EJECT) {
                        struct cw_job_event e = world_person_decides(&s->w, &s->job);
                        return commit(s, &e);
                }
        }
        return commit_kind(s, CW_JE_WAKE);
}

static bool act(struct sim *s, const struct cw_job_action *a) {
        struct cw_job_event e = {0};
        switch (a->kind) {
        case CW_JA_OPEN_DATA:
                return commit_kind(s, world_chance(&s->w, 1) ? CW_JE_DATA_REFUSED : CW_JE_DATA_OK);
        case CW_JA_NEED_STATION:
                e = (struct cw_job_event){.kind = CW_JE_STATION, .station = "s1"};
                return commit(s, &e);
        case CW_JA_PREFLIGHT:
                return act_preflight(s);
        case CW_JA_PREPARE_STEP:
                return act_prepare(s, a);
        case CW_JA_PERFORM:
                return act_perform(s, a);
        case CW_JA_RESULT_ACK:
                if (s->w.kept_valid && s->w.kept.seq == a->seq)
                        s->w.kept_valid = false;
                return true;
        case CW_JA_ASK_RESULT:
                return s->w.kept_valid ? deliver_kept(s) : commit_kind(s, CW_JE_RESULT_NONE);
        case CW_JA_RECONCILE:
                e = world_reconcile(&s->w, a->step, a->seq);
                return commit(s, &e);
        case CW_JA_WAKE_LATER:
                return act_wake(s);
        default:
                return true;
        }
}

static bool pin_outcome(struct sim *s) {
        static const enum cw_job_event_kind kinds[] = {CW_JE_PIN_SET, CW_JE_PIN_FAILED, CW_JE_PIN_IN_DOUBT};
        return commit_kind(s, kinds[s->w.faults ? world_random(&s->w, 3) : 0]);
}

/* Nothing is under way: a person, a customer or the server comes. */
static bool outside(struct sim *s) {
        struct cw_job_event e = {.kind = CW_JE_VISUAL};
        switch (s->job.wait) {
        case CW_WAIT_DECISION:
                e = world_person_decides(&s->w, &s->job);
                return commit(s, &e);
        case CW_WAIT_DESTROYED:
                e = world_person_destroys(&s->w);
                return commit(s, &e);
        case CW_WAIT_VISUAL:
                e.ok = !world_chance(&s->w, 10);
                return commit(s, &e);
        case CW_WAIT_HANDOVER:
                return commit_kind(s, world_chance(&s->w, 5) ? CW_JE_RETURNED : CW_JE_PIN_INTENT);
        case CW_WAIT_PIN:
                return pin_outcome(s);
        case CW_WAIT_PIN_DECISION:
                return commit_kind(s, world_random(&s->w, 2) ? CW_JE_PIN_SET : CW_JE_PIN_FAILED);
        case CW_WAIT_ACTIVATION:
                return commit_kind(s, CW_JE_ACTIVATED);
        case CW_WAIT_DELIVERY:
                return commit_kind(s, CW_JE_DELIVERED);
        case CW_WAIT_CENTRAL:
                return commit_kind(s, CW_JE_DIVERTED);
        default:
                world_broke(&s->w, "the job waits for nobody");
                return true;
        }
}

static void check_fold(struct sim *s) {
        struct cw_job folded;
        struct cw_job_actions actions;
        cw_issuance_init(&folded, "J1");
        for (unsigned i = 0; i < s->events; i++) {
                if (cw_issuance_apply(&folded, &s->log[i], &actions) != CW_OK)
                        world_broke(&s->w, "the event log does not fold");
        }
        if (folded.state != s->job.state || folded.seq != s->job.seq || folded.plastic != s->job.plastic ||
            folded.place != s->job.place || strcmp(folded.code, s->job.code) != 0)
                world_broke(&s->w, "the job is not the fold of its events");
}

static void check_books(struct sim *s) {
        int rejected = 0;
        for (unsigned i = 0; i < s->w.drawn; i++)
                rejected += s->w.plastics[i].spot == SPOT_REJECT;
        int outside_machine = s->ledger[CW_PLACE_ISSUED] + s->ledger[CW_PLACE_RETURNED];
        if (s->job.plastic != s->w.drawn || -s->ledger[CW_PLACE_HOPPER] != (int)s->w.drawn)
                world_broke(&s->w, "plastics drawn and plastics booked differ");
        if (s->ledger[CW_PLACE_SPOILED] != rejected || (int)s->w.drawn != rejected + outside_machine)
                world_broke(&s->w, "a plastic is not accounted for");
        if (s->ledger[CW_PLACE_TRANSPORT] != 0 || s->ledger[CW_PLACE_OUTPUT] != 0 ||
            s->ledger[CW_PLACE_KIOSK] != 0)
                world_broke(&s->w, "a plastic is left over in the books");
}

static void check_end(struct sim *s) {
        const unsigned *r = s->reports;
        if (r[CW_REPORT_FAILED] + r[CW_REPORT_DATA_ERROR] + r[CW_REPORT_CANCELLED] + r[CW_REPORT_DELIVERED] +
                r[CW_REPORT_CENTRAL] !=
            1)
                world_broke(&s->w, "the server is not told exactly one end");
        if (r[CW_REPORT_PRODUCED] > 1 || s->forgotten != 1)
                world_broke(&s->w, "produced twice, or the sealed data was not forgotten once");
        if (s->job.state == CW_JOB_DELIVERED) {
                const struct plastic *p = &s->w.plastics[s->w.drawn - 1];
                if (!p->striped || !p->personalised || !p->inked || p->spot != SPOT_OUTPUT)
                        world_broke(&s->w, "a card was delivered that was not made");
        }
        check_fold(s);
        check_books(s);
}

static void run(struct sim *s, uint64_t seed) {
        const struct cw_job_event assigned = {.kind = CW_JE_KIT_ASSIGNED};
        *s = (struct sim){.w = {.random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1}};
        cw_issuance_init(&s->job, "J1");
        s->w.faults = false;
        bool alive = commit(s, &assigned);
        s->w.faults = true;
        /* Faults stop after a while: then the job must come to its end. */
        for (unsigned round = 0; !s->w.broken && !cw_job_ended(&s->job); round++) {
                if (round == 400)
                        s->w.faults = false;
                if (!alive)
                        alive = commit_kind(s, CW_JE_RESTARTED);
                else if (s->count > 0) {
                        struct cw_job_action a = s->queue[s->head];
                        s->head = (s->head + 1) % QUEUE_MAX;
                        s->count--;
                        alive = act(s, &a);
                } else {
                        alive = outside(s);
                }
        }
        if (!s->w.broken)
                check_end(s);
}

static void tell(const struct sim *s, unsigned long seed) {
        (void)fprintf(stderr, "seed %lu: %s\n", seed, s->w.broken);
        for (unsigned i = 0; i < s->events; i++) {
                const struct cw_job_event *e = &s->log[i];
                (void)fprintf(stderr, "  %3u %-13s %-9s seq %u %s/%s where %s decision %s\n", i,
                              cw_job_event_name(e->kind), cw_step_name(e->step), e->seq,
                              cw_outcome_name(e->outcome), cw_class_name(e->cls), cw_where_name(e->where),
                              cw_decision_name(e->decision));
        }
        (void)fprintf(stderr, "  job %s waits for %s, step %s seq %u\n", cw_job_state_name(s->job.state),
                      cw_job_wait_name(s->job.wait), cw_step_name(s->job.step), s->job.seq);
}

int main(int argc, char **argv) {
        static struct sim s;
        unsigned long first = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
        unsigned long last = argc > 1 ? first : SEEDS;
        unsigned long ends[CW_JOB_STATE_MAX_] = {0}, crashes = 0, remakes = 0, confirmed = 0, decided = 0,
                      reconciled = 0;
        for (unsigned long seed = first; seed <= last; seed++) {
                run(&s, seed);
                if (s.w.broken || argc > 1) {
                        tell(&s, seed);
                        if (s.w.broken)
                                return 1;
                }
                ends[s.job.state]++;
                crashes += s.crashes;
                remakes += s.remakes;
                confirmed += s.confirmed;
                decided += s.decided;
                reconciled += s.reconciled;
        }
        (void)printf(
            "%lu seeds: %lu delivered, %lu failed, %lu data errors; %lu crashes, %lu remakes, %lu confirmed, "
            "%lu decided, %lu reconciled\n",
            last - first + 1, ends[CW_JOB_DELIVERED], ends[CW_JOB_FAILED], ends[CW_JOB_DATA_ERROR], crashes,
            remakes, confirmed, decided, reconciled);
        /* A simulator that never comes to the rare places proves nothing. */
        bool reached = ends[CW_JOB_DELIVERED] && ends[CW_JOB_FAILED] && ends[CW_JOB_DATA_ERROR] && crashes &&
                       remakes && confirmed && decided && reconciled;
        return argc > 1 || reached ? 0 : 1;
}
