/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the gateway codecs: P-256 pairs as configured, the AES key two of them agree on, and
 * AES-256-GCM with the 16-byte IV the bank uses everywhere (NIST SP 800-38D, the J0 from GHASH). Two pairs at
 * a time, the newest first: what goes out is sealed with the newest, what comes in is opened with either, so
 * that both sides can change their key without a moment in which they do not understand each other.
 */
#pragma once

#include "agent/upstream/gateway.h"
#include "agent/upstream/ossl.h"

#define CW_GATEWAY_IV_LEN 16u
#define CW_GATEWAY_TAG_LEN 16u
#define CW_GATEWAY_KEY_LEN 32u
#define CW_GATEWAY_KID_MAX 64u

enum cw_gateway_kdf { CW_GATEWAY_KDF_SHA256, CW_GATEWAY_KDF_HKDF };

/* An agreed AES key and its name. */
struct cw_gateway_key {
        char kid[CW_GATEWAY_KID_MAX + 1];
        struct cw_secret *key;
};
struct cw_gateway_keys {
        struct cw_gateway_key at[CW_GATEWAY_PAIRS_MAX];
        size_t count;
};

/* A P-256 private key in PEM without passphrase; OPERATOR otherwise. */
CW_WARN_UNUSED cw_rc cw_gateway_own_read(struct cw_span pem, EVP_PKEY **ret, struct cw_fault *f);
/* Reads one pair. OPERATOR with what to do when a key is not a P-256 key in PEM or the key id is no word. */
CW_WARN_UNUSED cw_rc cw_gateway_pair_read(const struct cw_gateway_pair *pair, EVP_PKEY **ret_own,
                                          EVP_PKEY **ret_peer, struct cw_fault *f);
/* Reads each pair and agrees on its AES key: SHA-256(x), or HKDF-SHA256(x) without salt and info; x is the
 * 32-byte X coordinate. */
CW_WARN_UNUSED cw_rc cw_gateway_keys_agree(enum cw_gateway_kdf kdf, const struct cw_gateway_pair *pairs,
                                           size_t count, struct cw_gateway_keys *ret, struct cw_fault *f);
void cw_gateway_keys_done(struct cw_gateway_keys *keys);

/* out: in.len bytes of ciphertext and the tag. False only when OpenSSL refuses. */
bool cw_gateway_gcm_seal(const struct cw_gateway_key *key, const uint8_t iv[CW_GATEWAY_IV_LEN],
                         struct cw_span in, uint8_t *out);
/* in: ciphertext and tag. False when the tag is wrong, too. out: in.len - 16 bytes. */
bool cw_gateway_gcm_open(const struct cw_gateway_key *key, const uint8_t iv[CW_GATEWAY_IV_LEN],
                         struct cw_span in, uint8_t *out);

/* OPERATOR/CW_E_MISMATCH with text, OpenSSL's error queue emptied: an answer that cannot be opened. */
cw_rc cw_gateway_open_trouble(struct cw_fault *f, const char *text);
cw_rc cw_gateway_no_memory(struct cw_fault *f);
