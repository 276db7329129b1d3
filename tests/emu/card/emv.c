/* SPDX-License-Identifier: Apache-2.0 */
/* The debit application as a terminal sees it. */
#include "appdata.h"
#include "chip.h"

#include <openssl/rand.h>
#include <string.h>

static bool get_class(struct emuc_chip *c, const struct emuc_cmd *cmd, uint8_t class) {
        if (cmd->cla == class)
                return true;
        emuc_violate(c, "class %02X for INS %02X", cmd->cla, cmd->ins);
        return false;
}

/* The terminal's PDOL data: template 83 with exactly what the PDOL asks for. */
static bool pdol_data_right(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        struct emuc_tlv a5, pdol, data;
        size_t wanted = 0;

        if (emuc_app_fci(c->nvm, c->cfg->contactless, &a5) && emuc_tlv_find(a5.value, a5.len, 0x9f38, &pdol))
                wanted = emuc_dol_total(pdol.value, pdol.len);
        return emuc_tlv_read(cmd->data, cmd->lc, &data) && data.tag == 0x83 && data.total == cmd->lc &&
               data.len == wanted;
}

static void keep_pdol(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        struct emuc_tlv data;

        if (!emuc_tlv_read(cmd->data, cmd->lc, &data) || data.len > sizeof c->tx.pdol)
                return;
        memcpy(c->tx.pdol, data.value, data.len);
        c->tx.pdol_len = data.len;
}

static uint16_t get_processing_options(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        struct emuc_tlv aip, afl;
        uint8_t inner[256];
        size_t n = 0;

        if (c->tx.state != EMUC_TX_NONE) {
                emuc_violate(c, "GET PROCESSING OPTIONS twice");
                return 0x6985;
        }
        if (cmd->p1 || cmd->p2 || !pdol_data_right(c, cmd)) {
                emuc_violate(c, "GET PROCESSING OPTIONS: P1 P2 or PDOL data");
                return cmd->p1 || cmd->p2 ? 0x6a86 : 0x6a80;
        }
        if (c->nvm->atc == 0xffff || !emuc_app_gpo_data(c->nvm, c->cfg->contactless, &aip, &afl))
                return 0x6985;
        c->nvm->atc++;
        c->tx.state = EMUC_TX_STARTED;
        keep_pdol(c, cmd);
        if (c->cfg->format1) {
                memcpy(inner, aip.value, aip.len);
                memcpy(inner + aip.len, afl.value, afl.len);
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x80, inner, aip.len + afl.len);
        } else {
                (void)emuc_tlv_put(inner, sizeof inner, &n, 0x82, aip.value, aip.len);
                (void)emuc_tlv_put(inner, sizeof inner, &n, 0x94, afl.value, afl.len);
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x77, inner, n);
        }
        return emuc_save(c, 0x9000);
}

static uint16_t read_record(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        const struct emuc_dgi *d;

        if ((cmd->p2 & 0x07) != 0x04 || cmd->p1 == 0 || cmd->lc) {
                emuc_violate(c, "READ RECORD: P1 %02X, P2 %02X, Lc %zu", cmd->p1, cmd->p2, cmd->lc);
                return 0x6a86;
        }
        if (cmd->p2 >> 3 < 1 || cmd->p2 >> 3 > 10)
                return 0x6a82;
        d = emuc_nvm_dgi(c->nvm, (uint16_t)((cmd->p2 >> 3) << 8 | cmd->p1));
        if (!d)
                return 0x6a83;
        return emuc_reply(r, d->value, d->len) ? 0x9000 : 0x6f00;
}

static uint16_t get_data(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        uint32_t tag = (uint32_t)(cmd->p1 << 8 | cmd->p2);
        uint16_t number = tag == 0x9f36 ? c->nvm->atc : c->nvm->last_online_atc;
        uint8_t value[2] = {(uint8_t)(number >> 8), (uint8_t)number};

        if (tag == 0x9f36 || tag == 0x9f13)
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, tag, value, 2);
        else if (tag == 0x9f17)
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, tag, &c->nvm->pin_tries, 1);
        else
                return 0x6a88;
        return 0x9000;
}

static uint16_t get_challenge(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        uint8_t random[8];

        if (cmd->p1 || cmd->p2 || cmd->lc) {
                emuc_violate(c, "GET CHALLENGE: P1 %02X, P2 %02X", cmd->p1, cmd->p2);
                return 0x6a86;
        }
        return RAND_bytes(random, sizeof random) == 1 && emuc_reply(r, random, sizeof random) ? 0x9000
                                                                                              : 0x6f00;
}

static uint16_t personalised(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        switch (cmd->ins) {
        case 0xa8:
                return get_class(c, cmd, 0x80) ? get_processing_options(c, cmd, r) : 0x6e00;
        case 0xb2:
                return get_class(c, cmd, 0x00) ? read_record(c, cmd, r) : 0x6e00;
        case 0xae:
                return get_class(c, cmd, 0x80) ? emuc_emv_ac(c, cmd, r) : 0x6e00;
        case 0x88:
                return get_class(c, cmd, 0x00) ? emuc_emv_internal_auth(c, cmd, r) : 0x6e00;
        case 0x82:
                return get_class(c, cmd, 0x00) ? emuc_emv_external_auth(c, cmd) : 0x6e00;
        case 0x20:
                return get_class(c, cmd, 0x00) ? emuc_emv_verify(c, cmd) : 0x6e00;
        case 0x16:
        case 0x18:
        case 0x1e:
        case 0x24:
                return emuc_emv_script(c, cmd);
        case 0xca:
                return get_class(c, cmd, 0x80) ? get_data(c, cmd, r) : 0x6e00;
        case 0x84:
                return get_class(c, cmd, 0x00) ? get_challenge(c, cmd, r) : 0x6e00;
        default:
                emuc_violate(c, "INS %02X", cmd->ins);
                return 0x6d00;
        }
}

uint16_t emuc_emv_command(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        if (c->nvm->app_state != EMUC_APP_PERSONALIZED) {
                emuc_violate(c, "INS %02X on an application that is not personalised", cmd->ins);
                return 0x6985;
        }
        return personalised(c, cmd, r);
}
