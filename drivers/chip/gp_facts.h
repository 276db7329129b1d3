/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a security domain tells about itself before anything is tried: card recognition data (GET DATA 0066,
 * GP annex H) and key information (00E0, GP 11.3.3.1). Both are optional on a card, and both may be wrong:
 * they choose a way, they prove nothing.
 */
#pragma once

#include "drivers/reader/card_channel.h"

#define CW_GP_KEYS_MAX 64

enum cw_gp_cipher { CW_GP_CIPHER_OTHER, CW_GP_CIPHER_DES, CW_GP_CIPHER_AES };

struct cw_gp_facts {
        bool has_scp02, has_scp03;
        uint8_t i02, i03; /* parameter i, where has_... */
        size_t key_count;
        struct {
                uint8_t kvn, id;
                enum cw_gp_cipher cipher;
        } keys[CW_GP_KEYS_MAX];
};

/* Asks the selected domain. A refusal is no error; RECONNECT when the card goes away. */
CW_WARN_UNUSED cw_rc cw_gp_facts_read(struct cw_card_channel *c, int64_t timeout_ms, struct cw_gp_facts *ret,
                                      struct cw_fault *f);
/* Adds the key information alone, without what the card says of its protocols. */
CW_WARN_UNUSED cw_rc cw_gp_facts_read_keys(struct cw_card_channel *c, int64_t timeout_ms,
                                           struct cw_gp_facts *facts, struct cw_fault *f);
/* Adds what answers to GET DATA say; malformed ones add nothing. */
void cw_gp_facts_recognition(struct cw_gp_facts *facts, struct cw_span answer);
void cw_gp_facts_keys(struct cw_gp_facts *facts, struct cw_span answer);
/* A key version with three keys of the protocol's cipher, never version FF (GP: an initial key may have it;
 * it is taken only when there is no other); 0 when none is known. */
uint8_t cw_gp_facts_kvn(const struct cw_gp_facts *facts, uint8_t scp);
