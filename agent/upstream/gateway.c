/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/gateway.h"

#include "agent/upstream/dcms.h"
#include "agent/upstream/rc.h"
#include "base/file.h"

#include <string.h>

#define PEM_MAX 65536u

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
        CW_AUTO(cw_secret_free) struct cw_secret *key = NULL;
        cw_rc rc = cw_credential_read(config->agent.credential_dir, server->gateway_key_credential, PEM_MAX,
                                      &key, f);
        if (rc != CW_OK)
                return rc;
        CW_AUTO_MEM char *peer = NULL;
        size_t peer_len = 0;
        rc = cw_file_read(server->gateway_peer_key_file, PEM_MAX, &peer, &peer_len, f);
        if (rc != CW_OK)
                return rc;
        return cw_gateway_ecdh_new(server->gateway, CW_SPAN(key->ptr, key->len),
                                   CW_SPAN((uint8_t *)peer, peer_len), server->gateway_kid, clock, ret, f);
}

void cw_gateway_free(struct cw_gateway_codec *g) {
        if (g)
                g->ops->free(g);
}
