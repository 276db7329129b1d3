/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that pass through the token as objects and are never seen outside: unwrapped, changed, wrapped
 * again. Each new object has exactly the attributes of its spec, read back; spec->on_token is false. What a
 * token can of this is found out by the probes (probe_wrap.c). All calls block.
 */
#pragma once

#include "hsm/p11_object.h"

/* Constants of PKCS#11 3.0 that p11-kit 0.24 has not. */
#define CW_CKM_AES_KEY_WRAP_KWP 0x210bul

/* C_UnwrapKey with a mechanism that has no parameter (ECB, key wrap): in holds len bytes. */
CW_WARN_UNUSED cw_rc cw_p11_unwrap(struct cw_p11 *p, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism,
                                   const uint8_t *in, size_t len, const struct cw_p11_spec *spec,
                                   CK_OBJECT_HANDLE *ret, struct cw_fault *f);
/* C_WrapKey with such a mechanism; REJECT/CW_E_MISMATCH when the result is not len bytes. */
CW_WARN_UNUSED cw_rc cw_p11_wrap(struct cw_p11 *p, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism,
                                 CK_OBJECT_HANDLE object, uint8_t *ret, size_t len, struct cw_fault *f);
/* The encryption of data under base, two-key TDES in CBC mode, as a secret as long as data (whole blocks). */
CW_WARN_UNUSED cw_rc cw_p11_chain(struct cw_p11 *p, CK_OBJECT_HANDLE base, const uint8_t iv[8],
                                  const uint8_t *data, size_t len, const struct cw_p11_spec *spec,
                                  CK_OBJECT_HANDLE *ret, struct cw_fault *f);
/* base XOR data; the new secret is as long as both. */
CW_WARN_UNUSED cw_rc cw_p11_xor(struct cw_p11 *p, CK_OBJECT_HANDLE base, const uint8_t *data, size_t len,
                                const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret, struct cw_fault *f);
/* data | base, and base | data. */
CW_WARN_UNUSED cw_rc cw_p11_prepend(struct cw_p11 *p, CK_OBJECT_HANDLE base, const uint8_t *data, size_t len,
                                    const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret,
                                    struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_p11_append(struct cw_p11 *p, CK_OBJECT_HANDLE base, const uint8_t *data, size_t len,
                                   const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret, struct cw_fault *f);
/* spec->value_len bytes of base from bit first_bit on (0 = the highest bit of the first byte). */
CW_WARN_UNUSED cw_rc cw_p11_extract(struct cw_p11 *p, CK_OBJECT_HANDLE base, CK_ULONG first_bit,
                                    const struct cw_p11_spec *spec, CK_OBJECT_HANDLE *ret,
                                    struct cw_fault *f);
/* C_DestroyObject; handle 0 is fine. */
void cw_p11_destroy(struct cw_p11 *p, CK_OBJECT_HANDLE h);
