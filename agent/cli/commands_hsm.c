/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/commands_hsm.h"

#include "agent/cli/admin_client.h"
#include "agent/cli/secret_prompt.h"
#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define BLOCK_FILE_MAX 4096u

/* ---- options and requests ---- */

bool cw_hsm_option(struct cw_cli *cli, const char *name, const char *value) {
        static const struct {
                const char *name;
                size_t offset;
        } options[] = {
#define OPTION(name, member) {name, offsetof(struct cw_cli, hsm.member)}
            OPTION("--kbpk", kbpk),
            OPTION("--as", as),
            OPTION("--kcv", kcv),
            OPTION("--components", components),
            OPTION("--valid-from", valid_from),
            OPTION("--valid-to", valid_to),
            OPTION("--block", block),
            OPTION("--version", version),
            OPTION("--bits", bits),
            OPTION("--exponent", exponent),
#undef OPTION
        };
        for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
                if (strcmp(options[i].name, name) != 0)
                        continue;
                *(const char **)((char *)cli + options[i].offset) = value;
                return true;
        }
        return false;
}

/* NULL m stays NULL; a NULL value leaves the member out. */
static struct cw_msg *with_text(struct cw_msg *m, const char *key, const char *value) {
        if (m == NULL || value == NULL || json_object_set_new(m->json, key, json_string(value)) == 0)
                return m;
        cw_msg_free(m);
        return NULL;
}

/* -1 for what is no number. */
static int64_t number(const char *text) {
        char *end = NULL;
        errno = 0;
        long long n = text ? strtoll(text, &end, 10) : -1;
        return errno != 0 || end == text || (end && *end != '\0') || n < 0 ? -1 : n;
}

static struct cw_msg *with_number(struct cw_msg *m, const char *key, const char *value) {
        if (m == NULL || value == NULL)
                return m;
        int64_t n = number(value);
        if (n < 0)
                (void)fprintf(stderr, "cardwright: \"%s\" is not a number\n", value);
        else if (json_object_set_new(m->json, key, json_integer(n)) == 0)
                return m;
        cw_msg_free(m);
        return NULL;
}

static struct cw_msg *with_key_options(struct cw_cli *cli, struct cw_msg *m) {
        m = with_text(m, "kcv", cli->hsm.kcv);
        m = with_text(m, "valid_from", cli->hsm.valid_from);
        return with_text(m, "valid_to", cli->hsm.valid_to);
}

/* The answer of a call in words or, with --json, as it came. */
static int ask(struct cw_cli *cli, struct cw_msg *take, void (*show)(struct cw_cli *cli, const json_t *a)) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        if (take == NULL)
                return CW_EXIT_USAGE;
        int exit_code = cw_admin_ask(cli, take, &reply);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (cli->json)
                return cw_cli_print_json(reply->json);
        show(cli, reply->json);
        return CW_EXIT_OK;
}

/* A reply whose JSON is att0, since it may be long. */
static int ask_long(struct cw_cli *cli, const char *call, json_t **ret) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        int exit_code = cw_admin_ask(cli, cw_msg_request(call), &reply);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        *ret = reply->att_count > 0
                   ? json_loadb((const char *)reply->att[0]->ptr, reply->att[0]->len, 0, NULL)
                   : NULL;
        return *ret ? CW_EXIT_OK : CW_EXIT_FAILED;
}

/* ---- what there is ---- */

static void key_row(struct cw_table *t, const json_t *k) {
        char valid[32] = "";
        const json_t *kcv = json_object_get(k, "kcv");
        bool ok = cw_cli_bool(k, "ok"), gone = strcmp(cw_cli_str(k, "state"), "destroyed") == 0;
        const char *from = cw_cli_str(k, "valid_from"), *to = cw_cli_str(k, "valid_to");
        if (*from || *to)
                (void)snprintf(valid, sizeof valid, "%s..%s", from, to);
        cw_table_cell(t, cw_cli_str(k, "label"));
        cw_table_number(t, cw_cli_int(k, "version"));
        cw_table_cell(t, cw_cli_str(k, "state"));
        cw_table_cell(t, cw_cli_str(k, "purpose"));
        cw_table_cell(t, cw_cli_str(k, "algorithm"));
        cw_table_cell(t, gone ? cw_cli_str(k, "expected") : cw_cli_str(kcv, "legacy"));
        cw_table_cell(t, cw_cli_str(kcv, "cmac"));
        cw_table_cell(t, cw_cli_str(k, "origin"));
        cw_table_cell(t, valid);
        cw_table_cell(t, gone ? "" : ok ? "ok" : "FAIL");
        cw_table_mark(t, gone ? "" : ok ? "ok" : "fail");
        cw_table_cell(t, cw_cli_str(k, "text"));
}

/* A key in use that cannot be used needs a person. */
static int keys_verdict(const json_t *keys) {
        size_t i = 0;
        const json_t *k = NULL;
        json_array_foreach(keys, i, k) {
                if (strcmp(cw_cli_str(k, "state"), "in use") == 0 && !cw_cli_bool(k, "ok"))
                        return CW_EXIT_NEEDS_PERSON;
        }
        return CW_EXIT_OK;
}

int cw_cmd_hsm_keys(struct cw_cli *cli, int count, char **args) {
        static const char *const heads[] = {"LABEL",    "VERSION", "STATE", "PURPOSE", "ALGORITHM", "KCV",
                                            "CMAC KCV", "ORIGIN",  "VALID", "",        "",          NULL};
        CW_AUTO_JSON json_t *keys = NULL;
        size_t i = 0;
        const json_t *k = NULL;
        (void)count;
        (void)args;
        int exit_code = ask_long(cli, "keys", &keys);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (cli->json) {
                exit_code = cw_cli_print_json(keys);
                return exit_code != CW_EXIT_OK ? exit_code : keys_verdict(keys);
        }
        struct cw_table *t = cw_table_new(&cli->style, heads);
        json_array_foreach(keys, i, k) key_row(t, k);
        cw_table_print(t);
        return keys_verdict(keys);
}

static void show_capabilities(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"OPERATION", "PATH", "LEAVES THE TOKEN", "WHY", NULL};
        static const char *const attribute_heads[] = {"ATTRIBUTE", "KEPT", "", NULL};
        const json_t *token = json_object_get(a, "token"), *o = NULL;
        size_t i = 0;
        (void)printf("token %s (%s, %s)\n%s\n\n", cw_cli_str(token, "label"),
                     cw_cli_str(token, "manufacturer"), cw_cli_str(token, "model"), cw_cli_str(a, "text"));
        struct cw_table *t = cw_table_new(&cli->style, heads);
        json_array_foreach(json_object_get(a, "operations"), i, o) {
                const char *path = cw_cli_str(o, "path"), *way = cw_cli_str(o, "way");
                char how[64];
                (void)snprintf(how, sizeof how, "%s%s%s", path, *way ? ", " : "", way);
                cw_table_cell(t, cw_cli_str(o, "operation"));
                cw_table_cell(t, how);
                cw_table_mark(t, strcmp(path, "in-token") == 0  ? "ok"
                                 : strcmp(path, "refused") == 0 ? "fail"
                                                                : "warn");
                cw_table_cell(t, *cw_cli_str(o, "leaves") ? cw_cli_str(o, "leaves") : "nothing");
                cw_table_cell(t, cw_cli_str(o, "text"));
        }
        cw_table_print(t);
        (void)printf("\n");
        t = cw_table_new(&cli->style, attribute_heads);
        json_array_foreach(json_object_get(a, "enforcement"), i, o) {
                bool kept = cw_cli_bool(o, "kept");
                cw_table_cell(t, cw_cli_str(o, "attribute"));
                cw_table_cell(t, kept ? "yes" : "NO");
                cw_table_mark(t, kept ? "ok" : "warn");
                cw_table_cell(t, cw_cli_str(o, "text"));
        }
        cw_table_print(t);
}

int cw_cmd_hsm_capabilities(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        return ask(cli, cw_msg_request("capabilities"), show_capabilities);
}

static void test_rows(struct cw_cli *cli, const json_t *list, const char *name, const char *about) {
        const char *const heads[] = {"TEST", "", "NEEDED FOR", "", NULL};
        size_t i = 0;
        const json_t *row = NULL;
        struct cw_table *t = cw_table_new(&cli->style, heads);
        json_array_foreach(list, i, row) {
                bool ok = cw_cli_bool(row, "ok");
                cw_table_cell(t, cw_cli_str(row, name));
                cw_table_cell(t, ok ? "ok" : "FAIL");
                cw_table_mark(t, ok ? "ok" : "fail");
                cw_table_cell(t, cw_cli_str(row, about));
                cw_table_cell(t, cw_cli_str(row, "text"));
        }
        cw_table_print(t);
}

int cw_cmd_hsm_selftest(struct cw_cli *cli, int count, char **args) {
        CW_AUTO_JSON json_t *a = NULL;
        (void)count;
        (void)args;
        int exit_code = ask_long(cli, "selftest", &a);
        if (exit_code == CW_EXIT_OK && cli->json)
                exit_code = cw_cli_print_json(a);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (!cli->json) {
                test_rows(cli, json_object_get(a, "tests"), "test", "needed_for");
                test_rows(cli, json_object_get(a, "keys"), "label", "purpose");
        }
        return cw_cli_bool(a, "ok") ? CW_EXIT_OK : CW_EXIT_NEEDS_PERSON;
}

/* ---- loading ---- */

static void show_loaded(struct cw_cli *cli, const json_t *a) {
        bool in_use = cw_cli_bool(a, "in_use");
        (void)cli;
        const bool valid = !json_is_false(json_object_get(a, "valid"));
        (void)printf("key %s version %" PRId64 " is loaded, check value %s%s%s\n", cw_cli_str(a, "label"),
                     cw_cli_int(a, "version"), cw_cli_str(a, "key_kcv"),
                     in_use ? "; it is in use" : "; it waits for \"cardwright hsm rotate\"",
                     valid ? "" : ", but is not valid today: see \"cardwright hsm keys\"");
}

int cw_cmd_hsm_import(struct cw_cli *cli, int count, char **args) {
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        struct cw_fault f = {0};
        (void)count;
        if (!cli->hsm.kbpk || !cli->hsm.as) {
                (void)fprintf(stderr, "cardwright: hsm import needs --kbpk LABEL and --as LABEL\n");
                return CW_EXIT_USAGE;
        }
        if (cw_file_read(args[0], BLOCK_FILE_MAX, &text, &len, &f) != CW_OK) {
                (void)fprintf(stderr, "cardwright: %s\n", f.text);
                return CW_EXIT_FAILED;
        }
        struct cw_msg *m = with_text(cw_msg_request("key.import"), "label", cli->hsm.as);
        m = with_key_options(cli, with_text(m, "kbpk", cli->hsm.kbpk));
        if (m != NULL && cw_msg_attach_copy(m, text, len) != CW_OK) {
                cw_msg_free(m);
                m = NULL;
        }
        return ask(cli, m, show_loaded);
}

/* The public half goes to the scheme's CA, or to the server that takes the signatures. */
static void show_generated(struct cw_cli *cli, const json_t *a) {
        show_loaded(cli, a);
        if (*cw_cli_str(a, "public_key")) {
                (void)fputs(cw_cli_str(a, "public_key"), stdout);
                return;
        }
        (void)printf("modulus  %s\nexponent %s\n", cw_cli_str(a, "modulus"), cw_cli_str(a, "exponent"));
}

int cw_cmd_hsm_generate(struct cw_cli *cli, int count, char **args) {
        (void)count;
        struct cw_msg *m = with_text(cw_msg_request("key.generate"), "label", args[0]);
        m = with_number(with_number(m, "bits", cli->hsm.bits), "exponent", cli->hsm.exponent);
        m = with_text(with_text(m, "valid_from", cli->hsm.valid_from), "valid_to", cli->hsm.valid_to);
        return ask(cli, m, show_generated);
}

int cw_cmd_hsm_adopt(struct cw_cli *cli, int count, char **args) {
        (void)count;
        struct cw_msg *m = with_text(cw_msg_request("key.adopt"), "label", args[0]);
        return ask(cli, with_key_options(cli, m), show_loaded);
}

static void show_started(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("%" PRId64 " custodians now enter a component of key %s each: cardwright hsm component "
                     "enter\n",
                     cw_cli_int(a, "components"), cw_cli_str(a, "label"));
}

int cw_cmd_hsm_component_start(struct cw_cli *cli, int count, char **args) {
        (void)count;
        struct cw_msg *m = with_text(cw_msg_request("component.start"), "label", args[0]);
        m = with_number(m, "components", cli->hsm.components ? cli->hsm.components : "2");
        return ask(cli, with_key_options(cli, m), show_started);
}

static void show_entered(struct cw_cli *cli, const json_t *a) {
        (void)printf("component %" PRId64 " of key %s is taken, check value %s\n", cw_cli_int(a, "component"),
                     cw_cli_str(a, "label"), cw_cli_str(a, "component_kcv"));
        if (cw_cli_bool(a, "complete"))
                show_loaded(cli, a);
}

/* The component never is an argument, a variable of the environment, or a file. */
int cw_cmd_hsm_component_enter(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        cw_process_harden();
        struct cw_secret *component = cw_secret_prompt("component (hex, it is not shown): ");
        if (component == NULL)
                return CW_EXIT_FAILED;
        struct cw_msg *m = with_text(cw_msg_request("component.enter"), "kcv", cli->hsm.kcv);
        if (m == NULL || cw_msg_attach(m, component) != CW_OK) {
                cw_secret_free(component);
                cw_msg_free(m);
                return CW_EXIT_FAILED;
        }
        return ask(cli, m, show_entered);
}

static void show_entry(struct cw_cli *cli, const json_t *a) {
        const json_t *entry = json_object_get(a, "entry"), *e = NULL;
        size_t i = 0;
        (void)cli;
        if (!json_is_object(entry)) {
                (void)printf("no component entry is under way\n");
                return;
        }
        (void)printf("key %s, %" PRId64 " components, check value must be %s; %" PRId64 " seconds left\n",
                     cw_cli_str(entry, "label"), cw_cli_int(entry, "components"), cw_cli_str(entry, "kcv"),
                     cw_cli_int(a, "seconds_left"));
        json_array_foreach(json_object_get(entry, "entered"), i, e)(void)
            printf("component %" PRId64 ": %s, check value %s\n", cw_cli_int(e, "component"),
                   cw_cli_str(e, "custodian"), cw_cli_str(e, "kcv"));
}

int cw_cmd_hsm_component_status(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        return ask(cli, cw_msg_request("component.status"), show_entry);
}

static void show_cancelled(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("the entry of key %s is forgotten\n", cw_cli_str(a, "label"));
}

int cw_cmd_hsm_component_cancel(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        return ask(cli, cw_msg_request("component.cancel"), show_cancelled);
}

/* ---- life of a key ---- */

static void show_rotated(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("key %s: version %" PRId64 " (check value %s) is in use; version %" PRId64
                     " is kept for open jobs until it is destroyed\n",
                     cw_cli_str(a, "label"), cw_cli_int(a, "version"), cw_cli_str(a, "key_kcv"),
                     cw_cli_int(a, "from"));
}

int cw_cmd_hsm_rotate(struct cw_cli *cli, int count, char **args) {
        (void)count;
        struct cw_msg *m = with_text(cw_msg_request("key.rotate"), "label", args[0]);
        return ask(cli, with_number(m, "version", cli->hsm.version), show_rotated);
}

static void show_asked(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("request %" PRId64 " for key %s version %" PRId64
                     " waits for another person: cardwright hsm confirm %" PRId64 "\n",
                     cw_cli_int(a, "request"), cw_cli_str(a, "label"), cw_cli_int(a, "version"),
                     cw_cli_int(a, "request"));
}

int cw_cmd_hsm_destroy(struct cw_cli *cli, int count, char **args) {
        (void)count;
        struct cw_msg *m = with_text(cw_msg_request("key.destroy"), "label", args[0]);
        m = with_number(m, "version", args[1]);
        if (m != NULL && json_object_set_new(m->json, "in_use", json_boolean(cli->hsm.in_use)) != 0) {
                cw_msg_free(m);
                m = NULL;
        }
        return ask(cli, m, show_asked);
}

int cw_cmd_hsm_export(struct cw_cli *cli, int count, char **args) {
        (void)count;
        if (!cli->hsm.kbpk) {
                (void)fprintf(stderr, "cardwright: hsm export needs --kbpk LABEL\n");
                return CW_EXIT_USAGE;
        }
        struct cw_msg *m = with_text(cw_msg_request("key.export"), "label", args[0]);
        m = with_text(with_text(m, "kbpk", cli->hsm.kbpk), "block", cli->hsm.block);
        return ask(cli, with_number(m, "version", cli->hsm.version), show_asked);
}

static void show_requests(struct cw_cli *cli, const json_t *a) {
        static const char *const heads[] = {"REQUEST", "WHAT", "LABEL", "VERSION", "KBPK", "ASKED BY", NULL};
        struct cw_table *t = cw_table_new(&cli->style, heads);
        size_t i = 0;
        const json_t *r = NULL;
        json_array_foreach(json_object_get(a, "requests"), i, r) {
                cw_table_number(t, cw_cli_int(r, "request"));
                cw_table_cell(t, cw_cli_str(r, "what"));
                cw_table_cell(t, cw_cli_str(r, "label"));
                cw_table_number(t, cw_cli_int(r, "version"));
                cw_table_cell(t, cw_cli_str(r, "kbpk"));
                cw_table_cell(t, cw_cli_str(r, "user"));
        }
        cw_table_print(t);
}

int cw_cmd_hsm_requests(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        return ask(cli, cw_msg_request("key.requests"), show_requests);
}

static int print_block(struct cw_cli *cli, struct cw_msg *reply) {
        const struct cw_secret *att = reply->att[0];
        if (!cli->json)
                return printf("%.*s\n", (int)att->len, (const char *)att->ptr) < 0 ? CW_EXIT_FAILED
                                                                                   : CW_EXIT_OK;
        if (json_object_set_new(reply->json, "block", json_stringn((const char *)att->ptr, att->len)) != 0)
                return CW_EXIT_FAILED;
        return cw_cli_print_json(reply->json);
}

/* An export is confirmed by a block on standard output, nothing else. */
int cw_cmd_hsm_confirm(struct cw_cli *cli, int count, char **args) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        (void)count;
        struct cw_msg *m = with_number(cw_msg_request("key.confirm"), "request", args[0]);
        int exit_code = m ? cw_admin_ask(cli, m, &reply) : CW_EXIT_USAGE;
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (reply->att_count > 0)
                return print_block(cli, reply);
        if (cli->json)
                return cw_cli_print_json(reply->json);
        (void)printf("key %s version %" PRId64 " (check value %s) is destroyed\n",
                     cw_cli_str(reply->json, "label"), cw_cli_int(reply->json, "version"),
                     cw_cli_str(reply->json, "key_kcv"));
        return CW_EXIT_OK;
}

static void show_dropped(struct cw_cli *cli, const json_t *a) {
        (void)cli;
        (void)printf("the request to %s key %s version %" PRId64 " is taken back\n", cw_cli_str(a, "what"),
                     cw_cli_str(a, "label"), cw_cli_int(a, "version"));
}

int cw_cmd_hsm_drop(struct cw_cli *cli, int count, char **args) {
        (void)count;
        return ask(cli, with_number(cw_msg_request("key.drop"), "request", args[0]), show_dropped);
}
