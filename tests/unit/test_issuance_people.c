/* SPDX-License-Identifier: Apache-2.0 */
/* Operators and customers: cancel, decide, confirm, check, PIN, hand-over. */
#include "agent/issuance/issuance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct cw_job_actions out;

#define EV(...) ((struct cw_job_event){__VA_ARGS__})

static void ok(struct cw_job *job, struct cw_job_event e) {
        cw_rc rc = cw_issuance_apply(job, &e, &out);
        if (rc != CW_OK)
                fail_msg("%s refused: %s", cw_job_event_name(e.kind), out.why ? out.why : "?");
}

static void no(struct cw_job *job, struct cw_job_event e) {
        struct cw_job before = *job;
        assert_int_equal(cw_rc_class(cw_issuance_apply(job, &e, &out)), CW_C_REJECT);
        assert_non_null(out.why);
        assert_memory_equal(&before, job, sizeof before);
}

static const struct cw_job_action *action(enum cw_job_action_kind kind) {
        for (unsigned i = 0; i < out.count; i++) {
                if (out.list[i].kind == kind)
                        return &out.list[i];
        }
        return NULL;
}

static void result(struct cw_job *job, enum cw_outcome outcome, enum cw_where where) {
        ok(job, EV(.kind = CW_JE_INTENT, .step = job->step, .seq = job->seq));
        ok(job, EV(.kind = CW_JE_RESULT, .step = job->step, .seq = job->seq, .outcome = outcome,
                   .cls = CW_C_OPERATOR, .where = where, .code = "PRD_X"));
}

static void assign(struct cw_job *job, bool auto_visual) {
        cw_issuance_init(job, "J1");
        ok(job, EV(.kind = CW_JE_KIT_ASSIGNED, .auto_visual = auto_visual));
}

static struct cw_job job_at(enum cw_step step, bool auto_visual) {
        struct cw_job job;
        assign(&job, auto_visual);
        ok(&job, EV(.kind = CW_JE_DATA_OK));
        ok(&job, EV(.kind = CW_JE_STATION, .station = "s1"));
        ok(&job, EV(.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_DONE));
        while (job.step != step)
                result(&job, CW_OUTCOME_DONE, CW_WHERE_TRANSPORT);
        return job;
}

/* Reconcile did not know what became of the step. */
static struct cw_job doubted_at(enum cw_step step, enum cw_where where) {
        struct cw_job job = job_at(step, true);
        result(&job, CW_OUTCOME_IN_DOUBT, where);
        ok(&job, EV(.kind = CW_JE_VERDICT, .step = job.step, .seq = job.seq, .verdict = CW_VERDICT_UNKNOWN,
                    .where = where));
        assert_int_equal(job.wait, CW_WAIT_DECISION);
        return job;
}

static void cancel_before_loaded(void **state) {
        (void)state;
        struct cw_job job;
        assign(&job, true);
        ok(&job, EV(.kind = CW_JE_CANCEL));
        assert_int_equal(job.state, CW_JOB_CANCELLED);
        assert_int_equal(action(CW_JA_REPORT)->report, CW_REPORT_CANCELLED);
        assert_non_null(action(CW_JA_FORGET_SEALED));
        no(&job, EV(.kind = CW_JE_CANCEL));

        job = job_at(CW_STEP_FEED, true); /* prepared, but no INTENT yet */
        ok(&job, EV(.kind = CW_JE_CANCEL));
        assert_non_null(action(CW_JA_JOB_END));
        no(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_FEED, .seq = 1));
}

static void no_cancel_once_a_card_may_move(void **state) {
        (void)state;
        struct cw_job job = job_at(CW_STEP_FEED, true);
        ok(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_FEED, .seq = job.seq));
        no(&job, EV(.kind = CW_JE_CANCEL));
        for (int step = CW_STEP_STRIPE; step <= CW_STEP_EJECT; step++) {
                job = job_at((enum cw_step)step, true);
                no(&job, EV(.kind = CW_JE_CANCEL));
        }
}

static void cancel_a_remake_that_never_fed(void **state) {
        (void)state;
        struct cw_job job = job_at(CW_STEP_STRIPE, true);
        result(&job, CW_OUTCOME_FAILED, CW_WHERE_REJECT);
        assert_int_equal(job.state, CW_JOB_REMAKE);
        ok(&job, EV(.kind = CW_JE_CANCEL));
        assert_int_equal(job.state, CW_JOB_CANCELLED);
}

static void a_card_is_ordered_centrally_once(void **state) {
        (void)state;
        struct cw_job job = job_at(CW_STEP_FEED, true); /* prepared, but no INTENT yet */
        ok(&job, EV(.kind = CW_JE_DIVERT, .code = "PRT_RIBBON_ENDED"));
        assert_int_equal(job.wait, CW_WAIT_CENTRAL);
        assert_string_equal(job.code, "PRT_RIBBON_ENDED");
        assert_int_equal(action(CW_JA_REPORT)->report, CW_REPORT_CENTRAL);
        assert_non_null(action(CW_JA_JOB_END));
        assert_null(action(CW_JA_FORGET_SEALED)); /* the order needs them */
        ok(&job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        assert_true(out.unchanged && out.count == 0);
        no(&job, EV(.kind = CW_JE_CANCEL));
        no(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_FEED, .seq = 1));
        ok(&job, EV(.kind = CW_JE_STATION, .station = "s1"));
        assert_true(out.unchanged);
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        assert_int_equal(job.wait, CW_WAIT_CENTRAL);
        ok(&job, EV(.kind = CW_JE_DIVERTED));
        assert_int_equal(job.state, CW_JOB_DIVERTED);
        assert_true(cw_job_ended(&job));
        assert_non_null(action(CW_JA_FORGET_SEALED));
        assert_null(action(CW_JA_REPORT));
        ok(&job, EV(.kind = CW_JE_DIVERTED));
        assert_true(out.unchanged);
}

/* Given away and ordered; what becomes of it is asked. */
static struct cw_job in_production(void) {
        struct cw_job job = job_at(CW_STEP_FEED, true);
        ok(&job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        ok(&job, EV(.kind = CW_JE_CENTRAL_ORDERED));
        assert_int_equal(job.state, CW_JOB_DIVERTED);
        assert_int_equal(job.wait, CW_WAIT_PRODUCTION);
        assert_false(cw_job_ended(&job));
        assert_null(action(CW_JA_FORGET_SEALED)); /* another order may be needed */
        return job;
}

static void a_central_order_is_followed_to_its_end(void **state) {
        (void)state;
        struct cw_job job = in_production();
        ok(&job, EV(.kind = CW_JE_CENTRAL_ORDERED));
        assert_true(out.unchanged);
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        assert_int_equal(job.wait, CW_WAIT_PRODUCTION);
        no(&job, EV(.kind = CW_JE_CANCEL));
        no(&job, EV(.kind = CW_JE_CENTRAL_REFUSED, .code = "OPERATOR"));
        ok(&job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        assert_true(out.unchanged);
        ok(&job, EV(.kind = CW_JE_PRODUCTION, .code = "CARD_PROD_READY"));
        assert_string_equal(job.code, "CARD_PROD_READY");
        assert_int_equal(out.count, 0);
        ok(&job, EV(.kind = CW_JE_DIVERTED));
        assert_true(cw_job_ended(&job));
        assert_string_equal(job.code, "CARD_PROD_READY");
        assert_non_null(action(CW_JA_FORGET_SEALED));
}

static void a_failed_central_order_waits_for_a_person(void **state) {
        (void)state;
        struct cw_job job = in_production();
        ok(&job, EV(.kind = CW_JE_PRODUCTION_FAILED, .code = "DATA_EXCEPTION"));
        assert_int_equal(job.wait, CW_WAIT_CENTRAL_DECISION);
        assert_true(cw_job_needs_person(&job));
        assert_non_null(action(CW_JA_WAIT_PERSON));
        no(&job, EV(.kind = CW_JE_CANCEL));
        struct cw_job again = job, here = job, comes = job;
        ok(&again, EV(.kind = CW_JE_DIVERT, .code = "ORDERED_AGAIN"));
        assert_int_equal(again.state, CW_JOB_DATA_OK);
        assert_int_equal(again.wait, CW_WAIT_CENTRAL);
        assert_int_equal(action(CW_JA_REPORT)->report, CW_REPORT_CENTRAL);
        ok(&again, EV(.kind = CW_JE_CENTRAL_ORDERED));
        assert_int_equal(again.wait, CW_WAIT_PRODUCTION);
        ok(&here, EV(.kind = CW_JE_CENTRAL_REFUSED, .code = "OPERATOR"));
        assert_int_equal(here.state, CW_JOB_DATA_OK);
        assert_int_equal(here.wait, CW_WAIT_STATION);
        assert_non_null(action(CW_JA_NEED_STATION));
        ok(&comes, EV(.kind = CW_JE_DIVERTED));
        assert_true(cw_job_ended(&comes));
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        assert_int_equal(job.wait, CW_WAIT_CENTRAL_DECISION);
}

static void another_kit_sends_this_one_back(void **state) {
        (void)state;
        struct cw_job job;
        assign(&job, true);
        no(&job, EV(.kind = CW_JE_DIVERTED));
        ok(&job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        ok(&job, EV(.kind = CW_JE_DIVERTED, .ok = true));
        assert_int_equal(action(CW_JA_REPORT)->report, CW_REPORT_CANCELLED);
}

static void a_refused_order_comes_back(void **state) {
        (void)state;
        struct cw_job job = job_at(CW_STEP_FEED, true);
        no(&job, EV(.kind = CW_JE_CENTRAL_REFUSED, .code = "PRD_NO_ACCOUNT"));
        ok(&job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        ok(&job, EV(.kind = CW_JE_CENTRAL_REFUSED, .code = "PRD_NO_ACCOUNT"));
        assert_int_equal(job.wait, CW_WAIT_STATION);
        assert_string_equal(job.code, "PRD_NO_ACCOUNT");
        assert_string_equal(action(CW_JA_WAIT_PERSON)->code, "PRD_NO_ACCOUNT");
        assert_non_null(action(CW_JA_NEED_STATION));
        struct cw_job made = job;
        ok(&made, EV(.kind = CW_JE_STATION, .station = "s1"));
        assert_int_equal(made.wait, CW_WAIT_PREFLIGHT);
        ok(&job, EV(.kind = CW_JE_CANCEL));
        assert_int_equal(job.state, CW_JOB_CANCELLED);
        assign(&job, true); /* its data was never opened */
        ok(&job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        ok(&job, EV(.kind = CW_JE_CENTRAL_REFUSED, .code = "PAN_ALREADY_EXISTS"));
        assert_int_equal(job.wait, CW_WAIT_DATA);
        assert_non_null(action(CW_JA_OPEN_DATA));
}

static void no_order_once_a_card_may_move(void **state) {
        (void)state;
        struct cw_job job = job_at(CW_STEP_FEED, true);
        ok(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_FEED, .seq = job.seq));
        no(&job, EV(.kind = CW_JE_DIVERT));
        for (int step = CW_STEP_STRIPE; step <= CW_STEP_EJECT; step++) {
                job = job_at((enum cw_step)step, true);
                no(&job, EV(.kind = CW_JE_DIVERT));
        }
}

static void data_refused_ends_the_job(void **state) {
        (void)state;
        struct cw_job job;
        assign(&job, true);
        ok(&job, EV(.kind = CW_JE_DATA_REFUSED, .code = "DP_IO_ERROR"));
        assert_int_equal(job.state, CW_JOB_DATA_ERROR);
        assert_string_equal(action(CW_JA_REPORT)->code, "DP_IO_ERROR");
        assert_non_null(action(CW_JA_FORGET_SEALED));
}

static void person_says_done(void **state) {
        (void)state;
        struct cw_job job = doubted_at(CW_STEP_PRINT, CW_WHERE_PRINT);
        ok(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_DONE));
        assert_int_equal(job.state, CW_JOB_PRINT);
        assert_int_equal(job.step, CW_STEP_EJECT);
        assert_non_null(action(CW_JA_PREPARE_STEP));
}

/* Printed and out, though no counter says so: it is not missing. One that is left inside is ejected. */
static void person_says_a_printed_card_is_done(void **state) {
        (void)state;
        for (int inside = 0; inside < 2; inside++) {
                struct cw_job job = doubted_at(CW_STEP_PRINT, CW_WHERE_UNKNOWN);
                ok(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_DONE));
                ok(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_EJECT, .seq = job.seq,
                            .where = inside ? CW_WHERE_PRINT : CW_WHERE_NONE));
                assert_int_equal(action(CW_JA_PERFORM) != NULL, inside);
                assert_int_equal(job.place, inside ? CW_PLACE_TRANSPORT : CW_PLACE_OUTPUT);
                assert_int_equal(job.wait, inside ? CW_WAIT_RESULT : CW_WAIT_HANDOVER);
        }
}

/* Doubt never leads to a remake by itself, even before the first key. */
static void person_says_spoiled_then_confirms(void **state) {
        (void)state;
        struct cw_job job = doubted_at(CW_STEP_STRIPE, CW_WHERE_TRANSPORT);
        assert_false(job.key_tried);
        ok(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_SPOILED));
        assert_int_equal(job.step, CW_STEP_REJECT);
        result(&job, CW_OUTCOME_DONE, CW_WHERE_REJECT);
        assert_int_equal(job.state, CW_JOB_SPOILED);
        assert_int_equal(job.wait, CW_WAIT_DESTROYED);
        ok(&job, EV(.kind = CW_JE_DESTROYED, .remake = false));
        assert_int_equal(job.state, CW_JOB_FAILED);
        assert_int_equal(job.place, CW_PLACE_SPOILED);
}

static void card_that_cannot_be_found_waits_for_the_reject_box(void **state) {
        (void)state;
        struct cw_job job = doubted_at(CW_STEP_STRIPE, CW_WHERE_UNKNOWN);
        ok(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_SPOILED));
        assert_null(action(CW_JA_PREPARE_STEP)); /* a card of unknown place is not moved */
        assert_int_equal(job.wait, CW_WAIT_DESTROYED);
        assert_true(cw_job_holds_station(&job));
        ok(&job, EV(.kind = CW_JE_DESTROYED, .remake = true));
        assert_int_equal(action(CW_JA_MOVE)->from, CW_PLACE_TRANSPORT);
        assert_int_equal(action(CW_JA_MOVE)->to, CW_PLACE_SPOILED);
        assert_int_equal(job.state, CW_JOB_REMAKE);
        assert_false(cw_job_holds_station(&job));
}

static void feed_in_doubt_may_be_called_not_done(void **state) {
        (void)state;
        struct cw_job job = doubted_at(CW_STEP_FEED, CW_WHERE_UNKNOWN);
        struct cw_job other = job;
        ok(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_NOT_DONE));
        assert_int_equal(job.plastic, 0);
        assert_int_equal(job.wait, CW_WAIT_STATION);
        assert_int_equal(job.state, CW_JOB_DATA_OK);
        ok(&other, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_SPOILED));
        assert_int_equal(other.plastic, 1);
        other = doubted_at(CW_STEP_PRINT, CW_WHERE_PRINT);
        no(&other, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_NOT_DONE));
}

static void station_gone_for_good_a_person_decides(void **state) {
        (void)state;
        struct cw_job job = job_at(CW_STEP_CHIP, true);
        ok(&job, EV(.kind = CW_JE_STATION_LOST, .station = "s1"));
        no(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_DONE));
        ok(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_SPOILED));
        assert_int_equal(job.wait, CW_WAIT_DESTROYED);

        job = job_at(CW_STEP_CHIP, true);
        ok(&job, EV(.kind = CW_JE_INTENT, .step = job.step, .seq = job.seq));
        no(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_DONE)); /* the station works on it */
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        ok(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_DONE));
        assert_int_equal(job.wait, CW_WAIT_STATION); /* verify needs the same station back */
        assert_string_equal(action(CW_JA_NEED_STATION)->station, "s1");
        assert_int_equal(job.step, CW_STEP_VERIFY);
}

static void card_taken_out_by_hand_after_a_failed_eject(void **state) {
        (void)state;
        struct cw_job job = job_at(CW_STEP_EJECT, false);
        result(&job, CW_OUTCOME_FAILED, CW_WHERE_TRANSPORT);
        struct cw_job spoiled = job;
        ok(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_DONE));
        assert_int_equal(job.wait, CW_WAIT_VISUAL);
        assert_int_equal(job.place, CW_PLACE_OUTPUT);
        ok(&spoiled, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_SPOILED));
        assert_int_equal(spoiled.wait, CW_WAIT_DESTROYED);
}

static void jammed_reject_is_confirmed_by_hand(void **state) {
        (void)state;
        struct cw_job job = job_at(CW_STEP_STRIPE, true);
        result(&job, CW_OUTCOME_FAILED, CW_WHERE_TRANSPORT);
        result(&job, CW_OUTCOME_FAILED, CW_WHERE_TRANSPORT);
        assert_int_equal(job.step, CW_STEP_REJECT);
        assert_int_equal(job.wait, CW_WAIT_SUPPLIES);
        no(&job, EV(.kind = CW_JE_DECISION, .decision = CW_DECISION_SPOILED));
        ok(&job, EV(.kind = CW_JE_DESTROYED, .remake = true));
        assert_non_null(action(CW_JA_JOB_END));
        assert_int_equal(action(CW_JA_MOVE)->to, CW_PLACE_SPOILED);
        assert_int_equal(job.state, CW_JOB_REMAKE);
}

static void confirmed_remakes_are_bounded(void **state) {
        (void)state;
        struct cw_job job = job_at(CW_STEP_FEED, false);
        for (unsigned i = 1; i <= CW_JOB_PLASTICS_MAX; i++) {
                while (job.wait != CW_WAIT_VISUAL)
                        result(&job, CW_OUTCOME_DONE, CW_WHERE_TRANSPORT);
                ok(&job, EV(.kind = CW_JE_VISUAL, .ok = false));
                assert_string_equal(job.code, "PRD_FINAL_VALIDATION_NOK");
                assert_int_equal(job.wait, CW_WAIT_DESTROYED);
                ok(&job, EV(.kind = CW_JE_DESTROYED, .remake = true));
                assert_int_equal(action(CW_JA_MOVE)->from, CW_PLACE_OUTPUT);
                if (i < CW_JOB_PLASTICS_MAX) {
                        ok(&job, EV(.kind = CW_JE_STATION, .station = "s1"));
                        ok(&job, EV(.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_DONE));
                }
        }
        assert_int_equal(job.state, CW_JOB_FAILED);
        assert_int_equal(job.plastic, CW_JOB_PLASTICS_MAX);
}

static struct cw_job ready(void) {
        struct cw_job job = job_at(CW_STEP_EJECT, false);
        result(&job, CW_OUTCOME_DONE, CW_WHERE_OUTPUT);
        assert_int_equal(job.wait, CW_WAIT_VISUAL);
        ok(&job, EV(.kind = CW_JE_VISUAL, .ok = true));
        assert_int_equal(job.wait, CW_WAIT_HANDOVER);
        return job;
}

static void handed_over(void **state) {
        (void)state;
        struct cw_job job = ready();
        no(&job, EV(.kind = CW_JE_PIN_SET)); /* success counts only for our own INTENT */
        ok(&job, EV(.kind = CW_JE_PIN_INTENT));
        assert_int_equal(job.place, CW_PLACE_KIOSK);
        /* The call is under way: a person would decide against its answer. */
        no(&job, EV(.kind = CW_JE_PIN_SET, .by_person = true));
        no(&job, EV(.kind = CW_JE_PIN_FAILED, .by_person = true));
        ok(&job, EV(.kind = CW_JE_PIN_SET));
        assert_int_equal(job.state, CW_JOB_PIN_SET);
        assert_int_equal(action(CW_JA_REPORT)->report, CW_REPORT_ACTIVATE);
        no(&job, EV(.kind = CW_JE_DELIVERED));
        ok(&job, EV(.kind = CW_JE_ACTIVATED));
        assert_int_equal(job.state, CW_JOB_ACTIVE);
        assert_int_equal(action(CW_JA_REPORT)->report, CW_REPORT_DELIVERED);
        ok(&job, EV(.kind = CW_JE_DELIVERED));
        assert_int_equal(job.state, CW_JOB_DELIVERED);
        assert_int_equal(job.place, CW_PLACE_ISSUED);
        assert_non_null(action(CW_JA_FORGET_SEALED));
        assert_true(cw_job_ended(&job));
        ok(&job, EV(.kind = CW_JE_DELIVERED));
        assert_true(out.unchanged);
}

static void pin_in_doubt_is_not_activated(void **state) {
        (void)state;
        struct cw_job job = ready();
        ok(&job, EV(.kind = CW_JE_PIN_INTENT));
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        assert_int_equal(job.pin, CW_PIN_DOUBT);
        assert_int_equal(job.wait, CW_WAIT_PIN_DECISION);
        assert_null(action(CW_JA_REPORT));
        no(&job, EV(.kind = CW_JE_ACTIVATED));
        no(&job, EV(.kind = CW_JE_PIN_INTENT));
        struct cw_job failed = job;
        ok(&job, EV(.kind = CW_JE_PIN_SET, .by_person = true));
        assert_int_equal(job.wait, CW_WAIT_ACTIVATION);
        ok(&failed, EV(.kind = CW_JE_PIN_FAILED, .code = "PIN001", .by_person = true));
        assert_int_equal(failed.wait, CW_WAIT_HANDOVER);
        assert_int_equal(failed.place, CW_PLACE_OUTPUT);
        assert_int_equal(failed.pin, CW_PIN_NONE);
}

static void uncollected_card_is_returned(void **state) {
        (void)state;
        struct cw_job job = ready();
        ok(&job, EV(.kind = CW_JE_RETURNED));
        assert_int_equal(job.state, CW_JOB_FAILED);
        assert_int_equal(job.place, CW_PLACE_RETURNED);
        assert_string_equal(job.code, "INV_RETURNED");
        no(&job, EV(.kind = CW_JE_PIN_INTENT));
}

/* Whatever event meets whatever reachable state: taken or refused, never FATAL, never more actions than fit.
 */
static void every_event_in_every_wait(void **state) {
        (void)state;
        struct cw_job seeds[] = {job_at(CW_STEP_FEED, true),
                                 job_at(CW_STEP_CHIP, true),
                                 job_at(CW_STEP_EJECT, false),
                                 doubted_at(CW_STEP_FEED, CW_WHERE_UNKNOWN),
                                 doubted_at(CW_STEP_PRINT, CW_WHERE_PRINT),
                                 in_production(),
                                 ready()};
        for (size_t s = 0; s < sizeof seeds / sizeof seeds[0]; s++) {
                for (int kind = 0; kind < CW_JE_MAX_; kind++) {
                        for (int v = 0; v < CW_WHERE_MAX_; v++) {
                                struct cw_job job = seeds[s];
                                struct cw_job_event e = {.kind = (enum cw_job_event_kind)kind,
                                                         .step = job.step,
                                                         .seq = job.seq,
                                                         .where = (enum cw_where)v,
                                                         .outcome = (enum cw_outcome)(v % CW_OUTCOME_MAX_),
                                                         .cls = (enum cw_class)(v % 7),
                                                         .station = "s1"};
                                cw_rc rc = cw_issuance_apply(&job, &e, &out);
                                assert_int_not_equal(cw_rc_class(rc), CW_C_FATAL);
                                assert_true(out.count <= CW_JOB_ACTIONS_MAX);
                                assert_true(cw_job_ended(&job) == (job.wait == CW_WAIT_NOTHING));
                                assert_true(strlen(cw_issuance_advice(&job)) > 5);
                        }
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(cancel_before_loaded),
            cmocka_unit_test(no_cancel_once_a_card_may_move),
            cmocka_unit_test(cancel_a_remake_that_never_fed),
            cmocka_unit_test(a_card_is_ordered_centrally_once),
            cmocka_unit_test(a_central_order_is_followed_to_its_end),
            cmocka_unit_test(a_failed_central_order_waits_for_a_person),
            cmocka_unit_test(another_kit_sends_this_one_back),
            cmocka_unit_test(a_refused_order_comes_back),
            cmocka_unit_test(no_order_once_a_card_may_move),
            cmocka_unit_test(data_refused_ends_the_job),
            cmocka_unit_test(person_says_done),
            cmocka_unit_test(person_says_a_printed_card_is_done),
            cmocka_unit_test(person_says_spoiled_then_confirms),
            cmocka_unit_test(card_that_cannot_be_found_waits_for_the_reject_box),
            cmocka_unit_test(feed_in_doubt_may_be_called_not_done),
            cmocka_unit_test(station_gone_for_good_a_person_decides),
            cmocka_unit_test(card_taken_out_by_hand_after_a_failed_eject),
            cmocka_unit_test(jammed_reject_is_confirmed_by_hand),
            cmocka_unit_test(confirmed_remakes_are_bounded),
            cmocka_unit_test(handed_over),
            cmocka_unit_test(pin_in_doubt_is_not_activated),
            cmocka_unit_test(uncollected_card_is_returned),
            cmocka_unit_test(every_event_in_every_wait),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
