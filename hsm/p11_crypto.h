/* SPDX-License-Identifier: Apache-2.0 */
/* The primitives of crypto.h on a PKCS#11 token. */
#pragma once

#include "hsm/crypto.h"
#include "hsm/p11_token.h"

/* ret->ctx borrows p. */
void cw_p11_crypto_init(struct cw_p11 *p, struct cw_hsm_crypto *ret);
