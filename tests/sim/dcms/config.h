/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's configuration file: one JSON object, every key known, every value in range (see README.md).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "pinblock.h"

enum cw_dsim_dialect { CW_DSIM_DIALECT_A, CW_DSIM_DIALECT_B };
enum cw_dsim_card_form { CW_DSIM_CARD_GCM, CW_DSIM_CARD_ECB_HEX, CW_DSIM_CARD_ECB_BASE64 };
enum cw_dsim_assigned { CW_DSIM_ASSIGNED_INACTIVE, CW_DSIM_ASSIGNED_ASSIGNED, CW_DSIM_ASSIGNED_ALTERNATE };

struct cw_dsim_product {
        char id[64];
        char name[64];
        char bin[12];
        char plastic_code[24];
        char network[24];
        char tier[24];
        char corporate[64];
        char card_type[12];
        char service_code[4];
        int pan_length;
        int validity_months;
        int pack_size;
        bool cvv2_mmyy;
};

struct cw_dsim_user {
        char name[64];
        char password[256];
        json_t *allow; /* borrowed from root; NULL means everything */
};

enum cw_dsim_codec {
        CW_DSIM_CODEC_NONE,
        CW_DSIM_CODEC_REFNO,
        CW_DSIM_CODEC_OPAQUE,
        CW_DSIM_CODEC_JWE,
        CW_DSIM_CODEC_FIELD
};
enum cw_dsim_answer_with { CW_DSIM_ANSWER_NEWEST, CW_DSIM_ANSWER_PREVIOUS, CW_DSIM_ANSWER_ALTERNATE };

/* One pair of gateway keys; key is what the two agree on, the EVP_PKEYs are for JWE. */
struct cw_dsim_gateway_pair {
        char kid[64];
        uint8_t key[32];
        EVP_PKEY *own;
        EVP_PKEY *peer;
};

struct cw_dsim_gateway_config {
        enum cw_dsim_codec codec;
        enum cw_dsim_answer_with answer_with;
        struct cw_dsim_gateway_pair pairs[2]; /* the newest first */
        size_t pair_count;
        json_t *fields; /* borrowed from root: members the field codec seals */
        bool refuse_in_clear;
};

struct cw_dsim_order_config {
        int64_t worker_delay_ms;
        int64_t auto_process_ms; /* negative: orders wait for card-order/process */
        int64_t received_threshold_ms;
        int64_t stuck_threshold_ms;
        int fail_every;
        json_t *fail_products; /* borrowed from root, may be NULL */
        json_t *stuck_products;
        char delivery_status[24];
};

#define CW_DSIM_PRODUCTS_MAX 32U
#define CW_DSIM_USERS_MAX 32U

struct cw_dsim_config {
        char tenant[64];
        char base_path[64];
        char sim_token[128];
        struct cw_dsim_user users[CW_DSIM_USERS_MAX];
        size_t user_count;
        char jwt_secret[256];
        int64_t jwt_ttl_s;
        uint8_t set_pin_key[32];
        uint8_t set_pin_v1_key[32];
        uint8_t card_number_key[32];
        uint8_t card_number_v1_key[32];
        uint8_t cvk[16];
        enum cw_dsim_card_form card_form_v1;
        enum cw_dsim_pin_v2_form pin_v2_form;
        enum cw_dsim_pin_v1_mode pin_v1_mode;
        enum cw_dsim_pin_account pin_account;
        int pin_try_limit;
        int pin_min;
        int pin_max;
        bool pin_requires_active;
        struct cw_dsim_gateway_config gateway;
        enum cw_dsim_dialect dialect;
        bool business_errors_ok;     /* business exceptions arrive with HTTP 200 */
        bool number_drift;           /* accountNo and binNumber change between number and string */
        bool clear_pan_in_summary;   /* fetchKitSummary shows the PAN, as its documented sample does */
        bool inventory_extra_fields; /* inventory rows carry deliveryStatus and orderId, which no sample shows
                                      */
        bool unknown_fields;         /* members nobody documented */
        bool unknown_enums;          /* a row whose states nobody documented */
        bool repeated_rows, shuffled_rows;
        enum cw_dsim_assigned assigned;
        struct cw_dsim_product products[CW_DSIM_PRODUCTS_MAX];
        size_t product_count;
        json_t *branches;  /* borrowed from root: array of documented branch objects */
        json_t *customers; /* borrowed from root, may be NULL: put into an empty database */
        json_t *kits;      /* the same */
        struct cw_dsim_order_config order;
        int64_t rate_per_s;
        int64_t rate_burst;
        uint64_t seed;
        int64_t kit_number_base;
        json_t *root;
};

/* Reads and checks path. On failure says on stderr which key is wrong and how, and returns false. Free after
 * use. */
bool cw_dsim_config_load(const char *path, struct cw_dsim_config *cfg);
void cw_dsim_config_done(struct cw_dsim_config *cfg);

/* The product with this id, or NULL. */
const struct cw_dsim_product *cw_dsim_config_product(const struct cw_dsim_config *cfg, const char *id);

/* The configured branch object (borrowed), or NULL. */
json_t *cw_dsim_config_branch(const struct cw_dsim_config *cfg, const char *branch_id);

/* True when array (may be NULL) holds the string. */
bool cw_dsim_json_has_string(const json_t *array, const char *text);
