/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator's SQLite file: schema, statements, counters. The caller holds the simulator's lock. An error
 * of SQLite itself ends the process with a message: a test server that lost its state must not go on
 * answering.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/cleanup.h"

CW_DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_finalize);

/* Opens or creates the file; NULL with a message on stderr when it cannot be used. Close with sqlite3_close.
 */
sqlite3 *cw_dsim_store_open(const char *path);

/*
 * fmt has one letter a parameter: t = const char * (NULL is SQL NULL), i = int64_t, b = const void *, size_t.
 * query returns a bound statement for cw_dsim_store_step; finalize it. run steps to the end and returns the
 * number of changed rows, -1 when a UNIQUE or primary key constraint refused it. int returns the first column
 * of the first row, 0 when there is none.
 */
sqlite3_stmt *cw_dsim_store_query(sqlite3 *db, const char *sql, const char *fmt, ...);
int cw_dsim_store_run(sqlite3 *db, const char *sql, const char *fmt, ...);
int64_t cw_dsim_store_int(sqlite3 *db, const char *sql, const char *fmt, ...);
bool cw_dsim_store_step(sqlite3_stmt *stmt);

/* Statements without parameters: BEGIN, COMMIT, SAVEPOINT. */
void cw_dsim_store_exec(sqlite3 *db, const char *sql);

/* Text of a column, "" for NULL; valid until the next step. */
const char *cw_dsim_store_text(sqlite3_stmt *stmt, int column);

/* Named numbers that survive a restart: counters and serials. add returns the value after the addition. */
int64_t cw_dsim_store_add(sqlite3 *db, const char *name, int64_t amount);
int64_t cw_dsim_store_get(sqlite3 *db, const char *name);
