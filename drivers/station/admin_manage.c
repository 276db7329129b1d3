/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on a card that belongs to no job (card.status), and DELETE (card.delete). Nothing that is told is
 * secret: names, life cycle states, key versions.
 */
#include "drivers/station/admin_internal.h"

#include "base/log.h"
#include "drivers/chip/manage.h"
#include "base/status_word.h"

#include <stdio.h>
#include <string.h>

static void on_told(void *ctx, const char *step, const char *text) {
        cw_admin_line(ctx, step, "ok", text);
}

static cw_rc plan_of(struct cw_admin_card *a, struct cw_aid *domain, struct cw_manage_plan *ret,
                     struct cw_fault *f) {
        if (!cw_aid_parse(cw_msg_str(a->request, "domain", ""), true, domain))
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX), 0, "station.admin", "",
                               "the security domain is no name of 5 to 16 bytes in hex");
        *ret = (struct cw_manage_plan){.domain = domain,
                                       .scp = (uint8_t)cw_msg_int(a->request, "scp", 0),
                                       .level = (uint8_t)cw_msg_int(a->request, "level", 0),
                                       .apdu_timeout_ms = CW_APDU_TIMEOUT_MS,
                                       .told = on_told,
                                       .ctx = a};
        return CW_OK;
}

/* ---- card.status ---- */

static const char *kind_of(uint8_t of) {
        switch (of) {
        case CW_STATUS_DOMAIN:
                return "domain";
        case CW_STATUS_APPLICATION:
                return "application";
        default:
                return "package";
        }
}

static void on_entry(void *ctx, uint8_t of, const struct cw_gp_status *s) {
        char aid[2 * CW_AID_MAX + 1], privileges[7] = "", package[2 * CW_AID_MAX + 1] = "", text[160];
        const char *word = of == CW_STATUS_DOMAIN        ? cw_gp_card_state(s->state)
                           : of == CW_STATUS_APPLICATION ? cw_gp_application_state(s->state)
                                                         : "LOADED";
        (void)cw_hex_encode(s->aid.bytes, s->aid.len, aid, sizeof aid);
        (void)cw_hex_encode(s->privileges, s->privileges_len, privileges, sizeof privileges);
        (void)cw_hex_encode(s->package.bytes, s->package.len, package, sizeof package);
        (void)snprintf(text, sizeof text, "%s %02X%s%s%s%s%s%s", aid, s->state, *word ? " " : "", word,
                       *privileges ? ", privileges " : "", privileges, *package ? ", of " : "", package);
        cw_admin_line(ctx, kind_of(of), "ok", text);
}

/* Load files with their modules, or alone where the card keeps no list of these. */
static cw_rc list_all(struct cw_admin_card *a, struct cw_manage *m, struct cw_fault *f) {
        static const uint8_t all[] = {CW_STATUS_DOMAIN, CW_STATUS_APPLICATION, CW_STATUS_FILES};
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < sizeof all && rc == CW_OK; i++)
                rc = cw_manage_status(m, all[i], on_entry, a, f);
        return rc;
}

static cw_rc look(struct cw_admin_card *a, struct cw_fault *f) {
        struct cw_aid domain;
        struct cw_manage_plan plan;
        cw_rc rc = cw_admin_take_session(a, f);
        if (rc == CW_OK)
                rc = cw_admin_connect(a, f);
        if (rc == CW_OK)
                rc = plan_of(a, &domain, &plan, f);
        if (rc == CW_OK)
                rc = cw_manage_look(a->channel, &plan, f);
        if (rc != CW_OK || !a->session) {
                if (rc == CW_OK)
                        cw_admin_line(a, "get-status", "unknown",
                                      "what is on the card needs its keys: a session of hsmd on a token for "
                                      "tests");
                return rc;
        }
        CW_AUTO(cw_manage_close) struct cw_manage *m = NULL;
        plan.told = NULL; /* domain, chip and keys were told */
        rc = cw_manage_open(a->channel, a->session, &plan, &m, f);
        return rc == CW_OK ? list_all(a, m, f) : rc;
}

struct cw_msg *cw_admin_card_status(struct cw_admin_card *a) {
        struct cw_fault f = {0};
        cw_rc rc = look(a, &f);
        if (rc != CW_OK)
                cw_admin_line(a, "failed", "failed", f.text);
        return rc == CW_OK ? cw_msg_ok(a->request) : cw_msg_error(a->request, &f);
}

/* ---- card.delete ---- */

struct search {
        const struct cw_aid *aid;
        bool found;
};

static void on_search(void *ctx, uint8_t of, const struct cw_gp_status *s) {
        struct search *search = ctx;
        (void)of;
        search->found |=
            s->aid.len == search->aid->len && memcmp(s->aid.bytes, search->aid->bytes, s->aid.len) == 0;
}

static cw_rc find(struct cw_manage *m, const struct cw_aid *aid, bool *ret, struct cw_fault *f) {
        struct search search = {aid, false};
        cw_rc rc = cw_manage_status(m, CW_STATUS_APPLICATION, on_search, &search, f);
        if (rc == CW_OK)
                rc = cw_manage_status(m, CW_STATUS_FILES, on_search, &search, f);
        if (rc == CW_OK)
                *ret = search.found;
        return rc;
}

/* Only what is there, and only gone when the card does not list it any more. *ret_doubt from before DELETE
 * until the card has surely refused it: what fails behind its answer does not undo it. */
static cw_rc delete_it(struct cw_manage *m, const struct cw_aid *aid, bool related, bool *ret_doubt,
                       struct cw_fault *f) {
        bool there = false;
        cw_rc rc = find(m, aid, &there, f);
        if (rc == CW_OK && !there)
                rc = cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_NOT_FOUND), 0, "station.delete", "",
                             "the card has no application and no package of this name; look with "
                             "\"cardwright station card status\"");
        if (rc != CW_OK)
                return rc;
        *ret_doubt = true;
        rc = cw_manage_delete(m, aid, related, f);
        if (rc == CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW))
                *ret_doubt = !cw_sw_surely_refused((uint16_t)f->native);
        if (rc == CW_OK)
                rc = find(m, aid, &there, f);
        if (rc == CW_OK && there)
                rc = cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_MISMATCH), 0, "station.delete", "",
                             "the card says that it is deleted and lists it still");
        return rc;
}

static cw_rc take_name(const struct cw_admin_card *a, struct cw_aid *ret, struct cw_fault *f) {
        if (!a->session)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_MISSING), 0, "station.admin", "",
                               "DELETE needs a session of hsmd");
        if (cw_aid_parse(cw_msg_str(a->request, "aid", ""), false, ret))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX), 0, "station.admin", "",
                       "what is to be deleted has a name of 5 to 16 bytes in hex");
}

static cw_rc remove_it(struct cw_admin_card *a, bool *ret_doubt, struct cw_fault *f) {
        CW_AUTO(cw_manage_close) struct cw_manage *m = NULL;
        struct cw_aid domain, aid = {0};
        struct cw_manage_plan plan;
        cw_rc rc = cw_admin_take_session(a, f);
        if (rc == CW_OK)
                rc = take_name(a, &aid, f);
        if (rc == CW_OK)
                rc = plan_of(a, &domain, &plan, f);
        if (rc == CW_OK)
                rc = cw_admin_connect(a, f);
        if (rc == CW_OK)
                rc = cw_manage_open(a->channel, a->session, &plan, &m, f);
        return rc == CW_OK ? delete_it(m, &aid, cw_msg_bool(a->request, "related", false), ret_doubt, f) : rc;
}

struct cw_msg *cw_admin_card_delete(struct cw_admin_card *a) {
        struct cw_fault f = {0};
        bool doubt = false;
        cw_rc rc = remove_it(a, &doubt, &f);
        const char *outcome = rc == CW_OK ? "deleted" : doubt ? "in-doubt" : "untouched";
        if (rc != CW_OK)
                cw_admin_line(a, "failed", "failed", f.text);
        cw_admin_line(a, "delete", rc == CW_OK ? "ok" : "failed", outcome);
        cw_log(CW_EV_CARD_DELETE, CW_F_STR("AID", cw_msg_str(a->request, "aid", "")),
               CW_F_STR("OUTCOME", outcome));
        return rc == CW_OK ? cw_msg_ok(a->request) : cw_msg_error(a->request, &f);
}
