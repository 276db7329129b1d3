/* SPDX-License-Identifier: Apache-2.0 */
/* The typed calls: arguments to request body. */
#include "agent/upstream/client.h"

#include "agent/upstream/rc.h"

#include <string.h>

#define PAGE_SIZE 50

void cw_dcms_login(struct cw_dcms *d, cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_LOGIN);
        cw_request_text(&r, "username", d->config->server.username);
        cw_request_secret(&r, "password", d->password);
        (void)cw_call_new(d, &r, NULL, fn, ctx);
}

void cw_dcms_orders_received(struct cw_dcms *d, cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_ORDERS_RECEIVED);
        (void)cw_call_new(d, &r, NULL, fn, ctx);
}

void cw_dcms_order_process(struct cw_dcms *d, const char *order_id, const char *request_id, cw_dcms_fn fn,
                           void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_ORDER_PROCESS);
        cw_request_text(&r, "orderId", order_id);
        (void)cw_call_new(d, &r, request_id, fn, ctx);
}

void cw_dcms_order_status(struct cw_dcms *d, const char *order_id, cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_ORDER_STATUS);
        cw_request_text(&r, "cardOrderId", order_id);
        (void)cw_call_new(d, &r, NULL, fn, ctx);
}

void cw_dcms_kits_inventory(struct cw_dcms *d, const struct cw_dcms_kit_filter *filter, cw_dcms_fn fn,
                            void *ctx) {
        struct cw_request r;
        size_t page_at = 0;
        int64_t page_size = filter->page_size > 0 ? filter->page_size : PAGE_SIZE;
        cw_request_begin(&r, CW_DCMS_EP_KITS_INVENTORY);
        cw_request_text(&r, "refType", filter->ref_type ? filter->ref_type : "DC_KIT");
        cw_request_list(&r, "kitRefNo", filter->kit_nos, filter->kit_no_count);
        cw_request_list(&r, "orderIds", filter->order_ids, filter->order_id_count);
        cw_request_text(&r, "branchId", filter->branch_id);
        /* Without one of the three the server refuses; the caller meant something else. */
        if (filter->kit_no_count == 0 && filter->order_id_count == 0 &&
            (!filter->branch_id || !filter->branch_id[0]))
                r.bad = "branchId";
        cw_request_text(&r, "kitStatus", filter->kit_status);
        cw_request_text(&r, "deliveryStatus", filter->delivery_status);
        cw_request_number(&r, "pageSize", page_size, NULL);
        cw_request_number(&r, "pageNo", 1, &page_at);
        struct cw_call *c = cw_call_new(d, &r, NULL, fn, ctx);
        if (c) {
                c->page_at = page_at;
                c->page_size = page_size;
        }
}

void cw_dcms_kits_by_entity(struct cw_dcms *d, const char *entity_id, cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_KITS_BY_ENTITY);
        cw_request_text(&r, "entityId", entity_id);
        (void)cw_call_new(d, &r, NULL, fn, ctx);
}

void cw_dcms_kit_by_card(struct cw_dcms *d, const char *encrypted_card_number, cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_KIT_BY_CARD);
        cw_request_text(&r, "encryptedCardNumber", encrypted_card_number);
        (void)cw_call_new(d, &r, NULL, fn, ctx);
}

void cw_dcms_customer(struct cw_dcms *d, const char *entity_id, cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_VIEW_CUSTOMER);
        cw_request_text(&r, "entityId", entity_id);
        (void)cw_call_new(d, &r, NULL, fn, ctx);
}

static void pin_call(struct cw_dcms *d, enum cw_dcms_endpoint_id id, const struct cw_dcms_set_pin *in,
                     cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, id);
        cw_request_text(&r, "entityId", in->entity_id);
        cw_request_text(&r, "kitNo", in->kit_no);
        cw_request_text(&r, "expiryDate", in->expiry_mmyy);
        cw_request_secret(&r, "pin", in->pin);
        (void)cw_call_new(d, &r, in->request_id, fn, ctx);
}

void cw_dcms_set_pin(struct cw_dcms *d, const struct cw_dcms_set_pin *in, cw_dcms_fn fn, void *ctx) {
        pin_call(d, in->v1 ? CW_DCMS_EP_SET_PIN_V1 : CW_DCMS_EP_SET_PIN, in, fn, ctx);
}

void cw_dcms_validate_pin(struct cw_dcms *d, const struct cw_dcms_set_pin *in, cw_dcms_fn fn, void *ctx) {
        pin_call(d, in->v1 ? CW_DCMS_EP_VALIDATE_PIN : CW_DCMS_EP_VALIDATE_PIN_V2, in, fn, ctx);
}

void cw_dcms_activate(struct cw_dcms *d, const char *entity_id, const char *kit_no, const char *request_id,
                      cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_ACTIVATE);
        cw_request_text(&r, "entityId", entity_id);
        cw_request_text(&r, "kitNo", kit_no);
        (void)cw_call_new(d, &r, request_id, fn, ctx);
}

/* One object for each run of kits with the same status. */
static void put_delivery(struct cw_request *r, const struct cw_dcms_delivery *items, size_t count) {
        const char **kits = calloc(count ? count : 1, sizeof *kits);
        if (!kits) {
                r->rc = CW_UP(RETRY, CW_E_NOMEM);
                return;
        }
        for (size_t i = 0; i < count;) {
                size_t n = 0;
                const char *status = items[i].status;
                for (; i + n < count && items[i + n].status && status &&
                       strcmp(items[i + n].status, status) == 0;
                     n++)
                        kits[n] = items[i + n].kit_no;
                cw_request_row(r);
                cw_request_text(r, "deliveryStatus", status);
                cw_request_list(r, "kitNo", kits, n);
                i += n ? n : 1;
        }
        free(kits);
}

void cw_dcms_delivery(struct cw_dcms *d, const struct cw_dcms_delivery *items, size_t count, cw_dcms_fn fn,
                      void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_DELIVERY);
        put_delivery(&r, items, count);
        struct cw_call *c = cw_call_new(d, &r, NULL, fn, ctx);
        if (!c)
                return;
        c->asked = json_array();
        for (size_t i = 0; i < count; i++)
                (void)json_array_append_new(c->asked, json_string(items[i].kit_no));
}

void cw_dcms_branch(struct cw_dcms *d, const char *branch_id, cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, CW_DCMS_EP_BRANCH);
        cw_request_text(&r, "branchId", branch_id);
        (void)cw_call_new(d, &r, NULL, fn, ctx);
}
