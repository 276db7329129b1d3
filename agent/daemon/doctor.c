/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/doctor.h"

#include "agent/daemon/kit_stock.h"

#include <stdarg.h>
#include <string.h>

#define CERT_WARN_DAYS 30
#define CLOCK_WARN_MS 60000
#define RIBBON_LOW 10

enum verdict { OK, WARN, FAIL };
static const char *const verdict_names[] = {"ok", "warn", "fail"};

struct report {
        struct cw_daemon *daemon;
        struct cw_control_request *request;
        json_t *checks;
        enum verdict worst;
};

static void check(struct report *rp, const char *what, enum verdict v, const char *todo, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

static void check(struct report *rp, const char *what, enum verdict v, const char *todo, const char *fmt,
                  ...) {
        char text[300];
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        if (v > rp->worst)
                rp->worst = v;
        (void)json_array_append_new(rp->checks,
                                    json_pack("{s:s, s:s, s:s, s:s}", "what", what, "verdict",
                                              verdict_names[v], "text", text, "todo", v == OK ? "" : todo));
}

static const char *str(const json_t *object, const char *key) {
        const char *s = json_string_value(json_object_get(object, key));
        return s ? s : "";
}

/* ---- journal, disk ---- */

static void check_journal(struct report *rp) {
        struct cw_journal *j = rp->daemon->journal;
        struct cw_fault f = {0};
        struct cw_audit_check audit = {0};
        struct cw_journal_health h = {0};
        cw_rc rc = cw_daemon_check(rp->daemon, cw_journal_check_fold(j, &f), &f);
        check(rp, "journal", rc == CW_OK ? OK : FAIL, "stop, keep the file, ask for support", "%s",
              rc == CW_OK ? "jobs and events agree" : f.text);
        rc = cw_daemon_check(rp->daemon, cw_journal_audit_verify(j, &audit, &f), &f);
        bool intact = rc == CW_OK && audit.intact;
        check(rp, "audit log", intact ? OK : FAIL,
              "somebody changed the journal: keep the file and tell security", "%lld rows, chain %s",
              (long long)audit.rows, intact ? "intact" : "broken");
        rc = cw_daemon_check(rp->daemon, cw_journal_health(j, &h, &f), &f);
        check(rp, "disk", rc == CW_OK && !h.disk_low ? OK : FAIL, "free space in the journal's file system",
              "%lld MiB free", (long long)h.disk_free_mib);
        check(rp, "reports", h.outbox_parked ? WARN : OK,
              "cardwright outbox shows why; cardwright outbox retry ID",
              "%lld unsent, %lld refused by the server", (long long)h.outbox_unsent,
              (long long)h.outbox_parked);
}

static void check_stock(struct report *rp) {
        struct cw_stock_check s = {0};
        struct cw_fault f = {0};
        cw_rc rc = cw_daemon_check(rp->daemon, cw_journal_stock_check(rp->daemon->journal, &s, &f), &f);
        check(rp, "stock", rc == CW_OK && s.balanced ? OK : FAIL,
              "count the plastics and compare with cardwright stock", "%lld drawn, %lld unaccounted",
              (long long)s.drawn, (long long)s.unaccounted);
}

static void check_kits(struct report *rp) {
        CW_AUTO_JSON json_t *view = cw_kit_stock_view(rp->daemon->kit_stock);
        const char *first = json_string_value(json_array_get(json_object_get(view, "expired"), 0));
        json_int_t expired = json_integer_value(json_object_get(view, "expired_count"));
        json_int_t expiring = json_integer_value(json_object_get(view, "expiring_count"));
        json_int_t refused = json_integer_value(json_object_get(view, "refused"));
        check(rp, "kits in stock", expired || expiring ? WARN : OK,
              "cardwright kit expire KIT for those that expired, and a second operator approves; order new "
              "ones",
              "%lld expired%s%s, %lld expire soon", (long long)expired, first ? ", first " : "",
              first ? first : "", (long long)expiring);
        check(rp, "kits received", refused ? WARN : OK,
              "the log has ARRIVAL_REFUSED with the reason; correct it at the bank, then cardwright kit "
              "receive KIT again",
              "%lld refused by the server%s", (long long)refused,
              json_is_true(json_object_get(view, "untold")) ? ", some not told yet" : "");
}

/* ---- server ---- */

static void check_days(struct report *rp, const char *what, int64_t end_ms, int days, const char *todo) {
        if (end_ms == 0)
                return;
        enum verdict v = days < 0 ? FAIL : days < CERT_WARN_DAYS ? WARN : OK;
        check(rp, what, v, todo, days < 0 ? "expired %d days ago" : "%d days left", days < 0 ? -days : days);
}

static void check_server(struct report *rp, cw_rc rc, const struct cw_fault *f) {
        struct cw_dcms_health h;
        cw_dcms_health(rp->daemon->dcms, &h);
        check(rp, "server", rc == CW_OK ? OK : FAIL,
              cw_rc_class(rc) == CW_C_OPERATOR ? "correct what the text names" : "check network and server",
              "%s", rc == CW_OK ? "login accepted" : f->text);
        check_days(rp, "server certificate", h.server_cert_end_ms, h.server_cert_days_left,
                   "tell the bank to renew it");
        check_days(
            rp, "client certificate", h.client_cert_end_ms, h.client_cert_days_left,
            "put a new one from the bank into server.client_cert_file and its key into the credential, then "
            "restart cardwrightd");
        check_days(rp, "bank CA", h.ca_end_ms, h.ca_days_left,
                   "get the bank's new CA into server.ca_file, then restart cardwrightd");
        if (h.last_contact_ms == 0)
                return;
        int64_t offset = h.clock_offset_ms < 0 ? -h.clock_offset_ms : h.clock_offset_ms;
        check(rp, "clock", offset > CLOCK_WARN_MS ? WARN : OK, "set the clock (NTP)",
              "%lld s from the server's", (long long)(offset / 1000));
}

/* ---- hsm ---- */

static void check_keys(struct report *rp, const json_t *keys) {
        size_t index = 0;
        const json_t *key = NULL;
        json_array_foreach((json_t *)(uintptr_t)keys, index, key) {
                char what[96];
                bool ok = json_is_true(json_object_get(key, "ok"));
                (void)snprintf(what, sizeof what, "key %s", str(key, "label"));
                check(rp, what, ok ? OK : FAIL, "load the right key, or correct hsm.keys",
                      "%s %s, KCV %s%s%s", str(key, "purpose"), str(key, "algorithm"),
                      *str(key, "kcv") ? str(key, "kcv") : "none", ok ? "" : ": ",
                      ok ? "" : str(key, "text"));
        }
}

/* Pads of a key without a list are taken at first sight: whoever brings one that has the BDK gets in. */
static void check_pads(struct report *rp, const json_t *pads) {
        size_t index = 0;
        const json_t *label = NULL;
        int64_t listed = json_integer_value(json_object_get(pads, "listed"));
        if (listed > 0)
                check(rp, "PIN pads", OK, "", "%lld listed by serial number", (long long)listed);
        json_array_foreach(json_object_get(pads, "first_sight"), index, label)
            check(rp, "PIN pads", WARN,
                  "list the initial key serial numbers of your PIN pads in hsm.keys[].iksns of this key",
                  "key %s takes any PIN pad at first sight", json_string_value(label));
}

/* A token that could not be opened has no keys to look at; hsmd's own text says what to do. */
static const char *hsm_advice(const json_t *hello) {
        const char *text = str(hello, "text");
        if (json_array_size(json_object_get(hello, "keys")) > 0)
                return "see the keys below";
        return *text ? text : "look at the log of cardwright-hsmd";
}

static void check_hsm(struct report *rp) {
        const json_t *hello = cw_hsm_link_hello(rp->daemon->hsm);
        bool ready = cw_hsm_link_ready(rp->daemon->hsm);
        if (!hello) {
                check(rp, "hsm", FAIL, "start cardwright-hsmd", "%s", cw_hsm_link_trouble(rp->daemon->hsm));
                return;
        }
        const json_t *token = json_object_get(hello, "token");
        check(rp, "hsm", ready ? OK : FAIL, hsm_advice(hello), "token %s, %s", str(token, "label"),
              ready ? "ready" : cw_hsm_link_trouble(rp->daemon->hsm));
        const char *path = str(hello, "pin_path");
        enum verdict v = strcmp(path, "in-token") == 0 ? OK : WARN;
        check(rp, "pin path", v, "use a payment HSM for production", "%s", path);
        if (json_is_true(json_object_get(hello, "key_loading")))
                check(rp, "key loading", WARN, "unset hsm.allow_key_loading when all keys are in",
                      "clear keys may come into the memory of a hsmd worker");
        if (json_is_true(json_object_get(hello, "test_token")))
                check(rp, "test token", WARN, "unset hsm.test_token in production",
                      "hsmd computes known answers with clear keys for its admin socket");
        check_pads(rp, json_object_get(hello, "pads"));
        check_keys(rp, json_object_get(hello, "keys"));
}

/* ---- stations ---- */

static void check_printer(struct report *rp, const char *name, const json_t *printer) {
        char what[96];
        const char *state = str(printer, "state");
        const json_t *ribbon = json_object_get(printer, "ribbon");
        bool ready = strcmp(state, "ready") == 0;
        (void)snprintf(what, sizeof what, "%s printer", name);
        check(rp, what, ready ? OK : FAIL,
              *str(printer, "text") ? str(printer, "text") : "check cable and power", "%s %s, %s%s%s",
              str(printer, "model"), str(printer, "serial"), state, ready ? "" : ", code ",
              ready ? "" : str(printer, "code"));
        bool barred = json_is_true(json_object_get(printer, "barred"));
        bool experimental = json_is_true(json_object_get(printer, "experimental"));
        char driver[96];
        (void)snprintf(driver, sizeof driver, "%s printer driver", name);
        if (*str(printer, "family"))
                check(rp, driver, barred ? WARN : OK,
                      "set printer_experimental of the station to true, or use another printer", "%s%s%s",
                      str(printer, "family"), experimental ? ", experimental" : "",
                      barred ? ", makes no cards until it is switched on" : "");
        if (!ribbon)
                return;
        int64_t left = json_integer_value(json_object_get(ribbon, "remaining"));
        (void)snprintf(what, sizeof what, "%s ribbon", name);
        check(rp, what,
              left == 0           ? FAIL
              : left < RIBBON_LOW ? WARN
                                  : OK,
              "put in a new ribbon", "%s, %lld of %lld left", str(ribbon, "kind"), (long long)left,
              (long long)json_integer_value(json_object_get(ribbon, "capacity")));
}

static void check_reader(struct report *rp, const char *name, const json_t *reader) {
        char what[96];
        bool service = json_is_true(json_object_get(reader, "service"));
        bool good = service && json_is_true(json_object_get(reader, "present")) &&
                    !json_is_true(json_object_get(reader, "stuck"));
        (void)snprintf(what, sizeof what, "%s pcscd", name);
        check(rp, what, service ? OK : FAIL, str(reader, "text"), "%s",
              service ? "answers" : "does not answer");
        (void)snprintf(what, sizeof what, "%s reader", name);
        check(rp, what, good ? OK : FAIL,
              *str(reader, "text") ? str(reader, "text") : "correct stations[].reader", "%s%s",
              str(reader, "name"), good ? "" : ", not ready");
}

/* A printer that tells a model its driver does not know reaches fewer stations than its family. */
static void check_chip_at(struct report *rp, const struct cw_config_station *s, const json_t *printer) {
        const json_t *abilities = json_object_get(printer, "abilities"), *word = NULL;
        char what[96];
        bool reaches = false;
        size_t i = 0;
        if (s->chip_at != CW_CHIP_AT_CONTACTLESS || !json_is_true(json_object_get(printer, "present")))
                return;
        json_array_foreach(abilities, i, word) {
                reaches = reaches ||
                          strcmp(json_string_value(word) ? json_string_value(word) : "", "contactless") == 0;
        }
        (void)snprintf(what, sizeof what, "%s chip station", s->name);
        check(rp, what, reaches ? OK : FAIL,
              "set chip_at of the station to contact, or use a printer with a contactless station", "%s",
              reaches ? "contactless" : "chip_at is contactless, and this printer has no such station");
}

static void check_profiles(struct report *rp, const char *name, const json_t *profiles) {
        char what[96];
        const json_int_t refused = json_integer_value(json_object_get(profiles, "refused")),
                         without = json_integer_value(json_object_get(profiles, "unsigned"));
        if (!profiles) /* a station of an earlier version */
                return;
        (void)snprintf(what, sizeof what, "%s profiles", name);
        if (refused)
                check(rp, what, FAIL,
                      "do what the text says; cardwright profile check FILE tells everything about one",
                      "%lld refused: %s", (long long)refused, str(profiles, "text"));
        else
                check(rp, what, without ? WARN : OK,
                      "have the bank sign them (cardwright profile sign) and set profile_keys",
                      "%lld signed, %lld not signed%s",
                      (long long)json_integer_value(json_object_get(profiles, "signed")), (long long)without,
                      strcmp(str(profiles, "signature"), "none") == 0 ? ", as the token has test keys" : "");
}

static void check_station(struct report *rp, const struct cw_station_link *l) {
        char what[96];
        const char *name = cw_station_link_name(l);
        const json_t *status = cw_station_link_status(l);
        bool up = cw_station_link_up(l);
        (void)snprintf(what, sizeof what, "station %s", name);
        check(rp, what, up ? OK : FAIL, "start its cardwright-stationd", "%s",
              up ? "running" : cw_station_link_trouble(l));
        if (!status)
                return;
        bool kiosk = cw_station_link_config(l)->kind == CW_STATION_KIOSK;
        if (!kiosk)
                check_printer(rp, name, json_object_get(status, "printer"));
        if (!kiosk)
                check_chip_at(rp, cw_station_link_config(l), json_object_get(status, "printer"));
        check_reader(rp, name, json_object_get(status, "reader"));
        check_profiles(rp, name, json_object_get(status, "profiles"));
        if (!kiosk)
                return;
        bool pad = json_is_true(json_object_get(json_object_get(status, "pinpad"), "present"));
        (void)snprintf(what, sizeof what, "%s pin pad", name);
        check(rp, what, pad ? OK : FAIL, "check cable, power and stations[].pinpad_tty", "%s",
              pad ? "answers" : "silent");
}

static void on_login(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        (void)reply;
        struct report *rp = ctx;
        check(rp, "configuration", OK, "", "%zu stations, %zu products", rp->daemon->config->station_count,
              rp->daemon->config->product_count);
        check_journal(rp);
        check_stock(rp);
        check_kits(rp);
        check_server(rp, rc, f);
        check_hsm(rp);
        for (size_t i = 0; i < rp->daemon->station_count; i++)
                check_station(rp, rp->daemon->stations[i]);
        cw_control_reply(rp->request,
                         json_pack("{s:o, s:s}", "checks", rp->checks, "verdict", verdict_names[rp->worst]));
        free(rp);
}

void cw_doctor_run(struct cw_daemon *d, struct cw_control_request *r) {
        struct report *rp = calloc(1, sizeof *rp);
        struct cw_fault f = {0};
        if (!rp) {
                (void)cw_fail(&f, CW_RC(CW_L_CONTROL, CW_C_RETRY, CW_E_NOMEM), 0, "doctor", "",
                              "out of memory");
                cw_control_fail(r, &f);
                return;
        }
        *rp = (struct report){.daemon = d, .request = r, .checks = json_array()};
        cw_dcms_login(d->dcms, on_login, rp);
}
