/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/commands_dcms.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define PATH_CAP 256
#define FILE_MAX_BYTES 1000000u
#define PIECE 24000u

/* ---- small helpers ---- */

static bool plain(const char *word) {
        size_t len = strlen(word);
        bool ok = len > 0 && len < 64 &&
                  strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == len;
        if (!ok)
                (void)fprintf(stderr, "cardwright: '%s' is not an order, kit or branch number\n", word);
        return ok;
}

static int show(struct cw_cli *cli, int exit_code, const json_t *answer,
                void (*print)(struct cw_cli *, const json_t *)) {
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (cli->json)
                return cw_cli_print_json(answer);
        print(cli, answer);
        return CW_EXIT_OK;
}

/* What the server answered, flat enough to read; how it became certain, when not by the answer itself. */
static void print_result(struct cw_cli *cli, const json_t *a) {
        const json_t *result = json_object_get(a, "result");
        const char *text = json_string_value(result);
        (void)cli;
        (void)printf("%s %s: ", cw_cli_str(a, "what"), cw_cli_str(a, "subject"));
        if (text)
                (void)printf("%s\n", text);
        else if (json_is_true(result))
                (void)printf("done\n");
        else if (json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) == 0)
                (void)printf("\n");
        if (cw_cli_bool(a, "confirmed"))
                (void)printf("the answer was lost; reading back shows that it was done\n");
}

/* ---- the catalogue ---- */

static void print_endpoints(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"NAME",    "METHOD", "PATH", "LOST ANSWER",
                                            "BY HAND", "ERRORS", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0, k = 0;
        const json_t *row = NULL, *code = NULL;
        json_array_foreach(json_object_get(a, "endpoints"), i, row) {
                char errors[200] = "";
                json_array_foreach(json_object_get(row, "errors"), k, code) {
                        size_t used = strlen(errors);
                        (void)snprintf(errors + used, sizeof errors - used, "%s%s", k ? " " : "",
                                       json_string_value(code));
                }
                cw_table_cell(t, cw_cli_str(row, "name"));
                cw_table_cell(t, cw_cli_str(row, "method"));
                cw_table_cell(t, cw_cli_str(row, "path"));
                cw_table_cell(t, cw_cli_str(row, "lost_answer"));
                cw_table_cell(t, cw_cli_bool(row, "by_hand") ? "yes" : "no");
                cw_table_cell(t, errors);
        }
        cw_table_print(t);
}

int cw_cmd_dcms_endpoints(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/dcms/endpoints", NULL, &a);
        return show(cli, exit_code, a, print_endpoints);
}

/* "member=text" or "member:=JSON" into fields; false when it is neither, or the member was there. */
static bool take_field(json_t *fields, const char *word) {
        const char *equal = strchr(word, '=');
        char name[64];
        bool raw = equal > word && equal && equal[-1] == ':';
        size_t len = equal ? (size_t)(equal - word) - (raw ? 1 : 0) : 0;
        if (len == 0 || len >= sizeof name) {
                (void)fprintf(stderr, "cardwright: '%s' is not member=value\n", word);
                return false;
        }
        memcpy(name, word, len);
        name[len] = '\0';
        json_t *value = raw ? json_loads(equal + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
                            : json_string(equal + 1);
        if (!value || json_object_get(fields, name)) {
                (void)fprintf(stderr, "cardwright: %s %s\n", name,
                              value ? "is given twice"
                              : raw ? "is not followed by JSON"
                                    : "is not UTF-8 text");
                json_decref(value);
                return false;
        }
        return json_object_set_new(fields, name, value) == 0;
}

int cw_cmd_dcms_call(struct cw_cli *cli, int count, char **args) {
        CW_AUTO_JSON json_t *fields = json_object();
        CW_AUTO_JSON json_t *a = NULL;
        for (int i = 1; i < count; i++)
                if (!take_field(fields, args[i]))
                        return CW_EXIT_USAGE;
        json_t *body = json_pack("{s:s, s:O}", "name", args[0], "fields", fields);
        int exit_code = cw_cli_ask_long(cli, "asking the server", "/v1/dcms/call", body, &a);
        return show(cli, exit_code, a, print_result);
}

/* ---- card orders ---- */

/* PRODUCT:COUNT */
static bool take_product(json_t *products, const char *word) {
        const char *colon = strrchr(word, ':');
        char *rest = NULL;
        long count = colon ? strtol(colon + 1, &rest, 10) : 0;
        if (!colon || colon == word || *rest || count < 1 || count > 1000000) {
                (void)fprintf(stderr, "cardwright: '%s' is not PRODUCT:COUNT\n", word);
                return false;
        }
        return json_array_append_new(products,
                                     json_pack("{s:s%, s:I}", "product", word, (size_t)(colon - word),
                                               "count", (json_int_t)count)) == 0;
}

static bool take_order_word(json_t *body, const char *word) {
        static const char *const members[] = {"address=", "pinCode=", "processStartTime=", "validity="};
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
                size_t len = strlen(members[i]);
                if (strncmp(word, members[i], len) != 0)
                        continue;
                char name[24];
                (void)snprintf(name, sizeof name, "%.*s", (int)len - 1, word);
                bool number = strcmp(name, "validity") == 0;
                return json_object_set_new(body, name,
                                           number ? json_integer(strtol(word + len, NULL, 10))
                                                  : json_string(word + len)) == 0;
        }
        return take_product(json_object_get(body, "products"), word);
}

static int place_order(struct cw_cli *cli, const char *order, const char *file, int count, char **args) {
        CW_AUTO_JSON json_t *a = NULL;
        json_t *body = json_pack("{s:s, s:[]}", "order", order, "products");
        if (file)
                (void)json_object_set_new(body, "file", json_string(file));
        for (int i = 0; i < count; i++) {
                if (take_order_word(body, args[i]))
                        continue;
                json_decref(body);
                return CW_EXIT_USAGE;
        }
        int exit_code = cw_cli_ask_long(cli, "placing the order", "/v1/orders", body, &a);
        return show(cli, exit_code, a, print_result);
}

int cw_cmd_order_create(struct cw_cli *cli, int count, char **args) {
        return plain(args[0]) ? place_order(cli, args[0], NULL, count - 1, args + 1) : CW_EXIT_USAGE;
}

/* The whole file, NUL-terminated; NULL when it was told. The caller wipes it: it may hold card data. */
static char *read_file(const char *path, size_t *ret_len) {
        CW_AUTO_FILE FILE *file = fopen(path, "re");
        char *text = file ? calloc(1, FILE_MAX_BYTES + 2) : NULL;
        size_t len = text ? fread(text, 1, FILE_MAX_BYTES + 1, file) : 0;
        const char *why = !file                  ? strerror(errno)
                          : !text                ? "out of memory"
                          : ferror(file)         ? "cannot be read"
                          : len == 0             ? "is empty"
                          : len > FILE_MAX_BYTES ? "is larger than 1000000 bytes"
                          : strlen(text) != len  ? "is not a text file"
                                                 : NULL;
        if (!why) {
                *ret_len = len;
                return text;
        }
        (void)fprintf(stderr, "cardwright: %s: %s\n", path, why);
        if (text)
                explicit_bzero(text, FILE_MAX_BYTES + 2);
        free(text);
        return NULL;
}

static int send_file(struct cw_cli *cli, const char *name, const char *text, size_t len) {
        for (size_t at = 0; at < len; at += PIECE) {
                CW_AUTO_JSON json_t *a = NULL;
                size_t n = len - at < PIECE ? len - at : PIECE;
                json_t *body = json_pack("{s:s, s:I, s:I, s:s%}", "name", name, "size", (json_int_t)len,
                                         "offset", (json_int_t)at, "text", text + at, n);
                if (!body) {
                        (void)fprintf(stderr, "cardwright: %s is not a text file\n", name);
                        return CW_EXIT_FAILED;
                }
                int exit_code = cw_cli_ask(cli, "/v1/order-file", body, &a);
                if (exit_code != CW_EXIT_OK)
                        return exit_code;
        }
        return CW_EXIT_OK;
}

int cw_cmd_order_create_with_file(struct cw_cli *cli, int count, char **args) {
        const char *slash = strrchr(args[1], '/');
        const char *name = slash ? slash + 1 : args[1];
        size_t len = 0;
        if (!plain(args[0]))
                return CW_EXIT_USAGE;
        char *text = read_file(args[1], &len);
        if (!text)
                return CW_EXIT_FAILED;
        int exit_code = send_file(cli, name, text, len);
        explicit_bzero(text, len);
        free(text);
        return exit_code == CW_EXIT_OK ? place_order(cli, args[0], name, count - 2, args + 2) : exit_code;
}

static int order_call(struct cw_cli *cli, const char *order, const char *verb) {
        char path[PATH_CAP];
        CW_AUTO_JSON json_t *a = NULL;
        if (order && !plain(order))
                return CW_EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/orders%s%s%s%s", order ? "/" : "", order ? order : "",
                       *verb ? "/" : "", verb);
        int exit_code = cw_cli_ask_long(cli, "asking the server", path, *verb ? json_object() : NULL, &a);
        return show(cli, exit_code, a, print_result);
}

int cw_cmd_order_status(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return order_call(cli, args[0], "");
}

int cw_cmd_order_cancel(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return order_call(cli, args[0], "cancel");
}

int cw_cmd_order_process(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return order_call(cli, args[0], "process");
}

int cw_cmd_order_sync(struct cw_cli *cli, int count, char **args) {
        return order_call(cli, count ? args[0] : NULL, "sync");
}

int cw_cmd_order_retry(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        return order_call(cli, NULL, "retry");
}

/* ---- kits that leave the branch ---- */

static void print_request(struct cw_cli *cli, const json_t *a) {
        char when[32] = "";
        time_t t = (time_t)(cw_cli_int(a, "expires_ms") / 1000);
        struct tm tm;
        (void)cli;
        if (localtime_r(&t, &tm))
                (void)strftime(when, sizeof when, "%H:%M", &tm);
        (void)printf("request %s is filed; another operator must say 'cardwright kit approve %s' before %s\n",
                     cw_cli_str(a, "id"), cw_cli_str(a, "id"), when);
}

static int file_request(struct cw_cli *cli, const char *kind, const char *to, int count, char **kits) {
        CW_AUTO_JSON json_t *a = NULL;
        json_t *list = json_array();
        for (int i = 0; i < count; i++)
                (void)json_array_append_new(list, json_string(kits[i]));
        json_t *body = json_pack("{s:s, s:s, s:o}", "kind", kind, "to_branch", to, "kits", list);
        int exit_code = cw_cli_ask(cli, "/v1/kit-requests", body, &a);
        return show(cli, exit_code, a, print_request);
}

static void print_received(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("%lld kits received; cardwright doctor shows those the bank refuses\n",
                     (long long)cw_cli_int(a, "received"));
}

int cw_cmd_kit_receive(struct cw_cli *cli, int count, char **args) {
        CW_AUTO_JSON json_t *a = NULL;
        json_t *list = json_array();
        for (int i = 0; i < count; i++)
                (void)json_array_append_new(list, json_string(args[i]));
        int exit_code = cw_cli_ask(cli, "/v1/kits/received", json_pack("{s:o}", "kits", list), &a);
        return show(cli, exit_code, a, print_received);
}

int cw_cmd_kit_transfer(struct cw_cli *cli, int count, char **args) {
        return file_request(cli, "transfer", args[0], count - 1, args + 1);
}

int cw_cmd_kit_expire(struct cw_cli *cli, int count, char **args) {
        return file_request(cli, "expire", "", count, args);
}

int cw_cmd_kit_expire_pack(struct cw_cli *cli, int count, char **args) {
        return file_request(cli, "expire-pack", "", count, args);
}

static void print_requests(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"REQUEST", "KIND", "BY", "TO", "KITS", "FIRST KIT", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *r = NULL;
        json_array_foreach(json_object_get(a, "requests"), i, r) {
                const json_t *kits = json_object_get(r, "kits");
                const char *first = json_string_value(json_array_get(kits, 0));
                cw_table_cell(t, cw_cli_str(r, "id"));
                cw_table_cell(t, cw_cli_str(r, "kind"));
                cw_table_cell(t, cw_cli_str(r, "maker"));
                cw_table_cell(t, cw_cli_str(r, "to_branch"));
                cw_table_number(t, (long long)json_array_size(kits));
                cw_table_cell(t, first ? first : "");
        }
        cw_table_print(t);
}

int cw_cmd_kit_requests(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = cw_cli_ask(cli, "/v1/kit-requests", NULL, &a);
        return show(cli, exit_code, a, print_requests);
}

static int request_call(struct cw_cli *cli, const char *id, const char *verb, json_t **ret) {
        char path[PATH_CAP];
        if (!plain(id))
                return CW_EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/kit-requests/%s/%s", id, verb);
        return cw_cli_ask_long(cli, "asking the server", path, json_object(), ret);
}

int cw_cmd_kit_approve(struct cw_cli *cli, int count, char **args) {
        (void)count;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = request_call(cli, args[0], "approve", &a);
        return show(cli, exit_code, a, print_result);
}

static void print_dropped(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("request %s is taken back\n", cw_cli_str(a, "id"));
}

int cw_cmd_kit_drop(struct cw_cli *cli, int count, char **args) {
        (void)count;
        CW_AUTO_JSON json_t *a = NULL;
        int exit_code = request_call(cli, args[0], "drop", &a);
        return show(cli, exit_code, a, print_dropped);
}
