/* SPDX-License-Identifier: Apache-2.0 */
/* Card orders and their way through production. */
#include "d1sim.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t next_random(struct d1sim *s) {
        s->random ^= s->random << 13;
        s->random ^= s->random >> 7;
        s->random ^= s->random << 17;
        return s->random;
}

/* The part of the path between physicalCards/ and the next slash. */
static void card_of(const char *path, char ret[49]) {
        const char *at = strstr(path, "/physicalCards/");
        at = at ? at + strlen("/physicalCards/") : "";
        (void)snprintf(ret, 49, "%.*s", (int)strcspn(at, "/"), at);
}

/* An order with a known issuerRequestId is the order there is, as long as the configuration says so. */
static bool known_request(struct d1sim *s, const char *card_id, const char *request_id,
                          char operation_id[64]) {
        bool found = false;
        if (!*request_id || json_is_false(json_object_get(s->config, "dedup")))
                return false;
        sqlite3_stmt *q =
            d1sim_query(s, "SELECT operation_id FROM operation WHERE request_id = ?1 AND card_id = ?2", "tt",
                        request_id, card_id);
        if (sqlite3_step(q) == SQLITE_ROW) {
                (void)snprintf(operation_id, 64, "%s", d1sim_column(q, 0));
                found = true;
                s->replays++;
        }
        (void)sqlite3_finalize(q);
        return found;
}

static void accept_order(struct d1sim *s, const char *card_id, const json_t *o, const char *masked,
                         bool batch, char operation_id[64]) {
        const char *request_id = d1sim_text(o, "issuerRequestId"),
                   *channel = d1sim_text(o, "distributionChannel");
        if (known_request(s, card_id, request_id, operation_id))
                return;
        (void)snprintf(operation_id, 64, "%016llx-%016llx", (unsigned long long)next_random(s),
                       (unsigned long long)next_random(s));
        bool keep = json_is_true(json_object_get(s->config, "keep_sent"));
        CW_AUTO_MEM char *sent = keep ? json_dumps(o, JSON_COMPACT) : NULL;
        d1sim_run(s,
                  "INSERT INTO operation(operation_id, card_id, request_id, channel, issuance, masked_pan, "
                  "created_ms,"
                  " detail, reason, batch, sent) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, '', '', ?8, ?9)",
                  "ttttttiit", operation_id, card_id, request_id, *channel ? channel : "THALES",
                  d1sim_text(json_object_get(o, "services"), "issuance"), masked, d1sim_now_ms(),
                  (int64_t)batch, sent ? sent : "");
}

void d1sim_order(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out) {
        char card_id[49], masked[24] = "", operation_id[64];
        const char *code = NULL;
        CW_AUTO_JSON json_t *order = json_loadb(in->body, in->body_len, JSON_REJECT_DUPLICATES, NULL);
        card_of(in->path, card_id);
        if (!d1sim_is_id(card_id, 48)) {
                d1sim_error(out, 400, "FIELD_INVALID_FORMAT", "cardId");
                return;
        }
        const char *bad = d1sim_check_order(s, order, false, &code, masked);
        if (!bad && d1sim_listed(json_object_get(s->config, "refuse_cards"), card_id)) {
                bad = "cardId";
                code = "FIELD_INVALID_VALUE";
        }
        if (bad) {
                d1sim_error(out, 400, code, bad);
                return;
        }
        accept_order(s, card_id, order, masked, false, operation_id);
        out->status = 202;
        out->body = json_pack("{s:s}", "operationId", operation_id);
}

void d1sim_batch(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out) {
        CW_AUTO_JSON json_t *body = json_loadb(in->body, in->body_len, JSON_REJECT_DUPLICATES, NULL);
        const json_t *cards = json_object_get(body, "cards");
        size_t count = json_array_size(cards);
        if (count < 1 || count > 1000 || json_object_size(body) != 1) {
                d1sim_error(out, 400, "FIELD_INVALID_FORMAT", "cards");
                return;
        }
        json_t *rows = json_array();
        d1sim_run(s, "BEGIN IMMEDIATE", "");
        for (size_t i = 0; i < count; i++) {
                const json_t *card = json_array_get(cards, i);
                char masked[24] = "", operation_id[64];
                const char *code = NULL, *bad = d1sim_check_order(s, card, true, &code, masked);
                const char *card_id = d1sim_text(card, "cardId");
                if (!bad && d1sim_listed(json_object_get(s->config, "refuse_cards"), card_id)) {
                        bad = "cardId";
                        code = "FIELD_INVALID_VALUE";
                }
                if (bad) {
                        (void)json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "cardId", card_id,
                                                                    "errorCode", code, "error", bad));
                        continue;
                }
                accept_order(s, card_id, card, masked, true, operation_id);
                if (d1sim_listed(json_object_get(s->config, "untold_cards"), card_id))
                        continue;
                (void)json_array_append_new(
                    rows, json_pack("{s:s, s:s}", "cardId", card_id, "operationId", operation_id));
        }
        d1sim_run(s, "COMMIT", "");
        out->status = 202;
        out->body = json_pack("{s:o}", "cards", rows);
}

/* ---- status ---- */

static void iso(int64_t ms, char ret[40]) {
        struct tm tm;
        time_t seconds = (time_t)(ms / 1000);
        (void)gmtime_r(&seconds, &tm);
        size_t n = strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm);
        (void)snprintf(ret + n, 40 - n, ".%03dZ", (int)(ms % 1000));
}

/* The word for an operation of this age: one step each step_ms; a test may have said where it ended. */
static const char *detail_at(struct d1sim *s, const char *channel, int64_t age_ms, const char *fixed) {
        static const char *const instant[] = {"CARD_PROD_REQUESTED", "CARD_PROD_READY", "CARD_PROD_DONE"};
        static const char *const central[] = {"CARD_PROD_REQUESTED", "DATA_PREPARED",  "CARD_PROD_READY",
                                              "CARD_PROD_ONGOING",   "CARD_PROD_DONE", "CARD_SHIPPED"};
        bool is_instant = strcmp(channel, "INSTANT") == 0;
        int64_t step_ms = d1sim_number(s->config, "step_ms", 0);
        int64_t last = is_instant ? 2 : 5, at = step_ms > 0 ? age_ms / step_ms : 0;
        if (*fixed)
                return fixed;
        at = at > last ? last : at;
        return is_instant ? instant[at] : central[at];
}

static const char *status_for(const char *detail) {
        if (strcmp(detail, "CARD_PROD_DONE") == 0 || strcmp(detail, "CARD_SHIPPED") == 0)
                return "SUCCESSFUL";
        return strstr(detail, "EXCEPTION") || strcmp(detail, "CARD_PROD_CANCELED") == 0 ? "FAILED"
                                                                                        : "PENDING";
}

static json_t *operation_json(struct d1sim *s, sqlite3_stmt *q) {
        char start[40];
        int64_t created = sqlite3_column_int64(q, 4);
        const char *detail = detail_at(s, d1sim_column(q, 3), d1sim_now_ms() - created, d1sim_column(q, 5));
        iso(created, start);
        json_t *details = json_pack("{s:s}", "status", detail);
        if (*d1sim_column(q, 6))
                (void)json_object_set_new(details, "reason", json_string(d1sim_column(q, 6)));
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "operationId", d1sim_column(q, 0),
                              "operation", "PRODUCE", "status", status_for(detail), "startTime", start,
                              "cardId", d1sim_column(q, 1), "details", details);
        if (*d1sim_column(q, 2) && !json_is_false(json_object_get(s->config, "echo_request_id")))
                (void)json_object_set_new(o, "issuerRequestId", json_string(d1sim_column(q, 2)));
        if (strcmp(status_for(detail), "PENDING") != 0) {
                iso(d1sim_now_ms(), start);
                (void)json_object_set_new(o, "endTime", json_string(start));
        }
        return o;
}

/* What a later version of the interface may send. */
static void add_unknown(json_t *list) {
        (void)json_array_insert_new(
            list, 0,
            json_loads("{\"operationId\":\"unknown-1\",\"operation\":\"HOLOGRAPHIC_PROJECTION\",\"status\":"
                       "\"PAUSED\",\"startTime\":\"2026-01-01T00:00:00.000Z\",\"cardId\":\"x\",\"details\":{"
                       "\"status\":\"CARD_IN_ORBIT\",\"rings\":[1,{\"deep\":null}]},\"extra\":true}",
                       0, NULL));
        for (size_t i = 0; i < json_array_size(list); i++)
                (void)json_object_set_new(json_array_get(list, i), "newMember",
                                          json_pack("{s:[i,i]}", "a", 1, 2));
}

void d1sim_status(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out) {
        char card_id[49];
        json_t *list = json_array();
        card_of(in->path, card_id);
        int64_t visible = d1sim_now_ms() - d1sim_number(s->config, "status_lag_ms", 0);
        sqlite3_stmt *q =
            d1sim_query(s,
                        "SELECT operation_id, card_id, request_id, channel, created_ms, detail, reason"
                        " FROM operation WHERE card_id = ?1 AND created_ms <= ?2 ORDER BY serial",
                        "ti", card_id, visible);
        while (sqlite3_step(q) == SQLITE_ROW) {
                json_t *o = operation_json(s, q);
                bool first = out->faulty && out->fault.reversed;
                if (out->faulty && out->fault.duplicates)
                        (void)json_array_append(list, o);
                (void)json_array_insert_new(list, first ? 0 : json_array_size(list), o);
        }
        (void)sqlite3_finalize(q);
        if (json_array_size(list) == 0) {
                json_decref(list);
                d1sim_error(out, 404, "RESOURCE_NOT_FOUND", "cardId");
                return;
        }
        if ((out->faulty && out->fault.unknown) || json_is_true(json_object_get(s->config, "unknown_fields")))
                add_unknown(list);
        out->status = 200;
        out->body = json_pack("{s:o}", "operations", list);
}
