/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/pin_token.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/decimalise.h"

#include <string.h>

#define PIN_AT_BIT 8u /* behind control and length nibble */

bool cw_pin_token_can(const struct cw_p11 *p, const struct cw_hsm_key *from, const struct cw_hsm_key *to) {
        return p != NULL && (from->usage & CW_USE_UNWRAP) != 0 && (to->usage & CW_USE_WRAP) != 0;
}

/* One object on its way: sensitive, for wrapping or as the base of the next step. */
static struct cw_p11_spec passing(size_t len, unsigned usage) {
        return (struct cw_p11_spec){
            .alg = CW_ALG_GENERIC, .usage = usage, .sensitive = true, .extractable = true, .value_len = len};
}

static cw_rc check_keys(const struct cw_hsm_key *from, const struct cw_hsm_key *to, unsigned format,
                        struct cw_fault *f) {
        if (cw_hsm_alg_is_tdes(from->alg) && cw_hsm_alg_is_tdes(to->alg) && (format == 0 || format == 3))
                return CW_OK;
        return cw_fail(
            f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.pin_token", "PIN_FORMAT",
            "inside the token a PIN block keeps its format, 0 or 3 under TDES keys; other changes need "
            "hsm.allow_host_memory and keys with its attributes");
}

cw_rc cw_pin_token_translate(struct cw_p11 *p, const struct cw_hsm_key *from, unsigned from_format,
                             const struct cw_hsm_key *to, unsigned to_format, const uint8_t block[8],
                             uint8_t ret[8], struct cw_fault *f) {
        const struct cw_p11_spec spec = passing(8, 0);
        CK_OBJECT_HANDLE pin = 0;
        cw_rc rc = check_keys(from, to, from_format == to_format ? from_format : 9, f);
        if (rc == CW_OK)
                rc = cw_p11_unwrap(p, from->handle, CKM_DES3_ECB, block, 8, &spec, &pin, f);
        if (rc == CW_OK)
                rc = cw_p11_wrap(p, to->handle, CKM_DES3_ECB, pin, ret, 8, f);
        cw_p11_destroy(p, pin);
        return rc;
}

/* The 6 bytes before the PIN digits in the block of a PVV: 11 PAN digits without the check digit, key index.
 */
static cw_rc pvv_head(const char *pan, char pvki, uint8_t ret[6], struct cw_fault *f) {
        CW_WIPED(char, digits, 12);
        size_t len = strlen(pan), n = 0;
        if (len >= 12 && pvki >= '0' && pvki <= '9') {
                memcpy(digits, pan + len - 12, 11);
                digits[11] = pvki;
                if (cw_hex_decode(digits, sizeof(digits), ret, 6, &n))
                        return CW_OK;
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.pin_token", "HSM_CARD_NUMBER",
                       "a PVV needs a PAN of at least 12 digits and a key index digit");
}

cw_rc cw_pin_token_pvv(struct cw_p11 *p, const struct cw_hsm_key *from, unsigned format,
                       const uint8_t block[8], const char *pan, char pvki, const struct cw_hsm_key *pvk,
                       char ret[CW_PVV_LEN + 1], struct cw_fault *f) {
        CW_WIPED(uint8_t, head, 6);
        CW_WIPED(uint8_t, sealed, 8);
        uint8_t account[8];
        const struct cw_p11_spec field = passing(8, CW_USE_DERIVE), digits = passing(2, CW_USE_DERIVE),
                                 tsp = passing(8, 0);
        CK_OBJECT_HANDLE h[4] = {0};
        cw_rc rc = check_keys(from, pvk, format, f);
        if (rc == CW_OK)
                rc = pvv_head(pan, pvki, head, f);
        if (rc == CW_OK)
                rc = cw_pinblock_account_pan12(pan, account, f);
        if (rc == CW_OK)
                rc = cw_p11_unwrap(p, from->handle, CKM_DES3_ECB, block, 8, &field, &h[0], f);
        if (rc == CW_OK)
                rc = cw_p11_xor(p, h[0], account, 8, &field, &h[1], f);
        if (rc == CW_OK)
                rc = cw_p11_extract(p, h[1], PIN_AT_BIT, &digits, &h[2], f);
        if (rc == CW_OK)
                rc = cw_p11_prepend(p, h[2], head, sizeof(head), &tsp, &h[3], f);
        if (rc == CW_OK)
                rc = cw_p11_wrap(p, pvk->handle, CKM_DES3_ECB, h[3], sealed, 8, f);
        for (size_t i = 0; i < 4; i++)
                cw_p11_destroy(p, h[i]);
        if (rc != CW_OK)
                return rc;
        cw_decimalise(sealed, sizeof(sealed), CW_PVV_LEN, ret);
        ret[CW_PVV_LEN] = '\0';
        return CW_OK;
}
