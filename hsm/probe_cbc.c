/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers of CBC over several blocks, so that a chain is seen; there and back, the way back in place.
 */
#include "hsm/probe_internal.h"

#include <string.h>

struct question {
        enum cw_hsm_alg alg;
        uint8_t key[16], iv[16];
        size_t len;
        uint8_t plain[32], want[32];
};

static cw_rc ask(const struct cw_prober *x, const struct question *q, struct cw_fault *f) {
        struct cw_hsm_key k = {0};
        uint8_t text[32];
        cw_rc rc = cw_hsm_import(x->c, q->alg, CW_USE_ENCRYPT | CW_USE_DECRYPT, q->key, &k, f);
        if (rc == CW_OK)
                rc = cw_hsm_encrypt(x->c, &k, CW_MODE_CBC, q->iv, q->plain, q->len, text, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(text, q->want, q->len, f);
        if (rc == CW_OK)
                rc = cw_hsm_decrypt(x->c, &k, CW_MODE_CBC, q->iv, text, q->len, text, f);
        if (rc == CW_OK)
                rc = cw_probe_answer(text, q->plain, q->len, f);
        cw_hsm_key_destroy(x->c, &k);
        return rc;
}

/* X9.24-1:2009, A.4: data under the data key of KSN FFFF9876543210E00001. */
cw_rc cw_probe_tdes_cbc(const struct cw_prober *x, struct cw_fault *f) {
        static const struct question q = {
            .alg = CW_ALG_TDES2,
            .key = {0x44, 0x8d, 0x3f, 0x07, 0x6d, 0x83, 0x04, 0x03, 0x6a, 0x55, 0xa3, 0xd7, 0xe0, 0x05, 0x5a,
                    0x78},
            .len = 24,
            .plain = "4012345678909D987",
            .want = {0xfc, 0x0d, 0x53, 0xb7, 0xea, 0x1f, 0xda, 0x9e, 0xe6, 0x8a, 0xaf, 0x2e,
                     0x70, 0xd9, 0xb9, 0x50, 0x62, 0x29, 0xbe, 0x2a, 0xa9, 0x93, 0xf0, 0x4f},
        };
        return ask(x, &q, f);
}

/* SP 800-38A, F.2.1, blocks 1 and 2. */
cw_rc cw_probe_aes_cbc(const struct cw_prober *x, struct cw_fault *f) {
        static const struct question sp800_38a = {
            .alg = CW_ALG_AES128,
            .iv = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
            .len = 32,
            .plain = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e,
                      0x11, 0x73, 0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03,
                      0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51},
            .want = {0x76, 0x49, 0xab, 0xac, 0x81, 0x19, 0xb2, 0x46, 0xce, 0xe9, 0x8e,
                     0x9b, 0x12, 0xe9, 0x19, 0x7d, 0x50, 0x86, 0xcb, 0x9b, 0x50, 0x72,
                     0x19, 0xee, 0x95, 0xdb, 0x11, 0x3a, 0x91, 0x76, 0x78, 0xb2},
        };
        struct question q = sp800_38a;
        memcpy(q.key, cw_probe_aes_key, sizeof(q.key));
        return ask(x, &q, f);
}
