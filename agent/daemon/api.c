/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/api.h"

#include "agent/daemon/api_dcms.h"
#include "agent/daemon/central.h"
#include "agent/daemon/api_printers.h"
#include "agent/daemon/doctor.h"
#include "agent/daemon/kiosk.h"
#include "agent/daemon/kiosk_order.h"
#include "agent/daemon/mailer.h"
#include "agent/daemon/reports.h"
#include "agent/daemon/runs.h"
#include "agent/daemon/views.h"

#include <limits.h>
#include <string.h>

#define AUDIT_ROWS 100

/* ---- reading ---- */

static void answer(struct cw_daemon *d, struct cw_control_request *r, cw_rc rc, const struct cw_fault *f,
                   json_t *take) {
        if (rc == CW_OK) {
                cw_control_reply(r, take);
                return;
        }
        (void)cw_daemon_check(d, rc, f);
        cw_control_fail(r, f);
}

static void refuse(struct cw_control_request *r, int code, const char *text) {
        struct cw_fault f = {0};
        (void)cw_fail(&f, CW_RC(CW_L_CONTROL, CW_C_REJECT, code), 0, "api", "", "%s", text);
        cw_control_fail(r, &f);
}

static void get_status(void *ctx, struct cw_control_request *r) {
        cw_control_reply(r, cw_view_status(ctx));
}

static void get_stations(void *ctx, struct cw_control_request *r) {
        cw_control_reply(r, cw_view_stations(ctx));
}

static void get_jobs(void *ctx, struct cw_control_request *r) {
        struct cw_fault f = {0};
        json_t *view = NULL;
        cw_rc rc = cw_view_jobs(ctx, strcmp(cw_control_query(r, "all"), "1") == 0, &view, &f);
        answer(ctx, r, rc, &f, view);
}

/* The job named by the path: its id, or its kit number. */
static cw_rc named_job(struct cw_daemon *d, const struct cw_control_request *r, struct cw_job_row *ret,
                       struct cw_fault *f) {
        const char *name = cw_control_segment(r);
        cw_rc rc = cw_journal_job(d->journal, name, ret, f);
        if (cw_rc_class(rc) == CW_C_REJECT)
                rc = cw_journal_job_by_kit(d->journal, name, ret, f);
        if (cw_rc_class(rc) == CW_C_REJECT)
                return cw_fail(f, rc, 0, "api.job", "",
                               "no job and no kit has the number %s; see cardwright jobs --all", name);
        return rc;
}

static void get_job(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_job_row row;
        json_t *history = NULL;
        json_t *view = NULL;
        cw_rc rc = named_job(d, r, &row, &f);
        if (rc == CW_OK)
                rc = cw_journal_history(d->journal, row.job.id, &history, &f);
        if (rc == CW_OK) {
                view = cw_view_job(d, &row);
                (void)json_object_set_new(view, "history", history);
        }
        answer(d, r, rc, &f, view);
}

static void get_stock(void *ctx, struct cw_control_request *r) {
        struct cw_fault f = {0};
        json_t *view = NULL;
        cw_rc rc = cw_view_stock(ctx, &view, &f);
        answer(ctx, r, rc, &f, view);
}

static void get_outbox(void *ctx, struct cw_control_request *r) {
        struct cw_fault f = {0};
        json_t *view = NULL;
        cw_rc rc = cw_view_outbox(ctx, &view, &f);
        answer(ctx, r, rc, &f, view);
}

static void get_audit(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_audit_check c;
        json_t *rows = NULL;
        json_t *view = NULL;
        cw_rc rc = cw_journal_audit_verify(d->journal, &c, &f);
        if (rc == CW_OK)
                rc = cw_journal_audit_tail(d->journal, AUDIT_ROWS, &rows, &f);
        if (rc == CW_OK)
                view = json_pack("{s:I, s:b, s:I, s:s, s:o}", "rows", (json_int_t)c.rows, "intact", c.intact,
                                 "bad_row", (json_int_t)c.bad_row, "head", c.head, "tail", rows);
        answer(d, r, rc, &f, view);
}

static void get_doctor(void *ctx, struct cw_control_request *r) {
        cw_doctor_run(ctx, r);
}

static void get_metrics(void *ctx, struct cw_control_request *r) {
        CW_AUTO_MEM char *text = cw_view_metrics(ctx);
        cw_control_reply_text(r, "application/openmetrics-text; version=1.0.0; charset=utf-8",
                              text ? text : "# EOF\n");
}

/* ---- a person's word on a job ---- */

static void apply_to_job(struct cw_daemon *d, struct cw_control_request *r, const struct cw_job_event *e) {
        struct cw_fault f = {0};
        struct cw_job_row row;
        struct cw_change change;
        cw_rc rc = named_job(d, r, &row, &f);
        if (rc == CW_OK)
                rc = cw_journal_apply(d->journal, row.job.id, e, NULL, cw_control_actor(r), &change, &f);
        if (rc == CW_OK) {
                cw_runs_changed(d, &change);
                cw_reports_kick(d->reports);
                const struct cw_run *run = cw_runs_find(d, change.job.id);
                row.job = run ? run->job : change.job;
        }
        answer(d, r, rc, &f, rc == CW_OK ? cw_view_job(d, &row) : NULL);
}

static void post_cancel(void *ctx, struct cw_control_request *r) {
        struct cw_job_event e = {.kind = CW_JE_CANCEL};
        apply_to_job(ctx, r, &e);
}

static void post_returned(void *ctx, struct cw_control_request *r) {
        struct cw_job_event e = {.kind = CW_JE_RETURNED};
        apply_to_job(ctx, r, &e);
}

static bool flag(struct cw_control_request *r, const char *name, bool *ret) {
        const json_t *v = json_object_get(cw_control_body(r), name);
        char text[80];
        if (json_is_boolean(v)) {
                *ret = json_is_true(v);
                return true;
        }
        (void)snprintf(text, sizeof text, "the body needs \"%s\": true or false", name);
        refuse(r, CW_E_SYNTAX, text);
        return false;
}

static void post_destroyed(void *ctx, struct cw_control_request *r) {
        struct cw_job_event e = {.kind = CW_JE_DESTROYED};
        if (flag(r, "remake", &e.remake))
                apply_to_job(ctx, r, &e);
}

static void post_visual(void *ctx, struct cw_control_request *r) {
        struct cw_job_event e = {.kind = CW_JE_VISUAL};
        if (flag(r, "ok", &e.ok))
                apply_to_job(ctx, r, &e);
}

/* Whose chip keeps the PIN too: the bank cannot say whether it does. */
static bool chip_must_say(struct cw_daemon *d, const struct cw_control_request *r) {
        struct cw_fault f = {0};
        struct cw_job_row row;
        return named_job(d, r, &row, &f) == CW_OK && row.job.wait == CW_WAIT_PIN_DECISION &&
               cw_view_chip_has_pin(d, &row.kit);
}

static void post_pin(void *ctx, struct cw_control_request *r) {
        struct cw_job_event e = {.code = "DECIDED_BY_PERSON", .by_person = true};
        bool set = false;
        if (!flag(r, "set", &set))
                return;
        if (set && chip_must_say(ctx, r)) {
                refuse(r, CW_E_STATE,
                       "the chip of this card must have the PIN too, which the bank cannot tell: say not-set "
                       "and release the card again, the customer then types the same PIN");
                return;
        }
        e.kind = set ? CW_JE_PIN_SET : CW_JE_PIN_FAILED;
        if (set)
                e.code[0] = '\0';
        apply_to_job(ctx, r, &e);
}

static void post_decide(void *ctx, struct cw_control_request *r) {
        struct cw_job_event e = {.kind = CW_JE_DECISION};
        const char *word = json_string_value(json_object_get(cw_control_body(r), "decision"));
        if (word && cw_decision_from_name(word, &e.decision))
                apply_to_job(ctx, r, &e);
        else
                refuse(r, CW_E_SYNTAX, "the body needs \"decision\": \"done\", \"spoiled\" or \"not_done\"");
}

/* ---- releases ---- */

static void post_release(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_release release;
        const char *kit = json_string_value(json_object_get(cw_control_body(r), "kit"));
        const char *kiosk = json_string_value(json_object_get(cw_control_body(r), "kiosk"));
        struct cw_station_link *l = kiosk ? cw_daemon_station(d, kiosk) : NULL;
        if (!kit || !l || cw_station_link_config(l)->kind != CW_STATION_KIOSK) {
                refuse(r, CW_E_SYNTAX,
                       "the body needs \"kit\" and \"kiosk\", the name of a station of kind kiosk");
                return;
        }
        struct cw_job_row row;
        cw_rc rc = cw_journal_job_by_kit(d->journal, kit, &row, &f);
        if (rc == CW_OK && cw_mailer_is_for(d, row.kit.plastic_code))
                rc = cw_fail(&f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_DENIED), 0, "release", "",
                             "the bank mails the PIN of this card; use cardwright mailer");
        if (rc == CW_OK)
                rc = cw_journal_release_create(d->journal, kit, cw_control_uid(r), kiosk,
                                               d->config->agent.release_ttl_s * 1000, &release, &f);
        if (rc == CW_OK && cw_station_link_up(l))
                cw_kiosk_look(d, l);
        answer(d, r, rc, &f,
               rc == CW_OK ? json_pack("{s:s, s:s, s:I}", "kit", release.kit, "kiosk", release.kiosk,
                                       "expires_ms", (json_int_t)release.expires_ms)
                           : NULL);
}

/* ---- stock and reports ---- */

static void post_stock_move(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        const json_t *b = cw_control_body(r);
        const char *code = json_string_value(json_object_get(b, "plastic_code"));
        const char *from = json_string_value(json_object_get(b, "from"));
        const char *to = json_string_value(json_object_get(b, "to"));
        const char *reason = json_string_value(json_object_get(b, "reason"));
        json_int_t count = json_integer_value(json_object_get(b, "count"));
        if (!code || !from || !to || !reason || !*reason || count <= 0) {
                refuse(r, CW_E_SYNTAX, "the body needs plastic_code, from, to, count (above 0) and reason");
                return;
        }
        json_t *view = NULL;
        cw_rc rc = cw_journal_stock_move(d->journal, code, from, to, count, cw_control_actor(r), reason, &f);
        if (rc == CW_OK)
                rc = cw_view_stock(d, &view, &f);
        answer(d, r, rc, &f, view);
}

static void post_retry(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        char *rest = NULL;
        long long id = strtoll(cw_control_segment(r), &rest, 10);
        if (*rest || id <= 0) {
                refuse(r, CW_E_SYNTAX, "a report has a number; see cardwright outbox");
                return;
        }
        json_t *view = NULL;
        cw_rc rc = cw_journal_outbox_unpark(d->journal, id, cw_control_actor(r), &f);
        if (rc == CW_OK) {
                cw_reports_kick(d->reports);
                rc = cw_view_outbox(d, &view, &f);
        }
        answer(d, r, rc, &f, view);
}

static const struct cw_control_route routes[] = {
    {"GET", "/v1/status", CW_ROLE_VIEW, get_status},
    {"GET", "/v1/stations", CW_ROLE_VIEW, get_stations},
    {"GET", "/v1/jobs", CW_ROLE_VIEW, get_jobs},
    {"GET", "/v1/jobs/{}", CW_ROLE_VIEW, get_job},
    {"GET", "/v1/stock", CW_ROLE_VIEW, get_stock},
    {"GET", "/v1/outbox", CW_ROLE_VIEW, get_outbox},
    {"GET", "/v1/audit", CW_ROLE_VIEW, get_audit},
    {"GET", "/v1/doctor", CW_ROLE_VIEW, get_doctor},
    {"GET", "/metrics", CW_ROLE_VIEW, get_metrics},
    {"POST", "/v1/jobs/{}/cancel", CW_ROLE_OPERATE, post_cancel},
    CW_API_CENTRAL_ROUTES,
    {"POST", "/v1/jobs/{}/confirm-destroyed", CW_ROLE_OPERATE, post_destroyed},
    {"POST", "/v1/jobs/{}/decide", CW_ROLE_OPERATE, post_decide},
    {"POST", "/v1/jobs/{}/visual", CW_ROLE_OPERATE, post_visual},
    {"POST", "/v1/jobs/{}/returned", CW_ROLE_OPERATE, post_returned},
    {"POST", "/v1/jobs/{}/pin", CW_ROLE_ADMIN, post_pin},
    {"POST", "/v1/releases", CW_ROLE_OPERATE, post_release},
    {"POST", "/v1/mailers", CW_ROLE_OPERATE, cw_api_mailer},
    {"POST", "/v1/stock/move", CW_ROLE_OPERATE, post_stock_move},
    {"POST", "/v1/outbox/{}/retry", CW_ROLE_OPERATE, post_retry},
    CW_API_SCRIPT_ROUTES,
    CW_API_PRINTER_ROUTES,
    CW_API_DCMS_ROUTES,
};

cw_rc cw_api_new(struct cw_daemon *d, struct cw_control **ret, struct cw_fault *f) {
        static char path[PATH_MAX];
        (void)snprintf(path, sizeof path, "%s/control.sock", d->config->agent.runtime_dir);
        struct cw_control_options options = {.path = path,
                                             .operate_group = d->config->agent.operate_group,
                                             .admin_group = d->config->agent.admin_group,
                                             .routes = routes,
                                             .route_count = sizeof routes / sizeof routes[0],
                                             .ctx = d};
        return cw_control_new(d->loop, &options, ret, f);
}
