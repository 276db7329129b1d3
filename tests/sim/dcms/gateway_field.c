/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_codec.h"

#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "text.h"

#define OVERHEAD (CW_DSIM_IV_LEN + CW_DSIM_TAG_LEN)

static json_t *open_text(struct cw_dsim *sim, const char *text) {
        size_t cap = strlen(text) / 4 * 3 + 3, len = 0;
        CW_AUTO_MEM uint8_t *raw = malloc(cap);
        CW_AUTO_MEM uint8_t *clear = malloc(cap);
        if (!raw || !clear || !cw_dsim_b64_decode(text, raw, cap, &len) || len < OVERHEAD)
                return NULL;
        size_t clear_len = len - OVERHEAD;
        for (size_t i = 0; i < sim->cfg.gateway.pair_count; i++)
                if (cw_dsim_gcm_open(sim->cfg.gateway.pairs[i].key, raw, raw + CW_DSIM_IV_LEN, clear_len,
                                     raw + len - CW_DSIM_TAG_LEN, clear) &&
                    cw_dsim_iv_fresh(sim, "gateway-field", raw, CW_DSIM_IV_LEN, raw, len))
                        return json_stringn((const char *)clear, clear_len);
        return NULL;
}

static json_t *seal_value(const struct cw_dsim_gateway_pair *pair, json_t *value) {
        CW_AUTO_MEM char *text =
            json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
        size_t len = text ? strlen(text) : 0;
        CW_AUTO_MEM uint8_t *raw = malloc(len + OVERHEAD);
        CW_AUTO_MEM char *out = malloc(CW_DSIM_B64_SIZE(len + OVERHEAD));
        if (!text || !raw || !out)
                abort();
        cw_dsim_random(raw, CW_DSIM_IV_LEN);
        if (!cw_dsim_gcm_seal(pair->key, raw, (const uint8_t *)text, len, raw + CW_DSIM_IV_LEN,
                              raw + CW_DSIM_IV_LEN + len))
                abort();
        cw_dsim_b64_encode(raw, len + OVERHEAD, out);
        return json_string(out);
}

/* pair NULL opens, otherwise seals. False when a named member of a request is not sealed. */
static bool walk(struct cw_dsim *sim, const json_t *fields, const struct cw_dsim_gateway_pair *pair,
                 json_t *at, int depth) {
        size_t i = 0;
        const char *key = NULL;
        void *next = NULL;
        json_t *value = NULL;
        if (depth > 32)
                return false;
        json_array_foreach(at, i, value) {
                if (!walk(sim, fields, pair, value, depth + 1))
                        return false;
        }
        json_object_foreach_safe(at, next, key, value) {
                json_t *other = NULL;
                if (!cw_dsim_json_has_string(fields, key) || json_is_null(value)) {
                        if (!walk(sim, fields, pair, value, depth + 1))
                                return false;
                        continue;
                }
                if (pair)
                        other = seal_value(pair, value);
                else if (json_is_string(value))
                        other = open_text(sim, json_string_value(value));
                if (!other || json_object_set_new(at, key, other) < 0)
                        return false;
        }
        return true;
}

char *cw_dsim_field_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len,
                         const char **why) {
        CW_AUTO_JSON json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
        *why = "the body is not JSON";
        if (!root)
                return NULL;
        *why = "a member that must be encrypted does not decrypt under the gateway keys";
        if (!walk(sim, sim->cfg.gateway.fields, NULL, root, 0))
                return NULL;
        char *clear = json_dumps(root, JSON_COMPACT);
        *ret_len = clear ? strlen(clear) : 0;
        return clear;
}

char *cw_dsim_field_seal(const struct cw_dsim *sim, const struct cw_dsim_gateway_pair *pair,
                         const char *body) {
        CW_AUTO_JSON json_t *root = json_loads(body, 0, NULL);
        if (!root || !walk(NULL, sim->cfg.gateway.fields, pair, root, 0))
                abort();
        return json_dumps(root, JSON_COMPACT);
}
