/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, and the check that a file is a journal this version can read. */
#include "agent/journal/db.h"

#include <string.h>

#define APPLICATION_ID 0x43574a31 /* "CWJ1" */

static const char schema_sql[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE inbox("
    " kit TEXT PRIMARY KEY, entity TEXT NOT NULL, plastic_code TEXT NOT NULL, expiry TEXT NOT NULL,"
    " name TEXT NOT NULL, masked_pan TEXT NOT NULL, sealed TEXT, received_ms INTEGER NOT NULL) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE job("
    " n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kit TEXT NOT NULL UNIQUE REFERENCES "
    "inbox(kit),"
    " state TEXT NOT NULL, wait TEXT NOT NULL, resume TEXT NOT NULL, step TEXT NOT NULL, seq INTEGER NOT "
    "NULL,"
    " intent_open INTEGER NOT NULL, plastic INTEGER NOT NULL, place TEXT NOT NULL, at_where TEXT NOT NULL,"
    " key_tried INTEGER NOT NULL, ribbon_used INTEGER NOT NULL, doubted INTEGER NOT NULL, repeats INTEGER "
    "NOT NULL,"
    " remakes INTEGER NOT NULL, auto_visual INTEGER NOT NULL, pin TEXT NOT NULL, station TEXT NOT NULL,"
    " code TEXT NOT NULL, pan_hash TEXT NOT NULL, ended INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX job_open ON job(ended, n);"
    "CREATE INDEX job_pan_hash ON job(pan_hash);"
    "CREATE TABLE event("
    " job TEXT NOT NULL REFERENCES job(id), n INTEGER NOT NULL, kind TEXT NOT NULL CHECK(kind IN"
    " ('INTENT','OUTCOME','ATTEMPT','NOTE')), type TEXT NOT NULL, step TEXT NOT NULL, seq INTEGER NOT NULL,"
    " state TEXT NOT NULL, body TEXT NOT NULL, evidence TEXT NOT NULL, actor TEXT NOT NULL, at_ms INTEGER "
    "NOT NULL,"
    " PRIMARY KEY(job, n)) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER event_keep BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'append only'); END;"
    "CREATE TRIGGER event_stay BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'append only'); END;"
    "CREATE TABLE outbox("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, idem TEXT NOT NULL UNIQUE, report TEXT NOT NULL,"
    " job TEXT NOT NULL REFERENCES job(id), kit TEXT NOT NULL, body TEXT NOT NULL, code TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, parked INTEGER NOT NULL, last_error TEXT NOT NULL, created_ms INTEGER NOT "
    "NULL,"
    " next_at_ms INTEGER NOT NULL, acked_ms INTEGER) STRICT;"
    "CREATE INDEX outbox_unsent ON outbox(kit, id) WHERE acked_ms IS NULL;"
    "CREATE TABLE ledger("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, plastic_code TEXT NOT NULL, from_place TEXT NOT NULL,"
    " to_place TEXT NOT NULL, count INTEGER NOT NULL CHECK(count > 0), job TEXT REFERENCES job(id),"
    " plastic INTEGER NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    " CHECK(from_place <> to_place)) STRICT;"
    "CREATE TRIGGER ledger_keep BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'append only'); END;"
    "CREATE TRIGGER ledger_stay BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'append only'); END;"
    "CREATE VIEW posting AS"
    " SELECT id, plastic_code, from_place AS place, -count AS count, job FROM ledger UNION ALL"
    " SELECT id, plastic_code, to_place, count, job FROM ledger;"
    "CREATE TABLE release("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, kit TEXT NOT NULL REFERENCES inbox(kit), teller_uid INTEGER NOT "
    "NULL,"
    " kiosk TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    " ended TEXT CHECK(ended IN ('used', 'replaced')), ended_ms INTEGER) STRICT;"
    "CREATE TABLE key_try("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL REFERENCES job(id), seq INTEGER NOT NULL,"
    " card TEXT NOT NULL, kvn INTEGER NOT NULL, scp INTEGER NOT NULL, success INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX key_try_card ON key_try(card, kvn);"
    "CREATE TABLE audit("
    " n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, what TEXT NOT NULL, job TEXT NOT "
    "NULL,"
    " ref TEXT NOT NULL, detail TEXT NOT NULL, digest TEXT NOT NULL, hash TEXT NOT NULL) STRICT;"
    "CREATE TRIGGER audit_keep BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;"
    "CREATE TRIGGER audit_stay BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;"
    "INSERT INTO meta VALUES('generation', '0');"
    "PRAGMA application_id = 1129794097;"
    "PRAGMA user_version = 1;";

_Static_assert(APPLICATION_ID == 1129794097, "the schema sets the application id it checks");
_Static_assert(CW_JOURNAL_SCHEMA == 1, "the schema sets the version it checks");

/* Reads only: a file that is refused stays as it is. */
cw_rc cw_schema_check(struct cw_journal *j, bool *ret_new, struct cw_fault *f) {
        int64_t app = 0, version = 0, objects = 0;
        cw_rc rc = cw_db_int(j, "PRAGMA application_id", NULL, 0, 0, &app, f);
        if (rc == CW_OK)
                rc = cw_db_int(j, "PRAGMA user_version", NULL, 0, 0, &version, f);
        if (rc == CW_OK)
                rc = cw_db_int(j, "SELECT count(*) FROM sqlite_schema", NULL, 0, 0, &objects, f);
        if (rc != CW_OK)
                return rc;
        *ret_new = app == 0 && version == 0 && objects == 0;
        if (*ret_new)
                return CW_OK;
        if (app != APPLICATION_ID)
                return cw_fail(
                    f, CW_JRC(CW_C_OPERATOR, CW_E_MISMATCH), app, "journal.open", "",
                    "The journal file belongs to another program; move it away or set agent.state_dir.");
        if (version > CW_JOURNAL_SCHEMA)
                return cw_fail(
                    f, CW_JRC(CW_C_OPERATOR, CW_E_UNSUPPORTED), version, "journal.open", "",
                    "The journal was written by a newer cardwright (schema %lld, this one knows %d); "
                    "install that version again.",
                    (long long)version, CW_JOURNAL_SCHEMA);
        if (version < 1)
                return cw_fail(f, CW_JRC(CW_C_OPERATOR, CW_E_MISMATCH), version, "journal.open", "",
                               "The journal file has no valid schema version; keep it and ask for support.");
        return CW_OK;
}

static cw_rc create(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        (void)ctx;
        int rc = sqlite3_exec(j->db, schema_sql, NULL, NULL, NULL);
        return rc == SQLITE_OK ? CW_OK : cw_db_error(j, rc, "journal.schema", f);
}

cw_rc cw_schema_create(struct cw_journal *j, struct cw_fault *f) {
        return cw_db_txn(j, create, NULL, NULL, NULL, f);
}
