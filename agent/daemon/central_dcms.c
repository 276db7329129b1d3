/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Central production by the card management server itself: registerCard for the same account, to be delivered
 * by post. The server makes a new kit, so what the customer had before is kept with the report before
 * anything is sent: after a restart a kit that is not among them is the answer that was lost.
 */
#include "agent/daemon/central.h"

#include <string.h>

struct order {
        struct cw_daemon *daemon;
        const struct cw_outbox_item *item;
        struct cw_kit kit;
        char address_type[16];
        json_t *before; /* kit numbers, kept with the report */
        bool kept;      /* by an earlier try: it may have been sent */
        bool sent;      /* the server said yes, only the number of the new kit is missing */
        cw_central_fn fn;
        void *ctx;
};

static void finish(struct order *o, cw_rc rc, const struct cw_fault *f, int64_t retry_after_ms,
                   const struct cw_central_made *made) {
        cw_central_fn fn = o->fn;
        void *ctx = o->ctx;
        json_decref(o->before);
        free(o);
        fn(ctx, rc, f, retry_after_ms, made);
}

static void ordered(struct order *o, const char *kit, bool confirmed) {
        CW_AUTO_JSON json_t *evidence = json_pack("{s:s, s:s, s:s, s:b}", "target", "dcms", "request",
                                                  o->item->idem, "kit", kit, "confirmed", confirmed);
        const struct cw_central_made made = {.evidence = evidence, .another_kit = true};
        finish(o, CW_OK, NULL, 0, &made);
}

static bool known(const struct order *o, const char *kit) {
        for (size_t i = 0; i < json_array_size(o->before); i++)
                if (strcmp(json_string_value(json_array_get(o->before, i)), kit) == 0)
                        return true;
        return false;
}

static void on_kits(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply);

static void on_registered(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct order *o = ctx;
        const struct cw_central_made doubt = {.person = true};
        const json_t *first = json_is_array(reply->result) ? json_array_get(reply->result, 0) : reply->result;
        const char *kit = json_string_value(json_object_get(first, "kitNo"));
        if (rc == CW_OK && kit) {
                ordered(o, kit, reply->confirmed);
        } else if (rc == CW_OK) {
                o->sent = o->kept = true;
                cw_dcms_kits_by_entity(o->daemon->dcms, o->item->entity, on_kits, o);
        } else
                finish(o, rc, f, reply->retry_after_ms, cw_rc_class(rc) == CW_C_IN_DOUBT ? &doubt : NULL);
}

static void send_order(struct order *o, const char *account) {
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *fields =
            json_pack("{s:s, s:s, s:[{s:s, s:s, s:s, s:s}]}", "entityId", o->item->entity, "deliveryAddress",
                      o->address_type, "kitInfo", "accountNo", account, "cardType", "PHYSICAL", "plasticCode",
                      o->kit.plastic_code, "aliasName", o->kit.name);
        const struct cw_dcms_named named = {
            .name = "registerCard", .fields = fields, .request_id = o->item->idem};
        cw_rc rc = cw_dcms_call_named(o->daemon->dcms, &named, on_registered, o, &f);
        if (rc != CW_OK)
                finish(o, rc, &f, 0, NULL);
}

static const char *account_of(const struct cw_dcms_reply *reply, const char *kit) {
        for (size_t i = 0; i < reply->kit_count; i++)
                if (strcmp(reply->kits[i].kit_no, kit) == 0)
                        return reply->kits[i].account_no;
        return "";
}

/* An earlier try may have been carried out: the kit it made is the one that was not there before. */
static const struct cw_dcms_kit *made_meanwhile(const struct order *o, const struct cw_dcms_reply *reply) {
        for (size_t i = 0; o->kept && i < reply->kit_count; i++)
                if (!known(o, reply->kits[i].kit_no) &&
                    strcmp(reply->kits[i].plastic_code, o->kit.plastic_code) == 0)
                        return &reply->kits[i];
        return NULL;
}

static cw_rc keep(struct order *o, const struct cw_dcms_reply *reply, struct cw_fault *f) {
        if (o->kept)
                return CW_OK;
        o->before = json_array();
        for (size_t i = 0; i < reply->kit_count; i++)
                (void)json_array_append_new(o->before, json_string(reply->kits[i].kit_no));
        return cw_daemon_check(o->daemon,
                               cw_journal_outbox_keep(o->daemon->journal, o->item->id, o->before, f), f);
}

static void on_kits(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct order *o = ctx;
        struct cw_fault why = {0};
        if (rc != CW_OK) { /* the kits from before are kept: the next try finds the new one */
                finish(o, rc, f, reply->retry_after_ms, NULL);
                return;
        }
        const struct cw_dcms_kit *made = made_meanwhile(o, reply);
        if (made) {
                ordered(o, made->kit_no, true);
                return;
        }
        if (o->sent) {
                ordered(o, "", true);
                return;
        }
        const char *account = account_of(reply, o->kit.kit);
        if (!*account)
                rc = cw_fail(
                    &why, CW_RC(CW_L_UPSTREAM, CW_C_REJECT, CW_E_MISSING), 0, "central.dcms",
                    "PRD_NO_ACCOUNT",
                    "the server names no account for the kit, so no other card can be ordered for it; order "
                    "it at the bank, then cancel the job there");
        if (rc == CW_OK)
                rc = keep(o, reply, &why);
        if (rc == CW_OK)
                send_order(o, account);
        else
                finish(o, rc, &why, 0, NULL);
}

void cw_central_dcms_order(struct cw_daemon *d, const struct cw_outbox_item *item,
                           const struct cw_job_row *row, cw_central_fn fn, void *ctx) {
        struct cw_fault f = {0};
        struct order *o = calloc(1, sizeof *o);
        const struct cw_config_product *p = cw_config_product(d->config, row->kit.plastic_code);
        cw_rc rc = o ? CW_OK
                     : cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, "central.dcms", "",
                               "out of memory");
        if (rc == CW_OK) {
                *o = (struct order){.daemon = d, .item = item, .kit = row->kit, .fn = fn, .ctx = ctx};
                (void)snprintf(o->address_type, sizeof o->address_type, "%s", p->address_type);
                rc = cw_daemon_check(d, cw_journal_outbox_kept(d->journal, item->id, &o->before, &f), &f);
        }
        if (rc != CW_OK) {
                free(o);
                fn(ctx, rc, &f, 0, NULL);
                return;
        }
        o->kept = o->before != NULL;
        cw_dcms_kits_by_entity(d->dcms, item->entity, on_kits, o);
}
