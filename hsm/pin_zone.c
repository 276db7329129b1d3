/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pin_zone.h"

#include "base/secret.h"
#include "hsm/pinblock4.h"

size_t cw_pin_zone_block_len(unsigned format) {
        return format == 4 ? 16 : format == 0 || format == 1 || format == 3 ? 8 : 0;
}

cw_rc cw_pin_zone_allowed(unsigned from, unsigned to, struct cw_fault *f) {
        bool source = cw_pin_zone_block_len(from) != 0, target = to == 0 || to == 3 || to == 4;
        if (source && target)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "hsm.pin_zone", "PIN_FORMAT",
                       "PIN blocks go from formats 0, 1, 3 and 4 to formats 0, 3 and 4 only (PCI PIN 3-3)");
}

static cw_rc check_key(const struct cw_hsm_key *key, unsigned format, struct cw_fault *f) {
        bool fits = format == 4 ? cw_hsm_alg_is_aes(key->alg) : cw_hsm_alg_is_tdes(key->alg);
        if (fits && cw_pin_zone_block_len(format) != 0)
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.pin_zone", "PIN_FORMAT",
                       "formats 0, 1 and 3 go with TDES keys, format 4 with AES keys");
}

cw_rc cw_pin_zone_open(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, unsigned format,
                       const uint8_t *block, const char *pan, struct cw_pin *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, clear, 8);
        uint8_t account[8];
        cw_rc rc = check_key(key, format, f);
        if (rc != CW_OK)
                return rc;
        if (format == 4)
                return cw_pinblock_decipher4(c, key, block, pan, ret, f);
        rc = cw_hsm_decrypt(c, key, CW_MODE_ECB, NULL, block, 8, clear, f);
        if (rc == CW_OK)
                rc = cw_pinblock_account_pan12(pan, account, f);
        if (rc != CW_OK)
                return rc;
        if (format == 1)
                return cw_pinblock_decode1(clear, ret, f);
        return format == 0 ? cw_pinblock_decode0(clear, account, ret, f)
                           : cw_pinblock_decode3(clear, account, ret, f);
}

cw_rc cw_pin_zone_seal(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, unsigned format,
                       const struct cw_pin *pin, const char *pan, uint8_t ret[CW_PIN_BLOCK_MAX],
                       struct cw_fault *f) {
        CW_WIPED(uint8_t, clear, 8);
        CW_WIPED(uint8_t, filler, CW_PIN_FILLER);
        uint8_t account[8];
        cw_rc rc = format == 1 ? cw_pin_zone_allowed(format, format, f) : check_key(key, format, f);
        if (rc == CW_OK && format != 0)
                rc = cw_pinblock_filler(c, format, filler, f);
        if (rc == CW_OK && format == 4) {
                CW_WIPED(uint8_t, random, 8);
                rc = cw_hsm_random(c, random, sizeof(random), f);
                return rc != CW_OK ? rc : cw_pinblock_encipher4(c, key, pin, pan, random, ret, f);
        }
        if (rc == CW_OK)
                rc = cw_pinblock_account_pan12(pan, account, f);
        if (rc != CW_OK)
                return rc;
        if (format == 0)
                cw_pinblock_encode0(pin, account, clear);
        else
                cw_pinblock_encode3(pin, account, filler, clear);
        return cw_hsm_encrypt(c, key, CW_MODE_ECB, NULL, clear, 8, ret, f);
}
