/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/gateway.h"

#include "agent/upstream/dcms.h"
#include "agent/upstream/rc.h"
#include "base/file.h"

#include <string.h>

#define PEM_MAX 65536u

/* One pair as read from its credential and file. */
struct loaded {
        struct cw_secret *own;
        char *peer;
        size_t peer_len;
};

/* A key directory of its own: what systemd loads as credentials stays as it was when the service started. */
static cw_rc load(const struct cw_config *config, const char *credential, const char *peer_file,
                  struct loaded *ret, struct cw_fault *f) {
        const char *dir = config->server.gateway_key_dir;
        cw_rc rc = dir[0]
                       ? cw_secret_file_read(dir, credential, PEM_MAX, &ret->own, f)
                       : cw_credential_read(config->agent.credential_dir, credential, PEM_MAX, &ret->own, f);
        return rc == CW_OK ? cw_file_read(peer_file, PEM_MAX, &ret->peer, &ret->peer_len, f) : rc;
}

static void unload(struct loaded l[CW_GATEWAY_PAIRS_MAX]) {
        for (size_t i = 0; i < CW_GATEWAY_PAIRS_MAX; i++) {
                cw_secret_free(l[i].own);
                free(l[i].peer);
        }
}

static cw_rc make(const struct cw_config_server *server, const struct loaded *l, size_t count,
                  const struct cw_clock *clock, struct cw_gateway_codec **ret, struct cw_fault *f) {
        const char *const kids[CW_GATEWAY_PAIRS_MAX] = {server->gateway_kid, server->gateway_previous_kid};
        struct cw_gateway_pair pairs[CW_GATEWAY_PAIRS_MAX];
        for (size_t i = 0; i < count; i++)
                pairs[i] = (struct cw_gateway_pair){.own_pem = CW_SPAN(l[i].own->ptr, l[i].own->len),
                                                    .peer_pem = CW_SPAN((uint8_t *)l[i].peer, l[i].peer_len),
                                                    .kid = kids[i]};
        switch (server->gateway) {
        case CW_GATEWAY_ECDH_SHA256:
        case CW_GATEWAY_ECDH_HKDF:
                return cw_gateway_ecdh_new(server->gateway, pairs, count, clock, ret, f);
        case CW_GATEWAY_ECDH_SHA256_OPAQUE:
        case CW_GATEWAY_ECDH_HKDF_OPAQUE:
                return cw_gateway_opaque_new(server->gateway, pairs, count, ret, f);
        case CW_GATEWAY_JWE:
                return cw_gateway_jwe_new(pairs, count, ret, f);
        case CW_GATEWAY_FIELD:
                return cw_gateway_field_new(pairs, count, server->gateway_fields, ret, f);
        case CW_GATEWAY_NONE:
                break;
        }
        *ret = NULL;
        return CW_OK;
}

cw_rc cw_gateway_new(const struct cw_config *config, const struct cw_clock *clock,
                     struct cw_gateway_codec **ret, struct cw_fault *f) {
        const struct cw_config_server *server = &config->server;
        if (server->gateway == CW_GATEWAY_NONE) {
                *ret = NULL;
                return CW_OK;
        }
        if (!server->gateway_key_credential[0] || !server->gateway_peer_key_file[0] ||
            !server->gateway_kid[0])
                return cw_fail(
                    f, CW_UP(OPERATOR, CW_E_MISSING), 0, "gateway.load", CW_DCMS_CODE_GATEWAY,
                    "server.gateway is on but its key credential, peer key file or key id is not set; set "
                    "them as agreed with the bank, or server.gateway to \"none\"");
        struct loaded l[CW_GATEWAY_PAIRS_MAX] = {0};
        size_t count = server->gateway_previous_kid[0] ? 2 : 1;
        cw_rc rc = load(config, server->gateway_key_credential, server->gateway_peer_key_file, &l[0], f);
        if (rc == CW_OK && count == 2)
                rc = load(config, server->gateway_previous_key_credential,
                          server->gateway_previous_peer_key_file, &l[1], f);
        if (rc == CW_OK)
                rc = make(server, l, count, clock, ret, f);
        unload(l);
        return rc;
}

void cw_gateway_free(struct cw_gateway_codec *g) {
        if (g)
                g->ops->free(g);
}
