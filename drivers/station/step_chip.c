/* SPDX-License-Identifier: Apache-2.0 */
/* Personalising the chip, and bringing a card to the reader: under the contacts, or to the antenna. */
#include "drivers/station/station.h"

#include "base/clock.h"
#include "drivers/chip/perso.h"

#include <stdio.h>
#include <string.h>

#define ENGAGE_TRIES 2
#define REST_MS 600     /* longer than pcscd's 400 ms between two looks at a reader without interrupts */
#define SETTLED_MS 2000 /* a card that lies there already: the reader's own delay, not a movement */

/* ---- contact ---- */

enum cw_where cw_step_chip_place(const struct cw_station *st) {
        return st->self->chip_at == CW_CHIP_AT_CONTACTLESS ? CW_WHERE_CONTACTLESS : CW_WHERE_CONTACT;
}

static cw_rc engage(struct cw_step_run *run, struct cw_fault *f) {
        int64_t deadline_ns = 0;
        struct cw_printer *printer = NULL;
        struct cw_printer_effect effect = {0};
        cw_rc rc = cw_machine_use(&run->st->machine, &printer, f);
        if (rc != CW_OK)
                return rc;
        deadline_ns = cw_deadline_ns(CW_MOVE_TIMEOUT_MS);
        rc = cw_step_chip_place(run->st) == CW_WHERE_CONTACT
                 ? cw_printer_to_contact(printer, deadline_ns, &effect, f)
                 : cw_printer_to_contactless(printer, deadline_ns, &effect, f);
        run->result->where = effect.where;
        cw_machine_after(&run->st->machine, rc, &effect);
        return rc;
}

static bool at_reader(struct cw_step_run *run) {
        struct cw_printer *printer = NULL;
        struct cw_printer_status status;
        struct cw_fault f = {0};
        if (cw_machine_use(&run->st->machine, &printer, &f) != CW_OK ||
            cw_printer_status(printer, cw_deadline_ns(CW_MOVE_TIMEOUT_MS), &status, &f) != CW_OK)
                return false;
        run->result->where = status.where;
        return status.where == cw_step_chip_place(run->st);
}

/* Failures that lifting the card off the contacts and setting it down again will not mend. */
static bool beyond_contact(cw_rc rc) {
        switch (rc & 0xffffu) {
        case CW_E_READER_GONE:
        case CW_E_READER_SERVICE:
        case CW_E_READER_SHARED:
        case CW_E_READER_STUCK:
        case CW_E_DENIED:
                return true;
        default:
                return false;
        }
}

/*
 * A reader that still believes in the card of before the move tells of the new one by an event, unless the
 * move was quicker than its next look: then no event comes, and the card has to be powered anew by hand.
 */
static cw_rc await_card(struct cw_step_run *run, const struct cw_card_reader_state *before, bool moved,
                        struct cw_fault *f) {
        struct cw_station *st = run->st;
        struct cw_fault none = {0};
        if (moved && before->card &&
            cw_card_reader_wait(st->reader, true, &before->events, SETTLED_MS, NULL, &none) == CW_OK)
                return CW_OK;
        return cw_card_reader_wait(st->reader, true, NULL, moved ? st->self->card_timeout_ms : SETTLED_MS,
                                   NULL, f);
}

/* One try: the card at the reader's station, seen by the reader, connected. */
static cw_rc touch(struct cw_step_run *run, bool there, struct cw_card_channel **ret, struct cw_fault *f) {
        struct cw_station *st = run->st;
        CW_AUTO(cw_card_close) struct cw_card_channel *channel = NULL;
        struct cw_card_reader_state before, now;
        cw_card_reader_get(st->reader, &before);
        cw_rc rc = there ? CW_OK : engage(run, f);
        if (rc == CW_OK)
                rc = await_card(run, &before, !there, f);
        cw_card_reader_get(st->reader, &now);
        if (rc == CW_OK)
                rc = cw_card_reader_connect(st->reader, CW_CONNECT_TIMEOUT_MS, &channel, f);
        if (rc == CW_OK && !there && now.events == before.events) {
                cw_card_close(CW_STEAL(channel));
                rc = cw_card_reader_connect(st->reader, CW_CONNECT_TIMEOUT_MS, &channel, f);
        }
        if (rc == CW_OK)
                *ret = CW_STEAL(channel);
        return rc;
}

/*
 * After a lost contact pcscd has to look once before the card moves: one that is gone and back between two of
 * its looks stays "absent" for it until it goes again. True when the card came back by itself.
 */
static bool rest(struct cw_station *st) {
        struct cw_card_reader_state now;
        struct cw_fault none = {0};
        cw_card_reader_get(st->reader, &now);
        return cw_card_reader_wait(st->reader, true, &now.events, REST_MS, NULL, &none) == CW_OK;
}

/*
 * A worn contact station often takes the card at the second try; pulling it out again moves nothing else. The
 * same mends a contact lost a moment ago, which the reader may not have noticed yet when it is connected.
 */
cw_rc cw_step_contact(struct cw_step_run *run, struct cw_card_channel **ret, struct cw_fault *f) {
        bool there = at_reader(run);
        cw_rc rc = CW_OK;
        for (int i = 0; i < ENGAGE_TRIES; i++) {
                if (i > 0)
                        there = rest(run->st);
                rc = touch(run, there, ret, f);
                if (rc == CW_OK || cw_rc_layer(rc) != CW_L_READER || beyond_contact(rc))
                        return rc;
        }
        return rc;
}

/* ---- personalisation ---- */

/* A step that is repeated finds the chip it left, or the plastic is not the one that was encoded. */
static cw_rc same_chip(const struct cw_step_run *run, const char *cplc, struct cw_fault *f) {
        const char *before = run->st->work.cplc;
        if (!*before || cw_cplc_same_chip(before, cplc))
                return CW_OK;
        return cw_fail(
            f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_IDENTITY), 0, "station.chip", "PRD_SMARTCARD",
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
        if (!a->put_key)
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
        cw_result_evidence(run->result, "issuer_keys", cw_hsm_session_issuer_keys(run->st->work.session));
        cw_result_evidence_int(run->result, "scp", p->scp);
        cw_result_evidence_int(run->result, "kvn", p->kvn);
        cw_result_evidence_int(run->result, "level", p->level);
        cw_result_evidence_int(run->result, "commands", p->sent);
        if (!p->keys)
                return;
        cw_result_evidence(run->result, "new_keys", cw_perso_keys_name(p->keys));
        cw_result_evidence_int(run->result, "new_kvn", p->new_kvn);
        cw_result_evidence(run->result, "new_kcv", p->kcv);
}

/* For whoever asks later how far this chip came. */
static void remember(struct cw_work *work, cw_rc rc, const struct cw_perso_result *p) {
        work->stored = rc == CW_OK;
        work->chip_seen = true;
        work->new_kvn = p->new_kvn;
        work->replaced = p->replaced;
        work->kvn_was_free = p->kvn_was_free;
        if (p->cplc[0])
                (void)snprintf(work->cplc, sizeof work->cplc, "%s", p->cplc);
}

/* After the key try the plastic is good for nothing but the reject box, whatever failed, unless nobody knows.
 */
static cw_rc after_attempt(cw_rc rc, const struct cw_perso_result *p) {
        if (rc == CW_OK || !p->key_tried)
                return rc;
        return CW_RC(cw_rc_layer(rc), cw_perso_in_doubt(rc, p) ? CW_C_IN_DOUBT : CW_C_REJECT, rc & 0xffffu);
}

cw_rc cw_step_chip(struct cw_step_run *run, struct cw_fault *f) {
        struct cw_station *st = run->st;
        CW_AUTO(cw_card_close) struct cw_card_channel *channel = NULL;
        struct cw_perso_result result = {0};
        st->work.chip_seen = false;
        cw_rc rc = cw_work_certify(&st->work, &st->profiles, f);
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
        if (rc != CW_OK)
                cw_station_read_back(st->reader, &channel, &plan, &result);
        take_evidence(run, &result);
        remember(&st->work, rc, &result);
        return after_attempt(rc, &result);
}
