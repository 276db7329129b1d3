/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/journal/db.h"

#include "base/failpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *error_text(int primary) {
        switch (primary) {
        case SQLITE_FULL:
                return "The disk is full; free space in the state directory and start again.";
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return "The journal file is damaged; keep it, and restore the state directory with support.";
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
                return "The journal file could not be written or read; check the disk and its permissions, "
                       "then start again.";
        case SQLITE_BUSY:
                return "Another process has the journal open; stop it first.";
        default:
                return "The journal refused an operation; this is a fault of the program, please report it.";
        }
}

cw_rc cw_db_error(struct cw_journal *j, int sqlite_rc, const char *op, struct cw_fault *f) {
        int primary = sqlite_rc & 0xff;
        if (primary == SQLITE_NOMEM)
                return cw_fail(f, CW_JRC(CW_C_RETRY, CW_E_NOMEM), sqlite_rc, op, "", "Out of memory.");
        cw_rc rc = CW_JRC(CW_C_FATAL, primary == SQLITE_FULL ? CW_E_JOURNAL_FULL : CW_E_IO);
        /* A full disk may be cured by the reserve; everything else leaves open what is durable. */
        if (primary != SQLITE_FULL)
                j->dead = true;
        return cw_fail(f, rc, sqlite_rc, op, "", "%s", error_text(primary));
}

cw_rc cw_db_broken(struct cw_journal *j, const char *op, struct cw_fault *f) {
        j->dead = true;
        return cw_fail(f, CW_JRC(CW_C_FATAL, CW_E_STATE), 0, op, "",
                       "A row of the journal is impossible; keep the file and ask for support.");
}

cw_rc cw_db_alive(struct cw_journal *j, struct cw_fault *f) {
        if (!j->dead)
                return CW_OK;
        return cw_fail(f, CW_JRC(CW_C_FATAL, CW_E_CLOSED), 0, "journal", "",
                       "The journal failed earlier; the daemon must be started again.");
}

static int bind_all(sqlite3_stmt *s, const struct cw_arg *args, size_t count) {
        int rc = SQLITE_OK;
        for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
                int at = (int)i + 1;
                if (!args[i].is_text)
                        rc = sqlite3_bind_int64(s, at, args[i].num);
                else if (args[i].text)
                        rc = sqlite3_bind_text(s, at, args[i].text, -1, SQLITE_TRANSIENT);
                else
                        rc = sqlite3_bind_null(s, at);
        }
        return rc;
}

cw_rc cw_db_query(struct cw_journal *j, const char *sql, const struct cw_arg *args, size_t count,
                  sqlite3_stmt **ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        int rc = sqlite3_prepare_v2(j->db, sql, -1, &s, NULL);
        if (rc == SQLITE_OK)
                rc = bind_all(s, args, count);
        if (rc != SQLITE_OK)
                return cw_db_error(j, rc, "journal.prepare", f);
        *ret = CW_STEAL(s);
        return CW_OK;
}

cw_rc cw_db_step(struct cw_journal *j, sqlite3_stmt *s, bool *ret_row, struct cw_fault *f) {
        int rc = sqlite3_step(s);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
                return cw_db_error(j, rc, "journal.step", f);
        *ret_row = rc == SQLITE_ROW;
        return CW_OK;
}

cw_rc cw_db_first(struct cw_journal *j, const char *sql, const struct cw_arg *args, size_t count,
                  sqlite3_stmt **ret, bool *ret_row, struct cw_fault *f) {
        cw_rc rc = cw_db_query(j, sql, args, count, ret, f);
        return rc == CW_OK ? cw_db_step(j, *ret, ret_row, f) : rc;
}

cw_rc cw_db_run(struct cw_journal *j, const char *sql, const struct cw_arg *args, size_t count,
                struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(j, sql, args, count, &s, &row, f);
        return rc;
}

cw_rc cw_db_int(struct cw_journal *j, const char *sql, const struct cw_arg *args, size_t count,
                int64_t missing, int64_t *ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(j, sql, args, count, &s, &row, f);
        if (rc == CW_OK)
                *ret = row ? sqlite3_column_int64(s, 0) : missing;
        return rc;
}

void cw_db_text(sqlite3_stmt *s, int column, char *ret, size_t cap) {
        const unsigned char *text = sqlite3_column_text(s, column);
        (void)snprintf(ret, cap, "%s", text ? (const char *)text : "");
}

int64_t cw_db_now_ms(const struct cw_journal *j) {
        return cw_wall_ms(j->clock);
}

int64_t cw_db_disk_free_mib(const struct cw_journal *j) {
        struct statvfs st;
        if (statvfs(j->path, &st) < 0)
                return -1;
        return (int64_t)((uint64_t)st.f_bavail * (uint64_t)st.f_frsize >> 20);
}

/* Failing to make the reserve is no error: the disk floor then refuses new kits. */
void cw_db_reserve_make(struct cw_journal *j) {
        int fd = open(j->reserve_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        j->reserve_used = fd < 0 || posix_fallocate(fd, 0, (off_t)j->reserve_bytes) != 0;
        if (j->reserve_used)
                (void)unlink(j->reserve_path);
        if (fd >= 0)
                (void)close(fd);
}

static bool reserve_free(struct cw_journal *j) {
        if (j->reserve_used)
                return false;
        j->reserve_used = true;
        return unlink(j->reserve_path) == 0;
}

/* With CW_FAILPOINTS both the plain site and the one of the step are hit, so that a plan can name either. */
static bool failpoint(const char *site, const char *when, const char *step) {
#ifdef CW_FAILPOINTS
        char name[96];
        if (!site)
                return false;
        (void)snprintf(name, sizeof name, "agent.%s.%s", site, when);
        if (CW_FAILPOINT(name))
                return true;
        (void)snprintf(name, sizeof name, "agent.%s.%s.%s", site, when, step ? step : "none");
        return CW_FAILPOINT(name);
#else
        (void)site;
        (void)when;
        (void)step;
        return false;
#endif
}

static cw_rc txn_once(struct cw_journal *j, cw_txn_fn fn, void *ctx, struct cw_fault *f) {
        cw_rc rc = cw_db_run(j, "BEGIN IMMEDIATE", NULL, 0, f);
        if (rc != CW_OK)
                return rc;
        rc = fn(j, ctx, f);
        if (rc == CW_OK)
                rc = cw_db_run(j, "COMMIT", NULL, 0, f);
        if (rc != CW_OK && !sqlite3_get_autocommit(j->db)) {
                int undo = sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
                if (undo != SQLITE_OK)
                        j->dead = true;
        }
        return rc;
}

static cw_rc injected(struct cw_journal *j, struct cw_fault *f) {
        j->dead = true;
        return cw_fail(f, CW_JRC(CW_C_FATAL, CW_E_IO), 0, "journal.failpoint", "", "%s",
                       error_text(SQLITE_IOERR));
}

cw_rc cw_db_txn(struct cw_journal *j, cw_txn_fn fn, void *ctx, const char *site, const char *step,
                struct cw_fault *f) {
        cw_rc rc = cw_db_alive(j, f);
        if (rc != CW_OK)
                return rc;
        if (failpoint(site, "before", step))
                return injected(j, f);
        const cw_rc full = CW_JRC(CW_C_FATAL, CW_E_JOURNAL_FULL);
        rc = txn_once(j, fn, ctx, f);
        if (rc == full && !j->dead && reserve_free(j))
                rc = txn_once(j, fn, ctx, f);
        if (cw_rc_class(rc) == CW_C_FATAL)
                j->dead = true;
        if (failpoint(site, "after", step))
                return injected(j, f);
        return rc;
}
