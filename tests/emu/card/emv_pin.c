/* SPDX-License-Identifier: Apache-2.0 */
/* VERIFY with a plaintext PIN and the issuer script PIN CHANGE/UNBLOCK, secured the way of CVN 18. */
#include "appdata.h"
#include "chip.h"
#include "des.h"
#include "emv_crypto.h"

#include <openssl/crypto.h>
#include <string.h>

static bool well_formed(const uint8_t *v, size_t len) {
        unsigned digits = len == 8 ? v[0] & 0x0fU : 0;

        if (len != 8 || v[0] >> 4 != 2 || digits < 4 || digits > 12)
                return false;
        for (unsigned i = 0; i < 14; i++) {
                unsigned n = i % 2 ? v[1 + i / 2] & 0x0fU : (unsigned)(v[1 + i / 2] >> 4);
                if (i < digits ? n > 9 : n != 0xf)
                        return false;
        }
        return true;
}

uint16_t emuc_emv_verify(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        if (cmd->p1 || cmd->p2 != 0x80) {
                emuc_violate(c, "VERIFY: P1 %02X, P2 %02X", cmd->p1, cmd->p2);
                return 0x6a86;
        }
        if (!well_formed(cmd->data, cmd->lc)) {
                emuc_violate(c, "VERIFY: PIN block of %zu bytes", cmd->lc);
                return cmd->lc == 8 ? 0x6a80 : 0x6700;
        }
        if (c->nvm->pin_tries == 0)
                return 0x6983;
        c->nvm->pin_tries--;
        if (emuc_save(c, 0x9000) != 0x9000)
                return 0x6581;
        c->tx.pin_done = true;
        c->tx.pin_failed = CRYPTO_memcmp(cmd->data, c->nvm->pin, 8) != 0;
        if (c->tx.pin_failed)
                return (uint16_t)(0x63c0 | c->nvm->pin_tries);
        c->nvm->pin_tries = c->nvm->pin_limit;
        return emuc_save(c, 0x9000);
}

/* MAC over header || ATC || ARQC || enciphered data. */
static bool mac_right(const struct emuc_chip *c, const struct emuc_cmd *cmd, size_t body, size_t mac_len) {
        uint8_t msg[5 + 2 + 8 + 16] = {cmd->cla,
                                       cmd->ins,
                                       cmd->p1,
                                       cmd->p2,
                                       (uint8_t)cmd->lc,
                                       (uint8_t)(c->nvm->atc >> 8),
                                       (uint8_t)c->nvm->atc};
        const uint8_t *mk = emuc_app_key(c->nvm, 1);
        uint8_t key[16], mac[8];

        if (!mk)
                return false;
        emuc_script_key(mk, c->nvm->atc, key);
        memcpy(msg + 7, c->tx.arqc, 8);
        memcpy(msg + 15, cmd->data, body);
        return emuc_retail_mac(key, NULL, msg, 15 + body, mac) &&
               CRYPTO_memcmp(mac, cmd->data + body, mac_len) == 0;
}

static bool change_pin(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        const uint8_t *mk_enc = emuc_app_key(c->nvm, 2), *mk_ac = emuc_app_key(c->nvm, 0);
        uint8_t key[16];

        if (!mk_enc || !mk_ac)
                return false;
        emuc_script_key(mk_enc, c->nvm->atc, key);
        return emuc_script_pin(key, mk_ac, cmd->p2 == 0x01 ? c->nvm->pin : NULL, cmd->data, c->nvm->pin);
}

static uint16_t script_failed(struct emuc_chip *c, const char *why, uint16_t sw) {
        emuc_violate(c, "PIN CHANGE/UNBLOCK: %s", why);
        c->tx.script_dead = true;
        return sw;
}

uint16_t emuc_emv_script(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        size_t body = cmd->p2 == 0 ? 0 : 16;

        if (!c->tx.has_arqc)
                return script_failed(c, "no ARQC before it", 0x6985);
        if (c->tx.script_dead)
                return script_failed(c, "after a failed one", 0x6985);
        if (cmd->p1 || cmd->p2 > 2)
                return script_failed(c, "P1 or P2", 0x6a86);
        if (cmd->lc < body + 4 || cmd->lc > body + 8)
                return script_failed(c, "length", 0x6700);
        if (!mac_right(c, cmd, body, cmd->lc - body))
                return script_failed(c, "MAC wrong", 0x6988);
        if (cmd->p2 != 0 && !change_pin(c, cmd))
                return script_failed(c, "PIN block wrong", 0x6a80);
        c->nvm->pin_tries = c->nvm->pin_limit;
        return emuc_save(c, 0x9000);
}
