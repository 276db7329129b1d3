/* SPDX-License-Identifier: Apache-2.0 */
/* SCP02, GP Card Specification 2.3.1 annex E. */
#include "base/buf.h"
#include "hsm/scp_internal.h"

#include <string.h>

#define BLOCK 8u
#define I_R_MAC 0x20u

/* E.4.1: TDES-CBC(static, IV 0, constant | sequence counter | 12 zeros). */
static void derivation_data(const struct cw_scp *s, uint16_t constant, uint8_t data[16]) {
        memset(data, 0, 16);
        data[0] = (uint8_t)(constant >> 8);
        data[1] = (uint8_t)constant;
        memcpy(data + 2, s->card.card_challenge, 2);
}

static cw_rc derive(struct cw_scp *s, const struct cw_hsm_key *base, uint16_t constant,
                    struct cw_hsm_key *ret, struct cw_fault *f) {
        uint8_t data[16];
        derivation_data(s, constant, data);
        return cw_hsm_derive(s->c, base, CW_MODE_CBC, data, 16, CW_ALG_TDES2, CW_USE_ENCRYPT, ret, f);
}

/* The left half twice is the ECB encryption of the first block twice: no key byte leaves the token for it. */
static cw_rc derive_pair(struct cw_scp *s, uint16_t constant, struct cw_retail_key *ret, struct cw_fault *f) {
        uint8_t data[16];
        cw_rc rc = derive(s, &s->card_keys.mac, constant, &ret->full, f);
        if (rc != CW_OK)
                return rc;
        derivation_data(s, constant, data);
        memcpy(data + 8, data, 8);
        return cw_hsm_derive(s->c, &s->card_keys.mac, CW_MODE_ECB, data, 16, CW_ALG_TDES2, CW_USE_ENCRYPT,
                             &ret->left, f);
}

static cw_rc session_keys(struct cw_scp *s, struct cw_fault *f) {
        cw_rc rc = derive(s, &s->card_keys.enc, 0x0182, &s->enc, f);
        if (rc == CW_OK)
                rc = derive_pair(s, 0x0101, &s->mac02, f);
        if (rc == CW_OK)
                rc = derive_pair(s, 0x0102, &s->rmac02, f);
        if (rc == CW_OK)
                rc = derive(s, &s->card_keys.dek, 0x0181, &s->dek, f);
        return rc;
}

/* E.4.2: last block of TDES-CBC(S-ENC, pad80(host challenge | card part)), halves swapped for the host. */
static cw_rc cryptogram(struct cw_scp *s, bool of_card, uint8_t ret[CW_GP_CHALLENGE_MAX],
                        struct cw_fault *f) {
        uint8_t msg[24] = {0};
        memcpy(msg + (of_card ? 0 : 8), s->host_challenge, 8);
        memcpy(msg + (of_card ? 8 : 0), s->card.card_challenge, 8);
        msg[16] = 0x80;
        cw_rc rc = cw_hsm_encrypt(s->c, &s->enc, CW_MODE_CBC, NULL, msg, sizeof(msg), msg, f);
        if (rc == CW_OK)
                memcpy(ret, msg + 16, 8);
        return rc;
}

/* The card's i comes from its recognition data, when it has told it at all. */
static cw_rc check_level(const struct cw_scp *s, uint8_t level, struct cw_fault *f) {
        if ((level & CW_SCP_R_MAC) != 0 && s->card.i != 0 && (s->card.i & I_R_MAC) == 0)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), level, "hsm.scp02", "HSM_LEVEL",
                    "the card (i = %02X) has no R-MAC; lower the product's security level", s->card.i);
        if ((level & CW_SCP_R_ENC) != 0)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), level, "hsm.scp02",
                               "HSM_LEVEL",
                               "SCP02 has no response encryption; lower the product's security level");
        return CW_OK;
}

/* E.4.4: C-MAC over the plain data with the Lc that includes the MAC; the ICV is the last C-MAC, enciphered.
 */
static cw_rc command_mac(struct cw_scp *s, const uint8_t header[4], const uint8_t *data, size_t len,
                         uint8_t mac[8], struct cw_fault *f) {
        CW_WIPED(uint8_t, msg, CW_APDU_MAX);
        uint8_t icv[8];
        struct cw_writer w;
        cw_rc rc = CW_OK;
        memcpy(icv, s->chain, 8);
        if (s->authenticated) /* EXTERNAL AUTHENTICATE itself starts from a plain zero ICV */
                rc = cw_hsm_encrypt(s->c, &s->mac02.left, CW_MODE_ECB, NULL, icv, 8, icv, f);
        cw_writer_init(&w, msg, sizeof(msg));
        cw_put_bytes(&w, header, 4);
        cw_put_u8(&w, (uint8_t)(len + 8));
        cw_put_bytes(&w, data, len);
        if (rc == CW_OK)
                rc = cw_retail_mac(s->c, &s->mac02, 2, icv, msg, w.len, mac, f);
        if (rc == CW_OK)
                memcpy(s->chain, mac, 8);
        return rc;
}

static cw_rc secure(struct cw_scp *s, const uint8_t header[4], const uint8_t *in, size_t len,
                    struct cw_scp_wrapped *ret, struct cw_fault *f) {
        uint8_t mac[8], *apdu = ret->bytes + CW_SCP_IN_FRONT, *data = apdu + 5;
        cw_rc rc = command_mac(s, header, in, len, mac, f);
        if (len > 0)
                memcpy(data, in, len);
        if (rc == CW_OK && (s->level & CW_SCP_C_ENC) != 0 && len > 0) {
                len = cw_pad80(data, len, BLOCK);
                rc = cw_hsm_encrypt(s->c, &s->enc, CW_MODE_CBC, NULL, data, len, data, f);
        }
        if (rc != CW_OK)
                return rc;
        memcpy(apdu, header, 4);
        apdu[4] = (uint8_t)(len + 8);
        memcpy(data + len, mac, 8);
        ret->len = 5 + len + 8;
        return CW_OK;
}

/* E.4.5: R-MAC over the plain command, the length of the response data (mod 256), the data and the SW;
 * chained. */
static cw_rc open_response(struct cw_scp *s, const struct cw_scp_pending *p, uint8_t *response, size_t len,
                           const uint8_t sw[2], size_t *ret_len, struct cw_fault *f) {
        CW_WIPED(uint8_t, msg, 2 * CW_APDU_MAX + 8);
        uint8_t mac[8];
        struct cw_writer w;
        cw_writer_init(&w, msg, sizeof(msg));
        cw_put_bytes(&w, p->command, p->command_len);
        cw_put_u8(&w, (uint8_t)(len - 8));
        cw_put_bytes(&w, response, len - 8);
        cw_put_bytes(&w, sw, 2);
        cw_rc rc = cw_retail_mac(s->c, &s->rmac02, 2, s->rchain, msg, w.len, mac, f);
        if (rc != CW_OK)
                return rc;
        if (!cw_equal_ct(mac, response + len - 8, 8))
                return cw_scp_mismatch("response MAC", f);
        memcpy(s->rchain, mac, 8);
        *ret_len = len - 8;
        return CW_OK;
}

const struct cw_scp_protocol cw_scp02_protocol = {
    .session_keys = session_keys,
    .cryptogram = cryptogram,
    .check_level = check_level,
    .secure = secure,
    .open = open_response,
    .block = BLOCK,
};
