/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoints.h"
#include "kitops.h"
#include "profile.h"
#include "text.h"

static const char *text_of(const json_t *object, const char *name) {
        const char *text = json_string_value(json_object_get(object, name));
        return text ? text : "";
}

/* ---- all cards of a person ---- */

static bool is_meant(const struct cw_dsim_call *call, const char *entity_id) {
        const char *wanted = cw_dsim_body_text(call, "entityId", NULL);
        const char *mobile = cw_dsim_body_text(call, "mobileNo", NULL);
        if (wanted && strcmp(wanted, entity_id) != 0)
                return false;
        if (!mobile)
                return wanted != NULL;
        CW_AUTO_JSON json_t *profile = cw_dsim_profile_load(call->sim, entity_id);
        return cw_dsim_profile_has_mobile(profile, mobile);
}

static void manage_one(const struct cw_dsim_call *call, const struct cw_dsim_kit *kit, json_t *rows) {
        const char *next = cw_dsim_next_status(kit, cw_dsim_body_text(call, "operation", ""));
        if (!next)
                return;
        cw_dsim_kit_set_status(call->sim, kit->kit_no, next, call->now_ms);
        (void)json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "kitNo", kit->kit_no,
                                                    "cardNumber", kit->masked_pan, "previousStatus",
                                                    kit->status, "currentStatus", next));
}

/* Kits of the persons meant; read first, changed afterwards. */
static size_t collect(const struct cw_dsim_call *call, struct cw_dsim_kit *kits, size_t cap) {
        size_t count = 0;
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            call->sim->db,
            "SELECT " CW_DSIM_KIT_COLUMNS " FROM kit WHERE entity_id IS NOT NULL ORDER BY serial", "");
        while (count < cap && cw_dsim_store_step(stmt)) {
                cw_dsim_kit_read(stmt, &kits[count]);
                if (is_meant(call, kits[count].entity_id))
                        count++;
        }
        return count;
}

#define KITS_OF_A_PERSON 100U

void cw_dsim_cardops_manage_all(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        bool named = cw_dsim_body_text(call, "entityId", NULL) || cw_dsim_body_text(call, "mobileNo", NULL);
        CW_AUTO_MEM struct cw_dsim_kit *kits = calloc(KITS_OF_A_PERSON, sizeof *kits);
        size_t count = kits && named ? collect(call, kits, KITS_OF_A_PERSON) : 0;
        if (count == 0) {
                cw_dsim_refuse(&call->sim->cfg, reply, named ? CW_DSIM_E_ENTITY_NOT_FOUND : CW_DSIM_E_INPUT,
                               named ? "Invalid mobileNo or entityId" : "mobileNo or entityId is required");
                return;
        }
        json_t *rows = json_array();
        for (size_t i = 0; i < count; i++)
                manage_one(call, &kits[i], rows);
        reply->result = json_pack("{s:o, s:I, s:s}", "managedCards", rows, "totalCardsManaged",
                                  (json_int_t)json_array_size(rows), "operation",
                                  cw_dsim_body_text(call, "operation", ""));
}

/* ---- upgrade, application ---- */

static const struct cw_dsim_product *wanted(const struct cw_dsim *sim, const json_t *info) {
        for (size_t i = 0; i < sim->cfg.product_count; i++) {
                const struct cw_dsim_product *p = &sim->cfg.products[i];
                bool plastic = !*text_of(info, "plasticCode") ||
                               strcmp(text_of(info, "plasticCode"), p->plastic_code) == 0;
                bool type =
                    !*text_of(info, "cardType") || strcmp(text_of(info, "cardType"), p->card_type) == 0;
                bool tier = !*text_of(info, "tierType") || strcmp(text_of(info, "tierType"), p->tier) == 0;
                if (plastic && type && tier)
                        return p;
        }
        return NULL;
}

static void answer_kit(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *kit_no) {
        struct cw_dsim_kit kit;
        if (cw_dsim_kit_load(call->sim, kit_no, &kit))
                reply->result = json_pack("{s:s, s:[o]}", "entityId", kit.entity_id, "kitInfo",
                                          cw_dsim_kit_json(call->sim, &kit, CW_DSIM_VIEW_V1));
}

void cw_dsim_cardops_upgrade(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        char kit_no[40];
        const json_t *info = json_array_get(json_object_get(call->body, "kitInfo"), 0);
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        if (!cw_dsim_next_status(&kit, "BLOCK_AND_REPLACE")) {
                cw_dsim_refuse(&call->sim->cfg, reply, cw_dsim_state_error(&kit),
                               "Card status does not allow an upgrade");
                return;
        }
        const struct cw_dsim_product *product = wanted(call->sim, info);
        if (!product || !cw_dsim_kit_succeed(call, &kit, product, "ASSIGNED", kit_no)) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_KIT_INVALID,
                               "no product has this tier and plastic");
                return;
        }
        if (*text_of(info, "aliasName"))
                (void)cw_dsim_store_run(call->sim->db, "UPDATE kit SET alias = ?2 WHERE kit_no = ?1", "tt",
                                        kit_no, text_of(info, "aliasName"));
        answer_kit(call, reply, kit_no);
}

/* The virtual card keeps its number and becomes one of plastic. */
static void convert(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *kit_no) {
        struct cw_dsim_kit kit;
        CW_AUTO_JSON json_t *physical = json_pack("{s:s}", "cardType", "PHYSICAL");
        if (!cw_dsim_own_kit(call, reply, kit_no, &kit))
                return;
        const struct cw_dsim_product *have = cw_dsim_config_product(&call->sim->cfg, kit.product_id);
        const struct cw_dsim_product *want = wanted(call->sim, physical);
        if (!have || !want || strcmp(have->card_type, "VIRTUAL") != 0) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_KIT_INVALID, "kitNo is not a virtual card");
                return;
        }
        (void)cw_dsim_store_run(call->sim->db,
                                "UPDATE kit SET product_id = ?2, changed_ms = ?3 WHERE kit_no = ?1", "tti",
                                kit_no, want->id, call->now_ms);
        answer_kit(call, reply, kit_no);
}

static void issue_fresh(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const char *entity_id = cw_dsim_body_text(call, "entityId", "");
        CW_AUTO_JSON json_t *profile = cw_dsim_profile_load(call->sim, entity_id);
        CW_AUTO_JSON json_t *accounts = cw_dsim_profile_accounts(call->sim, entity_id, NULL);
        CW_AUTO_JSON json_t *physical = json_pack("{s:s}", "cardType", "PHYSICAL");
        char kit_no[40];
        char account[40];
        const struct cw_dsim_kit_plan plan = {
            .product = wanted(call->sim, physical),
            .branch_id = text_of(json_array_get(call->sim->cfg.branches, 0), "branchId"),
            .status = "INACTIVE",
            .delivery = call->sim->cfg.order.delivery_status,
            .issuance = "PERSONALIZED",
            .emboss = "PERSONALIZED",
        };
        if (!profile) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_CUSTOMER_NOT_FOUND, "Invalid entityId");
                return;
        }
        if (!plan.product || !cw_dsim_kit_make(call->sim, &plan, call->now_ms, kit_no)) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_KIT_INVALID, "no product is a plastic card");
                return;
        }
        cw_dsim_account_text(json_object_get(json_array_get(accounts, 0), "accountNo"), account,
                             sizeof account);
        (void)cw_dsim_store_run(
            call->sim->db,
            "UPDATE kit SET entity_id = ?2, account_no = ?3, assigned_ms = ?4 WHERE kit_no = ?1", "ttti",
            kit_no, entity_id, *account ? account : NULL, call->now_ms);
        answer_kit(call, reply, kit_no);
}

void cw_dsim_cardops_apply(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const char *kit_no = cw_dsim_body_text(call, "kitNo", NULL);
        if (kit_no)
                convert(call, reply, kit_no);
        else
                issue_fresh(call, reply);
}

/* ---- tracking, mailer, transactions ---- */

void cw_dsim_cardops_track(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        char when[40];
        if (!cw_dsim_kit_load(call->sim, cw_dsim_body_text(call, "kitNo", ""), &kit)) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_KIT_NOT_FOUND, "Invalid kitNo");
                return;
        }
        cw_dsim_iso_time(kit.changed_ms, when, sizeof when);
        reply->result = json_pack("{s:{s:[{s:s, s:s, s:s, s:s, s:s, s:{s:[{s:s, s:s}]}}]}}", "shipmentData",
                                  "shipment", "deliveryService", "COURIER", "origin", "CENTRAL",
                                  "destination", kit.branch_id, "status", kit.delivery, "waybillNo",
                                  kit.kit_no, "scans", "scanDetail", "scanDate", when, "scan", kit.delivery);
}

void cw_dsim_cardops_mailer(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        if (!cw_dsim_next_status(&kit, "BLOCK")) {
                cw_dsim_refuse(&call->sim->cfg, reply, cw_dsim_state_error(&kit),
                               "Card status does not allow the operation");
                return;
        }
        (void)cw_dsim_store_add(call->sim->db, "pin_mailers", 1);
        reply->result = json_copy(call->body);
        (void)json_object_set_new(reply->result, "pinRegenerationStatus", json_true());
}

/* No terminal is part of this server, so that a card has no transactions; the page's frame is kept. */
void cw_dsim_cardops_transactions(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        CW_AUTO_JSON json_t *profile =
            cw_dsim_profile_load(call->sim, cw_dsim_body_text(call, "entityId", ""));
        if (!profile)
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_ENTITY_NOT_FOUND, "Invalid entityId");
        else
                reply->result = json_pack("{s:I, s:i, s:i, s:[]}", "currentPage",
                                          (json_int_t)cw_dsim_body_int(call, "page", 0), "totalItems", 0,
                                          "totalPages", 0, "data");
}
