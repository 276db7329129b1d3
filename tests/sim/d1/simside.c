/* SPDX-License-Identifier: Apache-2.0 */
/* The test's side: faults, ends of orders, what the simulator saw. */
#include "d1sim.h"

#include <stdio.h>
#include <string.h>

static const char *const call_names[] = {"token", "order", "batch", "status", "sim", "unknown"};

bool d1sim_fault_hits(struct d1sim *s, enum d1sim_call call, struct d1sim_fault *ret) {
        bool hit = false;
        for (size_t i = 0; i < s->fault_count; i++) {
                struct d1sim_fault *f = &s->faults[i];
                if (strcmp(f->call, "*") != 0 && strcmp(f->call, call_names[call]) != 0)
                        continue;
                f->seen++;
                if (hit || f->seen < f->nth || (f->count && f->seen >= f->nth + f->count))
                        continue;
                f->fired++;
                *ret = *f;
                hit = true;
        }
        return hit;
}

static bool known_member(const char *name) {
        static const char *const names[] = {"call",          "nth",       "count",        "status",
                                            "retry_after_s", "delay_ms",  "drop",         "reset_after_bytes",
                                            "after_commit",  "malformed", "expire_token", "duplicates",
                                            "unknown",       "reversed",  "drip"};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

/* A fault that can never fire would prove nothing. */
static bool read_fault(const json_t *o, struct d1sim_fault *ret) {
        const json_t *drip = json_object_get(o, "drip");
        const char *call = d1sim_text(o, "call"), *drop = d1sim_text(o, "drop"), *name = NULL;
        json_t *value = NULL;
        bool known = strcmp(call, "*") == 0;
        json_object_foreach((json_t *)(uintptr_t)o, name, value) {
                if (!known_member(name))
                        return false;
        }
        for (size_t i = 0; i <= D1SIM_STATUS; i++)
                known = known || strcmp(call, call_names[i]) == 0;
        *ret = (struct d1sim_fault){
            .nth = d1sim_number(o, "nth", 1),
            .count = d1sim_number(o, "count", 1),
            .status = (int)d1sim_number(o, "status", 0),
            .retry_after_s = (int)d1sim_number(o, "retry_after_s", 0),
            .delay_ms = d1sim_number(o, "delay_ms", 0),
            .drop_before = strcmp(drop, "before") == 0,
            .drop_after = strcmp(drop, "after") == 0,
            .reset_after = d1sim_number(o, "reset_after_bytes", -1),
            .drip_bytes = d1sim_number(drip, "bytes", 0),
            .drip_ms = d1sim_number(drip, "interval_ms", 100),
            .after_commit = json_is_true(json_object_get(o, "after_commit")),
            .malformed = json_is_true(json_object_get(o, "malformed")),
            .expire_token = json_is_true(json_object_get(o, "expire_token")),
            .duplicates = json_is_true(json_object_get(o, "duplicates")),
            .reversed = json_is_true(json_object_get(o, "reversed")),
            .unknown = json_is_true(json_object_get(o, "unknown")),
        };
        (void)snprintf(ret->call, sizeof ret->call, "%s", call);
        return known && (!*drop || ret->drop_before || ret->drop_after);
}

static void set_faults(struct d1sim *s, const json_t *body, struct d1sim_out *out) {
        const json_t *list = json_object_get(body, "faults");
        s->fault_count = 0;
        for (size_t i = 0; i < json_array_size(list); i++) {
                if (s->fault_count == D1SIM_FAULTS_MAX ||
                    !read_fault(json_array_get(list, i), &s->faults[s->fault_count])) {
                        d1sim_error(out, 400, "", "a fault is not known");
                        return;
                }
                s->fault_count++;
        }
        out->status = 200;
        out->body = json_object();
}

/* {"cardId", "detail", "reason"}: how the card's newest order ends. */
static void end_order(struct d1sim *s, const json_t *body, struct d1sim_out *out) {
        d1sim_run(s,
                  "UPDATE operation SET detail = ?2, reason = ?3 WHERE serial ="
                  " (SELECT max(serial) FROM operation WHERE card_id = ?1)",
                  "ttt", d1sim_text(body, "cardId"), d1sim_text(body, "detail"), d1sim_text(body, "reason"));
        out->status = 200;
        out->body = json_object();
}

static json_t *orders_json(struct d1sim *s) {
        json_t *list = json_array();
        sqlite3_stmt *q =
            d1sim_query(s,
                        "SELECT operation_id, card_id, request_id, channel, issuance, masked_pan, batch, sent"
                        " FROM operation ORDER BY serial",
                        "");
        while (sqlite3_step(q) == SQLITE_ROW)
                (void)json_array_append_new(
                    list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "operationId",
                                    d1sim_column(q, 0), "cardId", d1sim_column(q, 1), "issuerRequestId",
                                    d1sim_column(q, 2), "channel", d1sim_column(q, 3), "issuance",
                                    d1sim_column(q, 4), "masked_pan", d1sim_column(q, 5), "batch",
                                    sqlite3_column_int(q, 6), "sent", d1sim_column(q, 7)));
        (void)sqlite3_finalize(q);
        return list;
}

static void state(struct d1sim *s, struct d1sim_out *out) {
        json_t *calls = json_object(), *faults = json_array();
        for (size_t i = 0; i <= D1SIM_STATUS; i++)
                (void)json_object_set_new(calls, call_names[i], json_integer(s->calls[i]));
        for (size_t i = 0; i < s->fault_count; i++)
                (void)json_array_append_new(faults, json_pack("{s:s, s:I, s:I}", "call", s->faults[i].call,
                                                              "seen", (json_int_t)s->faults[i].seen, "fired",
                                                              (json_int_t)s->faults[i].fired));
        int64_t doubles =
            d1sim_int(s,
                      "SELECT count(*) FROM (SELECT 1 FROM operation WHERE issuance = 'CREATION'"
                      " AND detail NOT IN ('DATA_EXCEPTION', 'CARD_PROD_EXCEPTION', 'CARD_PROD_CANCELED')"
                      " GROUP BY card_id HAVING count(*) > 1)",
                      "");
        out->status = 200;
        out->body = json_pack("{s:o, s:o, s:o, s:I, s:I, s:I}", "orders", orders_json(s), "calls", calls,
                              "faults", faults, "double_orders", (json_int_t)doubles, "replays",
                              (json_int_t)s->replays, "uncorrelated", (json_int_t)s->uncorrelated);
}

void d1sim_side(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out) {
        const char *token = d1sim_text(s->config, "sim_token");
        CW_AUTO_JSON json_t *body = json_loadb(in->body, in->body_len, 0, NULL);
        if (!*token || strcmp(in->sim_token, token) != 0)
                d1sim_error(out, 403, "", "the test's side wants its token");
        else if (strcmp(in->path, "/_sim/faults") == 0)
                set_faults(s, body, out);
        else if (strcmp(in->path, "/_sim/end") == 0)
                end_order(s, body, out);
        else if (strcmp(in->path, "/_sim/config") == 0) {
                (void)json_object_update(s->config, body);
                out->status = 200;
                out->body = json_object();
        } else if (strcmp(in->path, "/_sim/state") == 0)
                state(s, out);
        else
                d1sim_error(out, 404, "", "no such path");
}
