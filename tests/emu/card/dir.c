/* SPDX-License-Identifier: Apache-2.0 */
/* The payment system environments: PSE (EMV Book 1, 12.2) for contacts, PPSE (Contactless Book B, 3.3). */
#include "chip.h"
#include "tlv.h"

#include <string.h>

#define FCI_ID 0x9102U
#define NAME_LEN 14U

static const char *const names[2] = {"1PAY.SYS.DDF01", "2PAY.SYS.DDF01"};

const uint8_t *emuc_dir_aid(unsigned dir, size_t *ret_len) {
        *ret_len = NAME_LEN;
        return (const uint8_t *)names[dir - 1];
}

unsigned emuc_dir_named(const struct emuc_chip *c, const uint8_t *name, size_t len) {
        for (unsigned i = 0; c->cfg->directories && i < 2; i++)
                if (len == NAME_LEN && memcmp(name, names[i], NAME_LEN) == 0)
                        return i + 1;
        return 0;
}

/* At least one entry 61 with a 4F of 5 to 16 bytes, at this level. */
static bool has_entry(const uint8_t *p, size_t len) {
        struct emuc_tlv entry, adf;

        return emuc_tlv_find(p, len, 0x61, &entry) && emuc_tlv_find(entry.value, entry.len, 0x4f, &adf) &&
               adf.len >= 5 && adf.len <= 16;
}

uint16_t emuc_dir_store(struct emuc_chip *c, uint16_t id, const uint8_t *value, size_t len,
                        bool was_encrypted) {
        struct emuc_tlv t;
        unsigned tag = id == FCI_ID ? 0xa5 : 0x70;

        if (id != FCI_ID && (id < 0x0101 || id > 0x0aff || (id & 0xff) == 0)) {
                emuc_violate(c, "DGI %04X is unknown to a directory", id);
                return 0x6a88;
        }
        if (was_encrypted || !emuc_tlv_read(value, len, &t) || t.tag != tag || t.total != len ||
            (tag == 0x70 && (len > 254 || !has_entry(t.value, t.len)))) {
                emuc_violate(c, "DGI %04X of a directory: content of %zu bytes", id, len);
                return 0x6a80;
        }
        return emuc_nvm_put_dgi(c->nvm, EMUC_DIR_ID(c->perso.dir, id), value, len) ? 0x9000 : 0x6a84;
}

static bool pse_complete(const struct emuc_chip *c, const struct emuc_tlv *a5) {
        struct emuc_tlv sfi;

        return emuc_tlv_find(a5->value, a5->len, 0x88, &sfi) && sfi.len == 1 && sfi.value[0] >= 1 &&
               sfi.value[0] <= 10 && emuc_nvm_dgi(c->nvm, EMUC_DIR_ID(1, (uint32_t)(sfi.value[0] << 8 | 1)));
}

uint16_t emuc_dir_complete(struct emuc_chip *c) {
        const struct emuc_dgi *fci = emuc_nvm_dgi(c->nvm, EMUC_DIR_ID(c->perso.dir, FCI_ID));
        struct emuc_tlv a5, bf0c;
        bool ok = fci && emuc_tlv_read(fci->value, fci->len, &a5);

        if (ok && c->perso.dir == 1)
                ok = pse_complete(c, &a5);
        else if (ok)
                ok = emuc_tlv_find(a5.value, a5.len, 0xbf0c, &bf0c) && has_entry(bf0c.value, bf0c.len);
        if (!ok) {
                emuc_violate(c, "directory %u incomplete", c->perso.dir);
                return 0x6a86;
        }
        c->nvm->directories |= 1U << (c->perso.dir - 1);
        return 0x9000;
}

bool emuc_dir_select(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r, uint16_t *ret_sw) {
        unsigned dir = emuc_dir_named(c, cmd->data, cmd->lc);
        const struct emuc_dgi *fci;
        uint8_t inner[300];
        size_t n = 0;

        if (!dir)
                return false;
        *ret_sw = 0x6a82;
        if ((c->cfg->contactless && dir == 1) || !(c->nvm->directories & 1U << (dir - 1)) ||
            !(fci = emuc_nvm_dgi(c->nvm, EMUC_DIR_ID(dir, FCI_ID))) || fci->len > 200)
                return true;
        (void)emuc_tlv_put(inner, sizeof inner, &n, 0x84, names[dir - 1], NAME_LEN);
        memcpy(inner + n, fci->value, fci->len);
        (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x6f, inner, n + fci->len);
        c->selected = dir == 1 ? EMUC_SEL_PSE : EMUC_SEL_PPSE;
        *ret_sw = 0x9000;
        return true;
}

uint16_t emuc_dir_read(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        const struct emuc_dgi *d;
        unsigned sfi = cmd->p2 >> 3;

        if (cmd->cla != 0 || (cmd->p2 & 0x07) != 0x04 || cmd->p1 == 0 || cmd->lc || sfi < 1 || sfi > 10) {
                emuc_violate(c, "READ RECORD of a directory: P1 %02X, P2 %02X", cmd->p1, cmd->p2);
                return 0x6a86;
        }
        d = emuc_nvm_dgi(c->nvm, EMUC_DIR_ID(1, sfi << 8 | cmd->p1));
        if (c->selected != EMUC_SEL_PSE || !d)
                return 0x6a83;
        return emuc_reply(r, d->value, d->len) ? 0x9000 : 0x6f00;
}
