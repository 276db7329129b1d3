/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/probe/probe.h"

#include "drivers/printer/common.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS 1000

static const struct {
        uint16_t vendor_id;
        const char *maker, *why;
} makers[] = {
    {0x09b0, "Fargo", "its language is not public"},
    {0x09c3, "HID", "its language is not public"},
    {0x0a27, "Entrust", "its language is not public"},
    {0x0a5f, "Zebra", "the form of its picture data is not public"},
    {0x09c2, "Nisca", "its language is not public"},
    {0x0d16, "HiTi", "its language is not public"},
    {0, "", "no driver knows its language"},
};

static size_t maker_of(const struct cw_printer *p) {
        size_t i = 0;
        while (makers[i].vendor_id && makers[i].vendor_id != p->usb->info.vendor_id)
                i++;
        return i;
}

static cw_rc cannot(const struct cw_printer *p, const char *op, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, op, "PRT_SETUP_ERROR",
                       "%s %s cannot be driven: %s; use a printer of the list", makers[maker_of(p)].maker,
                       p->info.model[0] ? p->info.model : "printer", makers[maker_of(p)].why);
}

static void probe_close(struct cw_printer *p) {
        cw_usb_close(p->usb);
        free(p);
}

static void identify(struct cw_printer *p, int64_t deadline_ns) {
        char id[CW_USB_DEVICE_ID_MAX] = "";
        struct cw_printer_info *info = &p->info;
        (void)snprintf(info->family, sizeof info->family, "probe");
        (void)snprintf(info->port, sizeof info->port, "%s", p->usb->info.port);
        (void)snprintf(info->serial, sizeof info->serial, "%s", p->usb->info.serial);
        info->maturity = CW_MATURITY_EXPERIMENTAL;
        if (cw_usb_device_id(p->usb, cw_printer_deadline(deadline_ns, LOOK_MS), id, sizeof id, NULL) != CW_OK)
                return;
        (void)cw_usb_device_id_get(id, "MDL", info->model, sizeof info->model);
        if (!info->serial[0])
                (void)cw_usb_device_id_get(id, "SN", info->serial, sizeof info->serial);
}

static cw_rc probe_open(struct cw_usb *take_usb, uint32_t quirks, int64_t deadline_ns,
                        struct cw_printer **ret, struct cw_fault *f) {
        (void)quirks; /* nothing can be switched */
        struct cw_printer *p = calloc(1, sizeof *p);
        if (!p) {
                cw_usb_close(take_usb);
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_NOMEM), 0, "probe.open", "",
                               "out of memory");
        }
        p->ops = &cw_probe_ops;
        p->usb = take_usb;
        identify(p, deadline_ns);
        *ret = p;
        return CW_OK;
}

static cw_rc port_status(struct cw_printer *p, int64_t deadline_ns, char *ret, size_t cap,
                         struct cw_fault *f) {
        uint8_t port = 0;
        cw_rc rc = cw_usb_port_status(p->usb, cw_printer_deadline(deadline_ns, LOOK_MS), &port, f);
        if (cw_rc_class(rc) == CW_C_RECONNECT && cw_usb_gone(p->usb))
                return rc;
        if (rc != CW_OK || port == 0)
                (void)snprintf(ret, cap, "the port status tells nothing");
        else
                (void)snprintf(ret, cap, "port %02X: %s%s%s", port,
                               port & CW_USB_PORT_NOT_ERROR ? "no error" : "error",
                               port & CW_USB_PORT_SELECTED ? ", ready" : ", busy",
                               port & CW_USB_PORT_PAPER_EMPTY ? ", out of cards or ribbon" : "");
        return CW_OK;
}

static cw_rc probe_status(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                          struct cw_fault *f) {
        struct cw_printer_status s = {.state = CW_PRINTER_NEEDS_OPERATOR,
                                      .code = "PRT_SETUP_ERROR",
                                      .where = CW_WHERE_UNKNOWN,
                                      .ribbon = {.remaining = -1, .capacity = -1},
                                      .counters = {-1, -1, -1, -1}};
        struct cw_fault why = {0};
        cw_rc rc = port_status(p, deadline_ns, s.vendor, sizeof s.vendor, f);
        if (rc != CW_OK)
                return rc;
        (void)cannot(p, "probe.status", &why);
        (void)snprintf(s.text, sizeof s.text, "%.150s", why.text);
        *ret = s;
        return CW_OK;
}

static cw_rc probe_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                         struct cw_printer_lines *ret, struct cw_fault *f) {
        char text[CW_PRINTER_TEXT_MAX];
        if (sheet != CW_SHEET_SENSORS)
                return CW_OK;
        cw_rc rc = port_status(p, deadline_ns, text, sizeof text, f);
        if (rc == CW_OK)
                cw_printer_put_text(ret, "port_status", text, "", false);
        return rc;
}

static cw_rc probe_baseline(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                            struct cw_fault *f) {
        (void)deadline_ns;
        (void)f;
        *ret = (struct cw_printer_baseline){.cards_fed = -1, .panels = -1, .ribbon_remaining = -1};
        (void)snprintf(ret->serial, sizeof ret->serial, "%s", p->info.serial);
        return CW_OK;
}

static cw_rc no_move(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                     struct cw_fault *f) {
        (void)deadline_ns;
        (void)ret;
        return cannot(p, "probe.move", f);
}

static cw_rc no_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                             struct cw_printer_effect *ret, struct cw_fault *f) {
        (void)tracks;
        return no_move(p, deadline_ns, ret, f);
}

static cw_rc no_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns, struct cw_secret **ret,
                            struct cw_fault *f) {
        (void)track;
        (void)deadline_ns;
        (void)ret;
        return cannot(p, "probe.stripe_read", f);
}

static cw_rc no_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                      struct cw_printer_effect *ret, struct cw_fault *f) {
        (void)panels;
        return no_move(p, deadline_ns, ret, f);
}

static cw_rc no_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                          struct cw_printer_effect *ret, struct cw_fault *f) {
        (void)kind;
        return no_move(p, deadline_ns, ret, f);
}

static cw_rc no_raw(struct cw_printer *p, const char *command, int64_t deadline_ns, char *ret, size_t cap,
                    struct cw_fault *f) {
        (void)command;
        (void)deadline_ns;
        (void)ret;
        (void)cap;
        return cannot(p, "probe.raw", f);
}

const struct cw_printer_ops cw_probe_ops = {
    .abi = CW_PRINTER_ABI,
    .family = "probe",
    .maturity = CW_MATURITY_EXPERIMENTAL,
    .vendor_id = 0,
    .open = probe_open,
    .close = probe_close,
    .status = probe_status,
    .baseline = probe_baseline,
    .feed = no_move,
    .to_contact = no_move,
    .stripe_write = no_stripe_write,
    .stripe_read = no_stripe_read,
    .print = no_print,
    .eject = no_move,
    .reject = no_move,
    .clean = no_move,
    .test_card = no_test_card,
    .no_settings = "this printer can only be looked at, its language is not public",
    .raw = no_raw,
    .sheet = probe_sheet,
};
