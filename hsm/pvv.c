/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pvv.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/decimalise.h"
#include "hsm/pan.h"

#include <string.h>

cw_rc cw_pvv(const struct cw_hsm_crypto *c, const struct cw_hsm_key *pvk, const char *pan, char pvki,
             const struct cw_pin *pin, char ret[CW_PVV_LEN + 1], struct cw_fault *f) {
        CW_WIPED(char, digits, 16);
        CW_WIPED(uint8_t, block, 8);
        size_t len = strlen(pan);
        if (len >= CW_PAN_MIN && len <= CW_PAN_MAX) {
                memcpy(digits, pan + len - 12, 11);
                digits[11] = pvki;
                for (size_t i = 0; i < 4; i++)
                        digits[12 + i] = (char)('0' + pin->digit[i]);
        }
        if (len < CW_PAN_MIN || len > CW_PAN_MAX || pin->len < CW_PIN_MIN ||
            !cw_bcd_pack(digits, block, sizeof(block)))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.pvv", "HSM_CARD_NUMBER",
                               "a PVV needs a PAN of 12 to 19 digits, a key index digit and a PIN");
        cw_rc rc = cw_hsm_encrypt(c, pvk, CW_MODE_ECB, NULL, block, 8, block, f);
        if (rc != CW_OK)
                return rc;
        cw_decimalise(block, sizeof(block), CW_PVV_LEN, ret);
        ret[CW_PVV_LEN] = '\0';
        return CW_OK;
}
