/* SPDX-License-Identifier: Apache-2.0 */
/* Prints ENDPOINTS.md: the table of endpoints.def for people. */
#include "agent/upstream/endpoint.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

static const char *text(const json_t *row, const char *name) {
        const char *value = json_string_value(json_object_get(row, name));
        return value ? value : "";
}

static void print_words(const json_t *list, const char *before, const char *between) {
        for (size_t i = 0; i < json_array_size(list); i++)
                (void)printf("%s%s", i ? between : before, json_string_value(json_array_get(list, i)));
}

static void print_field(const json_t *f) {
        const json_t *max = json_object_get(f, "max");
        (void)printf("| `%s` | %s", text(f, "name"), text(f, "kind"));
        print_words(json_object_get(f, "words"), ": ", ", ");
        (void)printf(" | %s | ", json_is_true(json_object_get(f, "required")) ? "yes" : "");
        if (max)
                (void)printf("%lld", (long long)json_integer_value(max));
        (void)printf(" |\n");
}

static void print_endpoint(const json_t *row) {
        const json_t *fields = json_object_get(row, "fields");
        (void)printf("\n### %s\n\n`%s %s`; timeout %s, body %s, answer %s, lost answer: %s%s%s%s%s",
                     text(row, "name"), text(row, "method"), text(row, "path"), text(row, "timeout"),
                     text(row, "body"), text(row, "answer"), text(row, "lost_answer"),
                     *text(row, "read_back") ? " (" : "", text(row, "read_back"),
                     *text(row, "read_back") ? ")" : "",
                     json_is_true(json_object_get(row, "request_id")) ? ", requestId" : "");
        print_words(json_object_get(row, "errors"), "; errors ", ", ");
        print_words(json_object_get(row, "masked"), "; masked in the answer: ", ", ");
        (void)printf("%s.\n", json_is_true(json_object_get(row, "by_hand"))
                                  ? ""
                                  : "; not with `cardwright dcms call`");
        if (json_array_size(fields) > 0)
                (void)printf("\n| member | kind | required | max |\n|---|---|---|---|\n");
        for (size_t i = 0; i < json_array_size(fields); i++)
                print_field(json_array_get(fields, i));
}

int main(void) {
        CW_AUTO_JSON json_t *rows = cw_dcms_catalogue();
        const char *group = "";
        (void)printf("# The DCMS catalogue\n\nMade from `endpoints.def` by `dcms-endpoints-doc`; the rules "
                     "are explained in "
                     "`README.md`.\n");
        for (size_t i = 0; i < json_array_size(rows); i++) {
                const json_t *row = json_array_get(rows, i);
                if (strcmp(group, text(row, "group")) != 0)
                        (void)printf("\n## %s\n", text(row, "group"));
                group = text(row, "group");
                print_endpoint(row);
        }
        return rows ? 0 : 1;
}
