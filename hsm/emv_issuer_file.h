/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a product's issuer certificates. */
#pragma once

#include "config/config.h"
#include "hsm/emv_cert.h"

/*
 * Reads the product's issuer_certificate out of profile_dir: the certificate in it that is for this key.
 * Blocks on the file system. REJECT with code HSM_ISSUER_CERT when there is none.
 */
CW_WARN_UNUSED cw_rc cw_emv_issuer_file(const struct cw_config *cfg, const struct cw_config_product *product,
                                        const struct cw_hsm_crypto *c, const struct cw_rsa_public *key,
                                        struct cw_emv_issuer *ret, struct cw_fault *f);
