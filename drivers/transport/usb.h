/* SPDX-License-Identifier: Apache-2.0 */
/*
 * USB devices behind one small vtable: libusb, recorder, replayer, fault layer. Drivers see this and nothing
 * else. All calls block the calling thread until done or until deadline_ns (absolute, cw_deadline_ns). One
 * thread owns a device.
 *
 * Classes of every call: RETRY (nothing left for the device), RECONNECT (gone, or stalled: reopen), IN_DOUBT
 * (some bytes of an OUT transfer reached the device, not all; or it left the bus while they were on their
 * way, and nobody counted what it took), OPERATOR (no permission, in use by other software).
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CW_USB_STRING_MAX 64
#define CW_USB_DEVICES_MAX 32
#define CW_USB_DEVICE_ID_MAX 1024
#define CW_USB_TRANSFER_MAX ((size_t)4 << 20)
#define CW_USB_CLASS_PRINTER 7

/* What the bus says about a device, strings NUL-terminated, "" when the device has none. */
struct cw_usb_info {
        uint16_t vendor_id, product_id;
        char serial[CW_USB_STRING_MAX]; /* iSerialNumber */
        char port[CW_USB_STRING_MAX];   /* "1-1.4": bus and port path, stable while nobody moves the cable */
        uint8_t interface;              /* number of the printer interface */
        uint8_t alternate;
        uint8_t protocol; /* 1 uni, 2 bidirectional, 3 1284.4 */
        uint8_t endpoint_out, endpoint_in;
        bool reset_spent; /* its port was reset a moment ago, and that is not done again and again */
};

struct cw_usb; /* an open, claimed device */

struct cw_usb_ops {
        const char *name;
        /* bmRequestType, bRequest, wValue, wIndex; the direction is bit 7 of request_type. */
        cw_rc (*control)(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value,
                         uint16_t index, void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                         struct cw_fault *f);
        /* *ret_sent is written always: the bytes the device is known to have taken. */
        cw_rc (*bulk_out)(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns,
                          size_t *ret_sent, struct cw_fault *f);
        /* One transfer: ends on a short packet or when cap is full. RETRY/CW_E_TIMEOUT when nothing came. */
        cw_rc (*bulk_in)(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                         struct cw_fault *f);
        /* Throws away what the device sent and nobody read, and returns how many bytes; waits for nothing
         * new. */
        size_t (*purge)(struct cw_usb *u);
        cw_rc (*clear_halt)(struct cw_usb *u, struct cw_fault *f);
        /* Port reset. Counts as an unplug: the caller closes and opens again. */
        cw_rc (*reset)(struct cw_usb *u, struct cw_fault *f);
        /* True once the device has left the bus; never blocks. */
        bool (*gone)(struct cw_usb *u);
        void (*close)(struct cw_usb *u);
};

/* Every implementation's object begins with this. */
struct cw_usb {
        const struct cw_usb_ops *ops;
        struct cw_usb_info info;
        bool asking;            /* bytes went out, and nothing was read since */
        unsigned unasked;       /* how often something had come that nobody asked for */
        uint64_t unasked_bytes; /* and how much; what it was is never kept */
};

/* The vtable, with the checks common to all: length limits, a deadline already past is RETRY with nothing
 * sent. */
CW_WARN_UNUSED cw_rc cw_usb_control(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value,
                                    uint16_t index, void *data, uint16_t len, int64_t deadline_ns,
                                    uint16_t *ret_len, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_usb_bulk_out(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns,
                                     size_t *ret_sent, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_usb_bulk_in(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns,
                                    size_t *ret_len, struct cw_fault *f);
/*
 * A device may speak unasked, or too late: an IN transfer is pending from the first call on, and what it
 * brought is thrown away (wiped, counted) before the first OUT after an IN, so that it is never taken for the
 * answer to what goes out now. OUT after OUT is one question in parts, and what came meanwhile stays for the
 * next IN. What is not there yet is not waited for, except for up to 20 ms behind each packet that was thrown
 * away: an answer that is later still has to be known by its contents.
 */
void cw_usb_purge(struct cw_usb *u);
CW_WARN_UNUSED cw_rc cw_usb_clear_halt(struct cw_usb *u, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_usb_reset(struct cw_usb *u, struct cw_fault *f);
bool cw_usb_gone(struct cw_usb *u);
/* Releases the interface and frees. NULL is fine. */
void cw_usb_close(struct cw_usb *u);
CW_DEFINE_CLEANUP(struct cw_usb *, cw_usb_close);

/* Printer class requests, USB printer class 1.1 chapter 4. */

/* GET_DEVICE_ID text without its length, NUL-terminated. Copes with either byte order of the length and with
   both readings of what it counts. REJECT/CW_E_SYNTAX when the answer is no IEEE 1284 text. */
CW_WARN_UNUSED cw_rc cw_usb_device_id(struct cw_usb *u, int64_t deadline_ns, char *ret, size_t cap,
                                      struct cw_fault *f);
#define CW_USB_PORT_PAPER_EMPTY 0x20u
#define CW_USB_PORT_SELECTED 0x10u
#define CW_USB_PORT_NOT_ERROR 0x08u
/* GET_PORT_STATUS; 0x00 carries no information. */
CW_WARN_UNUSED cw_rc cw_usb_port_status(struct cw_usb *u, int64_t deadline_ns, uint8_t *ret,
                                        struct cw_fault *f);
/* SOFT_RESET with request type 21h and, when the device stalls that, 23h of class specification 1.0. */
CW_WARN_UNUSED cw_rc cw_usb_soft_reset(struct cw_usb *u, int64_t deadline_ns, struct cw_fault *f);

/* The text of a GET_DEVICE_ID answer of len bytes into ret; false when there is none. Pure. */
bool cw_usb_device_id_parse(const uint8_t *answer, size_t len, char *ret, size_t cap);
/* Value of a key ("MDL", long forms such as "MODEL" match too) of a device id text; false when absent or too
 * long. */
bool cw_usb_device_id_get(const char *id, const char *key, char *ret, size_t cap);

/* The real bus: one libusb context. Arrival and removal are noticed inside the other calls. */
struct cw_usb_bus;
CW_WARN_UNUSED cw_rc cw_usb_bus_open(struct cw_usb_bus **ret, struct cw_fault *f);
void cw_usb_bus_close(struct cw_usb_bus *bus); /* after all its devices are closed */
CW_DEFINE_CLEANUP(struct cw_usb_bus *, cw_usb_bus_close);

/*
 * Lists the bus anew, as a new process would: libusb lists it once and then believes what udev tells, so a
 * message that was lost (udev restarted, its socket overrun) would leave a device unseen for ever. Only while
 * none of its devices is open. When it fails the bus is good for nothing but cw_usb_bus_close.
 */
CW_WARN_UNUSED cw_rc cw_usb_bus_renew(struct cw_usb_bus *bus, struct cw_fault *f);
/* Waits until a device has come or gone, at most a moment (100 ms) at a time; false once the deadline is
 * over. */
bool cw_usb_bus_wait(struct cw_usb_bus *bus, int64_t deadline_ns);
/* True when a device came since the last call. Never blocks. */
bool cw_usb_bus_arrived(struct cw_usb_bus *bus);
/* Printers of a vendor (0: of all), sorted by port path, at most cap: devices with a printer-class interface,
 * and those known to be printers without one. Claims nothing, detaches nothing. */
CW_WARN_UNUSED cw_rc cw_usb_bus_list(struct cw_usb_bus *bus, uint16_t vendor_id, struct cw_usb_info *ret,
                                     size_t cap, size_t *ret_count, struct cw_fault *f);
/* Opens the device at a port path, detaches the kernel driver, claims the interface, reads the serial
 * descriptor. */
CW_WARN_UNUSED cw_rc cw_usb_bus_connect(struct cw_usb_bus *bus, const char *port, struct cw_usb **ret,
                                        struct cw_fault *f);

/*
 * Edits a copy of what passed so that no card data stays in it; called before anything is stored. *len may
 * shrink. Stateful through ctx: an answer is masked because of the question before it.
 */
typedef void (*cw_usb_mask_fn)(void *ctx, bool in, uint8_t *bytes, size_t *len);
struct cw_usb_mask {
        cw_usb_mask_fn fn;
        void *ctx;
};

/* Passes everything to inner (taken) and writes a recording, one transfer a line, to out (borrowed). */
CW_WARN_UNUSED cw_rc cw_usb_recorder_new(struct cw_usb *take_inner, FILE *out, struct cw_usb_mask mask,
                                         struct cw_usb **ret);
/* Plays a recording: a call that is not the next line is FATAL/CW_E_MISMATCH. OUT data is masked before
 * comparing. */
CW_WARN_UNUSED cw_rc cw_usb_replayer_new(const char *text, size_t len, struct cw_usb_mask mask,
                                         struct cw_usb **ret, struct cw_fault *f);
/* Lines not played yet. */
size_t cw_usb_replayer_left(const struct cw_usb *u);

/* The fault layer: does to the n-th call of a kind what a plan says, for tests. */
enum cw_usb_fault_op { CW_USB_FAULT_ANY, CW_USB_FAULT_CONTROL, CW_USB_FAULT_OUT, CW_USB_FAULT_IN };
enum cw_usb_fault_do {
        CW_USB_DO_GONE = 1,   /* nothing passes; gone from here on               */
        CW_USB_DO_GONE_AFTER, /* the transfer passes, then gone                  */
        CW_USB_DO_TIMEOUT,    /* nothing passes, RETRY/CW_E_TIMEOUT              */
        CW_USB_DO_SHORT,      /* OUT: only bytes reach the device, then time out */
        CW_USB_DO_STALL,      /* RECONNECT, endpoint halted                      */
        CW_USB_DO_GARBAGE,    /* IN: the answer is replaced by noise             */
        CW_USB_DO_SPLIT,      /* IN: the answer arrives one byte at a time       */
        CW_USB_DO_LOSE,       /* IN: the answer is read and thrown away, time out */
        CW_USB_DO_TAKEN,      /* the transfer passes, then gone, and nobody counted it */
};
struct cw_usb_fault_rule {
        enum cw_usb_fault_op op;
        unsigned nth; /* from 1 among the calls this rule is about; 0 = every one */
        enum cw_usb_fault_do what;
        size_t bytes;    /* for SHORT */
        size_t at_least; /* only OUT calls of this many bytes: 10000 = panels only */
};
#define CW_USB_FAULT_RULES_MAX 8
CW_WARN_UNUSED cw_rc cw_usb_fault_new(struct cw_usb *take_inner, const struct cw_usb_fault_rule *rules,
                                      size_t count, struct cw_usb **ret);
/* Calls of a kind seen so far. */
unsigned cw_usb_fault_calls(const struct cw_usb *u, enum cw_usb_fault_op op);
