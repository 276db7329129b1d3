/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/request.h"

#include "agent/upstream/rc.h"

#include <stdio.h>
#include <string.h>

#define BODY_START 2048u

static void grow(struct cw_request *r, size_t more) {
        size_t cap = r->body->cap;
        while (cap - r->body->len < more && cap < CW_SECRET_CAP_MAX)
                cap *= 2;
        if (cap - r->body->len < more) {
                r->rc = CW_UP(FATAL, CW_E_TOO_BIG);
                return;
        }
        if (cap == r->body->cap)
                return;
        struct cw_secret *bigger = NULL;
        r->rc = cw_secret_new(cap, &bigger);
        if (r->rc != CW_OK)
                return;
        memcpy(bigger->ptr, r->body->ptr, r->body->len);
        bigger->len = r->body->len;
        cw_secret_free(r->body);
        r->body = bigger;
}

void cw_request_put(struct cw_request *r, const void *bytes, size_t len) {
        if (r->rc != CW_OK)
                return;
        grow(r, len);
        if (r->rc != CW_OK)
                return;
        memcpy(r->body->ptr + r->body->len, bytes, len);
        r->body->len += len;
}

static void put_text(struct cw_request *r, const char *text) {
        cw_request_put(r, text, strlen(text));
}

/* Length of the UTF-8 sequence at p, 0 when it is not one (overlong forms and surrogates included). */
static size_t utf8_len(const unsigned char *p, size_t left) {
        if (p[0] < 0x80)
                return 1;
        size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
        if (p[0] < 0xc2 || p[0] > 0xf4 || n > left)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
            (p[0] == 0xf4 && p[1] > 0x8f))
                return 0;
        return n;
}

bool cw_request_put_quoted(struct cw_request *r, const void *value, size_t len) {
        const unsigned char *p = value;
        put_text(r, "\"");
        for (size_t i = 0; i < len;) {
                size_t n = utf8_len(p + i, len - i);
                if (n == 0)
                        return false;
                char escape[8];
                if (p[i] == '"' || p[i] == '\\')
                        (void)snprintf(escape, sizeof escape, "\\%c", p[i]);
                else if (p[i] < 0x20 || p[i] == 0x7f)
                        (void)snprintf(escape, sizeof escape, "\\u%04x", p[i]);
                else
                        escape[0] = '\0';
                if (escape[0])
                        put_text(r, escape);
                else
                        cw_request_put(r, p + i, n);
                i += n;
        }
        put_text(r, "\"");
        return true;
}

static void refuse(struct cw_request *r, const char *member) {
        if (!r->bad)
                r->bad = member;
}

/* Writes the separator and the name; NULL when the table refuses the member. */
static const struct cw_dcms_field *open_member(struct cw_request *r, const char *member,
                                               enum cw_dcms_kind kind) {
        unsigned bit = 0;
        const struct cw_dcms_field *field = cw_dcms_field(r->endpoint->id, member, &bit);
        bool fits = field && (kind == CW_DCMS_F_TEXT ? field->kind < CW_DCMS_F_PATH : field->kind == kind);
        if (!fits || (r->seen & ((uint64_t)1 << bit))) {
                refuse(r, member);
                return NULL;
        }
        put_text(r, r->seen ? "," : "");
        r->seen |= (uint64_t)1 << bit;
        (void)cw_request_put_quoted(r, member, strlen(member));
        put_text(r, ":");
        return field;
}

void cw_request_begin(struct cw_request *r, enum cw_dcms_endpoint_id id) {
        *r = (struct cw_request){.endpoint = cw_dcms_endpoint(id), .content_type = "application/json"};
        (void)snprintf(r->path, sizeof r->path, "%s", r->endpoint->path);
        r->rc = cw_secret_new(BODY_START, &r->body);
        if (r->endpoint->body != CW_DCMS_B_FILE)
                put_text(r, r->endpoint->body == CW_DCMS_B_ROWS ? "[" : "{");
}

/* Every required member of the object that ends must have been there. */
static void check_required(struct cw_request *r) {
        size_t count = 0;
        unsigned bit = 0;
        const struct cw_dcms_field *fields = cw_dcms_fields(&count);
        for (size_t i = 0; i < count; i++) {
                if (fields[i].endpoint != r->endpoint->id)
                        continue;
                if (fields[i].required && !(r->seen & ((uint64_t)1 << bit)) && !strpbrk(fields[i].name, ".["))
                        refuse(r, fields[i].name);
                bit++;
        }
}

void cw_request_row(struct cw_request *r) {
        if (r->rows++ > 0) {
                check_required(r);
                put_text(r, "},");
        }
        r->seen = 0;
        put_text(r, "{");
}

void cw_request_text(struct cw_request *r, const char *member, const char *value) {
        if (!value || !value[0])
                return;
        const struct cw_dcms_field *field = open_member(r, member, CW_DCMS_F_TEXT);
        if (!field)
                return;
        size_t len = strlen(value);
        if (!cw_dcms_text_ok(field, value, len) || !cw_request_put_quoted(r, value, len))
                refuse(r, member);
}

void cw_request_secret(struct cw_request *r, const char *member, const struct cw_secret *value) {
        if (!value || value->len == 0)
                return;
        const struct cw_dcms_field *field = open_member(r, member, CW_DCMS_F_SECRET);
        if (!field)
                return;
        if (value->len > field->max || !cw_request_put_quoted(r, value->ptr, value->len))
                refuse(r, member);
}

void cw_request_list(struct cw_request *r, const char *member, const char *const *values, size_t count) {
        if (count == 0)
                return;
        const struct cw_dcms_field *field = open_member(r, member, CW_DCMS_F_LIST);
        if (!field)
                return;
        if (count > field->max)
                refuse(r, member);
        put_text(r, "[");
        for (size_t i = 0; i < count && !r->bad; i++) {
                put_text(r, i ? "," : "");
                if (!values[i] || !values[i][0] || strlen(values[i]) > 63 ||
                    !cw_request_put_quoted(r, values[i], strlen(values[i])))
                        refuse(r, member);
        }
        put_text(r, "]");
}

#define NUMBER_WIDTH 8

void cw_request_number(struct cw_request *r, const char *member, int64_t value, size_t *ret_at) {
        if (!open_member(r, member, CW_DCMS_F_NUMBER))
                return;
        char text[24];
        int n = snprintf(text, sizeof text, "%*lld", NUMBER_WIDTH, (long long)value);
        if (n != NUMBER_WIDTH)
                refuse(r, member);
        if (ret_at && r->body)
                *ret_at = r->body->len;
        put_text(r, text);
}

void cw_request_patch(struct cw_secret *body, size_t at, int64_t value) {
        char text[24];
        int n = snprintf(text, sizeof text, "%*lld", NUMBER_WIDTH, (long long)value);
        if (n == NUMBER_WIDTH && at + NUMBER_WIDTH <= body->len)
                memcpy(body->ptr + at, text, NUMBER_WIDTH);
}

static void put_request_id(struct cw_request *r, const char *request_id) {
        size_t len = request_id ? strlen(request_id) : 0;
        if (len == 0 || len > 64) {
                refuse(r, "requestId");
                return;
        }
        put_text(r, r->seen ? ",\"requestId\":" : "\"requestId\":");
        if (!cw_request_put_quoted(r, request_id, len))
                refuse(r, "requestId");
}

/* What may stand in a header line. */
static bool header_word(const char *text) {
        size_t len = text ? strlen(text) : 0;
        for (size_t i = 0; i < len; i++)
                if (text[i] <= 0x20 || text[i] >= 0x7f)
                        return false;
        return len > 0 && len <= 64;
}

cw_rc cw_request_end(struct cw_request *r, const char *request_id, struct cw_secret **ret,
                     struct cw_fault *f) {
        bool rows = r->endpoint->body == CW_DCMS_B_ROWS;
        if (!r->checked && (!rows || r->rows > 0))
                check_required(r);
        else if (!r->checked)
                refuse(r, "(rows)");
        if (r->endpoint->request_id && rows && !header_word(request_id))
                refuse(r, "requestId");
        else if (r->endpoint->request_id && !rows)
                put_request_id(r, request_id);
        if (r->endpoint->body != CW_DCMS_B_FILE)
                put_text(r, !rows ? "}" : r->checked ? "]" : "}]");
        if (r->rc == CW_OK && !r->bad) {
                *ret = CW_STEAL(r->body);
                return CW_OK;
        }
        cw_rc rc = r->rc;
        const char *bad = r->bad;
        cw_request_drop(r);
        if (bad)
                return cw_fail(
                    f, CW_UP(FATAL, CW_E_RANGE), 0, r->endpoint->name, "",
                    "the call %s was made with a missing, too long or malformed %s; this is an error of "
                    "the program, report it",
                    r->endpoint->name, bad);
        return cw_fail(f, rc, 0, r->endpoint->name, "",
                       "no memory for the request; free memory or raise "
                       "LimitMEMLOCK of cardwrightd");
}

void cw_request_drop(struct cw_request *r) {
        cw_secret_free(r->body);
        r->body = NULL;
}
