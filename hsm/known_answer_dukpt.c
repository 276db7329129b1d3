/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: DUKPT of both kinds, key blocks. */
#include "base/secret.h"
#include "hsm/dukpt.h"
#include "hsm/dukpt_aes.h"
#include "hsm/keyblock.h"
#include "hsm/known_answer_internal.h"
#include "hsm/pinblock4.h"

#include <string.h>

struct dukpt {
        struct cw_dukpt_bdk bdk;
        uint8_t ksn[CW_KSN_LEN];
};

static void dukpt_done(struct cw_ka *ka, struct dukpt *d) {
        cw_hsm_key_destroy(ka->c, &d->bdk.key);
        cw_hsm_key_destroy(ka->c, &d->bdk.variant);
}

/* The caller calls dukpt_done, whatever comes back. */
static cw_rc dukpt_of(struct cw_ka *ka, struct dukpt *ret) {
        CW_WIPED(uint8_t, value, 16);
        CW_WIPED(uint8_t, variant, 16);
        cw_rc rc = cw_ksn_parse(cw_ka_text(ka, "ksn"), ret->ksn, ka->f);
        if (rc == CW_OK)
                rc = cw_ka_bytes(ka, "bdk", value, 16);
        if (rc != CW_OK)
                return rc;
        cw_dukpt_variant(value, variant);
        rc = cw_hsm_import(ka->c, CW_ALG_TDES2, CW_USE_ENCRYPT, value, &ret->bdk.key, ka->f);
        return rc != CW_OK
                   ? rc
                   : cw_hsm_import(ka->c, CW_ALG_TDES2, CW_USE_ENCRYPT, variant, &ret->bdk.variant, ka->f);
}

cw_rc cw_ka_dukpt_tdes_key(struct cw_ka *ka) {
        CW_WIPED(uint8_t, key, 16);
        struct dukpt d = {0};
        cw_rc rc = dukpt_of(ka, &d);
        if (rc == CW_OK)
                rc = cw_dukpt_transaction_key(ka->c, &d.bdk, d.ksn, key, ka->f);
        dukpt_done(ka, &d);
        return rc != CW_OK ? rc : cw_ka_answer(ka, key, 16);
}

/* Enciphers, and deciphers back the way a PIN pad's block is read. */
cw_rc cw_ka_dukpt_tdes_pin(struct cw_ka *ka) {
        CW_WIPED(uint8_t, clear, 8);
        CW_WIPED(uint8_t, back, 8);
        uint8_t block[8];
        struct dukpt d = {0};
        cw_rc rc = cw_ka_bytes(ka, "clear_block", clear, 8);
        if (rc == CW_OK)
                rc = dukpt_of(ka, &d);
        if (rc == CW_OK)
                rc = cw_dukpt_pin_encrypt(ka->c, &d.bdk, d.ksn, clear, block, ka->f);
        if (rc == CW_OK)
                rc = cw_dukpt_pin_decrypt(ka->c, &d.bdk, d.ksn, block, back, ka->f);
        if (rc == CW_OK && !cw_equal_ct(clear, back, 8))
                rc = cw_fail(ka->f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), 0, "hsm.known_answer",
                             "HSM_TOKEN", "the enciphered block does not open to the clear one");
        dukpt_done(ka, &d);
        return rc != CW_OK ? rc : cw_ka_answer(ka, block, 8);
}

/* Whether the message goes to the pad. Of "fallback" when the entry does not say. */
static bool direction_of(const struct cw_ka *ka, const char *fallback, bool *ret_response) {
        const char *text = cw_ka_text(ka, "direction");
        text = *text != '\0' ? text : fallback;
        *ret_response = strcmp(text, "response") == 0;
        return *ret_response || strcmp(text, "request") == 0;
}

cw_rc cw_ka_dukpt_tdes_mac(struct cw_ka *ka) {
        uint8_t msg[CW_KA_DATA_MAX], mac[CW_DUKPT_MAC_LEN];
        struct dukpt d = {0};
        size_t len = 0;
        bool response = false;
        if (!direction_of(ka, "", &response))
                return cw_ka_bad(ka, "direction");
        cw_rc rc = cw_ka_hex(ka, "msg", msg, 0, sizeof(msg), &len);
        if (rc == CW_OK)
                rc = dukpt_of(ka, &d);
        if (rc == CW_OK)
                rc = cw_dukpt_mac(ka->c, &d.bdk, d.ksn,
                                  response ? CW_DUKPT_MAC_RESPONSE : CW_DUKPT_MAC_REQUEST, msg, len, mac,
                                  ka->f);
        dukpt_done(ka, &d);
        return rc != CW_OK ? rc : cw_ka_answer(ka, mac, sizeof(mac));
}

cw_rc cw_ka_dukpt_tdes_data(struct cw_ka *ka) {
        uint8_t data[CW_KNOWN_ANSWER_MAX / 4]; /* what a cipher call takes at most */
        struct dukpt d = {0};
        size_t len = 0;
        bool response = false;
        if (!direction_of(ka, "request", &response))
                return cw_ka_bad(ka, "direction");
        cw_rc rc = cw_ka_hex(ka, "msg", data, 1, sizeof(data), &len);
        if (rc == CW_OK)
                rc = dukpt_of(ka, &d);
        if (rc == CW_OK) {
                size_t padded = (len + 7) / 8 * 8;
                memset(data + len, 0, padded - len);
                len = padded;
                rc = cw_dukpt_data(ka->c, &d.bdk, d.ksn,
                                   response ? CW_DUKPT_DATA_RESPONSE : CW_DUKPT_DATA_REQUEST, CW_ENCRYPT,
                                   data, len, data, ka->f);
        }
        dukpt_done(ka, &d);
        return rc != CW_OK ? rc : cw_ka_answer(ka, data, len);
}

static bool working_alg(int64_t bits, enum cw_hsm_alg *ret) {
        *ret = bits == 128 ? CW_ALG_AES128 : bits == 192 ? CW_ALG_AES192 : CW_ALG_AES256;
        return bits == 128 || bits == 192 || bits == 256;
}

/* Working key of AES-128, or of as many "bits" as the entry says. */
static cw_rc working_key(struct cw_ka *ka, enum cw_dukpt_aes_use use, unsigned usage,
                         struct cw_hsm_key *ret) {
        struct cw_hsm_key bdk = {0};
        uint8_t ikid[CW_DUKPT_AES_IKID_LEN];
        int64_t counter = cw_ka_number(ka, "counter", 0);
        enum cw_hsm_alg alg = CW_ALG_AES128;
        if (!working_alg(cw_ka_number(ka, "bits", 128), &alg))
                return cw_ka_bad(ka, "bits");
        if (counter < 0 || counter > UINT32_MAX)
                return cw_ka_bad(ka, "counter");
        cw_rc rc = cw_ka_bytes(ka, "ikid", ikid, sizeof(ikid));
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "bdk", true, CW_USE_DERIVE, &bdk);
        if (rc == CW_OK)
                rc = cw_dukpt_aes_working_key(ka->c, &bdk, ikid, (uint32_t)counter, use, alg, usage, ret,
                                              ka->f);
        cw_hsm_key_destroy(ka->c, &bdk);
        return rc;
}

cw_rc cw_ka_dukpt_aes_pin(struct cw_ka *ka) {
        CW_WIPED(struct cw_pin, pin, 1);
        struct cw_hsm_key key = {0};
        uint8_t random[8], block[16];
        cw_rc rc = cw_ka_pin(ka, "pin", pin);
        if (rc == CW_OK)
                rc = cw_ka_bytes(ka, "random", random, 8);
        if (rc == CW_OK)
                rc = working_key(ka, CW_DUKPT_AES_PIN, CW_USE_ENCRYPT, &key);
        if (rc == CW_OK)
                rc = cw_pinblock_encipher4(ka->c, &key, pin, cw_ka_text(ka, "pan"), random, block, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer(ka, block, 16);
}

cw_rc cw_ka_dukpt_aes_mac(struct cw_ka *ka) {
        uint8_t msg[CW_KA_DATA_MAX], mac[16];
        struct cw_hsm_key key = {0};
        size_t len = 0;
        cw_rc rc = cw_ka_hex(ka, "msg", msg, 0, sizeof(msg), &len);
        if (rc == CW_OK)
                rc = working_key(ka, CW_DUKPT_AES_MAC_GENERATE, CW_USE_MAC | CW_USE_ENCRYPT, &key);
        if (rc == CW_OK)
                rc = cw_hsm_cmac(ka->c, &key, msg, len, mac, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer(ka, mac, 16);
}

/* CBC with IV 0, as dukpt.data does it: the pad enciphers with the key for its messages. */
cw_rc cw_ka_dukpt_aes_data(struct cw_ka *ka) {
        uint8_t data[CW_KNOWN_ANSWER_MAX / 4];
        struct cw_hsm_key key = {0};
        size_t len = 0;
        bool response = false;
        if (!direction_of(ka, "request", &response))
                return cw_ka_bad(ka, "direction");
        cw_rc rc = cw_ka_hex(ka, "msg", data, 16, sizeof(data), &len);
        if (rc == CW_OK && len % 16 != 0)
                return cw_ka_bad(ka, "msg");
        if (rc == CW_OK)
                rc = working_key(ka, response ? CW_DUKPT_AES_DATA_DECRYPT : CW_DUKPT_AES_DATA_ENCRYPT,
                                 CW_USE_ENCRYPT, &key);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(ka->c, &key, CW_MODE_CBC, NULL, data, len, data, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer(ka, data, len);
}

cw_rc cw_ka_tr31_unwrap(struct cw_ka *ka) {
        CW_WIPED(uint8_t, value, 32);
        CW_WIPED(struct cw_keyblock_key, key, 1);
        struct cw_keyblock_header header;
        struct cw_kbpk kbpk = {0};
        const char *block = cw_ka_text(ka, "block");
        size_t len = 0;
        cw_rc rc = cw_ka_hex(ka, "kbpk", value, 16, sizeof(value), &len);
        if (rc == CW_OK)
                rc = cw_kbpk_import(ka->c, block[0] == 'D', value, len, &kbpk, ka->f);
        if (rc == CW_OK)
                rc = cw_keyblock_unwrap(ka->c, &kbpk, block, NULL, &header, key, ka->f);
        cw_kbpk_destroy(ka->c, &kbpk);
        return rc != CW_OK ? rc : cw_ka_answer(ka, key->value, key->len);
}
