/* SPDX-License-Identifier: Apache-2.0 */
/* Reports to the server and hand-over releases. */
#include "tests/unit/journal_fixture.h"

static size_t next(struct fixture *x, struct cw_outbox_item items[8]) {
        size_t n = 0;
        good(x, cw_journal_outbox_next(x->j, items, 8, &n, &x->fault));
        return n;
}

static void acked_report_is_gone(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        assert_int_equal(next(x, items), 1);
        assert_int_equal(items[0].report, CW_REPORT_PRODUCED);
        assert_string_equal(items[0].kit, "4240181595");
        assert_string_equal(items[0].entity, "CIF0001");
        assert_non_null(strstr(items[0].idem, "J000001/produced/"));
        int64_t id = items[0].id;
        good(x, cw_journal_outbox_acked(x->j, id, &x->change, &x->fault));
        assert_int_equal(next(x, items), 0);
        good(x, cw_journal_outbox_acked(x->j, id, &x->change, &x->fault));
        assert_true(x->change.actions.unchanged);
        rejected(x, cw_journal_outbox_acked(x->j, 99, &x->change, &x->fault), CW_E_NOT_FOUND);
}

static void refused_order_ends_its_report(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char job[CW_JOB_ID_CAP];
        json_t *kept = NULL;
        accept_kit(x, "4240181595", job);
        apply(x, job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        assert_int_equal(next(x, items), 1);
        assert_int_equal(items[0].report, CW_REPORT_CENTRAL);
        CW_AUTO_JSON json_t *note = json_pack("{s:b}", "left", 1);
        good(x, cw_journal_outbox_keep(x->j, items[0].id, note, &x->fault));
        good(x, cw_journal_outbox_kept(x->j, items[0].id, &kept, &x->fault));
        assert_true(json_is_true(json_object_get(kept, "left")));
        json_decref(kept);
        good(x, cw_journal_outbox_keep(x->j, items[0].id, NULL, &x->fault));
        good(x, cw_journal_outbox_kept(x->j, items[0].id, &kept, &x->fault));
        assert_null(kept);
        good(x, cw_journal_outbox_refused(x->j, items[0].id, "CUS001", &x->change, &x->fault));
        assert_int_equal(x->change.job.wait, CW_WAIT_DATA);
        assert_string_equal(x->change.job.code, "CUS001");
        int64_t id = items[0].id;
        assert_int_equal(next(x, items), 0);
        good(x, cw_journal_outbox_refused(x->j, id, "CUS001", &x->change, &x->fault));
        assert_true(x->change.actions.unchanged);
        good(x, cw_journal_check_fold(x->j, &x->fault));
}

/* What becomes of the order is asked by its number; the card data stays until no other order can be needed.
 */
static void an_order_is_followed_to_its_end(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char job[CW_JOB_ID_CAP], sealed[CW_SEALED_MAX + 1];
        CW_AUTO_JSON json_t *none = NULL, *told = NULL;
        CW_AUTO_JSON json_t *evidence = json_pack("{s:s, s:s}", "target", "d1", "operation", "op-1");
        const struct cw_journal_order order = {.evidence = evidence, .followed = true};
        accept_kit(x, "4240181595", job);
        apply(x, job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        good(x, cw_journal_central_order(x->j, job, &none, &x->fault));
        assert_int_equal(json_object_size(none), 0);
        assert_int_equal(next(x, items), 1);
        good(x, cw_journal_outbox_ordered(x->j, items[0].id, &order, &x->change, &x->fault));
        assert_int_equal(x->change.job.wait, CW_WAIT_PRODUCTION);
        good(x, cw_journal_central_order(x->j, job, &told, &x->fault));
        assert_string_equal(json_string_value(json_object_get(told, "operation")), "op-1");
        good(x, cw_journal_sealed(x->j, job, sealed, sizeof sealed, &x->fault));
        apply(x, job, EV(.kind = CW_JE_PRODUCTION_FAILED, .code = "DATA_EXCEPTION"));
        struct cw_journal_health health;
        good(x, cw_journal_health(x->j, &health, &x->fault));
        assert_int_equal(health.jobs_waiting_person, 1);
        apply(x, job, EV(.kind = CW_JE_DIVERTED));
        rejected(x, cw_journal_sealed(x->j, job, sealed, sizeof sealed, &x->fault), CW_E_NOT_FOUND);
        good(x, cw_journal_check_fold(x->j, &x->fault));
}

/* A person's word on an order nobody else can settle; on no other. */
static void a_person_decides_about_an_unclear_order(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char job[CW_JOB_ID_CAP];
        CW_AUTO_JSON json_t *note = json_pack("{s:b}", "left", 1);
        CW_AUTO_JSON json_t *evidence = json_pack("{s:s, s:s}", "target", "d1", "operation", "op-1");
        const struct cw_journal_order none = {0}, order = {.evidence = evidence, .followed = true};
        accept_kit(x, "4240181595", job);
        rejected(
            x, cw_journal_central_decide(x->j, job, CW_CENTRAL_RETRY, &none, "uid:1", &x->change, &x->fault),
            CW_E_STATE);
        apply(x, job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        assert_int_equal(next(x, items), 1);
        good(x, cw_journal_outbox_keep(x->j, items[0].id, note, &x->fault));
        rejected(x,
                 cw_journal_central_decide(x->j, job, CW_CENTRAL_NOT_ORDERED, &none, "uid:1", &x->change,
                                           &x->fault),
                 CW_E_STATE);
        good(x, cw_journal_outbox_failed(x->j, items[0].id, "UNCLEAR", 0, true, &x->fault));
        good(x,
             cw_journal_central_decide(x->j, job, CW_CENTRAL_RETRY, &none, "uid:1", &x->change, &x->fault));
        assert_true(x->change.actions.unchanged);
        assert_int_equal(next(x, items), 1);
        good(x, cw_journal_outbox_failed(x->j, items[0].id, "UNCLEAR", 0, true, &x->fault));
        good(x, cw_journal_central_decide(x->j, job, CW_CENTRAL_ORDERED, &order, "uid:1", &x->change,
                                          &x->fault));
        assert_int_equal(x->change.job.wait, CW_WAIT_PRODUCTION);
        assert_int_equal(next(x, items), 0);
        rejected(
            x, cw_journal_central_decide(x->j, job, CW_CENTRAL_RETRY, &none, "uid:1", &x->change, &x->fault),
            CW_E_STATE);
        good(x, cw_journal_check_fold(x->j, &x->fault));
}

static void nothing_left_of_an_order_so_the_branch_may_have_it(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        const struct cw_journal_order none = {0};
        accept_kit(x, "4240181595", job);
        apply(x, job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        good(x, cw_journal_central_decide(x->j, job, CW_CENTRAL_NOT_ORDERED, &none, "uid:1", &x->change,
                                          &x->fault));
        assert_int_equal(x->change.job.wait, CW_WAIT_DATA);
        assert_string_equal(x->change.job.code, CW_CENTRAL_BY_PERSON);
}

/* Of one customer and plastic code the younger order sees the older one until that is settled. */
static void an_older_order_is_ahead(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char first[CW_JOB_ID_CAP], second[CW_JOB_ID_CAP];
        bool ahead = true;
        accept_kit(x, "4240181595", first);
        accept_kit(x, "4240181596", second);
        apply(x, first, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        apply(x, second, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        assert_int_equal(next(x, items), 2);
        good(x, cw_journal_central_ahead(x->j, items[0].id, &ahead, &x->fault));
        assert_false(ahead);
        good(x, cw_journal_central_ahead(x->j, items[1].id, &ahead, &x->fault));
        assert_true(ahead);
        good(x, cw_journal_outbox_failed(x->j, items[0].id, "UNCLEAR", 0, true, &x->fault));
        good(x, cw_journal_central_ahead(x->j, items[1].id, &ahead, &x->fault));
        assert_true(ahead);
        good(x, cw_journal_outbox_refused(x->j, items[0].id, "CUS001", &x->change, &x->fault));
        good(x, cw_journal_central_ahead(x->j, items[1].id, &ahead, &x->fault));
        assert_false(ahead);
}

static void unsent_reports_survive_a_restart_in_order(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char job[CW_JOB_ID_CAP];
        size_t n = 0;
        produce(x, "4240181595", job);
        apply(x, job, EV(.kind = CW_JE_PIN_INTENT));
        apply(x, job, EV(.kind = CW_JE_PIN_SET));
        fixture_close(x);
        fixture_open(x);
        good(x, cw_journal_outbox_list(x->j, items, 8, &n, &x->fault));
        assert_int_equal(n, 2);
        assert_string_not_equal(items[0].idem, items[1].idem);
        assert_int_equal(next(x, items), 1); /* activation waits for the report before it */
        assert_int_equal(items[0].report, CW_REPORT_PRODUCED);
}

static void back_off_and_clock_jumps(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        assert_int_equal(next(x, items), 1);
        good(x, cw_journal_outbox_failed(x->j, items[0].id, "RETRY", 5000, false, &x->fault));
        assert_int_equal(next(x, items), 0);
        x->now_ms += 5000;
        assert_int_equal(next(x, items), 1);
        assert_int_equal(items[0].attempts, 1);
        assert_string_equal(items[0].last_error, "RETRY");
        good(x, cw_journal_outbox_failed(x->j, items[0].id, "RETRY", 5000, false, &x->fault));
        x->now_ms -= 86400000; /* the wall clock is set back a day: nothing waits a day for that */
        assert_int_equal(next(x, items), 1);
}

static void refused_report_blocks_its_own_kit_only(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char a[CW_JOB_ID_CAP], b[CW_JOB_ID_CAP];
        produce(x, "4240181595", a);
        produce(x, "4240181596", b);
        assert_int_equal(next(x, items), 2);
        int64_t id = items[0].id;
        good(x, cw_journal_outbox_failed(x->j, id, "MCC007", 0, true, &x->fault));
        apply(x, a, EV(.kind = CW_JE_PIN_INTENT));
        apply(x, a, EV(.kind = CW_JE_PIN_SET));
        assert_int_equal(next(x, items), 1);
        assert_string_equal(items[0].kit, "4240181596");
        struct cw_journal_health h;
        good(x, cw_journal_health(x->j, &h, &x->fault));
        assert_int_equal(h.outbox_parked, 1);
        rejected(x, cw_journal_outbox_unpark(x->j, items[0].id, "uid:0", &x->fault), CW_E_STATE);
        good(x, cw_journal_outbox_unpark(x->j, id, "uid:0", &x->fault));
        assert_int_equal(next(x, items), 2);
}

/* What parks a report is one error again and again, not every failure of an outage before it. */
static void the_same_error_is_counted_apart(void **state) {
        static const char *const codes[] = {"RETRY", "RETRY", "DCMS_GATEWAY_REFUSED", "DCMS_GATEWAY_REFUSED"};
        static const uint32_t same[] = {1, 2, 1, 2};
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        assert_int_equal(next(x, items), 1);
        assert_int_equal(items[0].same, 0);
        for (size_t i = 0; i < 4; i++) {
                good(x, cw_journal_outbox_failed(x->j, items[0].id, codes[i], 0, false, &x->fault));
                assert_int_equal(next(x, items), 1);
                assert_int_equal(items[0].same, same[i]);
        }
        assert_int_equal(items[0].attempts, 4);
        good(x, cw_journal_outbox_failed(x->j, items[0].id, codes[3], 0, true, &x->fault));
        good(x, cw_journal_outbox_unpark(x->j, items[0].id, "uid:0", &x->fault));
        assert_int_equal(next(x, items), 1);
        assert_int_equal(items[0].same, 0);
}

/* However many central orders wait, what the server must be told of cards made here is not behind them. */
static void central_orders_come_last(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char job[CW_JOB_ID_CAP];
        accept_kit(x, "4240181595", job);
        apply(x, job, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        produce(x, "4240181596", job);
        assert_int_equal(next(x, items), 2);
        assert_int_equal(items[0].report, CW_REPORT_PRODUCED);
        assert_int_equal(items[1].report, CW_REPORT_CENTRAL);
        assert_true(items[1].id < items[0].id);
}

static void acknowledgements_carry_the_job_to_delivered(void **state) {
        struct fixture *x = *state;
        struct cw_outbox_item items[8];
        char job[CW_JOB_ID_CAP], sealed[CW_SEALED_MAX + 1];
        produce(x, "4240181595", job);
        apply(x, job, EV(.kind = CW_JE_PIN_INTENT));
        apply(x, job, EV(.kind = CW_JE_PIN_SET));
        static const enum cw_job_state after[] = {CW_JOB_PIN_SET, CW_JOB_ACTIVE, CW_JOB_DELIVERED};
        static const enum cw_report reports[] = {CW_REPORT_PRODUCED, CW_REPORT_ACTIVATE, CW_REPORT_DELIVERED};
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(next(x, items), 1);
                assert_int_equal(items[0].report, reports[i]);
                good(x, cw_journal_outbox_acked(x->j, items[0].id, &x->change, &x->fault));
                assert_int_equal(x->change.job.state, after[i]);
        }
        assert_int_equal(next(x, items), 0);
        int64_t newest = 0;
        good(x, cw_journal_outbox_newest(x->j, &newest, &x->fault));
        assert_int_equal(newest, items[0].id); /* of those sent as well */
        rejected(x, cw_journal_sealed(x->j, job, sealed, sizeof sealed, &x->fault), CW_E_NOT_FOUND);
        good(x, cw_journal_check_fold(x->j, &x->fault));
        struct cw_stock_check check;
        good(x, cw_journal_stock_check(x->j, &check, &x->fault));
        assert_int_equal(check.delivered, 1);
        assert_int_equal(check.drawn, 1);
}

static void release_is_used_once(void **state) {
        struct fixture *x = *state;
        struct cw_release r, used;
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        rejected(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault), CW_E_DENIED);
        good(x, cw_journal_release_create(x->j, "4240181595", 1001, "k1", 60000, &r, &x->fault));
        good(x, cw_journal_release_pending(x->j, "k1", &used, &x->fault));
        assert_int_equal(used.id, r.id);
        rejected(x, cw_journal_release_pending(x->j, "k2", &used, &x->fault), CW_E_NOT_FOUND);
        rejected(x, cw_journal_release_use(x->j, "4240181595", "k2", &used, &x->fault), CW_E_DENIED);
        good(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault));
        assert_int_equal(used.teller_uid, 1001);
        rejected(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault), CW_E_DENIED);
}

static void release_reopens_unless_replaced(void **state) {
        struct fixture *x = *state;
        struct cw_release r, used, newer;
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        good(x, cw_journal_release_create(x->j, "4240181595", 1001, "k1", 60000, &r, &x->fault));
        good(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault));
        good(x, cw_journal_release_reopen(x->j, &used, &x->fault));
        good(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault));
        assert_int_equal(used.id, r.id);
        good(x, cw_journal_release_reopen(x->j, &used, &x->fault));
        x->now_ms += 60000; /* no longer than it would have lasted */
        rejected(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault), CW_E_DENIED);
        good(x, cw_journal_release_create(x->j, "4240181595", 1001, "k1", 60000, &r, &x->fault));
        good(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault));
        good(x, cw_journal_release_create(x->j, "4240181595", 1001, "k2", 60000, &newer, &x->fault));
        good(x, cw_journal_release_reopen(x->j, &used, &x->fault));
        rejected(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault), CW_E_DENIED);
        good(x, cw_journal_release_use(x->j, "4240181595", "k2", &used, &x->fault));
        assert_int_equal(used.id, newer.id);
}

static void release_expires_and_is_replaced(void **state) {
        struct fixture *x = *state;
        struct cw_release r, used;
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        good(x, cw_journal_release_create(x->j, "4240181595", 1001, "k1", 60000, &r, &x->fault));
        x->now_ms += 60000;
        rejected(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault), CW_E_DENIED);
        good(x, cw_journal_release_create(x->j, "4240181595", 1001, "k1", 60000, &r, &x->fault));
        x->now_ms -= 3600000; /* before it was made */
        rejected(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault), CW_E_DENIED);
        x->now_ms += 3600000;
        good(x, cw_journal_release_create(x->j, "4240181595", 1002, "k2", 60000, &r, &x->fault));
        rejected(x, cw_journal_release_use(x->j, "4240181595", "k1", &used, &x->fault), CW_E_DENIED);
        good(x, cw_journal_release_use(x->j, "4240181595", "k2", &used, &x->fault));
}

static void release_needs_a_finished_card(void **state) {
        struct fixture *x = *state;
        struct cw_release r;
        char job[CW_JOB_ID_CAP];
        accept_kit(x, "4240181595", job);
        rejected(x, cw_journal_release_create(x->j, "4240181595", 1001, "k1", 60000, &r, &x->fault),
                 CW_E_STATE);
        rejected(x, cw_journal_release_create(x->j, "1", 1001, "k1", 60000, &r, &x->fault), CW_E_NOT_FOUND);
        rejected(x, cw_journal_release_create(x->j, "4240181595", 1001, "", 60000, &r, &x->fault),
                 CW_E_RANGE);
        rejected(x, cw_journal_release_create(x->j, "4240181595", 1001, "k1", 0, &r, &x->fault), CW_E_RANGE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            T(acked_report_is_gone),
            T(refused_order_ends_its_report),
            T(an_order_is_followed_to_its_end),
            T(a_person_decides_about_an_unclear_order),
            T(nothing_left_of_an_order_so_the_branch_may_have_it),
            T(an_older_order_is_ahead),
            T(unsent_reports_survive_a_restart_in_order),
            T(back_off_and_clock_jumps),
            T(refused_report_blocks_its_own_kit_only),
            T(the_same_error_is_counted_apart),
            T(central_orders_come_last),
            T(acknowledgements_carry_the_job_to_delivered),
            T(release_is_used_once),
            T(release_reopens_unless_replaced),
            T(release_expires_and_is_replaced),
            T(release_needs_a_finished_card),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
