/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order file on its way into multipart/form-data: up to the first line end its name, the rest its bytes.
 * What is taken arrives whole, in one part that nothing in it can end or add to.
 */
#include "agent/upstream/request.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The body as RFC 7578 wants it, built here anew from its boundary. */
static void check_form(const struct cw_request *r, const struct cw_secret *body, const char *name,
                       const struct cw_secret *file) {
        const char *boundary = strstr(r->content_type, "boundary=");
        char head[512], tail[64];
        if (!boundary || strlen(boundary + 9) != 32)
                __builtin_trap();
        int h = snprintf(head, sizeof head,
                         "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
                         "Content-Type: text/plain\r\n\r\n",
                         boundary + 9, name);
        int t = snprintf(tail, sizeof tail, "\r\n--%s--\r\n", boundary + 9);
        if (body->len != (size_t)h + file->len + (size_t)t || memcmp(body->ptr, head, (size_t)h) != 0 ||
            memcmp(body->ptr + h, file->ptr, file->len) != 0 ||
            memcmp(body->ptr + (size_t)h + file->len, tail, (size_t)t) != 0)
                __builtin_trap();
        if (strpbrk(name, "\"\r\n\\/") || memmem(file->ptr, file->len, boundary + 9, 32))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const struct cw_dcms_endpoint *e = cw_dcms_endpoint_named("card-order.uploadFile");
        const uint8_t *line_end = size ? memchr(data, '\n', size) : NULL;
        if (!line_end || size > 65536)
                return 0;
        size_t name_len = (size_t)(line_end - data);
        CW_AUTO_JSON json_t *fields = json_object();
        CW_AUTO(cw_secret_free) struct cw_secret *file = NULL, *body = NULL;
        struct cw_fault f = {0};
        (void)json_object_set_new(fields, "fileName", json_stringn((const char *)data, name_len));
        if (cw_secret_dup(line_end + 1, size - name_len - 1, &file) != CW_OK)
                return 0;
        const struct cw_dcms_secret_field secret = {"file", file};
        if (cw_dcms_validate(e, fields, &secret, 1, &f) != CW_OK) {
                if (f.text[0] == '\0')
                        __builtin_trap();
                return 0;
        }
        struct cw_request r;
        cw_request_begin(&r, e->id);
        cw_request_json(&r, fields, &secret, 1);
        if (cw_request_end(&r, "", &body, &f) == CW_OK)
                check_form(&r, body, json_string_value(json_object_get(fields, "fileName")), file);
        return 0;
}
