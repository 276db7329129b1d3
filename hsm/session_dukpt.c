/* SPDX-License-Identifier: Apache-2.0 */
/* dukpt.mac, dukpt.data: messages of a PIN pad. With an AES BDK every key stays in the token. */
#include "base/buf.h"
#include "base/secret.h"
#include "hsm/dukpt_aes.h"
#include "hsm/iso9797.h"
#include "hsm/session_internal.h"

#include <string.h>

#define DATA_MAX 1024u

struct pad_call {
        const struct cw_stored_key *bdk;
        const char *ksn;
        bool from_pad; /* a message of the pad: its KSN is used up */
        bool both;     /* one key for both directions */
        struct cw_span msg;
};

/* words: what "direction" is called, from the pad first. */
static cw_rc read_call(struct cw_sess *s, const struct cw_msg *request, const char *const words[2],
                       struct pad_call *ret, struct cw_fault *f) {
        char label[65];
        const char *direction = cw_msg_str(request, "direction", "");
        ret->from_pad = strcmp(direction, words[0]) == 0;
        ret->both = cw_msg_bool(request, "both", false);
        ret->ksn = cw_msg_str(request, "ksn", "");
        cw_rc rc = cw_sess_text(request, "key", label, sizeof(label), f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, label, "bdk", &ret->bdk, f);
        if (rc == CW_OK)
                rc = cw_sess_att(request, 0, 1, DATA_MAX, &ret->msg, f);
        if (rc == CW_OK && !ret->from_pad && strcmp(direction, words[1]) != 0)
                rc = cw_sess_bad("\"direction\" is not one of this call", f);
        return rc;
}

static cw_rc ksn_tdes(struct cw_sess *s, const struct pad_call *q, enum cw_ksn_use what,
                      uint8_t ret[CW_KSN_LEN], struct cw_fault *f) {
        const struct cw_ksn_registry pads = cw_sess_pads(s, q->bdk);
        cw_rc rc = cw_sess_need_host_memory(s, "no generic token derives TDES DUKPT keys", f);
        if (rc == CW_OK)
                rc = cw_ksn_parse(q->ksn, ret, f);
        if (rc == CW_OK && q->from_pad)
                rc = cw_ksn_use(&pads, what, ret, f);
        return rc;
}

static cw_rc aes_key(struct cw_sess *s, const struct pad_call *q, enum cw_ksn_use what,
                     enum cw_dukpt_aes_use use, unsigned usage, struct cw_hsm_key *ret, struct cw_fault *f) {
        const struct cw_ksn_registry pads = cw_sess_pads(s, q->bdk);
        struct cw_ksn_aes ksn;
        cw_rc rc = cw_ksn_aes_parse(q->ksn, &ksn, f);
        if (rc == CW_OK && q->from_pad)
                rc = cw_ksn_aes_use(&pads, what, &ksn, f);
        return rc != CW_OK ? rc
                           : cw_dukpt_aes_working_key(s->c, &q->bdk->key, ksn.ikid, ksn.counter, use,
                                                      cw_sess_dukpt_alg(s, q->bdk), usage, ret, f);
}

static cw_rc mac_aes(struct cw_sess *s, const struct pad_call *q, uint8_t ret[16], struct cw_fault *f) {
        struct cw_hsm_key key = {0};
        enum cw_dukpt_aes_use use = q->both       ? CW_DUKPT_AES_MAC_BOTH
                                    : q->from_pad ? CW_DUKPT_AES_MAC_GENERATE
                                                  : CW_DUKPT_AES_MAC_VERIFY;
        cw_rc rc = aes_key(s, q, CW_KSN_MACS, use, CW_USE_MAC, &key, f);
        if (rc == CW_OK)
                rc = cw_hsm_cmac(s->c, &key, q->msg.ptr, q->msg.len, ret, f);
        cw_hsm_key_destroy(s->c, &key);
        return rc;
}

static cw_rc mac_tdes(struct cw_sess *s, const struct pad_call *q, uint8_t ret[16], struct cw_fault *f) {
        const struct cw_dukpt_bdk bdk = cw_stored_bdk(q->bdk);
        uint8_t ksn[CW_KSN_LEN];
        cw_rc rc = ksn_tdes(s, q, CW_KSN_MACS, ksn, f);
        return rc != CW_OK
                   ? rc
                   : cw_dukpt_mac(s->c, &bdk, ksn,
                                  q->from_pad || q->both ? CW_DUKPT_MAC_REQUEST : CW_DUKPT_MAC_RESPONSE,
                                  q->msg.ptr, q->msg.len, ret, f);
}

cw_rc cw_sess_dukpt_mac(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        static const char *const words[2] = {"verify", "generate"};
        CW_WIPED(uint8_t, mac, 16);
        uint8_t given[16];
        size_t given_len = 0;
        struct pad_call q;
        const char *text = cw_msg_str(request, "mac", "");
        cw_rc rc = read_call(s, request, words, &q, f);
        if (rc != CW_OK)
                return rc;
        bool aes = cw_hsm_alg_is_aes(q.bdk->key.alg);
        size_t len = aes ? 16 : CW_DUKPT_MAC_LEN;
        if (q.from_pad && (!cw_hex_decode(text, strlen(text), given, sizeof(given), &given_len) ||
                           given_len < 4 || given_len > len))
                return cw_sess_bad("\"mac\" must have 4 bytes in hex, of an AES pad 4 to 16", f);
        rc = aes ? mac_aes(s, &q, mac, f) : mac_tdes(s, &q, mac, f);
        if (rc != CW_OK)
                return rc;
        return q.from_pad ? cw_sess_put_bool(reply, "equal", cw_equal_ct(mac, given, given_len), f)
                          : cw_sess_put_hex(reply, "mac", mac, len, f);
}

static cw_rc data_aes(struct cw_sess *s, const struct pad_call *q, uint8_t *ret, struct cw_fault *f) {
        struct cw_hsm_key key = {0};
        enum cw_dukpt_aes_use use = q->both       ? CW_DUKPT_AES_DATA_BOTH
                                    : q->from_pad ? CW_DUKPT_AES_DATA_ENCRYPT
                                                  : CW_DUKPT_AES_DATA_DECRYPT;
        cw_rc rc = aes_key(s, q, CW_KSN_DATA, use, q->from_pad ? CW_USE_DECRYPT : CW_USE_ENCRYPT, &key, f);
        if (rc == CW_OK)
                rc = q->from_pad
                         ? cw_hsm_decrypt(s->c, &key, CW_MODE_CBC, NULL, q->msg.ptr, q->msg.len, ret, f)
                         : cw_hsm_encrypt(s->c, &key, CW_MODE_CBC, NULL, q->msg.ptr, q->msg.len, ret, f);
        cw_hsm_key_destroy(s->c, &key);
        return rc;
}

cw_rc cw_sess_dukpt_data(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                         struct cw_fault *f) {
        static const char *const words[2] = {"decrypt", "encrypt"};
        CW_WIPED(uint8_t, out, DATA_MAX);
        uint8_t ksn[CW_KSN_LEN];
        struct pad_call q;
        cw_rc rc = read_call(s, request, words, &q, f);
        if (rc != CW_OK)
                return rc;
        bool aes = cw_hsm_alg_is_aes(q.bdk->key.alg);
        if (q.msg.len % (aes ? 16 : 8) != 0)
                return cw_sess_bad("att0 must be whole cipher blocks", f);
        if (aes) {
                rc = data_aes(s, &q, out, f);
        } else {
                const struct cw_dukpt_bdk bdk = cw_stored_bdk(q.bdk);
                rc = ksn_tdes(s, &q, CW_KSN_DATA, ksn, f);
                if (rc == CW_OK)
                        rc = cw_dukpt_data(
                            s->c, &bdk, ksn,
                            q.from_pad || q.both ? CW_DUKPT_DATA_REQUEST : CW_DUKPT_DATA_RESPONSE,
                            q.from_pad ? CW_DECRYPT : CW_ENCRYPT, q.msg.ptr, q.msg.len, out, f);
        }
        return rc != CW_OK ? rc : cw_sess_put_att(reply, out, q.msg.len, f);
}
