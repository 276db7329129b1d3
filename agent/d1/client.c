/* SPDX-License-Identifier: Apache-2.0 */
/* Birth, death and health of the client. */
#include "agent/d1/internal.h"

#include "agent/upstream/dcms.h"
#include "agent/upstream/rc.h"

#include <string.h>
#include <sys/random.h>

#define OP "d1.new"

uint32_t cw_d1_random(void) {
        uint32_t n = 0;
        if (getrandom(&n, sizeof n, 0) != (ssize_t)sizeof n)
                n = 0;
        return n;
}

/* Without trailing slash; https, no user, query or fragment. */
static bool take_url(const char *url, char *ret, size_t cap) {
        size_t len = strlen(url);
        while (len > 0 && url[len - 1] == '/')
                len--;
        if (strncmp(url, "https://", 8) != 0 || len <= 8 || len >= cap || strpbrk(url + 8, "?#@\\ \t\r\n"))
                return false;
        memcpy(ret, url, len);
        ret[len] = '\0';
        return true;
}

static cw_rc load(struct cw_d1 *d, struct cw_fault *f) {
        const struct cw_config_d1 *c = &d->config->d1;
        const struct cw_tls_files files = {"d1", c->ca_file, c->client_cert_file, c->client_key_credential,
                                           d->config->agent.credential_dir};
        if (!take_url(c->url, d->url, sizeof d->url) ||
            !take_url(c->token_url, d->token_url, sizeof d->token_url))
                return cw_fail(
                    f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, OP, "",
                    "d1.url and d1.token_url must be https://host[:port]/path without user or query");
        if (strlen(c->issuer_id) != 10)
                return cw_fail(f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, OP, "",
                               "d1.issuer_id must have 10 characters");
        cw_rc rc = cw_tls_new(&files, &d->tls, f);
        return rc != CW_OK ? rc : cw_http_new(d->loop, d->clock, d->tls, &d->http, f);
}

cw_rc cw_d1_new(struct cw_loop *loop, const struct cw_config *config, const struct cw_clock *clock,
                const struct cw_d1_signer *signer, struct cw_d1 **ret, struct cw_fault *f) {
        cw_dcms_process_init();
        CW_AUTO(cw_d1_free) struct cw_d1 *d = calloc(1, sizeof *d);
        if (!d)
                return cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, OP, "", "no memory");
        d->loop = loop;
        d->config = config;
        d->clock = clock;
        d->signer = *signer;
        cw_rc rc = load(d, f);
        if (rc != CW_OK)
                return rc;
        *ret = CW_STEAL(d);
        return CW_OK;
}

void cw_d1_free(struct cw_d1 *d) {
        if (!d)
                return;
        d->closing = true;
        while (d->calls)
                cw_d1_call_cancel(d->calls);
        cw_d1_token_cancel(d);
        while (d->asks)
                (void)cw_d1_ask_cancel(d->asks);
        cw_http_free(d->http);
        cw_tls_free(d->tls);
        cw_secret_free(d->token);
        free(d);
}

void cw_d1_note(struct cw_d1 *d, const struct cw_http_result *http, const struct cw_d1_answer *a) {
        struct cw_d1_health *h = &d->health;
        if (http->rc == CW_OK)
                h->last_contact_ms = cw_wall_ms(d->clock);
        if (a->verdict == CW_D1_PERSON || a->verdict == CW_D1_LOGIN)
                h->state = CW_D1_NEEDS_PERSON;
        else
                h->state = http->rc == CW_OK ? CW_D1_ONLINE : CW_D1_OFFLINE;
        bool fine = a->verdict == CW_D1_OK || a->verdict == CW_D1_REFUSED;
        h->last_fault = (struct cw_fault){.rc = CW_OK};
        if (!fine)
                h->last_fault = a->fault;
}

void cw_d1_health(const struct cw_d1 *d, struct cw_d1_health *ret) {
        *ret = d->health;
        ret->token_held = d->token != NULL;
        ret->token_expires_ms = d->token ? d->token_expires_ms : 0;
        ret->server_cert_end_ms = cw_tls_server_end_ms(d->tls);
        ret->client_cert_end_ms = cw_tls_client_end_ms(d->tls);
        /* A refused signature never became an exchange. */
        if (d->login_fault.rc != CW_OK)
                ret->last_fault = d->login_fault;
}

const char *cw_d1_state_name(enum cw_d1_state state) {
        static const char *const names[] = {"untried", "online", "offline", "needs-person"};
        return names[state];
}

const char *cw_d1_status_name(enum cw_d1_status status) {
        static const char *const names[] = {"OTHER", "PENDING", "SUCCESSFUL", "FAILED"};
        return names[status];
}
