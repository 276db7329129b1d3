/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_codec.h"

#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "text.h"

#define OVERHEAD (CW_DSIM_IV_LEN + CW_DSIM_TAG_LEN)

char *cw_dsim_opaque_open(struct cw_dsim *sim, const char *body, size_t body_len, size_t *ret_len,
                          const char **why) {
        size_t len = 0;
        CW_AUTO_MEM char *text = strndup(body, body_len);
        CW_AUTO_MEM uint8_t *raw = malloc(body_len + 3);
        CW_AUTO_MEM uint8_t *clear = malloc(body_len + 3);
        *why = "the body must be Base64 of IV16, ciphertext and tag16";
        if (!text || !raw || !clear || strlen(text) != body_len ||
            !cw_dsim_b64_decode(text, raw, body_len + 3, &len) || len < OVERHEAD)
                return NULL;
        size_t clear_len = len - OVERHEAD;
        *why = "the body does not decrypt under the gateway keys, or its IV was used for another body";
        for (size_t i = 0; i < sim->cfg.gateway.pair_count; i++) {
                if (!cw_dsim_gcm_open(sim->cfg.gateway.pairs[i].key, raw, raw + CW_DSIM_IV_LEN, clear_len,
                                      raw + len - CW_DSIM_TAG_LEN, clear) ||
                    !cw_dsim_iv_fresh(sim, "gateway-opaque", raw, CW_DSIM_IV_LEN, raw, len))
                        continue;
                clear[clear_len] = '\0';
                *ret_len = clear_len;
                return (char *)CW_STEAL(clear);
        }
        return NULL;
}

char *cw_dsim_opaque_seal(const struct cw_dsim_gateway_pair *pair, const char *body) {
        size_t len = strlen(body);
        CW_AUTO_MEM uint8_t *raw = malloc(len + OVERHEAD);
        CW_AUTO_MEM char *out = malloc(CW_DSIM_B64_SIZE(len + OVERHEAD));
        if (!raw || !out)
                abort();
        cw_dsim_random(raw, CW_DSIM_IV_LEN);
        if (!cw_dsim_gcm_seal(pair->key, raw, (const uint8_t *)body, len, raw + CW_DSIM_IV_LEN,
                              raw + CW_DSIM_IV_LEN + len))
                abort();
        cw_dsim_b64_encode(raw, len + OVERHEAD, out);
        return CW_STEAL(out);
}
