/* SPDX-License-Identifier: Apache-2.0 */
/* The usbfs side: what the kernel would answer to the ioctls of libusb. */
#include "carrier_int.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/usbdevice_fs.h>

/*
 * poll() on a testbed node is always ready, so libusb would spin on REAPURBNDELAY. The first empty reap after
 * a submit or after a full one is answered at once, as the kernel does: that is the end of a turn of libusb,
 * or a look. One more is a program that waits, and is parked for a moment: short while bytes move, longer
 * when the bus has been idle, since a parked reap delays the next submit.
 */
enum { PARK_BUSY_NS = 1000 * 1000, PARK_IDLE_NS = 8 * 1000 * 1000, IDLE_AFTER_NS = 1000 * 1000 * 1000 };

#define FILE_KEY "emu-printer-file"

static struct usbdevfs_urb *raw(const struct emup_urb *u) {
        return (struct usbdevfs_urb *)(void *)u->data->data;
}

static void free_urb(struct emup_carrier *c, struct emup_urb *u) {
        c->urbs = g_list_remove(c->urbs, u);
        g_object_unref(u->data);
        g_free(u);
}

/*
 * The program closed the file or was killed: what the kernel does then. The base object's own signal for it
 * is never emitted, so this is the end of the client object. On the thread of the testbed.
 */
static void file_ended(gpointer file) {
        struct emup_file *f = file;
        struct emup_carrier *c = f->carrier;
        emup_carrier_lock(c);
        for (GList *l = c->urbs, *next; l; l = next) {
                struct emup_urb *u = l->data;
                next = l->next;
                if (u->owner == f)
                        free_urb(c, u);
        }
        if (c->claimed == f)
                c->claimed = NULL;
        c->files = g_list_remove(c->files, f);
        g_free(f);
        emup_carrier_unlock(c);
}

static struct emup_file *file_of(struct emup_carrier *c, UMockdevIoctlClient *client) {
        struct emup_file *f = g_object_get_data(G_OBJECT(client), FILE_KEY);
        if (f)
                return f;
        f = g_new0(struct emup_file, 1);
        f->carrier = c;
        f->generation = c->generation;
        g_object_set_data_full(G_OBJECT(client), FILE_KEY, f, file_ended);
        c->files = g_list_append(c->files, f);
        return f;
}

static bool alive(const struct emup_carrier *c, const struct emup_file *f) {
        return c->plugged && f->generation == c->generation;
}

static void complete(UMockdevIoctlClient *client, int error) {
        umockdev_ioctl_client_complete(client, error ? -1 : 0, error);
}

static void finish(struct emup_carrier *c, struct emup_urb *u, int status, size_t actual) {
        raw(u)->status = status;
        raw(u)->actual_length = (int)actual;
        u->done = true;
        c->busy_ns = emup_carrier_now_ns();
}

/* Hands one ended transfer of this file to the reap that asks; false when there is none. */
static bool answer_reap(struct emup_carrier *c, struct emup_file *f, UMockdevIoctlClient *client) {
        for (GList *l = c->urbs; l; l = l->next) {
                struct emup_urb *u = l->data;
                if (!u->done || u->owner != f)
                        continue;
                UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(client);
                UMockdevIoctlData *slot = umockdev_ioctl_data_resolve(arg, 0, sizeof(gpointer), NULL);
                if (slot) /* NULL: the program was killed in its reap */
                        umockdev_ioctl_data_set_ptr(slot, 0, u->data);
                complete(client, slot ? 0 : EFAULT);
                c->reaps++;
                f->looked = false;
                free_urb(c, u);
                return true;
        }
        if (alive(c, f))
                return false;
        complete(client, ENODEV);
        return true;
}

static void answer_parked(struct emup_carrier *c) {
        for (GList *l = c->files, *next; l; l = next) {
                struct emup_file *f = l->data;
                UMockdevIoctlClient *client = f->parked;
                next = l->next; /* the last reference to the client may go below */
                if (!client || !answer_reap(c, f, client))
                        continue;
                f->parked = NULL;
                g_object_unref(client);
        }
}

uint64_t emup_usbfs_expire(struct emup_carrier *c) {
        uint64_t now = emup_carrier_now_ns(), least = UINT64_MAX;
        for (GList *l = c->files, *next; l; l = next) {
                struct emup_file *f = l->data;
                next = l->next; /* the last reference to the client may go below */
                if (f->parked && now >= f->park_end_ns) {
                        complete(f->parked, EAGAIN);
                        g_clear_object(&f->parked);
                } else if (f->parked && f->park_end_ns < least) {
                        least = f->park_end_ns;
                }
        }
        return least;
}

static bool is_bulk(const struct emup_urb *u, bool in) {
        return raw(u)->type == USBDEVFS_URB_TYPE_BULK && ((raw(u)->endpoint & 0x80) != 0) == in;
}

static struct emup_urb *first_open(struct emup_carrier *c, bool in) {
        for (GList *l = c->urbs; l; l = l->next) {
                struct emup_urb *u = l->data;
                if (!u->done && is_bulk(u, in))
                        return u;
        }
        return NULL;
}

static void pump_out(struct emup_carrier *c) {
        struct emup_urb *u;
        while ((u = first_open(c, false))) {
                size_t len = (size_t)raw(u)->buffer_length;
                size_t n = len > u->offset
                               ? emup_model_write(c->model, u->buffer->data + u->offset, len - u->offset)
                               : 0;
                u->offset += n;
                if (u->offset < len)
                        return;
                finish(c, u, 0, len);
        }
}

static void pump_in(struct emup_carrier *c) {
        struct emup_urb *u;
        while ((u = first_open(c, true))) {
                size_t n =
                    u->buffer ? emup_model_read(c->model, u->buffer->data, (size_t)raw(u)->buffer_length) : 0;
                if (!n)
                        return;
                finish(c, u, 0, n);
        }
}

void emup_usbfs_kill(struct emup_carrier *c) {
        for (GList *l = c->urbs; l; l = l->next) {
                struct emup_urb *u = l->data;
                if (!u->done)
                        finish(c, u, -ENODEV, u->offset);
        }
        answer_parked(c);
}

void emup_usbfs_pump(struct emup_carrier *c) {
        uint32_t replug_ms = 0;
        if (c->plugged) {
                emup_model_tick(c->model);
                pump_out(c);
                pump_in(c);
                pump_out(c); /* a reply that was read may have been what the printer waited for */
        }
        enum emup_action action = emup_model_take_action(c->model, &replug_ms);
        if (action != EMUP_ACT_NONE && c->plugged) {
                c->plugged = false;
                c->unplug_due = true;
                c->power_cycle_due = action == EMUP_ACT_POWER_CYCLE;
                c->replug_ms = replug_ms;
                emup_usbfs_kill(c);
        }
        answer_parked(c);
}

static void *resolve(UMockdevIoctlData *arg, size_t size) {
        UMockdevIoctlData *d = umockdev_ioctl_data_resolve(arg, 0, size, NULL);
        return d ? d->data : NULL;
}

static int get_capabilities(UMockdevIoctlData *arg) {
        guint32 *caps = resolve(arg, sizeof *caps);
        if (!caps)
                return EFAULT;
        *caps = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_BULK_CONTINUATION | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                USBDEVFS_CAP_BULK_SCATTER_GATHER | USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
        return 0;
}

static int get_driver(const struct emup_carrier *c, UMockdevIoctlData *arg) {
        struct usbdevfs_getdriver *d = resolve(arg, sizeof *d);
        if (!d)
                return EFAULT;
        if (!c->usblp && !c->claimed)
                return ENODATA;
        (void)g_strlcpy(d->driver, c->usblp ? "usblp" : "usbfs", sizeof d->driver);
        return 0;
}

static int claim(struct emup_carrier *c, const struct emup_file *f) {
        if (c->usblp || (c->claimed && c->claimed != f))
                return EBUSY;
        c->claimed = f;
        return 0;
}

static int disconnect_claim(struct emup_carrier *c, const struct emup_file *f) {
        if (c->claimed && c->claimed != f)
                return EBUSY;
        c->usblp = false;
        return claim(c, f);
}

static int release(struct emup_carrier *c, const struct emup_file *f) {
        if (c->claimed != f)
                return EINVAL;
        c->claimed = NULL;
        return 0;
}

/* Attaching and detaching the kernel's printer driver. */
static int driver_ioctl(struct emup_carrier *c, UMockdevIoctlData *arg) {
        const struct usbdevfs_ioctl *d = resolve(arg, sizeof *d);
        if (!d)
                return EFAULT;
        if ((unsigned)d->ioctl_code == USBDEVFS_DISCONNECT) {
                if (!c->usblp)
                        return ENODATA;
                c->usblp = false;
                return 0;
        }
        if ((unsigned)d->ioctl_code != USBDEVFS_CONNECT)
                return ENOTTY;
        if (c->usblp || c->claimed)
                return EBUSY;
        c->usblp = true;
        return 0;
}

static int clear_halt(struct emup_carrier *c, UMockdevIoctlData *arg) {
        const unsigned *ep = resolve(arg, sizeof *ep);
        if (!ep)
                return EFAULT;
        if (*ep == EMUP_EP_IN)
                c->halted_in = false;
        else if (*ep == EMUP_EP_OUT)
                c->halted_out = false;
        else
                return ENOENT;
        return 0;
}

static int reset_device(struct emup_carrier *c) {
        c->halted_in = c->halted_out = false;
        emup_model_bus_reset(c->model);
        return 0;
}

static int discard(struct emup_carrier *c, const struct emup_file *f, UMockdevIoctlData *arg) {
        gulong address;
        memcpy(&address, arg->data, sizeof address);
        for (GList *l = c->urbs; l; l = l->next) {
                struct emup_urb *u = l->data;
                if (u->owner == f && u->address == address && !u->done) {
                        finish(c, u, -ENOENT, u->offset);
                        return 0;
                }
        }
        return EINVAL;
}

static void submit_control(struct emup_carrier *c, struct emup_urb *u) {
        const uint8_t *setup = u->buffer->data;
        size_t want = (size_t)setup[6] | (size_t)setup[7] << 8;
        if (raw(u)->buffer_length < 8 || want + 8 > (size_t)raw(u)->buffer_length) {
                finish(c, u, -EINVAL, 0);
                return;
        }
        int n = emup_usb_control(c->model, &c->cfg.strings, setup, u->buffer->data + 8);
        finish(c, u, n < 0 ? -EPIPE : 0, n < 0 ? 0 : (size_t)n);
}

static void submit_bulk(struct emup_carrier *c, struct emup_urb *u, bool in) {
        bool *halted = in ? &c->halted_in : &c->halted_out;
        if (c->claimed != u->owner)
                emup_violation(c->model, "bulk transfer without having claimed the interface");
        if (!*halted && emup_model_transfer_stalls(c->model, in)) {
                *halted = true;
                c->stalls++;
        }
        if (*halted)
                finish(c, u, -EPIPE, 0);
}

/* 0 or the errno of the submit; what happens on the bus is in the status of the transfer. */
static int submit(struct emup_carrier *c, struct emup_file *f, UMockdevIoctlData *arg) {
        UMockdevIoctlData *d = umockdev_ioctl_data_resolve(arg, 0, sizeof(struct usbdevfs_urb), NULL);
        if (!d)
                return EFAULT;
        const struct usbdevfs_urb *urb = (const struct usbdevfs_urb *)(const void *)d->data;
        bool control = urb->type == USBDEVFS_URB_TYPE_CONTROL, in = (urb->endpoint & 0x80) != 0;
        if (!control && urb->type != USBDEVFS_URB_TYPE_BULK)
                return EINVAL;
        if (!control && urb->endpoint != (in ? EMUP_EP_IN : EMUP_EP_OUT))
                return ENOENT;
        if (urb->buffer_length < 0 || (control && urb->buffer_length < 8))
                return EINVAL;
        UMockdevIoctlData *buffer = NULL;
        if (urb->buffer_length)
                buffer = umockdev_ioctl_data_resolve(d, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer),
                                                     (gsize)urb->buffer_length, NULL);
        if (urb->buffer_length && !buffer)
                return EFAULT; /* the program was killed while its memory was read */
        struct emup_urb *u = g_new0(struct emup_urb, 1);
        u->owner = f;
        u->address = d->client_addr;
        u->data = g_object_ref(d);
        u->buffer = buffer;
        c->urbs = g_list_append(c->urbs, u);
        c->submits++;
        f->looked = false;
        c->busy_ns = emup_carrier_now_ns();
        if (control)
                submit_control(c, u);
        else
                submit_bulk(c, u, in);
        return 0;
}

static void reap(struct emup_carrier *c, struct emup_file *f, UMockdevIoctlClient *client, bool blocking) {
        if (answer_reap(c, f, client))
                return;
        const bool first_look = !f->looked;
        f->looked = true;
        if (!blocking && first_look) {
                complete(client, EAGAIN);
                return;
        }
        if (f->parked) { /* two threads of one program: only one of them may wait */
                complete(client, EAGAIN);
                return;
        }
        uint64_t now = emup_carrier_now_ns(),
                 park = now - c->busy_ns > IDLE_AFTER_NS ? PARK_IDLE_NS : PARK_BUSY_NS;
        f->parked = g_object_ref(client);
        f->park_end_ns = blocking ? UINT64_MAX : now + park;
}

/* The answer of every ioctl but the reaps; -1 = not known here. */
static int serve(struct emup_carrier *c, struct emup_file *f, gulong request, UMockdevIoctlData *arg) {
        switch (request) {
        case USBDEVFS_GET_CAPABILITIES:
                return get_capabilities(arg);
        case USBDEVFS_GETDRIVER:
                return get_driver(c, arg);
        case USBDEVFS_CLAIMINTERFACE:
                return claim(c, f);
        case USBDEVFS_DISCONNECT_CLAIM:
                return disconnect_claim(c, f);
        case USBDEVFS_RELEASEINTERFACE:
                return release(c, f);
        case USBDEVFS_IOCTL:
                return driver_ioctl(c, arg);
        case USBDEVFS_SETCONFIGURATION:
        case USBDEVFS_SETINTERFACE:
                return c->usblp || (c->claimed && c->claimed != f) ? EBUSY : 0;
        case USBDEVFS_CLEAR_HALT:
        case USBDEVFS_RESETEP:
                return clear_halt(c, arg);
        case USBDEVFS_RESET:
                return reset_device(c);
        case USBDEVFS_SUBMITURB:
                return submit(c, f, arg);
        case USBDEVFS_DISCARDURB:
                return discard(c, f, arg);
        default:
                return -1;
        }
}

static gboolean ioctl_locked(struct emup_carrier *c, UMockdevIoctlClient *client) {
        gulong request = umockdev_ioctl_client_get_request(client);
        struct emup_file *f = file_of(c, client);
        if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY) {
                reap(c, f, client, request == USBDEVFS_REAPURB);
                return TRUE;
        }
        int error = alive(c, f) ? serve(c, f, request, umockdev_ioctl_client_get_arg(client)) : ENODEV;
        if (error < 0) {
                emup_violation(c->model, "usbfs ioctl %08lx is not known to this bus", request);
                error = ENOTTY;
        }
        complete(client, error);
        emup_usbfs_pump(c);
        return TRUE;
}

static void wake(struct emup_carrier *c) {
        uint64_t one = 1;
        (void)!write(c->wake_fd, &one, sizeof one);
}

gboolean emup_usbfs_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer carrier) {
        struct emup_carrier *c = carrier;
        (void)base;
        emup_carrier_lock(c);
        gboolean handled = ioctl_locked(c, client);
        emup_carrier_unlock(c);
        wake(c);
        return handled;
}
