/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by perso.c (the way to an authenticated channel) and perso_store.c (what goes through it). */
#pragma once

#include "drivers/chip/gp_facts.h"
#include "drivers/chip/perso.h"

#define CW_LEVEL_CMAC 0x01u
#define CW_LEVEL_CENC 0x02u
#define CW_LEVEL_RMAC 0x10u
#define CW_LEVEL_RENC 0x20u

struct cw_perso {
        struct cw_card_channel *channel;
        struct cw_hsm_session *hsm;
        const struct cw_perso_plan *plan;
        struct cw_perso_result *result;
        struct cw_hsm_gp_card answer;
        struct cw_gp_facts facts;
        struct cw_gp_domain domain;
        unsigned installed; /* bit n: application n (0 the payment application) is on the card already */
        unsigned unsure;    /* bit n: it may be; INSTALL is sent and may be refused for that */
        bool s16;
        uint8_t level;
};

/* Tells whoever watches. */
void cw_perso_tell(const struct cw_perso *p, const char *step, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Counts and exchanges. */
CW_WARN_UNUSED cw_rc cw_perso_exchange(struct cw_perso *p, struct cw_span command, struct cw_rapdu *ret,
                                       struct cw_fault *f);
/* Selects the domain and reads what it tells without keys; result->cplc, facts. */
CW_WARN_UNUSED cw_rc cw_perso_look(struct cw_perso *p, struct cw_fault *f);
/* Everything up to EXTERNAL AUTHENTICATE and its answer. */
CW_WARN_UNUSED cw_rc cw_perso_open(struct cw_perso *p, struct cw_fault *f);
/* Whether the personalisation goes on after this answer to a plain command: 9000, a grouping that the profile
 * tolerates, INSTALL of what may be there. */
CW_WARN_UNUSED cw_rc cw_perso_judge_sw(const struct cw_perso *p, struct cw_span plain, uint16_t sw,
                                       struct cw_fault *f);
/* Plain commands of these data for this card, at the level that it was found to be able of. */
CW_WARN_UNUSED cw_rc cw_perso_commands(const struct cw_perso *p, const struct cw_perso_data *d,
                                       struct cw_secret **ret_items, size_t *ret_count, struct cw_fault *f);
/* REJECT when the data cannot be sent to this card as the profile and its instructions want it: a group is
 * longer than one command, a value is missing, all is too much. No key has been tried yet. */
CW_WARN_UNUSED cw_rc cw_perso_rehearse(const struct cw_perso *p, struct cw_fault *f);
/* Everything after it. */
CW_WARN_UNUSED cw_rc cw_perso_store(struct cw_perso *p, struct cw_fault *f);
/* What the profile wants behind the data. */
CW_WARN_UNUSED cw_rc cw_perso_after(struct cw_perso *p, struct cw_fault *f);
/*
 * One command under the channel, answered and judged before it returns. refused NULL: any SW is good, else
 * anything but 9000 fails with that text. Free *ret_data, the clear answer.
 */
CW_WARN_UNUSED cw_rc cw_perso_secured(struct cw_perso *p, const struct cw_command *command,
                                      const char *refused, struct cw_secret **ret_data, uint16_t *ret_sw,
                                      struct cw_fault *f);
/* REJECT when the card lists keys that its PUT KEY would be refused for: nobody has touched a key yet. A card
 * that lists none is not asked. */
CW_WARN_UNUSED cw_rc cw_perso_judge_keys(const struct cw_perso *p, struct cw_fault *f);
/* The private parts of the chip's RSA keys, enciphered under the DEK. */
CW_WARN_UNUSED cw_rc cw_perso_fill_parts(struct cw_perso *p, struct cw_fault *f);
