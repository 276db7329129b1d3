/* SPDX-License-Identifier: Apache-2.0 */
#include "kits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "crypto.h"
#include "text.h"

/* Keys of the simulator's own file, derived so that no clear PAN lies in it. */
static void derive_key(const struct cw_dsim *sim, const char *label, uint8_t key[32]) {
        cw_dsim_hmac(sim->cfg.card_number_key, 32, label, strlen(label), key);
}

static void pan_tag(const struct cw_dsim *sim, const char *pan, uint8_t tag[32]) {
        uint8_t key[32];
        derive_key(sim, "dcms-sim pan index", key);
        cw_dsim_hmac(key, sizeof key, pan, strlen(pan), tag);
        OPENSSL_cleanse(key, sizeof key);
}

/* IV16 | ciphertext | tag16; ret holds 32 + strlen(pan) bytes. */
static size_t seal_pan(const uint8_t key[32], const char *pan, uint8_t *ret) {
        size_t len = strlen(pan);
        cw_dsim_random(ret, CW_DSIM_IV_LEN);
        if (!cw_dsim_gcm_seal(key, ret, (const uint8_t *)pan, len, ret + CW_DSIM_IV_LEN,
                              ret + CW_DSIM_IV_LEN + len))
                abort();
        return CW_DSIM_IV_LEN + len + CW_DSIM_TAG_LEN;
}

/* Account digits from the seed and a serial, then the check digit: the same seed gives the same cards. */
static void make_pan(struct cw_dsim *sim, const struct cw_dsim_product *product, char pan[CW_DSIM_PAN_MAX]) {
        uint8_t draw[32];
        char input[64];
        size_t bin_len = strlen(product->bin);
        size_t len = (size_t)product->pan_length;
        int64_t serial = cw_dsim_store_add(sim->db, "pan_serial", 1);
        uint8_t seed[8];
        for (size_t i = 0; i < 8; i++)
                seed[i] = (uint8_t)(sim->cfg.seed >> (8 * i));
        int n = snprintf(input, sizeof input, "%s/%lld", product->bin, (long long)serial);
        cw_dsim_hmac(seed, sizeof seed, input, (size_t)n, draw);
        memcpy(pan, product->bin, bin_len);
        for (size_t i = bin_len; i < len - 1; i++)
                pan[i] = (char)('0' + draw[i] % 10);
        pan[len - 1] = cw_dsim_luhn_digit(pan, len - 1);
        pan[len] = '\0';
}

static void next_number(struct cw_dsim *sim, const char *serial_name, int64_t base, char *out, size_t size) {
        int64_t serial = cw_dsim_store_add(sim->db, serial_name, 1);
        (void)snprintf(out, size, "%lld", (long long)(base + serial));
}

void cw_dsim_kit_pack_number(struct cw_dsim *sim, char *out, size_t size) {
        next_number(sim, "pack_serial", 5902018000, out, size);
}

static void plan_expiry(const struct cw_dsim_kit_plan *plan, int64_t now_ms, int *ret_year, int *ret_month) {
        time_t seconds = (time_t)(now_ms / 1000);
        struct tm tm;
        (void)gmtime_r(&seconds, &tm);
        int months = tm.tm_mon + plan->product->validity_months;
        *ret_year = plan->exp_year ? plan->exp_year : tm.tm_year + 1900 + months / 12;
        *ret_month = plan->exp_month ? plan->exp_month : months % 12 + 1;
}

static bool insert_kit(struct cw_dsim *sim, const struct cw_dsim_kit_plan *plan, const char *kit_no,
                       const char *pan, int64_t now_ms) {
        uint8_t key[32];
        uint8_t tag[32];
        uint8_t sealed[CW_DSIM_IV_LEN + CW_DSIM_PAN_MAX + CW_DSIM_TAG_LEN];
        char masked[CW_DSIM_PAN_MAX];
        int year = 0;
        int month = 0;
        derive_key(sim, "dcms-sim pan store", key);
        size_t sealed_len = seal_pan(key, pan, sealed);
        OPENSSL_cleanse(key, sizeof key);
        pan_tag(sim, pan, tag);
        cw_dsim_mask_pan(pan, masked, sizeof masked);
        plan_expiry(plan, now_ms, &year, &month);
        int64_t serial = cw_dsim_store_add(sim->db, "kit_order", 1);
        return cw_dsim_store_run(sim->db,
                                 "INSERT INTO kit(kit_no, serial, parent_kit_no, product_id, branch_id, "
                                 "order_id, issuance, emboss,"
                                 " status, delivery, masked_pan, pan_sealed, pan_tag, exp_year, exp_month, "
                                 "created_ms, changed_ms)"
                                 " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?16)",
                                 "tittttttttt"
                                 "bb"
                                 "iii",
                                 kit_no, serial, plan->parent_kit_no, plan->product->id, plan->branch_id,
                                 plan->order_id, plan->issuance, plan->emboss, plan->status, plan->delivery,
                                 masked, sealed, sealed_len, tag, sizeof tag, (int64_t)year, (int64_t)month,
                                 now_ms) == 1;
}

bool cw_dsim_kit_make(struct cw_dsim *sim, const struct cw_dsim_kit_plan *plan, int64_t now_ms,
                      char *ret_kit_no) {
        struct cw_dsim_kit_plan full = *plan;
        char parent[40];
        char pan[CW_DSIM_PAN_MAX];
        if (!full.parent_kit_no) {
                cw_dsim_kit_pack_number(sim, parent, sizeof parent);
                full.parent_kit_no = parent;
        }
        /* A generated number can meet one that the configuration put in; the next serial is then free. */
        for (int tries = 0; tries < 1000; tries++) {
                if (plan->pan)
                        (void)cw_dsim_copy(pan, sizeof pan, plan->pan);
                else
                        make_pan(sim, plan->product, pan);
                if (plan->kit_no)
                        (void)cw_dsim_copy(ret_kit_no, 40, plan->kit_no);
                else
                        next_number(sim, "kit_serial", sim->cfg.kit_number_base, ret_kit_no, 40);
                bool ok = insert_kit(sim, &full, ret_kit_no, pan, now_ms);
                OPENSSL_cleanse(pan, sizeof pan);
                if (ok || (plan->pan && plan->kit_no))
                        return ok;
        }
        return false;
}

static void read_text(sqlite3_stmt *stmt, int column, char *out, size_t size) {
        (void)snprintf(out, size, "%s", cw_dsim_store_text(stmt, column));
}

void cw_dsim_kit_read(sqlite3_stmt *stmt, struct cw_dsim_kit *kit) {
        memset(kit, 0, sizeof *kit);
        read_text(stmt, 0, kit->kit_no, sizeof kit->kit_no);
        read_text(stmt, 1, kit->parent_kit_no, sizeof kit->parent_kit_no);
        read_text(stmt, 2, kit->product_id, sizeof kit->product_id);
        read_text(stmt, 3, kit->branch_id, sizeof kit->branch_id);
        read_text(stmt, 4, kit->order_id, sizeof kit->order_id);
        read_text(stmt, 5, kit->entity_id, sizeof kit->entity_id);
        read_text(stmt, 6, kit->account_no, sizeof kit->account_no);
        read_text(stmt, 7, kit->alias, sizeof kit->alias);
        read_text(stmt, 8, kit->issuance, sizeof kit->issuance);
        read_text(stmt, 9, kit->emboss, sizeof kit->emboss);
        read_text(stmt, 10, kit->status, sizeof kit->status);
        read_text(stmt, 11, kit->delivery, sizeof kit->delivery);
        read_text(stmt, 12, kit->masked_pan, sizeof kit->masked_pan);
        kit->account_is_number = sqlite3_column_int(stmt, 13) != 0;
        kit->exp_year = sqlite3_column_int(stmt, 14);
        kit->exp_month = sqlite3_column_int(stmt, 15);
        kit->serial = sqlite3_column_int64(stmt, 16);
        kit->created_ms = sqlite3_column_int64(stmt, 17);
        kit->changed_ms = sqlite3_column_int64(stmt, 18);
        kit->activated_ms = sqlite3_column_int64(stmt, 19);
        kit->assigned_ms = sqlite3_column_int64(stmt, 20);
}

bool cw_dsim_kit_load(struct cw_dsim *sim, const char *kit_no, struct cw_dsim_kit *kit) {
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db, "SELECT " CW_DSIM_KIT_COLUMNS " FROM kit WHERE kit_no = ?1", "t", kit_no);
        if (!cw_dsim_store_step(stmt))
                return false;
        cw_dsim_kit_read(stmt, kit);
        return true;
}

bool cw_dsim_kit_by_pan(struct cw_dsim *sim, const char *pan, struct cw_dsim_kit *kit) {
        uint8_t tag[32];
        pan_tag(sim, pan, tag);
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db, "SELECT " CW_DSIM_KIT_COLUMNS " FROM kit WHERE pan_tag = ?1", "b", tag, sizeof tag);
        if (!cw_dsim_store_step(stmt))
                return false;
        cw_dsim_kit_read(stmt, kit);
        return true;
}

bool cw_dsim_kit_pan(struct cw_dsim *sim, const char *kit_no, char pan[CW_DSIM_PAN_MAX]) {
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt =
            cw_dsim_store_query(sim->db, "SELECT pan_sealed FROM kit WHERE kit_no = ?1", "t", kit_no);
        if (!cw_dsim_store_step(stmt))
                return false;
        const uint8_t *sealed = sqlite3_column_blob(stmt, 0);
        size_t size = (size_t)sqlite3_column_bytes(stmt, 0);
        if (size < 33 || size >= 32 + CW_DSIM_PAN_MAX)
                return false;
        size_t len = size - 32;
        uint8_t key[32];
        derive_key(sim, "dcms-sim pan store", key);
        bool ok = cw_dsim_gcm_open(key, sealed, sealed + 16, len, sealed + 16 + len, (uint8_t *)pan);
        OPENSSL_cleanse(key, sizeof key);
        pan[len] = '\0';
        return ok;
}

void cw_dsim_kit_set_status(struct cw_dsim *sim, const char *kit_no, const char *status, int64_t now_ms) {
        (void)cw_dsim_store_run(sim->db, "UPDATE kit SET status = ?2, changed_ms = ?3 WHERE kit_no = ?1",
                                "tti", kit_no, status, now_ms);
}

int64_t cw_dsim_kit_expiry_ms(const struct cw_dsim_kit *kit) {
        struct tm tm;
        memset(&tm, 0, sizeof tm);
        tm.tm_year = kit->exp_year - 1900;
        tm.tm_mon = kit->exp_month; /* the month after; day 0 is the last of the one before */
        tm.tm_mday = 0;
        return (int64_t)timegm(&tm) * 1000;
}
