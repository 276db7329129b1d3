/* SPDX-License-Identifier: Apache-2.0 */
/* GlobalPlatform Amendment D: SCP03 with i = 00, 10, 20, 60, 70, in S8 and S16 mode. */
#include "aes.h"
#include "des.h"
#include "scp.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define I_PSEUDO_RANDOM 0x10U

enum { KDF_CARD = 0, KDF_HOST = 1, KDF_CHALLENGE = 2, KDF_ENC = 4, KDF_MAC = 6, KDF_RMAC = 7 };

static void put_ssc(const struct emuc_chip *c, uint8_t ret[3]) {
        ret[0] = (uint8_t)(c->nvm->ssc03 >> 16);
        ret[1] = (uint8_t)(c->nvm->ssc03 >> 8);
        ret[2] = (uint8_t)c->nvm->ssc03;
}

static bool card_challenge(struct emuc_chip *c, uint8_t *ret) {
        uint8_t context[3 + sizeof emuc_isd_aid];

        if (emuc_scp_fixed_challenge(c, ret, c->scp.mode))
                return true;
        if (!(c->cfg->i03 & I_PSEUDO_RANDOM))
                return RAND_bytes(ret, (int)c->scp.mode) == 1;
        put_ssc(c, context);
        memcpy(context + 3, emuc_isd(c), sizeof emuc_isd_aid);
        return emuc_scp03_kdf(&c->active->key[0], KDF_CHALLENGE, context, sizeof context, c->scp.mode, ret);
}

static bool session_keys(struct emuc_chip *c, const uint8_t *context) {
        struct emuc_scp *s = &c->scp;
        size_t n = 2 * s->mode;
        const struct emuc_aes_key *key = c->active->key;

        s->enc.len = key[0].len;
        s->mac.len = s->rmac.len = key[1].len;
        s->dek = key[2];
        return emuc_scp03_kdf(&key[0], KDF_ENC, context, n, key[0].len, s->enc.bytes) &&
               emuc_scp03_kdf(&key[1], KDF_MAC, context, n, key[1].len, s->mac.bytes) &&
               emuc_scp03_kdf(&key[1], KDF_RMAC, context, n, key[1].len, s->rmac.bytes);
}

bool emuc_scp03_start(struct emuc_chip *c, const uint8_t *host, struct emuc_rsp *r) {
        size_t m = c->scp.mode;
        uint8_t context[32], crypt[16], ssc[3], head[3] = {c->active->kvn, 0x03, c->cfg->i03};

        memcpy(context, host, m);
        if (!card_challenge(c, context + m) || !session_keys(c, context) ||
            !emuc_scp03_kdf(&c->scp.mac, KDF_CARD, context, 2 * m, m, crypt) ||
            !emuc_scp03_kdf(&c->scp.mac, KDF_HOST, context, 2 * m, m, c->scp.host_cryptogram))
                return false;
        put_ssc(c, ssc);
        return emuc_reply(r, head, 3) && emuc_reply(r, context + m, m) && emuc_reply(r, crypt, m) &&
               (!(c->cfg->i03 & I_PSEUDO_RANDOM) || emuc_reply(r, ssc, 3));
}

bool emuc_scp03_mac(struct emuc_chip *c, const struct emuc_cmd *cmd, const uint8_t *mac) {
        uint8_t msg[16 + 5 + 256], good[16];
        size_t body = cmd->lc - c->scp.mode;

        memcpy(msg, c->scp.chain, 16);
        msg[16] = cmd->cla | 0x04;
        msg[17] = cmd->ins;
        msg[18] = cmd->p1;
        msg[19] = cmd->p2;
        msg[20] = (uint8_t)cmd->lc;
        memcpy(msg + 21, cmd->data, body);
        if (!emuc_aes_cmac(&c->scp.mac, msg, 21 + body, good) || CRYPTO_memcmp(good, mac, c->scp.mode) != 0)
                return false;
        memcpy(c->scp.chain, good, 16);
        return true;
}

/* The counter as a block under S-ENC; answers set its top bit apart from commands. */
static bool counter_icv(const struct emuc_chip *c, uint8_t first, uint8_t ret[16]) {
        uint8_t block[16] = {first};

        for (unsigned i = 0; i < 4; i++)
                block[15 - i] = (uint8_t)(c->scp.counter >> (8 * i));
        return emuc_aes_block(&c->scp.enc, block, ret);
}

bool emuc_scp03_open(const struct emuc_chip *c, const uint8_t *in, size_t len, uint8_t *out,
                     size_t *ret_len) {
        uint8_t icv[16];

        if (len == 0 || len % 16 || !counter_icv(c, 0x00, icv) ||
            !emuc_aes_cbc(&c->scp.enc, false, icv, in, len, out))
                return false;
        *ret_len = emuc_unpad80(out, len, 16);
        return *ret_len != SIZE_MAX;
}

bool emuc_scp03_protect(struct emuc_chip *c, struct emuc_rsp *r, uint16_t sw) {
        uint8_t msg[16 + EMUC_RSP_MAX + 2], icv[16], mac[16];

        if ((c->scp.level & EMUC_LEVEL_RENC) && r->len) {
                size_t padded = emuc_pad80(r->data, r->len, sizeof r->data, 16);
                if (!padded || !counter_icv(c, 0x80, icv) ||
                    !emuc_aes_cbc(&c->scp.enc, true, icv, r->data, padded, r->data))
                        return false;
                r->len = padded;
        }
        memcpy(msg, c->scp.chain, 16);
        memcpy(msg + 16, r->data, r->len);
        msg[16 + r->len] = (uint8_t)(sw >> 8);
        msg[17 + r->len] = (uint8_t)sw;
        return emuc_aes_cmac(&c->scp.rmac, msg, 18 + r->len, mac) && emuc_reply(r, mac, c->scp.mode);
}
