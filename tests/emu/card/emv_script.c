/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issuer scripts: PIN CHANGE/UNBLOCK, APPLICATION BLOCK and UNBLOCK, CARD BLOCK, with the secure messaging of
 * the card's version (EMV Book 2 9, published Visa and M/Chip examples). CCD: format 1, MACs chained, TDES or
 * AES.
 */
#include "appdata.h"
#include "chip.h"
#include "des.h"

#include <openssl/crypto.h>
#include <string.h>

/* What a command carries once it is taken apart. */
struct parts {
        const uint8_t *cipher, *mac, *objects;
        size_t cipher_len, mac_len, objects_len;
};

static bool counts(const struct emuc_chip *c) {
        return emuc_version(c) == EMUC_MCHIP16 || emuc_version(c) == EMUC_MCHIP20;
}

/* The cryptogram; of M/Chip plus the number of the command. */
static void script_r(const struct emuc_chip *c, uint8_t ret[8]) {
        unsigned carry = counts(c) ? c->tx.scripts : 0;

        memcpy(ret, c->tx.arqc, 8);
        for (size_t i = 8; i-- > 0;) {
                carry += ret[i];
                ret[i] = (uint8_t)carry;
                carry >>= 8;
        }
}

/* which: 1 MAC, 2 ENC. */
static bool script_key(const struct emuc_chip *c, unsigned which, struct emuc_card_key *ret) {
        struct emuc_card_key mk;
        uint8_t r[8];

        if (!emuc_app_key(c->nvm, which, &mk))
                return false;
        if (emuc_version(c) == EMUC_CVN10 || emuc_version(c) == EMUC_CVN18) {
                *ret = mk;
                emuc_script_key(mk.key.bytes, c->nvm->atc, ret->key.bytes);
                return true;
        }
        script_r(c, r);
        return emuc_session_key(&mk, r, ret);
}

/* Format 2: data and MAC follow one another. */
static bool take_plain(const struct emuc_cmd *cmd, size_t body, struct parts *ret) {
        if (cmd->cla != 0x84 || cmd->lc < body + 4 || cmd->lc > body + 8)
                return false;
        *ret = (struct parts){
            .cipher = cmd->data, .cipher_len = body, .mac = cmd->data + body, .mac_len = cmd->lc - body};
        return true;
}

/* Format 1: 87 with padding indicator 01, then 8E. */
static bool take_objects(const struct emuc_cmd *cmd, size_t body, struct parts *ret) {
        struct emuc_tlv o = {0}, mac = {0};
        size_t at = 0;

        if (cmd->cla != 0x8c)
                return false;
        if (body) {
                if (!emuc_tlv_read(cmd->data, cmd->lc, &o) || o.tag != 0x87 || o.len != body + 1 ||
                    o.value[0] != 0x01)
                        return false;
                at = o.total;
        }
        if (!emuc_tlv_read(cmd->data + at, cmd->lc - at, &mac) || mac.tag != 0x8e || mac.len < 4 ||
            mac.len > 8 || at + mac.total != cmd->lc)
                return false;
        *ret = (struct parts){.cipher = body ? o.value + 1 : NULL,
                              .cipher_len = body,
                              .mac = mac.value,
                              .mac_len = mac.len,
                              .objects = cmd->data,
                              .objects_len = at};
        return true;
}

static bool mac_of_plain(const struct emuc_chip *c, const struct emuc_cmd *cmd, const struct parts *p,
                         const uint8_t key[16], uint8_t ret[8]) {
        uint8_t msg[15 + 16] = {cmd->cla,
                                cmd->ins,
                                cmd->p1,
                                cmd->p2,
                                (uint8_t)cmd->lc,
                                (uint8_t)(c->nvm->atc >> 8),
                                (uint8_t)c->nvm->atc};

        script_r(c, msg + 7);
        memcpy(msg + 15, p->cipher, p->cipher_len);
        return emuc_retail_mac(key, NULL, msg, 15 + p->cipher_len, ret);
}

/* The chaining value, the header and the object, the latter two filled up to blocks with 80 00... The whole
 * is made of blocks, so that neither MAC pads it once more. */
static bool mac_of_objects(const struct emuc_chip *c, const struct emuc_cmd *cmd, const struct parts *p,
                           const struct emuc_card_key *key, uint8_t ret[16]) {
        size_t block = key->aes ? 16 : 8, n = 2 * block;
        uint8_t msg[3 * 16 + 3 + 16] = {0};

        memcpy(msg, c->tx.scripts ? c->tx.chain : c->tx.arqc, c->tx.scripts ? block : 8);
        memcpy(msg + block, (const uint8_t[]){cmd->cla, cmd->ins, cmd->p1, cmd->p2, 0x80}, 5);
        if (p->objects_len) {
                memcpy(msg + n, p->objects, p->objects_len);
                n += emuc_pad80(msg + n, p->objects_len, sizeof msg - n, block);
        }
        return key->aes ? emuc_aes_cmac(&key->key, msg, n, ret)
                        : emuc_retail_mac_zeros(key->key.bytes, msg, n, ret);
}

static bool mac_right(struct emuc_chip *c, const struct emuc_cmd *cmd, const struct parts *p) {
        struct emuc_card_key key;
        uint8_t mac[16] = {0};
        bool ok = script_key(c, 1, &key);

        if (ok && emuc_version(c) == EMUC_CCD)
                ok = mac_of_objects(c, cmd, p, &key, mac);
        else if (ok)
                ok = mac_of_plain(c, cmd, p, key.key.bytes, mac);
        if (!ok || CRYPTO_memcmp(mac, p->mac, p->mac_len) != 0)
                return false;
        memcpy(c->tx.chain, mac, sizeof mac);
        return true;
}

/* The new PIN as a format 2 block. */
static bool decipher(const struct emuc_chip *c, const struct emuc_cmd *cmd, const struct parts *p,
                     uint8_t ret[8]) {
        enum emuc_cvn cvn = emuc_version(c);
        struct emuc_card_key mk_ac, key;
        uint8_t clear[16];

        if ((cvn == EMUC_CCD && cmd->p2 == 0x01) || !emuc_app_key(c->nvm, 0, &mk_ac) ||
            !script_key(c, 2, &key))
                return false;
        if (cvn == EMUC_CVN10 || cvn == EMUC_CVN18 || cmd->p2 == 0x01)
                return emuc_script_pin(key.key.bytes, mk_ac.key.bytes, cmd->p2 == 0x01 ? c->nvm->pin : NULL,
                                       p->cipher, ret);
        if (cvn == EMUC_CVN22) {
                if (!emuc_des3_ecb(key.key.bytes, false, p->cipher, 16, clear) || clear[0] != 8 ||
                    emuc_unpad80(clear, 16, 8) != 9)
                        return false;
                memcpy(ret, clear + 1, 8);
        } else {
                if (!emuc_card_decipher(&key, p->cipher, p->cipher_len, clear) ||
                    (cvn == EMUC_CCD && emuc_unpad80(clear, 16, key.aes ? 16 : 8) != 8))
                        return false;
                memcpy(ret, clear, 8);
        }
        return emuc_pin_well_formed(ret, 8);
}

static uint16_t script_failed(struct emuc_chip *c, const struct emuc_cmd *cmd, const char *why, uint16_t sw) {
        emuc_violate(c, "script INS %02X: %s", cmd->ins, why);
        c->tx.script_dead = true;
        return sw;
}

static uint16_t carry_out(struct emuc_chip *c, const struct emuc_cmd *cmd, const struct parts *p) {
        uint8_t pin[8];

        switch (cmd->ins) {
        case 0x16:
                c->nvm->card_blocked = true;
                break;
        case 0x18:
                c->nvm->app_blocked = false;
                c->nvm->pin_tries = c->nvm->pin_limit;
                break;
        case 0x1e:
                c->nvm->app_blocked = true;
                break;
        default:
                if (cmd->p2 != 0 && !decipher(c, cmd, p, pin))
                        return script_failed(c, cmd, "PIN block wrong", 0x6a80);
                if (cmd->p2 != 0)
                        memcpy(c->nvm->pin, pin, 8);
                c->nvm->pin_tries = c->nvm->pin_limit;
        }
        c->tx.scripts++;
        return emuc_save(c, 0x9000);
}

uint16_t emuc_emv_script(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        bool pin = cmd->ins == 0x24;
        size_t body = !pin || cmd->p2 == 0 ? 0 : counts(c) ? 8 : 16;
        struct parts p;
        bool taken;

        if (!c->tx.has_arqc)
                return script_failed(c, cmd, "no cryptogram before it", 0x6985);
        if (c->tx.script_dead)
                return script_failed(c, cmd, "after a failed one", 0x6985);
        if (cmd->p1 || cmd->p2 > (pin ? 2 : 0))
                return script_failed(c, cmd, "P1 or P2", 0x6a86);
        taken = emuc_version(c) == EMUC_CCD ? take_objects(cmd, body, &p) : take_plain(cmd, body, &p);
        if (!taken)
                return script_failed(c, cmd, "class or length", 0x6700);
        if (!mac_right(c, cmd, &p))
                return script_failed(c, cmd, "MAC wrong", 0x6988);
        return carry_out(c, cmd, &p);
}
