/* SPDX-License-Identifier: Apache-2.0 */
/* Encipherment and MAC of a key block, X9.143:2021, 7. */
#include "hsm/keyblock.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/iso9797.h"

#include <string.h>

static cw_rc refused(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.keyblock", "KEY_BLOCK",
                       "the key block does not open with this protection key, or it was changed on its way");
}

/* A and C: CBC-MAC over header and ciphertext. B and D: CMAC over header and payload. */
static cw_rc block_mac(const struct cw_hsm_crypto *c, const struct cw_keyblock_keys *keys, const char *block,
                       size_t header_len, const uint8_t *body, size_t len, uint8_t ret[16],
                       struct cw_fault *f) {
        CW_WIPED(uint8_t, msg, 16 + CW_KEYBLOCK_OPTIONS_MAX + CW_KEYBLOCK_PAYLOAD_MAX);
        struct cw_writer w;
        cw_writer_init(&w, msg, sizeof(msg));
        cw_put_bytes(&w, block, header_len);
        cw_put_bytes(&w, body, len);
        if (w.bad)
                return refused(f);
        return keys->borrowed ? cw_cbc_mac(c, &keys->kbak, 1, msg, w.len, ret, f)
                              : cw_hsm_cmac(c, &keys->kbak, msg, w.len, ret, f);
}

/* IV: the MAC where it is over the clear payload, else the beginning of the header. */
static const uint8_t *iv_of(const struct cw_keyblock_keys *keys, const char *block, const uint8_t *mac) {
        return keys->borrowed ? (const uint8_t *)block : mac;
}

/* Splits the text after the header into ciphertext and MAC. */
static bool split(const char *block, size_t header_len, uint8_t *body, size_t *ret_len, uint8_t mac[16]) {
        size_t mac_len = cw_keyblock_mac_len(block[0]), block_len = cw_keyblock_cipher_block(block[0]);
        size_t text_len = strlen(block) - header_len, n = 0;
        if (text_len <= 2 * mac_len || (text_len - 2 * mac_len) % (2 * block_len) != 0)
                return false;
        return cw_hex_decode(block + header_len, text_len - 2 * mac_len, body, CW_KEYBLOCK_PAYLOAD_MAX,
                             ret_len) &&
               cw_hex_decode(block + header_len + text_len - 2 * mac_len, 2 * mac_len, mac, 16, &n);
}

cw_rc cw_keyblock_open(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk, const char *block,
                       size_t header_len, uint8_t ret[CW_KEYBLOCK_PAYLOAD_MAX], size_t *ret_len,
                       struct cw_fault *f) {
        struct cw_keyblock_keys keys = {0};
        CW_WIPED(uint8_t, payload, CW_KEYBLOCK_PAYLOAD_MAX);
        uint8_t body[CW_KEYBLOCK_PAYLOAD_MAX], mac[16], want[16] = {0};
        size_t len = 0;
        if (!split(block, header_len, body, &len, mac))
                return refused(f);
        cw_rc rc = cw_keyblock_keys_make(c, kbpk, block[0], &keys, f);
        if (rc == CW_OK)
                rc = cw_hsm_decrypt(c, &keys.kbek, CW_MODE_CBC, iv_of(&keys, block, mac), body, len, payload,
                                    f);
        if (rc == CW_OK)
                rc = block_mac(c, &keys, block, header_len, keys.borrowed ? body : payload, len, want, f);
        cw_keyblock_keys_destroy(c, &keys);
        if (rc != CW_OK)
                return rc;
        if (!cw_equal_ct(mac, want, cw_keyblock_mac_len(block[0])))
                return refused(f);
        memcpy(ret, payload, len);
        *ret_len = len;
        return CW_OK;
}

cw_rc cw_keyblock_seal(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk,
                       char block[CW_KEYBLOCK_MAX + 1], size_t header_len, const uint8_t *payload, size_t len,
                       struct cw_fault *f) {
        struct cw_keyblock_keys keys = {0};
        uint8_t body[CW_KEYBLOCK_PAYLOAD_MAX], mac[16] = {0};
        size_t room = CW_KEYBLOCK_MAX + 1 - header_len, mac_len = cw_keyblock_mac_len(block[0]);
        if (len > sizeof(body) || 2 * (len + mac_len) >= room)
                return refused(f);
        cw_rc rc = cw_keyblock_keys_make(c, kbpk, block[0], &keys, f);
        if (rc == CW_OK && !keys.borrowed)
                rc = block_mac(c, &keys, block, header_len, payload, len, mac, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(c, &keys.kbek, CW_MODE_CBC, iv_of(&keys, block, mac), payload, len, body,
                                    f);
        if (rc == CW_OK && keys.borrowed)
                rc = block_mac(c, &keys, block, header_len, body, len, mac, f);
        cw_keyblock_keys_destroy(c, &keys);
        if (rc != CW_OK)
                return rc;
        (void)cw_hex_encode(body, len, block + header_len, room);
        (void)cw_hex_encode(mac, mac_len, block + header_len + 2 * len, room - 2 * len);
        return CW_OK;
}
