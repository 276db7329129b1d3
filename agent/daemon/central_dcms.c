/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Central production by the card management server itself: registerCard for the same account, to be delivered
 * by post. The server makes a new kit, so what the customer had before is kept with the report while its
 * request may have left: a kit that is not among them is then the answer that was lost.
 */
#include "agent/daemon/central.h"

#include <string.h>

#define LOOK_AGAIN_MS 2000

struct order {
        struct cw_daemon *daemon;
        const struct cw_outbox_item *item;
        struct cw_kit kit;
        char address_type[16];
        /* Kept with the report while the request may have left: "before" (kit numbers), "sent" (the server
         * said yes, only the number of the new kit is missing), "looked" (once, and it was not done). */
        json_t *note;
        bool earlier; /* the note is of an earlier try */
        cw_central_fn fn;
        void *ctx;
};

static void finish(struct order *o, cw_rc rc, const struct cw_fault *f, int64_t retry_after_ms,
                   const struct cw_central_made *made) {
        cw_central_fn fn = o->fn;
        void *ctx = o->ctx;
        json_decref(o->note);
        free(o);
        fn(ctx, rc, f, retry_after_ms, made);
}

static void ordered(struct order *o, const char *kit, bool confirmed) {
        CW_AUTO_JSON json_t *evidence = json_pack("{s:s, s:s, s:s, s:b}", "target", "dcms", "request",
                                                  o->item->idem, "kit", kit, "confirmed", confirmed);
        const struct cw_central_made made = {.evidence = evidence, .another_kit = true};
        finish(o, CW_OK, NULL, 0, &made);
}

/* ---- the note ---- */

static bool known(const struct order *o, const char *kit) {
        const json_t *before = json_object_get(o->note, "before");
        for (size_t i = 0; i < json_array_size(before); i++) {
                const char *one = json_string_value(json_array_get(before, i));
                if (one && strcmp(one, kit) == 0)
                        return true;
        }
        return false;
}

static bool noted(const struct order *o, const char *what) {
        return json_is_true(json_object_get(o->note, what));
}

static cw_rc keep(struct order *o, const json_t *note, struct cw_fault *f) {
        return cw_daemon_check(o->daemon, cw_journal_outbox_keep(o->daemon->journal, o->item->id, note, f),
                               f);
}

static cw_rc note_too(struct order *o, const char *what, struct cw_fault *f) {
        (void)json_object_set_new(o->note, what, json_true());
        return keep(o, o->note, f);
}

/*
 * The class says that nothing was done. When an earlier request may have left, that is not known: its note
 * stays, and a refusal may be the echo of our own success.
 */
static void not_done(struct order *o, cw_rc rc, const struct cw_fault *f, int64_t retry_after_ms) {
        struct cw_fault why = {0};
        const struct cw_central_made refused = {
            .refused = !o->earlier && (cw_rc_class(rc) == CW_C_REJECT || cw_rc_class(rc) == CW_C_FATAL)};
        cw_rc dropped = o->earlier || !o->note ? CW_OK : keep(o, NULL, &why);
        if (dropped == CW_OK)
                finish(o, rc, f, retry_after_ms, &refused);
        else
                finish(o, dropped, &why, 0, NULL);
}

/* ---- sending ---- */

static void on_kits(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply);

/* The answer is the customer with its new kits; the read back list of kits is none. */
static const char *answered_kit(const struct cw_dcms_reply *reply) {
        const json_t *infos = json_object_get(reply->result, "kitInfo");
        const char *kit = json_string_value(json_object_get(json_array_get(infos, 0), "kitNo"));
        return reply->confirmed || !kit ? "" : kit;
}

static void on_registered(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct order *o = ctx;
        struct cw_fault why = {0};
        if (cw_rc_class(rc) == CW_C_IN_DOUBT) { /* the note stays: the next try reads back first */
                finish(o, rc, f, reply->retry_after_ms, NULL);
                return;
        }
        if (rc != CW_OK) {
                not_done(o, rc, f, reply->retry_after_ms);
                return;
        }
        const char *kit = answered_kit(reply);
        if (*kit && !known(o, kit)) {
                ordered(o, kit, false);
                return;
        }
        rc = note_too(o, "sent", &why);
        if (rc == CW_OK)
                cw_dcms_kits_by_entity(o->daemon->dcms, o->item->entity, on_kits, o);
        else
                finish(o, rc, &why, 0, NULL);
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
                not_done(o, rc, &f, 0);
}

static const char *account_of(const struct cw_dcms_reply *reply, const char *kit) {
        for (size_t i = 0; i < reply->kit_count; i++)
                if (strcmp(reply->kits[i].kit_no, kit) == 0)
                        return reply->kits[i].account_no;
        return "";
}

static void order_card(struct order *o, const struct cw_dcms_reply *reply) {
        struct cw_fault why = {0};
        cw_rc rc = CW_OK;
        const char *account = account_of(reply, o->kit.kit);
        if (!*account) {
                rc = cw_fail(
                    &why, CW_RC(CW_L_UPSTREAM, CW_C_REJECT, CW_E_MISSING), 0, "central.dcms",
                    "PRD_NO_ACCOUNT",
                    "the server names no account for the kit, so no other card can be ordered for it; order "
                    "it at the bank, then cancel the job there");
                not_done(o, rc, &why, 0);
                return;
        }
        if (!o->note) {
                json_t *before = json_array();
                for (size_t i = 0; i < reply->kit_count; i++)
                        (void)json_array_append_new(before, json_string(reply->kits[i].kit_no));
                o->note = json_pack("{s:o}", "before", before);
        }
        (void)json_object_del(o->note, "looked");
        rc = keep(o, o->note, &why);
        if (rc == CW_OK)
                send_order(o, account);
        else
                finish(o, rc, &why, 0, NULL);
}

/* ---- reading back ---- */

/* Not there before, of the same plastic, and not the card of another order of ours. */
static cw_rc count_new(struct order *o, const struct cw_dcms_reply *reply, size_t *ret_count,
                       const char **ret_kit, struct cw_fault *f) {
        size_t count = 0;
        for (size_t i = 0; i < reply->kit_count; i++) {
                const struct cw_dcms_kit *k = &reply->kits[i];
                bool others = false;
                if (known(o, k->kit_no) || strcmp(k->plastic_code, o->kit.plastic_code) != 0)
                        continue;
                cw_rc rc = cw_daemon_check(
                    o->daemon, cw_journal_made_centrally(o->daemon->journal, k->kit_no, &others, f), f);
                if (rc != CW_OK)
                        return rc;
                if (!others && count++ == 0)
                        *ret_kit = k->kit_no;
        }
        *ret_count = count;
        return CW_OK;
}

static void ask_person(struct order *o, size_t count) {
        struct cw_fault f;
        const struct cw_central_made person = {.person = true};
        cw_rc rc = cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_IN_DOUBT, CW_E_STATE), (int64_t)count,
                           "central.dcms", "PRD_CENTRAL_UNCLEAR",
                           "the customer has %zu new kits of this product and only one can be of this order; "
                           "find out at the bank which one",
                           count);
        finish(o, rc, &f, 0, &person);
}

/* Nothing new is there: the server may still be at work, so it is looked at twice before it is sent anew. */
static void none_yet(struct order *o, const struct cw_dcms_reply *reply) {
        struct cw_fault f = {0};
        if (!noted(o, "sent") && noted(o, "looked")) {
                order_card(o, reply);
                return;
        }
        cw_rc rc = noted(o, "sent") ? CW_OK : note_too(o, "looked", &f);
        if (rc == CW_OK)
                rc = cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_STATE), 0, "central.dcms",
                             "PRD_CENTRAL_PENDING",
                             "the card may be ordered, but the server does not list its kit yet");
        finish(o, rc, &f, LOOK_AGAIN_MS, NULL);
}

static void on_kits(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct order *o = ctx;
        struct cw_fault why = {0};
        size_t count = 0;
        const char *kit = NULL;
        if (rc != CW_OK && o->note) {
                finish(o, rc, f, reply->retry_after_ms, NULL);
        } else if (rc != CW_OK) {
                not_done(o, rc, f, reply->retry_after_ms);
        } else if (!o->note) {
                order_card(o, reply);
        } else if ((rc = count_new(o, reply, &count, &kit, &why)) != CW_OK) {
                finish(o, rc, &why, 0, NULL);
        } else if (count == 1) {
                ordered(o, kit, true);
        } else if (count > 1) {
                ask_person(o, count);
        } else {
                none_yet(o, reply);
        }
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
                rc = cw_daemon_check(d, cw_journal_outbox_kept(d->journal, item->id, &o->note, &f), &f);
        }
        if (rc != CW_OK) {
                free(o);
                fn(ctx, rc, &f, 0, NULL);
                return;
        }
        o->earlier = o->note != NULL;
        cw_dcms_kits_by_entity(d->dcms, item->entity, on_kits, o);
}
