/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/card_auth.h"

#include "base/secret.h"

#include <stdio.h>
#include <string.h>

cw_rc cw_dcvv(const struct cw_hsm_crypto *c, const struct cw_retail_key *mk, const char *pan,
              const char *expiry, const char *service, const char *atc, char ret[CW_CVV_LEN + 1],
              struct cw_fault *f) {
        CW_WIPED(char, digits, CW_PAN_MAX + 1);
        size_t len = strlen(pan);
        if (len < 12 || len > CW_PAN_MAX || strlen(atc) != 4)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), 0, "hsm.dcvv", "HSM_CARD_NUMBER",
                               "a dCVV needs 12 to 19 PAN digits and 4 ATC digits");
        memcpy(digits, pan, len + 1);
        memcpy(digits, atc, 4);
        return cw_cvv(c, mk, digits, expiry, service, ret, f);
}

cw_rc cw_cvc3_iv(const struct cw_hsm_crypto *c, const struct cw_retail_key *mk, const void *track, size_t len,
                 uint8_t ret[2], struct cw_fault *f) {
        CW_WIPED(uint8_t, mac, 8);
        cw_rc rc = cw_retail_mac(c, mk, 2, NULL, track, len, mac, f);
        if (rc == CW_OK)
                memcpy(ret, mac + 6, 2);
        return rc;
}

cw_rc cw_cvc3(const struct cw_hsm_crypto *c, const struct cw_retail_key *mk, const uint8_t iv[2],
              const uint8_t un[4], const uint8_t atc[2], char ret[6], struct cw_fault *f) {
        CW_WIPED(uint8_t, block, 8);
        memcpy(block, iv, 2);
        memcpy(block + 2, un, 4);
        memcpy(block + 6, atc, 2);
        cw_rc rc = cw_hsm_encrypt(c, &mk->full, CW_MODE_ECB, NULL, block, 8, block, f);
        if (rc == CW_OK)
                (void)snprintf(ret, 6, "%05u", (unsigned)(block[6] << 8 | block[7]) & 0xffffu);
        return rc;
}

cw_rc cw_cavv(const struct cw_hsm_crypto *c, const struct cw_retail_key *key, const char *pan,
              const char *upn, char auth_result, const char *second_factor, char ret[CW_CVV_LEN + 1],
              struct cw_fault *f) {
        char service[4] = {auth_result, 0, 0, 0};
        if (strlen(second_factor) != 2)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), 0, "hsm.cavv", "HSM_REQUEST",
                               "a CAVV needs 2 digits for the second factor result");
        memcpy(service + 1, second_factor, 2);
        return cw_cvv(c, key, pan, upn, service, ret, f);
}
