/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/bench.h"

#include <stdio.h>
#include <string.h>

static json_t *command(struct bench *b, const char *text) {
        char line[512];
        (void)snprintf(line, sizeof line, "%s", text);
        for (char *p = line; *p; p++)
                if (*p == '\'')
                        *p = '"';
        json_t *request = json_loads(line, 0, NULL);
        assert_non_null(request);
        json_t *reply = bench_ops.command(b, request);
        json_decref(request);
        assert_non_null(reply);
        return reply;
}

void bench_order(struct bench *b, const char *text) {
        json_t *reply = command(b, text);
        if (!json_is_true(json_object_get(reply, "ok")))
                fail_msg("%s: %s", text, json_string_value(json_object_get(reply, "error")));
        json_decref(reply);
}

static json_t *member(const json_t *state, const char *group, const char *key) {
        const json_t *o = group[0] ? json_object_get(state, group) : state;
        json_t *v = json_object_get(o, key);
        if (!v)
                fail_msg("the emulator has no state %s.%s", group, key);
        return v;
}

int64_t bench_state(struct bench *b, const char *group, const char *key) {
        json_t *state = command(b, "{'cmd':'state'}"), *v = member(state, group, key);
        int64_t n = json_is_boolean(v) ? json_is_true(v) : json_integer_value(v);
        json_decref(state);
        return n;
}

void bench_state_text(struct bench *b, const char *group, const char *key, char *ret, size_t cap) {
        json_t *state = command(b, "{'cmd':'state'}"), *v = member(state, group, key);
        (void)snprintf(ret, cap, "%s", json_is_string(v) ? json_string_value(v) : "");
        json_decref(state);
}

size_t bench_tray(struct bench *b, const char *tray) {
        json_t *state = command(b, "{'cmd':'state'}");
        size_t n = json_array_size(json_object_get(state, tray));
        json_decref(state);
        return n;
}
