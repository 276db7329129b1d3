/* SPDX-License-Identifier: Apache-2.0 */
/* The card manager: selection, session, life cycle. */
#include "appdata.h"
#include "chip.h"
#include "scp.h"

#include <string.h>

#define INS_SELECT 0xa4U

static bool aid_matches(const uint8_t *full, size_t full_len, const uint8_t *aid, size_t len) {
        return len >= 5 && len <= full_len && memcmp(full, aid, len) == 0;
}

static void fci(struct emuc_rsp *r, const uint8_t *aid, size_t aid_len, const uint8_t *a5, size_t a5_len) {
        uint8_t inner[300];
        size_t n = 0;

        if (emuc_tlv_put(inner, sizeof inner, &n, 0x84, aid, aid_len) &&
            emuc_tlv_put(inner, sizeof inner, &n, 0xa5, a5, a5_len))
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x6f, inner, n);
}

const uint8_t *emuc_isd(const struct emuc_chip *c) {
        return c->cfg->old_isd ? emuc_old_isd_aid : emuc_isd_aid;
}

static uint16_t select_isd(struct emuc_chip *c, struct emuc_rsp *r) {
        static const uint8_t a5[] = {0x9f, 0x65, 0x01, 0xff};

        c->selected = EMUC_SEL_ISD;
        if (!(c->cfg->shy & EMUC_SHY_FCI))
                fci(r, emuc_isd(c), sizeof emuc_isd_aid, a5, sizeof a5);
        return c->nvm->card_state == EMUC_CARD_LOCKED ? 0x6283 : 0x9000;
}

static uint16_t select_app(struct emuc_chip *c, struct emuc_rsp *r) {
        struct emuc_tlv a5 = {0};

        if (c->nvm->card_state == EMUC_CARD_LOCKED || c->nvm->card_state == EMUC_CARD_TERMINATED)
                return 0x6a82;
        if (c->nvm->app_state & EMUC_APP_LOCKED_BIT)
                return 0x6283;
        if (c->nvm->app_state == EMUC_APP_PERSONALIZED)
                (void)emuc_app_fci(c->nvm, c->cfg->contactless, &a5);
        c->selected = EMUC_SEL_APP;
        fci(r, emuc_app_aid(c), emuc_app_aid_len(c), a5.value, a5.len);
        return c->nvm->app_blocked ? 0x6283 : 0x9000;
}

uint16_t emuc_gp_select(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        uint16_t sw = 0;

        if (cmd->cla != 0x00 || cmd->p1 != 0x04 || (cmd->p2 & 0xfd) != 0) {
                emuc_violate(c, "SELECT: class %02X, P1 %02X, P2 %02X", cmd->cla, cmd->p1, cmd->p2);
                return cmd->cla ? 0x6e00 : 0x6a86;
        }
        emuc_scp_close(c);
        emuc_perso_close(c);
        memset(&c->tx, 0, sizeof c->tx);
        if (c->nvm->card_blocked)
                return 0x6a81;
        if (cmd->p2 == 0x02)
                return 0x6a82;
        if (emuc_dir_select(c, cmd, r, &sw))
                return sw;
        if (cmd->lc == 0 && (c->cfg->shy & EMUC_SHY_EMPTY_SELECT))
                return 0x6a82;
        if (cmd->lc == 0 || aid_matches(emuc_isd(c), sizeof emuc_isd_aid, cmd->data, cmd->lc))
                return select_isd(c, r);
        if (!c->nvm->app_deleted && aid_matches(emuc_app_aid(c), emuc_app_aid_len(c), cmd->data, cmd->lc))
                return select_app(c, r);
        return 0x6a82;
}

static bool session_needed(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        if (c->scp.state == EMUC_SCP_OPEN)
                return true;
        emuc_violate(c, "INS %02X without a session", cmd->ins);
        return false;
}

static uint16_t secured_command(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        if (!session_needed(c, cmd))
                return 0x6982;
        switch (cmd->ins) {
        case 0xe6:
                return emuc_perso_install(c, cmd, r);
        case 0xe2:
                return emuc_perso_store(c, cmd);
        case 0xd8:
                return emuc_gp_put_key(c, cmd, r);
        case 0xe4:
                return emuc_gp_delete(c, cmd, r);
        default:
                return emuc_gp_status(c, cmd, r);
        }
}

uint16_t emuc_gp_command(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        bool gp_class = (cmd->cla & 0xfb) == 0x80;

        if (!gp_class && !(cmd->cla == 0x00 && cmd->ins == 0xca)) {
                emuc_violate(c, "class %02X for INS %02X", cmd->cla, cmd->ins);
                return 0x6e00;
        }
        switch (cmd->ins) {
        case 0x50:
                if (cmd->cla != 0x80) {
                        emuc_violate(c, "INITIALIZE UPDATE with class %02X", cmd->cla);
                        return 0x6e00;
                }
                return emuc_scp_initialize(c, cmd, r);
        case 0x82:
                if (cmd->cla != 0x84) {
                        emuc_violate(c, "EXTERNAL AUTHENTICATE with class %02X", cmd->cla);
                        return 0x6e00;
                }
                return emuc_scp_authenticate(c, cmd);
        case 0xca:
                return emuc_gp_get_data(c, cmd, r);
        case 0xd8:
        case 0xe2:
        case 0xe4:
        case 0xe6:
        case 0xf0:
        case 0xf2:
                return secured_command(c, cmd, r);
        default:
                emuc_violate(c, "INS %02X", cmd->ins);
                return 0x6d00;
        }
}
