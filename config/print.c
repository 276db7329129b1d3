/* SPDX-License-Identifier: Apache-2.0 */
/* The effective config and its JSON schema, both from the key table. */
#include "config/keys.h"

#include <string.h>

static json_t *value_of(const char *base, const struct cw_key *k) {
        const char *at = base + k->offset;
        switch (k->type) {
        case CW_KEY_INT:
                return json_integer(*(const int64_t *)at);
        case CW_KEY_BOOL:
                return json_boolean(*(const int *)at);
        case CW_KEY_WORD:
                return json_string(k->words[*(const int *)at]);
        case CW_KEY_TEXT:
                break;
        }
        return json_string(*(const char *const *)at);
}

static json_t *object_of(const char *base, const struct cw_section *s) {
        json_t *object = json_object();
        for (size_t i = 0; i < s->key_count; i++)
                (void)json_object_set_new(object, s->keys[i].name, value_of(base, &s->keys[i]));
        return object;
}

static json_t *section_of(const struct cw_config *c, const struct cw_section *s) {
        const char *first = (const char *)c + s->offset;
        if (!s->stride)
                return object_of(first, s);
        json_t *array = json_array();
        size_t count = *(const size_t *)((const char *)c + s->count_offset);
        for (size_t i = 0; i < count; i++)
                (void)json_array_append_new(array, object_of(first + i * s->stride, s));
        return array;
}

/* The object a path's last name belongs in: "hsm.keys" goes into "hsm". */
static json_t *parent_of(json_t *root, const char *path, const char **ret_name) {
        const char *dot = strchr(path, '.');
        *ret_name = dot ? dot + 1 : path;
        if (!dot)
                return root;
        return json_object_getn(root, path, (size_t)(dot - path));
}

static cw_rc dump(json_t *root, FILE *out) {
        if (json_dumpf(root, out, JSON_INDENT(2)) < 0 || fputc('\n', out) == EOF)
                return CW_RC(CW_L_CONFIG, CW_C_RETRY, CW_E_IO);
        return CW_OK;
}

cw_rc cw_config_print(const struct cw_config *c, FILE *out) {
        CW_AUTO_JSON json_t *root = section_of(c, &cw_sections[0]);
        for (size_t i = 1; i < cw_section_count; i++) {
                const char *name = NULL;
                json_t *parent = parent_of(root, cw_sections[i].path, &name);
                (void)json_object_set_new(parent, name, section_of(c, &cw_sections[i]));
        }
        return dump(root, out);
}

static json_t *words_of(const struct cw_key *k) {
        json_t *words = json_array();
        for (size_t i = 0; k->words[i]; i++)
                (void)json_array_append_new(words, json_string(k->words[i]));
        return words;
}

static json_t *text_schema(const struct cw_key *k) {
        json_t *schema = json_pack("{s:s, s:I, s:s}", "type", "string", "maxLength", (json_int_t)k->max,
                                   "default", k->fallback);
        const char *pattern = k->flags & CW_KEY_DIGITS ? "^[0-9]*$"
                              : k->flags & CW_KEY_HEX  ? "^([0-9A-F]{2})*$"
                              : k->flags & CW_KEY_NAME ? "^[A-Za-z0-9._-]*$"
                                                       : NULL;
        if (pattern)
                (void)json_object_set_new(schema, "pattern", json_string(pattern));
        if (k->words)
                (void)json_object_set_new(schema, "enum", words_of(k));
        return schema;
}

static json_t *key_schema(const struct cw_key *k) {
        json_t *schema = NULL;
        switch (k->type) {
        case CW_KEY_INT:
                schema = json_pack("{s:s, s:I, s:I, s:I}", "type", "integer", "minimum", (json_int_t)k->min,
                                   "maximum", (json_int_t)k->max, "default",
                                   (json_int_t)strtoll(k->fallback, NULL, 10));
                break;
        case CW_KEY_BOOL:
                schema =
                    json_pack("{s:s, s:b}", "type", "boolean", "default", strcmp(k->fallback, "true") == 0);
                break;
        case CW_KEY_WORD:
                schema = json_pack("{s:s, s:o, s:s}", "type", "string", "enum", words_of(k), "default",
                                   k->fallback);
                break;
        case CW_KEY_TEXT:
                schema = text_schema(k);
                break;
        }
        (void)json_object_set_new(schema, "description", json_string(k->help));
        return schema;
}

static json_t *section_schema(const struct cw_section *s) {
        json_t *properties = json_object();
        for (size_t i = 0; i < s->key_count; i++)
                (void)json_object_set_new(properties, s->keys[i].name, key_schema(&s->keys[i]));
        json_t *object = json_pack("{s:s, s:s, s:b, s:o}", "type", "object", "description", s->help,
                                   "additionalProperties", 0, "properties", properties);
        if (!s->stride)
                return object;
        (void)json_object_set_new(object, "required", json_pack("[s]", s->keys[0].name));
        return json_pack("{s:s, s:I, s:o}", "type", "array", "maxItems", (json_int_t)s->count_max, "items",
                         object);
}

cw_rc cw_config_schema(FILE *out) {
        CW_AUTO_JSON json_t *root = section_schema(&cw_sections[0]);
        json_t *properties = json_object_get(root, "properties");
        (void)json_object_set_new(root, "$schema",
                                  json_string("https://json-schema.org/draft/2020-12/schema"));
        for (size_t i = 1; i < cw_section_count; i++) {
                const char *name = NULL;
                json_t *parent = parent_of(properties, cw_sections[i].path, &name);
                if (parent != properties)
                        parent = json_object_get(parent, "properties");
                (void)json_object_set_new(parent, name, section_schema(&cw_sections[i]));
        }
        return dump(root, out);
}
