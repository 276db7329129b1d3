/* SPDX-License-Identifier: Apache-2.0 */
/* RSA on a token: the primitives of rsa.h. Blocks. */
#pragma once

#include "hsm/p11_object.h"
#include "hsm/rsa.h"

/* Finds the private key with this label. *ret_count is how many there are (two are enough to be too many). */
CW_WARN_UNUSED cw_rc cw_p11_rsa_find(struct cw_p11 *p, const char *label, CK_OBJECT_HANDLE *ret,
                                     size_t *ret_count, struct cw_fault *f);
/* Both halves of the key pairs with this type and label on the token; *ret_count is at most CW_P11_FOUND_MAX.
 */
CW_WARN_UNUSED cw_rc cw_p11_pair_find_all(struct cw_p11 *p, CK_KEY_TYPE type, const char *label,
                                          CK_OBJECT_HANDLE ret[CW_P11_FOUND_MAX], size_t *ret_count,
                                          struct cw_fault *f);
/*
 * Makes a key pair on the token whose private key, with this label, may sign and never leaves. start_day and
 * end_day (YYYY-MM-DD or "") become its dates, where the token knows them; its mechanisms are limited, where
 * it can. The attributes are read back. Blocks for seconds at times.
 */
CW_WARN_UNUSED cw_rc cw_p11_rsa_generate_on_token(struct cw_p11 *p, const char *label, unsigned bits,
                                                  unsigned exponent, const char *start_day,
                                                  const char *end_day, struct cw_fault *f);
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
