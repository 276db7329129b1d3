/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: PIN blocks, PVV, IBM 3624, set-PIN forms. */
#include "base/buf.h"
#include "base/secret.h"
#include "hsm/ibm3624.h"
#include "hsm/known_answer_internal.h"
#include "hsm/pin_form.h"
#include "hsm/pinblock4.h"
#include "hsm/pvv.h"

#include <string.h>

static bool nibble_of(char digit, uint8_t *ret) {
        const char byte[2] = {'0', digit};
        size_t n = 0;
        return cw_hex_decode(byte, sizeof(byte), ret, 1, &n);
}

/* Filler digits of the entry; those of format 3 are A..F. Random ones when there are none. */
static cw_rc filler_of(struct cw_ka *ka, unsigned format, const struct cw_pin *pin,
                       uint8_t ret[CW_PIN_FILLER]) {
        const char *text = cw_ka_text(ka, "fill");
        size_t len = strlen(text), wanted = CW_PIN_FILLER - pin->len;
        if (len == 0)
                return cw_pinblock_filler(ka->c, format, ret, ka->f);
        if (len < wanted)
                return cw_ka_bad(ka, "fill");
        for (size_t i = 0; i < wanted; i++) {
                if (!nibble_of(text[i], &ret[i]) || (format == 3 && ret[i] < 10))
                        return cw_ka_bad(ka, "fill");
        }
        return CW_OK;
}

static cw_rc account_of(struct cw_ka *ka, uint8_t ret[8]) {
        if (*cw_ka_text(ka, "kit") != '\0')
                return cw_pinblock_account_kit16(cw_ka_text(ka, "kit"), ret, ka->f);
        if (*cw_ka_text(ka, "pan") == '\0')
                return cw_ka_bad(ka, "pan");
        return cw_pinblock_account_pan12(cw_ka_text(ka, "pan"), ret, ka->f);
}

cw_rc cw_ka_pin_block_encode(struct cw_ka *ka) {
        CW_WIPED(struct cw_pin, pin, 1);
        CW_WIPED(uint8_t, filler, CW_PIN_FILLER);
        CW_WIPED(uint8_t, block, 8);
        uint8_t account[8] = {0};
        int64_t format = cw_ka_number(ka, "format", -1);
        cw_rc rc = format < 0 || format > 3 ? cw_ka_bad(ka, "format") : cw_ka_pin(ka, "pin", pin);
        if (rc == CW_OK && (format == 0 || format == 3))
                rc = account_of(ka, account);
        if (rc == CW_OK && (format == 1 || format == 3))
                rc = filler_of(ka, (unsigned)format, pin, filler);
        if (rc != CW_OK)
                return rc;
        if (format == 0)
                cw_pinblock_encode0(pin, account, block);
        else if (format == 1)
                cw_pinblock_encode1(pin, filler, block);
        else if (format == 2)
                cw_pinblock_encode2(pin, block);
        else
                cw_pinblock_encode3(pin, account, filler, block);
        return cw_ka_answer(ka, block, 8);
}

static cw_rc answer_pin(struct cw_ka *ka, const struct cw_pin *pin) {
        CW_WIPED(char, text, CW_PIN_MAX + 1);
        for (size_t i = 0; i < pin->len; i++)
                text[i] = (char)('0' + pin->digit[i]);
        return cw_ka_answer_text(ka, text);
}

cw_rc cw_ka_pin_block_decode(struct cw_ka *ka) {
        CW_WIPED(struct cw_pin, pin, 1);
        CW_WIPED(uint8_t, block, 16);
        uint8_t account[8] = {0};
        int64_t format = cw_ka_number(ka, "format", -1);
        cw_rc rc = format < 0 || format > 4 ? cw_ka_bad(ka, "format")
                                            : cw_ka_bytes(ka, "block", block, format == 4 ? 16 : 8);
        if (rc == CW_OK && (format == 0 || format == 3))
                rc = account_of(ka, account);
        if (rc != CW_OK)
                return rc;
        if (format == 0)
                rc = cw_pinblock_decode0(block, account, pin, ka->f);
        else if (format == 1)
                rc = cw_pinblock_decode1(block, pin, ka->f);
        else if (format == 2)
                rc = cw_pinblock_decode2(block, pin, ka->f);
        else if (format == 3)
                rc = cw_pinblock_decode3(block, account, pin, ka->f);
        else
                rc = cw_pinblock_decode_field4(block, pin, ka->f);
        return rc != CW_OK ? rc : answer_pin(ka, pin);
}

cw_rc cw_ka_iso4_encipher(struct cw_ka *ka) {
        CW_WIPED(struct cw_pin, pin, 1);
        struct cw_hsm_key key = {0};
        uint8_t random[8], block[16];
        cw_rc rc = cw_ka_pin(ka, "pin", pin);
        if (rc == CW_OK)
                rc = cw_ka_bytes(ka, "random", random, 8);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "key", true, CW_USE_ENCRYPT, &key);
        if (rc == CW_OK)
                rc = cw_pinblock_encipher4(ka->c, &key, pin, cw_ka_text(ka, "pan"), random, block, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer(ka, block, 16);
}

cw_rc cw_ka_iso4_decipher(struct cw_ka *ka) {
        CW_WIPED(struct cw_pin, pin, 1);
        struct cw_hsm_key key = {0};
        uint8_t block[16];
        cw_rc rc = cw_ka_bytes(ka, "block", block, 16);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "key", true, CW_USE_DECRYPT, &key);
        if (rc == CW_OK)
                rc = cw_pinblock_decipher4(ka->c, &key, block, cw_ka_text(ka, "pan"), pin, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : answer_pin(ka, pin);
}

cw_rc cw_ka_pvv(struct cw_ka *ka) {
        CW_WIPED(struct cw_pin, pin, 1);
        CW_WIPED(char, pvv, CW_PVV_LEN + 1);
        struct cw_hsm_key key = {0};
        const char *pvki = cw_ka_text(ka, "pvki");
        cw_rc rc = strlen(pvki) != 1 ? cw_ka_bad(ka, "pvki") : cw_ka_pin(ka, "pin", pin);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "pvk", false, CW_USE_ENCRYPT, &key);
        if (rc == CW_OK)
                rc = cw_pvv(ka->c, &key, cw_ka_text(ka, "pan"), pvki[0], pin, pvv, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer_text(ka, pvv);
}

static cw_rc ibm3624_of(struct cw_ka *ka, struct cw_hsm_key *key, struct cw_ibm3624 *ret) {
        cw_rc rc = cw_ka_bytes(ka, "vdata", ret->vdata, 8);
        ret->table = cw_ka_text(ka, "table");
        ret->pvk = key;
        return rc != CW_OK ? rc : cw_ka_key(ka, "pvk", false, CW_USE_ENCRYPT, key);
}

cw_rc cw_ka_ibm3624_offset(struct cw_ka *ka) {
        CW_WIPED(struct cw_pin, pin, 1);
        CW_WIPED(char, offset, CW_PIN_MAX + 1);
        struct cw_hsm_key key = {0};
        struct cw_ibm3624 p = {0};
        cw_rc rc = cw_ka_pin(ka, "pin", pin);
        if (rc == CW_OK)
                rc = ibm3624_of(ka, &key, &p);
        if (rc == CW_OK)
                rc = cw_ibm3624_offset(ka->c, &p, pin, offset, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer_text(ka, offset);
}

cw_rc cw_ka_ibm3624_pin(struct cw_ka *ka) {
        CW_WIPED(struct cw_pin, pin, 1);
        struct cw_hsm_key key = {0};
        struct cw_ibm3624 p = {0};
        cw_rc rc = ibm3624_of(ka, &key, &p);
        if (rc == CW_OK)
                rc = cw_ibm3624_pin(ka->c, &p, cw_ka_text(ka, "offset"), pin, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : answer_pin(ka, pin);
}

cw_rc cw_ka_set_pin(struct cw_ka *ka) {
        CW_WIPED(uint8_t, block, 8);
        char text[CW_PIN_FORM_TEXT_MAX];
        uint8_t iv[16];
        struct cw_hsm_key key = {0};
        enum cw_pin_form_kind kind;
        cw_rc rc = cw_pin_form_from_name(cw_ka_text(ka, "form"), &kind) ? CW_OK : cw_ka_bad(ka, "form");
        if (rc == CW_OK)
                rc = cw_ka_bytes(ka, "block", block, 8);
        if (rc == CW_OK)
                rc = cw_ka_bytes(ka, "iv", iv, 16);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "key", true, CW_USE_ENCRYPT, &key);
        if (rc == CW_OK)
                rc = cw_pin_form_seal(ka->c, &key, kind, iv, block, text, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer_text(ka, text);
}
