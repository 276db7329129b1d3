/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/jwt.h"

#include "agent/upstream/b64.h"
#include "agent/upstream/jsonscan.h"
#include "base/secret.h"

#include <string.h>

#define CLAIMS_MAX 4096

/* A NumericDate of plausible size: whole seconds, fraction dropped. -1 when it is none. */
static int64_t read_seconds(const uint8_t *p, size_t len) {
        int64_t v = 0;
        size_t i = 0;
        for (; i < len && i < 12 && p[i] >= '0' && p[i] <= '9'; i++)
                v = v * 10 + (p[i] - '0');
        return i > 0 && (i == len || p[i] == '.') ? v : -1;
}

/* exp and iat of the top object, -1 where absent. */
static void read_claims(const uint8_t *json, size_t len, int64_t *ret_exp, int64_t *ret_iat) {
        struct cw_json_scan s;
        cw_json_scan_init(&s, json, len);
        int64_t *wanted = NULL;
        for (;;) {
                char key[16];
                enum cw_json_token token = cw_json_scan_next(&s);
                if (token == CW_JSON_END || token == CW_JSON_TOO_DEEP)
                        return;
                if (token == CW_JSON_KEY && s.depth == 1) {
                        cw_json_scan_key(&s, key, sizeof key);
                        wanted = strcmp(key, "exp") == 0 ? ret_exp : strcmp(key, "iat") == 0 ? ret_iat : NULL;
                        continue;
                }
                if (token == CW_JSON_NUMBER && wanted)
                        *wanted = read_seconds(json + s.start, s.end - s.start);
                wanted = NULL;
        }
}

int64_t cw_jwt_life_ms(const void *token, size_t len, int64_t now_wall_ms) {
        const uint8_t *text = token;
        const uint8_t *first = len ? memchr(text, '.', len) : NULL;
        if (!first)
                return CW_JWT_LIFE_DEFAULT_MS;
        const uint8_t *claims = first + 1;
        const uint8_t *second = memchr(claims, '.', len - (size_t)(claims - text));
        size_t size = 0;
        CW_WIPED(uint8_t, json, CLAIMS_MAX);
        if (!second || !cw_b64_decode(CW_B64_URL, claims, (size_t)(second - claims), json, CLAIMS_MAX, &size))
                return CW_JWT_LIFE_DEFAULT_MS;
        int64_t exp = -1, iat = -1;
        read_claims(json, size, &exp, &iat);
        if (exp < 0)
                return CW_JWT_LIFE_DEFAULT_MS;
        int64_t life = iat >= 0 && iat < exp ? (exp - iat) * 1000 : exp * 1000 - now_wall_ms;
        if (life < 0)
                return 0;
        return life > CW_JWT_LIFE_MAX_MS ? CW_JWT_LIFE_MAX_MS : life;
}

int64_t cw_jwt_renew_after_ms(int64_t life_ms) {
        int64_t margin = life_ms / 10;
        if (margin > 60000)
                margin = 60000;
        return life_ms - margin;
}
