/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: card values, MACs, check values. */
#include "base/secret.h"
#include "hsm/card_auth.h"
#include "hsm/kcv.h"
#include "hsm/known_answer_internal.h"

#include <string.h>

cw_rc cw_ka_cvv(struct cw_ka *ka) {
        CW_WIPED(char, cvv, CW_CVV_LEN + 1);
        struct cw_retail_key key = {0};
        cw_rc rc = cw_ka_retail(ka, "cvk", &key);
        if (rc == CW_OK)
                rc = cw_cvv(ka->c, &key, cw_ka_text(ka, "pan"), cw_ka_text(ka, "expiry"),
                            cw_ka_text(ka, "service"), cvv, ka->f);
        cw_retail_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer_text(ka, cvv);
}

cw_rc cw_ka_cavv(struct cw_ka *ka) {
        CW_WIPED(char, cavv, CW_CVV_LEN + 1);
        struct cw_retail_key key = {0};
        cw_rc rc = cw_ka_retail(ka, "key", &key);
        if (rc == CW_OK)
                rc = cw_cavv(ka->c, &key, cw_ka_text(ka, "pan"), cw_ka_text(ka, "upn"),
                             cw_ka_text(ka, "auth_result")[0], cw_ka_text(ka, "second_factor"), cavv, ka->f);
        cw_retail_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer_text(ka, cavv);
}

cw_rc cw_ka_retail_mac(struct cw_ka *ka) {
        uint8_t msg[CW_KA_DATA_MAX], mac[8];
        struct cw_retail_key key = {0};
        size_t len = 0;
        cw_rc rc = cw_ka_hex(ka, "msg", msg, 0, sizeof(msg), &len);
        if (rc == CW_OK)
                rc = cw_ka_retail(ka, "key", &key);
        if (rc == CW_OK)
                rc = cw_retail_mac(ka->c, &key, (int)cw_ka_number(ka, "padding", 0), NULL, msg, len, mac,
                                   ka->f);
        cw_retail_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer(ka, mac, 8);
}

cw_rc cw_ka_cbc_mac(struct cw_ka *ka) {
        uint8_t msg[CW_KA_DATA_MAX], mac[8];
        struct cw_hsm_key key = {0};
        size_t len = 0;
        cw_rc rc = cw_ka_hex(ka, "msg", msg, 0, sizeof(msg), &len);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "key", false, CW_USE_ENCRYPT, &key);
        if (rc == CW_OK)
                rc = cw_cbc_mac(ka->c, &key, (int)cw_ka_number(ka, "padding", 0), msg, len, mac, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer(ka, mac, 8);
}

cw_rc cw_ka_cmac(struct cw_ka *ka) {
        uint8_t msg[CW_KA_DATA_MAX], mac[16];
        struct cw_hsm_key key = {0};
        size_t len = 0;
        bool aes = strcmp(cw_ka_text(ka, "cipher"), "aes") == 0;
        cw_rc rc = aes || strcmp(cw_ka_text(ka, "cipher"), "tdes") == 0 ? CW_OK : cw_ka_bad(ka, "cipher");
        if (rc == CW_OK)
                rc = cw_ka_hex(ka, "msg", msg, 0, sizeof(msg), &len);
        if (rc == CW_OK)
                rc = cw_ka_key(ka, "key", aes, CW_USE_MAC | CW_USE_ENCRYPT, &key);
        if (rc == CW_OK)
                rc = cw_hsm_cmac(ka->c, &key, msg, len, mac, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer(ka, mac, aes ? 16 : 8);
}

/* Without "cipher" the method tells it: legacy values are of TDES keys (of AES ones with 32 bytes), the
 * others of AES keys. */
static bool kcv_is_aes(const struct cw_ka *ka, enum cw_kcv_method method) {
        const char *cipher = cw_ka_text(ka, "cipher");
        if (*cipher != '\0')
                return strcmp(cipher, "aes") == 0;
        return method != CW_KCV_LEGACY || strlen(cw_ka_text(ka, "key")) == 64;
}

cw_rc cw_ka_kcv(struct cw_ka *ka) {
        static const char *const methods[] = {
            [CW_KCV_LEGACY] = "legacy", [CW_KCV_CMAC] = "cmac", [CW_KCV_GP] = "gp"};
        uint8_t kcv[16];
        struct cw_hsm_key key = {0};
        enum cw_kcv_method method = CW_KCV_LEGACY;
        while (strcmp(methods[method], cw_ka_text(ka, "method")) != 0) {
                if (method == CW_KCV_GP)
                        return cw_ka_bad(ka, "method");
                method++;
        }
        size_t shown = kcv_is_aes(ka, method) ? 16 : 8; /* all of it: an entry compares as much as it has */
        cw_rc rc = cw_ka_key(ka, "key", shown == 16, CW_USE_MAC | CW_USE_ENCRYPT, &key);
        if (rc == CW_OK)
                rc = cw_kcv(ka->c, &key, method, kcv, shown, ka->f);
        cw_hsm_key_destroy(ka->c, &key);
        return rc != CW_OK ? rc : cw_ka_answer(ka, kcv, shown);
}
