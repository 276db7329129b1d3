/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/dukpt.h"

#include "base/buf.h"
#include "base/secret.h"

#include <string.h>

static const uint8_t c0_mask[16] = {0xc0, 0xc0, 0xc0, 0xc0, 0, 0, 0, 0, 0xc0, 0xc0, 0xc0, 0xc0, 0, 0, 0, 0};

void cw_dukpt_variant(const uint8_t bdk[16], uint8_t ret[16]) {
        for (size_t i = 0; i < 16; i++)
                ret[i] = bdk[i] ^ c0_mask[i];
}

uint32_t cw_ksn_counter(const uint8_t ksn[CW_KSN_LEN]) {
        return ((uint32_t)(ksn[7] & 0x1fu) << 16) | ((uint32_t)ksn[8] << 8) | ksn[9];
}

cw_rc cw_ksn_parse(const char *hex, uint8_t ret[CW_KSN_LEN], struct cw_fault *f) {
        char full[2 * CW_KSN_LEN];
        size_t len = strlen(hex), n = 0;
        memset(full, 'F', sizeof(full));
        if (len >= 10 && len <= sizeof(full))
                memcpy(full + sizeof(full) - len, hex, len);
        else
                len = 0;
        if (len == 0 || !cw_hex_decode(full, sizeof(full), ret, CW_KSN_LEN, &n) || cw_ksn_counter(ret) == 0 ||
            __builtin_popcount(cw_ksn_counter(ret)) > 10)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.ksn", "HSM_KSN",
                    "not a key serial number: 10 to 20 hex digits with a transaction counter are needed");
        return CW_OK;
}

/* Single DES of one block under an 8-byte key in host memory, as TDES under key|key. */
static cw_rc des(const struct cw_hsm_crypto *c, const uint8_t key[8], uint8_t block[8], struct cw_fault *f) {
        CW_WIPED(uint8_t, twice, 16);
        struct cw_hsm_key k = {0};
        memcpy(twice, key, 8);
        memcpy(twice + 8, key, 8);
        cw_rc rc = cw_hsm_import(c, CW_ALG_TDES2, CW_USE_ENCRYPT, twice, &k, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(c, &k, CW_MODE_ECB, NULL, block, 8, block, f);
        cw_hsm_key_destroy(c, &k);
        return rc;
}

/* half(k) = e_kL(reg ^ kR) ^ kR; X9.24-1:2009 A.3, steps of "Non-reversible Key Generation". */
static cw_rc half(const struct cw_hsm_crypto *c, const uint8_t reg[8], const uint8_t key[16], uint8_t ret[8],
                  struct cw_fault *f) {
        CW_WIPED(uint8_t, block, 8);
        for (size_t i = 0; i < 8; i++)
                block[i] = reg[i] ^ key[8 + i];
        cw_rc rc = des(c, key, block, f);
        if (rc != CW_OK)
                return rc;
        for (size_t i = 0; i < 8; i++)
                ret[i] = block[i] ^ key[8 + i];
        return CW_OK;
}

static cw_rc next_key(const struct cw_hsm_crypto *c, const uint8_t reg[8], uint8_t key[16],
                      struct cw_fault *f) {
        CW_WIPED(uint8_t, masked, 16);
        CW_WIPED(uint8_t, fresh, 16);
        cw_dukpt_variant(key, masked);
        cw_rc rc = half(c, reg, masked, fresh, f);
        if (rc == CW_OK)
                rc = half(c, reg, key, fresh + 8, f);
        if (rc == CW_OK)
                memcpy(key, fresh, 16);
        return rc;
}

static cw_rc initial_key(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                         const uint8_t ksn[CW_KSN_LEN], uint8_t ret[16], struct cw_fault *f) {
        uint8_t serial[8];
        memcpy(serial, ksn, 8);
        serial[7] &= 0xe0;
        cw_rc rc = cw_hsm_encrypt(c, &bdk->key, CW_MODE_ECB, NULL, serial, 8, ret, f);
        return rc != CW_OK ? rc : cw_hsm_encrypt(c, &bdk->variant, CW_MODE_ECB, NULL, serial, 8, ret + 8, f);
}

cw_rc cw_dukpt_transaction_key(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                               const uint8_t ksn[CW_KSN_LEN], uint8_t ret[16], struct cw_fault *f) {
        CW_WIPED(uint8_t, key, 16);
        uint8_t reg[8];
        memcpy(reg, ksn + 2, 8);
        reg[5] &= 0xe0;
        reg[6] = reg[7] = 0;
        cw_rc rc = initial_key(c, bdk, ksn, key, f);
        uint32_t counter = cw_ksn_counter(ksn);
        for (uint32_t bit = 1u << 20; bit != 0 && rc == CW_OK; bit >>= 1) {
                if ((counter & bit) == 0)
                        continue;
                reg[5] |= (uint8_t)(bit >> 16);
                reg[6] |= (uint8_t)(bit >> 8);
                reg[7] |= (uint8_t)bit;
                rc = next_key(c, reg, key, f);
        }
        if (rc == CW_OK)
                memcpy(ret, key, 16);
        return rc;
}

/* Byte of each half that a variant inverts, X9.24-1:2009 A.4.1. */
static const uint8_t variant_byte[] = {[CW_DUKPT_PIN] = 7,
                                       [CW_DUKPT_MAC_REQUEST] = 6,
                                       [CW_DUKPT_MAC_RESPONSE] = 4,
                                       [CW_DUKPT_DATA_REQUEST] = 5,
                                       [CW_DUKPT_DATA_RESPONSE] = 3};

cw_rc cw_dukpt_working_key(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                           const uint8_t ksn[CW_KSN_LEN], enum cw_dukpt_use use, uint8_t ret[16],
                           struct cw_fault *f) {
        CW_WIPED(uint8_t, key, 16);
        struct cw_hsm_key k = {0};
        cw_rc rc = cw_dukpt_transaction_key(c, bdk, ksn, key, f);
        if (rc != CW_OK)
                return rc;
        key[variant_byte[use]] ^= 0xff;
        key[8 + variant_byte[use]] ^= 0xff;
        if (use >= CW_DUKPT_DATA_REQUEST) { /* one-way: a data variant enciphers itself, A.4.1 */
                rc = cw_hsm_import(c, CW_ALG_TDES2, CW_USE_ENCRYPT, key, &k, f);
                if (rc == CW_OK)
                        rc = cw_hsm_encrypt(c, &k, CW_MODE_ECB, NULL, key, 16, key, f);
                cw_hsm_key_destroy(c, &k);
        }
        if (rc == CW_OK)
                memcpy(ret, key, 16);
        return rc;
}

static cw_rc cipher(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                    const uint8_t ksn[CW_KSN_LEN], enum cw_dukpt_use use, enum cw_hsm_dir dir, const void *in,
                    size_t len, void *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, key, 16);
        struct cw_hsm_key k = {0};
        enum cw_hsm_mode mode = use == CW_DUKPT_PIN ? CW_MODE_ECB : CW_MODE_CBC;
        cw_rc rc = cw_dukpt_working_key(c, bdk, ksn, use, key, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_hsm_import(c, CW_ALG_TDES2, dir == CW_ENCRYPT ? CW_USE_ENCRYPT : CW_USE_DECRYPT, key, &k, f);
        if (rc == CW_OK)
                rc = dir == CW_ENCRYPT ? cw_hsm_encrypt(c, &k, mode, NULL, in, len, ret, f)
                                       : cw_hsm_decrypt(c, &k, mode, NULL, in, len, ret, f);
        cw_hsm_key_destroy(c, &k);
        return rc;
}

cw_rc cw_dukpt_pin_decrypt(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                           const uint8_t ksn[CW_KSN_LEN], const uint8_t block[8], uint8_t ret[8],
                           struct cw_fault *f) {
        return cipher(c, bdk, ksn, CW_DUKPT_PIN, CW_DECRYPT, block, 8, ret, f);
}

cw_rc cw_dukpt_pin_encrypt(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                           const uint8_t ksn[CW_KSN_LEN], const uint8_t block[8], uint8_t ret[8],
                           struct cw_fault *f) {
        return cipher(c, bdk, ksn, CW_DUKPT_PIN, CW_ENCRYPT, block, 8, ret, f);
}

cw_rc cw_dukpt_data(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                    const uint8_t ksn[CW_KSN_LEN], enum cw_dukpt_use use, enum cw_hsm_dir dir, const void *in,
                    size_t len, void *ret, struct cw_fault *f) {
        return cipher(c, bdk, ksn, use, dir, in, len, ret, f);
}

cw_rc cw_dukpt_mac(const struct cw_hsm_crypto *c, const struct cw_dukpt_bdk *bdk,
                   const uint8_t ksn[CW_KSN_LEN], enum cw_dukpt_use use, const void *msg, size_t len,
                   uint8_t ret[CW_DUKPT_MAC_LEN], struct cw_fault *f) {
        CW_WIPED(uint8_t, key, 16);
        uint8_t mac[8];
        struct cw_retail_key k = {0};
        cw_rc rc = cw_dukpt_working_key(c, bdk, ksn, use, key, f);
        if (rc == CW_OK)
                rc = cw_retail_key_import(c, key, &k, f);
        if (rc == CW_OK)
                rc = cw_retail_mac(c, &k, 1, NULL, msg, len, mac, f);
        if (rc == CW_OK)
                memcpy(ret, mac, CW_DUKPT_MAC_LEN);
        cw_retail_key_destroy(c, &k);
        return rc;
}
