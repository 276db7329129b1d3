/* SPDX-License-Identifier: Apache-2.0 */
/* What comes over the wire never opens unless it was sealed with our key; and never crashes. */
#include "agent/upstream/gateway.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char own_key[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXcq6/bNfzoZH3bx3\n"
                              "FgAEihEp2/F79QKftAXS5L2jNmuhRANCAASLExU/uUz6OFw01VJVPevTjFhZutMo\n"
                              "h2gb/RYDXF87hOmDBGUwSRP/TB0j2+PXn1wc+9EFDX8tEl2dQbz9iw3o\n"
                              "-----END PRIVATE KEY-----\n";
static const char peer_key[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyo8bdZqjfvhoPTpVSkMS/KgtZZJp\n"
                               "J0Upm0gYlN84yPbiJnMOd08GYOlKHQIWyqF6sHeP4y2vBqBlwYjkeukUHA==\n"
                               "-----END PUBLIC KEY-----\n";

static struct cw_gateway_codec *codec(void) {
        static struct cw_gateway_codec *g;
        struct cw_span own = CW_SPAN((const uint8_t *)own_key, strlen(own_key));
        struct cw_span peer = CW_SPAN((const uint8_t *)peer_key, strlen(peer_key));
        if (!g && cw_gateway_ecdh_new(CW_GATEWAY_ECDH_SHA256, own, peer, "kid-1", cw_clock_real(), &g,
                                      NULL) != CW_OK)
                __builtin_trap();
        return g;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct cw_gateway_codec *g = codec();
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL, *wire = NULL, *back = NULL;
        struct cw_fault f = {0};
        if (size > 65536)
                return 0;
        cw_rc rc = g->ops->open(g, CW_SPAN(data, size), &clear, &f);
        if (rc != CW_OK && f.text[0] == '\0')
                __builtin_trap();
        if (g->ops->seal(g, CW_SPAN(data, size), &wire, &f) != CW_OK ||
            g->ops->open(g, CW_SPAN(wire->ptr, wire->len), &back, &f) != CW_OK || back->len != size ||
            (size && memcmp(back->ptr, data, size) != 0))
                __builtin_trap();
        return 0;
}
