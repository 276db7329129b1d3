/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite underneath the journal: statements, transactions, one mapping of errors. Not for others. */
#pragma once

#include "agent/journal/journal.h"

#include <sqlite3.h>

#define CW_E_JOURNAL_FULL 0x100u

struct cw_journal {
        sqlite3 *db;
        const struct cw_clock *clock;
        char *path;
        char *reserve_path; /* its deletion frees the room to finish the step under way */
        int64_t disk_free_min_mib, reserve_bytes;
        uint32_t generation;
        bool reserve_used;
        bool dead; /* what is durable is not known: only a restart helps */
};

#define CW_JRC(cls, n) CW_RC(CW_L_JOURNAL, cls, n)

/* A bound argument: text (NULL = SQL NULL) or integer. */
struct cw_arg {
        bool is_text;
        const char *text;
        int64_t num;
};
#define CW_T(v) ((struct cw_arg){true, (v), 0})
#define CW_I(v) ((struct cw_arg){false, NULL, (int64_t)(v)})
#define CW_ARGS(...)                                                                                         \
        (const struct cw_arg[]){__VA_ARGS__},                                                                \
            sizeof((const struct cw_arg[]){__VA_ARGS__}) / sizeof(struct cw_arg)

static inline void cw_stmt_free(sqlite3_stmt *s) {
        (void)sqlite3_finalize(s);
}
CW_DEFINE_CLEANUP(sqlite3_stmt *, cw_stmt_free);

/* The fault of an SQLite result; FATAL marks the journal dead. */
cw_rc cw_db_error(struct cw_journal *j, int sqlite_rc, const char *op, struct cw_fault *f);
/* FATAL: a row is missing or impossible. */
cw_rc cw_db_broken(struct cw_journal *j, const char *op, struct cw_fault *f);

/* Prepares and binds. */
cw_rc cw_db_query(struct cw_journal *j, const char *sql, const struct cw_arg *args, size_t count,
                  sqlite3_stmt **ret, struct cw_fault *f);
/* Next row: *ret_row false at the end. */
cw_rc cw_db_step(struct cw_journal *j, sqlite3_stmt *s, bool *ret_row, struct cw_fault *f);
/* Both: the statement at its first row, if it has one. *ret is the caller's also when the step failed. */
cw_rc cw_db_first(struct cw_journal *j, const char *sql, const struct cw_arg *args, size_t count,
                  sqlite3_stmt **ret, bool *ret_row, struct cw_fault *f);
/* A statement without rows. */
cw_rc cw_db_run(struct cw_journal *j, const char *sql, const struct cw_arg *args, size_t count,
                struct cw_fault *f);
/* The integer in the first column of the first row; missing when there is no row. */
cw_rc cw_db_int(struct cw_journal *j, const char *sql, const struct cw_arg *args, size_t count,
                int64_t missing, int64_t *ret, struct cw_fault *f);
/* Text of a column, "" for NULL, cut to cap. */
void cw_db_text(sqlite3_stmt *s, int column, char *ret, size_t cap);

/* fn may run twice (the disk was full, the reserve was freed): it must set, not add to, what it returns. */
typedef cw_rc (*cw_txn_fn)(struct cw_journal *j, void *ctx, struct cw_fault *f);
/* One transaction. site and step name the failpoints agent.<site>.before|after[.<step>]; NULL = none. */
cw_rc cw_db_txn(struct cw_journal *j, cw_txn_fn fn, void *ctx, const char *site, const char *step,
                struct cw_fault *f);
/* FATAL when the journal is dead, else CW_OK: the first line of every read. */
cw_rc cw_db_alive(struct cw_journal *j, struct cw_fault *f);

void cw_db_reserve_make(struct cw_journal *j);
/* Free space of the journal's file system in MiB, -1 when unknown. */
int64_t cw_db_disk_free_mib(const struct cw_journal *j);
int64_t cw_db_now_ms(const struct cw_journal *j);

/* schema.c */
cw_rc cw_schema_check(struct cw_journal *j, bool *ret_new, struct cw_fault *f);
cw_rc cw_schema_create(struct cw_journal *j, struct cw_fault *f);

/* rows.c */
#define CW_JOB_COLUMNS                                                                                       \
        "j.id, j.state, j.wait, j.resume, j.step, j.seq, j.intent_open, j.plastic, j.place, j.at_where, "    \
        "j.key_tried, "                                                                                      \
        "j.ribbon_used, j.doubted, j.repeats, j.remakes, j.auto_visual, j.pin, j.station, j.code, "          \
        "j.pan_hash, "                                                                                       \
        "j.created_ms, j.updated_ms, i.kit, i.entity, i.plastic_code, i.expiry, i.name, i.masked_pan"
/* Reads CW_JOB_COLUMNS; false when a word is unknown. */
bool cw_row_read(sqlite3_stmt *s, struct cw_job_row *ret);
cw_rc cw_row_load(struct cw_journal *j, const char *where_column, const char *value, struct cw_job_row *ret,
                  struct cw_fault *f);
cw_rc cw_row_store(struct cw_journal *j, const struct cw_job *job, struct cw_fault *f);
bool cw_job_same(const struct cw_job *a, const struct cw_job *b);

/* events.c: an event as it is stored and folded. */
json_t *cw_event_to_json(const struct cw_job_event *e);
bool cw_event_from_json(const json_t *obj, struct cw_job_event *ret);

/* jobs.c: one event of one job inside a transaction. */
struct cw_apply {
        const char *job;
        const struct cw_job_event *event;
        const char *evidence; /* JSON text, "" = none */
        const char *actor;
        char named[CW_ACTOR_CAP]; /* when the actor is the job's station: which one */
        struct cw_change change;
};
cw_rc cw_apply_in_txn(struct cw_journal *j, struct cw_apply *a, struct cw_fault *f);

/* outbox.c, ledger.c: the durable actions, inside the transaction of their event. */
cw_rc cw_outbox_put(struct cw_journal *j, const struct cw_job_row *row, const struct cw_job_action *action,
                    int64_t event_n, struct cw_fault *f);
struct cw_posting {
        const char *plastic_code, *from, *to, *job, *actor, *reason;
        int64_t count, plastic;
};
cw_rc cw_ledger_post(struct cw_journal *j, const struct cw_posting *p, struct cw_fault *f);
cw_rc cw_ledger_move(struct cw_journal *j, const struct cw_job_row *row, const struct cw_job_action *action,
                     const char *actor, struct cw_fault *f);

/* audit.c: appends to the chain, inside a transaction. ref names the row the digest is of ("event:J1:3",
 * "ledger:7"). */
struct cw_audit_row {
        const char *actor, *what, *job, *ref, *detail;
        const char *digest; /* hex, "" = none */
};
#define CW_DIGEST_CAP 65
cw_rc cw_audit_append(struct cw_journal *j, const struct cw_audit_row *row, struct cw_fault *f);
/* Hex SHA-256 over the columns of the statement's current row, each with its length. */
bool cw_audit_digest_row(sqlite3_stmt *s, char ret[CW_DIGEST_CAP]);
cw_rc cw_audit_event(struct cw_journal *j, const char *job, int64_t n, const char *what, const char *actor,
                     struct cw_fault *f);
cw_rc cw_audit_ledger(struct cw_journal *j, int64_t id, const char *actor, const char *job,
                      struct cw_fault *f);
