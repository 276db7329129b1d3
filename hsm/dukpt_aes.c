/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/dukpt_aes.h"

#include "base/buf.h"

#include <string.h>

#define USE_DERIVATION 0x8000u
#define USE_INITIAL_KEY 0x8001u
#define ONE_BITS_MAX 16

cw_rc cw_ksn_aes_parse(const char *hex, struct cw_ksn_aes *ret, struct cw_fault *f) {
        uint8_t bytes[12];
        size_t n = 0;
        bool ok = strlen(hex) == 24 && cw_hex_decode(hex, 24, bytes, sizeof(bytes), &n) && n == 12;
        uint32_t counter = 0;
        for (size_t i = 8; ok && i < 12; i++)
                counter = counter << 8 | bytes[i];
        if (!ok || counter == 0 || __builtin_popcount(counter) > ONE_BITS_MAX)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_SYNTAX), 0, "hsm.dukpt", "HSM_KSN",
                    "the key serial number of an AES PIN pad has 24 hex digits and a counter the pad "
                    "may use");
        memcpy(ret->ikid, bytes, sizeof(ret->ikid));
        ret->counter = counter;
        return CW_OK;
}

/* Algorithm indicator, table 1; false for an algorithm that is not made here. */
static bool indicator(enum cw_hsm_alg alg, uint16_t *ret) {
        switch (alg) {
        case CW_ALG_TDES2:
                *ret = 0x0000;
                return true;
        case CW_ALG_AES128:
                *ret = 0x0002;
                return true;
        case CW_ALG_AES192:
                *ret = 0x0003;
                return true;
        case CW_ALG_AES256:
                *ret = 0x0004;
                return true;
        case CW_ALG_TDES3:
        case CW_ALG_GENERIC:
        case CW_ALG_RSA:
        case CW_ALG_P256:
                break;
        }
        return false;
}

/* Derivation data, 6.3.1, one block for each 16 bytes of key. */
static cw_rc derive(const struct cw_hsm_crypto *c, const struct cw_hsm_key *base, unsigned use,
                    const uint8_t tail[8], enum cw_hsm_alg alg, unsigned usage, struct cw_hsm_key *ret,
                    struct cw_fault *f) {
        uint8_t data[32];
        uint16_t algorithm = 0;
        struct cw_writer w;
        size_t len = cw_hsm_alg_key_len(alg);
        if (!indicator(alg, &algorithm))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), (int64_t)len,
                               "hsm.dukpt_aes", "HSM_KEY",
                               "AES DUKPT makes AES keys and two-key TDES keys here, no others");
        cw_writer_init(&w, data, sizeof(data));
        for (size_t i = 1; i <= (len + 15) / 16; i++) {
                cw_put_u8(&w, 0x01);
                cw_put_u8(&w, (uint8_t)i);
                cw_put_be16(&w, (uint16_t)use);
                cw_put_be16(&w, algorithm);
                cw_put_be16(&w, (uint16_t)(len * 8));
                cw_put_bytes(&w, tail, 8);
        }
        return cw_hsm_derive(c, base, CW_MODE_ECB, data, w.len, alg, usage, ret, f);
}

cw_rc cw_dukpt_aes_initial_key(const struct cw_hsm_crypto *c, const struct cw_hsm_key *bdk,
                               const uint8_t ikid[CW_DUKPT_AES_IKID_LEN], struct cw_hsm_key *ret,
                               struct cw_fault *f) {
        return derive(c, bdk, USE_INITIAL_KEY, ikid, bdk->alg, CW_USE_DERIVE, ret, f);
}

static void set_tail(const uint8_t ikid[CW_DUKPT_AES_IKID_LEN], uint32_t counter, uint8_t tail[8]) {
        struct cw_writer w;
        cw_writer_init(&w, tail, 8);
        cw_put_bytes(&w, ikid + 4, 4);
        cw_put_be32(&w, counter);
}

/* The transaction key: one derivation for each one-bit of the counter, from the highest down. */
static cw_rc transaction_key(const struct cw_hsm_crypto *c, const struct cw_hsm_key *bdk,
                             const uint8_t ikid[CW_DUKPT_AES_IKID_LEN], uint32_t counter,
                             struct cw_hsm_key *ret, struct cw_fault *f) {
        struct cw_hsm_key key = {0};
        uint32_t seen = 0;
        uint8_t tail[8];
        cw_rc rc = cw_dukpt_aes_initial_key(c, bdk, ikid, &key, f);
        for (uint32_t bit = UINT32_C(1) << 31; bit != 0 && rc == CW_OK; bit >>= 1) {
                struct cw_hsm_key next = {0};
                if ((counter & bit) == 0)
                        continue;
                seen |= bit;
                set_tail(ikid, seen, tail);
                rc = derive(c, &key, USE_DERIVATION, tail, bdk->alg, CW_USE_DERIVE, &next, f);
                cw_hsm_key_destroy(c, &key);
                key = next;
        }
        if (rc == CW_OK)
                *ret = key;
        return rc;
}

cw_rc cw_dukpt_aes_working_key(const struct cw_hsm_crypto *c, const struct cw_hsm_key *bdk,
                               const uint8_t ikid[CW_DUKPT_AES_IKID_LEN], uint32_t counter,
                               enum cw_dukpt_aes_use use, enum cw_hsm_alg alg, unsigned usage,
                               struct cw_hsm_key *ret, struct cw_fault *f) {
        struct cw_hsm_key key = {0};
        uint8_t tail[8];
        if (counter == 0 || __builtin_popcount(counter) > ONE_BITS_MAX)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), 0, "hsm.dukpt_aes", "HSM_KSN",
                               "a transaction counter is not 0 and has at most %d one-bits", ONE_BITS_MAX);
        cw_rc rc = transaction_key(c, bdk, ikid, counter, &key, f);
        set_tail(ikid, counter, tail);
        if (rc == CW_OK)
                rc = derive(c, &key, use, tail, alg, usage, ret, f);
        cw_hsm_key_destroy(c, &key);
        return rc;
}

cw_rc cw_dukpt_aes_update_key(const struct cw_hsm_crypto *c, const struct cw_hsm_key *bdk,
                              const uint8_t ikid[CW_DUKPT_AES_IKID_LEN], unsigned usage,
                              struct cw_hsm_key *ret, struct cw_fault *f) {
        struct cw_hsm_key key = {0};
        uint8_t tail[8];
        cw_rc rc = transaction_key(c, bdk, ikid, UINT32_MAX, &key, f);
        set_tail(ikid, UINT32_MAX, tail);
        if (rc == CW_OK)
                rc = derive(c, &key, CW_DUKPT_AES_KEK, tail, bdk->alg, usage, ret, f);
        cw_hsm_key_destroy(c, &key);
        return rc;
}
