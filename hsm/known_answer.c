/* SPDX-License-Identifier: Apache-2.0 */
/* The table of algorithms, and reading the members of an entry. */
#include "hsm/known_answer_internal.h"

#include "base/buf.h"
#include "base/secret.h"

#include <string.h>

cw_rc cw_ka_bad(struct cw_ka *ka, const char *key) {
        return cw_fail(ka->f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.known_answer", "HSM_REQUEST",
                       "the entry's \"%s\" is missing or malformed", key);
}

const char *cw_ka_text(const struct cw_ka *ka, const char *key) {
        const char *text = json_string_value(json_object_get(ka->entry, key));
        return text ? text : "";
}

int64_t cw_ka_number(const struct cw_ka *ka, const char *key, int64_t fallback) {
        const json_t *v = json_object_get(ka->entry, key);
        if (v == NULL || json_is_null(v))
                return fallback;
        return json_is_integer(v) && json_integer_value(v) >= 0 ? (int64_t)json_integer_value(v)
                                                                : CW_KA_NO_NUMBER;
}

cw_rc cw_ka_hex(struct cw_ka *ka, const char *key, uint8_t *ret, size_t min, size_t max, size_t *ret_len) {
        const char *text = cw_ka_text(ka, key);
        size_t n = 0;
        if (!json_is_string(json_object_get(ka->entry, key)) ||
            !cw_hex_decode(text, strlen(text), ret, max, &n) || n < min)
                return cw_ka_bad(ka, key);
        *ret_len = n;
        return CW_OK;
}

cw_rc cw_ka_bytes(struct cw_ka *ka, const char *key, uint8_t *ret, size_t len) {
        size_t n = 0;
        return cw_ka_hex(ka, key, ret, len, len, &n);
}

cw_rc cw_ka_pin(struct cw_ka *ka, const char *key, struct cw_pin *ret) {
        const char *digits = cw_ka_text(ka, key);
        size_t len = strlen(digits);
        if (len < CW_PIN_MIN || len > CW_PIN_MAX || strspn(digits, "0123456789") != len)
                return cw_ka_bad(ka, key);
        *ret = (struct cw_pin){.len = (uint8_t)len};
        for (size_t i = 0; i < len; i++)
                ret->digit[i] = (uint8_t)(digits[i] - '0');
        return CW_OK;
}

cw_rc cw_ka_key(struct cw_ka *ka, const char *key, bool aes, unsigned usage, struct cw_hsm_key *ret) {
        CW_WIPED(uint8_t, value, 32);
        size_t n = 0;
        cw_rc rc = cw_ka_hex(ka, key, value, 8, sizeof(value), &n);
        if (rc != CW_OK)
                return rc;
        if (!aes && n == 8) {
                memcpy(value + 8, value, 8);
                n = 16;
        }
        for (unsigned alg = CW_ALG_TDES2; alg <= CW_ALG_AES256; alg++) {
                if (cw_hsm_alg_is_aes((enum cw_hsm_alg)alg) == aes &&
                    cw_hsm_alg_key_len((enum cw_hsm_alg)alg) == n)
                        return cw_hsm_import(ka->c, (enum cw_hsm_alg)alg, usage, value, ret, ka->f);
        }
        return cw_ka_bad(ka, key);
}

cw_rc cw_ka_retail(struct cw_ka *ka, const char *key, struct cw_retail_key *ret) {
        CW_WIPED(uint8_t, value, 16);
        cw_rc rc = cw_ka_bytes(ka, key, value, 16);
        return rc != CW_OK ? rc : cw_retail_key_import(ka->c, value, ret, ka->f);
}

cw_rc cw_ka_answer(struct cw_ka *ka, const void *bytes, size_t len) {
        if (!cw_hex_encode(bytes, len, ka->ret, CW_KNOWN_ANSWER_MAX))
                return cw_ka_bad(ka, "msg");
        return CW_OK;
}

cw_rc cw_ka_answer_text(struct cw_ka *ka, const char *text) {
        size_t len = strlen(text);
        if (len >= CW_KNOWN_ANSWER_MAX)
                return cw_ka_bad(ka, "msg");
        memcpy(ka->ret, text, len + 1);
        return CW_OK;
}

static const struct {
        const char *alg;
        cw_ka_fn fn;
} algorithms[] = {
    {"pin_block_encode", cw_ka_pin_block_encode},
    {"pin_block_decode", cw_ka_pin_block_decode},
    {"iso4_encipher", cw_ka_iso4_encipher},
    {"iso4_decipher", cw_ka_iso4_decipher},
    {"pvv", cw_ka_pvv},
    {"ibm3624_offset", cw_ka_ibm3624_offset},
    {"ibm3624_pin", cw_ka_ibm3624_pin},
    {"set_pin", cw_ka_set_pin},
    {"cvv", cw_ka_cvv},
    {"cavv", cw_ka_cavv},
    {"retail_mac", cw_ka_retail_mac},
    {"cbc_mac", cw_ka_cbc_mac},
    {"cmac", cw_ka_cmac},
    {"kcv", cw_ka_kcv},
    {"dukpt_tdes_transaction_key", cw_ka_dukpt_tdes_key},
    {"dukpt_tdes_pin", cw_ka_dukpt_tdes_pin},
    {"dukpt_tdes_mac", cw_ka_dukpt_tdes_mac},
    {"dukpt_tdes_data", cw_ka_dukpt_tdes_data},
    {"dukpt_aes_pin", cw_ka_dukpt_aes_pin},
    {"dukpt_aes_mac", cw_ka_dukpt_aes_mac},
    {"dukpt_aes_data", cw_ka_dukpt_aes_data},
    {"tr31_unwrap", cw_ka_tr31_unwrap},
    {"emv_icc_mk", cw_ka_emv_icc_mk},
    {"emv_icc_mk_kcv", cw_ka_emv_icc_mk_kcv},
    {"emv_csk_kcv", cw_ka_emv_sk_kcv},
    {"emv_sk_kcv", cw_ka_emv_sk_kcv},
    {"emv_arqc", cw_ka_emv_arqc},
    {"emv_arpc1", cw_ka_emv_arpc1},
    {"emv_arpc2", cw_ka_emv_arpc2},
    {"emv_script_mac", cw_ka_emv_script_mac},
    {"emv_pin_change", cw_ka_emv_pin_change},
    {"dcvv", cw_ka_dcvv},
    {"cvc3", cw_ka_cvc3},
    {"scp_channel", cw_ka_scp_channel},
    {"gp_card_key", cw_ka_gp_card_key},
};

cw_rc cw_known_answer(const struct cw_hsm_crypto *c, const json_t *entry, char ret[CW_KNOWN_ANSWER_MAX],
                      struct cw_fault *f) {
        struct cw_ka ka = {c, entry, ret, f};
        const char *alg = cw_ka_text(&ka, "alg");
        if (*alg == '\0')
                return cw_ka_bad(&ka, "alg");
        for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
                if (strcmp(algorithms[i].alg, alg) == 0)
                        return algorithms[i].fn(&ka);
        }
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.known_answer",
                       "HSM_REQUEST", "there is no algorithm \"%.40s\"", alg);
}
