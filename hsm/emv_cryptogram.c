/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/emv_cryptogram.h"

#include "base/buf.h"
#include "hsm/emv_aes.h"

#include <string.h>

cw_rc cw_emv_mac(const struct cw_hsm_crypto *c, const struct cw_retail_key *sk, int padding, const void *data,
                 size_t len, uint8_t ret[8], struct cw_fault *f) {
        uint8_t mac[CW_EMV_AES_BLOCK];
        if (!cw_hsm_alg_is_aes(sk->full.alg))
                return cw_retail_mac(c, sk, padding, NULL, data, len, ret, f);
        cw_rc rc = cw_emv_aes_mac(c, &sk->full, data, len, mac, f);
        if (rc == CW_OK)
                memcpy(ret, mac, 8);
        return rc;
}

cw_rc cw_emv_arqc(const struct cw_hsm_crypto *c, const struct cw_retail_key *sk, const void *data, size_t len,
                  uint8_t ret[8], struct cw_fault *f) {
        return cw_emv_mac(c, sk, 2, data, len, ret, f);
}

cw_rc cw_emv_arpc1(const struct cw_hsm_crypto *c, const struct cw_retail_key *sk, const uint8_t arqc[8],
                   const uint8_t arc[2], uint8_t ret[8], struct cw_fault *f) {
        uint8_t x[8];
        memcpy(x, arqc, 8);
        x[0] ^= arc[0];
        x[1] ^= arc[1];
        if (cw_hsm_alg_is_aes(sk->full.alg))
                return cw_emv_aes_arpc1(c, &sk->full, x, ret, f);
        return cw_hsm_encrypt(c, &sk->full, CW_MODE_ECB, NULL, x, 8, ret, f);
}

cw_rc cw_emv_arpc2(const struct cw_hsm_crypto *c, const struct cw_retail_key *sk, const uint8_t arqc[8],
                   const uint8_t csu[4], const void *prop, size_t prop_len, uint8_t ret[4],
                   struct cw_fault *f) {
        uint8_t msg[20], mac[8];
        struct cw_writer w;
        cw_writer_init(&w, msg, sizeof(msg));
        cw_put_bytes(&w, arqc, 8);
        cw_put_bytes(&w, csu, 4);
        cw_put_bytes(&w, prop, prop_len);
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), 0, "hsm.arpc", "",
                               "proprietary authentication data has at most 8 bytes");
        cw_rc rc = cw_emv_mac(c, sk, 2, msg, w.len, mac, f);
        if (rc == CW_OK)
                memcpy(ret, mac, 4);
        return rc;
}
