/* SPDX-License-Identifier: Apache-2.0 */
/* Routes to central production: a job diverted by a person's word, and what D1 says of a card. */
#include "agent/daemon/central.h"

#include "agent/daemon/api_dcms.h"
#include "agent/daemon/reports.h"
#include "agent/daemon/runs.h"
#include "agent/daemon/views.h"

#include <string.h>

/* The job named by the path: its id, or its kit number. */
static cw_rc named_job(struct cw_daemon *d, const struct cw_control_request *r, struct cw_job_row *ret,
                       struct cw_fault *f) {
        cw_rc rc = cw_journal_job(d->journal, cw_control_segment(r), ret, f);
        if (cw_rc_class(rc) == CW_C_REJECT)
                rc = cw_journal_job_by_kit(d->journal, cw_control_segment(r), ret, f);
        return cw_daemon_check(d, rc, f);
}

static cw_rc divert(struct cw_daemon *d, struct cw_control_request *r, struct cw_job_row *row,
                    struct cw_fault *f) {
        struct cw_job_event e = {.kind = CW_JE_DIVERT, .code = "OPERATOR"};
        struct cw_change change;
        const struct cw_config_product *p = cw_config_product(d->config, row->kit.plastic_code);
        if (!p || p->central == CW_CENTRAL_NONE)
                return cw_fail(
                    f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_STATE), 0, "api.divert", "",
                    "no central production is configured for this product; set products[].central");
        cw_rc rc = cw_daemon_check(
            d, cw_journal_apply(d->journal, row->job.id, &e, NULL, cw_control_actor(r), &change, f), f);
        if (rc != CW_OK)
                return rc;
        cw_runs_changed(d, &change);
        cw_reports_kick(d->reports);
        row->job = change.job;
        return CW_OK;
}

void cw_api_job_divert(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_job_row row;
        cw_rc rc = named_job(d, r, &row, &f);
        if (rc == CW_OK)
                rc = divert(d, r, &row, &f);
        if (rc == CW_OK)
                cw_control_reply(r, cw_view_job(d, &row));
        else
                cw_control_fail(r, &f);
}

/* ---- a person's word on an order ---- */

static bool is_number(const char *text) {
        size_t len = strlen(text);
        return len > 0 && len <= 64 &&
               strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static bool word_of(const char *text, enum cw_central_word *ret) {
        static const char *const words[] = {[CW_CENTRAL_ORDERED] = "ordered",
                                            [CW_CENTRAL_NOT_ORDERED] = "not_ordered",
                                            [CW_CENTRAL_RETRY] = "retry"};
        for (size_t i = 0; text && i < sizeof words / sizeof words[0]; i++)
                if (strcmp(words[i], text) == 0) {
                        *ret = (enum cw_central_word)i;
                        return true;
                }
        return false;
}

/* Where the order is, by a person's word: its number at D1, or the kit the bank made for it. */
static json_t *evidence_by_person(struct cw_daemon *d, const struct cw_job_row *row, bool dcms,
                                  const char *number) {
        struct cw_fault f = {0};
        json_t *order = NULL;
        if (dcms)
                return json_pack("{s:s, s:s, s:b}", "target", "dcms", "kit", number, "by_person", 1);
        if (row->job.wait == CW_WAIT_CENTRAL)
                return json_pack("{s:s, s:s, s:s, s:s, s:b}", "target", "d1", "card", row->kit.kit,
                                 "operation", number, "request", "", "by_person", 1);
        (void)cw_daemon_check(d, cw_journal_central_order(d->journal, row->job.id, &order, &f), &f);
        (void)json_object_set_new(order, "by_person", json_true());
        return order;
}

static cw_rc decide(struct cw_daemon *d, struct cw_control_request *r, struct cw_job_row *row,
                    struct cw_fault *f) {
        const char *number = json_string_value(json_object_get(cw_control_body(r), "number"));
        const struct cw_config_product *p = cw_config_product(d->config, row->kit.plastic_code);
        bool dcms = p && p->central == CW_CENTRAL_DCMS, fresh = row->job.wait == CW_WAIT_CENTRAL;
        enum cw_central_word word = CW_CENTRAL_RETRY;
        struct cw_change change;
        if (!word_of(json_string_value(json_object_get(cw_control_body(r), "decision")), &word))
                return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_SYNTAX), 0, "api.central", "",
                               "the body needs \"decision\": \"ordered\", \"not_ordered\" or \"retry\"");
        bool ordered = word == CW_CENTRAL_ORDERED;
        if (ordered && fresh && !(number && is_number(number) && strcmp(number, row->kit.kit) != 0))
                return cw_fail(
                    f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_MISSING), 0, "api.central", "",
                    dcms ? "the bank made a new kit for this order; say its number too"
                         : "say the operation number of the order at D1 too (cardwright d1 status KIT)");
        if (cw_reports_busy(d->reports, row->kit.kit))
                return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_RETRY, CW_E_BUSY), 0, "api.central", "",
                               "the order is on its way to the server right now; try again");
        CW_AUTO_JSON json_t *evidence =
            ordered ? evidence_by_person(d, row, dcms, number ? number : "") : NULL;
        const struct cw_journal_order order = {evidence, dcms, fresh && !dcms};
        cw_rc rc = cw_daemon_check(
            d,
            cw_journal_central_decide(d->journal, row->job.id, word, &order, cw_control_actor(r), &change, f),
            f);
        if (rc != CW_OK)
                return rc;
        if (!change.actions.unchanged)
                cw_runs_changed(d, &change);
        cw_reports_kick(d->reports);
        row->job = change.job;
        return CW_OK;
}

void cw_api_job_central(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_job_row row;
        cw_rc rc = named_job(d, r, &row, &f);
        if (rc == CW_OK)
                rc = decide(d, r, &row, &f);
        if (rc == CW_OK)
                cw_control_reply(r, cw_view_job(d, &row));
        else
                cw_control_fail(r, &f);
}

/* ---- D1 ---- */

static json_t *operation_json(const struct cw_d1_operation *o) {
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", o->id, "operation",
                         o->operation, "status", o->status_word, "detail", o->detail_word, "reason",
                         o->reason, "code", o->code, "request", o->request_id, "start", o->start, "end",
                         o->end);
}

static void on_status(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_d1_reply *reply) {
        struct cw_control_request *r = ctx;
        if (rc != CW_OK) {
                cw_control_fail(r, f);
                return;
        }
        json_t *list = json_array();
        for (size_t i = 0; i < reply->operation_count; i++)
                (void)json_array_append_new(list, operation_json(&reply->operations[i]));
        cw_control_reply(r,
                         json_pack("{s:s, s:o}", "correlation", reply->correlation_id, "operations", list));
}

static struct cw_d1 *want_d1(struct cw_daemon *d, struct cw_control_request *r) {
        struct cw_d1 *d1 = cw_central_d1(d->central);
        if (!d1)
                cw_bank_refuse(r, CW_E_UNSUPPORTED, "D1 is not configured; set the section d1");
        return d1;
}

void cw_api_d1_card(void *ctx, struct cw_control_request *r) {
        struct cw_fault f = {0};
        struct cw_d1 *d1 = want_d1(ctx, r);
        if (d1 && cw_d1_production_status(d1, cw_control_segment(r), on_status, r, &f) != CW_OK)
                cw_control_fail(r, &f);
}

void cw_api_d1(void *ctx, struct cw_control_request *r) {
        struct cw_d1_health h;
        const struct cw_d1 *d1 = want_d1(ctx, r);
        if (!d1)
                return;
        cw_d1_health(d1, &h);
        cw_control_reply(r, json_pack("{s:s, s:I, s:b, s:I, s:s}", "state", cw_d1_state_name(h.state),
                                      "last_contact_ms", (json_int_t)h.last_contact_ms, "token_held",
                                      h.token_held, "token_expires_ms", (json_int_t)h.token_expires_ms,
                                      "text", h.last_fault.text));
}
