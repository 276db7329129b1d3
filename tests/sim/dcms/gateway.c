/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_codec.h"

#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "text.h"

#define REF_NO_LEN 16U

/* Without body, which is taken out first: it may be longer than a documented string. */
static const struct cw_dsim_field ENVELOPE[] = {
    {"refNo", CW_DSIM_TEXT, CW_DSIM_REQUIRED, REF_NO_LEN, NULL, NULL},
    {"kid", CW_DSIM_TEXT, CW_DSIM_REQUIRED, 64, NULL, NULL},
    {NULL, CW_DSIM_TEXT, 0, 0, NULL, NULL},
};

/* The pair the envelope names, NULL with a reason. */
static const struct cw_dsim_gateway_pair *check_envelope(const struct cw_dsim *sim, json_t *envelope,
                                                         const json_t *body, const char **why) {
        struct cw_dsim_complaint complaint = {.missing = false};
        *why = "the envelope must be {refNo, body, kid}";
        if (!json_is_string(body) || !cw_dsim_schema_check(envelope, ENVELOPE, &complaint))
                return NULL;
        *why = "refNo must be 16 decimal digits";
        if (!cw_dsim_is_digits(json_string_value(json_object_get(envelope, "refNo")), REF_NO_LEN, REF_NO_LEN))
                return NULL;
        *why = "kid names no key of this gateway";
        const char *kid = json_string_value(json_object_get(envelope, "kid"));
        for (size_t i = 0; i < sim->cfg.gateway.pair_count; i++)
                if (strcmp(kid, sim->cfg.gateway.pairs[i].kid) == 0)
                        return &sim->cfg.gateway.pairs[i];
        return NULL;
}

static char *decrypt(struct cw_dsim *sim, const struct cw_dsim_gateway_pair *pair, const char *ref_no,
                     const char *text, size_t *ret_len, const char **why) {
        size_t cap = strlen(text) / 4 * 3 + 3;
        size_t len = 0;
        CW_AUTO_MEM uint8_t *raw = malloc(cap);
        CW_AUTO_MEM uint8_t *clear = malloc(cap + 1);
        *why = "body must be Base64 of ciphertext and tag16";
        if (!raw || !clear || !cw_dsim_b64_decode(text, raw, cap, &len) || len < CW_DSIM_TAG_LEN)
                return NULL;
        len -= CW_DSIM_TAG_LEN;
        *why = "body does not decrypt under the gateway key";
        if (!cw_dsim_gcm_open(pair->key, (const uint8_t *)ref_no, raw, len, raw + len, clear))
                return NULL;
        *why = "refNo was used for another body";
        if (!cw_dsim_iv_fresh(sim, "gateway", ref_no, REF_NO_LEN, raw, len + CW_DSIM_TAG_LEN))
                return NULL;
        clear[len] = '\0';
        *ret_len = len;
        return (char *)CW_STEAL(clear);
}

static char *refno_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len,
                        const char **why) {
        CW_AUTO_JSON json_t *envelope = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
        CW_AUTO_JSON json_t *inner = json_incref(json_object_get(envelope, "body"));
        (void)json_object_del(envelope, "body");
        const struct cw_dsim_gateway_pair *pair = check_envelope(sim, envelope, inner, why);
        if (!pair)
                return NULL;
        return decrypt(sim, pair, json_string_value(json_object_get(envelope, "refNo")),
                       json_string_value(inner), ret_len, why);
}

static char *refno_seal(const struct cw_dsim_gateway_pair *pair, const char *body) {
        char ref_no[REF_NO_LEN + 1];
        uint8_t random[REF_NO_LEN];
        size_t len = strlen(body);
        cw_dsim_random(random, sizeof random);
        for (size_t i = 0; i < REF_NO_LEN; i++)
                ref_no[i] = (char)('0' + random[i] % 10);
        ref_no[REF_NO_LEN] = '\0';
        CW_AUTO_MEM uint8_t *out = malloc(len + CW_DSIM_TAG_LEN);
        CW_AUTO_MEM char *text = malloc(CW_DSIM_B64_SIZE(len + CW_DSIM_TAG_LEN));
        if (!out || !text ||
            !cw_dsim_gcm_seal(pair->key, (const uint8_t *)ref_no, (const uint8_t *)body, len, out, out + len))
                abort();
        cw_dsim_b64_encode(out, len + CW_DSIM_TAG_LEN, text);
        CW_AUTO_JSON json_t *envelope =
            json_pack("{s:s, s:s, s:s}", "refNo", ref_no, "body", text, "kid", pair->kid);
        return json_dumps(envelope, JSON_COMPACT);
}

const char *cw_dsim_gateway_media(const struct cw_dsim *sim) {
        switch (sim->cfg.gateway.codec) {
        case CW_DSIM_CODEC_OPAQUE:
                return "text/plain";
        case CW_DSIM_CODEC_JWE:
                return "application/jose";
        case CW_DSIM_CODEC_NONE:
        case CW_DSIM_CODEC_REFNO:
        case CW_DSIM_CODEC_FIELD:
                break;
        }
        return "application/json";
}

char *cw_dsim_gateway_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len,
                           const char **why) {
        if (sim->cfg.gateway.codec == CW_DSIM_CODEC_OPAQUE)
                return cw_dsim_opaque_open(sim, body, len, ret_len, why);
        if (sim->cfg.gateway.codec == CW_DSIM_CODEC_JWE)
                return cw_dsim_jwe_open(sim, body, len, ret_len, why);
        if (sim->cfg.gateway.codec == CW_DSIM_CODEC_FIELD)
                return cw_dsim_field_open(sim, body, len, ret_len, why);
        return refno_open(sim, body, len, ret_len, why);
}

static const struct cw_dsim_gateway_pair *answer_pair(struct cw_dsim *sim) {
        const struct cw_dsim_gateway_config *g = &sim->cfg.gateway;
        unsigned turn = atomic_fetch_add(&sim->gateway_turn, 1);
        bool previous = g->answer_with == CW_DSIM_ANSWER_PREVIOUS ||
                        (g->answer_with == CW_DSIM_ANSWER_ALTERNATE && turn % 2 == 1);
        return &g->pairs[previous ? 1 : 0];
}

char *cw_dsim_gateway_seal(struct cw_dsim *sim, const char *body) {
        const struct cw_dsim_gateway_pair *pair = answer_pair(sim);
        if (sim->cfg.gateway.codec == CW_DSIM_CODEC_OPAQUE)
                return cw_dsim_opaque_seal(pair, body);
        if (sim->cfg.gateway.codec == CW_DSIM_CODEC_JWE)
                return cw_dsim_jwe_seal(pair, body);
        if (sim->cfg.gateway.codec == CW_DSIM_CODEC_FIELD)
                return cw_dsim_field_seal(sim, pair, body);
        return refno_seal(pair, body);
}
