/* SPDX-License-Identifier: Apache-2.0 */
/* What a key of each purpose must and may do: one purpose, one set of attributes, one list of mechanisms. */
#pragma once

#include "hsm/p11_object.h"

/* Some purposes need further objects that a token cannot make from the key. Their labels are the key's label
 * and a suffix. */
enum cw_key_companion {
        CW_COMPANION_NONE,
        CW_COMPANION_LEFT,    /* ".left": K1|K1 of a retail MAC key, in place of single DES */
        CW_COMPANION_VARIANT, /* ".variant": BDK ^ C0C0C0C000000000C0C0C0C000000000 */
        CW_COMPANION_KBEK,    /* ".kbek": TDES KBPK ^ 4545..45, key blocks A and C */
        CW_COMPANION_KBAK,    /* ".kbak": TDES KBPK ^ 4D4D..4D, key blocks A and C */
};
#define CW_KEY_COMPANIONS_MAX 2u
#define CW_KEY_VALUE_MAX 64u
struct cw_key_purpose {
        const char *name;
        unsigned tdes, aes, generic, rsa, p256; /* CW_USE_* by kind of algorithm; 0: not for such keys */
        enum cw_key_companion companion;        /* of a KBPK: CW_COMPANION_KBEK stands for both */
        const char *leaves_token; /* what operations with the key bring out of the token, in plain words */
};
struct cw_key_part {
        enum cw_key_companion kind;
        const char *suffix;
        unsigned usage;
};

/* NULL for an unknown name. */
const struct cw_key_purpose *cw_key_purpose_find(const char *name);
/*
 * Usage of a key of this purpose and algorithm. The form of its check value adds one flag where the purpose
 * alone does not allow to compute it: 10 digits need MAC, 6 digits ENCRYPT or DERIVE. 0 when purpose and
 * algorithm do not fit.
 */
unsigned cw_key_purpose_usage(const struct cw_key_purpose *purpose, enum cw_hsm_alg alg, const char *kcv);
/*
 * The same for a token that moves PINs as objects: UNWRAP in place of DECRYPT, WRAP in place of ENCRYPT. 0
 * for a purpose that has no such form. A key with these attributes never brings a PIN into host memory. Keys
 * of retail MACs have WRAP beside ENCRYPT there, and DERIVE in their ".left".
 */
unsigned cw_key_purpose_usage_in_token(const struct cw_key_purpose *purpose, enum cw_hsm_alg alg,
                                       const char *kcv);
/* Whether a key that the token p gets new, or has, is to be of that form. moves_pins: PINs go that way. */
bool cw_key_purpose_inside(const struct cw_key_purpose *purpose, const struct cw_p11 *p, bool moves_pins);
/* Mechanisms for CKA_ALLOWED_MECHANISMS that go with a usage; returns their count. */
size_t cw_key_mechanisms(enum cw_hsm_alg alg, unsigned usage, CK_MECHANISM_TYPE ret[CW_P11_MECHANISMS_MAX]);
/* Whether cards are asked about for as long as they live under the version that they were made with. */
bool cw_key_purpose_is_of_cards(const char *name);
/* Companions of a key with this usage; returns their count. */
size_t cw_key_parts(const struct cw_key_purpose *purpose, enum cw_hsm_alg alg, unsigned usage,
                    struct cw_key_part ret[CW_KEY_COMPANIONS_MAX]);
/* The companion's bytes out of the key's; len of both is 16, of a KBPK 16 or 24. */
void cw_key_companion_value(enum cw_key_companion kind, const uint8_t *key, size_t len, uint8_t *ret);
