/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/p11_mac.h"

#include "hsm/p11_wrap.h"

/* A secret on its way through the token. */
static struct cw_p11_spec passing(size_t len, unsigned usage) {
        return (struct cw_p11_spec){
            .alg = CW_ALG_GENERIC, .usage = usage, .sensitive = true, .extractable = true, .value_len = len};
}

cw_rc cw_p11_retail_mac(void *ctx, const struct cw_hsm_key *left, const struct cw_hsm_key *full,
                        const uint8_t icv[8], const uint8_t *msg, size_t len, uint8_t ret[8],
                        struct cw_fault *f) {
        const size_t head = len - 8;
        const struct cw_p11_spec chain = passing(head, CW_USE_DERIVE), end = passing(8, CW_USE_DERIVE),
                                 last = passing(8, 0);
        CK_OBJECT_HANDLE h[3] = {0}, before = 0;
        cw_rc rc = cw_p11_chain(ctx, left->handle, icv, msg, head, &chain, &h[0], f);
        before = h[0];
        if (rc == CW_OK && head > 8) {
                rc = cw_p11_extract(ctx, h[0], 8 * (head - 8), &end, &h[1], f);
                before = h[1];
        }
        if (rc == CW_OK)
                rc = cw_p11_xor(ctx, before, msg + head, 8, &last, &h[2], f);
        if (rc == CW_OK)
                rc = cw_p11_wrap(ctx, full->handle, CKM_DES3_ECB, h[2], ret, 8, f);
        for (size_t i = 0; i < 3; i++)
                cw_p11_destroy(ctx, h[i]);
        return rc;
}
