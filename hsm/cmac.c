/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/cmac.h"

#include "base/secret.h"

#include <string.h>

#define CHUNK 512u /* of a message in one cipher call, which takes 1024 bytes at most */

/* SP 800-38B, 6.1: shift left by one bit; R_b is 87 for 128-bit and 1B for 64-bit blocks. */
static void double_block(uint8_t *b, size_t n) {
        uint8_t carry = b[0] >> 7;
        for (size_t i = 0; i + 1 < n; i++)
                b[i] = (uint8_t)(b[i] << 1 | b[i + 1] >> 7);
        b[n - 1] = (uint8_t)(b[n - 1] << 1);
        b[n - 1] ^= (uint8_t)((0u - carry) & (n == 16 ? 0x87u : 0x1bu));
}

/* The last block, complete or padded, with its subkey. */
static cw_rc last_block(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const uint8_t *rest,
                        size_t rest_len, uint8_t *last, struct cw_fault *f) {
        CW_WIPED(uint8_t, subkey, 16);
        size_t n = cw_hsm_alg_block(key->alg);
        cw_rc rc = cw_hsm_encrypt(c, key, CW_MODE_ECB, NULL, subkey, n, subkey, f);
        if (rc != CW_OK)
                return rc;
        double_block(subkey, n);
        memset(last, 0, n);
        if (rest && rest_len > 0)
                memcpy(last, rest, rest_len);
        if (rest_len < n) {
                double_block(subkey, n);
                last[rest_len] = 0x80;
        }
        for (size_t i = 0; i < n; i++)
                last[i] ^= subkey[i];
        return CW_OK;
}

__attribute__((noinline)) cw_rc cw_cmac_by_cipher(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                                  const void *in, size_t len, void *out, struct cw_fault *f) {
        CW_WIPED(uint8_t, last, 16);
        CW_WIPED(uint8_t, chain, CHUNK);
        uint8_t iv[16] = {0};
        const uint8_t *msg = in;
        size_t n = cw_hsm_alg_block(key->alg);
        if (n == 0 || len > CW_CMAC_MSG_MAX)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, "hsm.cmac", "",
                               "message to authenticate is too long");
        size_t head = len == 0 ? 0 : (len - 1) / n * n;
        cw_rc rc = last_block(c, key, msg ? msg + head : NULL, len - head, last, f);
        for (size_t done = 0, take = 0; rc == CW_OK && done < head; done += take) {
                take = head - done > CHUNK ? CHUNK : head - done;
                rc = cw_hsm_encrypt(c, key, CW_MODE_CBC, iv, msg + done, take, chain, f);
                memcpy(iv, chain + take - n, n);
        }
        return rc != CW_OK ? rc : cw_hsm_encrypt(c, key, CW_MODE_CBC, iv, last, n, out, f);
}
