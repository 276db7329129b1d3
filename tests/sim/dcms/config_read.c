/* SPDX-License-Identifier: Apache-2.0 */
#include "config_read.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

void cw_dsim_section_bad(struct cw_dsim_section s, const char *key, const char *text) {
        (void)fprintf(stderr, "dcms-sim: config: %s%s%s: %s\n", s.path, *s.path ? "." : "", key, text);
        *s.ok = false;
}

void cw_dsim_section_keys(struct cw_dsim_section s, const char *const *keys) {
        const char *name;
        json_t *value;
        json_object_foreach(s.object, name, value) {
                size_t i = 0;
                while (keys[i] && strcmp(keys[i], name) != 0)
                        i++;
                if (!keys[i])
                        cw_dsim_section_bad(s, name, "is not a key of this section; remove it");
        }
}

struct cw_dsim_section cw_dsim_section_open(struct cw_dsim_section s, const char *key) {
        json_t *value = json_object_get(s.object, key);
        if (value && !json_is_object(value)) {
                cw_dsim_section_bad(s, key, "must be an object");
                value = NULL;
        }
        return (struct cw_dsim_section){.object = value, .path = key, .ok = s.ok};
}

void cw_dsim_section_text(struct cw_dsim_section s, const char *key, const char *fallback, char *out,
                          size_t size) {
        const json_t *value = json_object_get(s.object, key);
        const char *text = value ? json_string_value(value) : fallback;
        if (!text)
                cw_dsim_section_bad(s, key, value ? "must be a string" : "is missing; add it");
        else if (!cw_dsim_copy(out, size, text))
                cw_dsim_section_bad(s, key, "is too long");
}

int64_t cw_dsim_section_int(struct cw_dsim_section s, const char *key, int64_t fallback, int64_t min,
                            int64_t max) {
        const json_t *value = json_object_get(s.object, key);
        if (!value)
                return fallback;
        int64_t n = json_integer_value(value);
        if (!json_is_integer(value) || n < min || n > max) {
                char text[96];
                (void)snprintf(text, sizeof text, "must be a whole number from %lld to %lld", (long long)min,
                               (long long)max);
                cw_dsim_section_bad(s, key, text);
                return fallback;
        }
        return n;
}

bool cw_dsim_section_bool(struct cw_dsim_section s, const char *key, bool fallback) {
        const json_t *value = json_object_get(s.object, key);
        if (!value)
                return fallback;
        if (!json_is_boolean(value))
                cw_dsim_section_bad(s, key, "must be true or false");
        return json_is_true(value);
}

int cw_dsim_section_choice(struct cw_dsim_section s, const char *key, const char *const *choices) {
        const json_t *value = json_object_get(s.object, key);
        if (!value)
                return 0;
        char text[160] = "must be one of";
        for (int i = 0; choices[i]; i++) {
                if (json_is_string(value) && strcmp(json_string_value(value), choices[i]) == 0)
                        return i;
                size_t len = strlen(text);
                (void)snprintf(text + len, sizeof text - len, " %s", choices[i]);
        }
        cw_dsim_section_bad(s, key, text);
        return 0;
}

void cw_dsim_section_key(struct cw_dsim_section s, const char *key, bool optional, uint8_t *out, size_t len) {
        const json_t *value = json_object_get(s.object, key);
        if (!value && optional)
                return;
        if (!json_is_string(value) || !cw_dsim_hex_decode(json_string_value(value), out, len)) {
                char text[64];
                (void)snprintf(text, sizeof text, "must be %zu hex digits", 2 * len);
                cw_dsim_section_bad(s, key, text);
        }
}

json_t *cw_dsim_section_array(struct cw_dsim_section s, const char *key, bool required) {
        json_t *value = json_object_get(s.object, key);
        if (!value) {
                if (required)
                        cw_dsim_section_bad(s, key, "is missing; add it");
                return NULL;
        }
        if (!json_is_array(value) || (required && json_array_size(value) == 0)) {
                cw_dsim_section_bad(s, key, "must be an array with at least one entry");
                return NULL;
        }
        return value;
}
