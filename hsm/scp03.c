/* SPDX-License-Identifier: Apache-2.0 */
/* SCP03, GP Amendment D 1.1.2. */
#include "base/buf.h"
#include "hsm/cmac_kdf.h"
#include "hsm/scp_internal.h"

#include <endian.h>
#include <string.h>

#define BLOCK 16u
#define BEFORE_DATA 21u /* chaining value, CLA INS P1 P2, Lc */
#define I_R_MAC 0x20u
#define I_R_ENC 0x40u

enum {
        KDF_CARD = 0x00,
        KDF_HOST = 0x01,
        KDF_CHALLENGE = 0x02,
        KDF_ENC = 0x04,
        KDF_MAC = 0x06,
        KDF_RMAC = 0x07
};

/* 4.1.5: 11 zeros | constant | 00 | bits | counter | context */
static struct cw_cmac_kdf kdf_of(uint8_t constant, const void *context, size_t context_len) {
        struct cw_cmac_kdf kdf = {.before_len = 13, .after = context, .after_len = context_len};
        kdf.before[11] = constant;
        return kdf;
}

/* Returns its length. */
static size_t context(const struct cw_scp *s, uint8_t ret[2 * CW_GP_CHALLENGE_MAX]) {
        memcpy(ret, s->host_challenge, s->card.mode_len);
        memcpy(ret + s->card.mode_len, s->card.card_challenge, s->card.mode_len);
        return 2 * s->card.mode_len;
}

static cw_rc session_key(struct cw_scp *s, const struct cw_hsm_key *base, uint8_t constant, unsigned usage,
                         struct cw_hsm_key *ret, struct cw_fault *f) {
        uint8_t ctx[2 * CW_GP_CHALLENGE_MAX];
        const struct cw_cmac_kdf kdf = kdf_of(constant, ctx, context(s, ctx));
        return cw_cmac_kdf_key(s->c, base, &kdf, usage, ret, f);
}

static cw_rc session_keys(struct cw_scp *s, struct cw_fault *f) {
        cw_rc rc = session_key(s, &s->card_keys.enc, KDF_ENC, CW_USE_ENCRYPT | CW_USE_DECRYPT, &s->enc, f);
        if (rc == CW_OK)
                rc = session_key(s, &s->card_keys.mac, KDF_MAC, CW_USE_MAC, &s->mac03, f);
        if (rc == CW_OK)
                rc = session_key(s, &s->card_keys.mac, KDF_RMAC, CW_USE_MAC, &s->rmac03, f);
        return rc;
}

static cw_rc cryptogram(struct cw_scp *s, bool of_card, uint8_t ret[CW_GP_CHALLENGE_MAX],
                        struct cw_fault *f) {
        uint8_t ctx[2 * CW_GP_CHALLENGE_MAX];
        const struct cw_cmac_kdf kdf = kdf_of(of_card ? KDF_CARD : KDF_HOST, ctx, context(s, ctx));
        return cw_cmac_kdf_value(s->c, &s->mac03, &kdf, ret, s->card.mode_len, f);
}

cw_rc cw_scp03_challenge(struct cw_scp *s, const uint8_t *aid, size_t aid_len,
                         uint8_t ret[CW_GP_CHALLENGE_MAX], struct cw_fault *f) {
        uint8_t ctx[3 + 16];
        if (aid_len > 16)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), (int64_t)aid_len, "hsm.scp03",
                               "HSM_APDU", "an AID has at most 16 bytes");
        memcpy(ctx, s->card.sequence, 3);
        memcpy(ctx + 3, aid, aid_len);
        const struct cw_cmac_kdf kdf = kdf_of(KDF_CHALLENGE, ctx, 3 + aid_len);
        return cw_cmac_kdf_value(s->c, &s->card_keys.enc, &kdf, ret, s->card.mode_len, f);
}

static cw_rc check_level(const struct cw_scp *s, uint8_t level, struct cw_fault *f) {
        bool r_mac = (level & CW_SCP_R_MAC) == 0 || (s->card.i & I_R_MAC) != 0;
        bool r_enc = (level & CW_SCP_R_ENC) == 0 || (s->card.i & I_R_ENC) != 0;
        if (!r_mac || !r_enc)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), level, "hsm.scp03", "HSM_LEVEL",
                    "the card (i = %02X) does not offer security level %02X; lower the product's level",
                    s->card.i, level);
        return CW_OK;
}

/* 6.2.6: the block whose encipherment is the ICV for C-ENC and R-ENC. */
static void counter_block(uint32_t counter, bool response, uint8_t ret[BLOCK]) {
        counter = htobe32(counter);
        memset(ret, 0, BLOCK);
        ret[0] = response ? 0x80 : 0x00;
        memcpy(ret + BLOCK - 4, &counter, 4);
}

/* Bytes of the data as it will be sent, without the MAC. */
static size_t sent_len(const struct cw_scp *s, size_t len) {
        bool padded = (s->level & CW_SCP_C_ENC) != 0 && len > 0;
        return padded ? (len | (BLOCK - 1)) + 1 : len;
}

/* In line, as a call of memcpy takes longer than the few blocks do: whole ones, and the last 16 bytes again.
 * cw_wipe(to, 0) keeps the compiler from making that call of the loop. */
static inline void copy_data(uint8_t *to, const uint8_t *from, size_t len) {
        if (len < BLOCK) {
                memcpy(to, from, len);
                return;
        }
        for (size_t i = 0; i + BLOCK < len; i += BLOCK) {
                memcpy(to + i, from + i, BLOCK);
                cw_wipe(to, 0);
        }
        memcpy(to + len - BLOCK, from + len - BLOCK, BLOCK);
}

/*
 * Data of the command as it will be sent, of sent bytes, into the block behind icv. CBC from an IV of zeros
 * over counter block and data: its first block is the ICV, which chains into the data. One operation of the
 * token for both.
 */
static cw_rc command_data(struct cw_scp *s, const uint8_t *in, size_t len, size_t sent, uint8_t *icv,
                          struct cw_fault *f) {
        bool enciphered = sent != len;
        if (enciphered)
                memset(icv + sent, 0,
                       BLOCK); /* the last block: the padding's zeros before what it ends with */
        if (len > 0)
                copy_data(icv + BLOCK, in, len);
        if (!enciphered)
                return CW_OK;
        icv[BLOCK + len] = 0x80;
        counter_block(s->counter, false, icv);
        return cw_hsm_encrypt(s->c, &s->enc, CW_MODE_CBC, NULL, icv, BLOCK + sent, icv, f);
}

/*
 * 6.2.4, 6.2.5: encryption first, then CMAC over chaining value, header, final Lc and data as sent. Flat: a
 * token in software does both in less than a microsecond, and the calls between here and there would show.
 */
__attribute__((flatten)) static cw_rc secure(struct cw_scp *s, const uint8_t header[4], const uint8_t *in,
                                             size_t len, struct cw_scp_wrapped *ret, struct cw_fault *f) {
        uint8_t *msg = ret->bytes, *apdu = msg + CW_SCP_IN_FRONT;
        const size_t n = sent_len(s, len);
        if (s->authenticated && (len > 0 || !s->count_data_only))
                s->counter++; /* every command counts, with or without data */
        cw_rc rc = command_data(s, in, len, n, msg + BEFORE_DATA - BLOCK, f);
        if (rc != CW_OK)
                return rc;
        memcpy(msg, s->chain, 16);
        memcpy(apdu, header, 4);
        apdu[4] = (uint8_t)(n + s->card.mode_len);
        rc = cw_hsm_cmac(s->c, &s->mac03, msg, BEFORE_DATA + n, s->chain, f);
        uint8_t *mac = apdu + 5 + n;
        memcpy(mac, s->chain, 8); /* S8 or S16 */
        if (s->card.mode_len == 16)
                memcpy(mac + 8, s->chain + 8, 8);
        ret->len = 5 + n + s->card.mode_len;
        return rc;
}

static cw_rc decrypt_response(struct cw_scp *s, uint32_t counter, uint8_t *data, size_t *len,
                              struct cw_fault *f) {
        uint8_t icv[16];
        if ((s->level & CW_SCP_R_ENC) == 0 || *len == 0)
                return CW_OK;
        if (*len % BLOCK != 0)
                return cw_scp_mismatch("length of the enciphered response", f);
        counter_block(counter, true, icv);
        cw_rc rc = cw_hsm_encrypt(s->c, &s->enc, CW_MODE_ECB, NULL, icv, BLOCK, icv, f);
        if (rc == CW_OK)
                rc = cw_hsm_decrypt(s->c, &s->enc, CW_MODE_CBC, icv, data, *len, data, f);
        if (rc == CW_OK && !cw_unpad80(data, *len, len))
                rc = cw_scp_mismatch("padding of the enciphered response", f);
        return rc;
}

/* 6.2.7: CMAC over the command's C-MAC, the response data as sent and the SW. */
static cw_rc open_response(struct cw_scp *s, const struct cw_scp_pending *p, uint8_t *response, size_t len,
                           const uint8_t sw[2], size_t *ret_len, struct cw_fault *f) {
        uint8_t msg[16 + CW_APDU_MAX], mac[16];
        size_t n = len - s->card.mode_len;
        struct cw_writer w;
        cw_writer_init(&w, msg, sizeof(msg));
        cw_put_bytes(&w, p->chain, 16);
        cw_put_bytes(&w, response, n);
        cw_put_bytes(&w, sw, 2);
        cw_rc rc = cw_hsm_cmac(s->c, &s->rmac03, msg, w.len, mac, f);
        cw_wipe(msg, sizeof(msg));
        if (rc == CW_OK && !cw_equal_ct(mac, response + n, s->card.mode_len))
                rc = cw_scp_mismatch("response MAC", f);
        if (rc == CW_OK)
                rc = decrypt_response(s, p->counter, response, &n, f);
        if (rc == CW_OK)
                *ret_len = n;
        return rc;
}

const struct cw_scp_protocol cw_scp03_protocol = {
    .session_keys = session_keys,
    .cryptogram = cryptogram,
    .check_level = check_level,
    .secure = secure,
    .open = open_response,
    .block = BLOCK,
};
