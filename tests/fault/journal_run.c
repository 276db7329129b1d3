/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/journal_run.h"

#include <stdio.h>
#include <string.h>

#define RESERVE 65536
#define SEALED "8E0bWm1Q0R5tYk3fZ2V1aQ7uJ0b0m6dQx5b6lq0Cw1k="

/* A clock that stands still makes each run's audit chain the same, byte for byte. */
static int64_t still(void *ctx) {
        (void)ctx;
        return 1700000000000;
}
static const struct cw_clock clock_still = {still, still, NULL};

struct story {
        struct cw_journal *j;
        struct run_progress *p;
        bool record;
        bool stopped;
        char job[CW_JOB_ID_CAP];
        struct cw_change change;
        struct cw_fault fault;
};

static void head_of(struct cw_journal *j, char ret[65]) {
        CW_AUTO_JSON json_t *tail = NULL;
        ret[0] = '\0';
        if (cw_journal_audit_tail(j, 1, &tail, NULL) == CW_OK && json_array_size(tail) == 1)
                (void)snprintf(ret, 65, "%s",
                               json_string_value(json_object_get(json_array_get(tail, 0), "hash")));
}

/* Every call of the story ends here: acknowledged, or the journal stopped and stays stopped. */
static void done(struct story *s, cw_rc rc) {
        if (rc == CW_OK) {
                s->p->liar = s->p->liar || s->stopped;
                if (s->record)
                        head_of(s->j, s->p->head[s->p->acked]);
                s->p->acked++;
                return;
        }
        s->p->wrong_class = s->p->wrong_class || cw_rc_class(rc) != CW_C_FATAL;
        if (!s->stopped)
                (void)snprintf(s->p->text, sizeof s->p->text, "%s", s->fault.text);
        s->stopped = true;
}

static void event(struct story *s, struct cw_job_event e) {
        done(s, cw_journal_apply(s->j, s->job, &e, NULL, "test", &s->change, &s->fault));
}

static void step(struct story *s, enum cw_step name, uint32_t seq, const char *outcome, const char *where) {
        CW_AUTO_JSON json_t *baseline = json_pack("{s:i, s:s}", "cards_fed", (int)seq, "where",
                                                  name == CW_STEP_FEED ? "none" : "transport");
        CW_AUTO_JSON json_t *result = json_pack("{s:s, s:s, s:s, s:s}", "outcome", outcome, "class",
                                                "OPERATOR", "code", "PRD_FEEDER_JAM", "where", where);
        done(s, cw_journal_intent(s->j, s->job, name, seq, baseline, &s->change, &s->fault));
        if (name == CW_STEP_CHIP)
                done(s, cw_journal_attempt(s->j, s->job, seq, "00010203", 32, 3, &s->change, &s->fault));
        done(s, cw_journal_outcome(s->j, s->job, name, seq, result, &s->change, &s->fault));
}

static void kit(struct story *s) {
        struct cw_kit k = {.kit = "4240181595",
                           .entity = "CIF0001",
                           .plastic_code = "71",
                           .expiry = "2907",
                           .name = "ASHA RAO",
                           .masked_pan = "608040XXXXXX6384"};
        bool is_new;
        (void)snprintf(s->job, sizeof s->job, "J000001");
        done(s, cw_journal_stock_open(s->j, "s1", "71", 10, &s->fault));
        done(s, cw_journal_accept_kit(s->j, &k, SEALED, true, &is_new, &s->change, &s->fault));
        done(s, cw_journal_data_ok(s->j, s->job, "00112233445566778899AABBCCDDEEFF", "608040XXXXXX6384",
                                   &s->change, &s->fault));
}

static void to_feed(struct story *s) {
        event(s, (struct cw_job_event){.kind = CW_JE_STATION, .station = "s1"});
        event(s, (struct cw_job_event){.kind = CW_JE_PREFLIGHT, .outcome = CW_OUTCOME_DONE});
}

/* A plastic fed, encoded, spoiled after its key, confirmed by a person, the failure reported. */
static void tell(struct story *s) {
        kit(s);
        to_feed(s);
        step(s, CW_STEP_FEED, 1, "done", "transport");
        step(s, CW_STEP_STRIPE, 2, "done", "transport");
        step(s, CW_STEP_CHIP, 3, "failed", "reject");
        event(s, (struct cw_job_event){.kind = CW_JE_DESTROYED});
        done(s, cw_journal_outbox_failed(s->j, 1, "RETRY", 1000, false, &s->fault));
        done(s, cw_journal_outbox_acked(s->j, 1, &s->change, &s->fault));
}

int run_story(const char *path, const char *vfs, struct run_progress *p, bool record) {
        struct cw_journal_options options = {
            .path = path, .clock = &clock_still, .vfs = vfs, .reserve_bytes = RESERVE};
        struct story s = {.p = p, .record = record};
        p->acked = 0;
        p->liar = p->wrong_class = false;
        cw_rc rc = cw_journal_open(&options, &s.j, &s.fault);
        if (rc != CW_OK) {
                (void)snprintf(p->text, sizeof p->text, "%s", s.fault.text);
                p->wrong_class = cw_rc_class(rc) != CW_C_OPERATOR && cw_rc_class(rc) != CW_C_RETRY;
                return 3;
        }
        done(&s, CW_OK);
        tell(&s);
        cw_journal_close(s.j);
        return s.stopped ? 3 : 0;
}

static void ignore(void *ctx, const struct cw_job_row *row, const struct cw_change *change) {
        (void)ctx;
        (void)row;
        (void)change;
}

static const char *check_open(struct cw_journal *j, const struct run_progress *reference, unsigned acked) {
        struct cw_audit_check audit;
        struct cw_stock_check stock;
        if (cw_journal_audit_verify(j, &audit, NULL) != CW_OK || !audit.intact)
                return "the audit chain is broken";
        /* Exactly the acknowledged calls, or one more that was durable before anybody knew. */
        bool same = acked > 0 && strcmp(audit.head, reference->head[acked - 1]) == 0;
        bool ahead = acked < reference->acked && strcmp(audit.head, reference->head[acked]) == 0;
        bool empty = acked == 0 && audit.rows == 0;
        if (!same && !ahead && !empty)
                return "an acknowledged call was lost, or a call is there by half";
        if (cw_journal_check_fold(j, NULL) != CW_OK)
                return "the job is not the fold of its events";
        if (cw_journal_stock_check(j, &stock, NULL) != CW_OK || !stock.balanced)
                return "the stock ledger does not balance";
        if (cw_journal_recover(j, ignore, NULL, NULL) != CW_OK || cw_journal_check_fold(j, NULL) != CW_OK)
                return "recovery failed";
        return NULL;
}

const char *run_check(const char *path, const struct run_progress *reference, unsigned acked) {
        struct cw_journal_options options = {.path = path, .clock = &clock_still, .reserve_bytes = RESERVE};
        CW_AUTO(cw_journal_close) struct cw_journal *j = NULL;
        if (cw_journal_open(&options, &j, NULL) != CW_OK)
                return "the journal does not open again";
        return check_open(j, reference, acked);
}
