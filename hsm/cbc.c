/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/cbc.h"

#include "base/secret.h"

#include <string.h>

static cw_rc encipher(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const uint8_t *iv,
                      const uint8_t *in, size_t len, uint8_t *out, struct cw_fault *f) {
        CW_WIPED(uint8_t, block, 16);
        size_t n = cw_hsm_alg_block(key->alg);
        const uint8_t *chain = iv;
        cw_rc rc = CW_OK;
        for (size_t done = 0; rc == CW_OK && done < len; done += n) {
                for (size_t i = 0; i < n; i++)
                        block[i] = in[done + i] ^ chain[i];
                rc = cw_hsm_encrypt(c, key, CW_MODE_ECB, NULL, block, n, out + done, f);
                chain = out + done;
        }
        if (rc != CW_OK)
                cw_wipe(out, len);
        return rc;
}

/* From behind, as out may be in and each block needs the cryptogram before it. */
static cw_rc decipher(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const uint8_t *iv,
                      const uint8_t *in, size_t len, uint8_t *out, struct cw_fault *f) {
        CW_WIPED(uint8_t, plain, CW_CBC_MAX);
        size_t n = cw_hsm_alg_block(key->alg);
        cw_rc rc = cw_hsm_decrypt(c, key, CW_MODE_ECB, NULL, in, len, plain, f);
        if (rc != CW_OK) {
                cw_wipe(out, len);
                return rc;
        }
        for (size_t i = len; i-- > n;)
                out[i] = plain[i] ^ in[i - n];
        for (size_t i = 0; i < n; i++)
                out[i] = plain[i] ^ iv[i];
        return CW_OK;
}

cw_rc cw_cbc_by_ecb(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, enum cw_hsm_dir dir,
                    const uint8_t *iv, const uint8_t *in, size_t len, uint8_t *out, struct cw_fault *f) {
        if (len > CW_CBC_MAX) {
                cw_wipe(out, len);
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, "hsm.cbc", "",
                               "more data at once than a card needs");
        }
        return dir == CW_ENCRYPT ? encipher(c, key, iv, in, len, out, f)
                                 : decipher(c, key, iv, in, len, out, f);
}
