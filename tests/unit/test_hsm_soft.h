/* SPDX-License-Identifier: Apache-2.0 */
/* A backend of hsm/crypto.h for tests only: keys in plain memory, OpenSSL. */
#pragma once

#include "hsm/rsa.h"

struct soft_hsm;
struct soft_hsm *soft_hsm_new(struct cw_hsm_crypto *ret);
void soft_hsm_free(struct soft_hsm *s);
/* Key bytes behind a reference: the point of a test backend. */
const uint8_t *soft_key_bytes(const struct soft_hsm *s, const struct cw_hsm_key *key, size_t *ret_len);
/* A generic key of any length. */
struct cw_hsm_key soft_generic(struct soft_hsm *s, const void *value, size_t len);
/* The backend's one RSA key, borrowed; the reference to it is not counted and not destroyed. */
struct cw_hsm_key soft_rsa(struct soft_hsm *s, const struct cw_rsa_private *key);
/* Signatures come out wrong from now on. */
void soft_rsa_spoil(struct soft_hsm *s);
/* Keys that are alive: a test that ends with 0 has leaked none. */
size_t soft_key_count(const struct soft_hsm *s);
/* The next count calls work, then every call fails with RECONNECT; negative: never. */
void soft_fail_after(struct soft_hsm *s, long count);
