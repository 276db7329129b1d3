/* SPDX-License-Identifier: Apache-2.0 */
#include "orders.h"

#include <stdio.h>
#include <string.h>

#include "crypto.h"
#include "endpoints.h"
#include "kits.h"
#include "text.h"

#define QUANTITY_MAX 10000

static void refuse(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *field) {
        cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_ORDER, field);
}

/* What is wrong with one product line against the configured product, or NULL. */
static const char *line_fault(const struct cw_dsim *sim, const json_t *line) {
        const struct cw_dsim_product *product =
            cw_dsim_config_product(&sim->cfg, json_string_value(json_object_get(line, "productId")));
        const char *bin = json_string_value(json_object_get(line, "bin"));
        const char *plastic = json_string_value(json_object_get(line, "plasticCode"));
        const json_t *length = json_object_get(line, "panLength");
        json_int_t quantity = json_integer_value(json_object_get(line, "quantity"));
        if (!product)
                return "Invalid productId";
        if (bin && strcmp(bin, product->bin) != 0)
                return "Invalid bin";
        if (plastic && strcmp(plastic, product->plastic_code) != 0)
                return "Invalid plasticCode";
        if (length && json_integer_value(length) != product->pan_length)
                return "Invalid panLength";
        return quantity < 1 || quantity > QUANTITY_MAX ? "Invalid quantity" : NULL;
}

static const char *order_fault(const struct cw_dsim_call *call) {
        const json_t *branch = json_object_get(call->body, "branchInfo");
        const json_t *products = json_object_get(call->body, "products");
        if (!cw_dsim_config_branch(&call->sim->cfg, json_string_value(json_object_get(branch, "branchId"))))
                return "Invalid branchId";
        for (size_t i = 0; i < json_array_size(products); i++) {
                const char *fault = line_fault(call->sim, json_array_get(products, i));
                if (fault)
                        return fault;
        }
        return NULL;
}

/* The client may leave the id to the server: a random UUID (RFC 4122 version 4). */
static void order_id(const struct cw_dsim_call *call, char *out, size_t size) {
        const char *given = cw_dsim_body_text(call, "orderId", NULL);
        uint8_t r[16];
        char hex[33];
        if (given) {
                (void)cw_dsim_copy(out, size, given);
                return;
        }
        cw_dsim_random(r, sizeof r);
        r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
        r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
        cw_dsim_hex_encode(r, sizeof r, hex);
        (void)snprintf(out, size, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static bool insert_order(const struct cw_dsim_call *call, const char *id) {
        const json_t *branch = json_object_get(call->body, "branchInfo");
        const json_t *party = json_object_get(call->body, "orderingPartyInfo");
        CW_AUTO_JSON json_t *request = json_copy(call->body);
        (void)json_object_set_new(request, "orderId", json_string(id));
        CW_AUTO_MEM char *text = json_dumps(request, JSON_COMPACT);
        char name[24];
        (void)snprintf(name, sizeof name, "%lld", (long long)(call->now_ms / 1000));
        int64_t serial = cw_dsim_store_add(call->sim->db, "order_serial", 1);
        return cw_dsim_store_run(
                   call->sim->db,
                   "INSERT INTO card_order(order_id, serial, order_name, branch_id, status, party_id,"
                   " party_type, request, created_ms, step_ms)"
                   " VALUES(?1, ?2, ?3, ?4, 'RECEIVED', ?5, ?6, ?7, ?8, ?8)",
                   "tittttti", id, serial, name, json_string_value(json_object_get(branch, "branchId")),
                   json_string_value(json_object_get(party, "orderingPartyId")),
                   json_string_value(json_object_get(party, "orderingPartyType")), text, call->now_ms) == 1;
}

void cw_dsim_orders_create(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const char *fault = order_fault(call);
        char id[80];
        if (fault) {
                refuse(call, reply, fault);
                return;
        }
        order_id(call, id, sizeof id);
        if (!insert_order(call, id)) {
                refuse(call, reply, "orderId already exists");
                return;
        }
        const json_t *products = json_object_get(call->body, "products");
        for (size_t i = 0; i < json_array_size(products); i++) {
                const json_t *line = json_array_get(products, i);
                (void)cw_dsim_store_run(call->sim->db,
                                        "INSERT INTO order_line VALUES(?1, ?2, ?3, ?4, 'RECEIVED')", "titi",
                                        id, (int64_t)i, json_string_value(json_object_get(line, "productId")),
                                        (int64_t)json_integer_value(json_object_get(line, "quantity")));
        }
        reply->result = json_string("success");
}

void cw_dsim_orders_create_with_file(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        if (cw_dsim_store_int(call->sim->db, "SELECT count(*) FROM upload WHERE file_name = ?1", "t",
                              cw_dsim_body_text(call, "fileName", "")) == 0) {
                refuse(call, reply, "Invalid fileName: upload the file first");
                return;
        }
        cw_dsim_orders_create(call, reply);
}

/* The layout of the file is not public: a TXT name and printable text are what can be checked. */
static const char *upload_fault(const struct cw_dsim_call *call) {
        size_t len = strlen(call->upload_name);
        if (len < 5 || len > 200 || strcmp(call->upload_name + len - 4, ".txt") != 0 ||
            strpbrk(call->upload_name, "/\\"))
                return "Invalid file format";
        for (size_t i = 0; i < call->upload_len; i++)
                if (call->upload[i] == 0x7f ||
                    (call->upload[i] < 0x20 && !memchr("\t\r\n", call->upload[i], 3)))
                        return "Invalid file format";
        return call->upload_len == 0 ? "The file is empty" : NULL;
}

void cw_dsim_orders_upload(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const char *fault = upload_fault(call);
        uint8_t digest[32];
        if (fault) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_ORDER_FILE, fault);
                return;
        }
        cw_dsim_sha256(call->upload, call->upload_len, digest);
        (void)cw_dsim_store_run(call->sim->db, "INSERT OR REPLACE INTO upload VALUES(?1, ?2, ?3, ?4)", "tibi",
                                call->upload_name, (int64_t)call->upload_len, digest, sizeof digest,
                                call->now_ms);
        reply->result = json_pack("{s:s, s:s}", "fileName", call->upload_name, "status", "success");
}

static json_t *order_lines(struct cw_dsim *sim, const char *id) {
        json_t *lines = json_array();
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db, "SELECT product_id, quantity, status FROM order_line WHERE order_id = ?1 ORDER BY line",
            "t", id);
        while (cw_dsim_store_step(stmt)) {
                const struct cw_dsim_product *product =
                    cw_dsim_config_product(&sim->cfg, cw_dsim_store_text(stmt, 0));
                if (!product)
                        continue;
                (void)json_array_append_new(
                    lines, json_pack("{s:o, s:s, s:s, s:I, s:s, s:s}", "binNumber",
                                     cw_dsim_number_or_string(sim, product->bin, true), "cardType",
                                     product->card_type, "corporateName", product->corporate, "noOfCard",
                                     (json_int_t)sqlite3_column_int64(stmt, 1), "productId", product->id,
                                     "status", cw_dsim_store_text(stmt, 2)));
        }
        return lines;
}

void cw_dsim_orders_status_of(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const char *id = cw_dsim_body_text(call, "cardOrderId", "");
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            call->sim->db, "SELECT order_name, status FROM card_order WHERE order_id = ?1", "t", id);
        if (!cw_dsim_store_step(stmt)) {
                refuse(call, reply, "Invalid cardOrderId");
                return;
        }
        reply->result = json_pack("{s:s, s:s, s:s, s:o}", "cardOrderName", cw_dsim_store_text(stmt, 0),
                                  "status", cw_dsim_store_text(stmt, 1), "tenantName", call->sim->cfg.tenant,
                                  "productDetails", order_lines(call->sim, id));
}

void cw_dsim_orders_cancel(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const char *id = cw_dsim_body_text(call, "orderId", "");
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            call->sim->db, "SELECT status FROM card_order WHERE order_id = ?1 AND branch_id = ?2", "tt", id,
            cw_dsim_body_text(call, "branchId", ""));
        char field[96] = "Invalid orderId or branchId";
        bool found = cw_dsim_store_step(stmt);
        if (found && strcmp(cw_dsim_store_text(stmt, 0), "RECEIVED") == 0) {
                (void)cw_dsim_store_run(
                    call->sim->db, "UPDATE card_order SET status = 'CANCELLED' WHERE order_id = ?1", "t", id);
                (void)cw_dsim_store_run(
                    call->sim->db, "UPDATE order_line SET status = 'CANCELLED' WHERE order_id = ?1", "t", id);
                reply->result = json_string("Order cancelled successfully");
                return;
        }
        if (found)
                (void)snprintf(field, sizeof field, "Order status is %s and cannot be cancelled",
                               cw_dsim_store_text(stmt, 0));
        cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_ORDER_CANCEL, field);
}

void cw_dsim_orders_received(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            call->sim->db,
            "SELECT request, created_ms FROM card_order WHERE status = 'RECEIVED' AND created_ms <= ?1"
            " ORDER BY serial",
            "i", call->now_ms - call->sim->cfg.order.received_threshold_ms);
        reply->result = json_array();
        while (cw_dsim_store_step(stmt)) {
                char created[40];
                json_t *row = json_loads(cw_dsim_store_text(stmt, 0), 0, NULL);
                cw_dsim_iso_time(sqlite3_column_int64(stmt, 1), created, sizeof created);
                (void)json_object_set_new(row, "status", json_string("RECEIVED"));
                (void)json_object_set_new(row, "createdDate", json_string(created));
                (void)json_array_append_new(reply->result, row);
        }
}

/* The selector the documents leave open: body orderId or cardOrderId, or ?orderId=. NULL after a refusal. */
static const char *selected_order(const struct cw_dsim_call *call, struct cw_dsim_reply *reply,
                                  char *ret_status, size_t status_size) {
        const char *id =
            cw_dsim_body_text(call, "orderId", cw_dsim_body_text(call, "cardOrderId", call->order_arg));
        if (!id) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_INPUT, "orderId is required");
                return NULL;
        }
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt =
            cw_dsim_store_query(call->sim->db, "SELECT status FROM card_order WHERE order_id = ?1", "t", id);
        if (!cw_dsim_store_step(stmt)) {
                refuse(call, reply, "Invalid orderId");
                return NULL;
        }
        (void)snprintf(ret_status, status_size, "%s", cw_dsim_store_text(stmt, 0));
        return id;
}

void cw_dsim_orders_process(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        char status[16];
        const char *id = selected_order(call, reply, status, sizeof status);
        if (!id)
                return;
        if (strcmp(status, "RECEIVED") != 0) {
                char field[96];
                (void)snprintf(field, sizeof field, "Order status is %s and cannot be processed", status);
                refuse(call, reply, field);
                return;
        }
        cw_dsim_orders_start(call->sim, id, call->now_ms);
        reply->result = json_true();
}

void cw_dsim_orders_pull(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        char status[16];
        if (selected_order(call, reply, status, sizeof status))
                reply->result = json_true();
}

void cw_dsim_orders_pull_all(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        cw_dsim_orders_advance(call->sim, call->now_ms);
        reply->result = json_true();
}

void cw_dsim_orders_retry_stuck(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        (void)cw_dsim_store_run(
            call->sim->db,
            "UPDATE card_order SET stuck = 0, step_ms = ?1 WHERE status = 'PENDING' AND stuck = 1"
            " AND step_ms <= ?2",
            "ii", call->now_ms, call->now_ms - call->sim->cfg.order.stuck_threshold_ms);
        reply->result = json_true();
}
