/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gateway body encryption: {"refNo": 16 decimal digits, "body": Base64(ciphertext | tag16), "kid": ...},
 * AES-256-GCM with the 16 ASCII bytes of refNo as IV, key from a static P-256 agreement. "none" passes bodies
 * through.
 */
#pragma once

#include "dsim.h"

/*
 * Opens a request body. Returns malloc'd clear text of *ret_len bytes, or NULL with a reason. A refNo that
 * comes back with another body is refused: one key, one IV, two texts would break the cipher.
 */
char *cw_dsim_gateway_open(struct cw_dsim *sim, const char *body, size_t len, size_t *ret_len,
                           const char **why);

/* Seals a response body under a fresh refNo; malloc'd text. Needs no lock. */
char *cw_dsim_gateway_seal(const struct cw_dsim *sim, const char *body);
