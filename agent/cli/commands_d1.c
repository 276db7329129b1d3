/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/commands_d1.h"

#include <string.h>

#define PATH_CAP 160

static int divert(struct cw_cli *cli, const char *job, json_t **ret) {
        char path[PATH_CAP];
        if (!cw_cli_plain_word(job))
                return CW_EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/jobs/%s/divert", job);
        return cw_cli_ask(cli, path, json_object(), ret);
}

static void print_diverted(const json_t *job) {
        (void)printf("kit %s: %s, %s\n", cw_cli_str(job, "kit"), cw_cli_str(job, "state"),
                     cw_cli_str(job, "advice"));
}

int cw_cmd_job_divert(struct cw_cli *cli, int count, char **args) {
        CW_AUTO_JSON json_t *a = NULL;
        (void)count;
        int exit_code = divert(cli, args[0], &a);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (cli->json)
                return cw_cli_print_json(a);
        print_diverted(a);
        return CW_EXIT_OK;
}

int cw_cmd_job_central(struct cw_cli *cli, int count, char **args) {
        CW_AUTO_JSON json_t *a = NULL;
        char path[PATH_CAP];
        bool not_ordered = strcmp(args[1], "not-ordered") == 0;
        if (!cw_cli_plain_word(args[0]))
                return CW_EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/jobs/%s/central", args[0]);
        json_t *body = json_pack("{s:s}", "decision", not_ordered ? "not_ordered" : args[1]);
        if (count > 2)
                (void)json_object_set_new(body, "number", json_string(args[2]));
        int exit_code = cw_cli_ask(cli, path, body, &a);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (cli->json)
                return cw_cli_print_json(a);
        print_diverted(a);
        return CW_EXIT_OK;
}

/* All are asked for; the first failure is the exit status. */
int cw_cmd_d1_order(struct cw_cli *cli, int count, char **args) {
        CW_AUTO_JSON json_t *jobs = json_array();
        int exit_code = CW_EXIT_OK;
        for (int i = 0; i < count; i++) {
                json_t *a = NULL;
                int code = divert(cli, args[i], &a);
                exit_code = exit_code == CW_EXIT_OK ? code : exit_code;
                if (code != CW_EXIT_OK)
                        continue;
                if (!cli->json)
                        print_diverted(a);
                (void)json_array_append_new(jobs, a);
        }
        CW_AUTO_JSON json_t *answer = json_pack("{s:O}", "jobs", jobs);
        if (cli->json && cw_cli_print_json(answer) != CW_EXIT_OK)
                return CW_EXIT_FAILED;
        return exit_code;
}

static void print_operations(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"OPERATION", "STATUS", "DETAIL", "REASON",
                                            "STARTED",   "NUMBER", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *o = NULL;
        json_array_foreach(json_object_get(a, "operations"), i, o) {
                cw_table_cell(t, cw_cli_str(o, "operation"));
                cw_table_cell(t, cw_cli_str(o, "status"));
                cw_table_mark(t, strcmp(cw_cli_str(o, "status"), "FAILED") == 0 ? "fail" : "");
                cw_table_cell(t, cw_cli_str(o, "detail"));
                cw_table_cell(t, cw_cli_str(o, "reason"));
                cw_table_cell(t, cw_cli_str(o, "start"));
                cw_table_cell(t, cw_cli_str(o, "id"));
        }
        cw_table_print(t);
}

int cw_cmd_d1_status(struct cw_cli *cli, int count, char **args) {
        char path[PATH_CAP] = "/v1/d1";
        CW_AUTO_JSON json_t *a = NULL;
        if (count == 1 && !cw_cli_plain_word(args[0]))
                return CW_EXIT_USAGE;
        if (count == 1)
                (void)snprintf(path, sizeof path, "/v1/d1/cards/%s", args[0]);
        int exit_code = cw_cli_ask_long(cli, "asking D1", path, NULL, &a);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (cli->json)
                return cw_cli_print_json(a);
        if (count == 1)
                print_operations(cli, a);
        else
                (void)printf("D1: %s%s%s\n", cw_cli_str(a, "state"), *cw_cli_str(a, "text") ? ": " : "",
                             cw_cli_str(a, "text"));
        return CW_EXIT_OK;
}
