/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: each function is one transaction of event, projection, outbox, ledger and audit. */
#include "agent/journal/db.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#define ACTOR_STATION "station"

static const char *kind_of(const struct cw_job_event *e, const struct cw_job *after) {
        switch (e->kind) {
        case CW_JE_INTENT:
                return after->intent_open ? "INTENT" : "NOTE";
        case CW_JE_PIN_INTENT:
                return "INTENT";
        case CW_JE_RESULT:
        case CW_JE_VERDICT:
        case CW_JE_DECISION:
        case CW_JE_PIN_SET:
        case CW_JE_PIN_FAILED:
                return "OUTCOME";
        case CW_JE_ATTEMPT:
                return "ATTEMPT";
        default:
                return "NOTE";
        }
}

static cw_rc put_event(struct cw_journal *j, const struct cw_apply *a, const struct cw_job *after, int64_t n,
                       struct cw_fault *f) {
        CW_AUTO_JSON json_t *obj = cw_event_to_json(a->event);
        CW_AUTO_MEM char *body = obj ? json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (!body)
                return cw_fail(f, CW_JRC(CW_C_RETRY, CW_E_NOMEM), 0, "journal.event", "", "Out of memory.");
        cw_rc rc =
            cw_db_run(j,
                      "INSERT INTO event(job, n, kind, type, step, seq, state, body, evidence, actor, at_ms)"
                      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                      CW_ARGS(CW_T(a->job), CW_I(n), CW_T(kind_of(a->event, after)),
                              CW_T(cw_job_event_name(a->event->kind)), CW_T(cw_step_name(a->event->step)),
                              CW_I(a->event->seq), CW_T(cw_job_state_name(after->state)), CW_T(body),
                              CW_T(a->evidence), CW_T(a->actor), CW_I(cw_db_now_ms(j))),
                      f);
        if (rc == CW_OK)
                rc = cw_audit_event(j, a->job, n, cw_job_event_name(a->event->kind), a->actor, f);
        return rc;
}

static cw_rc put_durable(struct cw_journal *j, const struct cw_apply *a, const struct cw_job_row *row,
                         int64_t n, struct cw_fault *f) {
        cw_rc rc = CW_OK;
        const struct cw_job_actions *actions = &a->change.actions;
        for (unsigned i = 0; i < actions->count && rc == CW_OK; i++) {
                const struct cw_job_action *action = &actions->list[i];
                if (action->kind == CW_JA_REPORT)
                        rc = cw_outbox_put(j, row, action, n, f);
                else if (action->kind == CW_JA_MOVE)
                        rc = cw_ledger_move(j, row, action, a->actor, f);
                else if (action->kind == CW_JA_FORGET_SEALED)
                        rc = cw_db_run(j, "UPDATE inbox SET sealed = NULL WHERE kit = ?1",
                                       CW_ARGS(CW_T(row->kit.kit)), f);
        }
        return rc;
}

/* A personalised chip proves the key: the tries that led there no longer count against the card. */
static cw_rc clear_key_tries(struct cw_journal *j, const struct cw_apply *a, const struct cw_job *after,
                             struct cw_fault *f) {
        bool chip =
            a->event->step == CW_STEP_CHIP && after->state == CW_JOB_CHIP && a->event->kind == CW_JE_RESULT;
        if (!chip)
                return CW_OK;
        return cw_db_run(j,
                         "UPDATE key_try SET success = 1 WHERE card IN"
                         " (SELECT card FROM key_try WHERE job = ?1 AND seq = ?2)",
                         CW_ARGS(CW_T(a->job), CW_I(a->event->seq)), f);
}

cw_rc cw_apply_in_txn(struct cw_journal *j, struct cw_apply *a, struct cw_fault *f) {
        struct cw_job_row row;
        cw_rc rc = cw_row_load(j, "id", a->job, &row, f);
        if (rc != CW_OK)
                return rc;
        a->change.job = row.job;
        if (strcmp(a->actor, ACTOR_STATION) == 0) {
                (void)snprintf(a->named, sizeof a->named, ACTOR_STATION ":%s", row.job.station);
                a->actor = a->named;
        }
        rc = cw_issuance_apply(&a->change.job, a->event, &a->change.actions);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "journal.apply", "", "Job %s: %s.", row.job.id,
                               a->change.actions.why ? a->change.actions.why : "refused");
        if (a->change.actions.unchanged)
                return CW_OK;
        int64_t n = 0;
        rc = cw_db_int(j, "SELECT coalesce(max(n), 0) + 1 FROM event WHERE job = ?1", CW_ARGS(CW_T(a->job)),
                       0, &n, f);
        if (rc == CW_OK)
                rc = put_event(j, a, &a->change.job, n, f);
        if (rc == CW_OK)
                rc = cw_row_store(j, &a->change.job, f);
        row.job = a->change.job;
        if (rc == CW_OK)
                rc = put_durable(j, a, &row, n, f);
        if (rc == CW_OK)
                rc = clear_key_tries(j, a, &a->change.job, f);
        return rc;
}

/* Evidence is for people: one that is too large or broken must not stop an outcome from becoming durable. */
static char *evidence_text(const json_t *evidence) {
        char *text = evidence ? json_dumps(evidence, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (text && strlen(text) > CW_EVIDENCE_MAX) {
                free(text);
                text = strdup("{\"dropped\":\"too large\"}");
        }
        return text;
}

static const char *site_of(enum cw_job_event_kind kind) {
        switch (kind) {
        case CW_JE_INTENT:
        case CW_JE_PIN_INTENT:
                return "intent";
        case CW_JE_RESULT:
        case CW_JE_VERDICT:
        case CW_JE_DECISION:
        case CW_JE_PIN_SET:
        case CW_JE_PIN_FAILED:
                return "outcome";
        case CW_JE_ATTEMPT:
                return "attempt";
        default:
                return "note";
        }
}

static const char *site_step(const struct cw_job_event *e) {
        switch (e->kind) {
        case CW_JE_PIN_INTENT:
        case CW_JE_PIN_SET:
        case CW_JE_PIN_FAILED:
                return "pin";
        case CW_JE_ATTEMPT:
                return "chip";
        default:
                return e->step != CW_STEP_NONE ? cw_step_name(e->step) : cw_job_event_name(e->kind);
        }
}

static cw_rc apply_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        return cw_apply_in_txn(j, ctx, f);
}

/* fn sees a struct cw_apply as the first member of ctx. */
static cw_rc run_apply(struct cw_journal *j, cw_txn_fn fn, void *ctx, const json_t *evidence,
                       struct cw_change *ret, struct cw_fault *f) {
        struct cw_apply *a = ctx;
        CW_AUTO_MEM char *text = evidence_text(evidence);
        a->evidence = text ? text : "";
        cw_rc rc = cw_db_txn(j, fn, ctx, site_of(a->event->kind), site_step(a->event), f);
        if (rc == CW_OK)
                *ret = a->change;
        return rc;
}

cw_rc cw_journal_apply(struct cw_journal *j, const char *job, const struct cw_job_event *event,
                       const json_t *evidence, const char *actor, struct cw_change *ret, struct cw_fault *f) {
        struct cw_apply a = {.job = job, .event = event, .actor = actor ? actor : ""};
        return run_apply(j, apply_txn, &a, evidence, ret, f);
}

/* ---- a new kit ---- */

struct accept {
        const struct cw_kit *kit;
        const char *sealed;
        bool auto_visual;
        bool is_new;
        struct cw_change change;
};

static cw_rc insert_job(struct cw_journal *j, struct accept *a, char *id, size_t cap, struct cw_fault *f) {
        const struct cw_kit *k = a->kit;
        int64_t now = cw_db_now_ms(j);
        cw_rc rc = cw_db_run(j, "INSERT INTO inbox VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                             CW_ARGS(CW_T(k->kit), CW_T(k->entity), CW_T(k->plastic_code), CW_T(k->expiry),
                                     CW_T(k->name), CW_T(k->masked_pan), CW_T(a->sealed), CW_I(now)),
                             f);
        int64_t n = 0;
        if (rc == CW_OK)
                rc = cw_db_int(j, "SELECT coalesce(max(n), 0) + 1 FROM job", NULL, 0, 0, &n, f);
        if (rc != CW_OK)
                return rc;
        (void)snprintf(id, cap, "J%06lld", (long long)n);
        return cw_db_run(
            j,
            "INSERT INTO job(id, kit, state, wait, resume, step, seq, intent_open, plastic, place,"
            " at_where, key_tried, ribbon_used, doubted, repeats, remakes, auto_visual, pin, station, code,"
            " pan_hash, ended, created_ms, updated_ms) VALUES(?1, ?2, 'NEW', 'nothing', 'NEW', 'none', 0,"
            " 0, 0, 'none', 'unset', 0, 0, 0, 0, 0, 0, 'none', '', '', '', 0, ?3, ?3)",
            CW_ARGS(CW_T(id), CW_T(k->kit), CW_I(now)), f);
}

static cw_rc accept_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct accept *a = ctx;
        struct cw_job_row known;
        struct cw_fault absent;
        cw_rc rc = cw_row_load(j, "kit", a->kit->kit, &known, &absent);
        if (rc == CW_OK) {
                a->is_new = false;
                a->change = (struct cw_change){.job = known.job};
                a->change.actions.unchanged = true;
                return CW_OK;
        }
        if (cw_rc_class(rc) != CW_C_REJECT) {
                if (f)
                        *f = absent;
                return rc;
        }
        char id[CW_JOB_ID_CAP];
        rc = insert_job(j, a, id, sizeof id, f);
        if (rc != CW_OK)
                return rc;
        struct cw_job_event event = {.kind = CW_JE_KIT_ASSIGNED, .auto_visual = a->auto_visual};
        struct cw_apply apply = {.job = id, .event = &event, .evidence = "", .actor = "server"};
        rc = cw_apply_in_txn(j, &apply, f);
        a->is_new = true;
        a->change = apply.change;
        return rc;
}

static bool text_ok(const char *text, size_t cap, bool needed) {
        size_t n = strnlen(text, cap);
        if (n >= cap || (needed && n == 0))
                return false;
        for (size_t i = 0; i < n; i++) {
                if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
                        return false;
        }
        return true;
}

static bool digits(const char *text, size_t min, size_t max) {
        size_t n = strspn(text, "0123456789");
        return text[n] == '\0' && n >= min && n <= max;
}

/* First 6 and last 4 at the most may be digits, whatever stands between them. */
static bool pan_masked(const char *text) {
        size_t n = strlen(text), count = 0;
        for (size_t i = 0; i < n; i++)
                count += text[i] >= '0' && text[i] <= '9';
        return count <= 10;
}

static bool kit_ok(const struct cw_kit *k, const char *sealed) {
        return text_ok(k->kit, sizeof k->kit, true) && text_ok(k->entity, sizeof k->entity, true) &&
               text_ok(k->plastic_code, sizeof k->plastic_code, true) &&
               text_ok(k->expiry, sizeof k->expiry, true) && digits(k->expiry, 4, 4) &&
               text_ok(k->name, sizeof k->name, false) &&
               text_ok(k->masked_pan, sizeof k->masked_pan, false) && pan_masked(k->masked_pan) && sealed &&
               text_ok(sealed, CW_SEALED_MAX + 1, true) && !digits(sealed, 12, 19);
}

cw_rc cw_journal_accept_kit(struct cw_journal *j, const struct cw_kit *kit, const char *sealed,
                            bool auto_visual, bool *ret_new, struct cw_change *ret, struct cw_fault *f) {
        if (!kit_ok(kit, sealed))
                return cw_fail(
                    f, CW_JRC(CW_C_REJECT, CW_E_RANGE), 0, "journal.accept_kit", "DP_IO_ERROR",
                    "The server's kit record lacks a field, or a field is too long or not masked; it was "
                    "not accepted.");
        int64_t free_mib = cw_db_disk_free_mib(j);
        if (j->reserve_used)
                cw_db_reserve_make(j);
        bool low = j->reserve_used || (free_mib >= 0 && free_mib < j->disk_free_min_mib);
        struct accept a = {.kit = kit, .sealed = sealed, .auto_visual = auto_visual};
        struct cw_job_row known;
        if (low && cw_journal_job_by_kit(j, kit->kit, &known, NULL) != CW_OK && !j->dead)
                return cw_fail(
                    f, CW_JRC(CW_C_OPERATOR, CW_E_TOO_BIG), free_mib, "journal.accept_kit", "",
                    "The disk has too little free space (%lld MiB); no new kit is accepted until space is "
                    "freed in the state directory.",
                    (long long)free_mib);
        cw_rc rc = cw_db_txn(j, accept_txn, &a, "accept", "kit", f);
        if (rc == CW_OK) {
                *ret_new = a.is_new;
                *ret = a.change;
        }
        return rc;
}

cw_rc cw_journal_sealed(struct cw_journal *j, const char *job, char *ret, size_t cap, struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        cw_rc rc = cw_db_alive(j, f);
        if (rc == CW_OK)
                rc =
                    cw_db_query(j, "SELECT i.sealed FROM job j JOIN inbox i ON i.kit = j.kit WHERE j.id = ?1",
                                CW_ARGS(CW_T(job)), &s, f);
        if (rc == CW_OK)
                rc = cw_db_step(j, s, &row, f);
        if (rc != CW_OK)
                return rc;
        if (!row || sqlite3_column_type(s, 0) == SQLITE_NULL)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_NOT_FOUND), 0, "journal.sealed", "",
                               "There is no card data for this job; it ended or never was.");
        if ((size_t)sqlite3_column_bytes(s, 0) >= cap)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_TOO_BIG), 0, "journal.sealed", "",
                               "The card data of this job is too long.");
        cw_db_text(s, 0, ret, cap);
        return CW_OK;
}

/* ---- events that carry more than the state machine sees ---- */

struct data_ok {
        struct cw_apply apply;
        const char *pan_hash, *masked_pan;
        struct cw_job_event event;
};

static cw_rc others_of_pan(struct cw_journal *j, const struct data_ok *d, int64_t *ret, struct cw_fault *f) {
        return cw_db_int(j,
                         "SELECT count(*) FROM job WHERE pan_hash = ?1 AND id <> ?2 AND state NOT IN"
                         " ('FAILED', 'CANCELLED', 'DATA_ERROR')",
                         CW_ARGS(CW_T(d->pan_hash), CW_T(d->apply.job)), 0, ret, f);
}

static cw_rc store_pan(struct cw_journal *j, const struct data_ok *d, struct cw_fault *f) {
        cw_rc rc = cw_db_run(j, "UPDATE job SET pan_hash = ?2 WHERE id = ?1",
                             CW_ARGS(CW_T(d->apply.job), CW_T(d->pan_hash)), f);
        if (rc == CW_OK)
                rc = cw_db_run(
                    j, "UPDATE inbox SET masked_pan = ?2 WHERE kit = (SELECT kit FROM job WHERE id = ?1)",
                    CW_ARGS(CW_T(d->apply.job), CW_T(d->masked_pan)), f);
        return rc;
}

static cw_rc data_ok_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct data_ok *d = ctx;
        int64_t others = 0;
        cw_rc rc = others_of_pan(j, d, &others, f);
        if (rc != CW_OK)
                return rc;
        d->event = (struct cw_job_event){.kind = CW_JE_DATA_OK};
        if (others > 0)
                d->event = (struct cw_job_event){.kind = CW_JE_DATA_REFUSED, .code = "PAN_ALREADY_EXISTS"};
        rc = cw_apply_in_txn(j, &d->apply, f);
        if (rc != CW_OK || others > 0 || d->apply.change.actions.unchanged)
                return rc;
        return store_pan(j, d, f);
}

static cw_rc pan_seen_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct data_ok *d = ctx;
        int64_t others = 0;
        cw_rc rc = others_of_pan(j, d, &others, f);
        if (rc == CW_OK && others > 0)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_STATE), others, "journal.pan",
                               "PAN_ALREADY_EXISTS", "Another kit has the same card number.");
        return rc == CW_OK ? store_pan(j, d, f) : rc;
}

static cw_rc check_pan(const char *pan_hash, const char *masked_pan, struct cw_fault *f) {
        size_t n = strlen(pan_hash);
        bool hex = n >= 32 && n < CW_PAN_HASH_CAP && strspn(pan_hash, "0123456789ABCDEFabcdef") == n;
        if (!hex || !text_ok(masked_pan, CW_MASKED_PAN_CAP, true) || !pan_masked(masked_pan))
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_RANGE), 0, "journal.data_ok", "",
                               "The HSM answered with a card hash or masked number of the wrong form.");
        return CW_OK;
}

cw_rc cw_journal_data_ok(struct cw_journal *j, const char *job, const char *pan_hash, const char *masked_pan,
                         struct cw_change *ret, struct cw_fault *f) {
        struct data_ok d = {.pan_hash = pan_hash, .masked_pan = masked_pan};
        cw_rc rc = check_pan(pan_hash, masked_pan, f);
        if (rc != CW_OK)
                return rc;
        d.event.kind = CW_JE_DATA_OK;
        d.apply = (struct cw_apply){.job = job, .event = &d.event, .actor = "hsmd"};
        return run_apply(j, data_ok_txn, &d, NULL, ret, f);
}

cw_rc cw_journal_pan_seen(struct cw_journal *j, const char *job, const char *pan_hash, const char *masked_pan,
                          struct cw_fault *f) {
        struct data_ok d = {.apply = {.job = job}, .pan_hash = pan_hash, .masked_pan = masked_pan};
        cw_rc rc = check_pan(pan_hash, masked_pan, f);
        return rc == CW_OK ? cw_db_txn(j, pan_seen_txn, &d, "job", "pan", f) : rc;
}

cw_rc cw_journal_intent(struct cw_journal *j, const char *job, enum cw_step step, uint32_t seq,
                        const json_t *baseline, struct cw_change *ret, struct cw_fault *f) {
        struct cw_job_event event = {.kind = CW_JE_INTENT, .step = step, .seq = seq};
        const char *where = json_string_value(json_object_get(baseline, "where"));
        if (!where || !cw_where_from_name(where, &event.where))
                event.where = CW_WHERE_UNSET;
        return cw_journal_apply(j, job, &event, baseline, "", ret, f);
}

cw_rc cw_journal_outcome(struct cw_journal *j, const char *job, enum cw_step step, uint32_t seq,
                         const json_t *result, struct cw_change *ret, struct cw_fault *f) {
        struct cw_job_event event;
        cw_issuance_event_from_result(step, seq, result, &event);
        return cw_journal_apply(j, job, &event, result, ACTOR_STATION, ret, f);
}

struct attempt {
        struct cw_apply apply;
        const char *card;
        unsigned kvn, scp;
};

static cw_rc attempt_txn(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        struct attempt *a = ctx;
        int64_t tries = 0;
        cw_rc rc = cw_db_int(j, "SELECT count(*) FROM key_try WHERE card = ?1 AND kvn = ?2 AND success = 0",
                             CW_ARGS(CW_T(a->card), CW_I(a->kvn)), 0, &tries, f);
        if (rc != CW_OK)
                return rc;
        if (tries >= (int64_t)CW_KEY_TRIES_MAX)
                return cw_fail(
                    f, CW_JRC(CW_C_REJECT, CW_E_DENIED), tries, "journal.attempt", "PRD_SMARTCARD",
                    "This card refused its key %u times; another try could block it. Check the card stock "
                    "and the key version.",
                    CW_KEY_TRIES_MAX);
        rc = cw_apply_in_txn(j, &a->apply, f);
        if (rc != CW_OK)
                return rc;
        return cw_db_run(
            j,
            "INSERT INTO key_try(job, seq, card, kvn, scp, success, at_ms) VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6)",
            CW_ARGS(CW_T(a->apply.job), CW_I(a->apply.event->seq), CW_T(a->card), CW_I(a->kvn), CW_I(a->scp),
                    CW_I(cw_db_now_ms(j))),
            f);
}

cw_rc cw_journal_attempt(struct cw_journal *j, const char *job, uint32_t seq, const char *card, unsigned kvn,
                         unsigned scp, struct cw_change *ret, struct cw_fault *f) {
        size_t n = strlen(card);
        if (n == 0 || n > 96 || strspn(card, "0123456789ABCDEFabcdef") != n)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_RANGE), 0, "journal.attempt",
                               "PRD_UNEXPECTED_DATA", "The station named no card serial for the key try.");
        struct cw_job_event event = {
            .kind = CW_JE_ATTEMPT, .step = CW_STEP_CHIP, .seq = seq, .key_tried = true};
        struct attempt a = {.card = card, .kvn = kvn, .scp = scp};
        a.apply = (struct cw_apply){.job = job, .event = &event, .actor = ACTOR_STATION};
        CW_AUTO_JSON json_t *evidence =
            json_pack("{s:s, s:i, s:i}", "card", card, "kvn", (int)kvn, "scp", (int)scp);
        return run_apply(j, attempt_txn, &a, evidence, ret, f);
}
