/* SPDX-License-Identifier: Apache-2.0 */
/* Every plastic has a place. A row moves plastics from one place to another, so the books balance by
 * construction. */
#include "agent/journal/db.h"

#include <stdio.h>
#include <string.h>

#define PLACE_CAP 64

static void place_text(enum cw_place place, const char *station, char ret[PLACE_CAP]) {
        bool bound = place == CW_PLACE_HOPPER || place == CW_PLACE_TRANSPORT;
        (void)snprintf(ret, PLACE_CAP, "%s%s%s", cw_place_name(place), bound ? ":" : "",
                       bound ? station : "");
}

cw_rc cw_ledger_post(struct cw_journal *j, const struct cw_posting *p, struct cw_fault *f) {
        cw_rc rc = cw_db_run(
            j,
            "INSERT INTO ledger(plastic_code, from_place, to_place, count, job, plastic, actor, reason,"
            " at_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            CW_ARGS(CW_T(p->plastic_code), CW_T(p->from), CW_T(p->to), CW_I(p->count), CW_T(p->job),
                    CW_I(p->plastic), CW_T(p->actor), CW_T(p->reason), CW_I(cw_db_now_ms(j))),
            f);
        if (rc != CW_OK)
                return rc;
        return cw_audit_ledger(j, sqlite3_last_insert_rowid(j->db), p->actor, p->job ? p->job : "", f);
}

cw_rc cw_ledger_move(struct cw_journal *j, const struct cw_job_row *row, const struct cw_job_action *action,
                     const char *actor, struct cw_fault *f) {
        char from[PLACE_CAP], to[PLACE_CAP];
        place_text(action->from, action->station, from);
        place_text(action->to, action->station, to);
        struct cw_posting p = {.plastic_code = row->kit.plastic_code,
                               .from = from,
                               .to = to,
                               .job = row->job.id,
                               .actor = actor,
                               .reason = action->code,
                               .count = 1,
                               .plastic = row->job.plastic};
        return cw_ledger_post(j, &p, f);
}

/* ---- what people do with stock ---- */

static const char *const ways[][2] = {
    {"supplier", "received"}, {"received", "supplier"}, {"received", "hopper"},   {"hopper", "received"},
    {"supplier", "hopper"},   {"hopper", "spoiled"},    {"spoiled", "destroyed"}, {"returned", "destroyed"},
};

/* "hopper:s1" is of kind "hopper"; a place that is not a hopper has no station. */
static bool place_kind(const char *place, char ret[PLACE_CAP]) {
        const char *colon = strchr(place, ':');
        size_t n = colon ? (size_t)(colon - place) : strlen(place);
        bool hopper = n == 6 && memcmp(place, "hopper", 6) == 0;
        if (n >= PLACE_CAP || strlen(place) >= PLACE_CAP || hopper != (colon != NULL) ||
            (colon && colon[1] == '\0'))
                return false;
        (void)snprintf(ret, PLACE_CAP, "%.*s", (int)n, place);
        return true;
}

static bool way_allowed(const char *from, const char *to) {
        char a[PLACE_CAP], b[PLACE_CAP];
        if (!place_kind(from, a) || !place_kind(to, b))
                return false;
        for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
                if (strcmp(ways[i][0], a) == 0 && strcmp(ways[i][1], b) == 0)
                        return true;
        }
        return false;
}

static cw_rc move_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        const struct cw_posting *p = ctx;
        int64_t have = 0;
        cw_rc rc =
            cw_db_int(j, "SELECT coalesce(sum(count), 0) FROM posting WHERE place = ?1 AND plastic_code = ?2",
                      CW_ARGS(CW_T(p->from), CW_T(p->plastic_code)), 0, &have, f);
        if (rc != CW_OK)
                return rc;
        if (strcmp(p->from, "supplier") != 0 && have < p->count)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_RANGE), have, "journal.stock",
                               "INV_NOT_INITIALIZED",
                               "%s holds %lld plastics of code %s in the books; count them again.", p->from,
                               (long long)have, p->plastic_code);
        return cw_ledger_post(j, p, f);
}

cw_rc cw_journal_stock_move(struct cw_journal *j, const char *plastic_code, const char *from, const char *to,
                            int64_t count, const char *actor, const char *reason, struct cw_fault *f) {
        size_t n = strlen(plastic_code);
        if (count <= 0 || count > 100000 || n == 0 || n >= CW_PLASTIC_CODE_CAP || !way_allowed(from, to))
                return cw_fail(
                    f, CW_JRC(CW_C_REJECT, CW_E_RANGE), count, "journal.stock", "",
                    "Plastics cannot be moved that way; allowed are supplier, received, hopper:STATION, "
                    "spoiled, returned and destroyed in their order, and a count from 1 to 100000.");
        struct cw_posting p = {.plastic_code = plastic_code,
                               .from = from,
                               .to = to,
                               .actor = actor,
                               .reason = reason ? reason : "",
                               .count = count};
        return cw_db_txn(j, move_txn, &p, "stock", "move", f);
}

cw_rc cw_journal_stock_undo_spoiled(struct cw_journal *j, const char *plastic_code, const char *hopper,
                                    const char *actor, const char *reason, struct cw_fault *f) {
        struct cw_posting p = {.plastic_code = plastic_code,
                               .from = "spoiled",
                               .to = hopper,
                               .actor = actor,
                               .reason = reason,
                               .count = 1};
        return cw_db_txn(j, move_txn, &p, "stock", "move", f);
}

static cw_rc open_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        const struct cw_posting *p = ctx;
        int64_t seen = 0;
        cw_rc rc = cw_db_int(
            j, "SELECT count(*) FROM ledger WHERE plastic_code = ?1 AND (from_place = ?2 OR to_place = ?2)",
            CW_ARGS(CW_T(p->plastic_code), CW_T(p->to)), 0, &seen, f);
        return rc == CW_OK && seen == 0 ? cw_ledger_post(j, p, f) : rc;
}

cw_rc cw_journal_stock_open(struct cw_journal *j, const char *station, const char *plastic_code,
                            int64_t count, struct cw_fault *f) {
        char to[PLACE_CAP];
        if (count <= 0)
                return CW_OK;
        int n = snprintf(to, sizeof to, "hopper:%s", station);
        if (n < 0 || (size_t)n >= sizeof to || !way_allowed("supplier", to))
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_RANGE), count, "journal.stock", "",
                               "The station's name is too long for the stock ledger.");
        struct cw_posting p = {.plastic_code = plastic_code,
                               .from = "supplier",
                               .to = to,
                               .actor = "config",
                               .reason = "first count",
                               .count = count};
        return cw_db_txn(j, open_txn, &p, "stock", "open", f);
}

/* ---- the books ---- */

static int64_t distance(int64_t a, int64_t b) {
        return a > b ? a - b : b - a;
}

struct books {
        int64_t drawn_by_jobs, transport, output, kiosk, issued, returned,
            spoiled_by_jobs; /* the ledger's, jobs only */
        int64_t plastics, in_transport, in_output, in_kiosk, in_issued, in_returned; /* the jobs' own word */
        int64_t below_zero;
};

static cw_rc read_ledger(struct cw_journal *j, struct books *b, struct cw_stock_check *c,
                         struct cw_fault *f) {
        static const char sql[] =
            "SELECT coalesce(sum(CASE WHEN place LIKE 'hopper:%' AND job IS NOT NULL THEN -count END), 0),"
            " coalesce(sum(CASE WHEN place LIKE 'transport:%' THEN count END), 0),"
            " coalesce(sum(CASE WHEN place = 'output' THEN count END), 0),"
            " coalesce(sum(CASE WHEN place = 'kiosk' THEN count END), 0),"
            " coalesce(sum(CASE WHEN place = 'issued' THEN count END), 0),"
            " coalesce(sum(CASE WHEN place = 'returned' AND job IS NOT NULL THEN count END), 0),"
            " coalesce(sum(CASE WHEN place = 'spoiled' AND job IS NOT NULL THEN count END), 0),"
            " coalesce(sum(CASE WHEN place = 'spoiled' THEN count END), 0),"
            " coalesce(sum(CASE WHEN place = 'returned' THEN count END), 0),"
            " coalesce(sum(CASE WHEN place = 'destroyed' THEN count END), 0) FROM posting";
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(j, sql, NULL, 0, &s, &row, f);
        if (rc != CW_OK)
                return rc;
        int64_t *const to[] = {&b->drawn_by_jobs, &b->transport, &b->output,          &b->kiosk,
                               &b->issued,        &b->returned,  &b->spoiled_by_jobs, &c->spoiled,
                               &c->returned,      &c->destroyed};
        for (int i = 0; i < (int)(sizeof to / sizeof to[0]); i++)
                *to[i] = sqlite3_column_int64(s, i);
        return CW_OK;
}

static cw_rc read_jobs(struct cw_journal *j, struct books *b, struct cw_fault *f) {
        static const char sql[] =
            "SELECT coalesce(sum(plastic), 0), coalesce(sum(place = 'transport'), 0),"
            " coalesce(sum(place = 'output'), 0), coalesce(sum(place = 'kiosk'), 0),"
            " coalesce(sum(place = 'issued'), 0), coalesce(sum(place = 'returned'), 0) FROM job";
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(j, sql, NULL, 0, &s, &row, f);
        if (rc != CW_OK)
                return rc;
        int64_t *const to[] = {&b->plastics, &b->in_transport, &b->in_output,
                               &b->in_kiosk, &b->in_issued,    &b->in_returned};
        for (int i = 0; i < (int)(sizeof to / sizeof to[0]); i++)
                *to[i] = sqlite3_column_int64(s, i);
        return cw_db_int(j,
                         "SELECT count(*) FROM (SELECT 1 FROM posting WHERE place <> 'supplier'"
                         " GROUP BY place, plastic_code HAVING sum(count) < 0)",
                         NULL, 0, 0, &b->below_zero, f);
}

/* Each plastic a job drew is where the job says, or spoiled: what ledger and jobs disagree on is unaccounted.
 */
static int64_t disagreement(const struct books *b) {
        int64_t spoiled =
            b->plastics - b->in_transport - b->in_output - b->in_kiosk - b->in_issued - b->in_returned;
        return distance(b->drawn_by_jobs, b->plastics) + distance(b->transport, b->in_transport) +
               distance(b->output, b->in_output) + distance(b->kiosk, b->in_kiosk) +
               distance(b->issued, b->in_issued) + distance(b->returned, b->in_returned) +
               distance(b->spoiled_by_jobs, spoiled);
}

cw_rc cw_journal_stock_check(struct cw_journal *j, struct cw_stock_check *ret, struct cw_fault *f) {
        struct books b = {0};
        struct cw_stock_check c = {0};
        int64_t test_cards = 0;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = read_ledger(j, &b, &c, f);
        if (rc == CW_OK)
                rc = read_jobs(j, &b, f);
        if (rc == CW_OK)
                rc = cw_db_int(j,
                               "SELECT coalesce(sum(CASE WHEN to_place = 'spoiled' THEN count ELSE -count "
                               "END), 0) FROM ledger WHERE job IS NULL AND"
                               " ((from_place LIKE 'hopper:%' AND to_place = 'spoiled') OR"
                               " (from_place = 'spoiled' AND to_place LIKE 'hopper:%'))",
                               NULL, 0, 0, &test_cards, f);
        if (rc != CW_OK)
                return rc;
        c.drawn = b.drawn_by_jobs + test_cards;
        c.delivered = b.issued;
        c.in_transport = b.transport;
        c.in_output = b.output;
        c.in_kiosk = b.kiosk;
        c.unaccounted = disagreement(&b);
        c.balanced = c.unaccounted == 0 && b.below_zero == 0;
        c.closed = c.balanced && c.drawn == c.delivered + c.spoiled + c.returned + c.destroyed;
        *ret = c;
        return CW_OK;
}

cw_rc cw_journal_stock(struct cw_journal *j, json_t **ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        CW_AUTO_JSON json_t *list = json_array();
        bool row = true;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(
                    j,
                    "SELECT place, plastic_code, sum(count) FROM posting WHERE place <> 'supplier'"
                    " GROUP BY place, plastic_code HAVING sum(count) <> 0 ORDER BY place, plastic_code",
                    NULL, 0, &s, f);
        while (rc == CW_OK && row) {
                rc = cw_db_step(j, s, &row, f);
                if (rc != CW_OK || !row)
                        break;
                json_t *item = json_pack("{s:s, s:s, s:I}", "place", (const char *)sqlite3_column_text(s, 0),
                                         "plastic_code", (const char *)sqlite3_column_text(s, 1), "count",
                                         (json_int_t)sqlite3_column_int64(s, 2));
                if (json_array_append_new(list, item) < 0)
                        rc = cw_fail(f, CW_JRC(CW_C_RETRY, CW_E_NOMEM), 0, "journal.stock", "",
                                     "Out of memory.");
        }
        if (rc == CW_OK)
                *ret = CW_STEAL(list);
        return rc;
}
