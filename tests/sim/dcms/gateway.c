/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway.h"

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

static bool envelope_ok(const struct cw_dsim *sim, json_t *envelope, json_t *body, const char **why) {
        struct cw_dsim_complaint complaint = {.missing = false};
        *why = "the envelope must be {refNo, body, kid}";
        if (!json_is_string(body) || !cw_dsim_schema_check(envelope, ENVELOPE, &complaint))
                return false;
        *why = "refNo must be 16 decimal digits";
        if (!cw_dsim_is_digits(json_string_value(json_object_get(envelope, "refNo")), REF_NO_LEN, REF_NO_LEN))
                return false;
        *why = "kid names no key of this gateway";
        return strcmp(json_string_value(json_object_get(envelope, "kid")), sim->cfg.gateway.kid) == 0;
}

static char *decrypt(struct cw_dsim *sim, const char *ref_no, const char *text, size_t *ret_len,
                     const char **why) {
        size_t cap = strlen(text) / 4 * 3 + 3;
        size_t len = 0;
        CW_AUTO_MEM uint8_t *raw = malloc(cap);
        CW_AUTO_MEM uint8_t *clear = malloc(cap + 1);
        *why = "body must be Base64 of ciphertext and tag16";
        if (!raw || !clear || !cw_dsim_b64_decode(text, raw, cap, &len) || len < CW_DSIM_TAG_LEN)
                return NULL;
        len -= CW_DSIM_TAG_LEN;
        *why = "body does not decrypt under the gateway key";
        if (!cw_dsim_gcm_open(sim->cfg.gateway.key, (const uint8_t *)ref_no, raw, len, raw + len, clear))
                return NULL;
        *why = "refNo was used for another body";
        if (!cw_dsim_iv_fresh(sim, "gateway", ref_no, REF_NO_LEN, raw, len + CW_DSIM_TAG_LEN))
                return NULL;
        clear[len] = '\0';
        *ret_len = len;
        return (char *)CW_STEAL(clear);
}

char *cw_dsim_gateway_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len,
                           const char **why) {
        CW_AUTO_JSON json_t *envelope = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
        CW_AUTO_JSON json_t *inner = json_incref(json_object_get(envelope, "body"));
        (void)json_object_del(envelope, "body");
        if (!envelope_ok(sim, envelope, inner, why))
                return NULL;
        return decrypt(sim, json_string_value(json_object_get(envelope, "refNo")), json_string_value(inner),
                       ret_len, why);
}

char *cw_dsim_gateway_seal(const struct cw_dsim *sim, const char *body) {
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
            !cw_dsim_gcm_seal(sim->cfg.gateway.key, (const uint8_t *)ref_no, (const uint8_t *)body, len, out,
                              out + len))
                abort();
        cw_dsim_b64_encode(out, len + CW_DSIM_TAG_LEN, text);
        CW_AUTO_JSON json_t *envelope =
            json_pack("{s:s, s:s, s:s}", "refNo", ref_no, "body", text, "kid", sim->cfg.gateway.kid);
        return json_dumps(envelope, JSON_COMPACT);
}
