/* SPDX-License-Identifier: Apache-2.0 */
#include "pinblock.h"

#include <string.h>

#include <openssl/crypto.h>

#include "crypto.h"
#include "text.h"

#define RAW_MAX 128U

static bool refuse(const char **why, const char *text) {
        *why = text;
        return false;
}

/* Sixteen upper-case hex characters to eight bytes: lower case is another text for the same block, so
 * refused. */
static bool block_from_hex(const uint8_t *text, uint8_t block[8]) {
        char hex[17];
        for (size_t i = 0; i < 16; i++) {
                if (text[i] >= 'a' && text[i] <= 'f')
                        return false;
                hex[i] = (char)text[i];
        }
        hex[16] = '\0';
        bool ok = cw_dsim_hex_decode(hex, block, 8);
        OPENSSL_cleanse(hex, sizeof hex);
        return ok;
}

bool cw_dsim_pin_open_v2(const char *text, const uint8_t key[32], enum cw_dsim_pin_v2_form form,
                         uint8_t block[8], const char **why) {
        uint8_t raw[RAW_MAX];
        uint8_t clear[16];
        size_t len = 0;
        size_t body = form == CW_DSIM_PIN_ASCII_HEX ? 16 : 8;
        if (!cw_dsim_b64_decode(text, raw, sizeof raw, &len))
                return refuse(why, "pin is not canonical Base64");
        if (len != CW_DSIM_IV_LEN + body + CW_DSIM_TAG_LEN)
                return refuse(why, "pin has not the length of IV16, ciphertext and tag16");
        const uint8_t *data = raw + CW_DSIM_IV_LEN;
        if (!cw_dsim_gcm_open(key, raw, data, body, data + body, clear))
                return refuse(why, "encrypted PIN format is invalid or decryption failed");
        bool ok = true;
        if (form == CW_DSIM_PIN_RAW8)
                memcpy(block, clear, 8);
        else
                ok = block_from_hex(clear, block);
        OPENSSL_cleanse(clear, sizeof clear);
        return ok || refuse(why, "the PIN block is not sixteen upper-case hex characters");
}

static bool open_v1_hex(const uint8_t *raw, size_t len, const uint8_t key[32], const uint8_t *iv,
                        uint8_t block[8]) {
        uint8_t clear[RAW_MAX];
        size_t n = 0;
        bool ok = len == 32 && cw_dsim_aes_decrypt(key, iv, raw, len, clear, &n) && n == 16 &&
                  block_from_hex(clear, block);
        OPENSSL_cleanse(clear, sizeof clear);
        return ok;
}

static bool open_v1_raw(const uint8_t *raw, size_t len, const uint8_t key[32], uint8_t block[8]) {
        uint8_t clear[RAW_MAX];
        size_t n = 0;
        bool ok = len == 32 && cw_dsim_aes_decrypt(key, raw, raw + 16, 16, clear, &n) && n == 8;
        if (ok)
                memcpy(block, clear, 8);
        OPENSSL_cleanse(clear, sizeof clear);
        return ok;
}

bool cw_dsim_pin_open_v1(const char *text, const uint8_t key[32], enum cw_dsim_pin_v1_mode mode,
                         uint8_t block[8], const char **why) {
        static const uint8_t zero_iv[16];
        uint8_t raw[RAW_MAX];
        size_t len = 0;
        if (!cw_dsim_b64_decode(text, raw, sizeof raw, &len))
                return refuse(why, "pin is not canonical Base64");
        bool ok = false;
        if (mode == CW_DSIM_PIN_CBC_IV16_RAW8)
                ok = open_v1_raw(raw, len, key, block);
        else
                ok = open_v1_hex(raw, len, key, mode == CW_DSIM_PIN_CBC0_HEX16 ? zero_iv : NULL, block);
        return ok || refuse(why, "encrypted PIN format is invalid or decryption failed");
}

bool cw_dsim_pin_account_field(enum cw_dsim_pin_account account, const char *pan, const char *kit_no,
                               uint8_t field[8]) {
        char digits[17];
        memset(digits, '0', 16);
        digits[16] = '\0';
        const char *source = account == CW_DSIM_ACCOUNT_PAN12 ? pan : kit_no;
        size_t len = strlen(source);
        if (!cw_dsim_is_digits(source, 1, 19) || (account == CW_DSIM_ACCOUNT_PAN12 && len < 13))
                return false;
        if (account == CW_DSIM_ACCOUNT_PAN12)
                len--;
        size_t take = len < 12 ? len : 12;
        memcpy(digits + 16 - take, source + len - take, take);
        bool ok = cw_dsim_hex_decode(digits, field, 8);
        OPENSSL_cleanse(digits, sizeof digits);
        return ok;
}

static unsigned nibble_at(const uint8_t block[8], size_t i) {
        return i % 2 ? block[i / 2] & 0x0fU : (unsigned)block[i / 2] >> 4;
}

static bool decode_field(const uint8_t clear[8], size_t min, size_t max, char *pin, const char **why) {
        size_t len = nibble_at(clear, 1);
        if (nibble_at(clear, 0) != 0)
                return refuse(why, "the PIN block is not format 0, or its account field is another card's");
        if (len < min || len > max || len > CW_DSIM_PIN_MAX)
                return refuse(why, "the PIN block has a length outside the product's range");
        for (size_t i = 2; i < 16; i++) {
                unsigned nibble = nibble_at(clear, i);
                if (i < 2 + len && nibble > 9)
                        return refuse(why, "the PIN block has a PIN digit that is not decimal");
                if (i >= 2 + len && nibble != 0x0f)
                        return refuse(why, "the PIN block has a filler that is not F");
                if (i < 2 + len)
                        pin[i - 2] = (char)('0' + nibble);
        }
        pin[len] = '\0';
        return true;
}

bool cw_dsim_pin_decode(const uint8_t block[8], const uint8_t field[8], size_t min, size_t max,
                        char pin[CW_DSIM_PIN_MAX + 1], const char **why) {
        uint8_t clear[8];
        for (size_t i = 0; i < 8; i++)
                clear[i] = block[i] ^ field[i];
        bool ok = decode_field(clear, min, max, pin, why);
        OPENSSL_cleanse(clear, sizeof clear);
        if (!ok)
                OPENSSL_cleanse(pin, CW_DSIM_PIN_MAX + 1);
        return ok;
}
