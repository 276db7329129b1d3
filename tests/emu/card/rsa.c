/* SPDX-License-Identifier: Apache-2.0 */
#include "rsa.h"

#include "appdata.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { Q_INV, DQ, DP, Q, P, PARTS };

struct key {
        BN_CTX *ctx;
        BIGNUM *part[PARTS]; /* CRT form */
        BIGNUM *d, *n;       /* plain form */
        size_t n_len;
};

static void key_done(struct key *k) {
        for (size_t i = 0; i < PARTS; i++)
                BN_clear_free(k->part[i]);
        BN_clear_free(k->d);
        BN_free(k->n);
        BN_CTX_free(k->ctx);
}

/* Primes and moduli are odd: an even end is padding. */
static size_t length_of_odd(const struct emuc_dgi *d) {
        size_t len = d->len;

        while (len && d->value[len - 1] == 0x00)
                len--;
        return len && d->value[len - 1] == 0x80 ? len - 1 : d->len;
}

static BIGNUM *number(const struct emuc_dgi *d, size_t len) {
        return d && d->len >= len ? BN_bin2bn(d->value, (int)len, NULL) : NULL;
}

static bool read_crt(const struct emuc_nvm *nvm, struct key *k) {
        const struct emuc_dgi *p = emuc_nvm_dgi(nvm, 0x8205);
        size_t half = p ? length_of_odd(p) : 0;

        if (half < 32 || half > EMUC_RSA_MAX / 2)
                return false;
        for (unsigned i = 0; i < PARTS; i++)
                if (!(k->part[i] = number(emuc_nvm_dgi(nvm, (uint16_t)(0x8201 + i)), half)))
                        return false;
        k->n = BN_new();
        k->n_len = 2 * half;
        return k->n && BN_mul(k->n, k->part[P], k->part[Q], k->ctx) == 1 && BN_is_odd(k->n);
}

static bool read_plain(const struct emuc_nvm *nvm, struct key *k) {
        const struct emuc_dgi *n = emuc_nvm_dgi(nvm, 0x8103);

        k->n_len = n ? length_of_odd(n) : 0;
        if (k->n_len < 64 || k->n_len > EMUC_RSA_MAX)
                return false;
        k->n = number(n, k->n_len);
        k->d = number(emuc_nvm_dgi(nvm, 0x8101), k->n_len);
        return k->n && k->d;
}

static bool key_read(const struct emuc_nvm *nvm, struct key *k) {
        *k = (struct key){.ctx = BN_CTX_new()};
        bool ok = k->ctx && (emuc_nvm_dgi(nvm, 0x8205) ? read_crt(nvm, k) : read_plain(nvm, k));

        if (!ok)
                key_done(k);
        return ok;
}

/* Garner: s = m2 + q * (q_inv * (m1 - m2) mod p) */
static bool power_crt(const struct key *k, const BIGNUM *m, BIGNUM *s) {
        BIGNUM *m1 = BN_new(), *m2 = BN_new(), *x = BN_new();
        bool ok = m1 && m2 && x && BN_mod(x, m, k->part[P], k->ctx) == 1 &&
                  BN_mod_exp(m1, x, k->part[DP], k->part[P], k->ctx) == 1 &&
                  BN_mod(x, m, k->part[Q], k->ctx) == 1 &&
                  BN_mod_exp(m2, x, k->part[DQ], k->part[Q], k->ctx) == 1 &&
                  BN_mod_sub(x, m1, m2, k->part[P], k->ctx) == 1 &&
                  BN_mod_mul(x, x, k->part[Q_INV], k->part[P], k->ctx) == 1 &&
                  BN_mul(s, x, k->part[Q], k->ctx) == 1 && BN_add(s, s, m2) == 1;

        BN_clear_free(m1);
        BN_clear_free(m2);
        BN_clear_free(x);
        return ok;
}

static bool power(const struct key *k, const uint8_t *in, uint8_t *out) {
        BIGNUM *m = BN_bin2bn(in, (int)k->n_len, NULL), *s = BN_new();
        bool ok = m && s && (k->part[P] ? power_crt(k, m, s) : BN_mod_exp(s, m, k->d, k->n, k->ctx) == 1) &&
                  BN_bn2binpad(s, out, (int)k->n_len) == (int)k->n_len;

        BN_clear_free(m);
        BN_clear_free(s);
        return ok;
}

/* The public exponent of 9F47 undoes the key. */
bool emuc_rsa_key_fits(struct emuc_chip *c) {
        struct key k;
        struct emuc_tlv e;
        uint8_t block[EMUC_RSA_MAX] = {0x12, 0x34, 0x56, 0x78}, sig[EMUC_RSA_MAX];

        if (!emuc_app_record_tag(c->nvm, c->cfg->contactless, 0x9f47, &e) || e.len > 3 ||
            !key_read(c->nvm, &k))
                return false;
        BIGNUM *exponent = BN_bin2bn(e.value, (int)e.len, NULL), *x = BN_new(), *y = NULL;
        bool ok = exponent && x && power(&k, block, sig);
        if (ok) {
                y = BN_bin2bn(sig, (int)k.n_len, NULL);
                ok = y && BN_mod_exp(x, y, exponent, k.n, k.ctx) == 1 &&
                     BN_bn2binpad(x, sig, (int)k.n_len) == (int)k.n_len && memcmp(sig, block, k.n_len) == 0;
        }
        BN_free(exponent);
        BN_free(x);
        BN_free(y);
        key_done(&k);
        return ok;
}

bool emuc_icc_number(uint8_t ret[9]) {
        ret[0] = 8;
        return RAND_bytes(ret + 1, 8) == 1;
}

bool emuc_sha1(const void *p, size_t len, uint8_t ret[20]) {
        unsigned n = 0;

        return EVP_Digest(p, len, ret, &n, EVP_sha1(), NULL) == 1 && n == 20;
}

bool emuc_sign_dynamic(struct emuc_chip *c, const uint8_t *dynamic, size_t len, const uint8_t *terminal,
                       size_t terminal_len, uint8_t ret[EMUC_RSA_MAX], size_t *ret_len) {
        struct key k;
        uint8_t block[EMUC_RSA_MAX], hashed[EMUC_RSA_MAX + 256];

        if (!key_read(c->nvm, &k))
                return false;
        bool ok = len + 25 <= k.n_len && terminal_len <= 256;
        if (ok) {
                size_t body = k.n_len - 22;
                memset(block, 0xbb, k.n_len);
                memcpy(block, "\x6a\x05\x01", 3);
                block[3] = (uint8_t)len;
                memcpy(block + 4, dynamic, len);
                memcpy(hashed, block + 1, body);
                memcpy(hashed + body, terminal, terminal_len);
                block[k.n_len - 1] = 0xbc;
                ok = emuc_sha1(hashed, body + terminal_len, block + 1 + body) && power(&k, block, ret);
                *ret_len = k.n_len;
        }
        key_done(&k);
        return ok;
}

/* What the DDOL asks for; a card without one gets the terminal's default, the unpredictable number. */
uint16_t emuc_emv_internal_auth(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        struct emuc_tlv dol;
        uint8_t number[9], sig[EMUC_RSA_MAX], inner[EMUC_RSA_MAX + 8];
        size_t wanted = 4, len = 0, n = 0;

        if (c->tx.state != EMUC_TX_STARTED || !emuc_app_offers(c->nvm, c->cfg->contactless, EMUC_AIP_DDA)) {
                emuc_violate(c, "INTERNAL AUTHENTICATE out of order, or not offered");
                return 0x6985;
        }
        if (emuc_app_record_tag(c->nvm, c->cfg->contactless, 0x9f49, &dol))
                wanted = emuc_dol_total(dol.value, dol.len);
        if (cmd->p1 || cmd->p2 || cmd->lc != wanted) {
                emuc_violate(c, "INTERNAL AUTHENTICATE: P1 P2, or %zu bytes for a DDOL of %zu", cmd->lc,
                             wanted);
                return cmd->p1 || cmd->p2 ? 0x6a86 : 0x6700;
        }
        if (!emuc_icc_number(number) ||
            !emuc_sign_dynamic(c, number, sizeof number, cmd->data, cmd->lc, sig, &len))
                return 0x6f00;
        if (c->cfg->format1) {
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x80, sig, len);
        } else {
                (void)emuc_tlv_put(inner, sizeof inner, &n, 0x9f4b, sig, len);
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x77, inner, n);
        }
        return 0x9000;
}
