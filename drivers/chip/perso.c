/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/perso.h"

#include "base/failpoint.h"

#include <string.h>

#define LEVEL_CMAC 0x01u
#define LEVEL_COMMAND 0x03u /* C-MAC, C-ENC */
#define LEVEL_RMAC 0x10u
#define LEVEL_RENC 0x20u
#define I_RMAC 0x20u
#define I_RENC 0x40u
#define SW_UNKNOWN_DGI 0x6a88u

struct perso {
        struct cw_card_channel *channel;
        struct cw_hsm_session *hsm;
        const struct cw_perso_plan *plan;
        struct cw_perso_result *result;
        struct cw_hsm_gp_card answer;
        struct cw_aid domain;
        uint8_t level;
};

bool cw_perso_level_possible(uint8_t level, const struct cw_hsm_gp_card *card) {
        uint8_t able = LEVEL_COMMAND | LEVEL_RMAC;
        if (card->scp == 3)
                able = (uint8_t)(LEVEL_COMMAND | (card->i & I_RMAC ? LEVEL_RMAC : 0) |
                                 ((card->i & I_RENC) && (card->i & I_RMAC) ? LEVEL_RENC : 0));
        return (level & ~able) == 0;
}

/* ---- before the attempt: nothing here burns a try ---- */

static cw_rc select_domain(struct perso *p, struct cw_fault *f) {
        const struct cw_profile *profile = p->plan->data->profile;
        cw_rc rc = cw_gp_identify(p->channel, &profile->security_domain, p->plan->apdu_timeout_ms,
                                  p->result->cplc, &p->domain, f);
        if (rc != CW_OK || profile->flow == CW_FLOW_SECURITY_DOMAIN)
                return rc;
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        rc = cw_gp_do_select(p->channel, &profile->aid, p->plan->apdu_timeout_ms, &r, f);
        if (rc == CW_OK && r.sw != 0x9000)
                rc = cw_chip_fail_sw(f, "chip.select", r.sw,
                                     "the application to be personalised cannot be selected");
        p->domain.len = 0; /* its security domain's name is not known on this way */
        return rc;
}

static cw_rc initialize(struct perso *p, struct cw_fault *f) {
        uint8_t kvn = 0, challenge[8] = {0};
        struct cw_command command;
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        cw_rc rc = cw_hsm_session_gp_start(p->hsm, &kvn, challenge, f);
        if (rc != CW_OK)
                return rc;
        cw_gp_initialize_update(kvn, challenge, &command);
        rc = cw_card_exchange(p->channel, CW_SPAN(command.bytes, command.len), p->plan->apdu_timeout_ms, &r,
                              f);
        if (rc != CW_OK)
                return rc;
        if (r.sw != 0x9000)
                return cw_chip_fail_sw(f, "chip.initialize", r.sw, "the chip does not open a secure channel");
        return cw_hsm_session_gp_card(p->hsm, r.data, r.len, p->domain.bytes, p->domain.len, &p->answer, f);
}

static cw_rc judge_answer(struct perso *p, struct cw_fault *f) {
        const cw_rc mismatch = CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_MISMATCH);
        const struct cw_perso_plan *plan = p->plan;
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
        if ((plan->level & LEVEL_CMAC) == 0)
                return cw_fail(f, mismatch, plan->level, "chip.initialize", "PRT_SETUP_ERROR",
                               "security level %02X of the product is none a personalisation may use; use 3 "
                               "(SCP02) or 51 (SCP03)",
                               plan->level);
        if (!cw_perso_level_possible(plan->level, &p->answer))
                return cw_fail(f, mismatch, p->answer.i, "chip.initialize", "PRD_SMARTCARD",
                               "the chip (SCP%02X, i=%02X) cannot do security level %02X; wrong cards in the "
                               "hopper or wrong product",
                               p->answer.scp, p->answer.i, plan->level);
        p->level = plan->level;
        p->result->scp = p->answer.scp;
        p->result->kvn = p->answer.kvn;
        p->result->level = p->level;
        return CW_OK;
}

/* ---- the attempt ---- */

static cw_rc authenticate(struct perso *p, struct cw_fault *f) {
        struct cw_perso_attempt attempt = {p->result->cplc, p->answer, p->level};
        CW_AUTO(cw_secret_free) struct cw_secret *apdu = NULL;
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        cw_rc rc = cw_hsm_session_gp_authenticate(p->hsm, p->level, &apdu, f);
        if (rc != CW_OK)
                return rc;
        rc = p->plan->attempt(p->plan->ctx, &attempt, f);
        if (rc != CW_OK)
                return rc;
        p->result->key_tried = true;
        if (CW_FAILPOINT("station.authenticate.before"))
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RECONNECT, CW_E_IO), 0, "chip.authenticate",
                               "PRD_SMARTCARD", "the card went away before it was authenticated");
        rc = cw_card_exchange(p->channel, CW_SPAN(apdu->ptr, apdu->len), p->plan->apdu_timeout_ms, &r, f);
        if (CW_FAILPOINT("station.authenticate.after"))
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RECONNECT, CW_E_IO), 0, "chip.authenticate",
                               "PRD_SMARTCARD", "the card went away after it was authenticated");
        if (rc == CW_OK && r.sw != 0x9000)
                rc = cw_chip_fail_sw(f, "chip.authenticate", r.sw,
                                     "the chip refuses the authentication; take its lot out of use");
        return rc;
}

/* ---- after it ---- */

static cw_rc fill_sensitive(struct perso *p, struct cw_fault *f) {
        char names[CW_HSM_DGIS_MAX][5];
        const char *list[CW_HSM_DGIS_MAX];
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        size_t count = cw_perso_data_sensitive(p->plan->data, names, CW_HSM_DGIS_MAX);
        if (count == 0)
                return CW_OK;
        for (size_t i = 0; i < count; i++)
                list[i] = names[i];
        cw_rc rc = cw_hsm_session_perso_sensitive(p->hsm, list, count, &items, f);
        if (rc != CW_OK)
                return rc;
        return cw_perso_data_fill(p->plan->data, CW_SPAN(items->ptr, items->len), f);
}

/* SW 6A88 for a grouping the profile tolerates; only a command that carries nothing else may be passed over.
 */
static bool tolerated(const struct perso *p, struct cw_span plain, uint16_t sw) {
        if (sw != SW_UNKNOWN_DGI || plain.len < 8 || plain.ptr[1] != 0xe2)
                return false;
        struct cw_span rest = CW_SPAN(plain.ptr + 5, plain.ptr[4]);
        uint16_t id = 0;
        struct cw_span value;
        bool malformed = false;
        if (!cw_dgi_next(&rest, &id, &value, &malformed) || rest.len)
                return false;
        for (size_t i = 0; i < p->plan->data->count; i++)
                if (p->plan->data->dgi[i].rule->id == id)
                        return p->plan->data->dgi[i].rule->tolerated;
        return false;
}

static cw_rc check_response(struct perso *p, struct cw_span plain, const struct cw_rapdu *r,
                            struct cw_fault *f) {
        bool ok = r->sw == 0x9000 || tolerated(p, plain, r->sw);
        if (!ok)
                return cw_chip_fail_sw(f, "chip.store_data", r->sw,
                                       plain.ptr[1] == 0xe6 ? "the chip refuses the application"
                                                            : "the chip refuses its data");
        if (!(p->level & LEVEL_RMAC) || r->sw != 0x9000)
                return CW_OK;
        CW_WIPED(uint8_t, bytes, CW_APDU_PART_MAX);
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        if (r->len + 2 > CW_APDU_PART_MAX)
                return cw_chip_fail_sw(f, "chip.store_data", r->sw, "the chip answers too much data");
        memcpy(bytes, r->data, r->len);
        bytes[r->len] = (uint8_t)(r->sw >> 8);
        bytes[r->len + 1] = (uint8_t)r->sw;
        return cw_hsm_session_gp_unwrap(p->hsm, bytes, r->len + 2, &clear, f);
}

static cw_rc send_all(struct perso *p, struct cw_span plain_items, struct cw_span wrapped_items,
                      struct cw_fault *f) {
        struct cw_reader plain, wrapped;
        cw_reader_init(&plain, plain_items.ptr, plain_items.len);
        cw_reader_init(&wrapped, wrapped_items.ptr, wrapped_items.len);
        for (unsigned i = 0; i < p->result->total; i++) {
                CW_AUTO_RAPDU struct cw_rapdu r = {0};
                struct cw_span clear = cw_get_item(&plain), command = cw_get_item(&wrapped);
                if (plain.bad || wrapped.bad || clear.len < 5)
                        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.wrap", "",
                                       "the HSM process wrapped another number of commands than it got; "
                                       "compare the versions");
                if (CW_FAILPOINT("station.store.before"))
                        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RECONNECT, CW_E_IO), 0, "chip.store_data",
                                       "PRD_SMARTCARD", "the card went away while it was personalised");
                p->result->sent = i + 1;
                p->result->last_sent = i + 1 == p->result->total;
                cw_rc rc = cw_card_exchange(p->channel, command, p->plan->apdu_timeout_ms, &r, f);
                if (rc == CW_OK)
                        rc = check_response(p, clear, &r, f);
                if (rc != CW_OK)
                        return rc;
                if (p->plan->progress)
                        p->plan->progress(p->plan->ctx, i + 1, p->result->total);
        }
        return CW_OK;
}

static cw_rc store(struct perso *p, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *plain = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *wrapped = NULL;
        size_t count = 0;
        cw_rc rc = fill_sensitive(p, f);
        if (rc == CW_OK)
                rc = cw_perso_data_commands(p->plan->data, (p->level & LEVEL_RMAC) != 0, &plain, &count, f);
        if (rc == CW_OK)
                rc = cw_hsm_session_gp_wrap(p->hsm, plain->ptr, plain->len, &wrapped, f);
        if (rc != CW_OK)
                return rc;
        p->result->total = (unsigned)count;
        return send_all(p, CW_SPAN(plain->ptr, plain->len), CW_SPAN(wrapped->ptr, wrapped->len), f);
}

cw_rc cw_perso_run(struct cw_card_channel *c, struct cw_hsm_session *hsm, const struct cw_perso_plan *plan,
                   struct cw_perso_result *ret, struct cw_fault *f) {
        struct perso p = {.channel = c, .hsm = hsm, .plan = plan, .result = ret};
        *ret = (struct cw_perso_result){0};
        cw_rc rc = select_domain(&p, f);
        if (rc == CW_OK)
                rc = initialize(&p, f);
        if (rc == CW_OK)
                rc = judge_answer(&p, f);
        if (rc == CW_OK)
                rc = authenticate(&p, f);
        return rc == CW_OK ? store(&p, f) : rc;
}
