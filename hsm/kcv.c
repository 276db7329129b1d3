/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/kcv.h"

#include "base/buf.h"
#include "base/secret.h"

#include <string.h>

cw_rc cw_kcv(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, enum cw_kcv_method method,
             uint8_t *ret, size_t ret_len, struct cw_fault *f) {
        CW_WIPED(uint8_t, out, 16);
        uint8_t in[16] = {0};
        size_t block = cw_hsm_alg_block(key->alg);
        if (block == 0 || ret_len > block)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.kcv", "HSM_KEY",
                               "this kind of key has no check value");
        if (method == CW_KCV_GP && cw_hsm_alg_is_aes(key->alg))
                memset(in, 0x01, sizeof(in));
        cw_rc rc = method == CW_KCV_CMAC ? cw_hsm_cmac(c, key, in, block, out, f)
                                         : cw_hsm_encrypt(c, key, CW_MODE_ECB, NULL, in, block, out, f);
        if (rc == CW_OK)
                memcpy(ret, out, ret_len);
        return rc;
}

cw_rc cw_kcv_check(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const char *kcv_hex,
                   struct cw_fault *f) {
        uint8_t want[5], got[5];
        size_t n = 0;
        if (!cw_hex_decode(kcv_hex, strlen(kcv_hex), want, sizeof(want), &n) || (n != 3 && n != 5))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.kcv", "HSM_KEY",
                               "a configured check value has 6 or 10 hex digits");
        cw_rc rc = cw_kcv(c, key, n == 5 ? CW_KCV_CMAC : CW_KCV_LEGACY, got, n, f);
        if (rc != CW_OK)
                return rc;
        if (!cw_equal_ct(want, got, n))
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.kcv", "HSM_KEY",
                    "the key under this label has another check value than configured; it is not used");
        return CW_OK;
}
