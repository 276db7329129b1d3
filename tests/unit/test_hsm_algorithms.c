/* SPDX-License-Identifier: Apache-2.0 */
/* PIN blocks of all formats nibble by nibble, key blocks bit by bit, AES DUKPT keys as bytes. */
#include "test_hsm_soft.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "hsm/cbc.h"
#include "hsm/cmac.h"
#include "hsm/dukpt_aes.h"
#include "hsm/keyblock.h"
#include "hsm/pinblock4.h"
#include "hsm/retail_mac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct cw_pin pin_of(const char *digits) {
        struct cw_pin pin = {.len = (uint8_t)strlen(digits)};
        for (size_t i = 0; i < pin.len; i++)
                pin.digit[i] = (uint8_t)(digits[i] - '0');
        return pin;
}

static size_t unhex(const char *hex, uint8_t *ret, size_t cap) {
        size_t n = 0;
        assert_true(cw_hex_decode(hex, strlen(hex), ret, cap, &n));
        return n;
}

/* What may be taken as a clear block of a format, written down a second time, as plainly as possible. */
static bool acceptable(const uint8_t *block, unsigned format) {
        unsigned n[16];
        for (size_t i = 0; i < 16; i++)
                n[i] = i % 2 == 0 ? block[i / 2] >> 4 : block[i / 2] & 15u;
        if (n[0] != format || n[1] < 4 || n[1] > 12)
                return false;
        for (size_t i = 2; i < 16; i++) {
                if (i < 2 + n[1]) {
                        if (n[i] > 9)
                                return false;
                } else if (format == 3 && n[i] < 10) {
                        return false;
                } else if (format == 4 && n[i] != 10) {
                        return false;
                } else if ((format == 0 || format == 2) && n[i] != 15) {
                        return false;
                }
        }
        return true;
}

static cw_rc decode(unsigned format, const uint8_t block[16], struct cw_pin *ret, struct cw_fault *f) {
        static const uint8_t account[8] = {0};
        switch (format) {
        case 0:
                return cw_pinblock_decode0(block, account, ret, f);
        case 1:
                return cw_pinblock_decode1(block, ret, f);
        case 2:
                return cw_pinblock_decode2(block, ret, f);
        case 3:
                return cw_pinblock_decode3(block, account, ret, f);
        default:
                return cw_pinblock_decode_field4(block, ret, f);
        }
}

static void encode(unsigned format, const struct cw_pin *pin, const uint8_t filler[CW_PIN_FILLER],
                   uint8_t ret[16]) {
        static const uint8_t account[8] = {0}, random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        if (format == 0)
                cw_pinblock_encode0(pin, account, ret);
        else if (format == 1)
                cw_pinblock_encode1(pin, filler, ret);
        else if (format == 2)
                cw_pinblock_encode2(pin, ret);
        else if (format == 3)
                cw_pinblock_encode3(pin, account, filler, ret);
        else
                cw_pinblock_field4(pin, random, ret);
}

/* Every nibble of valid blocks of every format and length set to every value: taken or refused as the rules
 * say, always with the same words, nothing left of a refused PIN. */
static void every_nibble(void **state) {
        (void)state;
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        static const struct cw_pin nothing;
        unsigned accepted = 0, refused = 0;
        struct cw_fault first = {0};
        for (unsigned format = 0; format <= 4; format++) {
                for (int len = 4; len <= 12; len++) {
                        char text[13];
                        uint8_t good[16] = {0}, block[16], filler[CW_PIN_FILLER];
                        (void)snprintf(text, sizeof(text), "%.*s", len, "405793162840");
                        struct cw_pin pin = pin_of(text), out;
                        assert_int_equal(cw_pinblock_filler(&c, format, filler, NULL), CW_OK);
                        encode(format, &pin, filler, good);
                        assert_int_equal(decode(format, good, &out, NULL), CW_OK);
                        assert_true(cw_pin_equal(&out, &pin));
                        for (unsigned i = 0; i < 256; i++) {
                                struct cw_fault f = {0};
                                unsigned shift = i / 16 % 2 == 0 ? 4 : 0;
                                memcpy(block, good, 16);
                                block[i / 32] =
                                    (uint8_t)((block[i / 32] & ~(15u << shift)) | (i % 16) << shift);
                                out = pin;
                                cw_rc rc = decode(format, block, &out, &f);
                                assert_int_equal(rc == CW_OK, acceptable(block, format));
                                accepted += rc == CW_OK;
                                if (rc == CW_OK)
                                        continue;
                                first = refused++ == 0 ? f : first;
                                assert_memory_equal(&f, &first, sizeof(f));
                                assert_memory_equal(&out, &nothing, sizeof(out));
                        }
                }
        }
        assert_true(accepted > 3000 && refused > 5000);
        soft_hsm_free(soft);
}

/* A block made for one format is of no other. */
static void formats_apart(void **state) {
        (void)state;
        static const uint8_t filler[CW_PIN_FILLER] = {15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15};
        struct cw_pin pin = pin_of("4057"), out;
        for (unsigned made = 0; made <= 4; made++) {
                uint8_t block[16] = {0};
                encode(made, &pin, filler, block);
                for (unsigned read = 0; read <= 4; read++)
                        assert_int_equal(decode(read, block, &out, NULL) == CW_OK, made == read);
        }
}

/* Fillers: only A to F in format 3, and each of them; all digits in format 1. */
static void fillers(void **state) {
        (void)state;
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        unsigned seen[2] = {0, 0};
        for (unsigned i = 0; i < 100; i++) {
                for (unsigned format = 1; format <= 3; format += 2) {
                        uint8_t filler[CW_PIN_FILLER];
                        assert_int_equal(cw_pinblock_filler(&c, format, filler, NULL), CW_OK);
                        for (size_t k = 0; k < CW_PIN_FILLER; k++) {
                                assert_true(filler[k] < 16);
                                seen[format / 2] |= 1u << filler[k];
                        }
                }
        }
        assert_true(__builtin_popcount(seen[0]) > 10 && (seen[0] & ~0xffffu) == 0);
        assert_int_equal(seen[1], 0xfc00);
        soft_hsm_free(soft);
}

/* Format 4: every changed bit of the enciphered block, and another PAN, are refused or give another PIN only
 * by the chance that a random field looks like one. */
static void format4(void **state) {
        (void)state;
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        struct cw_hsm_key key = {0};
        uint8_t value[16], random[8], block[16];
        struct cw_pin pin = pin_of("1234"), out;
        (void)unhex("AF8CB133A78F8DC2D1359F18527593FB", value, sizeof(value));
        (void)unhex("2F69ADDE2E9E7ACE", random, sizeof(random));
        assert_int_equal(cw_hsm_import(&c, CW_ALG_AES128, CW_USE_ENCRYPT | CW_USE_DECRYPT, value, &key, NULL),
                         CW_OK);
        assert_int_equal(cw_pinblock_encipher4(&c, &key, &pin, "4111111111111111", random, block, NULL),
                         CW_OK);
        assert_int_equal(cw_pinblock_decipher4(&c, &key, block, "4111111111111111", &out, NULL), CW_OK);
        assert_true(cw_pin_equal(&out, &pin));
        for (size_t bit = 0; bit < 128; bit++) {
                block[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_int_not_equal(cw_pinblock_decipher4(&c, &key, block, "4111111111111111", &out, NULL),
                                     CW_OK);
                block[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_not_equal(cw_pinblock_decipher4(&c, &key, block, "4111111111111112", &out, NULL), CW_OK);
        assert_int_not_equal(cw_pinblock_decipher4(&c, &key, block, "", &out, NULL), CW_OK);
        assert_int_not_equal(cw_pinblock_decipher4(&c, &key, block, "41111111111111111111", &out, NULL),
                             CW_OK);
        cw_hsm_key_destroy(&c, &key);
        assert_int_equal(soft_key_count(soft), 0);
        soft_hsm_free(soft);
}

static void pan_fields(void **state) {
        (void)state;
        static const char *const rows[][2] = {
            {"4111111111111111", "44111111111111111000000000000000"},
            {"112233445566778899", "61122334455667788990000000000000"},
            {"123456789", "00001234567890000000000000000000"},
            {"411111111111111", "34111111111111110000000000000000"},
        };
        for (size_t i = 0; i < 4; i++) {
                uint8_t field[16], want[16];
                (void)unhex(rows[i][1], want, sizeof(want));
                assert_int_equal(cw_pinblock_pan_field4(rows[i][0], field, NULL), CW_OK);
                assert_memory_equal(field, want, 16);
        }
}

/* X9.24-3:2017 supplement: keys as bytes. */
static void dukpt_aes_keys(void **state) {
        (void)state;
        static const struct {
                const char *bdk;
                uint32_t counter;
                enum cw_dukpt_aes_use use;
                enum cw_hsm_alg alg;
                const char *key;
        } rows[] = {
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 1, CW_DUKPT_AES_PIN, CW_ALG_AES128,
             "AF8CB133A78F8DC2D1359F18527593FB"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 1, CW_DUKPT_AES_MAC_GENERATE, CW_ALG_AES128,
             "A2DC23DE6FDE0824A2BC321E08E4B8B7"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 1, CW_DUKPT_AES_DATA_ENCRYPT, CW_ALG_AES128,
             "A35C412EFD41FDB98B69797C02DCD08F"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 2, CW_DUKPT_AES_PIN, CW_ALG_AES128,
             "D30BDC73EC9714B000BEC66BDB7B6D09"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 2, CW_DUKPT_AES_MAC_GENERATE, CW_ALG_AES128,
             "484C3B06E8562704528CD5B46FB12FB6"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 2, CW_DUKPT_AES_DATA_ENCRYPT, CW_ALG_AES128,
             "D639514AA33AC43AD9229E433D6D4E5B"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 8, CW_DUKPT_AES_PIN, CW_ALG_AES128,
             "4D9DF3FBEE3448FC3E676D04320A90F5"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 8, CW_DUKPT_AES_MAC_GENERATE, CW_ALG_AES128,
             "6FD572E5D59E618875F193484F9178FB"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 8, CW_DUKPT_AES_DATA_ENCRYPT, CW_ALG_AES128,
             "650F34204ABD4E57764D61AC3D266FB1"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1FEDCBA9876543210F1F1F1F1F1F1F1F1", 1, CW_DUKPT_AES_PIN,
             CW_ALG_AES128, "09C9C432966811D6B2C3336BAC1B1202"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1FEDCBA9876543210F1F1F1F1F1F1F1F1", 1, CW_DUKPT_AES_PIN,
             CW_ALG_AES256, "8C1AB7BEE973829E30242E0BBBDD4946D540C98FC1B5BDCF94790001A23FD502"},
            /* of 192 bits none is published: by tests/vectors/oracle, which agrees with those above */
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1", 1, CW_DUKPT_AES_PIN, CW_ALG_AES192,
             "E891D98AFCC6A7A3F0C510BDF28F3D4B29323DDF075C9E13"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1FEDCBA9876543210", 1, CW_DUKPT_AES_PIN, CW_ALG_AES128,
             "3C318CDBF08322279557201E98DBB3F3"},
            {"FEDCBA9876543210F1F1F1F1F1F1F1F1FEDCBA9876543210", 8, CW_DUKPT_AES_PIN, CW_ALG_AES192,
             "AB09E85819A53585474160C0D0C64B3DF71E626B3784715D"},
        };
        static const uint8_t ikid[8] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56};
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                uint8_t value[32], want[32];
                struct cw_hsm_key bdk = {0}, key = {0};
                size_t n = unhex(rows[i].bdk, value, sizeof(value)), len = 0;
                enum cw_hsm_alg of = n == 32 ? CW_ALG_AES256 : n == 24 ? CW_ALG_AES192 : CW_ALG_AES128;
                assert_int_equal(cw_hsm_import(&c, of, CW_USE_DERIVE, value, &bdk, NULL), CW_OK);
                assert_int_equal(cw_dukpt_aes_working_key(&c, &bdk, ikid, rows[i].counter, rows[i].use,
                                                          rows[i].alg, CW_USE_ENCRYPT, &key, NULL),
                                 CW_OK);
                n = unhex(rows[i].key, want, sizeof(want));
                const uint8_t *got = soft_key_bytes(soft, &key, &len);
                assert_int_equal(len, n);
                assert_memory_equal(got, want, n);
                cw_hsm_key_destroy(&c, &key);
                assert_int_not_equal(cw_dukpt_aes_working_key(&c, &bdk, ikid, 0, rows[i].use, rows[i].alg,
                                                              CW_USE_ENCRYPT, &key, NULL),
                                     CW_OK);
                assert_int_not_equal(cw_dukpt_aes_working_key(&c, &bdk, ikid, 0x1ffff, rows[i].use,
                                                              rows[i].alg, CW_USE_ENCRYPT, &key, NULL),
                                     CW_OK);
                cw_hsm_key_destroy(&c, &bdk);
        }
        assert_int_equal(soft_key_count(soft), 0);
        soft_hsm_free(soft);
}

static void dukpt_aes_update(void **state) {
        (void)state;
        static const uint8_t ikid[8] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56};
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        struct cw_hsm_key bdk = {0}, key = {0};
        uint8_t value[16], want[16];
        size_t len = 0;
        (void)unhex("FEDCBA9876543210F1F1F1F1F1F1F1F1", value, sizeof(value));
        (void)unhex("9A9770AEE1ACD1B13473D0463A1883B9", want, sizeof(want));
        assert_int_equal(cw_hsm_import(&c, CW_ALG_AES128, CW_USE_DERIVE, value, &bdk, NULL), CW_OK);
        assert_int_equal(cw_dukpt_aes_update_key(&c, &bdk, ikid, CW_USE_ENCRYPT, &key, NULL), CW_OK);
        assert_memory_equal(soft_key_bytes(soft, &key, &len), want, 16);
        cw_hsm_key_destroy(&c, &key);
        cw_hsm_key_destroy(&c, &bdk);
        soft_hsm_free(soft);
}

/* CMAC out of CBC is the backend's CMAC, for every length. */
static void cmac_by_cipher(void **state) {
        (void)state;
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        uint8_t msg[1200], key_value[32], want[16], got[16];
        for (size_t i = 0; i < sizeof(msg); i++)
                msg[i] = (uint8_t)(i * 37);
        memcpy(key_value, msg + 11, sizeof(key_value));
        for (unsigned alg = CW_ALG_TDES2; alg <= CW_ALG_AES256; alg++) {
                struct cw_hsm_key k = {0};
                assert_int_equal(
                    cw_hsm_import(&c, (enum cw_hsm_alg)alg, CW_USE_MAC | CW_USE_ENCRYPT, key_value, &k, NULL),
                    CW_OK);
                for (size_t len = 0; len <= sizeof(msg); len += len < 80 ? 1 : 56) {
                        assert_int_equal(cw_hsm_cmac(&c, &k, msg, len, want, NULL), CW_OK);
                        assert_int_equal(cw_cmac_by_cipher(&c, &k, msg, len, got, NULL), CW_OK);
                        assert_memory_equal(got, want, cw_hsm_alg_block((enum cw_hsm_alg)alg));
                }
                cw_hsm_key_destroy(&c, &k);
        }
        soft_hsm_free(soft);
}

static void fill(uint8_t *msg, size_t len) {
        for (size_t i = 0; i < len; i++)
                msg[i] = (uint8_t)(i * 41 + i / 256);
}

static void expect_wiped(const uint8_t *msg, size_t len) {
        for (size_t i = 0; i < len; i++)
                assert_int_equal(msg[i], 0);
}

static void expect_chain(const struct cw_hsm_crypto *c, const struct cw_hsm_key *k, const uint8_t *msg,
                         size_t len) {
        uint8_t iv[16], want[CW_CBC_MAX], got[CW_CBC_MAX];
        memcpy(iv, msg + 5, sizeof(iv));
        assert_int_equal(cw_hsm_encrypt(c, k, CW_MODE_CBC, iv, msg, len, want, NULL), CW_OK);
        assert_int_equal(cw_cbc_by_ecb(c, k, CW_ENCRYPT, iv, msg, len, got, NULL), CW_OK);
        assert_memory_equal(got, want, len);
        assert_int_equal(cw_cbc_by_ecb(c, k, CW_DECRYPT, iv, want, len, got, NULL), CW_OK);
        assert_memory_equal(got, msg, len);
        assert_int_equal(cw_cbc_by_ecb(c, k, CW_ENCRYPT, iv, got, len, got, NULL), CW_OK);
        assert_memory_equal(got, want, len);
        assert_int_equal(cw_cbc_by_ecb(c, k, CW_DECRYPT, iv, got, len, got, NULL), CW_OK);
        assert_memory_equal(got, msg, len);
}

/* CBC out of ECB is the backend's CBC, for every length, to and fro, in place too. */
static void cbc_by_ecb(void **state) {
        (void)state;
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        struct cw_hsm_key k = {0};
        uint8_t msg[CW_CBC_MAX + 16];
        fill(msg, sizeof(msg));
        for (unsigned a = CW_ALG_TDES2; a <= CW_ALG_AES256; a++) {
                enum cw_hsm_alg alg = (enum cw_hsm_alg)a;
                size_t n = cw_hsm_alg_block(alg);
                assert_int_equal(cw_hsm_import(&c, alg, CW_USE_ENCRYPT | CW_USE_DECRYPT, msg + 3, &k, NULL),
                                 CW_OK);
                for (size_t len = n; len <= CW_CBC_MAX; len += len < 8 * n ? n : 15 * n)
                        expect_chain(&c, &k, msg, len);
                expect_chain(&c, &k, msg, CW_CBC_MAX);
                assert_int_equal(cw_cbc_by_ecb(&c, &k, CW_ENCRYPT, msg, msg, CW_CBC_MAX + n, msg, NULL),
                                 CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG));
                expect_wiped(msg, CW_CBC_MAX + n);
                cw_hsm_key_destroy(&c, &k);
                fill(msg, sizeof(msg));
        }
        assert_int_equal(cw_hsm_import(&c, CW_ALG_AES128, CW_USE_ENCRYPT, msg, &k, NULL), CW_OK);
        assert_int_equal(cw_cbc_by_ecb(&c, &k, CW_DECRYPT, msg, msg, 32, msg, NULL),
                         CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED));
        expect_wiped(msg, 32);
        fill(msg, sizeof(msg));
        soft_fail_after(soft, 2); /* the token goes after two of four blocks */
        assert_int_equal(cw_rc_class(cw_cbc_by_ecb(&c, &k, CW_ENCRYPT, msg, msg, 64, msg, NULL)),
                         CW_C_RECONNECT);
        expect_wiped(msg, 64);
        soft_fail_after(soft, -1);
        cw_hsm_key_destroy(&c, &k);
        soft_hsm_free(soft);
}

/* A backend that keeps the chain of a MAC inside: what it is asked for, and whether anything went by it. */
static const struct cw_hsm_crypto_ops *soft_ops;
static unsigned closed_calls, chained_calls;
static cw_rc closed_mac(void *ctx, const struct cw_hsm_key *left, const struct cw_hsm_key *full,
                        const uint8_t icv[8], const uint8_t *msg, size_t len, uint8_t ret[8],
                        struct cw_fault *f) {
        uint8_t chain[CW_RETAIL_MAC_INSIDE_MAX];
        assert_true(len > 8 && len <= sizeof(chain) && len % 8 == 0);
        assert_int_equal(left->usage & CW_USE_DERIVE, CW_USE_DERIVE);
        assert_int_equal(full->usage & CW_USE_WRAP, CW_USE_WRAP);
        closed_calls++;
        cw_rc rc = soft_ops->cipher(ctx, left, CW_ENCRYPT, CW_MODE_CBC, icv, msg, len - 8, chain, f);
        for (size_t i = 0; i < 8; i++)
                ret[i] = chain[len - 16 + i] ^ msg[len - 8 + i];
        return rc != CW_OK ? rc : soft_ops->cipher(ctx, full, CW_ENCRYPT, CW_MODE_ECB, NULL, ret, 8, ret, f);
}

static cw_rc watched_cipher(void *ctx, const struct cw_hsm_key *key, enum cw_hsm_dir dir,
                            enum cw_hsm_mode mode, const uint8_t *iv, const uint8_t *in, size_t len,
                            uint8_t *out, struct cw_fault *f) {
        chained_calls += mode == CW_MODE_CBC ? 1 : 0;
        return soft_ops->cipher(ctx, key, dir, mode, iv, in, len, out, f);
}

/* Up to 72 bytes no block under single DES is seen, above as before; and never with a key that may not wrap.
 */
static void retail_mac_inside(void **state) {
        (void)state;
        static const uint8_t value[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
        struct cw_hsm_crypto c;
        struct soft_hsm *soft = soft_hsm_new(&c);
        struct cw_retail_key plain = {0}, closed = {0};
        uint8_t msg[120], want[8], got[8];
        for (size_t i = 0; i < sizeof(msg); i++)
                msg[i] = (uint8_t)(i * 29);
        assert_int_equal(cw_retail_key_import(&c, value, &plain, NULL), CW_OK);
        soft_ops = c.ops;
        struct cw_hsm_crypto_ops ops = *c.ops;
        ops.retail_mac = closed_mac;
        ops.cipher = watched_cipher;
        c.ops = &ops;
        assert_int_equal(cw_retail_key_import(&c, value, &closed, NULL), CW_OK);
        for (size_t len = 1; len <= sizeof(msg); len++) {
                bool inside = len > 8 && len <= CW_RETAIL_MAC_INSIDE_MAX;
                closed_calls = 0;
                assert_int_equal(cw_retail_mac(&c, &plain, 1, NULL, msg, len, want, NULL), CW_OK);
                assert_int_equal(closed_calls, 0);
                chained_calls = 0;
                assert_int_equal(cw_retail_mac(&c, &closed, 1, NULL, msg, len, got, NULL), CW_OK);
                assert_memory_equal(got, want, sizeof(got));
                assert_int_equal(closed_calls, inside ? 1 : 0);
                if (inside)
                        assert_int_equal(chained_calls, 0);
        }
        cw_retail_key_destroy(&c, &plain);
        cw_retail_key_destroy(&c, &closed);
        assert_int_equal(soft_key_count(soft), 0);
        soft_hsm_free(soft);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_nibble),     cmocka_unit_test(formats_apart),
            cmocka_unit_test(fillers),          cmocka_unit_test(format4),
            cmocka_unit_test(pan_fields),       cmocka_unit_test(dukpt_aes_keys),
            cmocka_unit_test(dukpt_aes_update), cmocka_unit_test(cmac_by_cipher),
            cmocka_unit_test(cbc_by_ecb),       cmocka_unit_test(retail_mac_inside),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
