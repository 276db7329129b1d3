/* SPDX-License-Identifier: Apache-2.0 */
/* The token all calls share: asked for when first needed, renewed before its end, once again after a 401. */
#include "agent/upstream/client.h"

#include "agent/upstream/jwt.h"
#include "agent/upstream/rc.h"

#include <string.h>

#define LOGIN_HOLD_MS 30000
#define KEYS_HOLD_MS 2000 /* no account is locked for a login that cannot be opened */

bool cw_session_ready(const struct cw_dcms *d) {
        return d->token && cw_mono_ns(d->clock) < d->token_renew_ns;
}

static void start_login(struct cw_dcms *d) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_LOGIN);
        cw_request_text(&r, "username", d->config->server.username);
        cw_request_secret(&r, "password", d->password);
        /* Without memory the waiting calls are told at their next timer. */
        d->login = cw_call_new(d, &r, NULL, NULL, NULL);
}

void cw_session_wait(struct cw_call *c, bool force) {
        struct cw_dcms *d = c->d;
        c->state = CW_CALL_TOKEN;
        if (d->login)
                return;
        if (!force && cw_mono_ns(d->clock) < d->login_hold_ns) {
                c->fault = d->login_fault;
                cw_call_wake(c, CW_CALL_FAILED);
                return;
        }
        start_login(d);
        if (!d->login) {
                (void)cw_fail(&c->fault, CW_UP(RETRY, CW_E_NOMEM), 0, "authenticate", "",
                              "no memory to log in");
                cw_call_wake(c, CW_CALL_FAILED);
        }
}

void cw_session_drop(struct cw_dcms *d, uint64_t token_number) {
        if (!d->token || d->token_number != token_number)
                return;
        cw_secret_free(d->token);
        d->token = NULL;
        d->token_expires_ms = 0;
}

static bool header_safe(const struct cw_secret *token) {
        for (size_t i = 0; i < token->len; i++)
                if (token->ptr[i] <= 0x20 || token->ptr[i] >= 0x7f)
                        return false;
        return true;
}

/* A call that only asked for the login has its answer; the others start. */
static void wake_waiting(struct cw_dcms *d, const struct cw_fault *f) {
        for (struct cw_call *c = d->calls; c; c = c->next) {
                if (c->state != CW_CALL_TOKEN)
                        continue;
                if (f)
                        c->fault = *f;
                if (!f && c->e->id == CW_DCMS_EP_LOGIN)
                        c->fault = (struct cw_fault){.rc = CW_OK};
                cw_call_wake(c, f || c->e->id == CW_DCMS_EP_LOGIN ? CW_CALL_FAILED : CW_CALL_START);
        }
}

void cw_session_granted(struct cw_call *login, struct cw_secret *take_token) {
        struct cw_dcms *d = login->d;
        d->login = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *token = take_token;
        if (!header_safe(token)) {
                struct cw_fault f;
                (void)cw_fail(
                    &f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, "authenticate", CW_DCMS_CODE_BAD_ANSWER,
                    "the server's token has characters a header cannot carry; report it to the bank");
                wake_waiting(d, &f);
                return;
        }
        int64_t life_ms = cw_jwt_life_ms(token->ptr, token->len, cw_wall_ms(d->clock));
        cw_secret_free(d->token);
        d->token = CW_STEAL(token);
        d->token_number++;
        /* A token that seems over already is used once: the clocks of both sides may differ. */
        int64_t renew_ms = cw_jwt_renew_after_ms(life_ms);
        if (renew_ms < 1000)
                renew_ms = 1000;
        d->token_renew_ns = cw_mono_ns(d->clock) + renew_ms * 1000000;
        d->token_expires_ms = cw_wall_ms(d->clock) + life_ms;
        d->login_hold_ns = 0;
        wake_waiting(d, NULL);
}

void cw_session_refused(struct cw_call *login, const struct cw_fault *f) {
        struct cw_dcms *d = login->d;
        d->login = NULL;
        d->login_fault = *f;
        int64_t hold_ms = cw_dcms_keys_differ(f) ? KEYS_HOLD_MS : LOGIN_HOLD_MS;
        if (cw_rc_class(f->rc) != CW_C_RETRY)
                d->login_hold_ns = cw_mono_ns(d->clock) + hold_ms * 1000000;
        wake_waiting(d, f);
}
