/* SPDX-License-Identifier: Apache-2.0 */
/* Which call a request is, who may make it, and the token. */
#include "d1sim.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

int64_t d1sim_now_ms(void) {
        struct timespec ts;
        (void)clock_gettime(CLOCK_REALTIME, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const char *d1sim_text(const json_t *object, const char *name) {
        const char *text = json_string_value(json_object_get(object, name));
        return text ? text : "";
}

int64_t d1sim_number(const json_t *object, const char *name, int64_t fallback) {
        const json_t *v = json_object_get(object, name);
        return json_is_integer(v) ? json_integer_value(v) : fallback;
}

void d1sim_error(struct d1sim_out *out, int status, const char *code, const char *text) {
        out->status = status;
        json_decref(out->body);
        out->body = *code ? json_pack("{s:s, s:s}", "errorCode", code, "error", text)
                          : json_pack("{s:s}", "error", text);
}

/* ---- routes ---- */

static bool ends_with(const char *path, const char *tail) {
        size_t n = strlen(path), t = strlen(tail);
        return n >= t && strcasecmp(path + n - t, tail) == 0; /* the guide spells one path in lower case */
}

enum d1sim_call d1sim_call_of(const struct d1sim_in *in) {
        bool post = strcmp(in->method, "POST") == 0, get = strcmp(in->method, "GET") == 0;
        if (strncmp(in->path, "/_sim/", 6) == 0)
                return D1SIM_SIM;
        if (post && strcmp(in->path, "/authz/v1/oauth2/token") == 0)
                return D1SIM_TOKEN;
        if (strncasecmp(in->path, "/banking/v1/issuers/", 20) != 0)
                return D1SIM_UNKNOWN;
        if (get && ends_with(in->path, "/productionStatus"))
                return D1SIM_STATUS;
        if (post && ends_with(in->path, "/physicalCards/operations:production"))
                return D1SIM_BATCH;
        return post && ends_with(in->path, "/operations:production") ? D1SIM_ORDER : D1SIM_UNKNOWN;
}

/* ---- token ---- */

/* The value of a form member, as it stands; members of this form need no unescaping but grant_type. */
static bool form_value(const char *body, const char *name, char *ret, size_t cap) {
        size_t n = strlen(name);
        for (const char *p = body; *p; p += strcspn(p, "&") + (p[strcspn(p, "&")] == '&')) {
                size_t len = strcspn(p, "&");
                if (len > n && p[n] == '=' && strncmp(p, name, n) == 0 && len - n - 1 < cap) {
                        (void)snprintf(ret, cap, "%.*s", (int)(len - n - 1), p + n + 1);
                        return true;
                }
        }
        return false;
}

static const char *check_claims(struct d1sim *s, const json_t *claims) {
        const char *issuer = d1sim_text(s->config, "issuer_id"), *jti = d1sim_text(claims, "jti");
        int64_t now = d1sim_now_ms() / 1000, exp = d1sim_number(claims, "exp", 0);
        const char *audience = d1sim_text(s->config, "audience");
        if (strcmp(d1sim_text(claims, "iss"), issuer) != 0 || strcmp(d1sim_text(claims, "sub"), issuer) != 0)
                return "iss and sub must be the issuer id";
        if (exp <= now || exp > now + 15 * 60)
                return "exp must be within 15 minutes";
        if (*audience && strcmp(d1sim_text(claims, "aud"), audience) != 0)
                return "aud is wrong";
        if (*jti && d1sim_int(s, "SELECT count(*) FROM assertion WHERE jti = ?1", "t", jti) > 0)
                return "the assertion was used before";
        if (*jti)
                d1sim_run(s, "INSERT INTO assertion VALUES(?1)", "t", jti);
        return NULL;
}

static void token(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out) {
        static const char grant[] = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        char assertion[4096], type[128], text[64];
        const char *why = "content type";
        if (strncmp(in->type, "application/x-www-form-urlencoded", 33) != 0 ||
            !form_value(in->body, "grant_type", type, sizeof type) || strcasecmp(type, grant) != 0 ||
            !form_value(in->body, "assertion", assertion, sizeof assertion)) {
                d1sim_error(out, 400, "invalid_request", "grant_type or assertion");
                return;
        }
        CW_AUTO_JSON json_t *claims =
            d1sim_jwt_open(json_object_get(s->config, "assertion_keys"), assertion, &why);
        why = claims ? check_claims(s, claims) : why;
        if (why) {
                d1sim_error(out, 400, "invalid_grant", why);
                return;
        }
        int64_t ttl = d1sim_number(s->config, "token_ttl_s", 900);
        (void)snprintf(text, sizeof text, "d1.%lld.%lld", (long long)d1sim_now_ms(),
                       (long long)++s->calls[D1SIM_UNKNOWN]);
        d1sim_run(s, "INSERT INTO token VALUES(?1, ?2)", "ti", text, d1sim_now_ms() + ttl * 1000);
        out->status = 200;
        out->body = json_pack("{s:s, s:I, s:s, s:s}", "access_token", text, "expires_in", (json_int_t)ttl,
                              "scope", "d1-api:account:full", "token_type", "Bearer");
}

/* ---- the gate before the card calls ---- */

static bool token_good(struct d1sim *s, const struct d1sim_in *in) {
        return strncmp(in->authorization, "Bearer ", 7) == 0 &&
               d1sim_int(s, "SELECT count(*) FROM token WHERE token = ?1 AND ends_ms > ?2", "ti",
                         in->authorization + 7, d1sim_now_ms()) == 1;
}

static bool admitted(struct d1sim *s, const struct d1sim_in *in, enum d1sim_call call,
                     struct d1sim_out *out) {
        char issuer[16];
        if (!token_good(s, in)) {
                d1sim_error(out, 401, "", "AUTHORIZER_UNAUTHORIZED");
                return false;
        }
        (void)snprintf(issuer, sizeof issuer, "%.*s", (int)strcspn(in->path + 20, "/"), in->path + 20);
        if (strcmp(issuer, d1sim_text(s->config, "issuer_id")) != 0)
                d1sim_error(out, 403, "FORBIDDEN", "issuerId");
        else if (*in->correlation_id && !d1sim_is_id(in->correlation_id, 64))
                d1sim_error(out, 400, "FIELD_INVALID_FORMAT", "x-correlation-id");
        else if (call != D1SIM_STATUS && strncmp(in->type, "application/json", 16) != 0)
                d1sim_error(out, 415, "", "content type");
        else
                return true;
        return false;
}

static void work(struct d1sim *s, enum d1sim_call call, const struct d1sim_in *in, struct d1sim_out *out) {
        if (call != D1SIM_TOKEN && call != D1SIM_UNKNOWN && !*in->correlation_id)
                s->uncorrelated++;
        if (call == D1SIM_TOKEN)
                token(s, in, out);
        else if (call == D1SIM_UNKNOWN)
                d1sim_error(out, 404, "", "no such path");
        else if (admitted(s, in, call, out)) {
                if (call == D1SIM_ORDER)
                        d1sim_order(s, in, out);
                else if (call == D1SIM_BATCH)
                        d1sim_batch(s, in, out);
                else
                        d1sim_status(s, in, out);
        }
}

/* A fault in place of the work, or after it. */
static void with_fault(struct d1sim *s, enum d1sim_call call, const struct d1sim_in *in,
                       struct d1sim_out *out) {
        const struct d1sim_fault *f = &out->fault;
        if (f->expire_token)
                d1sim_run(s, "DELETE FROM token", "");
        if (f->drop_before)
                return;
        if (!f->status || f->after_commit)
                work(s, call, in, out);
        if (f->status)
                d1sim_error(out, f->status, "", "a scripted fault");
}

void d1sim_answer(struct d1sim *s, const struct d1sim_in *in, struct d1sim_out *out) {
        enum d1sim_call call = d1sim_call_of(in);
        (void)pthread_mutex_lock(&s->lock);
        if (call == D1SIM_SIM) {
                d1sim_side(s, in, out);
        } else {
                if (call != D1SIM_UNKNOWN)
                        s->calls[call]++;
                out->faulty = d1sim_fault_hits(s, call, &out->fault);
                if (out->faulty)
                        with_fault(s, call, in, out);
                else
                        work(s, call, in, out);
        }
        (void)pthread_mutex_unlock(&s->lock);
}
