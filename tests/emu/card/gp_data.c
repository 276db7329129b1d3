/* SPDX-License-Identifier: Apache-2.0 */
/* GET DATA, GET STATUS and SET STATUS of the card manager. */
#include "chip.h"
#include "tlv.h"

#include <string.h>

/* Card recognition data: GlobalPlatform 2.3.1 with the protocols this card speaks. */
static uint16_t card_data(const struct emuc_chip *c, struct emuc_rsp *r) {
        static const uint8_t gp[] = {0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x01};
        uint8_t oid[12], inner[96], part[32], outer[128];
        size_t n = 0, m;

        memcpy(oid, gp, 6);
        (void)emuc_tlv_put(inner, sizeof inner, &n, 0x06, gp, sizeof gp);
        memcpy(oid + 6, (const uint8_t[]){0x02, 0x02, 0x03, 0x01}, 4);
        m = 0;
        (void)emuc_tlv_put(part, sizeof part, &m, 0x06, oid, 10);
        (void)emuc_tlv_put(inner, sizeof inner, &n, 0x60, part, m);
        for (unsigned v = 2; v <= 3; v++) {
                if (!emuc_slot_for(c, v))
                        continue;
                memcpy(oid + 6, (const uint8_t[]){0x04, (uint8_t)v, v == 2 ? c->cfg->i02 : c->cfg->i03}, 3);
                m = 0;
                (void)emuc_tlv_put(part, sizeof part, &m, 0x06, oid, 9);
                (void)emuc_tlv_put(inner, sizeof inner, &n, 0x64, part, m);
        }
        m = 0;
        (void)emuc_tlv_put(outer, sizeof outer, &m, 0x73, inner, n);
        (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x66, outer, m);
        return 0x9000;
}

#define MANY_KEYS 40U /* with them the list is longer than a short answer */

/* C0: key id, version, then pairs of type and length. */
static void key_entry(uint8_t *buf, size_t cap, size_t *n, const struct emuc_keyset *set, uint8_t type) {
        for (uint8_t id = 1; id <= 3; id++) {
                uint8_t e[4] = {id, set->kvn, type, (uint8_t)set->key[id - 1].len};
                (void)emuc_tlv_put(buf, cap, n, 0xc0, e, sizeof e);
        }
}

static uint16_t key_information(const struct emuc_chip *c, struct emuc_rsp *r) {
        uint8_t inner[3 * 6 * EMUC_SLOTS_MAX + 6 * MANY_KEYS];
        size_t n = 0;

        for (size_t i = 0; i < c->slot_count; i++)
                if (c->slots[i].there)
                        key_entry(inner, sizeof inner, &n, &c->slots[i].set,
                                  c->slots[i].version == 2 ? 0x80 : 0x88);
        for (uint8_t i = 0; i < MANY_KEYS && c->cfg->extended;
             i++) { /* RSA, for tokens of key version 70 on */
                uint8_t e[4] = {(uint8_t)(1 + i % 4), (uint8_t)(0x70 + i / 4), 0xa1, 0x80};
                (void)emuc_tlv_put(inner, sizeof inner, &n, 0xc0, e, sizeof e);
        }
        (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0xe0, inner, n);
        return 0x9000;
}

static uint16_t sequence_counter(const struct emuc_chip *c, struct emuc_rsp *r) {
        bool two = c->cfg->default_scp == 2 && emuc_slot_for(c, 2);
        uint32_t v = two ? c->nvm->ssc02 : c->nvm->ssc03;
        uint8_t b[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

        (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0xc1, b + (two ? 1 : 0), two ? 2 : 3);
        return 0x9000;
}

uint16_t emuc_gp_get_data(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        if (cmd->lc) {
                emuc_violate(c, "GET DATA with data");
                return 0x6700;
        }
        unsigned tag = (unsigned)cmd->p1 << 8 | cmd->p2;
        if ((c->cfg->shy & EMUC_SHY_CPLC && tag == 0x9f7f) ||
            (c->cfg->shy & EMUC_SHY_DATA && (tag == 0x0066 || tag == 0x00e0)))
                return 0x6a88;
        switch (tag) {
        case 0x9f7f:
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x9f7f, c->nvm->cplc,
                                   sizeof c->nvm->cplc);
                return 0x9000;
        case 0x0066:
                return card_data(c, r);
        case 0x00e0:
                return key_information(c, r);
        case 0x00cf:
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0xcf, c->nvm->kdd, sizeof c->nvm->kdd);
                return 0x9000;
        case 0x00c1:
                return sequence_counter(c, r);
        default:
                return 0x6a88;
        }
}

static const uint8_t package_aid[] = {0xf0, 0x43, 0x57, 0x44, 0x45, 0x42, 0x49, 0x54};

struct entry {
        const uint8_t *aid;
        size_t len;
        uint8_t state, privileges;
};

static void status_entry(const struct emuc_cmd *cmd, struct emuc_rsp *r, const struct entry *e) {
        uint8_t inner[80];
        size_t n = 0;

        if (cmd->p2 & 0x02) {
                (void)emuc_tlv_put(inner, sizeof inner, &n, 0x4f, e->aid, e->len);
                (void)emuc_tlv_put(inner, sizeof inner, &n, 0x9f70, &e->state, 1);
                if (cmd->p1 == 0x40) {
                        (void)emuc_tlv_put(inner, sizeof inner, &n, 0xc5, &e->privileges, 1);
                        (void)emuc_tlv_put(inner, sizeof inner, &n, 0xc4, package_aid, sizeof package_aid);
                } else if (cmd->p1 == 0x80) {
                        (void)emuc_tlv_put(inner, sizeof inner, &n, 0xc5, &e->privileges, 1);
                }
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0xe3, inner, n);
                return;
        }
        uint8_t len = (uint8_t)e->len;
        (void)(emuc_reply(r, &len, 1) && emuc_reply(r, e->aid, e->len) && emuc_reply(r, &e->state, 1) &&
               emuc_reply(r, &e->privileges, 1));
}

static bool matches(const struct emuc_tlv *search, const struct entry *e) {
        return search->len <= e->len && memcmp(search->value, e->aid, search->len) == 0;
}

/* What is asked for and has the name's beginning, in order. */
static size_t status_list(const struct emuc_chip *c, uint8_t p1, const struct emuc_tlv *search,
                          struct entry ret[3]) {
        struct entry all[3];
        size_t n = 0, found = 0;

        if (p1 == 0x80)
                all[n++] = (struct entry){emuc_isd(c), sizeof emuc_isd_aid, c->nvm->card_state, 0x9e};
        for (unsigned dir = 1; p1 == 0x40 && c->cfg->directories && dir <= 2; dir++) {
                size_t len = 0;
                const uint8_t *aid = emuc_dir_aid(dir, &len);
                all[n++] =
                    (struct entry){aid, len, c->nvm->directories & 1U << (dir - 1) ? 0x0f : 0x07, 0x00};
        }
        if (p1 == 0x40 && !c->nvm->app_deleted)
                all[n++] = (struct entry){emuc_app_aid(c), emuc_app_aid_len(c), c->nvm->app_state, 0x00};
        if (p1 == 0x20)
                all[n++] = (struct entry){package_aid, sizeof package_aid, 0x01, 0x00};
        for (size_t i = 0; i < n; i++)
                if (matches(search, &all[i]))
                        ret[found++] = all[i];
        return found;
}

/* One entry an answer, 6310 while there are more: a host that stops at the first has not read the list. */
static uint16_t get_status(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        struct emuc_tlv search;
        struct entry list[3];

        if ((cmd->p2 & 0xfc) != 0) {
                emuc_violate(c, "GET STATUS: P2 %02X", cmd->p2);
                return 0x6a86;
        }
        if (!emuc_tlv_read(cmd->data, cmd->lc, &search) || search.tag != 0x4f) {
                emuc_violate(c, "GET STATUS without search criterion 4F");
                return 0x6a80;
        }
        if (cmd->p1 != 0x80 && cmd->p1 != 0x40 && cmd->p1 != 0x20)
                return 0x6a86; /* no list of modules on this card */
        if ((cmd->p2 & 0x01) && (c->status_p1 != cmd->p1 || c->status_next == 0)) {
                emuc_violate(c, "GET STATUS: next occurrence without a first");
                return 0x6a86;
        }
        size_t at = cmd->p2 & 0x01 ? c->status_next : 0, count = status_list(c, cmd->p1, &search, list);
        c->status_next = 0;
        if (at >= count)
                return 0x6a88;
        status_entry(cmd, r, &list[at]);
        if (at + 1 == count)
                return 0x9000;
        c->status_p1 = cmd->p1;
        c->status_next = at + 1;
        return 0x6310;
}

static uint16_t set_card_state(struct emuc_chip *c, uint8_t to) {
        uint8_t from = c->nvm->card_state;
        bool forward = (from == EMUC_CARD_OP_READY && to == EMUC_CARD_INITIALIZED) ||
                       (from <= EMUC_CARD_INITIALIZED && to == EMUC_CARD_SECURED) ||
                       (from == EMUC_CARD_SECURED && to == EMUC_CARD_LOCKED) ||
                       (from == EMUC_CARD_LOCKED && to == EMUC_CARD_SECURED) || to == EMUC_CARD_TERMINATED;

        if (!forward) {
                emuc_violate(c, "SET STATUS: card %02X to %02X", from, to);
                return 0x6985;
        }
        c->nvm->card_state = to;
        return emuc_save(c, 0x9000);
}

static uint16_t set_app_state(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        if (c->nvm->app_deleted || cmd->lc != emuc_app_aid_len(c) ||
            memcmp(cmd->data, emuc_app_aid(c), cmd->lc) != 0)
                return 0x6a88;
        uint8_t state = c->nvm->app_state & (uint8_t)~EMUC_APP_LOCKED_BIT;
        bool locked = c->nvm->app_state & EMUC_APP_LOCKED_BIT, lock = cmd->p2 & EMUC_APP_LOCKED_BIT;
        /* Locked, unlocked to what it was, or the state it has: only its own data make it PERSONALIZED. */
        if (lock ? locked : cmd->p2 != state) {
                emuc_violate(c, "SET STATUS: application %02X to %02X", c->nvm->app_state, cmd->p2);
                return 0x6985;
        }
        c->nvm->app_state = lock ? state | EMUC_APP_LOCKED_BIT : state;
        return emuc_save(c, 0x9000);
}

static uint16_t set_status(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        if (cmd->p1 == 0x80)
                return set_card_state(c, cmd->p2);
        if (cmd->p1 == 0x40)
                return set_app_state(c, cmd);
        emuc_violate(c, "SET STATUS: P1 %02X", cmd->p1);
        return 0x6a86;
}

uint16_t emuc_gp_status(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        return cmd->ins == 0xf2 ? get_status(c, cmd, r) : set_status(c, cmd);
}
