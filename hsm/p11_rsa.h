/* SPDX-License-Identifier: Apache-2.0 */
/* RSA on a token: the primitives of rsa.h. Blocks. */
#pragma once

#include "hsm/p11_object.h"
#include "hsm/rsa.h"

/* Finds the private key with this label. *ret_count is how many there are (two are enough to be too many). */
CW_WARN_UNUSED cw_rc cw_p11_rsa_find(struct cw_p11 *p, const char *label, CK_OBJECT_HANDLE *ret,
                                     size_t *ret_count, struct cw_fault *f);
/* Creates a private key that may sign out of its parts (k->d and the CRT members set): on the token with a
 * label, for provisioning; a session object when label is NULL. ret may be NULL. */
CW_WARN_UNUSED cw_rc cw_p11_rsa_create(struct cw_p11 *p, const char *label, const struct cw_rsa_private *k,
                                       CK_OBJECT_HANDLE *ret, struct cw_fault *f);
/* Public half out of a private key object. */
cw_rc cw_p11_rsa_public(void *p11, const struct cw_hsm_key *key, struct cw_rsa_public *ret,
                        struct cw_fault *f);
/* CKM_RSA_X_509. */
cw_rc cw_p11_rsa_sign(void *p11, const struct cw_hsm_key *key, const uint8_t *in, size_t len, uint8_t *out,
                      struct cw_fault *f);
/* A session key pair whose parts may be read; it is read and destroyed. */
cw_rc cw_p11_rsa_generate(void *p11, unsigned bits, unsigned exponent, struct cw_rsa_private *ret,
                          struct cw_fault *f);
