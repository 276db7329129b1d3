/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole body as a JWE in compact form (RFC 7516), Content-Type application/jose: ECDH-ES with an
 * ephemeral P-256 key, A256GCM, by libjose. Only these two algorithms are opened, whatever the header asks
 * for.
 */
#include "agent/upstream/dcms.h"
#include "agent/upstream/gateway_key.h"
#include "agent/upstream/rc.h"

#include <jose/b64.h>
#include <jose/jwe.h>
#include <jose/openssl.h>
#include <string.h>

#define OP "gateway.jwe"
#define PARTS 5

struct jwe_key {
        char kid[CW_GATEWAY_KID_MAX + 1];
        struct cw_secret *own_pem; /* read anew for each answer: a JWK lives in ordinary memory */
        json_t *peer;              /* public JWK */
};

struct jwe {
        struct cw_gateway_codec base;
        struct jwe_key keys[CW_GATEWAY_PAIRS_MAX];
        size_t count;
};

/* ---- seal ---- */

static cw_rc seal_trouble(struct cw_fault *f) {
        return cw_fail(f, CW_UP(FATAL, CW_E_STATE), 0, OP ".seal", CW_DCMS_CODE_GATEWAY,
                       "libjose refused to encrypt a request; check server.gateway_peer_key_file");
}

/* Header with epk, all of it protected: the compact form has no other place. */
static json_t *seal_parts(const struct jwe_key *key, struct cw_span clear) {
        CW_AUTO_JSON json_t *jwe = json_pack("{s:{s:s, s:s, s:s}}", "protected", "alg", "ECDH-ES", "enc",
                                             "A256GCM", "kid", key->kid);
        CW_AUTO_JSON json_t *recipient = json_object();
        CW_AUTO_JSON json_t *cek = json_object();
        if (!jwe || !recipient || !cek || !jose_jwe_enc_jwk(NULL, jwe, recipient, key->peer, cek))
                return NULL;
        json_t *header = jose_jwe_hdr(jwe, recipient);
        (void)json_object_del(jwe, "header");
        if (!header || json_object_set_new(jwe, "protected", header) < 0 ||
            !jose_jwe_enc_cek(NULL, jwe, cek, clear.ptr ? (const void *)clear.ptr : "", clear.len))
                return NULL;
        return CW_STEAL(jwe);
}

static cw_rc join_parts(const json_t *jwe, struct cw_secret **ret, struct cw_fault *f) {
        static const char *const names[PARTS] = {"protected", "", "iv", "ciphertext", "tag"};
        size_t total = PARTS, at = 0;
        for (size_t i = 0; i < PARTS; i++)
                total += json_string_length(json_object_get(jwe, names[i]));
        CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL;
        if (cw_secret_new(total, &wire) != CW_OK)
                return cw_gateway_no_memory(f);
        for (size_t i = 0; i < PARTS; i++) {
                const json_t *part = json_object_get(jwe, names[i]);
                if (names[i][0] && !json_is_string(part))
                        return seal_trouble(f);
                if (part)
                        memcpy(wire->ptr + at, json_string_value(part), json_string_length(part));
                at += json_string_length(part);
                if (i + 1 < PARTS)
                        wire->ptr[at++] = '.';
        }
        wire->len = at;
        *ret = CW_STEAL(wire);
        return CW_OK;
}

static cw_rc jwe_seal(struct cw_gateway_codec *codec, struct cw_span clear, struct cw_secret **ret,
                      struct cw_fault *f) {
        CW_AUTO_JSON json_t *jwe = seal_parts(&((struct jwe *)codec)->keys[0], clear);
        return jwe ? join_parts(jwe, ret, f) : seal_trouble(f);
}

/* ---- open ---- */

static bool is_b64url(const uint8_t *p, size_t len) {
        for (size_t i = 0; i < len; i++)
                if (!((p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z') ||
                      (p[i] >= '0' && p[i] <= '9') || p[i] == '-' || p[i] == '_'))
                        return false;
        return true;
}

/* Five parts of the URL alphabet with dots between. A trailing newline is forgiven. NULL: it is none. */
static json_t *split_parts(struct cw_span wire) {
        static const char *const names[PARTS] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
        CW_AUTO_JSON json_t *jwe = json_object();
        size_t len = wire.len;
        while (len > 0 && (wire.ptr[len - 1] == '\n' || wire.ptr[len - 1] == '\r'))
                len--;
        size_t at = 0;
        for (size_t i = 0; i < PARTS && jwe; i++) {
                const uint8_t *dot = i + 1 < PARTS ? memchr(wire.ptr + at, '.', len - at) : wire.ptr + len;
                size_t n = dot ? (size_t)(dot - wire.ptr) - at : 0;
                if (!dot || !is_b64url(wire.ptr + at, n) ||
                    json_object_set_new(jwe, names[i], json_stringn((const char *)wire.ptr + at, n)) < 0)
                        return NULL;
                at += n + 1;
        }
        return CW_STEAL(jwe);
}

static bool text_is(const json_t *header, const char *name, const char *want) {
        const char *text = json_string_value(json_object_get(header, name));
        return text && strcmp(text, want) == 0;
}

/* NULL when the header is not one we open: no other algorithm, no compression, nothing critical. */
static json_t *read_header(const json_t *jwe) {
        CW_AUTO_JSON json_t *header = jose_b64_dec_load(json_object_get(jwe, "protected"));
        const json_t *epk = json_object_get(header, "epk");
        if (!json_is_object(header) || !text_is(header, "alg", "ECDH-ES") ||
            !text_is(header, "enc", "A256GCM") || json_object_get(header, "zip") ||
            json_object_get(header, "crit") || !text_is(epk, "kty", "EC") || !text_is(epk, "crv", "P-256") ||
            json_object_get(epk, "d") || json_string_length(json_object_get(jwe, "encrypted_key")) != 0)
                return NULL;
        return CW_STEAL(header);
}

static json_t *own_jwk(const struct jwe_key *key, struct cw_fault *f) {
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *own = NULL;
        cw_rc rc = cw_gateway_own_read(CW_SPAN(key->own_pem->ptr, key->own_pem->len), &own, f);
        return rc == CW_OK ? jose_openssl_jwk_from_EVP_PKEY(NULL, own) : NULL;
}

/* True when the key opened it; *ret is NULL then when memory is short. */
static bool open_with(const struct jwe_key *key, const json_t *jwe, struct cw_secret **ret) {
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *jwk = own_jwk(key, &f);
        size_t len = 0;
        void *clear = jwk ? jose_jwe_dec(NULL, jwe, NULL, jwk, &len) : NULL;
        if (!clear)
                return false;
        *ret = NULL;
        (void)!cw_secret_dup(clear, len, ret);
        cw_wipe(clear, len);
        free(clear);
        return true;
}

static cw_rc jwe_open(struct cw_gateway_codec *codec, struct cw_span wire, struct cw_secret **ret,
                      struct cw_fault *f) {
        const struct jwe *g = (struct jwe *)codec;
        CW_AUTO_JSON json_t *jwe = split_parts(wire);
        if (!jwe)
                return cw_fail(f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, OP ".open", CW_DCMS_CODE_GATEWAY,
                               "the answer is not a JWE in compact form; check server.gateway with the bank");
        CW_AUTO_JSON json_t *header = read_header(jwe);
        if (!header)
                return cw_gateway_open_trouble(
                    f, "the answer's JWE is not ECDH-ES on P-256 with A256GCM; check server.gateway with the "
                       "bank");
        const char *kid = json_string_value(json_object_get(header, "kid"));
        bool ours = false;
        for (size_t i = 0; i < g->count; i++) {
                if (kid && strcmp(kid, g->keys[i].kid) != 0)
                        continue;
                ours = true;
                CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
                if (!open_with(&g->keys[i], jwe, &clear))
                        continue;
                if (!clear)
                        return cw_gateway_no_memory(f);
                *ret = CW_STEAL(clear);
                return CW_OK;
        }
        return cw_gateway_open_trouble(
            f, ours ? "the answer does not decrypt; check that the gateway keys of both sides belong together"
                    : "the answer is encrypted under another key id; check server.gateway_kid, "
                      "gateway_previous_kid and the gateway keys with the bank");
}

/* ---- begin and end ---- */

static void jwe_free(struct cw_gateway_codec *codec) {
        struct jwe *g = (struct jwe *)codec;
        for (size_t i = 0; i < CW_GATEWAY_PAIRS_MAX; i++) {
                cw_secret_free(g->keys[i].own_pem);
                json_decref(g->keys[i].peer);
        }
        free(g);
}

static cw_rc load_key(const struct cw_gateway_pair *pair, struct jwe_key *ret, struct cw_fault *f) {
        CW_AUTO(EVP_PKEY_free) EVP_PKEY *own = NULL, *peer = NULL;
        cw_rc rc = cw_gateway_pair_read(pair, &own, &peer, f);
        if (rc != CW_OK)
                return rc;
        memcpy(ret->kid, pair->kid, strlen(pair->kid) + 1);
        ret->peer = jose_openssl_jwk_from_EVP_PKEY(NULL, peer);
        if (!ret->peer || cw_secret_dup(pair->own_pem.ptr, pair->own_pem.len, &ret->own_pem) != CW_OK)
                return cw_gateway_no_memory(f);
        return CW_OK;
}

cw_rc cw_gateway_jwe_new(const struct cw_gateway_pair *pairs, size_t count, struct cw_gateway_codec **ret,
                         struct cw_fault *f) {
        static const struct cw_gateway_ops ops = {"jwe-ecdh-es", "application/jose", jwe_seal, jwe_open,
                                                  jwe_free};
        CW_AUTO_MEM struct jwe *g = calloc(1, sizeof *g);
        if (!g)
                return cw_gateway_no_memory(f);
        g->base.ops = &ops;
        g->count = count;
        for (size_t i = 0; i < count; i++) {
                cw_rc rc = load_key(&pairs[i], &g->keys[i], f);
                if (rc != CW_OK) {
                        jwe_free(&CW_STEAL(g)->base);
                        return rc;
                }
        }
        *ret = &CW_STEAL(g)->base;
        return CW_OK;
}
