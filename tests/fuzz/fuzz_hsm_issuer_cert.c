/* SPDX-License-Identifier: Apache-2.0 */
/* Issuer certificate files: what is accepted has a key and an issuer number of legal length. */
#include "hsm/emv_cert.h"
#include "test_hsm_soft.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char pan[] = "4266424680446864";
        struct cw_hsm_crypto crypto;
        struct soft_hsm *soft = soft_hsm_new(&crypto);
        struct cw_emv_issuer issuer;
        static const struct cw_rsa_public nobody = {.n = {1}, .n_len = CW_RSA_MIN, .e = {3}, .e_len = 1};
        if (cw_emv_issuer_pick(&crypto, data, size, &nobody, &issuer, NULL) == CW_OK)
                abort();
        if (cw_emv_issuer_parse(&crypto, data, size, &issuer, NULL) == CW_OK) {
                size_t digits = strlen(issuer.iin);
                if (digits < 3 || digits > 8 || issuer.pub.n_len < CW_RSA_MIN ||
                    issuer.pub.n_len > CW_RSA_MAX)
                        abort();
                if (cw_emv_issuer_check(&issuer, &issuer.pub, pan, "3012", NULL) == CW_OK &&
                    strncmp(pan, issuer.iin, digits) != 0)
                        abort();
        }
        soft_hsm_free(soft);
        return 0;
}
