/* SPDX-License-Identifier: Apache-2.0 */
/* Personalising the chip, and bringing a card under the contacts. */
#include "drivers/station/station.h"

#include "base/clock.h"
#include "drivers/chip/perso.h"

#include <stdio.h>
#include <string.h>

#define ENGAGE_TRIES 2

/* ---- contact ---- */

static cw_rc engage(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_printer *printer = NULL;
        struct cw_printer_effect effect = {0};
        cw_rc rc = cw_machine_use(&run->st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_printer_to_contact(printer, cw_deadline_ns(CW_MOVE_TIMEOUT_MS), &effect, f);
        run->result->where = effect.where;
        cw_machine_after(&run->st->machine, rc, &effect);
        return rc;
}

static bool at_contact(struct cw_step_run *run) {
        struct cw_printer *printer = NULL;
        struct cw_printer_status status;
        struct cw_fault f = {0};
        if (cw_machine_use(&run->st->machine, &printer, &f) != CW_OK ||
            cw_printer_status(printer, cw_deadline_ns(CW_MOVE_TIMEOUT_MS), &status, &f) != CW_OK)
                return false;
        run->result->where = status.where;
        return status.where == CW_WHERE_CONTACT;
}

/* A worn contact station often takes the card at the second try; pulling it out again moves nothing else. */
static cw_rc bring(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_station *st = run->st;
        bool there = at_contact(run);
        cw_rc rc = CW_OK;
        for (int i = 0; i < ENGAGE_TRIES; i++) {
                struct cw_card_reader_state before;
                cw_card_reader_get(st->reader, &before);
                if (!there) {
                        rc = engage(run, f);
                        if (rc != CW_OK)
                                return rc;
                }
                /* A reader that already saw a card before the move may be looking at the one before. */
                bool stale = !there && before.card;
                rc = cw_card_reader_wait(st->reader, true, stale ? &before.events : NULL,
                                         st->self->card_timeout_ms, NULL, f);
                if (rc == CW_OK || (rc & 0xffffu) == CW_E_READER_GONE ||
                    (rc & 0xffffu) == CW_E_READER_SERVICE)
                        return rc;
                there = false;
        }
        return rc;
}

cw_rc cw_step_contact(struct cw_step_run *run, struct cw_card_channel **ret, struct cw_fault *f) {
        cw_rc rc = bring(run, f);
        if (rc != CW_OK)
                return rc;
        return cw_card_reader_connect(run->st->reader, CW_CONNECT_TIMEOUT_MS, ret, f);
}

/* ---- personalisation ---- */

/* A step that is repeated finds the chip it left, or the plastic is not the one that was encoded. */
static cw_rc same_chip(const struct cw_step_run *run, const char *cplc, struct cw_fault *f) {
        const char *before = run->st->work.cplc;
        if (!*before || cw_cplc_same_chip(before, cplc))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_IDENTITY), 0, "station.chip", "PRD_SMARTCARD",
                       "another chip is under the contacts than at the first try; reject the card and look into "
                       "the printer");
}

static cw_rc on_attempt(void *ctx, const struct cw_perso_attempt *a, struct cw_fault *f) {
        const struct cw_step_run *run = ctx;
        cw_rc rc = same_chip(run, a->cplc, f);
        if (rc != CW_OK)
                return rc;
        char kdd[2 * sizeof a->answer.kdd + 1] = "";
        (void)cw_hex_encode(a->answer.kdd, sizeof a->answer.kdd, kdd, sizeof kdd);
        cw_step_progress(run, 35, "opening the secure channel");
        return cw_step_attempt(run, a->cplc[0] ? a->cplc : kdd, a->answer.kvn, a->answer.scp, f);
}

static void on_progress(void *ctx, unsigned done, unsigned total) {
        const struct cw_step_run *run = ctx;
        if (done % 4 == 0 || done == total)
                cw_step_progress(run, 35 + (int)(20 * done / total), "personalising the chip");
}

static void take_evidence(struct cw_step_run *run, const struct cw_perso_result *p) {
        run->result->key_tried = p->key_tried;
        cw_result_evidence(run->result, "cplc", p->cplc);
        cw_result_evidence_int(run->result, "scp", p->scp);
        cw_result_evidence_int(run->result, "kvn", p->kvn);
        cw_result_evidence_int(run->result, "level", p->level);
        cw_result_evidence_int(run->result, "commands", p->sent);
}

/*
 * After the key try the plastic is good for nothing but the reject box, whatever failed. Only when the
 * completing command went out and its answer never came does nobody know.
 */
static cw_rc after_attempt(cw_rc rc, const struct cw_perso_result *p) {
        if (rc == CW_OK || !p->key_tried)
                return rc;
        bool lost = cw_rc_layer(rc) == CW_L_READER && cw_rc_class(rc) == CW_C_RECONNECT;
        return CW_RC(cw_rc_layer(rc), p->last_sent && lost ? CW_C_IN_DOUBT : CW_C_REJECT, rc & 0xffffu);
}

cw_rc cw_step_chip(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_station *st = run->st;
        CW_AUTO(cw_card_close) struct cw_card_channel *channel = NULL;
        struct cw_perso_result result = {0};
        cw_rc rc = cw_work_data(&st->work, &st->profiles, f);
        if (rc == CW_OK) {
                cw_step_progress(run, 25, "moving the card to the chip station");
                rc = cw_step_contact(run, &channel, f);
        }
        if (rc != CW_OK)
                return rc;
        const struct cw_config_product *product = &st->config->products[st->work.product];
        const struct cw_perso_plan plan = {
            .data = st->work.data,
            .kvn = (uint8_t)product->kvn,
            .scp = (uint8_t)product->scp,
            .level = (uint8_t)product->security_level,
            .apdu_timeout_ms = CW_APDU_TIMEOUT_MS,
            .attempt = on_attempt,
            .progress = on_progress,
            .ctx = run,
        };
        rc = cw_perso_run(channel, st->work.session, &plan, &result, f);
        take_evidence(run, &result);
        if (result.cplc[0])
                (void)snprintf(st->work.cplc, sizeof st->work.cplc, "%s", result.cplc);
        return after_attempt(rc, &result);
}
