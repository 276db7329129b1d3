/* SPDX-License-Identifier: Apache-2.0 */
#include "preference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoints.h"
#include "kitops.h"
#include "text.h"

static json_t *stored(struct cw_dsim *sim, const char *kit_no, const char *kind) {
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt = cw_dsim_store_query(
            sim->db, "SELECT body FROM preference WHERE kit_no = ?1 AND kind = ?2", "tt", kit_no, kind);
        return cw_dsim_store_step(stmt) ? json_loads(cw_dsim_store_text(stmt, 0), 0, NULL) : NULL;
}

static void store(struct cw_dsim *sim, const char *kit_no, const char *kind, const json_t *body) {
        CW_AUTO_MEM char *text = json_dumps(body, JSON_COMPACT);
        (void)cw_dsim_store_run(sim->db, "INSERT OR REPLACE INTO preference VALUES(?1, ?2, ?3)", "ttt",
                                kit_no, kind, text);
}

static const char *const CHANNELS[] = {"atm", "pos", "ecom", "contactless"};
#define CHANNEL_COUNT (sizeof CHANNELS / sizeof CHANNELS[0])

/* A new card: domestic use on, abroad off. */
static json_t *fresh(void) {
        json_t *domestic = json_pack("{s:b}", "isEnabled", 1);
        for (size_t i = 0; i < CHANNEL_COUNT; i++)
                (void)json_object_set_new(domestic, CHANNELS[i],
                                          json_pack("{s:b, s:s, s:s}", "isEnabled", 1, "dailyLimit", "20000",
                                                    "maxLimit", "150000"));
        return json_pack("{s:o, s:{s:b}, s:{s:b, s:b}, s:{s:b, s:b}}", "domestic", domestic, "international",
                         "isEnabled", 0, "dynamicAuth", "otp", 0, "pin", 0, "toggle", "superOtp", 0,
                         "superPin", 0);
}

/* The server calculates thirty and three hundred and sixty days of the daily limit. */
static void put_long_limits(json_t *side) {
        for (size_t i = 0; i < CHANNEL_COUNT; i++) {
                json_t *channel = json_object_get(side, CHANNELS[i]);
                const char *daily = json_string_value(json_object_get(channel, "dailyLimit"));
                char text[32];
                if (!daily)
                        continue;
                (void)snprintf(text, sizeof text, "%lld", strtoll(daily, NULL, 10) * 30);
                (void)json_object_set_new(channel, "monthlyLimit", json_string(text));
                (void)snprintf(text, sizeof text, "%lld", strtoll(daily, NULL, 10) * 360);
                (void)json_object_set_new(channel, "yearlyLimit", json_string(text));
        }
}

json_t *cw_dsim_preference_of(struct cw_dsim *sim, const char *kit_no) {
        json_t *body = stored(sim, kit_no, "card");
        if (!body)
                body = fresh();
        put_long_limits(json_object_get(body, "domestic"));
        put_long_limits(json_object_get(body, "international"));
        return body;
}

static bool good_limit(const json_t *value) {
        return !value || (json_is_string(value) && cw_dsim_is_digits(json_string_value(value), 1, 12));
}

/* One side: isEnabled, and channels of isEnabled, dailyLimit, maxLimit. NULL when it is right. */
static const char *side_fault(json_t *side, bool *ret_limit) {
        const char *name = NULL;
        json_t *value = NULL;
        json_object_foreach(side, name, value) {
                const char *inner = NULL;
                json_t *v = NULL;
                if (strcmp(name, "isEnabled") == 0) {
                        if (!json_is_boolean(value))
                                return "isEnabled must be true or false";
                        continue;
                }
                size_t i = 0;
                while (i < CHANNEL_COUNT && strcmp(CHANNELS[i], name) != 0)
                        i++;
                if (i == CHANNEL_COUNT || !json_is_object(value))
                        return "a channel of the preferences is not documented";
                json_object_foreach(value, inner, v) {
                        bool flag = strcmp(inner, "isEnabled") == 0;
                        bool limit = strcmp(inner, "dailyLimit") == 0 || strcmp(inner, "maxLimit") == 0;
                        if ((flag && !json_is_boolean(v)) || (limit && !good_limit(v)) || (!flag && !limit))
                                return "a channel has isEnabled, dailyLimit and maxLimit";
                }
                const char *daily = json_string_value(json_object_get(value, "dailyLimit"));
                const char *max = json_string_value(json_object_get(value, "maxLimit"));
                *ret_limit =
                    *ret_limit || (daily && max && strtoll(daily, NULL, 10) > strtoll(max, NULL, 10));
        }
        return json_object_get(side, "isEnabled") ? NULL : "isEnabled is required";
}

void cw_dsim_preference_set(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        static const char *const parts[] = {"domestic", "international", "dynamicAuth", "swipeToPay"};
        struct cw_dsim_kit kit;
        bool limit = false;
        const char *fault = side_fault(json_object_get(call->body, "domestic"), &limit);
        if (!fault)
                fault = side_fault(json_object_get(call->body, "international"), &limit);
        if (fault || limit) {
                cw_dsim_refuse(&call->sim->cfg, reply, fault ? CW_DSIM_E_INPUT : CW_DSIM_E_DAILY_LIMIT,
                               fault);
                return;
        }
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        CW_AUTO_JSON json_t *body = cw_dsim_preference_of(call->sim, kit.kit_no);
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
                json_t *given = json_object_get(call->body, parts[i]);
                json_t *have = json_object_get(body, parts[i]);
                if (given && have)
                        (void)json_object_update(have, given);
                else if (given)
                        (void)json_object_set(body, parts[i], given);
        }
        store(call->sim, kit.kit_no, "card", body);
        reply->result = cw_dsim_preference_of(call->sim, kit.kit_no);
        (void)json_object_set_new(reply->result, "entityId", json_string(kit.entity_id));
        (void)json_object_set_new(reply->result, "kitNo", json_string(kit.kit_no));
}

void cw_dsim_preference_fetch(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        reply->result = cw_dsim_preference_of(call->sim, kit.kit_no);
        (void)json_object_set_new(reply->result, "entityId", json_string(kit.entity_id));
        (void)json_object_set_new(reply->result, "kitNo", json_string(kit.kit_no));
}

void cw_dsim_preference_opt_in(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        char kind[64];
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        (void)snprintf(kind, sizeof kind, "optin:%s", call->segment);
        store(call->sim, kit.kit_no, kind, call->body);
        reply->result = json_true();
}

void cw_dsim_ncmc_set(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        char now[40];
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        CW_AUTO_JSON json_t *before = stored(call->sim, kit.kit_no, "ncmc");
        CW_AUTO_JSON json_t *body = json_copy(call->body);
        json_t *created = json_object_get(before, "createdDate");
        cw_dsim_iso_time(call->now_ms, now, sizeof now);
        (void)json_object_set_new(body, "createdDate", created ? json_incref(created) : json_string(now));
        (void)json_object_set_new(body, "changedDate", json_string(now));
        store(call->sim, kit.kit_no, "ncmc", body);
        reply->result = json_incref(body);
}

void cw_dsim_ncmc_fetch(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        if (!cw_dsim_own_kit(call, reply, cw_dsim_body_text(call, "kitNo", ""), &kit))
                return;
        reply->result = stored(call->sim, kit.kit_no, "ncmc");
        if (!reply->result)
                reply->result = json_pack("{s:s, s:s, s:{s:b}}", "entityId", kit.entity_id, "kitNo",
                                          kit.kit_no, "autoReload", "enabled", 0);
}
