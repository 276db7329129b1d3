/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/ibm3624.h"

#include "base/secret.h"

#include <string.h>

static cw_rc bad(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.ibm3624", "HSM_REQUEST", "%s",
                       text);
}

cw_rc cw_ibm3624_natural(const struct cw_hsm_crypto *c, const struct cw_ibm3624 *p, unsigned len,
                         struct cw_pin *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, block, 8);
        if (strlen(p->table) != 16 || strspn(p->table, "0123456789") != 16)
                return bad("a decimalisation table has 16 digits", f);
        if (len < CW_PIN_MIN || len > CW_PIN_MAX)
                return bad("a PIN has 4 to 12 digits", f);
        cw_rc rc = cw_hsm_encrypt(c, p->pvk, CW_MODE_ECB, NULL, p->vdata, 8, block, f);
        if (rc != CW_OK)
                return rc;
        *ret = (struct cw_pin){.len = (uint8_t)len};
        for (unsigned i = 0; i < len; i++) {
                unsigned nibble = i % 2 == 0 ? block[i / 2] >> 4 : block[i / 2] & 0x0fu;
                ret->digit[i] = (uint8_t)(p->table[nibble] - '0');
        }
        return CW_OK;
}

cw_rc cw_ibm3624_offset(const struct cw_hsm_crypto *c, const struct cw_ibm3624 *p, const struct cw_pin *pin,
                        char ret[CW_PIN_MAX + 1], struct cw_fault *f) {
        CW_WIPED(struct cw_pin, natural, 1);
        cw_rc rc = cw_ibm3624_natural(c, p, pin->len, natural, f);
        if (rc != CW_OK)
                return rc;
        for (size_t i = 0; i < pin->len; i++)
                ret[i] = (char)('0' + (pin->digit[i] + 10 - natural->digit[i]) % 10);
        ret[pin->len] = '\0';
        return CW_OK;
}

cw_rc cw_ibm3624_pin(const struct cw_hsm_crypto *c, const struct cw_ibm3624 *p, const char *offset,
                     struct cw_pin *ret, struct cw_fault *f) {
        size_t len = strlen(offset);
        if (len > CW_PIN_MAX || strspn(offset, "0123456789") != len)
                return bad("an offset has 4 to 12 digits", f);
        cw_rc rc = cw_ibm3624_natural(c, p, (unsigned)len, ret, f);
        for (size_t i = 0; rc == CW_OK && i < len; i++)
                ret->digit[i] = (uint8_t)((ret->digit[i] + (offset[i] - '0')) % 10);
        return rc;
}
