/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pinblock.h"

#include "base/secret.h"

#include <string.h>

static void set_nibble(uint8_t block[8], size_t i, unsigned v) {
        unsigned shift = i % 2 == 0 ? 4u : 0u;
        block[i / 2] = (uint8_t)((block[i / 2] & ~(0xfu << shift)) | v << shift);
}

static unsigned nibble(const uint8_t block[8], size_t i) {
        return i % 2 == 0 ? block[i / 2] >> 4 : block[i / 2] & 0x0fu;
}

/* Right-aligns count digits in the 12 low nibbles of the account field. */
static cw_rc account(const char *digits, size_t count, uint8_t ret[8], struct cw_fault *f) {
        size_t take = count > 12 ? 12 : count;
        memset(ret, 0, 8);
        for (size_t i = 0; i < take; i++) {
                char ch = digits[count - 1 - i];
                if (ch < '0' || ch > '9')
                        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.pinblock",
                                       "PIN_BLOCK", "the account part of a PIN block needs digits");
                set_nibble(ret, 15 - i, (unsigned)(ch - '0'));
        }
        return CW_OK;
}

cw_rc cw_pinblock_account_pan12(const char *pan, uint8_t ret[8], struct cw_fault *f) {
        size_t len = strlen(pan);
        return account(pan, len > 0 ? len - 1 : 0, ret, f);
}

cw_rc cw_pinblock_account_kit16(const char *kit, uint8_t ret[8], struct cw_fault *f) {
        if (kit[0] == '\0')
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISSING), 0, "hsm.pinblock", "PIN_BLOCK",
                               "the account part of the PIN block needs a kit number");
        return account(kit, strlen(kit), ret, f);
}

/* Control, length, PIN digits; the rest from filler, one nibble a byte, or F where there is none. */
static void pin_field(const struct cw_pin *pin, unsigned control, const uint8_t *filler, uint8_t ret[8]) {
        uint64_t field = (uint64_t)control << 4 | pin->len;
        for (size_t i = 0; i < CW_PIN_FILLER; i++) {
                unsigned v = i < pin->len     ? pin->digit[i]
                             : filler != NULL ? filler[i - pin->len] & 0x0fu
                                              : 0x0fu;
                field = field << 4 | v;
        }
        for (size_t i = 0; i < 8; i++)
                ret[i] = (uint8_t)(field >> (56 - 8 * i));
        cw_wipe(&field, sizeof(field));
}

static void xor8(uint8_t ret[8], const uint8_t a[8]) {
        for (size_t i = 0; i < 8; i++)
                ret[i] ^= a[i];
}

void cw_pinblock_encode0(const struct cw_pin *pin, const uint8_t account_field[8], uint8_t ret[8]) {
        pin_field(pin, 0, NULL, ret);
        xor8(ret, account_field);
}

void cw_pinblock_encode1(const struct cw_pin *pin, const uint8_t filler[CW_PIN_FILLER], uint8_t ret[8]) {
        pin_field(pin, 1, filler, ret);
}

void cw_pinblock_encode2(const struct cw_pin *pin, uint8_t ret[8]) {
        pin_field(pin, 2, NULL, ret);
}

void cw_pinblock_encode3(const struct cw_pin *pin, const uint8_t account_field[8],
                         const uint8_t filler[CW_PIN_FILLER], uint8_t ret[8]) {
        pin_field(pin, 3, filler, ret);
        xor8(ret, account_field);
}

void cw_pinblock_field4(const struct cw_pin *pin, const uint8_t random[8], uint8_t ret[16]) {
        static const uint8_t filler[CW_PIN_FILLER] = {10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10};
        pin_field(pin, 4, filler, ret);
        memcpy(ret + 8, random, 8);
}

/* Format 3 has six filler values: bytes from 252 on would favour some of them. */
cw_rc cw_pinblock_filler(const struct cw_hsm_crypto *c, unsigned format, uint8_t ret[CW_PIN_FILLER],
                         struct cw_fault *f) {
        CW_WIPED(uint8_t, pool, 32);
        size_t n = 0;
        while (n < CW_PIN_FILLER) {
                cw_rc rc = cw_hsm_random(c, pool, sizeof(pool), f);
                if (rc != CW_OK)
                        return rc;
                for (size_t i = 0; i < sizeof(pool) && n < CW_PIN_FILLER; i++) {
                        if (format != 3)
                                ret[n++] = pool[i] & 0x0f;
                        else if (pool[i] < 252)
                                ret[n++] = (uint8_t)(0x0a + pool[i] % 6);
                }
        }
        return CW_OK;
}

/* 1 when a < b, without a branch; both below 2^16. */
static unsigned less(unsigned a, unsigned b) {
        return (a - b) >> 31;
}

/* Filler nibbles are between low and high. */
static cw_rc decode_field(const uint8_t field[8], unsigned control, unsigned low, unsigned high,
                          struct cw_pin *ret, struct cw_fault *f) {
        unsigned len = nibble(field, 1);
        unsigned bad = (nibble(field, 0) ^ control) | less(len, CW_PIN_MIN) | less(CW_PIN_MAX, len);
        memset(ret, 0, sizeof(*ret));
        for (unsigned i = 0; i < CW_PIN_FILLER; i++) {
                unsigned v = nibble(field, 2 + i);
                unsigned is_pin = less(i, len);
                bad |= is_pin & less(9, v);
                bad |= (is_pin ^ 1u) & (less(v, low) | less(high, v));
                if (i < CW_PIN_MAX)
                        ret->digit[i] = (uint8_t)(v & (0u - is_pin));
        }
        ret->len = (uint8_t)len;
        if (bad != 0) {
                cw_wipe(ret, sizeof(*ret));
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.pinblock", "PIN_BLOCK",
                               "the PIN block is not acceptable; enter the PIN again");
        }
        return CW_OK;
}

static cw_rc decode_with_account(const uint8_t block[8], const uint8_t account_field[8], unsigned control,
                                 unsigned low, struct cw_pin *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, field, 8);
        memcpy(field, block, 8);
        xor8(field, account_field);
        return decode_field(field, control, low, 0xf, ret, f);
}

cw_rc cw_pinblock_decode0(const uint8_t block[8], const uint8_t account_field[8], struct cw_pin *ret,
                          struct cw_fault *f) {
        return decode_with_account(block, account_field, 0, 0xf, ret, f);
}

cw_rc cw_pinblock_decode1(const uint8_t block[8], struct cw_pin *ret, struct cw_fault *f) {
        return decode_field(block, 1, 0, 0xf, ret, f);
}

cw_rc cw_pinblock_decode2(const uint8_t block[8], struct cw_pin *ret, struct cw_fault *f) {
        return decode_field(block, 2, 0xf, 0xf, ret, f);
}

cw_rc cw_pinblock_decode3(const uint8_t block[8], const uint8_t account_field[8], struct cw_pin *ret,
                          struct cw_fault *f) {
        return decode_with_account(block, account_field, 3, 0xa, ret, f);
}

cw_rc cw_pinblock_decode_field4(const uint8_t field[16], struct cw_pin *ret, struct cw_fault *f) {
        return decode_field(field, 4, 0xa, 0xa, ret, f);
}

bool cw_pin_equal(const struct cw_pin *a, const struct cw_pin *b) {
        return cw_equal_ct(a, b, sizeof(*a));
}
