/* SPDX-License-Identifier: Apache-2.0 */
/* The physical steps: the straight way, failures, doubt, restart. */
#include "agent/issuance/issuance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct cw_job_actions out;

static void ok(struct cw_job *job, struct cw_job_event e) {
        cw_rc rc = cw_issuance_apply(job, &e, &out);
        if (rc != CW_OK)
                fail_msg("%s refused: %s", cw_job_event_name(e.kind), out.why ? out.why : "?");
}

static void no(struct cw_job *job, struct cw_job_event e) {
        struct cw_job before = *job;
        assert_int_equal(cw_rc_class(cw_issuance_apply(job, &e, &out)), CW_C_REJECT);
        assert_non_null(out.why);
        assert_int_equal(out.count, 0);
        assert_memory_equal(&before, job, sizeof before);
}

static const struct cw_job_action *action(enum cw_job_action_kind kind) {
        for (unsigned i = 0; i < out.count; i++) {
                if (out.list[i].kind == kind)
                        return &out.list[i];
        }
        return NULL;
}

#define EV(...) ((struct cw_job_event){__VA_ARGS__})

static void to_station(struct cw_job *job) {
        ok(job, EV(.kind = CW_JE_STATION, .station = "s1"));
}

/* A job whose plastic is about to be fed. */
static struct cw_job fresh(bool auto_visual) {
        struct cw_job job;
        cw_issuance_init(&job, "J1");
        ok(&job, EV(.kind = CW_JE_KIT_ASSIGNED, .auto_visual = auto_visual));
        assert_non_null(action(CW_JA_OPEN_DATA));
        ok(&job, EV(.kind = CW_JE_DATA_OK));
        assert_non_null(action(CW_JA_NEED_STATION));
        to_station(&job);
        assert_non_null(action(CW_JA_PREFLIGHT));
        ok(&job, EV(.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_DONE));
        return job;
}

static void intent(struct cw_job *job) {
        uint32_t seq = job->seq;
        ok(job, EV(.kind = CW_JE_INTENT, .step = job->step, .seq = seq));
        assert_true(job->intent_open);
        assert_int_equal(action(CW_JA_PERFORM)->seq, seq);
}

static void result(struct cw_job *job, enum cw_outcome outcome, enum cw_class cls, enum cw_where where) {
        uint32_t seq = job->seq;
        enum cw_step step = job->step;
        ok(job, EV(.kind = CW_JE_RESULT, .step = step, .seq = seq, .outcome = outcome, .cls = cls,
                   .where = where, .code = "PRD_X"));
        assert_int_equal(action(CW_JA_RESULT_ACK)->seq, seq);
        assert_int_equal(action(CW_JA_RESULT_ACK)->step, step);
}

static void step_done(struct cw_job *job) {
        intent(job);
        if (job->step == CW_STEP_CHIP)
                ok(job, EV(.kind = CW_JE_ATTEMPT, .seq = job->seq));
        result(job, CW_OUTCOME_DONE, CW_C_NONE, CW_WHERE_TRANSPORT);
}

/* Runs the steps before this one. */
static void up_to(struct cw_job *job, enum cw_step step) {
        while (job->step != step)
                step_done(job);
}

static void straight_way(void **state) {
        (void)state;
        static const struct {
                enum cw_step step;
                enum cw_job_state after;
        } way[] = {{CW_STEP_FEED, CW_JOB_LOADED},
                   {CW_STEP_STRIPE, CW_JOB_STRIPE},
                   {CW_STEP_CHIP, CW_JOB_CHIP},
                   {CW_STEP_VERIFY, CW_JOB_VERIFY},
                   {CW_STEP_PRINT, CW_JOB_PRINT}};
        struct cw_job job = fresh(true);
        uint32_t last = 0;
        for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
                assert_int_equal(job.step, way[i].step);
                assert_true(job.seq > last);
                last = job.seq;
                step_done(&job);
                assert_int_equal(job.state, way[i].after);
        }
        assert_int_equal(job.step, CW_STEP_EJECT);
        step_done(&job);
        assert_int_equal(job.state, CW_JOB_OPERATOR_OK);
        assert_int_equal(job.place, CW_PLACE_OUTPUT);
        assert_int_equal(action(CW_JA_REPORT)->report, CW_REPORT_PRODUCED);
        assert_non_null(action(CW_JA_JOB_END));
        assert_false(cw_job_holds_station(&job));
}

static void feed_moves_one_plastic(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        step_done(&job);
        const struct cw_job_action *move = action(CW_JA_MOVE);
        assert_int_equal(move->from, CW_PLACE_HOPPER);
        assert_int_equal(move->to, CW_PLACE_TRANSPORT);
        assert_string_equal(move->station, "s1");
        assert_int_equal(job.plastic, 1);
        assert_int_equal(job.place, CW_PLACE_TRANSPORT);
}

static void preflight_waits_for_ribbon(void **state) {
        (void)state;
        struct cw_job job;
        cw_issuance_init(&job, "J1");
        ok(&job, EV(.kind = CW_JE_KIT_ASSIGNED));
        ok(&job, EV(.kind = CW_JE_DATA_OK));
        to_station(&job);
        struct cw_job_event out_of_ribbon = {.kind = CW_JE_PREFLIGHT,
                                             .outcome = CW_OUTCOME_FAILED,
                                             .cls = CW_C_OPERATOR,
                                             .code = "PRT_RIBBON_ENDED"};
        ok(&job, out_of_ribbon);
        assert_int_equal(job.wait, CW_WAIT_SUPPLIES);
        assert_false(out.unchanged);
        assert_string_equal(action(CW_JA_WAKE_LATER)->code, "PRT_RIBBON_ENDED");
        ok(&job, EV(.kind = CW_JE_WAKE));
        assert_true(out.unchanged);
        assert_non_null(action(CW_JA_PREFLIGHT));
        ok(&job, out_of_ribbon);
        assert_true(out.unchanged); /* the same news again is not journalled again */
        assert_non_null(action(CW_JA_WAKE_LATER));
        ok(&job, EV(.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_DONE));
        assert_int_equal(job.step, CW_STEP_FEED);
        assert_string_equal(job.code, "");
}

static void preflight_reject_fails_without_plastic(void **state) {
        (void)state;
        struct cw_job job;
        cw_issuance_init(&job, "J1");
        ok(&job, EV(.kind = CW_JE_KIT_ASSIGNED));
        ok(&job, EV(.kind = CW_JE_DATA_OK));
        to_station(&job);
        ok(&job, EV(.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_FAILED, .cls = CW_C_REJECT,
                    .code = "PRT_SETUP_ERROR"));
        assert_int_equal(job.state, CW_JOB_FAILED);
        assert_int_equal(job.plastic, 0);
        assert_int_equal(action(CW_JA_REPORT)->report, CW_REPORT_FAILED);
        assert_non_null(action(CW_JA_FORGET_SEALED));
        assert_non_null(action(CW_JA_JOB_END));
}

static void empty_feeder_waits(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        intent(&job);
        result(&job, CW_OUTCOME_FAILED, CW_C_OPERATOR, CW_WHERE_FEEDER);
        assert_int_equal(job.wait, CW_WAIT_SUPPLIES);
        assert_int_equal(job.plastic, 0);
        assert_null(action(CW_JA_MOVE));
        ok(&job, EV(.kind = CW_JE_WAKE));
        ok(&job, EV(.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_DONE));
        assert_int_equal(job.seq, 2); /* a new number for a new try */
}

/* Jammed before its chip: rejected and remade once, then FAILED with the reason. */
static void spoiled_before_key_is_remade_once(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        for (unsigned round = 0; round < 2; round++) {
                up_to(&job, CW_STEP_STRIPE);
                intent(&job);
                result(&job, CW_OUTCOME_FAILED, CW_C_OPERATOR, CW_WHERE_TRANSPORT);
                assert_int_equal(job.state, CW_JOB_SPOILED);
                assert_int_equal(job.step, CW_STEP_REJECT);
                step_done(&job);
                assert_int_equal(action(CW_JA_MOVE)->to, CW_PLACE_SPOILED);
                assert_non_null(action(CW_JA_JOB_END));
                if (round == 0) {
                        assert_int_equal(job.state, CW_JOB_REMAKE);
                        assert_non_null(action(CW_JA_NEED_STATION));
                        to_station(&job);
                        ok(&job, EV(.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_DONE));
                }
        }
        assert_int_equal(job.state, CW_JOB_FAILED);
        assert_string_equal(job.code, "PRD_X");
        assert_string_equal(action(CW_JA_REPORT)->code, "PRD_X");
        assert_int_equal(job.plastic, 2);
}

static void spoiled_after_key_waits_for_person(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_CHIP);
        intent(&job);
        ok(&job, EV(.kind = CW_JE_ATTEMPT, .seq = job.seq));
        assert_non_null(action(CW_JA_ATTEMPT_ACK));
        /* RETRY says nothing happened, but a key was tried: no second try on this chip. */
        result(&job, CW_OUTCOME_FAILED, CW_C_RETRY, CW_WHERE_CONTACT);
        assert_int_equal(job.step, CW_STEP_REJECT);
        step_done(&job);
        assert_int_equal(job.state, CW_JOB_SPOILED);
        assert_int_equal(job.wait, CW_WAIT_DESTROYED);
        assert_true(cw_job_needs_person(&job));
        assert_false(cw_job_holds_station(&job));
        ok(&job, EV(.kind = CW_JE_DESTROYED, .remake = true));
        assert_int_equal(job.state, CW_JOB_REMAKE);
        assert_false(job.key_tried);
        assert_null(action(CW_JA_MOVE)); /* the reject step booked it */
}

static void retry_before_key_repeats_within_bounds(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_CHIP);
        for (unsigned i = 0; i < CW_JOB_REPEATS_MAX; i++) {
                uint32_t seq = job.seq;
                intent(&job);
                result(&job, CW_OUTCOME_FAILED, CW_C_RECONNECT, CW_WHERE_CONTACT);
                assert_int_equal(job.step, CW_STEP_CHIP);
                assert_int_equal(job.seq, seq + 1);
        }
        intent(&job);
        result(&job, CW_OUTCOME_FAILED, CW_C_RECONNECT, CW_WHERE_CONTACT);
        assert_int_equal(job.step, CW_STEP_REJECT);
}

static void ribbon_end_during_print_spoils(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_PRINT);
        intent(&job);
        ok(&job, EV(.kind = CW_JE_RESULT, .step = CW_STEP_PRINT, .seq = job.seq, .outcome = CW_OUTCOME_FAILED,
                    .cls = CW_C_OPERATOR, .code = "PRT_RIBBON_ENDED", .where = CW_WHERE_PRINT,
                    .ribbon_used = true));
        assert_int_equal(job.state, CW_JOB_SPOILED);
        step_done(&job);
        assert_int_equal(job.wait, CW_WAIT_DESTROYED);
        assert_string_equal(job.code, "PRT_RIBBON_ENDED");
}

/* RETRY after ink is a promise that does not hold: no second ink on this card. */
static void retry_after_ink_spoils(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_PRINT);
        intent(&job);
        ok(&job, EV(.kind = CW_JE_RESULT, .step = CW_STEP_PRINT, .seq = job.seq, .outcome = CW_OUTCOME_FAILED,
                    .cls = CW_C_RETRY, .code = "PRT_TIMEOUT", .where = CW_WHERE_PRINT, .ribbon_used = true));
        assert_int_equal(job.step, CW_STEP_REJECT);
}

static void trouble_in_reject_keeps_the_reason(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_STRIPE);
        intent(&job);
        ok(&job,
           EV(.kind = CW_JE_RESULT, .step = CW_STEP_STRIPE, .seq = job.seq, .outcome = CW_OUTCOME_FAILED,
              .cls = CW_C_OPERATOR, .code = "PRD_MAGSTRIPE", .where = CW_WHERE_MAG));
        intent(&job);
        result(&job, CW_OUTCOME_FAILED, CW_C_OPERATOR, CW_WHERE_TRANSPORT);
        assert_string_equal(job.code, "PRD_MAGSTRIPE");
        assert_int_equal(job.wait, CW_WAIT_SUPPLIES);
        uint32_t seq = job.seq;
        ok(&job, EV(.kind = CW_JE_RESTARTED)); /* the number that waits was never performed */
        to_station(&job);
        assert_int_equal(action(CW_JA_PREPARE_STEP)->seq, seq);
}

/* cardwrightd died in the step, the station did not: its kept result is used, nothing is performed again. */
static void restart_takes_the_kept_result(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_PRINT);
        intent(&job);
        uint32_t seq = job.seq;
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        assert_int_equal(job.state, CW_JOB_IN_DOUBT);
        assert_string_equal(action(CW_JA_NEED_STATION)->station, "s1");
        no(&job, EV(.kind = CW_JE_STATION, .station = "s2"));
        to_station(&job);
        assert_int_equal(action(CW_JA_ASK_RESULT)->seq, seq);
        assert_null(action(CW_JA_PERFORM));
        result(&job, CW_OUTCOME_DONE, CW_C_NONE, CW_WHERE_PRINT);
        assert_int_equal(job.state, CW_JOB_PRINT);
        assert_int_equal(job.step, CW_STEP_EJECT);
}

static void reconcile_decides(void **state) {
        (void)state;
        for (int verdict = 0; verdict < CW_VERDICT_MAX_; verdict++) {
                struct cw_job job = fresh(true);
                up_to(&job, CW_STEP_STRIPE);
                intent(&job);
                ok(&job, EV(.kind = CW_JE_STATION_LOST, .station = "s1"));
                to_station(&job);
                ok(&job, EV(.kind = CW_JE_RESULT_NONE));
                assert_int_equal(action(CW_JA_RECONCILE)->seq, job.seq);
                uint32_t seq = job.seq;
                ok(&job, EV(.kind = CW_JE_VERDICT, .step = CW_STEP_STRIPE, .seq = job.seq,
                            .verdict = (enum cw_verdict)verdict, .where = CW_WHERE_TRANSPORT));
                if (verdict == CW_VERDICT_DONE) {
                        assert_int_equal(job.step, CW_STEP_CHIP);
                } else if (verdict == CW_VERDICT_NOT_DONE) {
                        assert_int_equal(job.step, CW_STEP_STRIPE);
                        assert_int_equal(job.seq, seq + 1);
                        assert_int_equal(job.wait, CW_WAIT_INTENT);
                } else {
                        assert_int_equal(job.wait, CW_WAIT_DECISION);
                        assert_int_equal(job.state, CW_JOB_IN_DOUBT);
                        assert_true(job.doubted);
                }
        }
}

/* not_done is not enough for a chip whose key was tried: never a second key without a person. */
static void chip_not_done_after_key_spoils(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_CHIP);
        intent(&job);
        ok(&job, EV(.kind = CW_JE_ATTEMPT, .seq = job.seq));
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        to_station(&job);
        ok(&job, EV(.kind = CW_JE_RESULT_NONE));
        ok(&job, EV(.kind = CW_JE_VERDICT, .step = CW_STEP_CHIP, .seq = job.seq,
                    .verdict = CW_VERDICT_NOT_DONE, .where = CW_WHERE_CONTACT));
        assert_int_equal(job.step, CW_STEP_REJECT);
        step_done(&job);
        assert_int_equal(job.wait, CW_WAIT_DESTROYED);
}

/* Nothing is wrong after a mere loss of the connection; a reason is waited out. */
static void feed_not_done_goes_on_unless_there_is_a_reason(void **state) {
        (void)state;
        for (int reason = 0; reason < 2; reason++) {
                struct cw_job job = fresh(true);
                intent(&job);
                if (reason)
                        result(&job, CW_OUTCOME_IN_DOUBT, CW_C_IN_DOUBT, CW_WHERE_UNKNOWN);
                else
                        ok(&job, EV(.kind = CW_JE_RESTARTED));
                if (!reason) {
                        to_station(&job);
                        ok(&job, EV(.kind = CW_JE_RESULT_NONE));
                }
                ok(&job, EV(.kind = CW_JE_VERDICT, .step = CW_STEP_FEED, .seq = job.seq,
                            .verdict = CW_VERDICT_NOT_DONE, .where = CW_WHERE_NONE));
                assert_int_equal(job.step, CW_STEP_PREFLIGHT);
                assert_int_equal(job.wait, reason ? CW_WAIT_SUPPLIES : CW_WAIT_PREFLIGHT);
                assert_int_equal(action(CW_JA_PREFLIGHT) != NULL, !reason);
                assert_int_equal(job.plastic, 0);
        }
}

/* The card of the job before lies in the output: no card of this one was drawn all the same. */
static void feed_not_done_behind_an_earlier_card(void **state) {
        (void)state;
        static const struct {
                enum cw_where where;
                enum cw_job_wait wait;
        } cases[] = {{CW_WHERE_OUTPUT, CW_WAIT_PREFLIGHT},
                     {CW_WHERE_REJECT, CW_WAIT_PREFLIGHT},
                     {CW_WHERE_TRANSPORT, CW_WAIT_DECISION},
                     {CW_WHERE_UNKNOWN, CW_WAIT_DECISION},
                     {CW_WHERE_UNSET, CW_WAIT_DECISION}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct cw_job job = fresh(true);
                intent(&job);
                ok(&job, EV(.kind = CW_JE_RESTARTED));
                to_station(&job);
                ok(&job, EV(.kind = CW_JE_RESULT_NONE));
                ok(&job, EV(.kind = CW_JE_VERDICT, .step = CW_STEP_FEED, .seq = job.seq,
                            .verdict = CW_VERDICT_NOT_DONE, .where = cases[i].where));
                assert_int_equal(job.wait, cases[i].wait);
                assert_int_equal(job.plastic, 0);
        }
}

static void not_done_without_the_card_asks_a_person(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_STRIPE);
        intent(&job);
        result(&job, CW_OUTCOME_IN_DOUBT, CW_C_IN_DOUBT, CW_WHERE_UNKNOWN);
        assert_non_null(action(CW_JA_RECONCILE));
        ok(&job, EV(.kind = CW_JE_VERDICT, .step = CW_STEP_STRIPE, .seq = job.seq,
                    .verdict = CW_VERDICT_NOT_DONE, .where = CW_WHERE_UNKNOWN));
        assert_int_equal(job.wait, CW_WAIT_DECISION);
}

/* "failed" promises a known state; without a place the card is in doubt whatever the class says. */
static void failed_without_place_is_in_doubt(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_PRINT);
        intent(&job);
        result(&job, CW_OUTCOME_FAILED, CW_C_OPERATOR, CW_WHERE_UNKNOWN);
        assert_int_equal(job.state, CW_JOB_IN_DOUBT);
        assert_int_equal(job.wait, CW_WAIT_RECONCILE);
}

static void stale_result_is_acknowledged_and_ignored(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_CHIP);
        intent(&job);
        struct cw_job before = job;
        ok(&job, EV(.kind = CW_JE_RESULT, .step = CW_STEP_STRIPE, .seq = 1, .outcome = CW_OUTCOME_FAILED,
                    .cls = CW_C_OPERATOR, .where = CW_WHERE_TRANSPORT));
        assert_true(out.unchanged);
        assert_int_equal(action(CW_JA_RESULT_ACK)->seq, 1);
        assert_memory_equal(&before, &job, sizeof job);
        /* As an answer to result.last it means: nothing of the open step is known. */
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        to_station(&job);
        ok(&job, EV(.kind = CW_JE_RESULT, .step = CW_STEP_STRIPE, .seq = 1, .outcome = CW_OUTCOME_DONE));
        assert_int_equal(job.wait, CW_WAIT_RECONCILE);
}

static void restart_between_steps_goes_on_with_the_same_number(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_CHIP);
        uint32_t seq = job.seq;
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        assert_int_equal(job.state, CW_JOB_STRIPE);
        to_station(&job);
        assert_int_equal(action(CW_JA_PREPARE_STEP)->seq, seq);
        assert_int_equal(action(CW_JA_PREPARE_STEP)->step, CW_STEP_CHIP);
}

static void restart_before_feed_may_take_any_station(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        ok(&job, EV(.kind = CW_JE_RESTARTED));
        assert_string_equal(action(CW_JA_NEED_STATION)->station, "");
        ok(&job, EV(.kind = CW_JE_STATION, .station = "s2"));
        assert_int_equal(job.wait, CW_WAIT_PREFLIGHT);
        assert_string_equal(job.station, "s2");
}

static void baseline_without_the_card_stops(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_CHIP);
        ok(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_CHIP, .seq = job.seq, .where = CW_WHERE_OUTPUT));
        assert_false(job.intent_open);
        assert_null(action(CW_JA_PERFORM));
        assert_int_equal(job.wait, CW_WAIT_DESTROYED);
        assert_int_equal(job.place, CW_PLACE_OUTPUT);
        assert_string_equal(job.code, "PRD_CARD_NOT_IN_MACHINE");
}

static void feed_onto_a_card_waits(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        ok(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_FEED, .seq = job.seq, .where = CW_WHERE_CONTACT));
        assert_false(job.intent_open);
        assert_int_equal(job.wait, CW_WAIT_SUPPLIES);
        assert_string_equal(job.code, "PRD_CARD_IN_MACHINE");
}

static void full_output_waits_and_ejects_again(void **state) {
        (void)state;
        struct cw_job job = fresh(false);
        up_to(&job, CW_STEP_EJECT);
        intent(&job);
        uint32_t seq = job.seq;
        result(&job, CW_OUTCOME_FAILED, CW_C_OPERATOR, CW_WHERE_TRANSPORT);
        assert_int_equal(job.wait, CW_WAIT_SUPPLIES);
        ok(&job, EV(.kind = CW_JE_WAKE));
        assert_int_equal(action(CW_JA_PREPARE_STEP)->seq, seq + 1);
        step_done(&job);
        assert_int_equal(job.wait, CW_WAIT_VISUAL);
}

static void printer_that_rejected_by_itself_needs_no_reject(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_STRIPE);
        intent(&job);
        result(&job, CW_OUTCOME_FAILED, CW_C_OPERATOR, CW_WHERE_REJECT);
        assert_int_equal(job.state, CW_JOB_REMAKE);
        assert_int_equal(action(CW_JA_MOVE)->to, CW_PLACE_SPOILED);
}

static void jam_in_feed_is_one_spoiled_plastic(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        intent(&job);
        result(&job, CW_OUTCOME_FAILED, CW_C_OPERATOR, CW_WHERE_TRANSPORT);
        assert_int_equal(action(CW_JA_MOVE)->from, CW_PLACE_HOPPER);
        assert_int_equal(job.plastic, 1);
        assert_int_equal(job.step, CW_STEP_REJECT);
}

static void events_out_of_order_are_refused(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        no(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_PRINT, .seq = job.seq));
        no(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_FEED, .seq = job.seq + 1));
        no(&job, EV(.kind = CW_JE_ATTEMPT, .seq = job.seq));
        no(&job, EV(.kind = CW_JE_KIT_ASSIGNED));
        no(&job, EV(.kind = CW_JE_MAX_));
        intent(&job);
        no(&job, EV(.kind = CW_JE_INTENT, .step = CW_STEP_FEED, .seq = job.seq));
        no(&job, EV(.kind = CW_JE_ATTEMPT, .seq = job.seq));
        no(&job, EV(.kind = CW_JE_DATA_REFUSED));
}

static void late_data_refusal_spoils(void **state) {
        (void)state;
        struct cw_job job = fresh(true);
        up_to(&job, CW_STEP_STRIPE);
        ok(&job, EV(.kind = CW_JE_DATA_REFUSED, .code = "DP_IO_ERROR"));
        assert_int_equal(job.state, CW_JOB_SPOILED);
        assert_int_equal(job.step, CW_STEP_REJECT);
        assert_string_equal(job.code, "DP_IO_ERROR");
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(straight_way),
            cmocka_unit_test(feed_moves_one_plastic),
            cmocka_unit_test(preflight_waits_for_ribbon),
            cmocka_unit_test(preflight_reject_fails_without_plastic),
            cmocka_unit_test(empty_feeder_waits),
            cmocka_unit_test(spoiled_before_key_is_remade_once),
            cmocka_unit_test(spoiled_after_key_waits_for_person),
            cmocka_unit_test(retry_before_key_repeats_within_bounds),
            cmocka_unit_test(ribbon_end_during_print_spoils),
            cmocka_unit_test(retry_after_ink_spoils),
            cmocka_unit_test(trouble_in_reject_keeps_the_reason),
            cmocka_unit_test(restart_takes_the_kept_result),
            cmocka_unit_test(reconcile_decides),
            cmocka_unit_test(chip_not_done_after_key_spoils),
            cmocka_unit_test(feed_not_done_goes_on_unless_there_is_a_reason),
            cmocka_unit_test(feed_not_done_behind_an_earlier_card),
            cmocka_unit_test(not_done_without_the_card_asks_a_person),
            cmocka_unit_test(failed_without_place_is_in_doubt),
            cmocka_unit_test(stale_result_is_acknowledged_and_ignored),
            cmocka_unit_test(restart_between_steps_goes_on_with_the_same_number),
            cmocka_unit_test(restart_before_feed_may_take_any_station),
            cmocka_unit_test(baseline_without_the_card_stops),
            cmocka_unit_test(feed_onto_a_card_waits),
            cmocka_unit_test(full_output_waits_and_ejects_again),
            cmocka_unit_test(printer_that_rejected_by_itself_needs_no_reject),
            cmocka_unit_test(jam_in_feed_is_one_spoiled_plastic),
            cmocka_unit_test(events_out_of_order_are_refused),
            cmocka_unit_test(late_data_refusal_spoils),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
