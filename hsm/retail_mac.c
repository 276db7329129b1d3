/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/retail_mac.h"

#include "base/buf.h"
#include "base/secret.h"

#include <string.h>

void cw_retail_key_destroy(const struct cw_hsm_crypto *c, struct cw_retail_key *key) {
        cw_hsm_key_destroy(c, &key->full);
        cw_hsm_key_destroy(c, &key->left);
}

cw_rc cw_retail_key_import(const struct cw_hsm_crypto *c, const uint8_t value[16], struct cw_retail_key *ret,
                           struct cw_fault *f) {
        struct cw_retail_key key = {0};
        CW_WIPED(uint8_t, left, 16);
        memcpy(left, value, 8);
        memcpy(left + 8, value, 8);
        cw_rc rc = cw_hsm_import(c, CW_ALG_TDES2, CW_USE_ENCRYPT | CW_USE_DECRYPT, value, &key.full, f);
        if (rc == CW_OK)
                rc = cw_hsm_import(c, CW_ALG_TDES2, CW_USE_ENCRYPT, left, &key.left, f);
        if (rc != CW_OK) {
                cw_retail_key_destroy(c, &key);
                return rc;
        }
        *ret = key;
        return CW_OK;
}

/* ISO/IEC 9797-1:2011, 6.3. Returns the padded length, a multiple of 8 and at least 8. */
static size_t pad(int padding, const void *msg, size_t len, uint8_t *buf, size_t cap) {
        struct cw_writer w;
        cw_writer_init(&w, buf, cap);
        if (padding == 3) {
                cw_put_be32(&w, 0);
                cw_put_be32(&w, (uint32_t)(len * 8));
        }
        cw_put_bytes(&w, msg, len);
        if (padding == 2)
                cw_put_u8(&w, 0x80);
        while (w.len == 0 || w.len % 8 != 0)
                cw_put_u8(&w, 0);
        return w.len;
}

cw_rc cw_retail_mac(const struct cw_hsm_crypto *c, const struct cw_retail_key *key, int padding,
                    const uint8_t *icv, const void *msg, size_t len, uint8_t ret_mac[8], struct cw_fault *f) {
        static const uint8_t zero[8];
        CW_WIPED(uint8_t, buf, CW_RETAIL_MAC_MSG_MAX + 16);
        CW_WIPED(uint8_t, last, 8);
        if (len > CW_RETAIL_MAC_MSG_MAX || padding < 1 || padding > 3)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, "hsm.retail_mac",
                               "", "message to authenticate is too long");
        size_t n = pad(padding, msg, len, buf, sizeof(buf));
        const uint8_t *chain = icv ? icv : zero;
        if (n > 8) {
                cw_rc rc = cw_hsm_encrypt(c, &key->left, CW_MODE_CBC, chain, buf, n - 8, buf, f);
                if (rc != CW_OK)
                        return rc;
                chain = buf + n - 16;
        }
        for (size_t i = 0; i < 8; i++)
                last[i] = buf[n - 8 + i] ^ chain[i];
        return cw_hsm_encrypt(c, &key->full, CW_MODE_ECB, NULL, last, 8, ret_mac, f);
}
