/* SPDX-License-Identifier: Apache-2.0 */
/* What scp.c shares with the two protocols. */
#pragma once

#include "base/secret.h"
#include "hsm/apdu.h"
#include "hsm/retail_mac.h"
#include "hsm/scp.h"

/* What the response to one wrapped command is checked against. */
struct cw_scp_pending {
        uint8_t chain[16]; /* SCP03: C-MAC of the command */
        uint32_t counter;  /* SCP03: encryption counter of the command */
        size_t command_len;
        uint8_t command[CW_APDU_MAX]; /* SCP02: CLA without secure messaging, INS P1 P2 Lc and plain data */
};

struct cw_scp_protocol {
        cw_rc (*session_keys)(struct cw_scp *s, struct cw_fault *f);
        /* Cryptograms of card and host. */
        cw_rc (*cryptogram)(struct cw_scp *s, bool of_card, uint8_t ret[CW_GP_CHALLENGE_MAX],
                            struct cw_fault *f);
        cw_rc (*check_level)(const struct cw_scp *s, uint8_t level, struct cw_fault *f);
        /* header is CLA INS P1 P2 with CLA already secure; in is the command's data. Without Le. */
        cw_rc (*secure)(struct cw_scp *s, const uint8_t header[4], const uint8_t *in, size_t len,
                        struct cw_scp_wrapped *ret, struct cw_fault *f);
        /* response is data|MAC of length len (>= the MAC), sw 2 bytes; decrypts in place, *ret_len = clear
         * length.
         */
        cw_rc (*open)(struct cw_scp *s, const struct cw_scp_pending *p, uint8_t *response, size_t len,
                      const uint8_t sw[2], size_t *ret_len, struct cw_fault *f);
        size_t block;
};
extern const struct cw_scp_protocol cw_scp02_protocol, cw_scp03_protocol;

struct cw_scp {
        const struct cw_hsm_crypto *c;
        const struct cw_scp_protocol *protocol;
        struct cw_gp_keyset card_keys;
        struct cw_gp_init_update card;
        uint8_t host_challenge[CW_GP_CHALLENGE_MAX];
        bool authenticated, dead;
        bool count_data_only; /* SCP03: a command without data does not move the counter */
        uint8_t level;
        struct cw_hsm_key enc, dek; /* SCP02: session keys. SCP03: enc only, the DEK is the static one */
        struct cw_retail_key mac02, rmac02;
        struct cw_hsm_key mac03, rmac03;
        uint8_t chain[16]; /* SCP02: last C-MAC in the first 8 bytes; zeros before the first */
        uint8_t rchain[8]; /* SCP02: last R-MAC */
        uint32_t counter;
        struct cw_secret *pending; /* ring of struct cw_scp_pending, with R-MAC only */
        size_t pending_first, pending_count;
};

/* REJECT/CW_E_MISMATCH with code HSM_CRYPTOGRAM. */
cw_rc cw_scp_mismatch(const char *what, struct cw_fault *f);
/* The pseudo-random card challenge that a card with this K-ENC and sequence counter makes. SCP03, Amendment
 * D 6.2.2.1. */
cw_rc cw_scp03_challenge(struct cw_scp *s, const uint8_t *aid, size_t aid_len,
                         uint8_t ret[CW_GP_CHALLENGE_MAX], struct cw_fault *f);
