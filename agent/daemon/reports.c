/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/reports.h"

#include "agent/daemon/central.h"
#include "agent/daemon/runs.h"
#include "agent/daemon/spoiled.h"
#include "base/log.h"

#include <string.h>

#define TICK_MS 1000
#define AT_ONCE_MAX 4
#define SLOTS (AT_ONCE_MAX + CW_CENTRAL_AT_ONCE)
#define LOOK_AHEAD 64
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS ((int64_t)5 * 60 * 1000)
#define OPERATOR_PAUSE_MS 30000
/* Some ten minutes: longer than two sides need to change their gateway keys one after the other. */
#define GATEWAY_REFUSALS_MAX 24

/* One report under way. */
struct sending {
        struct cw_reports *reports;
        struct cw_outbox_item item;
        bool used;
};

struct cw_reports {
        struct cw_daemon *daemon;
        struct cw_timer *timer;
        int64_t inherited;           /* reports up to this number are older than this process */
        struct sending slots[SLOTS]; /* those from AT_ONCE_MAX on are for orders that go out together */
};

static int64_t backoff_ms(uint32_t attempts) {
        int64_t ms = BACKOFF_FIRST_MS;
        for (uint32_t i = 0; i < attempts && ms < BACKOFF_MAX_MS; i++)
                ms *= 2;
        return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

static void log_not_sent(const struct sending *s, const struct cw_fault *f) {
        cw_log(CW_EV_REPORT_FAILED, CW_F_STR("KIT", s->item.kit),
               CW_F_STR("REPORT", cw_report_name(s->item.report)),
               CW_F_STR("CLASS", cw_class_name(cw_rc_class(f->rc))), CW_F_STR("CODE", f->code),
               CW_F_STR("TEXT", f->text));
}

static void not_sent(struct sending *s, const struct cw_fault *f, int64_t delay_ms, bool park) {
        struct cw_fault journal_fault = {0};
        log_not_sent(s, f);
        cw_rc rc = cw_journal_outbox_failed(s->reports->daemon->journal, s->item.id,
                                            *f->code ? f->code : cw_class_name(cw_rc_class(f->rc)), delay_ms,
                                            park, &journal_fault);
        s->used = false;
        if (rc != CW_OK)
                (void)cw_daemon_check(s->reports->daemon, rc, &journal_fault);
}

/* The journal's answer to an acknowledgement. */
static void settled(struct sending *s, cw_rc rc, const struct cw_fault *why, const struct cw_change *change) {
        struct cw_daemon *d = s->reports->daemon;
        struct cw_fault f = *why;
        if (cw_rc_class(rc) == CW_C_REJECT) {
                not_sent(s, &f, BACKOFF_MAX_MS,
                         true); /* the job does not fit: a person must look, not the server again */
                return;
        }
        s->used = false;
        if (cw_daemon_check(d, rc, &f) != CW_OK)
                return;
        cw_reports_kick(s->reports);
        cw_runs_changed(d, change);
}

static void log_sent(const struct sending *s) {
        cw_log(CW_EV_REPORT_SENT, CW_F_STR("KIT", s->item.kit),
               CW_F_STR("REPORT", cw_report_name(s->item.report)));
}

static void sent(struct sending *s) {
        struct cw_fault f = {0};
        struct cw_change change;
        log_sent(s);
        cw_rc rc = cw_journal_outbox_acked(s->reports->daemon->journal, s->item.id, &change, &f);
        settled(s, rc, &f, &change);
}

/* Never the report's own fault; only a gateway that goes on refusing it, and it alone, is for a person. */
static void keys_differ(struct sending *s, const struct cw_fault *f, int64_t delay) {
        uint32_t before = strcmp(s->item.last_error, f->code) == 0 ? s->item.same : 0;
        bool park = strcmp(f->code, CW_DCMS_CODE_GATEWAY_REFUSED) == 0 && before + 1 >= GATEWAY_REFUSALS_MAX;
        not_sent(s, f, delay < OPERATOR_PAUSE_MS ? delay : OPERATOR_PAUSE_MS, park);
}

static void failed(struct sending *s, const struct cw_fault *f, int64_t retry_after_ms) {
        int64_t delay = backoff_ms(s->item.attempts);
        if (cw_dcms_keys_differ(f)) {
                keys_differ(s, f, delay);
                return;
        }
        switch (cw_rc_class(f->rc)) {
        case CW_C_REJECT:
        case CW_C_FATAL:
                not_sent(s, f, delay, true);
                return;
        case CW_C_OPERATOR:
                not_sent(s, f, OPERATOR_PAUSE_MS, false);
                return;
        case CW_C_NONE:
        case CW_C_RETRY:
        case CW_C_RECONNECT:
        case CW_C_IN_DOUBT:
                break;
        }
        /* These may be repeated: kitActivation has its requestId, a delivery status is read back first. */
        not_sent(s, f, retry_after_ms > delay ? retry_after_ms : delay, false);
}

static void on_activated(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct sending *s = ctx;
        /* We asked for it and it is so: an earlier answer of ours was lost. */
        bool already = cw_rc_class(rc) == CW_C_REJECT && strcmp(f->code, "card.already.active") == 0 &&
                       (s->item.attempts > 0 || reply->replayed);
        if (rc == CW_OK || already)
                sent(s);
        else
                failed(s, f, reply->retry_after_ms);
}

static void on_delivery(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct sending *s = ctx;
        struct cw_fault refused = {0};
        if (rc != CW_OK) {
                failed(s, f, reply->retry_after_ms);
                return;
        }
        if (reply->delivered_count == 1 && reply->delivered[0].ok) {
                sent(s);
                return;
        }
        const char *code = reply->delivered_count ? reply->delivered[0].code : CW_DCMS_CODE_BAD_ANSWER;
        const char *text = reply->delivered_count ? reply->delivered[0].text : "the answer names no kit";
        (void)cw_fail(&refused, CW_RC(CW_L_UPSTREAM, CW_C_REJECT, CW_E_STATE), 200, "dcms.delivery", code,
                      "%s", text);
        failed(s, &refused, 0);
}

static const char *delivery_status(enum cw_report report) {
        switch (report) {
        case CW_REPORT_PRODUCED:
                return "BANK";
        case CW_REPORT_DELIVERED:
                return "DELIVERED";
        case CW_REPORT_FAILED:
        case CW_REPORT_DATA_ERROR:
        case CW_REPORT_CANCELLED:
                return "RETURNED";
        case CW_REPORT_ACTIVATE:
        case CW_REPORT_CENTRAL:
        case CW_REPORT_MAX_:
                break;
        }
        return "";
}

static void send_delivery(struct sending *s) {
        struct cw_dcms_delivery delivery = {.kit_no = s->item.kit, .status = delivery_status(s->item.report)};
        cw_dcms_delivery(s->reports->daemon->dcms, &delivery, 1, on_delivery, s);
}

/* A server that does not say the status of a kit is told it again: it keeps one. */
static void on_delivery_read(void *ctx, cw_rc rc, const struct cw_fault *f,
                             const struct cw_dcms_reply *reply) {
        struct sending *s = ctx;
        if (rc != CW_OK && cw_rc_class(rc) != CW_C_REJECT) {
                failed(s, f, reply->retry_after_ms);
                return;
        }
        for (size_t i = 0; rc == CW_OK && i < reply->kit_count; i++)
                if (strcmp(reply->kits[i].kit_no, s->item.kit) == 0 &&
                    strcmp(reply->kits[i].delivery_status, delivery_status(s->item.report)) == 0) {
                        sent(s);
                        return;
                }
        send_delivery(s);
}

/* Sent before and the answer lost, or by a process that died before it could note the answer. */
static bool may_have_arrived(const struct sending *s) {
        return s->item.attempts > 0 || s->item.id <= s->reports->inherited;
}

static void tell_delivery(struct sending *s) {
        const char *const kits[] = {s->item.kit};
        const struct cw_dcms_kit_filter filter = {.ref_type = "DC_KIT", .kit_nos = kits, .kit_no_count = 1};
        if (may_have_arrived(s))
                cw_dcms_kits_inventory(s->reports->daemon->dcms, &filter, on_delivery_read, s);
        else
                send_delivery(s);
}

static void on_spoiled(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct sending *s = ctx;
        if (rc == CW_OK)
                tell_delivery(s);
        else if (cw_rc_class(rc) == CW_C_IN_DOUBT)
                not_sent(s, f, BACKOFF_MAX_MS, true); /* a second replacement would be a second card */
        else
                failed(s, f, reply->retry_after_ms);
}

/* Surely not done: the report is over and the branch has the job again. */
static void order_refused(struct sending *s, const struct cw_fault *f) {
        struct cw_fault why = {0};
        struct cw_change change;
        log_not_sent(s, f);
        cw_rc rc = cw_journal_outbox_refused(s->reports->daemon->journal, s->item.id,
                                             *f->code ? f->code : "PRD_CENTRAL_REFUSED", &change, &why);
        settled(s, rc, &why, &change);
}

static void on_central(void *ctx, cw_rc rc, const struct cw_fault *f, int64_t retry_after_ms,
                       const struct cw_central_made *made) {
        struct sending *s = ctx;
        struct cw_fault why = {0};
        struct cw_change change;
        if (cw_rc_class(rc) == CW_C_IN_DOUBT && made && made->person) {
                not_sent(s, f, BACKOFF_MAX_MS, true);
                return;
        }
        if (rc != CW_OK && made && made->refused) {
                order_refused(s, f);
                return;
        }
        if (rc != CW_OK) {
                failed(s, f, retry_after_ms); /* IN_DOUBT too: the next try reads back first */
                return;
        }
        log_sent(s);
        const struct cw_journal_order order = {made->evidence, made->another_kit, made->followed};
        rc = cw_journal_outbox_ordered(s->reports->daemon->journal, s->item.id, &order, &change, &why);
        settled(s, rc, &why, &change);
}

static void send_item(struct sending *s) {
        struct cw_daemon *d = s->reports->daemon;
        const char *operation = cw_spoiled_operation(d, &s->item);
        const struct cw_outbox_item *i = &s->item;
        if (i->report == CW_REPORT_ACTIVATE)
                cw_dcms_activate(d->dcms, i->entity, i->kit, i->idem, on_activated, s);
        else if (i->report == CW_REPORT_CENTRAL)
                cw_central_order(d->central, i, on_central, s);
        else if (operation)
                cw_spoiled_manage(d, i, operation, on_spoiled, s);
        else
                tell_delivery(s);
}

static bool under_way(const struct cw_reports *rp, const char *kit) {
        for (size_t i = 0; i < SLOTS; i++)
                if (rp->slots[i].used && strcmp(rp->slots[i].item.kit, kit) == 0)
                        return true;
        return false;
}

/* registerCard is told from its lost answer by the customer's kits before and after: one at a time. */
static bool must_wait(struct cw_reports *rp, const struct cw_outbox_item *item) {
        struct cw_fault f = {0};
        bool ahead = false;
        return item->report == CW_REPORT_CENTRAL && cw_central_is_serial(rp->daemon->central, item) &&
               cw_daemon_check(rp->daemon,
                               cw_journal_central_ahead(rp->daemon->journal, item->id, &ahead, &f),
                               &f) == CW_OK &&
               ahead;
}

bool cw_reports_busy(const struct cw_reports *rp, const char *kit) {
        return under_way(rp, kit);
}

static struct sending *free_slot(struct cw_reports *rp, const struct cw_outbox_item *item) {
        bool batched = cw_central_is_batched(rp->daemon->central, item);
        for (size_t i = batched ? AT_ONCE_MAX : 0; i < (batched ? SLOTS : AT_ONCE_MAX); i++)
                if (!rp->slots[i].used)
                        return &rp->slots[i];
        return NULL;
}

static void on_timer(void *ctx) {
        struct cw_reports *rp = ctx;
        struct cw_outbox_item items[LOOK_AHEAD];
        size_t count = 0;
        struct cw_fault f = {0};
        cw_timer_arm(rp->timer, TICK_MS);
        cw_rc rc = cw_journal_outbox_next(rp->daemon->journal, items, LOOK_AHEAD, &count, &f);
        if (rc != CW_OK) {
                (void)cw_daemon_check(rp->daemon, rc, &f);
                return;
        }
        for (size_t i = 0; i < count; i++) {
                if (under_way(rp, items[i].kit) || must_wait(rp, &items[i]))
                        continue;
                struct sending *s = free_slot(rp, &items[i]);
                if (!s)
                        continue;
                *s = (struct sending){.reports = rp, .item = items[i], .used = true};
                send_item(s);
        }
}

void cw_reports_kick(struct cw_reports *rp) {
        cw_timer_arm(rp->timer, 0);
}

cw_rc cw_reports_new(struct cw_daemon *d, struct cw_reports **ret) {
        struct cw_fault f = {0};
        struct cw_reports *rp = calloc(1, sizeof *rp);
        if (!rp)
                return CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM);
        rp->daemon = d;
        cw_rc rc = cw_journal_outbox_newest(d->journal, &rp->inherited, &f);
        if (rc == CW_OK)
                rc = cw_timer_new(d->loop, on_timer, rp, &rp->timer);
        if (rc != CW_OK) {
                free(rp);
                return rc;
        }
        cw_timer_arm(rp->timer, 0);
        *ret = rp;
        return CW_OK;
}

void cw_reports_free(struct cw_reports *rp) {
        if (!rp)
                return;
        cw_timer_free(rp->timer);
        free(rp);
}
