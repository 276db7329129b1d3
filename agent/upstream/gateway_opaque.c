/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole body as one Base64 string of IV16 | ciphertext | tag16, the form the bank uses for single values.
 * It names no key, so an answer is tried with each.
 */
#include "agent/upstream/b64.h"
#include "agent/upstream/dcms.h"
#include "agent/upstream/gateway_key.h"
#include "agent/upstream/rc.h"

#include <openssl/rand.h>
#include <string.h>

#define OP "gateway.opaque"
#define OVERHEAD (CW_GATEWAY_IV_LEN + CW_GATEWAY_TAG_LEN)

struct opaque {
        struct cw_gateway_codec base;
        struct cw_gateway_keys keys;
};

static cw_rc opaque_seal(struct cw_gateway_codec *codec, struct cw_span clear, struct cw_secret **ret,
                         struct cw_fault *f) {
        const struct opaque *g = (struct opaque *)codec;
        size_t len = clear.len + OVERHEAD;
        CW_AUTO_MEM uint8_t *sealed = malloc(len);
        CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL;
        if (!sealed || cw_secret_new(CW_B64_SIZE(len), &wire) != CW_OK)
                return cw_gateway_no_memory(f);
        if (RAND_bytes(sealed, CW_GATEWAY_IV_LEN) != 1 ||
            !cw_gateway_gcm_seal(&g->keys.at[0], sealed, clear, sealed + CW_GATEWAY_IV_LEN) ||
            !cw_b64_encode(CW_B64_STD, sealed, len, (char *)wire->ptr, wire->cap, &wire->len))
                return cw_fail(f, CW_UP(FATAL, CW_E_STATE), 0, OP ".seal", CW_DCMS_CODE_GATEWAY,
                               "OpenSSL refused to encrypt a request");
        *ret = CW_STEAL(wire);
        return CW_OK;
}

static bool is_blank(uint8_t c) {
        return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Blanks around the string are forgiven, and the quotes of a JSON string. */
static struct cw_span inner(struct cw_span wire) {
        while (wire.len > 0 && is_blank(wire.ptr[wire.len - 1]))
                wire.len--;
        while (wire.len > 0 && is_blank(wire.ptr[0]))
                wire = CW_SPAN(wire.ptr + 1, wire.len - 1);
        if (wire.len >= 2 && wire.ptr[0] == '"' && wire.ptr[wire.len - 1] == '"')
                wire = CW_SPAN(wire.ptr + 1, wire.len - 2);
        return wire;
}

static cw_rc opaque_open(struct cw_gateway_codec *codec, struct cw_span wire, struct cw_secret **ret,
                         struct cw_fault *f) {
        const struct opaque *g = (struct opaque *)codec;
        struct cw_span text = inner(wire);
        size_t len = 0;
        CW_AUTO_MEM uint8_t *sealed = malloc(text.len + 1);
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        if (!sealed || cw_secret_new(text.len + 1, &clear) != CW_OK)
                return cw_gateway_no_memory(f);
        if (!cw_b64_decode(CW_B64_STD, text.ptr, text.len, sealed, text.len, &len) || len < OVERHEAD)
                return cw_fail(f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, OP ".open", CW_DCMS_CODE_GATEWAY,
                               "the answer is not one encrypted Base64 string; check server.gateway with the "
                               "bank");
        for (size_t i = 0; i < g->keys.count; i++) {
                if (!cw_gateway_gcm_open(&g->keys.at[i], sealed,
                                         CW_SPAN(sealed + CW_GATEWAY_IV_LEN, len - CW_GATEWAY_IV_LEN),
                                         clear->ptr))
                        continue;
                clear->len = len - OVERHEAD;
                *ret = CW_STEAL(clear);
                return CW_OK;
        }
        return cw_gateway_open_trouble(
            f, "the answer does not decrypt; check that the gateway keys of both sides belong together");
}

static void opaque_free(struct cw_gateway_codec *codec) {
        struct opaque *g = (struct opaque *)codec;
        cw_gateway_keys_done(&g->keys);
        free(g);
}

cw_rc cw_gateway_opaque_new(enum cw_gateway variant, const struct cw_gateway_pair *pairs, size_t count,
                            struct cw_gateway_codec **ret, struct cw_fault *f) {
        static const struct cw_gateway_ops ops_sha256 = {"static-ecdh-sha256-opaque", "text/plain",
                                                         opaque_seal, opaque_open, opaque_free};
        static const struct cw_gateway_ops ops_hkdf = {"static-ecdh-hkdf-opaque", "text/plain", opaque_seal,
                                                       opaque_open, opaque_free};
        bool hkdf = variant == CW_GATEWAY_ECDH_HKDF_OPAQUE;
        CW_AUTO_MEM struct opaque *g = calloc(1, sizeof *g);
        if (!g)
                return cw_gateway_no_memory(f);
        g->base.ops = hkdf ? &ops_hkdf : &ops_sha256;
        cw_rc rc = cw_gateway_keys_agree(hkdf ? CW_GATEWAY_KDF_HKDF : CW_GATEWAY_KDF_SHA256, pairs, count,
                                         &g->keys, f);
        if (rc == CW_OK)
                *ret = &CW_STEAL(g)->base;
        return rc;
}
