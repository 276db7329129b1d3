/* SPDX-License-Identifier: Apache-2.0 */
/* setPin and validatePin, v1 and v2. What is kept is a keyed, salted verifier; the PIN is wiped before the
 * answer. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cardcheck.h"
#include "crypto.h"
#include "endpoints.h"
#include "kits.h"
#include "text.h"

#define SALT_LEN 16U
#define VERIFIER_LEN 32U

struct pin_row {
        bool set;
        bool locked;
        int64_t failures;
        uint8_t salt[SALT_LEN];
        uint8_t verifier[VERIFIER_LEN];
};

/* Keyed, so that the file alone does not give ten thousand PINs to try; salted, so that equal PINs look
 * different. */
static void make_verifier(const struct cw_dsim *sim, const char *kit_no, const uint8_t salt[SALT_LEN],
                          const char *pin, uint8_t out[VERIFIER_LEN]) {
        static const char label[] = "dcms-sim PIN verification";
        uint8_t key[32];
        uint8_t salted[32];
        char input[96];
        cw_dsim_hmac(sim->cfg.set_pin_key, 32, label, sizeof label - 1, key);
        cw_dsim_hmac(key, sizeof key, salt, SALT_LEN, salted);
        int n = snprintf(input, sizeof input, "%s/%s", kit_no, pin);
        cw_dsim_hmac(salted, sizeof salted, input, (size_t)n, out);
        OPENSSL_cleanse(key, sizeof key);
        OPENSSL_cleanse(salted, sizeof salted);
        OPENSSL_cleanse(input, sizeof input);
}

static void load_row(struct cw_dsim *sim, const char *kit_no, struct pin_row *row) {
        memset(row, 0, sizeof *row);
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db, "SELECT salt, verifier, failures, locked FROM pin WHERE kit_no = ?1", "t", kit_no);
        if (!cw_dsim_store_step(stmt))
                return;
        row->failures = sqlite3_column_int64(stmt, 2);
        row->locked = sqlite3_column_int(stmt, 3) != 0;
        row->set = sqlite3_column_bytes(stmt, 0) == (int)SALT_LEN &&
                   sqlite3_column_bytes(stmt, 1) == (int)VERIFIER_LEN;
        if (!row->set)
                return;
        memcpy(row->salt, sqlite3_column_blob(stmt, 0), SALT_LEN);
        memcpy(row->verifier, sqlite3_column_blob(stmt, 1), VERIFIER_LEN);
}

bool cw_dsim_expiry_matches(const struct cw_dsim_call *call, const struct cw_dsim_kit *kit) {
        char want[8];
        char have[24];
        const json_t *value = json_object_get(call->body, "expiryDate");
        (void)snprintf(want, sizeof want, "%02d%02d", kit->exp_month % 100, kit->exp_year % 100);
        if (json_is_integer(value))
                (void)snprintf(have, sizeof have, "%04d", (int)json_integer_value(value));
        else
                (void)snprintf(have, sizeof have, "%s", json_string_value(value));
        return strcmp(want, have) == 0;
}

static bool one_of(const char *status, const char *const *list) {
        for (size_t i = 0; list[i]; i++)
                if (strcmp(status, list[i]) == 0)
                        return true;
        return false;
}

/* Owner, state and expiry. False after a refusal. */
static bool pin_kit(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, struct cw_dsim_kit *kit) {
        static const char *const usable[] = {"ACTIVE", "INACTIVE", "ASSIGNED", NULL};
        static const char *const active[] = {"ACTIVE", NULL};
        static const char *const closed[] = {"REPLACED", "EXPIRED_CARD", "CLOSED", NULL};
        const struct cw_dsim_config *cfg = &call->sim->cfg;
        if (!cw_dsim_kit_load(call->sim, cw_dsim_body_text(call, "kitNo", ""), kit)) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_KIT_NOT_FOUND, "Invalid kitNo");
        } else if (strcmp(kit->entity_id, cw_dsim_body_text(call, "entityId", "")) != 0) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_ENTITY_NOT_FOUND, "Invalid entityId");
        } else if (one_of(kit->status, closed)) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_CARD_CLOSED, "kitNo is replaced or expired");
        } else if (strcmp(kit->status, "BLOCKED") == 0) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_CARD_BLOCKED, "kitNo is blocked");
        } else if (!one_of(kit->status, cfg->pin_requires_active ? active : usable)) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_CARD_STATUS,
                               "Card status does not allow PIN operations");
        } else if (!cw_dsim_expiry_matches(call, kit)) {
                cw_dsim_refuse(cfg, reply, CW_DSIM_E_INPUT, "Invalid expiryDate");
        } else {
                return true;
        }
        return false;
}

/* The IV of the v2 form must not come back with other bytes: the two blocks' difference would be in the
 * clear. */
static bool pin_iv_fresh(struct cw_dsim *sim, const char *text) {
        uint8_t raw[128];
        size_t len = 0;
        return cw_dsim_b64_decode(text, raw, sizeof raw, &len) && len > CW_DSIM_IV_LEN &&
               cw_dsim_iv_fresh(sim, "set pin", raw, CW_DSIM_IV_LEN, raw, len);
}

static bool open_block(struct cw_dsim *sim, const char *text, bool v2, uint8_t block[8], const char **why) {
        if (!v2)
                return cw_dsim_pin_open_v1(text, sim->cfg.set_pin_v1_key, sim->cfg.pin_v1_mode, block, why);
        if (!cw_dsim_pin_open_v2(text, sim->cfg.set_pin_key, sim->cfg.pin_v2_form, block, why))
                return false;
        *why = "pin reuses an IV";
        return pin_iv_fresh(sim, text);
}

static bool account_field(struct cw_dsim *sim, const struct cw_dsim_kit *kit, uint8_t field[8]) {
        char pan[CW_DSIM_PAN_MAX];
        bool ok = cw_dsim_kit_pan(sim, kit->kit_no, pan) &&
                  cw_dsim_pin_account_field(sim->cfg.pin_account, pan, kit->kit_no, field);
        OPENSSL_cleanse(pan, sizeof pan);
        return ok;
}

/* The PIN of the request; PIN001 otherwise. The caller wipes pin. */
static bool read_pin(const struct cw_dsim_call *call, struct cw_dsim_reply *reply,
                     const struct cw_dsim_kit *kit, bool v2, char pin[CW_DSIM_PIN_MAX + 1]) {
        struct cw_dsim *sim = call->sim;
        uint8_t block[8];
        uint8_t field[8];
        const char *why = "the kit number cannot make an account field";
        bool ok =
            account_field(sim, kit, field) &&
            open_block(sim, cw_dsim_body_text(call, "pin", ""), v2, block, &why) &&
            cw_dsim_pin_decode(block, field, (size_t)sim->cfg.pin_min, (size_t)sim->cfg.pin_max, pin, &why);
        OPENSSL_cleanse(block, sizeof block);
        OPENSSL_cleanse(field, sizeof field);
        if (!ok)
                cw_dsim_refuse(&sim->cfg, reply, CW_DSIM_E_PIN_FORMAT, why);
        return ok;
}

static void set_pin(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, bool v2) {
        struct cw_dsim_kit kit;
        struct pin_row row;
        char pin[CW_DSIM_PIN_MAX + 1];
        if (!pin_kit(call, reply, &kit))
                return;
        load_row(call->sim, kit.kit_no, &row);
        if (row.locked || row.set) {
                cw_dsim_refuse(&call->sim->cfg, reply, row.locked ? CW_DSIM_E_PIN_LOCKED : CW_DSIM_E_PIN_SET,
                               NULL);
                return;
        }
        if (!read_pin(call, reply, &kit, v2, pin))
                return;
        cw_dsim_random(row.salt, sizeof row.salt);
        make_verifier(call->sim, kit.kit_no, row.salt, pin, row.verifier);
        OPENSSL_cleanse(pin, sizeof pin);
        (void)cw_dsim_store_run(
            call->sim->db,
            "INSERT INTO pin(kit_no, salt, verifier, changed_ms, set_count) VALUES(?1, ?2, ?3, ?4, 1)"
            " ON CONFLICT(kit_no) DO UPDATE SET salt = ?2, verifier = ?3, changed_ms = ?4,"
            " set_count = set_count + 1",
            "tbbi", kit.kit_no, row.salt, sizeof row.salt, row.verifier, sizeof row.verifier, call->now_ms);
        reply->result = json_true();
}

/* A wrong PIN counts, and the count outlives the refusal. */
static void count_failure(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *kit_no,
                          int64_t failures, enum cw_dsim_error wrong) {
        bool lock = failures >= call->sim->cfg.pin_try_limit;
        (void)cw_dsim_store_run(call->sim->db, "UPDATE pin SET failures = ?2, locked = ?3 WHERE kit_no = ?1",
                                "tii", kit_no, failures, (int64_t)lock);
        cw_dsim_refuse(&call->sim->cfg, reply, lock ? CW_DSIM_E_PIN_LOCKED : wrong, "Incorrect PIN");
        reply->keep = true;
}

static bool check_pin(const struct cw_dsim_call *call, struct cw_dsim_reply *reply,
                      const struct cw_dsim_kit *kit, bool v2, enum cw_dsim_error wrong) {
        struct pin_row row;
        char pin[CW_DSIM_PIN_MAX + 1];
        uint8_t verifier[VERIFIER_LEN];
        load_row(call->sim, kit->kit_no, &row);
        if (row.locked || !row.set) {
                cw_dsim_refuse(&call->sim->cfg, reply, row.locked ? CW_DSIM_E_PIN_LOCKED : wrong,
                               row.locked ? NULL : "no PIN is set");
                return false;
        }
        if (!read_pin(call, reply, kit, v2, pin))
                return false;
        make_verifier(call->sim, kit->kit_no, row.salt, pin, verifier);
        OPENSSL_cleanse(pin, sizeof pin);
        if (CRYPTO_memcmp(verifier, row.verifier, sizeof verifier) != 0) {
                count_failure(call, reply, kit->kit_no, row.failures + 1, wrong);
                return false;
        }
        (void)cw_dsim_store_run(call->sim->db, "UPDATE pin SET failures = 0 WHERE kit_no = ?1", "t",
                                kit->kit_no);
        return true;
}

bool cw_dsim_pin_matches(const struct cw_dsim_call *call, struct cw_dsim_reply *reply,
                         const struct cw_dsim_kit *kit, bool v2) {
        return check_pin(call, reply, kit, v2, CW_DSIM_E_CARD_ENDING);
}

static void validate_pin(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, bool v2) {
        struct cw_dsim_kit kit;
        if (pin_kit(call, reply, &kit) && check_pin(call, reply, &kit, v2, CW_DSIM_E_PIN_WRONG))
                reply->result = json_true();
}

void cw_dsim_pin_set_v1(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        set_pin(call, reply, false);
}

void cw_dsim_pin_set_v2(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        set_pin(call, reply, true);
}

void cw_dsim_pin_validate_v1(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        validate_pin(call, reply, false);
}

void cw_dsim_pin_validate_v2(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        validate_pin(call, reply, true);
}
