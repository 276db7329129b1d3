/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PUT KEY with a whole key set (GlobalPlatform Card Specification 2.3.1, 11.8; AES: Amendment D 7.2): three
 * keys, each under the DEK of the open channel and with its check value. Clear values never leave this call.
 */
#pragma once

#include "hsm/scp.h"

#define CW_GP_PUT_KEY_MAX (5u + 1u + 3u * (3u + CW_GP_KEY_MAX + 4u) + 1u)
#define CW_GP_PUT_KEY_ANSWER 10u /* key version, three check values of three bytes */

/* ENC, MAC, DEK of one card; in secret memory. */
struct cw_gp_key_values {
        enum cw_hsm_alg alg; /* of all three: CW_ALG_TDES2 or AES */
        uint8_t key[3][CW_GP_KEY_MAX];
};

/*
 * The C-APDU in clear (its key values are enciphered) and what the card answers to it. replaces: the version
 * that goes, 0 = none; a version above 7F is a card maker's and is replaced by adding (P1 00). REJECT for a
 * version no key set may have and for keys stronger than the DEK that would protect them.
 */
CW_WARN_UNUSED cw_rc cw_gp_put_key(const struct cw_hsm_crypto *c, struct cw_scp *s,
                                   const struct cw_gp_key_values *values, uint8_t kvn, uint8_t replaces,
                                   uint8_t ret[CW_GP_PUT_KEY_MAX], size_t *ret_len,
                                   uint8_t ret_answer[CW_GP_PUT_KEY_ANSWER], struct cw_fault *f);
