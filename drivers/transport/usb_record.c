/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder: passes every call on and writes one line a transfer. The format, all numbers hex unless said:
 *
 *   cardwright-usb 1
 *   device VID PID INTERFACE SERIAL|- PORT|-
 *   control TYPE REQUEST VALUE INDEX ok DATA|-        DATA is what came (IN) or what was sent (OUT)
 *   out ok DATA                                       DATA after masking
 *   out fail RC NATIVE SENT DATA                      NATIVE and SENT decimal
 *   in ok DATA
 *   control TYPE REQUEST VALUE INDEX fail RC NATIVE
 *   in|clear|reset fail RC NATIVE
 *   purge COUNT                                       COUNT decimal: bytes that came unasked, not the bytes
 *   clear ok | reset ok
 */
#include "drivers/transport/usb.h"

#include "base/buf.h"
#include "base/secret.h"

#include <inttypes.h>
#include <string.h>

struct recorder {
        struct cw_usb base;
        struct cw_usb *inner;
        FILE *out;
        struct cw_usb_mask mask;
};

static void put_hex(FILE *out, const uint8_t *bytes, size_t len) {
        if (len == 0)
                (void)fputc('-', out);
        for (size_t i = 0; i < len; i++)
                (void)fprintf(out, "%02X", bytes[i]);
        (void)fputc('\n', out);
}

/* Writes the masked form; when there is no memory for the copy, nothing of the payload is written at all. */
static void put_masked(struct recorder *r, bool in, const void *bytes, size_t len) {
        uint8_t *copy = calloc(1, len ? len : 1);
        size_t n = len;
        if (!copy) {
                put_hex(r->out, NULL, 0);
                return;
        }
        if (len)
                memcpy(copy, bytes, len);
        if (r->mask.fn)
                r->mask.fn(r->mask.ctx, in, copy, &n);
        put_hex(r->out, copy, n);
        cw_wipe(copy, len);
        free(copy);
}

static void put_fail(struct recorder *r, const char *what, cw_rc rc, const struct cw_fault *f) {
        (void)fprintf(r->out, "%s fail %08" PRIX32 " %" PRId64, what, rc, f ? f->native : 0);
}

static cw_rc rec_control(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value,
                         uint16_t index, void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                         struct cw_fault *f) {
        struct recorder *r = (struct recorder *)u;
        struct cw_fault local = {0};
        char what[64];
        (void)snprintf(what, sizeof what, "control %02X %02X %04X %04X", request_type, request, value, index);
        cw_rc rc = cw_usb_control(r->inner, request_type, request, value, index, data, len, deadline_ns,
                                  ret_len, &local);
        if (rc != CW_OK) {
                put_fail(r, what, rc, &local);
                (void)fputc('\n', r->out);
                if (f)
                        *f = local;
                return rc;
        }
        (void)fprintf(r->out, "%s ok ", what);
        put_hex(r->out, data, (request_type & 0x80u) ? *ret_len : len);
        return CW_OK;
}

static cw_rc rec_bulk_out(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns,
                          size_t *ret_sent, struct cw_fault *f) {
        struct recorder *r = (struct recorder *)u;
        struct cw_fault local = {0};
        cw_rc rc = cw_usb_bulk_out(r->inner, data, len, deadline_ns, ret_sent, &local);
        if (rc == CW_OK)
                (void)fputs("out ok ", r->out);
        else {
                put_fail(r, "out", rc, &local);
                (void)fprintf(r->out, " %zu ", *ret_sent);
                if (f)
                        *f = local;
        }
        put_masked(r, false, data, len);
        return rc;
}

static cw_rc rec_bulk_in(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                         struct cw_fault *f) {
        struct recorder *r = (struct recorder *)u;
        struct cw_fault local = {0};
        cw_rc rc = cw_usb_bulk_in(r->inner, data, cap, deadline_ns, ret_len, &local);
        if (rc == CW_OK) {
                (void)fputs("in ok ", r->out);
                put_masked(r, true, data, *ret_len);
                return CW_OK;
        }
        put_fail(r, "in", rc, &local);
        (void)fputc('\n', r->out);
        if (f)
                *f = local;
        return rc;
}

static cw_rc rec_simple(struct recorder *r, const char *what, cw_rc rc, const struct cw_fault *local,
                        struct cw_fault *f) {
        if (rc == CW_OK) {
                (void)fprintf(r->out, "%s ok\n", what);
                return rc;
        }
        put_fail(r, what, rc, local);
        (void)fputc('\n', r->out);
        if (f)
                *f = *local;
        return rc;
}

static size_t rec_purge(struct cw_usb *u) {
        struct recorder *r = (struct recorder *)u;
        const uint64_t before = r->inner->unasked_bytes;
        cw_usb_purge(r->inner);
        size_t n = (size_t)(r->inner->unasked_bytes - before);
        if (n)
                (void)fprintf(r->out, "purge %zu\n", n);
        return n;
}

static cw_rc rec_clear_halt(struct cw_usb *u, struct cw_fault *f) {
        struct recorder *r = (struct recorder *)u;
        struct cw_fault local = {0};
        return rec_simple(r, "clear", cw_usb_clear_halt(r->inner, &local), &local, f);
}

static cw_rc rec_reset(struct cw_usb *u, struct cw_fault *f) {
        struct recorder *r = (struct recorder *)u;
        struct cw_fault local = {0};
        return rec_simple(r, "reset", cw_usb_reset(r->inner, &local), &local, f);
}

static bool rec_gone(struct cw_usb *u) {
        return cw_usb_gone(((struct recorder *)u)->inner);
}

static void rec_close(struct cw_usb *u) {
        struct recorder *r = (struct recorder *)u;
        cw_usb_close(r->inner);
        (void)fflush(r->out);
        free(r);
}

static const struct cw_usb_ops recorder_ops = {
    .name = "recorder",
    .control = rec_control,
    .bulk_out = rec_bulk_out,
    .bulk_in = rec_bulk_in,
    .purge = rec_purge,
    .clear_halt = rec_clear_halt,
    .reset = rec_reset,
    .gone = rec_gone,
    .close = rec_close,
};

cw_rc cw_usb_recorder_new(struct cw_usb *take_inner, FILE *out, struct cw_usb_mask mask,
                          struct cw_usb **ret) {
        CW_AUTO(cw_usb_close) struct cw_usb *inner = take_inner;
        struct recorder *r = calloc(1, sizeof *r);
        if (!r)
                return CW_RC(CW_L_USB, CW_C_RETRY, CW_E_NOMEM);
        r->base.ops = &recorder_ops;
        r->base.info = inner->info;
        r->out = out;
        r->mask = mask;
        const struct cw_usb_info *i = &inner->info;
        (void)fprintf(out, "cardwright-usb 1\ndevice %04X %04X %02X %s %s\n", i->vendor_id, i->product_id,
                      i->interface, i->serial[0] ? i->serial : "-", i->port[0] ? i->port : "-");
        r->inner = CW_STEAL(inner);
        *ret = &r->base;
        return CW_OK;
}
