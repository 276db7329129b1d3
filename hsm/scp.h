/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GlobalPlatform secure channels: SCP02 (i = 15, 35, 55, 75) and SCP03 (i = 00, 10, 20, 60, 70, modes S8 and
 * S16). C-MAC chain and C-ENC counters depend on commands alone, so a whole sequence may be wrapped at once;
 * each response is unwrapped against the state its command left behind. After any failure the channel is
 * dead.
 */
#pragma once

#include "base/cleanup.h"
#include "hsm/apdu.h"
#include "hsm/gp_init_update.h"
#include "hsm/gp_keys.h"

#define CW_SCP_PENDING_MAX 256u
/* Bits of the security level, P1 of EXTERNAL AUTHENTICATE. */
#define CW_SCP_C_MAC 0x01u
#define CW_SCP_C_ENC 0x02u
#define CW_SCP_R_MAC 0x10u
#define CW_SCP_R_ENC 0x20u

#define CW_SCP_AUTHENTICATE_MAX (5u + 2 * CW_GP_CHALLENGE_MAX)

struct cw_scp;

/* A command where it is sent from. SCP03's MAC covers what lies in front of it too, the chaining value, so
 * that nothing is moved for the MAC. Need not be filled in beforehand. */
#define CW_SCP_IN_FRONT 16u
struct cw_scp_wrapped {
        uint8_t bytes[CW_SCP_IN_FRONT + CW_APDU_MAX];
        size_t len; /* of the command */
};
static inline const uint8_t *cw_scp_apdu(const struct cw_scp_wrapped *w) {
        return w->bytes + CW_SCP_IN_FRONT;
}

/*
 * Makes the session keys and verifies the card cryptogram (REJECT/CW_E_MISMATCH, code HSM_CRYPTOGRAM) and,
 * when aid is given and the card's SCP03 challenge is pseudo-random, the challenge. host_challenge has
 * card->mode_len bytes. Takes keys (also on failure); c is borrowed.
 */
CW_WARN_UNUSED cw_rc cw_scp_new(const struct cw_hsm_crypto *c, struct cw_gp_keyset *take_keys,
                                const struct cw_gp_init_update *card, const uint8_t *host_challenge,
                                const uint8_t *aid, size_t aid_len, struct cw_scp **ret, struct cw_fault *f);
void cw_scp_free(struct cw_scp *s);
CW_DEFINE_CLEANUP(struct cw_scp *, cw_scp_free);

/* The EXTERNAL AUTHENTICATE C-APDU (21 bytes, 37 in S16); once. REJECT for a level the card's i does not
 * offer. */
CW_WARN_UNUSED cw_rc cw_scp_authenticate(struct cw_scp *s, uint8_t level,
                                         uint8_t ret[CW_SCP_AUTHENTICATE_MAX], size_t *ret_len,
                                         struct cw_fault *f);
/* SCP03 cards that count only commands with data for C-ENC, against amendment D 6.2.6; before the first wrap.
 */
void cw_scp_count_data_only(struct cw_scp *s);
/* What cw_scp_wrap would refuse, without a change of state: for a batch that is to be wrapped whole or not at
 * all. */
CW_WARN_UNUSED cw_rc cw_scp_check(const struct cw_scp *s, const uint8_t *apdu, size_t len,
                                  struct cw_fault *f);
/* How many more commands may be wrapped before a response is unwrapped. */
size_t cw_scp_room(const struct cw_scp *s);
/* Wraps the next command. On failure *ret holds nothing of it. */
CW_WARN_UNUSED cw_rc cw_scp_wrap(struct cw_scp *s, const uint8_t *apdu, size_t len,
                                 struct cw_scp_wrapped *ret, struct cw_fault *f);
/* Unwraps the response (data, SW) of the oldest wrapped command that was not answered yet; ret_cap >= len. */
CW_WARN_UNUSED cw_rc cw_scp_unwrap(struct cw_scp *s, const uint8_t *rapdu, size_t len, uint8_t *ret,
                                   size_t ret_cap, size_t *ret_len, struct cw_fault *f);
/* Of the key that cw_scp_dek_encrypt uses. */
enum cw_hsm_alg cw_scp_dek_alg(const struct cw_scp *s);
/* Enciphers under the DEK: SCP02 S-DEK ECB, SCP03 K-DEK CBC with IV 0; pads 80 00.. when padded, and when len
 * is not whole blocks. */
CW_WARN_UNUSED cw_rc cw_scp_dek_encrypt(struct cw_scp *s, const uint8_t *in, size_t len, bool padded,
                                        uint8_t *ret, size_t ret_cap, size_t *ret_len, struct cw_fault *f);
