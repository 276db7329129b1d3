/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: lists for people, recovery, the fold of events, health. */
#include "agent/journal/db.h"

#include <stdio.h>
#include <string.h>

cw_rc cw_journal_jobs(struct cw_journal *j, bool open_only, unsigned limit, cw_job_fn fn, void *ctx,
                      struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool more = true;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(j,
                                 "SELECT " CW_JOB_COLUMNS " FROM job j JOIN inbox i ON i.kit = j.kit"
                                 " WHERE (?1 = 0 OR j.ended = 0) ORDER BY j.n LIMIT ?2",
                                 CW_ARGS(CW_I(open_only), CW_I(limit ? (int64_t)limit : -1)), &s, f);
        while (rc == CW_OK && more) {
                struct cw_job_row row;
                rc = cw_db_step(j, s, &more, f);
                if (rc != CW_OK || !more)
                        break;
                if (!cw_row_read(s, &row))
                        return cw_db_broken(j, "journal.jobs", f);
                fn(ctx, &row);
        }
        return rc;
}

/* ---- recovery ---- */

static cw_rc next_open(struct cw_journal *j, int64_t after, int64_t *ret_n, struct cw_job_row *ret,
                       bool *ret_more, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        cw_rc rc = cw_db_query(j,
                               "SELECT " CW_JOB_COLUMNS ", j.n FROM job j JOIN inbox i ON i.kit = j.kit"
                               " WHERE j.ended = 0 AND j.n > ?1 ORDER BY j.n LIMIT 1",
                               CW_ARGS(CW_I(after)), &s, f);
        if (rc == CW_OK)
                rc = cw_db_step(j, s, ret_more, f);
        if (rc != CW_OK || !*ret_more)
                return rc;
        *ret_n = sqlite3_column_int64(s, 28);
        return cw_row_read(s, ret) ? CW_OK : cw_db_broken(j, "journal.recover", f);
}

cw_rc cw_journal_recover(struct cw_journal *j, cw_change_fn fn, void *ctx, struct cw_fault *f) {
        const struct cw_job_event event = {.kind = CW_JE_RESTARTED};
        int64_t n = 0;
        cw_rc rc = cw_db_alive(j, f);
        while (rc == CW_OK) {
                struct cw_job_row row;
                struct cw_change change;
                bool more = false;
                rc = next_open(j, n, &n, &row, &more, f);
                if (rc != CW_OK || !more)
                        break;
                rc = cw_journal_apply(j, row.job.id, &event, NULL, "", &change, f);
                if (rc != CW_OK)
                        break;
                row.job = change.job;
                fn(ctx, &row, &change);
        }
        return rc;
}

cw_rc cw_journal_baseline(struct cw_journal *j, const char *job, json_t **ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(
                    j,
                    "SELECT e.evidence FROM event e JOIN job j ON j.id = e.job WHERE j.id = ?1"
                    " AND j.intent_open = 1 AND e.kind = 'INTENT' AND e.step = j.step AND e.seq = j.seq",
                    CW_ARGS(CW_T(job)), &s, f);
        if (rc == CW_OK)
                rc = cw_db_step(j, s, &row, f);
        if (rc != CW_OK)
                return rc;
        if (!row)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_NOT_FOUND), 0, "journal.baseline", "",
                               "No step of this job is open.");
        json_t *baseline = json_loads((const char *)sqlite3_column_text(s, 0), JSON_REJECT_DUPLICATES, NULL);
        *ret = baseline ? baseline : json_object();
        return CW_OK;
}

cw_rc cw_journal_issuer_keys(struct cw_journal *j, const char *job, char *ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_alive(j, f);
        ret[0] = '\0';
        if (rc == CW_OK)
                rc = cw_db_query(
                    j,
                    "SELECT evidence FROM event WHERE job = ?1 AND kind = 'OUTCOME' AND step = 'chip'"
                    " ORDER BY n DESC LIMIT 1",
                    CW_ARGS(CW_T(job)), &s, f);
        if (rc == CW_OK)
                rc = cw_db_step(j, s, &row, f);
        if (rc != CW_OK || !row)
                return rc;
        CW_AUTO_JSON json_t *result = json_loads((const char *)sqlite3_column_text(s, 0), 0, NULL);
        const char *keys =
            json_string_value(json_object_get(json_object_get(result, "evidence"), "issuer_keys"));
        if (keys && strlen(keys) < CW_ISSUER_KEYS_CAP)
                memcpy(ret, keys, strlen(keys) + 1);
        return CW_OK;
}

/* ---- history and fold ---- */

static json_t *history_item(sqlite3_stmt *s) {
        json_t *evidence = json_loads((const char *)sqlite3_column_text(s, 8), JSON_DECODE_ANY, NULL);
        return json_pack(
            "{s:I, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:o}", "n", (json_int_t)sqlite3_column_int64(s, 0),
            "kind", (const char *)sqlite3_column_text(s, 1), "type", (const char *)sqlite3_column_text(s, 2),
            "step", (const char *)sqlite3_column_text(s, 3), "seq", (json_int_t)sqlite3_column_int64(s, 4),
            "state", (const char *)sqlite3_column_text(s, 5), "actor",
            (const char *)sqlite3_column_text(s, 6), "at_ms", (json_int_t)sqlite3_column_int64(s, 7),
            "evidence", evidence ? evidence : json_null());
}

cw_rc cw_journal_history(struct cw_journal *j, const char *job, json_t **ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        CW_AUTO_JSON json_t *list = json_array();
        struct cw_job_row known;
        bool row = true;
        cw_rc rc = cw_journal_job(j, job, &known, f);
        if (rc == CW_OK)
                rc = cw_db_query(j,
                                 "SELECT n, kind, type, step, seq, state, actor, at_ms, evidence FROM event"
                                 " WHERE job = ?1 ORDER BY n",
                                 CW_ARGS(CW_T(job)), &s, f);
        while (rc == CW_OK && row) {
                rc = cw_db_step(j, s, &row, f);
                if (rc == CW_OK && row && json_array_append_new(list, history_item(s)) < 0)
                        rc = cw_fail(f, CW_JRC(CW_C_RETRY, CW_E_NOMEM), 0, "journal.history", "",
                                     "Out of memory.");
        }
        if (rc == CW_OK)
                *ret = CW_STEAL(list);
        return rc;
}

static bool fold_event(struct cw_job *job, const char *body) {
        CW_AUTO_JSON json_t *obj = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
        struct cw_job_event event;
        struct cw_job_actions actions;
        return obj && cw_event_from_json(obj, &event) && cw_issuance_apply(job, &event, &actions) == CW_OK;
}

static cw_rc fold_job(struct cw_journal *j, const struct cw_job *stored, bool *ret_same, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        struct cw_job job;
        bool row = true, good = true;
        cw_issuance_init(&job, stored->id);
        cw_rc rc = cw_db_query(j, "SELECT body FROM event WHERE job = ?1 ORDER BY n",
                               CW_ARGS(CW_T(stored->id)), &s, f);
        while (rc == CW_OK && row && good) {
                rc = cw_db_step(j, s, &row, f);
                if (rc == CW_OK && row)
                        good = fold_event(&job, (const char *)sqlite3_column_text(s, 0));
        }
        *ret_same = good && cw_job_same(&job, stored);
        return rc;
}

cw_rc cw_journal_check_fold(struct cw_journal *j, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool more = true;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(
                    j, "SELECT " CW_JOB_COLUMNS " FROM job j JOIN inbox i ON i.kit = j.kit ORDER BY j.n",
                    NULL, 0, &s, f);
        while (rc == CW_OK && more) {
                struct cw_job_row row;
                bool same = false;
                rc = cw_db_step(j, s, &more, f);
                if (rc != CW_OK || !more)
                        break;
                if (!cw_row_read(s, &row))
                        return cw_db_broken(j, "journal.fold", f);
                rc = fold_job(j, &row.job, &same, f);
                if (rc == CW_OK && !same)
                        rc = cw_fail(
                            f, CW_JRC(CW_C_REJECT, CW_E_MISMATCH), 0, "journal.fold", "",
                            "Job %s does not follow from its events; keep the journal and ask for support.",
                            row.job.id);
        }
        return rc;
}

cw_rc cw_journal_health(struct cw_journal *j, struct cw_journal_health *ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        struct cw_journal_health h = {.disk_free_mib = cw_db_disk_free_mib(j)};
        bool row = false;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(
                    j,
                    "SELECT (SELECT count(*) FROM job WHERE ended = 0),"
                    " (SELECT count(*) FROM job WHERE wait IN"
                    " ('supplies', 'decision', 'destroyed', 'visual', 'pin_decision', 'central_decision')),"
                    " (SELECT count(*) FROM outbox WHERE acked_ms IS NULL),"
                    " (SELECT count(*) FROM outbox WHERE acked_ms IS NULL AND parked = 1),"
                    " (SELECT count(*) FROM job WHERE intent_open = 1)",
                    NULL, 0, &s, f);
        if (rc == CW_OK)
                rc = cw_db_step(j, s, &row, f);
        if (rc != CW_OK)
                return rc;
        h.jobs_open = sqlite3_column_int64(s, 0);
        h.jobs_waiting_person = sqlite3_column_int64(s, 1);
        h.outbox_unsent = sqlite3_column_int64(s, 2);
        h.outbox_parked = sqlite3_column_int64(s, 3);
        h.intents_open = sqlite3_column_int64(s, 4);
        h.disk_low = j->reserve_used || (h.disk_free_mib >= 0 && h.disk_free_mib < j->disk_free_min_mib);
        *ret = h;
        return CW_OK;
}
