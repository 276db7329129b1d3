/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/envelope.h"

#include "agent/upstream/rc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cw_json_text(const json_t *object, const char *member, char *ret, size_t cap) {
        const json_t *v = json_object_get(object, member);
        int n = -1;
        if (json_is_string(v))
                n = snprintf(ret, cap, "%s", json_string_value(v));
        else if (json_is_integer(v))
                n = snprintf(ret, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        else if (json_is_boolean(v))
                n = snprintf(ret, cap, "%s", json_is_true(v) ? "true" : "false");
        if (n >= 0 && (size_t)n < cap)
                return true;
        ret[0] = '\0';
        return false;
}

int64_t cw_json_whole(const json_t *object, const char *member) {
        char text[20];
        if (!cw_json_text(object, member, text, sizeof text))
                return -1;
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 18 || text[digits])
                return -1;
        return strtoll(text, NULL, 10);
}

/* Appends printable ASCII and UTF-8; control characters become blanks. */
static void add_text(char *ret, size_t cap, const char *text) {
        size_t n = strlen(ret);
        if (n > 0 && text[0] && n + 3 < cap) {
                ret[n++] = ';';
                ret[n++] = ' ';
        }
        for (; *text && n + 1 < cap; text++)
                ret[n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text;
        /* Not in the middle of a UTF-8 character. */
        while (*text && n > 0 && ((unsigned char)ret[n - 1] & 0xc0) == 0x80)
                n--;
        if (*text && n > 0 && (unsigned char)ret[n - 1] >= 0xc0)
                n--;
        ret[n] = '\0';
}

static void add_member(const json_t *exception, const char *member, char *ret, size_t cap) {
        const char *text = json_string_value(json_object_get(exception, member));
        if (text && !strstr(ret, text))
                add_text(ret, cap, text);
}

/* "400 BAD_REQUEST", "BAD_REQUEST", 400 or "400". */
static int read_status(const json_t *exception) {
        static const struct {
                const char *name;
                int status;
        } names[] = {
            {"BAD_REQUEST", 400},
            {"UNAUTHORIZED", 401},
            {"FORBIDDEN", 403},
            {"NOT_FOUND", 404},
            {"CONFLICT", 409},
            {"TOO_MANY_REQUESTS", 429},
            {"INTERNAL_SERVER_ERROR", 500},
            {"BAD_GATEWAY", 502},
            {"SERVICE_UNAVAILABLE", 503},
            {"GATEWAY_TIMEOUT", 504},
        };
        char text[48];
        if (!cw_json_text(exception, "httpStatus", text, sizeof text))
                return 0;
        if (strspn(text, "0123456789") == 3 && (text[3] == '\0' || text[3] == ' '))
                return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                if (strcmp(text, names[i].name) == 0)
                        return names[i].status;
        return 0;
}

void cw_envelope_exception(const json_t *exception, struct cw_envelope *ret) {
        static const char *const messages[] = {"errorMessage", "shortMessage", "detailMessage", "message"};
        ret->refused = true;
        ret->text[0] = '\0';
        if (!cw_json_text(exception, "errorCode", ret->code, sizeof ret->code))
                ret->code[0] = '\0';
        /* What is matched on and logged as a code is a word, nothing else. */
        if (ret->code[strspn(ret->code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")])
                ret->code[0] = '\0';
        for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
                add_member(exception, messages[i], ret->text, sizeof ret->text);
        const json_t *fields = json_object_get(exception, "fieldError");
        for (size_t i = 0; i < json_array_size(fields); i++) {
                const char *field = json_string_value(json_array_get(fields, i));
                if (field)
                        add_text(ret->text, sizeof ret->text, field);
        }
        if (json_is_string(exception))
                add_text(ret->text, sizeof ret->text, json_string_value(exception));
        ret->status = read_status(exception);
}

static bool is_set(const json_t *v) {
        return v && !json_is_null(v);
}

static void read_pagination(const json_t *pagination, struct cw_envelope *ret) {
        int64_t rows = cw_json_whole(pagination, "totalRecords");
        if (rows < 0)
                rows = cw_json_whole(pagination, "totalElements");
        int64_t pages = cw_json_whole(pagination, "totalPages");
        if (rows >= 0)
                ret->total_rows = rows;
        if (pages >= 0)
                ret->total_pages = pages;
}

static bool is_envelope(const json_t *v) {
        return json_object_get(v, "result") || json_object_get(v, "exception");
}

static void read_level(const json_t *level, struct cw_envelope *ret) {
        ret->result = json_object_get(level, "result");
        read_pagination(json_object_get(level, "pagination"), ret);
        const json_t *exception = json_object_get(level, "exception");
        if (is_set(exception) && !ret->refused)
                cw_envelope_exception(exception, ret);
}

cw_rc cw_envelope_read(const json_t *root, struct cw_envelope *ret) {
        *ret = (struct cw_envelope){.total_rows = -1, .total_pages = -1};
        if (!is_envelope(root))
                return CW_UP(REJECT, CW_E_SYNTAX);
        read_level(root, ret);
        /* fetchKitSummary puts a whole envelope into result. */
        if (json_object_get(ret->result, "result") && is_envelope(ret->result))
                read_level(ret->result, ret);
        return CW_OK;
}
