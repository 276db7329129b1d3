/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "branch.h"
#include "endpoints.h"
#include "text.h"

#define PAGE_SIZE_MAX 1000

static bool text_matches(const struct cw_dsim_call *call, const json_t *branch, const char *name) {
        const char *want = cw_dsim_body_text(call, name, NULL);
        const char *have = json_string_value(json_object_get(branch, name));
        return !want || (have && strcmp(want, have) == 0);
}

/* Branch time stamps are "YYYY-MM-DD HH:mm:ss": text order is time order. A branch without one matches no
 * range. */
static bool date_matches(const struct cw_dsim_call *call, const json_t *branch, const char *name,
                         const char *from, const char *to) {
        const char *low = cw_dsim_body_text(call, from, NULL);
        const char *high = cw_dsim_body_text(call, to, NULL);
        const char *have = json_string_value(json_object_get(branch, name));
        if (!low && !high)
                return true;
        return have && (!low || strcmp(have, low) >= 0) && (!high || strcmp(have, high) <= 0);
}

static bool branch_matches(const struct cw_dsim_call *call, const json_t *branch) {
        return text_matches(call, branch, "branchId") && text_matches(call, branch, "branchCode") &&
               text_matches(call, branch, "branchName") &&
               date_matches(call, branch, "createdDate", "fromCreatedDate", "toCreatedDate") &&
               date_matches(call, branch, "changedDate", "fromChangedDate", "toChangedDate");
}

/* sortFields is {field: ASC|DESC}; NULL when it is right. */
static const char *sort_fault(json_t *sort) {
        const char *name;
        json_t *value;
        json_object_foreach(sort, name, value) {
                const char *order = json_string_value(value);
                if (!order || (strcmp(order, "ASC") != 0 && strcmp(order, "DESC") != 0))
                        return "sortFields must be {field: ASC or DESC}";
        }
        return NULL;
}

static int compare_by(json_t *sort, const json_t *a, const json_t *b) {
        const char *name;
        json_t *value;
        json_object_foreach(sort, name, value) {
                const char *x = json_string_value(json_object_get(a, name));
                const char *y = json_string_value(json_object_get(b, name));
                int order = strcmp(x ? x : "", y ? y : "");
                if (order != 0)
                        return strcmp(json_string_value(value), "ASC") == 0 ? order : -order;
        }
        return 0;
}

/* Stable insertion: a bank has few branches, and the configuration's order breaks ties. */
static void insert_sorted(json_t *rows, json_t *branch, json_t *sort) {
        size_t at = json_array_size(rows);
        while (at > 0 && compare_by(sort, json_array_get(rows, at - 1), branch) > 0)
                at--;
        (void)json_array_insert(rows, at, branch);
}

static json_t *audit_row(json_t *branch) {
        json_t *copy = json_copy(branch);
        json_t *created = json_object_get(branch, "createdDate");
        json_t *creator = json_object_get(branch, "creator");
        (void)json_object_set_new(
            copy, "audit",
            json_pack("[{s:s, s:O*, s:O*}]", "operation", "CREATE", "at", created, "by", creator));
        return copy;
}

void cw_dsim_branch_fetch(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        json_t *sort = json_object_get(call->body, "sortFields");
        int64_t page_no = cw_dsim_body_int(call, "pageNo", 1);
        int64_t page_size = cw_dsim_body_int(call, "pageSize", 10);
        const char *fault = sort_fault(sort);
        if (page_no < 1 || page_size < 1 || page_size > PAGE_SIZE_MAX)
                fault = page_no < 1 ? "pageNo is out of range" : "pageSize is out of range";
        if (fault) {
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_INPUT, fault);
                return;
        }
        CW_AUTO_JSON json_t *rows = json_array();
        for (size_t i = 0; i < json_array_size(call->sim->cfg.branches); i++) {
                json_t *branch = json_array_get(call->sim->cfg.branches, i);
                if (branch_matches(call, branch))
                        insert_sorted(rows, branch, sort);
        }
        bool audit = json_is_true(json_object_get(call->body, "isAudit"));
        size_t total = json_array_size(rows);
        reply->result = json_array();
        for (size_t i = (size_t)((page_no - 1) * page_size); i < total && i < (size_t)(page_no * page_size);
             i++) {
                json_t *branch = json_array_get(rows, i);
                (void)json_array_append_new(reply->result, audit ? audit_row(branch) : json_incref(branch));
        }
        reply->pagination = cw_dsim_page_guide(page_no, page_size, (int64_t)total);
}

/* ---- created and changed ---- */

static void stamp(int64_t ms, char out[20]) {
        char iso[40];
        cw_dsim_iso_time(ms, iso, sizeof iso);
        (void)snprintf(out, 20, "%.10s %.8s", iso, iso + 11);
}

static void keep(struct cw_dsim *sim, const json_t *branch) {
        CW_AUTO_MEM char *text = json_dumps(branch, JSON_COMPACT);
        (void)cw_dsim_store_run(sim->db, "INSERT OR REPLACE INTO branch VALUES(?1, ?2)", "tt",
                                json_string_value(json_object_get(branch, "branchId")), text);
}

void cw_dsim_branch_create(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim *sim = call->sim;
        char now[20];
        if (cw_dsim_config_branch(&sim->cfg, cw_dsim_body_text(call, "branchId", ""))) {
                cw_dsim_refuse(&sim->cfg, reply, CW_DSIM_E_INPUT, "branchId already exists");
                return;
        }
        json_t *branch = json_deep_copy(call->body);
        stamp(call->now_ms, now);
        (void)json_object_set_new(branch, "createdDate", json_string(now));
        (void)json_array_append_new(sim->cfg.branches, branch);
        keep(sim, branch);
        reply->result = json_deep_copy(branch);
}

void cw_dsim_branch_update(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim *sim = call->sim;
        char now[20];
        json_t *branch = cw_dsim_config_branch(&sim->cfg, cw_dsim_body_text(call, "branchId", ""));
        if (!branch) {
                cw_dsim_refuse(&sim->cfg, reply, CW_DSIM_E_INPUT, "Invalid branchId");
                return;
        }
        (void)json_object_update(branch, call->body);
        stamp(call->now_ms, now);
        (void)json_object_set_new(branch, "changedDate", json_string(now));
        keep(sim, branch);
        reply->result = json_deep_copy(branch);
}

void cw_dsim_branches_load(struct cw_dsim *sim) {
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt =
            cw_dsim_store_query(sim->db, "SELECT branch_id, body FROM branch ORDER BY rowid", "");
        while (cw_dsim_store_step(stmt)) {
                json_t *body = json_loads(cw_dsim_store_text(stmt, 1), 0, NULL);
                json_t *have = cw_dsim_config_branch(&sim->cfg, cw_dsim_store_text(stmt, 0));
                if (have) {
                        (void)json_object_update(have, body);
                        json_decref(body);
                } else if (body) {
                        (void)json_array_append_new(sim->cfg.branches, body);
                }
        }
}
