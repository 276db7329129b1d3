/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printers by the name of their station. Whatever moves, changes or types at a printer goes into the audit
 * log before it is sent and when it ended; none of it while a job has the station.
 */
#include "agent/daemon/api_printers.h"

#include "agent/daemon/runs.h"
#include "agent/daemon/views.h"
#include "agent/upstream/mask.h"
#include "base/log.h"

#include <string.h>

#define LOOK_MS ((int64_t)20 * 1000)
#define CARD_MS ((int64_t)5 * 60 * 1000)
#define COMMAND_MAX 120
#define SETTINGS_MAX 24

/* A call to a station under way for somebody who waits at the control socket. */
struct ask {
        struct cw_daemon *daemon;
        struct cw_control_request *request;
        char station[CW_STATION_NAME_CAP];
        char actor[CW_ACTOR_CAP];
        const char *what; /* for the audit log; NULL = only looks */
        bool plastic;     /* a plastic of the hopper is used up */
        bool booked;      /* and the ledger has it as spoiled already */
};

static void refuse(struct cw_control_request *r, unsigned code, const char *text) {
        struct cw_fault f = {0};
        (void)cw_fail(&f, CW_RC(CW_L_CONTROL, CW_C_REJECT, code), 0, "api.printer", "", "%s", text);
        cw_control_fail(r, &f);
}

static void audit(struct ask *a, const char *end, json_t *take_detail) {
        CW_AUTO_JSON json_t *detail = take_detail ? take_detail : json_object();
        char what[48];
        struct cw_fault f = {0};
        if (!a->what)
                return;
        (void)json_object_set_new(detail, "station", json_string(a->station));
        (void)snprintf(what, sizeof what, "%s%s", a->what, end);
        (void)cw_daemon_check(a->daemon, cw_journal_audit(a->daemon->journal, what, a->actor, detail, &f),
                              &f);
}

static void audit_end(struct ask *a, const char *cls, const char *code) {
        audit(a, ".end", json_pack("{s:s, s:s}", "class", cls ? cls : "", "code", code ? code : ""));
}

/*
 * A test card uses a plastic: it leaves the hopper and is spoiled. Booked before the station is asked, since
 * a station that dies afterwards has drawn it; taken back when the answer says that none was drawn.
 */
static void book_plastic(struct ask *a, bool drawn) {
        char hopper[64];
        struct cw_fault f = {0};
        struct cw_journal *j = a->daemon->journal;
        const char *code = cw_config_station(a->daemon->config, a->station)->plastic_codes;
        (void)snprintf(hopper, sizeof hopper, "hopper:%s", a->station);
        cw_rc rc =
            drawn ? cw_journal_stock_move(j, code, hopper, "spoiled", 1, a->actor, "test card", &f)
                  : cw_journal_stock_undo_spoiled(j, code, hopper, a->actor, "test card drew no plastic", &f);
        a->booked = drawn && rc == CW_OK;
        if (rc != CW_OK && cw_rc_class(cw_daemon_check(a->daemon, rc, &f)) != CW_C_FATAL)
                cw_log_fault(CW_EV_EVENT_REFUSED, &f);
}

/* Only a test card that failed with the plastic still in the feeder, or none there, used none. */
static bool plastic_drawn(const json_t *result) {
        const char *outcome = json_string_value(json_object_get(result, "outcome"));
        const char *where = json_string_value(json_object_get(result, "where"));
        bool still_there = where && (strcmp(where, "none") == 0 || strcmp(where, "feeder") == 0);
        return !outcome || strcmp(outcome, "failed") != 0 || !still_there;
}

/* A call that was refused drew none; after a lost answer or a timeout it may have. */
static bool may_be_drawn(cw_rc rc) {
        enum cw_class cls = cw_rc_class(rc);
        return cls == CW_C_RECONNECT || cls == CW_C_IN_DOUBT || cls == CW_C_FATAL;
}

static void ask_failed(struct ask *a, cw_rc rc, const struct cw_fault *f) {
        if (a->booked && !may_be_drawn(rc))
                book_plastic(a, false);
        audit_end(a, cw_class_name(cw_rc_class(rc)), f->code);
        cw_control_fail(a->request, f);
        free(a);
}

static void on_answer(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct ask *a = ctx;
        if (rc != CW_OK) {
                ask_failed(a, rc, f);
                return;
        }
        json_t *result = json_object_get(reply->json, "result");
        if (!result)
                result = reply->json;
        if (a->booked && !plastic_drawn(result))
                book_plastic(a, false);
        const char *cls = json_string_value(json_object_get(result, "class"));
        audit_end(a, cls ? cls : "OK", json_string_value(json_object_get(result, "code")));
        json_t *view = json_deep_copy(result);
        (void)json_object_del(view, "ok");
        cw_control_reply(a->request, view);
        free(a);
}

static struct cw_station_link *printer_of(struct cw_daemon *d, struct cw_control_request *r) {
        struct cw_station_link *l = cw_daemon_station(d, cw_control_segment(r));
        if (l && cw_station_link_config(l)->kind == CW_STATION_ISSUE)
                return l;
        refuse(r, CW_E_NOT_FOUND, "no station with a printer has this name; see cardwright printers");
        return NULL;
}

/* The station, when no job has it; else NULL and the request was answered. */
static struct cw_station_link *free_station(struct cw_daemon *d, struct cw_control_request *r) {
        struct cw_station_link *l = printer_of(d, r);
        if (!l)
                return NULL;
        /* What the station last said of itself may be a second old; if it is at work it queues the call or
         * says so. */
        if (!cw_runs_holder(d, l) && !cw_runs_at(d, l))
                return l;
        refuse(r, CW_E_BUSY, "the station has a job, or its card; wait until it is free");
        return NULL;
}

/* Takes m and detail. Whatever goes wrong is answered. */
static void ask_station(struct cw_daemon *d, struct cw_control_request *r, const struct ask *like,
                        struct cw_msg *m, int64_t timeout_ms, json_t *take_detail) {
        struct cw_station_link *l = free_station(d, r);
        struct ask *a = l ? malloc(sizeof *a) : NULL;
        if (!a || !m) {
                if (l)
                        refuse(r, CW_E_NOMEM, "out of memory");
                json_decref(take_detail);
                cw_msg_free(m);
                free(a);
                return;
        }
        *a = *like;
        a->daemon = d;
        a->request = r;
        (void)snprintf(a->station, sizeof a->station, "%s", cw_station_link_name(l));
        (void)snprintf(a->actor, sizeof a->actor, "%s", cw_control_actor(r));
        audit(a, "", take_detail);
        if (!a->what)
                json_decref(take_detail);
        if (a->plastic)
                book_plastic(a, true);
        cw_station_link_call(l, m, timeout_ms, on_answer, a);
}

/* ---- looking ---- */

/* The stations' view, printers only: name, and what the printer said last. */
static json_t *printer_row(const json_t *station) {
        json_t *row = json_copy(json_object_get(station, "printer"));
        if (!row)
                row = json_pack("{s:b, s:s, s:O}", "present", false, "state", "offline", "text",
                                json_object_get(station, "text"));
        (void)json_object_set(row, "name", json_object_get(station, "name"));
        (void)json_object_set(row, "up", json_object_get(station, "up"));
        (void)json_object_set(row, "busy", json_object_get(station, "busy"));
        (void)json_object_set(row, "job", json_object_get(station, "job"));
        return row;
}

static json_t *printer_rows(struct cw_daemon *d) {
        CW_AUTO_JSON json_t *view = cw_view_stations(d);
        json_t *list = json_array();
        size_t i = 0;
        json_t *s = NULL;
        json_array_foreach(json_object_get(view, "stations"), i,
                           s) if (strcmp(json_string_value(json_object_get(s, "kind")), "issue") == 0)(void)
            json_array_append_new(list, printer_row(s));
        return list;
}

void cw_api_printers(void *ctx, struct cw_control_request *r) {
        cw_control_reply(r, json_pack("{s:o}", "printers", printer_rows(ctx)));
}

void cw_api_printer(void *ctx, struct cw_control_request *r) {
        const struct cw_station_link *l = printer_of(ctx, r);
        if (!l)
                return;
        CW_AUTO_JSON json_t *rows = printer_rows(ctx);
        size_t i = 0;
        json_t *row = NULL;
        json_array_foreach(rows, i, row) if (strcmp(json_string_value(json_object_get(row, "name")),
                                                    cw_station_link_name(l)) == 0) {
                cw_control_reply(r, json_incref(row));
                return;
        }
}

static void look(void *ctx, struct cw_control_request *r, const char *sheet) {
        struct cw_msg *m = cw_msg_request("printer.sheet");
        if (m)
                (void)json_object_set_new(m->json, "sheet", json_string(sheet));
        ask_station(ctx, r, &(struct ask){.what = NULL}, m, LOOK_MS, NULL);
}

void cw_api_printer_counters(void *ctx, struct cw_control_request *r) {
        look(ctx, r, "counters");
}

void cw_api_printer_sensors(void *ctx, struct cw_control_request *r) {
        look(ctx, r, "sensors");
}

void cw_api_printer_settings(void *ctx, struct cw_control_request *r) {
        look(ctx, r, "settings");
}

/* ---- touching ---- */

void cw_api_printer_apply(void *ctx, struct cw_control_request *r) {
        json_t *settings = json_object_get(cw_control_body(r), "settings");
        if (!json_is_array(settings) || json_array_size(settings) == 0 ||
            json_array_size(settings) > SETTINGS_MAX) {
                refuse(r, CW_E_SYNTAX, "the body needs \"settings\": 1 to 24 objects of name and value");
                return;
        }
        struct cw_msg *m = cw_msg_request("printer.apply");
        if (m)
                (void)json_object_set(m->json, "settings", settings);
        ask_station(ctx, r, &(struct ask){.what = "printer.apply"}, m, LOOK_MS * 3,
                    json_pack("{s:O}", "settings", settings));
}

void cw_api_printer_clean(void *ctx, struct cw_control_request *r) {
        ask_station(ctx, r, &(struct ask){.what = "printer.clean"}, cw_msg_request("printer.clean"), CARD_MS,
                    NULL);
}

void cw_api_printer_raw(void *ctx, struct cw_control_request *r) {
        const char *command = json_string_value(json_object_get(cw_control_body(r), "command"));
        char masked[COMMAND_MAX + 1];
        if (!command || !*command || strlen(command) > COMMAND_MAX) {
                refuse(r, CW_E_SYNTAX, "the body needs \"command\": 1 to 120 characters");
                return;
        }
        (void)snprintf(masked, sizeof masked, "%s", command);
        cw_mask_card_number(masked);
        struct cw_msg *m = cw_msg_request("printer.raw");
        if (m)
                (void)json_object_set_new(m->json, "command", json_string(command));
        ask_station(ctx, r, &(struct ask){.what = "printer.raw"}, m, LOOK_MS,
                    json_pack("{s:s}", "command", masked));
}

void cw_api_test_card(void *ctx, struct cw_control_request *r) {
        static const char *const kinds[] = {"std", "tech", "mag", "chip"};
        const char *kind = json_string_value(json_object_get(cw_control_body(r), "kind"));
        bool known = !kind;
        for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
                known = known || strcmp(kind, kinds[i]) == 0;
        if (!known) {
                refuse(r, CW_E_SYNTAX, "the kinds of test card are std, tech, mag and chip");
                return;
        }
        struct cw_msg *m = cw_msg_request("test_card");
        if (m)
                (void)json_object_set_new(m->json, "kind", json_string(kind ? kind : "std"));
        ask_station(ctx, r, &(struct ask){.what = "printer.test_card", .plastic = true}, m, CARD_MS,
                    json_pack("{s:s}", "kind", kind ? kind : "std"));
}
