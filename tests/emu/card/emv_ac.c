/* SPDX-License-Identifier: Apache-2.0 */
/* GENERATE AC and issuer authentication, the way of CVN 18: common session key, MAC over data || AIP || ATC
 * || 9F10. */
#include "appdata.h"
#include "chip.h"
#include "des.h"
#include "rsa.h"

#include <openssl/crypto.h>
#include <string.h>

enum { AC_AAC = 0x00, AC_TC = 0x40, AC_ARQC = 0x80, WITH_CDA = 0x10 };

enum emuc_cvn emuc_version(const struct emuc_chip *c) {
        return emuc_app_core_version(c->nvm) ? EMUC_CCD : c->cfg->cvn;
}

/* EMV Book 3, C7.3: cryptograms, issuer authentication not done, failed; tries, PIN verified, wrong, blocked.
 */
static void set_core_cvr(const struct emuc_chip *c, uint8_t cvr[5], uint8_t cryptograms) {
        cvr[0] = (uint8_t)(cryptograms | (c->tx.issuer_auth_done ? 0 : 0x02) |
                           (c->tx.issuer_auth_done && !c->tx.issuer_auth_ok ? 0x01 : 0));
        cvr[1] = (uint8_t)(c->nvm->pin_tries << 4 | (c->tx.pin_done ? 0x08 : 0) |
                           (c->tx.pin_failed ? 0x04 : 0) | (c->nvm->pin_tries == 0 ? 0x02 : 0));
}

/* CVR byte 2 (fifth byte of 9F10): bits 8-7 second cryptogram, 6-5 first, 4 issuer authentication failed, 3-2
 * PIN. */
static void set_cvr(const struct emuc_chip *c, uint8_t *iad, uint8_t type, bool second) {
        uint8_t first = second ? 0x20 : (uint8_t)(type >> 2);
        uint8_t later = second ? type : 0x80;

        if (emuc_app_core_version(c->nvm)) {
                set_core_cvr(c, iad + 3, later | first);
                return;
        }
        iad[4] = (uint8_t)((iad[4] & 0x01) | later | first);
        if (c->tx.issuer_auth_done && !c->tx.issuer_auth_ok)
                iad[4] |= 0x08;
        if (c->tx.pin_done)
                iad[4] |= 0x04;
        if (c->tx.pin_failed)
                iad[4] |= 0x02;
}

static bool cryptogram(struct emuc_chip *c, const struct emuc_cmd *cmd, const uint8_t *iad, size_t iad_len,
                       uint8_t ret[8]) {
        uint8_t msg[256 + 4 + 32], mac[16];
        size_t n = cmd->lc;
        struct emuc_tlv aip, afl;

        if (!emuc_app_gpo_data(c->nvm, c->cfg->contactless, &aip, &afl))
                return false;
        memcpy(msg, cmd->data, n);
        memcpy(msg + n, aip.value, 2);
        msg[n + 2] = (uint8_t)(c->nvm->atc >> 8);
        msg[n + 3] = (uint8_t)c->nvm->atc;
        memcpy(msg + n + 4, iad, iad_len);
        if (emuc_version(c) == EMUC_CVN10)
                return emuc_retail_mac_zeros(c->tx.sk_ac.key.bytes, msg, n + 4 + iad_len, ret);
        if (!emuc_card_mac(&c->tx.sk_ac, msg, n + 4 + iad_len, mac))
                return false;
        memcpy(ret, mac, 8);
        return true;
}

static void answer(const struct emuc_chip *c, uint8_t type, const uint8_t ac[8], const uint8_t *iad,
                   size_t iad_len, struct emuc_rsp *r) {
        uint8_t atc[2] = {(uint8_t)(c->nvm->atc >> 8), (uint8_t)c->nvm->atc}, inner[80];
        size_t n = 0;

        if (c->cfg->format1) {
                inner[0] = type;
                memcpy(inner + 1, atc, 2);
                memcpy(inner + 3, ac, 8);
                memcpy(inner + 11, iad, iad_len);
                (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x80, inner, 11 + iad_len);
                return;
        }
        (void)emuc_tlv_put(inner, sizeof inner, &n, 0x9f27, &type, 1);
        (void)emuc_tlv_put(inner, sizeof inner, &n, 0x9f36, atc, 2);
        (void)emuc_tlv_put(inner, sizeof inner, &n, 0x9f26, ac, 8);
        (void)emuc_tlv_put(inner, sizeof inner, &n, 0x9f10, iad, iad_len);
        (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x77, inner, n);
}

/* SHA-1 of what the terminal sent and of what it will see, but not of the signature (EMV Book 2, 6.6.1). */
static bool transaction_hash(const struct emuc_chip *c, const struct emuc_cmd *cmd, bool second,
                             const uint8_t *objects, size_t len, uint8_t ret[20]) {
        uint8_t all[4 * 256];
        size_t n = 0;

        memcpy(all, c->tx.pdol, c->tx.pdol_len);
        n += c->tx.pdol_len;
        if (second) {
                memcpy(all + n, c->tx.cdol1, c->tx.cdol1_len);
                n += c->tx.cdol1_len;
        }
        memcpy(all + n, cmd->data, cmd->lc);
        n += cmd->lc;
        if (len > sizeof all - n)
                return false;
        memcpy(all + n, objects, len);
        return emuc_sha1(all, n + len, ret);
}

/* 77 with CID, ATC, signature, IAD: the cryptogram is inside the signature. */
static uint16_t answer_signed(struct emuc_chip *c, const struct emuc_cmd *cmd, bool second, uint8_t type,
                              const uint8_t ac[8], const uint8_t *iad, size_t iad_len, struct emuc_rsp *r) {
        uint8_t atc[2] = {(uint8_t)(c->nvm->atc >> 8), (uint8_t)c->nvm->atc};
        uint8_t objects[80], dynamic[38], sig[EMUC_RSA_MAX], inner[EMUC_RSP_MAX];
        size_t n = 0, m = 0, sig_len = 0, at = 0, un = 0;
        struct emuc_tlv dol;

        if (!emuc_app_record_tag(c->nvm, c->cfg->contactless, second ? 0x8d : 0x8c, &dol) ||
            !emuc_dol_find(dol.value, dol.len, 0x9f37, &at, &un) || un != 4) {
                emuc_violate(c, "CDA without an unpredictable number");
                return 0x6985;
        }
        (void)emuc_tlv_put(objects, sizeof objects, &n, 0x9f27, &type, 1);
        (void)emuc_tlv_put(objects, sizeof objects, &n, 0x9f36, atc, 2);
        m = n;
        (void)emuc_tlv_put(objects, sizeof objects, &n, 0x9f10, iad, iad_len);
        if (!emuc_icc_number(dynamic))
                return 0x6f00;
        dynamic[9] = type;
        memcpy(dynamic + 10, ac, 8);
        if (!transaction_hash(c, cmd, second, objects, n, dynamic + 18) ||
            !emuc_sign_dynamic(c, dynamic, sizeof dynamic, cmd->data + at, un, sig, &sig_len))
                return 0x6f00;
        at = 0;
        memcpy(inner, objects, m);
        at = m;
        (void)emuc_tlv_put(inner, sizeof inner, &at, 0x9f4b, sig, sig_len);
        memcpy(inner + at, objects + m, n - m);
        (void)emuc_tlv_put(r->data, sizeof r->data, &r->len, 0x77, inner, at + n - m);
        return r->len <= 256 ? 0x9000 : 0x6f00;
}

static uint16_t make(struct emuc_chip *c, const struct emuc_cmd *cmd, uint8_t type, bool second,
                     struct emuc_rsp *r) {
        uint16_t sw = 0x9000;
        uint8_t ac[8], copy[32];
        const uint8_t *iad;
        size_t len;

        if (!emuc_app_iad(c->nvm, &iad, &len))
                return 0x6985;
        memcpy(copy, iad, len);
        set_cvr(c, copy, type, second);
        if (!cryptogram(c, cmd, copy, len, ac))
                return 0x6f00;
        if ((cmd->p1 & WITH_CDA) && type != AC_AAC)
                sw = answer_signed(c, cmd, second, type, ac, copy, len, r);
        else
                answer(c, type, ac, copy, len, r);
        if (sw != 0x9000)
                return sw;
        if (type == AC_ARQC || c->nvm->app_blocked) {
                memcpy(c->tx.arqc, ac, 8);
                c->tx.has_arqc = true;
                c->nvm->arqcs++;
        }
        return 0x9000;
}

static bool length_is(struct emuc_chip *c, const struct emuc_cmd *cmd, uint32_t dol_tag) {
        struct emuc_tlv dol;

        if (emuc_app_record_tag(c->nvm, c->cfg->contactless, dol_tag, &dol) &&
            emuc_dol_total(dol.value, dol.len) == cmd->lc)
                return true;
        emuc_violate(c, "GENERATE AC: %zu bytes do not fit CDOL %X", cmd->lc, (unsigned)dol_tag);
        return false;
}

/* CVN 10: the master key itself. M/Chip 16: ATC, zeros and the terminal's number. Else ATC and zeros. */
static bool ac_key(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        uint8_t seed[8] = {(uint8_t)(c->nvm->atc >> 8), (uint8_t)c->nvm->atc};
        struct emuc_card_key mk;
        struct emuc_tlv dol;
        size_t at = 0, len = 0;

        if (!emuc_app_key(c->nvm, 0, &mk))
                return false;
        if (emuc_version(c) == EMUC_CVN10) {
                c->tx.sk_ac = mk;
                return true;
        }
        if (emuc_version(c) == EMUC_MCHIP16) {
                if (!emuc_app_record_tag(c->nvm, c->cfg->contactless, 0x8c, &dol) ||
                    !emuc_dol_find(dol.value, dol.len, 0x9f37, &at, &len) || len != 4)
                        return false;
                memcpy(seed + 4, cmd->data + at, 4);
        }
        return emuc_session_key(&mk, seed, &c->tx.sk_ac);
}

static uint16_t first_ac(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        /* always online: a TC asked for becomes an ARQC */
        uint8_t type = (cmd->p1 & 0xc0) == AC_AAC || c->nvm->app_blocked ? AC_AAC : AC_ARQC;
        uint16_t sw;

        if (!length_is(c, cmd, 0x8c))
                return 0x6700;
        if (!ac_key(c, cmd))
                return 0x6f00;
        memcpy(c->tx.cdol1, cmd->data, cmd->lc);
        c->tx.cdol1_len = cmd->lc;
        sw = make(c, cmd, type, false, r);
        c->tx.state = type == AC_ARQC ? EMUC_TX_ARQC : EMUC_TX_DONE;
        return emuc_save(c, sw);
}

static unsigned arpc_method(const struct emuc_chip *c) {
        enum emuc_cvn cvn = emuc_version(c);

        if (c->cfg->arpc)
                return c->cfg->arpc;
        return cvn == EMUC_CVN10 || cvn == EMUC_MCHIP16 || cvn == EMUC_MCHIP20 ? 1 : 2;
}

/* Method 1 of M/Chip 16 uses the master key (of CVN 10 it is the session key anyhow). */
static bool arpc_key(const struct emuc_chip *c, struct emuc_card_key *ret) {
        *ret = c->tx.sk_ac;
        return emuc_version(c) != EMUC_MCHIP16 || emuc_app_key(c->nvm, 0, ret);
}

/* Issuer authentication data as EXTERNAL AUTHENTICATE brings it or CDOL2 carries it (tag 91). */
static bool check_issuer(struct emuc_chip *c, const uint8_t *data, size_t len) {
        struct emuc_card_key key;
        uint8_t good[8];
        bool ok;

        if (arpc_method(c) == 1)
                ok = len == 10 && arpc_key(c, &key) && emuc_arpc1(&key, c->tx.arqc, data + 8, good) &&
                     CRYPTO_memcmp(good, data, 8) == 0;
        else
                ok = len >= 8 && len <= 16 && emuc_arpc2(&c->tx.sk_ac, c->tx.arqc, data + 4, len - 4, good) &&
                     CRYPTO_memcmp(good, data, 4) == 0;
        c->tx.issuer_auth_done = true;
        c->tx.issuer_auth_ok = ok;
        if (!ok)
                emuc_violate(c, "ARPC wrong");
        return ok;
}

static bool all_zero(const uint8_t *p, size_t len) {
        for (size_t i = 0; i < len; i++)
                if (p[i])
                        return false;
        return true;
}

/* A terminal that could not go online fills tag 91 with zeros: no authentication, and no TC either. */
static void issuer_data_of_cdol2(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        struct emuc_tlv dol;
        size_t at = 0, len = 0;

        if (c->tx.issuer_auth_done || !emuc_app_record_tag(c->nvm, c->cfg->contactless, 0x8d, &dol) ||
            !emuc_dol_find(dol.value, dol.len, 0x91, &at, &len) || all_zero(cmd->data + at, len))
                return;
        (void)check_issuer(c, cmd->data + at, len);
}

static uint16_t second_ac(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        uint8_t type = AC_AAC;

        if ((cmd->p1 & 0xc0) == AC_ARQC) {
                emuc_violate(c, "second GENERATE AC asks for an ARQC");
                return 0x6985;
        }
        if (!length_is(c, cmd, 0x8d))
                return 0x6700;
        issuer_data_of_cdol2(c, cmd);
        if ((cmd->p1 & 0xc0) == AC_TC && c->tx.issuer_auth_ok)
                type = AC_TC;
        if (c->tx.issuer_auth_ok)
                c->nvm->last_online_atc = c->nvm->atc;
        c->tx.state = EMUC_TX_DONE;
        return emuc_save(c, make(c, cmd, type, true, r));
}

uint16_t emuc_emv_ac(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r) {
        uint8_t cda = emuc_app_offers(c->nvm, c->cfg->contactless, EMUC_AIP_CDA) ? WITH_CDA : 0;

        if ((cmd->p1 & 0x3f & ~cda) || (cmd->p1 & 0xc0) == 0xc0 || cmd->p2) {
                emuc_violate(c, "GENERATE AC: P1 %02X, P2 %02X", cmd->p1, cmd->p2);
                return 0x6a86;
        }
        if (c->tx.state == EMUC_TX_STARTED)
                return first_ac(c, cmd, r);
        if (c->tx.state == EMUC_TX_ARQC)
                return second_ac(c, cmd, r);
        emuc_violate(c, "GENERATE AC out of order");
        return 0x6985;
}

uint16_t emuc_emv_external_auth(struct emuc_chip *c, const struct emuc_cmd *cmd) {
        if (c->tx.state != EMUC_TX_ARQC || c->tx.issuer_auth_done) {
                emuc_violate(c, "EXTERNAL AUTHENTICATE out of order");
                return 0x6985;
        }
        if (cmd->p1 || cmd->p2 || cmd->lc < 8 || cmd->lc > 16) {
                emuc_violate(c, "EXTERNAL AUTHENTICATE: P1 %02X, P2 %02X, Lc %zu", cmd->p1, cmd->p2, cmd->lc);
                return cmd->p1 || cmd->p2 ? 0x6a86 : 0x6700;
        }
        return check_issuer(c, cmd->data, cmd->lc) ? 0x9000 : 0x6300;
}
