/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/journal_fixture.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t wall(void *ctx) {
        return ((const struct fixture *)ctx)->now_ms;
}

static int64_t mono(void *ctx) {
        return ((const struct fixture *)ctx)->now_ms * 1000000;
}

void good(struct fixture *x, cw_rc rc) {
        if (rc != CW_OK)
                fail_msg("%s (%s, native %lld, %s)", x->fault.text, cw_class_name(cw_rc_class(rc)),
                         (long long)x->fault.native, x->fault.op);
}

void rejected(struct fixture *x, cw_rc rc, unsigned code) {
        assert_int_equal(cw_rc_class(rc), CW_C_REJECT);
        assert_int_equal(rc & 0xffffu, code);
        assert_true(strlen(x->fault.text) > 10);
}

cw_rc fixture_try_open(struct fixture *x, int64_t disk_free_min_mib) {
        struct cw_journal_options options = {
            .path = x->path, .clock = &x->clock, .disk_free_min_mib = disk_free_min_mib};
        return cw_journal_open(&options, &x->j, &x->fault);
}

void fixture_open(struct fixture *x) {
        good(x, fixture_try_open(x, 0));
}

void fixture_close(struct fixture *x) {
        if (x->j)
                cw_journal_close(x->j);
        x->j = NULL;
}

int fixture_setup(void **state) {
        struct fixture *x = calloc(1, sizeof *x);
        const char *base = getenv("TMPDIR");
        if (!x)
                return -1;
        (void)snprintf(x->dir, sizeof x->dir, "%.40s/cw-journal-XXXXXX", base ? base : "/tmp");
        if (!mkdtemp(x->dir))
                return -1;
        (void)snprintf(x->path, sizeof x->path, "%s/journal.db", x->dir);
        x->now_ms = 1700000000000;
        x->clock = (struct cw_clock){mono, wall, x};
        *state = x;
        fixture_open(x);
        return 0;
}

int fixture_teardown(void **state) {
        static const char *const names[] = {"", "-wal", "-journal", "-shm", ".reserve", ".copy"};
        struct fixture *x = *state;
        fixture_close(x);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                char path[128];
                (void)snprintf(path, sizeof path, "%s%s", x->path, names[i]);
                (void)unlink(path);
        }
        (void)rmdir(x->dir);
        free(x);
        return 0;
}

void accept_kit(struct fixture *x, const char *kit, char ret[CW_JOB_ID_CAP]) {
        struct cw_kit k = {.entity = "CIF0001",
                           .plastic_code = "71",
                           .expiry = "2907",
                           .name = "ASHA RAO",
                           .masked_pan = "608040XXXXXX6384"};
        bool is_new = false;
        (void)snprintf(k.kit, sizeof k.kit, "%s", kit);
        good(x, cw_journal_accept_kit(x->j, &k, SEALED, true, &is_new, &x->change, &x->fault));
        assert_true(is_new);
        (void)snprintf(ret, CW_JOB_ID_CAP, "%s", x->change.job.id);
}

void apply(struct fixture *x, const char *job, struct cw_job_event e) {
        good(x, cw_journal_apply(x->j, job, &e, NULL, "test", &x->change, &x->fault));
}

void to_feed(struct fixture *x, const char *job, const char *station) {
        struct cw_job_event e = {.kind = CW_JE_STATION};
        struct cw_job_row row;
        char hash[65];
        good(x, cw_journal_job(x->j, job, &row, &x->fault));
        (void)snprintf(hash, sizeof hash, "%064lld", strtoll(row.kit.kit, NULL, 10));
        good(x, cw_journal_data_ok(x->j, job, hash, "608040XXXXXX6384", &x->change, &x->fault));
        (void)snprintf(e.station, sizeof e.station, "%s", station);
        apply(x, job, e);
        apply(x, job, EV(.kind = CW_JE_PREFLIGHT, .step = CW_STEP_PREFLIGHT, .outcome = CW_OUTCOME_DONE));
}

void run_step(struct fixture *x, const char *job, const char *outcome, const char *cls) {
        struct cw_job_row row;
        good(x, cw_journal_job(x->j, job, &row, &x->fault));
        enum cw_step step = row.job.step;
        uint32_t seq = row.job.seq;
        CW_AUTO_JSON json_t *baseline = json_pack("{s:i, s:s}", "cards_fed", (int)seq, "where",
                                                  step == CW_STEP_FEED ? "none" : "transport");
        CW_AUTO_JSON json_t *result =
            json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:{s:s, s:s}}", "outcome", outcome, "class", cls,
                      "code", "PRD_FEEDER_JAM", "where", "transport", "ribbon_used", 0, "key_tried", 0,
                      "evidence", "cplc", "4790", "issuer_keys", "08D7B4 7B8358 D2B91C");
        good(x, cw_journal_intent(x->j, job, step, seq, baseline, &x->change, &x->fault));
        if (step == CW_STEP_CHIP)
                good(x, cw_journal_attempt(x->j, job, seq, "00010203", 32, 3, &x->change, &x->fault));
        good(x, cw_journal_outcome(x->j, job, step, seq, result, &x->change, &x->fault));
}

void run_up_to(struct fixture *x, const char *job, enum cw_step step) {
        struct cw_job_row row;
        good(x, cw_journal_job(x->j, job, &row, &x->fault));
        while (row.job.step != step) {
                run_step(x, job, "done", "");
                row.job = x->change.job;
        }
}

void produce(struct fixture *x, const char *kit, char ret[CW_JOB_ID_CAP]) {
        accept_kit(x, kit, ret);
        to_feed(x, ret, "s1");
        run_up_to(x, ret, CW_STEP_NONE);
        assert_int_equal(x->change.job.wait, CW_WAIT_HANDOVER);
}

void tamper(struct fixture *x, const char *sql) {
        sqlite3 *db = NULL;
        assert_null(x->j);
        assert_int_equal(sqlite3_open(x->path, &db), SQLITE_OK);
        char *error = NULL;
        if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
                fail_msg("%s", error);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int64_t peek(struct fixture *x, const char *sql) {
        sqlite3 *db = NULL;
        sqlite3_stmt *s = NULL;
        assert_null(x->j);
        assert_int_equal(sqlite3_open(x->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        int64_t value = sqlite3_column_int64(s, 0);
        (void)sqlite3_finalize(s);
        (void)sqlite3_close(db);
        return value;
}
