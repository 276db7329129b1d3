/* SPDX-License-Identifier: Apache-2.0 */
#include "customers.h"

#include <stdio.h>
#include <string.h>

#include "endpoints.h"
#include "profile.h"
#include "text.h"

static bool entity_exists(struct cw_dsim *sim, const char *entity_id) {
        return cw_dsim_store_int(sim->db, "SELECT count(*) FROM customer WHERE entity_id = ?1", "t",
                                 entity_id) == 1;
}

static bool account_linked(struct cw_dsim *sim, const char *entity_id, const char *account) {
        return cw_dsim_store_int(sim->db,
                                 "SELECT count(*) FROM account WHERE entity_id = ?1 AND account_no = ?2",
                                 "tt", entity_id, account) == 1;
}

/* INACTIVE as the documented sample says, ASSIGNED as the state list says, or each in turn. */
static const char *assigned_status(struct cw_dsim *sim) {
        if (sim->cfg.assigned == CW_DSIM_ASSIGNED_ALTERNATE)
                return cw_dsim_store_add(sim->db, "assigned_turn", 1) % 2 ? "INACTIVE" : "ASSIGNED";
        return sim->cfg.assigned == CW_DSIM_ASSIGNED_ASSIGNED ? "ASSIGNED" : "INACTIVE";
}

/* The product of a card made for one customer: by plastic code, by card type, else the first. */
static const struct cw_dsim_product *wanted_product(const struct cw_dsim *sim, const json_t *info) {
        const char *plastic = json_string_value(json_object_get(info, "plasticCode"));
        const char *type = json_string_value(json_object_get(info, "cardType"));
        for (size_t i = 0; i < sim->cfg.product_count; i++) {
                const struct cw_dsim_product *product = &sim->cfg.products[i];
                if ((!plastic || strcmp(plastic, product->plastic_code) == 0) &&
                    (!type || strcmp(type, product->card_type) == 0))
                        return product;
        }
        return NULL;
}

static bool make_personal_kit(const struct cw_dsim_call *call, const json_t *info, char *kit_no) {
        const json_t *branch = json_array_get(call->sim->cfg.branches, 0);
        const struct cw_dsim_kit_plan plan = {
            .product = wanted_product(call->sim, info),
            .branch_id = json_string_value(json_object_get(branch, "branchId")),
            .status = "UNALLOCATED",
            .delivery = call->sim->cfg.order.delivery_status,
            .issuance = "PERSONALIZED",
            .emboss = "PERSONALIZED",
        };
        return plan.product && cw_dsim_kit_make(call->sim, &plan, call->now_ms, kit_no);
}

/* The kit named by kitNo, which must be in stock, or a new one. False after a refusal. */
static bool choose_kit(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const json_t *info,
                       char *ret_kit_no) {
        const struct cw_dsim_config *cfg = &call->sim->cfg;
        const char *wanted = json_string_value(json_object_get(info, "kitNo"));
        const char *plastic = json_string_value(json_object_get(info, "plasticCode"));
        struct cw_dsim_kit kit;
        if (!wanted) {
                bool made = make_personal_kit(call, info, ret_kit_no);
                if (!made)
                        cw_dsim_refuse(cfg, reply, CW_DSIM_E_KIT_INVALID,
                                       "no product has this plasticCode and cardType");
                return made;
        }
        if (!cw_dsim_kit_load(call->sim, wanted, &kit)) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_KIT_NOT_FOUND, "Invalid kitNo");
                return false;
        }
        const struct cw_dsim_product *product = cw_dsim_config_product(cfg, kit.product_id);
        bool fits = product && (!plastic || strcmp(plastic, product->plastic_code) == 0);
        if (strcmp(kit.status, "UNALLOCATED") != 0 || !fits) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_KIT_INVALID,
                               fits ? "kitNo is not UNALLOCATED" : "kitNo has another plasticCode");
                return false;
        }
        (void)cw_dsim_copy(ret_kit_no, 40, kit.kit_no);
        return true;
}

/* The account of the entry, or the customer's first. False after a refusal. */
static bool choose_account(const struct cw_dsim_call *call, struct cw_dsim_reply *reply,
                           const char *entity_id, const json_t *info, char *account, size_t size) {
        const json_t *value = json_object_get(info, "accountNo");
        if (value) {
                cw_dsim_account_text(value, account, size);
        } else {
                CW_AUTO(sqlite3_finalize)
                sqlite3_stmt *stmt = cw_dsim_store_query(
                    call->sim->db,
                    "SELECT account_no FROM account WHERE entity_id = ?1 ORDER BY rowid LIMIT 1", "t",
                    entity_id);
                (void)snprintf(account, size, "%s",
                               cw_dsim_store_step(stmt) ? cw_dsim_store_text(stmt, 0) : "");
        }
        if (account_linked(call->sim, entity_id, account))
                return true;
        cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_ACCOUNT, "Invalid accountNo");
        return false;
}

static bool assign_one(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *entity_id,
                       const json_t *info, json_t *rows) {
        char kit_no[40];
        char account[40];
        struct cw_dsim_kit kit;
        if (!choose_account(call, reply, entity_id, info, account, sizeof account) ||
            !choose_kit(call, reply, info, kit_no))
                return false;
        const json_t *value = json_object_get(info, "accountNo");
        (void)cw_dsim_store_run(
            call->sim->db,
            "UPDATE kit SET entity_id = ?2, account_no = ?3, account_is_number = ?4, alias = ?5,"
            " fourth_line = ?6, status = ?7, assigned_ms = ?8, changed_ms = ?8 WHERE kit_no = ?1",
            "tttitt"
            "ti",
            kit_no, entity_id, account, (int64_t)json_is_integer(value),
            json_string_value(json_object_get(info, "aliasName")),
            json_string_value(json_object_get(info, "fourthLine")), assigned_status(call->sim), call->now_ms);
        if (!cw_dsim_kit_load(call->sim, kit_no, &kit))
                return false;
        (void)json_array_append_new(rows, cw_dsim_kit_json(call->sim, &kit, CW_DSIM_VIEW_V1));
        return true;
}

/* All cards or none. */
static void assign_all(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const char *entity_id = cw_dsim_body_text(call, "entityId", "");
        const json_t *infos = json_object_get(call->body, "kitInfo");
        CW_AUTO_JSON json_t *rows = json_array();
        for (size_t i = 0; i < json_array_size(infos); i++)
                if (!assign_one(call, reply, entity_id, json_array_get(infos, i), rows))
                        return;
        reply->result = json_pack("{s:s, s:O}", "entityId", entity_id, "kitInfo", rows);
}

void cw_dsim_customers_register_card(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        if (entity_exists(call->sim, cw_dsim_body_text(call, "entityId", "")))
                assign_all(call, reply);
        else
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_CUSTOMER_NOT_FOUND, "Invalid entityId");
}

static bool has_permanent_address(const json_t *addresses) {
        for (size_t i = 0; i < json_array_size(addresses); i++) {
                const json_t *category = json_object_get(json_array_get(addresses, i), "addressCategory");
                if (category && strcmp(json_string_value(category), "PERMANENT") == 0)
                        return true;
        }
        return false;
}

static bool insert_customer(struct cw_dsim *sim, const char *entity_id, json_t *profile,
                            const json_t *accounts, int64_t now_ms) {
        CW_AUTO_MEM char *text = json_dumps(profile, JSON_COMPACT);
        if (cw_dsim_store_run(sim->db, "INSERT INTO customer VALUES(?1, ?2, ?3)", "tit", entity_id, now_ms,
                              text) != 1)
                return false;
        for (size_t i = 0; i < json_array_size(accounts); i++) {
                const json_t *entry = json_array_get(accounts, i);
                char account[40];
                cw_dsim_account_text(json_is_object(entry) ? json_object_get(entry, "accountNo") : entry,
                                     account, sizeof account);
                (void)cw_dsim_store_run(sim->db, "INSERT OR IGNORE INTO account VALUES(?1, ?2, ?3)", "ttt",
                                        entity_id, account,
                                        json_string_value(json_object_get(entry, "accountType")));
        }
        return true;
}

void cw_dsim_customers_register(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const struct cw_dsim_config *cfg = &call->sim->cfg;
        const char *entity_id = cw_dsim_body_text(call, "entityId", "");
        bool wants_card = json_object_get(call->body, "kitInfo") != NULL;
        if (!has_permanent_address(json_object_get(call->body, "addressInfo"))) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_INPUT, "addressInfo needs a PERMANENT address");
                return;
        }
        if (wants_card && !json_object_get(call->body, "deliveryAddress")) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_INPUT, "deliveryAddress is required with kitInfo");
                return;
        }
        if (!insert_customer(call->sim, entity_id, call->body, json_object_get(call->body, "accountInfo"),
                             call->now_ms)) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_ENTITY_EXISTS, "entityId already exists");
                return;
        }
        if (wants_card)
                assign_all(call, reply);
        else
                reply->result = json_pack("{s:s}", "entityId", entity_id);
}

static bool seed_fault(const char *what, const char *id, const char *text) {
        (void)fprintf(stderr, "dcms-sim: config: %s %s: %s\n", what, id ? id : "?", text);
        return false;
}

static bool seed_customer(struct cw_dsim *sim, json_t *entry, int64_t now_ms) {
        const char *entity_id = NULL;
        const char *mobile = NULL, *dob = NULL;
        json_t *accounts = NULL;
        if (json_unpack(entry, "{s:s, s:o, s?s, s?s!}", "entityId", &entity_id, "accounts", &accounts,
                        "mobileNo", &mobile, "dob", &dob) != 0 ||
            !json_is_array(accounts))
                return seed_fault("customers[]", entity_id,
                                  "must be {entityId, accounts: [...], mobileNo, dob}");
        return insert_customer(sim, entity_id, entry, accounts, now_ms) ||
               seed_fault("customers[]", entity_id, "is there twice");
}

struct kit_seed {
        const char *kit_no, *product, *branch, *pan, *parent, *order, *status, *delivery, *entity, *alias,
            *expiry;
        json_t *account;
};

static const char *seed_kit_fault(const struct cw_dsim *sim, const struct kit_seed *seed) {
        const struct cw_dsim_product *product = cw_dsim_config_product(&sim->cfg, seed->product);
        int64_t unused = 0;
        char day[16] = "";
        if (!product)
                return "productId is not configured";
        if (!cw_dsim_config_branch(&sim->cfg, seed->branch))
                return "branchId is not configured";
        if (seed->pan &&
            (!cw_dsim_luhn_ok(seed->pan) || strncmp(seed->pan, product->bin, strlen(product->bin)) != 0))
                return "pan is not a number with a right check digit in the product's BIN";
        (void)snprintf(day, sizeof day, "%.8s-01", seed->expiry ? seed->expiry : "2030-01");
        return cw_dsim_parse_date(day, &unused) ? NULL : "expiry must be YYYY-MM";
}

static bool seed_kit(struct cw_dsim *sim, json_t *entry, int64_t now_ms) {
        struct kit_seed s = {.status = "UNALLOCATED", .delivery = sim->cfg.order.delivery_status};
        char kit_no[40];
        char account[40] = "";
        int year = 0;
        int month = 0;
        if (json_unpack(entry, "{s:s, s:s, s:s, s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?o!}", "kitNo",
                        &s.kit_no, "productId", &s.product, "branchId", &s.branch, "pan", &s.pan,
                        "parentKitNo", &s.parent, "orderId", &s.order, "status", &s.status, "deliveryStatus",
                        &s.delivery, "entityId", &s.entity, "aliasName", &s.alias, "expiry", &s.expiry,
                        "accountNo", &s.account) != 0)
                return seed_fault("kits[]", s.kit_no, "has a missing, unknown or wrongly typed key");
        const char *fault = seed_kit_fault(sim, &s);
        if (fault || strlen(s.kit_no) >= sizeof kit_no)
                return seed_fault("kits[]", s.kit_no, fault ? fault : "kitNo is too long");
        if (s.expiry && sscanf(s.expiry, "%4d-%2d", &year, &month) != 2)
                return seed_fault("kits[]", s.kit_no, "expiry must be YYYY-MM");
        const struct cw_dsim_kit_plan plan = {cw_dsim_config_product(&sim->cfg, s.product),
                                              s.branch,
                                              s.order,
                                              s.kit_no,
                                              s.parent,
                                              s.pan,
                                              s.status,
                                              s.delivery,
                                              "WELCOME_KIT",
                                              "NON_PERSONALIZED",
                                              year,
                                              month};
        if (!cw_dsim_kit_make(sim, &plan, now_ms, kit_no))
                return seed_fault("kits[]", s.kit_no, "kitNo or pan is there twice");
        cw_dsim_account_text(s.account, account, sizeof account);
        if (s.entity)
                (void)cw_dsim_store_run(
                    sim->db,
                    "UPDATE kit SET entity_id = ?2, account_no = ?3, account_is_number = ?4,"
                    " alias = ?5, assigned_ms = ?6 WHERE kit_no = ?1",
                    "tttiti", kit_no, s.entity, *account ? account : NULL,
                    (int64_t)json_is_integer(s.account), s.alias, now_ms);
        return true;
}

bool cw_dsim_customers_seed(struct cw_dsim *sim) {
        int64_t now_ms = cw_dsim_now_ms();
        for (size_t i = 0; i < json_array_size(sim->cfg.customers); i++)
                if (!seed_customer(sim, json_array_get(sim->cfg.customers, i), now_ms))
                        return false;
        for (size_t i = 0; i < json_array_size(sim->cfg.kits); i++)
                if (!seed_kit(sim, json_array_get(sim->cfg.kits, i), now_ms))
                        return false;
        return true;
}
