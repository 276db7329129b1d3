/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/emv_keys.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/decimalise.h"
#include "hsm/emv_aes.h"
#include "hsm/pan.h"

#include <string.h>

enum cw_emv_option cw_emv_option_for(const char *pan) {
        return strlen(pan) > 16 ? CW_EMV_OPTION_B : CW_EMV_OPTION_A;
}

static bool all_digits(const char *text) {
        return strspn(text, "0123456789") == strlen(text);
}

/* PAN|PSN left-padded with a zero to a whole byte: at most 22 digits. Returns the count of digits. */
static size_t pan_psn(const char *pan, const char *psn, char digits[CW_PAN_MAX + 3]) {
        size_t pan_len = strlen(pan), n = 0;
        if ((pan_len + 2) % 2 != 0)
                digits[n++] = '0';
        memcpy(digits + n, pan, pan_len);
        memcpy(digits + n + pan_len, psn, 2);
        return n + pan_len + 2;
}

/* Option A: right-most 16 digits of PAN|PSN. */
static bool diversifier_a(const char *pan, const char *psn, uint8_t y[8]) {
        CW_WIPED(char, digits, CW_PAN_MAX + 3);
        CW_WIPED(char, last16, 16);
        size_t count = pan_psn(pan, psn, digits), n = 0;
        size_t take = count > 16 ? 16 : count;
        memset(last16, '0', sizeof(last16));
        memcpy(last16 + 16 - take, digits + count - take, take);
        return cw_hex_decode(last16, 16, y, 8, &n);
}

/* Option B: 16 two-pass digits of the SHA-1 over PAN|PSN as packed digits. */
static cw_rc diversifier_b(const struct cw_hsm_crypto *c, const char *pan, const char *psn, uint8_t y[8],
                           struct cw_fault *f) {
        CW_WIPED(char, digits, CW_PAN_MAX + 3);
        CW_WIPED(uint8_t, packed, (CW_PAN_MAX + 3) / 2);
        CW_WIPED(uint8_t, hash, 20);
        size_t count = pan_psn(pan, psn, digits), n = 0;
        if (!cw_hex_decode(digits, count, packed, sizeof(packed), &n))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.emv_icc_mk", "",
                               "bad PAN");
        cw_rc rc = cw_hsm_sha1(c, packed, n, hash, f);
        if (rc != CW_OK)
                return rc;
        cw_decimalise(hash, sizeof(hash), 16, digits);
        (void)cw_hex_decode(digits, 16, y, 8, &n);
        return CW_OK;
}

/* Y | ~Y */
static cw_rc icc_mk_data(const struct cw_hsm_crypto *c, const char *pan, const char *psn,
                         enum cw_emv_option option, uint8_t data[16], struct cw_fault *f) {
        cw_rc rc = CW_OK;
        if (*pan == '\0' || strlen(pan) > CW_PAN_MAX || strlen(psn) != 2 || !all_digits(pan) ||
            !all_digits(psn) || !diversifier_a(pan, psn, data))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.emv_icc_mk",
                               "HSM_CARD_NUMBER",
                               "card keys need a PAN of 1 to 19 digits and a sequence number of 2 digits");
        if (option == CW_EMV_OPTION_B && strlen(pan) > 16)
                rc = diversifier_b(c, pan, psn, data, f);
        for (size_t i = 0; i < 8; i++)
                data[8 + i] = (uint8_t)~data[i];
        return rc;
}

cw_rc cw_emv_icc_mk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk, const char *pan,
                    const char *psn, enum cw_emv_option option, struct cw_hsm_key *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, data, 16);
        if (cw_hsm_alg_is_aes(imk->alg))
                return cw_emv_aes_icc_mk(c, imk, pan, psn, ret, f);
        cw_rc rc = icc_mk_data(c, pan, psn, option, data, f);
        if (rc != CW_OK)
                return rc;
        return cw_hsm_derive(c, imk, CW_MODE_ECB, data, sizeof(data), CW_ALG_TDES2, CW_USE_DERIVE, ret, f);
}

static cw_rc only_tdes(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "hsm.emv_icc_mk", "HSM_KEY",
                       "this value is defined for TDES issuer keys only, and the product's key is AES; give "
                       "the product a key of its own for it, or cvn ccd");
}

static cw_rc icc_mk_pair(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk, const char *pan,
                         const char *psn, enum cw_emv_option option, unsigned usage, unsigned usage_left,
                         struct cw_retail_key *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, data, 16);
        struct cw_retail_key key = {0};
        if (cw_hsm_alg_is_aes(imk->alg))
                return only_tdes(f);
        cw_rc rc = icc_mk_data(c, pan, psn, option, data, f);
        if (rc == CW_OK)
                rc = cw_hsm_derive(c, imk, CW_MODE_ECB, data, 16, CW_ALG_TDES2, usage, &key.full, f);
        memcpy(data + 8, data, 8);
        if (rc == CW_OK)
                rc = cw_hsm_derive(c, imk, CW_MODE_ECB, data, 16, CW_ALG_TDES2, usage_left, &key.left, f);
        if (rc != CW_OK) {
                cw_retail_key_destroy(c, &key);
                return rc;
        }
        *ret = key;
        return CW_OK;
}

cw_rc cw_emv_icc_mk_pair(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk, const char *pan,
                         const char *psn, enum cw_emv_option option, struct cw_retail_key *ret,
                         struct cw_fault *f) {
        return icc_mk_pair(c, imk, pan, psn, option, cw_retail_usage_full(c), cw_retail_usage_left(c), ret,
                           f);
}

cw_rc cw_emv_icc_mk_value(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk, const char *pan,
                          const char *psn, enum cw_emv_option option, uint8_t ret[16], struct cw_fault *f) {
        CW_WIPED(uint8_t, data, 16);
        if (cw_hsm_alg_is_aes(imk->alg))
                return only_tdes(f);
        cw_rc rc = icc_mk_data(c, pan, psn, option, data, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(c, imk, CW_MODE_ECB, NULL, data, sizeof(data), ret, f);
        for (size_t i = 0; rc == CW_OK && i < 16; i++) {
                if (__builtin_popcount(ret[i]) % 2 == 0)
                        ret[i] ^= 1;
        }
        return rc;
}

cw_rc cw_emv_csk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *icc_mk, const uint8_t r[8],
                 struct cw_retail_key *ret, struct cw_fault *f) {
        struct cw_retail_key key = {0};
        uint8_t full[16], left[16];
        if (cw_hsm_alg_is_aes(icc_mk->alg))
                return cw_emv_aes_sk(c, icc_mk, r, &ret->full, f);
        memcpy(full, r, 8);
        memcpy(full + 8, r, 8);
        full[2] = 0xf0;
        memcpy(left, full, 8);
        memcpy(left + 8, full, 8);
        full[10] = 0x0f;
        cw_rc rc = cw_hsm_derive(c, icc_mk, CW_MODE_ECB, full, 16, CW_ALG_TDES2, cw_retail_usage_full(c),
                                 &key.full, f);
        if (rc == CW_OK)
                rc = cw_hsm_derive(c, icc_mk, CW_MODE_ECB, left, 16, CW_ALG_TDES2, cw_retail_usage_left(c),
                                   &key.left, f);
        if (rc != CW_OK) {
                cw_retail_key_destroy(c, &key);
                return rc;
        }
        *ret = key;
        return CW_OK;
}

void cw_emv_r_mchip(const uint8_t atc[2], const uint8_t un[4], uint8_t ret[8]) {
        memset(ret, 0, 8);
        memcpy(ret, atc, 2);
        memcpy(ret + 4, un, 4);
}

cw_rc cw_emv_visa_sk_value(const struct cw_hsm_crypto *c, const uint8_t mk[16], const uint8_t atc[2],
                           struct cw_retail_key *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, value, 16);
        memcpy(value, mk, 16);
        for (size_t i = 0; i < 2; i++) {
                value[6 + i] ^= atc[i];
                value[14 + i] ^= (uint8_t)~atc[i];
        }
        return cw_retail_key_import(c, value, ret, f);
}

/* Of both objects of the pair, each by what goes into it: the left half of the key stands in both of them. */
static cw_rc visa_sk_inside(const struct cw_hsm_crypto *c, const struct cw_retail_key *mk,
                            const uint8_t atc[2], struct cw_retail_key *ret, struct cw_fault *f) {
        const uint8_t full[16] = {
            [6] = atc[0], [7] = atc[1], [14] = (uint8_t)~atc[0], [15] = (uint8_t)~atc[1]};
        const uint8_t left[16] = {[6] = atc[0], [7] = atc[1], [14] = atc[0], [15] = atc[1]};
        struct cw_retail_key key = {0};
        cw_rc rc = c->ops->key_xor(c->ctx, &mk->full, full, cw_retail_usage_full(c), &key.full, f);
        if (rc == CW_OK)
                rc = c->ops->key_xor(c->ctx, &mk->left, left, cw_retail_usage_left(c), &key.left, f);
        if (rc != CW_OK) {
                cw_retail_key_destroy(c, &key);
                return rc;
        }
        *ret = key;
        return CW_OK;
}

cw_rc cw_emv_visa_sk(const struct cw_hsm_crypto *c, const struct cw_hsm_key *imk, const char *pan,
                     const char *psn, enum cw_emv_option option, const uint8_t atc[2],
                     struct cw_retail_key *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, mk, 16);
        struct cw_retail_key pair = {0};
        if (c->ops->key_xor == NULL) {
                cw_rc rc = cw_emv_icc_mk_value(c, imk, pan, psn, option, mk, f);
                return rc != CW_OK ? rc : cw_emv_visa_sk_value(c, mk, atc, ret, f);
        }
        cw_rc rc = icc_mk_pair(c, imk, pan, psn, option, CW_USE_DERIVE, CW_USE_DERIVE, &pair, f);
        if (rc == CW_OK)
                rc = visa_sk_inside(c, &pair, atc, ret, f);
        cw_retail_key_destroy(c, &pair);
        return rc;
}
