/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs on NIST P-256 that live on the token and sign: made there, found with both halves. All block. */
#pragma once

#include "hsm/p11_object.h"

#define CW_P256_POINT 65u /* 04 | x | y */
#define CW_P256_PEM_MAX 256u

struct cw_p256 {
        CK_OBJECT_HANDLE handle; /* of the private half */
        uint8_t point[CW_P256_POINT];
};
/*
 * The pair with this label. OPERATOR/HSM_KEY when a half is absent or there twice, the private one is not
 * protected or may not sign, or the public one is not on the curve.
 */
CW_WARN_UNUSED cw_rc cw_p11_p256_find(struct cw_p11 *p, const char *label, struct cw_p256 *ret,
                                      struct cw_fault *f);
/* Signs something and verifies it with the point: OPERATOR/HSM_KEY when the halves do not belong together. */
CW_WARN_UNUSED cw_rc cw_p11_p256_prove(struct cw_p11 *p, const struct cw_p256 *pair, struct cw_fault *f);
/* ECDSA over a digest; ret is r | s as in RFC 7518, 3.4. */
CW_WARN_UNUSED cw_rc cw_p11_p256_sign(struct cw_p11 *p, CK_OBJECT_HANDLE key, const uint8_t digest[32],
                                      uint8_t ret[64], struct cw_fault *f);
/* Makes a pair on the token whose private half may sign and never leaves, attributes read back; start_day and
 * end_day (YYYY-MM-DD or "") become its dates, where the token knows them. */
CW_WARN_UNUSED cw_rc cw_p11_p256_generate(struct cw_p11 *p, const char *label, const char *start_day,
                                          const char *end_day, struct cw_fault *f);
/* Check value: the first bytes (3 or 5) of the SHA-1 over x | y, as upper-case hex. */
void cw_p256_kcv(const uint8_t point[CW_P256_POINT], size_t bytes, char ret[11]);
/* SubjectPublicKeyInfo in PEM; false when out of memory. */
bool cw_p256_pem(const uint8_t point[CW_P256_POINT], char ret[CW_P256_PEM_MAX]);
