/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define ENTRIES_MAX 1000U

static bool check_object(json_t *object, const struct cw_dsim_field *fields, const char *prefix,
                         struct cw_dsim_complaint *complaint);

/* Field names come from the client: keep what is printable, so that a log or terminal sees no control bytes.
 */
static bool complain(struct cw_dsim_complaint *complaint, const char *prefix, const char *name,
                     const char *text) {
        char safe[64];
        size_t n = 0;
        for (; name[n] && n + 1 < sizeof safe; n++)
                safe[n] = isalnum((unsigned char)name[n]) || strchr("_-.[]", name[n]) ? name[n] : '?';
        safe[n] = '\0';
        complaint->missing = false;
        (void)snprintf(complaint->text, sizeof complaint->text, "%.60s%s %s", prefix, safe, text);
        return false;
}

static bool is_choice(const json_t *value, const char *const *choices) {
        for (size_t i = 0; choices[i]; i++)
                if (strcmp(json_string_value(value), choices[i]) == 0)
                        return true;
        return false;
}

static bool good_text(const json_t *value, size_t max_len) {
        size_t len = json_string_length(value);
        return len > 0 && len <= (max_len ? max_len : 256) && strlen(json_string_value(value)) == len;
}

static bool good_account(const json_t *value) {
        if (json_is_integer(value))
                return json_integer_value(value) > 0;
        return json_is_string(value) && cw_dsim_is_digits(json_string_value(value), 1, 30);
}

static bool good_mmyy(const json_t *value) {
        json_int_t n = json_integer_value(value);
        if (json_is_string(value) && cw_dsim_is_digits(json_string_value(value), 4, 4)) {
                const char *s = json_string_value(value);
                n = (s[0] - '0') * 1000 + (s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0');
        } else if (!json_is_integer(value)) {
                return false;
        }
        return n / 100 >= 1 && n / 100 <= 12;
}

static bool good_day(const char *s) {
        char date[11];
        int64_t ms = 0;
        if (strlen(s) != 10 || s[2] != '-' || s[5] != '-')
                return false;
        (void)snprintf(date, sizeof date, "%.4s-%.2s-%.2s", s + 6, s + 3, s);
        return cw_dsim_parse_date(date, &ms);
}

static bool good_amount(const char *s) {
        const char *dot = strchr(s, '.');
        size_t whole = dot ? (size_t)(dot - s) : strlen(s);
        if (whole == 0 || whole > 12 || strspn(s, "0123456789") != whole)
                return false;
        return !dot || cw_dsim_is_digits(dot + 1, 1, 2);
}

static bool good_masked(const char *s) {
        size_t len = strlen(s);
        if (len < 13 || len > 19)
                return false;
        for (size_t i = 0; i < len; i++) {
                bool clear = i < 6 || i + 4 >= len;
                if (clear ? !isdigit((unsigned char)s[i]) : s[i] != 'X')
                        return false;
        }
        return true;
}

static bool check_text_kind(const json_t *value, const struct cw_dsim_field *field, const char **want) {
        const char *s = json_string_value(value);
        int64_t ms = 0;
        *want = "must be a non-empty string of the documented length";
        if (!json_is_string(value) || !good_text(value, field->max_len))
                return false;
        switch (field->type) {
        case CW_DSIM_CHOICE:
                *want = "has a value that is not documented";
                return is_choice(value, field->choices);
        case CW_DSIM_DATE:
                *want = "must be a date YYYY-MM-DD";
                return cw_dsim_parse_date(s, &ms);
        case CW_DSIM_STAMP:
                *want = "must be a time YYYY-MM-DD HH:mm:ss";
                return cw_dsim_parse_stamp(s, &ms);
        case CW_DSIM_ISO:
                *want = "must be an ISO-8601 UTC time ending in Z";
                return cw_dsim_parse_iso_z(s, &ms);
        case CW_DSIM_DAY:
                *want = "must be a date DD-MM-YYYY";
                return good_day(s);
        case CW_DSIM_AMOUNT:
                *want = "must be an amount in decimal format";
                return good_amount(s);
        case CW_DSIM_MASKED:
                *want = "must be a masked card number such as 123456XXXXXX6789";
                return good_masked(s);
        default:
                return true;
        }
}

static bool check_texts(const json_t *value, const char **want) {
        *want = "must be an array of 1 to 1000 non-empty strings";
        if (!json_is_array(value) || json_array_size(value) == 0 || json_array_size(value) > ENTRIES_MAX)
                return false;
        for (size_t i = 0; i < json_array_size(value); i++) {
                const json_t *entry = json_array_get(value, i);
                if (!json_is_string(entry) || !good_text(entry, 64))
                        return false;
        }
        return true;
}

static bool check_frees(const json_t *value, const char **want) {
        *want = "must be an array of objects";
        if (!json_is_array(value) || json_array_size(value) == 0 || json_array_size(value) > ENTRIES_MAX)
                return false;
        for (size_t i = 0; i < json_array_size(value); i++)
                if (!json_is_object(json_array_get(value, i)))
                        return false;
        return true;
}

static bool check_scalar(const json_t *value, const struct cw_dsim_field *field, const char **want) {
        switch (field->type) {
        case CW_DSIM_INT:
                *want = "must be a whole number, not negative";
                return json_is_integer(value) && json_integer_value(value) >= 0 &&
                       json_integer_value(value) <= 1000000000;
        case CW_DSIM_BOOL:
                *want = "must be true or false";
                return json_is_boolean(value);
        case CW_DSIM_ACCOUNT:
                *want = "must be an account number";
                return good_account(value);
        case CW_DSIM_MMYY:
                *want = "must be MMYY";
                return good_mmyy(value);
        case CW_DSIM_FREE:
                *want = "must be an object";
                return json_is_object(value);
        case CW_DSIM_FREES:
                return check_frees(value, want);
        case CW_DSIM_TEXTS:
                return check_texts(value, want);
        default:
                return check_text_kind(value, field, want);
        }
}

static bool check_objects(json_t *value, const struct cw_dsim_field *field, const char *prefix,
                          struct cw_dsim_complaint *complaint) {
        if (!json_is_array(value) || json_array_size(value) == 0 || json_array_size(value) > ENTRIES_MAX)
                return complain(complaint, prefix, field->name, "must be an array of 1 to 1000 objects");
        for (size_t i = 0; i < json_array_size(value); i++) {
                char path[96];
                (void)snprintf(path, sizeof path, "%.40s%s[%zu].", prefix, field->name, i);
                if (!check_object(json_array_get(value, i), field->sub, path, complaint))
                        return false;
        }
        return true;
}

static bool check_field(json_t *value, const struct cw_dsim_field *field, const char *prefix,
                        struct cw_dsim_complaint *complaint) {
        if (json_is_null(value) && (field->flags & CW_DSIM_NULLABLE))
                return true;
        if (field->type == CW_DSIM_OBJECTS)
                return check_objects(value, field, prefix, complaint);
        if (field->type == CW_DSIM_OBJECT) {
                char path[96];
                (void)snprintf(path, sizeof path, "%.40s%s.", prefix, field->name);
                return check_object(value, field->sub, path, complaint);
        }
        const char *want = "";
        return check_scalar(value, field, &want) || complain(complaint, prefix, field->name, want);
}

static const struct cw_dsim_field *find_field(const struct cw_dsim_field *fields, const char *name) {
        for (; fields->name; fields++)
                if (strcmp(fields->name, name) == 0)
                        return fields;
        return NULL;
}

static bool check_object(json_t *object, const struct cw_dsim_field *fields, const char *prefix,
                         struct cw_dsim_complaint *complaint) {
        const char *name;
        json_t *value;
        if (!json_is_object(object))
                return complain(complaint, prefix, "value", "must be an object");
        json_object_foreach(object, name, value) {
                const struct cw_dsim_field *field = find_field(fields, name);
                if (!field)
                        return complain(complaint, prefix, name, "is not a documented field");
                if (!check_field(value, field, prefix, complaint))
                        return false;
        }
        for (; fields->name; fields++) {
                if (!(fields->flags & CW_DSIM_REQUIRED) || json_object_get(object, fields->name))
                        continue;
                (void)complain(complaint, prefix, fields->name, "is required");
                complaint->missing = true;
                return false;
        }
        return true;
}

bool cw_dsim_schema_check(json_t *object, const struct cw_dsim_field *fields,
                          struct cw_dsim_complaint *ret_complaint) {
        return check_object(object, fields, "", ret_complaint);
}

bool cw_dsim_schema_check_array(json_t *array, const struct cw_dsim_field *fields,
                                struct cw_dsim_complaint *ret_complaint) {
        const struct cw_dsim_field whole = {"", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, 0, NULL, fields};
        return check_objects(array, &whole, "", ret_complaint);
}
