/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs in the journal: inbox, events and projection, baselines, key tries, recovery. */
#include "tests/unit/journal_fixture.h"

static void kit_is_accepted_once(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        accept_kit(x, "4240181595", job);
        assert_string_equal(job, "J000001");
        assert_int_equal(x->change.job.state, CW_JOB_ACCEPTED);
        struct cw_kit again = {
            .kit = "4240181595", .entity = "CIF0001", .plastic_code = "71", .expiry = "2907"};
        bool is_new = true;
        good(x, cw_journal_accept_kit(x->j, &again, SEALED, true, &is_new, &x->change, &x->fault));
        assert_false(is_new);
        assert_int_equal(x->change.actions.count, 0);
        assert_string_equal(x->change.job.id, job);
        accept_kit(x, "4240181596", job);
        assert_string_equal(job, "J000002");
}

static void bad_kits_are_refused(void **state) {
        struct fixture *x = *state;
        const struct cw_kit fine = {.kit = "1", .entity = "e", .plastic_code = "71", .expiry = "2907"};
        struct cw_kit bad[6] = {fine, fine, fine, fine, fine, fine};
        bool is_new;
        bad[0].kit[0] = '\0';
        bad[1].entity[0] = '\0';
        bad[2].plastic_code[0] = '\0';
        (void)snprintf(bad[3].expiry, sizeof bad[3].expiry, "29A7");
        (void)snprintf(bad[4].masked_pan, sizeof bad[4].masked_pan, "6080401234566384"); /* not masked */
        (void)snprintf(bad[5].name, sizeof bad[5].name, "A\nB");
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                rejected(x,
                         cw_journal_accept_kit(x->j, &bad[i], SEALED, true, &is_new, &x->change, &x->fault),
                         CW_E_RANGE);
        rejected(x, cw_journal_accept_kit(x->j, &fine, "", true, &is_new, &x->change, &x->fault), CW_E_RANGE);
        rejected(x, cw_journal_accept_kit(x->j, &fine, NULL, true, &is_new, &x->change, &x->fault),
                 CW_E_RANGE);
        /* A clear PAN in place of the sealed one never reaches the file. */
        rejected(x,
                 cw_journal_accept_kit(x->j, &fine, "6080401234566384", true, &is_new, &x->change, &x->fault),
                 CW_E_RANGE);
}

static void straight_job_and_its_history(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        good(x, cw_journal_check_fold(x->j, &x->fault));
        CW_AUTO_JSON json_t *history = NULL;
        good(x, cw_journal_history(x->j, job, &history, &x->fault));
        int intents = 0, outcomes = 0, attempts = 0;
        size_t i;
        json_t *row;
        json_array_foreach(history, i, row) {
                const char *kind = json_string_value(json_object_get(row, "kind"));
                assert_int_equal(json_integer_value(json_object_get(row, "n")), (json_int_t)i + 1);
                intents += strcmp(kind, "INTENT") == 0;
                outcomes += strcmp(kind, "OUTCOME") == 0;
                attempts += strcmp(kind, "ATTEMPT") == 0;
                if (strcmp(kind, "INTENT") == 0)
                        assert_non_null(json_object_get(json_object_get(row, "evidence"), "cards_fed"));
        }
        assert_int_equal(intents, 6);
        assert_int_equal(outcomes, 6);
        assert_int_equal(attempts, 1);
        rejected(x, cw_journal_history(x->j, "J9", &history, &x->fault), CW_E_NOT_FOUND);
}

static void refusal_changes_nothing(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        accept_kit(x, "4240181595", job);
        struct cw_job_event e = {.kind = CW_JE_VISUAL, .ok = true};
        rejected(x, cw_journal_apply(x->j, job, &e, NULL, "uid:1000", &x->change, &x->fault), CW_E_STATE);
        assert_non_null(strstr(x->fault.text, "does not wait for a visual check"));
        rejected(x, cw_journal_apply(x->j, "J000077", &e, NULL, "uid:1000", &x->change, &x->fault),
                 CW_E_NOT_FOUND);
        CW_AUTO_JSON json_t *history = NULL;
        good(x, cw_journal_history(x->j, job, &history, &x->fault));
        assert_int_equal(json_array_size(history), 1);
}

static void baseline_of_the_open_intent(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        json_t *none = NULL;
        accept_kit(x, "4240181595", job);
        to_feed(x, job, "s1");
        rejected(x, cw_journal_baseline(x->j, job, &none, &x->fault), CW_E_NOT_FOUND);
        CW_AUTO_JSON json_t *baseline = json_pack("{s:i, s:s}", "cards_fed", 41, "where", "none");
        good(x, cw_journal_intent(x->j, job, CW_STEP_FEED, 1, baseline, &x->change, &x->fault));
        fixture_close(x);
        fixture_open(x);
        CW_AUTO_JSON json_t *read = NULL;
        good(x, cw_journal_baseline(x->j, job, &read, &x->fault));
        assert_int_equal(json_integer_value(json_object_get(read, "cards_fed")), 41);
}

static void issuer_keys_of_the_chip(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP], keys[CW_ISSUER_KEYS_CAP] = "?";
        accept_kit(x, "4240181595", job);
        good(x, cw_journal_issuer_keys(x->j, job, keys, &x->fault));
        assert_string_equal(keys, "");
        to_feed(x, job, "s1");
        run_up_to(x, job, CW_STEP_CHIP); /* feed and stripe have evidence too */
        good(x, cw_journal_issuer_keys(x->j, job, keys, &x->fault));
        assert_string_equal(keys, "");
        run_up_to(x, job, CW_STEP_VERIFY);
        good(x, cw_journal_issuer_keys(x->j, job, keys, &x->fault));
        assert_string_equal(keys, "08D7B4 7B8358 D2B91C");
}

static void sealed_data_goes_with_the_job(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP], sealed[CW_SEALED_MAX + 1], small[8];
        accept_kit(x, "4240181595", job);
        good(x, cw_journal_sealed(x->j, job, sealed, sizeof sealed, &x->fault));
        assert_string_equal(sealed, SEALED);
        rejected(x, cw_journal_sealed(x->j, job, small, sizeof small, &x->fault), CW_E_TOO_BIG);
        apply(x, job, EV(.kind = CW_JE_CANCEL));
        rejected(x, cw_journal_sealed(x->j, job, sealed, sizeof sealed, &x->fault), CW_E_NOT_FOUND);
        fixture_close(x);
        assert_int_equal(peek(x, "SELECT count(*) FROM inbox WHERE sealed IS NOT NULL"), 0);
}

/* secure_delete: after the job the ciphertext is not in the file either. */
static void sealed_data_leaves_the_file(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        accept_kit(x, "4240181595", job);
        apply(x, job, EV(.kind = CW_JE_CANCEL));
        fixture_close(x);
        FILE *file = fopen(x->path, "rb");
        assert_non_null(file);
        static char bytes[1 << 20];
        size_t n = fread(bytes, 1, sizeof bytes, file);
        (void)fclose(file);
        assert_true(n > 4096);
        assert_null(memmem(bytes, n, SEALED, strlen(SEALED)));
        assert_non_null(memmem(bytes, n, "4240181595", 10));
}

static void same_pan_twice_is_refused(void **state) {
        struct fixture *x = *state;
        char a[CW_JOB_ID_CAP], b[CW_JOB_ID_CAP];
        static const char hash[] = "00112233445566778899AABBCCDDEEFF";
        struct cw_job_row row;
        accept_kit(x, "4240181595", a);
        accept_kit(x, "4240181596", b);
        good(x, cw_journal_data_ok(x->j, a, hash, "608040XXXXXX6384", &x->change, &x->fault));
        good(x, cw_journal_job_by_pan_hash(x->j, hash, &row, &x->fault));
        assert_string_equal(row.job.id, a);
        good(x, cw_journal_data_ok(x->j, b, hash, "608040XXXXXX6384", &x->change, &x->fault));
        assert_int_equal(x->change.job.state, CW_JOB_DATA_ERROR);
        assert_string_equal(x->change.job.code, "PAN_ALREADY_EXISTS");
        good(x, cw_journal_check_fold(x->j, &x->fault));
        accept_kit(x, "4240181597", b);
        rejected(x, cw_journal_pan_seen(x->j, b, hash, "608040XXXXXX6384", &x->fault), CW_E_STATE);
        assert_string_equal(x->fault.code, "PAN_ALREADY_EXISTS");
        good(x, cw_journal_pan_seen(x->j, a, hash, "608040XXXXXX6384", &x->fault));
        rejected(x, cw_journal_data_ok(x->j, a, "zz", "608040XXXXXX6384", &x->change, &x->fault), CW_E_RANGE);
        rejected(x, cw_journal_data_ok(x->j, a, hash, "6080401234566384", &x->change, &x->fault), CW_E_RANGE);
        rejected(x, cw_journal_job_by_pan_hash(x->j, "", &row, &x->fault), CW_E_MISSING);
}

/* Whoever asks whether a number has a card must not be told of a later job that came to nothing. */
static void a_made_card_is_not_hidden_by_a_later_job(void **state) {
        struct fixture *x = *state;
        char made[CW_JOB_ID_CAP], later[CW_JOB_ID_CAP];
        static const char hash[] = "00112233445566778899AABBCCDDEEFF";
        struct cw_job_row row;
        accept_kit(x, "4240181595", made);
        accept_kit(x, "4240181596", later);
        good(x, cw_journal_data_ok(x->j, later, hash, "608040XXXXXX6384", &x->change, &x->fault));
        apply(x, later, EV(.kind = CW_JE_CANCEL));
        good(x, cw_journal_data_ok(x->j, made, hash, "608040XXXXXX6384", &x->change, &x->fault));
        apply(x, made, EV(.kind = CW_JE_DIVERT, .code = "OPERATOR"));
        apply(x, made, EV(.kind = CW_JE_DIVERTED));
        good(x, cw_journal_job_by_pan_hash(x->j, hash, &row, &x->fault));
        assert_string_equal(row.job.id, made);
}

/* A card that refuses its key is not tried until it is blocked, whatever job it comes back in. */
static void key_tries_are_limited_per_card(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP], kit[16];
        for (unsigned i = 0; i <= CW_KEY_TRIES_MAX; i++) {
                (void)snprintf(kit, sizeof kit, "42401815%02u", i);
                accept_kit(x, kit, job);
                to_feed(x, job, "s1");
                run_up_to(x, job, CW_STEP_CHIP);
                uint32_t seq = x->change.job.seq;
                good(x, cw_journal_intent(x->j, job, CW_STEP_CHIP, seq, NULL, &x->change, &x->fault));
                cw_rc rc = cw_journal_attempt(x->j, job, seq, "AABBCC", 32, 2, &x->change, &x->fault);
                if (i < CW_KEY_TRIES_MAX)
                        good(x, rc);
                else
                        rejected(x, rc, CW_E_DENIED);
        }
        struct cw_job_row row;
        good(x, cw_journal_job(x->j, job, &row, &x->fault));
        assert_false(row.job.key_tried);
        uint32_t seq = row.job.seq;
        good(x, cw_journal_attempt(x->j, job, seq, "DDEEFF", 32, 2, &x->change, &x->fault));
        rejected(x, cw_journal_attempt(x->j, job, seq, "no serial", 32, 2, &x->change, &x->fault),
                 CW_E_RANGE);
        rejected(x, cw_journal_attempt(x->j, job, seq + 1, "DDEEFF", 32, 2, &x->change, &x->fault),
                 CW_E_STATE);
}

static void success_clears_the_tries(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP], kit[16];
        for (unsigned i = 0; i < 2 * CW_KEY_TRIES_MAX; i++) {
                (void)snprintf(kit, sizeof kit, "42401815%02u", i);
                produce(x, kit, job); /* always the same card serial, always personalised */
        }
}

struct seen {
        unsigned jobs;
        struct cw_job last;
        struct cw_job_actions actions;
};

static void on_change(void *ctx, const struct cw_job_row *row, const struct cw_change *change) {
        struct seen *seen = ctx;
        seen->jobs++;
        seen->last = row->job;
        seen->actions = change->actions;
}

static void recovery_asks_for_the_last_result(void **state) {
        struct fixture *x = *state;
        char done[CW_JOB_ID_CAP], job[CW_JOB_ID_CAP];
        accept_kit(x, "4240181594", done);
        apply(x, done, EV(.kind = CW_JE_CANCEL));
        accept_kit(x, "4240181595", job);
        to_feed(x, job, "s1");
        good(x, cw_journal_intent(x->j, job, CW_STEP_FEED, 1, NULL, &x->change, &x->fault));
        fixture_close(x);
        fixture_open(x);
        struct seen seen = {0};
        good(x, cw_journal_recover(x->j, on_change, &seen, &x->fault));
        assert_int_equal(seen.jobs, 1);
        assert_int_equal(seen.last.state, CW_JOB_IN_DOUBT);
        assert_int_equal(seen.actions.list[0].kind, CW_JA_NEED_STATION);
        assert_string_equal(seen.actions.list[0].station, "s1");
        apply(x, job, EV(.kind = CW_JE_STATION, .station = "s1"));
        assert_int_equal(x->change.actions.list[0].kind, CW_JA_ASK_RESULT);
        apply(x, job, EV(.kind = CW_JE_RESULT_NONE));
        apply(x, job,
              EV(.kind = CW_JE_VERDICT, .step = CW_STEP_FEED, .seq = 1, .verdict = CW_VERDICT_DONE,
                 .where = CW_WHERE_TRANSPORT));
        assert_int_equal(x->change.job.state, CW_JOB_LOADED);
        good(x, cw_journal_check_fold(x->j, &x->fault));
}

/* A start with nothing under way writes no event, however often. */
static void idle_restarts_leave_no_events(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        produce(x, "4240181595", job);
        CW_AUTO_JSON json_t *before = NULL;
        CW_AUTO_JSON json_t *after = NULL;
        good(x, cw_journal_history(x->j, job, &before, &x->fault));
        uint32_t generation = cw_journal_generation(x->j);
        for (int i = 0; i < 3; i++) {
                struct seen seen = {0};
                fixture_close(x);
                fixture_open(x);
                good(x, cw_journal_recover(x->j, on_change, &seen, &x->fault));
                assert_int_equal(seen.jobs, 1);
        }
        assert_int_equal(cw_journal_generation(x->j), generation + 3);
        good(x, cw_journal_history(x->j, job, &after, &x->fault));
        assert_int_equal(json_array_size(before), json_array_size(after));
}

static void huge_evidence_does_not_lose_the_outcome(void **state) {
        struct fixture *x = *state;
        char job[CW_JOB_ID_CAP];
        static char big[CW_EVIDENCE_MAX + 100];
        memset(big, 'A', sizeof big - 1);
        accept_kit(x, "4240181595", job);
        to_feed(x, job, "s1");
        good(x, cw_journal_intent(x->j, job, CW_STEP_FEED, 1, NULL, &x->change, &x->fault));
        CW_AUTO_JSON json_t *result = json_pack("{s:s, s:s, s:{s:s}}", "outcome", "done", "where",
                                                "transport", "evidence", "cplc", big);
        good(x, cw_journal_outcome(x->j, job, CW_STEP_FEED, 1, result, &x->change, &x->fault));
        assert_int_equal(x->change.job.state, CW_JOB_LOADED);
}

static void count_row(void *ctx, const struct cw_job_row *row) {
        unsigned *n = ctx;
        assert_string_equal(row->kit.entity, "CIF0001");
        (*n)++;
}

static void lists_and_health(void **state) {
        struct fixture *x = *state;
        char a[CW_JOB_ID_CAP], b[CW_JOB_ID_CAP];
        struct cw_journal_health h;
        struct cw_job_row row;
        unsigned n = 0;
        accept_kit(x, "4240181595", a);
        accept_kit(x, "4240181596", b);
        apply(x, a, EV(.kind = CW_JE_CANCEL));
        good(x, cw_journal_jobs(x->j, false, 0, count_row, &n, &x->fault));
        assert_int_equal(n, 2);
        n = 0;
        good(x, cw_journal_jobs(x->j, true, 0, count_row, &n, &x->fault));
        assert_int_equal(n, 1);
        good(x, cw_journal_job_by_kit(x->j, "4240181596", &row, &x->fault));
        assert_string_equal(row.job.id, b);
        assert_string_equal(row.kit.name, "ASHA RAO");
        rejected(x, cw_journal_job_by_kit(x->j, "1", &row, &x->fault), CW_E_NOT_FOUND);
        to_feed(x, b, "s1");
        good(x, cw_journal_intent(x->j, b, CW_STEP_FEED, 1, NULL, &x->change, &x->fault));
        good(x, cw_journal_health(x->j, &h, &x->fault));
        assert_int_equal(h.jobs_open, 1);
        assert_int_equal(h.intents_open, 1);
        assert_int_equal(h.outbox_unsent, 1);
        assert_false(h.disk_low);
        assert_true(h.disk_free_mib > 0);
}

static struct cw_arrival arrival(struct fixture *x, size_t count) {
        struct cw_arrival list[4] = {0};
        size_t n = 0;
        good(x, cw_journal_arrivals_untold(x->j, list, 4, &n, &x->fault));
        assert_int_equal(n, count);
        return list[0];
}

static bool has_arrived(struct fixture *x) {
        bool ret = false;
        good(x, cw_journal_kit_has_arrived(x->j, "4240181595", &ret, &x->fault));
        return ret;
}

/* A scan alone says nothing of the card: only what the server took makes its BANK our own. */
static void a_kit_has_arrived_when_the_server_took_it(void **state) {
        struct fixture *x = *state;
        const char *const kits[] = {"4240181595"};
        int64_t refused = 0;
        good(x, cw_journal_kits_arrived(x->j, kits, 1, "uid:1001", &x->fault));
        assert_false(arrival(x, 1).asked);
        assert_false(has_arrived(x));
        good(x, cw_journal_arrival_told(x->j, kits[0], "NOT_IN_TRANSIT", &x->fault));
        assert_false(has_arrived(x));
        good(x, cw_journal_arrivals_refused(x->j, &refused, &x->fault));
        assert_int_equal(refused, 1);
        good(x, cw_journal_kits_arrived(x->j, kits, 1, "uid:1001", &x->fault));
        assert_false(arrival(x, 1).asked);
        good(x, cw_journal_arrival_asked(x->j, kits[0], &x->fault));
        assert_true(arrival(x, 1).asked);
        assert_false(has_arrived(x));
        good(x, cw_journal_arrivals_refused(x->j, &refused, &x->fault));
        assert_int_equal(refused, 0);
        good(x, cw_journal_arrival_told(x->j, kits[0], "", &x->fault));
        assert_true(has_arrived(x));
        (void)arrival(x, 0);
        good(x, cw_journal_kits_arrived(x->j, kits, 1, "uid:1001", &x->fault));
        assert_true(arrival(x, 1).asked);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            T(kit_is_accepted_once),
            T(bad_kits_are_refused),
            T(straight_job_and_its_history),
            T(refusal_changes_nothing),
            T(baseline_of_the_open_intent),
            T(issuer_keys_of_the_chip),
            T(sealed_data_goes_with_the_job),
            T(sealed_data_leaves_the_file),
            T(same_pan_twice_is_refused),
            T(a_made_card_is_not_hidden_by_a_later_job),
            T(key_tries_are_limited_per_card),
            T(success_clears_the_tries),
            T(recovery_asks_for_the_last_result),
            T(idle_restarts_leave_no_events),
            T(huge_evidence_does_not_lose_the_outcome),
            T(lists_and_health),
            T(a_kit_has_arrived_when_the_server_took_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
