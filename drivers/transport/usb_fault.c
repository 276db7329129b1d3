/* SPDX-License-Identifier: Apache-2.0 */
/* The fault layer: a plan says what happens to the n-th call; everything else passes. */
#include "drivers/transport/usb.h"

#include "base/secret.h"

#include <string.h>

#define HELD_MAX 4096

struct fault_layer {
        struct cw_usb base;
        struct cw_usb *inner;
        struct cw_usb_fault_rule rules[CW_USB_FAULT_RULES_MAX];
        unsigned seen[CW_USB_FAULT_RULES_MAX]; /* calls a rule was about */
        size_t count;
        unsigned calls[CW_USB_FAULT_IN + 1]; /* [ANY] counts all */
        bool gone;
        uint8_t held[HELD_MAX]; /* SPLIT: what has not been handed over yet */
        size_t held_len;
};

static const struct cw_usb_fault_rule *next_rule(struct fault_layer *l, enum cw_usb_fault_op op, size_t len) {
        const struct cw_usb_fault_rule *hit = NULL;
        l->calls[CW_USB_FAULT_ANY]++;
        l->calls[op]++;
        for (size_t i = 0; i < l->count; i++) {
                const struct cw_usb_fault_rule *r = &l->rules[i];
                if ((r->op != CW_USB_FAULT_ANY && r->op != op) || len < r->at_least)
                        continue;
                l->seen[i]++;
                if (!hit && (r->nth == 0 || r->nth == l->seen[i]))
                        hit = r;
        }
        return hit;
}

static cw_rc no_device(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_CLOSED), -4, op, "PRT_NOT_REACHABLE",
                       "the printer is not connected; check its power and cable");
}

static cw_rc late(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_RETRY, CW_E_TIMEOUT), -7, op, "PRT_TIMEOUT",
                       "the printer did not answer in time");
}

static cw_rc stalled(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_IO), -9, op, "PRT_NOT_REACHABLE",
                       "USB trouble with the printer: endpoint halted");
}

/* The faults that are the same for every kind of call; CW_OK means: go on. */
static cw_rc before(struct fault_layer *l, const struct cw_usb_fault_rule *r, const char *op,
                    struct cw_fault *f) {
        if (l->gone)
                return no_device(f, op);
        if (!r)
                return CW_OK;
        if (r->what == CW_USB_DO_GONE) {
                l->gone = true;
                return no_device(f, op);
        }
        if (r->what == CW_USB_DO_TIMEOUT)
                return late(f, op);
        if (r->what == CW_USB_DO_STALL)
                return stalled(f, op);
        return CW_OK;
}

/* The device has it, and the host never hears so. */
static bool taken(struct fault_layer *l, const struct cw_usb_fault_rule *r) {
        bool is = r && r->what == CW_USB_DO_TAKEN;
        l->gone = l->gone || is;
        return is;
}

static cw_rc fault_control(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value,
                           uint16_t index, void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                           struct cw_fault *f) {
        struct fault_layer *l = (struct fault_layer *)u;
        const struct cw_usb_fault_rule *r = next_rule(l, CW_USB_FAULT_CONTROL, 0);
        cw_rc rc = before(l, r, "usb.control", f);
        if (rc != CW_OK)
                return rc;
        rc =
            cw_usb_control(l->inner, request_type, request, value, index, data, len, deadline_ns, ret_len, f);
        l->gone = l->gone || (r && r->what == CW_USB_DO_GONE_AFTER);
        return rc == CW_OK && taken(l, r) ? no_device(f, "usb.control") : rc;
}

static cw_rc send_short(struct fault_layer *l, const void *data, size_t len, size_t want, int64_t deadline_ns,
                        size_t *ret_sent, struct cw_fault *f) {
        size_t n = want < len ? want : len - 1;
        cw_rc rc = n ? cw_usb_bulk_out(l->inner, data, n, deadline_ns, ret_sent, f) : CW_OK;
        if (rc != CW_OK)
                return rc;
        if (n == 0)
                return late(f, "usb.bulk_out");
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_IN_DOUBT, CW_E_PARTIAL), -7, "usb.bulk_out", "PRT_TIMEOUT",
                       "only %zu of %zu bytes reached the printer", n, len);
}

static cw_rc fault_bulk_out(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns,
                            size_t *ret_sent, struct cw_fault *f) {
        struct fault_layer *l = (struct fault_layer *)u;
        const struct cw_usb_fault_rule *r = next_rule(l, CW_USB_FAULT_OUT, len);
        cw_rc rc = before(l, r, "usb.bulk_out", f);
        if (rc != CW_OK)
                return rc;
        if (r && r->what == CW_USB_DO_SHORT)
                return send_short(l, data, len, r->bytes, deadline_ns, ret_sent, f);
        rc = cw_usb_bulk_out(l->inner, data, len, deadline_ns, ret_sent, f);
        l->gone = l->gone || (r && r->what == CW_USB_DO_GONE_AFTER);
        if (rc != CW_OK || !taken(l, r))
                return rc;
        *ret_sent = 0;
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_IN_DOUBT, CW_E_CLOSED), -4, "usb.bulk_out",
                       "PRT_NOT_REACHABLE", "the printer was unplugged while a command was on its way");
}

static void noise(uint8_t *bytes, size_t len) {
        uint32_t x = 2463534242u;
        for (size_t i = 0; i < len; i++) {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
                bytes[i] = (uint8_t)(x | 1u);
        }
}

static size_t hand_over_one(struct fault_layer *l, uint8_t *data) {
        data[0] = l->held[0];
        l->held_len--;
        memmove(l->held, l->held + 1, l->held_len);
        return 1;
}

static cw_rc fault_bulk_in(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                           struct cw_fault *f) {
        struct fault_layer *l = (struct fault_layer *)u;
        if (l->held_len > 0 && !l->gone) {
                *ret_len = hand_over_one(l, data);
                return CW_OK;
        }
        const struct cw_usb_fault_rule *r = next_rule(l, CW_USB_FAULT_IN, 0);
        cw_rc rc = before(l, r, "usb.bulk_in", f);
        if (rc == CW_OK)
                rc = cw_usb_bulk_in(l->inner, data, cap, deadline_ns, ret_len, f);
        if (rc != CW_OK || !r)
                return rc;
        if (r->what == CW_USB_DO_LOSE)
                return late(f, "usb.bulk_in");
        if (taken(l, r))
                return no_device(f, "usb.bulk_in");
        if (r->what == CW_USB_DO_GARBAGE)
                noise(data, *ret_len);
        if (r->what == CW_USB_DO_SPLIT && *ret_len <= HELD_MAX && *ret_len > 0) {
                memcpy(l->held, data, *ret_len);
                l->held_len = *ret_len;
                *ret_len = hand_over_one(l, data);
        }
        l->gone = l->gone || r->what == CW_USB_DO_GONE_AFTER;
        return CW_OK;
}

/* The rest of a split answer is what the device sent, too. */
static size_t fault_purge(struct cw_usb *u) {
        struct fault_layer *l = (struct fault_layer *)u;
        const uint64_t before = l->inner->unasked_bytes;
        if (l->gone)
                return 0;
        size_t held = l->held_len;
        cw_wipe(l->held, held);
        l->held_len = 0;
        cw_usb_purge(l->inner);
        return held + (size_t)(l->inner->unasked_bytes - before);
}

static cw_rc fault_clear_halt(struct cw_usb *u, struct cw_fault *f) {
        struct fault_layer *l = (struct fault_layer *)u;
        return l->gone ? no_device(f, "usb.clear_halt") : cw_usb_clear_halt(l->inner, f);
}

static cw_rc fault_reset(struct cw_usb *u, struct cw_fault *f) {
        struct fault_layer *l = (struct fault_layer *)u;
        return l->gone ? no_device(f, "usb.reset") : cw_usb_reset(l->inner, f);
}

static bool fault_gone(struct cw_usb *u) {
        struct fault_layer *l = (struct fault_layer *)u;
        return l->gone || cw_usb_gone(l->inner);
}

static void fault_close(struct cw_usb *u) {
        struct fault_layer *l = (struct fault_layer *)u;
        cw_usb_close(l->inner);
        cw_wipe(l->held, sizeof l->held);
        free(l);
}

static const struct cw_usb_ops fault_ops = {
    .name = "fault",
    .control = fault_control,
    .bulk_out = fault_bulk_out,
    .bulk_in = fault_bulk_in,
    .purge = fault_purge,
    .clear_halt = fault_clear_halt,
    .reset = fault_reset,
    .gone = fault_gone,
    .close = fault_close,
};

cw_rc cw_usb_fault_new(struct cw_usb *take_inner, const struct cw_usb_fault_rule *rules, size_t count,
                       struct cw_usb **ret) {
        CW_AUTO(cw_usb_close) struct cw_usb *inner = take_inner;
        if (count > CW_USB_FAULT_RULES_MAX)
                return CW_RC(CW_L_USB, CW_C_REJECT, CW_E_RANGE);
        struct fault_layer *l = calloc(1, sizeof *l);
        if (!l)
                return CW_RC(CW_L_USB, CW_C_RETRY, CW_E_NOMEM);
        l->base.ops = &fault_ops;
        l->base.info = inner->info;
        if (count)
                memcpy(l->rules, rules, count * sizeof *rules);
        l->count = count;
        l->inner = CW_STEAL(inner);
        *ret = &l->base;
        return CW_OK;
}

unsigned cw_usb_fault_calls(const struct cw_usb *u, enum cw_usb_fault_op op) {
        return ((const struct fault_layer *)u)->calls[op];
}
