/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Body encryption between us and the bank's gateway ("ECDH + AES-256-GCM at the gateway level"), as an
 * interface: one object per variant, chosen by server.gateway. The envelope and key derivation of the ECDH
 * variants are the working proposal of README.md, not a documented format.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "config/config.h"

struct cw_gateway_codec;

struct cw_gateway_ops {
        const char *name;
        const char *content_type; /* of a sealed request, NULL: application/json */
        /* Clear body to what goes over the wire. */
        cw_rc (*seal)(struct cw_gateway_codec *g, struct cw_span clear, struct cw_secret **ret,
                      struct cw_fault *f);
        /* What came over the wire to the clear body. OPERATOR/CW_E_SYNTAX: it is not an encrypted body at
         * all; OPERATOR/CW_E_MISMATCH: it is, but not for these keys. */
        cw_rc (*open)(struct cw_gateway_codec *g, struct cw_span wire, struct cw_secret **ret,
                      struct cw_fault *f);
        void (*free)(struct cw_gateway_codec *g);
};

/* The first member of every variant. */
struct cw_gateway_codec {
        const struct cw_gateway_ops *ops;
};

/*
 * The codec config->server asks for; *ret is NULL for CW_GATEWAY_NONE. Reads the keys (blocks on the file
 * system). OPERATOR when a key is missing, not P-256, or not PEM.
 */
CW_WARN_UNUSED cw_rc cw_gateway_new(const struct cw_config *config, const struct cw_clock *clock,
                                    struct cw_gateway_codec **ret, struct cw_fault *f);
void cw_gateway_free(struct cw_gateway_codec *g);
CW_DEFINE_CLEANUP(struct cw_gateway_codec *, cw_gateway_free);

#define CW_GATEWAY_PAIRS_MAX 2u

/*
 * Our private key and the gateway's public key (PUBLIC KEY or CERTIFICATE), both P-256 in PEM, and the key id
 * both sides know the pair by (at most 64 letters, digits or . _ : -). Borrowed for the call.
 */
struct cw_gateway_pair {
        struct cw_span own_pem, peer_pem;
        const char *kid;
};

/*
 * All four take one or two pairs, the newest first: requests are sealed with the newest, answers opened with
 * either.
 *
 * ecdh: static ECDH, AES-256-GCM, {"refNo": 16 digits, "body": Base64(ciphertext | 16-byte tag), "kid"}; the
 * IV is the ASCII of refNo, no associated data. key = SHA-256(x) or HKDF-SHA256(x, no salt, no info), x the
 * 32-byte X coordinate.
 */
CW_WARN_UNUSED cw_rc cw_gateway_ecdh_new(enum cw_gateway variant, const struct cw_gateway_pair *pairs,
                                         size_t count, const struct cw_clock *clock,
                                         struct cw_gateway_codec **ret, struct cw_fault *f);
/* opaque: the same keys, the body one Base64 string of IV16 | ciphertext | tag16, text/plain, without key id.
 */
CW_WARN_UNUSED cw_rc cw_gateway_opaque_new(enum cw_gateway variant, const struct cw_gateway_pair *pairs,
                                           size_t count, struct cw_gateway_codec **ret, struct cw_fault *f);
/* The body is a JWE in compact form (RFC 7516): ECDH-ES, A256GCM, "kid" in its header. */
CW_WARN_UNUSED cw_rc cw_gateway_jwe_new(const struct cw_gateway_pair *pairs, size_t count,
                                        struct cw_gateway_codec **ret, struct cw_fault *f);
/*
 * Members named in fields (a list with commas, case and '_' '-' not counted) hold Base64(IV16 | ciphertext |
 * tag16) under SHA-256(x); the rest of the body stays clear. A value that is no such Base64 is taken as it
 * is.
 */
CW_WARN_UNUSED cw_rc cw_gateway_field_new(const struct cw_gateway_pair *pairs, size_t count,
                                          const char *fields, struct cw_gateway_codec **ret,
                                          struct cw_fault *f);
/*
 * A codec whose keys can change: seals and opens with what it holds. Takes the codec in any case, of the same
 * variant for every further one (OPERATOR/CW_E_STATE otherwise); the one it held before opens answers for a
 * quarter of an hour more.
 */
CW_WARN_UNUSED cw_rc cw_gateway_rotation_new(struct cw_gateway_codec *take, const struct cw_clock *clock,
                                             struct cw_gateway_codec **ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_gateway_rotation_take(struct cw_gateway_codec *rotation,
                                              struct cw_gateway_codec *take, struct cw_fault *f);
/* The parts of the ECDH variants, for vectors: ref_no is 16 digits and must never repeat under one key. */
CW_WARN_UNUSED cw_rc cw_gateway_ecdh_seal_as(struct cw_gateway_codec *g, const char *ref_no,
                                             struct cw_span clear, struct cw_secret **ret,
                                             struct cw_fault *f);
