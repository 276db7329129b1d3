/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/kit_stock.h"

#include "agent/daemon/api_dcms.h"
#include "base/log.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#define BATCH 50u
#define NAMED_MAX 16u
#define FIRST_PAUSE_MS 1000
#define LAST_PAUSE_MS ((int64_t)5 * 60 * 1000)

struct list {
        char kits[NAMED_MAX][32];
        size_t named;
        int64_t count;
};

struct cw_kit_stock {
        struct cw_daemon *daemon;
        struct cw_timer *tell, *look;
        struct cw_arrival batch[BATCH];
        size_t count;
        size_t batch_max; /* 1 after the server refused a whole question */
        int64_t pause_ms; /* 0: the last question was answered */
        bool telling;
        struct list expired, expiring;
        int64_t looked_ms;
};

/* ---- arrivals ---- */

static void tell_later(struct cw_kit_stock *s, int64_t hint_ms) {
        s->pause_ms = s->pause_ms ? 2 * s->pause_ms : FIRST_PAUSE_MS;
        if (s->pause_ms > LAST_PAUSE_MS)
                s->pause_ms = LAST_PAUSE_MS;
        cw_timer_arm(s->tell, hint_ms > s->pause_ms ? hint_ms : s->pause_ms);
}

static void settle(struct cw_kit_stock *s, const char *kit, const char *refused_code, const char *text) {
        struct cw_fault f = {0};
        if (*refused_code)
                cw_log(CW_EV_ARRIVAL_REFUSED, CW_F_STR("KIT", kit), CW_F_STR("CODE", refused_code),
                       CW_F_STR("TEXT", text));
        (void)cw_daemon_check(s->daemon, cw_journal_arrival_told(s->daemon->journal, kit, refused_code, &f),
                              &f);
}

/* The whole question was refused: one of them spoils it, so each is asked alone. True when it was alone. */
static bool refused_alone(struct cw_kit_stock *s) {
        bool alone = s->batch_max == 1;
        s->batch_max = 1;
        return alone;
}

static void on_told(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_kit_stock *s = ctx;
        s->telling = false;
        if (cw_rc_class(rc) == CW_C_REJECT) {
                if (refused_alone(s))
                        settle(s, s->batch[0].kit, *f->code ? f->code : "REFUSED", f->text);
        } else if (rc != CW_OK) {
                tell_later(s, reply->retry_after_ms);
                return;
        }
        for (size_t i = 0; rc == CW_OK && i < reply->delivered_count; i++) {
                const struct cw_dcms_delivered *row = &reply->delivered[i];
                settle(s, row->kit_no, row->ok ? "" : *row->code ? row->code : "REFUSED", row->text);
        }
        s->pause_ms = 0;
        cw_timer_arm(s->tell, 0);
}

/* Rows need not tell the branch and the deliveryStatus, which the server was asked for. */
static bool on_its_way(const struct cw_kit_stock *s, const char *kit, const struct cw_dcms_reply *reply) {
        for (size_t i = 0; i < reply->kit_count; i++) {
                const struct cw_dcms_kit *k = &reply->kits[i];
                if (strcmp(k->kit_no, kit) == 0)
                        return (!*k->delivery_status || strcmp(k->delivery_status, "IN_TRANSIT") == 0) &&
                               (!*k->branch_id ||
                                strcmp(k->branch_id, s->daemon->config->agent.branch_id) == 0);
        }
        return false;
}

/* No longer on its way: by our own telling, whose answer was lost, or else it is not ours to tell. */
static void settle_elsewhere(struct cw_kit_stock *s, const struct cw_arrival *a) {
        settle(
            s, a->kit, a->asked ? "" : "NOT_IN_TRANSIT",
            "the bank does not have it on its way to this branch: it knows it as arrived, made or delivered "
            "already, as another branch's, or not at all");
}

static void tell(struct cw_kit_stock *s, const struct cw_dcms_reply *reply) {
        struct cw_dcms_delivery rows[BATCH];
        struct cw_fault f = {0};
        size_t n = 0;
        for (size_t i = 0; i < s->count; i++) {
                const struct cw_arrival *a = &s->batch[i];
                if (!on_its_way(s, a->kit, reply)) {
                        settle_elsewhere(s, a);
                        continue;
                }
                cw_rc rc = cw_journal_arrival_asked(s->daemon->journal, a->kit, &f);
                if (cw_daemon_check(s->daemon, rc, &f) != CW_OK) {
                        tell_later(s, 0);
                        return;
                }
                rows[n++] = (struct cw_dcms_delivery){a->kit, "BANK"};
        }
        if (n == 0) {
                cw_timer_arm(s->tell, 0);
                return;
        }
        s->telling = true;
        cw_dcms_delivery(s->daemon->dcms, rows, n, on_told, s);
}

static void on_read(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_kit_stock *s = ctx;
        s->telling = false;
        if (rc == CW_OK) {
                tell(s, reply);
        } else if (cw_rc_class(rc) != CW_C_REJECT) {
                tell_later(s, reply->retry_after_ms);
        } else {
                if (refused_alone(s))
                        settle(s, s->batch[0].kit,
                               s->batch[0].asked ? ""
                               : *f->code        ? f->code
                                                 : "REFUSED",
                               f->text);
                cw_timer_arm(s->tell, 0);
        }
}

/* The card of a kit that has a job is beyond arriving: its own reports say BANK, and what comes after. */
static bool has_job(struct cw_kit_stock *s, const char *kit) {
        struct cw_job_row row;
        struct cw_fault f = {0};
        cw_rc rc = cw_journal_job_by_kit(s->daemon->journal, kit, &row, &f);
        if (rc != CW_OK && (rc & 0xffffu) != CW_E_NOT_FOUND)
                (void)cw_daemon_check(s->daemon, rc, &f);
        return rc == CW_OK;
}

/* Whoever made the card of a kit must not have it set back to BANK by a scan: only what is on its way is. */
static void ask_where(struct cw_kit_stock *s) {
        const char *kits[BATCH];
        for (size_t i = 0; i < s->count; i++)
                kits[i] = s->batch[i].kit;
        const struct cw_dcms_kit_filter filter = {.kit_nos = kits,
                                                  .kit_no_count = s->count,
                                                  .branch_id = s->daemon->config->agent.branch_id,
                                                  .delivery_status = "IN_TRANSIT"};
        s->telling = true;
        cw_dcms_kits_inventory(s->daemon->dcms, &filter, on_read, s);
}

static void on_tell(void *ctx) {
        struct cw_kit_stock *s = ctx;
        struct cw_fault f = {0};
        size_t count = 0;
        if (s->telling)
                return;
        cw_rc rc = cw_journal_arrivals_untold(s->daemon->journal, s->batch, s->batch_max, &count, &f);
        if (cw_daemon_check(s->daemon, rc, &f) != CW_OK)
                return;
        s->count = 0;
        for (size_t i = 0; i < count; i++) {
                if (has_job(s, s->batch[i].kit))
                        settle(s, s->batch[i].kit, "", "");
                else
                        s->batch[s->count++] = s->batch[i];
        }
        if (s->count > 0) {
                ask_where(s);
                return;
        }
        s->batch_max = BATCH;
        if (count > 0)
                cw_timer_arm(s->tell, 0);
}

static bool number_ok(const char *kit) {
        size_t len = kit ? strlen(kit) : 0;
        return len > 0 && len < sizeof((struct cw_arrival *)NULL)->kit &&
               strspn(kit, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

/* Made is only what make_delivery_status names: a kit that becomes BANK by arriving must be among it. */
static const char *why_not(const struct cw_daemon *d, const json_t *list, const char **ret) {
        const char *made = d->config->agent.make_delivery_status;
        size_t count = json_array_size(list);
        if (*made && strcmp(made, "BANK") != 0)
                return "kits are made while the server has them elsewhere than at the branch; set "
                       "agent.make_delivery_status to \"BANK\" so that what arrived is made";
        if (count == 0 || count > BATCH)
                return "the body needs \"kits\", 1 to 50 kit numbers";
        for (size_t i = 0; i < count; i++) {
                ret[i] = json_string_value(json_array_get(list, i));
                if (!number_ok(ret[i]))
                        return "a kit number is letters and digits, at most 31";
        }
        return NULL;
}

void cw_api_kits_received(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        const json_t *list = json_object_get(cw_control_body(r), "kits");
        const char *kits[BATCH];
        struct cw_fault f = {0};
        const char *why = why_not(d, list, kits);
        if (why) {
                cw_bank_refuse(r, CW_E_RANGE, why);
                return;
        }
        size_t count = json_array_size(list);
        cw_rc rc =
            cw_daemon_check(d, cw_journal_kits_arrived(d->journal, kits, count, cw_control_actor(r), &f), &f);
        if (rc != CW_OK) {
                cw_control_fail(r, &f);
                return;
        }
        cw_timer_arm(d->kit_stock->tell, 0);
        cw_control_reply(r, json_pack("{s:I}", "received", (json_int_t)count));
}

/* ---- what expires ---- */

int cw_kit_months_left(const char *yymm, int64_t now_wall_ms) {
        time_t now = (time_t)(now_wall_ms / 1000);
        struct tm tm;
        if (strlen(yymm) != 4 || strspn(yymm, "0123456789") != 4 || !gmtime_r(&now, &tm))
                return INT_MAX;
        int year = (yymm[0] - '0') * 10 + yymm[1] - '0', month = (yymm[2] - '0') * 10 + yymm[3] - '0';
        return month < 1 || month > 12 ? INT_MAX
                                       : (2000 + year - 1900 - tm.tm_year) * 12 + month - 1 - tm.tm_mon;
}

static void note(struct list *l, const char *kit) {
        l->count++;
        if (l->named < NAMED_MAX)
                (void)snprintf(l->kits[l->named++], sizeof l->kits[0], "%s", kit);
}

static void look_again(struct cw_kit_stock *s) {
        cw_timer_arm(s->look, s->daemon->config->agent.stock_look_s * 1000);
}

static void on_looked(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct cw_kit_stock *s = ctx;
        const struct cw_config_agent *c = &s->daemon->config->agent;
        int64_t before = s->expired.count + s->expiring.count, now = cw_wall_ms(s->daemon->clock);
        (void)f;
        look_again(s);
        if (rc != CW_OK)
                return;
        s->looked_ms = now;
        s->expired = s->expiring = (struct list){0};
        for (size_t i = 0; i < reply->kit_count; i++) {
                int left = cw_kit_months_left(reply->kits[i].expiry, now);
                if (left < c->kit_expiry_warn_months)
                        note(left < 0 ? &s->expired : &s->expiring, reply->kits[i].kit_no);
        }
        if (s->expired.count + s->expiring.count == before)
                return;
        cw_log(CW_EV_KITS_EXPIRE, CW_F_INT("EXPIRED", s->expired.count),
               CW_F_INT("EXPIRING", s->expiring.count));
}

static void on_look(void *ctx) {
        struct cw_kit_stock *s = ctx;
        const struct cw_dcms_kit_filter filter = {.branch_id = s->daemon->config->agent.branch_id,
                                                  .kit_status = "UNALLOCATED"};
        cw_dcms_kits_inventory(s->daemon->dcms, &filter, on_looked, s);
}

static json_t *names(const struct list *l) {
        json_t *list = json_array();
        for (size_t i = 0; i < l->named; i++)
                (void)json_array_append_new(list, json_string(l->kits[i]));
        return list;
}

json_t *cw_kit_stock_view(struct cw_kit_stock *s) {
        struct cw_arrival untold[1];
        struct cw_fault f = {0};
        size_t count = 0;
        int64_t refused = 0;
        cw_rc rc = cw_journal_arrivals_untold(s->daemon->journal, untold, 1, &count, &f);
        if (rc == CW_OK)
                rc = cw_journal_arrivals_refused(s->daemon->journal, &refused, &f);
        (void)cw_daemon_check(s->daemon, rc, &f);
        return json_pack("{s:b, s:I, s:I, s:I, s:o, s:o, s:I}", "untold", count > 0, "refused",
                         (json_int_t)refused, "expired_count", (json_int_t)s->expired.count, "expiring_count",
                         (json_int_t)s->expiring.count, "expired", names(&s->expired), "expiring",
                         names(&s->expiring), "looked_ms", (json_int_t)s->looked_ms);
}

/* ---- begin and end ---- */

cw_rc cw_kit_stock_new(struct cw_daemon *d, struct cw_kit_stock **ret) {
        CW_AUTO(cw_kit_stock_free) struct cw_kit_stock *s = calloc(1, sizeof *s);
        if (!s)
                return CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM);
        s->daemon = d;
        s->batch_max = BATCH;
        cw_rc rc = cw_timer_new(d->loop, on_tell, s, &s->tell);
        if (rc == CW_OK)
                rc = cw_timer_new(d->loop, on_look, s, &s->look);
        if (rc != CW_OK)
                return rc;
        cw_timer_arm(s->tell, 0);
        cw_timer_arm(s->look, FIRST_PAUSE_MS);
        *ret = CW_STEAL(s);
        return CW_OK;
}

void cw_kit_stock_free(struct cw_kit_stock *s) {
        if (!s)
                return;
        cw_timer_free(s->tell);
        cw_timer_free(s->look);
        free(s);
}
