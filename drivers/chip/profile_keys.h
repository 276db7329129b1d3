/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys that may sign product profiles: Ed25519 or ECDSA on P-256, by OpenSSL. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CW_PROFILE_KEYS_MAX 8
#define CW_PROFILE_KEY_ID 17 /* 16 hex digits and NUL */
#define CW_PROFILE_SIGNATURE_BYTES 80

struct cw_profile_keys;

/*
 * Reads the PEM files that paths names, with commas between; "" = no key. Blocks on the file system. OPERATOR
 * with the file's name when one cannot be read or holds no such public key.
 */
CW_WARN_UNUSED cw_rc cw_profile_keys_load(const char *paths, struct cw_profile_keys **ret,
                                          struct cw_fault *f);
void cw_profile_keys_free(struct cw_profile_keys *keys);
CW_DEFINE_CLEANUP(struct cw_profile_keys *, cw_profile_keys_free);
size_t cw_profile_keys_count(const struct cw_profile_keys *keys);

/* A signature and whose it says it is. */
struct cw_profile_signature {
        char algorithm[24]; /* "ed25519", "ecdsa-p256-sha256" */
        char key[CW_PROFILE_KEY_ID];
        uint8_t bytes[CW_PROFILE_SIGNATURE_BYTES];
        size_t len;
};

/*
 * Signs len bytes with the private key in pem. id = the first 8 bytes of SHA-256 over the public key
 * (SubjectPublicKeyInfo, DER). A PEM with a passphrase is asked for at the terminal, so this may block.
 * REJECT when pem holds no private key of these kinds.
 */
CW_WARN_UNUSED cw_rc cw_profile_keys_sign(const void *pem, size_t pem_len, const void *bytes, size_t len,
                                          struct cw_profile_signature *ret, struct cw_fault *f);
/* OPERATOR when no key has this id, or the signature does not hold over these bytes. */
CW_WARN_UNUSED cw_rc cw_profile_keys_verify(const struct cw_profile_keys *keys,
                                            const struct cw_profile_signature *s, const void *bytes,
                                            size_t len, struct cw_fault *f);
