/* SPDX-License-Identifier: Apache-2.0 */
#include "config_gateway.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "crypto.h"
#include "text.h"

/* What all pairs share. */
struct agreement {
        const char *config_path;
        int kdf;
        char info[64];
};

static bool beside(const char *config_path, const char *name, char *out, size_t size) {
        char copy[PATH_MAX];
        if (name[0] == '/')
                return cw_dsim_copy(out, size, name);
        if (!cw_dsim_copy(copy, sizeof copy, config_path))
                return false;
        int n = snprintf(out, size, "%s/%s", dirname(copy), name);
        return n > 0 && (size_t)n < size;
}

static EVP_PKEY *read_key(struct cw_dsim_section s, const struct agreement *a, const char *key,
                          bool private_key) {
        char name[512] = "";
        char path[PATH_MAX] = "";
        cw_dsim_section_text(s, key, NULL, name, sizeof name);
        EVP_PKEY *p256 =
            beside(a->config_path, name, path, sizeof path) ? cw_dsim_read_p256(path, private_key) : NULL;
        if (!p256)
                cw_dsim_section_bad(s, key,
                                    private_key ? "is not a P-256 private key in PEM"
                                                : "is not a P-256 public key in PEM");
        return p256;
}

static void read_pair(struct cw_dsim_gateway_pair *pair, struct cw_dsim_section s,
                      const struct agreement *a) {
        uint8_t x[32];
        cw_dsim_section_text(s, "kid", "gw-1", pair->kid, sizeof pair->kid);
        pair->own = read_key(s, a, "private_key_file", true);
        pair->peer = read_key(s, a, "peer_public_key_file", false);
        if (!pair->own || !pair->peer)
                return;
        bool ok = cw_dsim_ecdh(pair->own, pair->peer, x);
        if (ok && a->kdf == 0)
                cw_dsim_sha256(x, sizeof x, pair->key);
        else if (ok)
                ok = cw_dsim_hkdf(x, sizeof x, a->info, pair->key);
        if (!ok)
                cw_dsim_section_bad(s, "private_key_file", "the keys do not agree on a secret");
        OPENSSL_cleanse(x, sizeof x);
}

static void read_pairs(struct cw_dsim_gateway_config *g, struct cw_dsim_section s,
                       const struct agreement *a) {
        static const char *const keys[] = {"kid", "private_key_file", "peer_public_key_file", NULL};
        read_pair(&g->pairs[0], s, a);
        g->pair_count = 1;
        if (!json_object_get(s.object, "previous"))
                return;
        struct cw_dsim_section previous = cw_dsim_section_open(s, "previous");
        cw_dsim_section_keys(previous, keys);
        read_pair(&g->pairs[1], previous, a);
        g->pair_count = 2;
}

void cw_dsim_config_gateway(struct cw_dsim_gateway_config *g, struct cw_dsim_section top,
                            const char *config_path) {
        static const char *const keys[] = {"codec",       "kid",
                                           "kdf",         "hkdf_info",
                                           "fields",      "private_key_file",
                                           "previous",    "peer_public_key_file",
                                           "answer_with", "refuse_in_clear",
                                           NULL};
        static const char *const codecs[] = {"none", "refno-envelope", "opaque", "jwe", "field-gcm", NULL};
        static const char *const kdfs[] = {"sha256", "hkdf-sha256", NULL};
        static const char *const answers[] = {"newest", "previous", "alternate", NULL};
        struct cw_dsim_section s = cw_dsim_section_open(top, "gateway");
        struct agreement a = {.config_path = config_path};
        cw_dsim_section_keys(s, keys);
        g->codec = (enum cw_dsim_codec)cw_dsim_section_choice(s, "codec", codecs);
        g->answer_with = (enum cw_dsim_answer_with)cw_dsim_section_choice(s, "answer_with", answers);
        g->refuse_in_clear = cw_dsim_section_bool(s, "refuse_in_clear", false);
        cw_dsim_section_text(s, "hkdf_info", "", a.info, sizeof a.info);
        a.kdf = cw_dsim_section_choice(s, "kdf", kdfs);
        if (g->codec == CW_DSIM_CODEC_NONE)
                return;
        g->fields = cw_dsim_section_array(s, "fields", g->codec == CW_DSIM_CODEC_FIELD);
        read_pairs(g, s, &a);
        if (g->answer_with != CW_DSIM_ANSWER_NEWEST && g->pair_count < 2)
                cw_dsim_section_bad(s, "answer_with", "needs \"previous\"");
}

void cw_dsim_config_gateway_done(struct cw_dsim_gateway_config *g) {
        for (size_t i = 0; i < 2; i++) {
                EVP_PKEY_free(g->pairs[i].own);
                EVP_PKEY_free(g->pairs[i].peer);
        }
        OPENSSL_cleanse(g, sizeof *g);
}
