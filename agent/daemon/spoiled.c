/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/spoiled.h"

#include <string.h>

struct spoiled {
        struct cw_daemon *daemon;
        const struct cw_outbox_item *item;
        const char *operation;
        const char *address_type;
        cw_dcms_fn fn;
        void *ctx;
};

static const struct cw_config_product *product_of(struct cw_daemon *d, const char *kit,
                                                  struct cw_job_row *row) {
        struct cw_fault f = {0};
        cw_rc rc = cw_daemon_check(d, cw_journal_job_by_kit(d->journal, kit, row, &f), &f);
        return rc == CW_OK ? cw_config_product(d->config, row->kit.plastic_code) : NULL;
}

const char *cw_spoiled_operation(struct cw_daemon *d, const struct cw_outbox_item *item) {
        struct cw_job_row row;
        const struct cw_config_product *product = product_of(d, item->kit, &row);
        /* No plastic, or a good one that nobody collected: nothing is spoiled. */
        if (!product || item->report != CW_REPORT_FAILED || row.job.plastic == 0 ||
            row.job.place != CW_PLACE_SPOILED)
                return NULL;
        switch (product->spoiled_kit) {
        case CW_SPOILED_BLOCK:
                return "BLOCK";
        case CW_SPOILED_REPLACE:
                return "BLOCK_AND_REPLACE";
        case CW_SPOILED_RETURN:
                break;
        }
        return NULL;
}

static void end(struct spoiled *s, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        s->fn(s->ctx, rc, f, reply);
        free(s);
}

static void on_managed(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        end(ctx, rc, f, reply);
}

static void manage(struct spoiled *s, const struct cw_dcms_reply *reply) {
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *fields = json_pack("{s:s, s:s, s:s}", "entityId", s->item->entity, "oldKit",
                                                s->item->kit, "operation", s->operation);
        if (strcmp(s->operation, "BLOCK_AND_REPLACE") == 0) {
                (void)json_object_set_new(fields, "cardType", json_string("PHYSICAL"));
                (void)json_object_set_new(fields, "deliveryAddress", json_string(s->address_type));
        }
        const struct cw_dcms_named named = {
            .name = "kit-manager.manageKit", .fields = fields, .request_id = s->item->idem};
        cw_rc rc = cw_dcms_call_named(s->daemon->dcms, &named, on_managed, s, &f);
        if (rc != CW_OK)
                end(s, rc, &f, reply);
}

static void on_state(void *ctx, cw_rc rc, const struct cw_fault *f, const struct cw_dcms_reply *reply) {
        struct spoiled *s = ctx;
        struct cw_fault why = {0};
        const char *status = reply->kit_count == 1 ? reply->kits[0].card_status : "";
        if (rc != CW_OK) {
                end(s, rc, f, reply);
        } else if (strcmp(status, "REPLACED") == 0 ||
                   (strcmp(status, "BLOCKED") == 0 && strcmp(s->operation, "BLOCK") == 0)) {
                end(s, CW_OK, NULL, reply);
        } else if (strcmp(status, "BLOCKED") == 0 || !*status) {
                rc = cw_fail(&why, CW_RC(CW_L_UPSTREAM, CW_C_IN_DOUBT, CW_E_STATE), 0, "kit.spoiled",
                             "KIT_BLOCKED",
                             "the kit of the spoiled card is %s at the bank; find out there whether it was "
                             "replaced, then send the report again",
                             *status ? "blocked already" : "not found");
                end(s, rc, &why, reply);
        } else {
                manage(s, reply);
        }
}

void cw_spoiled_manage(struct cw_daemon *d, const struct cw_outbox_item *item, const char *operation,
                       cw_dcms_fn fn, void *ctx) {
        struct cw_job_row row;
        const struct cw_config_product *product = product_of(d, item->kit, &row);
        struct spoiled *s = calloc(1, sizeof *s);
        if (!s || !product) {
                struct cw_fault f = {0};
                const struct cw_dcms_reply nothing = {0};
                cw_rc rc = cw_fail(&f, CW_RC(CW_L_UPSTREAM, CW_C_RETRY, CW_E_NOMEM), 0, "kit.spoiled", "",
                                   "no memory to block the kit of a spoiled card");
                free(s);
                fn(ctx, rc, &f, &nothing);
                return;
        }
        *s = (struct spoiled){.daemon = d,
                              .item = item,
                              .operation = operation,
                              .address_type = product->address_type,
                              .fn = fn,
                              .ctx = ctx};
        const char *const kits[] = {item->kit};
        const struct cw_dcms_kit_filter filter = {
            .kit_nos = kits, .kit_no_count = 1, .branch_id = d->config->agent.branch_id};
        cw_dcms_kits_inventory(d->dcms, &filter, on_state, s);
}
