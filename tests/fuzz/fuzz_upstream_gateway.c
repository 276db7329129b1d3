/* SPDX-License-Identifier: Apache-2.0 */
/* First byte: which codec. What comes over the wire never opens unless it was sealed with our key; and never
 * crashes. */
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

static struct cw_gateway_codec *codec(unsigned which) {
        static struct cw_gateway_codec *g[4];
        const struct cw_gateway_pair pair = {
            .own_pem = CW_SPAN((const uint8_t *)own_key, strlen(own_key)),
            .peer_pem = CW_SPAN((const uint8_t *)peer_key, strlen(peer_key)),
            .kid = "kid-1",
        };
        cw_rc rc = CW_OK;
        if (!g[which] && which == 0)
                rc = cw_gateway_ecdh_new(CW_GATEWAY_ECDH_SHA256, &pair, 1, cw_clock_real(), &g[0], NULL);
        else if (!g[which] && which == 1)
                rc = cw_gateway_jwe_new(&pair, 1, &g[1], NULL);
        else if (!g[which] && which == 3)
                rc = cw_gateway_opaque_new(CW_GATEWAY_ECDH_SHA256_OPAQUE, &pair, 1, &g[3], NULL);
        else if (!g[which])
                rc = cw_gateway_field_new(&pair, 1, "cardNumber,cvv", &g[2], NULL);
        if (rc != CW_OK)
                __builtin_trap();
        return g[which];
}

/* Own key and the gateway's are two different pairs: what we seal is not for us, except where both sides
 * agree on one secret. */
static void there_and_back(struct cw_gateway_codec *g, struct cw_span clear) {
        CW_AUTO(cw_secret_free) struct cw_secret *wire = NULL, *back = NULL;
        struct cw_fault f = {0};
        if (g->ops->seal(g, clear, &wire, &f) != CW_OK ||
            g->ops->open(g, CW_SPAN(wire->ptr, wire->len), &back, &f) != CW_OK || back->len != clear.len ||
            (clear.len && memcmp(back->ptr, clear.ptr, clear.len) != 0))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0 || size > 65536)
                return 0;
        unsigned which = data[0] % 4;
        struct cw_gateway_codec *g = codec(which);
        struct cw_span in = CW_SPAN(data + 1, size - 1);
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL, *wire = NULL;
        struct cw_fault f = {0};
        cw_rc rc = g->ops->open(g, in, &clear, &f);
        if (rc != CW_OK && f.text[0] == '\0')
                __builtin_trap();
        if (which == 0)
                there_and_back(g, in);
        else if (g->ops->seal(g, in, &wire, &f) != CW_OK && f.text[0] == '\0')
                __builtin_trap();
        return 0;
}
