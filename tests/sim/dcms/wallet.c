/* SPDX-License-Identifier: Apache-2.0 */
/* The NCMC wallet: loads are staged; what the card itself holds changes only at a terminal, so never here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoints.h"
#include "kitops.h"
#include "text.h"

/* The maximum balance of the sample refusal is not printed; this one is ours. */
#define BALANCE_MAX_PAISE 200000

static int64_t paise_of(const char *amount) {
        const char *dot = strchr(amount, '.');
        int64_t paise = strtoll(amount, NULL, 10) * 100;
        if (dot)
                paise += (dot[1] - '0') * 10 + (dot[2] ? dot[2] - '0' : 0);
        return paise;
}

static json_t *amount_text(int64_t paise) {
        char text[32];
        (void)snprintf(text, sizeof text, "%lld.%02lld", (long long)(paise / 100), (long long)(paise % 100));
        return json_string(text);
}

static int64_t staged(struct cw_dsim *sim, const char *kit_no) {
        return cw_dsim_store_int(
            sim->db, "SELECT coalesce(sum(paise), 0) FROM wallet_load WHERE kit_no = ?1 AND error IS NULL",
            "t", kit_no);
}

static bool record(const struct cw_dsim_call *call, const char *kit_no, int64_t paise, const char *error) {
        return cw_dsim_store_run(
                   call->sim->db,
                   "INSERT INTO wallet_load(txn_id, kit_no, paise, error, at_ms) VALUES(?1, ?2, ?3, ?4, ?5)",
                   "ttiti", call->request_id, kit_no, paise, error, call->now_ms) == 1;
}

void cw_dsim_wallet_load(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        int64_t paise = paise_of(cw_dsim_body_text(call, "amount", "0"));
        if (!*call->request_id || paise == 0) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_INPUT,
                               paise == 0 ? "amount must be above zero" : "txnId is required");
                return;
        }
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        bool full = staged(call->sim, kit.kit_no) + paise > BALANCE_MAX_PAISE;
        if (!record(call, kit.kit_no, paise, full ? "TX0057" : NULL)) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_INPUT, "txnId was used before");
                return;
        }
        if (full) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_WALLET_FULL,
                               "Wallet balance limit exceeded");
                reply->keep = true;
                return;
        }
        reply->result =
            json_pack("{s:s, s:s, s:o, s:s, s:o, s:s}", "entityId", kit.entity_id, "kitNo", kit.kit_no,
                      "stagedWalletBalance", amount_text(staged(call->sim, kit.kit_no)), "txnId",
                      call->request_id, "walletBalance", amount_text(0), "walletType", "NCMC");
}

void cw_dsim_wallet_balance(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        if (cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                reply->result =
                    json_pack("{s:s, s:s, s:o, s:o, s:s}", "entityId", kit.entity_id, "kitNo", kit.kit_no,
                              "offlineStagedWalletBalance", amount_text(staged(call->sim, kit.kit_no)),
                              "offlineWalletBalance", amount_text(0), "walletType", "NCMC");
}

void cw_dsim_wallet_services(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        if (cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                reply->result =
                    json_pack("{s:s, s:s, s:[s, s], s:s}", "entityId", kit.entity_id, "kitNo", kit.kit_no,
                              "services", "Mumbai Metro", "Chennai Metro", "walletType", "NCMC");
}

/* DD-MM-YYYY to the start of that day. */
static int64_t day_ms(const char *text, int64_t fallback) {
        char date[11];
        int64_t ms = fallback;
        if (text) {
                (void)snprintf(date, sizeof date, "%.4s-%.2s-%.2s", text + 6, text + 3, text);
                (void)cw_dsim_parse_date(date, &ms);
        }
        return ms;
}

static json_t *ledger_row(sqlite3_stmt *stmt) {
        char when[40];
        const char *error = cw_dsim_store_text(stmt, 2);
        cw_dsim_iso_time(sqlite3_column_int64(stmt, 3), when, sizeof when);
        json_t *row =
            json_pack("{s:s, s:o, s:s, s:s, s:s, s:s}", "txnId", cw_dsim_store_text(stmt, 0), "amount",
                      amount_text(sqlite3_column_int64(stmt, 1)), "crDr", "C", "transactionType", "LOAD",
                      "transactionStatus", *error ? "FAILED" : "SUCCESS", "createdDate", when);
        if (*error)
                (void)json_object_set_new(row, "errorCode", json_string(error));
        return row;
}

/* Loads never pass a terminal, so that the authentication service has none of them. */
static void history(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, const char *member,
                    bool ledger) {
        struct cw_dsim_kit kit;
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        json_t *rows = json_array();
        bool only_good = json_is_true(json_object_get(call->body, "isSuccessTransaction"));
        int64_t from = day_ms(cw_dsim_body_text(call, "startDate", NULL), 0);
        int64_t to = day_ms(cw_dsim_body_text(call, "endDate", NULL), INT64_MAX - 86400000) + 86400000;
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(call->sim->db,
                                                 "SELECT txn_id, paise, error, at_ms FROM wallet_load WHERE "
                                                 "kit_no = ?1 AND at_ms >= ?2 AND at_ms < ?3"
                                                 " ORDER BY serial",
                                                 "tii", kit.kit_no, from, to);
        while (ledger && cw_dsim_store_step(stmt))
                if (!only_good || !*cw_dsim_store_text(stmt, 2))
                        (void)json_array_append_new(rows, ledger_row(stmt));
        reply->result = json_pack("{s:s, s:s, s:o, s:s}", "entityId", kit.entity_id, "kitNo", kit.kit_no,
                                  member, rows, "walletType", "NCMC");
}

void cw_dsim_wallet_authnt(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        history(call, reply, "authntOfflineTransactionData", false);
}

void cw_dsim_wallet_ledger(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        history(call, reply, "ledgerOfflineStagedTransactionData", true);
}
