/* SPDX-License-Identifier: Apache-2.0 */
/* What each data grouping of the debit application must look like. */
#include "appdata.h"
#include "chip.h"
#include "des.h"

#include <openssl/crypto.h>
#include <string.h>

struct rule {
        uint16_t first, last;
        enum { CLEAR, SECRET, EITHER } how;
        bool (*check)(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len);
};

static bool is_record(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len) {
        struct emuc_tlv t;

        (void)c;
        return (id & 0xff) != 0 && len <= 254 && emuc_tlv_read(v, len, &t) && t.tag == 0x70 &&
               t.total == len && emuc_tlv_valid(t.value, t.len);
}

static bool is_anything(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len) {
        (void)c;
        (void)id;
        (void)v;
        return len > 0;
}

static bool is_objects(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len) {
        (void)c;
        (void)id;
        return len > 0 && emuc_tlv_valid(v, len);
}

static bool is_fci(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len) {
        struct emuc_tlv a5, pdol;

        (void)c;
        (void)id;
        if (!emuc_tlv_read(v, len, &a5) || a5.tag != 0xa5 || a5.total != len ||
            !emuc_tlv_valid(a5.value, a5.len))
                return false;
        return !emuc_tlv_find(a5.value, a5.len, 0x9f38, &pdol) || emuc_dol_total(pdol.value, pdol.len) <= 250;
}

static bool is_gpo(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len) {
        struct emuc_tlv aip, afl;

        (void)c;
        (void)id;
        return emuc_tlv_valid(v, len) && emuc_tlv_find(v, len, 0x82, &aip) && aip.len == 2 &&
               emuc_tlv_find(v, len, 0x94, &afl) && afl.len >= 4 && afl.len % 4 == 0 &&
               aip.total + afl.total == len;
}

bool emuc_kcvs_agree(bool aes, const uint8_t *keys, size_t len, const uint8_t *kcvs) {
        struct emuc_aes_key key = {.len = len / 3};
        uint8_t kcv[3];

        for (size_t i = 0; i < 3; i++) {
                memcpy(key.bytes, keys + i * key.len, key.len);
                if (!(aes ? emuc_aes_kcv(&key, kcv) : emuc_des3_kcv(key.bytes, kcv)) ||
                    CRYPTO_memcmp(kcv, kcvs + i * 3, 3) != 0)
                        return false;
        }
        return true;
}

/* What the keys are for is known when all groupings are there. */
static bool kcvs_of_some_kind(const uint8_t *keys, size_t len, const uint8_t *kcvs) {
        return emuc_kcvs_agree(true, keys, len, kcvs) ||
               (len == 48 && emuc_kcvs_agree(false, keys, len, kcvs));
}

static bool is_keys(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len) {
        const struct emuc_dgi *kcv = emuc_nvm_dgi(c->nvm, 0x9000);

        (void)id;
        return (len == 48 || len == 72 || len == 96) && (!kcv || kcvs_of_some_kind(v, len, kcv->value));
}

static bool is_kcvs(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len) {
        const struct emuc_dgi *keys = emuc_nvm_dgi(c->nvm, 0x8000);

        (void)id;
        return len == 9 && (!keys || kcvs_of_some_kind(keys->value, keys->len, v));
}

/* ISO 9564 format 2: 2 L, digits, F to the end. */
static bool is_pin(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len) {
        unsigned digits = len == 8 ? v[0] & 0x0fU : 0;

        (void)c;
        (void)id;
        if (len != 8 || v[0] >> 4 != 2 || digits < 4 || digits > 12)
                return false;
        for (unsigned i = 0; i < 14; i++) {
                unsigned nibble = i % 2 ? v[1 + i / 2] & 0x0fU : (unsigned)(v[1 + i / 2] >> 4);
                if (i < digits ? nibble > 9 : nibble != 0xf)
                        return false;
        }
        return true;
}

static bool is_tries(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len) {
        (void)c;
        (void)id;
        return len == 2 && v[0] >= 1 && v[1] >= v[0] && v[1] <= 15;
}

static const struct rule rules[] = {
    {0x0062, 0x0062, CLEAR, is_objects},   {0x0101, 0x0aff, CLEAR, is_record},
    {0x0d01, 0x0d01, CLEAR, is_objects},   {0x0e01, 0x0e01, CLEAR, is_objects},
    {0x0b01, 0x1eff, CLEAR, is_anything},  {0x3000, 0x3001, CLEAR, is_objects},
    {0x7fff, 0x7fff, CLEAR, is_anything},  {0x8000, 0x8000, SECRET, is_keys},
    {0x8010, 0x8010, SECRET, is_pin},      {0x8101, 0x8106, SECRET, is_anything},
    {0x8201, 0x8205, SECRET, is_anything}, {0x8301, 0x8305, SECRET, is_anything},
    {0x9000, 0x9000, EITHER, is_kcvs},     {0x9010, 0x9010, CLEAR, is_tries},
    {0x9102, 0x9102, CLEAR, is_fci},       {0x9103, 0x9103, CLEAR, is_fci},
    {0x9104, 0x9104, CLEAR, is_gpo},       {0x9203, 0x9203, CLEAR, is_gpo},
    {0x9200, 0x9200, CLEAR, is_anything},
};

static const struct rule *rule_for(uint16_t id) {
        for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
                if (id >= rules[i].first && id <= rules[i].last)
                        return &rules[i];
        return NULL;
}

/* Enciphered values come as they are when they fill blocks, else with padding 80. */
static size_t clear_length(uint16_t id, const uint8_t *v, size_t len) {
        size_t keys = len >= 96 ? 96 : len >= 72 ? 72 : 48;
        size_t natural = id == 0x8000 ? keys : id == 0x8010 ? 8 : id == 0x9000 ? 9 : 0;
        size_t bare = natural ? SIZE_MAX : len;

        if (natural && len > natural)
                bare = emuc_unpad80(v, len, len - natural <= 8 ? 8 : 16);
        return natural && bare == natural ? natural : len;
}

static void keep_pin(struct emuc_chip *c, uint16_t id, const uint8_t *v) {
        if (id == 0x8010) {
                memcpy(c->nvm->pin, v, 8);
                c->nvm->has_pin = true;
        } else {
                c->nvm->pin_tries = v[0];
                c->nvm->pin_limit = v[1];
        }
}

uint16_t emuc_dgi_store(struct emuc_chip *c, uint16_t id, const uint8_t *v, size_t len, bool was_encrypted) {
        const struct rule *rule = rule_for(id);

        if (!rule) {
                emuc_violate(c, "DGI %04X is unknown", id);
                return 0x6a88;
        }
        if (rule->how != EITHER && was_encrypted != (rule->how == SECRET)) {
                emuc_violate(c, "DGI %04X %s", id, was_encrypted ? "enciphered" : "in clear");
                return 0x6a80;
        }
        if (was_encrypted)
                len = clear_length(id, v, len);
        if (!rule->check(c, id, v, len)) {
                emuc_violate(c, "DGI %04X: content of %zu bytes", id, len);
                return 0x6a80;
        }
        if (emuc_nvm_dgi(c->nvm, id))
                emuc_violate(c, "DGI %04X sent twice", id);
        if (id == 0x8010 || id == 0x9010)
                keep_pin(c, id, v);
        return emuc_nvm_put_dgi(c->nvm, id, v, len) ? 0x9000 : 0x6a84;
}
