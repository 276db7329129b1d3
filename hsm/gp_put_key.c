/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/gp_put_key.h"

#include "base/buf.h"
#include "base/secret.h"
#include "hsm/kcv.h"

#include <string.h>

#define KEY_DES 0x80u
#define KEY_AES 0x88u
#define KCV_LEN 3u
#define KVN_LAST 0x7fu
#define ALL_FROM_1 0x81u /* P2: several keys, the first has identifier 1 */

/* A key is never protected by one that is easier to break. */
static cw_rc check_strength(const struct cw_scp *s, enum cw_hsm_alg alg, struct cw_fault *f) {
        enum cw_hsm_alg dek = cw_scp_dek_alg(s);
        bool weaker = cw_hsm_alg_is_aes(alg) &&
                      (!cw_hsm_alg_is_aes(dek) || cw_hsm_alg_key_len(alg) > cw_hsm_alg_key_len(dek));
        return !weaker ? CW_OK
                       : cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "hsm.put_key",
                                 "HSM_PUT_KEY",
                                 "the new card keys are stronger than the card's DEK, under which they would "
                                 "travel; choose masters that are not longer than it");
}

static cw_rc put_one(const struct cw_hsm_crypto *c, struct cw_scp *s, enum cw_hsm_alg alg,
                     const uint8_t *value, struct cw_writer *w, uint8_t ret_kcv[KCV_LEN],
                     struct cw_fault *f) {
        uint8_t under_dek[CW_GP_KEY_MAX + 16];
        struct cw_hsm_key key = {0};
        size_t len = cw_hsm_alg_key_len(alg), n = 0;
        cw_rc rc = cw_hsm_import(c, alg, CW_USE_ENCRYPT, value, &key, f);
        if (rc == CW_OK)
                rc = cw_kcv(c, &key, CW_KCV_GP, ret_kcv, KCV_LEN, f);
        cw_hsm_key_destroy(c, &key);
        if (rc == CW_OK)
                rc = cw_scp_dek_encrypt(s, value, len, false, under_dek, sizeof(under_dek), &n, f);
        if (rc != CW_OK)
                return rc;
        cw_put_u8(w, cw_hsm_alg_is_aes(alg) ? KEY_AES : KEY_DES);
        if (cw_hsm_alg_is_aes(alg)) /* the clear length goes before the value, which may be padded */
                cw_put_u8(w, (uint8_t)(n + 1));
        cw_put_u8(w, (uint8_t)(cw_hsm_alg_is_aes(alg) ? len : n));
        cw_put_bytes(w, under_dek, n);
        cw_put_u8(w, KCV_LEN);
        cw_put_bytes(w, ret_kcv, KCV_LEN);
        return CW_OK;
}

cw_rc cw_gp_put_key(const struct cw_hsm_crypto *c, struct cw_scp *s, const struct cw_gp_key_values *values,
                    uint8_t kvn, uint8_t replaces, uint8_t ret[CW_GP_PUT_KEY_MAX], size_t *ret_len,
                    uint8_t ret_answer[CW_GP_PUT_KEY_ANSWER], struct cw_fault *f) {
        const uint8_t header[5] = {0x80, 0xd8, replaces > KVN_LAST ? 0 : replaces, ALL_FROM_1, 0};
        uint8_t answer[CW_GP_PUT_KEY_ANSWER] = {kvn};
        struct cw_writer w;
        if (kvn == 0 || kvn > KVN_LAST)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), kvn, "hsm.put_key", "HSM_PUT_KEY",
                               "a key version is 01 to 7F, not %02X", kvn);
        cw_rc rc = check_strength(s, values->alg, f);
        cw_writer_init(&w, ret, CW_GP_PUT_KEY_MAX);
        cw_put_bytes(&w, header, sizeof(header));
        cw_put_u8(&w, kvn);
        for (size_t i = 0; i < 3 && rc == CW_OK; i++)
                rc = put_one(c, s, values->alg, values->key[i], &w, answer + 1 + KCV_LEN * i, f);
        if (rc != CW_OK)
                return rc;
        ret[4] = (uint8_t)(w.len - sizeof(header));
        cw_put_u8(&w, 0);
        *ret_len = w.len;
        memcpy(ret_answer, answer, sizeof(answer));
        return CW_OK;
}
