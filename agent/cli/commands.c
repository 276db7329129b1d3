/* SPDX-License-Identifier: Apache-2.0 */
/* What each command asks, and how a person sees the answer. */
#include "agent/cli/commands_completion.h"
#include "agent/cli/commands_d1.h"
#include "agent/cli/commands_dcms.h"
#include "agent/cli/commands_face.h"
#include "agent/cli/commands_hsm.h"
#include "agent/cli/commands_kiosk.h"
#include "agent/cli/commands_printer.h"
#include "agent/cli/commands_profile.h"
#include "agent/cli/commands_station.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATH_CAP 256
#define WATCH_MS 500

/* ---- small helpers ---- */

static void time_text(int64_t ms, char *ret, size_t cap) {
        time_t t = (time_t)(ms / 1000);
        struct tm tm;
        if (ms <= 0 || !localtime_r(&t, &tm) || strftime(ret, cap, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                (void)snprintf(ret, cap, "never");
}

bool cw_cli_plain_word(const char *word) {
        size_t len = strlen(word);
        bool ok = len > 0 && len < 80 &&
                  strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == len;
        if (!ok)
                (void)fprintf(stderr, "cardwright: '%s' is not a number or name of cardwright\n", word);
        return ok;
}

int cw_cli_show(struct cw_cli *cli, int exit_code, const json_t *answer,
                void (*show)(struct cw_cli *cli, const json_t *answer),
                int (*verdict)(const json_t *answer)) {
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (!cli->json)
                show(cli, answer);
        else if (cw_cli_print_json(answer) != CW_EXIT_OK)
                return CW_EXIT_FAILED;
        return verdict(answer);
}

static int always_ok(const json_t *answer) {
        (void)answer;
        return CW_EXIT_OK;
}

static int needs_person(const json_t *answer) {
        return cw_cli_bool(answer, "needs_person") ? CW_EXIT_NEEDS_PERSON : CW_EXIT_OK;
}

/* Whether the flag of any row of the list has this value. */
static bool any_row(const json_t *answer, const char *list, const char *flag) {
        size_t i = 0;
        const json_t *row = NULL;
        json_array_foreach(json_object_get(answer, list), i, row) if (cw_cli_bool(row, flag)) return true;
        return false;
}

/* ---- status ---- */

static void line(const struct cw_cli *cli, const char *what, bool good, const char *text) {
        const char *colour = !cli->style.colour ? "" : good ? "\033[32m" : "\033[31m";
        (void)printf("%-9s %s%s%s  %s\n", what, colour, good ? "ok  " : "FAIL",
                     cli->style.colour ? "\033[0m" : "", text);
}

static void show_server(const struct cw_cli *cli, const json_t *server) {
        char text[400];
        char when[32];
        bool online = strcmp(cw_cli_str(server, "state"), "online") == 0;
        time_text(cw_cli_int(server, "last_contact_ms"), when, sizeof when);
        (void)snprintf(text, sizeof text, "%s, last answer %s%s%s", cw_cli_str(server, "state"), when,
                       online ? "" : ": ", online ? "" : cw_cli_str(server, "text"));
        line(cli, "server", online, text);
}

/* Only when there is something to say: signed ones are the rule. */
static void show_profiles(const struct cw_cli *cli, const json_t *s) {
        char text[400];
        const json_t *profiles = json_object_get(s, "profiles");
        const int64_t refused = cw_cli_int(profiles, "refused"), without = cw_cli_int(profiles, "unsigned");
        if (refused)
                (void)snprintf(text, sizeof text, "%s: %" PRId64 " profiles refused: %s",
                               cw_cli_str(s, "name"), refused, cw_cli_str(profiles, "text"));
        else
                (void)snprintf(text, sizeof text, "%s: %" PRId64 " profiles are not signed",
                               cw_cli_str(s, "name"), without);
        if (refused || without)
                line(cli, "profiles", !refused, text);
}

static void show_station(const struct cw_cli *cli, const json_t *s) {
        char text[400];
        const json_t *printer = json_object_get(s, "printer");
        const json_t *ribbon = json_object_get(printer, "ribbon");
        bool up = cw_cli_bool(s, "up");
        bool kiosk = strcmp(cw_cli_str(s, "kind"), "kiosk") == 0;
        bool reader = cw_cli_bool(json_object_get(s, "reader"), "present");
        bool pad = cw_cli_bool(json_object_get(s, "pinpad"), "present");
        bool working = cw_cli_bool(s, "busy") || strcmp(cw_cli_str(printer, "state"), "ready") == 0;
        bool good = up && reader && (kiosk ? pad : working);
        if (!up)
                (void)snprintf(text, sizeof text, "%s: %s", cw_cli_str(s, "name"), cw_cli_str(s, "text"));
        else if (kiosk)
                (void)snprintf(text, sizeof text, "%s: reader %s, PIN pad %s", cw_cli_str(s, "name"),
                               reader ? "there" : "missing", pad ? "there" : "missing");
        else
                (void)snprintf(text, sizeof text, "%s: %s, ribbon %" PRId64 "%s%s%s%s", cw_cli_str(s, "name"),
                               cw_cli_bool(s, "busy") ? "working" : cw_cli_str(printer, "state"),
                               cw_cli_int(ribbon, "remaining"), good ? "" : ", ",
                               good ? "" : cw_cli_str(printer, "text"), *cw_cli_str(s, "job") ? ", job " : "",
                               cw_cli_str(s, "job"));
        line(cli, "station", good, text);
        show_profiles(cli, s);
}

/* Cards that are made elsewhere; nothing when there are none. */
static void show_central(const struct cw_cli *cli, const json_t *central) {
        char text[400];
        size_t i = 0;
        const json_t *o = NULL;
        if (json_array_size(json_object_get(central, "orders")) == 0)
                return;
        (void)snprintf(text, sizeof text, "%" PRId64 " being made centrally, %" PRId64 " failed",
                       cw_cli_int(central, "ordered"), cw_cli_int(central, "failed"));
        line(cli, "central", cw_cli_int(central, "failed") == 0, text);
        json_array_foreach(json_object_get(central, "orders"), i, o) {
                bool failed = cw_cli_bool(o, "failed");
                (void)printf("          kit %s: %s%s%s%s\n", cw_cli_str(o, "kit"), cw_cli_str(o, "detail"),
                             *cw_cli_str(o, "text") ? ", " : "", cw_cli_str(o, "text"),
                             failed ? "; decide: cardwright job central" : "");
        }
}

static void show_status(struct cw_cli *cli, const json_t *a) {
        char text[400];
        const json_t *journal = json_object_get(a, "journal");
        const json_t *hsm = json_object_get(a, "hsm");
        size_t i = 0;
        const json_t *s = NULL;
        (void)printf("branch %s, cardwright %s\n", cw_cli_str(a, "branch"), cw_cli_str(a, "version"));
        show_server(cli, json_object_get(a, "server"));
        line(cli, "hsm", cw_cli_bool(hsm, "ready"),
             cw_cli_bool(hsm, "ready") ? "ready" : cw_cli_str(hsm, "text"));
        if (*cw_cli_str(hsm, "disclosure"))
                (void)printf("          %s\n", cw_cli_str(hsm, "disclosure"));
        if (cw_cli_bool(hsm, "key_loading"))
                (void)puts(
                    "          keys may be loaded, which brings them into the memory of a hsmd worker: unset "
                    "hsm.allow_key_loading when all are in");
        if (json_array_size(json_object_get(json_object_get(hsm, "pads"), "first_sight")) > 0)
                (void)puts("          PIN pads are taken at first sight: hsm.keys[].iksns lists none");
        json_array_foreach(json_object_get(a, "stations"), i, s) show_station(cli, s);
        (void)snprintf(text, sizeof text, "%" PRId64 " open, %" PRId64 " need a person",
                       cw_cli_int(journal, "jobs_open"), cw_cli_int(journal, "jobs_waiting_person"));
        line(cli, "jobs", cw_cli_int(journal, "jobs_waiting_person") == 0, text);
        (void)snprintf(text, sizeof text, "%" PRId64 " unsent, %" PRId64 " refused",
                       cw_cli_int(journal, "outbox_unsent"), cw_cli_int(journal, "outbox_parked"));
        line(cli, "reports", cw_cli_int(journal, "outbox_parked") == 0, text);
        show_central(cli, json_object_get(a, "central"));
}

static int cmd_status(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/status", NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_status, needs_person);
}

/* ---- jobs ---- */

static void job_row(struct cw_table *t, const json_t *j) {
        char progress[64];
        char bar[16];
        int64_t percent = cw_cli_int(j, "percent");
        cw_bar((int)percent, 10, bar, sizeof bar);
        bool working =
            strcmp(cw_cli_str(j, "wait"), "RESULT") == 0 || strcmp(cw_cli_str(j, "wait"), "result") == 0;
        (void)snprintf(progress, sizeof progress, "%s %s", working ? bar : "",
                       cw_cli_str(j, working ? "doing" : "code"));
        cw_table_cell(t, cw_cli_str(j, "job"));
        cw_table_cell(t, cw_cli_str(j, "kit"));
        cw_table_cell(t, cw_cli_str(j, "masked_pan"));
        cw_table_cell(t, cw_cli_str(j, "station"));
        cw_table_cell(t, cw_cli_str(j, "state"));
        cw_table_mark(t, cw_cli_bool(j, "needs_person") ? "warn" : "");
        cw_table_cell(t, cw_cli_str(j, "wait"));
        cw_table_cell(t, progress);
}

static void show_advice(const json_t *jobs) {
        size_t i = 0;
        const json_t *j = NULL;
        json_array_foreach((json_t *)(uintptr_t)jobs, i, j) if (cw_cli_bool(j, "needs_person"))(void)
            printf("%s: %s\n", cw_cli_str(j, "job"), cw_cli_str(j, "advice"));
}

static void show_jobs(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"JOB", "KIT", "CARD", "STATION", "STATE", "WAITS FOR", "", NULL};
        const json_t *jobs = json_object_get(a, "jobs");
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *j = NULL;
        json_array_foreach((json_t *)(uintptr_t)jobs, i, j) job_row(t, j);
        cw_table_print(t);
        show_advice(jobs);
}

static int jobs_verdict(const json_t *a) {
        return any_row(a, "jobs", "needs_person") ? CW_EXIT_NEEDS_PERSON : CW_EXIT_OK;
}

/* Redraws until no job is open; only on a terminal. */
static int watch_jobs(struct cw_cli *cli) {
        for (;;) {
                CW_AUTO_JSON json_t *a = NULL;
                int exit_code = cw_cli_ask(cli, "/v1/jobs", NULL, &a);
                if (exit_code != CW_EXIT_OK)
                        return exit_code;
                (void)printf("\033[H\033[2J");
                show_jobs(cli, a);
                (void)fflush(stdout);
                if (json_array_size(json_object_get(a, "jobs")) == 0)
                        return CW_EXIT_OK;
                (void)usleep(WATCH_MS * 1000);
        }
}

static int cmd_jobs(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        if (cli->watch && cli->style.terminal && !cli->json)
                return watch_jobs(cli);
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, cli->all ? "/v1/jobs?all=1" : "/v1/jobs", NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_jobs, jobs_verdict);
}

static void show_history(struct cw_cli *cli, const json_t *history) {
        static const char *const heads[] = {"TIME", "WHAT", "STEP", "STATE", "BY", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *e = NULL;
        json_array_foreach((json_t *)(uintptr_t)history, i, e) {
                char when[32];
                char what[80];
                time_text(cw_cli_int(e, "at_ms"), when, sizeof when);
                (void)snprintf(what, sizeof what, "%s %s", cw_cli_str(e, "kind"), cw_cli_str(e, "type"));
                cw_table_cell(t, when);
                cw_table_cell(t, what);
                cw_table_cell(t, cw_cli_str(e, "step"));
                cw_table_cell(t, cw_cli_str(e, "state"));
                cw_table_cell(t, cw_cli_str(e, "actor"));
        }
        cw_table_print(t);
}

static void show_job(struct cw_cli *cli, const json_t *j) {
        (void)printf("job %s, kit %s, card %s, station %s\nstate %s, waits for %s%s%s\n",
                     cw_cli_str(j, "job"), cw_cli_str(j, "kit"), cw_cli_str(j, "masked_pan"),
                     *cw_cli_str(j, "station") ? cw_cli_str(j, "station") : "none", cw_cli_str(j, "state"),
                     cw_cli_str(j, "wait"), *cw_cli_str(j, "code") ? ", code " : "", cw_cli_str(j, "code"));
        (void)printf("%s\n", cw_cli_str(j, "advice"));
        if (json_object_get(j, "history"))
                show_history(cli, json_object_get(j, "history"));
}

static int cmd_job(struct cw_cli *cli, int count, char **args) {
        (void)count;
        char path[PATH_CAP];
        CW_AUTO_JSON json_t *a = NULL;
        if (!cw_cli_plain_word(args[0]))
                return CW_EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/jobs/%s", args[0]);
        int exit_code = cw_cli_ask(cli, path, NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_job, needs_person);
}

/* After a person's word the job may wait for the next thing; the word itself was done. */
static int post_job(struct cw_cli *cli, const char *job, const char *what, json_t *take_body) {
        char path[PATH_CAP];
        CW_AUTO_JSON json_t *a = NULL;
        if (!cw_cli_plain_word(job)) {
                json_decref(take_body);
                return CW_EXIT_USAGE;
        }
        (void)snprintf(path, sizeof path, "/v1/jobs/%s/%s", job, what);
        int exit_code = cw_cli_ask(cli, path, take_body, &a);
        return cw_cli_show(cli, exit_code, a, show_job, always_ok);
}

static int cmd_cancel(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return post_job(cli, args[0], "cancel", json_object());
}

static int cmd_destroyed(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return post_job(cli, args[0], "confirm-destroyed", json_pack("{s:b}", "remake", !cli->no_remake));
}

static int cmd_decide(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return post_job(cli, args[0], "decide", json_pack("{s:s}", "decision", args[1]));
}

static int cmd_returned(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return post_job(cli, args[0], "returned", json_object());
}

/* One of two words as a flag; -1 for another. */
static int flag_of(const char *word, const char *yes, const char *no) {
        if (strcmp(word, yes) == 0)
                return 1;
        if (strcmp(word, no) == 0)
                return 0;
        (void)fprintf(stderr, "cardwright: say %s or %s\n", yes, no);
        return -1;
}

static int cmd_visual(struct cw_cli *cli, int count, char **args) {
        (void)count;
        int ok = strcmp(args[1], "ok") == 0 ? 1 : flag_of(args[1], "good", "bad");
        return ok < 0 ? CW_EXIT_USAGE : post_job(cli, args[0], "visual", json_pack("{s:b}", "ok", ok));
}

static int cmd_pin(struct cw_cli *cli, int count, char **args) {
        (void)count;
        int set = flag_of(args[1], "set", "not-set");
        return set < 0 ? CW_EXIT_USAGE : post_job(cli, args[0], "pin", json_pack("{s:b}", "set", set));
}

/* ---- stations ---- */

static const char *station_text(const json_t *s, const json_t *printer) {
        const json_t *profiles = json_object_get(s, "profiles");
        if (*cw_cli_str(profiles, "text"))
                return cw_cli_str(profiles, "text");
        if (!*cw_cli_str(printer, "text") && cw_cli_int(profiles, "unsigned") > 0)
                return "its profiles are not signed";
        return cw_cli_str(printer, "text");
}

static void show_stations(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"STATION", "KIND", "STATE", "PRINTER", "RIBBON",
                                            "READER",  "JOB",  "",      NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *s = NULL;
        json_array_foreach(json_object_get(a, "stations"), i, s) {
                char ribbon[64];
                bool kiosk = strcmp(cw_cli_str(s, "kind"), "kiosk") == 0;
                const json_t *printer = kiosk ? NULL : json_object_get(s, "printer");
                const json_t *r = json_object_get(printer, "ribbon");
                const json_t *reader = json_object_get(s, "reader");
                bool up = cw_cli_bool(s, "up");
                (void)snprintf(ribbon, sizeof ribbon, "%s %" PRId64, cw_cli_str(r, "kind"),
                               cw_cli_int(r, "remaining"));
                cw_table_cell(t, cw_cli_str(s, "name"));
                cw_table_cell(t, cw_cli_str(s, "kind"));
                cw_table_cell(t, !up ? "away" : cw_cli_bool(s, "busy") ? "working" : "free");
                cw_table_mark(t, up ? "ok" : "fail");
                cw_table_cell(t, cw_cli_str(printer, "state"));
                cw_table_cell(t, r ? ribbon : "");
                cw_table_cell(t, !reader ? "" : cw_cli_bool(reader, "present") ? "there" : "missing");
                cw_table_cell(t, cw_cli_str(s, "job"));
                cw_table_cell(t, up ? station_text(s, printer) : cw_cli_str(s, "text"));
        }
        cw_table_print(t);
}

static int cmd_stations(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/stations", NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_stations, always_ok);
}

/* ---- stock, reports, releases, audit, doctor ---- */

static void show_stock(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"PLACE", "PLASTIC", "COUNT", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *p = NULL;
        json_array_foreach(json_object_get(a, "places"), i, p) {
                cw_table_cell(t, cw_cli_str(p, "place"));
                cw_table_cell(t, cw_cli_str(p, "plastic_code"));
                cw_table_number(t, cw_cli_int(p, "count"));
        }
        cw_table_print(t);
        (void)printf("drawn %" PRId64 " = delivered %" PRId64 " + spoiled %" PRId64 " + returned %" PRId64
                     " + destroyed %" PRId64 " + on the way %" PRId64 "; unaccounted %" PRId64 ": %s\n",
                     cw_cli_int(a, "drawn"), cw_cli_int(a, "delivered"), cw_cli_int(a, "spoiled"),
                     cw_cli_int(a, "returned"), cw_cli_int(a, "destroyed"),
                     cw_cli_int(a, "in_transport") + cw_cli_int(a, "in_output") + cw_cli_int(a, "in_kiosk"),
                     cw_cli_int(a, "unaccounted"),
                     !cw_cli_bool(a, "balanced") ? "NOT BALANCED, count the plastics"
                     : cw_cli_bool(a, "closed")  ? "balanced, nothing lies open"
                                                 : "balanced");
}

static int stock_verdict(const json_t *a) {
        return cw_cli_bool(a, "balanced") ? CW_EXIT_OK : CW_EXIT_NEEDS_PERSON;
}

static int cmd_stock(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/stock", NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_stock, stock_verdict);
}

static int cmd_stock_move(struct cw_cli *cli, int count, char **args) {
        (void)count;
        char *rest = NULL;
        CW_AUTO_JSON json_t *a = NULL;
        long long n = strtoll(args[3], &rest, 10);
        if (*rest || n <= 0) {
                (void)fprintf(stderr, "cardwright: the count must be a number above 0\n");
                return CW_EXIT_USAGE;
        }
        json_t *body = json_pack("{s:s, s:s, s:s, s:I, s:s}", "plastic_code", args[0], "from", args[1], "to",
                                 args[2], "count", (json_int_t)n, "reason", args[4]);
        int exit_code = cw_cli_ask(cli, "/v1/stock/move", body, &a);
        return cw_cli_show(cli, exit_code, a, show_stock, stock_verdict);
}

static void show_outbox(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"ID", "KIT", "REPORT", "TRIES", "STATE", "LAST ERROR", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *r = NULL;
        json_array_foreach(json_object_get(a, "reports"), i, r) {
                cw_table_number(t, cw_cli_int(r, "id"));
                cw_table_cell(t, cw_cli_str(r, "kit"));
                cw_table_cell(t, cw_cli_str(r, "report"));
                cw_table_number(t, cw_cli_int(r, "attempts"));
                cw_table_cell(t, cw_cli_bool(r, "parked") ? "refused" : "waits");
                cw_table_mark(t, cw_cli_bool(r, "parked") ? "fail" : "");
                cw_table_cell(t, cw_cli_str(r, "last_error"));
        }
        cw_table_print(t);
}

static int outbox_verdict(const json_t *a) {
        return any_row(a, "reports", "parked") ? CW_EXIT_NEEDS_PERSON : CW_EXIT_OK;
}

static int cmd_outbox(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/outbox", NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_outbox, outbox_verdict);
}

static int cmd_outbox_retry(struct cw_cli *cli, int count, char **args) {
        (void)count;
        char path[PATH_CAP];
        CW_AUTO_JSON json_t *a = NULL;
        if (!cw_cli_plain_word(args[0]))
                return CW_EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/outbox/%s/retry", args[0]);
        int exit_code = cw_cli_ask(cli, path, json_object(), &a);
        return cw_cli_show(cli, exit_code, a, show_outbox, outbox_verdict);
}

static void show_release(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        char when[32];
        time_text(cw_cli_int(a, "expires_ms"), when, sizeof when);
        (void)printf("kit %s may be handed over at %s until %s\n", cw_cli_str(a, "kit"),
                     cw_cli_str(a, "kiosk"), when);
}

static int cmd_release(struct cw_cli *cli, int count, char **args) {
        (void)count;
        CW_AUTO_JSON json_t *a = NULL;
        json_t *body = json_pack("{s:s, s:s}", "kit", args[0], "kiosk", args[1]);
        int exit_code = cw_cli_ask(cli, "/v1/releases", body, &a);
        return cw_cli_show(cli, exit_code, a, show_release, always_ok);
}

static int cmd_mailer(struct cw_cli *cli, int count, char **args) {
        (void)count;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/mailers", json_pack("{s:s}", "kit", args[0]), &a);
        return cw_cli_show(cli, exit_code, a, show_job, always_ok);
}

static void show_audit(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"ROW", "TIME", "WHAT", "JOB", "BY", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *r = NULL;
        json_array_foreach(json_object_get(a, "tail"), i, r) {
                char when[32];
                time_text(cw_cli_int(r, "at_ms"), when, sizeof when);
                cw_table_number(t, cw_cli_int(r, "n"));
                cw_table_cell(t, when);
                cw_table_cell(t, cw_cli_str(r, "what"));
                cw_table_cell(t, cw_cli_str(r, "job"));
                cw_table_cell(t, cw_cli_str(r, "actor"));
        }
        cw_table_print(t);
        (void)printf("%" PRId64 " rows, chain %s, head %s\n", cw_cli_int(a, "rows"),
                     cw_cli_bool(a, "intact") ? "intact" : "BROKEN", cw_cli_str(a, "head"));
}

static int audit_verdict(const json_t *a) {
        return cw_cli_bool(a, "intact") ? CW_EXIT_OK : CW_EXIT_FAILED;
}

static int cmd_audit(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/audit", NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_audit, audit_verdict);
}

static int doctor_verdict(const json_t *a) {
        return strcmp(cw_cli_str(a, "verdict"), "fail") == 0 ? CW_EXIT_NEEDS_PERSON : CW_EXIT_OK;
}

static void show_doctor(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"WHAT", "VERDICT", "FOUND", "DO", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *c = NULL;
        json_array_foreach(json_object_get(a, "checks"), i, c) {
                cw_table_cell(t, cw_cli_str(c, "what"));
                cw_table_cell(t, cw_cli_str(c, "verdict"));
                cw_table_mark(t, cw_cli_str(c, "verdict"));
                cw_table_cell(t, cw_cli_str(c, "text"));
                cw_table_cell(t, cw_cli_str(c, "todo"));
        }
        cw_table_print(t);
}

static int cmd_doctor(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask_long(cli, "looking", "/v1/doctor", NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_doctor, doctor_verdict);
}

const struct cw_command cw_commands[] = {
    {"status", "", 0, 0, "the branch at a glance", cmd_status},
    {"jobs", "[--all] [--watch]", 0, 0, "open jobs, or all; --watch redraws until none is open", cmd_jobs},
    CW_D1_COMMANDS,
    {"job cancel", "JOB", 1, 1, "cancel a job before a plastic is fed", cmd_cancel},
    {"job confirm-destroyed", "JOB [--no-remake]", 1, 1, "the spoiled plastic is in the locked reject box",
     cmd_destroyed},
    {"job decide", "JOB done|spoiled|not_done", 2, 2, "say how a step in doubt really ended", cmd_decide},
    {"job visual", "JOB good|bad", 2, 2, "result of looking at the finished card", cmd_visual},
    {"job returned", "JOB", 1, 1, "the card was never collected and goes back to the vault", cmd_returned},
    {"job pin", "JOB set|not-set", 2, 2, "settle a PIN in doubt after asking the bank", cmd_pin},
    {"job", "JOB", 1, 1, "one job with its history (job or kit number)", cmd_job},
    {"stations", "", 0, 0, "printers, readers, PIN pads", cmd_stations},
    CW_PRINTER_COMMANDS,
    CW_FACE_COMMANDS,
    CW_PROFILE_COMMANDS,
    {"stock move", "CODE FROM TO COUNT REASON", 5, 5, "book plastics from one place to another",
     cmd_stock_move},
    {"stock", "", 0, 0, "plastics by place, and whether they balance", cmd_stock},
    CW_DCMS_COMMANDS,
    CW_STATION_COMMANDS,
    CW_HSM_COMMANDS,
    {"release", "KIT KIOSK", 2, 2, "let this kit be handed over at this kiosk", cmd_release},
    CW_KIOSK_COMMANDS,
    {"mailer", "KIT", 1, 1, "hand over a card whose PIN the bank mails: PIN mailer, activation, delivery",
     cmd_mailer},
    {"outbox retry", "ID", 1, 1, "send a refused report again", cmd_outbox_retry},
    {"outbox", "", 0, 0, "reports the server does not have yet", cmd_outbox},
    {"audit", "", 0, 0, "verify the audit chain and show its end", cmd_audit},
    {"doctor", "", 0, 0, "check everything; one line each with what to do", cmd_doctor},
    {"completion", "", 0, 0, "print the bash completion", cw_cmd_completion},
};
const size_t cw_command_count = sizeof cw_commands / sizeof cw_commands[0];
