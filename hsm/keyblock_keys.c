/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/keyblock_keys.h"

#include "base/buf.h"
#include "base/secret.h"

#include <string.h>

#define USAGE_ENCRYPTION 0x0000u
#define USAGE_MAC 0x0001u

static bool alg_of(bool aes, size_t len, enum cw_hsm_alg *ret) {
        static const enum cw_hsm_alg algs[] = {CW_ALG_TDES2, CW_ALG_TDES3, CW_ALG_AES128, CW_ALG_AES192,
                                               CW_ALG_AES256};
        for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
                if (cw_hsm_alg_is_aes(algs[i]) == aes && cw_hsm_alg_key_len(algs[i]) == len) {
                        *ret = algs[i];
                        return true;
                }
        }
        return false;
}

static cw_rc import_variant(const struct cw_hsm_crypto *c, enum cw_hsm_alg alg, const uint8_t *value,
                            uint8_t mask, unsigned usage, struct cw_hsm_key *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, masked, 24);
        for (size_t i = 0; i < cw_hsm_alg_key_len(alg); i++)
                masked[i] = value[i] ^ mask;
        return cw_hsm_import(c, alg, usage, masked, ret, f);
}

cw_rc cw_kbpk_import(const struct cw_hsm_crypto *c, bool aes, const uint8_t *value, size_t len,
                     struct cw_kbpk *ret, struct cw_fault *f) {
        struct cw_kbpk k = {0};
        enum cw_hsm_alg alg = CW_ALG_GENERIC;
        if (!alg_of(aes, len, &alg))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_RANGE), (int64_t)len, "hsm.kbpk",
                               "KEY_BLOCK",
                               "a key block protection key is TDES of 16 or 24 or AES of 16, 24 or 32 bytes");
        cw_rc rc = cw_hsm_import(c, alg, CW_USE_MAC | CW_USE_ENCRYPT, value, &k.key, f);
        if (rc == CW_OK && !aes)
                rc = import_variant(c, alg, value, 0x45, CW_USE_ENCRYPT | CW_USE_DECRYPT, &k.enc, f);
        if (rc == CW_OK && !aes)
                rc = import_variant(c, alg, value, 0x4d, CW_USE_ENCRYPT, &k.mac, f);
        if (rc != CW_OK) {
                cw_kbpk_destroy(c, &k);
                return rc;
        }
        *ret = k;
        return CW_OK;
}

void cw_kbpk_destroy(const struct cw_hsm_crypto *c, struct cw_kbpk *k) {
        cw_hsm_key_destroy(c, &k->key);
        cw_hsm_key_destroy(c, &k->enc);
        cw_hsm_key_destroy(c, &k->mac);
}

/* X9.143:2021, 7.2.2: CMAC over counter | usage | 00 | algorithm | length in bits, block after block. */
static cw_rc derive(const struct cw_hsm_crypto *c, const struct cw_hsm_key *kbpk, uint16_t usage,
                    unsigned allowed, struct cw_hsm_key *ret, struct cw_fault *f) {
        static const uint16_t indicator[] = {[CW_ALG_TDES2] = 0,
                                             [CW_ALG_TDES3] = 1,
                                             [CW_ALG_AES128] = 2,
                                             [CW_ALG_AES192] = 3,
                                             [CW_ALG_AES256] = 4};
        CW_WIPED(uint8_t, value, 32);
        uint8_t data[8];
        struct cw_writer w;
        size_t len = cw_hsm_alg_key_len(kbpk->alg), block = cw_hsm_alg_is_aes(kbpk->alg) ? 16 : 8;
        cw_rc rc = CW_OK;
        for (size_t at = 0; at < len && rc == CW_OK; at += block) {
                cw_writer_init(&w, data, sizeof(data));
                cw_put_u8(&w, (uint8_t)(at / block + 1));
                cw_put_be16(&w, usage);
                cw_put_u8(&w, 0);
                cw_put_be16(&w, indicator[kbpk->alg]);
                cw_put_be16(&w, (uint16_t)(len * 8));
                rc = cw_hsm_cmac(c, kbpk, data, sizeof(data), value + at, f);
        }
        return rc != CW_OK ? rc : cw_hsm_import(c, kbpk->alg, allowed, value, ret, f);
}

cw_rc cw_keyblock_keys_make(const struct cw_hsm_crypto *c, const struct cw_kbpk *kbpk, char version,
                            struct cw_keyblock_keys *ret, struct cw_fault *f) {
        struct cw_keyblock_keys k = {0};
        bool tdes = version >= 'A' && version <= 'C' && cw_hsm_alg_is_tdes(kbpk->key.alg);
        if (!tdes && !(version == 'D' && cw_hsm_alg_is_aes(kbpk->key.alg)))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), version, "hsm.keyblock",
                               "KEY_BLOCK", "blocks of versions A, B and C are under TDES keys, D under AES");
        if (version == 'A' || version == 'C') {
                *ret = (struct cw_keyblock_keys){kbpk->enc, kbpk->mac, true};
                return CW_OK;
        }
        cw_rc rc = derive(c, &kbpk->key, USAGE_ENCRYPTION, CW_USE_ENCRYPT | CW_USE_DECRYPT, &k.kbek, f);
        if (rc == CW_OK)
                rc = derive(c, &kbpk->key, USAGE_MAC, CW_USE_MAC | CW_USE_ENCRYPT, &k.kbak, f);
        if (rc != CW_OK) {
                cw_keyblock_keys_destroy(c, &k);
                return rc;
        }
        *ret = k;
        return CW_OK;
}

void cw_keyblock_keys_destroy(const struct cw_hsm_crypto *c, struct cw_keyblock_keys *k) {
        if (!k->borrowed) {
                cw_hsm_key_destroy(c, &k->kbek);
                cw_hsm_key_destroy(c, &k->kbak);
        }
        *k = (struct cw_keyblock_keys){0};
}
