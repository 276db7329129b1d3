/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "config_gateway.h"
#include "config_read.h"
#include "crypto.h"
#include "text.h"

static void read_users(struct cw_dsim_config *cfg, struct cw_dsim_section top) {
        static const char *const keys[] = {"username", "password", "allow", NULL};
        json_t *array = cw_dsim_section_array(top, "users", true);
        if (json_array_size(array) > CW_DSIM_USERS_MAX) {
                cw_dsim_section_bad(top, "users", "has too many entries");
                return;
        }
        for (size_t i = 0; i < json_array_size(array); i++) {
                struct cw_dsim_section s = {json_array_get(array, i), "users[]", top.ok};
                struct cw_dsim_user *user = &cfg->users[cfg->user_count++];
                cw_dsim_section_keys(s, keys);
                cw_dsim_section_text(s, "username", NULL, user->name, sizeof user->name);
                cw_dsim_section_text(s, "password", NULL, user->password, sizeof user->password);
                user->allow = cw_dsim_section_array(s, "allow", false);
        }
}

static void read_jwt(struct cw_dsim_config *cfg, struct cw_dsim_section top) {
        static const char *const keys[] = {"secret", "ttl_s", NULL};
        struct cw_dsim_section s = cw_dsim_section_open(top, "jwt");
        cw_dsim_section_keys(s, keys);
        cw_dsim_section_text(s, "secret", NULL, cfg->jwt_secret, sizeof cfg->jwt_secret);
        if (strlen(cfg->jwt_secret) < 32)
                cw_dsim_section_bad(s, "secret", "must have at least 32 characters (RFC 7518 section 3.2)");
        cfg->jwt_ttl_s = cw_dsim_section_int(s, "ttl_s", 3600, 1, 86400);
}

static void read_keys(struct cw_dsim_config *cfg, struct cw_dsim_section top) {
        static const char *const keys[] = {
            "set_pin_key", "set_pin_v1_key", "card_number_key", "card_number_v1_key", "cvk", NULL};
        static const char *const forms[] = {"gcm", "ecb_hex", "ecb_base64", NULL};
        struct cw_dsim_section s = cw_dsim_section_open(top, "keys");
        cw_dsim_section_keys(s, keys);
        cw_dsim_section_key(s, "set_pin_key", false, cfg->set_pin_key, 32);
        cw_dsim_section_key(s, "set_pin_v1_key", false, cfg->set_pin_v1_key, 32);
        cw_dsim_section_key(s, "card_number_key", false, cfg->card_number_key, 32);
        cfg->card_form_v1 = (enum cw_dsim_card_form)cw_dsim_section_choice(top, "card_number_v1_form", forms);
        /* One key, one purpose: the old ECB form never runs under the GCM key. */
        cw_dsim_section_key(s, "card_number_v1_key", cfg->card_form_v1 == CW_DSIM_CARD_GCM,
                            cfg->card_number_v1_key, 32);
        cw_dsim_section_key(s, "cvk", false, cfg->cvk, 16);
}

static void read_pin(struct cw_dsim_config *cfg, struct cw_dsim_section top) {
        static const char *const keys[] = {"v2_plaintext", "v1_mode",    "account",         "try_limit",
                                           "min_length",   "max_length", "requires_active", NULL};
        static const char *const forms[] = {"ascii_hex", "raw8", NULL};
        static const char *const modes[] = {"ecb_hex16", "cbc_iv16_raw8", "cbc0_hex16", NULL};
        static const char *const accounts[] = {"pan12", "kit16", NULL};
        struct cw_dsim_section s = cw_dsim_section_open(top, "pin");
        cw_dsim_section_keys(s, keys);
        cfg->pin_v2_form = (enum cw_dsim_pin_v2_form)cw_dsim_section_choice(s, "v2_plaintext", forms);
        cfg->pin_v1_mode = (enum cw_dsim_pin_v1_mode)cw_dsim_section_choice(s, "v1_mode", modes);
        cfg->pin_account = (enum cw_dsim_pin_account)cw_dsim_section_choice(s, "account", accounts);
        cfg->pin_try_limit = (int)cw_dsim_section_int(s, "try_limit", 3, 1, 15);
        cfg->pin_min = (int)cw_dsim_section_int(s, "min_length", 4, 4, 12);
        cfg->pin_max = (int)cw_dsim_section_int(s, "max_length", 12, 4, 12);
        cfg->pin_requires_active = cw_dsim_section_bool(s, "requires_active", false);
        if (cfg->pin_min > cfg->pin_max)
                cw_dsim_section_bad(s, "min_length", "must not be greater than max_length");
}

static void check_product(const struct cw_dsim_product *p, struct cw_dsim_section s) {
        if (!cw_dsim_is_digits(p->bin, 6, 8))
                cw_dsim_section_bad(s, "bin", "must be 6 to 8 digits");
        if (!cw_dsim_is_digits(p->service_code, 3, 3))
                cw_dsim_section_bad(s, "serviceCode", "must be 3 digits");
        if (strcmp(p->card_type, "PHYSICAL") != 0 && strcmp(p->card_type, "VIRTUAL") != 0)
                cw_dsim_section_bad(s, "cardType", "must be PHYSICAL or VIRTUAL");
}

static void read_product(struct cw_dsim_product *p, struct cw_dsim_section s) {
        static const char *const keys[] = {
            "productId",       "productName", "bin",         "plasticCode", "networkType",    "tierType",
            "corporateName",   "cardType",    "serviceCode", "panLength",   "validityMonths", "packSize",
            "cvv2ExpiryOrder", NULL};
        static const char *const orders[] = {"YYMM", "MMYY", NULL};
        cw_dsim_section_keys(s, keys);
        cw_dsim_section_text(s, "productId", NULL, p->id, sizeof p->id);
        cw_dsim_section_text(s, "productName", p->id, p->name, sizeof p->name);
        cw_dsim_section_text(s, "bin", NULL, p->bin, sizeof p->bin);
        cw_dsim_section_text(s, "plasticCode", NULL, p->plastic_code, sizeof p->plastic_code);
        cw_dsim_section_text(s, "networkType", "RUPAY", p->network, sizeof p->network);
        cw_dsim_section_text(s, "tierType", "CLASSICONE", p->tier, sizeof p->tier);
        cw_dsim_section_text(s, "corporateName", "TEST", p->corporate, sizeof p->corporate);
        cw_dsim_section_text(s, "cardType", "PHYSICAL", p->card_type, sizeof p->card_type);
        cw_dsim_section_text(s, "serviceCode", "201", p->service_code, sizeof p->service_code);
        p->pan_length = (int)cw_dsim_section_int(s, "panLength", 16, 13, 19);
        p->validity_months = (int)cw_dsim_section_int(s, "validityMonths", 60, 1, 120);
        p->pack_size = (int)cw_dsim_section_int(s, "packSize", 1, 1, 10);
        p->cvv2_mmyy = cw_dsim_section_choice(s, "cvv2ExpiryOrder", orders) == 1;
        check_product(p, s);
}

static void read_products(struct cw_dsim_config *cfg, struct cw_dsim_section top) {
        json_t *array = cw_dsim_section_array(top, "products", true);
        if (json_array_size(array) > CW_DSIM_PRODUCTS_MAX) {
                cw_dsim_section_bad(top, "products", "has too many entries");
                return;
        }
        for (size_t i = 0; i < json_array_size(array); i++) {
                struct cw_dsim_section s = {json_array_get(array, i), "products[]", top.ok};
                struct cw_dsim_product *product = &cfg->products[cfg->product_count];
                read_product(product, s);
                if (cw_dsim_config_product(cfg, product->id))
                        cw_dsim_section_bad(s, "productId", "is there twice");
                cfg->product_count++;
        }
}

static void read_branches(struct cw_dsim_config *cfg, struct cw_dsim_section top) {
        static const char *const keys[] = {
            "branchId",   "branchCode",    "branchName", "address",     "address2",    "address3",
            "city",       "state",         "country",    "district",    "zipCode",     "branchPhoneNumber",
            "pocDetails", "branchEmailId", "creator",    "createdDate", "changedDate", NULL};
        char id[64];
        cfg->branches = cw_dsim_section_array(top, "branches", true);
        for (size_t i = 0; i < json_array_size(cfg->branches); i++) {
                struct cw_dsim_section s = {json_array_get(cfg->branches, i), "branches[]", top.ok};
                cw_dsim_section_keys(s, keys);
                cw_dsim_section_text(s, "branchId", NULL, id, sizeof id);
                cw_dsim_section_text(s, "branchName", NULL, id, sizeof id);
        }
}

static void read_orders(struct cw_dsim_config *cfg, struct cw_dsim_section top) {
        static const char *const keys[] = {"worker_delay_ms",    "auto_process_ms", "received_threshold_ms",
                                           "stuck_threshold_ms", "fail_every",      "fail_products",
                                           "stuck_products",     "delivery_status", NULL};
        struct cw_dsim_section s = cw_dsim_section_open(top, "order");
        struct cw_dsim_order_config *order = &cfg->order;
        cw_dsim_section_keys(s, keys);
        order->worker_delay_ms = cw_dsim_section_int(s, "worker_delay_ms", 0, 0, 86400000);
        order->auto_process_ms = cw_dsim_section_int(s, "auto_process_ms", -1, -1, 86400000);
        order->received_threshold_ms = cw_dsim_section_int(s, "received_threshold_ms", 0, 0, 86400000);
        order->stuck_threshold_ms = cw_dsim_section_int(s, "stuck_threshold_ms", 0, 0, 86400000);
        order->fail_every = (int)cw_dsim_section_int(s, "fail_every", 0, 0, 1000000);
        order->fail_products = cw_dsim_section_array(s, "fail_products", false);
        order->stuck_products = cw_dsim_section_array(s, "stuck_products", false);
        cw_dsim_section_text(s, "delivery_status", "IN_TRANSIT", order->delivery_status,
                             sizeof order->delivery_status);
}

static void read_traps(struct cw_dsim_config *cfg, struct cw_dsim_section top) {
        static const char *const keys[] = {
            "number_string_drift", "clear_pan_in_summary", "inventory_extra_fields", "unknown_fields",
            "unknown_enums",       "repeated_rows",        "shuffled_rows",          NULL};
        static const char *const dialects[] = {"B", "A", NULL};
        static const char *const http[] = {"status", "ok", NULL};
        static const char *const assigned[] = {"INACTIVE", "ASSIGNED", "alternate", NULL};
        struct cw_dsim_section s = cw_dsim_section_open(top, "traps");
        cw_dsim_section_keys(s, keys);
        cfg->number_drift = cw_dsim_section_bool(s, "number_string_drift", false);
        cfg->clear_pan_in_summary = cw_dsim_section_bool(s, "clear_pan_in_summary", false);
        cfg->inventory_extra_fields = cw_dsim_section_bool(s, "inventory_extra_fields", false);
        cfg->unknown_fields = cw_dsim_section_bool(s, "unknown_fields", false);
        cfg->unknown_enums = cw_dsim_section_bool(s, "unknown_enums", false);
        cfg->repeated_rows = cw_dsim_section_bool(s, "repeated_rows", false);
        cfg->shuffled_rows = cw_dsim_section_bool(s, "shuffled_rows", false);
        cfg->dialect = cw_dsim_section_choice(top, "exception_dialect", dialects) ? CW_DSIM_DIALECT_A
                                                                                  : CW_DSIM_DIALECT_B;
        cfg->business_errors_ok = cw_dsim_section_choice(top, "business_errors_http", http) == 1;
        cfg->assigned = (enum cw_dsim_assigned)cw_dsim_section_choice(top, "assigned_status", assigned);
}

static void read_rest(struct cw_dsim_config *cfg, struct cw_dsim_section top) {
        static const char *const rate_keys[] = {"per_second", "burst", NULL};
        struct cw_dsim_section rate = cw_dsim_section_open(top, "rate");
        cw_dsim_section_keys(rate, rate_keys);
        cfg->rate_per_s = cw_dsim_section_int(rate, "per_second", 100, 1, 100000);
        cfg->rate_burst = cw_dsim_section_int(rate, "burst", 200, 1, 100000);
        cfg->seed = (uint64_t)cw_dsim_section_int(top, "seed", 1, 0, INT64_MAX);
        cfg->kit_number_base = cw_dsim_section_int(top, "kit_number_base", 4240181500, 10000000, 99999999999);
        cfg->customers = cw_dsim_section_array(top, "customers", false);
        cfg->kits = cw_dsim_section_array(top, "kits", false);
        cw_dsim_section_text(top, "tenant", NULL, cfg->tenant, sizeof cfg->tenant);
        cw_dsim_section_text(top, "sim_token", NULL, cfg->sim_token, sizeof cfg->sim_token);
        cw_dsim_section_text(top, "base_path", "/dcms", cfg->base_path, sizeof cfg->base_path);
        size_t len = strlen(cfg->base_path);
        if (len > 0 && (cfg->base_path[0] != '/' || cfg->base_path[len - 1] == '/'))
                cw_dsim_section_bad(top, "base_path", "must start with / and not end with it");
}

static bool read_all(struct cw_dsim_config *cfg, const char *path) {
        static const char *const keys[] = {"tenant",
                                           "base_path",
                                           "sim_token",
                                           "users",
                                           "jwt",
                                           "keys",
                                           "card_number_v1_form",
                                           "pin",
                                           "gateway",
                                           "exception_dialect",
                                           "business_errors_http",
                                           "traps",
                                           "assigned_status",
                                           "products",
                                           "branches",
                                           "order",
                                           "rate",
                                           "seed",
                                           "kit_number_base",
                                           "customers",
                                           "kits",
                                           NULL};
        bool ok = true;
        struct cw_dsim_section top = {cfg->root, "", &ok};
        cw_dsim_section_keys(top, keys);
        read_rest(cfg, top);
        read_users(cfg, top);
        read_jwt(cfg, top);
        read_keys(cfg, top);
        read_pin(cfg, top);
        cw_dsim_config_gateway(&cfg->gateway, top, path);
        read_products(cfg, top);
        read_branches(cfg, top);
        read_orders(cfg, top);
        read_traps(cfg, top);
        return ok;
}

bool cw_dsim_config_load(const char *path, struct cw_dsim_config *cfg) {
        json_error_t error;
        memset(cfg, 0, sizeof *cfg);
        cfg->root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(cfg->root)) {
                (void)fprintf(stderr, "dcms-sim: config %s:%d:%d: %s\n", path, error.line, error.column,
                              cfg->root ? "must be one JSON object" : error.text);
                cw_dsim_config_done(cfg);
                return false;
        }
        if (!read_all(cfg, path)) {
                cw_dsim_config_done(cfg);
                return false;
        }
        return true;
}

void cw_dsim_config_done(struct cw_dsim_config *cfg) {
        cw_dsim_config_gateway_done(&cfg->gateway);
        json_decref(cfg->root);
        OPENSSL_cleanse(cfg, sizeof *cfg);
}

const struct cw_dsim_product *cw_dsim_config_product(const struct cw_dsim_config *cfg, const char *id) {
        for (size_t i = 0; i < cfg->product_count; i++)
                if (strcmp(cfg->products[i].id, id) == 0)
                        return &cfg->products[i];
        return NULL;
}

json_t *cw_dsim_config_branch(const struct cw_dsim_config *cfg, const char *branch_id) {
        for (size_t i = 0; i < json_array_size(cfg->branches); i++) {
                json_t *branch = json_array_get(cfg->branches, i);
                const char *id = json_string_value(json_object_get(branch, "branchId"));
                if (id && strcmp(id, branch_id) == 0)
                        return branch;
        }
        return NULL;
}

bool cw_dsim_json_has_string(const json_t *array, const char *text) {
        for (size_t i = 0; i < json_array_size(array); i++) {
                const char *entry = json_string_value(json_array_get(array, i));
                if (entry && strcmp(entry, text) == 0)
                        return true;
        }
        return false;
}
