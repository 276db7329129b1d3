/* SPDX-License-Identifier: Apache-2.0 */
/* /_sim/: what a test sees and does. Not DCMS; guarded by a header token; never shows a clear PAN. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "crypto.h"
#include "faults.h"
#include "gate.h"
#include "kits.h"
#include "orders.h"
#include "route.h"
#include "text.h"
#include "traffic.h"

static void answer(struct cw_dsim_out *out, int status, json_t *value) {
        CW_AUTO_JSON json_t *owned = value;
        out->status = status;
        out->body = json_dumps(owned, JSON_COMPACT);
        out->body_len = out->body ? strlen(out->body) : 0;
}

static void answer_error(struct cw_dsim_out *out, int status, const char *text) {
        answer(out, status, json_pack("{s:s}", "error", text));
}

static json_t *orders_json(struct cw_dsim *sim) {
        json_t *list = json_array();
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db,
            "SELECT order_id, order_name, branch_id, status, stuck, (SELECT count(*) FROM kit WHERE"
            " kit.order_id = card_order.order_id) FROM card_order ORDER BY serial",
            "");
        while (cw_dsim_store_step(stmt)) {
                json_t *row =
                    json_pack("{s:s, s:s, s:s, s:s, s:b, s:I}", "orderId", cw_dsim_store_text(stmt, 0),
                              "cardOrderName", cw_dsim_store_text(stmt, 1), "branchId",
                              cw_dsim_store_text(stmt, 2), "status", cw_dsim_store_text(stmt, 3), "stuck",
                              sqlite3_column_int(stmt, 4), "kits", (json_int_t)sqlite3_column_int64(stmt, 5));
                (void)json_array_append_new(list, row);
        }
        return list;
}

static json_t *text_or_null(sqlite3_stmt *stmt, int column) {
        const char *text = cw_dsim_store_text(stmt, column);
        return *text ? json_string(text) : json_null();
}

static json_t *kits_json(struct cw_dsim *sim) {
        json_t *list = json_array();
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db,
            "SELECT k.kit_no, k.masked_pan, k.status, k.delivery, k.branch_id, k.product_id, k.order_id, "
            "k.entity_id,"
            " k.alias, k.activations, k.delivered, p.verifier IS NOT NULL, coalesce(p.locked, 0),"
            " coalesce(p.set_count, 0), coalesce(p.failures, 0), k.exp_year, k.exp_month"
            " FROM kit k LEFT JOIN pin p ON p.kit_no = k.kit_no ORDER BY k.serial",
            "");
        while (cw_dsim_store_step(stmt)) {
                char expiry[24];
                (void)snprintf(expiry, sizeof expiry, "%04d-%02d", sqlite3_column_int(stmt, 15),
                               sqlite3_column_int(stmt, 16));
                json_t *row = json_pack(
                    "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:b, s:b, s:I, s:I, s:s}",
                    "kitNo", cw_dsim_store_text(stmt, 0), "maskedPan", cw_dsim_store_text(stmt, 1), "status",
                    cw_dsim_store_text(stmt, 2), "deliveryStatus", cw_dsim_store_text(stmt, 3), "branchId",
                    cw_dsim_store_text(stmt, 4), "productId", cw_dsim_store_text(stmt, 5), "orderId",
                    text_or_null(stmt, 6), "entityId", text_or_null(stmt, 7), "aliasName",
                    text_or_null(stmt, 8), "activationCount", (json_int_t)sqlite3_column_int64(stmt, 9),
                    "deliveredCount", (json_int_t)sqlite3_column_int64(stmt, 10), "pin_set",
                    sqlite3_column_int(stmt, 11), "pin_locked", sqlite3_column_int(stmt, 12), "pinSetCount",
                    (json_int_t)sqlite3_column_int64(stmt, 13), "pinFailures",
                    (json_int_t)sqlite3_column_int64(stmt, 14), "expiry", expiry);
                (void)json_array_append_new(list, row);
        }
        return list;
}

static json_t *calls_json(struct cw_dsim *sim) {
        json_t *calls = json_object();
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db, "SELECT substr(name, 7), value FROM number WHERE name LIKE 'calls:%' ORDER BY name", "");
        while (cw_dsim_store_step(stmt))
                (void)json_object_set_new(calls, cw_dsim_store_text(stmt, 0),
                                          json_integer(sqlite3_column_int64(stmt, 1)));
        return calls;
}

static json_t *replays_json(struct cw_dsim *sim) {
        json_t *list = json_array();
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db, "SELECT request_id, endpoint, replays FROM request WHERE replays > 0 ORDER BY at_ms",
            "");
        while (cw_dsim_store_step(stmt))
                (void)json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "requestId",
                                                            cw_dsim_store_text(stmt, 0), "endpoint",
                                                            cw_dsim_store_text(stmt, 1), "replays",
                                                            (json_int_t)sqlite3_column_int64(stmt, 2)));
        return list;
}

static json_t *products_json(const struct cw_dsim *sim) {
        json_t *list = json_array();
        for (size_t i = 0; i < sim->cfg.product_count; i++) {
                const struct cw_dsim_product *p = &sim->cfg.products[i];
                (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "productId", p->id, "bin",
                                                            p->bin, "plasticCode", p->plastic_code,
                                                            "serviceCode", p->service_code));
        }
        return list;
}

static void show_state(struct cw_dsim *sim, struct cw_dsim_out *out) {
        static const char *const numbers[] = {"duplicate_activations", "duplicate_deliveries",
                                              "request_id_other_body", "pin_mailers"};
        (void)pthread_mutex_lock(&sim->lock);
        cw_dsim_store_exec(sim->db, "BEGIN IMMEDIATE");
        cw_dsim_orders_advance(sim, cw_dsim_now_ms());
        cw_dsim_store_exec(sim->db, "COMMIT");
        json_t *state = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "orders", orders_json(sim), "kits",
                                  kits_json(sim), "calls", calls_json(sim), "replayed", replays_json(sim),
                                  "faults", cw_dsim_faults_json(sim->faults), "products", products_json(sim),
                                  "down", cw_dsim_gate_is_down(sim));
        if (sim->traffic)
                (void)json_object_set_new(state, "traffic", cw_dsim_traffic_json(sim->traffic));
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
                (void)json_object_set_new(state, numbers[i],
                                          json_integer(cw_dsim_store_get(sim->db, numbers[i])));
        (void)pthread_mutex_unlock(&sim->lock);
        answer(out, 200, state);
}

static void load_faults(struct cw_dsim *sim, json_t *body, struct cw_dsim_out *out) {
        char why[160] = "";
        (void)pthread_mutex_lock(&sim->lock);
        bool ok = cw_dsim_faults_load(sim->faults, body, why, sizeof why);
        json_t *list = cw_dsim_faults_json(sim->faults);
        (void)pthread_mutex_unlock(&sim->lock);
        if (ok) {
                answer(out, 200, json_pack("{s:o}", "faults", list));
                return;
        }
        json_decref(list);
        answer_error(out, 400, why);
}

static void clear_faults(struct cw_dsim *sim, struct cw_dsim_out *out) {
        (void)pthread_mutex_lock(&sim->lock);
        cw_dsim_faults_clear(sim->faults);
        (void)pthread_mutex_unlock(&sim->lock);
        answer(out, 200, json_pack("{s:[]}", "faults"));
}

static void go_down(struct cw_dsim *sim, json_t *body, struct cw_dsim_out *out) {
        double seconds = -1.0;
        json_int_t until = -1;
        const char *mode = "refuse";
        bool ok =
            json_unpack(body, "{s?F, s?I, s?s!}", "seconds", &seconds, "until", &until, "mode", &mode) == 0;
        bool silent = strcmp(mode, "silent") == 0;
        if (!ok || (seconds < 0) == (until < 0) || seconds > 86400.0 ||
            (!silent && strcmp(mode, "refuse") != 0)) {
                answer_error(
                    out, 400,
                    "the body must be {seconds} or {until (seconds since 1970)}, and mode refuse or silent");
                return;
        }
        int64_t until_ms = until >= 0 ? until * 1000 : cw_dsim_now_ms() + (int64_t)(seconds * 1000.0);
        cw_dsim_gate_down(sim, until_ms, silent);
        answer(out, 200, json_pack("{s:I}", "down_until_ms", (json_int_t)until_ms));
}

/* The digest lets a test compare what it read from a card without this server ever saying the number. */
static void hash_pan(struct cw_dsim *sim, json_t *body, struct cw_dsim_out *out) {
        const char *kit_no = NULL;
        char pan[CW_DSIM_PAN_MAX];
        uint8_t digest[32];
        char hex[65];
        if (json_unpack(body, "{s:s!}", "kitNo", &kit_no) != 0) {
                answer_error(out, 400, "the body must be {kitNo}");
                return;
        }
        (void)pthread_mutex_lock(&sim->lock);
        bool found = cw_dsim_kit_pan(sim, kit_no, pan);
        (void)pthread_mutex_unlock(&sim->lock);
        if (!found) {
                answer_error(out, 404, "no kit has this number");
                return;
        }
        cw_dsim_sha256(pan, strlen(pan), digest);
        OPENSSL_cleanse(pan, sizeof pan);
        cw_dsim_hex_encode(digest, sizeof digest, hex);
        answer(out, 200, json_pack("{s:s, s:s}", "kitNo", kit_no, "sha256", hex));
}

bool cw_dsim_simside_token_ok(const struct cw_dsim *sim, const struct cw_dsim_in *in) {
        const char *token = in->sim_token ? in->sim_token : "";
        size_t len = strlen(token);
        return strlen(sim->cfg.sim_token) == len && CRYPTO_memcmp(token, sim->cfg.sim_token, len) == 0;
}

void cw_dsim_simside(struct cw_dsim *sim, const struct cw_dsim_in *in, const char *path,
                     struct cw_dsim_out *out) {
        bool post = strcmp(in->method, "POST") == 0;
        out->known = strcmp(path, "/state") == 0 || strcmp(path, "/faults") == 0 ||
                     strcmp(path, "/down") == 0 || strcmp(path, "/plain-pan") == 0;
        if (!cw_dsim_simside_token_ok(sim, in)) {
                answer_error(out, 403, "X-Sim-Token is missing or wrong");
                return;
        }
        CW_AUTO_JSON json_t *body =
            post ? json_loadb(in->body, in->body_len, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (strcmp(path, "/state") == 0 && strcmp(in->method, "GET") == 0)
                show_state(sim, out);
        else if (strcmp(path, "/faults") == 0 && post)
                load_faults(sim, body, out);
        else if (strcmp(path, "/faults") == 0 && strcmp(in->method, "DELETE") == 0)
                clear_faults(sim, out);
        else if (strcmp(path, "/down") == 0 && post)
                go_down(sim, body, out);
        else if (strcmp(path, "/plain-pan") == 0 && post)
                hash_pan(sim, body, out);
        else
                answer_error(out, 404,
                             "the test side has GET state, POST or DELETE faults, POST down, POST plain-pan");
}
