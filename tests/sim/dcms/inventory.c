/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "endpoints.h"
#include "kits.h"
#include "text.h"

#define PAGE_SIZE_MAX 1000

static void refuse_input(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *field) {
        cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_INPUT, field);
}

/* pageNo from first (1, or 0 for fetchKitSummary) and pageSize; false after a refusal. */
static bool page_of(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, int64_t first,
                    int64_t *ret_no, int64_t *ret_size) {
        *ret_no = cw_dsim_body_int(call, "pageNo", first);
        *ret_size = cw_dsim_body_int(call, "pageSize", 10);
        if (*ret_no < first || *ret_size < 1 || *ret_size > PAGE_SIZE_MAX) {
                refuse_input(call, reply,
                             *ret_no < first ? "pageNo is out of range" : "pageSize is out of range");
                return false;
        }
        return true;
}

static char *array_text(const struct cw_dsim_call *call, const char *name) {
        const json_t *array = json_object_get(call->body, name);
        return array ? json_dumps(array, JSON_COMPACT) : NULL;
}

static bool known_status(const char *status) {
        static const char *const known[] = {"UNALLOCATED", "ASSIGNED", "INACTIVE", "ACTIVE",      "LOCKED",
                                            "BLOCKED",     "REPLACED", "CLOSED",   "EXPIRED_CARD"};
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
                if (strcmp(known[i], status) == 0)
                        return true;
        return false;
}

/* The rules between the filters: at least one primary; orderingPartyType only beside one. */
static bool filters_ok(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, bool kits) {
        bool primary = json_object_get(call->body, "orderIds") || json_object_get(call->body, "branchId") ||
                       json_object_get(call->body, "orderingPartyId") ||
                       (kits && json_object_get(call->body, "kitRefNo"));
        const char *status = cw_dsim_body_text(call, "kitStatus", NULL);
        if (!primary) {
                refuse_input(call, reply,
                             kits ? "one of kitRefNo, orderIds, branchId, orderingPartyId is required"
                                  : "one of orderIds, branchId, orderingPartyId is required");
                return false;
        }
        if (status && !known_status(status)) {
                refuse_input(call, reply, "kitStatus has a value that is not documented");
                return false;
        }
        return true;
}

static void date_range(const struct cw_dsim_call *call, int64_t *ret_from, int64_t *ret_to) {
        const char *from = cw_dsim_body_text(call, "fromDate", NULL);
        const char *to = cw_dsim_body_text(call, "toDate", NULL);
        *ret_from = 0;
        *ret_to = INT64_MAX;
        if (from)
                (void)cw_dsim_parse_iso_z(from, ret_from);
        if (to)
                (void)cw_dsim_parse_iso_z(to, ret_to);
}

#define KIT_FILTER                                                                                           \
        " FROM kit WHERE (?1 IS NULL OR iif(?2, parent_kit_no, kit_no) IN (SELECT value FROM "               \
        "json_each(?1)))"                                                                                    \
        " AND (?3 IS NULL OR order_id IN (SELECT value FROM json_each(?3))) AND (?4 IS NULL OR branch_id = " \
        "?4)"                                                                                                \
        " AND (?5 IS NULL OR order_id IN (SELECT order_id FROM card_order WHERE party_id = ?5))"             \
        " AND (?6 IS NULL OR order_id IN (SELECT order_id FROM card_order WHERE party_type = ?6))"           \
        " AND created_ms BETWEEN ?7 AND ?8 AND (?9 IS NULL OR status = ?9)"                                  \
        " AND (?10 IS NULL OR upper(delivery) = upper(?10))"

static sqlite3_stmt *kit_query(const struct cw_dsim_call *call, const char *sql, int64_t limit,
                               int64_t offset) {
        CW_AUTO_MEM char *kits = array_text(call, "kitRefNo");
        CW_AUTO_MEM char *orders = array_text(call, "orderIds");
        int64_t from = 0;
        int64_t to = 0;
        date_range(call, &from, &to);
        return cw_dsim_store_query(
            call->sim->db, sql, "tittttiittii", kits,
            (int64_t)(strcmp(cw_dsim_body_text(call, "refType", ""), "PARENT_KIT") == 0), orders,
            cw_dsim_body_text(call, "branchId", NULL), cw_dsim_body_text(call, "orderingPartyId", NULL),
            cw_dsim_body_text(call, "orderingPartyType", NULL), from, to,
            cw_dsim_body_text(call, "kitStatus", NULL), cw_dsim_body_text(call, "deliveryStatus", NULL),
            limit, offset);
}

void cw_dsim_inventory_details(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        int64_t page_no = 0;
        int64_t page_size = 0;
        if (!page_of(call, reply, 1, &page_no, &page_size) || !filters_ok(call, reply, true))
                return;
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *count = kit_query(call, "SELECT count(*)" KIT_FILTER " LIMIT ?11 OFFSET ?12", 1, 0);
        int64_t total = cw_dsim_store_step(count) ? sqlite3_column_int64(count, 0) : 0;
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt =
            kit_query(call, "SELECT " CW_DSIM_KIT_COLUMNS KIT_FILTER " ORDER BY serial LIMIT ?11 OFFSET ?12",
                      page_size, (page_no - 1) * page_size);
        reply->result = json_array();
        while (cw_dsim_store_step(stmt)) {
                struct cw_dsim_kit kit;
                cw_dsim_kit_read(stmt, &kit);
                (void)json_array_append_new(reply->result,
                                            cw_dsim_kit_json(call->sim, &kit, CW_DSIM_VIEW_INVENTORY));
        }
        reply->pagination = cw_dsim_page_list(page_no, page_size, total);
}

#define ORDER_FILTER                                                                                         \
        " FROM card_order WHERE (?1 IS NULL OR order_id IN (SELECT value FROM json_each(?1)))"               \
        " AND (?2 IS NULL OR branch_id = ?2) AND (?3 IS NULL OR party_id = ?3)"                              \
        " AND (?4 IS NULL OR party_type = ?4) AND created_ms BETWEEN ?5 AND ?6"

static sqlite3_stmt *order_query(const struct cw_dsim_call *call, const char *sql, int64_t limit,
                                 int64_t offset) {
        CW_AUTO_MEM char *orders = array_text(call, "orderIds");
        int64_t from = 0;
        int64_t to = 0;
        date_range(call, &from, &to);
        return cw_dsim_store_query(
            call->sim->db, sql, "ttttiiii", orders, cw_dsim_body_text(call, "branchId", NULL),
            cw_dsim_body_text(call, "orderingPartyId", NULL),
            cw_dsim_body_text(call, "orderingPartyType", NULL), from, to, limit, offset);
}

void cw_dsim_inventory_orders(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        int64_t page_no = 0;
        int64_t page_size = 0;
        if (!page_of(call, reply, 1, &page_no, &page_size) || !filters_ok(call, reply, false))
                return;
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *count = order_query(call, "SELECT count(*)" ORDER_FILTER " LIMIT ?7 OFFSET ?8", 1, 0);
        int64_t total = cw_dsim_store_step(count) ? sqlite3_column_int64(count, 0) : 0;
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt =
            order_query(call, "SELECT request" ORDER_FILTER " ORDER BY serial LIMIT ?7 OFFSET ?8", page_size,
                        (page_no - 1) * page_size);
        reply->result = json_array();
        while (cw_dsim_store_step(stmt))
                (void)json_array_append_new(reply->result, json_loads(cw_dsim_store_text(stmt, 0), 0, NULL));
        reply->pagination = cw_dsim_page_list(page_no, page_size, total);
}

#define SUMMARY_FILTER                                                                                       \
        " FROM kit WHERE branch_id = ?1 AND (?2 IS NULL OR order_id = ?2) AND (?3 IS NULL OR product_id = "  \
        "?3)"                                                                                                \
        " AND (?4 IS NULL OR product_id IN (SELECT value FROM json_each(?4))) AND (?5 IS NULL OR emboss = "  \
        "?5)"                                                                                                \
        " AND (?6 IS NULL OR upper(delivery) = upper(?6))"

/* The ids of the products of one card type, as JSON text; NULL when the filter is not set. */
static char *products_of_type(const struct cw_dsim_call *call) {
        const char *type = cw_dsim_body_text(call, "cardType", NULL);
        if (!type)
                return NULL;
        CW_AUTO_JSON json_t *ids = json_array();
        for (size_t i = 0; i < call->sim->cfg.product_count; i++)
                if (strcmp(call->sim->cfg.products[i].card_type, type) == 0)
                        (void)json_array_append_new(ids, json_string(call->sim->cfg.products[i].id));
        return json_dumps(ids, JSON_COMPACT);
}

static sqlite3_stmt *summary_query(const struct cw_dsim_call *call, const char *sql, int64_t limit,
                                   int64_t offset) {
        CW_AUTO_MEM char *ids = products_of_type(call);
        return cw_dsim_store_query(call->sim->db, sql, "ttttttii", cw_dsim_body_text(call, "branchId", ""),
                                   cw_dsim_body_text(call, "cardOrderId", NULL),
                                   cw_dsim_body_text(call, "productId", NULL), ids,
                                   cw_dsim_body_text(call, "embossType", NULL),
                                   cw_dsim_body_text(call, "deliveryStatus", NULL), limit, offset);
}

/* Zero-based pages and a second envelope inside the first, both as documented. */
void cw_dsim_inventory_summary(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        int64_t page_no = 0;
        int64_t page_size = 0;
        if (!page_of(call, reply, 0, &page_no, &page_size))
                return;
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *count =
            summary_query(call, "SELECT count(*)" SUMMARY_FILTER " LIMIT ?7 OFFSET ?8", 1, 0);
        int64_t total = cw_dsim_store_step(count) ? sqlite3_column_int64(count, 0) : 0;
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = summary_query(
            call, "SELECT " CW_DSIM_KIT_COLUMNS SUMMARY_FILTER " ORDER BY serial LIMIT ?7 OFFSET ?8",
            page_size, page_no * page_size);
        json_t *rows = json_array();
        while (cw_dsim_store_step(stmt)) {
                struct cw_dsim_kit kit;
                cw_dsim_kit_read(stmt, &kit);
                (void)json_array_append_new(rows, cw_dsim_kit_json(call->sim, &kit, CW_DSIM_VIEW_SUMMARY));
        }
        reply->result = json_pack("{s:o, s:o, s:n}", "result", rows, "pagination",
                                  cw_dsim_page_list(page_no, page_size, total), "exception");
}

/* Terminal kits take no delivery; a card in the customer's hand can only come back. */
static bool deliver(struct cw_dsim *sim, const char *kit_no, const char *delivery, int64_t now_ms) {
        struct cw_dsim_kit kit;
        bool delivered = strcmp(delivery, "DELIVERED") == 0;
        if (!cw_dsim_kit_load(sim, kit_no, &kit) || strcmp(kit.status, "EXPIRED_CARD") == 0 ||
            (delivered && strcmp(kit.status, "REPLACED") == 0))
                return false;
        if (strcmp(kit.delivery, "DELIVERED") == 0 && !delivered && strcmp(delivery, "RETURNED") != 0)
                return false;
        if (delivered && strcmp(kit.delivery, "DELIVERED") == 0)
                (void)cw_dsim_store_add(sim->db, "duplicate_deliveries", 1);
        (void)cw_dsim_store_run(sim->db,
                                "UPDATE kit SET delivery = ?2, changed_ms = ?3, delivered = delivered + ?4"
                                " WHERE kit_no = ?1",
                                "ttii", kit_no, delivery, now_ms, (int64_t)delivered);
        return true;
}

/* Partial success: HTTP 200 and one verdict a kit. */
void cw_dsim_inventory_delivery(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        static const char *const known[] = {"BANK", "IN_TRANSIT", "DELIVERED", "RETURNED"};
        struct cw_dsim *sim = call->sim;
        CW_AUTO_JSON json_t *result = json_array();
        for (size_t i = 0; i < json_array_size(call->body); i++) {
                const json_t *group = json_array_get(call->body, i);
                const char *delivery = json_string_value(json_object_get(group, "deliveryStatus"));
                const json_t *kits = json_object_get(group, "kitNo");
                size_t k = 0;
                while (k < 4 && strcmp(known[k], delivery) != 0)
                        k++;
                if (k == 4) {
                        refuse_input(call, reply, "deliveryStatus has a value that is not documented");
                        return;
                }
                for (size_t n = 0; n < json_array_size(kits); n++) {
                        const char *kit_no = json_string_value(json_array_get(kits, n));
                        json_t *row = json_pack("{s:s}", "kitNo", kit_no);
                        bool ok = deliver(sim, kit_no, delivery, call->now_ms);
                        (void)json_object_set_new(row, "status", json_string(ok ? "200" : "500"));
                        (void)json_object_set_new(
                            row, ok ? "result" : "exception",
                            ok ? json_true()
                               : cw_dsim_exception(&sim->cfg, CW_DSIM_E_KIT_NOT_VALID, "Invalid Kit No"));
                        (void)json_array_append_new(result, row);
                }
        }
        reply->result = json_incref(result);
}

static bool transfer_kit(const struct cw_dsim_call *call, const char *kit_no, const char *from,
                         const char *to) {
        struct cw_dsim *sim = call->sim;
        struct cw_dsim_kit kit;
        if (!cw_dsim_kit_load(sim, kit_no, &kit) || strcmp(kit.branch_id, from) != 0 ||
            strcmp(kit.status, "UNALLOCATED") != 0)
                return false;
        (void)cw_dsim_store_run(sim->db, "UPDATE kit SET branch_id = ?2, changed_ms = ?3 WHERE kit_no = ?1",
                                "tti", kit_no, to, call->now_ms);
        (void)cw_dsim_store_run(
            sim->db,
            "INSERT INTO transfer(kit_no, from_branch, to_branch, creator, changer, approver, at_ms)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            "tttttti", kit_no, from, to, cw_dsim_body_text(call, "creator", NULL),
            cw_dsim_body_text(call, "chnager", NULL), cw_dsim_body_text(call, "approver", NULL),
            call->now_ms);
        return true;
}

/* On failure result and exception are both set; the kits that could move have moved. */
void cw_dsim_inventory_transfer(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const char *from = cw_dsim_body_text(call, "fromBranch", "");
        const char *to = cw_dsim_body_text(call, "toBranch", "");
        const json_t *kits = json_object_get(call->body, "kitNo");
        json_t *failed = json_array();
        bool from_ok = cw_dsim_config_branch(&call->sim->cfg, from) != NULL;
        bool to_ok = cw_dsim_config_branch(&call->sim->cfg, to) != NULL && strcmp(from, to) != 0;
        int64_t moved = 0;
        for (size_t i = 0; i < json_array_size(kits); i++) {
                const char *kit_no = json_string_value(json_array_get(kits, i));
                if (from_ok && to_ok && transfer_kit(call, kit_no, from, to))
                        moved++;
                else
                        (void)json_array_append_new(failed, json_string(kit_no));
        }
        int64_t failures = (int64_t)json_array_size(failed);
        if (failures > 0) {
                const char *field = !from_ok ? "Invalid fromBranch"
                                    : to_ok  ? "Invalid kitNo"
                                             : "Invalid toBranch";
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_TRANSFER, field);
                reply->keep = true;
        }
        reply->result = json_pack("{s:I, s:I, s:o}", "successCount", (json_int_t)moved, "failedCount",
                                  (json_int_t)failures, "failedKitNo", failed);
}

/* The kit or all kits of the pack, only when every one is unassigned. */
void cw_dsim_inventory_expire(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        sqlite3 *db = call->sim->db;
        const char *kit_no = cw_dsim_body_text(call, "kitNo", NULL);
        const char *parent = cw_dsim_body_text(call, "parentKitNo", NULL);
        if (!kit_no && !parent) {
                refuse_input(call, reply, "kitNo or parentKitNo is required");
                return;
        }
        int64_t all = cw_dsim_store_int(
            db, "SELECT count(*) FROM kit WHERE kit_no = ?1 OR parent_kit_no = ?2", "tt", kit_no, parent);
        int64_t open = cw_dsim_store_int(db,
                                         "SELECT count(*) FROM kit WHERE (kit_no = ?1 OR parent_kit_no = ?2)"
                                         " AND status = 'UNALLOCATED'",
                                         "tt", kit_no, parent);
        if (all == 0 || open < all) {
                cw_dsim_refuse(&call->sim->cfg, reply,
                               all == 0 ? CW_DSIM_E_KIT_NOT_FOUND : CW_DSIM_E_KIT_INVALID,
                               kit_no ? "Invalid kitNo" : "Invalid parentKitNo");
                return;
        }
        (void)cw_dsim_store_run(db,
                                "UPDATE kit SET status = 'EXPIRED_CARD', changed_ms = ?3"
                                " WHERE kit_no = ?1 OR parent_kit_no = ?2",
                                "tti", kit_no, parent, call->now_ms);
        reply->result = json_string("SUCCESS");
}
