/* SPDX-License-Identifier: Apache-2.0 */
#include "chip.h"
#include "scp.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t emuc_isd_aid[8] = {0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00};
const uint8_t emuc_old_isd_aid[8] = {0xa0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00};
static const uint8_t test_aid[9] = {0xf0, 0x43, 0x57, 0x44, 0x45, 0x42, 0x49, 0x54, 0x01};

/* Card capabilities: extended Lc and Le. */
static const uint8_t capable[5] = {0x80, 0x73, 0x00, 0x00, 0x40};
static const uint8_t historical[6] = {'C', 'W', 'E', 'M', 'U', '1'};

void emuc_violate(struct emuc_chip *c, const char *fmt, ...) {
        char text[200];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        c->violation(c->violation_ctx, text);
}

/* A chip that cannot write its memory says so (6581). */
uint16_t emuc_save(struct emuc_chip *c, uint16_t sw) {
        return emuc_nvm_save(c->nvm) == 0 ? sw : 0x6581;
}

bool emuc_reply(struct emuc_rsp *r, const void *p, size_t len) {
        if (len > sizeof r->data - r->len)
                return false;
        if (len)
                memcpy(r->data + r->len, p, len);
        r->len += len;
        return true;
}

bool emuc_chip_new(const struct emuc_config *cfg, const struct emuc_keys *keys, struct emuc_nvm *nvm,
                   emuc_violation_fn violation, void *ctx, struct emuc_chip **ret) {
        struct emuc_chip *c = calloc(1, sizeof *c);

        if (!c) {
                emuc_nvm_free(nvm);
                return false;
        }
        c->cfg = cfg;
        c->nvm = nvm;
        c->violation = violation;
        c->violation_ctx = ctx;
        c->slots[0].version = 2;
        c->slots[1].version = 3;
        c->slots[0].there = emuc_keys_derive(&keys->scp02, nvm->kdd, &c->slots[0].set);
        c->slots[1].there = emuc_keys_derive(&keys->scp03, nvm->kdd, &c->slots[1].set);
        c->slot_count = 2;
        for (size_t i = 0; i < nvm->put_count; i++)
                emuc_slots_apply(c, &nvm->puts[i]);
        if (!c->slots[0].there && !c->slots[1].there && nvm->put_count == 0) {
                emuc_chip_free(c);
                return false;
        }
        emuc_chip_reset(c);
        *ret = c;
        return true;
}

void emuc_chip_free(struct emuc_chip *c) {
        if (!c)
                return;
        emuc_nvm_free(c->nvm);
        OPENSSL_cleanse(c, sizeof *c);
        free(c);
}

void emuc_chip_reset(struct emuc_chip *c) {
        c->selected = EMUC_SEL_ISD;
        c->pending_len = 0;
        c->status_next = 0;
        OPENSSL_cleanse(&c->tx, sizeof c->tx);
        emuc_scp_close(c);
        emuc_perso_close(c);
}

size_t emuc_chip_atr(const struct emuc_chip *c, uint8_t ret[33]) {
        size_t n = 0;
        uint8_t tck = 0;

        const uint8_t *told = c->cfg->extended ? capable : historical;
        const uint8_t told_len = c->cfg->extended ? sizeof capable : sizeof historical;

        ret[n++] = 0x3b;
        if (c->cfg->contactless) { /* as PC/SC part 3 makes one up for a card without contacts */
                ret[n++] = 0x80 | told_len;
                ret[n++] = 0x80;
                ret[n++] = 0x01;
        } else if (c->cfg->t0) {
                ret[n++] = told_len;
        } else {
                ret[n++] = 0x80 | told_len;
                ret[n++] = 0x01;
        }
        memcpy(ret + n, told, told_len);
        n += told_len;
        if (!c->cfg->t0) {
                for (size_t i = 1; i < n; i++)
                        tck ^= ret[i];
                ret[n++] = tck;
        }
        return n;
}

const uint8_t *emuc_app_aid(const struct emuc_chip *c) {
        return c->cfg->aid_len ? c->cfg->aid : test_aid;
}

size_t emuc_app_aid_len(const struct emuc_chip *c) {
        return c->cfg->aid_len ? c->cfg->aid_len : sizeof test_aid;
}
