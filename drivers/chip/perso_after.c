/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the profile asks for behind the data: the issuer's own keys (PUT KEY), life cycle states (SET STATUS).
 * One command after the other, each judged before the next. A PUT KEY whose answer is lost is never sent
 * again: cw_perso_read_back asks the card for its key information, and a person decides.
 */
#include "drivers/chip/perso_internal.h"

#include "base/failpoint.h"
#include "base/status_word.h"
#include "drivers/chip/gp_status.h"

#include <stdio.h>
#include <string.h>

static cw_rc transmit(struct cw_perso *p, struct cw_span wrapped, struct cw_rapdu *ret, struct cw_fault *f) {
        if (CW_FAILPOINT("station.after.before"))
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RECONNECT, CW_E_IO), 0, "chip.after", "PRD_SMARTCARD",
                               "the card went away before its life cycle was set");
        p->result->sent++;
        return cw_perso_exchange(p, wrapped, ret, f);
}

/* The answer as it came; bytes has CW_APDU_PART_MAX. */
static cw_rc whole_answer(const struct cw_rapdu *r, uint8_t *bytes, size_t *ret_len, struct cw_fault *f) {
        if (r->len + 2 > CW_APDU_PART_MAX)
                return cw_chip_fail_sw(f, "chip.after", r->sw, "the chip answers too much data");
        memcpy(bytes, r->data, r->len);
        bytes[r->len] = (uint8_t)(r->sw >> 8);
        bytes[r->len + 1] = (uint8_t)r->sw;
        *ret_len = r->len + 2;
        return CW_OK;
}

cw_rc cw_perso_secured(struct cw_perso *p, const struct cw_command *command, const char *refused,
                       struct cw_secret **ret_data, uint16_t *ret_sw, struct cw_fault *f) {
        CW_WIPED(uint8_t, bytes, CW_APDU_PART_MAX);
        uint8_t item[CW_APDU_COMMAND_MAX + 2];
        CW_AUTO(cw_secret_free) struct cw_secret *wrapped = NULL;
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        struct cw_writer w;
        struct cw_reader in;
        size_t len = 0;
        cw_writer_init(&w, item, sizeof item);
        cw_put_item(&w, command->bytes, command->len);
        cw_rc rc = cw_hsm_session_gp_wrap(p->hsm, item, w.len, &wrapped, f);
        if (rc != CW_OK)
                return rc;
        cw_reader_init(&in, wrapped->ptr, wrapped->len);
        rc = transmit(p, cw_get_item(&in), &r, f);
        if (rc == CW_OK && refused && r.sw != 0x9000)
                rc = cw_chip_fail_sw(f, "chip.after", r.sw, refused);
        if (rc == CW_OK)
                rc = whole_answer(&r, bytes, &len, f);
        if (rc == CW_OK)
                rc = cw_hsm_session_gp_unwrap(p->hsm, bytes, len, ret_data, f);
        if (rc == CW_OK)
                *ret_sw = r.sw;
        return rc;
}

/* ---- SET STATUS ---- */

/* What the card tells of itself; 0 when it does not, which is not held against it. */
static cw_rc ask_card_state(struct cw_perso *p, uint8_t *ret, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *data = NULL;
        struct cw_command command;
        struct cw_gp_status s;
        uint16_t sw = 0;
        cw_gp_get_status(CW_STATUS_DOMAIN, false, &command);
        p->result->total++;
        cw_rc rc = cw_perso_secured(p, &command, NULL, &data, &sw, f);
        if (rc != CW_OK)
                return rc;
        struct cw_span rest = CW_SPAN(data->ptr, data->len);
        *ret = sw == 0x9000 && cw_gp_status_next(&rest, &s) == CW_GP_STATUS_ENTRY ? s.state : 0;
        return CW_OK;
}

static cw_rc send_status(struct cw_perso *p, const struct cw_profile_after *a, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *data = NULL;
        struct cw_command command;
        uint16_t sw = 0;
        bool card = a->of == CW_STATUS_DOMAIN;
        cw_gp_set_status(a->of, a->state, card ? &p->domain.aid : &a->aid, &command);
        if (p->level & CW_LEVEL_RMAC)
                command.bytes[command.len++] = 0; /* its MAC is an answer */
        cw_rc rc = cw_perso_secured(p, &command, "the chip refuses its life cycle state", &data, &sw, f);
        if (rc == CW_OK)
                cw_perso_tell(p, "set-status", "%s is %02X %s: %04X", card ? "card" : "application", a->state,
                              card ? cw_gp_card_state(a->state) : cw_gp_application_state(a->state), sw);
        return rc;
}

/* A card goes from OP_READY to SECURED by way of INITIALIZED (GP 5.1.1, figure 5-1): makers deliver in either
 * state, and the profile need not know which. */
static cw_rc set_status(struct cw_perso *p, const struct cw_profile_after *a, struct cw_fault *f) {
        uint8_t state = 0;
        cw_rc rc = CW_OK;
        if (a->of == CW_STATUS_DOMAIN && a->state == CW_CARD_SECURED)
                rc = ask_card_state(p, &state, f);
        if (rc == CW_OK && state == CW_CARD_OP_READY) {
                struct cw_profile_after first = *a;
                first.state = CW_CARD_INITIALIZED;
                p->result->total++;
                rc = send_status(p, &first, f);
        }
        return rc == CW_OK ? send_status(p, a, f) : rc;
}

/* ---- PUT KEY ---- */

static unsigned keys_of(const struct cw_gp_facts *facts, uint8_t kvn, enum cw_gp_cipher cipher) {
        unsigned count = 0;
        for (size_t i = 0; i < facts->key_count; i++)
                count += facts->keys[i].kvn == kvn && facts->keys[i].id >= 1 && facts->keys[i].id <= 3 &&
                         (cipher == CW_GP_CIPHER_OTHER || facts->keys[i].cipher == cipher);
        return count;
}

enum cw_perso_keys cw_perso_keys_from_facts(const struct cw_gp_facts *facts, const struct cw_profile_after *a,
                                            uint8_t replaced, bool was_free) {
        unsigned fresh = keys_of(facts, a->kvn, a->aes ? CW_GP_CIPHER_AES : CW_GP_CIPHER_DES);
        bool same = replaced == a->kvn; /* its number does not tell old keys from new ones */
        bool stayed = keys_of(facts, replaced, CW_GP_CIPHER_OTHER) > 0;
        if (fresh == 3 && !same && (a->add ? was_free : !stayed))
                return CW_PERSO_KEYS_NEW;
        if (keys_of(facts, a->kvn, CW_GP_CIPHER_OTHER) == 0 && facts->key_count > 0)
                return CW_PERSO_KEYS_OLD;
        return CW_PERSO_KEYS_UNKNOWN;
}

const struct cw_profile_after *cw_perso_puts_key(const struct cw_profile *profile) {
        for (size_t i = 0; i < profile->after_count; i++)
                if (profile->after[i].what == CW_AFTER_PUT_KEY)
                        return &profile->after[i];
        return NULL;
}

/* 0 = none goes. */
static uint8_t replaced_by(const struct cw_perso *p, const struct cw_profile_after *a) {
        return a->add ? 0 : a->old_kvn ? a->old_kvn : p->answer.kvn;
}

cw_rc cw_perso_judge_keys(const struct cw_perso *p, struct cw_fault *f) {
        const cw_rc mismatch = CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_MISMATCH);
        const struct cw_profile_after *a = cw_perso_puts_key(p->plan->data->profile);
        if (!a || p->facts.key_count == 0)
                return CW_OK;
        if (a->kvn != replaced_by(p, a) && keys_of(&p->facts, a->kvn, CW_GP_CIPHER_OTHER) > 0)
                return cw_fail(
                    f, mismatch, a->kvn, "chip.put_key", "PRD_SMARTCARD",
                    "the chip has keys of version %02X already, which this product is to put on it; "
                    "a card that was in use, or the wrong cards in the hopper",
                    a->kvn);
        if (a->old_kvn && a->old_kvn != p->answer.kvn &&
            keys_of(&p->facts, a->old_kvn, CW_GP_CIPHER_OTHER) == 0)
                return cw_fail(
                    f, mismatch, a->old_kvn, "chip.put_key", "PRD_SMARTCARD",
                    "the chip has no keys of version %02X, which this product is to replace; wrong "
                    "cards in the hopper or wrong product",
                    a->old_kvn);
        return CW_OK;
}

cw_rc cw_perso_read_back(struct cw_card_channel *c, const struct cw_perso_plan *plan,
                         struct cw_perso_result *result, struct cw_fault *f) {
        const struct cw_profile *profile = plan->data->profile;
        const struct cw_perso p = {.plan = plan};
        char cplc[CW_CPLC_HEX] = "";
        struct cw_gp_facts facts = {0};
        cw_profile_speak(profile, c);
        cw_rc rc = cw_gp_identify(c, &profile->security_domain, plan->apdu_timeout_ms, cplc, NULL, f);
        if (rc == CW_OK)
                rc = cw_gp_facts_read(c, plan->apdu_timeout_ms, &facts, f);
        if (rc != CW_OK)
                return rc;
        bool same = result->cplc[0] == '\0' || cw_cplc_same_chip(result->cplc, cplc);
        const struct cw_profile_after *a = cw_perso_puts_key(profile);
        if (a && same)
                result->keys = cw_perso_keys_from_facts(&facts, a, result->replaced, result->kvn_was_free);
        cw_perso_tell(&p, "key-info", "%s: %u keys of version %02X, %u of %02X; keys %s",
                      same ? "same chip" : "another chip",
                      keys_of(&facts, result->new_kvn, CW_GP_CIPHER_OTHER), result->new_kvn,
                      keys_of(&facts, result->replaced, CW_GP_CIPHER_OTHER), result->replaced,
                      cw_perso_keys_name(result->keys));
        return CW_OK;
}

static cw_rc judge_put(struct cw_perso *p, const struct cw_hsm_put_key *q, const struct cw_rapdu *r,
                       struct cw_fault *f) {
        CW_WIPED(uint8_t, bytes, CW_APDU_PART_MAX);
        size_t len = 0;
        bool accepted = false;
        cw_rc rc = whole_answer(r, bytes, &len, f);
        if (rc == CW_OK)
                rc = cw_hsm_session_put_key_answer(p->hsm, q, bytes, len, &accepted, p->result->kcv, f);
        p->result->keys_unanswered = rc == CW_OK && !accepted;
        if (rc != CW_OK || accepted)
                return rc;
        if (cw_sw_surely_refused(r->sw))
                p->result->keys = CW_PERSO_KEYS_OLD;
        return cw_chip_fail_sw(f, "chip.put_key", r->sw, "the chip refuses its new keys");
}

static cw_rc put_key(struct cw_perso *p, const struct cw_profile_after *a, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *apdu = NULL;
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        const uint8_t replaced = replaced_by(p, a);
        const struct cw_hsm_put_key q = {a->kvn, replaced, a->aes, a->version_only};
        struct cw_perso_attempt attempt = {p->result->cplc, p->answer, p->level, true};
        attempt.answer.kvn = a->kvn;
        cw_rc rc = p->plan->attempt ? p->plan->attempt(p->plan->ctx, &attempt, f) : CW_OK;
        if (rc == CW_OK)
                rc = cw_hsm_session_put_key(p->hsm, &q, &apdu, f);
        if (rc != CW_OK)
                return rc;
        p->result->new_kvn = a->kvn;
        p->result->replaced = replaced;
        p->result->keys = CW_PERSO_KEYS_UNKNOWN; /* until the card has said */
        p->result->keys_unanswered = true;
        p->result->kvn_was_free =
            p->facts.key_count > 0 && keys_of(&p->facts, a->kvn, CW_GP_CIPHER_OTHER) == 0;
        rc = transmit(p, CW_SPAN(apdu->ptr, apdu->len), &r, f);
        if (rc == CW_OK)
                rc = judge_put(p, &q, &r, f);
        if (rc != CW_OK)
                return rc;
        p->result->keys = CW_PERSO_KEYS_NEW;
        cw_perso_tell(p, "put-key", "key version %02X %s %02X, %s, check values %s", a->kvn,
                      a->add ? "beside" : "in place of", a->add ? p->answer.kvn : replaced,
                      a->aes ? "AES" : "DES3", p->result->kcv);
        return CW_OK;
}

cw_rc cw_perso_after(struct cw_perso *p, struct cw_fault *f) {
        const struct cw_profile *profile = p->plan->data->profile;
        p->result->total += (unsigned)profile->after_count;
        for (size_t i = 0; i < profile->after_count; i++) {
                const struct cw_profile_after *a = &profile->after[i];
                cw_rc rc = a->what == CW_AFTER_PUT_KEY ? put_key(p, a, f) : set_status(p, a, f);
                if (rc != CW_OK)
                        return rc;
                if (p->plan->progress)
                        p->plan->progress(p->plan->ctx, p->result->sent, p->result->total);
        }
        return CW_OK;
}
