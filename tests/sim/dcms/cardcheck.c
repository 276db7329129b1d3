/* SPDX-License-Identifier: Apache-2.0 */
#include "cardcheck.h"

#include <string.h>

#include <openssl/crypto.h>

#include "endpoints.h"
#include "profile.h"
#include "text.h"

static bool ends_with_six(struct cw_dsim *sim, const struct cw_dsim_kit *kit, const char *six) {
        char pan[CW_DSIM_PAN_MAX];
        bool same = cw_dsim_is_digits(six, 6, 6) && cw_dsim_kit_pan(sim, kit->kit_no, pan) &&
                    strcmp(pan + strlen(pan) - 6, six) == 0;
        OPENSSL_cleanse(pan, sizeof pan);
        return same;
}

static bool is_mobile_of(struct cw_dsim *sim, const char *entity_id, const char *mobile) {
        CW_AUTO_JSON json_t *profile = cw_dsim_profile_load(sim, entity_id);
        return cw_dsim_profile_has_mobile(profile, mobile);
}

/* The one card that fits digits, expiry, mobile number and, when the page has it, the entity. */
static bool find_card(const struct cw_dsim_call *call, struct cw_dsim_kit *ret) {
        struct cw_dsim *sim = call->sim;
        const char *entity = cw_dsim_body_text(call, "entityId", NULL);
        CW_AUTO(sqlite3_finalize)
        sqlite3_stmt *stmt =
            cw_dsim_store_query(sim->db,
                                "SELECT " CW_DSIM_KIT_COLUMNS
                                " FROM kit WHERE entity_id IS NOT NULL AND (?1 IS NULL OR entity_id = ?1)"
                                " ORDER BY serial",
                                "t", entity);
        while (cw_dsim_store_step(stmt)) {
                cw_dsim_kit_read(stmt, ret);
                if (ends_with_six(sim, ret, cw_dsim_body_text(call, "cardNoLastSix", "")) &&
                    cw_dsim_expiry_matches(call, ret) &&
                    is_mobile_of(sim, ret->entity_id, cw_dsim_body_text(call, "mobileNo", "")))
                        return true;
        }
        return false;
}

static void answer_card(const struct cw_dsim_call *call, struct cw_dsim_reply *reply,
                        const struct cw_dsim_kit *kit) {
        reply->result =
            json_pack("{s:s, s:s, s:s, s:o}", "entityId", kit->entity_id, "kitNo", kit->kit_no, "cardStatus",
                      kit->status, "accountInfo", cw_dsim_profile_accounts(call->sim, kit->entity_id, NULL));
}

void cw_dsim_cardcheck_card(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        struct cw_dsim_kit kit;
        if (find_card(call, &kit))
                answer_card(call, reply, &kit);
        else
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_CARD_CHECK, "Invalid card details");
}

static bool cvv_matches(const struct cw_dsim_call *call, const struct cw_dsim_kit *kit) {
        char cvv[4];
        bool same =
            cw_dsim_kit_cvv(call->sim, kit, cvv) && strcmp(cvv, cw_dsim_body_text(call, "cvv", "")) == 0;
        OPENSSL_cleanse(cvv, sizeof cvv);
        return same;
}

static void ending(const struct cw_dsim_call *call, struct cw_dsim_reply *reply, bool v2) {
        struct cw_dsim_kit kit;
        if (!find_card(call, &kit) || (!v2 && !cvv_matches(call, &kit)))
                cw_dsim_refuse(&call->sim->cfg, reply, CW_DSIM_E_CARD_ENDING, "Invalid credentials");
        else if (cw_dsim_pin_matches(call, reply, &kit, v2))
                answer_card(call, reply, &kit);
}

void cw_dsim_cardcheck_ending_v1(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        ending(call, reply, false);
}

void cw_dsim_cardcheck_ending_v2(const struct cw_dsim_call *call, struct cw_dsim_reply *reply) {
        ending(call, reply, true);
}
