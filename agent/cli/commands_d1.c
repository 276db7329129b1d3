/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/commands_d1.h"

#include "base/file.h"

#include <string.h>
#include <unistd.h>

#define PATH_CAP 160
#define JWE_FILE_MAX 16384
#define PIECE_BYTES 40000 /* a row more than that still fits into a body of the control socket */
#define ROWS_MAX 1000

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
static int divert_all(struct cw_cli *cli, int count, char **args) {
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

/* ---- cards whose data are sealed to us ---- */

bool cw_d1_option(struct cw_cli *cli, const char *name, const char *value) {
        const char **at = strcmp(name, "--file") == 0       ? &cli->file
                          : strcmp(name, "--from-jwe") == 0 ? &cli->from_jwe
                                                            : NULL;
        if (at)
                *at = value;
        return at != NULL;
}

/* The text of a file with one JWE; NULL when it was told why not. The caller frees it. */
static char *read_jwe(const char *path) {
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        struct cw_fault f = {0};
        if (cw_file_read(path, JWE_FILE_MAX, &text, &len, &f) != CW_OK) {
                (void)fprintf(stderr, "cardwright: %s\n", f.text);
                return NULL;
        }
        while (len > 0 && strchr(" \t\r\n", text[len - 1]))
                text[--len] = '\0';
        return CW_STEAL(text);
}

int cw_cmd_d1_open(struct cw_cli *cli, int count, char **args) {
        CW_AUTO_JSON json_t *a = NULL;
        CW_AUTO_MEM char *jwe = read_jwe(args[0]);
        (void)count;
        if (!jwe)
                return CW_EXIT_FAILED;
        int exit_code = cw_cli_ask(cli, "/v1/d1/open", json_pack("{s:s}", "jwe", jwe), &a);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (cli->json)
                return cw_cli_print_json(a);
        (void)printf("card %s, expiry %s (YYMM), name %s, tracks %s, EMV data %s\n",
                     cw_cli_str(a, "masked_pan"), cw_cli_str(a, "expiry"), cw_cli_str(a, "name"),
                     cw_cli_bool(a, "tracks") ? "yes" : "no", cw_cli_bool(a, "emv_data") ? "yes" : "no");
        return CW_EXIT_OK;
}

static void show_made(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"CARD", "NUMBER", "", "OPERATION", "", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *c = NULL;
        json_array_foreach(json_object_get(a, "cards"), i, c) {
                bool ordered = strcmp(cw_cli_str(c, "outcome"), "ordered") == 0;
                cw_table_cell(t, cw_cli_str(c, "card"));
                cw_table_cell(t, cw_cli_str(c, "masked_pan"));
                cw_table_cell(t, cw_cli_str(c, "outcome"));
                cw_table_mark(t, ordered ? "ok" : "fail");
                cw_table_cell(t, cw_cli_str(c, "operation"));
                cw_table_cell(t, cw_cli_str(c, "text"));
        }
        cw_table_print(t);
}

static int made_verdict(const json_t *a) {
        if (cw_cli_int(a, "unclear") > 0)
                return CW_EXIT_NEEDS_PERSON;
        return cw_cli_int(a, "refused") + cw_cli_int(a, "not_sent") > 0 ? CW_EXIT_FAILED : CW_EXIT_OK;
}

/* In pieces the control socket takes; the last one is answered when D1 has answered. */
static int order_cards(struct cw_cli *cli, const json_t *cards) {
        size_t all = json_array_size(cards), at = 0;
        char name[32];
        (void)snprintf(name, sizeof name, "cli-%d", (int)getpid());
        for (;;) {
                CW_AUTO_JSON json_t *a = NULL;
                json_t *piece = json_array();
                size_t offset = at;
                for (size_t bytes = 0; at < all && bytes < PIECE_BYTES; at++) {
                        json_t *row = json_array_get(cards, at);
                        bytes += json_dumpb(row, NULL, 0, JSON_COMPACT);
                        (void)json_array_append(piece, row);
                }
                json_t *body = json_pack("{s:s, s:I, s:b, s:o}", "batch", name, "offset", (json_int_t)offset,
                                         "more", at < all, "cards", piece);
                int exit_code = cw_cli_ask_long(cli, "ordering", "/v1/d1/orders", body, &a);
                if (exit_code != CW_EXIT_OK)
                        return exit_code;
                if (at == all)
                        return cw_cli_show(cli, exit_code, a, show_made, made_verdict);
        }
}

/* NULL when the rows are as they must be: all of kits, or all of sealed cards. */
static const char *check_rows(const json_t *rows, bool *ret_kits) {
        static const char *const known[] = {"card", "plastic_code", "jwe", "consumer", "issuance", "request"};
        size_t i = 0, kits = 0;
        const json_t *row = NULL, *v = NULL;
        const char *name = NULL;
        json_array_foreach(rows, i, row) {
                kits += json_object_get(row, "kit") != NULL;
                json_object_foreach((json_t *)(uintptr_t)row, name, v) {
                        bool ok = strcmp(name, "kit") == 0 && json_object_size(row) == 1;
                        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
                                ok = ok || strcmp(name, known[k]) == 0;
                        if (!ok || !json_is_string(v))
                                return "a row is {\"kit\"} or {\"card\", \"plastic_code\", \"jwe\", "
                                       "\"consumer\", \"issuance\", \"request\"}, all of them texts";
                }
                if (!json_is_object(row) || json_object_size(row) == 0)
                        return "a row is no object, or empty";
        }
        *ret_kits = kits > 0;
        if (i < 1 || i > ROWS_MAX)
                return "a file has 1 to 1000 rows";
        return kits == 0 || kits == i ? NULL
                                      : "rows of kits and rows of sealed cards need files of their own";
}

static int order_file(struct cw_cli *cli) {
        json_error_t e;
        bool kits = false;
        CW_AUTO_JSON json_t *root = json_load_file(cli->file, JSON_REJECT_DUPLICATES, &e);
        const json_t *rows = json_is_object(root) ? json_object_get(root, "cards") : root;
        const char *why = !root                  ? e.text
                          : !json_is_array(rows) ? "it has no list \"cards\""
                                                 : check_rows(rows, &kits);
        if (why) {
                (void)fprintf(stderr, "cardwright: %s: %s; nothing was ordered\n", cli->file, why);
                return CW_EXIT_USAGE;
        }
        if (!kits)
                return order_cards(cli, rows);
        char *list[ROWS_MAX] = {NULL};
        for (size_t i = 0; i < json_array_size(rows); i++)
                list[i] = (char *)(uintptr_t)cw_cli_str(json_array_get(rows, i), "kit");
        return divert_all(cli, (int)json_array_size(rows), list);
}

int cw_cmd_d1_order(struct cw_cli *cli, int count, char **args) {
        if (cli->file && count == 0 && !cli->from_jwe)
                return order_file(cli);
        if (cli->from_jwe && count == 2 && !cli->file) {
                CW_AUTO_MEM char *jwe = read_jwe(cli->from_jwe);
                CW_AUTO_JSON json_t *rows =
                    jwe ? json_pack("[{s:s, s:s, s:s}]", "card", args[0], "plastic_code", args[1], "jwe", jwe)
                        : NULL;
                return rows ? order_cards(cli, rows) : CW_EXIT_FAILED;
        }
        if (!cli->file && !cli->from_jwe && count > 0)
                return divert_all(cli, count, args);
        (void)fprintf(
            stderr, "usage: cardwright d1 order KIT... | --file FILE | --from-jwe FILE CARD PLASTIC_CODE\n");
        return CW_EXIT_USAGE;
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
