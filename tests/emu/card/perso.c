/* SPDX-License-Identifier: Apache-2.0 */
/* INSTALL [for personalization] and STORE DATA in DGI format: block numbers, DGIs that share or span
 * commands, DEK. */
#include "chip.h"
#include "scp.h"

#include <openssl/crypto.h>
#include <string.h>

#define P1_LAST 0x80U
#define P1_ENCRYPTED 0x60U
#define P1_FORMAT 0x18U
#define P1_FORMAT_DGI 0x08U

void emuc_perso_close(struct emuc_chip *c) {
        OPENSSL_cleanse(&c->perso, sizeof c->perso);
}

/* Data field of INSTALL [for personalization]: 00 00 LV(application) 00 00 00. */
static bool names_application(const struct emuc_chip *c, const struct emuc_cmd *cmd, bool *ret_known,
                              unsigned *ret_dir) {
        const uint8_t *d = cmd->data;

        if (cmd->lc < 6 || d[0] != 0 || d[1] != 0 || d[2] < 5 || cmd->lc != 6U + d[2])
                return false;
        if (d[3 + d[2]] || d[4 + d[2]] || d[5 + d[2]])
                return false;
        *ret_dir = emuc_dir_named(c, d + 3, d[2]);
        *ret_known = *ret_dir || (!c->nvm->app_deleted && d[2] == emuc_app_aid_len(c) &&
                                  memcmp(d + 3, emuc_app_aid(c), d[2]) == 0);
        return true;
}

static uint16_t start(struct emuc_chip *c, unsigned dir) {
        if (dir ? (c->nvm->directories & 1U << (dir - 1)) != 0 : c->nvm->app_state != EMUC_APP_SELECTABLE) {
                emuc_violate(c, "personalisation of an application that is personalised (%u)", dir);
                return 0x6985;
        }
        emuc_perso_close(c);
        emuc_nvm_clear_app(c->nvm, dir);
        c->perso.dir = dir;
        c->perso.open = true;
        return emuc_save(c, 0x9000);
}

uint16_t emuc_perso_install(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        static const uint8_t nothing = 0x00;
        bool known = false;
        unsigned dir = 0;
        uint16_t sw;

        if (cmd->p1 != 0x20 || cmd->p2 != 0x00) {
                emuc_violate(c, "INSTALL: P1 %02X, P2 %02X", cmd->p1, cmd->p2);
                return 0x6a86;
        }
        if (!names_application(c, cmd, &known, &dir)) {
                emuc_violate(c, "INSTALL [for personalization]: data field");
                return 0x6a80;
        }
        if (!known) {
                emuc_violate(c, "INSTALL [for personalization]: no such application");
                return 0x6a88;
        }
        sw = start(c, dir);
        if (sw == 0x9000 && cmd->has_le)
                (void)emuc_reply(r, &nothing, 1);
        return sw;
}

static uint16_t check_header(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        uint8_t enc = cmd->p1 & P1_ENCRYPTED, format = cmd->p1 & P1_FORMAT;

        if ((cmd->p1 & 0x07) || (enc != 0 && enc != P1_ENCRYPTED) ||
            (format != 0 && format != P1_FORMAT_DGI)) {
                emuc_violate(c, "STORE DATA: P1 %02X", cmd->p1);
                return 0x6a86;
        }
        if (cmd->p2 != c->perso.next_block) {
                emuc_violate(c, "STORE DATA: block %02X, expected %02X", cmd->p2, c->perso.next_block);
                return 0x6a86;
        }
        if (c->perso.stream_len && c->perso.stream_encrypted != (enc != 0)) {
                emuc_violate(c, "STORE DATA: encryption changes inside a DGI");
                return 0x6a80;
        }
        if (cmd->lc == 0 || cmd->lc > sizeof c->perso.stream - c->perso.stream_len) {
                emuc_violate(c, "STORE DATA without data");
                return 0x6700;
        }
        return 0x9000;
}

/* Length of the DGI's head, 0 = not all there yet. */
static size_t dgi_head(const uint8_t *p, size_t len, size_t *ret_value_len) {
        if (len < 3)
                return 0;
        if (p[2] != 0xff) {
                *ret_value_len = p[2];
                return 3;
        }
        if (len < 5)
                return 0;
        *ret_value_len = (size_t)p[3] << 8 | p[4];
        return 5;
}

static uint16_t take_one(struct emuc_chip *c, uint8_t *p, size_t head, size_t value_len) {
        uint16_t id = (uint16_t)(p[0] << 8 | p[1]);

        if (head == 5 && value_len < 0xff)
                emuc_violate(c, "DGI %04X: long length for %zu bytes", id, value_len);
        if (c->perso.stream_encrypted && !emuc_scp_dek_open(c, p + head, value_len)) {
                emuc_violate(c, "DGI %04X: enciphered length %zu", id, value_len);
                return 0x6a80;
        }
        return c->perso.dir ? emuc_dir_store(c, id, p + head, value_len, c->perso.stream_encrypted)
                            : emuc_dgi_store(c, id, p + head, value_len, c->perso.stream_encrypted);
}

static uint16_t take_all(struct emuc_chip *c) {
        struct emuc_perso *p = &c->perso;
        size_t value_len = 0, head;

        while ((head = dgi_head(p->stream, p->stream_len, &value_len)) != 0 &&
               p->stream_len - head >= value_len) {
                size_t total = head + value_len;
                uint16_t sw = take_one(c, p->stream, head, value_len);
                OPENSSL_cleanse(p->stream, total);
                memmove(p->stream, p->stream + total, p->stream_len - total);
                p->stream_len -= total;
                if (sw != 0x9000) {
                        p->stream_len = 0;
                        return sw;
                }
        }
        return 0x9000;
}

static uint16_t finish(struct emuc_chip *c) {
        uint16_t sw;

        if (c->perso.stream_len) {
                emuc_violate(c, "STORE DATA: last block ends inside a DGI");
                emuc_perso_close(c);
                return 0x6a80;
        }
        bool directory = c->perso.dir != 0;
        sw = directory ? emuc_dir_complete(c) : emuc_dgi_complete(c);
        emuc_perso_close(c);
        if (sw != 0x9000 || directory)
                return sw;
        c->nvm->app_state = EMUC_APP_PERSONALIZED;
        return 0x9000;
}

uint16_t emuc_perso_store(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        uint16_t sw;

        if (!c->perso.open && c->selected == EMUC_SEL_APP) {
                sw = start(c, 0); /* the application itself is selected: no INSTALL [for personalization] */
                if (sw != 0x9000)
                        return sw;
        }
        if (!c->perso.open) {
                emuc_violate(c, "STORE DATA without INSTALL [for personalization]");
                return 0x6985;
        }
        sw = check_header(c, cmd);
        if (sw != 0x9000)
                return sw;
        c->perso.next_block++;
        c->perso.stream_encrypted = (cmd->p1 & P1_ENCRYPTED) != 0;
        memcpy(c->perso.stream + c->perso.stream_len, cmd->data, cmd->lc);
        c->perso.stream_len += cmd->lc;
        sw = take_all(c);
        if (sw == 0x9000 && (cmd->p1 & P1_LAST))
                sw = finish(c);
        return emuc_save(c, sw);
}
