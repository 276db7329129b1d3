/* SPDX-License-Identifier: Apache-2.0 */
/* An open USB device over libusb: asynchronous transfers, each with a deadline, bytes really moved counted.
 */
#include "drivers/transport/usb_libusb.h"

#include "base/clock.h"
#include "base/secret.h"

#include <string.h>

/* A cancelled transfer comes back at once from a healthy kernel; after this the device is taken for dead. */
#define CANCEL_LIMIT_MS 2000
/* While waiting, the removal flag is looked at this often. */
#define WAIT_SLICE_MS 500

struct flight {
        int completed;
        bool abandoned;
};

cw_rc cw_usb_real_fail(struct cw_fault *f, int error, const char *op) {
        switch (error) {
        case LIBUSB_ERROR_NO_DEVICE:
        case LIBUSB_ERROR_NOT_FOUND:
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_CLOSED), error, op,
                               "PRT_NOT_REACHABLE",
                               "the printer is not connected; check its power and cable");
        case LIBUSB_ERROR_ACCESS:
                return cw_fail(
                    f, CW_RC(CW_L_USB, CW_C_OPERATOR, CW_E_DENIED), error, op, "PRT_NOT_REACHABLE",
                    "no permission to open the printer; install the udev rule and plug it in again");
        case LIBUSB_ERROR_BUSY:
                return cw_fail(
                    f, CW_RC(CW_L_USB, CW_C_OPERATOR, CW_E_BUSY), error, op, "PRT_NOT_REACHABLE",
                    "other software holds the printer; remove its CUPS queue or stop that program");
        case LIBUSB_ERROR_NO_MEM:
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RETRY, CW_E_NOMEM), error, op, "", "out of memory");
        default:
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RECONNECT, CW_E_IO), error, op, "PRT_NOT_REACHABLE",
                               "USB trouble with the printer: %s", libusb_error_name(error));
        }
}

static void LIBUSB_CALL on_complete(struct libusb_transfer *t) {
        struct flight *flight = t->user_data;
        flight->completed = 1;
        if (!flight->abandoned)
                return;
        /* Nobody waits any more: the caller left the transfer to us. */
        cw_wipe(t->buffer, (size_t)t->length);
        free(t->buffer);
        free(flight);
        libusb_free_transfer(t);
}

void cw_usb_real_wait(struct cw_usb_real *d, int ms, int *completed) {
        struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
        (void)libusb_handle_events_timeout_completed(d->bus->context, &tv, completed);
}

/* True when the transfer came back, false when even its cancellation did not. */
static bool wait_flight(struct cw_usb_real *d, struct libusb_transfer *t, struct flight *flight,
                        int64_t deadline_ns) {
        while (!flight->completed && !d->gone) {
                int left = cw_deadline_left_ms(deadline_ns);
                if (left == 0)
                        break;
                cw_usb_real_wait(d, left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS, &flight->completed);
        }
        if (flight->completed)
                return true;
        (void)libusb_cancel_transfer(t);
        int64_t limit_ns = cw_deadline_ns(CANCEL_LIMIT_MS);
        while (!flight->completed && cw_deadline_left_ms(limit_ns) > 0)
                cw_usb_real_wait(d, cw_deadline_left_ms(limit_ns), &flight->completed);
        return flight->completed != 0;
}

int cw_usb_real_status(struct cw_usb_real *d, const struct libusb_transfer *t) {
        switch (t->status) {
        case LIBUSB_TRANSFER_COMPLETED:
                return 0;
        case LIBUSB_TRANSFER_CANCELLED:
                return d->gone ? LIBUSB_ERROR_NO_DEVICE : LIBUSB_ERROR_TIMEOUT;
        case LIBUSB_TRANSFER_TIMED_OUT:
                return LIBUSB_ERROR_TIMEOUT;
        case LIBUSB_TRANSFER_STALL:
                return LIBUSB_ERROR_PIPE;
        case LIBUSB_TRANSFER_OVERFLOW:
                return LIBUSB_ERROR_OVERFLOW;
        case LIBUSB_TRANSFER_NO_DEVICE:
                d->gone = true;
                return LIBUSB_ERROR_NO_DEVICE;
        case LIBUSB_TRANSFER_ERROR:
        default:
                return LIBUSB_ERROR_IO;
        }
}

/*
 * Runs t, whose buffer is heap memory owned here until *ret_done. On return with *ret_done false the transfer
 * and its buffer belong to the callback, and the device is gone.
 */
static int run(struct cw_usb_real *d, struct libusb_transfer *t, int64_t deadline_ns, bool *ret_done) {
        *ret_done = true;
        struct flight *flight = calloc(1, sizeof *flight);
        if (!flight)
                return LIBUSB_ERROR_NO_MEM;
        t->callback = on_complete;
        t->user_data = flight;
        t->timeout = 0;
        int error = libusb_submit_transfer(t);
        d->flown = error == 0;
        if (error != 0) {
                free(flight);
                return error;
        }
        if (!wait_flight(d, t, flight, deadline_ns)) {
                flight->abandoned = true;
                d->gone = true;
                *ret_done = false;
                return LIBUSB_ERROR_NO_DEVICE;
        }
        free(flight);
        return cw_usb_real_status(d, t);
}
static cw_rc timed_out(struct cw_fault *f, const char *op) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_RETRY, CW_E_TIMEOUT), LIBUSB_ERROR_TIMEOUT, op, "PRT_TIMEOUT",
                       "the printer did not answer in time");
}

static cw_rc real_control(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value,
                          uint16_t index, void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                          struct cw_fault *f) {
        struct cw_usb_real *d = (struct cw_usb_real *)u;
        if (d->gone)
                return cw_usb_real_fail(f, LIBUSB_ERROR_NO_DEVICE, "usb.control");
        struct libusb_transfer *t = libusb_alloc_transfer(0);
        uint8_t *buffer = calloc(1, (size_t)LIBUSB_CONTROL_SETUP_SIZE + len);
        if (!t || !buffer) {
                libusb_free_transfer(t);
                free(buffer);
                return cw_usb_real_fail(f, LIBUSB_ERROR_NO_MEM, "usb.control");
        }
        bool in = (request_type & LIBUSB_ENDPOINT_IN) != 0, done = true;
        libusb_fill_control_setup(buffer, request_type, request, value, index, len);
        if (!in && len)
                memcpy(buffer + LIBUSB_CONTROL_SETUP_SIZE, data, len);
        libusb_fill_control_transfer(t, d->handle, buffer, NULL, NULL, 0);
        int error = run(d, t, deadline_ns, &done);
        if (!done)
                return cw_usb_real_fail(f, error, "usb.control");
        if (error == 0) {
                *ret_len = (uint16_t)t->actual_length;
                if (in)
                        memcpy(data, buffer + LIBUSB_CONTROL_SETUP_SIZE, (size_t)t->actual_length);
        }
        libusb_free_transfer(t);
        free(buffer);
        if (error == LIBUSB_ERROR_TIMEOUT)
                return timed_out(f, "usb.control");
        return error == 0 ? CW_OK : cw_usb_real_fail(f, error, "usb.control");
}

/* Runs one bulk transfer over buffer (heap, size bytes). *ret_moved is valid in every case. */
static int bulk(struct cw_usb_real *d, uint8_t endpoint, uint8_t *buffer, size_t size, int64_t deadline_ns,
                size_t *ret_moved, bool *ret_done) {
        *ret_moved = 0;
        *ret_done = true;
        struct libusb_transfer *t = libusb_alloc_transfer(0);
        if (!t)
                return LIBUSB_ERROR_NO_MEM;
        libusb_fill_bulk_transfer(t, d->handle, endpoint, buffer, (int)size, NULL, NULL, 0);
        int error = run(d, t, deadline_ns, ret_done);
        if (!*ret_done) {
                *ret_moved = (size_t)t->actual_length;
                return error;
        }
        *ret_moved = (size_t)t->actual_length;
        libusb_free_transfer(t);
        return error;
}

static cw_rc partly_sent(struct cw_fault *f, int error, size_t sent, size_t len) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_IN_DOUBT, CW_E_PARTIAL), error, "usb.bulk_out",
                       error == LIBUSB_ERROR_TIMEOUT ? "PRT_TIMEOUT" : "PRT_NOT_REACHABLE",
                       "only %zu of %zu bytes reached the printer", sent, len);
}

/* The host controller drops what it was sending: the last packets may have arrived without being counted. */
static bool uncounted(const struct cw_usb_real *d, int error) {
        return d->flown && (error == LIBUSB_ERROR_NO_DEVICE || error == LIBUSB_ERROR_IO);
}

static cw_rc left_in_flight(struct cw_fault *f, int error) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_IN_DOUBT, CW_E_CLOSED), error, "usb.bulk_out",
                       "PRT_NOT_REACHABLE", "the printer was unplugged while a command was on its way");
}

static cw_rc real_bulk_out(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns,
                           size_t *ret_sent, struct cw_fault *f) {
        struct cw_usb_real *d = (struct cw_usb_real *)u;
        if (d->gone)
                return cw_usb_real_fail(f, LIBUSB_ERROR_NO_DEVICE, "usb.bulk_out");
        uint8_t *buffer = malloc(len);
        if (!buffer)
                return cw_usb_real_fail(f, LIBUSB_ERROR_NO_MEM, "usb.bulk_out");
        memcpy(buffer, data, len);
        bool done = true;
        int error = bulk(d, d->base.info.endpoint_out, buffer, len, deadline_ns, ret_sent, &done);
        if (done) {
                cw_wipe(buffer, len);
                free(buffer);
        }
        if (error == 0 && *ret_sent == len)
                return CW_OK;
        if (*ret_sent > 0)
                return partly_sent(f, error, *ret_sent, len);
        if (uncounted(d, error))
                return left_in_flight(f, error);
        return error == LIBUSB_ERROR_TIMEOUT
                   ? timed_out(f, "usb.bulk_out")
                   : cw_usb_real_fail(f, error ? error : LIBUSB_ERROR_IO, "usb.bulk_out");
}

static cw_rc real_bulk_in(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                          struct cw_fault *f) {
        struct cw_usb_real *d = (struct cw_usb_real *)u;
        if (d->gone)
                return cw_usb_real_fail(f, LIBUSB_ERROR_NO_DEVICE, "usb.bulk_in");
        size_t moved = 0;
        int error = cw_usb_pending_read(d, data, cap, deadline_ns, &moved);
        /* Whole packets that came before the time was over are an answer too. */
        if (error == 0 || (error == LIBUSB_ERROR_TIMEOUT && moved > 0)) {
                *ret_len = moved;
                return CW_OK;
        }
        return error == LIBUSB_ERROR_TIMEOUT ? timed_out(f, "usb.bulk_in")
                                             : cw_usb_real_fail(f, error, "usb.bulk_in");
}

static size_t real_purge(struct cw_usb *u) {
        return cw_usb_pending_purge((struct cw_usb_real *)u);
}

static cw_rc real_clear_halt(struct cw_usb *u, struct cw_fault *f) {
        struct cw_usb_real *d = (struct cw_usb_real *)u;
        if (d->gone)
                return cw_usb_real_fail(f, LIBUSB_ERROR_NO_DEVICE, "usb.clear_halt");
        cw_usb_pending_disarm(d);
        int out = libusb_clear_halt(d->handle, d->base.info.endpoint_out);
        int in = libusb_clear_halt(d->handle, d->base.info.endpoint_in);
        if (out == 0 && in == 0)
                return CW_OK;
        return cw_usb_real_fail(f, out ? out : in, "usb.clear_halt");
}

static void note_reset(struct cw_usb_real *d) {
        struct cw_usb_port_reset *r = &d->bus->resets[d->bus->next_reset++ % CW_USB_RESETS_MAX];
        memcpy(r->port, d->base.info.port, sizeof r->port);
        r->at_ns = cw_mono_ns(cw_clock_real());
}

static cw_rc real_reset(struct cw_usb *u, struct cw_fault *f) {
        struct cw_usb_real *d = (struct cw_usb_real *)u;
        note_reset(d);
        cw_usb_pending_disarm(d);
        int error = d->gone ? LIBUSB_ERROR_NO_DEVICE : libusb_reset_device(d->handle);
        d->gone = true;
        return error == 0 ? CW_OK : cw_usb_real_fail(f, error, "usb.reset");
}

static bool real_gone(struct cw_usb *u) {
        struct cw_usb_real *d = (struct cw_usb_real *)u;
        if (!d->gone)
                cw_usb_real_wait(d, 0, NULL);
        return d->gone;
}

static void real_close(struct cw_usb *u) {
        struct cw_usb_real *d = (struct cw_usb_real *)u;
        for (struct cw_usb_real **p = &d->bus->devices; *p; p = &(*p)->next)
                if (*p == d) {
                        *p = d->next;
                        break;
                }
        cw_usb_pending_free(d);
        if (d->claimed)
                (void)libusb_release_interface(d->handle, d->base.info.interface);
        libusb_close(d->handle);
        free(d);
}

const struct cw_usb_ops cw_usb_real_ops = {
    .name = "libusb",
    .control = real_control,
    .bulk_out = real_bulk_out,
    .bulk_in = real_bulk_in,
    .purge = real_purge,
    .clear_halt = real_clear_halt,
    .reset = real_reset,
    .gone = real_gone,
    .close = real_close,
};
