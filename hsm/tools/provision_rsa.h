/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "hsm/p11_token.h"

/*
 * Brings an RSA private key (der: PKCS#1, of the caller, who wipes it) into the token under the key's label,
 * in place of an older one. REJECT when its check value, the beginning of the SHA-1 over the modulus, is not
 * k->kcv.
 */
CW_WARN_UNUSED cw_rc cw_provision_rsa(struct cw_p11 *p, const struct cw_config_key *k, const uint8_t *der,
                                      size_t len, struct cw_fault *f);
