/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a technician asks of a card's issuer security domain: what is on it (GET DATA, GET STATUS), and
 * DELETE. Keys and MACs live in hsmd, as for a personalisation; the same ledger of tries counts.
 */
#pragma once

#include "drivers/chip/gp_status.h"
#include "drivers/chip/perso.h"

struct cw_manage_plan {
        const struct cw_aid *domain; /* empty: the card's default */
        uint8_t scp, level;          /* 0: whatever the card answers, the best it can do */
        int64_t apdu_timeout_ms;
        void (*told)(void *ctx, const char *step, const char *text);
        void *ctx;
};

/* Without keys: domain, CPLC, protocols, key versions; one told line for each. */
CW_WARN_UNUSED cw_rc cw_manage_look(struct cw_card_channel *c, const struct cw_manage_plan *plan,
                                    struct cw_fault *f);

struct cw_manage;
/* Opens the channel. Errors as cw_perso_run before its data. */
CW_WARN_UNUSED cw_rc cw_manage_open(struct cw_card_channel *c, struct cw_hsm_session *hsm,
                                    const struct cw_manage_plan *plan, struct cw_manage **ret,
                                    struct cw_fault *f);
/* Frees it; the channel of the card stays open. */
void cw_manage_close(struct cw_manage *m);
CW_DEFINE_CLEANUP(struct cw_manage *, cw_manage_close);

/* GET STATUS of CW_STATUS_...: calls each for every entry. What the card does not have is no error; REJECT
 * for an answer that is none. */
CW_WARN_UNUSED cw_rc cw_manage_status(struct cw_manage *m, uint8_t of,
                                      void (*each)(void *ctx, uint8_t of, const struct cw_gp_status *s),
                                      void *ctx, struct cw_fault *f);
/*
 * DELETE (GP 11.2) of the application or load file, related: with what depends on it. The session must have
 * been opened for this name. REJECT: the card refused and has it still. Anything else: nobody knows, the
 * command may have been carried out.
 */
CW_WARN_UNUSED cw_rc cw_manage_delete(struct cw_manage *m, const struct cw_aid *aid, bool related,
                                      struct cw_fault *f);
