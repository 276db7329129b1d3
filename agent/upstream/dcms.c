/* SPDX-License-Identifier: Apache-2.0 */
/* Birth and death of the client. */
#include "agent/upstream/client.h"

#include "agent/upstream/rc.h"
#include "base/file.h"

#include <string.h>
#include <sys/random.h>

#define PASSWORD_MAX 4096u

cw_rc cw_dcms_request_id(char ret[CW_DCMS_REQUEST_ID_LEN + 1]) {
        uint8_t b[16];
        if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
                return CW_UP(RETRY, CW_E_IO);
        b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
        b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
        const char *digits = "0123456789abcdef";
        char *at = ret;
        for (size_t i = 0; i < sizeof b; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *at++ = '-';
                *at++ = digits[b[i] >> 4];
                *at++ = digits[b[i] & 15];
        }
        *at = '\0';
        return CW_OK;
}

static bool printable(const char *text) {
        for (; *text; text++)
                if (*text <= 0x20 || *text >= 0x7f)
                        return false;
        return true;
}

static cw_rc read_url(struct cw_dcms *d, struct cw_fault *f) {
        const struct cw_config_server *s = &d->config->server;
        size_t len = strlen(s->url);
        while (len > 0 && s->url[len - 1] == '/')
                len--;
        const char *host = s->url + strlen("https://");
        if (strncmp(s->url, "https://", 8) != 0 || len <= 8 || len >= sizeof d->url || !printable(s->url) ||
            strpbrk(host, "?#@\\"))
                return cw_fail(f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, "dcms.new", "",
                               "server.url must be https://host[:port]/path without user, query or fragment");
        if (!s->tenant[0] || strlen(s->tenant) > 128 || !printable(s->tenant))
                return cw_fail(
                    f, CW_UP(OPERATOR, CW_E_SYNTAX), 0, "dcms.new", "",
                    "server.tenant must be 1 to 128 printable characters without blanks, as given by the "
                    "bank");
        (void)snprintf(d->url, sizeof d->url, "%.*s", (int)len, s->url);
        return CW_OK;
}

static cw_rc read_password(struct cw_dcms *d, struct cw_fault *f) {
        const struct cw_config_server *s = &d->config->server;
        if (!s->username[0] || !s->password_credential[0])
                return cw_fail(
                    f, CW_UP(OPERATOR, CW_E_MISSING), 0, "dcms.new", CW_DCMS_CODE_CREDENTIALS,
                    "server.username or server.password_credential is not set; set both as given by the "
                    "bank");
        return cw_credential_read(d->config->agent.credential_dir, s->password_credential, PASSWORD_MAX,
                                  &d->password, f);
}

/* What a start-up finds wrong is for a person, whatever layer found it; only memory may come back by itself.
 */
static cw_rc for_a_person(cw_rc rc, struct cw_fault *f) {
        if (rc == CW_OK || cw_rc_class(rc) == CW_C_RETRY || cw_rc_class(rc) == CW_C_FATAL)
                return rc;
        cw_rc person = CW_RC(cw_rc_layer(rc), CW_C_OPERATOR, rc & 0xffffu);
        if (f)
                f->rc = person;
        return person;
}

bool cw_dcms_keys_differ(const struct cw_fault *f) {
        return f->rc == CW_UP(OPERATOR, CW_E_MISMATCH) &&
               (strcmp(f->code, CW_DCMS_CODE_GATEWAY) == 0 ||
                strcmp(f->code, CW_DCMS_CODE_GATEWAY_REFUSED) == 0);
}

static cw_rc load_gateway(struct cw_dcms *d, struct cw_fault *f) {
        struct cw_gateway_codec *codec = NULL;
        cw_rc rc = cw_gateway_new(d->config, d->clock, &codec, f);
        return rc == CW_OK && codec ? cw_gateway_rotation_new(codec, d->clock, &d->gateway, f) : rc;
}

cw_rc cw_dcms_gateway_reload(struct cw_dcms *d, const struct cw_config *fresh, struct cw_fault *f) {
        struct cw_gateway_codec *codec = NULL;
        if (fresh->server.gateway != d->config->server.gateway)
                return cw_fail(f, CW_UP(OPERATOR, CW_E_STATE), 0, "gateway.reload", CW_DCMS_CODE_GATEWAY,
                               "server.gateway cannot change while the agent runs, only its keys; restart "
                               "cardwrightd");
        cw_rc rc = cw_gateway_new(fresh, d->clock, &codec, f);
        if (rc == CW_OK && codec)
                rc = cw_gateway_rotation_take(d->gateway, codec, f);
        if (rc == CW_OK)
                d->login_hold_ns = 0;
        return for_a_person(rc, f);
}

static cw_rc load(struct cw_dcms *d, struct cw_fault *f) {
        const struct cw_config_server *s = &d->config->server;
        const struct cw_tls_files files = {"server", s->ca_file, s->client_cert_file,
                                           s->client_key_credential, d->config->agent.credential_dir};
        cw_rc rc = read_url(d, f);
        if (rc == CW_OK)
                rc = read_password(d, f);
        if (rc == CW_OK)
                rc = cw_tls_new(&files, &d->tls, f);
        if (rc == CW_OK)
                rc = load_gateway(d, f);
        if (rc == CW_OK)
                rc = cw_http_new(d->loop, d->clock, d->tls, &d->http, f);
        return for_a_person(rc, f);
}

cw_rc cw_dcms_new(struct cw_loop *loop, const struct cw_config *config, const struct cw_clock *clock,
                  struct cw_dcms **ret, struct cw_fault *f) {
        cw_dcms_process_init();
        CW_AUTO(cw_dcms_free) struct cw_dcms *d = calloc(1, sizeof *d);
        if (!d)
                return cw_fail(f, CW_UP(RETRY, CW_E_NOMEM), 0, "dcms.new", "", "no memory");
        d->loop = loop;
        d->clock = clock;
        d->config = config;
        cw_rc rc = load(d, f);
        if (rc != CW_OK)
                return rc;
        *ret = CW_STEAL(d);
        return CW_OK;
}

void cw_dcms_free(struct cw_dcms *d) {
        if (!d)
                return;
        d->closing = true;
        while (d->calls)
                cw_call_cancel(d->calls);
        cw_guard_cancel_all(d);
        cw_http_free(d->http);
        cw_gateway_free(d->gateway);
        cw_tls_free(d->tls);
        cw_secret_free(d->password);
        cw_secret_free(d->token);
        free(d);
}
