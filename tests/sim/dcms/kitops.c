/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cardcheck.h"
#include "crypto.h"
#include "endpoints.h"
#include "kitops.h"
#include "text.h"

#define CVV_LIFETIME_S 120

static bool status_is(const struct cw_dsim_kit *kit, const char *status) {
        return strcmp(kit->status, status) == 0;
}

static bool terminal(const struct cw_dsim_kit *kit) {
        return status_is(kit, "REPLACED") || status_is(kit, "EXPIRED_CARD") || status_is(kit, "CLOSED");
}

bool cw_dsim_own_kit(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *kit_no,
                     struct cw_dsim_kit *kit) {
        if (cw_dsim_kit_load(call->sim, kit_no, kit) && *kit->entity_id &&
            strcmp(kit->entity_id, cw_dsim_body_text(call, "entityId", "")) == 0)
                return true;
        cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_KIT_NOT_VALID, "Invalid Kit No");
        return false;
}

enum cw_dsim_error cw_dsim_state_error(const struct cw_dsim_kit *kit) {
        if (terminal(kit))
                return CW_DSIM_E_CARD_CLOSED;
        return status_is(kit, "BLOCKED") ? CW_DSIM_E_CARD_BLOCKED : CW_DSIM_E_CARD_STATUS;
}

void cw_dsim_kitops_activate(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        if (status_is(&kit, "ACTIVE")) {
                (void)cw_dsim_store_add(call->sim->db, "duplicate_activations", 1);
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_CARD_ACTIVE, "Card status is ACTIVE");
                reply->keep = true;
                return;
        }
        if (!status_is(&kit, "INACTIVE") && !status_is(&kit, "ASSIGNED")) {
                cw_dsim_refuse(&call->sim->cfg, reply, cw_dsim_state_error(&kit),
                               "Card status does not allow activation");
                return;
        }
        (void)cw_dsim_store_run(call->sim->db,
                                "UPDATE kit SET status = 'ACTIVE', activated_ms = ?2, changed_ms = ?2,"
                                " activations = activations + 1 WHERE kit_no = ?1",
                                "ti", kit.kit_no, call->now_ms);
        reply->result = json_string("success");
}

bool cw_dsim_kit_succeed(const struct cw_dsim_call *call, const struct cw_dsim_kit *old,
                         const struct cw_dsim_product *product, const char *status, char kit_no[40]) {
        const struct cw_dsim_kit_plan plan = {
            .product = product,
            .branch_id = old->branch_id,
            .status = "UNALLOCATED",
            .delivery = call->sim->cfg.order.delivery_status,
            .issuance = "REPLACEMENT",
            .emboss = "PERSONALIZED",
        };
        if (!plan.product || !cw_dsim_kit_make(call->sim, &plan, call->now_ms, kit_no))
                return false;
        (void)cw_dsim_store_run(
            call->sim->db,
            "UPDATE kit SET (entity_id, account_no, account_is_number, alias, fourth_line) ="
            " (SELECT entity_id, account_no, account_is_number, alias, fourth_line FROM kit"
            " WHERE kit_no = ?2), status = ?3, assigned_ms = ?4 WHERE kit_no = ?1",
            "ttti", kit_no, old->kit_no, status, call->now_ms);
        cw_dsim_kit_set_status(call->sim, old->kit_no, "REPLACED", call->now_ms);
        return true;
}

/* A new kit of the same product, branch and customer. */
static bool replace_kit(const struct cw_dsim_call *call, const struct cw_dsim_kit *old) {
        char kit_no[40];
        return cw_dsim_kit_succeed(
            call, old, cw_dsim_config_product(&call->sim->cfg, old->product_id),
            call->sim->cfg.assigned == CW_DSIM_ASSIGNED_ASSIGNED ? "ASSIGNED" : "INACTIVE", kit_no);
}

const char *cw_dsim_next_status(const struct cw_dsim_kit *kit, const char *operation) {
        bool live = status_is(kit, "ACTIVE") || status_is(kit, "LOCKED");
        bool fresh = status_is(kit, "INACTIVE") || status_is(kit, "ASSIGNED");
        if (strcmp(operation, "LOCK") == 0)
                return status_is(kit, "ACTIVE") ? "LOCKED" : NULL;
        if (strcmp(operation, "UNLOCK") == 0)
                return status_is(kit, "LOCKED") ? "ACTIVE" : NULL;
        if (strcmp(operation, "BLOCK") == 0)
                return live || fresh ? "BLOCKED" : NULL;
        if (strcmp(operation, "REPLACE") == 0)
                return status_is(kit, "BLOCKED") ? "REPLACED" : NULL;
        return live || fresh ? "REPLACED" : NULL;
}

void cw_dsim_kitops_manage(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "oldKit", ""), &kit))
                return;
        const char *next = cw_dsim_next_status(&kit, cw_dsim_body_text(call, "operation", ""));
        if (!next) {
                cw_dsim_refuse(&call->sim->cfg, reply, cw_dsim_state_error(&kit),
                               "Card status does not allow the operation");
                return;
        }
        if (strcmp(next, "REPLACED") != 0) {
                cw_dsim_kit_set_status(call->sim, kit.kit_no, next, call->now_ms);
        } else if (!replace_kit(call, &kit)) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_INTERNAL, "no kit could be made");
                return;
        }
        reply->result = json_pack("{s:b}", "status", 1);
}

static void kits_of_entity(const struct cw_dsim_call *call, struct cw_dsim_reply *reply,
                           enum cw_dsim_kit_view view) {
        const char *entity_id = cw_dsim_body_text(call, "entityId", "");
        if (cw_dsim_store_int(call->sim->db, "SELECT count(*) FROM customer WHERE entity_id = ?1", "t",
                              entity_id) == 0) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_ENTITY_NOT_FOUND, "Invalid entityId");
                return;
        }
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            call->sim->db, "SELECT " CW_DSIM_KIT_COLUMNS " FROM kit WHERE entity_id = ?1 ORDER BY serial",
            "t", entity_id);
        reply->result = json_array();
        while (cw_dsim_store_step(stmt)) {
                struct cw_dsim_kit kit;
                cw_dsim_kit_read(stmt, &kit);
                (void)json_array_append_new(reply->result, cw_dsim_kit_json(call->sim, &kit, view));
        }
}

void cw_dsim_kitops_by_entity(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        kits_of_entity(call, reply, CW_DSIM_VIEW_V1);
}

void cw_dsim_kitops_by_entity_v2(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        kits_of_entity(call, reply, CW_DSIM_VIEW_V2);
}

/* Opens Base64(IV16 | ciphertext | tag16) of PAN digits; NULL when it did. */
static const char *open_card_number(struct cw_dsim *sim, const char *text, char pan[CW_DSIM_PAN_MAX]) {
        uint8_t raw[CW_DSIM_IV_LEN + CW_DSIM_PAN_MAX + CW_DSIM_TAG_LEN];
        size_t len = 0;
        if (!cw_dsim_b64_decode(text, raw, sizeof raw, &len) || len <= 32 || len - 32 >= CW_DSIM_PAN_MAX)
                return "encryptedCardNumber is not Base64 of IV16, ciphertext and tag16";
        size_t n = len - 32;
        if (!cw_dsim_gcm_open(sim->cfg.card_number_key, raw, raw + 16, n, raw + 16 + n, (uint8_t *)pan))
                return "encryptedCardNumber does not decrypt";
        pan[n] = '\0';
        if (!cw_dsim_luhn_ok(pan))
                return "encryptedCardNumber holds no card number";
        return cw_dsim_iv_fresh(sim, "card number", raw, 16, raw, len) ? NULL
                                                                       : "encryptedCardNumber reuses an IV";
}

static json_t *card_details(struct cw_dsim *sim, const struct cw_dsim_kit *kit) {
        char expiry[40];
        char issued[40];
        const struct cw_dsim_product *product = cw_dsim_config_product(&sim->cfg, kit->product_id);
        cw_dsim_iso_time(cw_dsim_kit_expiry_ms(kit), expiry, sizeof expiry);
        cw_dsim_iso_time(kit->assigned_ms ? kit->assigned_ms : kit->created_ms, issued, sizeof issued);
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s}", "cardIssuanceDate", issued,
                         "cardIssuanceType", kit->issuance, "cardName", kit->alias, "cardStatus", kit->status,
                         "cardType", product ? product->card_type : "PHYSICAL", "encryptedCardNumber",
                         cw_dsim_kit_sealed_pan(sim, kit->kit_no), "expDate", expiry, "kitNo", kit->kit_no);
}

static json_t *pin_date(struct cw_dsim *sim, const char *kit_no) {
        char text[40];
        int64_t ms = cw_dsim_store_int(sim->db, "SELECT changed_ms FROM pin WHERE kit_no = ?1", "t", kit_no);
        if (ms == 0)
                return json_null();
        cw_dsim_iso_time(ms, text, sizeof text);
        return json_string(text);
}

void cw_dsim_kitops_by_card(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim *sim = call->sim;
        struct cw_dsim_kit kit;
        char pan[CW_DSIM_PAN_MAX];
        const char *fault = open_card_number(sim, cw_dsim_body_text(call, "encryptedCardNumber", ""), pan);
        bool found = !fault && cw_dsim_kit_by_pan(sim, pan, &kit);
        OPENSSL_cleanse(pan, sizeof pan);
        if (!found) {
                cw_dsim_refuse(&sim->cfg, reply, fault ? CW_DSIM_E_INPUT : CW_DSIM_E_CARD_NOT_FOUND, fault);
                return;
        }
        json_t *account = *kit.account_no
                              ? cw_dsim_number_or_string(sim, kit.account_no, kit.account_is_number)
                              : json_null();
        reply->result =
            json_pack("{s:o, s:{s:o, s:s, s:s, s:s, s:s, s:b, s:s, s:o}, s:o}", "entityId",
                      *kit.entity_id ? json_string(kit.entity_id) : json_null(), "accountInfo", "accountNo",
                      account, "accountStatus", "ACTIVE", "accountType", "SAVINGS", "accountsCurrency", "356",
                      "branchId", kit.branch_id, "defaultAccount", 1, "product", kit.product_id, "kitDetails",
                      card_details(sim, &kit), "lastPinChangeDate", pin_date(sim, kit.kit_no));
}

bool cw_dsim_kit_cvv(struct cw_dsim *sim, const struct cw_dsim_kit *kit, char cvv[4]) {
        char pan[CW_DSIM_PAN_MAX];
        char expiry[8];
        const struct cw_dsim_product *product = cw_dsim_config_product(&sim->cfg, kit->product_id);
        bool mmyy = product && product->cvv2_mmyy;
        (void)snprintf(expiry, sizeof expiry, "%02d%02d", (mmyy ? kit->exp_month : kit->exp_year) % 100,
                       (mmyy ? kit->exp_year : kit->exp_month) % 100);
        bool ok =
            cw_dsim_kit_pan(sim, kit->kit_no, pan) && cw_dsim_cvv(sim->cfg.cvk, pan, expiry, "000", cvv);
        OPENSSL_cleanse(pan, sizeof pan);
        return ok;
}

void cw_dsim_kitops_cvv(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim *sim = call->sim;
        struct cw_dsim_kit kit;
        char cvv[4] = "";
        if (!cw_dsim_kit_load(sim, cw_dsim_body_text(call, "kitNo", ""), &kit) || !*kit.entity_id) {
                cw_dsim_refuse(&sim->cfg, reply, CW_DSIM_E_KIT_NOT_FOUND, "Invalid kitNo");
                return;
        }
        if (terminal(&kit) || status_is(&kit, "BLOCKED")) {
                cw_dsim_refuse(&sim->cfg, reply, cw_dsim_state_error(&kit),
                               "Card status does not allow the operation");
                return;
        }
        if (cw_dsim_kit_cvv(sim, &kit, cvv))
                reply->result = json_pack("{s:s, s:i}", "cvv", cvv, "expiryCvv", CVV_LIFETIME_S);
        else
                cw_dsim_refuse(&sim->cfg, reply, CW_DSIM_E_INTERNAL, "CVV");
        OPENSSL_cleanse(cvv, sizeof cvv);
}
