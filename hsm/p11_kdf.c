/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/p11_kdf.h"

#include "hsm/p11_mac.h"
#include "hsm/p11_wrap.h"

/* PKCS#11 3.0, 6.40; p11-kit 0.24 has none of it. */
#define CKM_SP800_108_COUNTER_KDF 0x3acul
#define CK_SP800_108_ITERATION_VARIABLE 1ul
#define CK_SP800_108_DKM_LENGTH 3ul
#define CK_SP800_108_BYTE_ARRAY 4ul
#define CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS 1ul
#define PARTS_MAX 4u

struct counter_format {
        CK_BBOOL little_endian;
        CK_ULONG bits;
};
struct length_format {
        CK_ULONG method;
        CK_BBOOL little_endian;
        CK_ULONG bits;
};
struct data_part {
        CK_ULONG type;
        void *value;
        CK_ULONG len;
};
struct kdf_params {
        CK_MECHANISM_TYPE prf;
        CK_ULONG part_count;
        struct data_part *parts;
        CK_ULONG more_key_count;
        void *more_keys;
};

cw_rc cw_p11_cmac_kdf(void *ctx, const struct cw_hsm_key *base, const struct cw_cmac_kdf *kdf, unsigned usage,
                      struct cw_hsm_key *ret, struct cw_fault *f) {
        struct cw_p11 *p = ctx;
        struct counter_format counter = {CK_FALSE, 8};
        struct length_format length = {CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, CK_FALSE, 16};
        struct data_part parts[PARTS_MAX];
        struct kdf_params params = {CKM_AES_CMAC, 0, parts, 0, NULL};
        CK_MECHANISM m = {CKM_SP800_108_COUNTER_KDF, &params, sizeof(params)};
        const struct cw_p11_spec spec = {.alg = base->alg,
                                         .usage = cw_p11_usage(p, base->alg, usage),
                                         .sensitive = true,
                                         .value_len = cw_hsm_alg_key_len(base->alg)};
        CK_OBJECT_HANDLE h = 0;
        struct cw_p11_template t;
        if (kdf->before_len > 0)
                parts[params.part_count++] =
                    (struct data_part){CK_SP800_108_BYTE_ARRAY, cw_p11_input(kdf->before), kdf->before_len};
        if (!kdf->without_length)
                parts[params.part_count++] =
                    (struct data_part){CK_SP800_108_DKM_LENGTH, &length, sizeof(length)};
        parts[params.part_count++] =
            (struct data_part){CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof(counter)};
        parts[params.part_count++] =
            (struct data_part){CK_SP800_108_BYTE_ARRAY, cw_p11_input(kdf->after), kdf->after_len};
        cw_p11_template_fill(&t, &spec);
        cw_p11_called(p);
        CK_RV rv = p->fn->C_DeriveKey(p->session, &m, base->handle, t.attr, t.count, &h);
        if (rv != CKR_OK)
                return cw_p11_fail(f, rv, "p11.cmac_kdf");
        cw_rc rc = cw_p11_read_back(p, h, spec.usage, false, f);
        if (rc == CW_OK)
                *ret = (struct cw_hsm_key){.handle = h, .alg = base->alg, .usage = usage, .valid = true};
        return rc;
}

cw_rc cw_p11_key_xor(void *ctx, const struct cw_hsm_key *base, const uint8_t data[16], unsigned usage,
                     struct cw_hsm_key *ret, struct cw_fault *f) {
        const struct cw_p11_spec spec = {
            .alg = CW_ALG_TDES2, .usage = cw_p11_usage(ctx, CW_ALG_TDES2, usage), .sensitive = true};
        CK_OBJECT_HANDLE h = 0;
        cw_rc rc = cw_p11_xor(ctx, base->handle, data, 16, &spec, &h, f);
        if (rc == CW_OK)
                *ret = (struct cw_hsm_key){.handle = h, .alg = CW_ALG_TDES2, .usage = usage, .valid = true};
        return rc;
}

void cw_p11_offer(struct cw_hsm_crypto *c, struct cw_hsm_crypto_ops *own,
                  const struct cw_p11_inside *inside) {
        if (c->ops != own)
                *own = *c->ops;
        own->cmac_kdf = inside->cmac_kdf ? cw_p11_cmac_kdf : NULL;
        own->key_xor = inside->key_xor ? cw_p11_key_xor : NULL;
        own->retail_mac = inside->retail_mac ? cw_p11_retail_mac : NULL;
        c->ops = own;
}
