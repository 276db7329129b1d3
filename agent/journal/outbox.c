/* SPDX-License-Identifier: Apache-2.0 */
/* What the server must be told: at least once, in order per kit, under a key that is never reused. */
#include "agent/journal/db.h"

#include <stdio.h>
#include <string.h>

/* A wall clock that jumped back must not put a report off for longer than this. */
#define DELAY_MAX_MS 3600000

cw_rc cw_outbox_put(struct cw_journal *j, const struct cw_job_row *row, const struct cw_job_action *action,
                    int64_t event_n, struct cw_fault *f) {
        const char *report = cw_report_name(action->report);
        char idem[CW_IDEM_CAP];
        (void)snprintf(idem, sizeof idem, "%s/%s/%lld", row->job.id, report, (long long)event_n);
        CW_AUTO_JSON json_t *obj =
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "kit", row->kit.kit, "entity", row->kit.entity, "job",
                      row->job.id, "report", report, "code", action->code);
        CW_AUTO_MEM char *body = obj ? json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (!body)
                return cw_fail(f, CW_JRC(CW_C_RETRY, CW_E_NOMEM), 0, "journal.outbox", "", "Out of memory.");
        int64_t now = cw_db_now_ms(j);
        return cw_db_run(
            j,
            "INSERT INTO outbox(idem, report, job, kit, body, code, attempts, parked, last_error, created_ms,"
            " next_at_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, 0, '', ?7, ?7)",
            CW_ARGS(CW_T(idem), CW_T(report), CW_T(row->job.id), CW_T(row->kit.kit), CW_T(body),
                    CW_T(action->code), CW_I(now)),
            f);
}

#define ITEM_COLUMNS                                                                                         \
        "o.id, o.idem, o.report, o.job, o.kit, i.entity, o.code, o.attempts, o.parked, o.last_error, "       \
        "o.created_ms, "                                                                                     \
        "o.next_at_ms, ifnull(json_extract(o.body, '$.same'), 0)"

static bool read_item(sqlite3_stmt *s, struct cw_outbox_item *ret) {
        char report[CW_REASON_CAP];
        *ret = (struct cw_outbox_item){.id = sqlite3_column_int64(s, 0)};
        cw_db_text(s, 1, ret->idem, sizeof ret->idem);
        cw_db_text(s, 2, report, sizeof report);
        cw_db_text(s, 3, ret->job, sizeof ret->job);
        cw_db_text(s, 4, ret->kit, sizeof ret->kit);
        cw_db_text(s, 5, ret->entity, sizeof ret->entity);
        cw_db_text(s, 6, ret->code, sizeof ret->code);
        ret->attempts = (uint32_t)sqlite3_column_int64(s, 7);
        ret->parked = sqlite3_column_int(s, 8) != 0;
        cw_db_text(s, 9, ret->last_error, sizeof ret->last_error);
        ret->created_ms = sqlite3_column_int64(s, 10);
        ret->next_at_ms = sqlite3_column_int64(s, 11);
        ret->same = (uint32_t)sqlite3_column_int64(s, 12);
        return cw_report_from_name(report, &ret->report);
}

static cw_rc read_items(struct cw_journal *j, sqlite3_stmt *s, struct cw_outbox_item *ret, size_t cap,
                        size_t *ret_count, struct cw_fault *f) {
        size_t n = 0;
        bool row = true;
        while (n < cap && row) {
                cw_rc rc = cw_db_step(j, s, &row, f);
                if (rc != CW_OK)
                        return rc;
                if (row && !read_item(s, &ret[n++]))
                        return cw_db_broken(j, "journal.outbox", f);
        }
        *ret_count = n;
        return CW_OK;
}

cw_rc cw_journal_outbox_next(struct cw_journal *j, struct cw_outbox_item *ret, size_t cap, size_t *ret_count,
                             struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(j,
                                 "SELECT " ITEM_COLUMNS
                                 " FROM outbox o JOIN inbox i ON i.kit = o.kit WHERE o.id IN"
                                 " (SELECT min(id) FROM outbox WHERE acked_ms IS NULL GROUP BY kit)"
                                 " AND o.parked = 0 AND (o.next_at_ms <= ?1 OR o.next_at_ms > ?1 + ?2)"
                                 " ORDER BY o.report = 'central', o.id",
                                 CW_ARGS(CW_I(cw_db_now_ms(j)), CW_I(DELAY_MAX_MS)), &s, f);
        return rc == CW_OK ? read_items(j, s, ret, cap, ret_count, f) : rc;
}

cw_rc cw_journal_outbox_list(struct cw_journal *j, struct cw_outbox_item *ret, size_t cap, size_t *ret_count,
                             struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(j,
                                 "SELECT " ITEM_COLUMNS " FROM outbox o JOIN inbox i ON i.kit = o.kit"
                                 " WHERE o.acked_ms IS NULL ORDER BY o.id",
                                 NULL, 0, &s, f);
        return rc == CW_OK ? read_items(j, s, ret, cap, ret_count, f) : rc;
}

cw_rc cw_journal_outbox_newest(struct cw_journal *j, int64_t *ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(j, "SELECT ifnull(max(id), 0) FROM outbox", NULL, 0, &s, f);
        if (rc == CW_OK)
                rc = cw_db_step(j, s, &row, f);
        if (rc == CW_OK)
                *ret = row ? sqlite3_column_int64(s, 0) : 0;
        return rc;
}

struct outbox_change {
        int64_t id;
        const char *code, *actor;
        int64_t delay_ms;
        bool park;
        const char *evidence; /* JSON text of an order made centrally */
        bool another_kit;
        bool followed; /* what becomes of the order is asked */
        bool refused;  /* code: why */
        const char *note;
        struct cw_outbox_item item;
        struct cw_change change;
};

static cw_rc load_item(struct cw_journal *j, struct outbox_change *c, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(
            j, "SELECT " ITEM_COLUMNS " FROM outbox o JOIN inbox i ON i.kit = o.kit WHERE o.id = ?1",
            CW_ARGS(CW_I(c->id)), &s, &row, f);
        if (rc != CW_OK)
                return rc;
        if (!row)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_NOT_FOUND), c->id, "journal.outbox", "",
                               "There is no such report in the outbox.");
        return read_item(s, &c->item) ? CW_OK : cw_db_broken(j, "journal.outbox", f);
}

static cw_rc follow_up(struct cw_journal *j, struct outbox_change *c, struct cw_fault *f) {
        struct cw_job_event event = {0};
        if (c->item.report == CW_REPORT_ACTIVATE)
                event.kind = CW_JE_ACTIVATED;
        else if (c->item.report == CW_REPORT_DELIVERED)
                event.kind = CW_JE_DELIVERED;
        else if (c->item.report == CW_REPORT_CENTRAL && c->refused) {
                event.kind = CW_JE_CENTRAL_REFUSED;
                (void)snprintf(event.code, sizeof event.code, "%s", c->code);
        } else if (c->item.report == CW_REPORT_CENTRAL)
                event = (struct cw_job_event){.kind = c->followed ? CW_JE_CENTRAL_ORDERED : CW_JE_DIVERTED,
                                              .ok = c->another_kit};
        else
                return CW_OK;
        struct cw_apply apply = {.job = c->item.job,
                                 .event = &event,
                                 .evidence = c->evidence ? c->evidence : "",
                                 .actor = c->actor ? c->actor : "server"};
        cw_rc rc = cw_apply_in_txn(j, &apply, f);
        if (rc == CW_OK)
                c->change = apply.change;
        return rc;
}

static cw_rc acked_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct outbox_change *c = ctx;
        struct cw_job_row row;
        cw_rc rc = load_item(j, c, f);
        if (rc == CW_OK)
                rc = cw_row_load(j, "id", c->item.job, &row, f);
        if (rc != CW_OK)
                return rc;
        c->change = (struct cw_change){.job = row.job};
        rc = cw_db_run(j,
                       "UPDATE outbox SET acked_ms = ?2, last_error = '' WHERE id = ?1 AND acked_ms IS NULL",
                       CW_ARGS(CW_I(c->id), CW_I(cw_db_now_ms(j))), f);
        if (rc != CW_OK || sqlite3_changes(j->db) == 0) {
                c->change.actions.unchanged = true;
                return rc;
        }
        struct cw_audit_row audit = {.actor = c->actor ? c->actor : "server",
                                     .what = c->refused ? "refused" : "reported",
                                     .job = c->item.job,
                                     .ref = c->item.idem,
                                     .detail = c->refused ? c->code : "",
                                     .digest = ""};
        rc = cw_audit_append(j, &audit, f);
        return rc == CW_OK ? follow_up(j, c, f) : rc;
}

cw_rc cw_journal_outbox_acked(struct cw_journal *j, int64_t id, struct cw_change *ret, struct cw_fault *f) {
        struct outbox_change c = {.id = id};
        cw_rc rc = cw_db_txn(j, acked_txn, &c, "outbox", "acked", f);
        if (rc == CW_OK)
                *ret = c.change;
        return rc;
}

cw_rc cw_journal_outbox_ordered(struct cw_journal *j, int64_t id, const struct cw_journal_order *order,
                                struct cw_change *ret, struct cw_fault *f) {
        CW_AUTO_MEM char *text = json_dumps(order->evidence, JSON_COMPACT | JSON_SORT_KEYS);
        struct outbox_change c = {
            .id = id, .evidence = text, .another_kit = order->another_kit, .followed = order->followed};
        if (!text || strlen(text) > CW_EVIDENCE_MAX)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_TOO_BIG), id, "journal.outbox", "",
                               "What is known of the central order does not fit into the journal.");
        cw_rc rc = cw_db_txn(j, acked_txn, &c, "outbox", "acked", f);
        if (rc == CW_OK)
                *ret = c.change;
        return rc;
}

cw_rc cw_journal_outbox_refused(struct cw_journal *j, int64_t id, const char *code, struct cw_change *ret,
                                struct cw_fault *f) {
        char cut[CW_REASON_CAP];
        (void)snprintf(cut, sizeof cut, "%s", code);
        struct outbox_change c = {.id = id, .refused = true, .code = cut};
        cw_rc rc = cw_db_txn(j, acked_txn, &c, "outbox", "acked", f);
        if (rc == CW_OK)
                *ret = c.change;
        return rc;
}

static cw_rc keep_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct outbox_change *c = ctx;
        cw_rc rc = load_item(j, c, f);
        return rc != CW_OK
                   ? rc
                   : cw_db_run(j, "UPDATE outbox SET body = json_set(body, '$.kept', json(?2)) WHERE id = ?1",
                               CW_ARGS(CW_I(c->id), CW_T(c->note)), f);
}

cw_rc cw_journal_outbox_keep(struct cw_journal *j, int64_t id, const json_t *note, struct cw_fault *f) {
        CW_AUTO_MEM char *text = note ? json_dumps(note, JSON_COMPACT) : strdup("null");
        struct outbox_change c = {.id = id, .note = text};
        if (!text)
                return cw_fail(f, CW_JRC(CW_C_RETRY, CW_E_NOMEM), 0, "journal.outbox", "", "Out of memory.");
        return cw_db_txn(j, keep_txn, &c, "outbox", "keep", f);
}

cw_rc cw_journal_outbox_kept(struct cw_journal *j, int64_t id, json_t **ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(j,
                                 "SELECT ifnull(json_extract(body, '$.kept'), '') FROM outbox WHERE id = ?1",
                                 CW_ARGS(CW_I(id)), &s, f);
        if (rc == CW_OK)
                rc = cw_db_step(j, s, &row, f);
        if (rc == CW_OK)
                *ret = row ? json_loads((const char *)sqlite3_column_text(s, 0), 0, NULL) : NULL;
        return rc;
}

cw_rc cw_journal_made_centrally(struct cw_journal *j, const char *kit, bool *ret, struct cw_fault *f) {
        int64_t count = 0;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_int(j,
                               "SELECT count(*) FROM event WHERE type = 'diverted' AND evidence <> ''"
                               " AND json_extract(evidence, '$.kit') = ?1",
                               CW_ARGS(CW_T(kit)), 0, &count, f);
        if (rc == CW_OK)
                *ret = count > 0;
        return rc;
}

cw_rc cw_journal_central_ahead(struct cw_journal *j, int64_t id, bool *ret, struct cw_fault *f) {
        int64_t count = 0;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_int(j,
                               "SELECT count(*) FROM outbox o JOIN inbox i ON i.kit = o.kit"
                               " JOIN inbox k ON k.entity = i.entity AND k.plastic_code = i.plastic_code"
                               " JOIN outbox e ON e.kit = k.kit WHERE o.id = ?1 AND e.id < o.id"
                               " AND e.acked_ms IS NULL AND e.report = 'central'",
                               CW_ARGS(CW_I(id)), 0, &count, f);
        if (rc == CW_OK)
                *ret = count > 0;
        return rc;
}

cw_rc cw_journal_central_order(struct cw_journal *j, const char *job, json_t **ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(j,
                                 "SELECT evidence FROM event WHERE job = ?1 AND type = 'central_ordered'"
                                 " ORDER BY n DESC LIMIT 1",
                                 CW_ARGS(CW_T(job)), &s, f);
        if (rc == CW_OK)
                rc = cw_db_step(j, s, &row, f);
        if (rc != CW_OK)
                return rc;
        json_t *order = row ? json_loads((const char *)sqlite3_column_text(s, 0), 0, NULL) : NULL;
        *ret = order ? order : json_object();
        return CW_OK;
}

static cw_rc failed_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct outbox_change *c = ctx;
        cw_rc rc = load_item(j, c, f);
        if (rc != CW_OK)
                return rc;
        int64_t delay = c->delay_ms < 0 ? 0 : c->delay_ms > DELAY_MAX_MS ? DELAY_MAX_MS : c->delay_ms;
        return cw_db_run(
            j,
            "UPDATE outbox SET attempts = attempts + 1, last_error = ?2, next_at_ms = ?3, parked = ?4,"
            " body = json_set(body, '$.same', iif(last_error = ?2, ifnull(json_extract(body, '$.same'), 0), "
            "0)"
            " + 1) WHERE id = ?1 AND acked_ms IS NULL",
            CW_ARGS(CW_I(c->id), CW_T(c->code), CW_I(cw_db_now_ms(j) + delay), CW_I(c->park)), f);
}

cw_rc cw_journal_outbox_failed(struct cw_journal *j, int64_t id, const char *code, int64_t delay_ms,
                               bool park, struct cw_fault *f) {
        char cut[CW_REASON_CAP];
        (void)snprintf(cut, sizeof cut, "%s", code);
        struct outbox_change c = {.id = id, .code = cut, .delay_ms = delay_ms, .park = park};
        return cw_db_txn(j, failed_txn, &c, "outbox", "failed", f);
}

static cw_rc unpark_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct outbox_change *c = ctx;
        cw_rc rc = load_item(j, c, f);
        if (rc != CW_OK)
                return rc;
        if (!c->item.parked)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_STATE), c->id, "journal.outbox", "",
                               "This report was not refused; it is sent by itself.");
        rc = cw_db_run(j,
                       "UPDATE outbox SET parked = 0, next_at_ms = ?2, body = json_set(body, '$.same', 0)"
                       " WHERE id = ?1",
                       CW_ARGS(CW_I(c->id), CW_I(cw_db_now_ms(j))), f);
        struct cw_audit_row audit = {.actor = c->actor,
                                     .what = "outbox.retry",
                                     .job = c->item.job,
                                     .ref = c->item.idem,
                                     .detail = "",
                                     .digest = ""};
        return rc == CW_OK ? cw_audit_append(j, &audit, f) : rc;
}

cw_rc cw_journal_outbox_unpark(struct cw_journal *j, int64_t id, const char *actor, struct cw_fault *f) {
        struct outbox_change c = {.id = id, .actor = actor};
        return cw_db_txn(j, unpark_txn, &c, "outbox", "unpark", f);
}

/* ---- a person's word on a central order ---- */

struct central_decision {
        const char *job;
        enum cw_central_word word;
        struct outbox_change order; /* evidence, actor */
        struct cw_change change;
};

/* The job's order that the server did not settle: parked, or nothing of it left yet. */
static cw_rc unsettled(struct cw_journal *j, struct central_decision *d, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc =
            cw_db_query(j,
                        "SELECT id, parked, json_extract(body, '$.kept') IS NULL FROM outbox WHERE job = ?1"
                        " AND report = 'central' AND acked_ms IS NULL",
                        CW_ARGS(CW_T(d->job)), &s, f);
        if (rc == CW_OK)
                rc = cw_db_step(j, s, &row, f);
        if (rc != CW_OK)
                return rc;
        if (!row)
                return cw_db_broken(j, "journal.central", f);
        d->order.id = sqlite3_column_int64(s, 0);
        if (sqlite3_column_int(s, 1) != 0 || sqlite3_column_int(s, 2) != 0)
                return CW_OK;
        return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_STATE), d->order.id, "journal.central", "",
                       "The order is being settled with the server, which takes care that it is made once; "
                       "nobody decides about it yet.");
}

static cw_rc decide_order(struct cw_journal *j, struct central_decision *d, struct cw_fault *f) {
        cw_rc rc = unsettled(j, d, f);
        if (rc != CW_OK)
                return rc;
        if (d->word == CW_CENTRAL_RETRY) {
                rc = unpark_txn(j, &d->order, f);
                d->change.actions.unchanged = true;
                return rc;
        }
        d->order.refused = d->word == CW_CENTRAL_NOT_ORDERED;
        rc = acked_txn(j, &d->order, f);
        d->change = d->order.change;
        return rc;
}

/* The order is there, and no card came of it, or nobody can tell. */
static cw_rc decide_production(struct cw_journal *j, struct central_decision *d, struct cw_fault *f) {
        static const struct cw_job_event events[] = {
            [CW_CENTRAL_ORDERED] = {.kind = CW_JE_DIVERTED},
            [CW_CENTRAL_NOT_ORDERED] = {.kind = CW_JE_CENTRAL_REFUSED, .code = CW_CENTRAL_BY_PERSON},
            [CW_CENTRAL_RETRY] = {.kind = CW_JE_DIVERT, .code = CW_CENTRAL_AGAIN},
        };
        struct cw_apply apply = {.job = d->job,
                                 .event = &events[d->word],
                                 .evidence = d->order.evidence ? d->order.evidence : "",
                                 .actor = d->order.actor};
        cw_rc rc = cw_apply_in_txn(j, &apply, f);
        if (rc == CW_OK)
                d->change = apply.change;
        return rc;
}

static cw_rc decide_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct central_decision *d = ctx;
        struct cw_job_row row;
        cw_rc rc = cw_row_load(j, "id", d->job, &row, f);
        if (rc != CW_OK)
                return rc;
        d->change = (struct cw_change){.job = row.job};
        enum cw_job_wait wait = row.job.wait;
        if (wait == CW_WAIT_CENTRAL)
                return decide_order(j, d, f);
        if (wait == CW_WAIT_CENTRAL_DECISION || (wait == CW_WAIT_PRODUCTION && d->word == CW_CENTRAL_ORDERED))
                return decide_production(j, d, f);
        return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_STATE), 0, "journal.central", "",
                       wait == CW_WAIT_PRODUCTION ? "Central production is making the card; only \"ordered\" "
                                                    "(stop asking for its status) can be said now."
                                                  : "This job was not given to central production.");
}

cw_rc cw_journal_central_decide(struct cw_journal *j, const char *job, enum cw_central_word word,
                                const struct cw_journal_order *order, const char *actor,
                                struct cw_change *ret, struct cw_fault *f) {
        CW_AUTO_MEM char *text =
            order->evidence ? json_dumps(order->evidence, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        struct central_decision d = {.job = job,
                                     .word = word,
                                     .order = {.code = CW_CENTRAL_BY_PERSON,
                                               .actor = actor,
                                               .evidence = text,
                                               .another_kit = order->another_kit,
                                               .followed = order->followed}};
        cw_rc rc = cw_db_txn(j, decide_txn, &d, "outbox", "central", f);
        if (rc == CW_OK)
                *ret = d.change;
        return rc;
}
