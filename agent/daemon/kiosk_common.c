/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/kiosk_common.h"

#include "base/clock.h"
#include "hsm/client/hsm_client.h"

#include <string.h>

#define REST_MS 2000
#define SEALED_PAN_CAP 256

static cw_rc sealed_pan_of(struct cw_msg *reply, char ret[SEALED_PAN_CAP], struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *text = NULL;
        cw_rc rc = cw_hsm_reply_text(reply, &text, f);
        if (rc != CW_OK)
                return rc;
        if (text->len >= SEALED_PAN_CAP)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_TOO_BIG), 0, "kiosk.seal_pan", "",
                               "the sealed card number of cardwright-hsmd is too long; install both from the "
                               "same package");
        memcpy(ret, text->ptr, text->len);
        ret[text->len] = '\0';
        return CW_OK;
}

void cw_kiosk_find_kit(struct cw_daemon *d, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply,
                       cw_dcms_fn fn, void *ctx) {
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        char number[SEALED_PAN_CAP];
        if (rc == CW_OK)
                rc = sealed_pan_of(reply, number, &fault);
        if (rc == CW_OK)
                cw_dcms_kit_by_card(d->dcms, number, fn, ctx);
        else
                fn(ctx, rc, &fault, NULL);
}

void cw_kiosk_rest(struct cw_daemon *d, const struct cw_station_link *l) {
        for (size_t i = 0; i < d->station_count; i++)
                if (d->stations[i] == l)
                        d->kiosk_rest_until_ns[i] = cw_deadline_ns(REST_MS);
}

bool cw_kiosk_rests(const struct cw_daemon *d, const struct cw_station_link *l) {
        for (size_t i = 0; i < d->station_count; i++)
                if (d->stations[i] == l)
                        return cw_deadline_left_ms(d->kiosk_rest_until_ns[i]) > 0;
        return false;
}
