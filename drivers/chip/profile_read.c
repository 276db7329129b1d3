/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/profile_read.h"

#include <string.h>

void cw_section_place(const struct cw_section *s, const char *key, char ret[96]) {
        (void)snprintf(ret, 96, "%s%s%s", s->place, *s->place ? "." : "", key);
}

/* Unknown members are findings: a misspelt one would silently not apply. */
void cw_section_only(const struct cw_section *s, const char *const *keys) {
        const char *key;
        json_t *value;
        char place[96];
        json_object_foreach((json_t *)(uintptr_t)s->obj, key, value) {
                size_t i = 0;
                while (keys[i] && strcmp(keys[i], key) != 0)
                        i++;
                if (keys[i])
                        continue;
                cw_section_place(s, key, place);
                cw_profile_finding(s->fs, place, "unknown member; remove it or correct its spelling");
        }
}

const char *cw_section_string(const struct cw_section *s, const char *key, const char *fallback) {
        const json_t *value = json_object_get(s->obj, key);
        char place[96];
        if (!value && fallback)
                return fallback;
        if (json_is_string(value))
                return json_string_value(value);
        cw_section_place(s, key, place);
        cw_profile_finding(s->fs, place, "a string is needed here; add it");
        return "";
}

bool cw_section_bool(const struct cw_section *s, const char *key) {
        const json_t *value = json_object_get(s->obj, key);
        char place[96];
        if (value && !json_is_boolean(value)) {
                cw_section_place(s, key, place);
                cw_profile_finding(s->fs, place, "true or false is needed here; correct it");
        }
        return json_is_true(value);
}

void cw_section_hex(const struct cw_section *s, const char *key, const char *fallback, uint8_t *ret,
                    size_t cap, size_t *ret_len) {
        const char *text = cw_section_string(s, key, fallback);
        char place[96];
        if (cw_hex_decode(text, strlen(text), ret, cap, ret_len))
                return;
        *ret_len = 0;
        cw_section_place(s, key, place);
        cw_profile_finding(s->fs, place, "hex of at most %zu bytes is needed here; correct it", cap);
}

uint8_t cw_section_byte(const struct cw_section *s, const char *key, const char *fallback) {
        uint8_t byte = 0;
        size_t len = 0;
        char place[96];
        cw_section_hex(s, key, fallback, &byte, 1, &len);
        if (len == 1)
                return byte;
        cw_section_place(s, key, place);
        cw_profile_finding(s->fs, place, "one byte in hex is needed here, e.g. \"60\"; correct it");
        return 0;
}

long cw_section_number(const struct cw_section *s, const char *key, long min, long max, long fallback) {
        const json_t *value = json_object_get(s->obj, key);
        char place[96];
        if (!value)
                return fallback;
        json_int_t number = json_integer_value(value);
        if (json_is_integer(value) && number >= min && number <= max)
                return (long)number;
        cw_section_place(s, key, place);
        cw_profile_finding(s->fs, place, "a number from %ld to %ld is needed here; correct it", min, max);
        return fallback;
}

void cw_section_aid(const struct cw_section *s, const char *key, bool optional, struct cw_aid *ret) {
        const char *text = cw_section_string(s, key, optional ? "" : NULL);
        char place[96];
        if (cw_aid_parse(text, optional, ret))
                return;
        cw_section_place(s, key, place);
        cw_profile_finding(s->fs, place, "an AID of 5 to 16 bytes in hex is needed here; correct it");
}
