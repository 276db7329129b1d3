/* SPDX-License-Identifier: Apache-2.0 */
/* The projection: one row of the job table is one struct cw_job. */
#include "agent/journal/db.h"

#include <stdio.h>
#include <string.h>

static const char *text(sqlite3_stmt *s, int column) {
        const unsigned char *t = sqlite3_column_text(s, column);
        return t ? (const char *)t : "";
}

static bool read_words(sqlite3_stmt *s, struct cw_job *job) {
        return cw_job_state_from_name(text(s, 1), &job->state) &&
               cw_job_wait_from_name(text(s, 2), &job->wait) &&
               cw_job_state_from_name(text(s, 3), &job->resume) &&
               cw_step_from_name(text(s, 4), &job->step) && cw_place_from_name(text(s, 8), &job->place) &&
               cw_where_from_name(text(s, 9), &job->where) && cw_pin_state_from_name(text(s, 16), &job->pin);
}

bool cw_row_read(sqlite3_stmt *s, struct cw_job_row *ret) {
        struct cw_job_row row = {0};
        struct cw_job *job = &row.job;
        if (!read_words(s, job))
                return false;
        cw_db_text(s, 0, job->id, sizeof job->id);
        job->seq = (uint32_t)sqlite3_column_int64(s, 5);
        job->intent_open = sqlite3_column_int(s, 6) != 0;
        job->plastic = (uint32_t)sqlite3_column_int64(s, 7);
        job->key_tried = sqlite3_column_int(s, 10) != 0;
        job->ribbon_used = sqlite3_column_int(s, 11) != 0;
        job->doubted = sqlite3_column_int(s, 12) != 0;
        job->repeats = (uint32_t)sqlite3_column_int64(s, 13);
        job->remakes = (uint32_t)sqlite3_column_int64(s, 14);
        job->auto_visual = sqlite3_column_int(s, 15) != 0;
        cw_db_text(s, 17, job->station, sizeof job->station);
        cw_db_text(s, 18, job->code, sizeof job->code);
        cw_db_text(s, 19, row.pan_hash, sizeof row.pan_hash);
        row.created_ms = sqlite3_column_int64(s, 20);
        row.updated_ms = sqlite3_column_int64(s, 21);
        cw_db_text(s, 22, row.kit.kit, sizeof row.kit.kit);
        cw_db_text(s, 23, row.kit.entity, sizeof row.kit.entity);
        cw_db_text(s, 24, row.kit.plastic_code, sizeof row.kit.plastic_code);
        cw_db_text(s, 25, row.kit.expiry, sizeof row.kit.expiry);
        cw_db_text(s, 26, row.kit.name, sizeof row.kit.name);
        cw_db_text(s, 27, row.kit.masked_pan, sizeof row.kit.masked_pan);
        *ret = row;
        return true;
}

/* Of several jobs of one card number the one that is open counts, then one that came to a card. */
cw_rc cw_row_load(struct cw_journal *j, const char *where_column, const char *value, struct cw_job_row *ret,
                  struct cw_fault *f) {
        char sql[768];
        (void)snprintf(
            sql, sizeof sql,
            "SELECT " CW_JOB_COLUMNS " FROM job j JOIN inbox i ON i.kit = j.kit WHERE j.%s = ?1"
            " ORDER BY j.ended, j.state IN ('FAILED', 'CANCELLED', 'DATA_ERROR'), j.n DESC LIMIT 1",
            where_column);
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(j, sql, CW_ARGS(CW_T(value)), &s, &row, f);
        if (rc != CW_OK)
                return rc;
        if (!row)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_NOT_FOUND), 0, "journal.job", "",
                               "There is no such job or kit; \"cardwright jobs --all\" lists them.");
        return cw_row_read(s, ret) ? CW_OK : cw_db_broken(j, "journal.job", f);
}

cw_rc cw_row_store(struct cw_journal *j, const struct cw_job *job, struct cw_fault *f) {
        return cw_db_run(
            j,
            "UPDATE job SET state = ?2, wait = ?3, resume = ?4, step = ?5, seq = ?6, intent_open = ?7,"
            " plastic = ?8, place = ?9, at_where = ?10, key_tried = ?11, ribbon_used = ?12, doubted = ?13,"
            " repeats = ?14, remakes = ?15, auto_visual = ?16, pin = ?17, station = ?18, code = ?19,"
            " ended = ?20, updated_ms = ?21 WHERE id = ?1",
            CW_ARGS(CW_T(job->id), CW_T(cw_job_state_name(job->state)), CW_T(cw_job_wait_name(job->wait)),
                    CW_T(cw_job_state_name(job->resume)), CW_T(cw_step_name(job->step)), CW_I(job->seq),
                    CW_I(job->intent_open), CW_I(job->plastic), CW_T(cw_place_name(job->place)),
                    CW_T(cw_where_name(job->where)), CW_I(job->key_tried), CW_I(job->ribbon_used),
                    CW_I(job->doubted), CW_I(job->repeats), CW_I(job->remakes), CW_I(job->auto_visual),
                    CW_T(cw_pin_state_name(job->pin)), CW_T(job->station), CW_T(job->code),
                    CW_I(cw_job_ended(job)), CW_I(cw_db_now_ms(j))),
            f);
}

static bool same_flags(const struct cw_job *a, const struct cw_job *b) {
        return a->intent_open == b->intent_open && a->key_tried == b->key_tried &&
               a->ribbon_used == b->ribbon_used && a->doubted == b->doubted &&
               a->auto_visual == b->auto_visual;
}

bool cw_job_same(const struct cw_job *a, const struct cw_job *b) {
        return strcmp(a->id, b->id) == 0 && a->state == b->state && a->wait == b->wait &&
               a->resume == b->resume && a->step == b->step && a->seq == b->seq && a->plastic == b->plastic &&
               a->place == b->place && a->where == b->where && a->repeats == b->repeats &&
               a->remakes == b->remakes && a->pin == b->pin && same_flags(a, b) &&
               strcmp(a->station, b->station) == 0 && strcmp(a->code, b->code) == 0;
}

cw_rc cw_journal_job(struct cw_journal *j, const char *job, struct cw_job_row *ret, struct cw_fault *f) {
        cw_rc rc = cw_db_alive(j, f);
        return rc == CW_OK ? cw_row_load(j, "id", job, ret, f) : rc;
}

cw_rc cw_journal_job_by_kit(struct cw_journal *j, const char *kit, struct cw_job_row *ret,
                            struct cw_fault *f) {
        cw_rc rc = cw_db_alive(j, f);
        return rc == CW_OK ? cw_row_load(j, "kit", kit, ret, f) : rc;
}

cw_rc cw_journal_job_by_pan_hash(struct cw_journal *j, const char *pan_hash, struct cw_job_row *ret,
                                 struct cw_fault *f) {
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK && pan_hash[0] == '\0')
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_MISSING), 0, "journal.job", "",
                               "The card hash is empty.");
        return rc == CW_OK ? cw_row_load(j, "pan_hash", pan_hash, ret, f) : rc;
}
