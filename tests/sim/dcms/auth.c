/* SPDX-License-Identifier: Apache-2.0 */
#include "auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "crypto.h"
#include "text.h"

#define TOKEN_MAX 2048U

static const char TOKEN_GENERATION[] = "token_generation";

static void sign(const struct cw_dsim *sim, const char *text, size_t len, uint8_t mac[32]) {
        cw_dsim_hmac((const uint8_t *)sim->cfg.jwt_secret, strlen(sim->cfg.jwt_secret), text, len, mac);
}

/* Appends Base64url(text) and returns the new length. */
static size_t append_part(char *token, size_t len, const char *text) {
        cw_dsim_b64url_encode((const uint8_t *)text, strlen(text), token + len);
        return len + strlen(token + len);
}

static json_t *make_token(struct cw_dsim *sim, const struct cw_dsim_user *user, int64_t now_ms) {
        char token[TOKEN_MAX];
        uint8_t mac[32];
        int64_t iat = now_ms / 1000;
        CW_AUTO_JSON json_t *claims = json_pack(
            "{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "sub", user->name, "auth", "ROLE_BRANCH", "tenant",
            sim->cfg.tenant, "iat", (json_int_t)iat, "exp", (json_int_t)(iat + sim->cfg.jwt_ttl_s), "jti",
            (json_int_t)cw_dsim_store_add(sim->db, "token_serial", 1), "gen",
            (json_int_t)cw_dsim_store_get(sim->db, TOKEN_GENERATION));
        CW_AUTO_MEM char *text = json_dumps(claims, JSON_COMPACT);
        if (!text)
                abort();
        size_t len = append_part(token, 0, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
        token[len++] = '.';
        len = append_part(token, len, text);
        sign(sim, token, len, mac);
        token[len++] = '.';
        cw_dsim_b64url_encode(mac, sizeof mac, token + len);
        return json_string(token);
}

static const struct cw_dsim_user *find_user(const struct cw_dsim *sim, const char *name) {
        for (size_t i = 0; i < sim->cfg.user_count; i++)
                if (strcmp(sim->cfg.users[i].name, name) == 0)
                        return &sim->cfg.users[i];
        return NULL;
}

void cw_dsim_auth_authenticate(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim *sim = call->sim;
        const struct cw_dsim_user *user = find_user(sim, cw_dsim_body_text(call, "username", ""));
        const char *password = cw_dsim_body_text(call, "password", "");
        size_t len = strlen(password);
        if (!user || strlen(user->password) != len || CRYPTO_memcmp(user->password, password, len) != 0) {
                cw_dsim_refuse(&sim->cfg, reply, CW_DSIM_E_UNAUTHORIZED, "Invalid username or password");
                return;
        }
        reply->bare = true;
        reply->result = json_pack("{s:o}", "id_token", make_token(sim, user, call->now_ms));
}

static json_t *decode_part(const char *text, size_t len) {
        uint8_t raw[TOKEN_MAX];
        size_t raw_len = 0;
        if (!cw_dsim_b64url_decode(text, len, raw, sizeof raw, &raw_len))
                return NULL;
        return json_loadb((const char *)raw, raw_len, JSON_REJECT_DUPLICATES, NULL);
}

static bool signature_ok(const struct cw_dsim *sim, const char *token, const char *last_dot) {
        uint8_t mac[32];
        uint8_t sent[32];
        size_t sent_len = 0;
        sign(sim, token, (size_t)(last_dot - token), mac);
        return cw_dsim_b64url_decode(last_dot + 1, strlen(last_dot + 1), sent, sizeof sent, &sent_len) &&
               sent_len == sizeof mac && CRYPTO_memcmp(mac, sent, sizeof mac) == 0;
}

static bool string_is(const json_t *object, const char *name, const char *want) {
        const char *text = json_string_value(json_object_get(object, name));
        return text && strcmp(text, want) == 0;
}

/* Claims of a token whose form, algorithm and signature are right, else NULL. */
static json_t *open_token(const struct cw_dsim *sim, const char *token) {
        const char *first = strchr(token, '.');
        const char *last = strrchr(token, '.');
        if (!first || last == first || strlen(token) >= TOKEN_MAX ||
            memchr(first + 1, '.', (size_t)(last - first - 1)))
                return NULL;
        CW_AUTO_JSON json_t *header = decode_part(token, (size_t)(first - token));
        if (!string_is(header, "alg", "HS256") || !signature_ok(sim, token, last))
                return NULL;
        return decode_part(first + 1, (size_t)(last - first - 1));
}

const struct cw_dsim_user *cw_dsim_auth_check(struct cw_dsim *sim, const char *header, int64_t now_ms,
                                              const char **why) {
        *why = "no bearer token";
        if (!header || strncasecmp(header, "Bearer ", 7) != 0)
                return NULL;
        CW_AUTO_JSON json_t *claims = open_token(sim, header + 7);
        *why = "token invalid";
        if (!claims || !string_is(claims, "tenant", sim->cfg.tenant))
                return NULL;
        *why = "token expired";
        if (json_integer_value(json_object_get(claims, "exp")) <= now_ms / 1000 ||
            json_integer_value(json_object_get(claims, "gen")) !=
                cw_dsim_store_get(sim->db, TOKEN_GENERATION))
                return NULL;
        *why = "user unknown";
        const char *name = json_string_value(json_object_get(claims, "sub"));
        return name ? find_user(sim, name) : NULL;
}

bool cw_dsim_auth_allowed(const struct cw_dsim_user *user, const char *path) {
        return !user->allow || cw_dsim_json_has_string(user->allow, "*") ||
               cw_dsim_json_has_string(user->allow, path);
}

void cw_dsim_auth_expire_tokens(struct cw_dsim *sim) {
        (void)cw_dsim_store_add(sim->db, TOKEN_GENERATION, 1);
}

int cw_dsim_auth_rate(struct cw_dsim *sim, int64_t now_ms) {
        double per_ms = (double)sim->cfg.rate_per_s / 1000.0;
        double burst = (double)sim->cfg.rate_burst;
        if (sim->rate_at_ms == 0)
                sim->rate_tokens = burst;
        else if (now_ms > sim->rate_at_ms)
                sim->rate_tokens += (double)(now_ms - sim->rate_at_ms) * per_ms;
        if (sim->rate_tokens > burst)
                sim->rate_tokens = burst;
        sim->rate_at_ms = now_ms;
        if (sim->rate_tokens >= 1.0) {
                sim->rate_tokens -= 1.0;
                return 0;
        }
        return (int)((1.0 - sim->rate_tokens) / per_ms / 1000.0) + 1;
}
