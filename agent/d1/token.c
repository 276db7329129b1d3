/* SPDX-License-Identifier: Apache-2.0 */
/* The access token all calls share: RFC 7523, the assertion signed elsewhere; asked for when first needed. */
#include "agent/d1/internal.h"

#include "agent/upstream/mask.h"
#include "agent/upstream/rc.h"

#include <string.h>

#define OP "d1.token"
#define HOLD_MS 30000
#define LIFE_DEFAULT_S 900
#define LIFE_MAX_S 86400
#define MARGIN_S 60

bool cw_d1_token_ready(const struct cw_d1 *d) {
        return d->token && cw_mono_ns(d->clock) < d->token_renew_ns;
}

static void failed(struct cw_d1 *d, const struct cw_fault *f) {
        d->login_fault = *f;
        if (cw_rc_class(f->rc) != CW_C_RETRY && cw_rc_class(f->rc) != CW_C_RECONNECT)
                d->login_hold_ns = cw_mono_ns(d->clock) + HOLD_MS * INT64_C(1000000);
        cw_d1_ask_wake_all(d, f);
}

bool cw_d1_token_want(struct cw_d1 *d) {
        if (d->signing || d->login)
                return true;
        if (cw_mono_ns(d->clock) < d->login_hold_ns)
                return false;
        d->signing = true;
        d->signer.sign(d->signer.ctx, d);
        return true;
}

void cw_d1_token_drop(struct cw_d1 *d, uint64_t number) {
        if (!d->token || d->token_number != number)
                return;
        cw_secret_free(d->token);
        d->token = NULL;
}

void cw_d1_token_cancel(struct cw_d1 *d) {
        if (d->login)
                (void)cw_http_cancel(CW_STEAL(d->login));
        cw_secret_free(d->login_body);
        d->login_body = NULL;
        d->signing = false;
}

/* ---- the answer ---- */

static bool header_safe(const struct cw_secret *token) {
        for (size_t i = 0; i < token->len; i++)
                if (token->ptr[i] <= 0x20 || token->ptr[i] >= 0x7f)
                        return false;
        return token->len > 0;
}

static void granted(struct cw_d1 *d, struct cw_secret *take_token, const json_t *root) {
        int64_t life_s = json_integer_value(json_object_get(root, "expires_in"));
        if (life_s <= 0 || life_s > LIFE_MAX_S)
                life_s = LIFE_DEFAULT_S;
        int64_t use_s = life_s > 2 * MARGIN_S ? life_s - MARGIN_S : life_s / 2;
        cw_secret_free(d->token);
        d->token = take_token;
        d->token_number++;
        d->token_renew_ns = cw_mono_ns(d->clock) + use_s * INT64_C(1000000000);
        d->token_expires_ms = cw_wall_ms(d->clock) + life_s * 1000;
        d->login_hold_ns = 0;
        d->login_fault = (struct cw_fault){0};
        cw_d1_ask_wake_all(d, NULL);
}

/* Refused here is for a person: the key, its kid, the issuer or the clock is wrong. */
static void refused(struct cw_d1_answer *a) {
        struct cw_fault f;
        (void)cw_fail(
            &f, CW_UP(OPERATOR, CW_E_DENIED), a->fault.native, OP, CW_D1_CODE_DENIED,
            "D1 gives no access token; check d1.sign_kid, issuer_id and this machine's clock (%.120s)",
            a->fault.text);
        a->verdict = CW_D1_PERSON;
        a->fault = f;
}

static void on_answer(void *ctx, struct cw_http_result *http) {
        struct cw_d1 *d = ctx;
        struct cw_d1_answer a;
        CW_AUTO(cw_secret_free) struct cw_secret *token = NULL;
        d->login = NULL;
        cw_secret_free(d->login_body);
        d->login_body = NULL;
        bool there = http->rc == CW_OK &&
                     cw_mask_take(http->body->ptr, http->body->len, "accesstoken", &token) == CW_OK;
        cw_d1_answer_read(http, "the token request", &a);
        if (a.verdict == CW_D1_REFUSED || a.verdict == CW_D1_LOGIN)
                refused(&a);
        if (a.verdict == CW_D1_OK && (!there || !header_safe(token))) {
                a.verdict = CW_D1_PERSON;
                (void)cw_fail(&a.fault, CW_UP(OPERATOR, CW_E_SYNTAX), http->status, OP, CW_D1_CODE_BAD_ANSWER,
                              "D1's token answer has no access_token that a header can carry");
        }
        cw_d1_note(d, http, &a);
        if (a.verdict == CW_D1_OK)
                granted(d, CW_STEAL(token), a.root);
        else
                failed(d, &a.fault);
        cw_d1_answer_done(&a);
}

/* ---- the request ---- */

static cw_rc make_body(struct cw_d1 *d, const struct cw_secret *assertion) {
        static const char head[] =
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        cw_rc rc = cw_secret_new(sizeof head + assertion->len, &d->login_body);
        if (rc != CW_OK)
                return rc;
        memcpy(d->login_body->ptr, head, sizeof head - 1);
        /* base64url and dots: nothing to escape */
        memcpy(d->login_body->ptr + sizeof head - 1, assertion->ptr, assertion->len);
        d->login_body->len = sizeof head - 1 + assertion->len;
        return CW_OK;
}

static cw_rc send_request(struct cw_d1 *d, const struct cw_secret *assertion, struct cw_fault *f) {
        char url[CW_D1_URL_CAP];
        (void)snprintf(url, sizeof url, "%s/oauth2/token", d->token_url);
        if (make_body(d, assertion) != CW_OK)
                return cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, OP, "", "no memory for a token request");
        const struct cw_http_request request = {
            .method = "POST",
            .url = url,
            .content_type = "application/x-www-form-urlencoded",
            .body = CW_SPAN(d->login_body->ptr, d->login_body->len),
            .connect_timeout_ms = d->config->d1.connect_timeout_ms,
            .timeout_ms = d->config->d1.timeout_ms,
        };
        return cw_http_start(d->http, &request, on_answer, d, &d->login, f);
}

void cw_d1_signed(struct cw_d1 *d, cw_rc rc, const struct cw_fault *f, const struct cw_secret *assertion) {
        struct cw_fault own = {0};
        if (!d->signing || d->closing)
                return;
        d->signing = false;
        if (rc == CW_OK)
                rc = send_request(d, assertion, &own);
        else
                own = *f;
        if (rc != CW_OK)
                failed(d, &own);
}
