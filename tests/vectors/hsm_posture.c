/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hsm-posture [--write] [--server] --token softhsm|nss|opencryptoki FILE: what a running cardwright-hsmd
 * found out about a private token, against a reference file. A line for each difference. --server: the token
 * is behind `p11-kit server`. --write makes the file. Exit status 0: no difference; 1: some; 2: it could not
 * be tried.
 */
#include "base/cleanup.h"
#include "base/ipc.h"
#include "vector_token.h"

#include <stdio.h>
#include <string.h>

#define STYLE (JSON_INDENT(2) | JSON_SORT_KEYS)

static json_t *ask(int admin) {
        struct cw_fault f = {0};
        CW_AUTO(cw_msg_free) struct cw_msg *request = cw_msg_request("capabilities"), *reply = NULL;
        if (request == NULL || cw_ipc_call(admin, request, cw_deadline_ns(30000), &reply, &f) != CW_OK) {
                (void)fprintf(stderr, "hsm-posture: %s\n", f.text);
                return NULL;
        }
        (void)json_object_del(reply->json, "ok");
        return json_incref(reply->json);
}

/* The row's own name: the value of "operation", "mechanism" or "attribute". */
static const char *row_name(const json_t *row) {
        static const char *const keys[] = {"operation", "mechanism", "attribute"};
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
                const char *name = json_string_value(json_object_get(row, keys[i]));
                if (name != NULL)
                        return name;
        }
        return "";
}

static const json_t *find_row(const json_t *list, const char *name) {
        size_t i;
        json_t *row;
        json_array_foreach(list, i, row) {
                if (strcmp(row_name(row), name) == 0)
                        return row;
        }
        return NULL;
}

static unsigned tell(const char *what, const char *name, const json_t *got, const json_t *want) {
        CW_AUTO_MEM char *a = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
        CW_AUTO_MEM char *b = want ? json_dumps(want, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
        (void)printf("%s %s: %s, the reference says %s\n", what, name, a ? a : "nothing", b ? b : "nothing");
        return 1;
}

static unsigned compare_lists(const char *what, const json_t *got, const json_t *want) {
        unsigned differences = 0;
        size_t i;
        json_t *row;
        json_array_foreach(want, i, row) {
                const json_t *mine = find_row(got, row_name(row));
                if (mine == NULL || !json_equal(mine, row))
                        differences += tell(what, row_name(row), mine, row);
        }
        json_array_foreach(got, i, row) {
                if (find_row(want, row_name(row)) == NULL)
                        differences += tell(what, row_name(row), row, NULL);
        }
        return differences;
}

static unsigned compare(json_t *got, const json_t *want) {
        unsigned differences = 0;
        const char *key;
        json_t *value;
        json_object_foreach(got, key, value) {
                const json_t *other = json_object_get(want, key);
                if (json_is_array(value) && json_is_array(other))
                        differences += compare_lists(key, value, other);
                else if (other == NULL || !json_equal(value, other))
                        differences += tell("member", key, value, other);
        }
        return differences;
}

static int judge(int admin, const char *path, bool write) {
        json_error_t error;
        CW_AUTO_JSON json_t *got = ask(admin);
        if (got == NULL)
                return 2;
        if (write)
                return json_dump_file(got, path, STYLE) == 0 ? 0 : 2;
        CW_AUTO_JSON json_t *want = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(want)) {
                (void)fprintf(stderr, "hsm-posture: %s: %s\n", path, want ? "no object" : error.text);
                return 2;
        }
        unsigned differences = compare(got, want);
        (void)printf("%u differences\n", differences);
        return differences == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
        struct vector_options options = {.host_memory = true};
        struct vector_token token;
        bool write = false;
        const char *kind = NULL;
        int i = 1;
        for (; i < argc - 1; i++) {
                if (strcmp(argv[i], "--write") == 0)
                        write = true;
                else if (strcmp(argv[i], "--server") == 0)
                        options.behind_server = true;
                else if (strcmp(argv[i], "--token") == 0)
                        kind = argv[++i];
                else
                        break;
        }
        if (kind == NULL || i != argc - 1) {
                (void)fprintf(
                    stderr,
                    "usage: hsm-posture [--write] [--server] --token softhsm|nss|opencryptoki FILE\n");
                return 2;
        }
        int status = vector_token_start(&token, kind, &options) ? judge(token.admin, argv[i], write) : 2;
        vector_token_stop(&token);
        return status;
}
