/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/production.h"

#include "agent/daemon/pace.h"
#include "agent/daemon/run_steps.h"
#include "agent/daemon/runs.h"
#include "base/log.h"

#include <string.h>
#include <sys/random.h>

#define TICK_MS 250
#define AT_ONCE_MAX 4
/* So many answers in a row without the order, and a person is asked: D1 may list a new order late. */
#define UNLISTED_MAX 8
#define UNLISTED_CODE "D1_ORDER_UNLISTED"

/* One order that is followed. */
struct followed {
        struct followed *next;
        struct cw_production *production;
        char job[CW_JOB_ID_CAP];
        struct cw_pace pace;
        int64_t due_ns;
        int64_t asked_ms; /* wall clock of the last answer, 0 = none yet */
        unsigned unlisted;
        bool asking, gone; /* gone: the job left while the question was out */
        char text[240];
};

struct cw_production {
        struct cw_daemon *daemon;
        struct cw_d1 *d1;
        struct cw_timer *timer;
        struct followed *list;
        unsigned asking;
        bool closed;
};

enum cw_production_news cw_production_judge(const struct cw_d1_operation *operations, size_t count,
                                            const char *operation_id, const char *request_id,
                                            const struct cw_d1_operation **ret) {
        const struct cw_d1_operation *found = NULL;
        for (size_t i = 0; i < count; i++) {
                const struct cw_d1_operation *o = &operations[i];
                bool by_id = *operation_id && strcmp(o->id, operation_id) == 0;
                bool by_request = *request_id && strcmp(o->request_id, request_id) == 0;
                /* D1 need not echo request ids, and a batch may have no number for each card, or one for all.
                 */
                bool only = !*operation_id && !*o->request_id;
                if (strcmp(o->operation, "PRODUCE") == 0 && (by_id || by_request || only))
                        found = o;
        }
        if (!found)
                return CW_PRODUCTION_UNLISTED;
        *ret = found;
        if (found->status == CW_D1_FAILED || found->detail == CW_D1_CANCELED)
                return CW_PRODUCTION_FAILED;
        bool made = found->status == CW_D1_SUCCESSFUL || found->detail == CW_D1_DONE ||
                    found->detail == CW_D1_SHIPPED;
        /* An exception of an operation that is still pending may yet be mended at D1. */
        return made ? CW_PRODUCTION_MADE : CW_PRODUCTION_UNDER_WAY;
}

/* ---- the list ---- */

static struct followed *find(const struct cw_production *p, const char *job) {
        for (struct followed *o = p->list; o; o = o->next)
                if (strcmp(o->job, job) == 0 && !o->gone)
                        return o;
        return NULL;
}

static void add(struct cw_production *p, const struct cw_run *r) {
        const struct cw_config_d1 *c = &p->daemon->config->d1;
        struct followed *o = calloc(1, sizeof *o);
        if (!o)
                return; /* the next tick tries again */
        o->production = p;
        o->pace =
            (struct cw_pace){.min_ms = c->poll_min_ms, .max_ms = c->poll_max_ms, .pause_ms = c->poll_min_ms};
        o->due_ns = cw_deadline_ns(c->poll_min_ms);
        (void)snprintf(o->job, sizeof o->job, "%s", r->job.id);
        o->next = p->list;
        p->list = o;
}

/* Forgets orders whose job no longer waits for them; one that is being asked about when its answer came. */
static void sweep(struct cw_production *p) {
        struct followed **at = &p->list;
        while (*at) {
                struct followed *o = *at;
                const struct cw_run *r = cw_runs_find(p->daemon, o->job);
                o->gone = o->gone || !r || r->job.wait != CW_WAIT_PRODUCTION;
                if (o->gone && !o->asking) {
                        *at = o->next;
                        free(o);
                } else {
                        at = &o->next;
                }
        }
}

/* ---- one question ---- */

static void again_later(struct followed *o, bool news, int64_t hint_ms) {
        uint16_t random = 0;
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
                random = UINT16_MAX / 2;
        o->due_ns = cw_deadline_ns(cw_pace_next_ms(&o->pace, news, hint_ms, random));
}

static json_t *evidence_of(const struct cw_d1_operation *op, const char *correlation) {
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "operation", op->id, "status", op->status_word,
                         "detail", op->detail_word, "reason", op->reason, "code", op->code, "correlation",
                         correlation);
}

static void tell_job(struct cw_run *r, enum cw_job_event_kind kind, const char *code,
                     const json_t *evidence) {
        struct cw_job_event e = {.kind = kind};
        (void)snprintf(e.code, sizeof e.code, "%s", code);
        cw_run_event(r, &e, evidence, "server");
}

static void not_listed(struct followed *o, struct cw_run *r, int64_t hint_ms) {
        (void)snprintf(o->text, sizeof o->text, "D1 does not list the order (asked %u times)", ++o->unlisted);
        again_later(o, false, hint_ms);
        if (o->unlisted >= UNLISTED_MAX)
                tell_job(r, CW_JE_PRODUCTION_FAILED, UNLISTED_CODE, NULL);
}

static void listed(struct followed *o, struct cw_run *r, enum cw_production_news news,
                   const struct cw_d1_operation *op, const struct cw_d1_reply *reply) {
        const char *word = *op->detail_word ? op->detail_word : op->status_word;
        bool moved = strncmp(r->job.code, word, sizeof r->job.code - 1) != 0;
        CW_AUTO_JSON json_t *evidence = evidence_of(op, reply->correlation_id);
        o->unlisted = 0;
        (void)snprintf(o->text, sizeof o->text, "%s", op->reason);
        again_later(o, moved, reply->retry_after_ms);
        if (news == CW_PRODUCTION_FAILED)
                tell_job(r, CW_JE_PRODUCTION_FAILED, word, evidence);
        else if (moved)
                tell_job(r, CW_JE_PRODUCTION, word, evidence);
        r = cw_runs_find(o->production->daemon, o->job);
        if (news == CW_PRODUCTION_MADE && r)
                tell_job(r, CW_JE_DIVERTED, "", evidence);
}

static void judge(struct followed *o, struct cw_run *r, const struct cw_d1_reply *reply) {
        struct cw_daemon *d = o->production->daemon;
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *order = NULL;
        const struct cw_d1_operation *op = NULL;
        if (cw_daemon_check(d, cw_journal_central_order(d->journal, o->job, &order, &f), &f) != CW_OK)
                return;
        const char *id = json_string_value(json_object_get(order, "operation"));
        const char *request = json_string_value(json_object_get(order, "request"));
        enum cw_production_news news = cw_production_judge(reply->operations, reply->operation_count,
                                                           id ? id : "", request ? request : "", &op);
        o->asked_ms = cw_wall_ms(d->clock);
        if (news == CW_PRODUCTION_UNLISTED)
                not_listed(o, r, reply->retry_after_ms);
        else
                listed(o, r, news, op, reply);
}

static void on_status(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_d1_reply *reply) {
        struct followed *o = ctx;
        struct cw_production *p = o->production;
        struct cw_run *r = p->closed ? NULL : cw_runs_find(p->daemon, o->job);
        bool unknown_card = cw_rc_class(rc) == CW_C_REJECT && (rc & 0xffffu) == CW_E_NOT_FOUND;
        p->asking--;
        o->asking = false;
        if (!r || o->gone || r->job.wait != CW_WAIT_PRODUCTION)
                return; /* swept at the next tick */
        if (rc == CW_OK || unknown_card) {
                judge(o, r, reply);
                return;
        }
        (void)snprintf(o->text, sizeof o->text, "%s", f->text);
        again_later(o, false, reply->retry_after_ms);
}

static void ask(struct cw_production *p, struct followed *o) {
        struct cw_fault f = {0};
        const struct cw_run *r = cw_runs_find(p->daemon, o->job);
        if (!r || cw_d1_production_status(p->d1, r->kit.kit, on_status, o, &f) != CW_OK) {
                (void)snprintf(o->text, sizeof o->text, "%s", f.text);
                again_later(o, false, 0);
                return;
        }
        o->asking = true;
        p->asking++;
}

static void on_timer(void *ctx) {
        struct cw_production *p = ctx;
        sweep(p);
        for (struct cw_run *r = p->daemon->runs; r; r = r->next)
                if (r->job.wait == CW_WAIT_PRODUCTION && !find(p, r->job.id))
                        add(p, r);
        for (struct followed *o = p->list; o && p->d1 && p->asking < AT_ONCE_MAX; o = o->next)
                if (!o->asking && !o->gone && cw_deadline_left_ms(o->due_ns) <= 0)
                        ask(p, o);
        cw_timer_arm(p->timer, TICK_MS);
}

/* ---- for people ---- */

static json_t *order_view(const struct cw_production *p, const struct cw_run *r) {
        const struct followed *o = find(p, r->job.id);
        bool failed = r->job.wait == CW_WAIT_CENTRAL_DECISION;
        const char *text = o ? o->text : "";
        if (!failed && !p->d1)
                text = "D1 is not configured any more, so its status cannot be asked; set the section d1";
        return json_pack("{s:s, s:s, s:s, s:b, s:I, s:s}", "job", r->job.id, "kit", r->kit.kit, "detail",
                         r->job.code, "failed", failed, "asked_ms", (json_int_t)(o ? o->asked_ms : 0), "text",
                         text);
}

json_t *cw_production_view(const struct cw_production *p) {
        json_t *orders = json_array();
        size_t failed = 0;
        for (const struct cw_run *r = p->daemon->runs; r; r = r->next) {
                if (r->job.wait != CW_WAIT_PRODUCTION && r->job.wait != CW_WAIT_CENTRAL_DECISION)
                        continue;
                failed += r->job.wait == CW_WAIT_CENTRAL_DECISION;
                (void)json_array_append_new(orders, order_view(p, r));
        }
        return json_pack("{s:I, s:I, s:o}", "ordered", (json_int_t)(json_array_size(orders) - failed),
                         "failed", (json_int_t)failed, "orders", orders);
}

/* ---- begin and end ---- */

cw_rc cw_production_new(struct cw_daemon *d, struct cw_d1 *d1, struct cw_production **ret) {
        struct cw_production *p = calloc(1, sizeof *p);
        if (!p)
                return CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM);
        p->daemon = d;
        p->d1 = d1;
        cw_rc rc = cw_timer_new(d->loop, on_timer, p, &p->timer);
        if (rc != CW_OK) {
                free(p);
                return rc;
        }
        cw_timer_arm(p->timer, TICK_MS);
        *ret = p;
        return CW_OK;
}

void cw_production_close(struct cw_production *p) {
        if (!p)
                return;
        p->closed = true;
        cw_timer_disarm(p->timer);
}

void cw_production_free(struct cw_production *p) {
        if (!p)
                return;
        while (p->list) {
                struct followed *o = p->list;
                p->list = o->next;
                free(o);
        }
        cw_timer_free(p->timer);
        free(p);
}
