/* SPDX-License-Identifier: Apache-2.0 */
#include "card.h"

#include <stdio.h>
#include <string.h>

static const uint8_t zero[16];

static void kdf(const uint8_t key[16], uint8_t constant, const struct card *c, size_t bits, uint8_t *out) {
        uint8_t msg[32] = {0}, block[16];
        msg[11] = constant;
        msg[13] = (uint8_t)(bits >> 8);
        msg[14] = (uint8_t)bits;
        msg[15] = 1;
        memcpy(msg + 16, c->host, 8);
        memcpy(msg + 24, c->challenge, 8);
        ossl_aes_cmac(key, 16, msg, sizeof(msg), block);
        memcpy(out, block, bits / 8);
}

static void derive02(const uint8_t key[16], uint8_t hi, uint8_t lo, const uint8_t counter[2],
                     uint8_t out[16]) {
        uint8_t data[16] = {hi, lo, counter[0], counter[1]};
        ossl_cipher("DES-EDE-CBC", true, key, zero, data, 16, out);
}

static void cryptogram02(const struct card *c, const uint8_t *first, const uint8_t *second, uint8_t ret[8]) {
        uint8_t msg[24] = {0};
        memcpy(msg, first, 8);
        memcpy(msg + 8, second, 8);
        msg[16] = 0x80;
        ossl_cipher("DES-EDE-CBC", true, c->s_enc, zero, msg, 24, msg);
        memcpy(ret, msg + 16, 8);
}

static size_t init02(struct card *c, uint8_t *r) {
        static const uint8_t sequence_and_challenge[8] = {0x00, 0x2a, 1, 2, 3, 4, 5, 6};
        memcpy(c->challenge, sequence_and_challenge, 8);
        derive02(c->enc, 0x01, 0x82, c->challenge, c->s_enc);
        derive02(c->mac, 0x01, 0x01, c->challenge, c->s_mac);
        derive02(c->dek, 0x01, 0x81, c->challenge, c->s_dek);
        r[10] = 0x20;
        r[11] = 0x02;
        memcpy(r + 12, c->challenge, 8);
        cryptogram02(c, c->host, c->challenge, r + 20);
        return 28;
}

static size_t init03(struct card *c, uint8_t *r) {
        static const uint8_t challenge[8] = {9, 8, 7, 6, 5, 4, 3, 2};
        memcpy(c->challenge, challenge, 8);
        kdf(c->enc, 4, c, 128, c->s_enc);
        kdf(c->mac, 6, c, 128, c->s_mac);
        kdf(c->mac, 7, c, 128, c->s_rmac);
        r[10] = 0x30;
        r[11] = 0x03;
        r[12] = 0x70;
        memcpy(r + 13, challenge, 8);
        kdf(c->s_mac, 0, c, 64, r + 21);
        r[31] = 7;
        return 32;
}

size_t card_init_update(struct card *c, const uint8_t host[8], uint8_t ret[32]) {
        memset(ret, 0, 32);
        memcpy(c->host, host, 8);
        memset(c->chain, 0, 16);
        c->counter = 0;
        c->level = 0;
        return c->scp == 2 ? init02(c, ret) : init03(c, ret);
}

/* The command without its MAC, whose plain Lc stands in the MAC input of SCP02. */
static bool check_mac(struct card *c, const uint8_t *apdu, size_t lc, const uint8_t *plain,
                      size_t plain_len) {
        uint8_t msg[300], mac[16], icv[8];
        if (c->scp == 3) {
                memcpy(msg, c->chain, 16);
                memcpy(msg + 16, apdu, 5 + lc - 8);
                ossl_aes_cmac(c->s_mac, 16, msg, 16 + 5 + lc - 8, mac);
                memcpy(c->chain, mac, 16);
                return memcmp(mac, apdu + 5 + lc - 8, 8) == 0;
        }
        memcpy(msg, apdu, 4);
        msg[4] = (uint8_t)(plain_len + 8);
        memcpy(msg + 5, plain, plain_len);
        memcpy(icv, c->chain, 8);
        if (c->level != 0)
                ossl_des(true, c->s_mac, icv, icv);
        ossl_retail_mac(c->s_mac, icv, msg, 5 + plain_len, mac);
        memcpy(c->chain, mac, 8);
        return memcmp(mac, apdu + 5 + lc - 8, 8) == 0;
}

bool card_external_authenticate(struct card *c, const uint8_t *apdu, size_t len) {
        uint8_t expected[8];
        if (len != 21 || apdu[0] != 0x84 || apdu[1] != 0x82 || apdu[3] != 0 || apdu[4] != 16)
                return false;
        if (c->scp == 2)
                cryptogram02(c, c->challenge, c->host, expected);
        else
                kdf(c->s_mac, 1, c, 64, expected);
        if (memcmp(expected, apdu + 5, 8) != 0 || !check_mac(c, apdu, 16, apdu + 5, 8))
                return false;
        c->level = apdu[2];
        return true;
}

static void counter_icv(const struct card *c, uint8_t first, uint8_t icv[16]) {
        memset(icv, 0, 16);
        icv[0] = first;
        icv[14] = (uint8_t)(c->counter >> 8);
        icv[15] = (uint8_t)c->counter;
        ossl_cipher("AES-128-ECB", true, c->s_enc, NULL, icv, 16, icv);
}

static bool unpad(const uint8_t *data, size_t *len) {
        while (*len > 0 && data[*len - 1] == 0)
                (*len)--;
        return *len > 0 && data[--*len] == 0x80;
}

bool card_command(struct card *c, const uint8_t *apdu, size_t len, uint8_t *ret, size_t *ret_len) {
        uint8_t icv[16];
        size_t lc = len > 5 ? apdu[4] : 0;
        if (lc < 8 || (len != 5 + lc && len != 6 + lc) || (apdu[0] & 4) == 0)
                return false;
        size_t n = lc - 8;
        bool encrypted = (c->level & 2) != 0 && n > 0;
        c->counter++;
        memcpy(ret, apdu + 5, n);
        if (c->scp == 3 && !check_mac(c, apdu, lc, NULL, 0))
                return false;
        if (encrypted && c->scp == 3) {
                counter_icv(c, 0, icv);
                ossl_cipher("AES-128-CBC", false, c->s_enc, icv, ret, n, ret);
        } else if (encrypted) {
                ossl_cipher("DES-EDE-CBC", false, c->s_enc, zero, ret, n, ret);
        }
        if (encrypted && !unpad(ret, &n))
                return false;
        *ret_len = n;
        return c->scp == 3 || check_mac(c, apdu, lc, ret, n);
}

size_t card_response(struct card *c, const uint8_t *data, size_t len, uint16_t sw, uint8_t *ret) {
        uint8_t msg[300], mac[16], icv[16], buf[272] = {0};
        memcpy(buf, data, len);
        if ((c->level & 0x20) != 0 && len > 0) {
                buf[len++] = 0x80;
                while (len % 16 != 0)
                        buf[len++] = 0;
                counter_icv(c, 0x80, icv);
                ossl_cipher("AES-128-CBC", true, c->s_enc, icv, buf, len, buf);
        }
        memcpy(ret, buf, len);
        const uint8_t status[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
        if ((c->level & 0x10) != 0) {
                memcpy(msg, c->chain, 16);
                memcpy(msg + 16, buf, len);
                memcpy(msg + 16 + len, status, 2);
                ossl_aes_cmac(c->s_rmac, 16, msg, 16 + len + 2, mac);
                memcpy(ret + len, mac, 8);
                len += 8;
        }
        memcpy(ret + len, status, 2);
        return len + 2;
}

void card_dek_open(const struct card *c, const uint8_t *in, size_t len, uint8_t *out) {
        if (c->scp == 3)
                ossl_cipher("AES-128-CBC", false, c->dek, zero, in, len, out);
        else
                ossl_cipher("DES-EDE-ECB", false, c->s_dek, NULL, in, len, out);
}

static void pack(const char *digits, size_t count, uint8_t *out) {
        for (size_t i = 0; i < count; i += 2)
                out[i / 2] = (uint8_t)((digits[i] - '0') << 4 | (digits[i + 1] - '0'));
}

void card_emv_master(const uint8_t imk[16], const char *pan, const char *psn, uint8_t ret[16]) {
        char text[64];
        uint8_t y[16];
        (void)snprintf(text, sizeof(text), "0000000000000000%s%s", pan, psn);
        pack(text + strlen(text) - 16, 16, y);
        for (size_t i = 0; i < 8; i++)
                y[8 + i] = (uint8_t)~y[i];
        ossl_cipher("DES-EDE-ECB", true, imk, NULL, y, 16, ret);
        for (size_t i = 0; i < 16; i++)
                ret[i] = (uint8_t)((ret[i] & 0xfe) | (__builtin_popcount(ret[i] & 0xfe) % 2 == 0 ? 1 : 0));
}

static void session_key(const uint8_t mk[16], uint16_t atc, uint8_t sk[16]) {
        uint8_t r[16] = {(uint8_t)(atc >> 8), (uint8_t)atc, 0xf0, 0, 0, 0, 0, 0,
                         (uint8_t)(atc >> 8), (uint8_t)atc, 0x0f};
        ossl_cipher("DES-EDE-ECB", true, mk, NULL, r, 16, sk);
}

void card_emv_arqc(const uint8_t mk[16], uint16_t atc, const uint8_t *data, size_t len, uint8_t ret[8]) {
        uint8_t sk[16];
        session_key(mk, atc, sk);
        ossl_retail_mac(sk, zero, data, len, ret);
}

void card_emv_arpc(const uint8_t mk[16], uint16_t atc, const uint8_t arqc[8], const uint8_t csu[4],
                   uint8_t ret[4]) {
        uint8_t sk[16], msg[12], mac[8];
        session_key(mk, atc, sk);
        memcpy(msg, arqc, 8);
        memcpy(msg + 8, csu, 4);
        ossl_retail_mac(sk, zero, msg, sizeof(msg), mac);
        memcpy(ret, mac, 4);
}

static void half(const uint8_t key[16], const uint8_t reg[8], uint8_t out[8]) {
        uint8_t x[8];
        for (size_t i = 0; i < 8; i++)
                x[i] = reg[i] ^ key[8 + i];
        ossl_des(true, key, x, x);
        for (size_t i = 0; i < 8; i++)
                out[i] = x[i] ^ key[8 + i];
}

static void masked(uint8_t key[16]) {
        for (size_t i = 0; i < 16; i++)
                key[i] ^= (i % 8) < 4 ? 0xc0 : 0;
}

/* X9.24-1:2009 annex A, from the BDK to the PIN key of one transaction. */
static void pin_key(const uint8_t bdk[16], const uint8_t ksn[10], uint32_t counter, uint8_t key[16]) {
        uint8_t serial[8], base[16], reg[8], other[16], next[16];
        memcpy(serial, ksn, 8);
        serial[7] &= 0xe0;
        memcpy(base, bdk, 16);
        ossl_cipher("DES-EDE-ECB", true, base, NULL, serial, 8, key);
        masked(base);
        ossl_cipher("DES-EDE-ECB", true, base, NULL, serial, 8, key + 8);
        memcpy(reg, ksn + 2, 8);
        reg[5] &= 0xe0;
        reg[6] = reg[7] = 0;
        for (uint32_t bit = 0x100000; bit != 0; bit >>= 1) {
                if ((counter & bit) == 0)
                        continue;
                reg[5] |= (uint8_t)(bit >> 16);
                reg[6] |= (uint8_t)(bit >> 8);
                reg[7] |= (uint8_t)bit;
                memcpy(other, key, 16);
                masked(other);
                half(other, reg, next);
                half(key, reg, next + 8);
                memcpy(key, next, 16);
        }
        key[7] ^= 0xff;
        key[15] ^= 0xff;
}

void pad_entry(const uint8_t bdk[16], uint32_t counter, const char *pin, const char *pan, char ret_ksn[21],
               uint8_t ret_block[8]) {
        uint8_t ksn[10] = {0xff, 0xff, 0x98, 0x76, 0x54, 0x32, 0x10, 0xe0, 0, 0}, key[16], account[8],
                block[8];
        char nibbles[17], pan12[17];
        size_t n = strlen(pin);
        ksn[7] = (uint8_t)(ksn[7] | counter >> 16);
        ksn[8] = (uint8_t)(counter >> 8);
        ksn[9] = (uint8_t)counter;
        for (size_t i = 0; i < 10; i++)
                (void)snprintf(ret_ksn + 2 * i, 3, "%02X", ksn[i]);
        pin_key(bdk, ksn, counter, key);
        (void)snprintf(nibbles, sizeof(nibbles), "0%zX%sFFFFFFFFFFFF", n, pin);
        for (size_t i = 0; i < 8; i++) {
                unsigned v = 0;
                (void)sscanf(nibbles + 2 * i, "%2x", &v);
                block[i] = (uint8_t)v;
        }
        (void)snprintf(pan12, sizeof(pan12), "0000%.12s", pan + strlen(pan) - 13);
        pack(pan12, 16, account);
        for (size_t i = 0; i < 8; i++)
                block[i] ^= account[i];
        ossl_cipher("DES-EDE-ECB", true, key, NULL, block, 8, ret_block);
}
