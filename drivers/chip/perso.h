/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The personalisation of one chip over an open channel (GlobalPlatform 2.3, EMV CPS). Keys, MACs and session
 * state live in hsmd. A command under the secure channel is sent once: any answer that was not expected ends
 * the session for good.
 */
#pragma once

#include "drivers/chip/gp_facts.h"
#include "drivers/chip/prepare.h"
#include "drivers/reader/card_channel.h"
#include "hsm/client/hsm_client.h"

/* What is about to be tried on the chip, for the ledger of attempts. */
struct cw_perso_attempt {
        const char *cplc;             /* hex, "" when the chip has none */
        struct cw_hsm_gp_card answer; /* of INITIALIZE UPDATE */
        uint8_t level;
        bool put_key; /* the keys of answer.kvn are written to the card; else they open the channel */
};

/* Which keys the card has after PUT KEY. */
enum cw_perso_keys { CW_PERSO_KEYS_NONE, CW_PERSO_KEYS_OLD, CW_PERSO_KEYS_NEW, CW_PERSO_KEYS_UNKNOWN };

struct cw_perso_plan {
        struct cw_perso_data *data; /* its sensitive groupings are filled here */
        uint8_t kvn;                /* expected key version, 0 = whatever the card has */
        uint8_t scp;                /* 2, 3, or 0 = whatever the card answers */
        uint8_t level;              /* EXTERNAL AUTHENTICATE P1: C-MAC at least; 0 with discover: the best */
        bool discover;              /* an unknown card: ask it for its protocols and key versions first */
        int64_t apdu_timeout_ms;
        /* Returns when the attempt is durable; anything but CW_OK ends the step before a key is tried. */
        cw_rc (*attempt)(void *ctx, const struct cw_perso_attempt *a, struct cw_fault *f);
        void (*progress)(void *ctx, unsigned done, unsigned total); /* commands; may be NULL */
        /* One sentence for each step that succeeded, never with card data; may be NULL. */
        void (*told)(void *ctx, const char *step, const char *text);
        void *ctx;
};

struct cw_perso_result {
        char cplc[CW_CPLC_HEX];
        bool key_tried; /* the attempt is durable: EXTERNAL AUTHENTICATE went out or may have */
        bool last_sent; /* the completing command went out, or may have: without its answer nobody knows */
        unsigned sent, total; /* commands after EXTERNAL AUTHENTICATE; sent: or laid behind one that passed */
        uint8_t scp, level, kvn;
        enum cw_perso_keys keys; /* PUT KEY was sent: what the card then has; unknown is for a person */
        bool keys_unanswered;    /* its answer was lost or says nothing; false: it was judged */
        bool kvn_was_free;       /* the card told before that it has no key of new_kvn */
        uint8_t new_kvn;         /* what it put */
        uint8_t replaced;        /* the version that was to go, 0 = none */
        char kcv[CW_HSM_PUT_KEY_KCV];
};
/*
 * After a PUT KEY without an answer that says anything (keys unknown, keys_unanswered), over a new channel to
 * the card: its key information (GET DATA 00E0) decides result->keys, where it can. Changes nothing on the
 * card; RECONNECT when the card goes away, REJECT when it cannot be asked.
 */
CW_WARN_UNUSED cw_rc cw_perso_read_back(struct cw_card_channel *c, const struct cw_perso_plan *plan,
                                        struct cw_perso_result *result, struct cw_fault *f);
/*
 * After a failure: the completing command went out, its answer never came, and the card has not told
 * meanwhile that it still has its old keys. Nobody knows then whether the card is done.
 */
bool cw_perso_in_doubt(cw_rc rc, const struct cw_perso_result *p);
/* The profile's PUT KEY, NULL when it has none; there is one at most. */
const struct cw_profile_after *cw_perso_puts_key(const struct cw_profile *profile);
/* What key information says after a PUT KEY of which nobody saw the end; replaced: the version that was to
 * go; was_free: the card is known to have had no key of the new version before. */
enum cw_perso_keys cw_perso_keys_from_facts(const struct cw_gp_facts *facts, const struct cw_profile_after *a,
                                            uint8_t replaced, bool was_free);
/* "old" "new" "unknown", "" for none. */
const char *cw_perso_keys_name(enum cw_perso_keys keys);

/*
 * Before a card is fed: the issuer's keys are what the profile's DGI 8000 takes, else OPERATOR/HSM_PRODUCT;
 * has hsmd make and certify the keys that the profile asks for and puts the certificates into data. bench:
 * the session is one, and is told the expiry date. OPERATOR/HSM_PRODUCT when the product has no issuer key.
 * May take some seconds.
 */
CW_WARN_UNUSED cw_rc cw_perso_certify(struct cw_perso_data *data, const struct cw_card_values *values,
                                      struct cw_hsm_session *hsm, bool bench, struct cw_fault *f);

/*
 * Runs all of it. *ret is written always. REJECT: the card or the profile is wrong, the card cryptogram too
 * (no try burnt then); RECONNECT: the card or the reader went away; OPERATOR, RETRY as the parts below say.
 */
CW_WARN_UNUSED cw_rc cw_perso_run(struct cw_card_channel *c, struct cw_hsm_session *hsm,
                                  const struct cw_perso_plan *plan, struct cw_perso_result *ret,
                                  struct cw_fault *f);

/*
 * Whether the chip can do the security level (SCP02: R-MAC cannot be told from its answer and is believed,
 * R-ENC does not exist; SCP03: i says). A level is never lowered to what a chip can do.
 */
bool cw_perso_level_possible(uint8_t level, const struct cw_hsm_gp_card *card);
