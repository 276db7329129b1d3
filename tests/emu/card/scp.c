/* SPDX-License-Identifier: Apache-2.0 */
#include "scp.h"

#include <openssl/crypto.h>
#include <string.h>

#define I_S16 0x01U
#define I_RMAC 0x20U

void emuc_scp_close(struct emuc_chip *c) {
        OPENSSL_cleanse(&c->scp, sizeof c->scp);
        c->scp.state = EMUC_SCP_CLOSED;
}

bool emuc_scp_fixed_challenge(struct emuc_chip *c, uint8_t *out, size_t len) {
        if (c->nvm->next_challenge_len < len)
                return false;
        memcpy(out, c->nvm->next_challenge, len);
        c->nvm->next_challenge_len = 0;
        return true;
}

/* NULL = no such key set. */
static const struct emuc_keyslot *slot_for(const struct emuc_chip *c, uint8_t kvn) {
        const struct emuc_keyslot *first = emuc_slot_for(c, c->cfg->default_scp);

        if (kvn)
                return emuc_slot_named(c, kvn);
        return first ? first : emuc_slot_for(c, c->cfg->default_scp == 2 ? 3 : 2);
}

static unsigned *tries_of(struct emuc_chip *c, unsigned version) {
        return version == 2 ? &c->nvm->tries02 : &c->nvm->tries03;
}

uint16_t emuc_scp_initialize(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        static const uint8_t no_kdd[sizeof c->nvm->kdd];
        const struct emuc_keyslot *slot = slot_for(c, cmd->p1);
        unsigned version = slot ? slot->version : 0;
        bool ok;

        emuc_scp_close(c);
        emuc_perso_close(c);
        c->scp.mode = version == 3 && (c->cfg->i03 & I_S16) ? 16 : 8;
        if (cmd->p2 != 0 || cmd->lc != (version == 3 ? c->scp.mode : 8)) {
                /* Asking a card in S16 mode with 8 bytes is how a host finds out. */
                if (cmd->p2 != 0 || cmd->lc != 8)
                        emuc_violate(c, "INITIALIZE UPDATE: P2 %02X, Lc %zu", cmd->p2, cmd->lc);
                return cmd->p2 ? 0x6a86 : 0x6700;
        }
        if (!version) {
                emuc_violate(c, "INITIALIZE UPDATE: no key version %02X", cmd->p1);
                return 0x6a88;
        }
        if (*tries_of(c, version) == 0)
                return 0x6983;
        c->scp.version = version;
        c->active = &slot->set;
        ok = emuc_reply(r, c->cfg->shy & EMUC_SHY_KDD ? no_kdd : c->nvm->kdd, sizeof c->nvm->kdd) &&
             (version == 2 ? emuc_scp02_start(c, cmd->data, r) : emuc_scp03_start(c, cmd->data, r));
        if (!ok)
                return 0x6f00;
        c->scp.state = EMUC_SCP_STARTED;
        return emuc_save(c, 0x9000);
}

static bool level_allowed(const struct emuc_chip *c, uint8_t level) {
        uint8_t i = c->cfg->i03;

        if (level == 0x00 || level == 0x01 || level == 0x03)
                return true;
        if (c->scp.version == 2)
                return (c->cfg->i02 & I_RMAC) && (level == 0x11 || level == 0x13);
        if (!(i & I_RMAC))
                return false;
        return level == 0x11 || level == 0x13 || (level == 0x33 && (i & 0x40));
}

static uint16_t refuse(struct emuc_chip *c, const char *why, uint16_t sw) {
        emuc_violate(c, "EXTERNAL AUTHENTICATE: %s", why);
        c->nvm->auth_failures++;
        emuc_scp_close(c);
        return emuc_save(c, sw);
}

static uint16_t wrong_cryptogram(struct emuc_chip *c) {
        unsigned *tries = tries_of(c, c->scp.version);

        if (*tries)
                (*tries)--;
        return refuse(c, "host cryptogram wrong", 0x6300);
}

static bool first_mac_right(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        if (c->scp.version == 2)
                return emuc_scp02_mac(c, cmd, cmd->data, 8, cmd->data + 8, true);
        return emuc_scp03_mac(c, cmd, cmd->data + c->scp.mode);
}

uint16_t emuc_scp_authenticate(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        if (c->scp.state != EMUC_SCP_STARTED) {
                emuc_violate(c, "EXTERNAL AUTHENTICATE without INITIALIZE UPDATE");
                emuc_scp_close(c);
                return 0x6985;
        }
        bool wrong_length = cmd->lc != 2 * c->scp.mode;
        if (wrong_length || cmd->p2 != 0 || !level_allowed(c, cmd->p1)) {
                emuc_violate(c, "EXTERNAL AUTHENTICATE: level %02X, P2 %02X, Lc %zu", cmd->p1, cmd->p2,
                             cmd->lc);
                emuc_scp_close(c);
                return wrong_length ? 0x6700 : 0x6a86;
        }
        if (CRYPTO_memcmp(cmd->data, c->scp.host_cryptogram, c->scp.mode) != 0)
                return wrong_cryptogram(c);
        if (!first_mac_right(c, cmd))
                return refuse(c, "C-MAC wrong", 0x6982);
        c->scp.level = cmd->p1;
        c->scp.counter = 0;
        memcpy(c->scp.rchain, c->scp.chain, sizeof c->scp.rchain);
        c->scp.state = EMUC_SCP_OPEN;
        *tries_of(c, c->scp.version) = c->cfg->key_tries;
        if (c->scp.version == 2)
                c->nvm->ssc02 = (c->nvm->ssc02 + 1) & 0xffff;
        else
                c->nvm->ssc03 = (c->nvm->ssc03 + 1) & 0xffffff;
        return emuc_save(c, 0x9000);
}

static uint16_t dead(struct emuc_chip *c, const struct emuc_cmd *cmd, const char *why) {
        emuc_violate(c, "secure channel: %s (INS %02X)", why, cmd->ins);
        emuc_scp_close(c);
        emuc_perso_close(c);
        return 0x6982;
}

static bool unwrap02(struct emuc_chip *c, struct emuc_cmd *cmd, uint8_t *buf) {
        size_t body = cmd->lc - 8, clear = body;

        memcpy(buf, cmd->data, body);
        if ((c->scp.level & EMUC_LEVEL_CENC) && body && !emuc_scp02_open(c, cmd->data, body, buf, &clear))
                return false;
        if (!emuc_scp02_mac(c, cmd, buf, clear, cmd->data + body, false))
                return false;
        cmd->data = buf;
        cmd->lc = clear;
        return true;
}

static bool unwrap03(struct emuc_chip *c, struct emuc_cmd *cmd, uint8_t *buf) {
        size_t body = cmd->lc - c->scp.mode, clear = body;

        if (!emuc_scp03_mac(c, cmd, cmd->data + body))
                return false;
        memcpy(buf, cmd->data, body);
        if ((c->scp.level & EMUC_LEVEL_CENC) && body && !emuc_scp03_open(c, cmd->data, body, buf, &clear))
                return false;
        cmd->data = buf;
        cmd->lc = clear;
        return true;
}

uint16_t emuc_scp_unwrap(struct emuc_chip *c, struct emuc_cmd *cmd, uint8_t *buf) {
        bool secured = (cmd->cla & 0x04) != 0;

        c->scp.counter++;
        if (!(c->scp.level & EMUC_LEVEL_CMAC))
                return secured ? dead(c, cmd, "C-MAC at level 00") : 0x9000;
        if (!secured)
                return dead(c, cmd, "command without C-MAC");
        if (cmd->lc < c->scp.mode)
                return dead(c, cmd, "no room for a C-MAC");
        if (!(c->scp.version == 2 ? unwrap02(c, cmd, buf) : unwrap03(c, cmd, buf)))
                return dead(c, cmd, "C-MAC or padding wrong");
        cmd->secured = true;
        if (c->scp.version == 2)
                emuc_scp02_remember(c, cmd);
        return 0x9000;
}

bool emuc_scp_protect(struct emuc_chip *c, struct emuc_rsp *r, uint16_t sw) {
        bool well = sw == 0x9000 || sw >> 8 == 0x62 || sw >> 8 == 0x63;

        if (c->scp.state != EMUC_SCP_OPEN || !(c->scp.level & EMUC_LEVEL_RMAC))
                return true;
        if (!well) {
                r->len = 0;
                return true;
        }
        return c->scp.version == 2 ? emuc_scp02_protect(c, r, sw) : emuc_scp03_protect(c, r, sw);
}
