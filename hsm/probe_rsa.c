/* SPDX-License-Identifier: Apache-2.0 */
/* Chip certificates: a key pair made on the token, and a signature that its public half takes back. */
#include "base/secret.h"
#include "hsm/p11_rsa.h"
#include "hsm/probe_internal.h"

#include <string.h>

#define BITS 1024u
#define EXPONENT 65537u /* every token makes keys with it */

/* The parts are proven to belong together in there. */
cw_rc cw_probe_rsa_generate(const struct cw_prober *x, struct cw_fault *f) {
        CW_WIPED(struct cw_rsa_private, pair, 1);
        return cw_rsa_generate(x->c, BITS, EXPONENT, pair, f);
}

cw_rc cw_probe_rsa_sign(const struct cw_prober *x, struct cw_fault *f) {
        CW_WIPED(struct cw_rsa_private, pair, 1);
        struct cw_hsm_key key = {.alg = CW_ALG_RSA, .usage = CW_USE_MAC, .valid = true};
        struct cw_rsa_public pub;
        CK_OBJECT_HANDLE h = 0;
        uint8_t block[BITS / 8], signature[BITS / 8];
        memset(block, 0xbb, sizeof(block));
        block[0] = 0x6a; /* as in a certificate */
        cw_rc rc = cw_rsa_generate(x->c, BITS, EXPONENT, pair, f);
        if (rc == CW_OK)
                rc = cw_p11_rsa_create(x->p, NULL, pair, &h, f);
        if (rc != CW_OK)
                return rc;
        key.handle = h;
        rc = cw_rsa_public_of(x->c, &key, &pub, f);
        if (rc == CW_OK)
                rc = cw_rsa_sign(x->c, &key, &pub, block, signature, f);
        cw_p11_destroy(x->p, h);
        return rc;
}
