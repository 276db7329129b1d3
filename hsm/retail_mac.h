/* SPDX-License-Identifier: Apache-2.0 */
/* ISO/IEC 9797-1 MAC algorithm 3 (retail MAC, ANSI X9.19) with paddings 1, 2 and 3. */
#pragma once

#include "hsm/iso9797.h"

#define CW_RETAIL_MAC_MSG_MAX CW_MAC_MSG_MAX
#define CW_RETAIL_MAC_INSIDE_MAX                                                                             \
        72u /* padded: NSS derives secrets of at most 64 bytes, and the last block                           \
             */

/*
 * A two-key TDES key K1|K2 and beside it K1|K1. Single DES under K1 is TDES under K1|K1, and the last step
 * e_K1(d_K2(e_K1(x))) is TDES under K1|K2: with this pair no token needs single DES.
 */
struct cw_retail_key {
        struct cw_hsm_key full; /* K1|K2 */
        struct cw_hsm_key left; /* K1|K1 */
};
/* Usage of both for a backend: where it makes MACs without showing the chain, what it needs for that too. */
static inline unsigned cw_retail_usage_full(const struct cw_hsm_crypto *c) {
        return CW_USE_ENCRYPT | (c->ops->retail_mac != NULL ? CW_USE_WRAP : 0);
}
static inline unsigned cw_retail_usage_left(const struct cw_hsm_crypto *c) {
        return CW_USE_ENCRYPT | (c->ops->retail_mac != NULL ? CW_USE_DERIVE : 0);
}
void cw_retail_key_destroy(const struct cw_hsm_crypto *c, struct cw_retail_key *key);

/* Imports both halves of the pair from 16 bytes of host memory, which the caller wipes. */
CW_WARN_UNUSED cw_rc cw_retail_key_import(const struct cw_hsm_crypto *c, const uint8_t value[16],
                                          struct cw_retail_key *ret, struct cw_fault *f);

/*
 * MAC of msg (at most CW_RETAIL_MAC_MSG_MAX bytes) with padding 1, 2 or 3; icv may be NULL for zeros. msg is
 * padded into memory that is wiped. With a backend and a pair that keep the chain inside, it is seen of
 * messages longer than CW_RETAIL_MAC_INSIDE_MAX alone.
 */
CW_WARN_UNUSED cw_rc cw_retail_mac(const struct cw_hsm_crypto *c, const struct cw_retail_key *key,
                                   int padding, const uint8_t *icv, const void *msg, size_t len,
                                   uint8_t ret_mac[8], struct cw_fault *f);
