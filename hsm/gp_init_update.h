/* SPDX-License-Identifier: Apache-2.0 */
/* Response of INITIALIZE UPDATE: GP Card Specification annex E.5.1 (SCP02), Amendment D 7.1.1 (SCP03). */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_GP_CHALLENGE_MAX 16u

struct cw_gp_init_update {
        uint8_t kdd[10];
        uint8_t kvn;
        uint8_t scp;     /* 2 or 3 */
        uint8_t i;       /* SCP03; 0 for SCP02, whose response does not tell it */
        size_t mode_len; /* S8 or S16: bytes of challenges, cryptograms and MACs */
        uint8_t card_challenge[CW_GP_CHALLENGE_MAX]; /* SCP02: sequence counter (2) and challenge (6) */
        uint8_t cryptogram[CW_GP_CHALLENGE_MAX];
        uint8_t sequence[3]; /* right-aligned */
        bool has_sequence;
};

/*
 * response without SW: 28 bytes (SCP02), 29 or 32 (SCP03, S8), 45 or 48 (SCP03, S16; told by its length,
 * since bit 1 of i is reserved before amendment D 1.2). REJECT/CW_E_SYNTAX when malformed, CW_E_UNSUPPORTED
 * for another protocol.
 */
CW_WARN_UNUSED cw_rc cw_gp_init_update_parse(const uint8_t *response, size_t len,
                                             struct cw_gp_init_update *ret, struct cw_fault *f);
