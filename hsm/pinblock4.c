/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pinblock4.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/pan.h"

#include <string.h>

static void xor16(uint8_t ret[16], const uint8_t a[16]) {
        for (size_t i = 0; i < 16; i++)
                ret[i] ^= a[i];
}

cw_rc cw_pinblock_pan_field4(const char *pan, uint8_t ret[16], struct cw_fault *f) {
        CW_WIPED(char, text, 33);
        size_t len = strlen(pan), n = 0, short_by = len < 12 ? 12 - len : 0;
        memset(text, '0', 32);
        if (len > 0 && len <= CW_PAN_MAX && strspn(pan, "0123456789") == len) {
                text[0] = (char)('0' + (len > 12 ? len - 12 : 0));
                memcpy(text + 1 + short_by, pan, len);
                (void)cw_hex_decode(text, 32, ret, 16, &n);
        }
        if (n != 16)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.pinblock", "PIN_BLOCK",
                               "the account part of a PIN block needs 1 to 19 digits");
        return CW_OK;
}

cw_rc cw_pinblock_encipher4(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                            const struct cw_pin *pin, const char *pan, const uint8_t random[8],
                            uint8_t ret[16], struct cw_fault *f) {
        CW_WIPED(uint8_t, account, 16);
        CW_WIPED(uint8_t, block, 16);
        cw_rc rc = cw_pinblock_pan_field4(pan, account, f);
        if (rc != CW_OK)
                return rc;
        cw_pinblock_field4(pin, random, block);
        rc = cw_hsm_encrypt(c, key, CW_MODE_ECB, NULL, block, 16, block, f);
        xor16(block, account);
        return rc != CW_OK ? rc : cw_hsm_encrypt(c, key, CW_MODE_ECB, NULL, block, 16, ret, f);
}

cw_rc cw_pinblock_decipher4(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const uint8_t in[16],
                            const char *pan, struct cw_pin *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, account, 16);
        CW_WIPED(uint8_t, block, 16);
        cw_rc rc = cw_pinblock_pan_field4(pan, account, f);
        if (rc == CW_OK)
                rc = cw_hsm_decrypt(c, key, CW_MODE_ECB, NULL, in, 16, block, f);
        xor16(block, account);
        if (rc == CW_OK)
                rc = cw_hsm_decrypt(c, key, CW_MODE_ECB, NULL, block, 16, block, f);
        return rc != CW_OK ? rc : cw_pinblock_decode_field4(block, ret, f);
}
