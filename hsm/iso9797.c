/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/iso9797.h"

#include "base/buf.h"
#include "base/secret.h"

#include <string.h>

size_t cw_iso9797_pad(int padding, const void *msg, size_t len, uint8_t *buf, size_t cap) {
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

cw_rc cw_iso9797_check(int padding, size_t len, struct cw_fault *f) {
        if (len > CW_MAC_MSG_MAX)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, "hsm.mac", "",
                               "message to authenticate is too long");
        if (padding < 1 || padding > 3)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), padding, "hsm.mac", "",
                               "a MAC has padding 1, 2 or 3");
        return CW_OK;
}

cw_rc cw_cbc_mac(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, int padding, const void *msg,
                 size_t len, uint8_t ret_mac[8], struct cw_fault *f) {
        CW_UNINITIALIZED uint8_t buf[CW_MAC_MSG_MAX + 16]; /* only what is filled is wiped */
        cw_rc rc = cw_iso9797_check(padding, len, f);
        if (rc != CW_OK)
                return rc;
        const uint8_t *iv = NULL;
        size_t n = cw_iso9797_pad(padding, msg, len, buf, sizeof(buf)), done = 0;
        while (rc == CW_OK && done < n) {
                size_t take = n - done > CW_MAC_CHUNK ? CW_MAC_CHUNK : n - done;
                rc = cw_hsm_encrypt(c, key, CW_MODE_CBC, iv, buf + done, take, buf + done, f);
                done += take;
                iv = buf + done - 8;
        }
        if (rc == CW_OK)
                memcpy(ret_mac, buf + n - 8, 8);
        cw_wipe(buf, n);
        return rc;
}
