/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/retail_mac.h"

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
        cw_rc rc =
            cw_hsm_import(c, CW_ALG_TDES2, cw_retail_usage_full(c) | CW_USE_DECRYPT, value, &key.full, f);
        if (rc == CW_OK)
                rc = cw_hsm_import(c, CW_ALG_TDES2, cw_retail_usage_left(c), left, &key.left, f);
        if (rc != CW_OK) {
                cw_retail_key_destroy(c, &key);
                return rc;
        }
        *ret = key;
        return CW_OK;
}

static void xor8(uint8_t ret[8], const uint8_t a[8]) {
        uint64_t x = 0, y = 0;
        memcpy(&x, ret, 8);
        memcpy(&y, a, 8);
        x ^= y;
        memcpy(ret, &x, 8);
}

static bool stays_inside(const struct cw_hsm_crypto *c, const struct cw_retail_key *key, size_t padded) {
        return c->ops->retail_mac != NULL && padded > 8 && padded <= CW_RETAIL_MAC_INSIDE_MAX &&
               key->full.valid && (key->full.usage & CW_USE_WRAP) != 0 && key->left.valid &&
               (key->left.usage & CW_USE_DERIVE) != 0;
}

cw_rc cw_retail_mac(const struct cw_hsm_crypto *c, const struct cw_retail_key *key, int padding,
                    const uint8_t *icv, const void *msg, size_t len, uint8_t ret_mac[8], struct cw_fault *f) {
        static const uint8_t zero[8];
        CW_UNINITIALIZED uint8_t buf[CW_RETAIL_MAC_MSG_MAX + 16]; /* only what is filled is wiped */
        cw_rc rc = cw_iso9797_check(padding, len, f);
        if (rc != CW_OK)
                return rc;
        size_t n = cw_iso9797_pad(padding, msg, len, buf, sizeof(buf));
        const uint8_t *chain = icv ? icv : zero;
        if (stays_inside(c, key, n)) {
                rc = c->ops->retail_mac(c->ctx, &key->left, &key->full, chain, buf, n, ret_mac, f);
                cw_wipe(buf, n);
                return rc;
        }
        for (size_t done = 0, take = 0; rc == CW_OK && done < n - 8; done += take) {
                take = n - 8 - done > CW_MAC_CHUNK ? CW_MAC_CHUNK : n - 8 - done;
                rc = cw_hsm_encrypt(c, &key->left, CW_MODE_CBC, chain, buf + done, take, buf + done, f);
                chain = buf + done + take - 8;
        }
        xor8(buf + n - 8, chain);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(c, &key->full, CW_MODE_ECB, NULL, buf + n - 8, 8, ret_mac, f);
        cw_wipe(buf, n);
        return rc;
}
