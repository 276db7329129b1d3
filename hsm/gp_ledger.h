/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries of card keys that nobody saw succeed. A line goes to disk before EXTERNAL AUTHENTICATE leaves hsmd
 * and is taken back once the card has accepted it; as long as it stands, the same card is not tried with the
 * same keys again. A small text file, appended under a lock that all workers share.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_GP_TRY_MAX 200u

/* What names a try; texts without spaces, "-" for none. */
struct cw_gp_try {
        uint8_t kdd[10];
        uint8_t kvn, scp;
        char chip[37];  /* first part of the CPLC in hex: what the chip keeps for life */
        char keys[100]; /* which keys: label and diversification */
};

/* Before a card is fed: OPERATOR/HSM_LEDGER when the file cannot be read or kept. Blocks on the lock. */
CW_WARN_UNUSED cw_rc cw_gp_ledger_ready(const char *dir, struct cw_fault *f);
/* REJECT/CW_E_DENIED with code HSM_QUARANTINE when an earlier try is open; OPERATOR when the file cannot be
 * read. */
CW_WARN_UNUSED cw_rc cw_gp_ledger_check(const char *dir, const struct cw_gp_try *t, struct cw_fault *f);
/* Checks, and notes the try durably; OPERATOR when the file cannot be kept. Blocks on the lock and on the
 * disk. */
CW_WARN_UNUSED cw_rc cw_gp_ledger_try(const char *dir, const struct cw_gp_try *t, struct cw_fault *f);
/* The card accepted it: not synced, since a line that comes back after a power cut only asks for a person. */
CW_WARN_UNUSED cw_rc cw_gp_ledger_accepted(const char *dir, const struct cw_gp_try *t, struct cw_fault *f);

/* Whether the text leaves this try (its line without sign and newline) open; *ret_bad for a malformed text.
 */
bool cw_gp_ledger_open_try(const char *text, size_t len, const char *line, bool *ret_bad);
/* Copies the lines of tries still open to ret (cap >= len); returns the length. */
size_t cw_gp_ledger_compact(const char *text, size_t len, char *ret);
