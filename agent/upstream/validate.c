/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/validate.h"

#include "agent/upstream/orderfile.h"
#include "agent/upstream/rc.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 99999999
#define NAME_CAP 96

/* ---- text kinds ---- */

/* '9' stands for a digit, everything else for itself. */
static bool has_shape(const char *text, const char *shape) {
        for (; *shape; shape++, text++)
                if (*shape == '9' ? *text < '0' || *text > '9' : *text != *shape)
                        return false;
        return *text == '\0';
}

static int two(const char *p) {
        return (p[0] - '0') * 10 + (p[1] - '0');
}

static bool month_ok(const char *p) {
        return two(p) >= 1 && two(p) <= 12;
}

static bool day_ok(const char *p) {
        return two(p) >= 1 && two(p) <= 31;
}

static bool clock_ok(const char *p) {
        return two(p) < 24 && two(p + 3) < 60 && two(p + 6) < 61;
}

static bool is_word_of(const char *words, const char *text) {
        size_t len = strlen(text);
        for (const char *at = words; *at; at += strcspn(at, "|"), at += *at == '|')
                if (strcspn(at, "|") == len && memcmp(at, text, len) == 0)
                        return true;
        return false;
}

static bool all_of(const char *text, const char *allowed) {
        return text[0] && text[strspn(text, allowed)] == '\0';
}

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool amount_ok(const char *text) {
        size_t whole = strspn(text, DIGITS);
        const char *rest = text + whole;
        return whole > 0 && (!*rest || has_shape(rest, ".9") || has_shape(rest, ".99"));
}

static bool masked_pan_ok(const char *text) {
        size_t len = strlen(text);
        size_t middle = strspn(text + (len > 6 ? 6 : len), "Xx*");
        return len >= 13 && strspn(text, DIGITS) == 6 && middle == len - 10 &&
               strspn(text + len - 4, DIGITS) == 4;
}

static bool file_name_ok(const char *text) {
        size_t len = strlen(text);
        return all_of(text, LETTERS DIGITS "_.-") && text[0] != '.' && len > 4 &&
               strcmp(text + len - 4, ".txt") == 0;
}

static bool form_ok(const struct cw_dcms_field *field, const char *text) {
        switch (field->kind) {
        case CW_DCMS_F_CHOICE:
        case CW_DCMS_F_QUERY:
                return is_word_of(field->words, text);
        case CW_DCMS_F_DIGITS:
        case CW_DCMS_F_ACCOUNT:
                return all_of(text, DIGITS);
        case CW_DCMS_F_AMOUNT:
                return amount_ok(text);
        case CW_DCMS_F_MASKED_PAN:
                return masked_pan_ok(text);
        case CW_DCMS_F_MMYY:
                return has_shape(text, "9999") && month_ok(text);
        case CW_DCMS_F_DATE:
                return has_shape(text, "9999-99-99") && month_ok(text + 5) && day_ok(text + 8);
        case CW_DCMS_F_DAY_FIRST:
                return has_shape(text, "99-99-9999") && day_ok(text) && month_ok(text + 3);
        case CW_DCMS_F_STAMP:
                return has_shape(text, "9999-99-99 99:99:99") && month_ok(text + 5) && day_ok(text + 8) &&
                       clock_ok(text + 11);
        case CW_DCMS_F_ISO:
                return has_shape(text, "9999-99-99T99:99:99Z") && month_ok(text + 5) && day_ok(text + 8) &&
                       clock_ok(text + 11);
        case CW_DCMS_F_FILE_NAME:
                return file_name_ok(text);
        case CW_DCMS_F_PATH:
                return all_of(text, LETTERS DIGITS "_-");
        default:
                return true;
        }
}

bool cw_dcms_text_ok(const struct cw_dcms_field *field, const char *text, size_t len) {
        size_t max = field->max ? field->max : 63;
        return len > 0 && len <= max && strlen(text) == len && form_ok(field, text);
}

static bool is_text_kind(enum cw_dcms_kind kind) {
        return kind <= CW_DCMS_F_QUERY;
}

/* ---- the walk ---- */

struct walk {
        const struct cw_dcms_endpoint *e;
        struct cw_fault *f;
};

static cw_rc wrong(const struct walk *w, unsigned code, const char *name, const char *what) {
        return cw_fail(w->f, CW_UP(REJECT, code), 0, w->e->name, "", "%s: %s %s", w->e->name, name, what);
}

static const char *want_of(const struct cw_dcms_field *field) {
        switch (field->kind) {
        case CW_DCMS_F_CHOICE:
        case CW_DCMS_F_QUERY:
                return field->words;
        case CW_DCMS_F_DIGITS:
                return "digits";
        case CW_DCMS_F_AMOUNT:
                return "an amount such as 200.00";
        case CW_DCMS_F_MASKED_PAN:
                return "first 6 and last 4 digits with X between, never the whole number";
        case CW_DCMS_F_MMYY:
                return "MMYY";
        case CW_DCMS_F_DATE:
                return "YYYY-MM-DD";
        case CW_DCMS_F_DAY_FIRST:
                return "DD-MM-YYYY";
        case CW_DCMS_F_STAMP:
                return "YYYY-MM-DD HH:mm:ss";
        case CW_DCMS_F_ISO:
                return "YYYY-MM-DDTHH:mm:ssZ";
        case CW_DCMS_F_FILE_NAME:
                return "a file name of letters, digits, _ . - that ends in .txt";
        case CW_DCMS_F_PATH:
                return "letters, digits, - and _";
        case CW_DCMS_F_ACCOUNT:
                return "an account number: digits";
        case CW_DCMS_F_NUMBER:
                return "a whole number, 0 to 99999999";
        case CW_DCMS_F_BOOL:
                return "true or false";
        case CW_DCMS_F_LIST:
                return "a list of texts";
        case CW_DCMS_F_OBJECT:
        case CW_DCMS_F_FREE:
                return "an object";
        case CW_DCMS_F_OBJECTS:
        case CW_DCMS_F_FREE_LIST:
                return "a list of objects";
        default:
                return "a text";
        }
}

static cw_rc refuse_value(const struct walk *w, const struct cw_dcms_field *field) {
        char text[200];
        (void)snprintf(text, sizeof text, "must be %s%s", want_of(field),
                       field->max ? ", not longer than documented" : "");
        return wrong(w, CW_E_RANGE, field->name, text);
}

static bool list_ok(const struct cw_dcms_field *field, const json_t *value) {
        size_t count = json_array_size(value);
        if (!json_is_array(value) || count == 0 || count > field->max)
                return false;
        for (size_t i = 0; i < count; i++) {
                const json_t *item = json_array_get(value, i);
                if (field->kind == CW_DCMS_F_LIST ? !json_is_string(item) || json_string_length(item) == 0 ||
                                                        json_string_length(item) > 63
                                                  : !json_is_object(item))
                        return false;
        }
        return true;
}

static bool scalar_ok(const struct cw_dcms_field *field, const json_t *value) {
        if (is_text_kind(field->kind))
                return json_is_string(value) &&
                       cw_dcms_text_ok(field, json_string_value(value), json_string_length(value));
        switch (field->kind) {
        case CW_DCMS_F_ACCOUNT:
                return json_is_integer(value)
                           ? json_integer_value(value) > 0
                           : json_is_string(value) &&
                                 cw_dcms_text_ok(field, json_string_value(value), json_string_length(value));
        case CW_DCMS_F_NUMBER:
                return json_is_integer(value) && json_integer_value(value) >= 0 &&
                       json_integer_value(value) <= NUMBER_MAX;
        case CW_DCMS_F_BOOL:
                return json_is_boolean(value);
        case CW_DCMS_F_FREE:
                return json_is_object(value);
        case CW_DCMS_F_LIST:
        case CW_DCMS_F_FREE_LIST:
                return list_ok(field, value);
        default:
                return false;
        }
}

static cw_rc check_object(const struct walk *w, const json_t *object, const char *prefix);

static cw_rc check_nested(const struct walk *w, const struct cw_dcms_field *field, const json_t *value) {
        char prefix[NAME_CAP];
        bool many = field->kind == CW_DCMS_F_OBJECTS;
        (void)snprintf(prefix, sizeof prefix, "%s%s", field->name, many ? "[]." : ".");
        if (!many)
                return json_is_object(value) ? check_object(w, value, prefix) : refuse_value(w, field);
        size_t count = json_array_size(value);
        if (!json_is_array(value) || count == 0 || count > field->max)
                return refuse_value(w, field);
        for (size_t i = 0; i < count; i++) {
                const json_t *item = json_array_get(value, i);
                cw_rc rc = json_is_object(item) ? check_object(w, item, prefix) : refuse_value(w, field);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

/* Names come from a person; only what is printable comes back to the terminal. */
static cw_rc unknown(const struct walk *w, const char *name) {
        char safe[48];
        size_t n = 0;
        for (; name[n] && n + 1 < sizeof safe; n++)
                safe[n] = name[n] > 0x20 && name[n] < 0x7f ? name[n] : '?';
        safe[n] = '\0';
        return wrong(w, CW_E_NOT_FOUND, safe, "is no member of this call; see cardwright dcms endpoints");
}

static cw_rc check_member(const struct walk *w, const char *prefix, const char *name, const json_t *value) {
        char full[NAME_CAP];
        int n = snprintf(full, sizeof full, "%s%s", prefix, name);
        /* A dot in a name of the request must not reach the nested rows of the table. */
        const struct cw_dcms_field *field = n < 0 || (size_t)n >= sizeof full || strpbrk(name, ".[")
                                                ? NULL
                                                : cw_dcms_field(w->e->id, full, NULL);
        if (!field)
                return unknown(w, name);
        /* null stands for absent, as in the documents' own samples; it is not sent. */
        if (json_is_null(value) && !field->required)
                return CW_OK;
        if (field->kind == CW_DCMS_F_SECRET)
                return wrong(w, CW_E_DENIED, full, "is secret and cannot be given this way");
        if (field->kind == CW_DCMS_F_OBJECT || field->kind == CW_DCMS_F_OBJECTS)
                return check_nested(w, field, value);
        return scalar_ok(field, value) ? CW_OK : refuse_value(w, field);
}

/* True when the table row is a direct member of the object at prefix. */
static bool is_member_at(const char *name, const char *prefix) {
        size_t len = strlen(prefix);
        return strncmp(name, prefix, len) == 0 && !strpbrk(name + len, ".[");
}

static cw_rc check_required(const struct walk *w, const json_t *object, const char *prefix) {
        size_t count = 0;
        const struct cw_dcms_field *fields = cw_dcms_fields(&count);
        for (size_t i = 0; i < count; i++) {
                const struct cw_dcms_field *field = &fields[i];
                if (field->endpoint != w->e->id || !field->required || field->kind == CW_DCMS_F_SECRET ||
                    !is_member_at(field->name, prefix))
                        continue;
                if (!json_object_get(object, field->name + strlen(prefix)))
                        return wrong(w, CW_E_MISSING, field->name, "is missing");
        }
        return CW_OK;
}

static cw_rc check_object(const struct walk *w, const json_t *object, const char *prefix) {
        const char *name = NULL;
        json_t *value = NULL;
        /* jansson's iteration wants a pointer without const; nothing is changed. */
        json_object_foreach((json_t *)(uintptr_t)object, name, value) {
                cw_rc rc = check_member(w, prefix, name, value);
                if (rc != CW_OK)
                        return rc;
        }
        return check_required(w, object, prefix);
}

static cw_rc check_rows(const struct walk *w, const json_t *rows) {
        size_t count = json_array_size(rows);
        if (!json_is_array(rows) || count == 0 || count > 1000)
                return wrong(w, CW_E_RANGE, "the body", "must be a list of 1 to 1000 objects");
        for (size_t i = 0; i < count; i++) {
                const json_t *row = json_array_get(rows, i);
                cw_rc rc = json_is_object(row) ? check_object(w, row, "")
                                               : wrong(w, CW_E_RANGE, "the body", "must hold objects only");
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

static const struct cw_secret *secret_named(const struct cw_dcms_secret_field *secrets, size_t count,
                                            const char *name) {
        for (size_t i = 0; i < count; i++)
                if (strcmp(secrets[i].name, name) == 0)
                        return secrets[i].value;
        return NULL;
}

static cw_rc check_secrets(const struct walk *w, const struct cw_dcms_secret_field *secrets,
                           size_t secret_count) {
        size_t count = 0;
        const struct cw_dcms_field *fields = cw_dcms_fields(&count);
        for (size_t i = 0; i < secret_count; i++) {
                const struct cw_dcms_field *field = cw_dcms_field(w->e->id, secrets[i].name, NULL);
                if (!field || field->kind != CW_DCMS_F_SECRET)
                        return unknown(w, secrets[i].name);
        }
        for (size_t i = 0; i < count; i++) {
                if (fields[i].endpoint != w->e->id || fields[i].kind != CW_DCMS_F_SECRET)
                        continue;
                const struct cw_secret *value = secret_named(secrets, secret_count, fields[i].name);
                if (fields[i].required && (!value || value->len == 0))
                        return wrong(w, CW_E_MISSING, fields[i].name, "is missing");
                if (value && value->len > fields[i].max)
                        return wrong(w, CW_E_TOO_BIG, fields[i].name, "is too long");
        }
        return CW_OK;
}

/* What the pages say in a sentence, not in their field lists. */
static cw_rc check_rules(const struct walk *w, const json_t *fields,
                         const struct cw_dcms_secret_field *secrets) {
        const char *fault = NULL;
        switch (w->e->id) {
        case CW_DCMS_EP_ORDER_UPLOAD:
                fault = cw_orderfile_fault(secrets[0].value->ptr, secrets[0].value->len);
                return fault ? cw_fail(w->f, CW_UP(REJECT, CW_E_SYNTAX), 0, w->e->name, "ORD002", "%s", fault)
                             : CW_OK;
        case CW_DCMS_EP_KIT_EXPIRE:
                if (!json_object_get(fields, "kitNo") && !json_object_get(fields, "parentKitNo"))
                        return wrong(w, CW_E_MISSING, "kitNo or parentKitNo", "must be given");
                return CW_OK;
        case CW_DCMS_EP_MANAGE_ALL_KITS:
                if (!json_object_get(fields, "mobileNo") && !json_object_get(fields, "entityId"))
                        return wrong(w, CW_E_MISSING, "mobileNo or entityId", "must be given");
                return CW_OK;
        case CW_DCMS_EP_KITS_INVENTORY:
        case CW_DCMS_EP_ORDERS_INVENTORY:
                if (!json_object_get(fields, "kitRefNo") && !json_object_get(fields, "orderIds") &&
                    !json_object_get(fields, "branchId") && !json_object_get(fields, "orderingPartyId"))
                        return wrong(w, CW_E_MISSING, "kitRefNo, orderIds, branchId or orderingPartyId",
                                     "must be given");
                return CW_OK;
        case CW_DCMS_EP_REGISTER:
                if (json_object_get(fields, "kitInfo") && !json_object_get(fields, "deliveryAddress"))
                        return wrong(w, CW_E_MISSING, "deliveryAddress", "must be given with kitInfo");
                return CW_OK;
        default:
                return CW_OK;
        }
}

cw_rc cw_dcms_validate(const struct cw_dcms_endpoint *e, const json_t *fields,
                       const struct cw_dcms_secret_field *secrets, size_t secret_count, struct cw_fault *f) {
        struct cw_fault local;
        const struct walk w = {.e = e, .f = f ? f : &local};
        cw_rc rc = CW_OK;
        if (e->body == CW_DCMS_B_ROWS)
                rc = check_rows(&w, fields);
        else if (fields && !json_is_object(fields))
                rc = wrong(&w, CW_E_RANGE, "the body", "must be an object");
        else
                rc = check_object(&w, fields, "");
        if (rc == CW_OK)
                rc = check_secrets(&w, secrets, secret_count);
        return rc == CW_OK ? check_rules(&w, fields, secrets) : rc;
}
