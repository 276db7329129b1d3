/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SCHEMA_VERSION 2
#define APPLICATION_ID 0x44534d31 /* "DSM1" */

static const char SCHEMA[] =
    "CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;"
    "CREATE TABLE secret_check(id INTEGER PRIMARY KEY, tag BLOB NOT NULL) STRICT;"
    "CREATE TABLE customer(entity_id TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, profile TEXT NOT NULL) "
    "STRICT;"
    "CREATE TABLE account(entity_id TEXT NOT NULL, account_no TEXT NOT NULL, account_type TEXT,"
    " PRIMARY KEY(entity_id, account_no)) STRICT;"
    "CREATE TABLE card_order(order_id TEXT PRIMARY KEY, serial INTEGER NOT NULL, order_name TEXT NOT NULL,"
    " branch_id TEXT NOT NULL, status TEXT NOT NULL, party_id TEXT, party_type TEXT, request TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, step_ms INTEGER NOT NULL, stuck INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE order_line(order_id TEXT NOT NULL, line INTEGER NOT NULL, product_id TEXT NOT NULL,"
    " quantity INTEGER NOT NULL, status TEXT NOT NULL, PRIMARY KEY(order_id, line)) STRICT;"
    "CREATE TABLE upload(file_name TEXT PRIMARY KEY, size INTEGER NOT NULL, sha256 BLOB NOT NULL,"
    " at_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE kit(kit_no TEXT PRIMARY KEY, serial INTEGER NOT NULL, parent_kit_no TEXT NOT NULL,"
    " product_id TEXT NOT NULL, branch_id TEXT NOT NULL, order_id TEXT, entity_id TEXT, account_no TEXT,"
    " account_is_number INTEGER NOT NULL DEFAULT 0, alias TEXT, fourth_line TEXT, issuance TEXT NOT NULL,"
    " emboss TEXT NOT NULL, status TEXT NOT NULL, delivery TEXT NOT NULL, masked_pan TEXT NOT NULL,"
    " pan_sealed BLOB NOT NULL, pan_tag BLOB NOT NULL UNIQUE, exp_year INTEGER NOT NULL,"
    " exp_month INTEGER NOT NULL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,"
    " activated_ms INTEGER, assigned_ms INTEGER, activations INTEGER NOT NULL DEFAULT 0,"
    " delivered INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX kit_entity ON kit(entity_id);"
    "CREATE INDEX kit_branch ON kit(branch_id);"
    "CREATE TABLE pin(kit_no TEXT PRIMARY KEY, salt BLOB, verifier BLOB, changed_ms INTEGER,"
    " set_count INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,"
    " locked INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE iv_used(purpose TEXT NOT NULL, iv BLOB NOT NULL, digest BLOB NOT NULL,"
    " PRIMARY KEY(purpose, iv)) STRICT;"
    "CREATE TABLE request(request_id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, digest BLOB NOT NULL,"
    " http INTEGER NOT NULL, response TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    " replays INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE transfer(serial INTEGER PRIMARY KEY, kit_no TEXT NOT NULL, from_branch TEXT NOT NULL,"
    " to_branch TEXT NOT NULL, creator TEXT, changer TEXT, approver TEXT, at_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE preference(kit_no TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY(kit_no, kind)) STRICT;"
    "CREATE TABLE wallet_load(serial INTEGER PRIMARY KEY, txn_id TEXT NOT NULL UNIQUE, kit_no TEXT NOT NULL,"
    " paise INTEGER NOT NULL, error TEXT, at_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE branch(branch_id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;";

static void store_die(sqlite3 *db, const char *what) {
        (void)fprintf(stderr, "dcms-sim: database: %s: %s\n", what, sqlite3_errmsg(db));
        abort();
}

static bool create_or_check(sqlite3 *db) {
        int64_t version = cw_dsim_store_int(db, "PRAGMA user_version", "");
        int64_t application = cw_dsim_store_int(db, "PRAGMA application_id", "");
        if (version == 0 && application == 0 &&
            cw_dsim_store_int(db, "SELECT count(*) FROM sqlite_schema", "") == 0) {
                char pragma[96];
                (void)snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                               APPLICATION_ID, SCHEMA_VERSION);
                cw_dsim_store_exec(db, "BEGIN IMMEDIATE");
                cw_dsim_store_exec(db, SCHEMA);
                cw_dsim_store_exec(db, pragma);
                cw_dsim_store_exec(db, "COMMIT");
                return true;
        }
        return version == SCHEMA_VERSION && application == APPLICATION_ID;
}

sqlite3 *cw_dsim_store_open(const char *path) {
        sqlite3 *db = NULL;
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
        if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK ||
            sqlite3_exec(db,
                         "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
                         NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(db, "BEGIN IMMEDIATE; COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
                (void)fprintf(stderr, "dcms-sim: cannot use database %s: %s\n", path, sqlite3_errmsg(db));
                (void)sqlite3_close(db);
                return NULL;
        }
        if (!create_or_check(db)) {
                (void)fprintf(stderr,
                              "dcms-sim: %s is not a database of this simulator version; name a new file\n",
                              path);
                (void)sqlite3_close(db);
                return NULL;
        }
        return db;
}

static void bind_all(sqlite3 *db, sqlite3_stmt *stmt, const char *fmt, va_list ap) {
        for (int i = 1; *fmt; i++, fmt++) {
                int rc = SQLITE_MISUSE;
                if (*fmt == 't') {
                        rc = sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
                } else if (*fmt == 'i') {
                        rc = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
                } else if (*fmt == 'b') {
                        const void *data = va_arg(ap, const void *);
                        rc = sqlite3_bind_blob64(stmt, i, data, va_arg(ap, size_t), SQLITE_TRANSIENT);
                }
                if (rc != SQLITE_OK)
                        store_die(db, "bind");
        }
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql, const char *fmt, va_list ap) {
        sqlite3_stmt *stmt = NULL;
        if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
                store_die(db, sql);
        bind_all(db, stmt, fmt, ap);
        return stmt;
}

sqlite3_stmt *cw_dsim_store_query(sqlite3 *db, const char *sql, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        sqlite3_stmt *stmt = prepare(db, sql, fmt, ap);
        va_end(ap);
        return stmt;
}

int cw_dsim_store_run(sqlite3 *db, const char *sql, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        CW_AUTO(sqlite3_finalize) sqlite3_stmt *stmt = prepare(db, sql, fmt, ap);
        va_end(ap);
        int rc = sqlite3_step(stmt);
        while (rc == SQLITE_ROW)
                rc = sqlite3_step(stmt);
        if (rc == SQLITE_CONSTRAINT)
                return -1;
        if (rc != SQLITE_DONE)
                store_die(db, sql);
        return sqlite3_changes(db);
}

int64_t cw_dsim_store_int(sqlite3 *db, const char *sql, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        CW_AUTO(sqlite3_finalize) sqlite3_stmt *stmt = prepare(db, sql, fmt, ap);
        va_end(ap);
        return cw_dsim_store_step(stmt) ? sqlite3_column_int64(stmt, 0) : 0;
}

bool cw_dsim_store_step(sqlite3_stmt *stmt) {
        int rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
                store_die(sqlite3_db_handle(stmt), "step");
        return rc == SQLITE_ROW;
}

void cw_dsim_store_exec(sqlite3 *db, const char *sql) {
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
                store_die(db, sql);
}

const char *cw_dsim_store_text(sqlite3_stmt *stmt, int column) {
        const unsigned char *text = sqlite3_column_text(stmt, column);
        return text ? (const char *)text : "";
}

int64_t cw_dsim_store_add(sqlite3 *db, const char *name, int64_t amount) {
        return cw_dsim_store_int(db,
                                 "INSERT INTO number VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE"
                                 " SET value = value + ?2 RETURNING value",
                                 "ti", name, amount);
}

int64_t cw_dsim_store_get(sqlite3 *db, const char *name) {
        return cw_dsim_store_int(db, "SELECT value FROM number WHERE name = ?1", "t", name);
}
