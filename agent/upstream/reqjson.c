/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies from validated JSON: members, address arguments, the multipart form of a file. */
#include "agent/upstream/request.h"

#include "agent/upstream/rc.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static int put_piece(const char *bytes, size_t len, void *ctx) {
        struct cw_request *r = ctx;
        cw_request_put(r, bytes, len);
        return r->rc == CW_OK ? 0 : -1;
}

static void put_text(struct cw_request *r, const char *text) {
        cw_request_put(r, text, strlen(text));
}

/* {operation} of the path, or a further ?member=value. Both were checked to be words. */
static void put_in_address(struct cw_request *r, const struct cw_dcms_field *field, const char *value) {
        char hole[48];
        char path[CW_REQUEST_PATH_CAP];
        int n = 0;
        (void)snprintf(hole, sizeof hole, "{%s}", field->name);
        const char *at = strstr(r->path, hole);
        if (field->kind == CW_DCMS_F_PATH && at)
                n = snprintf(path, sizeof path, "%.*s%s%s", (int)(at - r->path), r->path, value,
                             at + strlen(hole));
        else
                n = snprintf(path, sizeof path, "%s%c%s=%s", r->path, strchr(r->path, '?') ? '&' : '?',
                             field->name, value);
        if (n < 0 || (size_t)n >= sizeof path)
                r->bad = field->name;
        else
                memcpy(r->path, path, (size_t)n + 1);
}

/* null members were let pass as absent: they are not sent. In place. */
static void drop_nulls(json_t *value) {
        const char *name = NULL;
        json_t *member = NULL;
        void *next = NULL;
        for (size_t i = 0; i < json_array_size(value); i++)
                drop_nulls(json_array_get(value, i));
        json_object_foreach_safe(value, next, name, member) {
                if (json_is_null(member))
                        (void)json_object_del(value, name);
                else
                        drop_nulls(member);
        }
}

/* The members that stand in the body; those of the address go there. New reference. */
static json_t *take_address(struct cw_request *r, const json_t *fields) {
        json_t *body = json_deep_copy(fields);
        drop_nulls(body);
        size_t count = 0;
        const struct cw_dcms_field *rows = cw_dcms_fields(&count);
        for (size_t i = 0; i < count; i++) {
                bool address = rows[i].kind == CW_DCMS_F_PATH || rows[i].kind == CW_DCMS_F_QUERY;
                const json_t *value = json_object_get(body, rows[i].name);
                if (rows[i].endpoint != r->endpoint->id || !address || !value)
                        continue;
                put_in_address(r, &rows[i], json_string_value(value));
                (void)json_object_del(body, rows[i].name);
        }
        return body;
}

static void put_members(struct cw_request *r, const json_t *fields) {
        CW_AUTO_JSON json_t *body = take_address(r, fields);
        const char *name = NULL;
        json_t *value = NULL;
        json_object_foreach(body, name, value) {
                CW_AUTO_JSON json_t *key = json_string(name);
                if (r->seen)
                        put_text(r, ",");
                r->seen = 1;
                if (!key || json_dump_callback(key, put_piece, r, JSON_ENCODE_ANY) < 0)
                        r->rc = r->rc == CW_OK ? CW_UP(RETRY, CW_E_NOMEM) : r->rc;
                put_text(r, ":");
                if (json_dump_callback(value, put_piece, r, JSON_ENCODE_ANY | JSON_COMPACT) < 0)
                        r->rc = r->rc == CW_OK ? CW_UP(RETRY, CW_E_NOMEM) : r->rc;
        }
}

static void put_rows(struct cw_request *r, const json_t *rows) {
        for (size_t i = 0; i < json_array_size(rows); i++) {
                if (i > 0)
                        put_text(r, ",");
                if (json_dump_callback(json_array_get(rows, i), put_piece, r, JSON_COMPACT) < 0)
                        r->rc = r->rc == CW_OK ? CW_UP(RETRY, CW_E_NOMEM) : r->rc;
        }
}

static void put_secrets(struct cw_request *r, const struct cw_dcms_secret_field *secrets, size_t count) {
        for (size_t i = 0; i < count; i++) {
                if (r->seen)
                        put_text(r, ",");
                r->seen = 1;
                put_text(r, "\"");
                put_text(r, secrets[i].name);
                put_text(r, "\":");
                if (!cw_request_put_quoted(r, secrets[i].value->ptr, secrets[i].value->len) && !r->bad)
                        r->bad = secrets[i].name;
        }
}

/* One part named "file" (RFC 7578). The boundary is random, so that no file can hold it. */
static void put_file(struct cw_request *r, const char *name, const struct cw_secret *file) {
        char boundary[33];
        char head[384];
        uint8_t random[16];
        if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
                r->rc = CW_UP(RETRY, CW_E_IO);
                return;
        }
        for (size_t i = 0; i < sizeof random; i++) {
                boundary[2 * i] = "0123456789abcdef"[random[i] >> 4];
                boundary[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
        }
        boundary[32] = '\0';
        (void)snprintf(r->content_type, sizeof r->content_type, "multipart/form-data; boundary=%s", boundary);
        (void)snprintf(head, sizeof head,
                       "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
                       "Content-Type: text/plain\r\n\r\n",
                       boundary, name);
        put_text(r, head);
        cw_request_put(r, file->ptr, file->len);
        (void)snprintf(head, sizeof head, "\r\n--%s--\r\n", boundary);
        put_text(r, head);
}

void cw_request_json(struct cw_request *r, const json_t *fields, const struct cw_dcms_secret_field *secrets,
                     size_t secret_count) {
        r->checked = true;
        if (r->endpoint->body == CW_DCMS_B_ROWS) {
                put_rows(r, fields);
        } else if (r->endpoint->body == CW_DCMS_B_FILE) {
                put_file(r, json_string_value(json_object_get(fields, "fileName")), secrets[0].value);
        } else {
                put_members(r, fields);
                put_secrets(r, secrets, secret_count);
        }
}
