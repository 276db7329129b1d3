/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offline data authentication of the card a terminal has before it (EMV Book 2, 5 and 6; Book 3, 10.3): what
 * the AIP offers, after its records were read.
 */
#pragma once

#include "drivers/chip/oda.h"
#include "drivers/chip/terminal.h"

#define CW_WAY_SDA 0x40u /* bits of the AIP's first byte */
#define CW_WAY_DDA 0x20u
#define CW_WAY_CDA 0x01u

/* The CA keys at hand, borrowed. */
struct cw_ca_keys {
        const struct cw_ca_key *key;
        size_t count;
};
struct cw_offline {
        uint8_t ways; /* CW_WAY_* the card offers */
        struct cw_oda_key issuer, icc, pin;
        bool has_issuer, has_icc, has_pin;
};

/* What the card offers; 0 = none, then the others are not to be called. */
uint8_t cw_offline_ways(const struct cw_terminal *t);
/*
 * Recovers the issuer's certificate and, for DDA and CDA, the chip's. OPERATOR/CW_E_NOT_FOUND when the key of
 * the scheme's CA is not at hand: nothing can be said then. REJECT with the reason when the card is wrong.
 */
CW_WARN_UNUSED cw_rc cw_offline_recover(const struct cw_terminal *t, const struct cw_ca_keys *ca,
                                        const struct cw_terminal_card *card, struct cw_offline *ret,
                                        struct cw_fault *f);
/* Whether the card has a key of its own for enciphered PINs (9F2D). */
bool cw_offline_has_pin_key(const struct cw_terminal *t);
/* That key, EMV Book 2 7.1: certified by the issuer, over no static data. REJECT when it is not the card's.
 */
CW_WARN_UNUSED cw_rc cw_offline_pin_key(const struct cw_terminal *t, const struct cw_terminal_card *card,
                                        struct cw_offline *o, struct cw_fault *f);
/* SDA: tag 93 over the static data. */
CW_WARN_UNUSED cw_rc cw_offline_sda(const struct cw_terminal *t, const struct cw_offline *o,
                                    struct cw_fault *f);
/* DDA: INTERNAL AUTHENTICATE, before the first GENERATE AC. RECONNECT when the card goes away. */
CW_WARN_UNUSED cw_rc cw_offline_dda(struct cw_terminal *t, const struct cw_offline *o, struct cw_fault *f);
/* fDDA of a contactless path that ended with GET PROCESSING OPTIONS: the signature 9F4B of its answer or
 * records is over the unpredictable number, amount, currency and the card's 9F69 (EMV Contactless Book C-3).
 * REJECT when there is none or it is not the chip's. */
CW_WARN_UNUSED cw_rc cw_offline_fdda(const struct cw_terminal *t, const struct cw_offline *o,
                                     struct cw_fault *f);
/* What to or into P1 of GENERATE AC: CDA for a TC or an ARQC, first or second, when the chip offers it and
 * its key is known (EMV Book 2, 6.6: never for an AAC). */
uint8_t cw_offline_sign(const struct cw_offline *o, uint8_t kind);
/* CDA: the signed answer of the GENERATE AC just done; ac gets its cryptogram. */
CW_WARN_UNUSED cw_rc cw_offline_cda(const struct cw_terminal *t, const struct cw_offline *o,
                                    struct cw_terminal_ac *ac, struct cw_fault *f);
