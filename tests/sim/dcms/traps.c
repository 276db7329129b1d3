/* SPDX-License-Identifier: Apache-2.0 */
#include "traps.h"

#define DEPTH_MAX 8

/* SplitMix64: one number of the reply's own stream. */
static uint64_t next_random(uint64_t *state) {
        uint64_t z = *state += 0x9e3779b97f4a7c15U;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
}

static bool is_rows(const json_t *array) {
        return json_is_array(array) && json_is_string(json_object_get(json_array_get(array, 0), "kitNo"));
}

static void repeat_a_row(json_t *rows, uint64_t *random) {
        size_t n = next_random(random) % json_array_size(rows);
        (void)json_array_append(rows, json_array_get(rows, n));
}

static void shuffle(json_t *rows, uint64_t *random) {
        for (size_t i = json_array_size(rows); i > 1; i--) {
                size_t k = next_random(random) % i;
                json_t *a = json_incref(json_array_get(rows, i - 1));
                (void)json_array_set(rows, i - 1, json_array_get(rows, k));
                (void)json_array_set_new(rows, k, a);
        }
}

/* A kit in a state that came with a later version. */
static void add_strange_row(json_t *rows) {
        const json_t *first = json_array_get(rows, 0);
        if (!json_object_get(first, "cardStatus"))
                return;
        json_t *row = json_copy((json_t *)(uintptr_t)first);
        (void)json_object_set_new(row, "kitNo", json_string("9999999999"));
        (void)json_object_set_new(row, "cardStatus", json_string("SUSPENDED_BY_SCHEME"));
        (void)json_object_set_new(row, "deliveryStatus", json_string("AT_COURIER"));
        (void)json_object_set_new(row, "cardType", json_string("WEARABLE"));
        (void)json_array_append_new(rows, row);
}

static void walk(const struct cw_dsim_config *cfg, json_t *at, uint64_t *random, int depth) {
        size_t i = 0;
        const char *key = NULL;
        json_t *value = NULL;
        if (depth > DEPTH_MAX)
                return;
        if (is_rows(at)) {
                if (cfg->unknown_enums)
                        add_strange_row(at);
                if (cfg->repeated_rows)
                        repeat_a_row(at, random);
                if (cfg->shuffled_rows)
                        shuffle(at, random);
        }
        json_array_foreach(at, i, value) walk(cfg, value, random, depth + 1);
        json_object_foreach(at, key, value) walk(cfg, value, random, depth + 1);
        if (cfg->unknown_fields && json_is_object(at) && !json_object_get(at, "x-next"))
                (void)json_object_set_new(at, "x-next",
                                          json_pack("{s:[i, n], s:s}", "list", 1, "kind", "NOT_YET_KNOWN"));
}

void cw_dsim_traps_apply(struct cw_dsim *sim, json_t *result) {
        uint64_t random = sim->cfg.seed + atomic_fetch_add(&sim->replies, 1);
        if (result)
                walk(&sim->cfg, result, &random, 0);
}
