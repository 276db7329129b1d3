/* SPDX-License-Identifier: Apache-2.0 */
/* GlobalPlatform Card Specification, appendix E: SCP02 with i = 15, 35, 55 or 75 (three keys, explicit
 * initiation, ICV enciphered). */
#include "des.h"
#include "scp.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define I_PSEUDO_RANDOM 0x40U

static bool session_key(const struct emuc_aes_key *key, uint16_t constant, uint16_t ssc,
                        struct emuc_aes_key *ret) {
        static const uint8_t zero[8];
        uint8_t data[16] = {(uint8_t)(constant >> 8), (uint8_t)constant, (uint8_t)(ssc >> 8), (uint8_t)ssc};

        ret->len = 16;
        return emuc_des3_cbc(key->bytes, true, zero, data, sizeof data, ret->bytes);
}

/* Full 3DES CBC-MAC over the padded 14 bytes: the authentication cryptograms. */
static bool cryptogram(const struct emuc_aes_key *key, const uint8_t *a, size_t a_len, const uint8_t *b,
                       size_t b_len, uint8_t ret[8]) {
        static const uint8_t zero[8];
        uint8_t buf[24];
        size_t len;

        memcpy(buf, a, a_len);
        memcpy(buf + a_len, b, b_len);
        len = emuc_pad80(buf, a_len + b_len, sizeof buf, 8);
        if (len != 24 || !emuc_des3_cbc(key->bytes, true, zero, buf, len, buf))
                return false;
        memcpy(ret, buf + 16, 8);
        return true;
}

static bool card_challenge(struct emuc_chip *c, uint8_t ret[6]) {
        uint8_t mac[8];

        if (emuc_scp_fixed_challenge(c, ret, 6))
                return true;
        if (!(c->cfg->i02 & I_PSEUDO_RANDOM))
                return RAND_bytes(ret, 6) == 1;
        if (!emuc_retail_mac(c->scp.mac.bytes, NULL, emuc_isd(c), sizeof emuc_isd_aid, mac))
                return false;
        memcpy(ret, mac, 6);
        return true;
}

bool emuc_scp02_start(struct emuc_chip *c, const uint8_t host[8], struct emuc_rsp *r) {
        struct emuc_scp *s = &c->scp;
        uint16_t ssc = (uint16_t)c->nvm->ssc02;
        uint8_t card[8] = {(uint8_t)(ssc >> 8), (uint8_t)ssc}, crypt[8], head[2] = {c->active->kvn, 0x02};

        if (!session_key(&c->active->key[0], 0x0182, ssc, &s->enc) ||
            !session_key(&c->active->key[1], 0x0101, ssc, &s->mac) ||
            !session_key(&c->active->key[1], 0x0102, ssc, &s->rmac) ||
            !session_key(&c->active->key[2], 0x0181, ssc, &s->dek) || !card_challenge(c, card + 2) ||
            !cryptogram(&s->enc, host, 8, card, 8, crypt) ||
            !cryptogram(&s->enc, card, 8, host, 8, s->host_cryptogram))
                return false;
        return emuc_reply(r, head, 2) && emuc_reply(r, card, 8) && emuc_reply(r, crypt, 8);
}

bool emuc_scp02_mac(struct emuc_chip *c, const struct emuc_cmd *cmd, const uint8_t *clear, size_t clear_len,
                    const uint8_t mac[8], bool first) {
        uint8_t msg[5 + 256] = {(uint8_t)(cmd->cla | 0x04), cmd->ins, cmd->p1, cmd->p2,
                                (uint8_t)(clear_len + 8)};
        uint8_t icv[8] = {0}, good[8];

        memcpy(msg + 5, clear, clear_len);
        if (!first && !emuc_des1_block(c->scp.mac.bytes, true, c->scp.chain, icv))
                return false;
        if (!emuc_retail_mac(c->scp.mac.bytes, icv, msg, 5 + clear_len, good) ||
            CRYPTO_memcmp(good, mac, 8) != 0)
                return false;
        memcpy(c->scp.chain, good, 8);
        return true;
}

bool emuc_scp02_open(const struct emuc_chip *c, const uint8_t *in, size_t len, uint8_t *out,
                     size_t *ret_len) {
        static const uint8_t zero[8];

        if (len == 0 || len % 8 || !emuc_des3_cbc(c->scp.enc.bytes, false, zero, in, len, out))
                return false;
        *ret_len = emuc_unpad80(out, len, 8);
        return *ret_len != SIZE_MAX;
}

void emuc_scp02_remember(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        uint8_t *at = c->scp.command;

        at[0] = cmd->cla & (uint8_t)~0x04U;
        at[1] = cmd->ins;
        at[2] = cmd->p1;
        at[3] = cmd->p2;
        at[4] = (uint8_t)cmd->lc;
        if (cmd->lc)
                memcpy(at + 5, cmd->data, cmd->lc);
        c->scp.command_len = 5 + cmd->lc;
}

/* E.4.5: over the command without secure messaging, the length of the answer, the answer and its SW. */
bool emuc_scp02_protect(struct emuc_chip *c, struct emuc_rsp *r, uint16_t sw) {
        uint8_t msg[sizeof c->scp.command + 1 + EMUC_RSP_MAX + 2];
        size_t n = c->scp.command_len;

        memcpy(msg, c->scp.command, n);
        msg[n++] = (uint8_t)r->len;
        memcpy(msg + n, r->data, r->len);
        n += r->len;
        msg[n++] = (uint8_t)(sw >> 8);
        msg[n++] = (uint8_t)sw;
        return emuc_retail_mac(c->scp.rmac.bytes, c->scp.rchain, msg, n, c->scp.rchain) &&
               emuc_reply(r, c->scp.rchain, 8);
}
