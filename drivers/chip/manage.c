/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/manage.h"

#include "drivers/chip/perso_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX 8192u
#define PARTS_MAX 64
#define SW_MORE 0x6310u

struct cw_manage {
        struct cw_profile profile; /* nothing but the way to the domain */
        struct cw_perso_data data;
        struct cw_perso_plan plan;
        struct cw_perso_result result;
        struct cw_perso perso;
};

static void prepare(struct cw_manage *m, struct cw_card_channel *c, struct cw_hsm_session *hsm,
                    const struct cw_manage_plan *plan) {
        m->profile.flow = CW_FLOW_SECURITY_DOMAIN;
        m->profile.security_domain = *plan->domain;
        m->data.profile = &m->profile;
        m->plan = (struct cw_perso_plan){.data = &m->data,
                                         .scp = plan->scp,
                                         .level = plan->level,
                                         .discover = true,
                                         .apdu_timeout_ms = plan->apdu_timeout_ms,
                                         .told = plan->told,
                                         .ctx = plan->ctx};
        m->perso = (struct cw_perso){.channel = c, .hsm = hsm, .plan = &m->plan, .result = &m->result};
}

static cw_rc no_memory(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), 0, "chip.manage", "",
                       "no memory; free some");
}

void cw_manage_close(struct cw_manage *m) {
        free(m);
}

static void tell_keys(struct cw_perso *p) {
        static const char *const ciphers[] = {"other", "DES", "AES"};
        const struct cw_gp_facts *facts = &p->facts;
        for (size_t i = 0; i < facts->key_count; i++) {
                char ids[CW_GP_KEYS_MAX * 3 + 1] = "";
                bool seen = false;
                for (size_t k = 0; k < i; k++)
                        seen |= facts->keys[k].kvn == facts->keys[i].kvn;
                for (size_t k = i, n = 0; k < facts->key_count && !seen; k++)
                        if (facts->keys[k].kvn == facts->keys[i].kvn)
                                n += (size_t)snprintf(ids + n, sizeof ids - n, " %02X", facts->keys[k].id);
                if (!seen)
                        cw_perso_tell(p, "key-info", "version %02X: %s keys%s", facts->keys[i].kvn,
                                      ciphers[facts->keys[i].cipher], ids);
        }
        if (facts->key_count == 0)
                cw_perso_tell(p, "key-info", "the card lists no keys");
}

cw_rc cw_manage_look(struct cw_card_channel *c, const struct cw_manage_plan *plan, struct cw_fault *f) {
        CW_AUTO(cw_manage_close) struct cw_manage *m = calloc(1, sizeof *m);
        if (!m)
                return no_memory(f);
        prepare(m, c, NULL, plan);
        cw_rc rc = cw_perso_look(&m->perso, f);
        if (rc == CW_OK)
                tell_keys(&m->perso);
        return rc;
}

cw_rc cw_manage_open(struct cw_card_channel *c, struct cw_hsm_session *hsm, const struct cw_manage_plan *plan,
                     struct cw_manage **ret, struct cw_fault *f) {
        CW_AUTO(cw_manage_close) struct cw_manage *m = calloc(1, sizeof *m);
        if (!m)
                return no_memory(f);
        prepare(m, c, hsm, plan);
        cw_rc rc = cw_perso_open(&m->perso, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(m);
        return rc;
}

/* ---- GET STATUS ---- */

static cw_rc bad_answer(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.get_status", "",
                       "the card's answer to GET STATUS is none (GP 11.4.3)");
}

/* All parts of one answer: SW 6310 says that there is more. */
static cw_rc collect(struct cw_manage *m, uint8_t of, bool tlv, uint8_t *bytes, size_t *ret_len,
                     uint16_t *ret_sw, struct cw_fault *f) {
        size_t len = 0;
        uint16_t sw = SW_MORE;
        for (int part = 0; part < PARTS_MAX && sw == SW_MORE; part++) {
                CW_AUTO(cw_secret_free) struct cw_secret *data = NULL;
                struct cw_command command;
                cw_gp_get_status(of, part > 0, &command);
                if (!tlv)
                        command.bytes[3] &= (uint8_t)~0x02u;
                cw_rc rc = cw_perso_secured(&m->perso, &command, NULL, &data, &sw, f);
                if (rc != CW_OK)
                        return rc;
                if (data->len > ANSWER_MAX - len)
                        return bad_answer(f);
                memcpy(bytes + len, data->ptr, data->len);
                len += data->len;
        }
        *ret_len = len;
        *ret_sw = sw;
        return CW_OK;
}

static cw_rc each_entry(uint8_t of, bool tlv, struct cw_span rest,
                        void (*each)(void *ctx, uint8_t of, const struct cw_gp_status *s), void *ctx,
                        struct cw_fault *f) {
        for (;;) {
                struct cw_gp_status s;
                enum cw_gp_status_result got =
                    tlv ? cw_gp_status_next(&rest, &s) : cw_gp_status_plain_next(of, &rest, &s);
                if (got == CW_GP_STATUS_END)
                        return CW_OK;
                if (got == CW_GP_STATUS_BAD)
                        return bad_answer(f);
                each(ctx, of, &s);
        }
}

/* Older cards know the form without tags only. Nothing there (6A88) and "not asked like this" (6A86, also by
 * cards that keep no list of modules) are answers. */
cw_rc cw_manage_status(struct cw_manage *m, uint8_t of,
                       void (*each)(void *ctx, uint8_t of, const struct cw_gp_status *s), void *ctx,
                       struct cw_fault *f) {
        uint8_t bytes[ANSWER_MAX];
        size_t len = 0;
        uint16_t sw = 0;
        bool tlv = true;
        cw_rc rc = collect(m, of, true, bytes, &len, &sw, f);
        if (rc == CW_OK && sw == 0x6a86) {
                tlv = false;
                rc = collect(m, of, false, bytes, &len, &sw, f);
        }
        if (rc != CW_OK || sw == 0x6a88 || sw == 0x6a86)
                return rc;
        if (sw != 0x9000)
                return cw_chip_fail_sw(f, "chip.get_status", sw, "the card does not tell what is on it");
        return each_entry(of, tlv, CW_SPAN(bytes, len), each, ctx, f);
}

cw_rc cw_manage_delete(struct cw_manage *m, const struct cw_aid *aid, bool related, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *data = NULL;
        struct cw_command command;
        uint16_t sw = 0;
        cw_gp_delete(aid, related, &command);
        return cw_perso_secured(&m->perso, &command, "the card does not delete it", &data, &sw, f);
}
