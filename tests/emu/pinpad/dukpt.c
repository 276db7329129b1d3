/* SPDX-License-Identifier: Apache-2.0 */
#include "dukpt.h"

#include "../card/des.h"

#include <openssl/crypto.h>
#include <string.h>

static const uint8_t variant_c0[16] = {0xc0, 0xc0, 0xc0, 0xc0, 0, 0, 0, 0,
                                       0xc0, 0xc0, 0xc0, 0xc0, 0, 0, 0, 0};

uint32_t emud_ksn_counter(const uint8_t ksn[10]) {
        return (uint32_t)(ksn[7] & 0x1f) << 16 | (uint32_t)ksn[8] << 8 | ksn[9];
}

void emud_ksn_set_counter(uint8_t ksn[10], uint32_t counter) {
        ksn[7] = (uint8_t)((ksn[7] & 0xe0) | ((counter >> 16) & 0x1f));
        ksn[8] = (uint8_t)(counter >> 8);
        ksn[9] = (uint8_t)counter;
}

uint32_t emud_counter_next(uint32_t counter) {
        do {
                counter++;
        } while (counter <= EMUD_COUNTER_MAX && __builtin_popcount(counter) > 10);
        return counter <= EMUD_COUNTER_MAX ? counter : 0;
}

static void mix(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t len) {
        for (size_t i = 0; i < len; i++)
                out[i] = a[i] ^ b[i];
}

static bool initial_key(const uint8_t bdk[16], const uint8_t ksn[10], uint8_t ret[16]) {
        uint8_t serial[8], masked[16];

        memcpy(serial, ksn, 8);
        serial[7] &= 0xe0;
        mix(masked, bdk, variant_c0, 16);
        return emuc_des3_ecb(bdk, true, serial, 8, ret) && emuc_des3_ecb(masked, true, serial, 8, ret + 8);
}

/* One half of the non-reversible key generation. */
static bool half(const uint8_t key[16], const uint8_t reg[8], uint8_t ret[8]) {
        uint8_t x[8];

        mix(x, reg, key + 8, 8);
        if (!emuc_des1_block(key, true, x, x))
                return false;
        mix(ret, x, key + 8, 8);
        return true;
}

bool emud_transaction_key(const uint8_t bdk[16], const uint8_t ksn[10], uint8_t ret[16]) {
        uint8_t key[16], masked[16], next[16], reg[8];
        uint32_t counter = emud_ksn_counter(ksn), done = 0;

        if (!initial_key(bdk, ksn, key))
                return false;
        for (uint32_t bit = 1U << 20; bit; bit >>= 1) {
                if (!(counter & bit))
                        continue;
                done |= bit;
                memcpy(reg, ksn + 2, 8);
                reg[5] = (uint8_t)((reg[5] & 0xe0) | (done >> 16));
                reg[6] = (uint8_t)(done >> 8);
                reg[7] = (uint8_t)done;
                mix(masked, key, variant_c0, 16);
                if (!half(masked, reg, next) || !half(key, reg, next + 8))
                        return false;
                memcpy(key, next, 16);
        }
        memcpy(ret, key, 16);
        OPENSSL_cleanse(key, sizeof key);
        return true;
}

static void put_nibble(uint8_t *block, size_t at, unsigned v) {
        unsigned shift = at % 2 ? 0 : 4;

        block[at / 2] = (uint8_t)((block[at / 2] & (0xf0U >> shift)) | v << shift);
}

bool emud_pin_block(const char *digits, const char *account, uint8_t ret[8]) {
        size_t len = strlen(digits), account_len = strlen(account);
        uint8_t pin[8], pan[8] = {0};

        if (len < 4 || len > 12 || account_len < 2)
                return false;
        memset(pin, 0xff, sizeof pin);
        pin[0] = (uint8_t)len;
        for (size_t i = 0; i < len; i++)
                put_nibble(pin, 2 + i, (unsigned)(digits[i] - '0'));
        for (size_t i = 0; i < 12 && i + 1 < account_len; i++)
                put_nibble(pan, 15 - i, (unsigned)(account[account_len - 2 - i] - '0'));
        mix(ret, pin, pan, 8);
        OPENSSL_cleanse(pin, sizeof pin);
        return true;
}

bool emud_encipher(const uint8_t bdk[16], const uint8_t ksn[10], const uint8_t block[8], uint8_t ret[8]) {
        uint8_t key[16];
        bool ok;

        if (!emud_transaction_key(bdk, ksn, key))
                return false;
        key[7] ^= 0xff;
        key[15] ^= 0xff;
        ok = emuc_des3_ecb(key, true, block, 8, ret);
        OPENSSL_cleanse(key, sizeof key);
        return ok;
}
