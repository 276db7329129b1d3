/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/key_register.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#define FORMAT 1
#define VERSION_MAX 9999

static cw_rc damaged(const char *what, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_SYNTAX), 0, "hsm.key_register", "HSM_KEY",
                       "the key register keys.json is damaged (%s); put the last good copy back", what);
}

/* ---- days ---- */

static bool digits(const char *at, size_t count, int *ret) {
        int value = 0;
        for (size_t i = 0; i < count; i++) {
                if (at[i] < '0' || at[i] > '9')
                        return false;
                value = value * 10 + (at[i] - '0');
        }
        *ret = value;
        return true;
}

bool cw_key_day_ok(const char *day) {
        static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int y = 0, m = 0, d = 0;
        if (day[0] == '\0')
                return true;
        if (strlen(day) != 10 || day[4] != '-' || day[7] != '-')
                return false;
        if (!digits(day, 4, &y) || !digits(day + 5, 2, &m) || !digits(day + 8, 2, &d))
                return false;
        return y >= 2000 && m >= 1 && m <= 12 && d >= 1 && d <= lengths[m - 1];
}

void cw_key_today(int64_t wall_ms, char ret[11]) {
        time_t t = (time_t)(wall_ms / 1000);
        struct tm tm = {0};
        if (gmtime_r(&t, &tm) == NULL || strftime(ret, 11, "%Y-%m-%d", &tm) == 0)
                memcpy(ret, "2000-01-01", 11);
}

/* ---- reading ---- */

static bool copy_text(const json_t *o, const char *key, char *ret, size_t cap) {
        const char *s = json_string_value(json_object_get(o, key));
        if (s == NULL || strlen(s) >= cap)
                return false;
        memcpy(ret, s, strlen(s) + 1);
        return true;
}

static bool kcv_ok(const char *kcv) {
        size_t len = strlen(kcv);
        return (len == 0 || len == 6 || len == 10) && strspn(kcv, "0123456789ABCDEF") == len;
}

static bool read_version(const json_t *o, struct cw_key_version *v) {
        const json_t *number = json_object_get(o, "version"), *loaded = json_object_get(o, "loaded_ms");
        const json_t *destroyed = json_object_get(o, "destroyed");
        json_int_t n = json_integer_value(number);
        if (n < 1 || n > VERSION_MAX || !json_is_integer(loaded) || !json_is_boolean(destroyed))
                return false;
        v->version = (unsigned)n;
        v->loaded_ms = json_integer_value(loaded);
        v->destroyed = json_is_true(destroyed);
        return copy_text(o, "kcv", v->kcv, sizeof(v->kcv)) && kcv_ok(v->kcv) &&
               copy_text(o, "origin", v->origin, sizeof(v->origin)) &&
               (json_object_get(o, "usage") == NULL || copy_text(o, "usage", v->usage, sizeof(v->usage))) &&
               strlen(v->usage) != 1 && copy_text(o, "valid_from", v->valid_from, sizeof(v->valid_from)) &&
               copy_text(o, "valid_to", v->valid_to, sizeof(v->valid_to)) && cw_key_day_ok(v->valid_from) &&
               cw_key_day_ok(v->valid_to);
}

/* Versions rise, and the one in use is there and alive. */
static bool read_entry(const json_t *o, struct cw_key_entry *e) {
        const json_t *list = json_object_get(o, "versions"), *active = json_object_get(o, "active");
        size_t i = 0;
        const json_t *row = NULL;
        if (!copy_text(o, "label", e->label, sizeof(e->label)) || e->label[0] == '\0' ||
            json_array_size(list) > CW_KEY_VERSIONS_MAX || !json_is_integer(active))
                return false;
        json_array_foreach(list, i, row) {
                struct cw_key_version *v = &e->versions[i];
                if (!read_version(row, v) || (i > 0 && v->version <= v[-1].version))
                        return false;
                e->count++;
        }
        json_int_t n = json_integer_value(active);
        if (n < 0 || n > VERSION_MAX)
                return false;
        e->active = (unsigned)n;
        const struct cw_key_version *in_use = n > 0 ? cw_key_entry_version(e, (unsigned)n) : NULL;
        return n == 0 || (in_use != NULL && !in_use->destroyed);
}

cw_rc cw_key_register_parse(const char *text, size_t len, struct cw_key_register *ret, struct cw_fault *f) {
        CW_AUTO_JSON json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        const json_t *list = json_object_get(root, "keys");
        size_t i = 0;
        const json_t *row = NULL;
        memset(ret, 0, sizeof(*ret));
        if (json_integer_value(json_object_get(root, "format")) != FORMAT || !json_is_array(list))
                return damaged("it is no register of this version", f);
        if (json_array_size(list) > CW_CONFIG_KEYS_MAX)
                return damaged("too many keys", f);
        json_array_foreach(list, i, row) {
                struct cw_key_entry *e = &ret->keys[i];
                if (!read_entry(row, e) || cw_key_register_find(ret, e->label) != NULL)
                        return damaged("an entry is malformed", f);
                ret->count++;
        }
        return CW_OK;
}

static cw_rc path_of(const char *dir, char ret[PATH_MAX], struct cw_fault *f) {
        int n = snprintf(ret, PATH_MAX, "%s/keys.json", dir);
        return n > 0 && n < PATH_MAX ? CW_OK : damaged("its path is too long", f);
}

cw_rc cw_key_register_load(const char *dir, struct cw_key_register *ret, struct cw_fault *f) {
        char path[PATH_MAX];
        CW_AUTO_MEM char *text = NULL;
        size_t len = 0;
        memset(ret, 0, sizeof(*ret));
        cw_rc rc = path_of(dir, path, f);
        if (rc != CW_OK || (access(path, F_OK) != 0 && errno == ENOENT))
                return rc;
        if (cw_file_read(path, CW_KEY_REGISTER_FILE_MAX, &text, &len, f) != CW_OK)
                return damaged("it cannot be read", f);
        return cw_key_register_parse(text, len, ret, f);
}

/* ---- writing ---- */

static json_t *version_json(const struct cw_key_version *v) {
        return json_pack("{s:i, s:s, s:s, s:b, s:I, s:s, s:s, s:s}", "version", (int)v->version, "kcv",
                         v->kcv, "origin", v->origin, "destroyed", v->destroyed, "loaded_ms",
                         (json_int_t)v->loaded_ms, "valid_from", v->valid_from, "valid_to", v->valid_to,
                         "usage", v->usage);
}

static json_t *entry_json(const struct cw_key_entry *e) {
        json_t *versions = json_array();
        for (size_t i = 0; i < e->count; i++) {
                if (json_array_append_new(versions, version_json(&e->versions[i])) != 0) {
                        json_decref(versions);
                        return NULL;
                }
        }
        return json_pack("{s:s, s:i, s:o}", "label", e->label, "active", (int)e->active, "versions",
                         versions);
}

cw_rc cw_key_register_save(const char *dir, const struct cw_key_register *r, struct cw_fault *f) {
        char path[PATH_MAX];
        CW_AUTO_JSON json_t *root = json_pack("{s:i, s:[]}", "format", FORMAT, "keys");
        json_t *list = json_object_get(root, "keys");
        for (size_t i = 0; i < r->count; i++) {
                if (json_array_append_new(list, entry_json(&r->keys[i])) != 0)
                        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM), 0, "hsm.key_register", "",
                                       "out of memory");
        }
        CW_AUTO_MEM char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
        cw_rc rc = path_of(dir, path, f);
        if (rc != CW_OK || text == NULL)
                return rc != CW_OK ? rc : CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
        return cw_file_write_atomic(path, text, strlen(text), 0600, f);
}

/* ---- entries ---- */

struct cw_key_entry *cw_key_register_find(struct cw_key_register *r, const char *label) {
        for (size_t i = 0; i < r->count; i++) {
                if (strcmp(r->keys[i].label, label) == 0)
                        return &r->keys[i];
        }
        return NULL;
}

struct cw_key_version *cw_key_entry_version(struct cw_key_entry *e, unsigned version) {
        for (size_t i = 0; i < e->count; i++) {
                if (e->versions[i].version == version)
                        return &e->versions[i];
        }
        return NULL;
}

cw_rc cw_key_register_entry(struct cw_key_register *r, const struct cw_config_key *k, bool there_already,
                            struct cw_key_entry **ret, struct cw_fault *f) {
        struct cw_key_entry *e = cw_key_register_find(r, k->label);
        if (e != NULL) {
                *ret = e;
                return CW_OK;
        }
        if (r->count == CW_CONFIG_KEYS_MAX)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), 0, "hsm.key_register",
                               "HSM_KEY", "the key register holds as many keys as it can");
        e = &r->keys[r->count++];
        memset(e, 0, sizeof(*e));
        (void)snprintf(e->label, sizeof(e->label), "%s", k->label);
        if (there_already) {
                struct cw_key_version *v = cw_key_entry_add(e);
                (void)snprintf(v->kcv, sizeof(v->kcv), "%s", k->kcv);
                (void)snprintf(v->origin, sizeof(v->origin), "configuration");
                e->active = v->version;
        }
        *ret = e;
        return CW_OK;
}

struct cw_key_version *cw_key_entry_add(struct cw_key_entry *e) {
        unsigned next = e->count > 0 ? e->versions[e->count - 1].version + 1 : 1;
        if (next > VERSION_MAX)
                return NULL;
        for (size_t i = 0; e->count == CW_KEY_VERSIONS_MAX && i < e->count; i++) {
                if (!e->versions[i].destroyed)
                        continue;
                e->count--;
                memmove(&e->versions[i], &e->versions[i + 1], (e->count - i) * sizeof(e->versions[0]));
        }
        if (e->count == CW_KEY_VERSIONS_MAX)
                return NULL;
        struct cw_key_version *v = &e->versions[e->count++];
        *v = (struct cw_key_version){.version = next};
        return v;
}

void cw_key_object_label(const char *label, unsigned version, const char *suffix,
                         char ret[CW_KEY_OBJECT_LABEL_MAX]) {
        if (version > 1)
                (void)snprintf(ret, CW_KEY_OBJECT_LABEL_MAX, "%s#%u%s", label, version, suffix);
        else
                (void)snprintf(ret, CW_KEY_OBJECT_LABEL_MAX, "%s%s", label, suffix);
}
