/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pinblock.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/pan.h"

#include <endian.h>
#include <string.h>

#define IN_EACH_NIBBLE(v) ((uint64_t)0x1111111111111111 * (v))
#define BEHIND_LENGTH (((uint64_t)1 << 56) - 1)

static cw_rc no_account(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.pinblock", "PIN_BLOCK",
                       "the account part of a PIN block needs digits, of a PAN at most 19");
}

/* Right-aligns count digits in the 12 low nibbles of the account field. */
static cw_rc account(const char *digits, size_t count, uint8_t ret[8], struct cw_fault *f) {
        char last[12];
        size_t take = count > sizeof(last) ? sizeof(last) : count;
        memset(last, '0', sizeof(last));
        memcpy(last + sizeof(last) - take, digits + count - take, take);
        memset(ret, 0, 8);
        return cw_bcd_pack(last, ret + 2, 6) ? CW_OK : no_account(f);
}

cw_rc cw_pinblock_account_pan12(const char *pan, uint8_t ret[8], struct cw_fault *f) {
        size_t len = strlen(pan);
        if (len > CW_PAN_MAX || strspn(pan, "0123456789") != len)
                return no_account(f);
        return account(pan, len > 0 ? len - 1 : 0, ret, f);
}

cw_rc cw_pinblock_account_kit16(const char *kit, uint8_t ret[8], struct cw_fault *f) {
        if (kit[0] == '\0')
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISSING), 0, "hsm.pinblock", "PIN_BLOCK",
                               "the account part of the PIN block needs a kit number");
        return account(kit, strlen(kit), ret, f);
}

/* Eight digits, one a byte, to eight nibbles and back: the first digit is the highest nibble. */
static uint64_t gather8(const uint8_t digit[8]) {
        uint64_t v = 0;
        memcpy(&v, digit, 8);
        v = be64toh(v) & 0x0f0f0f0f0f0f0f0fu;
        v = (v | v >> 4) & 0x00ff00ff00ff00ffu;
        v = (v | v >> 8) & 0x0000ffff0000ffffu;
        return (v | v >> 16) & 0xffffffffu;
}

static uint64_t spread8(uint64_t v) {
        v = (v | v << 16) & 0x0000ffff0000ffffu;
        v = (v | v << 8) & 0x00ff00ff00ff00ffu;
        v = (v | v << 4) & 0x0f0f0f0f0f0f0f0fu;
        return htobe64(v);
}

/* Control, length, PIN digits; the rest from filler, one nibble a byte, or F where there is none. */
static void pin_field(const struct cw_pin *pin, unsigned control, const uint8_t *filler, uint8_t ret[8]) {
        uint64_t behind = BEHIND_LENGTH >> 4 * pin->len, digits = 0, fill = BEHIND_LENGTH;
        digits = gather8(pin->digit) << 24 | (gather8(pin->digit + CW_PIN_MAX - 8) & 0xffffu) << 8;
        if (filler != NULL)
                fill = (gather8(filler) << 24 | (gather8(filler + CW_PIN_FILLER - 8) & 0xffffffu)) >>
                       4 * pin->len;
        uint64_t field = ((uint64_t)control << 4 | pin->len) << 56 | (digits & ~behind) | (fill & behind);
        field = htobe64(field); /* one store: what is read next is all of it */
        memcpy(ret, &field, 8);
        cw_wipe(&field, sizeof(field));
}

static void xor8(uint8_t ret[8], const uint8_t a[8]) {
        uint64_t x = 0, y = 0;
        memcpy(&x, ret, 8);
        memcpy(&y, a, 8);
        x ^= y;
        memcpy(ret, &x, 8);
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

/* The lowest bit of each nibble that is no digit. */
static uint64_t no_digits(uint64_t v) {
        return v >> 3 & (v >> 2 | v >> 1) & IN_EACH_NIBBLE(1u);
}

/* What a format allows behind the PIN. */
enum filler { FILLER_ANY, FILLER_A_TO_F, FILLER_A, FILLER_F };

/* Something is set in each nibble that is not of the filler. */
static uint64_t no_filler(uint64_t v, enum filler filler) {
        switch (filler) {
        case FILLER_A_TO_F:
                return ~no_digits(v) & IN_EACH_NIBBLE(1u);
        case FILLER_A:
                return v ^ IN_EACH_NIBBLE(0xau);
        case FILLER_F:
                return v ^ IN_EACH_NIBBLE(0xfu);
        case FILLER_ANY:
                break;
        }
        return 0;
}

/* All nibbles at once: time tells neither where a fault is nor what the PIN is. */
static cw_rc decode_field(const uint8_t field[8], unsigned control, enum filler filler, struct cw_pin *ret,
                          struct cw_fault *f) {
        uint64_t v = 0;
        memcpy(&v, field, 8);
        v = be64toh(v);
        unsigned len = (unsigned)(v >> 56) & 0xfu;
        unsigned pin_bits = 4 * (len - less(CW_PIN_FILLER, len));
        uint64_t behind = BEHIND_LENGTH >> pin_bits, digits = BEHIND_LENGTH & ~behind;
        uint64_t bad = (v >> 60 ^ control) | less(len, CW_PIN_MIN) | less(CW_PIN_MAX, len);
        bad |= (no_digits(v) & digits) | (no_filler(v, filler) & behind);
        uint64_t first = spread8((v & digits) >> 24), rest = spread8((v & digits) << 8 & 0xffffffffu);
        memcpy(ret->digit, &first, 8);
        memcpy(ret->digit + 8, &rest, CW_PIN_MAX - 8);
        ret->len = (uint8_t)len;
        cw_wipe(&v, sizeof(v));
        cw_wipe(&first, sizeof(first));
        cw_wipe(&rest, sizeof(rest));
        if (bad != 0) {
                cw_wipe(ret, sizeof(*ret));
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.pinblock", "PIN_BLOCK",
                               "the PIN block is not acceptable; enter the PIN again");
        }
        return CW_OK;
}

static cw_rc decode_with_account(const uint8_t block[8], const uint8_t account_field[8], unsigned control,
                                 enum filler filler, struct cw_pin *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, field, 8);
        memcpy(field, block, 8);
        xor8(field, account_field);
        return decode_field(field, control, filler, ret, f);
}

cw_rc cw_pinblock_decode0(const uint8_t block[8], const uint8_t account_field[8], struct cw_pin *ret,
                          struct cw_fault *f) {
        return decode_with_account(block, account_field, 0, FILLER_F, ret, f);
}

cw_rc cw_pinblock_decode1(const uint8_t block[8], struct cw_pin *ret, struct cw_fault *f) {
        return decode_field(block, 1, FILLER_ANY, ret, f);
}

cw_rc cw_pinblock_decode2(const uint8_t block[8], struct cw_pin *ret, struct cw_fault *f) {
        return decode_field(block, 2, FILLER_F, ret, f);
}

cw_rc cw_pinblock_decode3(const uint8_t block[8], const uint8_t account_field[8], struct cw_pin *ret,
                          struct cw_fault *f) {
        return decode_with_account(block, account_field, 3, FILLER_A_TO_F, ret, f);
}

cw_rc cw_pinblock_decode_field4(const uint8_t field[16], struct cw_pin *ret, struct cw_fault *f) {
        return decode_field(field, 4, FILLER_A, ret, f);
}

bool cw_pin_equal(const struct cw_pin *a, const struct cw_pin *b) {
        return cw_equal_ct(a, b, sizeof(*a));
}
