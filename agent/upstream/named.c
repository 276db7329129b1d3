/* SPDX-License-Identifier: Apache-2.0 */
/* Any call of the catalogue by its name. */
#include "agent/upstream/client.h"

#include "agent/upstream/rc.h"

#include <string.h>

void cw_named_send(struct cw_dcms *d, const struct cw_dcms_endpoint *e, const json_t *fields,
                   const struct cw_dcms_secret_field *secrets, size_t secret_count, const char *request_id,
                   cw_dcms_fn fn, void *ctx) {
        struct cw_request r;
        cw_request_begin(&r, e->id);
        cw_request_json(&r, fields, secrets, secret_count);
        (void)cw_call_new(d, &r, request_id, fn, ctx);
}

cw_rc cw_dcms_call_named(struct cw_dcms *d, const struct cw_dcms_named *in, cw_dcms_fn fn, void *ctx,
                         struct cw_fault *f) {
        const struct cw_dcms_endpoint *e = cw_dcms_endpoint_named(in->name);
        if (!e || e->id == CW_DCMS_EP_LOGIN)
                return cw_fail(f, CW_UP(REJECT, CW_E_NOT_FOUND), 0, "dcms.call", "",
                               "the catalogue has no call of this name; see cardwright dcms endpoints");
        cw_rc rc = cw_dcms_validate(e, in->fields, in->secrets, in->secret_count, f);
        if (rc != CW_OK)
                return rc;
        if (e->lost == CW_DCMS_LOST_READ_BACK)
                return cw_guard_start(d, e, in->fields, in->request_id, fn, ctx, f);
        cw_named_send(d, e, in->fields, in->secrets, in->secret_count, in->request_id, fn, ctx);
        return CW_OK;
}
