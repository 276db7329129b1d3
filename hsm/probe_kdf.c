/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers of keys that are derived inside the token. */
#include "hsm/p11_kdf.h"
#include "hsm/p11_mac.h"
#include "hsm/probe_internal.h"
#include "hsm/retail_mac.h"

struct question {
        enum cw_hsm_alg alg;
        uint8_t base[32], want[32];
        struct cw_cmac_kdf kdf;
};

cw_rc cw_probe_derived(const struct cw_prober *x, const struct cw_hsm_key *derived, const uint8_t *value,
                       struct cw_fault *f) {
        struct cw_hsm_key same = {0};
        uint8_t got[16], want[16];
        const size_t n = cw_hsm_alg_block(derived->alg);
        cw_rc rc = cw_hsm_import(x->c, derived->alg, CW_USE_ENCRYPT, value, &same, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(x->c, derived, CW_MODE_ECB, NULL, cw_probe_aes_plain, n, got, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(x->c, &same, CW_MODE_ECB, NULL, cw_probe_aes_plain, n, want, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, want, n, f);
        cw_hsm_key_destroy(x->c, &same);
        return rc;
}

/* The base may make MACs alone, as KMC keys are. */
static cw_rc ask(const struct cw_prober *x, const struct question *q, struct cw_fault *f) {
        struct cw_hsm_key base = {0}, derived = {0};
        cw_rc rc = cw_hsm_import(x->c, q->alg, CW_USE_MAC, q->base, &base, f);
        if (rc == CW_OK)
                rc = cw_p11_cmac_kdf(x->p, &base, &q->kdf, CW_USE_ENCRYPT, &derived, f);
        if (rc == CW_OK)
                rc = cw_probe_derived(x, &derived, q->want, f);
        cw_hsm_key_destroy(x->c, &base);
        cw_hsm_key_destroy(x->c, &derived);
        return rc;
}

/* S-ENC of SCP03 as openjavacard-tools publishes it; the first key of KDF3 out of a KMC of 256 bits. */
cw_rc cw_probe_cmac_derive(const struct cw_prober *x, struct cw_fault *f) {
        static const uint8_t challenges[16] = {0xa7, 0xf7, 0x6c, 0x71, 0x3f, 0x0a, 0x71, 0x3d,
                                               0x31, 0x90, 0x00, 0x58, 0xc1, 0xc4, 0x51, 0xa2};
        static const uint8_t kdd[15] = {0,    0,    0,    1,    0,    0xd9, 0xb1, 0xde,
                                        0x5d, 0x03, 0x62, 0xde, 0xdc, 0xe4, 0xfb};
        static const struct question questions[] = {
            {CW_ALG_AES128,
             {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f},
             {0x25, 0x8a, 0x78, 0x86, 0x6f, 0x41, 0x48, 0x2b, 0xef, 0x48, 0x2d, 0xc8, 0xca, 0x97, 0x6c, 0xcd},
             {{[11] = 0x04}, 13, false, challenges, sizeof(challenges)}},
            {CW_ALG_AES256,
             {0x8c, 0x72, 0xc7, 0x2c, 0xf9, 0x08, 0x41, 0x16, 0x53, 0x01, 0x88, 0x07, 0x95, 0x0d, 0x82, 0xfb,
              0xad, 0x94, 0x75, 0x62, 0xf0, 0x82, 0x8a, 0x0b, 0x10, 0xb8, 0xb9, 0x60, 0x6a, 0xbf, 0x3b, 0xcd},
             {0x9a, 0xac, 0x5d, 0x0b, 0x36, 0x01, 0xf8, 0x94, 0x38, 0xa0, 0xd9, 0xd0, 0xb6, 0xb2, 0x56, 0xcf,
              0xb4, 0x7e, 0x64, 0x62, 0xdf, 0xa5, 0x22, 0x8d, 0x34, 0x20, 0xc4, 0xac, 0x7c, 0x22, 0x47, 0x81},
             {{0}, 0, true, kdd, sizeof(kdd)}},
        };
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) && rc == CW_OK; i++)
                rc = ask(x, &questions[i], f);
        return rc;
}

/* A card's key and the session key that a transaction counter makes of it (Visa), as pyemv publishes them. */
cw_rc cw_probe_key_xor(const struct cw_prober *x, struct cw_fault *f) {
        static const uint8_t atc[16] = {[6] = 0x00, [7] = 0x1c, [14] = 0xff, [15] = 0xe3};
        static const uint8_t session[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xf2,
                                            0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0xcd, 0xf2};
        struct cw_hsm_key base = {0}, derived = {0};
        cw_rc rc = cw_hsm_import(x->c, CW_ALG_TDES2, CW_USE_DERIVE, cw_probe_tdes_key, &base, f);
        if (rc == CW_OK)
                rc = cw_p11_key_xor(x->p, &base, atc, CW_USE_ENCRYPT, &derived, f);
        if (rc == CW_OK)
                rc = cw_probe_derived(x, &derived, session, f);
        cw_hsm_key_destroy(x->c, &base);
        cw_hsm_key_destroy(x->c, &derived);
        return rc;
}

/* ISO 9797-1, B.4, of a message of three blocks; and of the longest that there is a way for. */
cw_rc cw_probe_retail_mac(const struct cw_prober *x, struct cw_fault *f) {
        static const uint8_t text[] = "Now is the time for all ", zero[8];
        static const uint8_t left_value[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                               0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
        static const uint8_t want[8] = {0xa1, 0xc7, 0x2e, 0x74, 0xea, 0x3f, 0xa9, 0xb6};
        static const uint8_t want_long[8] = {0x7f, 0xf5, 0xcd, 0x99, 0x73, 0x2f, 0xca, 0x46};
        struct cw_hsm_key left = {0}, full = {0};
        uint8_t longest[CW_RETAIL_MAC_INSIDE_MAX], got[8];
        for (size_t i = 0; i < sizeof(longest); i++)
                longest[i] = (uint8_t)i;
        cw_rc rc = cw_hsm_import(x->c, CW_ALG_TDES2, CW_USE_ENCRYPT | CW_USE_DERIVE, left_value, &left, f);
        if (rc == CW_OK)
                rc = cw_hsm_import(x->c, CW_ALG_TDES2, CW_USE_ENCRYPT | CW_USE_WRAP, cw_probe_tdes_key, &full,
                                   f);
        if (rc == CW_OK)
                rc = cw_p11_retail_mac(x->p, &left, &full, zero, text, sizeof(text) - 1, got, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, want, sizeof(got), f);
        if (rc == CW_OK)
                rc = cw_p11_retail_mac(x->p, &left, &full, zero, longest, sizeof(longest), got, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(got, want_long, sizeof(got), f);
        cw_hsm_key_destroy(x->c, &left);
        cw_hsm_key_destroy(x->c, &full);
        return rc;
}
