/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/emv_issuer_file.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <limits.h>
#include <stdio.h>

#define ISSUER_FILE_MAX 8192u

cw_rc cw_emv_issuer_file(const struct cw_config *cfg, const struct cw_config_product *product,
                         const struct cw_hsm_crypto *c, const struct cw_rsa_public *key,
                         struct cw_emv_issuer *ret, struct cw_fault *f) {
        CW_AUTO_MEM char *text = NULL;
        char path[PATH_MAX];
        size_t len = 0;
        int n = snprintf(path, sizeof(path), "%s/%s", cfg->profile_dir, product->issuer_certificate);
        if (n < 0 || (size_t)n >= sizeof(path))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_TOO_BIG), 0, "hsm.issuer",
                               "HSM_ISSUER_CERT", "the path of the issuer certificate is too long");
        cw_rc rc = cw_file_read(path, ISSUER_FILE_MAX, &text, &len, f);
        return rc != CW_OK ? rc : cw_emv_issuer_pick(c, text, len, key, ret, f);
}
