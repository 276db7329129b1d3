/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/cmac_kdf.h"

#include "base/buf.h"
#include "base/secret.h"

#include <string.h>

cw_rc cw_cmac_kdf_value(const struct cw_hsm_crypto *c, const struct cw_hsm_key *base,
                        const struct cw_cmac_kdf *kdf, uint8_t *ret, size_t len, struct cw_fault *f) {
        CW_WIPED(uint8_t, block, 16);
        uint8_t msg[16 + 2 + 1 + 64];
        cw_rc rc = CW_OK;
        for (size_t at = 0; at < len && rc == CW_OK; at += 16) {
                struct cw_writer w;
                cw_writer_init(&w, msg, sizeof(msg));
                cw_put_bytes(&w, kdf->before, kdf->before_len);
                if (!kdf->without_length)
                        cw_put_be16(&w, (uint16_t)(8 * len));
                cw_put_u8(&w, (uint8_t)(at / 16 + 1));
                cw_put_bytes(&w, kdf->after, kdf->after_len);
                rc = w.bad ? cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)kdf->after_len,
                                     "hsm.cmac_kdf", "", "a key is derived from at most 64 bytes")
                           : cw_hsm_cmac(c, base, msg, w.len, block, f);
                memcpy(ret + at, block, len - at < 16 ? len - at : 16);
        }
        return rc;
}

cw_rc cw_cmac_kdf_key(const struct cw_hsm_crypto *c, const struct cw_hsm_key *base,
                      const struct cw_cmac_kdf *kdf, unsigned usage, struct cw_hsm_key *ret,
                      struct cw_fault *f) {
        CW_WIPED(uint8_t, value, CW_CMAC_KDF_LEN_MAX);
        if (c->ops->cmac_kdf != NULL)
                return c->ops->cmac_kdf(c->ctx, base, kdf, usage, ret, f);
        cw_rc rc = cw_cmac_kdf_value(c, base, kdf, value, cw_hsm_alg_key_len(base->alg), f);
        return rc != CW_OK ? rc : cw_hsm_import(c, base->alg, usage, value, ret, f);
}
