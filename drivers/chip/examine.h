/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges any EMV card the way a terminal meets it: environment, selection, processing options, records, a
 * transaction that ends declined or approved, counters. Every check is told with a verdict; a failed one does
 * not stop those that can still be made.
 */
#pragma once

#include "drivers/chip/offline.h"
#include "hsm/client/hsm_client.h"

enum cw_verdict_of_check {
        CW_CHECK_OK,
        CW_CHECK_FAILED,
        CW_CHECK_UNKNOWN, /* needs what only the issuer or the scheme holds: not verifiable here */
        CW_CHECK_ABSENT,  /* the card does not have it and need not */
};

struct cw_examine {
        struct cw_card_channel *channel;
        struct cw_hsm_session *hsm; /* a bench session, or NULL: no key is at hand */
        const struct cw_profile *profile;
        struct cw_ca_keys ca; /* of the schemes */
        int64_t timeout_ms;   /* per APDU */
        void (*told)(void *ctx, const char *check, enum cw_verdict_of_check verdict, const char *text);
        void *ctx;
};
struct cw_examine_result {
        unsigned checks, failed, unknown;
        char masked_pan[CW_HSM_MASKED_PAN]; /* "" when not read */
        int32_t atc;                        /* -1 when not read */
        int32_t pin_tries;                  /* -1 when not read */
        char cplc[CW_CPLC_HEX];
};
/* RECONNECT when the card goes away, RETRY out of memory; what is wrong with the card is in the result. */
CW_WARN_UNUSED cw_rc cw_examine_run(const struct cw_examine *x, struct cw_examine_result *ret,
                                    struct cw_fault *f);
