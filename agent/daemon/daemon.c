/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/daemon.h"

#include "agent/daemon/api.h"
#include "agent/daemon/api_dcms.h"
#include "agent/daemon/central.h"
#include "agent/daemon/intake.h"
#include "agent/daemon/kiosk.h"
#include "agent/daemon/kiosk_order.h"
#include "agent/daemon/kit_requests.h"
#include "agent/daemon/kit_stock.h"
#include "agent/daemon/reports.h"
#include "agent/daemon/runs.h"
#include "agent/daemon/script_orders.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"

#include <limits.h>
#include <signal.h>
#include <string.h>

void cw_daemon_fatal(struct cw_daemon *d, const struct cw_fault *f) {
        cw_log_fault(CW_EV_DAEMON_FAILED, f);
        cw_loop_stop(d->loop, 1);
}

cw_rc cw_daemon_check(struct cw_daemon *d, cw_rc rc, const struct cw_fault *f) {
        if (cw_rc_class(rc) == CW_C_FATAL)
                cw_daemon_fatal(d, f);
        return rc;
}

struct cw_station_link *cw_daemon_station(struct cw_daemon *d, const char *name) {
        for (size_t i = 0; i < d->station_count; i++)
                if (strcmp(cw_station_link_name(d->stations[i]), name) == 0)
                        return d->stations[i];
        return NULL;
}

/* ---- what the links tell ---- */

static bool is_kiosk(const struct cw_station_link *l) {
        return cw_station_link_config(l)->kind == CW_STATION_KIOSK;
}

static void on_station_up(void *ctx, struct cw_station_link *l) {
        if (!is_kiosk(l))
                cw_runs_station_up(ctx, l);
}

static void on_station_down(void *ctx, struct cw_station_link *l) {
        if (!is_kiosk(l))
                cw_runs_station_down(ctx, l);
}

static void on_station_status(void *ctx, struct cw_station_link *l) {
        if (is_kiosk(l))
                cw_kiosk_look(ctx, l);
        else
                cw_runs_station_status(ctx, l);
}

static void on_station_event(void *ctx, struct cw_station_link *l, struct cw_msg *event) {
        cw_runs_station_event(ctx, l, event);
}

static const struct cw_station_ops station_ops = {on_station_up, on_station_down, on_station_status,
                                                  on_station_event};

/* Clear PINs, and clear keys while they are loaded, in the memory of a hsmd worker. */
static void disclose_host_memory(struct cw_daemon *d) {
        const json_t *hello = cw_hsm_link_hello(d->hsm);
        const char *path = json_string_value(json_object_get(hello, "pin_path"));
        struct cw_fault f = {0};
        if (json_is_true(json_object_get(hello, "key_loading")))
                (void)cw_daemon_check(d, cw_journal_audit(d->journal, "hsm.key_loading", "hsmd", NULL, &f),
                                      &f);
        if (!path || strcmp(path, "host-memory") != 0)
                return;
        cw_log(CW_EV_HOST_MEMORY);
        (void)cw_daemon_check(d, cw_journal_audit(d->journal, "hsm.host_memory", "hsmd", NULL, &f), &f);
}

static void on_hsm_change(void *ctx) {
        struct cw_daemon *d = ctx;
        if (!cw_hsm_link_hello(d->hsm)) {
                cw_runs_hsm_down(d);
                cw_kiosk_hsm_down(d);
                cw_kiosk_order_hsm_down(d);
        } else if (cw_hsm_link_ready(d->hsm)) {
                disclose_host_memory(d);
                cw_runs_hsm_up(d);
        }
}

static void on_session_closed(void *ctx, int64_t session) {
        cw_runs_session_closed(ctx, session);
}

/* Rows that an earlier run may have written without telling hsmd so. */
#define AUDIT_LOOK_BACK 200

static bool in_chain(struct cw_daemon *d, json_int_t seq) {
        CW_AUTO_JSON json_t *rows = NULL;
        size_t i = 0;
        const json_t *row = NULL;
        struct cw_fault f = {0};
        if (cw_daemon_check(d, cw_journal_audit_tail(d->journal, AUDIT_LOOK_BACK, &rows, &f), &f) != CW_OK)
                return false;
        json_array_foreach(rows, i, row) {
                const char *text = json_string_value(json_object_get(row, "detail"));
                CW_AUTO_JSON json_t *detail = text ? json_loads(text, 0, NULL) : NULL;
                if (json_integer_value(json_object_get(detail, "hsm_seq")) == seq)
                        return true;
        }
        return false;
}

static bool on_key_operation(void *ctx, const json_t *record) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        const char *what = json_string_value(json_object_get(record, "what"));
        const char *actor = json_string_value(json_object_get(record, "actor"));
        json_int_t seq = json_integer_value(json_object_get(record, "seq"));
        CW_AUTO_JSON json_t *detail = json_deep_copy(json_object_get(record, "detail"));
        if (!what || !actor || seq <= 0 || !json_is_object(detail) ||
            json_object_set_new(detail, "hsm_seq", json_integer(seq)) != 0 ||
            json_object_set(detail, "at_ms", json_object_get(record, "at_ms")) != 0)
                return false;
        return in_chain(d, seq) ||
               cw_daemon_check(d, cw_journal_audit(d->journal, what, actor, detail, &f), &f) == CW_OK;
}

static const struct cw_hsm_ops hsm_ops = {on_hsm_change, on_session_closed, on_key_operation};

/* ---- start ---- */

static cw_rc open_journal(struct cw_daemon *d, struct cw_fault *f) {
        static char path[PATH_MAX];
        cw_rc rc = cw_mkdirs(d->config->agent.state_dir, 0700, f);
        if (rc != CW_OK)
                return rc;
        (void)snprintf(path, sizeof path, "%s/journal.db", d->config->agent.state_dir);
        struct cw_journal_options options = {
            .path = path, .clock = d->clock, .disk_free_min_mib = d->config->agent.disk_free_min_mib};
        return cw_journal_open(&options, &d->journal, f);
}

/* The configured hopper counts open the ledger, once. */
static cw_rc open_stock(struct cw_daemon *d, struct cw_fault *f) {
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < d->config->station_count && rc == CW_OK; i++) {
                const struct cw_config_station *s = &d->config->stations[i];
                if (s->kind != CW_STATION_ISSUE || s->hopper == 0)
                        continue;
                rc = cw_journal_stock_open(d->journal, s->name, s->plastic_codes, s->hopper, f);
        }
        return rc;
}

static cw_rc open_links(struct cw_daemon *d) {
        uint32_t generation = cw_journal_generation(d->journal);
        cw_rc rc = cw_hsm_link_new(d->loop, d->config, generation, &hsm_ops, d, &d->hsm);
        for (size_t i = 0; i < d->config->station_count && rc == CW_OK; i++) {
                rc = cw_station_link_new(d->loop, d->config, &d->config->stations[i], generation,
                                         &station_ops, d, &d->stations[i]);
                if (rc == CW_OK)
                        d->station_count++;
        }
        return rc;
}

/* Jobs of before: collected first, since the journal may not be called from its callback. */
struct recovered {
        struct cw_job_row row;
        struct cw_change change;
        struct recovered *next;
};
struct recovery {
        struct recovered *first, **last;
        bool failed;
};

static void keep_recovered(void *ctx, const struct cw_job_row *row, const struct cw_change *change) {
        struct recovery *all = ctx;
        struct recovered *r = calloc(1, sizeof *r);
        if (!r) {
                all->failed = true;
                return;
        }
        r->row = *row;
        r->row.job = change->job;
        r->change = *change;
        *all->last = r;
        all->last = &r->next;
}

static cw_rc recover(struct cw_daemon *d, struct cw_fault *f) {
        struct recovery all = {.last = &all.first};
        cw_rc rc = cw_journal_recover(d->journal, keep_recovered, &all, f);
        if (rc == CW_OK && all.failed)
                rc = cw_fail(f, CW_RC(CW_L_ISSUANCE, CW_C_FATAL, CW_E_NOMEM), 0, "daemon.recover", "",
                             "out of memory");
        while (all.first) {
                struct recovered *r = all.first;
                all.first = r->next;
                if (rc == CW_OK)
                        cw_runs_add(d, &r->row, &r->change);
                free(r);
        }
        return rc;
}

/*
 * What may change while cards are made: the keys of the bank's gateway. The rest of the configuration waits
 * for a restart, since jobs were begun under it.
 */
static void reload(struct cw_daemon *d) {
        CW_AUTO(cw_config_free) struct cw_config *fresh = NULL;
        struct cw_fault f = {0};
        cw_notify("RELOADING=1");
        cw_rc rc = cw_config_load(d->config->path, stderr, &fresh, &f);
        if (rc == CW_OK)
                rc = cw_dcms_gateway_reload(d->dcms, fresh, &f);
        if (rc == CW_OK) {
                CW_AUTO_JSON json_t *kids = json_pack("{s:s, s:s}", "kid", fresh->server.gateway_kid,
                                                      "previous_kid", fresh->server.gateway_previous_kid);
                cw_log(CW_EV_GATEWAY_KEYS, CW_F_STR("KID", fresh->server.gateway_kid),
                       CW_F_STR("PREVIOUS_KID", fresh->server.gateway_previous_kid));
                (void)cw_daemon_check(
                    d, cw_journal_audit(d->journal, "gateway.keys", "cardwrightd", kids, &f), &f);
                if (d->reports)
                        cw_reports_kick(d->reports);
        } else {
                cw_log_fault(CW_EV_RELOAD_REFUSED, &f);
        }
        cw_notify("READY=1");
}

static void on_signal(void *ctx, int signo) {
        struct cw_daemon *d = ctx;
        if (signo == SIGHUP) {
                if (d->dcms) /* else still starting: the keys are read anyway */
                        reload(d);
                return;
        }
        cw_log(CW_EV_DAEMON_STOP);
        cw_notify("STOPPING=1");
        cw_loop_stop(d->loop, 0);
}

static void on_watchdog(void *ctx) {
        struct cw_daemon *d = ctx;
        struct cw_journal_health h;
        struct cw_fault f = {0};
        /* The loop runs; the journal must answer too. */
        if (cw_daemon_check(d, cw_journal_health(d->journal, &h, &f), &f) == CW_OK)
                cw_notify("WATCHDOG=1");
        cw_timer_arm(d->watchdog, cw_notify_watchdog_ms());
}

static cw_rc start_loop(struct cw_daemon *d) {
        static const int signos[] = {SIGTERM, SIGINT, SIGHUP};
        cw_rc rc = cw_loop_new(d->clock, &d->loop);
        if (rc == CW_OK)
                rc = cw_loop_signals(d->loop, signos, 3, on_signal, d);
        if (rc == CW_OK)
                rc = cw_timer_new(d->loop, on_watchdog, d, &d->watchdog);
        if (rc == CW_OK && cw_notify_watchdog_ms() > 0)
                cw_timer_arm(d->watchdog, 0);
        return rc;
}

static cw_rc start(struct cw_daemon *d, struct cw_fault *f) {
        cw_rc rc = start_loop(d);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "daemon.start", "", "the event loop cannot start");
        rc = cw_mkdirs(d->config->agent.runtime_dir, 0755, f);
        if (rc == CW_OK)
                rc = open_journal(d, f);
        if (rc == CW_OK)
                rc = open_stock(d, f);
        if (rc == CW_OK)
                rc = cw_dcms_new(d->loop, d->config, d->clock, &d->dcms, f);
        if (rc == CW_OK)
                rc = open_links(d);
        if (rc == CW_OK)
                rc = cw_central_new(d, &d->central, f);
        if (rc == CW_OK)
                rc = cw_reports_new(d, &d->reports);
        if (rc == CW_OK)
                rc = recover(d, f);
        if (rc == CW_OK)
                rc = cw_intake_new(d, &d->intake);
        if (rc == CW_OK)
                rc = cw_kit_stock_new(d, &d->kit_stock);
        if (rc == CW_OK)
                rc = cw_api_new(d, &d->control, f);
        return rc;
}

/*
 * First everything under way is answered, while everything its answer may touch is still there; only then is
 * memory freed. A start that failed half-way stops here too.
 */
static void stop(struct cw_daemon *d) {
        cw_dcms_free(d->dcms);
        cw_central_close(d->central);
        cw_runs_free(d);
        if (d->hsm)
                cw_hsm_link_close(d->hsm);
        for (size_t i = 0; i < d->station_count; i++)
                cw_station_link_close(d->stations[i]);
        cw_kiosk_free_all(d);
        cw_kiosk_order_free_all(d);
        cw_script_orders_free(d->script_orders);
        cw_control_free(d->control);
        cw_kit_requests_free(d->kit_requests);
        cw_order_files_free(d);
        cw_d1_batch_free(d);
        for (size_t i = 0; i < d->station_count; i++)
                cw_station_link_free(d->stations[i]);
        cw_hsm_link_free(d->hsm);
        cw_intake_free(d->intake);
        cw_kit_stock_free(d->kit_stock);
        cw_reports_free(d->reports);
        cw_central_free(d->central);
        if (d->journal)
                cw_journal_close(d->journal);
        cw_timer_free(d->watchdog);
        cw_loop_free(d->loop);
}

int cw_daemon_run(const struct cw_config *config) {
        struct cw_daemon d = {.config = config, .clock = cw_clock_real()};
        struct cw_fault f = {0};
        int exit_code = 1;
        d.started_ms = cw_wall_ms(d.clock);
        cw_log(CW_EV_DAEMON_START, CW_F_STR("VERSION", CW_VERSION));
        cw_rc rc = start(&d, &f);
        if (rc == CW_OK) {
                cw_log(CW_EV_DAEMON_READY);
                cw_notify("READY=1");
                exit_code = cw_loop_run(d.loop);
        } else {
                cw_log_fault(CW_EV_DAEMON_FAILED, &f);
        }
        stop(&d);
        return exit_code;
}
