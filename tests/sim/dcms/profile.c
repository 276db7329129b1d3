/* SPDX-License-Identifier: Apache-2.0 */
#include "profile.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "endpoints.h"
#include "preference.h"
#include "text.h"

void cw_dsim_account_text(const json_t *value, char *out, size_t size) {
        if (json_is_integer(value))
                (void)snprintf(out, size, "%lld", (long long)json_integer_value(value));
        else
                (void)snprintf(out, size, "%s", json_is_string(value) ? json_string_value(value) : "");
}

json_t *cw_dsim_profile_load(struct cw_dsim *sim, const char *entity_id) {
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt =
            cw_dsim_store_query(sim->db, "SELECT profile FROM customer WHERE entity_id = ?1", "t", entity_id);
        return cw_dsim_store_step(stmt) ? json_loads(cw_dsim_store_text(stmt, 0), 0, NULL) : NULL;
}

static void save(struct cw_dsim *sim, const char *entity_id, const json_t *profile) {
        CW_AUTO_MEM char *text = json_dumps(profile, JSON_COMPACT);
        (void)cw_dsim_store_run(sim->db, "UPDATE customer SET profile = ?2 WHERE entity_id = ?1", "tt",
                                entity_id, text);
}

bool cw_dsim_profile_has_mobile(const json_t *profile, const char *mobile) {
        const json_t *contacts = json_object_get(profile, "communicationInfo");
        const char *seeded = json_string_value(json_object_get(profile, "mobileNo"));
        if (seeded && strcmp(seeded, mobile) == 0)
                return true;
        for (size_t i = 0; i < json_array_size(contacts); i++) {
                const char *number =
                    json_string_value(json_object_get(json_array_get(contacts, i), "contactNo"));
                if (number && strcmp(number, mobile) == 0)
                        return true;
        }
        return false;
}

/* The configuration seeds bare account numbers, of either JSON type. */
static bool seeded_as_number(const json_t *profile, const char *account) {
        const json_t *seeded = json_object_get(profile, "accounts");
        for (size_t i = 0; i < json_array_size(seeded); i++) {
                char have[40];
                cw_dsim_account_text(json_array_get(seeded, i), have, sizeof have);
                if (json_is_integer(json_array_get(seeded, i)) && strcmp(have, account) == 0)
                        return true;
        }
        return false;
}

/* What register or update-manager/account said of the account, on top of what every account has. */
static json_t *account_object(struct cw_dsim *sim, const json_t *profile, const char *account, bool first) {
        const json_t *known = json_object_get(profile, "accountInfo");
        json_t *row = json_pack("{s:s, s:s, s:s, s:b, s:b}", "accountStatus", "ACTIVE", "accountType",
                                "SAVING", "accountsCurrency", "INR", "defaultAccount", first, "isPrimary", 0);
        bool number = seeded_as_number(profile, account);
        for (size_t i = 0; i < json_array_size(known); i++) {
                json_t *entry = json_array_get(known, i);
                char have[40];
                cw_dsim_account_text(json_object_get(entry, "accountNo"), have, sizeof have);
                if (strcmp(have, account) != 0)
                        continue;
                number = json_is_integer(json_object_get(entry, "accountNo"));
                (void)json_object_update(row, entry);
        }
        (void)json_object_set_new(row, "accountNo", cw_dsim_number_or_string(sim, account, number));
        return row;
}

json_t *cw_dsim_profile_accounts(struct cw_dsim *sim, const char *entity_id, const char *account) {
        CW_AUTO_JSON json_t *profile = cw_dsim_profile_load(sim, entity_id);
        json_t *list = json_array();
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db, "SELECT account_no FROM account WHERE entity_id = ?1 ORDER BY rowid", "t", entity_id);
        for (bool first = true; cw_dsim_store_step(stmt); first = false)
                if (!account || strcmp(account, cw_dsim_store_text(stmt, 0)) == 0)
                        (void)json_array_append_new(
                            list, account_object(sim, profile, cw_dsim_store_text(stmt, 0), first));
        return list;
}

/* The customer of the body's entityId; NULL after a refusal. */
static json_t *customer(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        json_t *profile = cw_dsim_profile_load(call->sim, cw_dsim_body_text(call, "entityId", ""));
        if (!profile)
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_ENTITY_NOT_FOUND, "Invalid entityId");
        return profile;
}

/* Kits of an entity, or of one of its accounts; only_active leaves out what is closed or not yet in use. */
static json_t *kit_rows(struct cw_dsim *sim, const char *entity_id, const char *account, bool only_active,
                        enum cw_dsim_kit_view view) {
        json_t *rows = json_array();
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db,
            "SELECT " CW_DSIM_KIT_COLUMNS " FROM kit WHERE entity_id = ?1 AND (?2 IS NULL OR account_no = ?2)"
            " ORDER BY serial",
            "tt", entity_id, account);
        while (cw_dsim_store_step(stmt)) {
                struct cw_dsim_kit kit;
                cw_dsim_kit_read(stmt, &kit);
                if (!only_active || strcmp(kit.status, "ACTIVE") == 0)
                        (void)json_array_append_new(rows, cw_dsim_kit_json(sim, &kit, view));
        }
        return rows;
}

void cw_dsim_profile_view(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        const char *entity_id = cw_dsim_body_text(call, "entityId", "");
        json_t *profile = customer(call, reply);
        if (!profile)
                return;
        /* The seeded form of the configuration is not a member of the page. */
        (void)json_object_del(profile, "accounts");
        (void)json_object_del(profile, "mobileNo");
        (void)json_object_set_new(profile, "accountInfo",
                                  cw_dsim_profile_accounts(call->sim, entity_id, NULL));
        (void)json_object_set_new(profile, "kitInfo",
                                  kit_rows(call->sim, entity_id, NULL, false, CW_DSIM_VIEW_INVENTORY));
        reply->result = profile;
}

static void by_cif(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, enum cw_dsim_kit_view view) {
        const char *entity_id = cw_dsim_body_text(call, "entityId", "");
        CW_AUTO_JSON json_t *profile = customer(call, reply);
        if (!profile)
                return;
        CW_AUTO_JSON json_t *accounts = cw_dsim_profile_accounts(call->sim, entity_id, NULL);
        json_t *account = json_deep_copy(json_array_get(accounts, 0));
        json_t *kits = kit_rows(call->sim, entity_id, NULL, false, view);
        for (size_t i = 0; i < json_array_size(kits); i++) {
                json_t *row = json_array_get(kits, i);
                CW_AUTO_JSON json_t *preferences =
                    cw_dsim_preference_of(call->sim, json_string_value(json_object_get(row, "kitNo")));
                (void)json_object_update_missing(row, preferences);
        }
        if (!account)
                account = json_object();
        (void)json_object_set_new(account, "kitInfo", kits);
        reply->result = json_pack("{s:s, s:o}", "entityId", entity_id, "accountInfo", account);
}

void cw_dsim_profile_by_cif(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        by_cif(call, reply, CW_DSIM_VIEW_V1);
}

void cw_dsim_profile_by_cif_v2(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        by_cif(call, reply, CW_DSIM_VIEW_V2);
}

void cw_dsim_profile_by_masked(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        CW_AUTO_JSON json_t *list = json_array();
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            call->sim->db,
            "SELECT DISTINCT entity_id FROM kit WHERE masked_pan = ?1 AND entity_id IS NOT NULL ORDER BY 1",
            "t", cw_dsim_body_text(call, "maskedCardNo", ""));
        while (cw_dsim_store_step(stmt))
                (void)json_array_append_new(list, json_string(cw_dsim_store_text(stmt, 0)));
        if (json_array_size(list) == 0)
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_KIT_NOT_VALID,
                               "Invalid masked card number format");
        else
                reply->result = json_pack("{s:O}", "entityId", list);
}

/* The list of the body replaces the customer's. */
static void replace_list(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *name) {
        const char *entity_id = cw_dsim_body_text(call, "entityId", "");
        CW_AUTO_JSON json_t *profile = customer(call, reply);
        if (!profile)
                return;
        (void)json_object_set(profile, name, json_object_get(call->body, name));
        save(call->sim, entity_id, profile);
        reply->result = json_pack("{s:s}", "entityId", entity_id);
}

void cw_dsim_profile_poi(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        replace_list(call, reply, "communicationInfo");
}

void cw_dsim_profile_poa(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        replace_list(call, reply, "addressInfo");
}

static bool all_linked(const struct cw_dsim_call *call, const char *entity_id) {
        const json_t *rows = json_object_get(call->body, "accountInfo");
        for (size_t i = 0; i < json_array_size(rows); i++) {
                char account[40];
                cw_dsim_account_text(json_object_get(json_array_get(rows, i), "accountNo"), account,
                                     sizeof account);
                if (cw_dsim_store_int(call->sim->db,
                                      "SELECT count(*) FROM account WHERE entity_id = ?1 AND account_no = ?2",
                                      "tt", entity_id, account) == 0)
                        return false;
        }
        return true;
}

void cw_dsim_profile_account(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        if (all_linked(call, cw_dsim_body_text(call, "entityId", "")))
                replace_list(call, reply, "accountInfo");
        else
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_ACCOUNT, "Invalid accountNo");
}

void cw_dsim_profile_kits_by_account(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        char account[40];
        CW_AUTO_JSON json_t *entities = json_array();
        CW_AUTO_JSON json_t *first = NULL;
        cw_dsim_account_text(json_object_get(call->body, "accountNo"), account, sizeof account);
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            call->sim->db, "SELECT entity_id FROM account WHERE account_no = ?1 ORDER BY rowid", "t",
            account);
        while (cw_dsim_store_step(stmt)) {
                const char *entity_id = cw_dsim_store_text(stmt, 0);
                if (!first)
                        first = cw_dsim_profile_accounts(call->sim, entity_id, account);
                (void)json_array_append_new(
                    entities, json_pack("{s:s, s:b, s:o}", "entityId", entity_id, "isPrimary", 0, "kitInfo",
                                        kit_rows(call->sim, entity_id, account, !call->all_cards,
                                                 CW_DSIM_VIEW_INVENTORY)));
        }
        if (!first) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_ACCOUNT, "Invalid accountNo");
                return;
        }
        reply->result = json_deep_copy(json_array_get(first, 0));
        (void)json_object_set(reply->result, "entity", entities);
}

void cw_dsim_profile_accounts_by_card(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        if (!cw_dsim_kit_by_pan(call->sim, cw_dsim_body_text(call, "cardNumber", ""), &kit) ||
            !*kit.entity_id)
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_KIT_NOT_VALID, "Invalid card number");
        else
                reply->result =
                    json_pack("{s:s, s:s, s:o}", "entityId", kit.entity_id, "kitNo", kit.kit_no,
                              "linkedAccounts", cw_dsim_profile_accounts(call->sim, kit.entity_id, NULL));
}
