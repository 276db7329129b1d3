/* SPDX-License-Identifier: Apache-2.0 */
/* An EMV application as a terminal meets it (EMV Book 1 12, Book 3 10), with every value the profile gives a
 * terminal. */
#pragma once

#include "drivers/chip/elements.h"
#include "drivers/chip/prepare.h"
#include "drivers/reader/card_channel.h"

#define CW_AFL_MAX 252u
#define CW_TRACK2_EQUIVALENT_MAX 19u

struct cw_terminal {
        struct cw_card_channel *channel;
        const struct cw_profile *profile;
        int64_t timeout_ms; /* per APDU */
        struct cw_elements *elements;
        uint8_t afl[CW_AFL_MAX];
        size_t afl_len;
        struct cw_secret *authenticated; /* records that the AFL marks, in order (Book 3 10.3) */
        struct cw_secret *exchanged;     /* PDOL and CDOL data and the last answer, for CDA (Book 2 6.6) */
        size_t answered;                 /* bytes of that answer at its end */
        bool contactless; /* the card answers by its antenna (its ATR), and the profile has a path for it */
        bool ended_at_start; /* the answer to GET PROCESSING OPTIONS has the cryptogram (qVSDC): no GENERATE
                                AC */
        bool authenticated_bad; /* they are more than a terminal keeps */
        bool take_blocked;      /* a blocked application (SW 6283) is selected too, to be unblocked */
        bool blocked;           /* and it was */
};

/* Borrows channel and profile; the terminal's own values, today's date and a random number are known
 * afterwards. */
CW_WARN_UNUSED cw_rc cw_terminal_init(struct cw_card_channel *channel, const struct cw_profile *profile,
                                      int64_t timeout_ms, struct cw_terminal *ret, struct cw_fault *f);
void cw_terminal_done(struct cw_terminal *t);
/* A contactless card behind PC/SC: ATR 3B 8N 80 01 .. (PC/SC part 3, 3.1.3.2.3). */
bool cw_card_is_contactless(const struct cw_card_channel *channel);
/* What the terminal selects, and the directory it looks into. */
const struct cw_aid *cw_terminal_aid(const struct cw_terminal *t);

/*
 * All of these block up to timeout_ms per APDU. RECONNECT when the card goes away, REJECT when it answers
 * wrongly, CW_E_CHIP_SW with the SW when it refuses.
 */
/* ret_fci (may be NULL) is the answer to SELECT. */
CW_WARN_UNUSED cw_rc cw_terminal_select(struct cw_terminal *t, struct cw_rapdu *ret_fci, struct cw_fault *f);
/* GET PROCESSING OPTIONS with what the PDOL asks for; AIP and AFL are known afterwards. */
CW_WARN_UNUSED cw_rc cw_terminal_start(struct cw_terminal *t, struct cw_fault *f);
/* Called for every record; whole is the record as read. An error ends the reading. */
typedef cw_rc (*cw_terminal_record_fn)(void *ctx, uint8_t sfi, uint8_t record, struct cw_span whole,
                                       struct cw_fault *f);
/* Reads what the AFL names; fn may be NULL. */
CW_WARN_UNUSED cw_rc cw_terminal_read_records(struct cw_terminal *t, cw_terminal_record_fn fn, void *ctx,
                                              struct cw_fault *f);

#define CW_AC_AAC 0x00u
#define CW_AC_TC 0x40u
#define CW_AC_ARQC 0x80u
#define CW_AC_CDA 0x10u  /* or-ed into kind: signed, CDA */
#define CW_AC_TYPE 0xc0u /* bits of the CID */
struct cw_terminal_ac {
        bool is_signed; /* ac is inside 9F4B: cw_offline_cda takes it out */
        uint8_t cid;
        uint16_t atc;
        uint8_t ac[8];
};
/* GENERATE AC, P1 = kind, data from CDOL1 (first) or CDOL2. Answer format 1 or 2. */
CW_WARN_UNUSED cw_rc cw_terminal_generate_ac(struct cw_terminal *t, uint8_t kind, bool first,
                                             struct cw_terminal_ac *ret, struct cw_fault *f);
/* INTERNAL AUTHENTICATE with what the DDOL asks for (a card without one: the unpredictable number). *ret_sent
 * is that data, ret_sdad the element 9F4B afterwards. */
CW_WARN_UNUSED cw_rc cw_terminal_internal_authenticate(struct cw_terminal *t, uint8_t ret_sent[256],
                                                       size_t *ret_len, struct cw_span *ret_sdad,
                                                       struct cw_fault *f);
/* What the first cryptogram covers, in the profile's order, for the issuer. Free *ret. */
CW_WARN_UNUSED cw_rc cw_terminal_covered(const struct cw_terminal *t, struct cw_secret **ret,
                                         struct cw_fault *f);

/* Who the card is: from tag 57, else 5A, 5F24 and 5F34. */
struct cw_terminal_card {
        struct cw_secret *pan; /* digits */
        char expiry[5];        /* YYMM */
        char psn[3];           /* "00" when the card has none */
};
CW_WARN_UNUSED cw_rc cw_terminal_card(const struct cw_terminal *t, struct cw_terminal_card *ret,
                                      struct cw_fault *f);
void cw_terminal_card_done(struct cw_terminal_card *c);
