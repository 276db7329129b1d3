/* SPDX-License-Identifier: Apache-2.0 */
/* Printers for technicians: look, clean, test cards, settings, the raw console. */
#include "agent/cli/commands_printer.h"

#include <inttypes.h>
#include <string.h>

static int always_ok(const json_t *answer) {
        (void)answer;
        return CW_EXIT_OK;
}

/* ---- all printers, one printer ---- */

static void ribbon_text(const json_t *printer, char *ret, size_t cap) {
        const json_t *r = json_object_get(printer, "ribbon");
        int64_t left = cw_cli_int(r, "remaining");
        ret[0] = '\0';
        if (*cw_cli_str(r, "kind") && left >= 0)
                (void)snprintf(ret, cap, "%s %" PRId64, cw_cli_str(r, "kind"), left);
        else if (*cw_cli_str(r, "kind"))
                (void)snprintf(ret, cap, "%s", cw_cli_str(r, "kind"));
}

static const char *verdict_word(const char *state) {
        if (strcmp(state, "ready") == 0)
                return "ok";
        return strcmp(state, "operator") == 0 ? "warn" : "fail";
}

/* Of a printer that was found; before that nobody knows what it would tell. */
static const char *told(const json_t *printer, const char *key) {
        const json_t *inventory = json_object_get(printer, "inventory");
        if (!inventory || !*cw_cli_str(printer, "family"))
                return cw_cli_str(printer, key);
        return *cw_cli_str(inventory, key) ? cw_cli_str(inventory, key) : "not told";
}

static void show_printers(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"PRINTER", "STATE",  "MODEL", "SERIAL", "FIRMWARE",
                                            "RIBBON",  "DRIVER", "",      NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *p = NULL;
        json_array_foreach(json_object_get(a, "printers"), i, p) {
                char text[64];
                cw_table_cell(t, cw_cli_str(p, "name"));
                cw_table_cell(t, cw_cli_str(p, "state"));
                cw_table_mark(t, verdict_word(cw_cli_str(p, "state")));
                cw_table_cell(t, told(p, "model"));
                cw_table_cell(t, told(p, "serial"));
                cw_table_cell(t, told(p, "firmware"));
                ribbon_text(p, text, sizeof text);
                cw_table_cell(t, text);
                (void)snprintf(text, sizeof text, "%s%s%s%s", cw_cli_str(p, "family"),
                               *cw_cli_str(p, "maturity") ? ", " : "", cw_cli_str(p, "maturity"),
                               cw_cli_bool(p, "barred") ? ", off" : "");
                cw_table_cell(t, text);
                cw_table_cell(t, cw_cli_str(p, "text"));
        }
        cw_table_print(t);
}

static bool not_ready(const json_t *printer) {
        return strcmp(cw_cli_str(printer, "state"), "ready") != 0;
}

static int printers_verdict(const json_t *a) {
        size_t i = 0;
        const json_t *p = NULL;
        json_array_foreach(json_object_get(a, "printers"), i,
                           p) if (not_ready(p)) return CW_EXIT_NEEDS_PERSON;
        return CW_EXIT_OK;
}

int cw_cmd_printers(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/printers", NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_printers, printers_verdict);
}

static void show_member(const json_t *a, const char *key) {
        if (*cw_cli_str(a, key))
                (void)printf("%-10s %s\n", key, cw_cli_str(a, key));
}

static void show_inventory(const json_t *a) {
        static const struct {
                const char *label, *key;
        } rows[] = {
            {"model", "model"}, {"serial", "serial"}, {"firmware", "firmware"},
            {"head", "head"},   {"board", "board"},   {"ribbon no.", "ribbon"},
        };
        for (size_t i = 0; *cw_cli_str(a, "family") && i < sizeof rows / sizeof *rows; i++)
                (void)printf("%-10s %s\n", rows[i].label, told(a, rows[i].key));
}

static void show_printer(struct cw_cli *cli, const json_t *a) {
        static const char *const keys[] = {"name",  "state",  "code",     "text", "vendor",
                                           "where", "family", "maturity", "port", "job"};
        char text[64];
        (void)cli;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                show_member(a, keys[i]);
        if (cw_cli_bool(a, "barred"))
                (void)printf("%-10s %s\n", "cards", "none: printer_experimental of the station is not set");
        show_inventory(a);
        ribbon_text(a, text, sizeof text);
        if (*text)
                (void)printf("%-10s %s\n", "ribbon", text);
        (void)printf("%-10s", "abilities");
        size_t i = 0;
        const json_t *word = NULL;
        json_array_foreach(json_object_get(a, "abilities"), i, word)(void)
            printf(" %s", json_string_value(word) ? json_string_value(word) : "");
        (void)printf("\n");
}

static int printer_verdict(const json_t *a) {
        return not_ready(a) ? CW_EXIT_NEEDS_PERSON : CW_EXIT_OK;
}

int cw_printer_path(const char *printer, const char *rest, char ret[CW_PRINTER_PATH_MAX]) {
        if (!cw_cli_plain_word(printer))
                return CW_EXIT_USAGE;
        (void)snprintf(ret, CW_PRINTER_PATH_MAX, "/v1/printers/%s%s", printer, rest);
        return CW_EXIT_OK;
}

static int printer_status(struct cw_cli *cli, const char *name) {
        char path[CW_PRINTER_PATH_MAX];
        CW_AUTO_JSON json_t *a = NULL;
        if (cw_printer_path(name, "", path) != CW_EXIT_OK)
                return CW_EXIT_USAGE;
        int exit_code = cw_cli_ask(cli, path, NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_printer, printer_verdict);
}

/* ---- sheets ---- */

void cw_printer_show_lines(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"NAME", "VALUE", "UNIT", "", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *l = NULL;
        json_array_foreach(json_object_get(a, "lines"), i, l) {
                cw_table_cell(t, cw_cli_str(l, "name"));
                cw_table_cell(t, cw_cli_str(l, "value"));
                cw_table_cell(t, cw_cli_str(l, "unit"));
                cw_table_cell(t, cw_cli_bool(l, "writable") ? "can be set" : "");
        }
        cw_table_print(t);
        if (*cw_cli_str(a, "text"))
                (void)printf("\n%s\n", cw_cli_str(a, "text"));
}

static int sheet(struct cw_cli *cli, const char *name, const char *which) {
        char rest[32], path[CW_PRINTER_PATH_MAX];
        CW_AUTO_JSON json_t *a = NULL;
        (void)snprintf(rest, sizeof rest, "/%s", which);
        if (cw_printer_path(name, rest, path) != CW_EXIT_OK)
                return CW_EXIT_USAGE;
        int exit_code = cw_cli_ask(cli, path, NULL, &a);
        return cw_cli_show(cli, exit_code, a, cw_printer_show_lines, always_ok);
}

/* ---- what moves or types ---- */

static void show_result(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("%s%s%s %s\n", cw_cli_str(a, "outcome"), *cw_cli_str(a, "code") ? ", " : "",
                     cw_cli_str(a, "code"), cw_cli_str(a, "text"));
}

static int result_verdict(const json_t *a) {
        if (strcmp(cw_cli_str(a, "outcome"), "done") == 0)
                return CW_EXIT_OK;
        return strcmp(cw_cli_str(a, "class"), "OPERATOR") == 0 ? CW_EXIT_NEEDS_PERSON : CW_EXIT_FAILED;
}

int cw_cmd_test_card(struct cw_cli *cli, int count, char **args) {
        char path[CW_PRINTER_PATH_MAX];
        CW_AUTO_JSON json_t *a = NULL;
        if (!cw_cli_plain_word(args[0]))
                return CW_EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/stations/%s/test-card", args[0]);
        const char *kind = count > 1 ? args[1] : "std";
        int exit_code = cw_cli_ask_long(cli, "test card", path, json_pack("{s:s}", "kind", kind), &a);
        if (exit_code == CW_EXIT_OK && !cli->json && result_verdict(a) == CW_EXIT_OK) {
                (void)printf(
                    "%s made a test card (%s), now in its %s; one plastic was booked from its hopper as "
                    "spoiled\n",
                    args[0], kind, cw_cli_str(a, "where"));
                return CW_EXIT_OK;
        }
        return cw_cli_show(cli, exit_code, a, show_result, result_verdict);
}

static int clean(struct cw_cli *cli, const char *name) {
        char path[CW_PRINTER_PATH_MAX];
        CW_AUTO_JSON json_t *a = NULL;
        if (cw_printer_path(name, "/clean", path) != CW_EXIT_OK)
                return CW_EXIT_USAGE;
        int exit_code = cw_cli_ask_long(cli, "cleaning", path, json_object(), &a);
        return cw_cli_show(cli, exit_code, a, show_result, result_verdict);
}

static void show_answer(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("%s\n", cw_cli_str(a, "answer"));
}

static int raw(struct cw_cli *cli, const char *name, const char *command) {
        char path[CW_PRINTER_PATH_MAX];
        CW_AUTO_JSON json_t *a = NULL;
        if (cw_printer_path(name, "/raw", path) != CW_EXIT_OK)
                return CW_EXIT_USAGE;
        int exit_code = cw_cli_ask(cli, path, json_pack("{s:s}", "command", command), &a);
        return cw_cli_show(cli, exit_code, a, show_answer, always_ok);
}

int cw_cmd_printer(struct cw_cli *cli, int count, char **args) {
        const char *name = args[0], *verb = args[1];
        bool plain = count == 2;
        if (plain && strcmp(verb, "status") == 0)
                return printer_status(cli, name);
        if (plain &&
            (strcmp(verb, "counters") == 0 || strcmp(verb, "sensors") == 0 || strcmp(verb, "settings") == 0))
                return sheet(cli, name, verb);
        if (plain && strcmp(verb, "clean") == 0)
                return clean(cli, name);
        if (strcmp(verb, "settings") == 0)
                return cw_cmd_printer_settings(cli, name, count - 2, args + 2);
        if (count == 3 && strcmp(verb, "test-card") == 0)
                return cw_cmd_test_card(cli, 2, (char *[]){args[0], args[2]});
        if (count == 3 && strcmp(verb, "raw") == 0)
                return raw(cli, name, args[2]);
        (void)fprintf(
            stderr, "usage: cardwright printer NAME status | counters | sensors | settings [snapshot -o FILE "
                    "| diff FILE | apply FILE [--yes]] | clean | test-card std|tech|mag|chip | raw "
                    "COMMAND\n");
        return CW_EXIT_USAGE;
}
