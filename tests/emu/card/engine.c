/* SPDX-License-Identifier: Apache-2.0 */
/* One APDU in, one out: parsing, secure messaging, dispatch, and what T=0 and T=1 do with Le. */
#include "chip.h"
#include "scp.h"

#include <string.h>

#define CLA_SECURE 0x04U

static bool parse(const uint8_t *p, size_t len, bool extended, struct emuc_cmd *ret) {
        struct emuc_cmd cmd = {0};

        if (len < 4)
                return false;
        cmd.cla = p[0];
        cmd.ins = p[1];
        cmd.p1 = p[2];
        cmd.p2 = p[3];
        if (len == 5) {
                cmd.has_le = true;
                cmd.le = p[4] ? p[4] : 256;
        } else if (extended && len == 7 && p[4] == 0) {
                cmd.has_le = cmd.extended = true;
                cmd.le = p[5] || p[6] ? (size_t)p[5] << 8 | p[6] : 65536;
        } else if (len > 5) {
                cmd.lc = p[4];
                cmd.data = p + 5;
                if (cmd.lc == 0 || len < 5 + cmd.lc || len > 6 + cmd.lc)
                        return false;
                cmd.has_le = len == 6 + cmd.lc;
                if (cmd.has_le)
                        cmd.le = p[len - 1] ? p[len - 1] : 256;
        }
        *ret = cmd;
        return true;
}

/* Commands that make no sense without an answer: under T=1 they need Le. */
static bool wants_answer(uint8_t ins) {
        static const uint8_t list[] = {0x50, 0xca, 0xd8, 0xe4, 0xf2, 0xa8, 0xb2, 0xae, 0x84};

        return memchr(list, ins, sizeof list) != NULL;
}

static bool script_ins(uint8_t ins) {
        return ins == 0x24 || ins == 0x16 || ins == 0x18 || ins == 0x1e;
}

static bool in_session(const struct emuc_chip *c, const struct emuc_cmd *cmd) {
        bool select = cmd->cla == 0x00 && cmd->ins == 0xa4;
        bool restart = cmd->ins == 0x50 || cmd->ins == 0x82;

        return c->scp.state == EMUC_SCP_OPEN && !select && !restart;
}

static uint16_t dispatch(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        if (cmd->ins == 0xa4)
                return emuc_gp_select(c, cmd, r);
        if (c->nvm->card_state == EMUC_CARD_TERMINATED && cmd->ins != 0xca)
                return 0x6985;
        if ((c->selected == EMUC_SEL_PSE || c->selected == EMUC_SEL_PPSE) && cmd->ins == 0xb2)
                return emuc_dir_read(c, cmd, r);
        if (c->selected == EMUC_SEL_APP) {
                bool gp =
                    cmd->ins == 0x50 || cmd->ins == 0xe2 || (cmd->ins == 0x82 && (cmd->cla & 0x80) != 0);
                if (!gp)
                        return emuc_emv_command(c, cmd, r);
        }
        return emuc_gp_command(c, cmd, r);
}

static uint16_t run(struct emuc_chip *c, struct emuc_cmd *cmd, struct emuc_rsp *r) {
        uint8_t clear[256];
        bool open = in_session(c, cmd);
        uint16_t sw;

        if ((cmd->cla & 0x73) != 0) {
                emuc_violate(c, "class %02X", cmd->cla);
                return (cmd->cla & 0x03) != 0 ? 0x6881 : 0x6e00;
        }
        if (open) {
                sw = emuc_scp_unwrap(c, cmd, clear);
                if (sw != 0x9000)
                        return sw;
        } else if ((cmd->cla & CLA_SECURE) && cmd->ins != 0x82 && !script_ins(cmd->ins)) {
                emuc_violate(c, "secure messaging without a session (INS %02X)", cmd->ins);
                return 0x6982;
        }
        if (!c->cfg->t0 && wants_answer(cmd->ins) && !cmd->has_le) {
                emuc_violate(c, "INS %02X without Le", cmd->ins);
                return 0x6700;
        }
        sw = dispatch(c, cmd, r);
        if (open && !emuc_scp_protect(c, r, sw))
                return 0x6f00;
        return sw;
}

static size_t finish(uint8_t *rsp, const uint8_t *data, size_t len, uint16_t sw) {
        if (len)
                memcpy(rsp, data, len);
        rsp[len] = (uint8_t)(sw >> 8);
        rsp[len + 1] = (uint8_t)sw;
        return len + 2;
}

/* Errors carry no data; warnings and success do. */
static bool data_allowed(uint16_t sw) {
        return sw == 0x9000 || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

static size_t answer_t1(struct emuc_chip *c, const struct emuc_cmd *cmd, const struct emuc_rsp *r,
                        uint16_t sw, uint8_t *rsp) {
        if (!data_allowed(sw) || r->len == 0)
                return finish(rsp, NULL, 0, sw);
        if (r->len > 256 && !cmd->extended) {
                emuc_violate(c, "answer of %zu bytes does not fit (INS %02X)", r->len, cmd->ins);
                return finish(rsp, NULL, 0, 0x6f00);
        }
        if (!cmd->has_le && !cmd->secured)
                return finish(rsp, NULL, 0, sw);
        if (cmd->has_le && cmd->le < r->len) {
                emuc_violate(c, "Le %zu for %zu bytes (INS %02X)", cmd->le, r->len, cmd->ins);
                return finish(rsp, NULL, 0, (uint16_t)(0x6c00 | (r->len & 0xff)));
        }
        return finish(rsp, r->data, r->len, sw);
}

/* A command with data, were it only a MAC, leaves its answer for GET RESPONSE; one without must ask for the
 * exact length. */
static size_t answer_t0(struct emuc_chip *c, const struct emuc_cmd *cmd, const struct emuc_rsp *r,
                        uint16_t sw, uint8_t *rsp) {
        if (!data_allowed(sw) || r->len == 0 || r->len > 256)
                return finish(rsp, NULL, 0, r->len > 256 ? 0x6f00 : sw);
        if (cmd->lc || cmd->secured) {
                memcpy(c->pending, r->data, r->len);
                c->pending_len = r->len;
                return finish(rsp, NULL, 0, (uint16_t)(0x6100 | (r->len & 0xff)));
        }
        if (cmd->le != r->len)
                return finish(rsp, NULL, 0, (uint16_t)(0x6c00 | (r->len & 0xff)));
        return finish(rsp, r->data, r->len, sw);
}

static size_t get_response(struct emuc_chip *c, const struct emuc_cmd *cmd, uint8_t *rsp) {
        size_t n = c->pending_len;

        if (c->cfg->own_class && cmd->cla != (c->pending_cla & 0xf3)) {
                emuc_violate(c, "GET RESPONSE of class %02X behind a command of class %02X", cmd->cla,
                             c->pending_cla);
                return finish(rsp, NULL, 0, 0x6e00);
        }
        if (!n || cmd->lc || !cmd->has_le || cmd->p1 || cmd->p2) {
                emuc_violate(c, "GET RESPONSE with nothing to get");
                return finish(rsp, NULL, 0, 0x6985);
        }
        if (cmd->le > n)
                return finish(rsp, NULL, 0, (uint16_t)(0x6c00 | (n & 0xff)));
        finish(rsp, c->pending, cmd->le, 0x9000);
        n = cmd->le;
        memmove(c->pending, c->pending + n, c->pending_len - n);
        c->pending_len -= n;
        if (c->pending_len) {
                rsp[n] = 0x61;
                rsp[n + 1] = (uint8_t)c->pending_len;
        }
        return n + 2;
}

size_t emuc_chip_apdu(struct emuc_chip *c, const uint8_t *p, size_t len, uint8_t *rsp) {
        struct emuc_cmd cmd;
        struct emuc_rsp r = {.len = 0};
        uint16_t sw;

        c->nvm->apdus++;
        if (!parse(p, len, c->cfg->extended && !c->cfg->t0, &cmd)) {
                emuc_violate(c, "command of %zu bytes with a wrong length (INS %02X)", len,
                             len > 1 ? p[1] : 0U);
                return finish(rsp, NULL, 0, 0x6700);
        }
        if (c->cfg->t0 && cmd.ins == 0xc0 && (cmd.cla & 0x7f) == 0)
                return get_response(c, &cmd, rsp);
        c->pending_len = 0;
        c->pending_cla = cmd.cla;
        if (c->cfg->t0 && cmd.lc && cmd.has_le) {
                emuc_violate(c, "T=0: Le after data (INS %02X)", cmd.ins);
                return finish(rsp, NULL, 0, 0x6700);
        }
        if (cmd.extended)
                c->nvm->extended++;
        sw = run(c, &cmd, &r);
        return c->cfg->t0 ? answer_t0(c, &cmd, &r, sw, rsp) : answer_t1(c, &cmd, &r, sw, rsp);
}
