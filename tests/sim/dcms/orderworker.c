/* SPDX-License-Identifier: Apache-2.0 */
#include "orders.h"

#include <stdio.h>

#include "kits.h"

/* One product that never leaves the CMS by itself makes the whole order wait for retry-stuck-pending. */
static bool order_sticks(struct cw_dsim *sim, const char *id) {
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt =
            cw_dsim_store_query(sim->db, "SELECT product_id FROM order_line WHERE order_id = ?1", "t", id);
        while (cw_dsim_store_step(stmt))
                if (cw_dsim_json_has_string(sim->cfg.order.stuck_products, cw_dsim_store_text(stmt, 0)))
                        return true;
        return false;
}

void cw_dsim_orders_start(struct cw_dsim *sim, const char *id, int64_t at_ms) {
        (void)cw_dsim_store_run(
            sim->db, "UPDATE card_order SET status = 'PENDING', step_ms = ?2, stuck = ?3 WHERE order_id = ?1",
            "tii", id, at_ms, (int64_t)order_sticks(sim, id));
        (void)cw_dsim_store_run(sim->db, "UPDATE order_line SET status = 'PENDING' WHERE order_id = ?1", "t",
                                id);
}

/* Makes the kits of one line, pack by pack. */
static void make_line_kits(struct cw_dsim *sim, const char *id, const char *branch,
                           const struct cw_dsim_product *product, int64_t quantity, int64_t now_ms) {
        char pack[40] = "";
        char kit_no[40];
        for (int64_t i = 0; i < quantity; i++) {
                if (i % product->pack_size == 0)
                        cw_dsim_kit_pack_number(sim, pack, sizeof pack);
                const struct cw_dsim_kit_plan plan = {
                    .product = product,
                    .branch_id = branch,
                    .order_id = id,
                    .parent_kit_no = pack,
                    .status = "UNALLOCATED",
                    .delivery = sim->cfg.order.delivery_status,
                    .issuance = "WELCOME_KIT",
                    .emboss = "NON_PERSONALIZED",
                };
                if (!cw_dsim_kit_make(sim, &plan, now_ms, kit_no))
                        return;
        }
}

static bool line_fails(const struct cw_dsim *sim, const char *product_id, int64_t order_serial) {
        return (sim->cfg.order.fail_every > 0 && order_serial % sim->cfg.order.fail_every == 0) ||
               cw_dsim_json_has_string(sim->cfg.order.fail_products, product_id);
}

/* PENDING to PROCESSED at the CMS: kits exist from here on; lines keep their own verdict. */
static void produce_order(struct cw_dsim *sim, const char *id, const char *branch, int64_t serial,
                          int64_t at_ms) {
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db, "SELECT line, product_id, quantity FROM order_line WHERE order_id = ?1 ORDER BY line",
            "t", id);
        while (cw_dsim_store_step(stmt)) {
                const char *product_id = cw_dsim_store_text(stmt, 1);
                const struct cw_dsim_product *product = cw_dsim_config_product(&sim->cfg, product_id);
                bool ok = product && !line_fails(sim, product_id, serial);
                if (ok)
                        make_line_kits(sim, id, branch, product, sqlite3_column_int64(stmt, 2), at_ms);
                (void)cw_dsim_store_run(
                    sim->db, "UPDATE order_line SET status = ?3 WHERE order_id = ?1 AND line = ?2", "tit", id,
                    sqlite3_column_int64(stmt, 0), ok ? "PROCESSED" : "FAILED");
        }
        (void)cw_dsim_store_run(
            sim->db, "UPDATE card_order SET status = 'PROCESSED', step_ms = ?2 WHERE order_id = ?1", "ti", id,
            at_ms);
}

/* An order is SUCCESS only when all its lines are. */
static void finish_orders(struct cw_dsim *sim, int64_t due_ms) {
        (void)cw_dsim_store_run(
            sim->db,
            "UPDATE order_line SET status = 'SUCCESS' WHERE status = 'PROCESSED' AND order_id IN"
            " (SELECT order_id FROM card_order WHERE status = 'PROCESSED' AND step_ms <= ?1)",
            "i", due_ms);
        (void)cw_dsim_store_run(
            sim->db,
            "UPDATE card_order SET status = iif((SELECT count(*) FROM order_line l WHERE"
            " l.order_id = card_order.order_id AND l.status <> 'SUCCESS') = 0, 'SUCCESS', 'FAILED')"
            " WHERE status = 'PROCESSED' AND step_ms <= ?1",
            "i", due_ms);
}

/* The oldest order in status whose step began at due_ms or before. */
static bool next_due(struct cw_dsim *sim, const char *status, int64_t due_ms, char *id, char *branch,
                     int64_t *serial, int64_t *step_ms) {
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db,
            "SELECT order_id, branch_id, serial, step_ms FROM card_order WHERE status = ?1 AND stuck = 0"
            " AND step_ms <= ?2 ORDER BY serial LIMIT 1",
            "ti", status, due_ms);
        if (!cw_dsim_store_step(stmt))
                return false;
        (void)snprintf(id, 80, "%s", cw_dsim_store_text(stmt, 0));
        (void)snprintf(branch, 64, "%s", cw_dsim_store_text(stmt, 1));
        *serial = sqlite3_column_int64(stmt, 2);
        *step_ms = sqlite3_column_int64(stmt, 3);
        return true;
}

void cw_dsim_orders_advance(struct cw_dsim *sim, int64_t now_ms) {
        const struct cw_dsim_order_config *order = &sim->cfg.order;
        char id[80];
        char branch[64];
        int64_t serial = 0;
        int64_t step_ms = 0;
        while (order->auto_process_ms >= 0 &&
               next_due(sim, "RECEIVED", now_ms - order->auto_process_ms, id, branch, &serial, &step_ms))
                cw_dsim_orders_start(sim, id, step_ms + order->auto_process_ms);
        while (next_due(sim, "PENDING", now_ms - order->worker_delay_ms, id, branch, &serial, &step_ms))
                produce_order(sim, id, branch, serial, step_ms + order->worker_delay_ms);
        finish_orders(sim, now_ms - order->worker_delay_ms);
}
