/* SPDX-License-Identifier: Apache-2.0 */
/* value.*: verification values of one transaction. mac.*: message authentication. dukpt.*: a PIN pad's
 * messages. */
#include "base/buf.h"
#include "base/secret.h"
#include "hsm/card_auth.h"
#include "hsm/cmac.h"
#include "hsm/dukpt_aes.h"
#include "hsm/emv_keys.h"
#include "hsm/key_policy.h"
#include "hsm/session_internal.h"

#include <string.h>

#define TRACK_MAX 128u

/* The card's own key for a value, out of the version of the issuer's key that the card was made under. */
static cw_rc card_pair(struct cw_sess *s, enum cw_sess_imk which, struct cw_retail_key *ret,
                       struct cw_fault *f) {
        const struct cw_stored_key *imk = NULL;
        const char *pan = s->secret->pan.digits;
        cw_rc rc = cw_sess_imk(s, which, &imk, f);
        return rc != CW_OK ? rc
                           : cw_emv_icc_mk_pair(s->c, &imk->key, pan, s->psn, cw_emv_option_for(pan), ret, f);
}

cw_rc cw_sess_value_dcvv(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        CW_WIPED(char, value, CW_CVV_LEN + 1);
        struct cw_retail_key mk = {0};
        char atc[5], service[4];
        cw_rc rc = cw_sess_digits(request, "atc", 4, atc, f);
        if (rc == CW_OK)
                rc = cw_sess_digits(request, "service_code", 3, service, f);
        if (rc == CW_OK)
                rc = card_pair(s, CW_IMK_DCVV, &mk, f);
        if (rc == CW_OK)
                rc = cw_dcvv(s->c, &mk, s->secret->pan.digits, s->expiry, service, atc, value, f);
        cw_retail_key_destroy(s->c, &mk);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, value, CW_CVV_LEN, f);
}

cw_rc cw_sess_value_cvc3(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        CW_WIPED(char, value, 6);
        struct cw_retail_key mk = {0};
        struct cw_span track;
        uint8_t un[4], atc[2], iv[2];
        cw_rc rc = cw_sess_hex(request, "un", un, sizeof(un), f);
        if (rc == CW_OK)
                rc = cw_sess_hex(request, "atc", atc, sizeof(atc), f);
        if (rc == CW_OK)
                rc = cw_sess_att(request, 0, 1, TRACK_MAX, &track, f);
        if (rc == CW_OK)
                rc = card_pair(s, CW_IMK_CVC3, &mk, f);
        if (rc == CW_OK)
                rc = cw_cvc3_iv(s->c, &mk, track.ptr, track.len, iv, f);
        if (rc == CW_OK)
                rc = cw_cvc3(s->c, &mk, iv, un, atc, value, f);
        cw_retail_key_destroy(s->c, &mk);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, value, 5, f);
}

cw_rc cw_sess_value_cavv(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        CW_WIPED(char, value, CW_CVV_LEN + 1);
        const struct cw_stored_key *key = NULL;
        char upn[5], result[2], factor[3];
        cw_rc rc = cw_sess_digits(request, "upn", 4, upn, f);
        if (rc == CW_OK)
                rc = cw_sess_digits(request, "auth_result", 1, result, f);
        if (rc == CW_OK)
                rc = cw_sess_digits(request, "second_factor", 2, factor, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->product->cavk, "cavk", &key, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_retail_key pair = cw_stored_retail(key);
        rc = cw_cavv(s->c, &pair, s->secret->pan.digits, upn, result[0], factor, value, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, value, CW_CVV_LEN, f);
}

static bool mac_known(const char *algorithm, bool aes) {
        if (strcmp(algorithm, "cmac") == 0)
                return true;
        return !aes && (strcmp(algorithm, "iso9797-1") == 0 || strcmp(algorithm, "iso9797-3") == 0);
}

/* *ret_len: 16 for AES, else 8. */
static cw_rc mac_of(struct cw_sess *s, const struct cw_msg *request, uint8_t ret[16], size_t *ret_len,
                    struct cw_fault *f) {
        char label[65];
        struct cw_span msg;
        const struct cw_stored_key *key = NULL;
        const char *algorithm = cw_msg_str(request, "algorithm", "");
        int padding = (int)cw_msg_int(request, "padding", 1);
        cw_rc rc = cw_sess_text(request, "key", label, sizeof(label), f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, label, "mac", &key, f);
        if (rc == CW_OK)
                rc = cw_sess_att(request, 0, 0, CW_MAC_MSG_MAX, &msg, f);
        if (rc != CW_OK)
                return rc;
        bool aes = cw_hsm_alg_is_aes(key->key.alg);
        if (!mac_known(algorithm, aes))
                return cw_sess_bad("\"algorithm\" must be cmac, of a TDES key also iso9797-1 or iso9797-3", f);
        rc = cw_key_policy_use(key->cfg, &key->version,
                               strcmp(algorithm, "iso9797-1") == 0   ? "M1"
                               : strcmp(algorithm, "iso9797-3") == 0 ? "M3"
                                                                     : "M6",
                               f);
        if (rc != CW_OK)
                return rc;
        *ret_len = aes ? 16 : 8;
        if (aes)
                return cw_hsm_cmac(s->c, &key->key, msg.ptr, msg.len, ret, f);
        if (strcmp(algorithm, "cmac") == 0) /* a TDES key for MACs enciphers: it signs nothing itself */
                return cw_cmac_by_cipher(s->c, &key->key, msg.ptr, msg.len, ret, f);
        if (strcmp(algorithm, "iso9797-1") == 0)
                return cw_cbc_mac(s->c, &key->key, padding, msg.ptr, msg.len, ret, f);
        const struct cw_retail_key pair = cw_stored_retail(key);
        return cw_retail_mac(s->c, &pair, padding, NULL, msg.ptr, msg.len, ret, f);
}

cw_rc cw_sess_mac_generate(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                           struct cw_fault *f) {
        uint8_t mac[16];
        size_t len = 0;
        cw_rc rc = mac_of(s, request, mac, &len, f);
        return rc != CW_OK ? rc : cw_sess_put_hex(reply, "mac", mac, len, f);
}

/* At least 4 bytes of the MAC, as many as the request brings. */
cw_rc cw_sess_mac_verify(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        CW_WIPED(uint8_t, mac, 16);
        uint8_t given[16];
        size_t len = 0, given_len = 0;
        const char *text = cw_msg_str(request, "mac", "");
        if (!cw_hex_decode(text, strlen(text), given, sizeof(given), &given_len) || given_len < 4)
                return cw_sess_bad("\"mac\" must have 4 to 16 bytes in hex", f);
        cw_rc rc = mac_of(s, request, mac, &len, f);
        if (rc != CW_OK)
                return rc;
        bool equal = given_len <= len && cw_equal_ct(mac, given, given_len);
        return cw_sess_put_bool(reply, "equal", equal, f);
}
