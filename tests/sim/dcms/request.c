/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define BODY_MAX ((size_t)1 << 20)
#define POST_BUFFER 8192U

struct bytes {
        char *data;
        size_t len;
        bool too_large;
};

struct cw_dsim_request {
        struct cw_dsim_in in;
        struct bytes body;
        struct bytes file;
        char file_name[256];
        struct MHD_PostProcessor *parts; /* only for multipart/form-data */
        const char *part_fault;
        char method[16];
        char path[512];
};

static void append(struct bytes *bytes, const char *data, size_t len) {
        if (len > BODY_MAX - bytes->len) {
                bytes->too_large = true;
                return;
        }
        char *grown = realloc(bytes->data, bytes->len + len + 1);
        if (!grown) {
                bytes->too_large = true;
                return;
        }
        memcpy(grown + bytes->len, data, len);
        bytes->len += len;
        grown[bytes->len] = '\0';
        bytes->data = grown;
}

/* Exactly one part, named file, with a file name. */
static enum MHD_Result take_part(void *cls, enum MHD_ValueKind kind, const char *key, const char *file_name,
                                 const char *content_type, const char *encoding, const char *data,
                                 uint64_t offset, size_t size) {
        struct cw_dsim_request *request = cls;
        (void)kind;
        (void)content_type;
        (void)encoding;
        if (!key || strcmp(key, "file") != 0)
                request->part_fault = "only the part file is documented";
        else if (!file_name || !cw_dsim_copy(request->file_name, sizeof request->file_name, file_name))
                request->part_fault = "the part file needs a file name";
        else if (offset != request->file.len)
                request->part_fault = "the part file is there twice";
        else
                append(&request->file, data, size);
        return MHD_YES;
}

static enum MHD_Result take_argument(void *cls, enum MHD_ValueKind kind, const char *key, const char *value) {
        struct cw_dsim_in *in = cls;
        (void)kind;
        if (strcmp(key, "orderId") == 0 && value && *value && !in->order_arg)
                in->order_arg = value;
        else if (strcmp(key, "isAllCardsRequired") == 0 && value && !in->cards_arg)
                in->cards_arg = value;
        else
                in->stray_arg = key;
        return MHD_YES;
}

static const char *header(struct MHD_Connection *connection, const char *name) {
        return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

struct cw_dsim_request *cw_dsim_request_new(struct MHD_Connection *connection, const char *method,
                                            const char *path) {
        struct cw_dsim_request *request = calloc(1, sizeof *request);
        if (!request)
                return NULL;
        struct cw_dsim_in *in = &request->in;
        /* A path or method too long for any documented call becomes one that is not documented. */
        in->method = cw_dsim_copy(request->method, sizeof request->method, method) ? request->method : "?";
        in->path = cw_dsim_copy(request->path, sizeof request->path, path) ? request->path : "?";
        in->tenant = header(connection, "TENANT");
        in->authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
        in->content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
        in->request_id = header(connection, "X-Request-Id");
        if (!in->request_id)
                in->request_id = header(connection, "requestId");
        in->sim_token = header(connection, "X-Sim-Token");
        (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_argument, in);
        if (cw_dsim_media_is(in->content_type, "multipart/form-data"))
                request->parts = MHD_create_post_processor(connection, POST_BUFFER, take_part, request);
        return request;
}

void cw_dsim_request_free(struct cw_dsim_request *request) {
        if (request->parts)
                (void)MHD_destroy_post_processor(request->parts);
        free(request->body.data);
        free(request->file.data);
        free(request);
}

void cw_dsim_request_feed(struct cw_dsim_request *request, const char *data, size_t len) {
        if (request->parts && MHD_post_process(request->parts, data, len) != MHD_YES)
                request->part_fault = "the multipart body is malformed";
        append(&request->body, data, len);
}

const struct cw_dsim_in *cw_dsim_request_end(struct cw_dsim_request *request) {
        struct cw_dsim_in *in = &request->in;
        if (request->parts && MHD_destroy_post_processor(request->parts) != MHD_YES)
                request->part_fault = "the multipart body is not complete";
        else if (!request->file_name[0] && !request->part_fault)
                request->part_fault = "multipart/form-data with the part file is required";
        request->parts = NULL;
        in->body = request->body.data ? request->body.data : "";
        in->body_len = request->body.len;
        in->too_large = request->body.too_large || request->file.too_large;
        in->upload = (const uint8_t *)(request->file.data ? request->file.data : "");
        in->upload_len = request->file.len;
        in->upload_name = request->file_name;
        in->upload_fault = request->part_fault;
        return in;
}
