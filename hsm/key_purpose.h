/* SPDX-License-Identifier: Apache-2.0 */
/* What a key of each purpose must and may do: one purpose, one set of attributes, one list of mechanisms. */
#pragma once

#include "hsm/p11_object.h"

/* Some purposes need a second object that a token cannot make from the first. Its label is the key's label
 * and suffix. */
enum cw_key_companion {
        CW_COMPANION_NONE,
        CW_COMPANION_LEFT,    /* ".left": K1|K1 of a retail MAC key, in place of single DES */
        CW_COMPANION_VARIANT, /* ".variant": BDK ^ C0C0C0C000000000C0C0C0C000000000 */
};
struct cw_key_purpose {
        const char *name;
        unsigned tdes, aes, generic; /* CW_USE_* by kind of algorithm; 0: the purpose is not for such keys */
        enum cw_key_companion companion;
        const char *leaves_token; /* what operations with the key bring out of the token, in plain words */
};

/* NULL for an unknown name. */
const struct cw_key_purpose *cw_key_purpose_find(const char *name);
/*
 * Usage of a key of this purpose and algorithm. The form of its check value adds one flag where the purpose
 * alone does not allow to compute it: 10 digits need MAC, 6 digits ENCRYPT or DERIVE. 0 when purpose and
 * algorithm do not fit.
 */
unsigned cw_key_purpose_usage(const struct cw_key_purpose *purpose, enum cw_hsm_alg alg, const char *kcv);
/* Mechanisms for CKA_ALLOWED_MECHANISMS that go with a usage; returns their count. */
size_t cw_key_mechanisms(enum cw_hsm_alg alg, unsigned usage, CK_MECHANISM_TYPE ret[CW_P11_MECHANISMS_MAX]);
/* "" ".left" ".variant" */
const char *cw_key_companion_suffix(enum cw_key_companion companion);
/* The companion's 16 bytes out of the key's, for provisioning. */
void cw_key_companion_value(enum cw_key_companion companion, const uint8_t key[16], uint8_t ret[16]);
