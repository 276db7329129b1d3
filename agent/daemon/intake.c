/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/intake.h"

#include "agent/daemon/kit_stock.h"
#include "agent/daemon/pace.h"
#include "agent/daemon/runs.h"
#include "base/log.h"

#include <string.h>
#include <sys/random.h>

#define ORDERS_MAX 16
#define KITS_MAX 128
#define KITS_AGAIN_MAX 64 /* of these, kits that could not be taken before: new ones come first */
#define SKIPPED_MAX 512
#define REFUSED "REFUSED" /* the server does not tell its status: no use asking again */

enum phase { IDLE, RECEIVED, PROCESS, STATUS, ASSIGNED, INACTIVE, ENTITIES, OWN, OWN_ALONE };
static const char *const phase_names[] = {"idle",
                                          "orders",
                                          "process orders",
                                          "order status",
                                          "assigned",
                                          "inactive",
                                          "kits of customers",
                                          "kits of open jobs",
                                          "kits of open jobs, one by one"};

struct order {
        char id[64];
        char status[24];
        bool sent; /* card-order/process was answered */
        bool told; /* the log knows that the server fails on it */
};

/* A kit of the inventory that has no job yet. */
struct found {
        char kit[32];
        char entity[64];
};

struct cw_intake {
        struct cw_daemon *daemon;
        struct cw_timer *timer;
        enum phase phase;
        size_t at; /* index inside the phase */
        struct cw_pace pace;
        bool news, trouble;
        struct order orders[ORDERS_MAX];
        size_t order_count;
        struct found found[KITS_MAX];
        size_t found_count, again_count;
        char skipped[SKIPPED_MAX][32]; /* told about once */
        size_t skipped_count;
        int64_t kits_seen;
        size_t silent;      /* calls in a row for one order or kit that had no answer at all */
        int64_t own_due_ns; /* the kits of open jobs are looked at again then */
        char own[KITS_MAX][32];
        size_t own_count;
        bool own_refused; /* the question about all of them at once, and the log knows it */
};

static void go_on(struct cw_intake *in);

static void end_round(struct cw_intake *in, int64_t hint_ms) {
        uint16_t random = 0;
        in->phase = IDLE;
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
                random = 0;
        cw_timer_arm(in->timer, cw_pace_next_ms(&in->pace, in->news, hint_ms, random));
}

/* Looks at a reply's rc; false when the round is over because of it. */
static bool answered(struct cw_intake *in, cw_rc rc, const struct cw_fault *f,
                     const struct cw_dcms_reply *reply) {
        if (rc == CW_OK) {
                if (in->trouble)
                        cw_log(CW_EV_SERVER_BACK);
                in->trouble = false;
                return true;
        }
        if (!in->trouble)
                cw_log_fault(CW_EV_SERVER_TROUBLE, f);
        in->trouble = true;
        end_round(in, reply->retry_after_ms);
        return false;
}

/*
 * True when the server answered, but failed on this one order or kit: the others go on, and this one is
 * asked for again in the next round. A server that is busy, silent twice in a row, or wants a person, ends
 * the round; so does the program's own end.
 */
static bool only_this_one(struct cw_intake *in, cw_rc rc, const struct cw_dcms_reply *reply) {
        enum cw_class cls = cw_rc_class(rc);
        unsigned code = (unsigned)rc & 0xffffu;
        bool silent = rc != CW_OK && reply->http_status == 0;
        in->silent = silent ? in->silent + 1 : 0;
        return (cls == CW_C_RETRY || cls == CW_C_IN_DOUBT) && code != CW_E_BUSY && code != CW_E_CANCELLED &&
               in->silent < 2;
}

/* ---- orders ---- */

static struct order *order_find(struct cw_intake *in, const char *id) {
        for (size_t i = 0; i < in->order_count; i++)
                if (strcmp(in->orders[i].id, id) == 0)
                        return &in->orders[i];
        return NULL;
}

static bool order_settled(const struct order *o) {
        return strcmp(o->status, "SUCCESS") == 0 || strcmp(o->status, "FAILED") == 0 ||
               strcmp(o->status, "CANCELLED") == 0 || strcmp(o->status, REFUSED) == 0;
}

/* Makes room by forgetting the oldest order that is settled. */
static struct order *order_add(struct cw_intake *in, const char *id) {
        for (size_t i = 0; in->order_count == ORDERS_MAX && i < ORDERS_MAX; i++) {
                if (!order_settled(&in->orders[i]))
                        continue;
                memmove(&in->orders[i], &in->orders[i + 1], sizeof in->orders[0] * (ORDERS_MAX - 1 - i));
                in->order_count--;
        }
        if (in->order_count == ORDERS_MAX)
                return NULL;
        struct order *o = &in->orders[in->order_count++];
        *o = (struct order){.status = "RECEIVED"};
        (void)snprintf(o->id, sizeof o->id, "%s", id);
        return o;
}

static void on_received(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_intake *in = ctx;
        if (!answered(in, rc, f, reply))
                return;
        const char *branch = in->daemon->config->agent.branch_id;
        for (size_t i = 0; i < reply->order_count; i++) {
                const struct cw_dcms_order *o = &reply->orders[i];
                if (*o->branch_id && strcmp(o->branch_id, branch) != 0)
                        continue;
                if (!order_find(in, o->order_id) && order_add(in, o->order_id))
                        in->news = true;
        }
        in->phase = PROCESS;
        in->at = 0;
        go_on(in);
}

static void note_order(struct order *o, const char *status) {
        if (strcmp(o->status, status) == 0)
                return;
        (void)snprintf(o->status, sizeof o->status, "%s", status);
        cw_log(CW_EV_ORDER_STATE, CW_F_STR("ORDER", o->id), CW_F_STR("STATUS", o->status));
}

static void order_failed(struct order *o, const struct cw_fault *f) {
        if (!o->told)
                cw_log_fault(CW_EV_SERVER_TROUBLE, f);
        o->told = true;
}

static void on_processed(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_intake *in = ctx;
        struct order *o = &in->orders[in->at];
        /* A refusal is told once; the order's status says the rest. */
        if (cw_rc_class(rc) == CW_C_REJECT) {
                cw_log_fault(CW_EV_SERVER_TROUBLE, f);
                o->sent = true;
        } else if (only_this_one(in, rc, reply)) {
                order_failed(o, f);
        } else if (answered(in, rc, f, reply)) {
                o->sent = true;
                o->told = false;
                note_order(o, "PENDING");
        } else {
                return;
        }
        in->at++;
        go_on(in);
}

static void on_order_status(void *ctx, cw_rc rc, const struct cw_fault *f,
                            const struct cw_dcms_reply *reply) {
        struct cw_intake *in = ctx;
        struct order *o = &in->orders[in->at];
        if (cw_rc_class(rc) == CW_C_REJECT)
                note_order(o, REFUSED);
        else if (only_this_one(in, rc, reply))
                order_failed(o, f);
        else if (!answered(in, rc, f, reply))
                return;
        else
                in->news = true; /* kits may come any moment */
        if (rc == CW_OK && reply->order_count)
                note_order(o, reply->orders[0].status);
        in->at++;
        go_on(in);
}

/* ---- kits ---- */

static bool already_found(const struct cw_intake *in, const char *kit) {
        for (size_t i = 0; i < in->found_count; i++)
                if (strcmp(in->found[i].kit, kit) == 0)
                        return true;
        return false;
}

static bool told_before(const struct cw_intake *in, const char *kit) {
        for (size_t i = 0; i < in->skipped_count; i++)
                if (strcmp(in->skipped[i], kit) == 0)
                        return true;
        return false;
}

static void skip(struct cw_intake *in, const char *kit, const char *why) {
        if (told_before(in, kit))
                return;
        if (in->skipped_count < SKIPPED_MAX)
                (void)snprintf(in->skipped[in->skipped_count++], sizeof in->skipped[0], "%s", kit);
        cw_log(CW_EV_KIT_SKIPPED, CW_F_STR("KIT", kit), CW_F_STR("TEXT", why));
}

/* It is a job now: what is wrong with it from here on is told anew. */
static void forget_skip(struct cw_intake *in, const char *kit) {
        for (size_t i = 0; i < in->skipped_count; i++) {
                if (strcmp(in->skipped[i], kit) != 0)
                        continue;
                in->skipped_count--;
                memmove(&in->skipped[i], &in->skipped[i + 1],
                        sizeof in->skipped[0] * (in->skipped_count - i));
                return;
        }
}

/*
 * BANK is what we report for a card that is made. A kit in that state, or beyond it, that our journal does
 * not know may already be a card: making it again would make a second live card, so a person must look at it.
 */
static bool may_be_made_already(struct cw_intake *in, const struct cw_dcms_kit *k) {
        struct cw_fault f = {0};
        bool arrived = false;
        if (strcmp(k->delivery_status, "BANK") != 0)
                return strcmp(k->delivery_status, "DELIVERED") == 0 ||
                       strcmp(k->delivery_status, "RETURNED") == 0;
        /* Unless it is BANK because we said that the empty kit arrived. */
        cw_rc rc = cw_journal_kit_has_arrived(in->daemon->journal, k->kit_no, &arrived, &f);
        return cw_daemon_check(in->daemon, rc, &f) != CW_OK || !arrived;
}

static bool has_room(struct cw_intake *in, const char *kit) {
        if (in->found_count == KITS_MAX)
                return false;
        return !told_before(in, kit) || in->again_count++ < KITS_AGAIN_MAX;
}

static void look_at_kit(struct cw_intake *in, const struct cw_dcms_kit *k) {
        struct cw_job_row row;
        struct cw_fault f = {0};
        cw_rc rc = cw_journal_job_by_kit(in->daemon->journal, k->kit_no, &row, &f);
        if (rc == CW_OK || already_found(in, k->kit_no))
                return;
        if ((rc & 0xffffu) != CW_E_NOT_FOUND) {
                (void)cw_daemon_check(in->daemon, rc, &f);
                return;
        }
        if (may_be_made_already(in, k))
                skip(in, k->kit_no, "the server has it as made already, but this journal does not know it");
        else if (!*k->entity_id)
                skip(in, k->kit_no, "the server names no customer for it");
        else if (has_room(in, k->kit_no)) {
                struct found *n = &in->found[in->found_count++];
                (void)snprintf(n->kit, sizeof n->kit, "%s", k->kit_no);
                (void)snprintf(n->entity, sizeof n->entity, "%s", k->entity_id);
        }
}

static void on_kits(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_intake *in = ctx;
        if (!answered(in, rc, f, reply))
                return;
        in->kits_seen = in->phase == ASSIGNED ? 0 : in->kits_seen;
        in->kits_seen += (int64_t)reply->kit_count;
        for (size_t i = 0; i < reply->kit_count; i++)
                look_at_kit(in, &reply->kits[i]);
        in->phase = in->phase == ASSIGNED ? INACTIVE : ENTITIES;
        in->at = 0;
        go_on(in);
}

/* An order of this customer is on its way: a new kit may be the one it makes, so it is looked at later. */
static bool may_be_ordered(const struct cw_daemon *d, const struct cw_dcms_kit *k) {
        for (const struct cw_run *r = d->runs; r; r = r->next)
                if (r->job.wait == CW_WAIT_CENTRAL && strcmp(r->kit.entity, k->entity_id) == 0)
                        return true;
        return false;
}

/* The card of this kit is made centrally, by an order of ours. */
static bool made_elsewhere(struct cw_intake *in, const struct cw_dcms_kit *k) {
        struct cw_fault f = {0};
        bool made = false;
        if (may_be_ordered(in->daemon, k)) {
                skip(in, k->kit_no,
                     "a card of this customer is being ordered centrally; looked at again then");
                return true;
        }
        cw_rc rc = cw_journal_made_centrally(in->daemon->journal, k->kit_no, &made, &f);
        if (cw_daemon_check(in->daemon, rc, &f) == CW_OK && made)
                skip(in, k->kit_no, "its card is made centrally");
        return rc != CW_OK || made;
}

static void make_job(struct cw_intake *in, const struct cw_dcms_kit *k) {
        struct cw_daemon *d = in->daemon;
        if (made_elsewhere(in, k))
                return;
        const struct cw_config_product *product = cw_config_product(d->config, k->plastic_code);
        if (!product) {
                skip(in, k->kit_no, "no product of the configuration has its plasticCode");
                return;
        }
        if (cw_kit_months_left(k->expiry, cw_wall_ms(d->clock)) < 0) {
                skip(in, k->kit_no, "its card has expired; the bank must replace it");
                return;
        }
        if (!*k->encrypted_card_number) {
                skip(in, k->kit_no,
                     "the server sent no encryptedCardNumber: the bank must enable it for "
                     "v2/fetchKitsByEntityId");
                return;
        }
        struct cw_job_row row = {0};
        (void)snprintf(row.kit.kit, sizeof row.kit.kit, "%s", k->kit_no);
        (void)snprintf(row.kit.entity, sizeof row.kit.entity, "%s", k->entity_id);
        (void)snprintf(row.kit.plastic_code, sizeof row.kit.plastic_code, "%s", k->plastic_code);
        (void)snprintf(row.kit.expiry, sizeof row.kit.expiry, "%s", k->expiry);
        (void)snprintf(row.kit.name, sizeof row.kit.name, "%s", k->alias_name);
        (void)snprintf(row.kit.masked_pan, sizeof row.kit.masked_pan, "%s", k->masked_pan);
        struct cw_fault f = {0};
        struct cw_change change;
        bool is_new = false;
        cw_rc rc = cw_journal_accept_kit(d->journal, &row.kit, k->encrypted_card_number,
                                         product->visual_check == CW_VISUAL_AUTOMATIC, &is_new, &change, &f);
        if (rc != CW_OK) {
                if (cw_rc_class(cw_daemon_check(d, rc, &f)) != CW_C_FATAL)
                        skip(in, k->kit_no, f.text);
                return;
        }
        if (!is_new)
                return;
        in->news = true;
        forget_skip(in, k->kit_no);
        row.job = change.job;
        row.created_ms = cw_wall_ms(d->clock);
        cw_log(CW_EV_KIT_ACCEPTED, CW_F_STR("KIT", k->kit_no), CW_F_STR("JOB", change.job.id));
        cw_runs_add(d, &row, &change);
}

static void on_entity(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_intake *in = ctx;
        if (cw_rc_class(rc) == CW_C_REJECT || only_this_one(in, rc, reply))
                skip(in, in->found[in->at].kit, f->text);
        else if (!answered(in, rc, f, reply))
                return;
        for (size_t i = 0; i < reply->kit_count; i++)
                if (strcmp(reply->kits[i].kit_no, in->found[in->at].kit) == 0)
                        make_job(in, &reply->kits[i]);
        in->at++;
        go_on(in);
}

/* ---- kits of open jobs ---- */

/* What the bank took back while its job was open: nothing more is made of it. */
static bool is_gone(const char *status) {
        static const char *const gone[] = {"BLOCKED", "REPLACED", "EXPIRED_CARD", "CLOSED"};
        for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
                if (strcmp(status, gone[i]) == 0)
                        return true;
        return false;
}

/* Before a plastic is fed the job ends; a card that exists waits for a person, who is told once. */
static void kit_is_gone(struct cw_intake *in, const struct cw_dcms_kit *k) {
        struct cw_daemon *d = in->daemon;
        const struct cw_job_event e = {.kind = CW_JE_CANCEL};
        struct cw_job_row row;
        struct cw_change change;
        struct cw_fault f = {0};
        cw_rc rc = cw_journal_job_by_kit(d->journal, k->kit_no, &row, &f);
        if (rc != CW_OK || cw_job_ended(&row.job)) {
                (void)cw_daemon_check(d, rc, &f);
                return;
        }
        CW_AUTO_JSON json_t *evidence = json_pack("{s:s}", "cardStatus", k->card_status);
        rc = cw_daemon_check(d, cw_journal_apply(d->journal, row.job.id, &e, evidence, "server", &change, &f),
                             &f);
        if (rc == CW_OK)
                cw_runs_changed(d, &change);
        else if (cw_rc_class(rc) != CW_C_FATAL)
                skip(in, k->kit_no,
                     "the bank blocked or replaced it, but its card is made or being made: do not hand it "
                     "over, put it into the reject box");
}

static void look_at_own(struct cw_intake *in, const struct cw_dcms_reply *reply) {
        for (size_t i = 0; i < reply->kit_count; i++)
                if (is_gone(reply->kits[i].card_status))
                        kit_is_gone(in, &reply->kits[i]);
}

static void on_own_kit(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_intake *in = ctx;
        if (cw_rc_class(rc) != CW_C_REJECT && !only_this_one(in, rc, reply) && !answered(in, rc, f, reply))
                return;
        if (rc == CW_OK)
                look_at_own(in, reply);
        in->at++;
        go_on(in);
}

/* A kit the server does not find any more refuses the whole question: then each is asked for alone. */
static void on_own(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_intake *in = ctx;
        if (cw_rc_class(rc) == CW_C_REJECT) {
                if (!in->own_refused)
                        cw_log_fault(CW_EV_SERVER_TROUBLE, f);
                in->own_refused = true;
                in->phase = OWN_ALONE;
                in->at = 0;
                go_on(in);
                return;
        }
        if (!answered(in, rc, f, reply))
                return;
        in->own_refused = false;
        look_at_own(in, reply);
        end_round(in, 0);
}

static void ask_inventory(struct cw_intake *in, size_t first, size_t count, cw_dcms_fn fn) {
        const char *kits[KITS_MAX];
        for (size_t i = 0; i < count; i++)
                kits[i] = in->own[first + i];
        const struct cw_dcms_kit_filter filter = {
            .kit_nos = kits, .kit_no_count = count, .branch_id = in->daemon->config->agent.branch_id};
        cw_dcms_kits_inventory(in->daemon->dcms, &filter, fn, in);
}

/* True when the question is on its way. Jobs are few: what is open in one branch. */
static bool ask_own(struct cw_intake *in) {
        struct cw_daemon *d = in->daemon;
        if (cw_deadline_left_ms(in->own_due_ns) > 0)
                return false;
        in->own_count = 0;
        for (const struct cw_run *run = d->runs; run && in->own_count < KITS_MAX; run = run->next)
                if (run->job.state != CW_JOB_DIVERTED && !cw_job_ended(&run->job) &&
                    run->job.pin == CW_PIN_NONE)
                        (void)snprintf(in->own[in->own_count++], sizeof in->own[0], "%s", run->kit.kit);
        in->own_due_ns = cw_deadline_ns(d->config->agent.poll_max_ms);
        if (in->own_count == 0)
                return false;
        ask_inventory(in, 0, in->own_count, on_own);
        return true;
}

/* ---- the round ---- */

static void ask_kits(struct cw_intake *in, const char *status) {
        const struct cw_config_agent *c = &in->daemon->config->agent;
        struct cw_dcms_kit_filter filter = {.branch_id = c->branch_id, .kit_status = status};
        /* Rows need not tell their deliveryStatus, so the server is asked for the right ones only. */
        if (*c->make_delivery_status)
                filter.delivery_status = c->make_delivery_status;
        cw_dcms_kits_inventory(in->daemon->dcms, &filter, on_kits, in);
}

static bool next_unsent(struct cw_intake *in) {
        while (in->at < in->order_count && in->orders[in->at].sent)
                in->at++;
        return in->at < in->order_count;
}

static bool next_unsettled(struct cw_intake *in) {
        while (in->at < in->order_count && order_settled(&in->orders[in->at]))
                in->at++;
        return in->at < in->order_count;
}

static void go_on(struct cw_intake *in) {
        struct cw_dcms *dcms = in->daemon->dcms;
        if (in->phase == PROCESS && next_unsent(in)) {
                /* The same id each time: a lost answer must not send the order on twice. */
                char request_id[64];
                (void)snprintf(request_id, sizeof request_id, "process-%.50s", in->orders[in->at].id);
                cw_dcms_order_process(dcms, in->orders[in->at].id, request_id, on_processed, in);
                return;
        }
        if (in->phase == PROCESS) {
                in->phase = STATUS;
                in->at = 0;
        }
        if (in->phase == STATUS && next_unsettled(in)) {
                cw_dcms_order_status(dcms, in->orders[in->at].id, on_order_status, in);
                return;
        }
        if (in->phase == STATUS) {
                in->phase = ASSIGNED;
                in->found_count = 0;
                in->again_count = 0;
                ask_kits(in, "ASSIGNED");
                return;
        }
        if (in->phase == INACTIVE) {
                ask_kits(in, "INACTIVE");
                return;
        }
        if (in->phase == OWN_ALONE) {
                if (in->at < in->own_count)
                        ask_inventory(in, in->at, 1, on_own_kit);
                else
                        end_round(in, 0);
                return;
        }
        if (in->at < in->found_count) {
                cw_dcms_kits_by_entity(dcms, in->found[in->at].entity, on_entity, in);
                return;
        }
        in->phase = OWN;
        if (!ask_own(in))
                end_round(in, 0);
}

static void on_timer(void *ctx) {
        struct cw_intake *in = ctx;
        in->news = false;
        in->silent = 0;
        in->phase = RECEIVED;
        cw_dcms_orders_received(in->daemon->dcms, on_received, in);
}

cw_rc cw_intake_new(struct cw_daemon *d, struct cw_intake **ret) {
        struct cw_intake *in = calloc(1, sizeof *in);
        if (!in)
                return CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM);
        in->daemon = d;
        in->pace = (struct cw_pace){.min_ms = d->config->agent.poll_min_ms,
                                    .max_ms = d->config->agent.poll_max_ms,
                                    .pause_ms = d->config->agent.poll_min_ms};
        cw_rc rc = cw_timer_new(d->loop, on_timer, in, &in->timer);
        if (rc != CW_OK) {
                free(in);
                return rc;
        }
        cw_timer_arm(in->timer, 0);
        *ret = in;
        return CW_OK;
}

void cw_intake_free(struct cw_intake *in) {
        if (!in)
                return;
        cw_timer_free(in->timer);
        free(in);
}

json_t *cw_intake_status(const struct cw_intake *in) {
        json_t *orders = json_array();
        for (size_t i = 0; i < in->order_count; i++)
                (void)json_array_append_new(orders, json_pack("{s:s, s:s}", "order", in->orders[i].id,
                                                              "status", in->orders[i].status));
        return json_pack("{s:s, s:I, s:I, s:o}", "state", phase_names[in->phase], "pause_ms",
                         (json_int_t)in->pace.pause_ms, "kits_seen", (json_int_t)in->kits_seen, "orders",
                         orders);
}
