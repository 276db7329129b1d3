/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/b64.h"
#include "agent/upstream/dcms.h"
#include "agent/upstream/gateway_key.h"
#include "agent/upstream/jsonscan.h"
#include "agent/upstream/rc.h"

#include <stdio.h>
#include <string.h>

#define REF_LEN CW_GATEWAY_IV_LEN
#define TAG_LEN CW_GATEWAY_TAG_LEN
#define OP "gateway"

struct ecdh {
        struct cw_gateway_codec base;
        const struct cw_clock *clock;
        struct cw_gateway_keys keys;
};

/*
 * refNo is the IV: it must never repeat under one key, so it is the time in microseconds and always grows. Of
 * the process, not of the codec: the same keys may be read anew after the clock was set back.
 */
static void next_ref(const struct ecdh *g, char ret[REF_LEN + 1]) {
        static int64_t last_ref;
        int64_t now = cw_wall_ms(g->clock) * 1000;
        last_ref = now > last_ref ? now : last_ref + 1;
        uint64_t ref = (uint64_t)last_ref;
        for (size_t i = REF_LEN; i-- > 0; ref /= 10)
                ret[i] = (char)('0' + ref % 10);
        ret[REF_LEN] = '\0';
}

cw_rc cw_gateway_ecdh_seal_as(struct cw_gateway_codec *codec, const char *ref_no, struct cw_span clear,
                              struct cw_secret **ret, struct cw_fault *f) {
        const struct cw_gateway_key *key = &((struct ecdh *)codec)->keys.at[0];
        CW_AUTO_MEM uint8_t *sealed = malloc(clear.len + TAG_LEN);
        CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL;
        cw_rc rc = cw_secret_new(CW_B64_SIZE(clear.len + TAG_LEN) + 160, &wire);
        if (rc != CW_OK || !sealed)
                return cw_gateway_no_memory(f);
        if (!cw_gateway_gcm_seal(key, (const uint8_t *)ref_no, clear, sealed))
                return cw_fail(f, CW_UP(FATAL, CW_E_STATE), 0, OP ".seal", CW_DCMS_CODE_GATEWAY,
                               "OpenSSL refused to encrypt a request");
        size_t n = (size_t)snprintf((char *)wire->ptr, wire->cap, "{\"refNo\":\"%s\",\"body\":\"", ref_no);
        size_t b64 = 0;
        if (!cw_b64_encode(CW_B64_STD, sealed, clear.len + TAG_LEN, (char *)wire->ptr + n, wire->cap - n,
                           &b64))
                return cw_fail(f, CW_UP(FATAL, CW_E_TOO_BIG), 0, OP ".seal", "", "the request is too large");
        n += b64;
        n += (size_t)snprintf((char *)wire->ptr + n, wire->cap - n, "\",\"kid\":\"%s\"}", key->kid);
        wire->len = n;
        *ret = CW_STEAL(wire);
        return CW_OK;
}

static cw_rc ecdh_seal(struct cw_gateway_codec *g, struct cw_span clear, struct cw_secret **ret,
                       struct cw_fault *f) {
        char ref[REF_LEN + 1];
        next_ref((struct ecdh *)g, ref);
        return cw_gateway_ecdh_seal_as(g, ref, clear, ret, f);
}

struct envelope {
        struct cw_span ref, body, kid;
};

/* The three string members of the top object; others are ignored. False when one is missing, twice, or
 * escaped. */
static bool read_envelope(struct cw_span wire, struct envelope *ret) {
        struct cw_json_scan s;
        cw_json_scan_init(&s, wire.ptr, wire.len);
        struct cw_span *wanted = NULL;
        for (;;) {
                char key[16];
                enum cw_json_token token = cw_json_scan_next(&s);
                if (token == CW_JSON_TOO_DEEP)
                        return false;
                if (token == CW_JSON_END)
                        return ret->ref.ptr && ret->body.ptr;
                if (token == CW_JSON_KEY && s.depth == 1) {
                        cw_json_scan_key(&s, key, sizeof key);
                        wanted = strcmp(key, "refno") == 0  ? &ret->ref
                                 : strcmp(key, "body") == 0 ? &ret->body
                                 : strcmp(key, "kid") == 0  ? &ret->kid
                                                            : NULL;
                        continue;
                }
                if (token == CW_JSON_STRING && wanted) {
                        if (wanted->ptr || memchr(wire.ptr + s.start, '\\', s.end - s.start))
                                return false;
                        *wanted = CW_SPAN(wire.ptr + s.start, s.end - s.start);
                }
                wanted = NULL;
        }
}

/* The key the answer names; any of ours when it names none. False: it is another's. */
static bool may_open(const struct cw_gateway_key *key, const struct envelope *e) {
        return !e->kid.ptr ||
               (e->kid.len == strlen(key->kid) && memcmp(e->kid.ptr, key->kid, e->kid.len) == 0);
}

static cw_rc check_envelope(const struct ecdh *g, const struct envelope *e, struct cw_fault *f) {
        bool digits = e->ref.len == REF_LEN, ours = false;
        for (size_t i = 0; digits && i < REF_LEN; i++)
                digits = e->ref.ptr[i] >= '0' && e->ref.ptr[i] <= '9';
        if (!digits)
                return cw_gateway_open_trouble(
                    f, "the encrypted answer's refNo is not 16 digits; check server.gateway with the "
                       "bank");
        for (size_t i = 0; i < g->keys.count; i++)
                ours = ours || may_open(&g->keys.at[i], e);
        if (!ours)
                return cw_gateway_open_trouble(
                    f, "the answer is encrypted under another key id; check server.gateway_kid, "
                       "gateway_previous_kid and the gateway keys with the bank");
        return CW_OK;
}

static bool open_with_either(const struct ecdh *g, const struct envelope *e, struct cw_span sealed,
                             uint8_t *clear) {
        for (size_t i = 0; i < g->keys.count; i++)
                if (may_open(&g->keys.at[i], e) &&
                    cw_gateway_gcm_open(&g->keys.at[i], e->ref.ptr, sealed, clear))
                        return true;
        return false;
}

static cw_rc ecdh_open(struct cw_gateway_codec *codec, struct cw_span wire, struct cw_secret **ret,
                       struct cw_fault *f) {
        struct ecdh *g = (struct ecdh *)codec;
        struct envelope e = {0};
        if (!read_envelope(wire, &e))
                return cw_fail(f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, OP ".open", CW_DCMS_CODE_GATEWAY,
                               "the answer is not an encrypted envelope; check server.gateway with the bank");
        cw_rc rc = check_envelope(g, &e, f);
        if (rc != CW_OK)
                return rc;
        size_t len = 0;
        CW_AUTO_MEM uint8_t *sealed = malloc(e.body.len + 1);
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        if (!sealed || cw_secret_new(e.body.len, &clear) != CW_OK)
                return cw_gateway_no_memory(f);
        if (!cw_b64_decode(CW_B64_STD, e.body.ptr, e.body.len, sealed, e.body.len, &len) || len < TAG_LEN)
                return cw_gateway_open_trouble(
                    f, "the encrypted answer's body is not Base64; check server.gateway with the bank");
        if (!open_with_either(g, &e, CW_SPAN(sealed, len), clear->ptr))
                return cw_gateway_open_trouble(
                    f, "the answer does not decrypt; check that the gateway keys of both sides belong "
                       "together");
        clear->len = len - TAG_LEN;
        *ret = CW_STEAL(clear);
        return CW_OK;
}

static void ecdh_free(struct cw_gateway_codec *codec) {
        struct ecdh *g = (struct ecdh *)codec;
        cw_gateway_keys_done(&g->keys);
        free(g);
}

cw_rc cw_gateway_ecdh_new(enum cw_gateway variant, const struct cw_gateway_pair *pairs, size_t count,
                          const struct cw_clock *clock, struct cw_gateway_codec **ret, struct cw_fault *f) {
        static const struct cw_gateway_ops ops_sha256 = {"static-ecdh-sha256", NULL, ecdh_seal, ecdh_open,
                                                         ecdh_free};
        static const struct cw_gateway_ops ops_hkdf = {"static-ecdh-hkdf", NULL, ecdh_seal, ecdh_open,
                                                       ecdh_free};
        bool hkdf = variant == CW_GATEWAY_ECDH_HKDF;
        struct cw_gateway_keys keys;
        cw_rc rc =
            cw_gateway_keys_agree(hkdf ? CW_GATEWAY_KDF_HKDF : CW_GATEWAY_KDF_SHA256, pairs, count, &keys, f);
        if (rc != CW_OK)
                return rc;
        struct ecdh *g = calloc(1, sizeof *g);
        if (!g) {
                cw_gateway_keys_done(&keys);
                return cw_gateway_no_memory(f);
        }
        *g = (struct ecdh){.base = {hkdf ? &ops_hkdf : &ops_sha256}, .clock = clock, .keys = keys};
        *ret = &g->base;
        return CW_OK;
}
