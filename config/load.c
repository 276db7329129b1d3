/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#define PATH_BYTES 160
#define FILES_MAX 64
#define FINDING_BYTES 400

static void find_at(struct cw_findings *fs, struct cw_place at, const char *text) {
        char finding[FINDING_BYTES + PATH_MAX];
        (void)snprintf(finding, sizeof finding, "%s:%u:%u: %s", at.file ? at.file : fs->file, at.line,
                       at.column, text);
        if (fs->out)
                (void)fprintf(fs->out, "%s\n", finding);
        if (fs->count++ == 0)
                (void)snprintf(fs->first, sizeof fs->first, "%s", finding);
}

void cw_find(struct cw_findings *fs, const char *path, const char *fmt, ...) {
        char text[FINDING_BYTES];
        struct cw_place at =
            fs->places ? cw_places_find(fs->places, path) : (struct cw_place){.line = 1, .column = 1};
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        find_at(fs, at, text);
}

static const char *own(struct cw_config_owner *o, const char *text) {
        char **list = reallocarray(o->strings, o->string_count + 1, sizeof *list);
        if (!list)
                return "";
        o->strings = list;
        char *copy = strdup(text);
        if (!copy)
                return "";
        o->strings[o->string_count++] = copy;
        return copy;
}

static int word_index(const struct cw_key *k, const char *text) {
        for (int i = 0; k->words && k->words[i]; i++)
                if (strcmp(k->words[i], text) == 0)
                        return i;
        return -1;
}

static void set_fallback(void *base, const struct cw_key *k) {
        void *value = cw_key_value(base, k);
        switch (k->type) {
        case CW_KEY_TEXT:
                *(const char **)value = k->fallback;
                break;
        case CW_KEY_INT:
                *(int64_t *)value = strtoll(k->fallback, NULL, 10);
                break;
        case CW_KEY_BOOL:
                *(int *)value = strcmp(k->fallback, "true") == 0;
                break;
        case CW_KEY_WORD:
                *(int *)value = word_index(k, k->fallback);
                break;
        }
}

static void set_fallbacks(void *base, const struct cw_section *s) {
        for (size_t i = 0; i < s->key_count; i++)
                set_fallback(base, &s->keys[i]);
}

struct cw_config_owner *cw_config_defaults(void) {
        struct cw_config_owner *o = calloc(1, sizeof *o);
        for (size_t i = 0; o && i < cw_section_count; i++)
                if (cw_sections[i].stride == 0)
                        set_fallbacks((char *)&o->config + cw_sections[i].offset, &cw_sections[i]);
        return o;
}

static bool only(const char *text, const char *set) {
        return strspn(text, set) == strlen(text);
}

static void join_words(const struct cw_key *k, char *ret, size_t cap) {
        size_t len = 0;
        ret[0] = '\0';
        for (int i = 0; k->words[i] && len < cap; i++) {
                int n = snprintf(ret + len, cap - len, "%s\"%s\"", i ? ", " : "", k->words[i]);
                len += n > 0 ? (size_t)n : 0;
        }
}

static bool text_allowed(const struct cw_key *k, const char *path, const char *text, struct cw_findings *fs) {
        size_t len = strlen(text);
        unsigned before = fs->count;
        if (k->words && word_index(k, text) < 0) {
                char words[200];
                join_words(k, words, sizeof words);
                cw_find(fs, path, "%s: \"%s\" is not known; use one of %s", path, text, words);
        } else if (len > (size_t)k->max || (len > 0 && len < (size_t)k->min)) {
                cw_find(fs, path, "%s: has %zu characters; %" PRId64 " to %" PRId64 " are allowed", path, len,
                        k->min, k->max);
        } else if ((k->flags & CW_KEY_DIGITS) && !only(text, "0123456789")) {
                cw_find(fs, path, "%s: only digits are allowed", path);
        } else if ((k->flags & CW_KEY_HEX) && (len % 2 || !only(text, "0123456789ABCDEF"))) {
                cw_find(fs, path, "%s: must be an even number of upper-case hex digits", path);
        } else if ((k->flags & CW_KEY_NAME) &&
                   !only(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")) {
                cw_find(fs, path, "%s: only letters, digits, '-', '_' and '.' are allowed", path);
        }
        return fs->count == before;
}

static void apply_text(struct cw_config_owner *o, void *base, const struct cw_key *k, const char *path,
                       const json_t *v, struct cw_findings *fs) {
        const char *text = json_string_value(v);
        if (!text) {
                cw_find(fs, path, "%s: must be a text in quotes", path);
                return;
        }
        if (!text_allowed(k, path, text, fs))
                return;
        if (k->type == CW_KEY_WORD)
                *(int *)cw_key_value(base, k) = word_index(k, text);
        else
                *(const char **)cw_key_value(base, k) = own(o, text);
}

static void apply_value(struct cw_config_owner *o, void *base, const struct cw_key *k, const char *path,
                        const json_t *v, struct cw_findings *fs) {
        if (k->type == CW_KEY_TEXT || k->type == CW_KEY_WORD) {
                apply_text(o, base, k, path, v, fs);
        } else if (k->type == CW_KEY_BOOL) {
                if (json_is_boolean(v))
                        *(int *)cw_key_value(base, k) = json_is_true(v);
                else
                        cw_find(fs, path, "%s: must be true or false", path);
        } else if (!json_is_integer(v) || json_integer_value(v) < k->min || json_integer_value(v) > k->max) {
                cw_find(fs, path, "%s: must be a whole number from %" PRId64 " to %" PRId64, path, k->min,
                        k->max);
        } else {
                *(int64_t *)cw_key_value(base, k) = json_integer_value(v);
        }
}

static const struct cw_key *find_key(const struct cw_section *s, const char *name) {
        for (size_t i = 0; i < s->key_count; i++)
                if (strcmp(s->keys[i].name, name) == 0)
                        return &s->keys[i];
        return NULL;
}

static const struct cw_section *find_section(const char *path) {
        for (size_t i = 1; i < cw_section_count; i++)
                if (strcmp(cw_sections[i].path, path) == 0)
                        return &cw_sections[i];
        return NULL;
}

static void member_path(char *ret, size_t cap, const char *parent, const char *name) {
        (void)snprintf(ret, cap, "%s%s%s", parent, *parent ? "." : "", name);
}

/* For the rules between keys, which are checked after all files. */
static void remember_origin(struct cw_config_owner *o, const char *parent, const char *name, const char *path,
                            const struct cw_findings *fs) {
        char origin[PATH_BYTES];
        struct cw_place at = {.line = 1, .column = 1};
        if (fs->places)
                at = cw_places_find(fs->places, path);
        at.file = fs->file;
        member_path(origin, sizeof origin, parent, name);
        (void)cw_places_add(&o->origins, origin, at);
}

static void apply_section(struct cw_config_owner *o, const struct cw_section *s, const char *path, json_t *v,
                          struct cw_findings *fs);

static void apply_members(struct cw_config_owner *o, const struct cw_section *s, void *base, const char *path,
                          json_t *object, struct cw_findings *fs) {
        const char *name = NULL;
        json_t *value = NULL;
        json_object_foreach(object, name, value) {
                char at[PATH_BYTES];
                char section_path[PATH_BYTES];
                member_path(at, sizeof at, path, name);
                member_path(section_path, sizeof section_path, s->path, name);
                const struct cw_key *k = find_key(s, name);
                const struct cw_section *inner = s->stride ? NULL : find_section(section_path);
                remember_origin(o, fs->element ? fs->element : path, name, at, fs);
                if (k)
                        apply_value(o, base, k, at, value, fs);
                else if (inner)
                        apply_section(o, inner, at, value, fs);
                else
                        cw_find(fs, at,
                                "%s: no such key; remove it or correct its spelling (--print-config lists "
                                "all keys)",
                                at);
        }
}

/* The element with this identity, a new one, or NULL when the array is full. */
static void *element_for(struct cw_config_owner *o, const struct cw_section *s, const char *identity) {
        char *first = (char *)&o->config + s->offset;
        size_t *count = (size_t *)((char *)&o->config + s->count_offset);
        for (size_t i = 0; i < *count; i++) {
                char *element = first + i * s->stride;
                if (strcmp(*(const char **)cw_key_value(element, &s->keys[0]), identity) == 0)
                        return element;
        }
        if (*count == s->count_max)
                return NULL;
        char *element = first + (*count)++ * s->stride;
        set_fallbacks(element, s);
        return element;
}

static void apply_element(struct cw_config_owner *o, const struct cw_section *s, const char *path, json_t *v,
                          struct cw_findings *fs) {
        const char *identity = json_string_value(json_object_get(v, s->keys[0].name));
        if (!identity || !*identity) {
                cw_find(fs, path, "%s: must be an object with the text \"%s\"", path, s->keys[0].name);
                return;
        }
        void *element = element_for(o, s, identity);
        if (!element) {
                cw_find(fs, path, "%s: more than %zu elements; remove some", path, s->count_max);
                return;
        }
        char name[PATH_BYTES];
        (void)snprintf(name, sizeof name, "%s[%s]", s->path, identity);
        remember_origin(o, "", name, path, fs);
        fs->element = name;
        apply_members(o, s, element, path, v, fs);
        fs->element = NULL;
}

static bool repeated(const json_t *array, const struct cw_section *s, size_t upto) {
        const char *name = s->keys[0].name;
        const char *mine = json_string_value(json_object_get(json_array_get(array, upto), name));
        for (size_t i = 0; mine && i < upto; i++) {
                const char *other = json_string_value(json_object_get(json_array_get(array, i), name));
                if (other && strcmp(other, mine) == 0)
                        return true;
        }
        return false;
}

static void apply_section(struct cw_config_owner *o, const struct cw_section *s, const char *path, json_t *v,
                          struct cw_findings *fs) {
        if (s->stride == 0) {
                if (json_is_object(v))
                        apply_members(o, s, (char *)&o->config + s->offset, path, v, fs);
                else
                        cw_find(fs, path, "%s: must be an object in braces", path);
                return;
        }
        if (!json_is_array(v)) {
                cw_find(fs, path, "%s: must be a list in brackets", path);
                return;
        }
        for (size_t i = 0; i < json_array_size(v); i++) {
                char at[PATH_BYTES];
                (void)snprintf(at, sizeof at, "%s[%zu]", path, i);
                if (repeated(v, s, i))
                        cw_find(fs, at, "%s: this \"%s\" stands in the list twice", at, s->keys[0].name);
                else
                        apply_element(o, s, at, json_array_get(v, i), fs);
        }
}

void cw_config_apply_text(struct cw_config_owner *o, char *text, size_t len, struct cw_findings *fs) {
        json_error_t error;
        struct cw_places places = {0};
        cw_blank_comments(text, len);
        CW_AUTO_JSON json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
        if (!root) {
                struct cw_place at = {.line = (unsigned)error.line,
                                      .column = error.column > 0 ? (unsigned)error.column : 1};
                char what[FINDING_BYTES];
                (void)snprintf(what, sizeof what, "not JSON: %s; correct the text here or just before",
                               error.text);
                find_at(fs, at, what);
                return;
        }
        if (!json_is_object(root)) {
                cw_find(fs, "", "not a JSON object; put everything between { and }");
                return;
        }
        if (cw_places_scan(text, len, &places))
                fs->places = &places;
        apply_members(o, &cw_sections[0], &o->config, "", root, fs);
        fs->places = NULL;
        cw_places_done(&places);
}

static cw_rc apply_file(struct cw_config_owner *o, const char *path, struct cw_findings *fs,
                        struct cw_fault *f) {
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        cw_rc rc = cw_file_read(path, CW_CONFIG_FILE_MAX, &text, &len, f);
        if (rc != CW_OK)
                return rc;
        fs->file = own(o, path);
        cw_config_apply_text(o, text, len, fs);
        return CW_OK;
}

static int is_json(const struct dirent *e) {
        size_t len = strlen(e->d_name);
        return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".json") == 0;
}

/* conf.d/ beside the file, sorted by name; no such folder is fine. */
static cw_rc apply_folder(struct cw_config_owner *o, const char *path, struct cw_findings *fs,
                          struct cw_fault *f) {
        char folder[PATH_MAX];
        const char *slash = strrchr(path, '/');
        int dir_len = slash ? (int)(slash - path) : 1;
        (void)snprintf(folder, sizeof folder, "%.*s/conf.d", dir_len, slash ? path : ".");
        struct dirent **entries = NULL;
        int count = scandir(folder, &entries, is_json, alphasort);
        cw_rc rc = CW_OK;
        for (int i = 0; i < count; i++) {
                char file[PATH_MAX];
                int n = snprintf(file, sizeof file, "%s/%s", folder, entries[i]->d_name);
                if (rc == CW_OK && i < FILES_MAX && n > 0 && (size_t)n < sizeof file)
                        rc = apply_file(o, file, fs, f);
                free(entries[i]);
        }
        free(entries);
        return rc;
}

cw_rc cw_config_load(const char *path, FILE *errors, struct cw_config **ret, struct cw_fault *f) {
        struct cw_findings fs = {.out = errors, .file = path};
        struct cw_config_owner *o = cw_config_defaults();
        if (!o)
                return cw_fail(f, CW_RC(CW_L_CONFIG, CW_C_RETRY, CW_E_NOMEM), 0, "config.load", "",
                               "out of memory");
        CW_AUTO(cw_config_free) struct cw_config *config = &o->config;
        cw_rc rc = apply_file(o, path, &fs, f);
        if (rc == CW_OK)
                rc = apply_folder(o, path, &fs, f);
        if (rc != CW_OK) {
                if (errors && f)
                        (void)fprintf(errors, "%s\n", f->text);
                return rc;
        }
        fs.file = path;
        fs.places = &o->origins;
        cw_config_check(config, &fs);
        if (fs.count)
                return cw_fail(f, CW_RC(CW_L_CONFIG, CW_C_REJECT, CW_E_SYNTAX), (int64_t)fs.count,
                               "config.load", "", "%s", fs.first);
        config->path = own(o, path);
        *ret = CW_STEAL(config);
        return CW_OK;
}

void cw_config_free(struct cw_config *c) {
        struct cw_config_owner *o = (struct cw_config_owner *)c;
        if (!o)
                return;
        for (size_t i = 0; i < o->string_count; i++)
                free(o->strings[i]);
        free(o->strings);
        cw_places_done(&o->origins);
        free(o);
}
