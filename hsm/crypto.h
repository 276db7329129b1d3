/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The primitives that every algorithm here is written over: block cipher, CMAC, HMAC, GCM, derive, import.
 * The daemon runs them on a PKCS#11 token (p11_crypto.h); unit tests bring a backend of their own. All calls
 * block.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cw_hsm_alg {
        CW_ALG_TDES2, /* two-key TDES, K3 = K1 */
        CW_ALG_TDES3,
        CW_ALG_AES128,
        CW_ALG_AES192,
        CW_ALG_AES256,
        CW_ALG_GENERIC, /* HMAC key of any length */
        CW_ALG_RSA,     /* private key of any length (rsa.h) */
        CW_ALG_P256,    /* private key on NIST P-256 (p11_p256.h) */
};
enum cw_hsm_mode { CW_MODE_ECB, CW_MODE_CBC };
enum cw_hsm_dir { CW_ENCRYPT, CW_DECRYPT };

/* What a key may be used for; a backend refuses the rest. */
#define CW_USE_ENCRYPT 0x01u
#define CW_USE_DECRYPT 0x02u
#define CW_USE_MAC 0x04u
#define CW_USE_DERIVE 0x08u
/* Of objects in a token; only where something is to stay inside that would else come into host memory. */
#define CW_USE_WRAP 0x10u
#define CW_USE_UNWRAP 0x20u

/* Reference to a key that stays inside the backend. A zeroed struct is no key. */
struct cw_hsm_key {
        unsigned long handle;
        enum cw_hsm_alg alg;
        unsigned usage;
        bool valid;
        bool
            permanent; /* a token's own object: cw_hsm_key_destroy forgets the reference and leaves the key */
};

struct cw_cmac_kdf;
struct cw_rsa_public;
struct cw_rsa_private;

struct cw_hsm_crypto_ops {
        cw_rc (*cipher)(void *ctx, const struct cw_hsm_key *key, enum cw_hsm_dir dir, enum cw_hsm_mode mode,
                        const uint8_t *iv, const uint8_t *in, size_t len, uint8_t *out, struct cw_fault *f);
        cw_rc (*cmac)(void *ctx, const struct cw_hsm_key *key, const uint8_t *in, size_t len, uint8_t *out,
                      struct cw_fault *f);
        cw_rc (*hmac_sha256)(void *ctx, const struct cw_hsm_key *key, const uint8_t *in, size_t len,
                             uint8_t out[32], struct cw_fault *f);
        cw_rc (*gcm)(void *ctx, const struct cw_hsm_key *key, enum cw_hsm_dir dir, const uint8_t iv[16],
                     const uint8_t *in, size_t len, uint8_t *out, struct cw_fault *f);
        cw_rc (*sha1)(void *ctx, const uint8_t *in, size_t len, uint8_t out[20], struct cw_fault *f);
        cw_rc (*random)(void *ctx, uint8_t *out, size_t len, struct cw_fault *f);
        cw_rc (*derive)(void *ctx, const struct cw_hsm_key *base, enum cw_hsm_mode mode, const uint8_t *data,
                        size_t len, enum cw_hsm_alg alg, unsigned usage, struct cw_hsm_key *ret,
                        struct cw_fault *f);
        /* NULL where the backend does not derive with CMAC itself (cmac_kdf.h). */
        cw_rc (*cmac_kdf)(void *ctx, const struct cw_hsm_key *base, const struct cw_cmac_kdf *kdf,
                          unsigned usage, struct cw_hsm_key *ret, struct cw_fault *f);
        /* New two-key TDES key = base, which is one and may derive, XOR data; NULL where the backend does not
         * change keys itself. */
        cw_rc (*key_xor)(void *ctx, const struct cw_hsm_key *base, const uint8_t data[16], unsigned usage,
                         struct cw_hsm_key *ret, struct cw_fault *f);
        /*
         * The last steps of MAC algorithm 3 (retail_mac.h) over len padded bytes, 16 to
         * CW_RETAIL_MAC_INSIDE_MAX, with no block under single DES ever outside; left may derive, full may
         * wrap. NULL where the backend does not.
         */
        cw_rc (*retail_mac)(void *ctx, const struct cw_hsm_key *left, const struct cw_hsm_key *full,
                            const uint8_t icv[8], const uint8_t *msg, size_t len, uint8_t ret[8],
                            struct cw_fault *f);
        cw_rc (*import)(void *ctx, enum cw_hsm_alg alg, unsigned usage, const uint8_t *value,
                        struct cw_hsm_key *ret, struct cw_fault *f);
        void (*destroy)(void *ctx, const struct cw_hsm_key *key);
        cw_rc (*rsa_public)(void *ctx, const struct cw_hsm_key *key, struct cw_rsa_public *ret,
                            struct cw_fault *f);
        cw_rc (*rsa_sign)(void *ctx, const struct cw_hsm_key *key, const uint8_t *in, size_t len,
                          uint8_t *out, struct cw_fault *f);
        cw_rc (*rsa_generate)(void *ctx, unsigned bits, unsigned exponent, struct cw_rsa_private *ret,
                              struct cw_fault *f);
};
struct cw_hsm_crypto {
        const struct cw_hsm_crypto_ops *ops;
        void *ctx;
};

size_t cw_hsm_alg_key_len(enum cw_hsm_alg alg); /* bytes; 0 for CW_ALG_GENERIC and key pairs */
static inline bool cw_hsm_alg_is_aes(enum cw_hsm_alg alg) {
        return alg >= CW_ALG_AES128 && alg <= CW_ALG_AES256;
}
static inline bool cw_hsm_alg_is_tdes(enum cw_hsm_alg alg) {
        return alg <= CW_ALG_TDES3;
}
/* Both halves are on the token. */
static inline bool cw_hsm_alg_is_pair(enum cw_hsm_alg alg) {
        return alg >= CW_ALG_RSA;
}
/* 8 or 16; 0 for CW_ALG_GENERIC and key pairs */
static inline size_t cw_hsm_alg_block(enum cw_hsm_alg alg) {
        return cw_hsm_alg_is_aes(alg) ? 16 : cw_hsm_alg_is_tdes(alg) ? 8 : 0;
}
/* Names as in the configuration, "tdes2" ...; false for an unknown one. */
bool cw_hsm_alg_from_name(const char *name, enum cw_hsm_alg *ret);
const char *cw_hsm_alg_name(enum cw_hsm_alg alg);

/*
 * len is a multiple of the block, out may be in and is wiped on failure, iv is one block (NULL with ECB;
 * zeros when NULL with CBC). A key that may only derive still encrypts here: a known block is derived into a
 * readable secret, read and destroyed.
 */
CW_WARN_UNUSED cw_rc cw_hsm_encrypt(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                    enum cw_hsm_mode mode, const uint8_t *iv, const void *in, size_t len,
                                    void *out, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_hsm_decrypt(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                    enum cw_hsm_mode mode, const uint8_t *iv, const void *in, size_t len,
                                    void *out, struct cw_fault *f);
/*
 * One block of MAC: 16 bytes for AES, 8 for TDES. SP 800-38B. Where the backend has no CMAC, a key that may
 * also encrypt makes it out of CBC (cmac.h).
 */
CW_WARN_UNUSED cw_rc cw_hsm_cmac(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key, const void *in,
                                 size_t len, void *out, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_hsm_hmac_sha256(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                        const void *in, size_t len, uint8_t out[32], struct cw_fault *f);
/* AES-GCM, 16-byte IV, no AAD: out = ciphertext and 16-byte tag, len + 16 bytes. SP 800-38D. */
CW_WARN_UNUSED cw_rc cw_hsm_gcm_seal(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                     const uint8_t iv[16], const void *in, size_t len, void *out,
                                     struct cw_fault *f);
/* in = ciphertext and tag, len >= 16; out = len - 16 bytes. REJECT/CW_E_MISMATCH when the tag is wrong. */
CW_WARN_UNUSED cw_rc cw_hsm_gcm_open(const struct cw_hsm_crypto *c, const struct cw_hsm_key *key,
                                     const uint8_t iv[16], const void *in, size_t len, void *out,
                                     struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_hsm_sha1(const struct cw_hsm_crypto *c, const void *in, size_t len, uint8_t out[20],
                                 struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_hsm_random(const struct cw_hsm_crypto *c, void *out, size_t len, struct cw_fault *f);
/* New key = encryption of data (len = its key length) under base, mode ECB or CBC with IV 0; never leaves the
 * backend. */
CW_WARN_UNUSED cw_rc cw_hsm_derive(const struct cw_hsm_crypto *c, const struct cw_hsm_key *base,
                                   enum cw_hsm_mode mode, const void *data, size_t len, enum cw_hsm_alg alg,
                                   unsigned usage, struct cw_hsm_key *ret, struct cw_fault *f);
/* New key from bytes of the caller, who wipes them. */
CW_WARN_UNUSED cw_rc cw_hsm_import(const struct cw_hsm_crypto *c, enum cw_hsm_alg alg, unsigned usage,
                                   const void *value, struct cw_hsm_key *ret, struct cw_fault *f);
/* Destroys a derived or imported key and zeroes the reference. No key is fine. */
void cw_hsm_key_destroy(const struct cw_hsm_crypto *c, struct cw_hsm_key *key);
