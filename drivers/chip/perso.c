/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/perso.h"

#include "base/failpoint.h"
#include "drivers/chip/perso_internal.h"
#include "drivers/chip/tlv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LEVEL_COMMAND (CW_LEVEL_CMAC | CW_LEVEL_CENC)
#define I_RMAC 0x20u
#define I_RENC 0x40u
#define I_S16 0x01u
#define ANSWER_SCP 11u /* offset of the protocol in the response of INITIALIZE UPDATE */
#define SW_NO_KEY 0x6a88u
#define SW_WRONG_P1 0x6a86u
#define TRIES_MAX 3 /* INITIALIZE UPDATE: as the card likes it, in S16, with another key version */

void cw_perso_tell(const struct cw_perso *p, const char *step, const char *fmt, ...) {
        char text[160];
        va_list ap;
        if (!p->plan->told)
                return;
        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        p->plan->told(p->plan->ctx, step, text);
}

cw_rc cw_perso_exchange(struct cw_perso *p, struct cw_span command, struct cw_rapdu *ret,
                        struct cw_fault *f) {
        return cw_card_exchange(p->channel, command, p->plan->apdu_timeout_ms, ret, f);
}

static uint8_t level_able(const struct cw_hsm_gp_card *card) {
        bool told = card->scp == 3 || card->i != 0; /* what a SCP02 card does not tell is believed */
        uint8_t able = LEVEL_COMMAND;
        if (!told || (card->i & I_RMAC))
                able |= CW_LEVEL_RMAC;
        if (card->scp == 3 && (card->i & I_RENC) && (card->i & I_RMAC))
                able |= CW_LEVEL_RENC;
        return able;
}

bool cw_perso_level_possible(uint8_t level, const struct cw_hsm_gp_card *card) {
        return (level & ~level_able(card)) == 0;
}

/* ---- before the attempt: nothing here burns a try ---- */

static void tell_domain(const struct cw_perso *p) {
        char aid[2 * CW_AID_MAX + 1];
        (void)cw_hex_encode(p->domain.aid.bytes, p->domain.aid.len, aid, sizeof aid);
        cw_perso_tell(p, "select", "security domain %s", p->domain.aid.len ? aid : "(no name in its answer)");
        if (p->result->cplc[0])
                cw_perso_tell(p, "identify", "chip %.*s", 2 * (int)CW_CPLC_CHIP_LEN, p->result->cplc);
        else
                cw_perso_tell(p, "identify", "the card gives no CPLC");
}

/* A product's own card is not asked how it is to be spoken to; which keys it has matters where it gets some.
 */
static cw_rc discover(struct cw_perso *p, struct cw_fault *f) {
        if (!p->plan->discover)
                return cw_perso_puts_key(p->plan->data->profile)
                           ? cw_gp_facts_read_keys(p->channel, p->plan->apdu_timeout_ms, &p->facts, f)
                           : CW_OK;
        cw_rc rc = cw_gp_facts_read(p->channel, p->plan->apdu_timeout_ms, &p->facts, f);
        if (rc != CW_OK)
                return rc;
        char scp02[16] = "", scp03[16] = "";
        if (p->facts.has_scp02)
                (void)snprintf(scp02, sizeof scp02, " SCP02 i=%02X", p->facts.i02);
        if (p->facts.has_scp03)
                (void)snprintf(scp03, sizeof scp03, " SCP03 i=%02X", p->facts.i03);
        cw_perso_tell(p, "recognise", "card data:%s%s%s, %zu keys listed", scp02, scp03,
                      p->facts.has_scp02 || p->facts.has_scp03 ? "" : " none", p->facts.key_count);
        return CW_OK;
}

/* There is what was selected and says its very name: a longer one is another application that begins like it.
 * Only 6A82 says that nothing is there; 6999 and 6985 may mean that it is not or that it is not ready. */
static cw_rc look_for(struct cw_perso *p, size_t app, const struct cw_aid *aid, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        struct cw_span name;
        cw_rc rc = cw_gp_do_select(p->channel, aid, p->plan->apdu_timeout_ms, &r, f);
        if (rc != CW_OK)
                return rc;
        bool same = cw_tlv_find(CW_SPAN(r.data, r.len), 0x84, &name) && name.len == aid->len &&
                    memcmp(name.ptr, aid->bytes, aid->len) == 0;
        if (same && (r.sw == 0x9000 || r.sw == 0x6283))
                p->installed |= 1u << app;
        else if (r.sw != 0x6a82)
                p->unsure |= 1u << app;
        return CW_OK;
}

/* INSTALL of what is there already would be refused, and the card spoiled for it. */
static cw_rc find_installed(struct cw_perso *p, struct cw_fault *f) {
        const struct cw_profile *profile = p->plan->data->profile;
        for (size_t app = 0; app <= profile->more_count; app++) {
                if (!(app ? profile->more[app - 1].has_install : profile->has_install))
                        continue;
                cw_rc rc = look_for(p, app, app ? &profile->more[app - 1].aid : &profile->aid, f);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

/* The domain must be there when the card is personalised through it; otherwise it only tells who the card is.
 */
static cw_rc select_domain(struct cw_perso *p, struct cw_fault *f) {
        const struct cw_profile *profile = p->plan->data->profile;
        bool through = profile->flow == CW_FLOW_SECURITY_DOMAIN;
        p->domain.max_data =
            CW_GP_DATA_MAX; /* holds for an application whose domain cannot be selected too */
        cw_rc rc = find_installed(p, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_gp_identify(p->channel, &profile->security_domain, p->plan->apdu_timeout_ms, p->result->cplc,
                            &p->domain, f);
        if (!through && rc == CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW))
                rc = CW_OK;
        else if (rc == CW_OK)
                tell_domain(p);
        if (rc == CW_OK)
                rc = discover(p, f);
        if (rc != CW_OK || through)
                return rc;
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        rc = cw_gp_do_select(p->channel, &profile->aid, p->plan->apdu_timeout_ms, &r, f);
        if (rc == CW_OK && r.sw != 0x9000)
                rc = cw_chip_fail_sw(f, "chip.select", r.sw,
                                     "the application to be personalised cannot be selected");
        p->domain.aid.len = 0; /* its security domain's name is not known on this way */
        if (rc == CW_OK)
                cw_perso_tell(p, "select", "application to be personalised");
        return rc;
}

static cw_rc ask_once(struct cw_perso *p, uint8_t kvn, struct cw_rapdu *ret, struct cw_fault *f) {
        uint8_t challenge[CW_HSM_CHALLENGE_MAX] = {0};
        size_t len = 0;
        struct cw_command command;
        const struct cw_hsm_gp_how how = {kvn, p->s16};
        cw_rc rc = cw_hsm_session_gp_start(p->hsm, &how, &kvn, challenge, &len, f);
        if (rc != CW_OK)
                return rc;
        cw_gp_initialize_update(kvn, CW_SPAN(challenge, len), &command);
        return cw_perso_exchange(p, CW_SPAN(command.bytes, command.len), ret, f);
}

/* A card in S16 mode refuses 8 bytes; nothing of its own is at stake in INITIALIZE UPDATE. */
static bool wants_s16(const struct cw_perso *p, uint16_t sw) {
        return p->plan->discover && !p->s16 && p->plan->scp != 2 && (sw == 0x6700 || sw == 0x6a80);
}

/* Of the protocol that is wanted, of AES keys before others where none is. */
static uint8_t listed_kvn(const struct cw_perso *p) {
        const uint8_t kvn = cw_gp_facts_kvn(&p->facts, p->plan->scp ? p->plan->scp : 3);
        return kvn || p->plan->scp ? kvn : cw_gp_facts_kvn(&p->facts, 2);
}

/* INITIALIZE UPDATE, until the card answers in the protocol that is wanted or there is no other way to ask.
 */
static cw_rc ask(struct cw_perso *p, struct cw_rapdu *ret, struct cw_fault *f) {
        uint8_t kvn = p->plan->kvn;
        p->s16 = p->plan->scp != 2 && p->facts.has_scp03 && (p->facts.i03 & I_S16) &&
                 (p->plan->scp == 3 || !p->facts.has_scp02);
        for (int i = 0; i < TRIES_MAX; i++) {
                cw_rc rc = ask_once(p, kvn, ret, f);
                if (rc != CW_OK)
                        return rc;
                uint8_t other = p->plan->discover ? listed_kvn(p) : 0;
                bool wrong_protocol = ret->sw == 0x9000 && p->plan->scp && ret->len > ANSWER_SCP &&
                                      ret->data[ANSWER_SCP] != p->plan->scp;
                const bool no_first = ret->sw == SW_NO_KEY || ret->sw == SW_WRONG_P1;
                if (wants_s16(p, ret->sw))
                        p->s16 = true;
                else if ((wrong_protocol || no_first) && kvn == 0 && other != 0)
                        kvn = other;
                else
                        break;
        }
        if (ret->sw == SW_NO_KEY || ret->sw == SW_WRONG_P1)
                return cw_fail(
                    f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW), ret->sw, "chip.initialize",
                    "PRD_SMARTCARD",
                    "the chip has no keys of version %02X for a secure channel; name its version in the "
                    "profile (secure_channel, kvn) or product (SW %04X)",
                    kvn, ret->sw);
        if (ret->sw != 0x9000)
                return cw_chip_fail_sw(f, "chip.initialize", ret->sw,
                                       "the chip does not open a secure channel");
        return CW_OK;
}

static cw_rc initialize(struct cw_perso *p, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        const struct cw_profile_channel *want = &p->plan->data->profile->channel;
        cw_rc rc = ask(p, &r, f);
        if (rc != CW_OK)
                return rc;
        bool scp02 = r.len > ANSWER_SCP && r.data[ANSWER_SCP] == 2;
        const struct cw_hsm_gp_domain domain = {.aid = p->domain.aid.bytes,
                                                .aid_len = want->any_challenge ? 0 : p->domain.aid.len,
                                                .chip = p->result->cplc,
                                                .i = scp02 && p->facts.has_scp02 ? p->facts.i02 : 0,
                                                .count_data_only = want->count_data_only};
        rc = cw_hsm_session_gp_card(p->hsm, r.data, r.len, &domain, &p->answer, f);
        if (rc != CW_OK)
                return rc;
        char i[8] = ""; /* of SCP02 only the recognition data tell it */
        if (p->answer.scp == 3 || p->answer.i)
                (void)snprintf(i, sizeof i, " i=%02X", p->answer.i);
        cw_perso_tell(p, "initialize", "SCP%02X%s%s, key version %02X; the card knows its keys",
                      p->answer.scp, i, p->s16 ? " S16" : "", p->answer.kvn);
        return CW_OK;
}

static cw_rc judge_answer(struct cw_perso *p, struct cw_fault *f) {
        const cw_rc mismatch = CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_MISMATCH);
        const struct cw_perso_plan *plan = p->plan;
        uint8_t level = plan->level;
        if (plan->scp && p->answer.scp != plan->scp)
                return cw_fail(f, mismatch, p->answer.scp, "chip.initialize", "PRD_SMARTCARD",
                               "the chip speaks SCP%02X and the product asks for SCP%02X; wrong cards in the "
                               "hopper or wrong product",
                               p->answer.scp, plan->scp);
        if (plan->kvn && p->answer.kvn != plan->kvn)
                return cw_fail(f, mismatch, p->answer.kvn, "chip.initialize", "PRD_SMARTCARD",
                               "the chip has key version %02X and the product asks for %02X; wrong cards in "
                               "the hopper or wrong product",
                               p->answer.kvn, plan->kvn);
        if (level == 0 && plan->discover)
                level = p->answer.scp == 3 ? level_able(&p->answer) : LEVEL_COMMAND;
        if ((level & CW_LEVEL_CMAC) == 0)
                return cw_fail(f, mismatch, level, "chip.initialize", "PRT_SETUP_ERROR",
                               "security level %02X of the product is none a personalisation may use; use 3 "
                               "(SCP02) or 51 (SCP03)",
                               level);
        if (!cw_perso_level_possible(level, &p->answer))
                return cw_fail(f, mismatch, p->answer.i, "chip.initialize", "PRD_SMARTCARD",
                               "the chip (SCP%02X, i=%02X) cannot do security level %02X; wrong cards in the "
                               "hopper or wrong product",
                               p->answer.scp, p->answer.i, level);
        p->level = level;
        p->result->scp = p->answer.scp;
        p->result->kvn = p->answer.kvn;
        p->result->level = p->level;
        return CW_OK;
}

/* ---- the attempt ---- */

static cw_rc lost_at_authentication(struct cw_fault *f, const char *text) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RECONNECT, CW_E_IO), 0, "chip.authenticate", "PRD_SMARTCARD",
                       "%s", text);
}

static cw_rc authenticate(struct cw_perso *p, struct cw_fault *f) {
        struct cw_perso_attempt attempt = {p->result->cplc, p->answer, p->level, false};
        CW_AUTO(cw_secret_free) struct cw_secret *apdu = NULL;
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        /* The journal knows first: what hsmd hands out from here on may have been sent. */
        cw_rc rc = p->plan->attempt ? p->plan->attempt(p->plan->ctx, &attempt, f) : CW_OK;
        if (rc != CW_OK)
                return rc;
        p->result->key_tried = true;
        rc = cw_hsm_session_gp_authenticate(p->hsm, p->level, &apdu, f);
        if (rc != CW_OK)
                return rc;
        if (CW_FAILPOINT("station.authenticate.before"))
                return lost_at_authentication(f, "the card went away before it was authenticated");
        rc = cw_perso_exchange(p, CW_SPAN(apdu->ptr, apdu->len), &r, f);
        if (CW_FAILPOINT("station.authenticate.after"))
                return lost_at_authentication(f, "the card went away after it was authenticated");
        if (rc == CW_OK && r.sw != 0x9000)
                rc = cw_chip_fail_sw(f, "chip.authenticate", r.sw,
                                     "the chip refuses the authentication; take its lot out of use");
        if (rc == CW_OK)
                cw_perso_tell(p, "authenticate", "security level %02X", p->level);
        return rc;
}

cw_rc cw_perso_look(struct cw_perso *p, struct cw_fault *f) {
        return select_domain(p, f);
}

cw_rc cw_perso_open(struct cw_perso *p, struct cw_fault *f) {
        cw_rc rc = select_domain(p, f);
        if (rc == CW_OK)
                rc = initialize(p, f);
        if (rc == CW_OK)
                rc = judge_answer(p, f);
        if (rc == CW_OK)
                rc = cw_perso_judge_keys(p, f);
        if (rc == CW_OK)
                rc = cw_perso_rehearse(p, f);
        return rc == CW_OK ? authenticate(p, f) : rc;
}

cw_rc cw_perso_run(struct cw_card_channel *c, struct cw_hsm_session *hsm, const struct cw_perso_plan *plan,
                   struct cw_perso_result *ret, struct cw_fault *f) {
        struct cw_perso p = {.channel = c, .hsm = hsm, .plan = plan, .result = ret};
        *ret = (struct cw_perso_result){0};
        cw_profile_speak(plan->data->profile, c);
        cw_rc rc = cw_perso_open(&p, f);
        if (rc == CW_OK)
                rc = cw_perso_store(&p, f);
        return rc == CW_OK ? cw_perso_after(&p, f) : rc;
}

bool cw_perso_in_doubt(cw_rc rc, const struct cw_perso_result *p) {
        bool lost = cw_rc_layer(rc) == CW_L_READER && cw_rc_class(rc) == CW_C_RECONNECT;
        return lost && p->last_sent && p->keys != CW_PERSO_KEYS_OLD;
}

const char *cw_perso_keys_name(enum cw_perso_keys keys) {
        static const char *const words[] = {"", "old", "new", "unknown"};
        return words[keys];
}
