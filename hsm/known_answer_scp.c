/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: a whole secure channel, from INITIALIZE UPDATE to the last command; keys of cards. */
#include "base/secret.h"
#include "hsm/apdu.h"
#include "hsm/known_answer_internal.h"
#include "hsm/scp.h"

#include <string.h>

#define ANSWER_MAX 255u /* bytes that fit as hex */

struct answer {
        uint8_t bytes[ANSWER_MAX];
        size_t len;
};

static cw_rc add(struct cw_ka *ka, struct answer *a, const uint8_t *bytes, size_t len) {
        if (len > sizeof(a->bytes) - a->len)
                return cw_ka_bad(ka, "commands");
        memcpy(a->bytes + a->len, bytes, len);
        a->len += len;
        return CW_OK;
}

static cw_rc read_keys(struct cw_ka *ka, bool aes, struct cw_gp_keyset *ret) {
        unsigned usage = aes ? CW_USE_MAC : CW_USE_DERIVE;
        ret->own = true;
        cw_rc rc = cw_ka_key(ka, "enc", aes, usage, &ret->enc);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "mac", aes, usage, &ret->mac);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "dek", aes, aes ? CW_USE_MAC | CW_USE_ENCRYPT : usage, &ret->dek);
        if (rc != CW_OK)
                cw_gp_keyset_destroy(ka->c, ret);
        return rc;
}

/* The wrapped command and, where the entry has an answer to it, that answer in clear. */
static cw_rc one_command(struct cw_ka *ka, struct cw_scp *s, const json_t *command, struct answer *a) {
        struct cw_ka of = {ka->c, command, ka->ret, ka->f};
        struct cw_scp_wrapped wrapped;
        uint8_t in[CW_KA_DATA_MAX], out[CW_APDU_MAX];
        size_t len = 0, n = 0;
        cw_rc rc = cw_ka_hex(&of, "plain", in, 4, sizeof(in), &len);
        if (rc == CW_OK)
                rc = cw_scp_wrap(s, in, len, &wrapped, ka->f);
        if (rc == CW_OK)
                rc = add(ka, a, cw_scp_apdu(&wrapped), wrapped.len);
        if (rc != CW_OK || json_object_get(command, "response") == NULL)
                return rc;
        rc = cw_ka_hex(&of, "response", in, 2, sizeof(in), &len);
        if (rc == CW_OK)
                rc = cw_scp_unwrap(s, in, len, out, sizeof(out), &n, ka->f);
        return rc != CW_OK ? rc : add(ka, a, out, n);
}

static cw_rc open_channel(struct cw_ka *ka, struct cw_scp **ret) {
        struct cw_gp_init_update u;
        struct cw_gp_keyset keys = {0};
        uint8_t response[64], host[CW_GP_CHALLENGE_MAX], aid[16];
        size_t len = 0, host_len = 0, aid_len = 0;
        cw_rc rc = cw_ka_hex(ka, "response", response, 1, sizeof(response), &len);
        if (rc == CW_OK)
                rc = cw_gp_init_update_parse(response, len, &u, ka->f);
        if (rc == CW_OK)
                rc = cw_ka_hex(ka, "host", host, u.mode_len, u.mode_len, &host_len);
        if (rc == CW_OK)
                rc = cw_ka_hex(ka, "aid", aid, 0, sizeof(aid), &aid_len);
        if (rc == CW_OK)
                rc = read_keys(ka, u.scp == 3, &keys);
        return rc != CW_OK ? rc : cw_scp_new(ka->c, &keys, &u, host, aid, aid_len, ret, ka->f);
}

cw_rc cw_ka_scp_channel(struct cw_ka *ka) {
        CW_AUTO(cw_scp_free) struct cw_scp *s = NULL;
        uint8_t auth[CW_SCP_AUTHENTICATE_MAX];
        struct answer a = {.len = 0};
        size_t len = 0, i = 0;
        const json_t *command = NULL;
        cw_rc rc = open_channel(ka, &s);
        if (rc == CW_OK)
                rc = cw_scp_authenticate(s, (uint8_t)cw_ka_number(ka, "level", 0), auth, &len, ka->f);
        if (rc == CW_OK)
                rc = add(ka, &a, auth, len);
        json_array_foreach(json_object_get(ka->entry, "commands"), i, command) {
                if (rc == CW_OK)
                        rc = one_command(ka, s, command, &a);
        }
        return rc != CW_OK ? rc : cw_ka_answer(ka, a.bytes, a.len);
}

/* The n-th key (1 ENC, 2 MAC, 3 DEK) of the card with this diversification data, out of a KMC. */
cw_rc cw_ka_gp_card_key(struct cw_ka *ka) {
        CW_WIPED(uint8_t, value, CW_GP_KEY_MAX);
        uint8_t kdd[CW_KDD_LEN];
        struct cw_hsm_key kmc = {0};
        enum cw_gp_diversification how = CW_GP_NONE;
        int64_t n = cw_ka_number(ka, "n", 0);
        if (!cw_gp_diversification_from_name(cw_ka_text(ka, "how"), &how) || how == CW_GP_NONE)
                return cw_ka_bad(ka, "how");
        if (n < 1 || n > 3)
                return cw_ka_bad(ka, "n");
        bool aes = how == CW_GP_KDF3;
        cw_rc rc = cw_ka_bytes(ka, "kdd", kdd, sizeof(kdd));
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "kmc", aes, aes ? CW_USE_MAC | CW_USE_ENCRYPT : CW_USE_DERIVE, &kmc);
        const size_t len = cw_hsm_alg_key_len(kmc.alg);
        if (rc == CW_OK)
                rc = cw_gp_diversify_value(ka->c, how, &kmc, kdd, (uint8_t)n, value, ka->f);
        cw_hsm_key_destroy(ka->c, &kmc);
        return rc != CW_OK ? rc : cw_ka_answer(ka, value, len);
}
