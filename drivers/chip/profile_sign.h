/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The detached signature of a product profile: FILE.sig beside FILE, over the exact bytes of FILE and nothing
 * else. It is one JSON object:
 *   {"format": "cardwright-profile-signature-1", "algorithm": "ed25519"|"ecdsa-p256-sha256",
 *    "key": 16 hex digits (cw_profile_keys_sign says of what), "signature": hex (ECDSA: DER)}
 */
#pragma once

#include "drivers/chip/profile_keys.h"

#include <stdbool.h>
#include <stdio.h>

struct cw_profile;

#define CW_PROFILE_SIGNATURE_SUFFIX ".sig"
#define CW_PROFILE_SIGNATURE_FILE_MAX 4096u

/* REJECT when text is not exactly such an object. */
CW_WARN_UNUSED cw_rc cw_profile_signature_parse(const char *text, size_t len,
                                                struct cw_profile_signature *ret, struct cw_fault *f);
/* Its text, for the file; free() it. NULL when out of memory. */
char *cw_profile_signature_text(const struct cw_profile_signature *s);

/* Checks the profile at path and writes path.sig, signed with the private key in pem. REJECT for a profile
 * that is not well; its findings go to errors (may be NULL). key id to *ret_key. */
CW_WARN_UNUSED cw_rc cw_profile_sign_file(const char *path, const void *pem, size_t pem_len, FILE *errors,
                                          char ret_key[CW_PROFILE_KEY_ID], struct cw_fault *f);

/* Whose profiles are taken. */
struct cw_profile_trust {
        const struct cw_profile_keys *keys; /* NULL or none: no signature can be judged */
        bool required;                      /* a profile without a signature is refused */
};
/*
 * Judges the len bytes of the profile at path by path.sig: signer's key id to ret_key, "" when it is unsigned
 * and that is allowed. A signature that is there has to hold, required or not, once there are keys. OPERATOR
 * with a sentence that says what to do.
 */
CW_WARN_UNUSED cw_rc cw_profile_judge(const char *path, const char *bytes, size_t len,
                                      const struct cw_profile_trust *trust, char ret_key[CW_PROFILE_KEY_ID],
                                      struct cw_fault *f);
/* cw_profile_parse of a file that is read once: the bytes that were judged are the bytes that are parsed. */
CW_WARN_UNUSED cw_rc cw_profile_load_trusted(const char *path, const struct cw_profile_trust *trust,
                                             FILE *errors, struct cw_profile **ret,
                                             char ret_key[CW_PROFILE_KEY_ID], struct cw_fault *f);
