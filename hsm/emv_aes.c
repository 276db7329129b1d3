/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/emv_aes.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/pan.h"

#include <string.h>

#define DIGITS (2 * CW_EMV_AES_BLOCK)

/* What is enciphered for a key: whole blocks, of which a key of 192 bits is the leading part. */
static size_t enciphered_len(enum cw_hsm_alg alg) {
        return alg == CW_ALG_AES128 ? CW_EMV_AES_BLOCK : CW_EMV_AES_KEY_MAX;
}

/* Y, the digits of PAN and sequence number with zeros before them, and behind it the inverse of Y. */
static cw_rc master_data(const char *pan, const char *psn, uint8_t ret[CW_EMV_AES_KEY_MAX],
                         struct cw_fault *f) {
        CW_WIPED(char, digits, DIGITS + 1);
        const size_t pan_len = strlen(pan);
        size_t n = 0;
        memset(digits, '0', DIGITS);
        if (pan_len <= CW_PAN_MAX && strlen(psn) == 2) {
                memcpy(digits + DIGITS - 2 - pan_len, pan, pan_len);
                memcpy(digits + DIGITS - 2, psn, 2);
        }
        if (pan_len > CW_PAN_MAX || strlen(psn) != 2 ||
            !cw_hex_decode(digits, DIGITS, ret, CW_EMV_AES_BLOCK, &n))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.emv_aes",
                               "HSM_CARD_NUMBER",
                               "card keys need a PAN of at most 19 digits and a sequence number of 2 digits");
        for (size_t i = 0; i < CW_EMV_AES_BLOCK; i++)
                ret[CW_EMV_AES_BLOCK + i] = (uint8_t)~ret[i];
        return CW_OK;
}

cw_rc cw_emv_aes_icc_mk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk, const char *pan,
                        const char *psn, struct cw_hsm_key *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, data, CW_EMV_AES_KEY_MAX);
        cw_rc rc = master_data(pan, psn, data, f);
        return rc != CW_OK ? rc
                           : cw_hsm_derive(c, imk, CW_MODE_ECB, data, enciphered_len(imk->alg), imk->alg,
                                           CW_USE_DERIVE, ret, f);
}

cw_rc cw_emv_aes_icc_mk_value(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk, const char *pan,
                              const char *psn, uint8_t ret[CW_EMV_AES_KEY_MAX], struct cw_fault *f) {
        CW_WIPED(uint8_t, data, CW_EMV_AES_KEY_MAX);
        CW_WIPED(uint8_t, blocks, CW_EMV_AES_KEY_MAX);
        cw_rc rc = master_data(pan, psn, data, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(c, imk, CW_MODE_ECB, NULL, data, enciphered_len(imk->alg), blocks, f);
        if (rc == CW_OK)
                memcpy(ret, blocks, cw_hsm_alg_key_len(imk->alg));
        return rc;
}

cw_rc cw_emv_aes_sk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *icc_mk, const uint8_t r[8],
                    struct cw_hsm_key *ret, struct cw_fault *f) {
        uint8_t data[CW_EMV_AES_KEY_MAX] = {0};
        memcpy(data, r, 8);
        if (icc_mk->alg != CW_ALG_AES128) { /* more than a block: F1 and F2, which differ in the third byte */
                memcpy(data + CW_EMV_AES_BLOCK, r, 8);
                data[2] = 0xf0;
                data[CW_EMV_AES_BLOCK + 2] = 0x0f;
        }
        return cw_hsm_derive(c, icc_mk, CW_MODE_ECB, data, enciphered_len(icc_mk->alg), icc_mk->alg,
                             CW_USE_ENCRYPT | CW_USE_MAC, ret, f);
}

cw_rc cw_emv_aes_mac(const struct cw_hsm_crypto *c, const struct cw_hsm_key *sk, const void *msg, size_t len,
                     uint8_t ret[CW_EMV_AES_BLOCK], struct cw_fault *f) {
        return cw_hsm_cmac(c, sk, msg, len, ret, f);
}

cw_rc cw_emv_aes_arpc1(const struct cw_hsm_crypto *c, const struct cw_hsm_key *sk, const uint8_t x[8],
                       uint8_t ret[8], struct cw_fault *f) {
        uint8_t block[CW_EMV_AES_BLOCK] = {0};
        memcpy(block, x, 8);
        cw_rc rc = cw_hsm_encrypt(c, sk, CW_MODE_ECB, NULL, block, sizeof(block), block, f);
        if (rc == CW_OK)
                memcpy(ret, block, 8);
        return rc;
}
