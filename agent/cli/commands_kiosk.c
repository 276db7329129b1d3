/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/commands_kiosk.h"

#include "agent/cli/table.h"

#include <stdio.h>

#define PATH_CAP 128

static int always_ok(const json_t *a) {
        (void)a;
        return CW_EXIT_OK;
}

static void show_filed(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf(
            "script %s (%s, kit %s) is filed; another administrator must say 'cardwright kiosk confirm %s' "
            "within 30 minutes\n",
            cw_cli_str(a, "id"), cw_cli_str(a, "command"), cw_cli_str(a, "kit"), cw_cli_str(a, "id"));
}

int cw_cmd_kiosk_script(struct cw_cli *cli, int count, char **args) {
        (void)count;
        CW_AUTO_JSON json_t *a = NULL;
        json_t *body = json_pack("{s:s, s:s, s:s}", "kit", args[0], "command", args[1], "kiosk", args[2]);
        int exit_code = cw_cli_ask(cli, "/v1/kiosk-scripts", body, &a);
        return cw_cli_show(cli, exit_code, a, show_filed, always_ok);
}

static int script_call(struct cw_cli *cli, const char *id, const char *verb, json_t **ret) {
        char path[PATH_CAP];
        if (!cw_cli_plain_word(id))
                return CW_EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/kiosk-scripts/%s/%s", id, verb);
        return cw_cli_ask(cli, path, json_object(), ret);
}

static void show_confirmed(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("%s waits for the card of kit %s; see cardwright kiosk scripts\n",
                     cw_cli_str(a, "kiosk"), cw_cli_str(a, "kit"));
}

int cw_cmd_kiosk_confirm(struct cw_cli *cli, int count, char **args) {
        (void)count;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = script_call(cli, args[0], "confirm", &a);
        return cw_cli_show(cli, exit_code, a, show_confirmed, always_ok);
}

static void show_dropped(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("script %s is taken back\n", cw_cli_str(a, "id"));
}

int cw_cmd_kiosk_drop(struct cw_cli *cli, int count, char **args) {
        (void)count;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = script_call(cli, args[0], "drop", &a);
        return cw_cli_show(cli, exit_code, a, show_dropped, always_ok);
}

static void show_scripts(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"SCRIPT", "KIT", "COMMAND", "KIOSK", "STATE",
                                            "SW",     "BY",  "TEXT",    NULL};
        size_t i = 0;
        const json_t *o = NULL;
        struct cw_table *t = cw_table_new(&cli->style, heads);
        json_array_foreach(json_object_get(a, "scripts"), i, o) {
                cw_table_cell(t, cw_cli_str(o, "id"));
                cw_table_cell(t, cw_cli_str(o, "kit"));
                cw_table_cell(t, cw_cli_str(o, "command"));
                cw_table_cell(t, cw_cli_str(o, "kiosk"));
                cw_table_cell(t, cw_cli_str(o, "state"));
                cw_table_cell(t, cw_cli_str(o, "sw"));
                cw_table_cell(t, cw_cli_str(o, "maker"));
                cw_table_cell(t, cw_cli_str(o, "text"));
        }
        cw_table_print(t);
}

int cw_cmd_kiosk_scripts(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/kiosk-scripts", NULL, &a);
        return cw_cli_show(cli, exit_code, a, show_scripts, always_ok);
}
