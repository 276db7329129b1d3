/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JWE compact (RFC 7516) as Thales D1 wants it: ECDH-ES direct agreement on P-256 (RFC 7518, 4.6), A256GCM,
 * kid. libjose does the cryptography; what may come in is decided here. Blocks for microseconds.
 */
#pragma once

#include "base/buf.h"
#include "base/secret.h"

#include <jansson.h>

#define CW_JWE_TEXT_MAX 8192u  /* encryptedData, maxLength */
#define CW_JWE_CLEAR_MAX 5632u /* so that the sealed text stays below it */
#define CW_JWE_KID_MAX 128u

/*
 * A P-256 key as JWK out of PEM (public key, certificate, or private key without passphrase). pem is
 * borrowed. OPERATOR/CW_E_SYNTAX naming what (such as "d1.recipient_key_file") otherwise.
 */
CW_WARN_UNUSED cw_rc cw_jose_key(struct cw_span pem, bool is_private, const char *what, json_t **ret,
                                 struct cw_fault *f);
/* Seals clear (at most CW_JWE_CLEAR_MAX bytes) to the public key; *ret is the compact text. */
CW_WARN_UNUSED cw_rc cw_jwe_seal(const json_t *key, const char *kid, struct cw_span clear,
                                 struct cw_secret **ret, struct cw_fault *f);
/*
 * Opens text with the private key. REJECT/CW_E_SYNTAX, code HSM_JWE: not such a JWE, or for another kid;
 * REJECT/CW_E_MISMATCH: altered, or not for this key.
 */
CW_WARN_UNUSED cw_rc cw_jwe_open(const json_t *key, const char *kid, struct cw_span text,
                                 struct cw_secret **ret, struct cw_fault *f);
