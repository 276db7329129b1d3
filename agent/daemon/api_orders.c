/* SPDX-License-Identifier: Apache-2.0 */
/* Card orders: placed, with a file or without, looked at, cancelled, sent on. */
#include "agent/daemon/api_dcms.h"

#include "agent/upstream/orderfile.h"

#include <stdlib.h>
#include <string.h>

#define FILES_MAX 4u
#define FILE_MAX 1000000
#define FILE_LIFE_MS ((int64_t)10 * 60 * 1000)

/* A file on its way: the control API takes it in pieces, since a body is short. */
struct cw_order_file {
        struct cw_order_file *next;
        uint32_t uid;
        char name[201];
        size_t size;
        struct cw_secret *bytes;
        int64_t expires_ms;
};

static void file_free(struct cw_daemon *d, struct cw_order_file *file) {
        for (struct cw_order_file **at = &d->order_files; *at; at = &(*at)->next)
                if (*at == file) {
                        *at = file->next;
                        break;
                }
        cw_secret_free(file->bytes);
        free(file);
}

void cw_order_files_free(struct cw_daemon *d) {
        while (d->order_files)
                file_free(d, d->order_files);
}

static struct cw_order_file *find_file(struct cw_daemon *d, uint32_t uid, const char *name) {
        int64_t now = cw_wall_ms(d->clock);
        for (struct cw_order_file *file = d->order_files, *next = NULL; file; file = next) {
                next = file->next;
                if (file->expires_ms <= now)
                        file_free(d, file);
        }
        for (struct cw_order_file *file = d->order_files; file; file = file->next)
                if (file->uid == uid && strcmp(file->name, name) == 0)
                        return file;
        return NULL;
}

static struct cw_order_file *begin_file(struct cw_daemon *d, uint32_t uid, const char *name, size_t size) {
        size_t count = 0;
        struct cw_order_file *old = find_file(d, uid, name);
        if (old)
                file_free(d, old);
        for (const struct cw_order_file *file = d->order_files; file; file = file->next)
                count++;
        struct cw_order_file *file = count < FILES_MAX ? calloc(1, sizeof *file) : NULL;
        if (!file || cw_secret_new(size, &file->bytes) != CW_OK) {
                free(file);
                return NULL;
        }
        file->uid = uid;
        (void)snprintf(file->name, sizeof file->name, "%s", name);
        file->size = size;
        file->expires_ms = cw_wall_ms(d->clock) + FILE_LIFE_MS;
        file->next = d->order_files;
        d->order_files = file;
        return file;
}

/* {"name", "size", "offset", "text"}: the next piece. offset 0 begins anew. */
void cw_api_order_file(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        const json_t *b = cw_control_body(r);
        const char *name = json_string_value(json_object_get(b, "name"));
        const char *text = json_string_value(json_object_get(b, "text"));
        size_t len = json_string_length(json_object_get(b, "text"));
        json_int_t size = json_integer_value(json_object_get(b, "size"));
        json_int_t offset = json_integer_value(json_object_get(b, "offset"));
        if (!name || strlen(name) > 200 || !text || len == 0 || size < 1 || size > FILE_MAX || offset < 0) {
                cw_bank_refuse(r, CW_E_SYNTAX, "the body needs name, size (1 to 1000000), offset and text");
                return;
        }
        struct cw_order_file *file = offset == 0 ? begin_file(d, cw_control_uid(r), name, (size_t)size)
                                                 : find_file(d, cw_control_uid(r), name);
        if (!file || file->bytes->len != (size_t)offset || file->size != (size_t)size ||
            len > file->size - file->bytes->len) {
                cw_bank_refuse(
                    r, CW_E_STATE,
                    "this piece of the file does not follow the one before; send it again from the start");
                return;
        }
        memcpy(file->bytes->ptr + file->bytes->len, text, len);
        file->bytes->len += len;
        const char *fault =
            file->bytes->len < file->size ? NULL : cw_orderfile_fault(file->bytes->ptr, file->size);
        if (fault) {
                file_free(d, file);
                cw_bank_refuse(r, CW_E_SYNTAX, fault);
                return;
        }
        cw_control_reply(r,
                         json_pack("{s:s, s:I, s:b}", "name", name, "received", (json_int_t)file->bytes->len,
                                   "complete", file->bytes->len == file->size));
}

/* ---- placing an order ---- */

/* [{"product", "count"}] of the request as the server's product lines; NULL when one is malformed. */
static json_t *product_lines(const json_t *products) {
        json_t *lines = json_array();
        for (size_t i = 0; i < json_array_size(products); i++) {
                const json_t *p = json_array_get(products, i);
                const char *id = json_string_value(json_object_get(p, "product"));
                json_int_t count = json_integer_value(json_object_get(p, "count"));
                if (!id || count < 1) {
                        json_decref(lines);
                        return NULL;
                }
                (void)json_array_append_new(lines,
                                            json_pack("{s:s, s:I}", "productId", id, "quantity", count));
        }
        if (json_array_size(lines) > 0)
                return lines;
        json_decref(lines);
        return NULL;
}

/* The members of the server's call; NULL with *why. */
static json_t *order_fields(const struct cw_daemon *d, struct cw_control_request *r, const char **why) {
        static const char *const texts[] = {"address", "pinCode", "processStartTime"};
        const json_t *b = cw_control_body(r);
        const char *id = json_string_value(json_object_get(b, "order"));
        json_t *lines = product_lines(json_object_get(b, "products"));
        *why = "the body needs \"order\" and \"products\": [{\"product\", \"count\" above 0}]";
        if (!id || !lines) {
                json_decref(lines);
                return NULL;
        }
        json_t *fields =
            json_pack("{s:s, s:{s:s}, s:{s:s, s:s}, s:o}", "orderId", id, "branchInfo", "branchId",
                      d->config->agent.branch_id, "orderingPartyInfo", "orderingPartyId", cw_control_actor(r),
                      "orderingPartyType", "BANK", "products", lines);
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
                if (json_object_get(b, texts[i]))
                        (void)json_object_set(fields, texts[i], json_object_get(b, texts[i]));
        if (json_object_get(b, "validity"))
                (void)json_object_set(fields, "validity", json_object_get(b, "validity"));
        return fields;
}

static void place(struct cw_daemon *d, struct cw_control_request *r, json_t *take_fields, const char *call) {
        struct cw_bank_ask ask = {.what = "order.create"};
        (void)snprintf(ask.subject, sizeof ask.subject, "%s",
                       json_string_value(json_object_get(take_fields, "orderId")));
        json_t *detail = json_pack("{s:O}", "products", json_object_get(take_fields, "products"));
        cw_bank_ask(d, r, &ask, call, take_fields, NULL, 0, detail);
}

/* The server has the file: now the order that names it. */
static void on_uploaded(struct cw_bank_ask *ask, cw_rc rc, const struct cw_fault *f,
                        const struct cw_dcms_reply *reply) {
        const char *why = NULL;
        (void)reply;
        if (rc != CW_OK) {
                cw_control_fail(ask->request, f);
                return;
        }
        json_t *fields = order_fields(ask->daemon, ask->request, &why);
        if (!fields) {
                cw_bank_refuse(ask->request, CW_E_SYNTAX, why);
                return;
        }
        (void)json_object_set_new(fields, "fileName", json_string(ask->subject));
        place(ask->daemon, ask->request, fields, "card-order.withFile");
}

static void upload(struct cw_daemon *d, struct cw_control_request *r, const char *name) {
        struct cw_bank_ask ask = {.what = "order.upload", .done = on_uploaded};
        struct cw_order_file *file = find_file(d, cw_control_uid(r), name);
        if (!file || file->bytes->len != file->size || strlen(name) >= sizeof ask.subject) {
                cw_bank_refuse(r, CW_E_MISSING,
                               "the file is not here in whole; send it with POST /v1/order-file first");
                return;
        }
        const struct cw_dcms_secret_field secret = {"file", file->bytes};
        (void)snprintf(ask.subject, sizeof ask.subject, "%s", name);
        cw_bank_ask(d, r, &ask, "card-order.uploadFile", json_pack("{s:s}", "fileName", name), &secret, 1,
                    json_pack("{s:I}", "bytes", (json_int_t)file->size));
        file_free(d, file);
}

/* {"order", "products", "address", "pinCode", "validity", "processStartTime", "file"} */
void cw_api_order_create(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        const char *why = NULL;
        const json_t *file = json_object_get(cw_control_body(r), "file");
        json_t *fields = order_fields(d, r, &why);
        if (!fields) {
                cw_bank_refuse(r, CW_E_SYNTAX, why);
        } else if (!file) {
                place(d, r, fields, "card-order.create");
        } else {
                json_decref(fields);
                upload(d, r, json_is_string(file) ? json_string_value(file) : "");
        }
}

/* ---- the life of an order ---- */

static void ask_order(struct cw_daemon *d, struct cw_control_request *r, const char *what, const char *call,
                      const char *member) {
        struct cw_bank_ask ask = {0};
        const char *id = cw_control_segment(r);
        (void)snprintf(ask.what, sizeof ask.what, "%s", what);
        (void)snprintf(ask.subject, sizeof ask.subject, "%s", id);
        ask.quiet = strcmp(call, "card-order.fetchStatus") == 0;
        json_t *fields = member ? json_pack("{s:s}", member, id) : NULL;
        if (strcmp(call, "card-order.cancel") == 0)
                (void)json_object_set_new(fields, "branchId", json_string(d->config->agent.branch_id));
        cw_bank_ask(d, r, &ask, call, fields, NULL, 0, NULL);
}

void cw_api_order_status(void *ctx, struct cw_control_request *r) {
        ask_order(ctx, r, "order.status", "card-order.fetchStatus", "cardOrderId");
}

void cw_api_order_cancel(void *ctx, struct cw_control_request *r) {
        ask_order(ctx, r, "order.cancel", "card-order.cancel", "orderId");
}

void cw_api_order_process(void *ctx, struct cw_control_request *r) {
        ask_order(ctx, r, "order.process", "card-order.process", "orderId");
}

void cw_api_order_sync(void *ctx, struct cw_control_request *r) {
        ask_order(ctx, r, "order.sync", "card-order.status", "orderId");
}

void cw_api_orders_sync(void *ctx, struct cw_control_request *r) {
        ask_order(ctx, r, "order.sync", "card-order.sync-pending-status", NULL);
}

void cw_api_orders_retry(void *ctx, struct cw_control_request *r) {
        ask_order(ctx, r, "order.retry", "card-order.retry-stuck-pending", NULL);
}
