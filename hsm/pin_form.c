/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pin_form.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/base64.h"

#include <string.h>

static const struct {
        const char *name;
        bool gcm, hex, has_iv;
        enum cw_hsm_mode mode;
} forms[] = {
    [CW_FORM_V2_ASCII_HEX] = {"v2-ascii-hex", true, true, true, CW_MODE_CBC},
    [CW_FORM_V2_RAW8] = {"v2-raw8", true, false, true, CW_MODE_CBC},
    [CW_FORM_V1_ECB_HEX16] = {"v1-ecb-hex16", false, true, false, CW_MODE_ECB},
    [CW_FORM_V1_CBC_IV16_RAW8] = {"v1-cbc-iv16-raw8", false, false, true, CW_MODE_CBC},
    [CW_FORM_V1_CBC0_HEX16] = {"v1-cbc0-hex16", false, true, false, CW_MODE_CBC},
};

bool cw_pin_form_from_name(const char *name, enum cw_pin_form_kind *ret) {
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
                if (strcmp(forms[i].name, name) == 0) {
                        *ret = (enum cw_pin_form_kind)i;
                        return true;
                }
        }
        return false;
}

cw_rc cw_pin_form_seal(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                       enum cw_pin_form_kind kind, const uint8_t iv[16], const uint8_t block[8],
                       char ret[CW_PIN_FORM_TEXT_MAX], struct cw_fault *f) {
        CW_WIPED(uint8_t, plain, 33);
        uint8_t out[16 + 32];
        size_t len = forms[kind].hex ? 16 : 8, at = 0;
        if (forms[kind].hex)
                (void)cw_hex_encode(block, 8, (char *)plain, sizeof(plain));
        else
                memcpy(plain, block, 8);
        if (forms[kind].has_iv) {
                memcpy(out, iv, 16);
                at = 16;
        }
        cw_rc rc;
        if (forms[kind].gcm) {
                rc = cw_hsm_gcm_seal(c, key, iv, plain, len, out + at, f);
                len += 16;
        } else {
                size_t pad = 16 - len % 16;
                memset(plain + len, (int)pad, pad); /* PKCS#7 */
                len += pad;
                rc = cw_hsm_encrypt(c, key, forms[kind].mode, forms[kind].has_iv ? iv : NULL, plain, len,
                                    out + at, f);
        }
        if (rc == CW_OK && !cw_base64_encode(out, at + len, ret, CW_PIN_FORM_TEXT_MAX))
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_FATAL, CW_E_TOO_BIG), 0, "hsm.pin_form", "",
                             "PIN form too long");
        return rc;
}
