/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: each row's hash covers the row and the hash before it, and the digest of the event or ledger
 * row it stands for. A changed, missing or added row anywhere breaks the chain from there on.
 */
#include "agent/journal/db.h"

#include "base/buf.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BYTES 32

struct hasher {
        EVP_MD_CTX *ctx;
        bool bad;
};

static bool hasher_init(struct hasher *h) {
        h->ctx = EVP_MD_CTX_new();
        h->bad = !h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1;
        return !h->bad;
}

/* Length first: no two different rows give the same bytes. */
static void hash_field(struct hasher *h, const void *bytes, size_t len) {
        uint8_t prefix[4];
        struct cw_writer w;
        cw_writer_init(&w, prefix, sizeof prefix);
        cw_put_be32(&w, (uint32_t)len);
        if (h->bad || EVP_DigestUpdate(h->ctx, prefix, sizeof prefix) != 1 ||
            (len > 0 && EVP_DigestUpdate(h->ctx, bytes, len) != 1))
                h->bad = true;
}

static bool hasher_done(struct hasher *h, char ret[CW_DIGEST_CAP]) {
        uint8_t out[HASH_BYTES];
        unsigned n = 0;
        bool good = !h->bad && EVP_DigestFinal_ex(h->ctx, out, &n) == 1 && n == sizeof out &&
                    cw_hex_encode(out, sizeof out, ret, CW_DIGEST_CAP);
        EVP_MD_CTX_free(h->ctx);
        return good;
}

bool cw_audit_digest_row(sqlite3_stmt *s, char ret[CW_DIGEST_CAP]) {
        struct hasher h;
        (void)hasher_init(&h);
        for (int i = 0; i < sqlite3_column_count(s); i++) {
                const unsigned char *text = sqlite3_column_text(s, i);
                hash_field(&h, text, text ? (size_t)sqlite3_column_bytes(s, i) : 0);
        }
        return hasher_done(&h, ret);
}

struct entry {
        int64_t n, at_ms;
        const char *actor, *what, *job, *ref, *detail, *digest;
};

static bool hash_entry(const struct entry *e, const char *previous, char ret[CW_DIGEST_CAP]) {
        char n[24], at[24];
        (void)snprintf(n, sizeof n, "%lld", (long long)e->n);
        (void)snprintf(at, sizeof at, "%lld", (long long)e->at_ms);
        const char *const fields[] = {previous, n,      at,        e->actor, e->what,
                                      e->job,   e->ref, e->detail, e->digest};
        struct hasher h;
        (void)hasher_init(&h);
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
                hash_field(&h, fields[i], strlen(fields[i]));
        return hasher_done(&h, ret);
}

static cw_rc read_head(struct cw_journal *j, int64_t *ret_n, char ret[CW_DIGEST_CAP], struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(j, "SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1", NULL, 0, &s, &row, f);
        if (rc != CW_OK)
                return rc;
        *ret_n = row ? sqlite3_column_int64(s, 0) : 0;
        ret[0] = '\0';
        if (row)
                cw_db_text(s, 1, ret, CW_DIGEST_CAP);
        return CW_OK;
}

cw_rc cw_audit_append(struct cw_journal *j, const struct cw_audit_row *row, struct cw_fault *f) {
        char previous[CW_DIGEST_CAP], hash[CW_DIGEST_CAP];
        struct entry e = {.actor = row->actor,
                          .what = row->what,
                          .job = row->job,
                          .ref = row->ref,
                          .detail = row->detail,
                          .digest = row->digest,
                          .at_ms = cw_db_now_ms(j)};
        cw_rc rc = read_head(j, &e.n, previous, f);
        if (rc != CW_OK)
                return rc;
        e.n++;
        if (!hash_entry(&e, previous, hash))
                return cw_db_broken(j, "journal.audit", f);
        rc = cw_db_run(j, "INSERT INTO audit VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                       CW_ARGS(CW_I(e.n), CW_I(e.at_ms), CW_T(e.actor), CW_T(e.what), CW_T(e.job),
                               CW_T(e.ref), CW_T(e.detail), CW_T(e.digest), CW_T(hash)),
                       f);
        /* The head beside the chain shows a chain that was cut at its end. */
        if (rc == CW_OK)
                rc = cw_db_run(
                    j, "INSERT INTO meta VALUES('audit_head', ?1) ON CONFLICT(key) DO UPDATE SET value = ?1",
                    CW_ARGS(CW_T(hash)), f);
        return rc;
}

static const char event_sql[] =
    "SELECT job, n, kind, type, step, seq, state, body, evidence, actor, at_ms FROM event"
    " WHERE job = ?1 AND n = ?2";
static const char ledger_sql[] =
    "SELECT id, plastic_code, from_place, to_place, count, coalesce(job, ''), plastic, actor,"
    " reason, at_ms FROM ledger WHERE id = ?1";

/* Digest of the one row the statement finds; "" when it is gone. */
static cw_rc digest_of(struct cw_journal *j, const char *sql, const struct cw_arg *args, size_t count,
                       char ret[CW_DIGEST_CAP], struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_first(j, sql, args, count, &s, &row, f);
        if (rc != CW_OK)
                return rc;
        ret[0] = '\0';
        if (row && !cw_audit_digest_row(s, ret))
                return cw_db_broken(j, "journal.audit", f);
        return CW_OK;
}

cw_rc cw_audit_event(struct cw_journal *j, const char *job, int64_t n, const char *what, const char *actor,
                     struct cw_fault *f) {
        char ref[64], digest[CW_DIGEST_CAP];
        (void)snprintf(ref, sizeof ref, "event:%s:%lld", job, (long long)n);
        cw_rc rc = digest_of(j, event_sql, CW_ARGS(CW_T(job), CW_I(n)), digest, f);
        struct cw_audit_row row = {
            .actor = actor, .what = what, .job = job, .ref = ref, .detail = "", .digest = digest};
        return rc == CW_OK ? cw_audit_append(j, &row, f) : rc;
}

cw_rc cw_audit_ledger(struct cw_journal *j, int64_t id, const char *actor, const char *job,
                      struct cw_fault *f) {
        char ref[64], digest[CW_DIGEST_CAP];
        (void)snprintf(ref, sizeof ref, "ledger:%lld", (long long)id);
        cw_rc rc = digest_of(j, ledger_sql, CW_ARGS(CW_I(id)), digest, f);
        struct cw_audit_row row = {
            .actor = actor, .what = "stock", .job = job, .ref = ref, .detail = "", .digest = digest};
        return rc == CW_OK ? cw_audit_append(j, &row, f) : rc;
}

static cw_rc audit_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        return cw_audit_append(j, ctx, f);
}

cw_rc cw_journal_audit(struct cw_journal *j, const char *what, const char *actor, const json_t *detail,
                       struct cw_fault *f) {
        CW_AUTO_MEM char *text = detail ? json_dumps(detail, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (text && strlen(text) > CW_EVIDENCE_MAX)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_TOO_BIG), 0, "journal.audit", "",
                               "The audit detail is too long.");
        struct cw_audit_row row = {
            .actor = actor, .what = what, .job = "", .ref = "", .detail = text ? text : "", .digest = ""};
        return cw_db_txn(j, audit_txn, &row, "audit", "note", f);
}

/* ---- verification ---- */

static bool ref_number(const char *text, int64_t *ret) {
        char *end = NULL;
        errno = 0;
        long long n = strtoll(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
                return false;
        *ret = n;
        return true;
}

/* "event:JOB:N" */
static bool ref_event(const char *ref, char ret_job[CW_JOB_ID_CAP], int64_t *ret_n) {
        const char *job = strncmp(ref, "event:", 6) == 0 ? ref + 6 : "";
        size_t len = strcspn(job, ":");
        if (len == 0 || len >= CW_JOB_ID_CAP || job[len] != ':')
                return false;
        memcpy(ret_job, job, len);
        ret_job[len] = '\0';
        return ref_number(job + len + 1, ret_n);
}

static cw_rc digest_fits(struct cw_journal *j, const struct entry *e, bool *ret, struct cw_fault *f) {
        char digest[CW_DIGEST_CAP] = "", job[CW_JOB_ID_CAP];
        int64_t n = 0;
        cw_rc rc = CW_OK;
        if (ref_event(e->ref, job, &n))
                rc = digest_of(j, event_sql, CW_ARGS(CW_T(job), CW_I(n)), digest, f);
        else if (strncmp(e->ref, "ledger:", 7) == 0 && ref_number(e->ref + 7, &n))
                rc = digest_of(j, ledger_sql, CW_ARGS(CW_I(n)), digest, f);
        *ret = strcmp(digest, e->digest) == 0;
        return rc;
}

static void read_entry(sqlite3_stmt *s, struct entry *e) {
        *e = (struct entry){.n = sqlite3_column_int64(s, 0),
                            .at_ms = sqlite3_column_int64(s, 1),
                            .actor = (const char *)sqlite3_column_text(s, 2),
                            .what = (const char *)sqlite3_column_text(s, 3),
                            .job = (const char *)sqlite3_column_text(s, 4),
                            .ref = (const char *)sqlite3_column_text(s, 5),
                            .detail = (const char *)sqlite3_column_text(s, 6),
                            .digest = (const char *)sqlite3_column_text(s, 7)};
}

static cw_rc check_entry(struct cw_journal *j, sqlite3_stmt *s, struct cw_audit_check *c,
                         struct cw_fault *f) {
        struct entry e;
        char hash[CW_DIGEST_CAP];
        bool fits = false;
        read_entry(s, &e);
        if (!hash_entry(&e, c->head, hash))
                return cw_db_broken(j, "journal.audit", f);
        cw_rc rc = digest_fits(j, &e, &fits, f);
        const char *stored = (const char *)sqlite3_column_text(s, 8);
        c->rows++;
        if (rc == CW_OK && (e.n != c->rows || !fits || strcmp(stored, hash) != 0) && c->bad_row == 0)
                c->bad_row = c->rows;
        (void)snprintf(c->head, sizeof c->head, "%s", stored);
        return rc;
}

/* Rows without an audit row, or a head that is not the last row: counted as the row after the last. */
static cw_rc check_ends(struct cw_journal *j, struct cw_audit_check *c, struct cw_fault *f) {
        int64_t loose = 0, head = 0;
        cw_rc rc = cw_db_int(
            j,
            "SELECT abs((SELECT count(*) FROM event) - (SELECT count(*) FROM audit WHERE ref LIKE 'event:%'))"
            " + abs((SELECT count(*) FROM ledger) - (SELECT count(*) FROM audit WHERE ref LIKE 'ledger:%'))",
            NULL, 0, 0, &loose, f);
        if (rc == CW_OK)
                rc = cw_db_int(j,
                               "SELECT coalesce((SELECT value FROM meta WHERE key = 'audit_head'), '') = ?1",
                               CW_ARGS(CW_T(c->head)), 0, &head, f);
        if (rc == CW_OK && c->bad_row == 0 && (loose != 0 || head != 1))
                c->bad_row = c->rows + 1;
        return rc;
}

cw_rc cw_journal_audit_verify(struct cw_journal *j, struct cw_audit_check *ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        struct cw_audit_check c = {0};
        bool row = true;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(
                    j, "SELECT n, at_ms, actor, what, job, ref, detail, digest, hash FROM audit ORDER BY n",
                    NULL, 0, &s, f);
        while (rc == CW_OK && row) {
                rc = cw_db_step(j, s, &row, f);
                if (rc == CW_OK && row)
                        rc = check_entry(j, s, &c, f);
        }
        if (rc == CW_OK)
                rc = check_ends(j, &c, f);
        if (rc != CW_OK)
                return rc;
        c.intact = c.bad_row == 0;
        *ret = c;
        return CW_OK;
}

cw_rc cw_journal_audit_tail(struct cw_journal *j, unsigned limit, json_t **ret, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        CW_AUTO_JSON json_t *list = json_array();
        bool row = true;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc = cw_db_query(j,
                                 "SELECT n, at_ms, actor, what, job, hash, detail FROM"
                                 " (SELECT * FROM audit ORDER BY n DESC LIMIT ?1) ORDER BY n",
                                 CW_ARGS(CW_I(limit)), &s, f);
        while (rc == CW_OK && row) {
                rc = cw_db_step(j, s, &row, f);
                if (rc != CW_OK || !row)
                        break;
                json_t *item = json_pack(
                    "{s:I, s:I, s:s, s:s, s:s, s:s, s:s}", "n", (json_int_t)sqlite3_column_int64(s, 0),
                    "at_ms", (json_int_t)sqlite3_column_int64(s, 1), "actor",
                    (const char *)sqlite3_column_text(s, 2), "what", (const char *)sqlite3_column_text(s, 3),
                    "job", (const char *)sqlite3_column_text(s, 4), "hash",
                    (const char *)sqlite3_column_text(s, 5), "detail",
                    (const char *)sqlite3_column_text(s, 6));
                if (json_array_append_new(list, item) < 0)
                        rc = cw_fail(f, CW_JRC(CW_C_RETRY, CW_E_NOMEM), 0, "journal.audit", "",
                                     "Out of memory.");
        }
        if (rc == CW_OK)
                *ret = CW_STEAL(list);
        return rc;
}
