/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PUT KEY (11.8, Amendment D 7.2) and DELETE (11.2) of the card manager. A key set is taken whole or not at
 * all: each key is opened with the DEK and must have the check value that came with it.
 */
#include "des.h"
#include "scp.h"

#include <openssl/crypto.h>
#include <string.h>

#define KEY_DES 0x80U
#define KEY_AES 0x88U
#define ALL_FROM_1 0x81U
#define SW_ALGORITHM 0x9484U
#define SW_CHECK_VALUE 0x9485U

const struct emuc_keyslot *emuc_slot_for(const struct emuc_chip *c, unsigned version) {
        for (size_t i = 0; i < c->slot_count; i++)
                if (c->slots[i].there && c->slots[i].version == version)
                        return &c->slots[i];
        return NULL;
}

const struct emuc_keyslot *emuc_slot_named(const struct emuc_chip *c, uint8_t kvn) {
        for (size_t i = 0; i < c->slot_count; i++)
                if (c->slots[i].there && c->slots[i].set.kvn == kvn)
                        return &c->slots[i];
        return NULL;
}

void emuc_slots_apply(struct emuc_chip *c, const struct emuc_put *put) {
        struct emuc_keyslot *slot = &c->slots[c->slot_count];

        for (size_t i = 0; put->replaces && i < c->slot_count; i++)
                if (c->slots[i].there && c->slots[i].set.kvn == put->replaces)
                        slot = &c->slots[i];
        if (slot == &c->slots[c->slot_count])
                c->slot_count++;
        slot->there = true;
        slot->version = put->type == KEY_AES ? 3 : 2;
        slot->set.kvn = put->kvn;
        for (size_t k = 0; k < 3; k++) {
                slot->set.key[k].len = put->len;
                memcpy(slot->set.key[k].bytes, put->key[k], put->len);
        }
}

/* Table 11-65: an unused version is added, an existing one replaced by itself or by an unused one. */
static uint16_t check_versions(struct emuc_chip *c, const struct emuc_cmd *cmd, uint8_t kvn) {
        bool there = emuc_slot_named(c, kvn) != NULL;

        if (cmd->p1 > 0x7f || kvn == 0 || kvn > 0x7f) {
                emuc_violate(c, "PUT KEY: versions %02X, %02X", cmd->p1, kvn);
                return cmd->p1 > 0x7f ? 0x6a86 : 0x6a80;
        }
        if (cmd->p1 && !emuc_slot_named(c, cmd->p1)) {
                emuc_violate(c, "PUT KEY: no key version %02X to replace", cmd->p1);
                return 0x6a88;
        }
        if (there && kvn != cmd->p1) {
                emuc_violate(c, "PUT KEY: key version %02X is there already", kvn);
                return 0x6a80;
        }
        if (c->nvm->put_count == EMUC_PUTS_MAX)
                return 0x6a84;
        return 0x9000;
}

static bool check_value(uint8_t type, const uint8_t *key, size_t len, uint8_t ret[3]) {
        struct emuc_aes_key aes = {.len = len};

        if (type == KEY_DES)
                return emuc_des3_kcv(key, ret);
        memcpy(aes.bytes, key, len);
        return emuc_aes_kcv(&aes, ret);
}

/* Key strength: nothing travels under a key that is weaker than itself. */
static bool dek_strong_enough(const struct emuc_chip *c, uint8_t type, size_t len) {
        return type == KEY_DES || (c->scp.version == 3 && len <= c->scp.dek.len);
}

/* One key data field: type, length, [clear length,] value under the DEK, length of KCV, KCV. */
static uint16_t take_key(struct emuc_chip *c, const uint8_t **at, size_t *left, struct emuc_put *put,
                         size_t k, uint8_t ret_kcv[3]) {
        const uint8_t *p = *at;
        uint8_t value[48], good[3];
        size_t head = 2, len, clear;
        uint16_t sw = 0x9000;

        if (*left < 3 || (p[0] != KEY_DES && p[0] != KEY_AES))
                return *left < 3 ? 0x6a80 : SW_ALGORITHM;
        len = p[1];
        clear = len;
        if (p[0] == KEY_AES) {
                clear = p[2];
                head = 3;
                len--;
        }
        size_t unit = c->scp.version == 2 ? 8 : 16;
        bool fits = p[0] == KEY_DES ? clear == 16 : clear == 16 || clear == 24 || clear == 32;
        if (!fits || len != (clear + unit - 1) / unit * unit || *left < head + len + 4 || p[head + len] != 3)
                return 0x6a80;
        if (!dek_strong_enough(c, p[0], clear) || (k > 0 && (put->type != p[0] || put->len != clear)))
                return SW_ALGORITHM;
        memcpy(value, p + head, len);
        if (!emuc_scp_dek_open(c, value, len) || !check_value(p[0], value, clear, good))
                sw = 0x6f00;
        else if (CRYPTO_memcmp(good, p + head + len + 1, 3) != 0)
                sw = SW_CHECK_VALUE;
        put->type = p[0];
        put->len = clear;
        memcpy(put->key[k], value, clear);
        memcpy(ret_kcv, good, 3);
        OPENSSL_cleanse(value, sizeof value);
        *at += head + len + 4;
        *left -= head + len + 4;
        return sw;
}

uint16_t emuc_gp_put_key(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        struct emuc_put put = {0};
        const uint8_t *at = cmd->data + 1;
        size_t left = cmd->lc ? cmd->lc - 1 : 0;
        uint8_t answer[10];
        uint16_t sw;

        if (cmd->p2 != ALL_FROM_1 || cmd->lc < 2 || !cmd->secured) {
                emuc_violate(c, "PUT KEY: P2 %02X, Lc %zu", cmd->p2, cmd->lc);
                return !cmd->secured ? 0x6982 : cmd->lc < 2 ? 0x6a80 : 0x6a86;
        }
        put.kvn = answer[0] = cmd->data[0];
        put.replaces = cmd->p1;
        sw = check_versions(c, cmd, put.kvn);
        for (size_t k = 0; k < 3 && sw == 0x9000; k++)
                sw = take_key(c, &at, &left, &put, k, answer + 1 + 3 * k);
        if (sw == 0x9000 && left)
                sw = 0x6a80;
        if (sw == 0x9000) {
                c->nvm->puts[c->nvm->put_count++] = put;
                emuc_slots_apply(c, &put);
                (void)emuc_reply(r, answer, sizeof answer);
                sw = emuc_save(c, sw);
        } else {
                emuc_violate(c, "PUT KEY: %04X", sw);
        }
        OPENSSL_cleanse(&put, sizeof put);
        return sw;
}

/* Only the application: neither the issuer domain nor what does not exist. */
uint16_t emuc_gp_delete(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        static const uint8_t nothing = 0x00;
        const uint8_t *aid = cmd->data + 2;
        size_t len = cmd->lc >= 2 ? cmd->data[1] : 0;

        if (cmd->p1 != 0 || (cmd->p2 != 0x00 && cmd->p2 != 0x80)) {
                emuc_violate(c, "DELETE: P1 %02X, P2 %02X", cmd->p1, cmd->p2);
                return 0x6a86;
        }
        if (cmd->lc < 7 || cmd->data[0] != 0x4f || cmd->lc != 2 + len) {
                emuc_violate(c, "DELETE: no 4F with a name");
                return 0x6a80;
        }
        if (len == sizeof emuc_isd_aid && memcmp(aid, emuc_isd(c), len) == 0) {
                emuc_violate(c, "DELETE of the issuer domain");
                return 0x6985;
        }
        if (c->nvm->app_deleted || len != emuc_app_aid_len(c) || memcmp(aid, emuc_app_aid(c), len) != 0)
                return 0x6a88;
        emuc_nvm_clear_app(c->nvm, 0);
        c->nvm->app_deleted = true;
        c->nvm->app_state = EMUC_APP_SELECTABLE;
        (void)emuc_reply(r, &nothing, 1);
        return emuc_save(c, 0x9000);
}
