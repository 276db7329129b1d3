/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: whoever changes, adds or removes a row anywhere is found out. */
#include "tests/unit/journal_fixture.h"

#include <sqlite3.h>

static struct cw_audit_check verify(struct fixture *x) {
        struct cw_audit_check c;
        good(x, cw_journal_audit_verify(x->j, &c, &x->fault));
        return c;
}

static void fill(struct fixture *x) {
        char job[CW_JOB_ID_CAP];
        good(x, cw_journal_stock_open(x->j, "s1", "71", 50, &x->fault));
        produce(x, "4240181595", job);
        CW_AUTO_JSON json_t *detail = json_pack("{s:s}", "why", "wrong group");
        good(x, cw_journal_audit(x->j, "control.denied", "uid:1000", detail, &x->fault));
}

static void whole_chain_is_intact(void **state) {
        struct fixture *x = *state;
        struct cw_audit_check empty = verify(x);
        assert_true(empty.intact);
        assert_int_equal(empty.rows, 0);
        fill(x);
        struct cw_audit_check c = verify(x);
        assert_true(c.intact);
        assert_int_equal(c.bad_row, 0);
        assert_true(c.rows > 15);
        assert_int_equal(strlen(c.head), 64);
        fixture_close(x);
        fixture_open(x);
        assert_string_equal(verify(x).head, c.head);
        CW_AUTO_JSON json_t *tail = NULL;
        good(x, cw_journal_audit_tail(x->j, 2, &tail, &x->fault));
        assert_int_equal(json_array_size(tail), 2);
        const json_t *last = json_array_get(tail, 1);
        assert_string_equal(json_string_value(json_object_get(last, "what")), "control.denied");
        assert_string_equal(json_string_value(json_object_get(last, "hash")), c.head);
}

/* Also with the triggers gone, as someone with the file in his hands would do it. */
static void tampering_is_found(void **state) {
        static const char *const sql[] = {
            "UPDATE audit SET actor = 'uid:0' WHERE n = 3",
            "UPDATE audit SET at_ms = at_ms + 1 WHERE n = 5",
            "DELETE FROM audit WHERE n = 4",
            "DELETE FROM audit WHERE n = (SELECT max(n) FROM audit)",
            "DELETE FROM audit",
            "UPDATE audit SET n = n + 1000 WHERE n = (SELECT max(n) FROM audit)",
            "INSERT INTO audit SELECT n + 9999, at_ms, actor, what, job, ref, detail, digest, hash FROM "
            "audit WHERE n > 9",
            "UPDATE event SET evidence = '{\"cards_fed\":9}' WHERE type = 'intent' AND step = 'feed'",
            "UPDATE event SET body = replace(body, 'failed', 'done')||' ' WHERE type = 'preflight'",
            "DELETE FROM event WHERE type = 'attempt'",
            "UPDATE ledger SET to_place = 'issued' WHERE to_place = 'output'",
            "DELETE FROM ledger WHERE to_place = 'output'",
            "INSERT INTO ledger SELECT id + 99, '71', 'output', 'issued', 1, job, 1, actor, '', at_ms FROM "
            "ledger LIMIT 1",
        };
        (void)state;
        for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
                void *fresh = NULL;
                assert_int_equal(fixture_setup(&fresh), 0);
                struct fixture *x = fresh;
                fill(x);
                fixture_close(x);
                tamper(x, "DROP TRIGGER audit_keep; DROP TRIGGER audit_stay; DROP TRIGGER event_keep;"
                          "DROP TRIGGER event_stay; DROP TRIGGER ledger_keep; DROP TRIGGER ledger_stay;");
                tamper(x, sql[i]);
                fixture_open(x);
                struct cw_audit_check c = verify(x);
                if (c.intact || c.bad_row == 0)
                        fail_msg("not found: %s", sql[i]);
                assert_int_equal(fixture_teardown(&fresh), 0);
        }
}

static bool refuses(struct fixture *x, const char *sql) {
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open(x->path, &db), SQLITE_OK);
        int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        return rc == SQLITE_CONSTRAINT;
}

static void history_tables_refuse_changes(void **state) {
        static const char *const sql[] = {"UPDATE audit SET actor = ''", "DELETE FROM audit",
                                          "UPDATE event SET actor = ''", "DELETE FROM event",
                                          "DELETE FROM ledger",          "UPDATE ledger SET count = 2"};
        struct fixture *x = *state;
        fill(x);
        fixture_close(x);
        for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++)
                assert_true(refuses(x, sql[i]));
}

static void too_long_detail_is_refused(void **state) {
        struct fixture *x = *state;
        static char big[CW_EVIDENCE_MAX + 10];
        memset(big, 'A', sizeof big - 1);
        CW_AUTO_JSON json_t *detail = json_pack("{s:s}", "x", big);
        rejected(x, cw_journal_audit(x->j, "x", "uid:0", detail, &x->fault), CW_E_TOO_BIG);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
            T(whole_chain_is_intact),
            cmocka_unit_test(tampering_is_found),
            T(history_tables_refuse_changes),
            T(too_long_detail_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
