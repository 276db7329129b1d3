/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/cvv.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/decimalise.h"

#include <string.h>

cw_rc cw_cvv(const struct cw_hsm_crypto *c, const struct cw_retail_key *cvk, const char *pan,
             const char *expiry, const char *service, char ret[CW_CVV_LEN + 1], struct cw_fault *f) {
        CW_WIPED(char, digits, 32);
        CW_WIPED(uint8_t, blocks, 16);
        CW_WIPED(uint8_t, mac, 8);
        size_t pan_len = strlen(pan);
        if (pan_len == 0 || pan_len > CW_PAN_MAX || strlen(expiry) != 4 || strlen(service) != 3)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), 0, "hsm.cvv", "HSM_CARD_NUMBER",
                               "a CVV needs 1 to 19 PAN, 4 expiry and 3 service code digits");
        memset(digits, '0', sizeof(digits));
        memcpy(digits, pan, pan_len);
        memcpy(digits + pan_len, expiry, 4);
        memcpy(digits + pan_len + 4, service, 3);
        if (!cw_bcd_pack(digits, blocks, sizeof(blocks)))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.cvv", "HSM_CARD_NUMBER",
                               "a CVV is computed over digits only");
        cw_rc rc = cw_retail_mac(c, cvk, 1, NULL, blocks, sizeof(blocks), mac, f);
        if (rc != CW_OK)
                return rc;
        cw_decimalise(mac, sizeof(mac), CW_CVV_LEN, ret);
        ret[CW_CVV_LEN] = '\0';
        return CW_OK;
}
