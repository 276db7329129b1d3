/* SPDX-License-Identifier: Apache-2.0 */
/* The checks common to every transport. */
#include "drivers/transport/usb.h"

#include "base/clock.h"

static cw_rc past(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_RETRY, CW_E_TIMEOUT), 0, op, "",
                       "the time for this step was already over, nothing was sent");
}

static cw_rc too_big(struct cw_fault *f, const char *op, size_t len) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_REJECT, CW_E_TOO_BIG), (int64_t)len, op, "",
                       "a USB transfer of %zu bytes is over the limit of %zu", len, CW_USB_TRANSFER_MAX);
}

cw_rc cw_usb_control(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value, uint16_t index,
                     void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len, struct cw_fault *f) {
        uint16_t got = 0;
        if (cw_deadline_left_ms(deadline_ns) == 0)
                return past(f, "usb.control");
        cw_rc rc = u->ops->control(u, request_type, request, value, index, data, len, deadline_ns, &got, f);
        if (rc == CW_OK && ret_len)
                *ret_len = got;
        return rc;
}

void cw_usb_purge(struct cw_usb *u) {
        u->asking = true;
        size_t n = u->ops->purge(u);
        if (n == 0)
                return;
        u->unasked++;
        u->unasked_bytes += n;
}

cw_rc cw_usb_bulk_out(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns, size_t *ret_sent,
                      struct cw_fault *f) {
        *ret_sent = 0;
        if (len == 0 || len > CW_USB_TRANSFER_MAX)
                return too_big(f, "usb.bulk_out", len);
        if (cw_deadline_left_ms(deadline_ns) == 0)
                return past(f, "usb.bulk_out");
        if (!u->asking)
                cw_usb_purge(u);
        return u->ops->bulk_out(u, data, len, deadline_ns, ret_sent, f);
}

cw_rc cw_usb_bulk_in(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                     struct cw_fault *f) {
        size_t got = 0;
        if (cap == 0 || cap > CW_USB_TRANSFER_MAX)
                return too_big(f, "usb.bulk_in", cap);
        if (cw_deadline_left_ms(deadline_ns) == 0)
                return past(f, "usb.bulk_in");
        u->asking = false;
        cw_rc rc = u->ops->bulk_in(u, data, cap, deadline_ns, &got, f);
        if (rc == CW_OK)
                *ret_len = got;
        return rc;
}

cw_rc cw_usb_clear_halt(struct cw_usb *u, struct cw_fault *f) {
        return u->ops->clear_halt(u, f);
}

cw_rc cw_usb_reset(struct cw_usb *u, struct cw_fault *f) {
        return u->ops->reset(u, f);
}

bool cw_usb_gone(struct cw_usb *u) {
        return u->ops->gone(u);
}

void cw_usb_close(struct cw_usb *u) {
        if (u)
                u->ops->close(u);
}
