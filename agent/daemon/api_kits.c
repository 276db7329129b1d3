/* SPDX-License-Identifier: Apache-2.0 */
/* Kits that leave the branch's stock: filed by one operator, approved by another. */
#include "agent/daemon/api_dcms.h"
#include "agent/daemon/kit_requests.h"

#include <stdlib.h>
#include <string.h>

static struct cw_kit_requests *requests_of(struct cw_daemon *d, struct cw_control_request *r) {
        if (!d->kit_requests)
                d->kit_requests = cw_kit_requests_new();
        if (!d->kit_requests)
                cw_bank_refuse(r, CW_E_NOMEM, "out of memory");
        return d->kit_requests;
}

void cw_api_kit_requests(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_kit_requests *q = requests_of(d, r);
        if (q)
                cw_control_reply(
                    r, json_pack("{s:o}", "requests", cw_kit_requests_json(q, cw_wall_ms(d->clock))));
}

/* {"kind": "transfer", "to_branch", "kits"} or {"kind": "expire" | "expire-pack", "kits": [one]} */
static const char *read_draft(const struct cw_daemon *d, struct cw_control_request *r,
                              struct cw_kit_request *draft) {
        const json_t *b = cw_control_body(r);
        const char *kind = json_string_value(json_object_get(b, "kind"));
        const char *to = json_string_value(json_object_get(b, "to_branch"));
        enum cw_kit_request_kind k = CW_KIT_TRANSFER;
        while (kind && k <= CW_KIT_EXPIRE_PACK && strcmp(kind, cw_kit_request_kind_name(k)) != 0)
                k = (enum cw_kit_request_kind)(k + 1);
        if (!kind || k > CW_KIT_EXPIRE_PACK)
                return "the body needs \"kind\": \"transfer\", \"expire\" or \"expire-pack\"";
        draft->kind = k;
        draft->kits = json_object_get(b, "kits");
        draft->maker_uid = cw_control_uid(r);
        (void)snprintf(draft->maker, sizeof draft->maker, "%s", cw_control_actor(r));
        if (k != CW_KIT_TRANSFER)
                return NULL;
        if (!to || !*to || strlen(to) >= sizeof draft->to_branch)
                return "a transfer needs \"to_branch\"";
        if (strcmp(to, d->config->agent.branch_id) == 0)
                return "the kits are at that branch already";
        (void)snprintf(draft->to_branch, sizeof draft->to_branch, "%s", to);
        return NULL;
}

void cw_api_kit_request(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_kit_request draft = {0};
        const struct cw_kit_request *filed = NULL;
        struct cw_kit_requests *q = requests_of(d, r);
        if (!q)
                return;
        const char *why = read_draft(d, r, &draft);
        if (why) {
                cw_bank_refuse(r, CW_E_SYNTAX, why);
                return;
        }
        cw_rc rc = cw_kit_requests_file(q, &draft, cw_wall_ms(d->clock), &filed, &f);
        if (rc == CW_OK) {
                rc = cw_bank_audit(d, r, "kit.request", cw_kit_request_json(filed), &f);
                /* What is not in the audit log does not exist. */
                if (rc != CW_OK)
                        cw_kit_requests_ended(q, filed->id, true);
        }
        if (rc == CW_OK)
                cw_control_reply(r, cw_kit_request_json(filed));
        else
                cw_control_fail(r, &f);
}

void cw_api_kit_drop(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_kit_requests *q = requests_of(d, r);
        if (!q)
                return;
        cw_rc rc = cw_kit_requests_drop(q, cw_control_segment(r), cw_wall_ms(d->clock), &f);
        if (rc == CW_OK)
                rc = cw_bank_audit(d, r, "kit.drop", json_pack("{s:s}", "id", cw_control_segment(r)), &f);
        if (rc == CW_OK)
                cw_control_reply(r, json_pack("{s:s, s:b}", "id", cw_control_segment(r), "dropped", 1));
        else
                cw_control_fail(r, &f);
}

/* ---- carrying it out ---- */

/* Kits move one by one: the server's list of those that did not goes to the person. */
static void add_failed(const json_t *result, struct cw_fault *f) {
        const json_t *failed = json_object_get(result, "failedKitNo");
        size_t used = strlen(f->text);
        for (size_t i = 0; i < json_array_size(failed) && used + 48 < sizeof f->text; i++) {
                const char *kit = json_string_value(json_array_get(failed, i));
                if (!kit || strlen(kit) > 31)
                        continue;
                (void)snprintf(f->text + used, sizeof f->text - used, "%s%s",
                               i ? ", " : "; not moved: ", kit);
                used = strlen(f->text);
        }
}

static void on_done(struct cw_bank_ask *ask, cw_rc rc, const struct cw_fault *f,
                    const struct cw_dcms_reply *reply) {
        /* Only what surely was not done may be approved again. */
        cw_kit_requests_ended(ask->daemon->kit_requests, ask->subject, cw_rc_class(rc) != CW_C_RETRY);
        if (rc == CW_OK) {
                cw_control_reply(ask->request, cw_bank_answer(ask, reply));
                return;
        }
        struct cw_fault told = *f;
        add_failed(reply->result, &told);
        cw_control_fail(ask->request, &told);
}

static json_t *fields_of(const struct cw_daemon *d, const struct cw_kit_request *q, const char *checker) {
        if (q->kind == CW_KIT_TRANSFER)
                return json_pack("{s:s, s:s, s:O, s:s, s:s, s:s}", "fromBranch", d->config->agent.branch_id,
                                 "toBranch", q->to_branch, "kitNo", q->kits, "creator", q->maker, "chnager",
                                 checker, "approver", checker);
        return json_pack("{s:O}", q->kind == CW_KIT_EXPIRE ? "kitNo" : "parentKitNo",
                         json_array_get(q->kits, 0));
}

void cw_api_kit_approve(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_kit_request *approved = NULL;
        struct cw_bank_ask ask = {.what = "kit.approve", .done = on_done};
        struct cw_kit_requests *q = requests_of(d, r);
        if (!q)
                return;
        cw_rc rc = cw_kit_requests_approve(q, cw_control_segment(r), cw_control_uid(r), cw_wall_ms(d->clock),
                                           &approved, &f);
        if (rc != CW_OK) {
                cw_control_fail(r, &f);
                return;
        }
        (void)snprintf(ask.subject, sizeof ask.subject, "%s", approved->id);
        cw_bank_ask(d, r, &ask,
                    approved->kind == CW_KIT_TRANSFER ? "inventory.kitsTransfer"
                                                      : "inventory.instaKit.expire",
                    fields_of(d, approved, cw_control_actor(r)), NULL, 0, cw_kit_request_json(approved));
}
