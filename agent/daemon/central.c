/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/central.h"

#include "agent/daemon/production.h"
#include "agent/daemon/reports.h"
#include "agent/daemon/run_steps.h"
#include "agent/daemon/runs.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "hsm/client/hsm_client.h"

#include <string.h>

#define TICK_MS 1000
#define SEALED_CAP (CW_SEALED_MAX + 1)
#define BATCH_MAX ((size_t)CW_CENTRAL_AT_ONCE)

struct order;

struct cw_central {
        struct cw_daemon *daemon;
        struct order *ready; /* sealed, to be sent together; oldest first */
        size_t ready_count;
        struct cw_timer *gather;
        struct cw_d1 *d1;
        struct cw_production *production;
        struct cw_timer *timer;
        bool closed;
};

/* One order on its way to D1. */
struct order {
        struct order *next; /* of ready */
        char *sealed;
        struct cw_central *central;
        const struct cw_outbox_item *item;
        const struct cw_config_product *product;
        char request_id[65];
        bool earlier; /* an earlier try may have reached D1 */
        bool left;    /* this one may have */
        cw_central_fn fn;
        void *ctx;
};

struct cw_d1 *cw_central_d1(struct cw_central *c) {
        return c->d1;
}

json_t *cw_central_view(const struct cw_central *c) {
        return cw_production_view(c->production);
}

void cw_central_request_id(const struct cw_outbox_item *item, char ret[65]) {
        (void)snprintf(ret, 65, "%s", item->idem);
        for (char *p = ret; *p; p++)
                if (*p == '/')
                        *p = '-';
}

/* ---- the policy ---- */

/* Nothing was fed, and the job waits for something the branch lacks. */
static bool stands_still(const struct cw_job *job) {
        return (job->state == CW_JOB_ACCEPTED || job->state == CW_JOB_DATA_OK) && !job->intent_open &&
               job->plastic == 0 &&
               (job->wait == CW_WAIT_STATION || job->wait == CW_WAIT_SUPPLIES || job->wait == CW_WAIT_DATA);
}

static struct cw_run *next_due(struct cw_daemon *d) {
        int64_t now_ns = cw_mono_ns(d->clock);
        for (struct cw_run *r = d->runs; r; r = r->next) {
                const struct cw_config_product *p = cw_config_product(d->config, r->kit.plastic_code);
                if (p && p->central != CW_CENTRAL_NONE && p->central_after_s > 0 && stands_still(&r->job) &&
                    !r->was_refused && now_ns - r->still_since_ns >= p->central_after_s * 1000000000)
                        return r;
        }
        return NULL;
}

static void divert(struct cw_run *r) {
        struct cw_job_event e = {.kind = CW_JE_DIVERT};
        (void)snprintf(e.code, sizeof e.code, "%s", *r->job.code ? r->job.code : "PRD_NO_STATION");
        cw_run_event(r, &e, NULL, "policy");
}

static void on_timer(void *ctx) {
        struct cw_central *c = ctx;
        bool any = false;
        /* A diverted job is no longer due; a refused event would leave it so, hence one round only. */
        for (size_t n = 0; n < 64; n++) {
                struct cw_run *r = next_due(c->daemon);
                if (!r)
                        break;
                any = true;
                divert(r);
        }
        if (any)
                cw_reports_kick(c->daemon->reports);
        cw_timer_arm(c->timer, TICK_MS);
}

/* ---- D1 ---- */

static void on_assertion(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct cw_central *c = ctx;
        struct cw_fault why = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *jwt = NULL;
        if (c->closed)
                return;
        if (rc == CW_OK)
                rc = cw_hsm_reply_text(reply, &jwt, &why);
        cw_d1_signed(c->d1, rc, rc == CW_OK ? NULL : f ? f : &why, jwt);
}

static void sign(void *ctx, struct cw_d1 *d1) {
        struct cw_central *c = ctx;
        (void)d1;
        cw_hsm_link_call(c->daemon->hsm, cw_msg_request("d1.assertion"), on_assertion, c);
}

static void finish(struct order *o, cw_rc rc, const struct cw_fault *f, int64_t retry_after_ms,
                   const struct cw_central_made *made) {
        cw_central_fn fn = o->fn;
        void *ctx = o->ctx;
        free(o->sealed);
        free(o);
        fn(ctx, rc, f, retry_after_ms, made);
}

static cw_rc note_left(struct order *o, bool left, struct cw_fault *f) {
        struct cw_daemon *d = o->central->daemon;
        CW_AUTO_JSON json_t *note = left ? json_pack("{s:b}", "left", 1) : NULL;
        if (left && !note)
                return cw_fail(f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, "central", "",
                               "out of memory");
        return cw_daemon_check(d, cw_journal_outbox_keep(d->journal, o->item->id, note, f), f);
}

/*
 * An order that D1 carries out for somebody else, or may be carrying out for an earlier try, is not refused:
 * the card may be on its way, and a person must look.
 */
static void not_made(struct order *o, cw_rc rc, const struct cw_fault *f, int64_t retry_after_ms) {
        struct cw_fault why = {0};
        bool surely = strcmp(f->code, CW_D1_CODE_FAILED) == 0 ||
                      (!o->earlier && strcmp(f->code, CW_D1_CODE_ORDERED) != 0);
        const struct cw_central_made made = {.refused = surely && cw_rc_class(rc) == CW_C_REJECT};
        bool drop = o->left && !o->earlier && cw_rc_class(rc) != CW_C_IN_DOUBT;
        cw_rc dropped = drop ? note_left(o, false, &why) : CW_OK;
        if (dropped == CW_OK)
                finish(o, rc, f, retry_after_ms, &made);
        else
                finish(o, dropped, &why, 0, NULL);
}

/* Orders that went out together. */
struct group {
        size_t count;
        struct order *orders[];
};

static void made_one(struct order *o, const struct cw_d1_made *made, const struct cw_d1_reply *reply) {
        static const char *const channels[] = {"THALES", "INSTANT", "CENTRAL"};
        if (!made->ok) {
                not_made(o, made->fault.rc, &made->fault, reply->retry_after_ms);
                return;
        }
        (void)CW_FAILPOINT("agent.central.after");
        CW_AUTO_JSON json_t *evidence =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:s}", "target", "d1", "channel",
                      channels[o->product->d1_channel], "card", made->card_id, "operation",
                      made->operation_id, "request", o->request_id, "confirmed", made->confirmed, "together",
                      (json_int_t)reply->made_count, "correlation", reply->correlation_id);
        const struct cw_central_made told = {.evidence = evidence, .followed = true};
        finish(o, CW_OK, NULL, 0, &told);
}

static void send_group(struct cw_central *c, struct order *const *orders, size_t count);

/* D1 refuses a batch for one card it does not like: alone, each gets an answer of its own. */
static void on_made(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_d1_reply *reply) {
        CW_AUTO_MEM struct group *g = ctx;
        (void)rc; /* each has its own */
        (void)f;
        for (size_t i = 0; i < g->count; i++) {
                struct order *o = g->orders[i];
                if (g->count > 1 && reply->made[i].refused_whole)
                        send_group(o->central, &g->orders[i], 1);
                else
                        made_one(o, &reply->made[i], reply);
        }
}

static struct cw_d1_order order_of(const struct order *o) {
        static const char *const issuances[] = {"CREATION", "RENEWAL", "REPLACEMENT"};
        static const char id_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        const struct cw_daemon *d = o->central->daemon;
        const char *entity = o->item->entity;
        return (struct cw_d1_order){
            .card_id = o->item->kit,
            .request_id = o->request_id,
            .consumer_id = strspn(entity, id_chars) == strlen(entity) ? entity : "",
            .issuance = strcmp(o->item->code, CW_CENTRAL_AGAIN) == 0 ? issuances[d->config->d1.again_issuance]
                                                                     : "CREATION",
            .sealed = o->sealed,
            .product = o->product,
        };
}

/* The order is read before it is sent by the D1 client, and the note tells the next process to be careful. */
static void send_group(struct cw_central *c, struct order *const *orders, size_t count) {
        struct cw_fault f = {0};
        struct group *g = calloc(1, sizeof *g + count * sizeof(void *));
        struct cw_d1_order *list = calloc(count, sizeof *list);
        cw_rc rc = g && list ? CW_OK
                             : cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, "central", "",
                                       "out of memory");
        for (size_t i = 0; rc == CW_OK && i < count; i++) {
                rc = note_left(orders[i], true, &f);
                orders[i]->left = rc == CW_OK;
                list[i] = order_of(orders[i]);
                g->orders[g->count++] = orders[i];
        }
        (void)CW_FAILPOINT("agent.central.before");
        if (rc == CW_OK)
                rc = cw_d1_order(c->d1, list, count, on_made, g, &f);
        free(list);
        if (rc == CW_OK)
                return;
        free(g);
        if (count == 1) {
                not_made(orders[0], rc, &f, 0);
                return;
        }
        for (size_t i = 0; i < count; i++) /* one that cannot be sent must not hold up the others */
                send_group(c, &orders[i], 1);
}

static void flush(struct cw_central *c) {
        struct order *orders[BATCH_MAX];
        size_t count = 0;
        cw_timer_disarm(c->gather);
        while (c->ready && count < BATCH_MAX) {
                orders[count++] = c->ready;
                c->ready = c->ready->next;
        }
        c->ready_count -= count;
        if (count > 0)
                send_group(c, orders, count);
}

static void on_gather(void *ctx) {
        flush(ctx);
}

/* Sent with others that are diverted at this moment, when policy allows it. */
static void enqueue(struct order *o) {
        struct cw_central *c = o->central;
        struct order **at = &c->ready;
        while (*at)
                at = &(*at)->next;
        *at = o;
        c->ready_count++;
        if (c->ready_count >= (size_t)c->daemon->config->d1.batch_max)
                flush(c);
        else if (c->ready_count == 1)
                cw_timer_arm(c->gather, c->daemon->config->d1.batch_wait_ms);
}

/* hsmd sealed the card's data to D1: now the order. */
static void on_sealed(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct order *o = ctx;
        struct cw_daemon *d = o->central->daemon;
        struct cw_fault why = {0};
        CW_AUTO(cw_secret_free) struct cw_secret *jwe = NULL;
        if (rc != CW_OK || o->central->closed) {
                if (rc == CW_OK)
                        rc = cw_fail(&why, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_CANCELLED), 0, "central", "",
                                     "the daemon ends");
                not_made(o, rc, f ? f : &why, 0);
                return;
        }
        rc = cw_hsm_reply_text(reply, &jwe, &why);
        if (rc == CW_OK && !(o->sealed = strndup((const char *)jwe->ptr, jwe->len)))
                rc = cw_fail(&why, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, "central", "",
                             "out of memory");
        /* A job may be diverted before its data was opened: two kits must not be one card here too. */
        if (rc == CW_OK)
                rc = cw_daemon_check(d,
                                     cw_journal_pan_seen(d->journal, o->item->job,
                                                         cw_msg_str(reply, "pan_hash", ""),
                                                         cw_msg_str(reply, "masked_pan", ""), &why),
                                     &why);
        if (rc == CW_OK)
                enqueue(o);
        else
                not_made(o, rc, &why, 0);
}

static struct cw_msg *seal_request(const struct cw_job_row *row, const char *sealed) {
        struct cw_msg *m = cw_msg_request("d1.seal");
        if (!m)
                return NULL;
        (void)json_object_set_new(m->json, "kit", json_string(row->kit.kit));
        (void)json_object_set_new(m->json, "plastic_code", json_string(row->kit.plastic_code));
        (void)json_object_set_new(m->json, "expiry", json_string(row->kit.expiry));
        (void)json_object_set_new(m->json, "name", json_string(row->kit.name));
        if (cw_msg_attach_copy(m, sealed, strlen(sealed)) == CW_OK)
                return m;
        cw_msg_free(m);
        return NULL;
}

static void d1_order(struct cw_central *c, const struct cw_outbox_item *item, const struct cw_job_row *row,
                     const struct cw_config_product *p, cw_central_fn fn, void *ctx) {
        char sealed[SEALED_CAP];
        struct cw_fault f = {0};
        struct order *o = calloc(1, sizeof *o);
        CW_AUTO_JSON json_t *note = NULL;
        cw_rc rc = cw_daemon_check(
            c->daemon, cw_journal_sealed(c->daemon->journal, row->job.id, sealed, sizeof sealed, &f), &f);
        if (rc == CW_OK)
                rc = cw_daemon_check(c->daemon,
                                     cw_journal_outbox_kept(c->daemon->journal, item->id, &note, &f), &f);
        struct cw_msg *m = rc == CW_OK && o ? seal_request(row, sealed) : NULL;
        if (rc == CW_OK && !m)
                rc = cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, "central", "",
                             "out of memory");
        if (rc != CW_OK) {
                free(o);
                fn(ctx, rc, &f, 0, NULL);
                return;
        }
        *o = (struct order){
            .central = c, .item = item, .product = p, .earlier = note != NULL, .fn = fn, .ctx = ctx};
        cw_central_request_id(item, o->request_id);
        cw_hsm_link_call(c->daemon->hsm, m, on_sealed, o);
}

bool cw_central_is_batched(const struct cw_central *c, const struct cw_outbox_item *item) {
        return c->d1 && c->daemon->config->d1.batch_max > 1 && item->report == CW_REPORT_CENTRAL &&
               !cw_central_is_serial(c, item);
}

bool cw_central_is_serial(const struct cw_central *c, const struct cw_outbox_item *item) {
        struct cw_job_row row;
        struct cw_fault f = {0};
        struct cw_daemon *d = c->daemon;
        if (cw_daemon_check(d, cw_journal_job(d->journal, item->job, &row, &f), &f) != CW_OK)
                return false;
        const struct cw_config_product *p = cw_config_product(d->config, row.kit.plastic_code);
        return p && p->central == CW_CENTRAL_DCMS;
}

void cw_central_order(struct cw_central *c, const struct cw_outbox_item *item, cw_central_fn fn, void *ctx) {
        struct cw_job_row row;
        struct cw_fault f = {0};
        cw_rc rc = cw_daemon_check(c->daemon, cw_journal_job(c->daemon->journal, item->job, &row, &f), &f);
        const struct cw_config_product *p =
            rc == CW_OK ? cw_config_product(c->daemon->config, row.kit.plastic_code) : NULL;
        if (rc == CW_OK && p && p->central == CW_CENTRAL_D1 && c->d1) {
                d1_order(c, item, &row, p, fn, ctx);
        } else if (rc == CW_OK && p && p->central == CW_CENTRAL_DCMS) {
                cw_central_dcms_order(c->daemon, item, &row, fn, ctx);
        } else {
                if (rc == CW_OK)
                        rc = cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_OPERATOR, CW_E_MISSING), 0, "central",
                                     "PRD_NO_CENTRAL",
                                     "central production of plastic code %s is not configured any more; set "
                                     "products[].central",
                                     row.kit.plastic_code);
                fn(ctx, rc, &f, 0, NULL);
        }
}

/* ---- begin and end ---- */

cw_rc cw_central_new(struct cw_daemon *d, struct cw_central **ret, struct cw_fault *f) {
        struct cw_central *c = calloc(1, sizeof *c);
        if (!c)
                return cw_fail(f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, "central", "",
                               "out of memory");
        c->daemon = d;
        const struct cw_d1_signer signer = {sign, c};
        cw_rc rc = cw_timer_new(d->loop, on_timer, c, &c->timer);
        if (rc == CW_OK)
                rc = cw_timer_new(d->loop, on_gather, c, &c->gather);
        if (rc == CW_OK && d->config->d1.url[0])
                rc = cw_d1_new(d->loop, d->config, d->clock, &signer, &c->d1, f);
        if (rc == CW_OK)
                rc = cw_production_new(d, c->d1, &c->production);
        if (rc != CW_OK) {
                cw_central_free(c);
                return rc;
        }
        cw_timer_arm(c->timer, TICK_MS);
        *ret = c;
        return CW_OK;
}

void cw_central_close(struct cw_central *c) {
        if (!c)
                return;
        c->closed = true;
        cw_timer_disarm(c->timer);
        cw_production_close(c->production);
        while (c->ready) {
                struct order *o = c->ready;
                struct cw_fault f = {0};
                c->ready = o->next;
                cw_rc rc = cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_CANCELLED), 0, "central", "",
                                   "the daemon ends");
                not_made(o, rc, &f, 0);
        }
        cw_d1_free(CW_STEAL(c->d1));
}

void cw_central_free(struct cw_central *c) {
        if (!c)
                return;
        cw_production_close(c->production);
        cw_d1_free(c->d1);
        cw_production_free(c->production);
        cw_timer_free(c->timer);
        cw_timer_free(c->gather);
        free(c);
}
