/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field level: bodies stay JSON, the members named in server.gateway_fields carry Base64(IV16 | ciphertext |
 * tag16), the form the bank uses for single values. What a member held is opened in secret memory, before the
 * answer is masked and parsed.
 */
#include "agent/upstream/b64.h"
#include "agent/upstream/dcms.h"
#include "agent/upstream/gateway_key.h"
#include "agent/upstream/jsonscan.h"
#include "agent/upstream/rc.h"

#include <openssl/rand.h>
#include <string.h>

#define OP "gateway.field"
#define OVERHEAD (CW_GATEWAY_IV_LEN + CW_GATEWAY_TAG_LEN)
#define NAME_LEN 40u
#define FIELDS_MAX 16u
#define VALUE_MAX 512u /* longest value of one member, sealed */

struct field {
        struct cw_gateway_codec base;
        struct cw_gateway_keys keys;
        char names[FIELDS_MAX][NAME_LEN]; /* as cw_json_scan_key writes them */
        size_t name_count;
};

/* Text that is written while another is walked. */
struct rewrite {
        struct cw_json_scan scan;
        struct cw_span from;
        size_t copied; /* of from */
        struct cw_secret *to;
        bool wanted; /* the value that comes is one of ours */
};

static bool put(struct cw_secret *to, const void *p, size_t len) {
        if (to->cap - to->len < len)
                return false;
        memcpy(to->ptr + to->len, p, len);
        to->len += len;
        return true;
}

static bool named(const struct field *g, const char *key) {
        for (size_t i = 0; i < g->name_count; i++)
                if (strcmp(g->names[i], key) == 0)
                        return true;
        return false;
}

/* The next value of a named member; false at the end of the text. */
static bool next_value(const struct field *g, struct rewrite *r, enum cw_json_token *ret) {
        for (;;) {
                char key[NAME_LEN];
                enum cw_json_token token = cw_json_scan_next(&r->scan);
                if (token == CW_JSON_END || token == CW_JSON_TOO_DEEP)
                        return false;
                if (token == CW_JSON_KEY) {
                        cw_json_scan_key(&r->scan, key, sizeof key);
                        r->wanted = named(g, key);
                        continue;
                }
                bool value = r->wanted && (token == CW_JSON_STRING || token == CW_JSON_NUMBER);
                r->wanted = false;
                if (value) {
                        *ret = token;
                        return true;
                }
        }
}

/* Copies up to the value, then puts text instead of it; quotes go around it when the value had none. */
static bool replace(struct rewrite *r, enum cw_json_token token, const void *text, size_t len) {
        bool bare = token == CW_JSON_NUMBER;
        bool ok = put(r->to, r->from.ptr + r->copied, r->scan.start - r->copied) &&
                  (!bare || put(r->to, "\"", 1)) && put(r->to, text, len) && (!bare || put(r->to, "\"", 1));
        r->copied = r->scan.end;
        return ok;
}

/* Blanks after a number belong to its token. */
static size_t value_len(const struct rewrite *r) {
        size_t end = r->scan.end;
        while (end > r->scan.start && (r->from.ptr[end - 1] == ' ' || r->from.ptr[end - 1] == '\n' ||
                                       r->from.ptr[end - 1] == '\r' || r->from.ptr[end - 1] == '\t'))
                end--;
        return end - r->scan.start;
}

static bool begin(struct rewrite *r, struct cw_span from, size_t cap) {
        *r = (struct rewrite){.from = from};
        cw_json_scan_init(&r->scan, from.ptr, from.len);
        return cw_secret_new(cap, &r->to) == CW_OK;
}

static bool end(struct rewrite *r) {
        return put(r->to, r->from.ptr + r->copied, r->from.len - r->copied);
}

/* ---- seal ---- */

static bool seal_value(const struct field *g, const uint8_t *p, size_t len, char *ret, size_t cap,
                       size_t *ret_len) {
        CW_WIPED(uint8_t, sealed, VALUE_MAX);
        if (len + OVERHEAD > sizeof sealed || RAND_bytes(sealed, CW_GATEWAY_IV_LEN) != 1)
                return false;
        return cw_gateway_gcm_seal(&g->keys.at[0], sealed, CW_SPAN(p, len), sealed + CW_GATEWAY_IV_LEN) &&
               cw_b64_encode(CW_B64_STD, sealed, len + OVERHEAD, ret, cap, ret_len);
}

/* Each value grows by IV, tag and a third. */
static size_t sealed_room(const struct field *g, struct cw_span clear) {
        struct rewrite r = {.from = clear};
        cw_json_scan_init(&r.scan, clear.ptr, clear.len);
        enum cw_json_token token;
        size_t room = clear.len;
        while (next_value(g, &r, &token))
                room += CW_B64_SIZE(r.scan.end - r.scan.start + OVERHEAD) + 2;
        return room;
}

static cw_rc field_seal(struct cw_gateway_codec *codec, struct cw_span clear, struct cw_secret **ret,
                        struct cw_fault *f) {
        const struct field *g = (struct field *)codec;
        struct rewrite r;
        enum cw_json_token token;
        if (!begin(&r, clear, sealed_room(g, clear)))
                return cw_gateway_no_memory(f);
        CW_AUTO(cw_secret_free) struct cw_secret *wire = r.to;
        while (next_value(g, &r, &token)) {
                char text[CW_B64_SIZE(VALUE_MAX)];
                size_t n = 0, len = value_len(&r);
                const uint8_t *value = clear.ptr + r.scan.start;
                if (memchr(value, '\\', len) || !seal_value(g, value, len, text, sizeof text, &n) ||
                    !replace(&r, token, text, n))
                        return cw_fail(f, CW_UP(REJECT, CW_E_SYNTAX), 0, OP ".seal", CW_DCMS_CODE_GATEWAY,
                                       "a member that must be encrypted is too long or has characters that "
                                       "cannot be; check server.gateway_fields");
        }
        if (!end(&r))
                return cw_gateway_no_memory(f);
        *ret = CW_STEAL(wire);
        return CW_OK;
}

/* ---- open ---- */

enum opened { OPEN_CLEAR, OPEN_DONE, OPEN_WRONG };

static bool plain_text(const uint8_t *p, size_t len) {
        for (size_t i = 0; i < len; i++)
                if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\')
                        return false;
        return true;
}

/* What is no Base64 of enough bytes was never sealed: null, a masked number. */
static enum opened open_value(const struct field *g, const uint8_t *p, size_t len, uint8_t ret[VALUE_MAX],
                              size_t *ret_len) {
        CW_WIPED(uint8_t, sealed, VALUE_MAX);
        size_t n = 0;
        if (!cw_b64_decode(CW_B64_STD, p, len, sealed, sizeof sealed, &n) || n < OVERHEAD)
                return OPEN_CLEAR;
        for (size_t i = 0; i < g->keys.count; i++) {
                if (!cw_gateway_gcm_open(&g->keys.at[i], sealed,
                                         CW_SPAN(sealed + CW_GATEWAY_IV_LEN, n - CW_GATEWAY_IV_LEN), ret))
                        continue;
                *ret_len = n - OVERHEAD;
                return plain_text(ret, *ret_len) ? OPEN_DONE : OPEN_WRONG;
        }
        return OPEN_WRONG;
}

static cw_rc field_open(struct cw_gateway_codec *codec, struct cw_span wire, struct cw_secret **ret,
                        struct cw_fault *f) {
        const struct field *g = (struct field *)codec;
        struct rewrite r;
        enum cw_json_token token;
        if (!begin(&r, wire, wire.len))
                return cw_gateway_no_memory(f);
        CW_AUTO(cw_secret_free) struct cw_secret *clear = r.to;
        CW_WIPED(uint8_t, value, VALUE_MAX);
        while (next_value(g, &r, &token)) {
                size_t len = 0;
                enum opened opened = OPEN_CLEAR;
                if (token == CW_JSON_STRING)
                        opened =
                            open_value(g, wire.ptr + r.scan.start, r.scan.end - r.scan.start, value, &len);
                if (opened == OPEN_WRONG)
                        return cw_gateway_open_trouble(
                            f, "an encrypted member of the answer does not decrypt; check that the gateway "
                               "keys of both sides belong together");
                if (opened == OPEN_DONE && !replace(&r, token, value, len))
                        return cw_gateway_no_memory(f);
        }
        if (!end(&r))
                return cw_gateway_no_memory(f);
        *ret = CW_STEAL(clear);
        return CW_OK;
}

/* ---- begin and end ---- */

static void field_free(struct cw_gateway_codec *codec) {
        struct field *g = (struct field *)codec;
        cw_gateway_keys_done(&g->keys);
        free(g);
}

/* A list with commas, each name written as cw_json_scan_key writes keys. */
static bool read_names(struct field *g, const char *list) {
        while (*list) {
                size_t len = strcspn(list, ","), n = 0;
                if (g->name_count == FIELDS_MAX || len == 0)
                        return false;
                char *name = g->names[g->name_count++];
                for (size_t i = 0; i < len; i++) {
                        char c = list[i];
                        if (c == '_' || c == '-' || c == ' ')
                                continue;
                        if (n + 1 == NAME_LEN)
                                return false;
                        name[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
                }
                list += len + (list[len] == ',');
        }
        return g->name_count > 0;
}

cw_rc cw_gateway_field_new(const struct cw_gateway_pair *pairs, size_t count, const char *fields,
                           struct cw_gateway_codec **ret, struct cw_fault *f) {
        static const struct cw_gateway_ops ops = {"field-gcm", NULL, field_seal, field_open, field_free};
        CW_AUTO_MEM struct field *g = calloc(1, sizeof *g);
        if (!g)
                return cw_gateway_no_memory(f);
        g->base.ops = &ops;
        if (!read_names(g, fields))
                return cw_fail(f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, OP ".load", CW_DCMS_CODE_GATEWAY,
                               "server.gateway_fields must be 1 to %u member names with commas between",
                               FIELDS_MAX);
        cw_rc rc = cw_gateway_keys_agree(CW_GATEWAY_KDF_SHA256, pairs, count, &g->keys, f);
        if (rc != CW_OK)
                return rc;
        *ret = &CW_STEAL(g)->base;
        return CW_OK;
}
