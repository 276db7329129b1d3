/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-over releases: one kit, one kiosk, a short time, once. */
#include "agent/journal/db.h"

#include <stdio.h>

#define TTL_MAX_MS 86400000

struct release_change {
        struct cw_release release;
        int64_t ttl_ms;
};

static cw_rc note(struct cw_journal *j, const struct cw_release *r, const char *job, const char *what,
                  struct cw_fault *f) {
        char actor[CW_ACTOR_CAP], ref[48], detail[160];
        (void)snprintf(actor, sizeof actor, "uid:%u", r->teller_uid);
        (void)snprintf(ref, sizeof ref, "release:%lld", (long long)r->id);
        (void)snprintf(detail, sizeof detail, "kiosk %s, until %lld", r->kiosk, (long long)r->expires_ms);
        struct cw_audit_row audit = {
            .actor = actor, .what = what, .job = job, .ref = ref, .detail = detail, .digest = ""};
        return cw_audit_append(j, &audit, f);
}

static cw_rc create_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct release_change *c = ctx;
        struct cw_release *r = &c->release;
        struct cw_job_row row;
        cw_rc rc = cw_row_load(j, "kit", r->kit, &row, f);
        if (rc != CW_OK)
                return rc;
        if (row.job.wait != CW_WAIT_HANDOVER)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_STATE), 0, "journal.release", "",
                               "This kit is not ready to be handed over. %s", cw_issuance_advice(&row.job));
        r->created_ms = cw_db_now_ms(j);
        r->expires_ms = r->created_ms + c->ttl_ms;
        rc = cw_db_run(
            j, "UPDATE release SET ended = 'replaced', ended_ms = ?2 WHERE kit = ?1 AND ended IS NULL",
            CW_ARGS(CW_T(r->kit), CW_I(r->created_ms)), f);
        if (rc == CW_OK)
                rc = cw_db_run(j,
                               "INSERT INTO release(kit, teller_uid, kiosk, created_ms, expires_ms)"
                               " VALUES(?1, ?2, ?3, ?4, ?5)",
                               CW_ARGS(CW_T(r->kit), CW_I(r->teller_uid), CW_T(r->kiosk), CW_I(r->created_ms),
                                       CW_I(r->expires_ms)),
                               f);
        r->id = sqlite3_last_insert_rowid(j->db);
        return rc == CW_OK ? note(j, r, row.job.id, "release", f) : rc;
}

cw_rc cw_journal_release_create(struct cw_journal *j, const char *kit, uint32_t teller_uid, const char *kiosk,
                                int64_t ttl_ms, struct cw_release *ret, struct cw_fault *f) {
        struct release_change c = {.ttl_ms = ttl_ms, .release = {.teller_uid = teller_uid}};
        int n = snprintf(c.release.kit, sizeof c.release.kit, "%s", kit);
        int m = snprintf(c.release.kiosk, sizeof c.release.kiosk, "%s", kiosk);
        if (n <= 0 || m <= 0 || (size_t)n >= sizeof c.release.kit || (size_t)m >= sizeof c.release.kiosk ||
            ttl_ms <= 0 || ttl_ms > TTL_MAX_MS)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_RANGE), ttl_ms, "journal.release", "",
                               "A release names one kit and one kiosk, and lasts at most a day.");
        cw_rc rc = cw_db_txn(j, create_txn, &c, "release", "create", f);
        if (rc == CW_OK)
                *ret = c.release;
        return rc;
}

/* A clock that was set back does not make a release last longer: it is void before it was made. */
static cw_rc find(struct cw_journal *j, const char *kit, const char *kiosk, struct cw_release *ret,
                  struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(
            j,
            "SELECT id, kit, teller_uid, kiosk, created_ms, expires_ms FROM release WHERE ended IS NULL"
            " AND kiosk = ?1 AND (?2 IS NULL OR kit = ?2) AND created_ms <= ?3 AND expires_ms > ?3"
            " ORDER BY id DESC LIMIT 1",
            CW_ARGS(CW_T(kiosk), CW_T(kit), CW_I(cw_db_now_ms(j))), &s, &row, f);
        if (rc != CW_OK)
                return rc;
        if (!row)
                return cw_fail(
                    f, CW_JRC(CW_C_REJECT, kit ? CW_E_DENIED : CW_E_NOT_FOUND), 0, "journal.release", "",
                    "There is no valid release for this kiosk; a teller has to release the kit anew.");
        struct cw_release r = {.id = sqlite3_column_int64(s, 0)};
        cw_db_text(s, 1, r.kit, sizeof r.kit);
        r.teller_uid = (uint32_t)sqlite3_column_int64(s, 2);
        cw_db_text(s, 3, r.kiosk, sizeof r.kiosk);
        r.created_ms = sqlite3_column_int64(s, 4);
        r.expires_ms = sqlite3_column_int64(s, 5);
        *ret = r;
        return CW_OK;
}

static cw_rc use_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct release_change *c = ctx;
        struct cw_release r;
        struct cw_job_row row;
        cw_rc rc = find(j, c->release.kit, c->release.kiosk, &r, f);
        if (rc == CW_OK)
                rc = cw_row_load(j, "kit", r.kit, &row, f);
        if (rc == CW_OK)
                rc = cw_db_run(j, "UPDATE release SET ended = 'used', ended_ms = ?2 WHERE id = ?1",
                               CW_ARGS(CW_I(r.id), CW_I(cw_db_now_ms(j))), f);
        if (rc == CW_OK)
                rc = note(j, &r, row.job.id, "release.used", f);
        if (rc == CW_OK)
                c->release = r;
        return rc;
}

cw_rc cw_journal_release_use(struct cw_journal *j, const char *kit, const char *kiosk, struct cw_release *ret,
                             struct cw_fault *f) {
        struct release_change c = {0};
        (void)snprintf(c.release.kit, sizeof c.release.kit, "%s", kit);
        (void)snprintf(c.release.kiosk, sizeof c.release.kiosk, "%s", kiosk);
        cw_rc rc = cw_db_txn(j, use_txn, &c, "release", "use", f);
        if (rc == CW_OK)
                *ret = c.release;
        return rc;
}

cw_rc cw_journal_release_pending(struct cw_journal *j, const char *kiosk, struct cw_release *ret,
                                 struct cw_fault *f) {
        cw_rc rc = cw_db_alive(j, f);
        return rc == CW_OK ? find(j, NULL, kiosk, ret, f) : rc;
}

/* Only the release's own use is undone: a newer one for the kit stands. */
static cw_rc reopen_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct release_change *c = ctx;
        struct cw_job_row row;
        cw_rc rc = cw_row_load(j, "kit", c->release.kit, &row, f);
        if (rc == CW_OK)
                rc = cw_db_run(
                    j,
                    "UPDATE release SET ended = NULL, ended_ms = NULL WHERE id = ?1 AND ended = 'used'"
                    " AND NOT EXISTS(SELECT 1 FROM release WHERE kit = ?2 AND id > ?1)",
                    CW_ARGS(CW_I(c->release.id), CW_T(c->release.kit)), f);
        if (rc == CW_OK && sqlite3_changes(j->db) == 1)
                rc = note(j, &c->release, row.job.id, "release.reopened", f);
        return rc;
}

cw_rc cw_journal_release_reopen(struct cw_journal *j, const struct cw_release *r, struct cw_fault *f) {
        struct release_change c = {.release = *r};
        return cw_db_txn(j, reopen_txn, &c, "release", "reopen", f);
}
