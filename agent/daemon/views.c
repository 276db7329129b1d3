/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/views.h"

#include "agent/daemon/central.h"
#include "agent/daemon/intake.h"
#include "agent/daemon/kiosk.h"
#include "agent/daemon/kit_stock.h"
#include "agent/daemon/runs.h"

#include <inttypes.h>
#include <string.h>

#define OUTBOX_VIEW_MAX 200

static const char *kind_name(const struct cw_config_station *s) {
        return s->kind == CW_STATION_KIOSK ? "kiosk" : "issue";
}

static json_t *station_view(struct cw_daemon *d, const struct cw_station_link *l) {
        const struct cw_run *r = cw_runs_at(d, l);
        const json_t *hello = cw_station_link_hello(l);
        json_t *view =
            json_pack("{s:s, s:s, s:b, s:b, s:s, s:s, s:s}", "name", cw_station_link_name(l), "kind",
                      kind_name(cw_station_link_config(l)), "up", cw_station_link_up(l), "busy",
                      cw_station_link_busy(l), "text", cw_station_link_trouble(l), "job", r ? r->job.id : "",
                      "plastic_codes", cw_station_link_config(l)->plastic_codes);
        json_t *version = json_object_get(hello, "version");
        (void)json_object_set_new(view, "version", version ? json_incref(version) : json_string(""));
        json_t *status = json_copy((json_t *)(uintptr_t)cw_station_link_status(l));
        if (status) {
                (void)json_object_del(status, "ok");
                (void)json_object_update_missing(view, status);
                json_decref(status);
        }
        return view;
}

json_t *cw_view_stations(struct cw_daemon *d) {
        json_t *list = json_array();
        for (size_t i = 0; i < d->station_count; i++)
                (void)json_array_append_new(list, station_view(d, d->stations[i]));
        return json_pack("{s:o}", "stations", list);
}

static json_t *server_view(struct cw_daemon *d) {
        struct cw_dcms_health h;
        cw_dcms_health(d->dcms, &h);
        return json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "state", cw_dcms_state_name(h.state),
                         "last_contact_ms", (json_int_t)h.last_contact_ms, "text", h.last_fault.text,
                         "exchanges", (json_int_t)h.exchanges, "failures", (json_int_t)h.failures,
                         "clock_offset_ms", (json_int_t)h.clock_offset_ms);
}

static json_t *hsm_view(struct cw_daemon *d) {
        const json_t *hello = cw_hsm_link_hello(d->hsm);
        const char *path = json_string_value(json_object_get(hello, "pin_path"));
        json_t *view =
            json_pack("{s:b, s:b, s:s, s:s}", "up", hello != NULL, "ready", cw_hsm_link_ready(d->hsm), "text",
                      cw_hsm_link_trouble(d->hsm), "pin_path", path ? path : "");
        json_t *token = json_object_get(hello, "token");
        if (token)
                (void)json_object_set(view, "token", token);
        json_t *pads = json_object_get(hello, "pads");
        if (pads)
                (void)json_object_set(view, "pads", pads);
        (void)json_object_set_new(view, "key_loading",
                                  json_boolean(json_is_true(json_object_get(hello, "key_loading"))));
        if (path && strcmp(path, "host-memory") == 0)
                (void)json_object_set_new(
                    view, "disclosure",
                    json_string("clear PINs pass through the memory of a hsmd worker; this token is no "
                                "payment HSM: not for production"));
        return view;
}

static json_t *health_view(const struct cw_journal_health *h) {
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}", "jobs_open", (json_int_t)h->jobs_open,
                         "jobs_waiting_person", (json_int_t)h->jobs_waiting_person, "outbox_unsent",
                         (json_int_t)h->outbox_unsent, "outbox_parked", (json_int_t)h->outbox_parked,
                         "disk_free_mib", (json_int_t)h->disk_free_mib, "disk_low", h->disk_low);
}

json_t *cw_view_status(struct cw_daemon *d) {
        struct cw_journal_health h = {0};
        struct cw_fault f = {0};
        (void)cw_daemon_check(d, cw_journal_health(d->journal, &h, &f), &f);
        json_t *view = cw_view_stations(d);
        (void)json_object_set_new(view, "version", json_string(CW_VERSION));
        (void)json_object_set_new(view, "branch", json_string(d->config->agent.branch_id));
        (void)json_object_set_new(view, "started_ms", json_integer(d->started_ms));
        (void)json_object_set_new(view, "server", server_view(d));
        (void)json_object_set_new(view, "hsm", hsm_view(d));
        (void)json_object_set_new(view, "journal", health_view(&h));
        (void)json_object_set_new(view, "intake", cw_intake_status(d->intake));
        (void)json_object_set_new(view, "kit_stock", cw_kit_stock_view(d->kit_stock));
        (void)json_object_set_new(view, "kiosks", cw_kiosk_status(d));
        (void)json_object_set_new(view, "central", cw_central_view(d->central));
        (void)json_object_set_new(view, "needs_person",
                                  json_boolean(h.jobs_waiting_person > 0 || h.outbox_parked > 0));
        return view;
}

bool cw_view_chip_has_pin(const struct cw_daemon *d, const struct cw_kit *kit) {
        const struct cw_config_product *p = cw_config_product(d->config, kit->plastic_code);
        return p && p->chip_pin_script;
}

static const char *advice_for(const struct cw_daemon *d, const struct cw_job_row *row) {
        if (row->job.wait == CW_WAIT_PIN_DECISION && cw_view_chip_has_pin(d, &row->kit))
                return "It is not known whether the bank and the chip have the PIN; say job pin KIT not-set "
                       "and "
                       "release the card again: the customer types the same PIN, and what lacks it gets it.";
        return cw_issuance_advice(&row->job);
}

json_t *cw_view_job(struct cw_daemon *d, const struct cw_job_row *row) {
        const struct cw_job *j = &row->job;
        const struct cw_run *r = cw_runs_find(d, j->id);
        json_t *view =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "job", j->id, "kit",
                      row->kit.kit, "masked_pan", row->kit.masked_pan, "name", row->kit.name, "plastic_code",
                      row->kit.plastic_code, "state", cw_job_state_name(j->state), "wait",
                      cw_job_wait_name(j->wait), "step", cw_step_name(j->step), "station", j->station, "code",
                      j->code, "needs_person", cw_job_needs_person(j), "ended", cw_job_ended(j));
        (void)json_object_set_new(view, "advice", json_string(advice_for(d, row)));
        (void)json_object_set_new(view, "pin", json_string(cw_pin_state_name(j->pin)));
        (void)json_object_set_new(view, "where", json_string(cw_where_name(j->where)));
        (void)json_object_set_new(view, "plastics", json_integer(j->plastic));
        (void)json_object_set_new(view, "remakes", json_integer(j->remakes));
        (void)json_object_set_new(view, "created_ms", json_integer(row->created_ms));
        (void)json_object_set_new(view, "updated_ms", json_integer(row->updated_ms));
        (void)json_object_set_new(view, "percent", json_integer(r ? r->percent : 0));
        (void)json_object_set_new(view, "doing", json_string(r ? r->doing : ""));
        return view;
}

/* Rows are copied out first: a callback of the journal must not call it. */
struct rows {
        struct cw_job_row *list;
        size_t count;
        bool failed;
};

static void keep_row(void *ctx, const struct cw_job_row *row) {
        struct rows *rows = ctx;
        struct cw_job_row *list = reallocarray(rows->list, rows->count + 1, sizeof *list);
        if (!list) {
                rows->failed = true;
                return;
        }
        rows->list = list;
        rows->list[rows->count++] = *row;
}

cw_rc cw_view_jobs(struct cw_daemon *d, bool all, json_t **ret, struct cw_fault *f) {
        struct rows rows = {0};
        cw_rc rc = cw_journal_jobs(d->journal, !all, 0, keep_row, &rows, f);
        if (rc == CW_OK && rows.failed)
                rc = cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_RETRY, CW_E_NOMEM), 0, "view.jobs", "",
                             "out of memory");
        if (rc == CW_OK) {
                json_t *list = json_array();
                for (size_t i = 0; i < rows.count; i++)
                        (void)json_array_append_new(list, cw_view_job(d, &rows.list[i]));
                *ret = json_pack("{s:o}", "jobs", list);
        }
        free(rows.list);
        return rc;
}

cw_rc cw_view_stock(struct cw_daemon *d, json_t **ret, struct cw_fault *f) {
        struct cw_stock_check c;
        CW_AUTO_JSON json_t *places = NULL;
        cw_rc rc = cw_journal_stock(d->journal, &places, f);
        if (rc == CW_OK)
                rc = cw_journal_stock_check(d->journal, &c, f);
        if (rc != CW_OK)
                return rc;
        *ret = json_pack("{s:O, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "places", places,
                         "drawn", (json_int_t)c.drawn, "delivered", (json_int_t)c.delivered, "spoiled",
                         (json_int_t)c.spoiled, "returned", (json_int_t)c.returned, "destroyed",
                         (json_int_t)c.destroyed, "in_transport", (json_int_t)c.in_transport, "in_output",
                         (json_int_t)c.in_output, "in_kiosk", (json_int_t)c.in_kiosk, "unaccounted",
                         (json_int_t)c.unaccounted, "balanced", c.balanced, "closed", c.closed);
        return CW_OK;
}

static json_t *outbox_view(const struct cw_outbox_item *i) {
        return json_pack("{s:I, s:s, s:s, s:s, s:I, s:b, s:s, s:I, s:I}", "id", (json_int_t)i->id, "kit",
                         i->kit, "job", i->job, "report", cw_report_name(i->report), "attempts",
                         (json_int_t)i->attempts, "parked", i->parked, "last_error", i->last_error,
                         "created_ms", (json_int_t)i->created_ms, "next_at_ms", (json_int_t)i->next_at_ms);
}

cw_rc cw_view_outbox(struct cw_daemon *d, json_t **ret, struct cw_fault *f) {
        struct cw_outbox_item *items = calloc(OUTBOX_VIEW_MAX, sizeof *items);
        size_t count = 0;
        if (!items)
                return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_RETRY, CW_E_NOMEM), 0, "view.outbox", "",
                               "out of memory");
        cw_rc rc = cw_journal_outbox_list(d->journal, items, OUTBOX_VIEW_MAX, &count, f);
        if (rc == CW_OK) {
                json_t *list = json_array();
                for (size_t i = 0; i < count; i++)
                        (void)json_array_append_new(list, outbox_view(&items[i]));
                *ret = json_pack("{s:o}", "reports", list);
        }
        free(items);
        return rc;
}

/* ---- OpenMetrics ---- */

static void count_states(void *ctx, const struct cw_job_row *row) {
        int64_t *counts = ctx;
        counts[row->job.state]++;
}

static void metric(FILE *out, const char *name, const char *help, int64_t value) {
        (void)fprintf(out, "# TYPE cardwright_%s gauge\n# HELP cardwright_%s %s\ncardwright_%s %" PRId64 "\n",
                      name, name, help, name, value);
}

static void job_metrics(struct cw_daemon *d, FILE *out) {
        int64_t counts[CW_JOB_STATE_MAX_] = {0};
        struct cw_fault f = {0};
        (void)cw_daemon_check(d, cw_journal_jobs(d->journal, false, 0, count_states, counts, &f), &f);
        (void)fprintf(out, "# TYPE cardwright_jobs gauge\n# HELP cardwright_jobs Jobs by state.\n");
        for (unsigned i = 0; i < CW_JOB_STATE_MAX_; i++)
                (void)fprintf(out, "cardwright_jobs{state=\"%s\"} %" PRId64 "\n",
                              cw_job_state_name((enum cw_job_state)i), counts[i]);
}

static void station_metrics(struct cw_daemon *d, FILE *out) {
        (void)fprintf(
            out, "# TYPE cardwright_station_up gauge\n# HELP cardwright_station_up Station is connected.\n");
        for (size_t i = 0; i < d->station_count; i++)
                (void)fprintf(out, "cardwright_station_up{station=\"%s\"} %d\n",
                              cw_station_link_name(d->stations[i]), cw_station_link_up(d->stations[i]));
}

static void write_metrics(struct cw_daemon *d, FILE *out) {
        struct cw_journal_health h = {0};
        struct cw_stock_check s = {0};
        struct cw_dcms_health server;
        struct cw_fault f = {0};
        (void)cw_daemon_check(d, cw_journal_health(d->journal, &h, &f), &f);
        (void)cw_daemon_check(d, cw_journal_stock_check(d->journal, &s, &f), &f);
        cw_dcms_health(d->dcms, &server);
        job_metrics(d, out);
        station_metrics(d, out);
        metric(out, "jobs_waiting_person", "Jobs that need a person.", h.jobs_waiting_person);
        metric(out, "outbox_unsent", "Reports the server does not have yet.", h.outbox_unsent);
        metric(out, "outbox_parked", "Reports the server refused.", h.outbox_parked);
        metric(out, "disk_free_mib", "Free space for the journal.", h.disk_free_mib);
        metric(out, "plastics_unaccounted", "Plastics the ledger cannot place.", s.unaccounted);
        metric(out, "plastics_spoiled", "Spoiled plastics not yet destroyed.", s.spoiled);
        metric(out, "hsm_ready", "Token and keys are ready.", cw_hsm_link_ready(d->hsm));
        metric(out, "server_online", "The server answered last.", server.state == CW_DCMS_ONLINE);
        (void)fputs("# EOF\n", out);
}

char *cw_view_metrics(struct cw_daemon *d) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        if (!out)
                return NULL;
        write_metrics(d, out);
        (void)fclose(out);
        return text;
}
