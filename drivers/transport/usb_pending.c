/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IN transfer that is always under way. It is one packet long, so that each packet completes it and
 * nothing has to be cancelled to be seen: a cancelled transfer is the one case in which a host can lose what
 * a device sent.
 */
#include "drivers/transport/usb_libusb.h"

#include "base/clock.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#define PACKET_FALLBACK 512
#define CANCEL_LIMIT_MS 2000
#define WAIT_SLICE_MS 500
/* What comes behind a packet, the rest of its answer or the next late one, comes at once; but a transfer that
 * was only now given to the kernel cannot be complete in no time. */
#define FOLLOWS_MS 20
#define PURGE_PACKETS_MAX 64

struct cw_usb_pending {
        struct libusb_transfer *transfer;
        uint8_t *buffer;
        size_t packet;
        int completed;
        bool flying; /* with the kernel, or completed and not looked at */
        bool orphan; /* nobody waits any more: the callback frees it */
        size_t at, len;
        bool last; /* what is held ends with a short packet */
        int error; /* LIBUSB_ERROR_* that is still to be told */
};

static void destroy(struct cw_usb_pending *p) {
        cw_wipe(p->buffer, p->packet);
        free(p->buffer);
        libusb_free_transfer(p->transfer);
        free(p);
}

static void LIBUSB_CALL on_packet(struct libusb_transfer *t) {
        struct cw_usb_pending *p = t->user_data;
        p->completed = 1;
        if (p->orphan)
                destroy(p);
}

static struct cw_usb_pending *pending_new(struct cw_usb_real *d) {
        struct cw_usb_pending *p = calloc(1, sizeof *p);
        if (!p)
                return NULL;
        int packet = libusb_get_max_packet_size(libusb_get_device(d->handle), d->base.info.endpoint_in);
        p->packet = packet > 0 ? (size_t)packet : PACKET_FALLBACK;
        p->transfer = libusb_alloc_transfer(0);
        p->buffer = malloc(p->packet);
        if (p->transfer && p->buffer)
                return p;
        libusb_free_transfer(p->transfer);
        free(p->buffer);
        free(p);
        return NULL;
}

/* Gives the transfer to the kernel unless it is there, or something of it is still to be read or told. */
static int arm(struct cw_usb_real *d) {
        if (!d->pending)
                d->pending = pending_new(d);
        struct cw_usb_pending *p = d->pending;
        if (!p)
                return LIBUSB_ERROR_NO_MEM;
        if (p->flying || p->error || p->at < p->len || d->gone)
                return 0;
        p->completed = 0;
        p->at = p->len = 0;
        libusb_fill_bulk_transfer(p->transfer, d->handle, d->base.info.endpoint_in, p->buffer, (int)p->packet,
                                  on_packet, p, 0);
        int error = libusb_submit_transfer(p->transfer);
        p->flying = error == 0;
        return error;
}

/* What a completed transfer brought. */
static void look(struct cw_usb_real *d) {
        struct cw_usb_pending *p = d->pending;
        if (!p || !p->flying || !p->completed)
                return;
        p->flying = false;
        p->at = 0;
        p->len = (size_t)p->transfer->actual_length;
        p->last = p->len < p->packet;
        int error = cw_usb_real_status(d, p->transfer);
        p->error = error == LIBUSB_ERROR_TIMEOUT ? 0 : error; /* cancelled by ourselves */
}

/* True when a packet or an error came before the deadline. */
static bool wait_packet(struct cw_usb_real *d, int64_t deadline_ns) {
        struct cw_usb_pending *p = d->pending;
        while (p->flying && !p->completed && !d->gone) {
                int left = cw_deadline_left_ms(deadline_ns);
                if (left == 0)
                        return false;
                cw_usb_real_wait(d, left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS, &p->completed);
        }
        look(d);
        return true;
}

static int tell(struct cw_usb_pending *p) {
        int error = p->error;
        p->error = 0;
        return error;
}

/* Copies what is held; true when that was the end of a transfer. */
static bool hand_over(struct cw_usb_pending *p, uint8_t *data, size_t cap, size_t *moved) {
        size_t n = p->len - p->at < cap - *moved ? p->len - p->at : cap - *moved;
        if (n)
                memcpy(data + *moved, p->buffer + p->at, n);
        cw_wipe(p->buffer + p->at, n);
        p->at += n;
        *moved += n;
        return *moved == cap || (p->at == p->len && p->last);
}

int cw_usb_pending_read(struct cw_usb_real *d, uint8_t *data, size_t cap, int64_t deadline_ns,
                        size_t *ret_moved) {
        *ret_moved = 0;
        for (;;) {
                int error = arm(d);
                struct cw_usb_pending *p = d->pending;
                if (error)
                        return error;
                if (p->flying && !wait_packet(d, deadline_ns))
                        return LIBUSB_ERROR_TIMEOUT;
                if (p->flying || (d->gone && p->at == p->len))
                        return LIBUSB_ERROR_NO_DEVICE;
                if (p->at == p->len && p->error)
                        return *ret_moved ? 0 : tell(p);
                if (hand_over(p, data, cap, ret_moved)) {
                        (void)arm(d);
                        return 0;
                }
        }
}

size_t cw_usb_pending_purge(struct cw_usb_real *d) {
        size_t bytes = 0;
        for (int i = 0; i < PURGE_PACKETS_MAX && arm(d) == 0 && d->pending && !d->gone; i++) {
                struct cw_usb_pending *p = d->pending;
                if (p->flying && !p->completed)
                        cw_usb_real_wait(d, bytes ? FOLLOWS_MS : 0, &p->completed);
                look(d);
                if (p->flying)
                        break;
                bytes += p->len - p->at;
                cw_wipe(p->buffer, p->packet);
                p->at = p->len = 0;
                if (p->error) /* the next read tells it; what came with it is none of its answer */
                        break;
        }
        return bytes;
}

void cw_usb_pending_disarm(struct cw_usb_real *d) {
        struct cw_usb_pending *p = d->pending;
        if (!p)
                return;
        if (p->flying && !p->completed)
                (void)libusb_cancel_transfer(p->transfer);
        const int64_t limit_ns = cw_deadline_ns(CANCEL_LIMIT_MS);
        while (p->flying && !p->completed && cw_deadline_left_ms(limit_ns) > 0)
                cw_usb_real_wait(d, cw_deadline_left_ms(limit_ns), &p->completed);
        if (p->flying && !p->completed) {
                p->orphan = true;
                d->pending = NULL;
                d->gone = true;
                return;
        }
        look(d);
        p->error = 0;
}

void cw_usb_pending_free(struct cw_usb_real *d) {
        cw_usb_pending_disarm(d);
        if (d->pending)
                destroy(d->pending);
        d->pending = NULL;
}
