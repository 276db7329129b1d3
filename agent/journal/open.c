/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing: every setting is read back, and a file that cannot be trusted is refused untouched. */
#include "agent/journal/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LOCK_WAIT_MS 3000
#define RESERVE_BYTES ((int64_t)4 << 20)

/* The settings that make a commit durable and the file tamper-evident; text is what SQLite must read back. */
static const struct {
        const char *set, *get, *want;
} settings[] = {
    {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal"},
    {"PRAGMA synchronous=FULL", "PRAGMA synchronous", "2"},
    {"PRAGMA foreign_keys=ON", "PRAGMA foreign_keys", "1"},
    {"PRAGMA trusted_schema=OFF", "PRAGMA trusted_schema", "0"},
    {"PRAGMA cell_size_check=ON", "PRAGMA cell_size_check", "1"},
    {"PRAGMA secure_delete=ON", "PRAGMA secure_delete", "1"},
    {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA locking_mode", "exclusive"},
};

/* At open nothing is under way yet: what SQLite says is for a person, not a reason to say that state was
 * lost. */
static cw_rc refused(struct cw_journal *j, cw_rc rc, struct cw_fault *f) {
        if (f && cw_rc_class(rc) == CW_C_FATAL) {
                rc = CW_JRC(CW_C_OPERATOR, rc & 0xffffu);
                f->rc = rc;
        }
        j->dead = true;
        return rc;
}

static cw_rc one_text(struct cw_journal *j, const char *sql, char *ret, size_t cap, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(j, sql, NULL, 0, &s, &row, f);
        if (rc != CW_OK)
                return rc;
        ret[0] = '\0';
        if (row)
                cw_db_text(s, 0, ret, cap);
        return CW_OK;
}

static cw_rc apply_settings(struct cw_journal *j, struct cw_fault *f) {
        for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
                char got[32] = "";
                cw_rc rc = one_text(j, settings[i].set, got, sizeof got, f);
                if (rc == CW_OK)
                        rc = one_text(j, settings[i].get, got, sizeof got, f);
                if (rc != CW_OK)
                        return rc;
                if (strcmp(got, settings[i].want) != 0)
                        return cw_fail(
                            f, CW_JRC(CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "journal.settings", "",
                            "SQLite did not take \"%s\"; the file system of the state directory may lack "
                            "what the journal needs.",
                            settings[i].set);
        }
        return CW_OK;
}

static cw_rc quick_check(struct cw_journal *j, struct cw_fault *f) {
        char got[160] = "";
        cw_rc rc = one_text(j, "PRAGMA quick_check(1)", got, sizeof got, f);
        if (rc != CW_OK)
                return rc;
        if (strcmp(got, "ok") == 0)
                return CW_OK;
        return cw_fail(
            f, CW_JRC(CW_C_OPERATOR, CW_E_MISMATCH), SQLITE_CORRUPT, "journal.quick_check", "",
            "The journal file is damaged; it was left as it is. Restore it from a backup with support.");
}

/* The file is made by us, so that its mode does not depend on the umask. */
static cw_rc make_file(const char *path, struct cw_fault *f) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                int err = fd < 0 ? errno : EINVAL;
                if (fd >= 0)
                        (void)close(fd);
                return cw_fail(f, CW_JRC(CW_C_OPERATOR, CW_E_IO), err, "journal.open", "",
                               "The journal file cannot be opened (%s); check agent.state_dir and its owner.",
                               strerror(err));
        }
        (void)close(fd);
        return CW_OK;
}

static cw_rc open_db(struct cw_journal *j, const char *vfs, struct cw_fault *f) {
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
        int rc = sqlite3_open_v2(j->path, &j->db, flags, vfs);
        if (rc != SQLITE_OK)
                return cw_db_error(j, rc, "journal.open", f);
        (void)sqlite3_busy_timeout(j->db, LOCK_WAIT_MS);
        int set = 0;
        /* Until the file is known to be good, closing it must not write into it. */
        rc = sqlite3_db_config(j->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &set);
        if (rc == SQLITE_OK)
                rc = sqlite3_db_config(j->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &set);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(j->db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA mmap_size=0;", NULL, NULL,
                                  NULL);
        return rc == SQLITE_OK ? CW_OK : cw_db_error(j, rc, "journal.open", f);
}

static cw_rc next_generation(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        int64_t *ret = ctx;
        cw_rc rc = cw_db_run(j, "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'",
                             NULL, 0, f);
        if (rc == CW_OK)
                rc = cw_db_int(j, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation'", NULL, 0,
                               0, ret, f);
        return rc;
}

static cw_rc prepare_file(struct cw_journal *j, struct cw_fault *f) {
        bool fresh = false;
        cw_rc rc = cw_schema_check(j, &fresh, f);
        if (rc == CW_OK && !fresh)
                rc = quick_check(j, f);
        if (rc == CW_OK)
                rc = apply_settings(j, f);
        if (rc == CW_OK && fresh)
                rc = cw_schema_create(j, f);
        if (rc != CW_OK)
                return rc;
        int done = sqlite3_wal_checkpoint_v2(j->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        if (done != SQLITE_OK)
                return cw_db_error(j, done, "journal.checkpoint", f);
        int64_t generation = 0;
        rc = cw_db_txn(j, next_generation, &generation, NULL, NULL, f);
        int set = 0;
        if (rc == CW_OK && sqlite3_db_config(j->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, &set) != SQLITE_OK)
                rc = cw_db_broken(j, "journal.open", f);
        j->generation = (uint32_t)generation;
        return rc;
}

static bool set_paths(struct cw_journal *j, const char *path) {
        j->path = strdup(path);
        if (asprintf(&j->reserve_path, "%s.reserve", path) < 0)
                j->reserve_path = NULL;
        return j->path && j->reserve_path;
}

cw_rc cw_journal_open(const struct cw_journal_options *options, struct cw_journal **ret, struct cw_fault *f) {
        struct cw_fault local;
        struct cw_fault *fault = f ? f : &local;
        CW_AUTO(cw_journal_close) struct cw_journal *j = calloc(1, sizeof *j);
        if (!j)
                return cw_fail(fault, CW_JRC(CW_C_RETRY, CW_E_NOMEM), 0, "journal.open", "",
                               "Out of memory.");
        j->clock = options->clock;
        j->disk_free_min_mib = options->disk_free_min_mib;
        j->reserve_bytes = options->reserve_bytes > 0 ? options->reserve_bytes : RESERVE_BYTES;
        if (!set_paths(j, options->path))
                return cw_fail(fault, CW_JRC(CW_C_RETRY, CW_E_NOMEM), 0, "journal.open", "",
                               "Out of memory.");
        cw_rc rc = make_file(j->path, fault);
        if (rc == CW_OK)
                rc = open_db(j, options->vfs, fault);
        if (rc == CW_OK)
                rc = prepare_file(j, fault);
        if (rc != CW_OK)
                return refused(j, rc, fault);
        cw_db_reserve_make(j);
        *ret = CW_STEAL(j);
        return CW_OK;
}

void cw_journal_close(struct cw_journal *j) {
        (void)sqlite3_close(j->db);
        free(j->path);
        free(j->reserve_path);
        free(j);
}

uint32_t cw_journal_generation(const struct cw_journal *j) {
        return j->generation;
}

cw_rc cw_journal_backup(struct cw_journal *j, const char *path, struct cw_fault *f) {
        cw_rc rc = cw_db_alive(j, f);
        if (rc != CW_OK)
                return rc;
        if (access(path, F_OK) == 0)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_STATE), 0, "journal.backup", "",
                               "The backup file exists already; name a new one.");
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        rc = cw_db_query(j, "VACUUM INTO ?1", CW_ARGS(CW_T(path)), &s, f);
        /* Nothing of the journal itself can be hurt by a copy that fails. */
        if (rc == CW_OK && sqlite3_step(s) != SQLITE_DONE)
                rc = cw_fail(f, CW_JRC(CW_C_OPERATOR, CW_E_IO), sqlite3_extended_errcode(j->db),
                             "journal.backup", "",
                             "The backup could not be written; check the free space and the directory.");
        return rc;
}
