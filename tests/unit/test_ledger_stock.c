/* SPDX-License-Identifier: Apache-2.0 */
/* Every plastic has a place; close of day. */
#include "tests/unit/journal_fixture.h"

static struct cw_stock_check check(struct fixture *x) {
        struct cw_stock_check c;
        good(x, cw_journal_stock_check(x->j, &c, &x->fault));
        return c;
}

static int64_t count_at(struct fixture *x, const char *place) {
        CW_AUTO_JSON json_t *list = NULL;
        good(x, cw_journal_stock(x->j, &list, &x->fault));
        size_t i;
        json_t *item;
        json_array_foreach(list, i, item) {
                if (strcmp(json_string_value(json_object_get(item, "place")), place) == 0)
                        return json_integer_value(json_object_get(item, "count"));
        }
        return 0;
}

static void hopper_opens_once(void **state) {
        struct fixture *x = *state;
        for (int i = 0; i < 3; i++)
                good(x, cw_journal_stock_open(x->j, "s1", "71", 50, &x->fault));
        good(x, cw_journal_stock_open(x->j, "s2", "71", 0, &x->fault));
        assert_int_equal(count_at(x, "hopper:s1"), 50);
        assert_int_equal(count_at(x, "hopper:s2"), 0);
}

static void plastics_follow_their_card(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        good(x, cw_journal_stock_open(x->j, "s1", "71", 50, &x->fault));
        accept_kit(x, "4240181595", job);
        to_feed(x, job, "s1");
        run_up_to(x, job, CW_STEP_PRINT);
        assert_int_equal(count_at(x, "hopper:s1"), 49);
        assert_int_equal(count_at(x, "transport:s1"), 1);
        run_up_to(x, job, CW_STEP_NONE);
        assert_int_equal(count_at(x, "transport:s1"), 0);
        assert_int_equal(count_at(x, "output"), 1);
        struct cw_stock_check c = check(x);
        assert_true(c.balanced);
        assert_false(c.closed); /* a card lies in the output at close of day */
        apply(x, job, EV(.kind = CW_JE_RETURNED));
        c = check(x);
        assert_int_equal(c.returned, 1);
        assert_true(c.closed);
}

static void spoiled_and_remade_are_both_counted(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        good(x, cw_journal_stock_open(x->j, "s1", "71", 50, &x->fault));
        accept_kit(x, "4240181595", job);
        to_feed(x, job, "s1");
        run_up_to(x, job, CW_STEP_STRIPE);
        run_step(x, job, "failed", "OPERATOR");
        run_step(x, job, "done", ""); /* reject */
        assert_int_equal(x->change.job.state, CW_JOB_REMAKE);
        apply(x, job, EV(.kind = CW_JE_STATION, .station = "s1"));
        apply(x, job, EV(.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_DONE));
        run_up_to(x, job, CW_STEP_NONE);
        struct cw_stock_check c = check(x);
        assert_int_equal(c.drawn, 2);
        assert_int_equal(c.spoiled, 1);
        assert_int_equal(c.in_output, 1);
        assert_int_equal(c.unaccounted, 0);
        good(x, cw_journal_stock_move(x->j, "71", "spoiled", "destroyed", 1, "uid:0", "shredded", &x->fault));
        c = check(x);
        assert_int_equal(c.spoiled, 0);
        assert_int_equal(c.destroyed, 1);
        assert_true(c.balanced);
}

static void people_move_stock_only_where_it_goes(void **state) {
        struct fixture *x = *state;
        static const char *const bad[][2] = {
            {"output", "returned"},    {"issued", "spoiled"},   {"hopper", "received"},
            {"received:x", "spoiled"}, {"received", "hopper:"}, {"received", "destroyed"},
            {"", "received"},          {"spoiled", "received"}, {"supplier", "supplier"}};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                rejected(x,
                         cw_journal_stock_move(x->j, "71", bad[i][0], bad[i][1], 1, "uid:0", "", &x->fault),
                         CW_E_RANGE);
        good(x, cw_journal_stock_move(x->j, "71", "supplier", "received", 100, "uid:0", "parcel", &x->fault));
        good(x, cw_journal_stock_move(x->j, "71", "received", "hopper:s1", 40, "uid:0", "", &x->fault));
        rejected(x, cw_journal_stock_move(x->j, "71", "received", "hopper:s1", 61, "uid:0", "", &x->fault),
                 CW_E_RANGE);
        rejected(x, cw_journal_stock_move(x->j, "72", "received", "hopper:s1", 1, "uid:0", "", &x->fault),
                 CW_E_RANGE);
        rejected(x, cw_journal_stock_move(x->j, "71", "supplier", "received", 0, "uid:0", "", &x->fault),
                 CW_E_RANGE);
        rejected(x, cw_journal_stock_move(x->j, "71", "supplier", "received", -1, "uid:0", "", &x->fault),
                 CW_E_RANGE);
        assert_int_equal(count_at(x, "received"), 60);
        assert_int_equal(count_at(x, "hopper:s1"), 40);
        good(x,
             cw_journal_stock_move(x->j, "71", "hopper:s1", "spoiled", 1, "uid:0", "test card", &x->fault));
        struct cw_stock_check c = check(x);
        assert_int_equal(c.drawn, 1);
        assert_int_equal(c.spoiled, 1);
        assert_true(c.closed);
}

/* The printer fed a card the books did not have: the check says so, the job goes on. */
static void wrong_count_is_seen(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        assert_int_equal(count_at(x, "hopper:s1"), -1);
        struct cw_stock_check c = check(x);
        assert_false(c.balanced);
        assert_int_equal(c.unaccounted, 0);
        assert_false(c.closed);
}

static void job_and_ledger_that_disagree_are_seen(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        good(x, cw_journal_stock_open(x->j, "s1", "71", 50, &x->fault));
        produce(x, "4240181595", job);
        assert_true(check(x).balanced);
        fixture_close(x);
        tamper(x, "UPDATE job SET plastic = 2");
        fixture_open(x);
        struct cw_stock_check c = check(x);
        assert_true(c.unaccounted > 0);
        assert_false(c.balanced);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            T(hopper_opens_once),
            T(plastics_follow_their_card),
            T(spoiled_and_remade_are_both_counted),
            T(people_move_stock_only_where_it_goes),
            T(wrong_count_is_seen),
            T(job_and_ledger_that_disagree_are_seen),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
