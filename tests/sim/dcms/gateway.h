/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gateway body encryption, with one or two pairs of keys: requests are opened with either, answers are sealed
 * as "answer_with" says.
 *   refno-envelope  {"refNo": 16 decimal digits, "body": Base64(ciphertext | tag16), "kid": ...}, AES-256-GCM
 *                   with the 16 ASCII bytes of refNo as IV, key from a static P-256 agreement
 *   opaque          Base64(IV16 | ciphertext | tag16) under the same keys, Content-Type text/plain
 *   jwe             a JWE in compact form, ECDH-ES and A256GCM, Content-Type application/jose
 *   field-gcm       JSON whose named members are Base64(IV16 | ciphertext | tag16)
 * "none" passes bodies through.
 */
#pragma once

#include "dsim.h"

/* The media type of sealed bodies. */
const char *cw_dsim_gateway_media(const struct cw_dsim *sim);

/*
 * Opens a request body. Returns malloc'd clear text of *ret_len bytes, or NULL with a reason. An IV that
 * comes back with another body is refused: one key, one IV, two texts would break the cipher.
 */
char *cw_dsim_gateway_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len,
                           const char **why);

/* Seals a response body; malloc'd text. Needs no lock. */
char *cw_dsim_gateway_seal(struct cw_dsim *sim, const char *body);
