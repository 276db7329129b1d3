/* SPDX-License-Identifier: Apache-2.0 */
/* Token objects of one key version made from a clear value, read back, and removed again. */
#pragma once

#include "hsm/key_purpose.h"
#include "hsm/key_register.h"

struct cw_key_write {
        const struct cw_config_key *cfg;
        const struct cw_key_version *version; /* its check value is the one the value must have */
        const uint8_t *value;                 /* of the caller, who wipes it */
        size_t len;
        bool in_token; /* where the purpose has it: attributes with which a PIN stays in the token */
};

/* Check value of a clear value, through a session object that is destroyed; method and len as in cw_kcv. */
CW_WARN_UNUSED cw_rc cw_key_value_kcv(const struct cw_hsm_crypto *c, enum cw_hsm_alg alg,
                                      const uint8_t *value, bool cmac, uint8_t *ret, size_t ret_len,
                                      struct cw_fault *f);
/* REJECT/CW_E_MISMATCH when the value has another check value than kcv (6 or 10 digits). Generic: CW_OK. */
CW_WARN_UNUSED cw_rc cw_key_value_check(const struct cw_hsm_crypto *c, enum cw_hsm_alg alg,
                                        const uint8_t *value, const char *kcv, struct cw_fault *f);
/*
 * Creates the key's object and its companions. REJECT/CW_E_MISMATCH when the value has another check value
 * than the version, and nothing is written; REJECT/CW_E_UNSUPPORTED for a key pair, which is made on the
 * token; REJECT/CW_E_STATE when an object with one of the labels is there already. What was made of a write
 * that fails is removed. *ret_unlimited (may be NULL): the token does not take CKA_ALLOWED_MECHANISMS or the
 * dates. Every object's attributes are read back.
 */
CW_WARN_UNUSED cw_rc cw_key_write(struct cw_p11 *p, const struct cw_hsm_crypto *c,
                                  const struct cw_key_write *w, bool *ret_unlimited, struct cw_fault *f);
/* How many objects are under the version's labels, of an RSA key those of both halves. */
CW_WARN_UNUSED cw_rc cw_key_count(struct cw_p11 *p, const struct cw_config_key *cfg, unsigned version,
                                  size_t *ret_count, struct cw_fault *f);
/*
 * Destroys every object under the version's labels and looks that none is left. *ret_count is how many there
 * were.
 */
CW_WARN_UNUSED cw_rc cw_key_erase(struct cw_p11 *p, const struct cw_config_key *cfg, unsigned version,
                                  size_t *ret_count, struct cw_fault *f);
