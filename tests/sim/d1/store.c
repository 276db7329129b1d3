/* SPDX-License-Identifier: Apache-2.0 */
#include "d1sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS token(token TEXT PRIMARY KEY, ends_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS assertion(jti TEXT PRIMARY KEY) STRICT;"
    "CREATE TABLE IF NOT EXISTS operation(serial INTEGER PRIMARY KEY, operation_id TEXT NOT NULL UNIQUE,"
    " card_id TEXT NOT NULL, request_id TEXT NOT NULL, channel TEXT NOT NULL, issuance TEXT NOT NULL,"
    " masked_pan TEXT NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER, detail TEXT NOT NULL,"
    " reason TEXT NOT NULL, batch INTEGER NOT NULL, sent TEXT NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS operation_card ON operation(card_id);";

static void die(struct d1sim *s, const char *what) {
        (void)fprintf(stderr, "d1-sim: database: %s: %s\n", what, sqlite3_errmsg(s->db));
        abort();
}

bool d1sim_store_open(struct d1sim *s, const char *path) {
        if (sqlite3_open(path, &s->db) == SQLITE_OK &&
            sqlite3_exec(s->db,
                         "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
                         NULL, NULL, NULL) == SQLITE_OK &&
            sqlite3_exec(s->db, SCHEMA, NULL, NULL, NULL) == SQLITE_OK)
                return true;
        (void)fprintf(stderr, "d1-sim: cannot use database %s: %s\n", path, sqlite3_errmsg(s->db));
        return false;
}

static sqlite3_stmt *prepare(struct d1sim *s, const char *sql, const char *fmt, va_list ap) {
        sqlite3_stmt *stmt = NULL;
        if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
                die(s, sql);
        for (int i = 1; fmt[i - 1]; i++) {
                int rc = fmt[i - 1] == 't'
                             ? sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT)
                             : sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
                if (rc != SQLITE_OK)
                        die(s, "bind");
        }
        return stmt;
}

sqlite3_stmt *d1sim_query(struct d1sim *s, const char *sql, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        sqlite3_stmt *stmt = prepare(s, sql, fmt, ap);
        va_end(ap);
        return stmt;
}

int64_t d1sim_int(struct d1sim *s, const char *sql, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        sqlite3_stmt *stmt = prepare(s, sql, fmt, ap);
        va_end(ap);
        int64_t value = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
        (void)sqlite3_finalize(stmt);
        return value;
}

void d1sim_run(struct d1sim *s, const char *sql, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        sqlite3_stmt *stmt = prepare(s, sql, fmt, ap);
        va_end(ap);
        if (sqlite3_step(stmt) != SQLITE_DONE)
                die(s, sql);
        (void)sqlite3_finalize(stmt);
}

const char *d1sim_column(sqlite3_stmt *stmt, int column) {
        const unsigned char *text = sqlite3_column_text(stmt, column);
        return text ? (const char *)text : "";
}
