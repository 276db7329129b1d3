/* SPDX-License-Identifier: Apache-2.0 */
/* Kits: the record, its making (deterministic PAN and kit number), its states, its JSON forms. */
#pragma once

#include "dsim.h"

#define CW_DSIM_PAN_MAX 20U

struct cw_dsim_kit {
        char kit_no[40];
        char parent_kit_no[40];
        char product_id[64];
        char branch_id[64];
        char order_id[80];
        char entity_id[64];
        char account_no[40];
        char alias[64];
        char issuance[24];
        char emboss[24];
        char status[16];
        char delivery[24];
        char masked_pan[CW_DSIM_PAN_MAX];
        bool account_is_number;
        int exp_year;
        int exp_month;
        int64_t serial;
        int64_t created_ms;
        int64_t changed_ms;
        int64_t activated_ms; /* 0: never */
        int64_t assigned_ms;
};

/* What a new kit is made of; NULL or zero members take the product's values. */
struct cw_dsim_kit_plan {
        const struct cw_dsim_product *product;
        const char *branch_id;
        const char *order_id;
        const char *kit_no;
        const char *parent_kit_no;
        const char *pan;
        const char *status;
        const char *delivery;
        const char *issuance;
        const char *emboss;
        int exp_year;
        int exp_month;
};

/* Makes and stores a kit. False when a given kit number or PAN exists already. ret_kit_no holds 40
 * characters. */
bool cw_dsim_kit_make(struct cw_dsim *sim, const struct cw_dsim_kit_plan *plan, int64_t now_ms,
                      char *ret_kit_no);

/* A pack number for the next kits of a pack. */
void cw_dsim_kit_pack_number(struct cw_dsim *sim, char *out, size_t size);

/* The columns cw_dsim_kit_read expects, in order. */
#define CW_DSIM_KIT_COLUMNS                                                                                  \
        "kit_no, parent_kit_no, product_id, branch_id, order_id, entity_id, account_no, alias, issuance, "   \
        "emboss,"                                                                                            \
        " status, delivery, masked_pan, account_is_number, exp_year, exp_month, serial, created_ms, "        \
        "changed_ms,"                                                                                        \
        " activated_ms, assigned_ms"

void cw_dsim_kit_read(sqlite3_stmt *stmt, struct cw_dsim_kit *kit);
bool cw_dsim_kit_load(struct cw_dsim *sim, const char *kit_no, struct cw_dsim_kit *kit);
bool cw_dsim_kit_by_pan(struct cw_dsim *sim, const char *pan, struct cw_dsim_kit *kit);

/* The clear PAN; the caller wipes it. */
bool cw_dsim_kit_pan(struct cw_dsim *sim, const char *kit_no, char pan[CW_DSIM_PAN_MAX]);

void cw_dsim_kit_set_status(struct cw_dsim *sim, const char *kit_no, const char *status, int64_t now_ms);

/* Last day of the expiry month, milliseconds at its start. */
int64_t cw_dsim_kit_expiry_ms(const struct cw_dsim_kit *kit);

enum cw_dsim_kit_view { CW_DSIM_VIEW_V1, CW_DSIM_VIEW_V2, CW_DSIM_VIEW_INVENTORY, CW_DSIM_VIEW_SUMMARY };

/* The Kit object of the reference, without the members the view does not carry. New reference. */
json_t *cw_dsim_kit_json(struct cw_dsim *sim, const struct cw_dsim_kit *kit, enum cw_dsim_kit_view view);

/* Base64(IV16 | ciphertext | tag16) of the PAN digits under card_number_key, a fresh IV each time. New
 * reference. */
json_t *cw_dsim_kit_sealed_pan(struct cw_dsim *sim, const char *kit_no);

/* accountNo as it was registered, or the other way round when the drift switch turns it. New reference. */
json_t *cw_dsim_number_or_string(struct cw_dsim *sim, const char *digits, bool is_number);
