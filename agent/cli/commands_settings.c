/* SPDX-License-Identifier: Apache-2.0 */
/* What a technician set in one printer, kept in a file, compared with another and set there. */
#include "agent/cli/commands_printer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int trouble(const char *text, const char *file) {
        (void)fprintf(stderr, "cardwright: %s: %s\n", file, text);
        return CW_EXIT_FAILED;
}

static int ask_lines(struct cw_cli *cli, const char *name, json_t **ret) {
        char path[CW_PRINTER_PATH_MAX];
        if (cw_printer_path(name, "/settings", path) != CW_EXIT_OK)
                return CW_EXIT_USAGE;
        return cw_cli_ask(cli, path, NULL, ret);
}

/* Whole or not at all. */
static int write_file(const json_t *saved, const char *file) {
        char temporary[4096];
        int len = snprintf(temporary, sizeof temporary, "%s.new", file);
        if (len < 0 || (size_t)len >= sizeof temporary)
                return trouble("the name is too long", file);
        int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
        if (!out)
                return trouble(strerror(errno), file);
        bool well = json_dumpf(saved, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
        well = fflush(out) == 0 && fsync(fd) == 0 && well;
        well = fclose(out) == 0 && well;
        if (well && rename(temporary, file) == 0)
                return CW_EXIT_OK;
        (void)unlink(temporary);
        return trouble("it cannot be written; look at the space on the disk and the folder's rights", file);
}

static int snapshot(struct cw_cli *cli, const char *name, const char *file) {
        CW_AUTO_JSON json_t *a = NULL;
        CW_AUTO_JSON json_t *printer = NULL;
        char path[CW_PRINTER_PATH_MAX];
        int exit_code = ask_lines(cli, name, &a);
        if (exit_code == CW_EXIT_OK && cw_printer_path(name, "", path) == CW_EXIT_OK)
                exit_code = cw_cli_ask(cli, path, NULL, &printer);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        CW_AUTO_JSON json_t *saved =
            json_pack("{s:s, s:s, s:s, s:s, s:O}", "printer", name, "family", cw_cli_str(printer, "family"),
                      "model", cw_cli_str(printer, "model"), "serial", cw_cli_str(printer, "serial"), "lines",
                      json_object_get(a, "lines"));
        exit_code = saved ? write_file(saved, file) : trouble("out of memory", file);
        if (exit_code == CW_EXIT_OK && !cli->json)
                (void)printf("%s: %zu settings of %s\n", file, json_array_size(json_object_get(a, "lines")),
                             name);
        return exit_code;
}

static bool line_well_made(const json_t *l) {
        return *cw_cli_str(l, "name") && json_is_string(json_object_get(l, "value")) &&
               json_is_boolean(json_object_get(l, "writable"));
}

/* A snapshot, or what `--json printer NAME settings` printed. */
static json_t *read_file(const char *file) {
        json_error_t error;
        FILE *in = fopen(file, "re");
        CW_AUTO_JSON json_t *saved = in ? json_loadf(in, JSON_REJECT_DUPLICATES, &error) : NULL;
        if (in)
                (void)fclose(in);
        const json_t *lines = json_object_get(saved, "lines"), *l = NULL;
        bool well = json_array_size(lines) > 0;
        size_t i = 0;
        json_array_foreach(lines, i, l) well = well && line_well_made(l);
        if (well)
                return CW_STEAL(saved);
        (void)trouble(
            in ? "this is no snapshot; make one with: cardwright printer NAME settings snapshot -o FILE"
               : "it cannot be read",
            file);
        return NULL;
}

static const json_t *line_named(const json_t *lines, const char *name) {
        size_t i = 0;
        const json_t *l = NULL;
        json_array_foreach(lines, i, l) if (strcmp(cw_cli_str(l, "name"), name) == 0) return l;
        return NULL;
}

/* What a line of the file means at this printer. */
static const char *verdict_on(const json_t *here, const json_t *wanted) {
        if (here && strcmp(cw_cli_str(here, "value"), cw_cli_str(wanted, "value")) == 0)
                return NULL;
        if (cw_cli_bool(here, "writable"))
                return "can be set";
        return here ? "only read" : "not in this printer";
}

/* {"lines": [{name, here, file, verdict}]} that differ; of the file, and of the printer alone. */
static json_t *compare(const json_t *here, const json_t *file) {
        json_t *list = json_array();
        size_t i = 0;
        const json_t *l = NULL;
        json_array_foreach(file, i, l) {
                const json_t *mine = line_named(here, cw_cli_str(l, "name"));
                const char *verdict = verdict_on(mine, l);
                if (verdict)
                        (void)json_array_append_new(
                            list, json_pack("{s:s, s:s, s:s, s:s}", "name", cw_cli_str(l, "name"), "here",
                                            cw_cli_str(mine, "value"), "file", cw_cli_str(l, "value"),
                                            "verdict", verdict));
        }
        json_array_foreach(here, i, l) if (!line_named(file, cw_cli_str(l, "name")))(void)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", cw_cli_str(l, "name"),
                                                  "here", cw_cli_str(l, "value"), "file", "", "verdict",
                                                  "not in the file"));
        return json_pack("{s:o}", "lines", list);
}

static void show_differences(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"NAME", "HERE", "FILE", "", NULL};
        size_t i = 0;
        const json_t *l = NULL;
        if (json_array_size(json_object_get(a, "lines")) == 0) {
                (void)printf("no difference\n");
                return;
        }
        struct cw_table *t = cw_table_new(&cli->style, heads);
        json_array_foreach(json_object_get(a, "lines"), i, l) {
                cw_table_cell(t, cw_cli_str(l, "name"));
                cw_table_cell(t, cw_cli_str(l, "here"));
                cw_table_cell(t, cw_cli_str(l, "file"));
                cw_table_cell(t, cw_cli_str(l, "verdict"));
        }
        cw_table_print(t);
}

static int any_difference(const json_t *a) {
        return json_array_size(json_object_get(a, "lines")) > 0 ? CW_EXIT_FAILED : CW_EXIT_OK;
}

/* What differs between the printer and the file; if asked for, the printer's lines and the file. */
static int differences(struct cw_cli *cli, const char *name, const char *file, json_t **ret,
                       json_t **ret_here, json_t **ret_saved) {
        CW_AUTO_JSON json_t *here = NULL;
        CW_AUTO_JSON json_t *saved = read_file(file);
        if (!saved)
                return CW_EXIT_FAILED;
        int exit_code = ask_lines(cli, name, &here);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        *ret = compare(json_object_get(here, "lines"), json_object_get(saved, "lines"));
        if (ret_here)
                *ret_here = CW_STEAL(here);
        if (ret_saved)
                *ret_saved = CW_STEAL(saved);
        return CW_EXIT_OK;
}

static int diff(struct cw_cli *cli, const char *name, const char *file) {
        CW_AUTO_JSON json_t *found = NULL;
        int exit_code = differences(cli, name, file, &found, NULL, NULL);
        return cw_cli_show(cli, exit_code, found, show_differences, any_difference);
}

/* Those that can be set, as the API wants them, and as differences to be shown. */
static json_t *to_be_set(const json_t *found, json_t **ret_shown) {
        json_t *settings = json_array(), *shown = json_array();
        size_t i = 0;
        json_t *l = NULL;
        json_array_foreach(json_object_get(found, "lines"), i, l) {
                if (strcmp(cw_cli_str(l, "verdict"), "can be set") != 0)
                        continue;
                (void)json_array_append(shown, l);
                (void)json_array_append_new(settings, json_pack("{s:s, s:s}", "name", cw_cli_str(l, "name"),
                                                                "value", cw_cli_str(l, "file")));
        }
        *ret_shown = json_pack("{s:o}", "lines", shown);
        return settings;
}

static bool agreed(const struct cw_cli *cli, const char *name, size_t count) {
        char typed[16] = "";
        if (cli->yes)
                return true;
        if (!isatty(STDIN_FILENO)) {
                (void)fprintf(stderr, "cardwright: nothing was set; say --yes where nobody can be asked\n");
                return false;
        }
        (void)fprintf(stderr, "set %zu of %s? [y/N] ", count, name);
        if (fgets(typed, sizeof typed, stdin) && (typed[0] == 'y' || typed[0] == 'Y'))
                return true;
        (void)fprintf(stderr, "cardwright: nothing was set\n");
        return false;
}

static int always_ok(const json_t *answer) {
        (void)answer;
        return CW_EXIT_OK;
}

static int set(struct cw_cli *cli, const char *name, const char *file, json_t *take_settings) {
        char path[CW_PRINTER_PATH_MAX];
        CW_AUTO_JSON json_t *a = NULL;
        (void)cw_printer_path(name, "/settings", path);
        int exit_code = cw_cli_ask(cli, path, json_pack("{s:o}", "settings", take_settings), &a);
        if (exit_code != CW_EXIT_OK)
                (void)fprintf(stderr, "see what was set: cardwright printer %s settings diff %s\n", name,
                              file);
        return cw_cli_show(cli, exit_code, a, cw_printer_show_lines, always_ok);
}

/*
 * The same name may mean another thing in a printer of another family or model. What `--json printer NAME
 * settings` printed does not say which it was: then a person answers for it.
 */
static int made_for(struct cw_cli *cli, const char *name, const char *file, const json_t *saved) {
        static const char *const keys[] = {"family", "model"};
        char path[CW_PRINTER_PATH_MAX];
        CW_AUTO_JSON json_t *printer = NULL;
        int exit_code = cw_printer_path(name, "", path);
        if (exit_code == CW_EXIT_OK)
                exit_code = cw_cli_ask(cli, path, NULL, &printer);
        for (size_t i = 0; exit_code == CW_EXIT_OK && i < sizeof keys / sizeof *keys; i++) {
                const char *wanted = cw_cli_str(saved, keys[i]), *here = cw_cli_str(printer, keys[i]);
                if (!*wanted || strcmp(wanted, here) == 0)
                        continue;
                (void)fprintf(
                    stderr,
                    "cardwright: %s: these settings are of a printer of %s %s, %s is %s; nothing was "
                    "set, use a snapshot of such a printer\n",
                    file, keys[i], wanted, name, *here ? here : "unknown");
                exit_code = CW_EXIT_FAILED;
        }
        return exit_code;
}

static int apply(struct cw_cli *cli, const char *name, const char *file) {
        CW_AUTO_JSON json_t *found = NULL;
        CW_AUTO_JSON json_t *here = NULL;
        CW_AUTO_JSON json_t *shown = NULL;
        CW_AUTO_JSON json_t *saved = NULL;
        int exit_code = differences(cli, name, file, &found, &here, &saved);
        if (exit_code == CW_EXIT_OK)
                exit_code = made_for(cli, name, file, saved);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (*cw_cli_str(here, "text"))
                return trouble(cw_cli_str(here, "text"), name);
        CW_AUTO_JSON json_t *settings = to_be_set(found, &shown);
        size_t count = json_array_size(settings);
        if (count == 0) {
                if (cli->json)
                        return cw_cli_print_json(here);
                (void)printf("nothing to set: what can be set in %s is as in %s\n", name, file);
                return CW_EXIT_OK;
        }
        if (!cli->json)
                show_differences(cli, shown);
        if (!agreed(cli, name, count))
                return CW_EXIT_USAGE;
        return set(cli, name, file, CW_STEAL(settings));
}

int cw_cmd_printer_settings(struct cw_cli *cli, const char *name, int count, char **args) {
        if (count == 3 && strcmp(args[0], "snapshot") == 0 && strcmp(args[1], "-o") == 0)
                return snapshot(cli, name, args[2]);
        if (count == 2 && strcmp(args[0], "diff") == 0)
                return diff(cli, name, args[1]);
        if (count == 2 && strcmp(args[0], "apply") == 0)
                return apply(cli, name, args[1]);
        (void)fprintf(stderr,
                      "usage: cardwright printer NAME settings [snapshot -o FILE | diff FILE | apply FILE "
                      "[--yes]]\n");
        return CW_EXIT_USAGE;
}
